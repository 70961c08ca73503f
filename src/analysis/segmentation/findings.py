"""Which groups a branch's customers form, what each is worth and risks, and what to do for it.
Tables in, tables out.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.report.language import say
from analysis.report.words import label
from analysis.segmentation.scoring import DORMANT
from analysis.sources.params import Value
from analysis.statistics.intervals import mean_interval, median_interval, share_interval

#: Share of a total beyond which one customer rules it, and share of empty values that is worth a
#: sentence.
DOMINANCE, MANY_EMPTY = 0.8, 0.2
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

    counts: quarter, customer_type, segment, customers. Returns customer_type, segment, customers,
    share with its Wilson interval share_low/share_high (of the type's customers), before (a quarter
    ago). Groups of fewer than `min_cell` customers keep their row with the numbers empty, and a
    second group is emptied where one alone could be worked out from the total.
    """
    if counts.empty:
        return pd.DataFrame(
            columns=[
                "customer_type",
                "segment",
                "customers",
                "share",
                "share_low",
                "share_high",
                "before",
            ]
        )
    now = counts[counts["quarter"] == quarter].drop(columns="quarter")
    before = (
        counts[counts["quarter"] == previous]
        .drop(columns="quarter")
        .rename(columns={"customers": "before"})
    )
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
    return table.sort_values(
        ["customer_type", "share"], ascending=[False, False], ignore_index=True
    )


def suppressed(table: pd.DataFrame, count: str, within: str, min_cell: int) -> pd.Series:
    """Which rows must not be shown: fewer than `min_cell`, and the next smallest where one alone
    could be recovered from the total.
    """
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
    counts = (
        customers.groupby(["customer_type", "segment"]).size().rename("customers").reset_index()
    )
    counts = counts[~suppressed(counts, "customers", "customer_type", min_cell)]
    return customers.merge(counts[["customer_type", "segment"]], on=["customer_type", "segment"])


