"""The bank's CSV and Parquet files as relations of the embedded engine, each row with the file and
line it stood on.
"""

import codecs
import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ibis.backends.duckdb import Backend

from analysis.errors import SourceError
from analysis.sources.params import Bank
from analysis.storage import quoted

TEXT_FILES = (".csv", ".asc", ".txt", ".tsv")


@dataclass
class Relation:
    """A raw table of the bank: its columns, the files it was read from, and the lines that could
    not be split.
    """

    name: str
    columns: list[str]
    files: list[Path]
    rows: int = 0
    unreadable: list[tuple[str, int, str]] = field(default_factory=list)  # file, line, what it says


def source_files(bank: Bank) -> dict[str, list[Path]]:
    """The files of each raw table, by its name.

    Raises SourceError when the folder or a file named in the params file is missing.
    """
    folder = bank.place(bank.source.folder)
    if not folder.is_dir():
        raise SourceError(
            f"The source folder {folder} does not exist (source.folder in {bank.path.name})."
        )
    if bank.source.files:
        by_table = {}
        for name, pattern in bank.source.files.items():
            files = sorted(folder.glob(pattern))
            if not files:
                there = ", ".join(sorted(p.name for p in folder.iterdir())[:20]) or "nothing"
                raise SourceError(
                    f"The file {folder / pattern} (source.files.{name} in "
                    f"{bank.path.name}) does not exist. The folder holds: {there}."
                )
            by_table[name] = files
        return by_table
    by_table = {
        p.stem: [p]
        for p in sorted(folder.iterdir())
        if p.is_file() and p.suffix.lower() in (*TEXT_FILES, ".parquet")
    }
    for sub in sorted(p for p in folder.iterdir() if p.is_dir() and p.name != "truth"):
        if files := sorted(sub.rglob("*.parquet")):
            by_table[sub.name] = files
    return by_table


def open_relation(con: Backend, bank: Bank, name: str, files: list[Path]) -> Relation:
    """Make the raw table `name` in the engine, with `source_file` and `source_line` beside its own
    columns.

    CSV values stay text until the contract types them. `source_line` counts records, which are
    lines unless a quoted value contains a line break.
    """
    if files[0].suffix.lower() == ".parquet":
        paths = ", ".join(_quoted(str(p)) for p in files)
        con.raw_sql(
            f"CREATE OR REPLACE VIEW {_name(name)} AS SELECT * EXCLUDE (filename, "
            f"file_row_number), parse_filename(filename) AS source_file,"
            f" file_row_number + 1 AS source_line FROM read_parquet([{paths}], "
            f"filename=true, file_row_number=true, union_by_name=true, "
            f"hive_partitioning=false)"
        )
        columns = [c for c in con.table(name).columns if c not in ("source_file", "source_line")]
        return Relation(name, columns, files)
    relation = Relation(name, [], files)
    for number, file in enumerate(files):
        header = _header(bank, file)
        if number and header != relation.columns:
            raise SourceError(
                f"{file} has other columns than {files[0].name}: {', '.join(header)}."
            )
        relation.columns = header
        with _as_utf8(bank, file) as readable:
            _insert_csv(con, bank, relation, file, readable, first=number == 0)
    return relation


def _header(bank: Bank, file: Path) -> list[str]:
    try:
        with file.open(encoding=bank.source.csv.encoding, newline="") as stream:
            header = next(
                csv.reader(
                    stream,
                    delimiter=bank.source.csv.separator,
                    quotechar=bank.source.csv.quote or None,
                ),
                [],
            )
    except LookupError as error:
        raise SourceError(
            f"source.csv.encoding {bank.source.csv.encoding!r} is not an encoding that "
            f"Python knows."
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(_encoding_fault(bank, file, str(error))) from error
    if not header:
        raise SourceError(f"{file} is empty; a header line is needed.")
    names = [h.strip().lstrip("\ufeff") for h in header]
    if repeated := {n for n in names if names.count(n) > 1}:
        raise SourceError(f"{file} has the column {sorted(repeated)[0]!r} more than once.")
    return names


def _encoding_fault(bank: Bank, file: Path, detail: str) -> str:
    return (
        f"{file} is not written in {bank.source.csv.encoding} ({detail})."
        " Say how it is written in source.csv.encoding, for example gb18030, latin-1 or cp1250."
    )


@contextmanager
def _as_utf8(bank: Bank, file: Path) -> Iterator[Path]:
    """The file itself when it is UTF-8, else a temporary copy that is."""
    if codecs.lookup(bank.source.csv.encoding).name in ("utf-8", "ascii"):
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        try:
            with (
                file.open(encoding=bank.source.csv.encoding, newline="") as stream,
                copy.open("w", encoding="utf-8", newline="") as out,
            ):
                while block := stream.read(1 << 22):
                    out.write(block)
        except UnicodeDecodeError as error:
            raise SourceError(_encoding_fault(bank, file, str(error))) from error
        yield copy


def _insert_csv(
    con: Backend, bank: Bank, relation: Relation, file: Path, readable: Path, first: bool
) -> None:
    columns = "{" + ", ".join(f"{_quoted(c)}: 'VARCHAR'" for c in relation.columns) + "}"
    style = bank.source.csv
    for table in ("reject_errors", "reject_scans"):
        con.raw_sql(f"DROP TABLE IF EXISTS {table}")
    read = (
        f"SELECT *, {_quoted(file.name)} AS source_file, row_number() OVER () + 1 AS "
        f"source_line FROM read_csv({_quoted(str(readable))},"
        f" columns={columns}, auto_detect=false, header=true, "
        f"delim={_quoted(style.separator)}, quote={_quoted(style.quote)}, "
        f"escape={_quoted(style.quote)},"
        " store_rejects=true, rejects_limit=0)"
    )
    con.raw_sql(
        f"CREATE OR REPLACE TABLE {_name(relation.name)} AS {read}"
        if first
        else f"INSERT INTO {_name(relation.name)} {read}"
    )
    rejects = con.raw_sql(
        "SELECT line, error_type::VARCHAR, min(csv_line) FROM reject_errors GROUP BY ALL "
        "ORDER BY line"
    ).fetchall()
    by_line = {line: (kind, text.strip("\r\n")) for line, kind, text in rejects}
    if bad := [line for line, (kind, _) in by_line.items() if kind == "INVALID ENCODING"]:
        raise SourceError(_encoding_fault(bank, file, f"line {bad[0]:,} cannot be decoded"))
    relation.unreadable += [(file.name, line, text) for line, (_, text) in by_line.items()]
    relation.rows = con.raw_sql(f"SELECT count(*) FROM {_name(relation.name)}").fetchall()[0][0]
    _renumber_past(con, relation.name, file.name, sorted(by_line))


def _renumber_past(con: Backend, name: str, file: str, unreadable_lines: list[int]) -> None:
    """Numbers that counted only the readable lines, moved past the unreadable ones."""
    if unreadable_lines:
        moved = ", ".join(f"({line - before})" for before, line in enumerate(unreadable_lines))
        con.raw_sql(
            f"UPDATE {_name(name)} SET source_line = source_line + (SELECT count(*) FROM "
            f"(VALUES {moved}) AS unreadable(line) WHERE line <= source_line)"
            f" WHERE source_file = {_quoted(file)}"
        )


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return f"'{quoted(text)}'"
