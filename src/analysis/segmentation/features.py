"""What customers are compared on: each feature with its reason, how it is transformed, and how far
it may reach.

Amounts pass through the inverse hyperbolic sine (Burbidge, Magee and Robb 1988), which is a
logarithm far from zero and a straight line near it, so that an overdraft of 10 and a balance of 10
stay neighbours. Channel counts are a composition (Aitchison 1986): centred log-ratios of the
counts, after adding four entries spread as the bank's are, which takes care of zeros and draws
customers with few entries towards the average (Martín-Fernández and others 2015). All values are
held within the 1st and 99th percentile of the fit (winsorised); an empty one takes the median, and
the share of them is kept. A feature that is the same for nearly all (near-zero variance; Kuhn and
Johnson 2013) is left out: it would set the few who differ apart, whatever else they do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.contract.tables import CHANNELS
from analysis.language import marked
from analysis.shape import Shape


@dataclass(frozen=True)
class Feature:
    """A column of customer_quarter that customers are compared on."""

    column: str
    block: str
    transform: Literal["none", "log", "asinh"]
    reason: str
    share: float = 1.0  # of its block, against the others


FEATURES = (
    Feature("balance_end", "assets", "asinh", marked("what the customer has with the bank")),
    Feature(
        "money_in", "assets", "asinh", marked("monetary value: what passes through in a quarter")
    ),
    Feature("assets_trend", "assets", "none", marked("whether assets grow or shrink")),
    Feature(
        "credit_grade",
        "credit",
        "none",
        marked("the bank's own summary of the credit risk, so it counts twice"),
        2.0,
    ),
    Feature("credit_utilisation", "credit", "none", marked("how much of the limit is drawn")),
    Feature("instalments_missed", "credit", "none", marked("arrears of the quarter")),
    Feature("recency_days", "activity", "log", marked("recency: days since the last own entry")),
    Feature("transactions", "activity", "log", marked("frequency: own entries in the quarter")),
    Feature("active_weeks", "activity", "none", marked("regularity: weeks with an own entry")),
    Feature("counterparties", "activity", "log", marked("with how many others the customer deals")),
    Feature("cash_share", "habits", "none", marked("cash against all money moved")),
    Feature("evening_share", "habits", "none", marked("time of day")),
    Feature("month_start_share", "habits", "none", marked("time of month")),
    Feature("products_held", "habits", "none", marked("use of products")),
)
#: Channels a customer chooses; those with less than a hundredth of all entries are left out.
CHOSEN_CHANNELS = tuple(c for c in CHANNELS if c not in ("system", "other"))
CHANNEL_REASON = marked("which channels the customer chooses, against each other")
REGION_REASON = marked("where the customer lives")
PRIOR_ENTRIES = 4.0
MOST_REGIONS = 12
MOST_MISSING = 0.5
#: A feature is the same for nearly all where its most frequent value is over so many times as
#: frequent as the next, and it has fewer different values than this share of the customers.
NEARLY_ALL_TIMES, FEW_VALUES = 19, 0.10


class Described(Shape):
    """How a column is seen by a model, fitted on its values.

    transform: what it passes through first; logratio: of the counts `parts`, after adding `priors`;
    is: whether it is `value`; above: whether it is more than `cut`.
    low, high: what it is held within, after that; mean, sd: of what it then is.
    missing: what an empty one takes; missing_share: how many are empty.
    weight: what a standard deviation counts for.
    """

    name: str
    column: str
    transform: Literal["none", "log", "asinh", "logratio", "is", "above"]
    low: float
    high: float
    mean: float
    sd: float
    missing: float
    missing_share: float
    scale: float = 1.0
    parts: list[str] = []
    priors: list[float] = []
    value: str = ""
    cut: float = 0.0
    block: str = ""
    reason: str = ""
    weight: float = 1.0


class LeftOut(Shape):
    """A column that a model cannot use, and why."""

    name: str
    why: str


def describe(
    customers: pd.DataFrame, weights: dict[str, float]
) -> tuple[list[Described], list[LeftOut]]:
    """How each feature is seen by the model, and which were left out and why.

    customers: customer_quarter of active customers of one type. weights: block to its share of the
    squared distance. A feature that is the same for nearly all or empty for more than half is left
    out; the weight of a block goes to those that remain.
    """
    seen: list[tuple[Described, float]] = []
    left_out = []
    for f in FEATURES:
        given = described(customers[f.column], f.column, f.transform)
        if isinstance(given, Described) and same_for_nearly_all(customers[f.column]):
            given = LeftOut(name=f.column, why="constant")
        if isinstance(given, Described):
            update = {"block": f.block, "reason": f.reason}
            seen.append((given.model_copy(update=update), f.share))
        else:
            left_out.append(given)
    seen += [(f, 1.0) for f in [*_composition(customers), *_regions(customers)]]
    total: dict[str, float] = {}
    for feature, share in seen:
        total[feature.block] = total.get(feature.block, 0.0) + share
    return [_weighted(f, weights.get(f.block, 1.0) * s / total[f.block]) for f, s in seen], left_out


def same_for_nearly_all(values: pd.Series) -> bool:
    """Whether few customers differ from the others in this (Kuhn and Johnson 2013)."""
    counts = values.value_counts()
    return bool(
        len(counts) > 1
        and counts.iloc[0] > NEARLY_ALL_TIMES * counts.iloc[1]
        and len(counts) < FEW_VALUES * counts.sum()
    )


def _weighted(feature: Described, share: float) -> Described:
    """The feature with its share of the squared distance."""
    return feature.model_copy(update={"weight": float(np.sqrt(share))})


def settled(value: float) -> float:
    """Twelve digits of a sum over rows: what lies behind depends on the order in which they were
    added.
    """
    return float(f"{value:.12g}")


def described(
    values: pd.Series, column: str, transform: Literal["none", "log", "asinh"]
) -> Described | LeftOut:
    """How one column is seen by a model, fitted on its values; or why it cannot be used: missing
    (for more than half) or constant.
    """
    numbers = as_numbers(values)
    scale = 1.0
    if transform == "asinh":
        sizes = np.abs(numbers[(numbers != 0) & ~np.isnan(numbers)])
        scale = float(np.median(sizes)) if len(sizes) else 1.0
    seen = transformed(numbers, transform, scale)
    there = seen[~np.isnan(seen)]
    missing = 1 - len(there) / len(seen) if len(seen) else 1.0
    if missing > MOST_MISSING:
        return LeftOut(name=column, why="missing")
    low, high = (float(q) for q in np.quantile(there, [0.01, 0.99]))
    clipped = there.clip(low, high)
    if len(clipped) < 2 or not clipped.std(ddof=1) > 1e-9:
        return LeftOut(name=column, why="constant")
    return Described(
        name=column,
        column=column,
        transform=transform,
        scale=scale,
        low=settled(low),
        high=settled(high),
        mean=settled(clipped.mean()),
        sd=settled(clipped.std(ddof=1)),
        missing=settled(np.median(there)),
        missing_share=missing,
    )


def as_numbers(values: pd.Series) -> np.ndarray:
    """A column as numbers, empty ones being not a number."""
    return values.to_numpy(dtype=float, na_value=np.nan)


def transformed(values: np.ndarray, transform: str, scale: float = 1.0) -> np.ndarray:
    """Values as the model sees them, before they are held within bounds."""
    if transform == "log":
        return np.log1p(values)
    return np.arcsinh(values / scale) if transform == "asinh" else values


def matrix(customers: pd.DataFrame, features: Sequence[Described]) -> np.ndarray:
    """Customers × features, standardised and weighted; a column of zeros where nothing varies."""
    columns = []
    for f in features:
        if f.transform == "logratio":
            logs = [
                np.log(as_numbers(customers[c]) + p) for c, p in zip(f.parts, f.priors, strict=True)
            ]
            seen = logs[f.parts.index(f.column)] - sum(logs) / len(logs)
        elif f.transform == "is":
            is_it = (customers[f.column].astype("string") == f.value).fillna(False)
            seen = is_it.to_numpy(dtype=float)
        elif f.transform == "above":
            seen = (as_numbers(customers[f.column]) > f.cut).astype(float)
        else:
            seen = transformed(as_numbers(customers[f.column]), f.transform, f.scale)
        seen = np.where(np.isnan(seen), f.missing, seen).clip(f.low, f.high)
        columns.append((seen - f.mean) / f.sd * f.weight)
    return np.column_stack(columns) if columns else np.zeros((len(customers), 1))


def _composition(customers: pd.DataFrame) -> list[Described]:
    """The channels a customer chooses, as centred log-ratios that share one scale, so that their
    geometry is kept.
    """
    counts = customers[[f"channel_{c}" for c in CHOSEN_CHANNELS]].astype(float)
    share = counts.sum() / max(counts.to_numpy().sum(), 1)
    parts = [c for c in counts.columns if share[c] >= 0.01]
    if len(parts) < 2:
        return []
    priors = [float(PRIOR_ENTRIES * share[p] / share[parts].sum()) for p in parts]
    logs = np.log(counts[parts].to_numpy() + priors)
    ratios = logs - logs.mean(axis=1, keepdims=True)
    low, high = np.quantile(ratios, [0.01, 0.99], axis=0)
    ratios = ratios.clip(low, high)
    scale = float(np.sqrt(ratios.var(axis=0).mean()))
    if not scale > 1e-9:
        return []
    return [
        Described(
            name=f"{part.removeprefix('channel_')}_share",
            column=part,
            transform="logratio",
            block="channels",
            reason=CHANNEL_REASON,
            parts=parts,
            priors=priors,
            low=float(low[i]),
            high=float(high[i]),
            mean=float(ratios[:, i].mean()),
            sd=scale,
            missing=float(np.median(ratios[:, i])),
            missing_share=0.0,
        )
        for i, part in enumerate(parts)
    ]


def _regions(customers: pd.DataFrame) -> list[Described]:
    """Whether the customer lives in each of the largest regions."""
    regions = customers["region"].astype("string")
    features = []
    for region in regions.value_counts().sort_index().nlargest(MOST_REGIONS).index:
        lives = (regions == region).fillna(False).astype(float)
        if lives.std() > 1e-9:
            features.append(
                Described(
                    name=f"region: {region}",
                    column="region",
                    transform="is",
                    value=str(region),
                    block="region",
                    reason=REGION_REASON,
                    low=0.0,
                    high=1.0,
                    mean=float(lives.mean()),
                    sd=float(lives.std()),
                    missing=0.0,
                    missing_share=float(regions.isna().mean()),
                )
            )
    return features
