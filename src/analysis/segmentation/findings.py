"""Which groups a branch's customers form, what each is worth and risks, and what to do for it.
Tables in, tables out.
"""

import numpy as np
import pandas as pd

from analysis.language import money, say, within
from analysis.segmentation.fitted import FittedSegmentation
from analysis.segmentation.scoring import DORMANT
from analysis.segmentation.words import label
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


#: How large the groups are: column to its type.
#: customers: now; share: of the type's, with its Wilson interval share_low to share_high.
#: before: customers a quarter ago.
GROUP_SIZES = {
    "customer_type": "str",
    "segment": "str",
    "customers": "float",
    "share": "float",
    "share_low": "float",
    "share_high": "float",
    "before": "float",
}


def group_sizes(counts: pd.DataFrame, quarter: str, previous: str, min_cell: int) -> pd.DataFrame:
    """Customers per group now and a quarter ago: the columns `GROUP_SIZES`.

    counts: `SegmentationTables.segment_counts`. Groups that no page shows, and those of fewer than
    `min_cell` customers, keep their row with the numbers empty; a second group is emptied where one
    alone could be worked out from the total.
    """
    if counts.empty:
        return pd.DataFrame(columns=list(GROUP_SIZES))
    now = counts[counts["quarter"] == quarter].drop(columns="quarter")
    before = (
        counts[counts["quarter"] == previous]
        .drop(columns="quarter")
        .rename(columns={"customers": "before", "withheld": "before_withheld"})
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
    not_before = (table["before"] < min_cell) | table["before_withheld"].eq(True)
    table.loc[not_before, "before"] = np.nan
    return table[list(GROUP_SIZES)].sort_values(
        ["customer_type", "share"], ascending=[False, False], ignore_index=True
    )


def suppressed(table: pd.DataFrame, count: str, within: str, min_cell: int) -> pd.Series:
    """Which rows must not be shown: those withheld, those of fewer than `min_cell`, and the next
    smallest where one alone could be recovered from the total.
    """
    hidden = (table[count] < min_cell) | table["withheld"]
    for _within, part in table.groupby(within):
        hidden_here = hidden[part.index]
        if hidden_here.sum() == 1 and len(part) > 1:
            hidden[part[count][~hidden_here].idxmin()] = True
    return hidden


def shown(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The customers of groups large enough to be described."""
    if customers.empty:
        return customers
    sizes = group_counts(customers, "group_withheld")
    sizes = sizes[~suppressed(sizes, "customers", "customer_type", min_cell)]
    return customers.merge(sizes[["customer_type", "segment"]], on=["customer_type", "segment"])


def group_counts(customers: pd.DataFrame, withheld: str) -> pd.DataFrame:
    """customer_type, segment, customers, and withheld: the column that says so of each group."""
    by_group = customers.groupby(["customer_type", "segment"])[withheld]
    return by_group.agg(customers="size", withheld="any").reset_index()


#: What the median customer of a group is like, a row per group and feature: column to its type.
#: n: customers with a value.
#: median: in the feature's unit, with its interval low to high.
#: bank: median of the type's grouped customers.
PROFILES = {
    "customer_type": "str",
    "segment": "str",
    "feature": "str",
    "n": "int",
    "median": "float",
    "low": "float",
    "high": "float",
    "bank": "float",
}


def group_profiles(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The median of each feature of `PROFILE` by group with its 95 % interval, from order
    statistics (Hahn and Meeker 1991): the columns `PROFILES`.

    customers: customer_quarter with segment. Groups too small to be shown are left out.
    """
    grouped = shown(customers, min_cell)
    medians = []
    for (kind, segment), part in (
        grouped.groupby(["customer_type", "segment"]) if len(grouped) else []
    ):
        everybody = grouped[grouped["customer_type"] == kind]
        for feature in PROFILE:
            values = part[feature].astype(float).dropna()
            if len(values) >= min_cell:
                low, high = median_interval(values)
                medians.append(
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
    table = pd.DataFrame(medians, columns=list(PROFILES))
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


def without_dominated(customers: pd.DataFrame, amounts: pd.Series, min_cell: int) -> pd.DataFrame:
    """The customers of a group but for those of branches in which one customer makes up nearly all
    of the amounts: what a branch's page does not tell must not follow from the bank's. Branches
    with fewer than `min_cell` of them, which tell nothing, count as one.
    """
    size = customers.groupby("branch_id")["branch_id"].transform("size")
    part = customers["branch_id"].where(size >= min_cell, "")
    ruled = {name: dominated(of_part) for name, of_part in amounts.groupby(part)}
    return customers[~part.map(ruled).astype(bool)]


def worth_saying(
    customers: pd.DataFrame, segmentation: FittedSegmentation, min_cell: int
) -> list[str]:
    """What a reader must know before reading the figures, in sentences: nobody active, all in one
    group, a group ruled by one customer, features that are empty for many.
    """
    grouped = shown(customers, min_cell)
    if grouped.empty:
        return []
    sentences = []
    if not (customers["segment"] != DORMANT).any():
        sentences.append(say("No customer made an entry in this quarter; all are dormant."))
    for kind, part in grouped.groupby("customer_type"):
        if (
            part["segment"].nunique() == 1
            and len(part) == (customers["customer_type"] == kind).sum()
        ):
            sentences.append(
                say(
                    "All {kind} customers are in one group, {group}; there is nothing to "
                    "compare it with."
                ).format(kind=within(label(str(kind))), group=label(part["segment"].iloc[0]))
            )
    for (_kind, segment), part in grouped.groupby(["customer_type", "segment"]):
        if without_dominated(part, part["balance_end"].clip(lower=0), min_cell).empty:
            sentences.append(
                say(
                    "One customer holds nearly all balances of {group}; its value is not "
                    "shown, because it would be that customer's."
                ).format(group=label(str(segment)))
            )
    for kind, part in segmentation.types.items():
        own = customers[(customers["customer_type"] == kind) & (customers["segment"] != DORMANT)]
        for f in part.features:
            empty = own[f.column].isna().mean() if len(own) >= min_cell else 0.0
            if empty > MANY_EMPTY and f.transform != "is":
                sentences.append(
                    say(
                        "{feature} is empty for {share} of the {kind} customers here; they "
                        "are grouped as if they had the bank's median."
                    ).format(feature=label(f.name), share=f"{empty:.0%}", kind=within(label(kind)))
                )
    return sentences


#: What a group is worth, and what may be lost by it: column to its type.
#: value_a_year: mean per customer and year before losses, in the bank's currency, with its interval
#: value_low to value_high (Student); total: n times that.
#: borrowers: customers; arrears: share of them, with its interval (Wilson).
#: loss_a_year: per customer, with its interval (from that of the share).
VALUE_AND_RISK = {
    "customer_type": "str",
    "segment": "str",
    "n": "float",
    "value_a_year": "float",
    "value_low": "float",
    "value_high": "float",
    "total": "float",
    "borrowers": "float",
    "arrears": "float",
    "arrears_low": "float",
    "arrears_high": "float",
    "loss_a_year": "float",
    "loss_low": "float",
    "loss_high": "float",
}


def value_and_risk(customers: pd.DataFrame, assumptions: Value, min_cell: int) -> pd.DataFrame:
    """What a customer of each group is worth a year and what the bank may lose by him: the columns
    `VALUE_AND_RISK`.

    Value: deposit margin × positive balance + lending margin × debt, before losses; less losses it
    would tell the arrears that are not shown. Expected loss: PD × LGD × EAD (Basel Committee 2005),
    where PD is the share of the group's borrowers in arrears × the share of those who default. A
    group's value is of those in whose branch not one customer makes up nearly all (see
    `without_dominated`), and empty without any; its risk is empty where fewer than `min_cell`
    borrow, one or two are in arrears, or no page shows how many.
    """
    by_group = (
        shown(customers, min_cell).groupby(["customer_type", "segment"]) if len(customers) else []
    )
    figures = [
        [kind, segment, len(part), *_worth_and_risk(part, assumptions, min_cell)]
        for (kind, segment), part in by_group
    ]
    table = pd.DataFrame(figures, columns=list(VALUE_AND_RISK))
    numbers = list(VALUE_AND_RISK)[2:]
    table[numbers] = table[numbers].astype(float)
    return table.sort_values(
        ["customer_type", "total"], ascending=[False, False], ignore_index=True
    )


def _worth_and_risk(group: pd.DataFrame, assumptions: Value, min_cell: int) -> list[float]:
    """The columns of `VALUE_AND_RISK` from value_a_year on, of one group."""
    debt = group["debt"].astype(float).fillna(0)
    borrows = debt > 0
    late = group["in_arrears"].astype("boolean").fillna(False).astype(bool) & borrows
    borrowers = borrows.sum()
    share, low, high = 0.0, 0.0, 0.0
    if borrowers:
        share = late.sum() / borrowers
        low, high = share_interval(late.sum(), borrowers)
    lost = assumptions.default_given_arrears * assumptions.loss_given_default
    exposure = lost * debt.mean()
    margin = _margin(group, assumptions)
    value = margin[without_dominated(group, margin, min_cell).index]
    mean = value.mean()
    worth = [mean, *mean_interval(mean, value.std(), len(value)), mean * len(group)]
    if value.empty:
        worth = [np.nan] * 4
    risk = [borrowers, share, low, high, share * exposure, low * exposure, high * exposure]
    if not borrowers:
        risk[1:4] = [np.nan] * 3  # a share of nobody
    # few borrowers, or few in arrears, would point at persons
    if 1 <= late.sum() <= 2 or group["late_withheld"].any():
        risk[1:] = [np.nan] * 6
    if 0 < borrowers < min_cell or group["borrowers_withheld"].any():
        risk = [np.nan] * 7
    return [*worth, *risk]


def margins(customers: pd.DataFrame, assumptions: Value) -> pd.DataFrame:
    """What each customer's balance and debt bring a year: group, value (in the bank's currency) and
    whether one customer makes up nearly all of the branch (ruled), by identifier.
    """
    if customers.empty:
        return pd.DataFrame(columns=["group", "value", "branch_id", "ruled"])
    margin = _margin(customers, assumptions)
    ruled = margin.groupby(customers["branch_id"]).agg(dominated)
    return pd.DataFrame(
        {
            "group": customers["customer_type"] + "|" + customers["segment"],
            "value": margin,
            "branch_id": customers["branch_id"],
            "ruled": customers["branch_id"].map(ruled).astype(bool),
        }
    ).set_axis(customers["customer_id"])


def _margin(customers: pd.DataFrame, assumptions: Value) -> pd.Series:
    balance, debt = (customers[c].astype(float).fillna(0.0) for c in ("balance_end", "debt"))
    return assumptions.deposit_margin * balance.clip(lower=0) + assumptions.lending_margin * debt


#: What serving groups by their plans would change in a year: column to its type.
#: cost_today, cost_plan: per customer.
#: saved: for the group; negative where the plan costs more.
#: value_kept: share of the group's value, less `value_lost` where the service becomes cheaper;
#: kept_low: were twice as much lost.
#: net: saved less value lost.
#: break_even: share of value whose loss would eat the saving; empty where nothing is saved.
#: loss_a_year: expected loss of the group.
PLAN_EFFECTS = {
    "customer_type": "str",
    "segment": "str",
    "n": "float",
    "cost_today": "float",
    "cost_plan": "float",
    "saved": "float",
    "value_kept": "float",
    "kept_low": "float",
    "net": "float",
    "break_even": "float",
    "loss_a_year": "float",
}


def plan_effects(
    values: pd.DataFrame, group_plans: pd.DataFrame, assumptions: Value
) -> pd.DataFrame:
    """What serving each group by its plan would change in a year, against serving all alike: the
    columns `PLAN_EFFECTS`.

    values: as from `value_and_risk`. Groups without a service cost in the params file, and dormant
    customers, are left out.
    """
    if not assumptions.cost_today or values.empty:
        return pd.DataFrame(columns=list(PLAN_EFFECTS))
    priced_groups = values.merge(
        group_plans[["customer_type", "segment", "service"]], on=["customer_type", "segment"]
    )
    priced = priced_groups["service"].isin(list(assumptions.service_costs)) & priced_groups[
        "customer_type"
    ].isin(list(assumptions.cost_today))
    priced_groups = priced_groups[priced].copy()
    priced_groups["cost_today"] = (
        priced_groups["customer_type"].map(assumptions.cost_today).astype(float)
    )
    priced_groups["cost_plan"] = (
        priced_groups["service"].map(assumptions.service_costs).astype(float)
    )
    priced_groups["saved"] = (
        priced_groups["cost_today"] - priced_groups["cost_plan"]
    ) * priced_groups["n"]
    cheaper = priced_groups["cost_plan"] < priced_groups["cost_today"]
    priced_groups["value_kept"] = np.where(cheaper, 1 - assumptions.value_lost, 1.0)
    priced_groups["kept_low"] = np.where(cheaper, max(1 - 2 * assumptions.value_lost, 0.0), 1.0)
    at_stake = priced_groups["total"].clip(lower=0)
    priced_groups["net"] = priced_groups["saved"] - (1 - priced_groups["value_kept"]) * at_stake
    priced_groups["break_even"] = (
        (priced_groups["saved"] / at_stake.where(at_stake > 0)).where(cheaper).clip(upper=1.0)
    )
    priced_groups["loss_a_year"] = priced_groups["loss_a_year"] * priced_groups["n"]
    return priced_groups[list(PLAN_EFFECTS)].reset_index(drop=True)


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


def effect_in_words(in_all: dict[str, float], assumptions: Value) -> str:
    """What is assumed of the plans' effect, and what they change in all; empty without plans that
    cost. in_all: as from `effect_in_all`.
    """
    if not in_all:
        return ""
    return say(
        "Assumed: {lost} of a customer's value is lost where the service becomes cheaper. In "
        "all the plans save {saved} a year, keep {kept} of the value ({low} were twice as much "
        "lost), net {net}."
    ).format(
        lost=f"{assumptions.value_lost:.0%}",
        saved=money(in_all["saved"]),
        kept=f"{in_all['kept']:.1%}",
        low=f"{in_all['kept_low']:.1%}",
        net=money(in_all["net"]),
    )


#: The plan of each group: column to its type; empty where unknown.
#: cost_plan: to serve a customer for a year; expected: value of a customer over the horizon, with
#: its interval low to high; in the bank's currency.
PLANS = {
    "customer_type": "str",
    "segment": "str",
    "product": "str",
    "channel": "str",
    "service": "str",
    "owner": "str",
    "cost_plan": "float",
    "expected": "float",
    "low": "float",
    "high": "float",
}


def plans(
    segmentation: FittedSegmentation, assumptions: Value, worth: pd.DataFrame
) -> pd.DataFrame:
    """The plan of each group, from the model's rules: the columns `PLANS`.

    worth: as from `analysis.changes.worth.value_by_group`.
    """
    columns = [c for c in PLANS if c not in ("expected", "low", "high")]
    group_plans = [
        {
            "customer_type": kind,
            "segment": g.name,
            **g.model_dump(include={"product", "channel", "service", "owner"}),
            "cost_plan": assumptions.service_costs.get(g.service, np.nan),
        }
        for kind, part in segmentation.types.items()
        for g in part.groups
    ]
    table = pd.DataFrame(group_plans, columns=columns).sort_values(
        "customer_type", ascending=False, kind="stable", ignore_index=True
    )
    return table.merge(
        worth[["customer_type", "segment", "expected", "low", "high"]],
        on=["customer_type", "segment"],
        how="left",
    )


#: Every customer, for the branch's own staff: column to its type.
#: segment, was: group now, and a quarter ago; product, channel: of the plan.
#: may_be_contacted: whether the customer consented; empty where he was not asked.
CUSTOMER_LIST = {
    "customer_id": "str",
    "customer_type": "str",
    "segment": "str",
    "was": "str",
    "product": "str",
    "channel": "str",
    "manager_id": "str",
    "may_be_contacted": "boolean",
}


def customer_list(
    customers: pd.DataFrame, previous: pd.DataFrame, group_plans: pd.DataFrame
) -> pd.DataFrame:
    """Every customer with group, last quarter's group, and the plan: for the branch's own staff,
    identifiers only. Returns the columns `CUSTOMER_LIST`.
    """
    if customers.empty:
        return pd.DataFrame(columns=list(CUSTOMER_LIST))
    was = (
        previous[["customer_id", "segment"]].rename(columns={"segment": "was"})
        if len(previous)
        else pd.DataFrame(columns=["customer_id", "was"])
    )
    listed = customers.merge(was, on="customer_id", how="left").merge(
        group_plans, on=["customer_type", "segment"], how="left"
    )
    listed["may_be_contacted"] = listed["consent"].astype("boolean")
    return listed[list(CUSTOMER_LIST)].sort_values("customer_id", ignore_index=True)
