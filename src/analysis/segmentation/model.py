"""The bank-wide segmentation: a division into groups, kept as readable JSON with its quality card,
scored by one expression.

Whatever the method, the stored rule is the nearest centre of its groups: it can be scored in the
engine, and read. The number of groups: among divisions that fall into the best class of stability
(the least stable group's mean Jaccard similarity under resampling, Hennig 2007), the finest whose
mean silhouette (Rousseeuw 1987) is at most an eighth below the best. Customers are to be managed as
finely as their data bear; the gap statistic and BIC are shown beside it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from analysis.segmentation import quality
from analysis.segmentation.features import Described, describe, matrix
from analysis.segmentation.fitted import (
    Bins,
    ComparedMethod,
    FittedSegmentation,
    FittedType,
    Group,
    NamedGroup,
    Trial,
)
from analysis.segmentation.methods import METHODS, NO_GROUP, Method, mixture, rotated
from analysis.segmentation.naming import named, names_kept
from analysis.sources.params import Plan, Segmentation

SAMPLE = 20_000  # customers of a type a model is fitted on
COMPARED = 2_000  # customers the methods are compared on
TRIED = 2_500  # customers the numbers of groups are tried on
LEAST = 60  # a type with fewer customers is not divided
MIN_SHARE = 0.03  # of the customers, in the smallest group
MOST_WITHOUT_GROUP = 0.2
NEARLY_ALL = 0.9
#: Mean silhouette below which customers are no closer to their own group than to the next.
OVERLAP = 0.05
NEARLY_AS_GOOD = 0.125


@threadpool_limits.wrap(limits=1)
def fit_segmentation(
    customers: pd.DataFrame,
    settings: Segmentation,
    fit_quarter: str,
    before: FittedSegmentation | None = None,
) -> FittedSegmentation:
    """The groups of every type of customers.

    customers: customer_quarter of the active customers of the fit quarter, or a sample of them.
    before: the version whose names are carried on to the groups that are still the same. A type
    with fewer than `LEAST` customers, or whose customers are all alike, is not divided: it gets one
    group.
    """
    types = customers.sort_values("customer_id").groupby("customer_type", sort=True)
    return FittedSegmentation(
        version=before.version + 1 if before else 1,
        fit_quarter=fit_quarter,
        earlier=[*before.earlier, before.fit_quarter] if before else [],
        method=settings.method,
        types={
            str(kind): _fit_type(
                of_type.head(SAMPLE).reset_index(drop=True),
                settings,
                settings.plans.get(str(kind), []),
                before.types.get(str(kind)) if before else None,
            )
            for kind, of_type in types
        },
    )


def nearest_centre(x: np.ndarray, centres: list[list[float]]) -> np.ndarray:
    """The number of the nearest centre of each row; the first one of equally near ones."""
    return np.asarray([((x - np.array(c)) ** 2).sum(axis=1) for c in centres]).argmin(axis=0)


def labels_by(part: FittedType, customers: pd.DataFrame) -> np.ndarray:
    """The number of the group of each customer by the stored rule."""
    if not part.features or len(part.centres) < 2:
        return np.zeros(len(customers), dtype=int)
    return nearest_centre(matrix(customers, part.features), part.centres)


def _fit_type(
    customers: pd.DataFrame, settings: Segmentation, plans: list[Plan], before: FittedType | None
) -> FittedType:
    features, left_out = describe(customers, settings.weights)
    x, columns = matrix(customers, features), raw_columns(features)
    method = METHODS[settings.method]

    # how many groups
    tried_on = np.random.default_rng(3).permutation(len(customers))[:TRIED]
    sample_x, sample = x[tried_on], customers.iloc[tried_on].reset_index(drop=True)
    divisions = _divisions(sample_x, sample, _numbers(len(customers), features, settings), method)
    trials = [_trial(sample_x, sample, method, asked, label) for asked, label in divisions.items()]
    chosen = _chosen(trials)

    # the division, the rule it is stored as, and what the groups by that rule are called
    label, centres = divided(x, customers, method, chosen.asked if chosen else None)
    by_rule = nearest_centre(x, centres)
    names = named(
        customers, by_rule, len(centres), plans, _kept(customers, by_rule, len(centres), before)
    )

    # what the groups are like
    silhouette, each = quality.silhouettes(x, by_rule)
    stability, rand = [1.0], 1.0
    if chosen:
        stability, rand = quality.bootstrap_stability(
            sample_x, sample, method, by_rule[tried_on], chosen.asked
        )
    eta_squared = quality.eta_squared(customers, columns, by_rule)
    several = len(centres) > 1
    return FittedType(
        customers=len(customers),
        features=features,
        left_out=left_out,
        centres=centres,
        groups=_groups(names, by_rule, stability, each),
        silhouette=_rounded(silhouette),
        bootstrap_rand=_rounded(rand),
        agreement=_rounded(float((label == by_rule).mean()) if len(label) else 1.0),
        eta_squared={c: _rounded(v) for c, v in eta_squared.items()},
        trials=trials,
        chosen=None if chosen is None else chosen.groups,
        clustergram=quality.clustergram(sample_x, divisions) if trials else [],
        rules=quality.rules_in_words(customers, columns, by_rule, len(centres))
        if several
        else None,
        comparison=compare(x, customers, columns, settings.method, by_rule) if several else [],
        bins=[_bins(x[:, i]) for i in range(x.shape[1])],
    )


def _numbers(customers: int, features: list[Described], settings: Segmentation) -> Sequence[int]:
    """The numbers of groups to try."""
    if customers < LEAST or not features:
        return []
    fewest, most = settings.groups[0], min(settings.groups[1], customers // 20)
    if settings.method == "hdbscan":  # it finds the number itself
        most = min(most, fewest)
    return range(fewest, most + 1)


def _divisions(
    x: np.ndarray, customers: pd.DataFrame, numbers: Sequence[int], method: Method
) -> dict[int, np.ndarray]:
    """The number asked for to each customer's group, where there are two groups and more."""
    tried = {asked: method(x, customers, asked, 0) for asked in numbers}
    return {a: label for a, label in tried.items() if len(_sizes(label)) > 1}


