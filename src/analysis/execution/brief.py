"""What the follow-through tells management in short."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.execution import findings
from analysis.execution.words import label
from analysis.language import listed, money, say, sentences
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


def in_short(
    report: "Report", funnel: pd.DataFrame, in_time: pd.DataFrame, untouched: pd.DataFrame
) -> Brief:
    """funnel: as from `findings.funnel`. in_time: as from `findings.compared`, of members of staff.
    untouched: as from `findings.untouched`.
    """
    figure = in_time_over_time(report)
    return Brief(
        changed=change_in_words(figure),
        why=sentences(
            _behind(in_time),
            findings.offers_added_in_words(report.partition.follow_through.added, report.min_cell)
            if report.branch == ALL and report.partition.follow_through.kinds
            else "",
        ),
        to_do=_to_do(funnel),
        figures=[figure],
        rows=_of_branches(report) if report.branch == ALL else _rows(untouched),
        rows_title=say("What nobody touched, to be done first"),
        rows_of=say("Branch") if report.branch == ALL else say("Entry"),
        rows_amount=say("At stake"),
        rows_note=say(
            "At stake: what was expected of the offer or call when it was handed over; of an alert "
            "the amount of the case."
        ),
        delivered="untouched" if report.branch != ALL else "",
    )


def in_time_over_time(report: "Report") -> KeyFigure:
    """The share of the entries followed up in time, over the quarters; alerts left out."""
    told = report.partition.follow_through
    own = [t for t in told.over_time if report.branch in (ALL, t.branch_id)]
    points = []
    for quarter in map(str, report.partition.quarters):
        of_quarter = [t for t in own if t.quarter == quarter]
        handed = sum(t.handed for t in of_quarter)
        in_time = sum(t.in_time for t in of_quarter)
        if handed < report.min_cell:
            points.append(Point(quarter=quarter))
            continue
        low, high = share_interval(in_time, handed)
        points.append(Point(quarter=quarter, value=in_time / handed, low=low, high=high, n=handed))
    return KeyFigure(
        label=say("Entries of lists followed up in time"),
        kind="share",
        points=points,
        changes=changes(points),
        better="up",
    )


def _behind(in_time: pd.DataFrame) -> str:
    behind = findings.behind(in_time)
    if in_time.empty:
        return ""
    if behind.empty:
        return say("Of {n} members of staff nobody is behind what chance explains.").format(
            n=len(in_time)
        )
    told = say("{staff}: {came} of {n} in time, {expected} expected of anybody")
    names = [
        told.format(staff=r.staff_id, came=r.came, n=r.n, expected=f"{r.expected:.0f}")
        for r in behind.head(3).itertuples()
    ]
    text = say("Behind, beyond chance, {k} of {n} members of staff: {names}.")
    return text.format(k=len(behind), n=len(in_time), names=listed(names))


def _to_do(funnel: pd.DataFrame) -> str:
    if funnel.empty:
        return say("Nothing was handed over, or too little to be told of.")
    told = funnel[funnel["untouched"] > 0]
    if told.empty:
        return say("Everything that can be told of was followed up.")
    worst = told.sort_values("at_stake", ascending=False).iloc[0]
    return say(
        "Work off what nobody touched: {n} of the {kind}, in which {money} were at stake."
    ).format(
        n=f"{worst['untouched']:,.0f}", kind=label(worst["kind"]), money=money(worst["at_stake"])
    )


def _rows(untouched: pd.DataFrame) -> list[ToDo]:
    actions = {
        "alert": say("Decide it"),
        "offer": say("Offer {what}, or say why not"),
        "lookalike": say("Offer {what}, or say why not"),
        "save": say("Call, or say why not"),
        "event": say("Act on it, or say why not"),
    }
    return [
        ToDo(
            what=r.customer_id or r.subject_id,
            why=say("{what}, due on {day}").format(what=r.what, day=r.due_on)
            if r.what
            else say("Due on {day}").format(day=r.due_on),
            action=actions[r.kind].format(what=r.what),
            who=r.staff_id,
            at_stake=r.at_stake,
        )
        for r in untouched.head(MOST_ROWS).itertuples()
    ]


def _of_branches(report: "Report") -> list[ToDo]:
    """The branches in which most was at stake, of those with enough entries that nobody touched not
    to tell of single ones; how many these are is not told.
    """
    counts = report.partition.work_counts
    by_branch = counts.groupby("branch_id")[["untouched", "at_stake"]].sum()
    by_branch = by_branch[by_branch["untouched"] >= report.min_cell]
    return [
        ToDo(
            what=str(branch),
            action=say("Work off the list of what nobody touched"),
            at_stake=at_stake,
        )
        for branch, at_stake in by_branch["at_stake"]
        .sort_values(ascending=False, kind="stable")
        .head(MOST_ROWS)
        .items()
    ]
