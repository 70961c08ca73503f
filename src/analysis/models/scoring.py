"""The groups of a stored segmentation as one expression, computed where the rows are."""

from typing import Any

import ibis
import ibis.expr.types as ir

DORMANT = "Dormant"


def segment_expression(customers: ir.Table, model: dict[str, Any]) -> ir.Table:
    """customer_quarter with the group of every customer, computed where the rows are.

    Returns customer_id, branch_id, customer_type, quarter, segment (its name). A customer without an own entry in the
    quarter is `Dormant`; a type that the model has not seen is `Not grouped`.
    """
    segment: ir.Value = ibis.literal("Not grouped")
    for kind, part in model.items():
        named: ir.Value = ibis.literal(part["groups"][0]["name"])
        nearest: ir.Value | None = None
        for centre, group in zip(part["centres"], part["groups"], strict=True):
            distance = _distance(customers, part["features"], centre)
            named = (
                ibis.literal(group["name"])
                if nearest is None
                else ibis.ifelse(distance < nearest, ibis.literal(group["name"]), named)
            )
            nearest = distance if nearest is None else ibis.least(nearest, distance)
        segment = ibis.ifelse(customers.customer_type == kind, named, segment)
    segment = ibis.ifelse(customers.active, segment, ibis.literal(DORMANT))
    return customers.select("customer_id", "branch_id", "customer_type", "quarter", segment=segment)


def _distance(customers: ir.Table, features: list[dict[str, Any]], centre: list[float]) -> ir.Value:
    total: ir.Value = ibis.literal(0.0)
    for f, at in zip(features, centre, strict=True):
        if f["transform"].startswith("is "):
            value = (customers[f["column"]] == f["transform"].removeprefix("is ")).fill_null(False).cast("float64")
        else:
            value = customers[f["column"]].cast("float64")
        if f["transform"] == "log":
            value = value.sign() * (value.abs() + 1).ln()
        value = ibis.greatest(ibis.least(value.fill_null(f["missing"]), f["high"]), f["low"])
        step = (value - f["mean"]) / f["sd"] * f["weight"] - at
        total = total + step * step
    return total
