"""The bank-wide segmentation: k-means on standardised features, kept as readable JSON, scored by one expression.

k-means: Lloyd (1982), as in scikit-learn. Number of groups: highest mean silhouette (Rousseeuw 1987) among those whose
every group is recovered in bootstrap samples with a mean Jaccard similarity of at least 0.6 (Hennig 2007).
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from analysis.sources.params import Plan, Segmentation

UNSTABLE = 0.60
#: Feature to how it is transformed and the block whose weight it carries.
FEATURES = {
    "balance_end": ("log", "assets"),
    "money_in": ("log", "assets"),
    "credit_grade": ("none", "credit"),
    "transactions": ("log", "habits"),
    "cash_share": ("none", "habits"),
    "mobile_share": ("none", "habits"),
    "pos_share": ("none", "habits"),
}
MOST_REGIONS = 12
BOOTSTRAPS = 20
SAMPLE = 20_000
MIN_SHARE = 0.03


def fit_segmentation(customers: pd.DataFrame, settings: Segmentation) -> dict[str, Any]:
    """The model as plain data: per customer type its features, centres, names, plans and quality.

    customers: rows of customer_quarter (active customers of the fit quarter, or a sample of at most `SAMPLE` per type).
    A type with fewer than 60 customers is not divided: it gets one group.
    """
    return {
        str(kind): _fit_type(rows.head(SAMPLE).reset_index(drop=True), settings, settings.plans.get(str(kind), []))
        for kind, rows in customers.sort_values("customer_id").groupby("customer_type", sort=True)
    }


def _fit_type(rows: pd.DataFrame, settings: Segmentation, plans: list[Plan]) -> dict[str, Any]:
    features = _describe_features(rows, settings.block_weights)
    x = standardised(rows, features)
    most = min(settings.groups[1], len(rows) // 20)
    trials = [_trial(x, k) for k in range(settings.groups[0], most + 1)] if len(rows) >= 60 else []
    fit_for_use = [t for t in trials if min(t["jaccard"]) >= UNSTABLE and min(t["sizes"]) >= MIN_SHARE * len(rows)]
    chosen = max(fit_for_use or trials, key=lambda t: t["silhouette"]) if trials else _single(x)
    centres = np.array(chosen["centres"])
    order = np.argsort(-np.array(chosen["sizes"]), kind="stable")  # the largest group first
    centres = centres[order]
    label = nearest_centre(x, centres)
    names = _named(rows, label, len(centres), plans)
    return {
        "customers": len(rows),
        "features": features,
        "centres": [[round(float(v), 6) for v in c] for c in centres],
        "groups": [
            {**name, "customers": int((label == g).sum()), "jaccard": round(chosen["jaccard"][order[g]], 3)}
            for g, name in enumerate(names)
        ],
        "silhouette": None if chosen["silhouette"] is None else round(chosen["silhouette"], 4),
        "trials": [
            {
                "groups": len(t["sizes"]),
                "silhouette": round(t["silhouette"], 4),
                "lowest_jaccard": round(min(t["jaccard"]), 3),
                "smallest": min(t["sizes"]),
            }
            for t in trials
        ],
        "stable": bool(fit_for_use),
    }


def _describe_features(rows: pd.DataFrame, weights: dict[str, float]) -> list[dict[str, Any]]:
    """How each feature that varies is transformed, winsorised at its 1st and 99th percentile, and standardised."""
    found: list[dict[str, Any]] = []
    blocks: dict[str, int] = {}
    regions = rows["region"].value_counts().sort_index().nlargest(MOST_REGIONS).index
    wanted = [(name, name, transform, block) for name, (transform, block) in FEATURES.items()] + [
        (f"region: {r}", "region", f"is {r}", "region") for r in regions
    ]
    for name, column, transform, block in wanted:
        values = _transformed(rows[column], transform).dropna()
        if values.empty or values.std() < 1e-9:
            continue
        low, high = values.quantile([0.01, 0.99])
        clipped = values.clip(low, high)
        if clipped.std() < 1e-9:
            continue
        found.append(
            {
                "name": name,
                "column": column,
                "transform": transform,
                "block": block,
                "low": float(low),
                "high": float(high),
                "mean": float(clipped.mean()),
                "sd": float(clipped.std()),
                "missing": float(values.median()),
            }
        )
        blocks[block] = blocks.get(block, 0) + 1
    # every block carries its weight, however many features it has
    for feature in found:
        feature["weight"] = float(np.sqrt(weights.get(feature["block"], 1.0) / blocks[feature["block"]]))
    return found


def _transformed(values: pd.Series, transform: str) -> pd.Series:
    if transform.startswith("is "):
        return (values.astype("string") == transform.removeprefix("is ")).fillna(False).astype(float)
    values = values.astype(float)
    return np.sign(values) * np.log1p(values.abs()) if transform == "log" else values


def standardised(rows: pd.DataFrame, features: list[dict[str, Any]]) -> np.ndarray:
    """Customers x features as the model sees them."""
    columns = []
    for f in features:
        values = _transformed(rows[f["column"]], f["transform"]).fillna(f["missing"]).clip(f["low"], f["high"])
        columns.append(((values - f["mean"]) / f["sd"] * f["weight"]).to_numpy())
    return np.column_stack(columns) if columns else np.zeros((len(rows), 1))


def nearest_centre(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The number of the nearest centre of each row; the first one of equally near ones."""
    return ((x[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)


def _trial(x: np.ndarray, k: int) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than groups: shows in the sizes
        model = KMeans(k, n_init=10, random_state=0).fit(x)
    label = model.labels_
    sample = np.random.default_rng(0).permutation(len(x))[:3000]
    silhouette = float(silhouette_score(x[sample], label[sample])) if len(np.unique(label[sample])) > 1 else -1.0
    return {
        "centres": model.cluster_centers_.tolist(),
        "sizes": np.bincount(label, minlength=k).tolist(),
        "silhouette": silhouette,
        "jaccard": _bootstrap_jaccard(x, label, k),
    }


def _bootstrap_jaccard(x: np.ndarray, label: np.ndarray, k: int) -> list[float]:
    """Mean over bootstrap samples of each group's best Jaccard similarity with a group found in the sample (Hennig 2007)."""
    rng = np.random.default_rng(1)
    found = np.zeros(k)
    for _ in range(BOOTSTRAPS):
        sample = np.unique(rng.integers(0, len(x), len(x)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = KMeans(k, n_init=3, random_state=0).fit(x[sample]).labels_
        both = np.zeros((k, k))
        np.add.at(both, (label[sample], again), 1)
        union = both.sum(1, keepdims=True) + both.sum(0, keepdims=True) - both
        found += (both / np.maximum(union, 1)).max(axis=1)
    return [float(f) for f in found / BOOTSTRAPS]


def _single(x: np.ndarray) -> dict[str, Any]:
    return {"centres": [x.mean(axis=0).tolist()], "sizes": [len(x)], "silhouette": None, "jaccard": [1.0]}


def _named(rows: pd.DataFrame, label: np.ndarray, groups: int, plans: list[Plan]) -> list[dict[str, str]]:
    """A name and plan per group: the first plan of the params file whose conditions fit the group's median."""
    rank = rows.select_dtypes("number").astype(float).rank(pct=True)
    names: list[dict[str, str]] = []
    for g in range(groups):
        level, median = rank[label == g].median(), rows.loc[label == g, rank.columns].astype(float).median()
        fits = [
            p
            for p in plans
            if all(
                (median.get(f, 0) < 0) if want == "negative" else (_level(level.get(f)) == want)
                for f, want in p.when.items()
            )
        ]
        plan = fits[0] if fits else Plan(name=f"Group {g + 1}")
        used = sum(n["name"] == plan.name or n["name"].startswith(f"{plan.name} (") for n in names)
        name = plan.name if not used else f"{plan.name} ({used + 1})"
        names.append(
            {
                "name": name,
                "product": plan.product,
                "channel": plan.channel,
                "service": plan.service,
                "owner": plan.owner,
            }
        )
    return names


def _level(median_rank: float | None) -> str:
    if median_rank is None or np.isnan(median_rank):
        return ""
    return "high" if median_rank >= 2 / 3 - 0.05 else "low" if median_rank <= 1 / 3 + 0.05 else "middle"
