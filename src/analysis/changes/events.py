"""What changed from one quarter to the next: who moved between groups, what happened to whom, and
what followed.
"""

from collections.abc import Iterator
from functools import cache

import duckdb
import ibis
import ibis.expr.types as ir
import sqlglot
from ibis import _
from ibis.backends.duckdb import Backend
from sqlglot import expressions as parts

from analysis.contract import CONTRACT
from analysis.errors import ParametersError, not_one_of
from analysis.marts.account_quarter import account_quarter
from analysis.marts.customer_quarter import customer_quarter
from analysis.quarters import Quarter
from analysis.segmentation.scoring import LEFT, NEW
from analysis.sources.params import Bank, Event

BEFORE = "before_"


def moves(now: ir.Table, before: ir.Table | None, quarter: str) -> ir.Table:
    """Where every customer was a quarter ago and is now.

    now, before: as from `segment_expression`. Returns customer_id, branch_id, customer_type,
    quarter, was, became; a customer without an open account is `New` before and `Left` now. One who
    has left stays with the old branch.
    """
    mine = now.select("customer_id", "branch_id", "customer_type", became="segment")
    if before is None:
        return mine.mutate(quarter=ibis.literal(quarter), was=ibis.null("string")).head(0)
    old = before.select(
        old_id="customer_id", old_branch="branch_id", old_type="customer_type", was="segment"
    )
    both = mine.outer_join(old, mine.customer_id == old.old_id)
    return both.select(
        customer_id=ibis.coalesce(both.customer_id, both.old_id),
        branch_id=ibis.coalesce(both.branch_id, both.old_branch),
        customer_type=ibis.coalesce(both.customer_type, both.old_type),
        quarter=ibis.literal(quarter),
        was=both.was.fill_null(NEW),
        became=both.became.fill_null(LEFT),
    )


def event_rows(
    con: Backend, now: ir.Table, before: ir.Table | None, events: list[Event]
) -> ir.Table:
    """Which event of the params file happened to which active customer: customer_id, branch_id,
    customer_type, quarter, event.

    now, before: customer_quarter of the quarter and of the one before. No rows without a quarter
    before.
    """
    if before is None or not events:
        who = now.select("customer_id", "branch_id", "customer_type", "quarter")
        return who.mutate(event=ibis.null("string")).head(0)
    shape = ibis.schema(
        dict.fromkeys(("customer_id", "branch_id", "customer_type", "quarter", "event"), "string")
    )
    earlier = before.rename({f"{BEFORE}{c}": c for c in before.columns})
    joined = now.filter(_.active).left_join(earlier, [("customer_id", f"{BEFORE}customer_id")])
    rows = con.create_table("event_rows__now", joined, temp=True, overwrite=True)
    found = [
        con.sql(
            f"SELECT customer_id, branch_id, customer_type, quarter, '{e.name}' AS event "
            f"FROM {rows.get_name()} WHERE {e.rule}",
            schema=shape,
            dialect="duckdb",
        )
        for e in events
    ]
    return ibis.union(*found) if len(found) > 1 else found[0]


def outcomes(events: ir.Table | None, then: ir.Table, later: ir.Table) -> ir.Table:
    """What followed: per event, and for all active customers (event empty), how many there were,
    left, and bought.

    events: of a quarter, or None without any. then, later: customer_quarter of it and of the next.
    Returns customer_type, event, customers, churned (not active in the next quarter), purchased
    (holds more products; empty where holdings are not delivered).
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
    return result.order_by("customer_type", "event")


def check_rules(bank: Bank) -> None:
    """Refuse a rule of the params file (of an event, or of who has left) that cannot be read, names
    a column that customer_quarter does not have, or cannot be applied; and a behaviour that is no
    number of customer_quarter.

    Raises ParametersError naming the rule and the nearest valid column.
    """
    columns = _customer_schema()
    for name in bank.loyalty.behaviour:
        numbers = [
            c
            for c, kind in columns.items()
            if kind.startswith(("int", "float", "decimal", "boolean"))
        ]
        if name not in numbers:
            raise ParametersError(
                f"{bank.path}: loyalty.behaviour: {not_one_of('The column', name, numbers)}"
            )
    valid = [*columns, *[f"{BEFORE}{c}" for c in columns]]
    names = [e.name for e in bank.events]
    rules = {f"events: {e.name}": e.rule for e in bank.events} | {
        "retention.left": bank.retention.left
    }
    for name in names:
        if names.count(name) > 1:
            raise ParametersError(
                f"{bank.path}: events: {name}: there are two events of this name."
            )
    for place, text in rules.items():
        where = f"{bank.path}: {place}"
        try:
            rule = sqlglot.parse_one(text, dialect="duckdb")
        except sqlglot.errors.ParseError as error:
            raise ParametersError(
                f"{where}: the rule is not SQL: {text!r} ({str(error).splitlines()[0]})."
            ) from error
        if not isinstance(rule, parts.Condition) or rule.find(parts.Query, parts.Command):
            raise ParametersError(
                f"{where}: the rule must be a condition on one customer, not a query: {text!r}."
            )
        for column in rule.find_all(parts.Column):
            if column.name not in valid:
                raise ParametersError(f"{where}: {not_one_of('The column', column.name, valid)}")
    for place, fault in _on_no_customer(rules):
        raise ParametersError(
            f"{bank.path}: {place}: the rule {rules[place]!r} cannot be applied: {fault}"
        )


def customer_columns() -> list[str]:
    """The columns of customer_quarter."""
    return list(_customer_schema())


@cache
def _customer_schema() -> dict[str, str]:
    """Column of customer_quarter to its type, found without any data."""
    tables = {name: ibis.table(t.schema, name=name) for name, t in CONTRACT.items()}
    quarter = Quarter(2000, 1)
    accounts = account_quarter(tables, tables["transactions"], None, quarter)
    return {
        c: str(t) for c, t in customer_quarter(tables, accounts, None, quarter).schema().items()
    }


def _on_no_customer(rules: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each rule that the engine cannot apply to an empty table of the right columns, with what it
    says.
    """
    columns = _customer_schema()
    both = {**columns, **{f"{BEFORE}{c}": t for c, t in columns.items()}}
    con = ibis.duckdb.connect(threads=1)
    con.create_table("customers", schema=ibis.schema(both))
    for place, rule in rules.items():
        try:
            con.raw_sql(f"SELECT 1 FROM customers WHERE {rule}")
        except duckdb.Error as error:
            yield place, str(error).splitlines()[0]
    con.disconnect()
