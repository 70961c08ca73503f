"""What a subject tells management: three sentences, a few figures over time, and what to act on.
Every subject hands out the same small result, so that its page, the overview, the index and the
e-mail show it without knowing the subject.
"""

import html
import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Annotated, Literal

import pandas as pd
from jinja2 import Template
from pydantic import BeforeValidator, Field

from analysis.language import amount, listed, money, say, sentences, with_currency
from analysis.report.lists import SPREADSHEET, list_title
from analysis.report.table import environment, number, with_interval
from analysis.shape import Shape
from analysis.statistics.comparison import LEAST_CHANCE, Estimate, difference, p_value
from analysis.statistics.intervals import corrected_for_any

#: The output of a notebook that holds a brief.
BRIEF = "application/vnd.workbook.brief+json"
#: And one that says why a report has nothing to say, in a sentence.
NOT_EXAMINED = "application/vnd.workbook.not-examined+json"
MOST_ROWS = 10
NONE = "0"  # no difference
PREVIOUS, YEAR_AGO = "previous_quarter", "year_ago"
#: The size of a line over the quarters, in pixels.
WIDTH, HEIGHT, EDGE = 120, 32, 3


class Point(Shape):
    """A figure in one quarter; without a value where no page shows it."""

    quarter: str
    value: float | None = None
    low: float | None = None  # 95 % interval
    high: float | None = None
    n: float | None = None  # what it is made of: customers, answers


class Change(Shape):
    """A figure less what it was before."""

    against: Literal["previous_quarter", "year_ago"]
    difference: float
    low: float | None = None  # 95 % interval
    high: float | None = None
    p: float | None = None  # not corrected; None where it was not tested by itself
    certain: bool = False  # whether it could hardly be chance, corrected for what was compared


class KeyFigure(Shape):
    """A figure over the quarters, the last of which is the report's."""

    label: str
    kind: Literal["count", "money", "number", "score", "share"]
    points: list[Point] = Field(min_length=1)
    changes: list[Change] = []
    currency: str = ""  # of an amount
    better: Literal["up", "down", ""] = ""  # which way is good for the bank, where one is

    @property
    def now(self) -> Point:
        """The quarter reported on."""
        return self.points[-1]

    def change(self, against: str) -> Change | None:
        """Against the quarter before or a year ago; None where that cannot be told."""
        return next((c for c in self.changes if c.against == against), None)


#: Money, or nothing where it is not known.
Amount = Annotated[
    float | None,
    BeforeValidator(lambda v: None if isinstance(v, float) and not math.isfinite(v) else v),
]


class ToDo(Shape):
    """One row to act on."""

    what: str  # an identifier, or a dimension or group in words
    why: str = ""
    action: str = ""
    who: str = ""  # is to do it
    at_stake: Amount = None  # money, in the bank's currency
    file: str = ""  # among the lists, that shows more
    days: int | None = None  # for which it has waited


class Part(Shape):
    """A part of a change; the parts add up to the change."""

    name: str
    value: float


class Explained(Shape):
    """A change of a figure divided into parts that add up to it."""

    label: str
    kind: str
    before: float
    now: float
    parts: list[Part]


class Brief(Shape):
    """See the module."""

    changed: str  # what changed, against last quarter and last year, as tested
    why: str
    to_do: str
    figures: list[KeyFigure] = []
    explained: Explained | None = None
    rows: list[ToDo] = []
    rows_title: str = ""
    rows_of: str = ""  # what a row is, as the head of its column
    rows_amount: str = ""  # what the money of a row is, as the head of its column
    rows_note: str = ""  # what is to be known of them, such as what is at stake
    beyond: list[str] = []  # other findings beyond chance, each in a sentence
    delivered: str = ""  # the name of the list that holds all such rows
    sums_up: bool = False  # whether its rows are those of other subjects
    waiting: dict[str, dict[str, int]] = {}  # what is open, by how long it has waited, in words
    currency: str = ""

    def __repr__(self) -> str:
        figures = [f"{f.label}: {in_words(f)}" for f in self.figures]
        rows = [f"{r.what}: {r.action}" for r in self.rows]
        return "\n".join([*self.sentences, *figures, *rows])

    @property
    def sentences(self) -> list[str]:
        """What changed, why, and what to do now."""
        return [s for s in (self.changed, self.why, self.to_do) if s]

    @property
    def told(self) -> str:
        """The sentences in one paragraph."""
        return sentences(*self.sentences)

    @property
    def shown_figures(self) -> list[tuple[KeyFigure, str, list[str], str]]:
        """The figures with value, changes and line over the quarters."""
        return [(f, in_words(f), changes_in_words(f), sparkline(f)) for f in self.figures]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, object]:
        return {
            "text/plain": repr(self),
            "text/html": brief_html(self),
            BRIEF: self.model_dump_json(),
        }


