"""The section `segmentation` of the params file against what this room has: a method, a group's
plan or a feature that is not there is refused before anything takes time.
"""

from collections.abc import Sequence

from analysis.contract import CONTRACT
from analysis.errors import ParametersError, not_one_of
from analysis.language import say
from analysis.marts.rules import customer_columns
from analysis.segmentation.methods import METHODS, ONLY_COMPARED
from analysis.sources.params import Bank


def check_segmentation(bank: Bank) -> None:
    """Raises ParametersError naming the place in the params file and the nearest valid name."""

    def one_of(place: str, what: str, given: str, valid: Sequence[str]) -> None:
        if given not in valid:
            refusal = not_one_of(what, given, valid)
            raise ParametersError(f"{bank.path}: segmentation.{place}: {refusal}")

    settings = bank.segmentation
    in_force = [name for name in METHODS if name not in ONLY_COMPARED]
    one_of("method", say("The method"), settings.method, in_force)
    features = [c for c, kind in customer_columns().items() if kind.startswith(("int", "float"))]
    for customer_type, plans in settings.plans.items():
        place = f"plans.{customer_type}"
        one_of("plans", say("The type of customer"), customer_type, _types_of_customer())
        for plan in plans:
            for feature in plan.when:
                one_of(f"{place}: {plan.name}: when", say("The feature"), feature, features)


def _types_of_customer() -> tuple[str, ...]:
    columns = {column.name: column for column in CONTRACT["customers"].columns}
    return tuple(columns["customer_type"].allowed)
