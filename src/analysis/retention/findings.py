"""Who may leave, whom to call about it, and what became of last quarter's list. Tables in, tables
out.
"""

import numpy as np
import pandas as pd
from scipy import stats

from analysis.language import because, money, say, sentences
from analysis.loyalty.index import ALL
from analysis.quarters import Quarter
from analysis.retention import said
from analysis.retention.fitted import HazardModel
from analysis.retention.saving import SAVE_LIST as SAVE_LIST
from analysis.retention.saving import save_list as save_list
from analysis.retention.words import label
from analysis.sources.params import Event, Retention
from analysis.statistics.intervals import difference_of_shares, share_interval

#: Who left, by quarter: column to its type.
#: customers: active a quarter before; left: of them.
#: share: with its interval low to high (Wilson).
DEPARTED = {
    "branch_id": "str",
    "quarter": "str",
    "customers": "float",
    "left": "float",
    "share": "float",
    "low": "float",
    "high": "float",
}


def departure_table(departures: pd.DataFrame, branch: str, min_cell: int) -> pd.DataFrame:
    """Departures by quarter of the branch and of the whole bank: the columns `DEPARTED`. Fewer than
    `min_cell` customers have no figures, and neither have one or two departures, nor what no page
    shows.

    departures: `RetentionTables.departures`.
    """
    if departures.empty:
        return pd.DataFrame(columns=list(DEPARTED))
    by_branch = departures[departures["branch_id"].isin([branch, ALL])]
    by_branch = by_branch.astype({"customers": float, "left": float})
    intervals = [share_interval(r.left, r.customers) for r in by_branch.itertuples()]
    by_branch = by_branch.assign(
        share=by_branch["left"] / by_branch["customers"],
        low=[i[0] for i in intervals],
        high=[i[1] for i in intervals],
    )
    no_customers = (by_branch["customers"] < min_cell) | by_branch["customers_withheld"]
    few_left = by_branch["left"].between(1, 2) | by_branch["left_withheld"]
    by_branch.loc[no_customers, ["customers", "left", "share", "low", "high"]] = np.nan
    by_branch.loc[few_left, ["left", "share", "low", "high"]] = np.nan
    return by_branch[list(DEPARTED)].sort_values(
        ["branch_id", "quarter"], ascending=[False, True], ignore_index=True
    )


#: How well chances were told in the quarter held out: column to its type.
#: as in `analysis.statistics.fitted.Judged`.
JUDGED = {
    "customer_type": "str",
    "quarter": "str",
    "n": "int",
    "events": "float",
    "predicted": "float",
    "observed": "float",
    "auc": "float",
    "auc_low": "float",
    "auc_high": "float",
    "brier": "float",
    "brier_base": "float",
    "slope": "float",
    "slope_low": "float",
    "slope_high": "float",
    "intercept": "float",
}


def judged_table(model: HazardModel) -> pd.DataFrame:
    """How well the chances were told in the quarter held out, by type of customer: the columns
    `JUDGED`, quarter being the one in which they left; types without such a quarter are left out.
    Where one or two of a type left, neither its departures are told nor those of the others, from
    which they would follow.
    """
    rows = [
        {
            "customer_type": kind,
            **m.held_out.model_dump(exclude_none=True),
            "quarter": str(Quarter.parse(m.held_out.quarter).shifted(1)),
        }
        for kind, m in model.fitted.items()
        if m.held_out
    ]
    table = pd.DataFrame(rows, columns=list(JUDGED)).astype({"events": float})
    if table["events"].between(1, 2).any():
        table[["events", "observed"]] = np.nan
    return table


#: A tenth of the chances told, in the quarter held out: column to its type.
#: tenth: 1 is the lowest; n: customers.
#: predicted, observed: share who leave, as told and as it came, with its interval low to high.
TENTHS = {
    "customer_type": "str",
    "tenth": "int",
    "n": "int",
    "predicted": "float",
    "observed": "float",
    "low": "float",
    "high": "float",
}


