"""What customers are compared on: each feature with its reason, how it is transformed, and how far
it may reach.

Amounts pass through the inverse hyperbolic sine (Burbidge, Magee and Robb 1988), which is a
logarithm far from zero and a straight line near it, so that an overdraft of 10 and a balance of 10
stay neighbours. Channel counts are a composition (Aitchison 1986): centred log-ratios of the
counts, after adding four entries spread as the bank's are, which takes care of zeros and draws
customers with few entries towards the average (Martín-Fernández and others 2015). All values are
held within the 1st and 99th percentile of the fit (winsorised); an empty one takes the median, and
the share of them is kept.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.contract.tables import CHANNELS


@dataclass(frozen=True)
class Feature:
    """A column of customer_quarter that customers are compared on."""

    column: str
    block: str
    transform: str  # none, log, asinh
    reason: str
    share: float = 1.0  # of its block, against the others


FEATURES = (
    Feature("balance_end", "assets", "asinh", "what the customer has with the bank"),
    Feature("money_in", "assets", "asinh", "monetary value: what passes through in a quarter"),
    Feature("assets_trend", "assets", "none", "whether assets grow or shrink"),
    Feature(
        "credit_grade",
        "credit",
        "none",
        "the bank's own summary of the credit risk, so it counts twice",
        2.0,
    ),
    Feature("credit_utilisation", "credit", "none", "how much of the limit is drawn"),
    Feature("instalments_missed", "credit", "none", "arrears of the quarter"),
    Feature("recency_days", "activity", "log", "recency: days since the last own entry"),
    Feature("transactions", "activity", "log", "frequency: own entries in the quarter"),
    Feature("active_weeks", "activity", "none", "regularity: weeks with an own entry"),
    Feature("counterparties", "activity", "log", "with how many others the customer deals"),
    Feature("cash_share", "habits", "none", "cash against all money moved"),
    Feature("evening_share", "habits", "none", "time of day"),
    Feature("month_start_share", "habits", "none", "time of month"),
    Feature("products_held", "habits", "none", "use of products"),
)
#: Channels a customer chooses; those with less than a hundredth of all entries are left out.
CHOSEN_CHANNELS = tuple(c for c in CHANNELS if c not in ("system", "other"))
CHANNEL_REASON = "which channels the customer chooses, against each other"
REGION_REASON = "where the customer lives"
PRIOR_ENTRIES = 4.0
MOST_REGIONS = 12
MOST_MISSING = 0.5
Described = dict[str, Any]


def describe(
    rows: pd.DataFrame, weights: dict[str, float]
) -> tuple[list[Described], list[dict[str, str]]]:
    """How each feature is seen by the model, as plain data, and which were left out and why.

    rows: customer_quarter of active customers of one type. weights: block to its share of the
    squared distance. A feature that does not vary or is empty for more than half is left out; the
    weight of a block goes to those that remain.
    """
    found: list[Described] = []
    left_out: list[dict[str, str]] = []
    for f in FEATURES:
        given = described(rows[f.column], f.column, f.transform)
        if isinstance(given, str):
            left_out.append({"name": f.column, "why": given})
        else:
            found.append({**given, "block": f.block, "reason": f.reason, "share": f.share})
    found += _composition(rows) + _regions(rows)
    total: dict[str, float] = {}
    for feature in found:
        total[feature["block"]] = total.get(feature["block"], 0.0) + feature["share"]
    for feature in found:
        block = feature["block"]
        feature["weight"] = float(
            np.sqrt(weights.get(block, 1.0) * feature.pop("share") / total[block])
        )
    return found, left_out


def settled(value: float) -> float:
    """Twelve digits of a sum over rows: what lies behind depends on the order in which they were
    added.
    """
    return float(f"{value:.12g}")


def described(values: pd.Series, column: str, transform: str) -> Described | str:
    """How one column is seen by a model, fitted on its values; or why it cannot be used: missing
    (for more than half) or constant.
    """
    values = values.astype(float)
    size = values.abs()[values != 0].median()
    scale = float(size) if transform == "asinh" and size > 0 else 1.0
    seen = transformed(values, transform, scale)
    missing = float(seen.isna().mean()) if len(seen) else 1.0
    if missing > MOST_MISSING:
        return "missing"
    low, high = (float(q) for q in seen.quantile([0.01, 0.99]))
    clipped = seen.clip(low, high)
    if not clipped.std() > 1e-9:
        return "constant"
    return {
        "name": column,
        "column": column,
        "transform": transform,
        "scale": scale,
        "low": settled(low),
        "high": settled(high),
        "mean": settled(clipped.mean()),
        "sd": settled(clipped.std()),
        "missing": settled(seen.median()),
        "missing_share": missing,
    }


def transformed(values: pd.Series, transform: str, scale: float = 1.0) -> pd.Series:
    """Values as the model sees them, before they are held within bounds."""
    values = values.astype(float)
    if transform == "log":
        return np.log1p(values)
    return np.arcsinh(values / scale) if transform == "asinh" else values


def matrix(rows: pd.DataFrame, features: list[Described]) -> np.ndarray:
    """Customers × features, standardised and weighted; a column of zeros where nothing varies."""
    columns = []
    for f in features:
        if f["transform"] == "logratio":
            logs = [
                np.log(rows[c].astype(float) + p)
                for c, p in zip(f["parts"], f["priors"], strict=True)
            ]
            seen = logs[f["parts"].index(f["column"])] - sum(logs) / len(logs)
        elif f["transform"] == "is":
            seen = (rows[f["column"]].astype("string") == f["value"]).fillna(False).astype(float)
        else:
            seen = transformed(rows[f["column"]], f["transform"], f["scale"])
        seen = seen.fillna(f["missing"]).clip(f["low"], f["high"])
        columns.append(((seen - f["mean"]) / f["sd"] * f["weight"]).to_numpy())
    return np.column_stack(columns) if columns else np.zeros((len(rows), 1))


def _composition(rows: pd.DataFrame) -> list[Described]:
    """The channels a customer chooses, as centred log-ratios that share one scale, so that their
    geometry is kept.
    """
    counts = rows[[f"channel_{c}" for c in CHOSEN_CHANNELS]].astype(float)
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
        {
            "name": f"{part.removeprefix('channel_')}_share",
            "column": part,
            "transform": "logratio",
            "block": "channels",
            "reason": CHANNEL_REASON,
            "parts": parts,
            "priors": priors,
            "low": float(low[i]),
            "high": float(high[i]),
            "mean": float(ratios[:, i].mean()),
            "sd": scale,
            "missing": float(np.median(ratios[:, i])),
            "missing_share": 0.0,
            "share": 1.0,
        }
        for i, part in enumerate(parts)
    ]


def _regions(rows: pd.DataFrame) -> list[Described]:
    found = []
    regions = rows["region"].astype("string")
    for region in regions.value_counts().sort_index().nlargest(MOST_REGIONS).index:
        lives = (regions == region).fillna(False).astype(float)
        if lives.std() > 1e-9:
            found.append(
                {
                    "name": f"region: {region}",
                    "column": "region",
                    "transform": "is",
                    "value": str(region),
                    "block": "region",
                    "reason": REGION_REASON,
                    "low": 0.0,
                    "high": 1.0,
                    "mean": float(lives.mean()),
                    "sd": float(lives.std()),
                    "missing": 0.0,
                    "missing_share": float(regions.isna().mean()),
                    "share": 1.0,
                }
            )
    return found
