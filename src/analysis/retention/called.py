"""Whom a branch's staff are to call, by list. Tables in, tables out."""

import pandas as pd

from analysis.changes.announced import event_list
from analysis.changes.calls import ABOUT_EVENT, CALL, TO_SAVE
from analysis.retention.saving import save_list
from analysis.sources.params import Event, Retention


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
