"""Who is about to leave: the chance of every customer, from what was known before the quarter in
which it happens.

Discrete-time hazard (Singer and Willett 1993): a logit, with a ridge penalty, over customers ×
quarters at risk. Every feature is of the quarter before, or older. A model is fitted on the
customers at risk of four quarters, so that it tells of today. It is judged on the last quarter
known, which the model judged did not see; the model in use is then fitted on the last four.
"""

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from sklearn.linear_model import LogisticRegression

from analysis.report.language import impossible
from analysis.segmentation.features import described, matrix
from analysis.segmentation.scoring import standardised
from analysis.statistics.regression import by_tenths, judged

QUARTERS = 4
MIN_ROWS, MIN_EVENTS = 300, 20
SAMPLE = 60_000  # customers a quarter
PENALTY = 1.0
RARE = 0.995  # a yes or no is used when at least one in 200 has it
#: Column to how it is transformed; what the bank keeps no history of (income, credit grade, debt)
#: is left out, since today's value
#: may know what happened since; columns of customer_quarter, and those of `at_risk`.
CANDIDATES = {
    "tenure_years": "log",
    "age_years": "none",
    "recency_days": "log",
    "transactions": "log",
    "transactions_change": "asinh",
    "active_weeks": "none",
    "counterparties": "log",
    "channels_used": "none",
    "cash_share": "none",
    "mobile_share": "none",
    "evening_share": "none",
    "salary_months": "none",
    "money_in": "asinh",
    "balance_end": "asinh",
    "balance_change": "asinh",
    "assets_trend": "none",
    "new_outside_paid": "asinh",
    "products_held": "none",
    "instalments_missed": "none",
    "felt": "none",
}


def at_risk(
    customers: ir.Table,
    events: ir.Table | None,
    names: list[str],
    complaints: ir.Table | None,
    answers: ir.Table | None,
) -> ir.Table:
    """Active customers of a quarter with what is known of them: customer_quarter and, as 0 or 1,
    event_… (those of the quarter), complained (in it), answered (a questionnaire within a year),
    and felt (its index, 0–100; empty without).

    events: customer_event of the quarter, and names: those there can be. complaints: customer_id of
    whoever complained in it. answers: survey_index of the year up to it.
    """
    rows = customers.filter(_.active)
    if events is not None and names:
        happened = events.group_by("customer_id").aggregate(
            **{f"event_{n}": (events.event == n).any().cast("int64") for n in names}
        )
        rows = rows.left_join(happened, "customer_id").drop("customer_id_right")
        rows = rows.mutate(**{f"event_{n}": rows[f"event_{n}"].fill_null(0) for n in names})
    if complaints is not None:
        who = complaints.select("customer_id").distinct().mutate(complained=1)
        rows = rows.left_join(who, "customer_id").drop("customer_id_right")
        rows = rows.mutate(complained=rows.complained.fill_null(0))
    if answers is not None:
        felt = answers.group_by("customer_id").aggregate(felt=_["index"].mean())
        rows = rows.left_join(felt, "customer_id").drop("customer_id_right")
        rows = rows.mutate(answered=rows.felt.notnull().cast("int64"))
    return rows


def fit_churn(rows: pd.DataFrame) -> dict[str, Any]:
    """The hazard model of customers × quarters at risk, of every type of customer by itself.

    rows: as from `at_risk`, with `quarter` and `left` (in the quarter after). Returns `types`: type
    to rows, left, quarters, `features` (each with its coefficient on the standardised scale),
    intercept, left_out; and, where the last quarter could be held out, `held_out`: quarter, the
    measures of `judged` and `tenths`; {"reason": …} for a type with too little.
    """
    kinds = rows.groupby("customer_type") if len(rows) else []
    return {"types": {str(kind): _fitted_and_judged(part) for kind, part in kinds}}


def _fitted_and_judged(rows: pd.DataFrame) -> dict[str, Any]:
    if len(rows) < MIN_ROWS or min(rows["left"].sum(), (~rows["left"]).sum()) < MIN_EVENTS:
        return impossible(
            "{n} customers × quarters with a known outcome and {left} departures; {rows} "
            "and {events} are needed.",
            n=len(rows),
            left=int(rows["left"].sum()),
            rows=MIN_ROWS,
            events=MIN_EVENTS,
        )
    rows = rows.sort_values(["quarter", "customer_id"], ignore_index=True)
    quarters = sorted(rows["quarter"].unique())
    before, after = (
        rows[rows["quarter"].isin(quarters[-QUARTERS - 1 : -1])],
        rows[rows["quarter"] == quarters[-1]],
    )
    rows = rows[rows["quarter"].isin(quarters[-QUARTERS:])].reset_index(drop=True)
    judged_on: dict[str, Any] = {}
    if len(before) >= MIN_ROWS and before["left"].sum() >= MIN_EVENTS:
        told = chances(after, _fitted(before))
        judged_on = {
            "held_out": {
                "quarter": str(quarters[-1]),
                **judged(after["left"], told),
                "tenths": by_tenths(after["left"], told),
            }
        }
    return {
        "rows": len(rows),
        "left": int(rows["left"].sum()),
        "quarters": [str(q) for q in quarters[-QUARTERS:]],
        **_fitted(rows),
        **judged_on,
    }