def tenths(model: HazardModel) -> pd.DataFrame:
    """Told and observed share of departures in tenths of the chance, quarter held out: the columns
    `TENTHS`. Where one or two of a tenth left, what was observed is empty, and where that alone
    would follow from all departures, so is the tenth with the next fewest.
    """
    rows = [
        {"customer_type": kind, "tenth": i, **tenth.model_dump()}
        for kind, m in model.fitted.items()
        for i, tenth in enumerate(m.held_out.tenths if m.held_out else [], 1)
    ]
    table = pd.DataFrame(rows, columns=list(TENTHS))
    left = (table["n"].astype(float) * table["observed"].astype(float)).round()
    for _kind, of_type in left.groupby(table["customer_type"]):
        few = of_type[of_type.between(1, 2)]
        if len(few) and few.sum() <= 3 and (of_type > 2).any():
            few = pd.concat([few, of_type[of_type > 2].nsmallest(1)])
        table.loc[few.index, ["observed", "low", "high"]] = np.nan
    return table


#: What moves the chance of leaving: column to its type.
#: odds_ratio: per standard deviation; missing: share of empty values.
WHAT_COUNTS = {
    "customer_type": "str",
    "feature": "str",
    "odds_ratio": "float",
    "missing": "float",
}


def what_counts(model: HazardModel, events: list[Event], most: int = 12) -> pd.DataFrame:
    """What moves the chance of leaving most, by type of customer: the columns `WHAT_COUNTS`,
    features in the reader's words, events by their titles.
    """
    titles = {f"event_{e.name}": say("Event: {what}").format(what=e.title) for e in events}
    rows = [
        [kind, titles.get(f.name) or label(f.name), float(np.exp(f.coefficient)), f.missing_share]
        for kind, m in model.fitted.items()
        for f in m.features
    ]
    table = pd.DataFrame(rows, columns=list(WHAT_COUNTS))
    table = table.assign(size=np.log(table["odds_ratio"].astype(float)).abs()).sort_values(
        ["customer_type", "size"], ascending=[False, False]
    )
    return (
        table.groupby("customer_type", sort=False)
        .head(most)
        .drop(columns="size")
        .reset_index(drop=True)
    )


def no_model(model: HazardModel) -> str:
    """For which types of customers there is no model, and why, in words."""
    if not model.types:
        return say("Two quarters are needed.")
    of_type = say("{kind}: {why}", "of a type of customers")
    return sentences(
        *[
            of_type.format(kind=label(kind), why=because(m))
            for kind, m in model.types.items()
            if because(m)
        ]
    )


def in_words(listed: pd.DataFrame, events: list[Event]) -> pd.DataFrame:
    """The list with its reasons as somebody would say them, and what to do first."""
    told = {
        c: [said.sentence(r, events) for r in listed[c]] for c in ("first_reason", "second_reason")
    }
    return listed.assign(**told, action=[said.action(r, events) for r in listed["first_reason"]])


#: The list in figures: column to its type.
#: listed, at_risk: customers; at_risk: all active ones.
#: would_leave: expected departures among the listed, with low to high (95 % of what chance lets
#: vary, chances taken as known).
#: of_departures: their share of all departures expected.
#: expected_value, expected_saving: sums, in the bank's currency.
LIST_SUMMARY = {
    "listed": "int",
    "at_risk": "int",
    "would_leave": "float",
    "low": "float",
    "high": "float",
    "of_departures": "float",
    "expected_value": "float",
    "expected_saving": "float",
}


def list_summary(
    listed: pd.DataFrame,
    churn: pd.DataFrame,
    settings: Retention,
    min_cell: int,
    withheld: bool = False,
) -> pd.DataFrame:
    """The list in figures: the columns `LIST_SUMMARY`. Empty with fewer than `min_cell` customers
    on the list or at risk, or where no page shows how many there are.
    """
    if withheld or min(len(listed), len(churn)) < min_cell:
        return pd.DataFrame(columns=list(LIST_SUMMARY))
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
        columns=list(LIST_SUMMARY),
    )


#: The list against what happened: column to its type.
#: who: listed or not_listed; n: customers.
#: said: departures told; left: those that came.
#: share: with its interval low to high (Wilson).
#: lift: share of the listed / share of the others.
#: difference: of the two, with its interval (Newcombe).
LIST_SCORED = {
    "who": "str",
    "n": "int",
    "said": "float",
    "left": "float",
    "share": "float",
    "low": "float",
    "high": "float",
    "lift": "float",
    "difference": "float",
    "difference_low": "float",
    "difference_high": "float",
}


