"""What a run is asked for, checked once and before anything takes time."""

from dataclasses import dataclass, field
from functools import cached_property

from analysis.errors import ParametersError, not_one_of
from analysis.partition import ALL
from analysis.quarters import Quarter
from analysis.report import language as languages
from analysis.runs.catalogue import Report, chosen_reports, set_values
from analysis.runs.manifest import Parameter
from analysis.runs.task import Limits
from analysis.sources.params import Bank


@dataclass(frozen=True)
class Request:
    """Reports of a bank's quarter: which, for which branches, how.

    branches, reports: every one when none is named. settings: `name=value`. language: that of the
    params file unless given. force: those that are up to date too.
    """

    bank: Bank
    quarter: Quarter
    branches: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    language: str = ""
    force: bool = False
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        """Raises ParametersError naming the valid values, nearest first."""
        self.bank.check_quarter(self.quarter)
        if self.written_in not in languages.languages():
            valid = languages.languages()
            raise ParametersError(not_one_of("The language", self.written_in, valid))
        _ = self.values

    @property
    def written_in(self) -> str:
        """The language of the pages."""
        return self.language or self.bank.language

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
                raise ParametersError(not_one_of("The branch", branch, branches))
        return [
            (branch, kind)
            for branch in self.branches or branches
            for kind in self.kinds
            if branch == ALL or not kind.whole_bank_only
        ]
