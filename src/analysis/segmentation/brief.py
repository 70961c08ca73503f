"""What the customer groups tell management in short."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.language import listed, money, say, sentences, within
from analysis.report.brief import (
    PREVIOUS,
    Brief,
    KeyFigure,
    Point,
    ToDo,
    change_in_words,
    changes,
    first,
    points,
)
from analysis.report.explained import PARTS, explained, most_of_it
from analysis.segmentation import findings
from analysis.segmentation.reads import SegmentationTables, to_three_digits
from analysis.segmentation.scoring import DORMANT, NEW
from analysis.segmentation.words import label
from analysis.statistics.comparison import LEAST_CHANCE, p_value
from analysis.statistics.decomposition import Division, by_customer
from analysis.statistics.intervals import corrected_for_any, share_interval

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(
    report: "Report", values: pd.DataFrame, plans: pd.DataFrame, effect: dict[str, float]
) -> Brief:
    """values: as from `findings.value_and_risk`. plans: as from `findings.plans`. effect: as from
    `findings.effect_in_all`.
    """
    partition, quarters = report.partition, [str(q) for q in report.partition.quarters]
    worth = partition.value_by_quarter
    worth = worth[worth["n"] >= report.min_cell]
    figure = KeyFigure(
        label=say("Value of a customer a year"),
        kind="money",
        currency=report.bank.currency,
        points=points(worth, quarters, "value", "low", "high"),
        better="up",
    )
    figure = figure.model_copy(update={"changes": changes(figure.points)})
    dormant = dormant_share(partition.segment_counts, quarters, report.min_cell)
    shown = [p.value is not None for p in figure.points[-2:]] == [True, True]
    division = value_divided(partition, report.min_cell) if shown else None
    told = explained(figure.label, "money", _as_shown(division, figure)) if division else None
    return Brief(
        changed=sentences(change_in_words(figure), groups_changed(partition, report.min_cell)),
        why=sentences(most_of_it(figure, told), fell_asleep(partition, dormant)),
        to_do=_to_do(values, effect, dormant),
        figures=[figure, dormant],
        explained=told,
        rows=first(_rows(values, plans)),
        rows_title=say("The plan of each group, those worth most first"),
        rows_of=say("Group"),
        delivered="customers_by_group",
    )


def _as_shown(division: Division, figure: KeyFigure) -> Division:
    """The division between the values that the figure shows, its parts as coarse as they."""
    parts = {part: to_three_digits(getattr(division, part) or 0.0) for part in PARTS}
    before, now = (p.value or 0.0 for p in figure.points[-2:])
    return Division(before=before, now=now, **parts)


def dormant_share(counts: pd.DataFrame, quarters: list[str], min_cell: int) -> KeyFigure:
    """The share of customers without an entry of their own, over the quarters, all types together;
    where no page shows one of the groups that it is made of, empty.
    """
    shown = []
    for quarter in quarters:
        now = counts[counts["quarter"] == quarter]
        n, asleep = now["customers"].sum(), now[now["segment"] == DORMANT]
        count = int(asleep["customers"].sum())
        hidden = asleep["withheld"].any() or (asleep["customers"] < min_cell).any()
        if not n or n < min_cell or hidden or asleep.empty:
            shown.append(Point(quarter=quarter))
            continue
        low, high = share_interval(count, n)
        shown.append(Point(quarter=quarter, value=count / n, low=low, high=high, n=n))
    return KeyFigure(
        label=say("Dormant, persons and firms together"),
        kind="share",
        points=shown,
        changes=changes(shown),
        better="down",
    )


def fell_asleep(partition: SegmentationTables, dormant: KeyFigure) -> str:
    """Which group most of those came from who fell dormant this quarter, where more are dormant
    beyond chance; empty otherwise.
    """
    moves = getattr(partition, "moves", pd.DataFrame())
    if not _more_asleep(dormant) or moves.empty:
        return ""
    came = moves[
        (moves["quarter"] == dormant.now.quarter)
        & (moves["became"] == DORMANT)
        & ~moves["was"].isin([DORMANT, NEW])
        & ~moves["withheld"]
    ]
    if came.empty:
        return ""
    most = came.loc[came["customers"].idxmax()]
    return say("Most of those who fell dormant this quarter were {group} ({n}).").format(
        group=label(most["was"]), n=f"{most['customers']:,.0f}"
    )


def _more_asleep(dormant: KeyFigure) -> bool:
    """Whether more customers are dormant than last quarter, beyond chance."""
    change = dormant.change(PREVIOUS)
    return change is not None and change.certain and change.difference > 0


def value_divided(partition: SegmentationTables, min_cell: int) -> Division | None:
    """The change of what a customer is worth, since last quarter; None where too few came, went or
    stayed for the parts to tell nothing of a person.
    """
    before, now = (
        findings.margins(customers, partition.bank.value)
        for customers in (partition.previous_customers, partition.customers)
    )
    if before.empty or now.empty or partition.sampled:
        return None
    ruled = {*before.loc[before["ruled"], "branch_id"], *now.loc[now["ruled"], "branch_id"]}
    before, now = (of[~of["branch_id"].isin(ruled)] for of in (before, now))
    came, went = now.index.difference(before.index), before.index.difference(now.index)
    if any(0 < len(moved) < min_cell for moved in (came, went)):
        return None
    return by_customer(before, now)


def groups_changed(partition: SegmentationTables, min_cell: int) -> str:
    """Which group's share changed by more than chance, the largest change; that none did. The
    dormant of all types together are one of the groups.
    """
    counts, previous = partition.segment_counts, partition.quarter.previous
    now, then = (
        findings.group_sizes(counts, str(q), str(q.previous), min_cell)
        for q in (partition.quarter, previous)
    )
    if now.empty or then.empty:
        return say("There is no earlier quarter to compare the groups with.")
    both = now.merge(then, on=["customer_type", "segment"], suffixes=("", "_then"))
    both = both.dropna(subset=["share", "share_then"]).reset_index(drop=True)
    both["p"] = [
        p_value(now, then)
        for now, then in zip(
            both[["share", "share_low", "share_high"]].itertuples(index=False, name=None),
            both[["share_then", "share_low_then", "share_high_then"]].itertuples(
                index=False, name=None
            ),
            strict=True,
        )
    ]
    if both.empty:
        return say("The shares of the groups cannot be compared with last quarter's.")
    certain = both[corrected_for_any(both["p"].astype(float)) < LEAST_CHANCE]
    asleep = dormant_share(counts, [str(q) for q in partition.quarters], min_cell)
    change = asleep.change(PREVIOUS)
    if certain.empty and change and change.certain:
        return change_in_words(asleep)
    if certain.empty:
        return say("No group's share changed since last quarter by more than chance lets expect.")
    most = certain.loc[(certain["share"] - certain["share_then"]).abs().idxmax()]
    return say(
        "{group} are {share} of the {kind} customers after {then}, more of a change than chance "
        "lets expect."
    ).format(
        group=label(most["segment"]),
        share=f"{most['share']:.1%}",
        then=f"{most['share_then']:.1%}",
        kind=within(label(most["customer_type"])),
    )


def _to_do(values: pd.DataFrame, effect: dict[str, float], dormant: KeyFigure) -> str:
    shown = values.dropna(subset=["total"])
    if shown.empty:
        return say("No group is large enough to plan for.")
    best = shown.loc[shown["total"].idxmax()]
    told = {"group": label(best["segment"]), "total": money(best["total"])}
    asleep = (
        say("Ask those who fell dormant this quarter what changed: the list says who they are.")
        if _more_asleep(dormant)
        else ""
    )
    if not effect or effect["net"] >= 0:
        first_plan = say("{group} are worth most in all, {total} a year: their plan comes first.")
        bring = say("Following all plans would bring {net} a year, as costs are assumed.")
        return sentences(
            first_plan.format(**told),
            bring.format(net=money(effect["net"])) if effect else "",
            asleep,
        )
    worth = say("{group} are worth most in all, {total} a year.").format(**told)
    lost = effect["saved"] - effect["net"]
    if effect["saved"] >= 0:
        net = say(
            "All plans together save {saved} of cost a year, as costs are assumed, and put {lost} "
            "of value at risk: review first those with a negative net effect."
        ).format(saved=money(effect["saved"]), lost=money(lost))
    else:
        net = say(
            "All plans together cost {cost} a year more than today, as costs are assumed: review "
            "first those with a negative net effect."
        ).format(cost=money(-effect["saved"]))
    return sentences(worth, net, asleep)


def _rows(values: pd.DataFrame, plans: pd.DataFrame) -> list[ToDo]:
    keys = ["customer_type", "segment"]
    both = values.dropna(subset=["total"]).merge(plans, on=keys, suffixes=("", "_plan"))
    return [
        ToDo(
            what=label(r.segment),
            why=say("{n} customers, {value} a year each, {total} in all").format(
                n=f"{r.n:,.0f}", value=money(r.value_a_year), total=money(r.total)
            ),
            action=listed([text for text in (r.product, r.service, r.channel) if text]),
            who=r.owner,
        )
        for r in both.sort_values("total", ascending=False).itertuples()
    ]