def divided(
    x: np.ndarray, customers: pd.DataFrame, method: Method, asked: int | None
) -> tuple[np.ndarray, list[list[float]]]:
    """The group of each customer, the largest first, and the centres; one group where no number is
    asked for, or the method finds none.
    """
    label = np.zeros(len(customers), dtype=int)
    if asked is not None:
        label = method(x, customers, asked, 0)
    order = [g for g, _n in sorted(_sizes(label), key=lambda s: (-s[1], s[0]))]
    if len(order) < 2:
        return np.zeros(len(customers), dtype=int), [np.zeros(x.shape[1]).tolist()]
    centres = [[round(float(v), 6) for v in x[label == g].mean(axis=0)] for g in order]
    return np.array([order.index(g) if g in order else NO_GROUP for g in label]), centres


def _kept(
    customers: pd.DataFrame, by_rule: np.ndarray, groups: int, before: FittedType | None
) -> dict[int, str]:
    """The groups that carry on a name of the version before."""
    if before is None:
        return {}
    return names_kept(
        labels_by(before, customers), by_rule, [g.name for g in before.groups], groups
    )


def _groups(
    names: list[NamedGroup], by_rule: np.ndarray, stability: list[float], silhouettes: list[float]
) -> list[Group]:
    """The groups by the stored rule, to which nobody may belong."""
    groups = []
    for g, name in enumerate(names):
        customers = int((by_rule == g).sum())
        jaccard = stability[g] if g < len(stability) else 0.0
        groups.append(
            Group(
                **name.model_dump(),
                customers=customers,
                jaccard=round(jaccard, 3),
                stability=quality.stability_class(jaccard),
                silhouette=_rounded(silhouettes[g]) if g < len(silhouettes) else None,
                large_enough=bool(customers >= MIN_SHARE * len(by_rule)),
            )
        )
    return groups


def raw_columns(features: Sequence[Described]) -> list[str]:
    """The columns of customer_quarter behind the features, as a reader knows them: shares instead
    of log-ratios.
    """
    return list(dict.fromkeys(f.name for f in features if f.transform != "is"))


