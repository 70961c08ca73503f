"""A bank's text file as the engine can read it, with every record counted and numbered
independently of the engine.

Most files are read as they are: one kind of line end, UTF-8, no record over several lines. Where
the engine finds another number of rows than the file has lines, or the file is compressed or
written otherwise, it is read line by line into a copy, and what cannot be split into columns is
kept with its line. Quotes follow RFC 4180.
"""

import codecs
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from analysis.errors import SourceError
from analysis.language import say
from analysis.sources.params import Csv

COMPRESSED = (".gz", ".zip")
#: Lines of a record that is taken for one, and lines that are kept of those that are none.
LONGEST_RECORD, MOST_UNREADABLE = 10_000, 1_000_000
#: Characters of a value; the standard library stops at 131,072 unless told otherwise.
LONGEST_VALUE = 1 << 26
BLOCK = 1 << 22
#: What spreadsheets write on top to say which separator follows, and old systems at the end.
SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\s*$')
END_OF_FILE = "\x1a"
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Head:
    """What the first lines of a file say."""

    columns: list[str]
    separator: str
    lines: int  # up to and with the header


@dataclass
class Copied:
    """What came of reading a file line by line."""

    records: int = 0
    unreadable: list[tuple[int, str]] = field(default_factory=list)  # line, what it says


def head_of(style: Csv, file: Path, shown: str) -> Head:
    """The columns of a file, and the separator in force.

    shown: the file's name in messages. Raises SourceError where there is no header, a column stands
    twice, or the file is not written in the encoding.
    """
    with _opened(style, file, shown) as stream:
        line, lines, separator = stream.readline(), 1, style.separator
        if said := SEPARATOR_LINE.match(line.lstrip(BYTE_ORDER_MARK)):
            line, lines, separator = stream.readline(), 2, said[1]
    columns = next(csv.reader([line], delimiter=separator, quotechar=style.quote or None), [])
    columns = [c.strip().lstrip(BYTE_ORDER_MARK) for c in columns]
    if len(columns) > 1 and not columns[-1]:  # a separator at the end of every line
        columns.pop()
    if not any(columns):
        raise SourceError(say("{shown} is empty; a header line is needed.").format(shown=shown))
    if unnamed := [n for n, c in enumerate(columns, 1) if not c]:
        raise SourceError(
            say("{shown} has no name for column {n} in its header.").format(
                shown=shown, n=unnamed[0]
            )
        )
    refuse_alike(columns, shown)
    return Head(columns, separator, lines)


def refuse_alike(columns: list[str], shown: str) -> None:
    """Raises SourceError for columns that the engine cannot tell apart."""
    seen: dict[str, str] = {}
    for column in columns:
        if other := seen.get(column.lower()):
            told = (
                say("{file} has the column {column!r} more than once. Rename one of them.")
                if other == column
                else say(
                    "{file} has columns {other!r} and {column!r}, which differ in capitals only. "
                    "Rename one of them."
                )
            )
            raise SourceError(told.format(file=shown, column=column, other=other))
        seen[column.lower()] = column


def lines_if_plain(style: Csv, file: Path, head: Head) -> int | None:
    """The lines below the header of a file that the engine can read as it is; None for any
    other.
    """
    if (
        head.lines > 1
        or head.separator != style.separator
        or file.suffix.lower() in COMPRESSED
        or codecs.lookup(style.encoding).name not in ("utf-8", "ascii")
    ):
        return None
    ends, returns, both, last = 0, 0, 0, b"\n"
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            ends += block.count(b"\n")
            returns += block.count(b"\r")
            both += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
            last = block[-1:]
    if returns and not returns == both == ends:
        return None
    return ends + (last != b"\n") - head.lines


def copy_records(style: Csv, file: Path, shown: str, head: Head, out: TextIO) -> Copied:
    """Write the records of a file to `out`, each behind the number of the line it begins on and
    each ended by a line feed; those that cannot be split into the header's columns are kept apart.

    A record over several lines is taken for one unless there are rows within it: then a quote was
    never closed, and every line that was swallowed is kept apart. Raises SourceError where the file
    is not written in the encoding, or more than a million lines cannot be read.
    """
    copied, splitter = Copied(), _Splitter(head.separator, style.quote)
    quotes = {"quotechar": style.quote} if style.quote else {"quoting": csv.QUOTE_NONE}
    writer = csv.writer(out, delimiter=head.separator, lineterminator="\n", **quotes)
    wanted = len(head.columns)
    csv.field_size_limit(LONGEST_VALUE)
    with _opened(style, file, shown) as stream:
        for start, lines in _records(stream, splitter):
            if start <= head.lines:
                continue
            text = "".join(lines)
            columns = 0 if splitter.fault else splitter.columns
            if columns == wanted + 1 and text.endswith(head.separator):
                text, columns = text[: -len(head.separator)], wanted
            if columns != wanted or _has_rows_within(lines, wanted, head.separator, style.quote):
                copied.unreadable += [
                    (start + n, line.rstrip("\n")) for n, line in enumerate(lines) if line.strip()
                ]
            elif style.quote and style.quote in text:
                fields = csv.reader(io.StringIO(text), delimiter=head.separator, **quotes)
                writer.writerow([str(start), *next(fields)])
                copied.records += 1
            else:
                out.write(f"{start}{head.separator}{text}\n")
                copied.records += 1
            if len(copied.unreadable) > MOST_UNREADABLE:
                raise SourceError(
                    say(
                        "{shown}: more than {most:,} lines cannot be split into the header's "
                        "{wanted} columns (first: line {line:,}). Is source.csv as the file is "
                        "written?"
                    ).format(
                        shown=shown,
                        most=MOST_UNREADABLE,
                        wanted=wanted,
                        line=copied.unreadable[0][0],
                    )
                )
    return copied


