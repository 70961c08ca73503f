"""What the questionnaires tell management in short."""

from typing import TYPE_CHECKING

import pandas as pd
from scipy import stats

from analysis.language import listed, ngettext, say, sentences
from analysis.loyalty import findings
from analysis.loyalty.index import ALL, EVERY, INDEX
from analysis.loyalty.reads import LoyaltyTables
from analysis.loyalty.words import WORDS, label
from analysis.report.brief import (
    PREVIOUS,
    Brief,
    Change,
    KeyFigure,
    ToDo,
    change_in_words,
    changes,
    difference_in_words,
    first,
    points,
)
from analysis.report.explained import explained, most_of_it
from analysis.statistics.comparison import LEAST_CHANCE
from analysis.statistics.decomposition import Division, by_group
from analysis.statistics.intervals import NORMAL, corrected_for_any

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(
    report: "Report",
    index: pd.DataFrame,
    weak: pd.DataFrame,
    changed: pd.DataFrame,
    beside: pd.DataFrame,
    drivers: pd.DataFrame,
    performance: pd.DataFrame,
    themes: pd.DataFrame,
) -> Brief:
    """index: as from `findings.index_table`. weak: as from `findings.weaknesses`. changed: as from
    `findings.changes`. beside: as from `findings.against_others`. drivers: as from
    `drivers.driver_table`. performance: as from `drivers.performance`. themes: as from
    `analysis.voice.findings.themes_now`.
    """
    partition, quarters = report.partition, [str(q) for q in report.partition.quarters]
    of_branch = index[
        (index["branch_id"] == report.branch)
        & (index["segment"] == EVERY)
        & (index["dimension"] == INDEX)
    ]
    over_time = points(of_branch, quarters, "mean", "low", "high", "n")
    main = KeyFigure(
        label=say("Loyalty index, of 100"),
        kind="score",
        points=over_time,
        changes=_as_tested(changed, report.branch) or changes(over_time),
        better="up",
    )
    scores = management(partition, report)
    division = index_divided(partition, report)
    told = explained(main.label, "score", division) if division else None
    return Brief(
        changed=sentences(
            change_in_words(main),
            fell_or_rose(changed, beside, report.branch),
            *[change_in_words(s) for s in scores if s.changes and s.changes[0].certain],
        ),
        why=sentences(most_of_it(main, told), driven(drivers), complained_of(themes)),
        to_do=_to_do(weak, performance, report.branch),
        beyond=beyond_chance(changed, report.branch),
        figures=[main, *scores[:2]],
        explained=told,
        rows=first(_rows(weak, report.branch)),
        rows_title=say("Weaknesses to mend, the weightiest first"),
        rows_of=say("Where"),
        delivered="weaknesses",
    )


def management(partition: LoyaltyTables, report: "Report") -> list[KeyFigure]:
    """The scores that management asks for, over the quarters."""
    counts, quarters = partition.management_counts, partition.quarters
    by_quarter = [
        findings.management_scores(counts, str(q), str(q.previous), report.min_cell).assign(
            quarter=str(q)
        )
        for q in quarters
    ]
    table = pd.concat(by_quarter, ignore_index=True)
    now = table[table["quarter"] == report.quarter]
    half = (now["difference_high"] - now["difference_low"]) / 2
    z = (now["difference"].abs() / half * NORMAL).astype(float)
    certain = corrected_for_any(pd.Series(2 * stats.norm.sf(z), now.index)) < LEAST_CHANCE
    figures = []
    for at, row in now.iterrows():
        change = Change(
            against=PREVIOUS,
            difference=row["difference"],
            low=row["difference_low"],
            high=row["difference_high"],
            certain=bool(certain[at]),
        )
        own = table[table["measure"] == row["measure"]]
        figures.append(
            KeyFigure(
                label=label(row["measure"]),
                kind="score",
                points=points(own, list(map(str, quarters)), "score", "low", "high", "n"),
                changes=[] if pd.isna(row["difference"]) else [change],
                better="up",
            )
        )
    return figures


def _as_tested(changed: pd.DataFrame, branch: str) -> list[Change]:
    """The index's changes as the page tests them, corrected over the whole bank; none for ALL."""
    own = changed[(changed["branch_id"] == branch) & (changed["dimension"] == INDEX)]
    return [
        Change(
            against=r.against,
            difference=r.change,
            low=r.low,
            high=r.high,
            certain=bool(r.changed),
        )
        for r in own.sort_values("against").itertuples()
    ]


