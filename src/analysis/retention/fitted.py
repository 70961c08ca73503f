"""What a fitted hazard model is, as it is stored."""

from analysis.language import Impossible
from analysis.logit import Logit
from analysis.shape import Shape
from analysis.statistics.fitted import Judged, Tenth


class HeldOutQuarter(Judged):
    """How well the chances were told in a quarter that the model had not seen."""

    quarter: str
    tenths: list[Tenth]


class Hazard(Logit):
    """The hazard model of one type of customers.

    rows: customers × quarters at risk; left: departures among them.
    held_out: empty where there were too few quarters to hold one out.
    """

    rows: int
    left: int
    quarters: list[str]
    held_out: HeldOutQuarter | None


class HazardModel(Shape):
    """The hazard model as it can be known at the end of a quarter, by type of customers."""

    quarter: str
    types: dict[str, Hazard | Impossible]

    @property
    def fitted(self) -> dict[str, Hazard]:
        """The types that a model could be fitted for."""
        return {kind: m for kind, m in self.types.items() if isinstance(m, Hazard)}
