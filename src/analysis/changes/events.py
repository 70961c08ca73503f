"""What changed from one quarter to the next: who moved between groups, what happened to whom, and
what followed.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.marts.rows import BEFORE
from analysis.segmentation.scoring import LEFT, NEW
from analysis.shape import Shape, rows_as

#: Which event happened to which active customer: column to its type.
EVENTS = dict.fromkeys(("customer_id", "branch_id", "customer_type", "quarter", "event"), "string")


class Outcome(Shape):
    """What followed in the quarter after.

    event: what had happened to the customers; empty: all active ones.
    churned: those not active any more; purchased: those who hold more products, empty where
    holdings are not delivered.
    """

    customer_type: str
    event: str | None
    customers: int
    churned: int
    purchased: int | None


class Outcomes(Shape):
    """What followed the events of a quarter in the next, in the whole bank."""

    counts: list[Outcome]


def moves(now: ir.Table, before: ir.Table | None, quarter: str) -> ir.Table:
    """Where every customer was a quarter ago and is now.

    now, before: as from `segment_expression`. Returns
    customer_id: text
    branch_id: text; one who has left stays with the old branch
    customer_type: text
    quarter: text
    was: text, group a quarter ago; `New` without an open account then
    became: text, group now; `Left` without an open account
    """
    groups = now.select("customer_id", "branch_id", "customer_type", became="segment")
    if before is None:
        return groups.mutate(quarter=ibis.literal(quarter), was=ibis.null("string")).head(0)
    old = before.select(
        old_id="customer_id", old_branch="branch_id", old_type="customer_type", was="segment"
    )
    both = groups.outer_join(old, groups.customer_id == old.old_id)
    return both.select(
        customer_id=ibis.coalesce(both.customer_id, both.old_id),
        branch_id=ibis.coalesce(both.branch_id, both.old_branch),
        customer_type=ibis.coalesce(both.customer_type, both.old_type),
        quarter=ibis.literal(quarter),
        was=both.was.fill_null(NEW),
        became=both.became.fill_null(LEFT),
    )


def event_rows(now: ir.Table, before: ir.Table | None, rules: Mapping[str, str]) -> ir.Table:
    """Which event of the params file happened to which active customer: the columns `EVENTS`.

    now, before: customer_quarter of the quarter and of the one before. rules: event to its
    condition in SQL. No rows without a quarter before.
    """
    if before is None or not rules:
        customers = now.select("customer_id", "branch_id", "customer_type", "quarter")
        return customers.mutate(event=ibis.null("string")).head(0)
    earlier = before.rename({f"{BEFORE}{c}": c for c in before.columns})
    joined = now.filter(_.active).left_join(earlier, [("customer_id", f"{BEFORE}customer_id")])
    con = now.get_backend()
    rows = con.create_table("event_rows__now", joined, temp=True, overwrite=True)
    happened = [
        con.sql(
            f"SELECT customer_id, branch_id, customer_type, quarter, '{name}' AS event "
            f"FROM {rows.get_name()} WHERE {rule}",
            schema=ibis.schema(EVENTS),
            dialect="duckdb",
        )
        for name, rule in rules.items()
    ]
    return ibis.union(*happened) if len(happened) > 1 else happened[0]


def outcomes(events: ir.Table | None, then: ir.Table, later: ir.Table) -> Outcomes:
    """What followed: per event, and for all active customers, how many there were, left, and
    bought.

    events: of a quarter, or None without any. then, later: customer_quarter of it and of the next.
    """
    after = later.select(
        after_id="customer_id", after_active="active", after_products="products_held"
    )
    active = then.filter(_.active)
    seen = active.left_join(after, active.customer_id == after.after_id).select(
        "customer_id",
        "customer_type",
        churned=~_.after_active.fill_null(False),
        purchased=_.after_products.fill_null(0) > _.products_held,  # unknown without holdings
    )
    counted = {"customers": _.count(), "churned": _.churned.sum(), "purchased": _.purchased.sum()}
    columns = ["customer_type", "event", *counted]
    everybody = (
        seen.group_by("customer_type").aggregate(**counted).mutate(event=ibis.null("string"))
    )
    result = everybody.select(columns)
    if events is not None:
        with_event = events.select("customer_id", "event").join(seen, "customer_id")
        result = ibis.union(
            result,
            with_event.group_by("customer_type", "event").aggregate(**counted).select(columns),
        )
    counts = result.order_by("customer_type", "event").to_pandas()
    return Outcomes(counts=rows_as(Outcome, counts))
