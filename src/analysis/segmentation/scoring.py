"""The groups of a stored segmentation as one expression, computed where the rows are."""

from typing import Any

import ibis
import ibis.expr.types as ir

DORMANT = "Dormant"
NOT_GROUPED = "Not grouped"
#: Where a customer is who is not with the bank in the quarter.
NEW, LEFT = "New", "Left"


def segment_expression(customers: ir.Table, model: dict[str, Any]) -> ir.Table:
    """customer_quarter with the group of every customer, computed where the rows are.

    Returns customer_id, branch_id, customer_type, quarter, segment (its name). A customer without
    an own entry in the quarter is `Dormant`; a type that the model has not seen is `Not grouped`.
    Each step is a select of its own, so that a feature is computed once and a distance once.
    """
    rows, nearest = customers, {}
    for number, (kind, part) in enumerate(sorted(model.items())):
        rows, nearest[kind] = _with_nearest(rows, part, f"t{number}")
    segment: ir.Value = ibis.literal(NOT_GROUPED)
    for kind, column in nearest.items():
        segment = ibis.ifelse(rows.customer_type == kind, rows[column], segment)
    segment = ibis.ifelse(rows.active, segment, ibis.literal(DORMANT))
    return rows.select("customer_id", "branch_id", "customer_type", "quarter", segment=segment)


def _with_nearest(rows: ir.Table, part: dict[str, Any], name: str) -> tuple[ir.Table, str]:
    """The rows with a column that names the group of the nearest centre (the first one of equally
    near ones), and its name.
    """
    features, groups = part["features"], part["groups"]
    if not features or len(groups) == 1:
        return rows.mutate(**{f"{name}_group": ibis.literal(groups[0]["name"])}), f"{name}_group"
    channels = {
        c: p
        for f in features
        if f["transform"] == "logratio"
        for c, p in zip(f["parts"], f["priors"], strict=True)
    }
    if channels:
        rows = rows.mutate(
            **{f"{name}_log_{c}": (rows[c].cast("float64") + p).ln() for c, p in channels.items()}
        )
        rows = rows.mutate(
            **{f"{name}_log": _sum([rows[f"{name}_log_{c}"] for c in channels]) / len(channels)}
        )
    z = [f"{name}_z{i}" for i in range(len(features))]
    rows = rows.mutate(**{c: standardised(rows, f, name) for c, f in zip(z, features, strict=True)})
    d = [f"{name}_d{g}" for g in range(len(groups))]
    rows = rows.mutate(
        **{c: _distance(rows, z, centre) for c, centre in zip(d, part["centres"], strict=True)}
    )
    rows = rows.mutate(**{f"{name}_least": ibis.least(*[rows[c] for c in d])})
    nearest: ir.Value = ibis.literal(groups[-1]["name"])
    for column, group in reversed(list(zip(d[:-1], groups[:-1], strict=True))):
        nearest = ibis.ifelse(
            rows[column] <= rows[f"{name}_least"], ibis.literal(group["name"]), nearest
        )
    return rows.mutate(**{f"{name}_group": nearest}), f"{name}_group"


def standardised(rows: ir.Table, f: dict[str, Any], name: str = "") -> ir.Value:
    """A described feature as the model sees it; name: the prefix of the columns that hold
    logarithms of channels.
    """
    column = rows[f["column"]]
    if f["transform"] == "logratio":
        value: ir.Value = rows[f"{name}_log_{f['column']}"] - rows[f"{name}_log"]
    elif f["transform"] == "is":
        value = (column == f["value"]).fill_null(False).cast("float64")
    else:
        value = column.cast("float64")
        if f["transform"] == "log":
            value = (value + 1).ln()
        elif f["transform"] == "asinh":
            size = value.abs() / f["scale"]
            value = value.sign() * (size + (size * size + 1).sqrt()).ln()
    held = ibis.greatest(ibis.least(value.fill_null(f["missing"]), f["high"]), f["low"])
    return (held - f["mean"]) / f["sd"] * f["weight"]


def _distance(rows: ir.Table, z: list[str], centre: list[float]) -> ir.Value:
    steps = [rows[c] - at for c, at in zip(z, centre, strict=True)]
    return _sum([step * step for step in steps])


def _sum(values: list[ir.Value]) -> ir.Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
