"""The lists a report hands to staff: CSV that a spreadsheet opens without executing anything, and
Parquet.
"""

import csv
import re
import unicodedata
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import ParametersError
from analysis.language import say
from analysis.storage import write_text, written_whole

#: Where lists lie, in the links of a notebook's outputs; a page puts its own folder there.
LISTS = "lists:"
#: All lists of a branch, beside its pages.
SPREADSHEET = "lists.xlsx"
#: Characters that end a row, or are not seen: of the categories control and separator of lines.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
FORMULA = "=+-@"


def harmless(value: object) -> object:
    """A text on one line that no spreadsheet takes for a formula: one that would be, also in
    full-width letters or behind what is not seen, gets an apostrophe before it (OWASP, CSV
    injection). Anything else as it is.
    """
    if not isinstance(value, str):
        return value
    text = UNSEEN.sub(" ", value)
    seen = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Zs"))
    return f"'{text}" if unicodedata.normalize("NFKC", seen[:1]) in (*FORMULA,) else text


def write_page(page: str, folder: Path, file: str) -> None:
    """A page beside the lists, written whole or not at all; `file` as `cases/<name>.html`."""
    if not re.fullmatch(r"[a-z0-9_]+/[A-Za-z0-9_-]+\.html", file):
        raise ParametersError(
            say("{file!r} cannot be the name of a page beside the lists.").format(file=file)
        )
    write_text(folder / file, page)


def write_list(rows: pd.DataFrame, folder: Path, name: str, table: pa.Table | None = None) -> None:
    """`rows` as `name`.csv and `name`.parquet in `folder`, each written whole or not at all.

    In the CSV everything that is not a number stands in quotes; the Parquet has the values as they
    are. table: the same rows with what is to be said of them, for the Parquet.
    """
    if not re.fullmatch(r"[a-z0-9_]+(/[A-Za-z0-9_-]+)?", name):
        raise ParametersError(
            say(
                "{name!r} cannot be the name of a list: lower-case letters, digits and _ only."
            ).format(name=name)
        )
    texts = rows.map(harmless).rename(columns=lambda c: str(harmless(c)))
    with written_whole(folder / f"{name}.csv") as part:
        # the mark lets spreadsheets see UTF-8
        texts.to_csv(part, index=False, encoding="utf-8-sig", quoting=csv.QUOTE_NONNUMERIC)
    with written_whole(folder / f"{name}.parquet") as part:
        if table is None:
            table = pa.Table.from_pandas(rows, preserve_index=False)
        pq.write_table(table, part)
