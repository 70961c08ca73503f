"""A finished table as the reader sees it; its template escapes every text (a test holds it to
that).
"""

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from unicodedata import east_asian_width

import pandas as pd
from jinja2 import Environment, FileSystemLoader, Template

from analysis.language import MINUS, say, sentences, with_currency
from analysis.report.stylesheet import TEMPLATE
from analysis.report.words import SHARED, Words

NUMBERS = {
    "count": "{:,.0f}",
    "money": "{:,.0f}",
    "number": "{:,.2f}",
    "score": "{:,.1f}",
    "small": "{:,.4f}",
    "share": "{:.1%}",
    "points": "{:+.2f}",
    "p": "{:.3f}",
}
KINDS = ("text", "code", "date", *NUMBERS)
LONG = 30  # letters wide; a longer text gets a wide column, so that sentences do not become columns


def table(
    rows: pd.DataFrame,
    title: str,
    kinds: Mapping[str, str],
    empty: str = "",
    note: str = "",
    most: int = 60,
    words: Words = SHARED,
) -> "Table":
    """A table of the columns named in `kinds`, in that order, each formatted as its kind: one of
    KINDS. A `code` is shown in the reader's words, a `text` as the data has it. A number's kind may
    name the columns of its interval, as in `"share [share_low, share_high]"`: it is then written as
    27.6 % (25.0 % to 30.4 %).

    `empty` is said when there are no rows, `note` stands below the table. At most `most` rows are
    shown, and it says so. `words` are those of the subject, for heads and codes.
    """
    if unknown := [k for k in kinds.values() if _parts(k)[0] not in KINDS]:
        raise ValueError(f"{unknown[0]!r} is not a kind of column; there are {', '.join(KINDS)}.")
    return Table(rows, title, kinds, empty or say("Nothing to show."), note, most, words)


class Table:
    """See `table`."""

    def __init__(
        self,
        rows: pd.DataFrame,
        title: str,
        kinds: Mapping[str, str],
        empty: str,
        note: str,
        most: int,
        words: Words,
    ) -> None:
        self.title, self.note = title, note
        if len(rows) > most:
            cut = say(
                "The first {shown} of {all} rows; all are in the list delivered with the report."
            )
            self.note = sentences(note, cut.format(shown=most, all=f"{len(rows):,}"))
        shown = rows.head(most)
        self.rows = (
            pd.DataFrame({c: _column(shown, c, kind, words) for c, kind in kinds.items()})
            if len(rows)
            else pd.DataFrame()
        )
        self.labels = [
            with_currency(words.column(c)) if _parts(kind)[0] == "money" else words.column(c)
            for c, kind in kinds.items()
        ]
        sides = {"text": "left", "code": "left", "date": "date"}
        self.sides = [sides.get(kind, "right") for kind in kinds.values()]
        self.empty = empty

    def __repr__(self) -> str:
        body = (
            self.rows.set_axis(self.labels, axis=1).to_string(index=False)
            if len(self.rows)
            else self.empty
        )
        return "\n".join(filter(None, [self.title, body, self.note]))

    def html(self) -> str:
        """The table as markup; a sentence where it has no rows."""
        if self.rows.empty:
            title = f"<strong>{escape(self.title)}</strong>"
            return f'<p class="empty">{title}<br>{escape(self.empty)}</p>'
        cells = self.rows.itertuples(index=False, name=None)
        return _markup().render(
            title=self.title,
            heads=list(zip(self.labels, self.sides, strict=True)),
            rows=[zip(row, self.sides, strict=True) for row in cells],
            note=self.note,
            is_long=is_long,
        )

    _repr_html_ = html


def is_long(text: str) -> bool:
    """Whether a text wants a wide column; Chinese letters are two Latin ones wide."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text) > LONG


@cache
def environment() -> Environment:
    """What makes markup of the templates: every text is escaped."""
    return Environment(
        loader=FileSystemLoader(TEMPLATE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _markup() -> Template:
    return environment().get_template("table.html.j2")


def number(value: float, kind: str) -> str:
    """A number as its kind, one of NUMBERS, is written."""
    return NUMBERS[kind].format(float(value)).replace("-", MINUS)


def with_interval(value: str, low: str, high: str) -> str:
    """A number with its interval, all as they are written."""
    signed = any(end.startswith((MINUS, "+")) for end in (low, high))
    template = (
        say("{value} ({low} to {high})", "ends with a sign")
        if signed
        else say("{value} ({low} to {high})")
    )
    return template.format(value=value, low=low, high=high)


def _parts(kind: str) -> list[str]:
    """The kind, and the two columns of its interval where it names them."""
    return re.split(r"[\[\], ]+", kind.rstrip("]"))


def _column(rows: pd.DataFrame, column: str, kind: str, words: Words) -> list[str]:
    plain, *interval = _parts(kind)
    values = [_written(v, plain, words) for v in rows[column]]
    if not interval:
        return values
    low, high = ([_written(v, plain, words) for v in rows[c]] for c in interval)
    return [
        v
        if v == "–" or a == "–"
        else with_interval(v, a, b)
        .replace(" ", "\N{NO-BREAK SPACE}")
        .replace("\N{NO-BREAK SPACE}(", " (")
        .replace("—", "\N{WORD JOINER}—\N{WORD JOINER}")
        for v, a, b in zip(values, low, high, strict=True)
    ]


def _written(value: object, kind: str, words: Words) -> str:
    if value is None or value is pd.NaT or (not isinstance(value, str) and pd.isna(value)):
        return "–"
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if kind == "p" and float(value) < 0.001:  # type: ignore[arg-type]
        return "< 0.001"
    if kind in NUMBERS:
        return number(value, kind)  # type: ignore[arg-type]
    if kind == "date":
        return str(value)[:10]
    if kind == "code":
        return words.code(str(value))
    return f"{value:.4g}".replace("-", MINUS) if isinstance(value, float) else str(value)