def _records(stream: TextIO, splitter: "_Splitter") -> Iterator[tuple[int, list[str]]]:
    """The lines of each record with the number of its first; the splitter has seen them. The last
    one has no line feed.
    """
    lines: list[str] = []
    start = 0
    for number, line in enumerate(stream, 1):
        if not lines:
            if not line.strip().strip(END_OF_FILE):
                continue
            start = number
            splitter.begin()
        lines.append(line)
        if splitter.is_open_after(line) and len(lines) < LONGEST_RECORD:
            continue
        lines[-1] = line.rstrip("\n")
        yield start, lines
        lines = []
    if lines:
        lines[-1] = lines[-1].rstrip("\n")
        yield start, lines


class _Splitter:
    """Counts the columns of a record line by line."""

    def __init__(self, separator: str, quote: str) -> None:
        self.separator, self.quote = separator, quote
        self.begin()

    def begin(self) -> None:
        """Forget the record before."""
        self.columns = 1
        self.fault = ""  # "open" within quotes, "malformed" where something follows a closing one

    def is_open_after(self, line: str) -> bool:
        """Whether the record goes on behind this line."""
        line = line.rstrip("\n")
        if self.fault != "open" and (not self.quote or self.quote not in line):
            self.columns += line.count(self.separator)
            return False
        at = 0
        while True:
            if self.fault == "open" or line.startswith(self.quote, at):
                at = self._behind_quotes(line, at if self.fault == "open" else at + 1)
                if self.fault:
                    return self.fault == "open"
            at = line.find(self.separator, at)
            if at < 0:
                return False
            self.columns += 1
            at += len(self.separator)

    def _behind_quotes(self, line: str, at: int) -> int:
        """Where a value in quotes ends, of which `at` is within."""
        self.fault = "open"
        while (end := line.find(self.quote, at)) >= 0:
            at = end + 1
            if line.startswith(self.quote, at):  # a quote doubled stands for itself
                at += 1
                continue
            closed = at == len(line) or line.startswith(self.separator, at)
            self.fault = "" if closed else "malformed"
            return at
        return at


def _has_rows_within(lines: list[str], wanted: int, separator: str, quote: str) -> bool:
    """Whether a record over several lines has rows within it: a line with as many columns as the
    header that begins like the first one, or nothing but lines with so many.
    """
    if len(lines) == 1:
        return False
    alone = _Splitter(separator, quote)
    has_as_many, begins_alike = [], []
    for line in lines[1:]:
        alone.begin()
        alone.is_open_after(line)
        has_as_many.append(alone.columns == wanted > 1)
        begins_alike.append(_shape(line, separator) == _shape(lines[0], separator))
    within = has_as_many[:-1]
    return (len(within) > 1 and all(within)) or any(
        a and b for a, b in zip(has_as_many, begins_alike, strict=True)
    )


def _shape(line: str, separator: str) -> str:
    """The first column with every run of letters as a and of digits as 9."""
    first = line.split(separator, 1)[0]
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", first))


@contextmanager
def _opened(style: Csv, file: Path, shown: str) -> Iterator[TextIO]:
    """The file as text, unpacked, every kind of line end a line feed."""
    encoding = style.encoding
    try:
        if codecs.lookup(encoding).name == "utf-8":
            encoding = "utf-8-sig"
        with _unpacked(file, shown) as stream:
            yield io.TextIOWrapper(stream, encoding=encoding, newline=None)
    except UnicodeError as error:
        raise SourceError(
            say(
                "{shown} is not written in {encoding} ({error}). Say how it is written in "
                "source.csv.encoding, for example gb18030, latin-1 or cp1250."
            ).format(shown=shown, encoding=style.encoding, error=error)
        ) from error
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise SourceError(
            say("{shown} cannot be unpacked: {error}.").format(shown=shown, error=error)
        ) from error


@contextmanager
def _unpacked(file: Path, shown: str) -> Iterator[BinaryIO]:
    if file.suffix.lower() == ".gz":
        with gzip.open(file) as unpacked:
            yield cast(BinaryIO, unpacked)
    elif file.suffix.lower() == ".zip":
        with zipfile.ZipFile(file) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/")]
            if len(names) != 1:
                raise SourceError(
                    say("{shown} holds {n} files; one is needed.").format(shown=shown, n=len(names))
                )
            with archive.open(names[0]) as unpacked:
                yield cast(BinaryIO, unpacked)
    else:
        with file.open("rb") as stream:
            yield stream