def _trial(
    x: np.ndarray, customers: pd.DataFrame, method: Method, asked: int, label: np.ndarray
) -> Trial:
    stability, rand = quality.bootstrap_stability(x, customers, method, label, asked)
    silhouette, _each = quality.silhouettes(x, label)
    gap, gap_error = quality.gap(x[:COMPARED], label[:COMPARED], asked)
    sizes = [n for _g, n in _sizes(label)]
    return Trial(
        groups=len(sizes),
        asked=asked,
        silhouette=_rounded(silhouette),
        gap=_rounded(gap),
        gap_error=_rounded(gap_error),
        bic=round(float(mixture(x[:COMPARED], asked, 0).bic(rotated(x[:COMPARED]))), 0),
        lowest_jaccard=round(min(stability, default=0.0), 3),
        stability=quality.stability_class(min(stability)),
        rand=_rounded(rand),
        smallest=min(sizes),
        smallest_share=round(min(sizes) / len(label), 4),
    )


def _chosen(trials: list[Trial]) -> Trial | None:
    """Which trial is taken: of those with large enough groups and in the best class of stability,
    the finest division whose silhouette is at most an eighth below the best of them.
    """
    if not trials:
        return None
    classes = ("unstable", "doubtful", "stable", "highly stable")
    merit = [(t.smallest_share >= MIN_SHARE, classes.index(t.stability)) for t in trials]
    best = [t for t, m in zip(trials, merit, strict=True) if m == max(merit)]
    highest = max(t.silhouette or -1.0 for t in best)
    least = highest - NEARLY_AS_GOOD * abs(highest)
    return [t for t in best if (t.silhouette or -1.0) >= least][-1]


def compare(
    x: np.ndarray, customers: pd.DataFrame, columns: list[str], in_force: str, by_rule: np.ndarray
) -> list[ComparedMethod]:
    """Every method on the same customers (at most `COMPARED`) with the number of groups in
    force.
    """
    groups = int(by_rule.max()) + 1
    chosen = np.random.default_rng(4).permutation(len(customers))[:COMPARED]
    x, customers, by_rule = (
        x[chosen],
        customers.iloc[chosen].reset_index(drop=True),
        by_rule[chosen],
    )
    compared = []
    for name, method in METHODS.items():
        label = method(x, customers, groups, 0)
        stability, rand = quality.bootstrap_stability(x, customers, method, label, groups, 5)
        silhouette = quality.silhouettes(x, label)[0]
        eta = quality.eta_squared(customers, columns, label)  # those in no group count as one
        compared.append(
            ComparedMethod(
                method=name,
                in_force=name == in_force,
                groups=len(_sizes(label)),
                customers=len(label),
                silhouette=_rounded(silhouette),
                eta_squared=_rounded(float(np.mean(list(eta.values()))) if eta else float("nan")),
                lowest_jaccard=round(min(stability, default=0.0), 3),
                rand=_rounded(rand),
                without_group=round(float((label == NO_GROUP).mean()), 4),
                agreement=_rounded(quality.adjusted_rand_score(by_rule, label)),
                fails=_against(label, min(stability, default=0.0), silhouette),
            )
        )
    return compared


def _against(label: np.ndarray, jaccard: float, silhouette: float) -> list[str]:
    """What is against a division; jaccard: of its least stable group."""
    sizes = [n for _g, n in _sizes(label)]
    reasons = {
        "without_group": (label == NO_GROUP).mean() > MOST_WITHOUT_GROUP,
        "one_group": not sizes or max(sizes) > NEARLY_ALL * sum(sizes),
        "small_group": bool(sizes) and min(sizes) < MIN_SHARE * len(label),
        "unstable": jaccard < quality.DOUBTFUL,
        "overlap": not silhouette > OVERLAP,
    }
    return [reason for reason, holds in reasons.items() if holds]


def _bins(values: np.ndarray) -> Bins:
    """The deciles of the fit and the share of customers between them."""
    edges = np.array([])
    if len(values):
        edges = np.unique(np.quantile(values, np.linspace(0.1, 0.9, 9)).round(6))
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return Bins(edges=edges.tolist(), shares=(counts / max(len(values), 1)).round(6).tolist())


def _sizes(label: np.ndarray) -> list[tuple[int, int]]:
    values, counts = np.unique(label[label != NO_GROUP], return_counts=True)
    return [(int(v), int(c)) for v, c in zip(values, counts, strict=True)]


def _rounded(value: float) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 4)
