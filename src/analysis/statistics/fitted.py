"""What a fitted regression says of itself, as it is stored."""

from analysis.shape import Shape


class Interval(Shape):
    """A value with its 95 % interval."""

    at: float
    low: float
    high: float


class LeftOutTerm(Shape):
    """A predictor that could not be used, and why: constant, collinear or separates."""

    term: str
    why: str


class Term(Shape):
    """A predictor with its estimate.

    inflation: its variance inflation factor.
    points: an effect that a manager understands.
    ratio: the hazard ratio, of a survival model, and schoenfeld_r and schoenfeld_p: whether it
    changes with time.
    """

    term: str
    estimate: float
    low: float
    high: float
    p: float
    inflation: float
    points: Interval | None = None
    ratio: Interval | None = None
    schoenfeld_r: float | None = None
    schoenfeld_p: float | None = None


class Judged(Shape):
    """How well chances of a yes-or-no outcome were told.

    predicted, observed: means.
    brier_base: Brier score of the mean chance alone.
    slope, intercept: of the calibration, 1 and 0 when right.
    What is empty could not be told from so few.
    """

    n: int
    events: int
    predicted: float
    observed: float
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    brier: float | None = None
    brier_base: float | None = None
    intercept: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None


class Tenth(Shape):
    """Predicted and observed share in a tenth of the predicted chances, with Wilson's interval."""

    n: int
    predicted: float
    observed: float
    low: float
    high: float


class NestedModel(Shape):
    """One of several models of the same rows.

    predictors: their number.
    p: of what it adds to the one before.
    """

    model: str
    predictors: int
    aic: float
    bic: float
    pseudo_r2: float
    p: float


class BrantTerm(Shape):
    """Whether a predictor acts alike on exceeding each cut.

    by_cut: its estimate at each.
    p_corrected: over all predictors.
    """

    term: str
    p: float
    by_cut: list[float]
    p_corrected: float


class ProportionalOdds(Shape):
    """Brant's test over all predictors, and of each."""

    chi2: float
    freedom: int
    p: float
    terms: list[BrantTerm]


class Influence(Shape):
    """What hangs on a few rows.

    largest_cook: the largest of Cook's distances.
    hang_on_few: predictors whose sign or significance changes without the rows of most influence.
    """

    largest_cook: float
    hang_on_few: list[str]
