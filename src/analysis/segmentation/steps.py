"""The groups of customers: found once for the whole bank, told for every quarter, watched for
drift.
"""

import ibis.expr.types as ir
import pandas as pd

from analysis.errors import MissingDataError
from analysis.language import say
from analysis.quarters import Quarter
from analysis.segmentation.fitted import Drift, FittedSegmentation, SegmentCounts, Versions
from analysis.segmentation.scoring import segment_counts as counted
from analysis.segmentation.scoring import segment_expression
from analysis.segmentation.settings import check_segmentation
from analysis.steps.declaration import At, Mart, Model, Occasion, Reach, Sample, mart, model, step

#: Active customers of each type and quarter that a division is fitted on, and its drift measured.
ACTIVE = Sample(20_000, by="customer_id", each=("quarter", "customer_type"), where="active")


def fit_quarters(at: Occasion) -> list[Quarter]:
    """The quarters in which the division and its earlier versions are found: as the params file
    says, or the first one with entries.
    """
    settings, quarters = at.bank.segmentation, at.bank.all_quarters
    with_entries = [q for q in quarters if q in at.quarters_with_entries]
    chosen = settings.fit_quarter or next(iter(with_entries), quarters[0])
    for quarter in (*settings.earlier_fit_quarters, chosen):
        if quarter not in quarters:
            raise MissingDataError(
                say(
                    "segmentation is to be fitted on {quarter}, and there is no customer_quarter "
                    "of that quarter. Choose one from {first} to {last}."
                ).format(quarter=quarter, first=quarters[0], last=quarters[-1])
            )
    return [*settings.earlier_fit_quarters, chosen]


FITS = Reach("the quarters of its fits", fit_quarters)


@step(
    per="bank",
    writes=[Model("segmentation", FittedSegmentation), Model("segmentation_versions", Versions)],
    reads={"customers": mart("customer_quarter", FITS, sample=ACTIVE)},
    settings=("segmentation",),
    check=check_segmentation,
)
def segmentation(at: At, customers: pd.DataFrame) -> tuple[FittedSegmentation, Versions]:
    """The division of the bank's customers into groups, with its quality card; all its versions."""
    from analysis.segmentation.model import fit_segmentation

    versions: list[FittedSegmentation] = []
    for quarter in at.reached("customers"):
        rows = customers[customers["quarter"] == str(quarter)]
        before = versions[-1] if versions else None
        settings = at.setting("segmentation")
        versions.append(fit_segmentation(rows, settings, str(quarter), before))
    return versions[-1], Versions(versions=versions)


@step(
    writes=Mart("customer_segment", key=("customer_id",)),
    reads={"customers": mart("customer_quarter"), "division": model("segmentation")},
)
def customer_segment(at: At, customers: ir.Table, division: FittedSegmentation) -> ir.Table:
    """The group of every customer of a quarter."""
    return segment_expression(customers, division.types)


@step(writes=Model("segment_counts", SegmentCounts), reads={"segments": mart("customer_segment")})
def segment_counts(at: At, segments: ir.Table) -> SegmentCounts:
    """How many customers each group has in the whole bank."""
    return counted(segments)


@step(
    writes=Model("drift", Drift),
    reads={
        "customers": mart("customer_quarter", sample=ACTIVE),
        "division": model("segmentation"),
    },
    settings=("segmentation.weights",),
)
def drift(at: At, customers: pd.DataFrame, division: FittedSegmentation) -> Drift:
    """How far a quarter's customers have moved from those that the groups were found in."""
    from analysis.segmentation.drift import drift as drift_from

    return drift_from(division, customers, at.setting("segmentation.weights"))
