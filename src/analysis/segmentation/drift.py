"""How far customers of a later quarter have moved from those the groups were found in, and what a
fit today would give.
"""

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from analysis.segmentation import quality
from analysis.segmentation.features import describe, matrix
from analysis.segmentation.fitted import (
    Drift,
    FeatureDrift,
    FittedSegmentation,
    FittedType,
    MatchedGroup,
    TypeDrift,
)
from analysis.segmentation.methods import METHODS
from analysis.segmentation.model import LEAST, divided, nearest_centre
from analysis.segmentation.naming import matched
from analysis.statistics.intervals import stability_index, stability_index_by_chance


def drift(
    segmentation: FittedSegmentation, customers: pd.DataFrame, weights: dict[str, float]
) -> Drift:
    """The drift of every type of customers.

    customers: active customers of the quarter, or a sample of them. weights: block to its share of
    the squared distance.
    """
    customers = customers.sort_values("customer_id", ignore_index=True)
    return Drift(
        types={
            kind: type_drift(
                part,
                customers[customers["customer_type"] == kind].reset_index(drop=True),
                weights,
                segmentation.method,
            )
            for kind, part in segmentation.types.items()
        }
    )


@threadpool_limits.wrap(limits=1)
def type_drift(
    part: FittedType, customers: pd.DataFrame, weights: dict[str, float], method: str
) -> TypeDrift:
    """The drift of one type of customers.

    method: the one in force. Of every feature the population stability index Σ (p − q) ln(p / q)
    over ten bins (Siddiqi 2006) with the value that chance alone exceeds once in twenty. And, for a
    fit on today's customers by that method with as many groups, stored as the nearest centre as
    they are, the adjusted Rand index with the groups in force, and of each group the Jaccard
    similarity with the one that it is matched to.
    """
    x = matrix(customers, part.features)
    features = []
    for i, feature in enumerate(part.features):
        edges, expected = np.array(part.bins[i].edges), np.array(part.bins[i].shares)
        counts = np.bincount(np.searchsorted(edges, x[:, i], side="right"), minlength=len(expected))
        by_chance = stability_index_by_chance(len(expected), len(x), part.customers)
        features.append(
            FeatureDrift(
                feature=feature.name,
                psi=round(stability_index(expected, counts / max(len(x), 1)), 4),
                by_chance=round(by_chance, 4),
            )
        )
    groups = len(part.centres)
    if groups < 2 or len(customers) < LEAST:
        return TypeDrift(n=len(customers), features=features, rand=None, matched=[])
    features_today, _left_out = describe(customers, weights)
    x_today = matrix(customers, features_today)
    asked = next((t.asked for t in part.trials if t.groups == part.chosen), groups)
    today = nearest_centre(x_today, divided(x_today, customers, METHODS[method], asked)[1])
    in_force = nearest_centre(x, part.centres)
    return TypeDrift(
        n=len(customers),
        features=features,
        rand=round(float(quality.adjusted_rand_score(in_force, today)), 4),
        matched=[
            MatchedGroup(group=part.groups[a].name, jaccard=round(similarity, 4))
            for a, _b, similarity in matched(in_force, today, groups, int(today.max()) + 1)
        ],
    )
