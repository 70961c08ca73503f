"""The chance of a yes or no from what is known before it: a logit with a ridge penalty (Hoerl and
Kennard 1970; le Cessie and van Houwelingen 1992), fitted on a sample, kept as readable numbers, and
scored where the rows are.

Every column is transformed and standardised (see `analysis.segmentation.features`), so that one
penalty serves all. A column may also be cut into steps, which lets a chance rise and fall again.
The model is a sum over columns: what a column adds for one customer can be told exactly.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from analysis.segmentation.features import Described, LeftOut, described, matrix, settled
from analysis.segmentation.scoring import standardised
from analysis.shape import Shape

PENALTY = 1.0
RARE = 0.995  # a yes or no is used when at least one in 200 has it
Transform = Literal["none", "log", "asinh"]


class LogitFeature(Described):
    """A feature with its coefficient on the standardised scale.

    flag: whether it is a yes or no.
    """

    coefficient: float
    flag: bool = False


class Logit(Shape):
    """The chance of a yes by features known before."""

    features: list[LogitFeature]
    intercept: float
    left_out: list[LeftOut]


def fit_logit(
    rows: pd.DataFrame,
    outcome: str,
    columns: Mapping[str, Transform],
    flags: Collection[str] = (),
    *,
    often_empty: Collection[str] = (),
    weights: Sequence[np.ndarray] = (),
    penalty: float = PENALTY,
    steps: int = 0,
    rare: float = RARE,
) -> Logit:
    """The logit of the column `outcome` (true or false) on columns and flags of the same rows.

    columns: to how each is transformed; of those `often_empty`, an empty one counts as the mean.
    flags: columns of yes or no. weights: of the rows; of several the models' coefficients are
    averaged, which is a logit again. penalty: the smaller, the more the coefficients are drawn to
    zero. steps: at how many quantiles each column is cut. rare: the share of yes, or of no, beyond
    which a flag is left out.
    """
    from sklearn.linear_model import LogisticRegression  # not needed to read a stored model

    rows = rows.assign(**{c: pd.to_numeric(rows[c]).astype(float) for c in (*columns, *flags)})
    seen = [
        *[_as_number(rows[c], c, columns[c], c in often_empty) for c in columns],
        *[_as_flag(rows[c], c, rare) for c in flags],
    ]
    features = [f for f in seen if isinstance(f, LogitFeature)]
    cut = [c for f in features if not f.flag for c in _cuts(rows[f.column], f.column, steps)]
    features = [*features, *cut]
    x, y = matrix(rows, features), rows[outcome].astype(int)
    fits = [
        LogisticRegression(C=penalty, max_iter=1000).fit(x, y, sample_weight=weight)
        for weight in (weights or [np.ones(len(rows))])
    ]
    coefficients = np.mean([f.coef_[0] for f in fits], axis=0)
    return Logit(
        features=[
            f.model_copy(update={"coefficient": float(coefficient)})
            for f, coefficient in zip(features, coefficients, strict=False)
        ],
        intercept=float(np.mean([f.intercept_[0] for f in fits])),
        left_out=[f for f in seen if isinstance(f, LeftOut)],
    )


def _as_number(
    values: pd.Series, column: str, transform: Transform, often_empty: bool
) -> LogitFeature | LeftOut:
    if often_empty:
        values = values.fillna(values.mean())
    description = described(values, column, transform)
    if isinstance(description, LeftOut):
        return description
    return LogitFeature(**description.model_dump(), coefficient=0.0)


def _as_flag(values: pd.Series, column: str, rare: float) -> LogitFeature | LeftOut:
    """A yes or no as a feature, unless it is rare or nearly always so."""
    share = float(values.mean())
    if values.isna().any() or not 1 - rare <= share <= rare:
        return LeftOut(name=column, why="rare")
    return LogitFeature(
        name=column,
        column=column,
        transform="none",
        low=0.0,
        high=1.0,
        mean=share,
        sd=float(values.std()),
        missing=0.0,
        missing_share=0.0,
        flag=True,
        coefficient=0.0,
    )


def _cuts(values: pd.Series, column: str, steps: int) -> list[LogitFeature]:
    """Whether a value lies above each of so many quantiles of its column."""
    known = values.dropna()
    quantiles = known.quantile(np.arange(1, steps + 1) / (steps + 1)).unique() if steps else []
    features = []
    for cut in map(settled, quantiles):
        above = (values > cut).astype(float)
        if 1 - RARE <= above.mean() <= RARE:
            described_cut = _as_flag(above, column, RARE)
            if isinstance(described_cut, LogitFeature):
                told = {"name": f"{column} > {cut:g}", "transform": "above", "cut": cut}
                features.append(described_cut.model_copy(update={**told, "flag": False}))
    return features


def chances(rows: pd.DataFrame, model: Logit) -> np.ndarray:
    """The chance of a yes for each row; of a column that is not there, 0 is taken."""
    absent = {f.column: 0.0 for f in model.features if f.column not in rows}
    numbers = {
        f.column: pd.to_numeric(rows[f.column]).astype(float)
        for f in model.features
        if f.column in rows
    }
    x = matrix(rows.assign(**numbers, **absent), model.features)
    linear = model.intercept + x @ np.array([f.coefficient for f in model.features])
    return np.asarray(1 / (1 + np.exp(-linear)))


def needed(rows: ir.Table, model: Logit, *others: str) -> ir.Table:
    """The rows with what the model is told by and the columns named: the fewer columns, the sooner
    a query is written.
    """
    told_by = [f.column for f in model.features if f.column in rows.columns]
    return rows.select(*dict.fromkeys([*others, *told_by]))


def scored(rows: ir.Table, model: Logit, chance: str, unsaid: Collection[str] = ()) -> ir.Table:
    """The rows with the chance of a yes, as a column of the name given, and the two columns that
    raise it most above that of the average customer: first_reason and second_reason, such as
    `felt low` or `event_moved yes`; empty where nothing raises it. unsaid: reasons that are never
    given, such as `age_years low`. They are computed at once and lie in a temporary table.
    """
    there = [f for f in model.features if f.column in rows.columns]
    absent = sum(
        f.coefficient * (0 - f.mean) / f.sd for f in model.features if f.column not in rows.columns
    )
    main = {f.column: f for f in there if f.transform != "above"}
    given = rows.columns
    rows = rows.mutate(**{c: rows[c].cast("float64") for c in main})
    parts: dict[str, ir.Value] = {}
    for f in there:
        part = standardised(rows, f) * f.coefficient
        parts[f.column] = parts[f.column] + part if f.column in parts else part
    told: dict[str, ir.Value] = {}
    for i, (column, f) in enumerate(main.items()):
        above, sides = standardised(rows, f) > 0, ("yes", "no") if f.flag else ("high", "low")
        names = [f"{column} {side}" for side in sides]
        told[f"given_{i}"] = parts[column]
        told[f"name_{i}"] = ibis.ifelse(above, *map(ibis.literal, names))
        never = [ibis.literal(-1e9) if name in unsaid else parts[column] for name in names]
        told[f"said_{i}"] = ibis.ifelse(above, *never)
    # each part by itself: the time to write a query grows faster than the query
    rows = at_once(rows.mutate(**told))
    linear: ir.Value = ibis.literal(model.intercept + absent)
    for i in range(len(main)):
        linear = linear + rows[f"given_{i}"]
    most = ibis.greatest(0.0, *[rows[f"said_{i}"] for i in range(len(main))])
    rows = rows.mutate(**{chance: 1 / (1 + (-linear).exp())}, first_reason=_named(rows, most))
    others = [
        ibis.ifelse(rows.first_reason == rows[f"name_{i}"], -1e9, rows[f"said_{i}"])
        for i in range(len(main))
    ]
    rows = rows.mutate(next_=ibis.greatest(0.0, *others))
    rows = rows.mutate(second_reason=_named(rows, rows.next_))
    return at_once(rows.select(*given, chance, "first_reason", "second_reason"))


def at_once(rows: ir.Table) -> ir.Table:
    """The rows in a temporary table, so that what is asked of them is a short query."""
    name = ibis.util.gen_name("scored")
    return rows.get_backend().create_table(name, rows, temp=True)


def _named(rows: ir.Table, value: ir.Value) -> ir.Value:
    """The name of the column that gives so much; empty where none gives any."""
    name: ir.Value = ibis.literal("")
    for i in reversed(range(sum(c.startswith("said_") for c in rows.columns))):
        gives = (rows[f"said_{i}"] == value) & (value > 0)
        name = ibis.ifelse(gives, rows[f"name_{i}"], name)
    return name
