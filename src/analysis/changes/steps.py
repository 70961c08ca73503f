"""What changes from quarter to quarter: moves between groups, events, what followed them, and what
customers are expected to be worth.
"""

import ibis.expr.types as ir

from analysis.changes.announcing import Announcements
from analysis.changes.announcing import announcements as announced_by
from analysis.changes.events import Outcomes, event_rows, moves
from analysis.changes.events import outcomes as followed_by
from analysis.changes.value import ValueModel
from analysis.steps.declaration import BEFORE, SO_FAR, At, Mart, Model, mart, step


@step(
    writes=Mart("customer_move", key=("customer_id",)),
    reads={
        "now": mart("customer_segment"),
        "before": mart("customer_segment", BEFORE, optional=True),
    },
)
def customer_move(at: At, now: ir.Table, before: ir.Table | None) -> ir.Table:
    """Where every customer was a quarter ago and is now."""
    return moves(now, before, str(at.quarter))


@step(
    writes=Mart("customer_event", key=("customer_id", "event")),
    reads={
        "now": mart("customer_quarter"),
        "before": mart("customer_quarter", BEFORE, optional=True),
    },
    settings=("events.name", "events.rule"),
)
def customer_event(at: At, now: ir.Table, before: ir.Table | None) -> ir.Table:
    """Which event of the params file happened to which active customer."""
    rules = dict(zip(at.setting("events.name"), at.setting("events.rule"), strict=True))
    return event_rows(now, before, rules)


@step(
    writes=Model("outcomes", Outcomes),
    reads={
        "events": mart("customer_event", BEFORE, optional=True),
        "then": mart("customer_quarter", BEFORE, optional=True),
        "now": mart("customer_quarter"),
    },
)
def outcomes(at: At, events: ir.Table | None, then: ir.Table | None, now: ir.Table) -> Outcomes:
    """What followed the events of the quarter before."""
    return Outcomes(counts=[]) if then is None else followed_by(events, then, now)


@step(
    latest=2,  # the lists of the quarter before are told
    writes=Model("announcements", Announcements),
    reads={
        "customers": mart("customer_quarter", SO_FAR),
        "events": mart("customer_event", SO_FAR, optional=True),
    },
    settings=("events.name", "events.expect"),
)
def announcements(at: At, customers: ir.Table, events: ir.Table | None) -> Announcements:
    """Whether each event announces what it is watched for, by all quarters so far."""
    watched = dict(zip(at.setting("events.name"), at.setting("events.expect"), strict=True))
    return announced_by(customers, events, watched)


@step(
    writes=Model("value", ValueModel),
    reads={
        "customers": mart("customer_quarter", SO_FAR),
        "segments": mart("customer_segment", SO_FAR),
    },
    settings=("value",),
)
def value(at: At, customers: ir.Table, segments: ir.Table) -> ValueModel:
    """What customers are expected to be worth, checked on quarters held out."""
    from analysis.changes.value import fit_value

    return fit_value(customers, segments, at.so_far, at.setting("value"))