def group_profiles(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The median of each feature by group with its 95 % interval, from order statistics (Hahn and
    Meeker 1991).

    customers: customer_quarter with segment. Returns one row per group and feature of PROFILE:
    customer_type, segment, feature, n (customers with a value), median, low, high, bank (the median
    of the type's grouped customers). Groups too small to be shown are left out.
    """
    columns = ["customer_type", "segment", "feature", "n", "median", "low", "high", "bank"]
    rows = shown(customers, min_cell)
    found = []
    for (kind, segment), part in rows.groupby(["customer_type", "segment"]) if len(rows) else []:
        everybody = rows[rows["customer_type"] == kind]
        for feature in PROFILE:
            values = part[feature].astype(float).dropna()
            if len(values) >= min_cell:
                low, high = median_interval(values)
                found.append(
                    [
                        kind,
                        segment,
                        feature,
                        len(values),
                        values.median(),
                        low,
                        high,
                        everybody[feature].astype(float).median(),
                    ]
                )
    table = pd.DataFrame(found, columns=columns)
    sizes = table.groupby(["customer_type", "segment"])["n"].transform("max")
    return (
        table.assign(size=sizes)
        .sort_values(["customer_type", "size"], ascending=[False, False], kind="stable")
        .drop(columns="size")
        .reset_index(drop=True)
    )


def wide_profiles(profiles: pd.DataFrame) -> pd.DataFrame:
    """The medians of `group_profiles` with a row per group: customer_type, segment, n, and
    PROFILE.
    """
    if profiles.empty:
        return pd.DataFrame(columns=["customer_type", "segment", "n", *PROFILE])
    keys = ["customer_type", "segment"]
    wide = profiles.pivot(index=keys, columns="feature", values="median").reindex(
        columns=list(PROFILE)
    )
    wide["n"] = profiles.groupby(keys)["n"].max()
    return wide.sort_values(["customer_type", "n"], ascending=[False, False]).reset_index()


def dominated(amounts: pd.Series) -> bool:
    """Whether one customer makes up more than four fifths of the amounts: a total or mean would
    then tell what is his (dominance rule of disclosure control; Hundepool and others 2012), and
    stand for nobody else.
    """
    sizes = amounts.abs()
    return bool(len(sizes) > 1 and sizes.max() > DOMINANCE * sizes.sum() > 0)


def worth_saying(customers: pd.DataFrame, model: dict[str, Any], min_cell: int) -> list[str]:
    """What a reader must know before reading the figures, in sentences: nobody active, all in one
    group, a group ruled by one customer, features that are empty for many.
    """
    rows = shown(customers, min_cell)
    if rows.empty:
        return []
    said = []
    if not (customers["segment"] != DORMANT).any():
        said.append(say("No customer made an entry in this quarter; all are dormant."))
    for kind, part in rows.groupby("customer_type"):
        if (
            part["segment"].nunique() == 1
            and len(part) == (customers["customer_type"] == kind).sum()
        ):
            said.append(
                say(
                    "All {kind} customers are in one group, {group}; there is nothing to "
                    "compare it with."
                ).format(kind=label(str(kind)).lower(), group=label(part["segment"].iloc[0]))
            )
    for (_kind, segment), part in rows.groupby(["customer_type", "segment"]):
        if dominated(part["balance_end"].clip(lower=0)):
            said.append(
                say(
                    "One customer holds nearly all balances of {group}; its value is not "
                    "shown, because it would be that customer's."
                ).format(group=label(str(segment)))
            )
    for kind, part in model["types"].items():
        here = customers[(customers["customer_type"] == kind) & (customers["segment"] != DORMANT)]
        for f in part["features"]:
            empty = here[f["column"]].isna().mean() if len(here) >= min_cell else 0.0
            if empty > MANY_EMPTY and f["transform"] != "is":
                said.append(
                    say(
                        "{feature} is empty for {share} of the {kind} customers here; they "
                        "are grouped as if they had the bank's median."
                    ).format(
                        feature=label(f["name"]), share=f"{empty:.0%}", kind=label(kind).lower()
                    )
                )
    return said


def value_and_risk(customers: pd.DataFrame, assumptions: Value, min_cell: int) -> pd.DataFrame:
    """What a customer of each group is worth a year and what the bank may lose by him.

    Value: deposit margin × positive balance + lending margin × debt − expected loss. Expected loss:
    PD × LGD × EAD (Basel Committee 2005), where PD is the share of the group's borrowers in arrears
    × the share of those who default. Returns customer_type, segment, n, value_a_year (mean per
    customer and year) with value_low/value_high (Student, the arrears share taken as known), total,
    borrowers, arrears (share of them) with arrears_low/arrears_high (Wilson), loss_a_year (per
    customer) with loss_low/loss_high (from the interval of the share). A group's value is empty
    where one customer makes up nearly all of it (see `dominated`), its risk where fewer than
    `min_cell` borrow.
    """
    columns = [
        "customer_type",
        "segment",
        "n",
        "value_a_year",
        "value_low",
        "value_high",
        "total",
        "borrowers",
        "arrears",
        "arrears_low",
        "arrears_high",
        "loss_a_year",
        "loss_low",
        "loss_high",
    ]
    rows = []
    for (kind, segment), part in (
        shown(customers, min_cell).groupby(["customer_type", "segment"]) if len(customers) else []
    ):
        debt = part["debt"].astype(float).fillna(0)
        borrows = debt > 0
        late = part["in_arrears"].astype("boolean").fillna(False).astype(bool) & borrows
        enough = borrows.sum() >= min_cell
        share = late.sum() / borrows.sum() if borrows.any() else 0.0
        low, high = share_interval(late.sum(), borrows.sum()) if borrows.any() else (0.0, 0.0)
        lost = assumptions.default_given_arrears * assumptions.loss_given_default
        exposure = lost * debt.mean()
        margin = (
            assumptions.deposit_margin * part["balance_end"].clip(lower=0)
            + assumptions.lending_margin * debt
        )
        value = margin - lost * share * debt
        value_low, value_high = mean_interval(value.mean(), value.std(), len(value))
        worth = (
            [np.nan] * 4
            if dominated(margin)
            else [value.mean(), value_low, value_high, value.sum()]
        )
        # few borrowers would point at persons
        risk = (
            [borrows.sum(), share, low, high, share * exposure, low * exposure, high * exposure]
            if enough or not borrows.any()
            else [np.nan] * 7
        )
        rows.append([kind, segment, len(part), *worth, *risk])
    table = pd.DataFrame(rows, columns=columns)
    numbers = columns[2:]
    table[numbers] = table[numbers].astype(float)
    return table.sort_values(
        ["customer_type", "total"], ascending=[False, False], ignore_index=True
    )


def plan_effects(
    values: pd.DataFrame, group_plans: pd.DataFrame, assumptions: Value
) -> pd.DataFrame:
    """What serving each group by its plan would change in a year, against serving all alike.

    values: as from `value_and_risk`. Returns customer_type, segment, n, cost_today and cost_plan
    (per customer), saved (for the group, negative where the plan costs more), value_kept (share of
    the group's value: less `value_lost` where the service becomes cheaper), kept_low (were twice as
    much lost), net (saved less value lost), break_even (share of value whose loss would eat the
    saving; empty where nothing is saved), loss_a_year (expected loss of the group). Groups without
    a service cost in the params file, and dormant customers, are left out.
    """
    columns = [
        "customer_type",
        "segment",
        "n",
        "cost_today",
        "cost_plan",
        "saved",
        "value_kept",
        "kept_low",
        "net",
        "break_even",
        "loss_a_year",
    ]
    if not assumptions.cost_today or values.empty:
        return pd.DataFrame(columns=columns)
    rows = values.merge(
        group_plans[["customer_type", "segment", "service"]], on=["customer_type", "segment"]
    )
    known = rows["service"].isin(list(assumptions.service_costs)) & rows["customer_type"].isin(
        list(assumptions.cost_today)
    )
    rows = rows[known].copy()
    rows["cost_today"] = rows["customer_type"].map(assumptions.cost_today).astype(float)
    rows["cost_plan"] = rows["service"].map(assumptions.service_costs).astype(float)
    rows["saved"] = (rows["cost_today"] - rows["cost_plan"]) * rows["n"]
    cheaper = rows["cost_plan"] < rows["cost_today"]
    rows["value_kept"] = np.where(cheaper, 1 - assumptions.value_lost, 1.0)
    rows["kept_low"] = np.where(cheaper, max(1 - 2 * assumptions.value_lost, 0.0), 1.0)
    at_stake = rows["total"].clip(lower=0)
    rows["net"] = rows["saved"] - (1 - rows["value_kept"]) * at_stake
    rows["break_even"] = (
        (rows["saved"] / at_stake.where(at_stake > 0)).where(cheaper).clip(upper=1.0)
    )
    rows["loss_a_year"] = rows["loss_a_year"] * rows["n"]
    return rows[columns].reset_index(drop=True)


def effect_in_all(effects: pd.DataFrame, values: pd.DataFrame) -> dict[str, float]:
    """The plans' effect over all groups: saved, net, kept (share of value kept), kept_low; empty
    without plans that cost.
    """
    if effects.empty:
        return {}
    both = effects.merge(
        values[["customer_type", "segment", "total"]], on=["customer_type", "segment"]
    )
    both = both.dropna(subset=["total"])
    total = both["total"].clip(lower=0)
    if total.sum() <= 0:
        return {}
    return {
        "saved": float(both["saved"].sum()),
        "net": float(both["net"].sum()),
        "kept": float((both["value_kept"] * total).sum() / total.sum()),
        "kept_low": float((both["kept_low"] * total).sum() / total.sum()),
    }


def plans(model: dict[str, Any], assumptions: Value, worth: pd.DataFrame) -> pd.DataFrame:
    """The plan of each group, from the model's rules: customer_type, segment, product, channel,
    service, owner, expected with low and high (expected value of a customer over the horizon) and
    cost_plan (to serve one for a year); empty where unknown.

    worth: as from `analysis.segmentation.worth.value_by_group`.
    """
    columns = ["customer_type", "segment", "product", "channel", "service", "owner", "cost_plan"]
    rows = [
        {
            "customer_type": kind,
            "segment": g["name"],
            **{k: g[k] for k in ("product", "channel", "service", "owner")},
            "cost_plan": assumptions.service_costs.get(g["service"], np.nan),
        }
        for kind, part in model["types"].items()
        for g in part["groups"]
    ]
    table = pd.DataFrame(rows, columns=columns).sort_values(
        "customer_type", ascending=False, kind="stable", ignore_index=True
    )
    return table.merge(
        worth[["customer_type", "segment", "expected", "low", "high"]],
        on=["customer_type", "segment"],
        how="left",
    )


def customer_list(
    customers: pd.DataFrame, previous: pd.DataFrame, group_plans: pd.DataFrame
) -> pd.DataFrame:
    """Every customer with group, last quarter's group, and the plan: for the branch's own staff,
    identifiers only.
    """
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
        [
            "customer_id",
            "customer_type",
            "segment",
            "was",
            "product",
            "channel",
            "manager_id",
            "may_be_contacted",
        ]
    ].sort_values("customer_id", ignore_index=True)


def headline(sizes: pd.DataFrame, in_all: dict[str, float]) -> dict[str, str]:
    """The figures of the index: largest group, what the plans would save."""
    known = sizes.dropna(subset=["share"])
    figures = {}
    if len(known):
        largest = known.loc[known["customers"].idxmax()]
        figures[say("Largest group")] = f"{label(largest['segment'])} {largest['share']:.0%}"
    if in_all:
        figures[say("Net effect of the plans a year")] = f"{in_all['net']:,.0f}"
    return figures
