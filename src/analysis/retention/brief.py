"""What departures tell management in short."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.language import listed as in_a_list
from analysis.language import money, say, sentences
from analysis.loyalty.index import ALL
from analysis.report.brief import (
    MOST_ROWS,
    Brief,
    KeyFigure,
    ToDo,
    change_in_words,
    changes,
    points,
)
from analysis.report.explained import explained, most_of_it
from analysis.retention import findings, said
from analysis.sources.params import Retention
from analysis.statistics.decomposition import Division, by_group

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(
    report: "Report",
    departures: pd.DataFrame,
    listed: pd.DataFrame,
    summary: pd.DataFrame,
    settings: Retention,
) -> Brief:
    """departures: as from `findings.departure_table`. listed: as from `findings.save_list`.
    summary: as from `findings.list_summary`.
    """
    quarters = [str(q) for q in report.partition.quarters]
    own = departures[departures["branch_id"] == report.branch]
    left = KeyFigure(
        label=say("Customers who left"),
        kind="share",
        points=points(own, quarters, "share", "low", "high", "customers"),
        better="down",
    )
    left = left.model_copy(update={"changes": changes(left.points)})
    shown = [p.value is not None for p in left.points[-2:]]
    division = departures_divided(report) if shown == [True, True] else None
    told = explained(left.label, "share", division) if division else None
    return Brief(
        changed=change_in_words(left),
        why=sentences(most_of_it(left, told), most_frequent(report, listed)),
        to_do=_to_do(report, listed, summary, settings),
        figures=[left],
        explained=told,
        rows=_rows(report, listed),
        rows_title=say("Whom to call so that they stay"),
        rows_of=say("Customer"),
        rows_amount=say("At stake", "of a call"),
        rows_note=say(
            "In order of what a call is expected to bring. At stake: the chance of leaving, times "
            "the expected value. Customers named in alerts that stand, and those who are called "
            "about an event, are not on the list."
        ),
        delivered="save_list",
    )


def departures_divided(report: "Report") -> Division | None:
    """The change of the share who left, since last quarter, by the groups they were in before.
    Customers who were lost are what it counts; who came since is not in it yet.
    """
    partition = report.partition
    tables = [partition.left_by_group(q) for q in (partition.quarter.previous, partition.quarter)]
    return by_group(*tables) if all(map(len, tables)) else None


def most_frequent(report: "Report", listed: pd.DataFrame) -> str:
    """The reason that weighs most for most of those on the list; empty where few share one."""
    if listed.empty or report.branch == ALL:
        return ""
    counts = listed.loc[listed["first_reason"] != "", "first_reason"].value_counts()
    if counts.empty or counts.iloc[0] < report.min_cell:
        return ""
    return say("What weighs most for those on the list: {reason} ({n} customers).").format(
        reason=said.sentence(counts.index[0], report.bank.events), n=counts.iloc[0]
    )


def _to_do(
    report: "Report", listed: pd.DataFrame, summary: pd.DataFrame, settings: Retention
) -> str:
    if listed.empty:
        return findings.no_model(report.partition.hazard) or say(
            "Nobody is to be called: from no customer more is expected than a call costs."
        )
    if summary.empty:
        return say("Call the customers of the list, in its order.")
    row = summary.iloc[0]
    return say(
        "Call the {n} customers of the list. {leave} of them ({low} to {high}) are expected to "
        "leave; if a call keeps {rate} of those, {kept} stay, and {saving} more is expected "
        "than the calls cost."
    ).format(
        n=f"{row['listed']:,.0f}",
        leave=f"{row['would_leave']:.1f}",
        low=f"{row['low']:.1f}",
        high=f"{row['high']:.1f}",
        rate=f"{settings.save_rate:.0%}",
        kept=f"{settings.save_rate * row['would_leave']:.1f}",
        saving=money(row["expected_saving"]),
    )


def _rows(report: "Report", listed: pd.DataFrame) -> list[ToDo]:
    events = report.bank.events
    return [
        ToDo(
            what=r.customer_id,
            why=in_a_list(
                text
                for reason in (r.first_reason, r.second_reason)
                if (text := said.sentence(reason, events))
            )
            or say("No single reason stands out"),
            action=said.action(r.first_reason, events),
            who=r.manager_id if isinstance(r.manager_id, str) else "",
            at_stake=r.hazard * r.expected_value,
        )
        for r in listed.head(MOST_ROWS).itertuples()
    ]
