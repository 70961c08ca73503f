"""Who left, the chance of everybody else of leaving next, and whom staff are to call."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.changes.announcing import Announcements
from analysis.changes.calls import CALL, contacted, not_to_be_called, with_consent_settled
from analysis.changes.events import Outcomes, outcomes
from analysis.changes.value import ValueModel, histories
from analysis.marts.rows import names_in, rows_of
from analysis.quarters import Quarter
from analysis.retention.departures import departures
from analysis.retention.fitted import HazardModel
from analysis.steps.declaration import BEFORE, SO_FAR, At, Mart, Model, mart, model, step, table


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


@step(
    latest=2,  # what became of the lists of the quarter before is told
    writes=Mart("customer_call", key=("customer_id", "subject_id")),
    reads={
        "customers": mart("customer_quarter"),
        "all_customers": mart("customer_quarter", SO_FAR),
        "events": mart("customer_event", SO_FAR, optional=True),
        "announcements": model("announcements"),
        "churn": mart("customer_churn", optional=True),
        "value": model("value", optional=True),
        "alerts": mart("risk_alert", optional=True),
        "parties": mart("risk_party", optional=True),
        "contacts": table("contacts", optional=True),
        "follow_ups": table("follow_ups", optional=True),
        "leads": table("leads", optional=True),
    },
    settings=("retention", "value", "events", "offers.most_contacts"),
)
def customer_call(
    at: At,
    customers: ir.Table,
    all_customers: ir.Table,
    events: ir.Table | None,
    announcements: Announcements,
    churn: ir.Table | None,
    value: ValueModel | None,
    alerts: ir.Table | None,
    parties: ir.Table | None,
    **spoken_to: ir.Table | None,
) -> ir.Table | None:
    """Who is to be called so that they stay, or about an event; nobody who is named in an alert, or
    was contacted often enough.
    """
    from analysis.changes.announced import backtest
    from analysis.retention.called import calls_of_branch

    customers = with_consent_settled(customers)
    watched = at.setting("events")
    tested = backtest(_outcomes_so_far(all_customers, events, at.so_far), watched, announcements)
    happened = rows_of(events, at.quarter)
    expected = _expected_values(at, all_customers, value)
    times = contacted(**spoken_to, quarter=at.quarter)
    enough = set(times.index[times >= at.setting("offers.most_contacts")])
    not_called = not_to_be_called(alerts, parties) | enough
    calls = at.engine.create_table("calls", schema=ibis.schema(CALL), temp=True, overwrite=True)
    for branch in names_in(customers, "branch_id"):
        people = _of_branch(customers, branch)
        may = people[~people["customer_id"].isin(not_called)].assign(segment="")
        rows = calls_of_branch(
            _of_branch(churn, branch),
            _of_branch(happened, branch),
            may,
            pd.DataFrame()
            if expected is None
            else expected.semi_join(customers.filter(_.branch_id == branch), "customer_id")
            .order_by("customer_id")
            .to_pandas(),
            watched,
            tested,
            at.setting("retention"),
        )
        if len(rows):
            at.engine.insert("calls", rows)
    return calls


def _of_branch(rows: ir.Table | None, branch: str) -> pd.DataFrame:
    if rows is None:
        return pd.DataFrame()
    return rows.filter(_.branch_id == branch).order_by("customer_id").to_pandas()


def _outcomes_so_far(
    customers: ir.Table, events: ir.Table | None, quarters: Sequence[Quarter]
) -> list[Outcomes]:
    """What followed the events of every quarter so far in the next."""
    followed = []
    for quarter in quarters[1:]:
        then, now = rows_of(customers, quarter.previous), rows_of(customers, quarter)
        if then is not None and now is not None:
            followed.append(outcomes(rows_of(events, quarter.previous), then, now))
    return followed


def _expected_values(at: At, customers: ir.Table, value: ValueModel | None) -> ir.Table | None:
    """customer_id and expected of every customer; None without a model."""
    if value is None or value.expected().empty:
        return None
    of_history = at.engine.create_table(
        "calls__expected", value.expected(), temp=True, overwrite=True
    )
    rows = histories(customers, at.quarter, at.setting("value"))
    joined = rows.inner_join(of_history, ["customer_type", "known", "repeats", "last"])
    return at.engine.create_table(
        "calls__worth",
        joined.select("customer_id", expected=_.value * _.discounted),
        temp=True,
        overwrite=True,
    )
