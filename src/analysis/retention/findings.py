"""Who may leave, whom to call about it, and what became of last quarter's list. Tables in, tables
out.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.loyalty.index import ALL
from analysis.report.language import because, say
from analysis.report.words import label
from analysis.sources.params import Retention
from analysis.statistics.intervals import difference_of_shares, share_interval


def departure_table(departures: pd.DataFrame, branch: str, min_cell: int) -> pd.DataFrame:
    """Departures by quarter of the branch and of the whole bank: branch_id, quarter, customers
    (active a quarter before), left, share with low and high (Wilson). Fewer than `min_cell`
    customers have no figures; one to two departures of a branch are not counted out.
    """
    columns = ["branch_id", "quarter", "customers", "left", "share", "low", "high"]
    if departures.empty:
        return pd.DataFrame(columns=columns)
    bank = (
        departures.groupby("quarter", as_index=False)[["customers", "left"]]
        .sum()
        .assign(branch_id=ALL)
    )
    rows = (
        bank if branch == ALL else pd.concat([departures[departures["branch_id"] == branch], bank])
    )
    rows = rows.astype({"customers": float, "left": float})
    intervals = [share_interval(r.left, r.customers) for r in rows.itertuples()]
    rows = rows.assign(
        share=rows["left"] / rows["customers"],
        low=[i[0] for i in intervals],
        high=[i[1] for i in intervals],
    )
    rows.loc[rows["customers"] < min_cell, ["customers", "left", "share", "low", "high"]] = np.nan
    rows.loc[rows["left"].between(1, 2), ["left", "share", "low", "high"]] = np.nan
    return rows[columns].sort_values(
        ["branch_id", "quarter"], ascending=[False, True], ignore_index=True
    )


def judged_table(model: dict[str, Any]) -> pd.DataFrame:
    """How well the chances were told in the quarter held out, by type of customer: n, events,
    predicted, observed, auc with auc_low and auc_high, brier, brier_base, slope with slope_low and
    slope_high, intercept; types without such a quarter are left out.
    """
    columns = [
        "customer_type",
        "quarter",
        "n",
        "events",
        "predicted",
        "observed",
        "auc",
        "auc_low",
        "auc_high",
        "brier",
        "brier_base",
        "slope",
        "slope_low",
        "slope_high",
        "intercept",
    ]
    rows = [
        {"customer_type": kind, **m["held_out"]}
        for kind, m in model["types"].items()
        if "held_out" in m
    ]
    return pd.DataFrame(rows, columns=columns)


def tenths(model: dict[str, Any]) -> pd.DataFrame:
    """Told and observed share of departures in tenths of the chance, quarter held out:
    customer_type, tenth, n, predicted, observed, low, high.
    """
    rows = [
        {"customer_type": kind, "tenth": i, **r}
        for kind, m in model["types"].items()
        for i, r in enumerate(m.get("held_out", {}).get("tenths", []), 1)
    ]
    return pd.DataFrame(
        rows, columns=["customer_type", "tenth", "n", "predicted", "observed", "low", "high"]
    )


def what_counts(model: dict[str, Any], most: int = 12) -> pd.DataFrame:
    """What moves the chance of leaving most, of every type of customer: customer_type, feature,
    odds_ratio (per standard deviation), missing (share of empty values).
    """
    rows = [
        [kind, f["name"], float(np.exp(f["coefficient"])), f["missing_share"]]
        for kind, m in model["types"].items()
        for f in m.get("features", [])
    ]
    table = pd.DataFrame(rows, columns=["customer_type", "feature", "odds_ratio", "missing"])
    table = table.assign(size=np.log(table["odds_ratio"].astype(float)).abs()).sort_values(
        ["customer_type", "size"], ascending=[False, False]
    )
    return (
        table.groupby("customer_type", sort=False)
        .head(most)
        .drop(columns="size")
        .reset_index(drop=True)
    )


def no_model(model: dict[str, Any]) -> str:
    """For which types of customers there is no model, and why, in words."""
    return " ".join(
        f"{label(kind)}: {because(m)}" for kind, m in model["types"].items() if "reason" in m
    ) or ("" if model["types"] else say("Two quarters are needed."))


def in_words(listed: pd.DataFrame) -> pd.DataFrame:
    """The list with its reasons in the reader's words."""
    return listed.assign(
        **{c: [reason_in_words(r) for r in listed[c]] for c in ("first_reason", "second_reason")}
    )


def reason_in_words(reason: str) -> str:
    """A reason such as `felt low` in the reader's words."""
    sides = {"low": say("low"), "high": say("high"), "yes": say("yes"), "no": say("no")}
    name, _space, side = reason.rpartition(" ")
    return say("{feature}: {side}").format(feature=label(name), side=sides[side]) if name else ""


def save_list(
    churn: pd.DataFrame, customers: pd.DataFrame, expected: pd.DataFrame, settings: Retention
) -> pd.DataFrame:
    """Whom to call: of every branch as many as it can, those first from whom most is expected.

    Expected saving = chance of leaving × share a call keeps (assumed) × expected value − cost of a
    call; who did not consent to be contacted, and from whom nothing is to be expected, is not on
    the list. Returns customer_id, branch_id, manager_id, segment, hazard, first_reason,
    second_reason, expected_value, expected_saving.
    """
    columns = [
        "customer_id",
        "branch_id",
        "manager_id",
        "segment",
        "hazard",
        "first_reason",
        "second_reason",
        "expected_value",
        "expected_saving",
    ]
    if churn.empty or customers.empty or expected.empty:
        return pd.DataFrame(columns=columns)
    rows = churn.drop(columns="branch_id").merge(
        customers[["customer_id", "branch_id", "manager_id", "segment", "consent"]],
        on="customer_id",
    )
    rows = rows.merge(
        expected[["customer_id", "expected"]].rename(columns={"expected": "expected_value"}),
        on="customer_id",
    )
    rows["expected_saving"] = (
        rows["hazard"] * settings.save_rate * rows["expected_value"] - settings.contact_cost
    )
    may = rows["consent"].astype("boolean").fillna(True).astype(bool)
    rows = rows[may & (rows["expected_saving"] > 0)]
    rows = rows.sort_values(["expected_saving", "customer_id"], ascending=[False, True])
    place = rows.groupby("branch_id").cumcount()
    can = rows["branch_id"].map(lambda b: settings.capacities.get(b, settings.capacity))
    rows = rows[(place < can).to_numpy()]
    return (
        rows[columns]
        .round({"hazard": 4, "expected_value": 0, "expected_saving": 0})
        .reset_index(drop=True)
    )


