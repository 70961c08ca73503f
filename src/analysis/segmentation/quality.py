"""How good a division into groups is: how well separated, how stable, and in which words it can be
told.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from analysis.segmentation.fitted import (
    DOUBTFUL,
    HIGHLY_STABLE,
    STABLE,
    Condition,
    Leaf,
    RuleTree,
    Split,
)
from analysis.segmentation.methods import NO_GROUP, Method

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
    grouped = np.flatnonzero(label != NO_GROUP)
    chosen = np.random.default_rng(seed).permutation(grouped)[:MOST_FOR_SILHOUETTE]
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
    customers: pd.DataFrame,
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
    jaccard, rand = np.zeros(count), 0.0
    for _time in range(times):
        sample = np.unique(rng.integers(0, len(x), len(x)))
        again = method(x[sample], customers.iloc[sample].reset_index(drop=True), groups, 0)
        similar = overlap(label[sample], again, count, int(again.max()) + 1)
        jaccard += similar.max(axis=1, initial=0.0)
        rand += adjusted_rand_score(label[sample], again)
    return [float(j) for j in jaccard / times], float(rand / times)


def gap(x: np.ndarray, label: np.ndarray, groups: int) -> tuple[float, float]:
    """Gap statistic and its standard error (Tibshirani, Walther and Hastie 2001): how much tighter
    the groups are than k-means groups of customers without structure, drawn evenly from a box along
    the principal axes.
    """
    grouped = x[label != NO_GROUP]
    group = label[label != NO_GROUP]
    within = sum(
        ((grouped[group == g] - grouped[group == g].mean(axis=0)) ** 2).sum()
        for g in np.unique(group)
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
    error = np.std(logs) * np.sqrt(1 + 1 / GAP_REFERENCES)
    return float(np.mean(logs) - np.log(within)), float(error)


def eta_squared(customers: pd.DataFrame, columns: list[str], label: np.ndarray) -> dict[str, float]:
    """Share of each column's variance, of ranks because money is skewed, that lies between the
    groups (Fisher 1925).
    """
    shares = {}
    for column in columns:
        ranks = customers[column].astype(float).rank(pct=True)
        filled = ranks.notna().to_numpy()
        value, group = ranks[filled], pd.Series(label, index=ranks.index)[filled]
        total = ((value - value.mean()) ** 2).sum()
        if total > 1e-12 and group.nunique() > 1:
            means = value.groupby(group).transform("mean")
            shares[column] = float(((means - value.mean()) ** 2).sum() / total)
    return shares


def clustergram(x: np.ndarray, labels: dict[int, np.ndarray]) -> list[Split]:
    """How the groups split as their number grows (Schonlau 2002): per number and group its
    customers, the mean of their first principal component, and how many come from each group of the
    number before.
    """
    first = np.linalg.eigh(np.cov(x.T).reshape(x.shape[1], x.shape[1]))[1][:, -1]
    first = first * np.sign(first[np.abs(first).argmax()])  # an axis has no direction of its own
    score = (x - x.mean(axis=0)) @ first
    splits = []
    before: np.ndarray | None = None
    for groups, label in sorted(labels.items()):
        for g in range(int(label.max()) + 1):
            members = label == g
            came: Sequence[int] | np.ndarray = (
                []
                if before is None
                else np.bincount(before[members & (before >= 0)], minlength=int(before.max()) + 1)
            )
            splits.append(
                Split(
                    groups=groups,
                    group=g,
                    customers=int(members.sum()),
                    score=round(float(score[members].mean()), 4) if members.any() else 0.0,
                    came_from=[int(n) for n in came],
                )
            )
        before = label
    return splits


def rules_in_words(
    customers: pd.DataFrame, columns: list[str], label: np.ndarray, groups: int
) -> RuleTree:
    """A shallow decision tree (CART; Breiman and others 1984) that tells the groups apart by
    features as they are, judged by five-fold cross-validation.
    """
    values = customers[columns].astype(float)
    values = values.fillna(values.median()).fillna(0.0)
    sizes = np.bincount(label, minlength=groups)
    folds = int(min(5, sizes[sizes > 0].min()))
    tree = DecisionTreeClassifier(
        max_depth=4,
        max_leaf_nodes=2 * groups,
        min_samples_leaf=max(len(customers) // 100, 10),
        random_state=0,
    )
    accuracy: float | None = None
    if folds >= 2:
        split = StratifiedKFold(folds, shuffle=True, random_state=0)
        predicted = cross_val_predict(tree, values.to_numpy(), label, cv=split)
        accuracy = float((predicted == label).mean())
    leaves = _leaves(tree.fit(values.to_numpy(), label), columns)
    return RuleTree(
        accuracy=accuracy,
        largest=float(sizes.max() / sizes.sum()),
        n=len(customers),
        leaves=sorted(leaves, key=lambda leaf: (leaf.group, -leaf.customers)),
    )


def _leaves(tree: DecisionTreeClassifier, columns: list[str]) -> Iterator[Leaf]:
    """Every leaf with the conditions that lead to it, from the left."""
    nodes = tree.tree_

    def below(node: int, conditions: list[Condition]) -> Iterator[Leaf]:
        if nodes.children_left[node] < 0:
            shares = nodes.value[node][0]
            best = int(shares.argmax())
            yield Leaf(
                group=int(tree.classes_[best]),
                customers=int(nodes.n_node_samples[node]),
                right=round(float(shares[best] / shares.sum()), 4),
                conditions=conditions,
            )
            return
        feature, at = columns[nodes.feature[node]], round(float(nodes.threshold[node]), 4)
        for child, above in ((nodes.children_left, False), (nodes.children_right, True)):
            condition = Condition(feature=feature, above=above, value=at)
            yield from below(child[node], [*conditions, condition])

    return below(0, [])


def overlap(one: np.ndarray, other: np.ndarray, groups_one: int, groups_other: int) -> np.ndarray:
    """Jaccard similarity of every group of one division with every group of the other, over the
    same customers.
    """
    both = np.zeros((groups_one, groups_other))
    grouped = (one != NO_GROUP) & (other != NO_GROUP)
    np.add.at(both, (one[grouped], other[grouped]), 1)
    sizes_one = np.bincount(one[one != NO_GROUP], minlength=groups_one)[:, None]
    sizes_other = np.bincount(other[other != NO_GROUP], minlength=groups_other)[None]
    return both / np.maximum(sizes_one + sizes_other - both, 1)
