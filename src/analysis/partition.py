"""What a notebook stands on: the marts and models of one branch (or `ALL`) up to a quarter.

This opens and reads them and notes what was read; which tables there are stands in the `reads.py`
of each subject.
"""

import html
import json
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import duckdb
import ibis
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend
from pydantic import BaseModel

from analysis.contract import CONTRACT
from analysis.errors import MissingDataError, ParametersError, not_one_of
from analysis.quarters import Quarter
from analysis.report.language import say
from analysis.sources.params import Bank
from analysis.steps.graph import Node
from analysis.steps.keeping import Keeper
from analysis.steps.readings import COUNTS, mart_files, mart_reading, model_reading
from analysis.steps.working import read_model_file

ALL = "ALL"
#: Rows of ALL read into memory; beyond that a sample chosen by the hash of the identifier.
MOST_ROWS = 200_000
MARTS_OF_A_QUARTER = "account_quarter"  # built of every quarter that was prepared

Shape = TypeVar("Shape", bound=BaseModel)
Query = Callable[[ibis.Table], ibis.Table]


class Partition:
    """One branch and quarter of a bank. Subclasses add tables, each read on first use.

    What was read is in `readings` (see `analysis.steps.readings`), and written line by line to the
    file `log` when one is given. Raises MissingDataError before anything was prepared, and
    ParametersError naming the valid quarters or branches.
    """

    #: The attributes that are tables, for the summary.
    tables: tuple[str, ...] = ()

    def __init__(self, bank: Bank, branch: str, quarter: Quarter, log: Path | None = None) -> None:
        self.bank, self.branch, self.quarter = bank, branch, quarter
        self.readings: list[str] = []
        self._log = log
        prepared = prepared_quarters(bank)
        if not prepared:
            raise MissingDataError(
                f"There are no marts in {bank.data_folder}. Run `workbook prepare {bank.path}` "
                "first."
            )
        if quarter not in bank.all_quarters or str(quarter) not in prepared:
            raise ParametersError(not_one_of("The quarter", str(quarter), prepared))
        if branch != ALL and branch not in set(self.branches["branch_id"]):
            valid = [ALL, *self.branches["branch_id"]]
            raise ParametersError(not_one_of("The branch", branch, valid))

    @cached_property
    def branches(self) -> pd.DataFrame:
        """branch_id, name, region of every branch."""
        self.note("contract/branches.parquet")
        path = self.bank.data_folder / "contract" / "branches.parquet"
        return pd.read_parquet(path).sort_values("branch_id", ignore_index=True)

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

    @cached_property
    def delivered(self) -> set[str]:
        """The contract's tables that the bank delivers."""
        self.note(COUNTS)
        folder = self.bank.data_folder / "contract"
        return {name for name in CONTRACT if (folder / f"{name}.json").exists()}

    def missing_for(self, *steps: str) -> list[str]:
        """The tables that the bank does not deliver and without which steps were left out."""
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
        folder = self.bank.data_folder / "contract"
        records = [
            json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in CONTRACT
            if name in self.delivered
        ]
        columns = ["table", "rows", "rows_set_aside", "newest", "late"]
        counts = pd.DataFrame([{c: r[c] for c in columns} for r in records], columns=columns)
        return counts.rename(columns={"rows_set_aside": "set_aside"})

    def model(self, name: str, shape: type[Shape], quarter: Quarter | None = None) -> Shape:
        """A stored model of a quarter, or of the bank; raises MissingDataError without it."""
        self.note(model_reading(name, quarter))
        return read_model(self.bank, name, shape, quarter)

    def mart(self, name: str, quarter: Quarter, branch: str | None = None) -> list[str]:
        """The files of a mart, of one quarter and branch when given."""
        self.note(mart_reading(name, quarter, branch))
        return mart_files(self.bank.data_folder, name, quarter, branch)

    def marts(self, name: str, quarters: list[Quarter], branch: str | None = None) -> list[str]:
        """The files of a mart in several quarters."""
        return [f for quarter in quarters for f in self.mart(name, quarter, branch)]

    def read(self, files: list[str], query: Query) -> pd.DataFrame:
        """What a query gives of the rows in the files; empty without any file."""
        if not files:
            return pd.DataFrame()
        try:
            return query(self.engine.read_parquet(files, hive_partitioning=False)).to_pandas()
        except duckdb.IOException as error:
            raise MissingDataError(
                f"A mart in {self.bank.data_folder} cannot be read: {error}. Run `workbook prepare "
                f"{self.bank.path}` again."
            ) from error

    def note(self, reading: str) -> None:
        """Note that something was read, so that the report runs again when it changes."""
        if reading not in self.readings:
            self.readings.append(reading)
            if self._log:
                with self._log.open("a", encoding="utf-8") as stream:
                    stream.write(reading + "\n")

    @cached_property
    def engine(self) -> Backend:
        """An engine in memory for reading marts."""
        threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        engine = ibis.duckdb.connect(threads=threads)
        engine.raw_sql(f"SET memory_limit = '{self.bank.engine.memory}'")
        return engine

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


def in_order_of_hash(column: str) -> Query:
    """At most `MOST_ROWS` rows, chosen by the hash of a column."""
    return lambda rows: rows.order_by([rows[column].hash(), rows[column]]).limit(MOST_ROWS)


def prepared_quarters(bank: Bank) -> list[str]:
    """The quarters that the bank was prepared for, in order."""
    folder = bank.data_folder / "steps" / MARTS_OF_A_QUARTER
    return sorted(path.stem for path in folder.glob("*.json"))


def read_model(bank: Bank, name: str, shape: type[Shape], quarter: Quarter | None = None) -> Shape:
    """A stored model of a quarter, or of the bank; raises MissingDataError without it, and where an
    earlier version wrote it.
    """
    return read_model_file(bank.data_folder / model_reading(name, quarter), shape)
