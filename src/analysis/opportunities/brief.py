"""What products held and offers tell management in short."""

from typing import TYPE_CHECKING

import pandas as pd

from analysis.language import listed, money, say
from analysis.opportunities import findings
from analysis.opportunities.fitted import Offers
from analysis.opportunities.words import rule
from analysis.report.brief import (
    MOST_ROWS,
    Brief,
    KeyFigure,
    Point,
    ToDo,
    change_in_words,
    changes,
)
from analysis.segmentation.scoring import DORMANT
from analysis.segmentation.words import label
from analysis.statistics.intervals import mean_interval

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(
    report: "Report", leads: pd.DataFrame, depth: pd.DataFrame, summary: pd.DataFrame
) -> Brief:
    """leads: as from `findings.leads`. depth: as from `findings.depth_by_group`. summary: as from
    `findings.list_summary`.
    """
    figure = products_over_time(report)
    return Brief(
        changed=change_in_words(figure),
        why=_why(depth),
        to_do=_to_do(report, summary),
        figures=[figure],
        rows=_rows(leads),
        rows_title=say("Offers to make first"),
        rows_of=say("Customer"),
        rows_amount=say("Expected of it"),
        rows_note=say(
            "Expected of it: the chance of taking the product up in the next quarter, times what a "
            "sale is worth, less the cost of the contact. Nobody here stands on the list of those "
            "to be called so that they stay."
        ),
        delivered="" if report.branch == "ALL" else "considered",
    )


def products_over_time(report: "Report") -> KeyFigure:
    """Products of an active customer, over the quarters."""
    by_quarter = report.partition.depth
    told = {r.quarter: r for r in by_quarter.itertuples()} if len(by_quarter) else {}
    points = []
    for quarter in map(str, report.partition.quarters):
        row = told.get(quarter)
        if row is None or row.n < report.min_cell:
            points.append(Point(quarter=quarter))
            continue
        low, high = mean_interval(row.mean, row.sd, row.n)
        points.append(Point(quarter=quarter, value=row.mean, low=low, high=high, n=row.n))
    return KeyFigure(
        label=say("Products of an active customer"),
        kind="number",
        points=points,
        changes=changes(points),
        better="up",
    )


def customers_shown(report: "Report") -> dict[str, int]:
    """Quarter to the customers with an open account, of those of which pages show how many."""
    partition = report.partition
    hidden = set(partition.not_shown("customers")["quarter"])
    counts = partition.segment_counts.groupby("quarter")["customers"].sum()
    return {
        str(quarter): int(n)
        for quarter, n in counts.items()
        if quarter not in hidden and n >= report.min_cell
    }


def _why(depth: pd.DataFrame) -> str:
    """Which groups hold most and fewest products."""
    depth = depth[depth["segment"] != DORMANT] if len(depth) else depth
    kinds = depth["customer_type"].value_counts() if len(depth) else depth
    if len(depth) < 2 or kinds.iloc[0] < 2:
        return ""
    depth = depth[depth["customer_type"] == kinds.index[0]]
    ranked = depth.sort_values("mean", ascending=False)
    most, least = ranked.iloc[0], ranked.iloc[-1]
    return say("{most} hold most products ({n}), {least} fewest ({m}).").format(
        most=label(most["segment"]),
        least=label(least["segment"]),
        n=f"{most['mean']:.1f}",
        m=f"{least['mean']:.1f}",
    )


def _to_do(report: "Report", summary: pd.DataFrame) -> str:
    model = report.partition.propensity
    if not model.products:
        return say("The params file names no products to offer (offers.products).")
    if not model.fitted:
        return findings.no_model(model, report.partition.products)
    if blocked := everything_excluded(report.partition.offers_in_figures):
        return blocked
    if summary.empty:
        return say("No offer, or too few to be told of: see the list.")
    row = summary.iloc[0]
    return say(
        "Make the {n} offers of the list, in its order: {taken} ({low} to {high}) are expected to "
        "be taken up, which is worth {expected} more than the contacts cost."
    ).format(
        n=f"{row['offers']:,.0f}",
        taken=f"{row['taken']:.0f}",
        low=f"{row['low']:.0f}",
        high=f"{row['high']:.0f}",
        expected=money(row["expected"]),
    )


def everything_excluded(figures: Offers) -> str:
    """Which rule excludes everything, where no offer is left in the whole bank; empty otherwise."""
    if not figures.rejected or any(a.offers > 0 for a in figures.assigned):
        return ""
    if all(a.capacity == 0 for a in figures.assigned):
        return say("Staff have no capacity for offers, so that none is made.")
    return say("No offer is left. The rule that excludes most: {rule}.").format(
        rule=listed(rule(name) for name in findings.last_straws(figures.rejected))
    )


def _rows(leads: pd.DataFrame) -> list[ToDo]:
    first = leads.sort_values(["expected", "subject_id"], ascending=[False, True]).head(MOST_ROWS)
    return [
        ToDo(
            what=r.customer_id,
            why=r.reasons,
            action=say("Offer {product}").format(product=r.product),
            who=r.staff_id,
            at_stake=r.expected,
        )
        for r in first.itertuples()
    ]
