"""How good a division into groups is: how well separated, how stable, and in which words it can be
told.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from analysis.segmentation.methods import NO_GROUP, Method

#: Mean Jaccard similarity under resampling from which a group is called doubtful, stable, highly
#: stable (Hennig 2007).
DOUBTFUL, STABLE, HIGHLY_STABLE = 0.60, 0.75, 0.85
MOST_FOR_SILHOUETTE = 2_500
BOOTSTRAPS = 20
GAP_REFERENCES = 10


def stability_class(jaccard: float) -> str:
    """What a group's mean Jaccard similarity is called: unstable below 0.60, doubtful to 0.75,
    stable to 0.85, highly stable above.
    """
    if jaccard < DOUBTFUL:
        return "unstable"
    if jaccard <= STABLE:
        return "doubtful"
    return "stable" if jaccard <= HIGHLY_STABLE else "highly stable"


def silhouettes(x: np.ndarray, label: np.ndarray, seed: int = 0) -> tuple[float, list[float]]:
    """The mean silhouette (Rousseeuw 1987) of the customers in a group, and of each group; on a
    sample of at most `MOST_FOR_SILHOUETTE`. Not a number where there is one group only.
    """
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(label != NO_GROUP))[
        :MOST_FOR_SILHOUETTE
    ]
    groups = int(label.max()) + 1 if len(label) else 0
    if len(np.unique(label[chosen])) < 2 or len(np.unique(label[chosen])) >= len(chosen):
        return float("nan"), [float("nan")] * max(groups, 1)
    value = silhouette_samples(x[chosen], label[chosen])
    each = [
        float(value[label[chosen] == g].mean()) if (label[chosen] == g).any() else float("nan")
        for g in range(groups)
    ]
    return float(value.mean()), each


def bootstrap_stability(
    x: np.ndarray,
    rows: pd.DataFrame,
    method: Method,
    label: np.ndarray,
    groups: int,
    times: int = BOOTSTRAPS,
) -> tuple[list[float], float]:
    """Per group its mean best Jaccard similarity with a group found in a bootstrap sample (Hennig
    2007), and the mean adjusted Rand index between the samples' division and this one (Hubert and
    Arabie 1985).
    """
    rng = np.random.default_rng(1)
    count = int(label.max()) + 1 if len(label) else 0
    found, rand = np.zeros(count), 0.0
    for _time in range(times):
        sample = np.unique(rng.integers(0, len(x), len(x)))
        again = method(x[sample], rows.iloc[sample].reset_index(drop=True), groups, 0)
        found += overlap(label[sample], again, count, int(again.max()) + 1).max(axis=1, initial=0.0)
        rand += adjusted_rand_score(label[sample], again)
    return [float(f) for f in found / times], float(rand / times)


def gap(x: np.ndarray, label: np.ndarray, groups: int) -> tuple[float, float]:
    """Gap statistic and its standard error (Tibshirani, Walther and Hastie 2001): how much tighter
    the groups are than k-means groups of customers without structure, drawn evenly from a box along
    the principal axes.
    """
    grouped = x[label != NO_GROUP]
    mine = label[label != NO_GROUP]
    within = sum(
        ((grouped[mine == g] - grouped[mine == g].mean(axis=0)) ** 2).sum() for g in np.unique(mine)
    )
    if within <= 0:
        return float("nan"), float("nan")
    axes = np.linalg.eigh(np.cov(x.T).reshape(x.shape[1], x.shape[1]))[1]
    along = x @ axes
    rng = np.random.default_rng(2)
    logs = []
    for _time in range(GAP_REFERENCES):
        reference = rng.uniform(along.min(axis=0), along.max(axis=0), along.shape)
        logs.append(np.log(KMeans(groups, n_init=1, random_state=0).fit(reference).inertia_))
    return float(np.mean(logs) - np.log(within)), float(
        np.std(logs) * np.sqrt(1 + 1 / GAP_REFERENCES)
    )


def eta_squared(rows: pd.DataFrame, columns: list[str], label: np.ndarray) -> dict[str, float]:
    """Share of each column's variance, of ranks because money is skewed, that lies between the
    groups (Fisher 1925).
    """
    result = {}
    for column in columns:
        ranks = rows[column].astype(float).rank(pct=True)
        known = ranks.notna().to_numpy()
        value, group = ranks[known], pd.Series(label, index=ranks.index)[known]
        total = ((value - value.mean()) ** 2).sum()
        if total > 1e-12 and group.nunique() > 1:
            result[column] = float(
                ((value.groupby(group).transform("mean") - value.mean()) ** 2).sum() / total
            )
    return result


def clustergram(x: np.ndarray, labels: dict[int, np.ndarray]) -> list[dict[str, Any]]:
    """How the groups split as their number grows (Schonlau 2002): per number and group its
    customers, the mean of their first principal component, and how many come from each group of the
    number before.
    """
    first = np.linalg.eigh(np.cov(x.T).reshape(x.shape[1], x.shape[1]))[1][:, -1]
    first = first * np.sign(first[np.abs(first).argmax()])  # an axis has no direction of its own
    score = (x - x.mean(axis=0)) @ first
    found = []
    before: np.ndarray | None = None
    for groups, label in sorted(labels.items()):
        for g in range(int(label.max()) + 1):
            mine = label == g
            came: Sequence[int] | np.ndarray = (
                []
                if before is None
                else np.bincount(before[mine & (before >= 0)], minlength=int(before.max()) + 1)
            )
            found.append(
                {
                    "groups": groups,
                    "group": g,
                    "customers": int(mine.sum()),
                    "score": round(float(score[mine].mean()), 4) if mine.any() else 0.0,
                    "from": [int(n) for n in came],
                }
            )
        before = label
    return found


def rules_in_words(
    rows: pd.DataFrame, columns: list[str], label: np.ndarray, groups: int
) -> dict[str, Any]:
    """A shallow decision tree (CART; Breiman and others 1984) that tells the groups apart by
    features as they are.

    Returns accuracy (share put into the right group under five-fold cross-validation), largest (the
    share of the largest group, which is what guessing reaches), n, and the leaves: group,
    customers, right (of them), and the conditions feature, above or at most, value.
    """
    values = rows[columns].astype(float)
    values = values.fillna(values.median()).fillna(0.0)
    sizes = np.bincount(label, minlength=groups)
    folds = int(min(5, sizes[sizes > 0].min()))
    tree = DecisionTreeClassifier(
        max_depth=4,
        max_leaf_nodes=2 * groups,
        min_samples_leaf=max(len(rows) // 100, 10),
        random_state=0,
    )
    right: float | None = None
    if folds >= 2:
        split = StratifiedKFold(folds, shuffle=True, random_state=0)
        right = float((cross_val_predict(tree, values.to_numpy(), label, cv=split) == label).mean())
    fitted = tree.fit(values.to_numpy(), label).tree_
    leaves: list[dict[str, Any]] = []

    def follow(node: int, conditions: list[dict[str, Any]]) -> None:
        if fitted.children_left[node] < 0:
            shares = fitted.value[node][0]
            n = int(fitted.n_node_samples[node])
            best = int(shares.argmax())
            leaves.append(
                {
                    "group": int(tree.classes_[best]),
                    "customers": n,
                    "right": round(float(shares[best] / shares.sum()), 4),
                    "conditions": conditions,
                }
            )
            return
        feature, at = columns[fitted.feature[node]], round(float(fitted.threshold[node]), 4)
        follow(
            fitted.children_left[node],
            [*conditions, {"feature": feature, "above": False, "value": at}],
        )
        follow(
            fitted.children_right[node],
            [*conditions, {"feature": feature, "above": True, "value": at}],
        )

    follow(0, [])
    leaves.sort(key=lambda leaf: (leaf["group"], -leaf["customers"]))
    return {
        "accuracy": right,
        "largest": float(sizes.max() / sizes.sum()),
        "n": len(rows),
        "leaves": leaves,
    }


def overlap(one: np.ndarray, other: np.ndarray, groups_one: int, groups_other: int) -> np.ndarray:
    """Jaccard similarity of every group of one division with every group of the other, over the
    same customers.
    """
    both = np.zeros((groups_one, groups_other))
    known = (one != NO_GROUP) & (other != NO_GROUP)
    np.add.at(both, (one[known], other[known]), 1)
    mine = np.bincount(one[one != NO_GROUP], minlength=groups_one)[:, None]
    theirs = np.bincount(other[other != NO_GROUP], minlength=groups_other)[None]
    return both / np.maximum(mine + theirs - both, 1)
