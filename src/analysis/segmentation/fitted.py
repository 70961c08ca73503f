"""What a fitted segmentation is, and how far today's customers have moved from it, as they are
stored.
"""

from analysis.segmentation.features import Described, LeftOut
from analysis.shape import Shape

#: Mean Jaccard similarity under resampling from which a group is called doubtful, stable, highly
#: stable (Hennig 2007).
DOUBTFUL, STABLE, HIGHLY_STABLE = 0.60, 0.75, 0.85


class NamedGroup(Shape):
    """A group's name and plan.

    kept: whether the name is that of a group of the version before.
    """

    name: str
    kept: bool
    product: str
    channel: str
    service: str
    owner: str


class Group(NamedGroup):
    """A group as it is where it was found, by the rule that is stored.

    jaccard: mean best similarity with a group of a bootstrap sample (Hennig 2007).
    stability: what that is called.
    large_enough: whether it holds enough of the customers to be managed.
    """

    customers: int
    jaccard: float
    stability: str
    silhouette: float | None
    large_enough: bool


class Trial(Shape):
    """A number of groups that was tried.

    asked: the number asked of the method, which may find another.
    rand: mean adjusted Rand index with the divisions of bootstrap samples.
    """

    groups: int
    asked: int
    silhouette: float | None
    gap: float | None
    gap_error: float | None
    bic: float
    lowest_jaccard: float
    stability: str
    rand: float | None
    smallest: int
    smallest_share: float


class ComparedMethod(Shape):
    """A method on the same customers as all others.

    eta_squared: mean over the features.
    without_group: share of the customers it leaves in none.
    agreement: adjusted Rand index with the groups in force.
    fails: what is against it: without_group, one_group, small_group, unstable, overlap.
    """

    method: str
    in_force: bool
    groups: int
    customers: int
    silhouette: float | None
    eta_squared: float | None
    lowest_jaccard: float
    rand: float | None
    without_group: float
    agreement: float | None
    fails: list[str]


class Condition(Shape):
    """A feature above a value, or at most there."""

    feature: str
    above: bool
    value: float


class Leaf(Shape):
    """A leaf of the tree that tells groups apart.

    right: share of its customers who are of the group.
    """

    group: int
    customers: int
    right: float
    conditions: list[Condition]


class RuleTree(Shape):
    """A shallow decision tree that tells the groups apart.

    accuracy: share put into the right group under cross-validation; empty with too few for one.
    largest: share of the largest group, which is what guessing reaches.
    """

    accuracy: float | None
    largest: float
    n: int
    leaves: list[Leaf]


class Split(Shape):
    """A group of one of the numbers tried.

    score: mean of its customers' first principal component.
    came_from: customers from each group of the number before.
    """

    groups: int
    group: int
    customers: int
    score: float
    came_from: list[int]


class Bins(Shape):
    """A feature's deciles in the fit, and the share of customers between them."""

    edges: list[float]
    shares: list[float]


class FittedType(Shape):
    """The groups of one type of customers, with their quality card.

    centres: of each group, over the features as the model sees them.
    chosen: the number of groups in force; empty where customers are not divided.
    bootstrap_rand: mean adjusted Rand index with the divisions of bootstrap samples.
    agreement: share of customers whose group by the method is that by the stored rule.
    eta_squared: column to the share of its variance, of ranks, between the groups.
    bins: of each feature.
    """

    customers: int
    features: list[Described]
    left_out: list[LeftOut]
    centres: list[list[float]]
    groups: list[Group]
    silhouette: float | None
    bootstrap_rand: float | None
    agreement: float | None
    eta_squared: dict[str, float | None]
    trials: list[Trial]
    chosen: int | None
    clustergram: list[Split]
    rules: RuleTree | None
    comparison: list[ComparedMethod]
    bins: list[Bins]


class FittedSegmentation(Shape):
    """A version of the segmentation: the groups of every type of customers.

    earlier: the fit quarters of the versions before, whose names it carries on.
    """

    version: int
    fit_quarter: str
    earlier: list[str]
    method: str
    types: dict[str, FittedType]


class Versions(Shape):
    """Every version of the segmentation in order; the last one is in force."""

    versions: list[FittedSegmentation]


class FeatureDrift(Shape):
    """How far a feature moved.

    psi: population stability index since the fit.
    by_chance: what chance alone exceeds once in twenty.
    """

    feature: str
    psi: float
    by_chance: float


class MatchedGroup(Shape):
    """A group, and how much it shares (Jaccard) with the one a fit today would find in its
    place.
    """

    group: str
    jaccard: float


class TypeDrift(Shape):
    """How far customers of one type have moved from those the groups were found in.

    n: customers it was tried on.
    rand: adjusted Rand index of a fit today with the groups in force; empty where there is none.
    """

    n: int
    features: list[FeatureDrift]
    rand: float | None
    matched: list[MatchedGroup]


class Drift(Shape):
    """The drift of a quarter, by type of customer."""

    types: dict[str, TypeDrift]


class SegmentCount(Shape):
    """How many customers of a type are in a group."""

    customer_type: str
    segment: str
    customers: int


class SegmentCounts(Shape):
    """The sizes of all groups of the whole bank in a quarter."""

    counts: list[SegmentCount]