def brief_html(brief: Brief, lists: str = "") -> str:
    """The brief as it opens a page; every text is escaped.

    lists: the folder of the lists, as seen from the page; no links without.
    """
    columns = _columns(brief)
    return _markup().render(
        brief=brief,
        sentences=[
            (say("What changed"), brief.changed),
            (say("Why"), brief.why),
            (say("What to do now"), brief.to_do),
        ],
        figures=brief.shown_figures,
        explained=parts_in_words(brief.explained) if brief.explained else [],
        heads=[(brief.rows_of, "left"), *[(head, side) for head, side, _cells in columns]],
        rows=[
            (row, [(cells[place], side) for _head, side, cells in columns])
            for place, row in enumerate(brief.rows)
        ],
        lists=lists,
        spreadsheet=SPREADSHEET,
        words={
            "all_rows": say("All of them: {name}, as CSV").format(name=list_title(brief.delivered)),
            "none": say("Nothing to act on."),
            "spreadsheet": say("all lists in one spreadsheet"),
            "figures": say("Key figures"),
            "explained": _explained_label(brief),
        },
    )


def _explained_label(brief: Brief) -> str:
    """What the change that is divided is of, with the currency of an amount."""
    told = brief.explained
    if told is None:
        return ""
    return with_currency(told.label, brief.currency) if told.kind == "money" else told.label


def _columns(brief: Brief) -> list[tuple[str, str, list[str]]]:
    """The columns beside the first of the rows to act on that hold anything: head, side, cells."""
    amounts = with_currency(brief.rows_amount or say("At stake"), brief.currency)
    columns = [
        (say("Why"), "left", [r.why for r in brief.rows]),
        (say("What to do"), "left", [r.action for r in brief.rows]),
        (say("Who"), "left", [r.who for r in brief.rows]),
        (
            amounts,
            "right",
            ["" if r.at_stake is None else number(r.at_stake, "money") for r in brief.rows],
        ),
        (say("Days open"), "right", ["" if r.days is None else f"{r.days:,}" for r in brief.rows]),
    ]
    return [column for column in columns if any(column[2])]


def points(
    table: pd.DataFrame,
    quarters: Sequence[str],
    value: str,
    low: str = "",
    high: str = "",
    n: str = "",
) -> list[Point]:
    """A table's figure in each of the quarters, empty where the table has none.

    table: a row a quarter, with the columns quarter and those named.
    """
    by_quarter = table.drop_duplicates("quarter").set_index("quarter") if len(table) else table
    shown = []
    for quarter in quarters:
        columns = {"value": value, "low": low, "high": high, "n": n}
        row = by_quarter.loc[quarter] if quarter in by_quarter.index else {}
        shown.append(
            Point(quarter=quarter, **{k: _finite(row.get(c)) for k, c in columns.items() if c})
        )
    return shown


def changes(quarters: Sequence[Point]) -> list[Change]:
    """The last quarter against the one before and that of a year ago, where both have a value. What
    has intervals is tested, corrected for both comparisons (Holm 1979); a count is only compared.
    """
    now = quarters[-1]
    earlier = {PREVIOUS: quarters[-2:-1], YEAR_AGO: quarters[-5:-4]}
    compared: list[Change] = []
    p_values = []
    for against, points_then in earlier.items():
        for then in points_then:
            a, b = _estimate(now), _estimate(then)
            if a and b:
                d, low, high = difference(a, b)
                compared.append(Change(against=against, difference=d, low=low, high=high))
                p_values.append(p_value(a, b))
            elif now.value is not None and then.value is not None:
                compared.append(Change(against=against, difference=now.value - then.value))
                p_values.append(float("nan"))
    certain = corrected_for_any(pd.Series(p_values, dtype=float)) < LEAST_CHANCE
    return [
        c.model_copy(update={"certain": bool(sure), "p": None if math.isnan(p) else p})
        for c, sure, p in zip(compared, certain, p_values, strict=True)
    ]


def _estimate(point: Point) -> Estimate | None:
    if point.value is None or point.low is None or point.high is None:
        return None
    return point.value, point.low, point.high


def change_in_words(figure: KeyFigure) -> str:
    """The figure and how it changed, in a sentence; that it is not shown, where it is not."""
    told = changes_in_words(figure)
    template = {
        0: say("{label}: {value}."),
        1: say("{label}: {value}; {first}."),
        2: say("{label}: {value}; {first}, and {second}."),
    }[len(told)]
    first, second = [*told, "", ""][:2]
    return template.format(label=figure.label, value=in_words(figure), first=first, second=second)


def _finite(value: object) -> float | None:
    if value is None or pd.isna(value):
        return None
    finite = float(value)  # type: ignore[arg-type]
    return finite if math.isfinite(finite) else None


def in_words(figure: KeyFigure) -> str:
    """The figure of the quarter with its interval and unit."""
    now = figure.now
    if now.value is None:
        return say("not shown")
    text = in_prose(now.value, figure.kind, figure.currency)
    if now.low is not None and now.high is not None:
        text = with_interval(text, in_prose(now.low, figure.kind), in_prose(now.high, figure.kind))
    return text


def in_prose(value: float, kind: str, currency: str = "") -> str:
    """A number as a sentence has it: amounts as the reader's language groups digits, with the
    currency where it is given.
    """
    if kind != "money":
        return number(value, kind)
    return money(value, currency) if currency else amount(value)