def list_summary(
    listed: pd.DataFrame, churn: pd.DataFrame, settings: Retention, min_cell: int
) -> pd.DataFrame:
    """The list in figures: listed, at_risk (active customers), would_leave (expected departures
    among the listed) with low and high (95 % of what chance lets vary, chances taken as known),
    expected_value and expected_saving (sums), of_departures (the listed ones' share of all
    departures expected). Empty with fewer than `min_cell` customers at risk.
    """
    columns = [
        "listed",
        "at_risk",
        "would_leave",
        "low",
        "high",
        "of_departures",
        "expected_value",
        "expected_saving",
    ]
    if listed.empty or len(churn) < min_cell:
        return pd.DataFrame(columns=columns)
    h = listed["hazard"]
    half = stats.norm.ppf(0.975) * np.sqrt((h * (1 - h)).sum())
    return pd.DataFrame(
        [
            [
                len(listed),
                len(churn),
                h.sum(),
                max(h.sum() - half, 0),
                h.sum() + half,
                h.sum() / churn["hazard"].sum(),
                listed["expected_value"].sum(),
                listed["expected_saving"].sum(),
            ]
        ],
        columns=columns,
    )


def list_scored(
    listed: pd.DataFrame, churn: pd.DataFrame, left: pd.DataFrame, min_cell: int
) -> pd.DataFrame:
    """Last quarter's list against what happened: who (listed, not_listed), n, said (departures
    told), left, share with low and high (Wilson); and difference with difference_low and
    difference_high (Newcombe) of the listed against the others, and lift. Empty where either is
    smaller than `min_cell`. Calls that kept somebody make the list look worse.
    """
    columns = [
        "who",
        "n",
        "said",
        "left",
        "share",
        "low",
        "high",
        "lift",
        "difference",
        "difference_low",
        "difference_high",
    ]
    if listed.empty or left.empty:
        return pd.DataFrame(columns=columns)
    rows = churn[["customer_id", "hazard"]].merge(left[["customer_id", "left"]], on="customer_id")
    on_list = rows["customer_id"].isin(listed["customer_id"])
    parts = {"listed": rows[on_list], "not_listed": rows[~on_list]}
    if min(map(len, parts.values())) < min_cell:
        return pd.DataFrame(columns=columns)
    base = parts["not_listed"]["left"].mean()
    found = []
    for who, part in parts.items():
        gone, n = int(part["left"].sum()), len(part)
        row = [who, n, part["hazard"].sum(), gone, gone / n, *share_interval(gone, n)]
        row += (
            [
                gone / n / base if base else np.nan,
                *difference_of_shares(
                    gone, n, parts["not_listed"]["left"].sum(), len(parts["not_listed"])
                ),
            ]
            if who == "listed"
            else [np.nan] * 4
        )
        found.append(row)
    return pd.DataFrame(found, columns=columns)


def with_capacity(settings: Retention, capacity: int | None) -> Retention:
    """The settings with one capacity for every branch, where one is given."""
    return (
        settings
        if capacity is None
        else settings.model_copy(update={"capacity": capacity, "capacities": {}})
    )


def assumptions(settings: Retention, currency: str) -> str:
    """What the list assumes, in words."""
    return say(
        "Assumed: a call keeps {rate} of those who would leave and costs {cost} "
        "{currency}; a branch can call {capacity} customers a quarter, unless the params "
        "file says otherwise."
    ).format(
        rate=f"{settings.save_rate:.0%}",
        cost=f"{settings.contact_cost:g}",
        currency=currency,
        capacity=settings.capacity,
    )


def reasons(listed: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """How often each reason weighs most, and second, among the listed: reason, first, second;
    reasons of fewer than `min_cell` customers together are left out.
    """
    first, second = (
        listed[c].value_counts() if len(listed) else pd.Series(dtype=int)
        for c in ("first_reason", "second_reason")
    )
    table = (
        pd.DataFrame({"first": first, "second": second})
        .fillna(0)
        .astype(int)
        .rename_axis("reason")
        .reset_index()
    )
    table = table[(table["reason"] != "") & (table["first"] + table["second"] >= min_cell)]
    table["reason"] = [reason_in_words(r) for r in table["reason"]]
    return table.sort_values(
        ["first", "second", "reason"], ascending=[False, False, True], ignore_index=True
    )


def headline(departures: pd.DataFrame, listed: pd.DataFrame, branch: str) -> dict[str, str]:
    """The figures of the index page: the share who left, and what the list is expected to save."""
    figures = {}
    mine = departures[departures["branch_id"] == branch].dropna(subset=["share"])
    if len(mine):
        row = mine.iloc[-1]
        figures[say("Left")] = f"{row['share']:.1%} ({row['low']:.1%}–{row['high']:.1%})"
    if len(listed):
        figures[say("To call")] = f"{len(listed):,}"
    return figures
