"""What became of the lists of the quarter before."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.execution.fitted import FollowThrough, InTime, NotCounted
from analysis.execution.items import (
    ALERT,
    HELD_BACK,
    ITEM,
    alert_items,
    call_items,
    delivered_items,
    followed,
    lookalike_items,
    not_counted,
    offer_items,
    usable,
    with_success,
)
from analysis.quarters import Quarter
from analysis.steps.declaration import BEFORE, At, Mart, Model, mart, step, table

#: Columns of entries that members of staff are compared by.
COMPARED = ("kind", "branch_id", "staff_id", "chance", "followed", "in_time", "done", "success")


@step(
    latest=1,
    writes=[
        Mart("work_item", key=("kind", "subject_id")),
        Mart("follow_up_aside", key=("reason", "follow_up_id")),
        Model("follow_through", FollowThrough),
    ],
    reads={
        "customers": table("customers"),
        "then": mart("customer_quarter", BEFORE),  # without it no list was handed over
        "leads": table("leads", optional=True),
        "follow_ups": table("follow_ups"),
        "staff": table("staff", optional=True),
        "offers": mart("customer_offer", BEFORE, optional=True),
        "lookalikes": mart("customer_likeness", BEFORE, optional=True),
        "calls": mart("customer_call", BEFORE, optional=True),
        "alerts": mart("risk_alert", BEFORE, optional=True),
        "all_alerts": mart("risk_history", optional=True),
        "holdings": table("holdings", optional=True),
        "left": mart("customer_left", optional=True),
    },
    settings=("execution", "offers.products", "events.name", "events.expect"),
)
def work_item(
    at: At,
    customers: ir.Table,
    then: ir.Table,
    leads: ir.Table | None,
    follow_ups: ir.Table,
    staff: ir.Table | None,
    offers: ir.Table | None,
    lookalikes: ir.Table | None,
    calls: ir.Table | None,
    alerts: ir.Table | None,
    all_alerts: ir.Table | None,
    holdings: ir.Table | None,
    left: ir.Table | None,
) -> tuple[ir.Table, ir.Table, FollowThrough]:
    """What was handed to staff, what they did, and what came of it."""
    from analysis.execution.staff import added, by_kind, by_staff, not_shown

    con, quarter, limits = at.engine, at.quarter, at.setting("execution")
    parts = [] if alerts is None else [alert_items(alerts, limits, quarter)]
    handed = None if leads is None else delivered_items(leads, customers, quarter)
    delivered = handed is not None and bool(handed.head(1).count().execute())
    if delivered:
        parts.append(handed)
    else:
        worth = {p.product: p.value for p in at.setting("offers.products")}
        if offers is not None and worth:
            parts.append(offer_items(offers, worth, quarter))
        if lookalikes is not None and worth:
            parts.append(lookalike_items(lookalikes, worth, limits, quarter))
        if calls is not None:
            parts.append(call_items(calls, limits, quarter))
    items = con.create_table("work__items", schema=ibis.schema(ITEM), temp=True, overwrite=True)
    for part in parts:
        con.insert("work__items", part)
    told = con.create_table(
        "work__told", usable(follow_ups, items, quarter), temp=True, overwrite=True
    )
    named = zip(at.setting("events.name"), at.setting("events.expect"), strict=True)
    buying = [name for name, expect in named if expect == "purchase"]
    work = with_success(followed(items, told), holdings, left, buying, quarter)
    work = con.create_table("work", work, temp=True, overwrite=True)
    known = [items.select("subject_id")]
    known += [] if leads is None else [leads.select(subject_id="lead_id")]
    known += [] if all_alerts is None else [all_alerts.select(subject_id="alert_id")]
    aside = not_counted(
        follow_ups, told, ibis.union(*known) if known[1:] else known[0], staff, quarter
    )
    aside = con.create_table("work__aside", aside, temp=True, overwrite=True)
    compared = work.order_by("subject_id").select(*COMPARED).to_pandas()
    kinds = by_kind(compared)
    reasons = aside.group_by("reason").aggregate(n=_.count()).order_by("reason").to_pandas()
    return (
        work,
        aside,
        FollowThrough(
            quarter=str(quarter),
            delivered=delivered,
            kinds=kinds,
            staff=by_staff(compared, kinds),
            added=added(compared),
            over_time=_over_time(at, work, leads, customers, follow_ups),
            not_shown=not_shown(compared),
            not_counted=[
                NotCounted(reason=r.reason, follow_ups=int(r.n)) for r in reasons.itertuples()
            ],
        ),
    )


def _over_time(
    at: At, work: ir.Table, leads: ir.Table | None, customers: ir.Table, follow_ups: ir.Table
) -> list[InTime]:
    """How much was followed up in time, by quarter and branch."""
    of_quarters = [] if leads is None else at.so_far[:-1]
    works = {str(q): _handed_and_followed(leads, customers, follow_ups, q) for q in of_quarters} | {
        str(at.quarter): work
    }
    shares = []
    for quarter, of_quarter in works.items():
        handed = of_quarter.filter(~_.kind.isin([ALERT, HELD_BACK]))
        counts = handed.group_by("branch_id").aggregate(handed=_.count(), in_time=_.in_time.sum())
        shares += [
            InTime(
                branch_id=r.branch_id, quarter=quarter, handed=int(r.handed), in_time=int(r.in_time)
            )
            for r in counts.order_by("branch_id").to_pandas().itertuples()
        ]
    return shares


def _handed_and_followed(
    leads: ir.Table, customers: ir.Table, follow_ups: ir.Table, quarter: Quarter
) -> ir.Table:
    items = delivered_items(leads, customers, quarter)
    return followed(items, usable(follow_ups, items, quarter))
