"""Who is about to leave: the chance of every customer, from what was known before the quarter in
which it happens.

Discrete-time hazard (Singer and Willett 1993): a logit, with a ridge penalty, over customers ×
quarters at risk. Every feature is of the quarter before, or older. A model is fitted on the
customers at risk of four quarters, so that it tells of today. It is judged on the last quarter
known, which the model judged did not see; the model in use is then fitted on the last four.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.language import Impossible, impossible
from analysis.logit import Logit, Transform, chances, fit_logit, needed, scored
from analysis.marts.rows import rows_of
from analysis.quarters import Quarter
from analysis.retention.fitted import Hazard, HazardModel, HeldOutQuarter
from analysis.statistics.regression import by_tenths, judged

QUARTERS = 4
MIN_ROWS, MIN_EVENTS = 300, 20
SAMPLE = 60_000  # customers a quarter
YEAR = 4  # quarters that an answer counts for
SPOKEN_WITH = ("sold", "declined", "reached")  # outcomes of follow-ups
#: Column to how it is transformed; what the bank keeps no history of (income, credit grade, debt)
#: is left out, since today's value may know what happened since; columns of customer_quarter, and
#: those of `at_risk`.
CANDIDATES: dict[str, Transform] = {
    "tenure_years": "log",
    "age_years": "none",
    "recency_days": "log",
    "transactions": "log",
    "transactions_change": "asinh",
    "active_weeks": "none",
    "counterparties": "log",
    "channels_used": "none",
    "cash_share": "none",
    "mobile_share": "none",
    "evening_share": "none",
    "salary_months": "none",
    "money_in": "asinh",
    "balance_end": "asinh",
    "balance_change": "asinh",
    "assets_trend": "none",
    "new_outside_paid": "asinh",
    "products_held": "none",
    "instalments_missed": "none",
    "felt": "none",
}


#: The chance of every customer at risk: column to its type.
#: hazard: chance of leaving in the quarter after.
#: first_reason, second_reason: the features that raise it most, with high or low against the
#: average customer, or yes or no; empty where nothing raises it above that customer's.
CHANCES = {
    "customer_id": "string",
    "branch_id": "string",
    "hazard": "float64",
    "first_reason": "string",
    "second_reason": "string",
    "quarter": "string",
}


@dataclass(frozen=True)
class History:
    """What is known of the bank's customers, of many quarters; None where the bank delivers
    nothing for it.

    customers, events, index: customer_quarter, customer_event, survey_index.
    complaints: of the contract.
    event_names: events that there can be. answers: as from `calls.answers`.
    """

    customers: ir.Table
    events: ir.Table | None
    complaints: ir.Table | None
    index: ir.Table | None
    event_names: Sequence[str]
    answers: ir.Table | None = None


def at_risk(history: History, quarter: Quarter) -> ir.Table | None:
    """Active customers of a quarter with what is known of them; None without customers.

    Returns the columns of customer_quarter, and
    event_…: 0 or 1, the events of the quarter
    complained: 0 or 1, in the quarter
    spoken_with, declined: 0 or 1, by staff about an entry of a list in the quarter, and whether no
    was said; only where answers are given
    answered: 0 or 1, a questionnaire within a year
    felt: float, its index, 0–100; empty without
    """
    customers = rows_of(history.customers, quarter)
    if customers is None:
        return None
    risk_set = customers.filter(_.active)
    facts, flags = list[ir.Table](), list[str]()
    events = rows_of(history.events, quarter)
    if events is not None and history.event_names:
        happened = {f"event_{n}": (_.event == n).any() for n in history.event_names}
        facts.append(_flags(events, **happened))
        flags += happened
    within = (ibis.literal(quarter.start), ibis.literal(quarter.end))
    if history.complaints is not None:
        received = history.complaints.filter(_.received_on.between(*within))
        facts.append(_flags(received, complained=ibis.literal(True)))
        flags.append("complained")
    if history.answers is not None:
        said = history.answers.filter(_.done_on.between(*within), _.outcome.isin(SPOKEN_WITH))
        declined = (_.outcome == "declined").any()
        facts.append(_flags(said, spoken_with=ibis.literal(True), declined=declined))
        flags += ["spoken_with", "declined"]
    answers = rows_of(history.index, *quarter.shifted(1 - YEAR).through(quarter))
    if answers is not None:
        facts.append(answers.group_by("customer_id").aggregate(felt=_["index"].mean()))
    # joined to each other before the many columns of a customer: the query is written sooner
    known = risk_set.select("customer_id")
    for fact in facts:
        known = known.left_join(fact, "customer_id").drop("customer_id_right")
    known = known.mutate(**{c: known[c].fill_null(0) for c in flags})
    if answers is not None:
        known = known.mutate(answered=known.felt.notnull().cast("int64"))
    return risk_set.join(known, "customer_id")


def _flags(rows: ir.Table, **flags: ir.Value) -> ir.Table:
    """Each flag of every customer, as 0 or 1."""
    told = rows.group_by("customer_id").aggregate(**flags)
    return told.mutate(**{c: told[c].cast("int64") for c in flags})


def with_outcome(
    history: History, left: ir.Table | None, quarters: Sequence[Quarter]
) -> pd.DataFrame:
    """Customers × quarters at risk of which it is known whether they left in the quarter after: as
    from `at_risk`, with left. Of each of the last five quarters a bank-wide sample of at most
    60,000, chosen by the hash of the identifier.

    left: customer_left of the quarters.
    """
    samples = []
    for quarter in quarters[:-1][-QUARTERS - 1 :]:
        risk_set, after = at_risk(history, quarter), rows_of(left, quarter.shifted(1))
        if risk_set is not None and after is not None:
            with_left = risk_set.join(after.select("customer_id", "left"), "customer_id")
            sample = with_left.order_by([_.customer_id.hash(), _.customer_id]).limit(SAMPLE)
            samples.append(sample.to_pandas())
    return pd.concat(samples, ignore_index=True) if samples else pd.DataFrame()


def fit_churn(risk_set: pd.DataFrame, quarter: str) -> HazardModel:
    """The hazard model of customers × quarters at risk, of every type of customer by itself, as it
    can be known at the end of the quarter.

    risk_set: as from `with_outcome`.
    """
    by_type = risk_set.groupby("customer_type") if len(risk_set) else []
    return HazardModel(
        quarter=quarter, types={str(kind): _fitted_and_judged(of_type) for kind, of_type in by_type}
    )


def _fitted_and_judged(risk_set: pd.DataFrame) -> Hazard | Impossible:
    left, stayed = int(risk_set["left"].sum()), int((~risk_set["left"]).sum())
    if len(risk_set) < MIN_ROWS or min(left, stayed) < MIN_EVENTS:
        return impossible(
            "{n} customers × quarters with a known outcome and {left} departures; {rows} "
            "and {events} are needed.",
            n=len(risk_set),
            left=left,
            rows=MIN_ROWS,
            events=MIN_EVENTS,
        )
    risk_set = risk_set.sort_values(["quarter", "customer_id"], ignore_index=True)
    quarters = sorted(risk_set["quarter"].unique())
    before_last = risk_set["quarter"].isin(quarters[-QUARTERS - 1 : -1])
    of_last = risk_set["quarter"] == quarters[-1]
    held_out = _judged_on(risk_set[before_last], risk_set[of_last])
    of_latest = risk_set["quarter"].isin(quarters[-QUARTERS:])
    latest = risk_set[of_latest].reset_index(drop=True)
    logit = _fitted(latest)
    return Hazard(
        features=logit.features,
        intercept=logit.intercept,
        left_out=logit.left_out,
        rows=len(latest),
        left=int(latest["left"].sum()),
        quarters=[str(q) for q in quarters[-QUARTERS:]],
        held_out=held_out,
    )


def _judged_on(before: pd.DataFrame, after: pd.DataFrame) -> HeldOutQuarter | None:
    """How well a model of the quarters before tells the one after."""
    if len(before) < MIN_ROWS or before["left"].sum() < MIN_EVENTS:
        return None
    predicted = chances(after, _fitted(before))
    return HeldOutQuarter(
        quarter=str(after["quarter"].iloc[0]),
        tenths=by_tenths(after["left"], predicted),
        **judged(after["left"], predicted).model_dump(),
    )


def _fitted(risk_set: pd.DataFrame) -> Logit:
    happened = [c for c in risk_set.columns if c.startswith("event_")]
    # a quarter without the one before it has no events
    risk_set = risk_set.fillna(dict.fromkeys(happened, 0))
    flags = [
        c
        for c in risk_set.columns
        if c.startswith(("event_", "has_")) or c in ("complained", "answered")
    ]
    columns = {c: t for c, t in CANDIDATES.items() if c in risk_set}
    # most did not answer: they count as the average, and `answered` takes up the difference
    return fit_logit(risk_set, "left", columns, flags, often_empty=("felt",))


def churn_expression(risk_set: ir.Table, models: Mapping[str, Logit], quarter: str) -> ir.Table:
    """The chance of every customer at risk, computed where the rows are, and the two features that
    raise it most: the columns `CHANCES`.

    risk_set: as from `at_risk`. models: type of customers to its model; customers of a type without
    one have no row.
    """
    by_type = [
        _predicted_departures(risk_set.filter(risk_set.customer_type == kind), model, quarter)
        for kind, model in sorted(models.items())
    ]
    return ibis.union(*by_type) if len(by_type) > 1 else by_type[0]


def _predicted_departures(risk_set: ir.Table, model: Logit, quarter: str) -> ir.Table:
    risk_set = needed(risk_set, model, "customer_id", "branch_id")
    return scored(risk_set, model, "hazard").mutate(quarter=ibis.literal(quarter)).select(*CHANCES)
