"""The bank-wide segmentation: a division into groups, kept as readable JSON with its quality card,
scored by one expression.

Whatever the method, the stored rule is the nearest centre of its groups: it can be scored in the
engine, and read. The number of groups: among divisions that fall into the best class of stability
(the least stable group's mean Jaccard similarity under resampling, Hennig 2007), the finest whose
mean silhouette (Rousseeuw 1987) is at most an eighth below the best. Customers are to be managed as
finely as their data bear; the gap statistic and BIC are shown beside it.
"""

from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from analysis.segmentation import quality
from analysis.segmentation.features import describe, matrix
from analysis.segmentation.methods import METHODS, NO_GROUP, mixture, rotated
from analysis.segmentation.naming import matched, named, names_kept
from analysis.sources.params import Plan, Segmentation
from analysis.statistics.intervals import stability_index, stability_index_by_chance

SAMPLE = 20_000  # customers of a type a model is fitted on
COMPARED = 2_000  # customers the methods are compared on
TRIED = 2_500  # customers the numbers of groups are tried on
LEAST = 60  # a type with fewer customers is not divided
MIN_SHARE = 0.03  # of the customers, in the smallest group
MOST_WITHOUT_GROUP = 0.2
NEARLY_ALL = 0.9
OVERLAP = (
    0.05  # mean silhouette below which customers are no closer to their own group than to the next
)
NEARLY_AS_GOOD = 0.125
Model = dict[str, Any]


@threadpool_limits.wrap(
    limits=1
)  # the same sums on every machine (decision 8), and no waiting for one another
def fit_segmentation(
    customers: pd.DataFrame, settings: Segmentation, before: Model | None = None
) -> Model:
    """The model as plain data: per customer type its features, centres, names, plans and quality
    card.

    customers: rows of customer_quarter (active customers of the fit quarter, or a sample of at most
    `SAMPLE` per type).
    before: the version whose names are carried on to the groups that are still the same. A type
    with fewer than `LEAST` customers, or whose customers are all alike, is not divided: it gets one
    group.
    """
    return {
        str(kind): _fit_type(
            rows.head(SAMPLE).reset_index(drop=True),
            settings,
            settings.plans.get(str(kind), []),
            (before or {}).get(str(kind)),
        )
        for kind, rows in customers.sort_values("customer_id").groupby("customer_type", sort=True)
    }


def nearest_centre(x: np.ndarray, centres: list[list[float]]) -> np.ndarray:
    """The number of the nearest centre of each row; the first one of equally near ones."""
    return np.asarray([((x - np.array(c)) ** 2).sum(axis=1) for c in centres]).argmin(axis=0)


def labels_by(part: Model, rows: pd.DataFrame) -> np.ndarray:
    """The number of the group of each customer by a stored model's type."""
    if not part["features"] or len(part["centres"]) < 2:
        return np.zeros(len(rows), dtype=int)
    return nearest_centre(matrix(rows, part["features"]), part["centres"])


