"""The bank's CSV and Parquet files as relations of the embedded engine, each row with the file and
line it stood on.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from ibis.backends.duckdb import Backend

from analysis.errors import SourceError, engine_says
from analysis.language import listed, say, sentences
from analysis.sources.params import Bank
from analysis.sources.text_files import (
    COMPRESSED,
    Head,
    copy_records,
    head_of,
    lines_if_plain,
    refuse_alike,
)
from analysis.storage import literal_path, quoted

TEXT_FILES = (".csv", ".asc", ".txt", ".tsv")
#: Columns of a raw table that say where a row came from. A bank's own column of the name
#: source_line is left to it.
RAW_ORIGIN = ("workbook__file", "workbook__line")
#: Types that the engine reads and the expressions on it do not know, and as what they are read.
READ_AS = {"TIMESTAMPTZ_NS": "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE_NS": "TIMESTAMPTZ"}
#: A name that the engine keeps for itself in Parquet files.
ROW_NUMBER = "file_row_number"


@dataclass
class Relation:
    """A raw table of the bank: its columns, the files it was read from, and the lines that could
    not be split.
    """

    name: str
    columns: list[str]
    files: list[Path]
    unreadable: list[tuple[str, int, str]] = field(default_factory=list)  # file, line, what it says


def source_files(bank: Bank) -> dict[str, list[Path]]:
    """The files of each raw table, by its name.

    Raises SourceError when the folder or a file named in the params file is missing, or two would
    be the same table.
    """
    folder = bank.place(bank.source.folder)
    if not folder.is_dir():
        raise SourceError(
            say("The source folder {folder} does not exist (source.folder in {path}).").format(
                folder=folder, path=bank.path.name
            )
        )
    if bank.source.files:
        return {
            name: _named_files(bank, folder, name, pattern)
            for name, pattern in bank.source.files.items()
        }
    places: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        files = _readable_in(path) if path.is_dir() and path.name != "truth" else [path]
        if files and all(_kind(f) for f in files):
            name = path.name if path.is_dir() else _stem(path)
            places.setdefault(name.lower(), []).append(path)
    for beside in places.values():
        if len(beside) > 1:
            raise SourceError(
                say(
                    "{files} in {folder} would be the same table. Keep one, or name the right one "
                    "under source.files in {path}."
                ).format(files=listed(p.name for p in beside), folder=folder, path=bank.path.name)
            )
    return {
        (path.name if path.is_dir() else _stem(path)): _one_kind(_readable_in(path) or [path])
        for (path,) in places.values()
    }


def _named_files(bank: Bank, folder: Path, name: str, pattern: str) -> list[Path]:
    """The files that source.files names: one of that very name, those in a folder of that name, or
    those that fit the pattern.
    """
    said = say("source.files.{name} in {path}").format(name=name, path=bank.path.name)
    if not pattern.strip():
        raise SourceError(
            say("{said} is empty; it has to name a file or a folder.").format(said=said)
        )
    path = folder / pattern
    if path.is_file():
        return _one_kind([path], said)
    if path.is_dir():
        files = _readable_in(path)
    elif Path(pattern).is_absolute():
        files = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    else:
        files = sorted(folder.glob(pattern))
    files = [f for f in files if f.is_file()]
    if not files:
        there = listed(sorted(p.name for p in folder.iterdir())[:20]) or say("nothing")
        raise SourceError(
            say("The file {path} ({said}) does not exist. The folder holds: {there}.").format(
                path=path, said=said, there=there
            )
        )
    return _one_kind(files, said)


def _stem(path: Path) -> str:
    """The name without its ending, and without the one that says how it is packed."""
    return Path(path.stem).stem if path.suffix.lower() in COMPRESSED else path.stem


def _kind(path: Path) -> str:
    """text or parquet; empty for a file that is neither."""
    if not path.is_file() or path.name.startswith("."):
        return ""
    if path.suffix.lower() == ".parquet":
        return "parquet"
    inner = Path(path.stem) if path.suffix.lower() in COMPRESSED else path
    packed_alone = path.suffix.lower() == ".zip" and not inner.suffix
    return "text" if inner.suffix.lower() in TEXT_FILES or packed_alone else ""


def _readable_in(folder: Path) -> list[Path]:
    """The files of a folder, and of folders within it, that make one table."""
    return sorted(f for f in folder.rglob("*") if _kind(f)) if folder.is_dir() else []


def _one_kind(files: list[Path], said: str = "") -> list[Path]:
    kinds = {_kind(f) == "parquet" for f in files}
    if len(kinds) > 1:
        raise SourceError(
            say(
                "{said} holds Parquet and text files side by side ({first}, {last}). Keep one kind."
            ).format(said=said or files[0].parent, first=files[0].name, last=files[-1].name)
        )
    return files


def shown_path(bank: Bank, file: Path) -> str:
    """A file's path within the source folder, by which it is known; the whole path of one that
    lies elsewhere.
    """
    folder = bank.place(bank.source.folder)
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)


def open_relation(con: Backend, bank: Bank, name: str, files: list[Path]) -> Relation:
    """Make the raw table `name` in the engine, with RAW_ORIGIN beside its own columns.

    Values of text files stay text until the contract types them; a line's number is that of the
    file. Raises SourceError for files that cannot be read, or have not the same columns.
    """
    if _kind(files[0]) == "parquet":
        return _open_parquet(con, bank, name, files)
    relation = Relation(name, [], files)
    for number, file in enumerate(files):
        head = head_of(bank.source.csv, file, str(file))
        if number:
            _refuse_other_columns(file, head.columns, files[0], relation.columns)
        else:
            relation.columns = head.columns
            columns = ", ".join(f"{_name(c)} VARCHAR" for c in head.columns)
            con.raw_sql(
                f"CREATE OR REPLACE TABLE {_name(name)} ({columns}, {RAW_ORIGIN[0]} VARCHAR, "
                f"{RAW_ORIGIN[1]} BIGINT)"
            )
        _insert_text(con, bank, relation, file, head)
    return relation


def _refuse_other_columns(
    file: Path, columns: Iterable[str], first: Path, wanted: Iterable[str]
) -> None:
    more, less = set(columns) - set(wanted), set(wanted) - set(columns)
    if more or less:
        told = say("{file} has other columns than {first}.").format(file=file, first=first.name)
        if more:
            told = sentences(
                told, say("Only here: {columns}.").format(columns=listed(sorted(more)))
            )
        if less:
            told = sentences(
                told, say("Only there: {columns}.").format(columns=listed(sorted(less)))
            )
        raise SourceError(told)


def _insert_text(con: Backend, bank: Bank, relation: Relation, file: Path, head: Head) -> None:
    """The rows of a text file, read as it is where that gives as many rows as the file has lines,
    else from a copy of its records.
    """
    style, shown = bank.source.csv, shown_path(bank, file)
    lines = lines_if_plain(style, file, head)
    if lines is not None:
        con.raw_sql("BEGIN")
        if _insert_csv(con, bank, relation, file, head, shown, numbered=False) == lines:
            con.raw_sql("COMMIT")
            return
        con.raw_sql("ROLLBACK")
    # a name that is removed with what killed commands left
    with tempfile.TemporaryDirectory(prefix=".records.", dir=bank.data_folder) as folder:
        copy = Path(folder) / "records.csv"
        with copy.open("w", encoding="utf-8", newline="") as out:
            copied = copy_records(style, file, str(file), head, out)
        relation.unreadable += [(shown, line, text) for line, text in copied.unreadable]
        rows = _insert_csv(con, bank, relation, copy, head, shown, numbered=True)
    if rows != copied.records:
        raise SourceError(
            say("{file} has {records:,} rows, of which {rows:,} could be read.").format(
                file=file, records=copied.records, rows=rows
            )
        )


def _insert_csv(
    con: Backend,
    bank: Bank,
    relation: Relation,
    readable: Path,
    head: Head,
    shown: str,
    numbered: bool,
) -> int:
    """Insert the rows of a file in UTF-8 and return how many; where they are not `numbered` in a
    first column they have no header line before them, else they are lines in order.
    """
    number = [RAW_ORIGIN[1]] if numbered else []
    columns = ", ".join(f"'{quoted(c)}': 'VARCHAR'" for c in [*number, *head.columns])
    line = f"{RAW_ORIGIN[1]}::BIGINT" if numbered else "row_number() OVER () + 1"
    quote = quoted(bank.source.csv.quote)
    own = ", ".join(_name(c) for c in head.columns)
    statement = (
        f"INSERT INTO {_name(relation.name)} BY NAME SELECT {own}, '{quoted(shown)}' AS "
        f"{RAW_ORIGIN[0]}, {line} AS {RAW_ORIGIN[1]} FROM "
        f"read_csv('{quoted(literal_path(readable))}', columns={{{columns}}}, auto_detect=false, "
        f"header={'false' if numbered else 'true'}, delim='{quoted(head.separator)}', "
        f"quote='{quote}', escape='{quote}', ignore_errors=true)"
    )
    try:
        return int(con.raw_sql(statement).fetchall()[0][0])
    except duckdb.Error as error:
        if not numbered:
            return -1  # read line by line instead, which finds out what is the matter
        raise SourceError(
            say("{shown} cannot be read: {fault}").format(shown=shown, fault=engine_says(error))
        ) from error


def _open_parquet(con: Backend, bank: Bank, name: str, files: list[Path]) -> Relation:
    paths = ", ".join(f"'{quoted(literal_path(f))}'" for f in files)
    folder = bank.place(bank.source.folder)
    types = _parquet_columns(con, files[0])
    refuse_alike(list(types), str(files[0]))
    if ROW_NUMBER in types:
        raise SourceError(
            say(
                "{file} has a column {column!r}, a name that the engine keeps for itself. "
                "Rename it."
            ).format(file=files[0], column=ROW_NUMBER)
        )
    for file in files[1:]:
        _refuse_other_columns(file, _parquet_columns(con, file), files[0], types)
    recast = [f"{_name(c)}::{READ_AS[t]} AS {_name(c)}" for c, t in types.items() if t in READ_AS]
    replaced = f" REPLACE ({', '.join(recast)})" if recast else ""
    inside = len(str(folder)) + 2 if files[0].is_relative_to(folder) else 1
    con.raw_sql(
        f"CREATE OR REPLACE VIEW {_name(name)} AS SELECT * EXCLUDE ({RAW_ORIGIN[0]}, "
        f"{ROW_NUMBER}){replaced}, replace({RAW_ORIGIN[0]}[{inside}:], '{quoted(os.sep)}', '/') "
        f"AS {RAW_ORIGIN[0]}, {ROW_NUMBER} + 1 AS {RAW_ORIGIN[1]} FROM read_parquet([{paths}], "
        f"filename='{RAW_ORIGIN[0]}', file_row_number=true, union_by_name=true, "
        f"hive_partitioning=false, binary_as_string=true)"
    )
    return Relation(name, list(types), files)


def _parquet_columns(con: Backend, file: Path) -> dict[str, str]:
    """The columns of a Parquet file with their types in the engine."""
    try:
        described = con.raw_sql(
            f"DESCRIBE SELECT * FROM read_parquet('{quoted(literal_path(file))}', "
            "hive_partitioning=false, binary_as_string=true)"
        ).fetchall()
    except duckdb.Error as error:
        raise SourceError(
            say("{file} cannot be read: {fault}").format(file=file, fault=engine_says(error))
        ) from error
    return {row[0]: row[1] for row in described}


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
