"""What moves and events tell management in short."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.changes import findings
from analysis.changes.reads import ChangesTables
from analysis.changes.words import label
from analysis.language import listed as in_a_list
from analysis.language import say, sentences
from analysis.report.brief import (
    MOST_ROWS,
    Brief,
    KeyFigure,
    Point,
    ToDo,
    change_in_words,
    changes,
)
from analysis.report.explained import explained, most_of_it
from analysis.segmentation.scoring import LEFT, NEW
from analysis.statistics.comparison import LEAST_CHANCE
from analysis.statistics.decomposition import Division, by_group

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(
    report: "Report",
    moves: pd.DataFrame,
    why: pd.DataFrame,
    tested: pd.DataFrame,
    listed: pd.DataFrame,
) -> Brief:
    """moves: as from `findings.migration`. why: as from `findings.why_moved`. tested: as from
    `findings.backtest`. listed: as from `findings.event_list`.
    """
    partition, min_cell = report.partition, report.min_cell
    moved, rates = moved_over_time(partition, min_cell), events_now(partition, min_cell)
    division = moves_divided(partition.moves, report.previous, report.quarter, moved)
    told = explained(moved.label, "share", division) if division else None
    return Brief(
        changed=sentences(
            change_in_words(moved),
            moved_otherwise(partition, moves, min_cell),
            events_changed(rates),
        ),
        why=sentences(most_of_it(moved, told), carried(why)),
        to_do=_to_do(report, tested, listed),
        figures=[moved, *announcing_over_time(partition, tested, min_cell)],
        explained=told,
        rows=_rows(report, listed),
        rows_title=say("Whom to call about an event"),
        rows_of=say("Customer"),
        rows_amount=say("At stake", "of a call"),
        rows_note=say(
            "At stake: what the event adds to the chance of leaving or buying, times the expected "
            "value. Customers named in alerts that stand are not on the list."
        ),
        delivered="events_to_act_on",
        beyond=_beyond_chance(partition, rates, min_cell),
    )


def moved_over_time(partition: ChangesTables, min_cell: int) -> KeyFigure:
    """The share of customers who changed group, over the quarters."""
    hidden = set(partition.not_shown("moved")["quarter"])
    shown = []
    for quarter in map(str, partition.quarters):
        moved = findings.moved_share(partition.moves, quarter, min_cell, quarter in hidden)
        if not moved:
            shown.append(Point(quarter=quarter))
            continue
        low, high = moved["low"], moved["high"]
        shown.append(Point(quarter=quarter, value=moved["share"], low=low, high=high, n=moved["n"]))
    return KeyFigure(
        label=say("Customers who changed group"),
        kind="share",
        points=shown,
        changes=changes(shown),
    )


def announcing_over_time(
    partition: ChangesTables, tested: pd.DataFrame, min_cell: int
) -> list[KeyFigure]:
    """How often the event that announces most happened, over the quarters; none without one."""
    certain = findings.announcing(tested)
    if certain.empty:
        return []
    title = certain.loc[certain["lift"].idxmax(), "event"]
    event = [e for e in partition.bank.events if e.title == title]
    shown = []
    for quarter in partition.quarters:
        now, before = (
            findings.active_customers(partition.segment_counts, str(q))
            for q in (quarter, quarter.previous)
        )
        rates = findings.event_rates(
            partition.event_counts,
            now,
            before,
            str(quarter),
            str(quarter.previous),
            event,
            min_cell,
        )
        row = rates.iloc[0]
        values = {"value": row["per_1000"], "low": row["low"], "high": row["high"]}
        told = {k: None if pd.isna(v) else float(v) for k, v in values.items()}
        shown.append(Point(quarter=str(quarter), **told))
    return [
        KeyFigure(
            label=say("{event}, of 1,000 active customers").format(event=title),
            kind="score",
            points=shown,
            changes=changes(shown),
            better="down" if event[0].expect == "churn" else "up",
        )
    ]


def events_now(partition: ChangesTables, min_cell: int) -> pd.DataFrame:
    """How often each event happened this quarter: as from `findings.event_rates`."""
    quarter, previous = partition.quarter, partition.quarter.previous
    now, before = (
        findings.active_customers(partition.segment_counts, str(q)) for q in (quarter, previous)
    )
    return findings.event_rates(
        partition.event_counts,
        now,
        before,
        str(quarter),
        str(previous),
        partition.bank.events,
        min_cell,
    )


def events_changed(rates: pd.DataFrame) -> str:
    """Which events were more or less frequent than last quarter beyond chance; empty where none."""
    certain = rates[rates["p_corrected"] < LEAST_CHANCE]
    told = []
    for template, part in (
        (
            say("More frequent than last quarter, beyond chance: {events}."),
            certain[certain["per_1000"] > certain["before"]],
        ),
        (
            say("Less frequent than last quarter, beyond chance: {events}."),
            certain[certain["per_1000"] < certain["before"]],
        ),
    ):
        if len(part):
            told.append(template.format(events=in_a_list(part["event"])))
    return sentences(*told)


def _beyond_chance(partition: ChangesTables, rates: pd.DataFrame, min_cell: int) -> list[str]:
    """What changed beyond chance beside the share that moved."""
    tests = findings.against_before(partition.moves, str(partition.quarter), min_cell)
    moved = [label(g) for g in tests.loc[tests["p_corrected"] < LEAST_CHANCE, "was"]]
    return [*moved, *rates.loc[rates["p_corrected"] < LEAST_CHANCE, "event"]]


def moves_divided(
    moves: pd.DataFrame, previous: str, quarter: str, moved: KeyFigure
) -> Division | None:
    """The change of the share that moved, since last quarter; None where one of the two is not
    shown. Who came or left is not in it: it is of customers there in both quarters.
    """
    if any(p.value is None for p in moved.points[-2:]) or len(moved.points) < 2:
        return None
    both = moves[(moves["was"] != NEW) & (moves["became"] != LEFT)]
    both = both.assign(
        group=both["customer_type"] + "|" + both["was"],
        moved=both["customers"].where(both["was"] != both["became"], 0),
    )
    sums = both.groupby(["quarter", "group"])[["customers", "moved"]].sum()
    means = pd.DataFrame({"n": sums["customers"], "mean": sums["moved"] / sums["customers"]})
    return by_group(means.loc[previous], means.loc[quarter])


def moved_otherwise(
    partition: ChangesTables, moves: pd.DataFrame, min_cell: int, at_most: int = 3
) -> str:
    """Which groups moved otherwise than before, as tested, the clearest first and at most so many;
    that none did.
    """
    quarter = str(partition.quarter)
    tests = findings.against_before(partition.moves, quarter, min_cell)
    if tests.empty:
        return say("There are no earlier moves to compare with.")
    if tests["p"].isna().all():
        return say("One earlier quarter does not tell how much quarters differ by themselves.")
    certain = tests[tests["p_corrected"] < LEAST_CHANCE].sort_values("p_corrected")
    if certain.empty:
        return say("No group moved differently from earlier quarters beyond chance.")
    told = []
    for test in certain.head(at_most).itertuples():
        own = moves[(moves["customer_type"] == test.customer_type) & (moves["was"] == test.was)]
        own = own.dropna(subset=["share", "usual"])
        if own.empty:
            told.append(
                say("{group} moved differently beyond chance.").format(group=label(test.was))
            )
            continue
        spread = (own["usual"] * (1 - own["usual"])).clip(lower=1e-4) ** 0.5
        most = own.loc[((own["share"] - own["usual"]).abs() / spread).idxmax()]
        template = (
            say("{group} moved differently beyond chance: {share} stayed, usually {usual}.")
            if most["became"] == test.was
            else say(
                "{group} moved differently beyond chance: {share} became {became}, usually {usual}."
            )
        )
        if most["became"] == LEFT:
            template = say(
                "{group} moved differently beyond chance: {share} left, usually {usual}."
            )
        told.append(
            template.format(
                group=label(test.was),
                became=label(most["became"]),
                share=f"{most['share']:.1%}",
                usual=f"{most['usual']:.1%}",
            )
        )
    return sentences(*told)


def carried(why: pd.DataFrame) -> str:
    """What carried the most frequent move; empty where no move is explained."""
    if why.empty:
        return ""
    most = why.sort_values(["n", "share"], ascending=[False, False]).iloc[0]
    return say(
        "In the most frequent move, {was} to {became}, this feature weighed most: {feature}."
    ).format(was=label(most["was"]), became=label(most["became"]), feature=label(most["feature"]))


def _to_do(report: "Report", tested: pd.DataFrame, listed: pd.DataFrame) -> str:
    if nobody := findings.nobody_listed(tested):
        return nobody
    if listed.empty:
        return say("Nobody who may be contacted had an event that announces anything.")
    best = findings.announcing(tested).sort_values("lift").iloc[-1]
    template = (
        say(
            "Call the customers of the list in its order. The event that announces most is "
            "{event}: {lift} times as many customers as usual left in the quarter after."
        )
        if best["outcome"] == "churn"
        else say(
            "Call the customers of the list in its order. The event that announces most is "
            "{event}: {lift} times as many customers as usual bought in the quarter after."
        )
    )
    return template.format(event=best["event"], lift=f"{best['lift']:.1f}")


def _rows(report: "Report", listed: pd.DataFrame) -> list[ToDo]:
    titles = {e.name: e.title for e in report.bank.events}
    return [
        ToDo(
            what=r.customer_id,
            why=titles.get(r.event, r.event),
            action=r.action,
            who=r.manager_id if isinstance(r.manager_id, str) else r.owner,
            at_stake=None if pd.isna(r.at_stake) else r.at_stake,
        )
        for r in listed.head(MOST_ROWS).itertuples()
    ]
