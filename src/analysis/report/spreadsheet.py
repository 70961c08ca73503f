"""The lists of a branch in one spreadsheet: a sheet a list, heads and codes in words, identifiers
as text, the head frozen and with a filter. Nothing in it is a formula.
"""

import datetime as dt
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from analysis.language import say
from analysis.report.lists import harmless, list_title
from analysis.report.words import Words
from analysis.storage import written_whole

#: Where the words of a list stand, in the metadata of its Parquet file.
WORDS = b"workbook.words"
MOST_ROWS = 100_000  # of a sheet; all are in the CSV
MOST_CODES = 200  # different values of a column that may be codes
LONGEST_NAME = 31  # of a sheet
HOLDERS = (str, list, tuple, dict, np.ndarray)  # what pandas cannot say is empty, or is none
WIDEST, SAMPLE = 60, 200  # characters of a column, and rows it is measured by
#: Written into every file, so that the same lists give the same file.
MADE_AT = dt.datetime(2000, 1, 1)


def with_words(rows: pd.DataFrame, words: Words) -> pa.Table:
    """The rows as they are written, with the words of their heads and codes beside them."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    heads = {str(c): words.column(str(c)) for c in rows}
    codes = {str(c): _codes(rows[c], words) for c in rows}
    told = {"heads": heads, "codes": {c: known for c, known in codes.items() if known}}
    content = json.dumps(told, ensure_ascii=False).encode()
    return table.replace_schema_metadata({**(table.schema.metadata or {}), WORDS: content})


def _codes(values: pd.Series, words: Words) -> dict[str, str]:
    """The codes among the values of a column, in words."""
    texts = {v for v in values.dropna().unique()[: MOST_CODES + 1] if isinstance(v, str)}
    if len(texts) > MOST_CODES:
        return {}
    told = {v: words.code(v) for v in sorted(texts) if words.knows(v)}
    several = {v for v in texts - told.keys() if all(map(words.knows, v.split(" ")))}
    return told | {v: words.several(v) for v in sorted(several)}


def write_spreadsheet(folder: Path, path: Path, titles: Mapping[str, str]) -> int:
    """All lists below a branch's folder of tables as one spreadsheet; how many sheets it has. None
    is written, and one from before removed, where there is no list.

    titles: of the reports, by name.
    """
    single = [(f.parent.name, f.stem, [f]) for f in sorted(folder.glob("*/*.parquet"))]
    # lists that belong together, such as the evidence of each alert, share a sheet
    folders = sorted({f.parent for f in folder.glob("*/*/*.parquet")})
    together = [(f.parent.name, f.name, sorted(f.glob("*.parquet"))) for f in folders]
    sources = [
        (parts, f"{_short(titles.get(report, report))} {list_title(name)}")
        for report, name, parts in [*single, *together]
    ]
    if not sources:
        path.unlink(missing_ok=True)
        return 0
    with written_whole(path) as part:
        options = {"strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(str(part), {**options, "constant_memory": True}) as book:
            book.set_properties({"created": MADE_AT})
            names: set[str] = set()
            for parts, name in sources:
                _write_sheet(book, _sheet_name(name, names), parts)
    return len(sources)


def _short(title: str) -> str:
    """As much of a report's title as leaves room for the name of the list."""
    return title if len(title) <= 14 else f"{title[:13]}…"


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name that a spreadsheet allows, and that no other sheet has."""
    allowed = re.sub(r"[\[\]:*?/\\']", " ", name).replace("_", " ").strip()[:LONGEST_NAME]
    for number in range(1, 1000):
        tail = "" if number == 1 else f" {number}"
        candidate = f"{allowed[: LONGEST_NAME - len(tail)]}{tail}"
        if candidate.lower() not in taken:
            taken.add(candidate.lower())
            return candidate
    raise AssertionError("a thousand lists of one name")


def _write_sheet(book: xlsxwriter.Workbook, name: str, files: list[Path]) -> None:
    tables = [pq.read_table(f) for f in files]
    heads: dict[str, str] = {}
    codes: dict[str, dict[str, str]] = {}
    for table in tables:
        told = json.loads((table.schema.metadata or {}).get(WORDS, b"{}"))
        heads |= told.get("heads", {})
        for column, known in told.get("codes", {}).items():
            codes.setdefault(column, {}).update(known)
    rows = pd.concat([t.to_pandas() for t in tables], ignore_index=True)
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    text, day = (
        book.add_format({"num_format": "@"}),
        book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
    )
    shown = rows.head(MOST_ROWS)
    for place, column in enumerate(shown):
        texts = [heads.get(column, column), *shown[column].head(SAMPLE).dropna()]
        width = min(max(len(str(text)) for text in texts) + 2, WIDEST)
        sheet.set_column(place, place, width)
    for place, column in enumerate(shown):
        sheet.write_string(0, place, str(harmless(heads.get(column, column))), bold)
    columns = [codes.get(c, {}) for c in shown]
    for at, row in enumerate(shown.itertuples(index=False, name=None), 1):
        for place, value in enumerate(row):
            _write_cell(sheet, at, place, value, columns[place], text, day)
    sheet.freeze_panes(1, 0)
    if len(shown):
        sheet.autofilter(0, 0, len(shown), max(len(shown.columns) - 1, 0))
    if len(rows) > MOST_ROWS:
        note = say("The first {shown} of {all} rows; all are in the CSV.")
        note = note.format(shown=f"{MOST_ROWS:,}", all=f"{len(rows):,}")
        sheet.write_string(len(shown) + 2, 0, note)


def _write_cell(
    sheet: xlsxwriter.worksheet.Worksheet,
    row: int,
    column: int,
    value: object,
    codes: Mapping[str, str],
    text: object,
    day: object,
) -> None:
    """A value as what it is: texts are texts, whatever they look like."""
    if value is None or (not isinstance(value, HOLDERS) and pd.isna(value)):
        return
    if isinstance(value, (bool, np.bool_)):
        sheet.write_string(row, column, say("yes") if value else say("no"))
    elif isinstance(value, dt.date):
        at = pd.Timestamp(value).tz_localize(None)
        sheet.write_datetime(row, column, at.to_pydatetime(), day)
    elif isinstance(value, (int, float, np.number)) and np.isfinite(float(value)):
        sheet.write_number(row, column, round(float(value), 4))
    else:
        sheet.write_string(row, column, str(harmless(codes.get(str(value), str(value)))), text)
