"""What data health tells management in short."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.data_health.checks import CHECKS, COMPLETENESS
from analysis.data_health.findings import CERTAIN
from analysis.data_health.words import label
from analysis.language import listed, say, sentences
from analysis.partition import ALL
from analysis.report.brief import Brief, KeyFigure, ToDo, change_in_words, changes, first, points

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(
    report: "Report", checked: pd.DataFrame, effects: pd.DataFrame, unusual: pd.DataFrame
) -> Brief:
    """checked, effects, unusual: as from `findings`."""
    figure = without_doubt(report)
    return Brief(
        changed=sentences(change_in_words(figure), _changed(checked)),
        why=sentences(_moves(effects), _unusual(unusual)),
        to_do=_to_do(report, checked),
        figures=[figure],
        rows=_rows(checked),
        rows_title=say("What is wrong, the worst first"),
        rows_of=say("Table"),
        rows_note=say(
            "Harm: whether the headline of a report moves without these rows, by more than a fifth "
            "of its own uncertainty (noticeable) or more than all of it."
        ),
        delivered="" if report.branch == ALL else "fix_list",
    )


def without_doubt(report: "Report") -> KeyFigure:
    """The share of what was checked that no check doubts, over the quarters; empty cells are
    counted apart.
    """
    checks = report.partition.data_checks
    empty = {name for name, (_table, check) in CHECKS.items() if check.aspect == COMPLETENESS}
    filled = checks[~checks["check"].isin(empty)]
    sums = filled.groupby("quarter")[["rows", "doubtful"]].sum()
    passed = sums.assign(share=1 - sums["doubtful"] / sums["rows"]).reset_index()
    quarters = [str(quarter) for quarter in report.partition.quarters]
    shown = points(passed, quarters, "share", n="rows")
    return KeyFigure(
        label=say("Checks passed"),
        kind="share",
        points=shown,
        changes=changes(shown),
        better="up",
    )


def _changed(checked: pd.DataFrame) -> str:
    beyond = checked[(checked["p_corrected"] < CERTAIN) & checked["before"].notna()]
    if beyond.empty:
        return say("No check found more or fewer doubtful rows than in earlier quarters.")
    told = [
        say("{table}: {what} ({share}, before {before})").format(
            table=r.table, what=r.what, share=f"{r.share:.1%}", before=f"{r.before:.1%}"
        )
        for r in beyond.itertuples()
    ]
    return say("Beyond what earlier quarters had: {what}.").format(what=listed(told))


def _moves(effects: pd.DataFrame) -> str:
    moved = effects[effects["beyond"] == "yes"]
    if moved.empty:
        return say(
            "Of the headlines that were computed without doubtful rows, none moves by more than "
            "its own uncertainty."
        )
    text = say("{headline} ({report}): {without} without the doubtful rows instead of {value}")
    told = [
        text.format(headline=r.headline, report=label(r.report), without=r.without, value=r.value)
        for r in moved.itertuples()
    ]
    return say("{what}.").format(what=listed(told))


def _unusual(unusual: pd.DataFrame) -> str:
    if unusual.empty:
        return say("No day of the quarter is unlike what was to be expected.")
    worst = unusual.iloc[0]
    told = say(
        "Unlike what was to be expected is what was booked on {day} ({branch}): {measure} {found} "
        "instead of {expected}."
    )
    several = say(
        "{n} times something else was booked than was to be expected; furthest off is {day} "
        "({branch}): {measure} {found} instead of {expected}."
    )
    return (told if len(unusual) == 1 else several).format(
        n=len(unusual),
        day=worst["day"],
        branch=worst["branch_id"],
        measure=worst["measure"],
        found=worst["found"],
        expected=worst["expected"],
    )


def _to_do(report: "Report", checked: pd.DataFrame) -> str:
    if checked.empty:
        return say("Nothing has to be mended.")
    if report.branch == ALL:
        return say("Have the branches mend the rows on their lists, the worst check first.")
    return say("Mend the rows on the list where they were entered, the worst check first.")


def _rows(checked: pd.DataFrame) -> list[ToDo]:
    text = say("{what}: {doubtful} of {rows} rows; harm to reports: {harm}")
    uncounted = say("{what}; harm to reports: {harm}")
    return first(
        ToDo(
            what=r.table,
            why=(uncounted if pd.isna(r.rows) else text).format(
                what=r.what,
                doubtful=f"{r.doubtful:,.0f}",
                rows=f"{r.rows:,.0f}",
                harm=label(r.harm),
            ),
            action=say("Mend {column}").format(column=r.column),
        )
        for r in checked[checked["doubtful"] != 0].itertuples()
    )
