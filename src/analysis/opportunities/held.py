"""Which products customers hold."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.quarters import Quarter

#: A product that a customer with an open account holds at a quarter's end: column to its type.
#: held_from: the first day; new: in the quarter.
HELD = {
    "customer_id": "string",
    "branch_id": "string",
    "customer_type": "string",
    "quarter": "string",
    "product_id": "string",
    "held_from": "date",
    "new": "boolean",
}


def products_held(customers: ir.Table, holdings: ir.Table, quarter: Quarter) -> ir.Table:
    """The products of every customer: the columns `HELD`.

    customers: customer_quarter of the quarter. holdings: of the contract.
    """
    start, end = ibis.literal(quarter.start), ibis.literal(quarter.end)
    held = holdings.filter((_.held_from <= end) & (_.held_to.isnull() | (_.held_to >= end)))
    each = held.group_by("customer_id", "product_id").aggregate(held_from=_.held_from.min())
    own = customers.select("customer_id", "branch_id", "customer_type", "quarter")
    return own.inner_join(each, "customer_id").mutate(new=_.held_from >= start).select(*HELD)
