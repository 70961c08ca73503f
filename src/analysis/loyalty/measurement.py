"""How well the questionnaire measures, and whom it reached. Tables in, tables out."""

from typing import Any

import pandas as pd

from analysis.report.language import say
from analysis.statistics.intervals import share_interval


def paths(model: dict[str, Any]) -> pd.DataFrame:
    """How strongly each block acts on the next: source, target, path (standardised) and corrected
    (for the error of measurement), each with …_low and …_high (bootstrap), certain (the interval of
    the path does not contain 0), n (answers).
    """
    columns = [
        "source",
        "target",
        *[f"{c}{end}" for c in ("path", "corrected") for end in ("", "_low", "_high")],
    ]
    table = pd.DataFrame(model.get("paths", []), columns=columns)
    return table.assign(
        certain=(table["path_low"].astype(float) > 0) | (table["path_high"].astype(float) < 0),
        n=model.get("answers", 0),
    )


def measurement(model: dict[str, Any]) -> pd.DataFrame:
    """How well each block is measured and explained: block, alpha, rho, ave and r_squared, each
    with …_low and …_high, n.
    """
    columns = [
        "block",
        *[
            f"{c}{end}"
            for c in ("alpha", "rho", "ave", "r_squared")
            for end in ("", "_low", "_high")
        ],
    ]
    return pd.DataFrame(model.get("blocks", []), columns=columns).assign(n=model.get("answers", 0))


def distinct(model: dict[str, Any]) -> pd.DataFrame:
    """Whether blocks measure different things: block, other, htmt with htmt_low and htmt_high,
    distinct (the interval lies below 0.9; Henseler, Ringle and Sarstedt 2015), the closest pair
    first.
    """
    table = pd.DataFrame(
        model.get("pairs", []), columns=["block", "other", "htmt", "htmt_low", "htmt_high"]
    )
    table = table.dropna(subset=["htmt"]).assign(
        distinct=lambda t: t["htmt_high"].astype(float) < 0.9
    )
    return table.sort_values(["htmt", "block"], ascending=[False, True], ignore_index=True)


def item_quality(model: dict[str, Any]) -> pd.DataFrame:
    """Each item: block, item, weight and loading with …_low and …_high, highest_cross (largest
    correlation with another block's score), missing, lowest and highest (shares of empty answers,
    and of answers at either end of the scale), n.
    """
    columns = [
        "block",
        "item",
        "weight",
        "weight_low",
        "weight_high",
        "loading",
        "loading_low",
        "loading_high",
        "highest_cross",
        "missing",
        "lowest",
        "highest",
        "n",
    ]
    rows = model.get("outer", [])
    found = [
        {
            **r,
            "highest_cross": max(
                (v for k, v in r.items() if k.startswith("with_") and k != f"with_{r['block']}"),
                default=None,
            ),
            "n": model["answers"],
        }
        for r in rows
    ]
    return pd.DataFrame(found, columns=columns)


def who_answered(response: dict[str, Any], min_cell: int) -> pd.DataFrame:
    """Response of every category in the bank: margin, category, customers, answered, rate with
    rate_low and rate_high (Wilson), of_customers, of_answers and weighted (its share of customers,
    of answers, and of weighted answers). Categories of fewer than `min_cell` customers, or of fewer
    answers but not none, are left out.
    """
    columns = [
        "margin",
        "category",
        "customers",
        "answered",
        "rate",
        "rate_low",
        "rate_high",
        "of_customers",
        "of_answers",
        "weighted",
    ]
    rows = []
    for c in response.get("categories", []):
        if c["customers"] < min_cell or 0 < c["answered"] < min_cell:
            continue
        low, high = share_interval(c["answered"], c["customers"])
        rows.append(
            [
                c["margin"],
                c["category"],
                c["customers"],
                c["answered"],
                c["answered"] / c["customers"],
                low,
                high,
                c["of_customers"],
                c["of_answers"],
                c["weighted"],
            ]
        )
    return pd.DataFrame(rows, columns=columns)


def response_in_words(response: dict[str, Any]) -> str:
    """How many answered, what that is worth after weighting, and for whom nobody stands."""
    if not response:
        return ""
    text = say(
        "{n} of {customers} customers of the types asked answered. After weighting by "
        "group, age, branch and years with the bank they are as exact as {effective} "
        "unweighted answers."
    ).format(
        n=f"{response['n']:,}",
        customers=f"{response['customers']:,}",
        effective=f"{response['effective']:,.0f}",
    )
    if response["represented"] < 0.995:
        text += " " + say(
            "{share} of the customers are of a category in which nobody answered; the "
            "index says nothing of them."
        ).format(share=f"{1 - response['represented']:.0%}")
    return text


def with_and_without(
    scores: pd.DataFrame, branch: str, quarter: str, min_cell: int
) -> pd.DataFrame:
    """The indices with the weights and without: dimension, n, effective (sample size; Kish 1965),
    mean, unweighted, difference.
    """
    rows = (
        scores[
            (scores["branch_id"] == branch)
            & (scores["quarter"] == quarter)
            & (scores["segment"] == "")
        ]
        if len(scores)
        else scores
    )
    columns = ["dimension", "n", "effective", "mean", "unweighted"]
    rows = rows[rows["n"] >= min_cell][columns] if len(rows) else pd.DataFrame(columns=columns)
    return rows.assign(difference=rows["mean"] - rows["unweighted"]).reset_index(drop=True)
