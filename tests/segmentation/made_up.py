"""Segmentations written by hand, of which a test says only what it is about."""

from analysis.segmentation.features import Described
from analysis.segmentation.fitted import FittedSegmentation, FittedType, Group, RuleTree


def feature(name, **changes):
    """A feature that the model sees as it is."""
    as_it_is = {"low": -100.0, "high": 100.0, "mean": 0.0, "sd": 1.0, "missing": 0.0}
    return Described(
        name=name, column=name, transform="none", missing_share=0.0, **(as_it_is | changes)
    )


def group(name):
    return Group(
        name=name,
        kept=False,
        product="",
        channel="",
        service="",
        owner="",
        customers=0,
        jaccard=1.0,
        stability="highly stable",
        silhouette=None,
        large_enough=True,
    )


def segmentation(features=(), centres=(), groups=(), leaves=None):
    """A segmentation of personal customers."""
    tree = None if leaves is None else RuleTree(accuracy=1.0, largest=1.0, n=1, leaves=leaves)
    part = FittedType(
        customers=0,
        features=list(features),
        left_out=[],
        centres=[list(c) for c in centres],
        groups=[group(g) for g in groups],
        silhouette=None,
        bootstrap_rand=None,
        agreement=None,
        eta_squared={},
        trials=[],
        chosen=None,
        clustergram=[],
        rules=tree,
        comparison=[],
        bins=[],
    )
    return without_groups().model_copy(update={"types": {"personal": part}})


def without_groups():
    return FittedSegmentation(
        version=1, fit_quarter="2024Q1", earlier=[], method="k-means", types={}
    )
