"""What a notebook stands on: the marts and models of one branch (or `ALL`) up to a quarter.

How they are read and noted stands in `noted.py`; which tables there are, in the `reads.py` of each
subject.
"""

import html
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import pandas as pd
from ibis import _

from analysis.contract import CONTRACT
from analysis.errors import MissingDataError, ParametersError, not_one_of
from analysis.language import say
from analysis.noted import Noted, Query
from analysis.quarters import Quarter
from analysis.sources.accepted import stored_verdicts
from analysis.sources.params import Bank
from analysis.steps.graph import Node
from analysis.steps.keeping import Keeper
from analysis.steps.readings import COUNTS

ALL = "ALL"
#: Rows of ALL read into memory; beyond that a sample chosen by the hash of the identifier.
MOST_ROWS = 200_000
#: What tells one count of a table from another.
COUNTED_BY = ("branch_id", "quarter", "customer_type", "first", "second")
MARTS_OF_A_QUARTER = "account_quarter"  # built of every quarter that was prepared


class Partition(Noted):
    """One branch and quarter of a bank. Subclasses add tables, each read on first use.

    Raises MissingDataError before anything was prepared, and
    ParametersError naming the valid quarters or branches.
    """

    #: The attributes that are tables, for the summary.
    tables: tuple[str, ...] = ()

    def __init__(self, bank: Bank, branch: str, quarter: Quarter, log: Path | None = None) -> None:
        super().__init__(bank, log)
        self.branch, self.quarter = branch, quarter
        self._withheld: dict[bool, pd.DataFrame] = {}
        prepared = prepared_quarters(bank)
        if not prepared:
            raise MissingDataError(
                say(
                    "There are no marts in {data_folder}. Run `workbook prepare {path}` first."
                ).format(data_folder=bank.data_folder, path=bank.path)
            )
        if quarter not in bank.all_quarters or str(quarter) not in prepared:
            raise ParametersError(not_one_of(say("The quarter"), str(quarter), prepared))
        if branch != ALL and branch not in set(self.branches["branch_id"]):
            valid = [ALL, *self.branches["branch_id"]]
            raise ParametersError(not_one_of(say("The branch"), branch, valid))

    @cached_property
    def branches(self) -> pd.DataFrame:
        """branch_id, name, region of every branch."""
        self.note("contract/branches.parquet")
        path = self.bank.data_folder / "contract" / "branches.parquet"
        return pd.read_parquet(path).sort_values("branch_id", ignore_index=True)

    @property
    def regions(self) -> dict[str, str]:
        """Branch to its region; empty where the bank names none."""
        if "region" not in self.branches:
            return {}
        regions = self.branches.set_index("branch_id")["region"].dropna()
        return {str(branch): str(region) for branch, region in regions.items()}

    @property
    def branch_name(self) -> str:
        """The branch's name as the bank writes it."""
        if self.branch == ALL:
            return say("The whole bank")
        return str(self.branches.set_index("branch_id").loc[self.branch, "name"])

    @property
    def quarters(self) -> list[Quarter]:
        """The quarters up to this one, in order."""
        return list(self.bank.quarters.first.through(self.quarter))

    @property
    def own_branch(self) -> str | None:
        """The branch whose rows are read; None for those of all."""
        return None if self.branch == ALL else self.branch

    def not_shown(self, table: str, branches: bool = False) -> pd.DataFrame:
        """Which counts of a table no page shows, in every quarter so far: the columns `COUNTED_BY`;
        of this branch, or of all branches and the bank where asked.

        What the tables are, and what first and second stand for, is in
        `analysis.disclosure.counts`.
        """
        if branches not in self._withheld:
            files = self.marts("withheld", self.quarters, None if branches else self.branch)
            self._withheld[branches] = self.read(files, lambda rows: rows)
        cells = self._withheld[branches]
        if cells.empty:
            return pd.DataFrame(columns=list(COUNTED_BY))
        return cells.loc[cells["table"] == table, list(COUNTED_BY)]

    def hides(self, table: str) -> bool:
        """Whether no page shows a count of the table in this quarter; for tables of one count a
        branch, such as the customers, or of few.
        """
        return str(self.quarter) in set(self.not_shown(table)["quarter"])

    @cached_property
    def customer_count(self) -> int:
        """All customers of the partition in the quarter."""
        counted = self.read(
            self.mart("customer_segment", self.quarter, self.own_branch),
            lambda rows: rows.aggregate(customers=_.count()),
        )
        return int(counted["customers"].sum()) if len(counted) else 0

    @property
    def sampled(self) -> bool:
        """Whether what is read of customers is a sample."""
        return self.customer_count > MOST_ROWS

    def missing_for(self, *steps: str) -> list[str]:
        """The tables without which steps were left out: the bank does not deliver them, or no row
        of them could be accepted.
        """
        self.note(COUNTS)
        keeper = Keeper(self.bank.data_folder)
        records = [keeper.record(Node(name, self.quarter)) for name in steps]
        missing = {name for record in records if record for name in record.missing}
        return sorted(missing & CONTRACT.keys())

    def quarantine_counts(self) -> pd.DataFrame:
        """What became of the rows of each table delivered.

        table: its name. rows, set_aside: rows delivered, and those that broke a rule.
        newest: the day of the newest row. late: whether that is later than the contract allows.
        """
        self.note(COUNTS)
        columns = ["table", "rows", "rows_set_aside", "newest", "late"]
        verdicts = [v for v in stored_verdicts(self.bank).values() if v.delivered]
        rows = [{c: getattr(v, c) for c in columns} for v in verdicts]
        counts = pd.DataFrame(rows, columns=columns)
        return counts.rename(columns={"rows_set_aside": "set_aside"})

    def _repr_html_(self) -> str:
        lines = []
        for name in self.tables:
            table = getattr(self, name)
            columns = html.escape(", ".join(map(str, table.columns)))
            lines.append(
                f"<tr><td><code>.{name}</code></td><td>{len(table):,}</td><td>{columns}</td></tr>"
            )
        branch = f"<b>{html.escape(self.branch_name)}</b> ({html.escape(self.branch)})"
        heads = "<tr><th>table</th><th>rows</th><th>columns</th></tr>"
        return f"<p>{branch}, {self.quarter}</p><table>{heads}{''.join(lines)}</table>"

    def __repr__(self) -> str:
        return f"Partition({self.branch}, {self.quarter}: {self.customer_count:,} customers)"


def flagged(
    counts: pd.DataFrame, not_shown: pd.DataFrame, name: str, columns: Mapping[str, str]
) -> pd.DataFrame:
    """The counts with a column that is true where no page shows them.

    not_shown: as from `Partition.not_shown`. columns: those of `COUNTED_BY` that tell the counts
    apart, and how they are called there.
    """
    if counts.empty or not_shown.empty:
        return counts.assign(**{name: False})
    cells = pd.MultiIndex.from_frame(not_shown[list(columns)].astype(str))
    own = pd.MultiIndex.from_frame(counts[list(columns.values())].astype(str))
    return counts.assign(**{name: own.isin(cells)})


def in_order_of_hash(column: str) -> Query:
    """At most `MOST_ROWS` rows, chosen by the hash of a column."""
    return lambda rows: rows.order_by([rows[column].hash(), rows[column]]).limit(MOST_ROWS)


def prepared_quarters(bank: Bank) -> list[str]:
    """The quarters that the bank was prepared for, in order."""
    folder = bank.data_folder / "steps" / MARTS_OF_A_QUARTER
    return sorted(path.stem for path in folder.glob("*.json"))
