"""A bank as a data scientist opens it: by name, from any folder."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import ParametersError, not_one_of
from analysis.language import say
from analysis.partition import ALL, Partition
from analysis.prepare import prepare_if_needed
from analysis.quarters import Quarter
from analysis.sources.params import Bank, read_params
from analysis.storage import PACKAGE

if TYPE_CHECKING:
    from analysis.tables import Tables

FOLDER = "params"


class Loaded:
    """A bank whose branches are opened by key: `bank["B001"]`, `bank["B001", "2024Q3"]`."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    @classmethod
    def of(cls, bank: str) -> "Loaded":
        """The bank of a params file, named or by path; see `analysis.load`."""
        return cls(read_params(_params_file(bank)))

    @cached_property
    def branches(self) -> list[str]:
        """The identifiers of the branches, and ALL."""
        quarter = self.bank.quarters.last
        prepare_if_needed(self.bank, quarter)
        return [ALL, *Partition(self.bank, ALL, quarter).branches["branch_id"]]

    @property
    def quarters(self) -> list[str]:
        """The quarters of the bank."""
        return [str(quarter) for quarter in self.bank.all_quarters]

    def __getitem__(self, key: str | tuple[str, str]) -> "Tables":
        from analysis.tables import Tables

        branch, quarter = key if isinstance(key, tuple) else (key, str(self.bank.quarters.last))
        wanted = Quarter.parse(quarter)
        prepare_if_needed(self.bank, wanted)
        return Tables(self.bank, branch, wanted)

    def _ipython_key_completions_(self) -> list[str]:
        return self.branches

    def __repr__(self) -> str:
        branches = ", ".join(self.branches[:12]) + (" …" if len(self.branches) > 12 else "")
        return f"{self.bank.title}: {branches}; {self.quarters[0]} to {self.quarters[-1]}"


def _params_file(bank: str) -> Path:
    """The params file of a bank: a path, or a name looked for in `params` of this folder, of the
    folders above, and of the workbook itself.
    """
    if bank.endswith((".yml", ".yaml")):
        return Path(bank)
    here = Path.cwd()
    folders = [place / FOLDER for place in (here, *here.parents, PACKAGE.parents[1])]
    for folder in folders:
        if (path := folder / f"{bank}.yml").exists():
            return path
    there = {path.stem for folder in folders for path in folder.glob("*.yml")}
    raise ParametersError(not_one_of(say("The bank"), bank, sorted(there)))
