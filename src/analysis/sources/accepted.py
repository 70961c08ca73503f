"""What was accepted of a bank's tables, and the record that says of what and how.

Rows lie in `<data>/contract/<table>.parquet` (of transactions by quarter), records beside them.
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from analysis.contract import CONTRACT, Table
from analysis.quarters import Quarter
from analysis.sources.params import Bank
from analysis.storage import KeptFile, damage_of, kept_files, make_way, write_json


@dataclass
class Verdict:
    """What became of one table of the contract."""

    table: str
    delivered: bool = True
    rows: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)  # rule to rows
    rows_set_aside: int = 0
    emptied: dict[str, int] = field(default_factory=dict)  # rule to values left out of rows kept
    # column to values that were a word for nothing
    empty_words: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)  # a sentence for each rule broken
    missing_columns: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)  # of the files it is read from
    drift: str = ""  # which of these came or went since the last time, in a sentence
    newest: str = ""
    late: bool = False
    reused: bool = False
    damage: str = ""  # what was wrong with the rows accepted before, which is why they are new
    fingerprint: str = ""
    parts: dict[str, str] = field(default_factory=dict)  # quarter to fingerprint, of transactions

    @property
    def accepted(self) -> int:
        """Rows that keep the contract."""
        return self.rows - self.rows_set_aside


class Accepted(BaseModel):
    """The record of a table: what it was accepted from, what became of it, and the files left.

    It is void before a file of it is touched, and written when all are in place.
    """

    key: str
    files: dict[str, KeptFile]  # by path within the bank's data folder
    verdict: Verdict

    def damage(self, bank: Bank) -> str:
        """What is wrong with the files that were left, in a few words."""
        return damage_of(bank.data_folder, self.files, _files_of(bank, self.verdict.table))


def stored(bank: Bank, table: Table) -> Accepted | None:
    """The record of a table; None where there is none that this version can read."""
    try:
        text = record_path(bank, table.name).read_text(encoding="utf-8")
        return Accepted.model_validate_json(text)
    except (OSError, ValueError):
        return None


def keep_record(bank: Bank, key: str, verdict: Verdict) -> None:
    """Write the record of a table whose files are in place."""
    files = kept_files(bank.data_folder, _files_of(bank, verdict.table))
    record = Accepted(key=key, files=files, verdict=verdict)
    write_json(make_way(record_path(bank, verdict.table)), record.model_dump(mode="json"))


def record_path(bank: Bank, table: str) -> Path:
    """Where the record of a table lies."""
    return bank.data_folder / "contract" / f"{table}.json"


def _files_of(bank: Bank, table: str) -> list[Path]:
    """Every file that is kept of a table's rows, accepted or not."""
    quarantine = bank.data_folder / "quarantine"
    beside = [quarantine / f"{table}.parquet", quarantine / f"{table}_values.parquet"]
    accepted = accepted_path(bank, table)
    parts = sorted(accepted.rglob("*")) if table == "transactions" else [accepted]
    return [path for path in [*parts, *beside] if path.is_file()]


def stored_verdicts(bank: Bank) -> dict[str, Verdict]:
    """What became of every table when the bank's rows were last accepted, read from the records."""
    records = {table.name: stored(bank, table) for table in CONTRACT.values()}
    return {
        name: record.verdict if record else Verdict(name, delivered=False)
        for name, record in records.items()
    }


def forget(bank: Bank, table: Table) -> None:
    """Remove what was accepted of a table that is no longer delivered; its record first."""
    for path in [record_path(bank, table.name), *_files_of(bank, table.name)]:
        path.unlink(missing_ok=True)


def accepted_path(bank: Bank, table: str) -> Path:
    """Where the accepted rows of a table are: a file, or of transactions a folder."""
    name = table if table == "transactions" else f"{table}.parquet"
    return bank.data_folder / "contract" / name


def accepted_files(bank: Bank, table: str, quarters: list[Quarter] | None = None) -> list[Path]:
    """The files of a table's accepted rows; of transactions those of the quarters, or all."""
    if table != "transactions":
        return [path] if (path := accepted_path(bank, table)).exists() else []
    folder = accepted_path(bank, table)
    names = [f"quarter={q}" for q in quarters] if quarters is not None else ["*"]
    files = [f for name in names for f in sorted(folder.glob(f"{name}/*.parquet"))]
    return files or sorted(folder.glob("*/*.parquet"))[:1]  # one that holds none of the quarters
