"""What a run is asked for, checked once and before anything takes time."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from analysis.errors import ParametersError, not_one_of
from analysis.language import languages, say
from analysis.partition import ALL
from analysis.quarters import Quarter
from analysis.runs.catalogue import Report, chosen_reports, set_values
from analysis.runs.manifest import Parameter
from analysis.runs.task import Limits
from analysis.sources.params import Bank


@dataclass(frozen=True)
class Request:
    """Reports of a bank's quarter: which, for which branches, how.

    branches, reports: every one when none is named. settings: `name=value`. language: of the pages;
    the first of the params file unless given. beside: the languages that the quarter's pages are
    written in, this one among them; those of the params file unless given. force: those that are up
    to date too.
    """

    bank: Bank
    quarter: Quarter
    branches: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    language: str = ""
    beside: tuple[str, ...] = ()
    force: bool = False
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        """Raises ParametersError naming the valid values, nearest first."""
        self.bank.check_quarter(self.quarter)
        for language in (self.written_in, *self.languages):
            if language not in languages():
                raise ParametersError(not_one_of(say("The language"), language, languages()))
        _ = self.values

    @property
    def written_in(self) -> str:
        """The language of the pages."""
        return self.language or self.languages[0]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the quarter's pages are written in, the one asked for among them."""
        several = self.beside or self.bank.languages
        return several if not self.language or self.language in several else (self.language,)

    @property
    def folders(self) -> dict[str, str]:
        """Language to the name of the folder its pages lie in."""
        first, *others = self.languages
        return {first: str(self.quarter)} | {o: f"{self.quarter}.{o}" for o in others}

    @property
    def folder(self) -> Path:
        """Where the pages asked for lie."""
        return self.bank.output_folder / self.folders[self.written_in]

    @cached_property
    def kinds(self) -> list[Report]:
        """The reports asked for; one of the whole bank that is named is refused for branches."""
        return chosen_reports(self.bank, list(self.reports), list(self.branches))

    @cached_property
    def values(self) -> dict[str, dict[str, Parameter]]:
        """The checked parameters of each report."""
        return set_values(self.kinds, list(self.settings))

    def pairs(self, branches: list[str]) -> list[tuple[str, Report]]:
        """Branch and report of everything to be run, of the bank's branches or those asked for."""
        for branch in self.branches:
            if branch not in branches:
                raise ParametersError(not_one_of(say("The branch"), branch, branches))
        return [
            (branch, kind)
            for branch in self.branches or branches
            for kind in self.kinds
            if branch == ALL or not kind.whole_bank_only
        ]