def _fitted(rows: pd.DataFrame) -> dict[str, Any]:
    features, left_out = [], []
    happened = [c for c in rows.columns if c.startswith("event_")]
    rows = rows.fillna(
        dict.fromkeys(happened, 0)
    )  # a quarter without the one before it has no events
    yes_or_no = [
        c
        for c in rows.columns
        if c.startswith(("event_", "has_")) or c in ("complained", "answered")
    ]
    for column, transform in {
        **{c: t for c, t in CANDIDATES.items() if c in rows},
        **dict.fromkeys(yes_or_no, "flag"),
    }.items():
        values = pd.to_numeric(rows[column].astype("Float64"), errors="coerce").astype(float)
        if (
            column == "felt"
        ):  # most did not answer: they count as the average, and `answered` takes up the difference
            values = values.fillna(values.mean())
        given = (
            _flag(values, column) if transform == "flag" else described(values, column, transform)
        )
        if isinstance(given, str):
            left_out.append({"name": column, "why": given})
        else:
            features.append({**given, "weight": 1.0})
    x = matrix(rows.assign(**{c: rows[c].astype(float) for c in yes_or_no}), features)
    model = LogisticRegression(C=PENALTY, max_iter=1000).fit(x, rows["left"].astype(int))
    for f, coefficient in zip(features, model.coef_[0], strict=True):
        f["coefficient"] = float(coefficient)
    return {"features": features, "intercept": float(model.intercept_[0]), "left_out": left_out}


def _flag(values: pd.Series, column: str) -> dict[str, Any] | str:
    """A yes or no as a feature, unless it is rare or nearly always so."""
    share = float(values.mean())
    if values.isna().any() or not 1 - RARE <= share <= RARE:
        return "rare"
    return {
        "name": column,
        "column": column,
        "transform": "none",
        "scale": 1.0,
        "low": 0.0,
        "high": 1.0,
        "mean": share,
        "sd": float(values.std()),
        "missing": 0.0,
        "missing_share": 0.0,
        "flag": True,
    }


def chances(rows: pd.DataFrame, model: dict[str, Any]) -> np.ndarray:
    """The chance of leaving in the quarter after, of each row."""
    flags = {
        f["column"]: rows[f["column"]].astype(float) if f["column"] in rows else 0.0
        for f in model["features"]
    }
    x = matrix(rows.assign(**flags), model["features"])
    linear = model["intercept"] + x @ np.array([f["coefficient"] for f in model["features"]])
    return np.asarray(1 / (1 + np.exp(-linear)))


def churn_expression(rows: ir.Table, models: dict[str, Any], quarter: str) -> ir.Table:
    """The chance of every customer at risk, computed where the rows are, and the two features that
    raise it most.

    rows: as from `at_risk`. models: `types` of `fit_churn`; customers of a type without a model
    have no row. Returns customer_id, branch_id, quarter, hazard (chance of leaving in the quarter
    after), first_reason and second_reason: the feature, then high or low against the average
    customer, or yes or no; empty where nothing raises the chance above that customer's.
    """
    told = [
        _told(rows.filter(rows.customer_type == kind), m, quarter)
        for kind, m in sorted(models.items())
        if "features" in m
    ]
    return ibis.union(*told) if len(told) > 1 else told[0]


def _told(rows: ir.Table, model: dict[str, Any], quarter: str) -> ir.Table:
    features = [f for f in model["features"] if f["column"] in rows.columns]
    absent = sum(
        f["coefficient"] * (0 - f["mean"]) / f["sd"]
        for f in model["features"]
        if f["column"] not in rows.columns
    )
    given = [f"given_{i}" for i in range(len(features))]
    of_number = {f["column"]: rows[f["column"]].cast("float64") for f in features}
    rows = rows.mutate(**of_number)
    rows = rows.mutate(
        **{
            g: standardised(rows, f) * f["coefficient"]
            for g, f in zip(given, features, strict=True)
        }
    )
    linear: ir.Value = ibis.literal(model["intercept"] + absent)
    for g in given:
        linear = linear + rows[g]
    rows = rows.mutate(
        hazard=1 / (1 + (-linear).exp()), most_=ibis.greatest(*[rows[g] for g in given])
    )
    rows = rows.mutate(first_reason=_named(rows, given, features, rows.most_))
    second = [
        ibis.ifelse(rows.first_reason == reason(f), ibis.literal(-1e9), rows[g])
        for g, f in zip(given, features, strict=True)
    ]
    rows = rows.mutate(next_=ibis.greatest(*second))
    rows = rows.mutate(second_reason=_named(rows, given, features, rows.next_))
    return rows.select(
        "customer_id",
        "branch_id",
        "hazard",
        "first_reason",
        "second_reason",
        quarter=ibis.literal(quarter),
    )


def _named(
    rows: ir.Table, given: list[str], features: list[dict[str, Any]], value: ir.Value
) -> ir.Value:
    name: ir.Value = ibis.literal("")
    for g, f in reversed(list(zip(given, features, strict=True))):
        name = ibis.ifelse((rows[g] == value) & (value > 0), ibis.literal(reason(f)), name)
    return name


def reason(feature: dict[str, Any]) -> str:
    """The side of a feature on which the chance of leaving is higher, such as `felt low` or
    `event_moved yes`.
    """
    raises = feature["coefficient"] > 0
    side = ("yes" if raises else "no") if feature.get("flag") else "high" if raises else "low"
    return f"{feature['name']} {side}"
