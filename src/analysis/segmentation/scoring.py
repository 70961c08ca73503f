"""The groups of a stored segmentation as one expression, computed where the rows are."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.segmentation.features import Described
from analysis.segmentation.fitted import FittedType, SegmentCount, SegmentCounts
from analysis.shape import rows_as

DORMANT = "Dormant"
NOT_GROUPED = "Not grouped"
#: Where a customer is who is not with the bank in the quarter.
NEW, LEFT = "New", "Left"
#: The group of every customer in a quarter: column to its type; segment is the group's name.
SEGMENTS = dict.fromkeys(
    ("customer_id", "branch_id", "customer_type", "quarter", "segment"), "string"
)


def segment_expression(customers: ir.Table, types: Mapping[str, FittedType]) -> ir.Table:
    """customer_quarter with the group of every customer, computed where the rows are.

    types: customer type to its groups. Returns the columns `SEGMENTS`. A customer without an own
    entry in the quarter is `Dormant`; a type that the model has not seen is `Not grouped`. Each
    step is a select of its own, so that a feature is computed once and a distance once.
    """
    nearest: dict[str, str] = {}
    for number, (kind, part) in enumerate(sorted(types.items())):
        customers, nearest[kind] = _with_nearest(customers, part, f"t{number}")
    segment: ir.Value = ibis.literal(NOT_GROUPED)
    for kind, column in nearest.items():
        segment = ibis.ifelse(customers.customer_type == kind, customers[column], segment)
    segment = ibis.ifelse(customers.active, segment, ibis.literal(DORMANT))
    return customers.mutate(segment=segment).select(*SEGMENTS)


def segment_counts(segments: ir.Table) -> SegmentCounts:
    """The size of every group; segments: as from `segment_expression`, of one quarter."""
    by = ["customer_type", "segment"]
    counts = segments.group_by(by).aggregate(customers=_.count()).order_by(by)
    return SegmentCounts(counts=rows_as(SegmentCount, counts.to_pandas()))


def _with_nearest(customers: ir.Table, part: FittedType, name: str) -> tuple[ir.Table, str]:
    """The rows with a column that names the group of the nearest centre (the first one of equally
    near ones), and its name.
    """
    features, groups = part.features, part.groups
    if not features or len(groups) == 1:
        return customers.mutate(**{f"{name}_group": ibis.literal(groups[0].name)}), f"{name}_group"
    channels = {
        c: p
        for f in features
        if f.transform == "logratio"
        for c, p in zip(f.parts, f.priors, strict=True)
    }
    if channels:
        customers = customers.mutate(
            **{
                f"{name}_log_{c}": (customers[c].cast("float64") + p).ln()
                for c, p in channels.items()
            }
        )
        customers = customers.mutate(
            **{
                f"{name}_log": _sum([customers[f"{name}_log_{c}"] for c in channels])
                / len(channels)
            }
        )
    z = [f"{name}_z{i}" for i in range(len(features))]
    customers = customers.mutate(
        **{c: standardised(customers, f, name) for c, f in zip(z, features, strict=True)}
    )
    d = [f"{name}_d{g}" for g in range(len(groups))]
    customers = customers.mutate(
        **{c: _distance(customers, z, centre) for c, centre in zip(d, part.centres, strict=True)}
    )
    customers = customers.mutate(**{f"{name}_least": ibis.least(*[customers[c] for c in d])})
    nearest: ir.Value = ibis.literal(groups[-1].name)
    for column, group in reversed(list(zip(d[:-1], groups[:-1], strict=True))):
        nearest = ibis.ifelse(
            customers[column] <= customers[f"{name}_least"], ibis.literal(group.name), nearest
        )
    return customers.mutate(**{f"{name}_group": nearest}), f"{name}_group"


def standardised(customers: ir.Table, f: Described, name: str = "") -> ir.Value:
    """A described feature as the model sees it; name: the prefix of the columns that hold
    logarithms of channels.
    """
    column = customers[f.column]
    if f.transform == "logratio":
        value: ir.Value = customers[f"{name}_log_{f.column}"] - customers[f"{name}_log"]
    elif f.transform == "is":
        value = (column == f.value).fill_null(False).cast("float64")
    elif f.transform == "above":
        value = (column > f.cut).fill_null(False).cast("float64")
    else:
        value = column.cast("float64")
        if f.transform == "log":
            value = (value + 1).ln()
        elif f.transform == "asinh":
            size = value.abs() / f.scale
            value = value.sign() * (size + (size * size + 1).sqrt()).ln()
    within = ibis.greatest(ibis.least(value.fill_null(f.missing), f.high), f.low)
    return (within - f.mean) / f.sd * f.weight


def _distance(customers: ir.Table, z: list[str], centre: list[float]) -> ir.Value:
    steps = [customers[c] - at for c, at in zip(z, centre, strict=True)]
    return _sum([step * step for step in steps])


def _sum(values: list[ir.Value]) -> ir.Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
