"""Whom a branch's staff are to call, by list. Tables in, tables out."""

import pandas as pd

from analysis.changes.announced import event_list
from analysis.retention.saving import save_list
from analysis.sources.params import Event, Retention

#: The lists: customers to call so that they stay, and events to act on.
TO_SAVE, ABOUT_EVENT = "save", "event"
#: An entry of a list: column to its type.
#: staff_id: who serves the customer; empty where nobody is named.
#: event: its name, on the list of events. hazard: chance of leaving; empty where none is told.
#: at_stake: what is expected of the call, in the bank's currency; empty where unknown.
CALL = {
    "subject_id": "string",
    "list": "string",
    "customer_id": "string",
    "branch_id": "string",
    "staff_id": "string",
    "event": "string",
    "hazard": "float64",
    "at_stake": "float64",
    "quarter": "string",
}


def calls_of_branch(
    churn: pd.DataFrame,
    happened: pd.DataFrame,
    customers: pd.DataFrame,
    expected: pd.DataFrame,
    events: list[Event],
    tested: pd.DataFrame,
    settings: Retention,
) -> pd.DataFrame:
    """The entries of both lists of a branch: the columns `CALL`. Who is called about an event is
    not on the list of those called so that they stay: one customer, one call.

    churn, happened: customer_churn and customer_event of the quarter. customers: customer_quarter
    without those whom a call could warn, with segment. expected: customer_id and expected.
    tested: as from `announced.backtest`.
    """
    with_event = event_list(happened, customers, expected, events, tested, settings)
    others = customers[~customers["customer_id"].isin(with_event["customer_id"])]
    saved = save_list(churn, others, expected, settings)
    saved = saved.rename(columns={"expected_saving": "at_stake"}).assign(list=TO_SAVE, event="")
    hazard = churn.set_index("customer_id")["hazard"] if len(churn) else pd.Series(dtype=float)
    with_event = with_event.assign(
        list=ABOUT_EVENT, hazard=with_event["customer_id"].map(hazard).astype(float)
    )
    lists = [rows for rows in (saved, with_event) if len(rows)]
    if not lists:
        return pd.DataFrame(columns=list(CALL))
    calls = pd.concat(lists, ignore_index=True)
    return calls.assign(
        staff_id=calls["manager_id"].fillna(""),
        branch_id=customers["branch_id"].iloc[0],
        quarter=customers["quarter"].iloc[0],
    )[list(CALL)]