def _fit_type(
    rows: pd.DataFrame, settings: Segmentation, plans: list[Plan], before: Model | None
) -> Model:
    features, left_out = describe(rows, settings.weights)
    x = matrix(rows, features)
    method = METHODS[settings.method]

    # how many groups
    tried_on = np.random.default_rng(3).permutation(len(rows))[:TRIED]
    small_x, small_rows = x[tried_on], rows.iloc[tried_on].reset_index(drop=True)
    most = min(settings.groups[1], len(rows) // 20)
    numbers = range(settings.groups[0], most + 1) if len(rows) >= LEAST and features else range(0)
    if settings.method == "hdbscan":
        numbers = (
            range(settings.groups[0], min(most, settings.groups[0]) + 1)
            if len(numbers)
            else numbers
        )
    tried = [(k, method(small_x, small_rows, k, 0)) for k in numbers]
    tried = [(k, label) for k, label in tried if len(np.unique(label[label != NO_GROUP])) > 1]
    trials = [_trial(small_x, small_rows, settings.method, k, label) for k, label in tried]
    chosen = _chosen(trials)

    # the division, and the rule it is stored as
    if chosen is None:
        label, centres = np.zeros(len(rows), dtype=int), [np.zeros(x.shape[1]).tolist()]
    else:
        label = method(x, rows, trials[chosen]["asked"], 0)
        order = [
            g for g, _n in sorted(_sizes(label), key=lambda s: (-s[1], s[0]))
        ]  # the largest group first
        centres = [[round(float(v), 6) for v in x[label == g].mean(axis=0)] for g in order]
        label = np.array([order.index(g) if g in order else NO_GROUP for g in label])
    by_rule = nearest_centre(x, centres)
    groups = len(centres)

    # names, and what the groups are like
    old = (
        {}
        if before is None
        else names_kept(
            labels_by(before, rows), by_rule, [g["name"] for g in before["groups"]], groups
        )
    )
    names = named(rows, by_rule, groups, plans, old)
    silhouette, each = quality.silhouettes(x, by_rule)
    stability, rand = (
        ([1.0], 1.0)
        if chosen is None
        else quality.bootstrap_stability(
            small_x, small_rows, method, by_rule[tried_on], trials[chosen]["asked"]
        )
    )
    # a group may have nobody left by the rule
    stability = [*stability, *[0.0] * (groups - len(stability))]
    each = [*each, *[float("nan")] * (groups - len(each))]
    columns = raw_columns(features)
    return {
        "customers": len(rows),
        "features": features,
        "left_out": left_out,
        "centres": centres,
        "groups": [
            {
                **name,
                "customers": int((by_rule == g).sum()),
                "jaccard": round(stability[g], 3),
                "stability": quality.stability_class(stability[g]),
                "silhouette": _rounded(each[g]),
                "large_enough": bool((by_rule == g).sum() >= MIN_SHARE * len(rows)),
            }
            for g, name in enumerate(names)
        ],
        "silhouette": _rounded(silhouette),
        "bootstrap_rand": _rounded(rand),
        "agreement": _rounded(float((label == by_rule).mean()) if len(label) else 1.0),
        "eta_squared": {
            c: _rounded(v) for c, v in quality.eta_squared(rows, columns, by_rule).items()
        },
        "trials": trials,
        "chosen": None if chosen is None else trials[chosen]["groups"],
        "clustergram": quality.clustergram(small_x, dict(tried)) if trials else [],
        "rules": quality.rules_in_words(rows, columns, by_rule, groups) if groups > 1 else None,
        "comparison": compare(x, rows, columns, settings.method, by_rule) if groups > 1 else [],
        "bins": _bins(x),
    }


def raw_columns(features: list[dict[str, Any]]) -> list[str]:
    """The columns of customer_quarter behind the features, as a reader knows them: shares instead
    of log-ratios.
    """
    return list(dict.fromkeys(f["name"] for f in features if f["transform"] != "is"))


def _trial(
    x: np.ndarray, rows: pd.DataFrame, method: str, asked: int, label: np.ndarray
) -> dict[str, Any]:
    stability, rand = quality.bootstrap_stability(x, rows, METHODS[method], label, asked)
    silhouette, _each = quality.silhouettes(x, label)
    gap, gap_error = quality.gap(x[:COMPARED], label[:COMPARED], asked)
    sizes = [n for _g, n in _sizes(label)]
    return {
        "groups": len(sizes),
        "asked": asked,
        "silhouette": _rounded(silhouette),
        "gap": _rounded(gap),
        "gap_error": _rounded(gap_error),
        "bic": round(float(mixture(x[:COMPARED], asked, 0).bic(rotated(x[:COMPARED]))), 0),
        "lowest_jaccard": round(min(stability, default=0.0), 3),
        "stability": quality.stability_class(min(stability)),
        "rand": _rounded(rand),
        "smallest": min(sizes),
        "smallest_share": _rounded(min(sizes) / len(label)),
    }


def _chosen(trials: list[dict[str, Any]]) -> int | None:
    """Which trial is taken: of those with large enough groups and in the best class of stability,
    the finest division whose silhouette is at most an eighth below the best of them.
    """
    if not trials:
        return None
    classes = ("unstable", "doubtful", "stable", "highly stable")
    merit = [(t["smallest_share"] >= MIN_SHARE, classes.index(t["stability"])) for t in trials]
    best = [i for i, m in enumerate(merit) if m == max(merit)]
    highest = max(trials[i]["silhouette"] or -1.0 for i in best)
    return max(
        i
        for i in best
        if (trials[i]["silhouette"] or -1.0) >= highest - NEARLY_AS_GOOD * abs(highest)
    )


def compare(
    x: np.ndarray, rows: pd.DataFrame, columns: list[str], in_force: str, by_rule: np.ndarray
) -> list[dict[str, Any]]:
    """Every method on the same customers (at most `COMPARED`) with the number of groups in force.

    Per method: groups, customers, silhouette, eta_squared (mean over the features), lowest_jaccard,
    rand (under resampling), without_group, agreement (adjusted Rand index with the groups in
    force), and `fails`: the reasons against it, of without_group, one_group, small_group, unstable,
    overlap.
    """
    chosen = np.random.default_rng(4).permutation(len(rows))[:COMPARED]
    x, rows, force = x[chosen], rows.iloc[chosen].reset_index(drop=True), by_rule[chosen]
    groups = int(by_rule.max()) + 1
    found = []
    for name, method in METHODS.items():
        label = method(x, rows, groups, 0)
        grouped = label != NO_GROUP
        sizes = [n for _g, n in _sizes(label)]
        without = float((~grouped).mean())
        stability, rand = quality.bootstrap_stability(x, rows, method, label, groups, 5)
        silhouette = quality.silhouettes(x, label)[0]
        eta = quality.eta_squared(rows, columns, label)  # those in no group count as one

        fails = [
            reason
            for reason, holds in (
                ("without_group", without > MOST_WITHOUT_GROUP),
                ("one_group", not sizes or max(sizes) > NEARLY_ALL * grouped.sum()),
                ("small_group", bool(sizes) and min(sizes) < MIN_SHARE * len(label)),
                ("unstable", min(stability, default=0.0) < quality.DOUBTFUL),
                ("overlap", not silhouette > OVERLAP),
            )
            if holds
        ]
        found.append(
            {
                "method": name,
                "in_force": name == in_force,
                "groups": len(sizes),
                "customers": len(label),
                "silhouette": _rounded(silhouette),
                "eta_squared": _rounded(
                    float(np.mean(list(eta.values()))) if eta else float("nan")
                ),
                "lowest_jaccard": round(min(stability, default=0.0), 3),
                "rand": _rounded(rand),
                "without_group": _rounded(without),
                "agreement": _rounded(quality.adjusted_rand_score(force, label)),
                "fails": fails,
            }
        )
    return found


@threadpool_limits.wrap(limits=1)
def drift(part: Model, rows: pd.DataFrame, weights: dict[str, float]) -> dict[str, Any]:
    """How far customers of a later quarter have moved from those the model was fitted on, and what
    a fit today would give.

    rows: active customers of one type (a sample). Returns n, per feature its population stability
    index Σ (p − q) ln(p / q) over ten bins (Siddiqi 2006) with the value that chance alone exceeds
    once in twenty, and, for a k-means fit on today's customers with as many groups, the adjusted
    Rand index with the groups in force and per group the Jaccard similarity with the one that it is
    matched to.
    """
    x = matrix(rows, part["features"])
    found = []
    for i, feature in enumerate(part["features"]):
        edges, expected = np.array(part["bins"][i]["edges"]), np.array(part["bins"][i]["shares"])
        now = np.bincount(
            np.searchsorted(edges, x[:, i], side="right"), minlength=len(expected)
        ) / max(len(x), 1)
        chance = stability_index_by_chance(len(expected), len(x), part["customers"])
        found.append(
            {
                "feature": feature["name"],
                "psi": _rounded(stability_index(expected, now)),
                "by_chance": _rounded(chance),
            }
        )
    result: dict[str, Any] = {"n": len(rows), "features": found, "rand": None, "matched": []}
    groups = len(part["centres"])
    if groups > 1 and len(rows) >= LEAST:
        today, _left_out = describe(rows, weights)
        fresh = METHODS["k-means"](matrix(rows, today), rows, groups, 0)
        force = nearest_centre(x, part["centres"])
        result["rand"] = _rounded(quality.adjusted_rand_score(force, fresh))
        result["matched"] = [
            {"group": part["groups"][a]["name"], "jaccard": _rounded(s)}
            for a, _b, s in matched(force, fresh, groups, int(fresh.max()) + 1)
        ]
    return result


def _bins(x: np.ndarray) -> list[dict[str, list[float]]]:
    """Per feature the deciles of the fit and the share of customers between them."""
    bins = []
    for i in range(x.shape[1]):
        edges = (
            np.unique(np.quantile(x[:, i], np.linspace(0.1, 0.9, 9)).round(6))
            if len(x)
            else np.array([])
        )
        counts = np.bincount(
            np.searchsorted(edges, x[:, i], side="right"), minlength=len(edges) + 1
        )
        bins.append(
            {"edges": edges.tolist(), "shares": (counts / max(len(x), 1)).round(6).tolist()}
        )
    return bins


def _sizes(label: np.ndarray) -> list[tuple[int, int]]:
    values, counts = np.unique(label[label != NO_GROUP], return_counts=True)
    return [(int(v), int(c)) for v, c in zip(values, counts, strict=True)]


def _rounded(value: float) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 4)
