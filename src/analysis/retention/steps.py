"""Who left, and the chance of everybody else of leaving next."""

import ibis.expr.types as ir

from analysis.retention.departures import departures
from analysis.retention.fitted import HazardModel
from analysis.steps.declaration import BEFORE, SO_FAR, At, Mart, Model, mart, step, table


@step(
    writes=Mart("customer_left", key=("customer_id",)),
    reads={"now": mart("customer_quarter"), "before": mart("customer_quarter", BEFORE)},
    settings=("retention.left",),
)
def customer_left(at: At, now: ir.Table, before: ir.Table) -> ir.Table:
    """Of every customer active a quarter before, whether it left."""
    return departures(now, before, at.setting("retention.left"), str(at.quarter))


@step(
    latest=2,  # the chances of the quarter before are held against what came
    writes=[Mart("customer_churn", key=("customer_id",)), Model("hazard", HazardModel)],
    reads={
        "customers": mart("customer_quarter", SO_FAR),
        "events": mart("customer_event", SO_FAR, optional=True),
        "complaints": table("complaints", optional=True),
        "answers": mart("survey_index", SO_FAR, optional=True),
        "left": mart("customer_left", SO_FAR, optional=True),
    },
    settings=("events.name",),
)
def customer_churn(
    at: At,
    customers: ir.Table,
    events: ir.Table | None,
    complaints: ir.Table | None,
    answers: ir.Table | None,
    left: ir.Table | None,
) -> tuple[ir.Table | None, HazardModel]:
    """The chance of every active customer of leaving in the next quarter, with two reasons."""
    from analysis.retention.hazard import (
        History,
        at_risk,
        churn_expression,
        fit_churn,
        with_outcome,
    )

    quarter = str(at.quarter)
    history = History(customers, events, complaints, answers, at.setting("events.name"))
    hazard = fit_churn(with_outcome(history, left, at.so_far), quarter)
    rows = at_risk(history, at.quarter)
    if rows is None or not hazard.fitted:
        return None, hazard
    return churn_expression(rows, hazard.fitted, quarter), hazard
