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
from analysis.language import marked, say
from analysis.report.frame import isolated
from analysis.storage import write_text, written_whole

#: Where lists lie, in the links of a notebook's outputs; a page puts its own folder there.
LISTS = "lists:"
#: All lists of a branch, beside its pages.
SPREADSHEET = "lists.xlsx"
#: Characters that end a row, turn a text around, or are not seen: of the categories control and
#: separator of lines, and the marks of direction.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
FORMULA = "=+-@"


#: What lists are called; any other is called by its name.
TITLES = {
    "customers_by_group": marked("Customers by group"),
    "moved": marked("Who changed group"),
    "events_to_act_on": marked("Events to act on"),
    "save_list": marked("Customers to call so that they stay"),
    "weaknesses": marked("Weaknesses"),
    "changes": marked("Changes of the index"),
    "against_other_branches": marked("Against other branches"),
    "rules": marked("What goes with how customers feel"),
    "alerts": marked("Alerts", "title of a list"),
    "holds": marked("Applications to hold"),
    "evidence": marked("Evidence"),
    "thresholds": marked("Other thresholds"),
    "history": marked("All alerts so far"),
    "campaigns": marked("Campaigns"),
    "leads": marked("Offers to make"),
    "considered": marked("All offers considered"),
    "lookalikes": marked("Potential customers to call"),
    "untouched": marked("What nobody touched"),
    "to_review": marked("Records to look at"),
    "held_back": marked("Groups of records held back"),
    "merged": marked("Records taken for one customer"),
    "key_changes": marked("What happened to keys of customers"),
    "fix_list": marked("Rows to mend"),
    "unusual_days": marked("Unusual days"),
    "storage": marked("What keeping the data takes"),
    "not_counted": marked("Follow-ups that are not counted"),
}


def list_title(name: str) -> str:
    """What a list is called for the reader; one of several in a folder as the folder, and its own
    name.
    """
    folder, _slash, one = name.partition("/")
    known = TITLES.get(folder)
    title = say(known) if known else folder
    return say("{title}, {one}", "of a list").format(title=title, one=one) if one else title


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
    write_text(folder / file, isolated(page))


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