def list_scored(
    listed: pd.DataFrame,
    churn: pd.DataFrame,
    left: pd.DataFrame,
    branch: str,
    min_cell: int,
) -> pd.DataFrame:
    """Last quarter's lists against what happened, of the whole bank: the columns `LIST_SCORED`. A
    branch's own list is too short to be judged by, and what came of it would tell of one or two who
    left. Empty for a branch, where either part is smaller than `min_cell`, or where one or two of
    it left. Calls that kept somebody make the list look worse.
    """
    if branch != ALL or listed.empty or left.empty:
        return pd.DataFrame(columns=list(LIST_SCORED))
    predicted = churn[["customer_id", "hazard"]].merge(
        left[["customer_id", "left"]], on="customer_id"
    )
    on_list = predicted["customer_id"].isin(listed["customer_id"])
    parts = {"listed": predicted[on_list], "not_listed": predicted[~on_list]}
    if min(map(len, parts.values())) < min_cell:
        return pd.DataFrame(columns=list(LIST_SCORED))
    scored = [[who, *_departed(part)] for who, part in parts.items()]
    table = pd.DataFrame(scored, columns=list(LIST_SCORED)[:7])
    (n, others), (left_listed, left_others) = table["n"], table["left"]
    base = left_others / others
    lift = left_listed / n / base if base else np.nan
    difference = difference_of_shares(left_listed, n, left_others, others)
    scored = table.assign(
        **{
            column: [value, np.nan]
            for column, value in zip(list(LIST_SCORED)[7:], (lift, *difference), strict=True)
        }
    ).astype({"left": float})
    return scored.head(0) if table["left"].between(1, 2).any() else scored


def not_scored(branch: str) -> str:
    """Why there is no score of last quarter's list."""
    if branch != ALL:
        return say(
            "One branch's list is too short to be judged by; all lists together are on the page "
            "of the whole bank."
        )
    return say("There was no list last quarter, it was too small, or too few on it left.")


def _departed(part: pd.DataFrame) -> list[float]:
    """The columns of `LIST_SCORED` from n to high."""
    gone, n = int(part["left"].sum()), len(part)
    return [n, part["hazard"].sum(), gone, gone / n, *share_interval(gone, n)]


def with_capacity(settings: Retention, capacity: int | None) -> Retention:
    """The settings with one capacity for every branch, where one is given."""
    if capacity is None:
        return settings
    return settings.model_copy(update={"capacity": capacity, "capacities": {}})


def assumptions(settings: Retention) -> str:
    """What the list assumes, in words."""
    return say(
        "Assumed: a call keeps {rate} of those who would leave and costs {cost}; "
        "a branch can call {capacity} customers a quarter, unless the params "
        "file says otherwise."
    ).format(
        rate=f"{settings.save_rate:.0%}",
        cost=money(settings.contact_cost),
        capacity=settings.capacity,
    )


#: How often each reason weighs most, and second: column to its type.
#: reason: in the reader's words; first, second: customers.
REASONS = {"reason": "str", "first": "float", "second": "float"}


def reasons(listed: pd.DataFrame, branch: str, min_cell: int, events: list[Event]) -> pd.DataFrame:
    """How often each reason weighs most, and second, among the listed: the columns `REASONS`.
    Those of fewer than `min_cell` customers together are left out, and smaller counts are empty;
    where these would follow from the length of the list, so is the next smallest. Empty for the
    whole bank, from which the branches could be subtracted.
    """
    if branch == ALL:
        return pd.DataFrame(columns=list(REASONS))
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
    table["reason"] = [said.sentence(r, events) for r in table["reason"]]
    table = table[table["reason"] != ""]
    table = table[list(REASONS)].sort_values(
        ["first", "second", "reason"], ascending=[False, False, True], ignore_index=True
    )
    for column, of in (("first", first), ("second", second)):
        counts = table[column].astype(float).where(lambda n: (n >= min_cell) | (n == 0))
        rest = of[of.index != ""].sum() - counts.sum()
        if 0 < rest < min_cell and (counts > 0).any():
            counts[counts[counts > 0].idxmin()] = np.nan
        table[column] = counts
    return table
