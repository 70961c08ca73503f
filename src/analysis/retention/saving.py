"""Whom to call so that they stay. Tables in, tables out."""

import pandas as pd

from analysis.changes.calls import SAVE, entry_id, may_be_contacted, within_capacity
from analysis.sources.params import Retention

#: Whom to call: column to its type.
#: subject_id: the entry, as follow-ups name it.
#: hazard: chance of leaving in the next quarter.
#: expected_value, expected_saving: in the bank's currency.
SAVE_LIST = {
    "subject_id": "str",
    "customer_id": "str",
    "branch_id": "str",
    "manager_id": "str",
    "segment": "str",
    "hazard": "float",
    "first_reason": "str",
    "second_reason": "str",
    "expected_value": "float",
    "expected_saving": "float",
}


def save_list(
    churn: pd.DataFrame, customers: pd.DataFrame, expected: pd.DataFrame, settings: Retention
) -> pd.DataFrame:
    """Whom to call: of every branch as many as it can, those first from whom most is expected.
    Returns the columns `SAVE_LIST`.

    Expected saving = chance of leaving × share a call keeps (assumed) × expected value − cost of a
    call; who did not consent to be contacted, and from whom nothing is to be expected, is not on
    the list.
    """
    if churn.empty or customers.empty or expected.empty:
        return pd.DataFrame(columns=list(SAVE_LIST))
    candidates = churn.drop(columns="branch_id").merge(
        customers[["customer_id", "branch_id", "manager_id", "segment", "consent"]],
        on="customer_id",
    )
    candidates = candidates.merge(
        expected[["customer_id", "expected"]].rename(columns={"expected": "expected_value"}),
        on="customer_id",
    )
    candidates["expected_saving"] = (
        candidates["hazard"] * settings.save_rate * candidates["expected_value"]
        - settings.contact_cost
    )
    pays = candidates["expected_saving"] > 0
    candidates = candidates[may_be_contacted(candidates["consent"]) & pays]
    candidates["subject_id"] = [
        entry_id(SAVE, quarter, "", customer)
        for quarter, customer in zip(candidates["quarter"], candidates["customer_id"], strict=True)
    ]
    ranked = candidates.sort_values(["expected_saving", "customer_id"], ascending=[False, True])
    return (
        within_capacity(ranked, settings)[list(SAVE_LIST)]
        .round({"hazard": 4, "expected_value": 0, "expected_saving": 0})
        .reset_index(drop=True)
    )