def changes_in_words(figure: KeyFigure) -> list[str]:
    """How much the figure changed, against each quarter that it is compared with."""
    templates = {
        (PREVIOUS, True): say("{change} since last quarter, more than chance lets expect"),
        (PREVIOUS, False): say("{change} since last quarter, which may be chance"),
        (YEAR_AGO, True): say("{change} in a year, more than chance lets expect"),
        (YEAR_AGO, False): say("{change} in a year, which may be chance"),
    }
    none = {PREVIOUS: say("no change since last quarter"), YEAR_AGO: say("no change in a year")}
    counted = {PREVIOUS: say("{change} since last quarter"), YEAR_AGO: say("{change} in a year")}
    told = []
    for c in figure.changes:
        change = difference_in_words(c.difference, figure.kind, figure.currency)
        if change == NONE:
            told.append(none[c.against])
            continue
        template = counted[c.against] if c.low is None else templates[c.against, c.certain]
        told.append(template.format(change=change))
    return told


def difference_in_words(
    difference: float, kind: str, currency: str = "", in_full: bool = False
) -> str:
    """A difference with its sign, of shares in percentage points; 0 where there is none to be
    seen. in_full: amounts to the last digit.
    """
    points = f"{100 * abs(difference):.1f}"
    if kind == "share":
        text = points
    elif in_full:
        text = number(abs(difference), kind).lstrip("+")
    else:
        text = in_prose(abs(difference), kind, currency).lstrip("+")
    if not re.search("[1-9]", text):
        return NONE
    signed = ("+" if difference > 0 else "−") + text
    return say("{points} points").format(points=signed) if kind == "share" else signed


def finding(figure: KeyFigure) -> str:
    """What was found of a figure, as the title of a chart: whether it changed, as tested."""
    if figure.now.value is None:
        return say("{label}: not shown this quarter").format(label=figure.label)
    certain = [c for c in figure.changes if c.certain]
    if certain:
        template = {
            PREVIOUS: say("{label}: {change} since last quarter, beyond chance"),
            YEAR_AGO: say("{label}: {change} in a year, beyond chance"),
        }[certain[0].against]
        change = difference_in_words(certain[0].difference, figure.kind, figure.currency)
        return template.format(label=figure.label, change=change)
    if not figure.changes:
        return say("{label}: no earlier quarter to compare with").format(label=figure.label)
    return say("{label}: no change beyond chance").format(label=figure.label)


def parts_in_words(explained: Explained) -> list[tuple[str, str]]:
    """What was before, each part, and what is now; rounded so that they add up as printed: the
    largest part takes what rounding leaves over.
    """
    digits = {"share": 3, "score": 1, "number": 2}.get(explained.kind, 0)
    before, now = round(explained.before, digits), round(explained.now, digits)
    values = [round(part.value, digits) for part in explained.parts]
    if values:
        largest = max(range(len(values)), key=lambda place: abs(explained.parts[place].value))
        values[largest] = round(values[largest] + now - before - sum(values), digits)
    parts = zip(explained.parts, values, strict=True)
    return [
        (say("Last quarter"), number(before, explained.kind)),
        *[
            (part.name, difference_in_words(value, explained.kind, in_full=True))
            for part, value in parts
        ],
        (say("Now"), number(now, explained.kind)),
    ]


def sparkline(figure: KeyFigure) -> str:
    """The figure over the quarters as a small line with its interval; empty with fewer than three
    quarters that have a value.
    """
    shown = [(i, p) for i, p in enumerate(figure.points) if p.value is not None]
    if len(shown) < 3:
        return ""
    ends = [v for _i, p in shown for v in (p.value, p.low, p.high) if v is not None]
    least, most = min(ends), max(ends)
    across = (WIDTH - 2 * EDGE) / max(len(figure.points) - 1, 1)
    up = (HEIGHT - 2 * EDGE) / ((most - least) or 1.0)

    def at(place: int, value: float | None) -> str:
        height = HEIGHT - EDGE - ((value or 0.0) - least) * up
        return f"{EDGE + place * across:.1f},{height:.1f}"

    banded = [(i, p) for i, p in shown if p.low is not None and p.high is not None]
    band = [at(i, p.high) for i, p in banded] + [at(i, p.low) for i, p in reversed(banded)]
    last, point = shown[-1]
    x, y = at(last, point.value).split(",")
    told = say("{label} from {first} to {last}: {values}").format(
        label=figure.label,
        first=shown[0][1].quarter,
        last=point.quarter,
        values=listed(number(p.value or 0.0, figure.kind) for _i, p in shown),
    )
    return (
        f'<svg class="spark" role="img" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{html.escape(told)}">'
        + (f'<polygon points="{" ".join(band)}"/>' if len(banded) > 1 else "")
        + f'<polyline points="{" ".join(at(i, p.value) for i, p in shown)}"/>'
        f'<circle cx="{x}" cy="{y}" r="3"/></svg>'
    )


def first(rows: Iterable[ToDo]) -> list[ToDo]:
    """As many rows to act on as a page shows."""
    return list(rows)[:MOST_ROWS]


@cache
def _markup() -> Template:
    return environment().get_template("brief.html.j2")
