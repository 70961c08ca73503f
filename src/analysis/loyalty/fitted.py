"""What the regressions on loyalty are, as they are stored."""

from analysis.language import Impossible
from analysis.shape import Shape
from analysis.statistics.fitted import (
    Influence,
    Judged,
    LeftOutTerm,
    NestedModel,
    ProportionalOdds,
    Tenth,
    Term,
)

Measure = float | int | bool | str | list[str]


class Quality(Shape):
    """How far a regression can be trusted."""

    def measures(self) -> dict[str, Measure]:
        """Every measure by its name."""
        return self.model_dump(exclude_none=True)


class HeldOut(Judged):
    """How well chances of leaving were told in a quarter that the model had not seen."""

    quarter: str


class RetentionQuality(Quality):
    """Of the logit of staying.

    auc_fit: area under the ROC curve, of the rows it was fitted on.
    link_test_p: small where the form is wrong (Pregibon 1980).
    branch_sd: spread of branches' log odds beyond what the predictors say.
    """

    converged: bool
    pseudo_r2: float
    auc_fit: float
    link_test_p: float
    condition_number: float
    branch_sd: float
    influence: Influence
    held_out: HeldOut | None

    def measures(self) -> dict[str, Measure]:
        """Every measure by its name, those of the quarter held out as held_out_…"""
        own = self.model_dump(exclude={"influence", "held_out"})
        held_out = self.held_out.model_dump(exclude_none=True) if self.held_out else {}
        return {
            **own,
            **self.influence.model_dump(),
            **{f"held_out_{name}": value for name, value in held_out.items()},
        }


class StatedQuality(Quality):
    """Of the least squares of stated loyalty.

    breusch_pagan_p: small where the errors' spread differs (1979); reset_p: where the form is wrong
    (Ramsey 1969).
    between_branches: share of the variance left that lies between branches.
    """

    r2: float
    breusch_pagan_p: float
    reset_p: float
    condition_number: float
    between_branches: float


class RecommendQuality(Quality):
    """Of the ordered logit; brant_p: small where odds are not proportional."""

    converged: bool
    pseudo_r2: float
    brant_p: float


class SurvivalQuality(Quality):
    """Of the proportional hazards; longest: quarters followed."""

    longest: float
    schoenfeld_p: float


class ProductsQuality(Quality):
    """Of the Poisson regression; dispersion: beyond Poisson's (Cameron and Trivedi 1990)."""

    converged: bool
    pseudo_r2: float
    dispersion: float
    dispersion_p: float


class Regression(Shape):
    """A fitted regression.

    left: departures among the rows, where they are the outcome.
    clustered_by: whose rows belong together in its errors; empty where each row is a customer.
    nested: models of the same rows, with fewer predictors first.
    """

    rows: int
    terms: list[Term]
    left_out: list[LeftOutTerm]
    quality: Quality
    left: int | None = None
    clustered_by: str | None = None
    nested: list[NestedModel] = []


class RetentionFit(Regression):
    """Staying through the next quarter; calibration: of the quarter held out."""

    quarters: list[str]
    quality: RetentionQuality
    calibration: list[Tenth]


class StatedFit(Regression):
    """Stated loyalty."""

    quality: StatedQuality


class RecommendFit(Regression):
    """Recommending; cuts: between which answers levels are told apart."""

    cuts: list[float]
    proportional_odds: ProportionalOdds
    quality: RecommendQuality


class SurvivalFit(Regression):
    """Quarters until leaving."""

    quality: SurvivalQuality


class ProductsFit(Regression):
    """Products beyond the first."""

    quality: ProductsQuality


class Regressions(Shape):
    """Why customers stay, by five regressions."""

    retention: RetentionFit | Impossible
    stated: StatedFit | Impossible
    recommend: RecommendFit | Impossible
    survival: SurvivalFit | Impossible
    products: ProductsFit | Impossible
