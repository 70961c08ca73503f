"""Marts and models of a bank as a report reads them: every reading is noted, so that the report
runs again when what it read has changed.
"""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import duckdb
import ibis
import pandas as pd
from ibis.backends.duckdb import Backend
from pydantic import BaseModel

from analysis.errors import MissingDataError, engine_says
from analysis.language import say
from analysis.quarters import Quarter
from analysis.sources.params import Bank
from analysis.steps.readings import mart_files, mart_reading, model_reading
from analysis.steps.working import read_model_file
from analysis.storage import rows_of

Shape = TypeVar("Shape", bound=BaseModel)
Query = Callable[[ibis.Table], ibis.Table]


class Noted:
    """Reads a bank's marts and models.

    What was read is in `readings` (see `analysis.steps.readings`), and written line by line to the
    file `log` when one is given.
    """

    def __init__(self, bank: Bank, log: Path | None = None) -> None:
        self.bank = bank
        self.readings: list[str] = []
        self._log = log

    def model(self, name: str, shape: type[Shape], quarter: Quarter | None = None) -> Shape:
        """A stored model of a quarter, or of the bank; raises MissingDataError without it, and
        where an earlier version wrote it.
        """
        self.note(model_reading(name, quarter))
        return read_model_file(self.bank.data_folder / model_reading(name, quarter), shape)

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
            return query(rows_of(self.engine, files)).to_pandas()
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise MissingDataError(
                say(
                    "A mart in {data_folder} cannot be read: {fault}. Run `workbook prepare "
                    "{path}` again."
                ).format(
                    data_folder=self.bank.data_folder, fault=engine_says(error), path=self.bank.path
                )
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
