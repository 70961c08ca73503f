"""Which groups a branch's customers form, what each is worth and risks, and who moved. Tables in, tables out."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.labels import label
from analysis.language import _
from analysis.models.scoring import DORMANT
from analysis.sources.params import Value
from analysis.statistics import mean_interval, share_interval

PROFILE = (
    "balance_end",
    "money_in",
    "transactions",
    "cash_share",
    "mobile_share",
    "products_held",
    "recency_days",
    "tenure_years",
    "credit_grade",
)


def group_sizes(counts: pd.DataFrame, quarter: str, previous: str, min_cell: int) -> pd.DataFrame:
    """Customers per group now and a quarter ago.

    counts: quarter, customer_type, segment, customers. Returns customer_type, segment, customers, share with its Wilson
    interval share_low/share_high (of the type's customers), before (a quarter ago). Groups of fewer than `min_cell`
    customers keep their row with the numbers empty, and a second group is emptied where one alone could be worked out
    from the total.
    """
    if counts.empty:
        return pd.DataFrame(
            columns=["customer_type", "segment", "customers", "share", "share_low", "share_high", "before"]
        )
    now = counts[counts["quarter"] == quarter].drop(columns="quarter")
    before = counts[counts["quarter"] == previous].drop(columns="quarter").rename(columns={"customers": "before"})
    table = now.merge(before, on=["customer_type", "segment"], how="left")
    table["before"] = table["before"].astype(float)
    total = table.groupby("customer_type")["customers"].transform("sum")
    table["customers"] = table["customers"].astype(float)
    table["share"] = table["customers"] / total
    intervals = [share_interval(c, t) for c, t in zip(table["customers"], total, strict=True)]
    table["share_low"], table["share_high"] = [i[0] for i in intervals], [i[1] for i in intervals]
    hidden = suppressed(table, "customers", "customer_type", min_cell)
    table.loc[hidden, ["customers", "share", "share_low", "share_high", "before"]] = np.nan
    table.loc[table["before"] < min_cell, "before"] = np.nan
    return table.sort_values(["customer_type", "share"], ascending=[False, False], ignore_index=True)


def suppressed(table: pd.DataFrame, count: str, within: str, min_cell: int) -> pd.Series:
    """Which rows must not be shown: fewer than `min_cell`, and the next smallest where one alone could be recovered from the total."""
    hidden = table[count] < min_cell
    for _within, rows in table.groupby(within):
        mine = hidden[rows.index]
        if mine.sum() == 1 and len(rows) > 1:
            hidden[rows[count][~mine].idxmin()] = True
    return hidden


def shown(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The customers of groups large enough to be described."""
    if customers.empty:
        return customers
    counts = customers.groupby(["customer_type", "segment"]).size().rename("customers").reset_index()
    counts = counts[~suppressed(counts, "customers", "customer_type", min_cell)]
    return customers.merge(counts[["customer_type", "segment"]], on=["customer_type", "segment"])


def group_profiles(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The median of each feature by group, with the number of customers behind it.

    customers: customer_quarter with segment. Returns one row per group: customer_type, segment, n, and PROFILE.
    """
    rows = shown(customers, min_cell)
    if rows.empty:
        return pd.DataFrame(columns=["customer_type", "segment", "n", *PROFILE])
    numbers = rows[list(PROFILE)].astype(float).assign(customer_type=rows["customer_type"], segment=rows["segment"])
    grouped = numbers.groupby(["customer_type", "segment"])
    table = grouped[list(PROFILE)].median().assign(n=grouped.size()).reset_index()
    return table[["customer_type", "segment", "n", *PROFILE]].sort_values(
        ["customer_type", "n"], ascending=[False, False], ignore_index=True
    )


def separation(customers: pd.DataFrame) -> pd.DataFrame:
    """Share of each feature's variance that lies between the groups (eta squared; Fisher 1925), by customer type."""
    rows = []
    for kind, part in customers.groupby("customer_type") if len(customers) else []:
        active = part[part["segment"] != DORMANT]
        for feature in PROFILE:
            values = active[feature].astype(float)
            ranks = values.rank(pct=True)  # ranks, because money is skewed
            if ranks.nunique() > 1 and active["segment"].nunique() > 1:
                between = ((ranks.groupby(active["segment"]).transform("mean") - ranks.mean()) ** 2).sum()
                rows.append(
                    {
                        "customer_type": kind,
                        "feature": feature,
                        "eta_squared": between / ((ranks - ranks.mean()) ** 2).sum(),
                        "n": int(values.notna().sum()),
                    }
                )
    return pd.DataFrame(rows, columns=["customer_type", "feature", "eta_squared", "n"])


def value_and_risk(customers: pd.DataFrame, assumptions: Value, min_cell: int) -> pd.DataFrame:
    """What a customer of each group is worth a year and how often one is in arrears.

    Value: deposit margin × positive balance + lending margin × debt − loss given default × debt of customers in arrears.
    Returns customer_type, segment, n, value_a_year (mean per customer and year) with value_low/value_high (Student), total,
    arrears (share of all customers of the group in arrears with any loan) with arrears_low/arrears_high (Wilson).
    """
    columns = [
        "customer_type",
        "segment",
        "n",
        "value_a_year",
        "value_low",
        "value_high",
        "total",
        "arrears",
        "arrears_low",
        "arrears_high",
    ]
    rows = []
    for (kind, segment), part in (
        shown(customers, min_cell).groupby(["customer_type", "segment"]) if len(customers) else []
    ):
        debt = part["debt"].astype(float).fillna(0)
        late = part["in_arrears"].astype("boolean").fillna(False).astype(bool)
        value = (
            assumptions.deposit_margin * part["balance_end"].clip(lower=0)
            + assumptions.lending_margin * debt
            - assumptions.loss_given_default * debt * late
        )
        low, high = mean_interval(value.mean(), value.std(), len(value))
        arrears_low, arrears_high = share_interval(late.sum(), len(late))
        rows.append(
            [kind, segment, len(part), value.mean(), low, high, value.sum(), late.mean(), arrears_low, arrears_high]
        )
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["customer_type", "total"], ascending=[False, False], ignore_index=True
    )


def migration(previous: pd.DataFrame, now: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Where the customers of each group of the last quarter are now.

    Returns customer_type, was, became, customers, of (customers of the group they come from), share with share_low and
    share_high (Wilson). Customers of today's partition only; a move of fewer than `min_cell` customers has its numbers
    empty.
    """
    columns = ["customer_type", "was", "became", "customers", "of", "share", "share_low", "share_high"]
    if previous.empty or now.empty:
        return pd.DataFrame(columns=columns)
    both = (
        previous[["customer_id", "segment"]]
        .rename(columns={"segment": "was"})
        .merge(now[["customer_id", "customer_type", "segment"]], on="customer_id")
    )
    moves = (
        both.groupby(["customer_type", "was", "segment"])
        .size()
        .rename("customers")
        .reset_index()
        .rename(columns={"segment": "became"})
    )
    moves["of"] = moves.groupby(["customer_type", "was"])["customers"].transform("sum")
    moves["share"] = moves["customers"] / moves["of"]
    intervals = [share_interval(c, n) for c, n in zip(moves["customers"], moves["of"], strict=True)]
    moves["share_low"], moves["share_high"] = [i[0] for i in intervals], [i[1] for i in intervals]
    moves = moves.astype({"customers": float, "of": float})
    small_origin = moves["of"] < min_cell
    hidden = (
        suppressed(moves.assign(origin=moves["customer_type"] + moves["was"]), "customers", "origin", min_cell)
        | small_origin
    )
    moves.loc[hidden, ["customers", "share", "share_low", "share_high"]] = np.nan
    moves.loc[small_origin, "of"] = np.nan
    return moves[columns]


def moved_share(previous: pd.DataFrame, now: pd.DataFrame, min_cell: int) -> dict[str, float]:
    """The share of customers who changed group since last quarter, with its Wilson interval and count; empty when too few."""
    if previous.empty or now.empty:
        return {}
    both = previous[["customer_id", "segment"]].merge(
        now[["customer_id", "segment"]], on="customer_id", suffixes=("_was", "")
    )
    moved = int((both["segment_was"] != both["segment"]).sum())
    if len(both) < min_cell or moved < min_cell:
        return {}
    low, high = share_interval(moved, len(both))
    return {"share": moved / len(both), "low": low, "high": high, "n": len(both)}


def plans(model: dict[str, Any]) -> pd.DataFrame:
    """The plan of each group, from the model's rules: customer_type, segment, product, channel, service, owner."""
    rows = [
        {"customer_type": kind, "segment": g["name"], **{k: g[k] for k in ("product", "channel", "service", "owner")}}
        for kind, part in model["types"].items()
        for g in part["groups"]
    ]
    return pd.DataFrame(rows).sort_values("customer_type", ascending=False, kind="stable", ignore_index=True)


def number_of_groups(model: dict[str, Any]) -> pd.DataFrame:
    """What was tried: customer_type, groups, silhouette, lowest_jaccard, smallest, chosen."""
    rows = [
        {"customer_type": kind, **trial, "chosen": trial["groups"] == len(part["groups"])}
        for kind, part in model["types"].items()
        for trial in part["trials"]
    ]
    return pd.DataFrame(
        rows, columns=["customer_type", "groups", "silhouette", "lowest_jaccard", "smallest", "chosen"]
    ).sort_values(["customer_type", "groups"], ascending=[False, True], ignore_index=True)


def customer_list(customers: pd.DataFrame, previous: pd.DataFrame, group_plans: pd.DataFrame) -> pd.DataFrame:
    """Every customer with group, last quarter's group, and the plan: for the branch's own staff, identifiers only."""
    if customers.empty:
        return pd.DataFrame(
            columns=[
                "customer_id",
                "customer_type",
                "segment",
                "was",
                "product",
                "channel",
                "manager_id",
                "may_be_contacted",
            ]
        )
    was = (
        previous[["customer_id", "segment"]].rename(columns={"segment": "was"})
        if len(previous)
        else pd.DataFrame(columns=["customer_id", "was"])
    )
    rows = customers.merge(was, on="customer_id", how="left").merge(
        group_plans, on=["customer_type", "segment"], how="left"
    )
    rows["may_be_contacted"] = rows["consent"].astype("boolean")
    return rows[
        ["customer_id", "customer_type", "segment", "was", "product", "channel", "manager_id", "may_be_contacted"]
    ].sort_values("customer_id", ignore_index=True)


def headline(sizes: pd.DataFrame, moved: dict[str, float]) -> dict[str, str]:
    """The figures of the index: largest group, share that moved."""
    known = sizes.dropna(subset=["share"])
    figures = {}
    if len(known):
        largest = known.loc[known["customers"].idxmax()]
        figures[_("Largest group")] = f"{label(largest['segment'])} {largest['share']:.0%}"
    if moved:
        figures[_("Moved since last quarter")] = f"{moved['share']:.1%} ({moved['low']:.1%}–{moved['high']:.1%})"
    return figures
