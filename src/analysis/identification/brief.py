"""What identification tells management in short."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.identification.fitted import Identified
from analysis.identification.words import label
from analysis.language import say, sentences
from analysis.partition import ALL
from analysis.report.brief import (
    MOST_ROWS,
    Brief,
    KeyFigure,
    Point,
    ToDo,
    change_in_words,
    changes,
)
from analysis.statistics.intervals import share_interval

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(report: "Report", reviews: pd.DataFrame, held: pd.DataFrame) -> Brief:
    """reviews, held: as from `findings.to_review` and `findings.held_back`."""
    told = report.partition.identified
    figure = second_over_time(report, told)
    return Brief(
        changed=sentences(_records(told) if report.branch == ALL else "", change_in_words(figure)),
        why=_why(told),
        to_do=_to_do(report, reviews, held),
        figures=[figure],
        rows=[] if report.branch == ALL else _rows(reviews, held),
        rows_title=say("Records to look at"),
        rows_of=say("Record"),
        delivered="to_review" if report.branch != ALL else "",
    )


def second_over_time(report: "Report", told: Identified) -> KeyFigure:
    """The share of the records that are a second record of a customer, over the quarters; of a
    branch only where that of every branch can be shown.
    """
    points = []
    for quarter in map(str, report.partition.quarters):
        of_quarter = [c for c in told.over_time if c.quarter == quarter]
        own = [c for c in of_quarter if report.branch in (ALL, c.branch_id)]
        n, second = sum(c.records for c in own), sum(c.second for c in own)
        # a branch that shows nothing could be told from the bank less the others
        small = any(0 < c.second < report.min_cell for c in of_quarter)
        if n < report.min_cell or (small and report.branch != ALL) or second < report.min_cell:
            points.append(Point(quarter=quarter))
            continue
        low, high = share_interval(second, n)
        points.append(Point(quarter=quarter, value=second / n, low=low, high=high, n=n))
    return KeyFigure(
        label=say("Records that are a second record of a customer"),
        kind="share",
        points=points,
        changes=changes(points),
        better="down",
    )


def _records(told: Identified) -> str:
    return say("{records} records are {customers} customers.").format(
        records=f"{told.records:,}", customers=f"{told.customers:,}"
    )


def _why(told: Identified) -> str:
    text = say(
        "Of the pairs taken for one customer {precision} are expected to be right, and {recall} "
        "of those that are one to be found ({kind})."
    )
    return sentences(
        *[
            text.format(
                precision=f"{k.precision:.1%}", recall=f"{k.recall:.1%}", kind=label(k.kind)
            )
            for k in told.kinds
            if k.precision is not None and k.recall is not None and k.groups
        ]
    )


def _to_do(report: "Report", reviews: pd.DataFrame, held: pd.DataFrame) -> str:
    if reviews.empty and held.empty:
        return say("Nothing is to be looked at.")
    if report.branch == ALL:
        return say("Have the branches look at the pairs on their lists; what they say is obeyed.")
    return say(
        "Look at the pairs on the lists and say whether each is one customer; the answers come "
        "back as identity_reviews and are obeyed."
    )


def _rows(reviews: pd.DataFrame, held: pd.DataFrame) -> list[ToDo]:
    rows = [
        ToDo(
            what=say("{record} and {other}").format(record=r.record, other=r.other_record),
            why=say("Held back: {why}").format(why=r.why),
            action=say("Say whether they are one customer"),
        )
        for r in held.itertuples()
    ]
    rows += [
        ToDo(
            what=say("{record} and {other}").format(record=r.record, other=r.other_record),
            why=r.reasons,
            action=say("Say whether they are one customer"),
        )
        for r in reviews.itertuples()
    ]
    return rows[:MOST_ROWS]