def fell_or_rose(changed: pd.DataFrame, beside: pd.DataFrame, branch: str) -> str:
    """Every dimension that changed beyond chance, the largest change first; where none did, what
    differs from the other branches.
    """
    if told := beyond_chance(changed, branch):
        return say("Changed beyond chance: {changes}.").format(changes=listed(told[:3]))
    none = say("No dimension changed by more than chance lets expect.")
    apart = beside[(beside["p_corrected"] < LEAST_CHANCE) & (beside["dimension"] != INDEX)]
    apart = apart.assign(size=apart["difference"].abs()).sort_values("size", ascending=False)
    if apart.empty or branch == ALL:
        return none
    told = [
        say("{dimension} {points}").format(
            dimension=label(r.dimension), points=difference_in_words(r.difference, "score")
        )
        for r in apart.head(3).itertuples()
    ]
    against = say("Against the other branches, in points: {differences}.")
    return sentences(none, against.format(differences=listed(told)))


def beyond_chance(changed: pd.DataFrame, branch: str) -> list[str]:
    """Every dimension that changed beyond chance with its largest change, the largest first."""
    certain = changed[changed["changed"].astype(bool) & (changed["dimension"] != INDEX)]
    certain = certain.assign(size=certain["change"].abs()).sort_values("size", ascending=False)
    template = (
        say("{dimension} {points} points against {against}")
        if branch != ALL
        else say("{dimension} in {branch} {points} points against {against}")
    )
    return [
        template.format(
            dimension=label(r.dimension),
            branch=r.branch_id,
            points=difference_in_words(r.change, "score"),
            against=label(r.against),
        )
        for r in certain.drop_duplicates(["branch_id", "dimension"]).itertuples()
    ]


def index_divided(partition: LoyaltyTables, report: "Report") -> Division | None:
    """The change of the index since last quarter, by customer groups; None where one of the two
    quarters is not shown. Who answers differs from quarter to quarter, so there are no new or lost
    customers in it.
    """
    scores = partition.index_scores
    if scores.empty:
        return None
    own = scores[(scores["branch_id"] == report.branch) & (scores["dimension"] == INDEX)]
    groups = []
    for quarter in (report.previous, report.quarter):
        now = own[own["quarter"] == quarter]
        total, parts = now[now["segment"] == EVERY], now[now["segment"] != EVERY]
        if total.empty or total["n"].iloc[0] < report.min_cell or parts.empty:
            return None
        parts = parts.set_index("segment")[["weight", "mean"]].rename(columns={"weight": "n"})
        groups.append(parts.dropna())
    return by_group(*groups)


def driven(drivers: pd.DataFrame) -> str:
    """What explains most of satisfaction."""
    if drivers.empty:
        return ""
    of_satisfaction = drivers[drivers["target"] == "satisfaction"]
    most = (of_satisfaction if len(of_satisfaction) else drivers).iloc[0]
    return say(
        "{driver} goes with satisfaction most: {share} ({low} to {high}) of what is explained."
    ).format(
        driver=label(most["driver"]),
        share=f"{most['share']:.0%}",
        low=f"{most['share_low']:.0%}",
        high=f"{most['share_high']:.0%}",
    )


def complained_of(themes: pd.DataFrame) -> str:
    """What customers complain of most."""
    counted = themes.dropna(subset=["complaints"]) if len(themes) else themes
    counted = counted[counted["complaints"] > 0] if len(counted) else counted
    if counted.empty:
        return ""
    most = counted[counted["complaints"] == counted["complaints"].max()]
    return ngettext(
        "The most frequent theme of the year's complaints: {themes} (about {n}).",
        "The most frequent themes of the year's complaints: {themes} (about {n} each).",
        len(most),
    ).format(themes=listed(sorted(most["theme"])), n=f"{most['complaints'].iloc[0]:,.0f}")


def _to_do(weak: pd.DataFrame, performance: pd.DataFrame, branch: str) -> str:
    if len(weak):
        most = weak.iloc[0]
        told = {
            "owner": most["owner"] or say("the branch"),
            "action": most["action"] or label(most["dimension"]),
            "branch": most["branch_id"],
        }
        if branch == ALL:
            return say("First of all in {branch}, {owner}: {action}.").format(**told)
        return say("First of all, {owner}: {action}.").format(**told)
    wins = performance[performance["quick_win"].astype(bool)] if len(performance) else performance
    if len(wins):
        return say("No weakness that could not be chance. A quick win: {dimension}.").format(
            dimension=label(wins["dimension"].iloc[0])
        )
    return say("No weakness that could not be chance: nothing has to be mended this quarter.")


def _rows(weak: pd.DataFrame, branch: str) -> list[ToDo]:
    template = say("{dimension}, {branch}")
    return [
        ToDo(
            what=label(r.dimension)
            if branch != ALL
            else template.format(dimension=label(r.dimension), branch=r.branch_id),
            why=say("up to {points} points ({low} to {high}) below this: {against}").format(
                points=f"{r.size:.1f}",
                low=f"{r.low:.1f}",
                high=f"{r.high:.1f}",
                against=WORDS.several(r.against),
            ),
            action=r.action,
            who=r.owner,
        )
        for r in weak.itertuples()
    ]
