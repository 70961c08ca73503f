"""What the customers of each group are worth, and how far the model that says so was right. Tables
in, tables out.
"""

import numpy as np
import pandas as pd

from analysis.changes.value import ValueModel
from analysis.segmentation.findings import group_counts, suppressed, without_dominated
from analysis.statistics.intervals import mean_interval

#: What the customers of a group are worth, each: column to its type.
#: historic: mean value so far; value: mean in the last active quarter.
#: alive: mean chance of being a customer still.
#: expected: mean value over the horizon, discounted, with its interval low to high (Student, over
#: customers, the model taken as known); total: of the group.
VALUE_BY_GROUP = {
    "customer_type": "str",
    "segment": "str",
    "n": "int",
    "historic": "float",
    "value": "float",
    "alive": "float",
    "expected": "float",
    "low": "float",
    "high": "float",
    "total": "float",
}


def value_by_group(expected: pd.DataFrame, customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """What a customer of each group brought lately and is expected to bring: the columns
    `VALUE_BY_GROUP`.

    expected: `ChangesTables.expected_values`. customers: `SegmentationTables.customers`. Groups
    that no page shows and small ones are left out; values are of those in whose branch not one
    customer makes up nearly all, and empty without any.
    """
    if expected.empty or customers.empty:
        return pd.DataFrame(columns=list(VALUE_BY_GROUP))
    groups_of = customers[["customer_id", "segment", "branch_id", "valued_withheld"]]
    with_group = expected.merge(groups_of, on="customer_id")
    counts = group_counts(with_group, "valued_withheld")
    counts = counts[~suppressed(counts, "customers", "customer_type", min_cell)]
    keys = ["customer_type", "segment"]
    groups = []
    for (kind, segment), group in with_group.merge(counts[keys], on=keys).groupby(keys):
        part = without_dominated(group, group["expected"], min_cell)
        low, high = mean_interval(part["expected"].mean(), part["expected"].std(), len(part))
        means = [
            part["historic"].mean(),
            part["value"].mean(),
            part["alive"].mean(),
            part["expected"].mean(),
            low,
            high,
            part["expected"].sum(),
        ]
        if part.empty:
            means = [np.nan, np.nan, group["alive"].mean(), *[np.nan] * 4]
        groups.append([kind, segment, len(group), *means])
    return pd.DataFrame(groups, columns=list(VALUE_BY_GROUP)).sort_values(
        ["customer_type", "total"], ascending=[False, False], ignore_index=True
    )


#: What was said of a group against what came, per customer: column to its type.
#: predicted_active, came_active: active quarters; active_difference: predicted less came, with its
#: interval active_low to active_high (Student).
#: The same of value, in the bank's currency.
VALUE_CALIBRATION = {
    "customer_type": "str",
    "segment": "str",
    "n": "int",
    "predicted_active": "float",
    "came_active": "float",
    "active_difference": "float",
    "active_low": "float",
    "active_high": "float",
    "predicted_value": "float",
    "came_value": "float",
    "value_difference": "float",
    "value_low": "float",
    "value_high": "float",
}


def value_calibration(model: ValueModel) -> pd.DataFrame:
    """What a model fitted without the last quarters said of them against what came, bank-wide by
    group: the columns `VALUE_CALIBRATION`.
    """
    compared = []
    for c in model.calibration:
        compared.append(
            {
                "customer_type": c.customer_type,
                "segment": c.segment,
                "n": c.customers,
                **_difference("active", c.predicted_active, c.active, c.active_sd, c.customers),
                **_difference("value", c.predicted_value, c.value, c.value_sd, c.customers),
            }
        )
    table = pd.DataFrame(compared, columns=list(VALUE_CALIBRATION))
    return table[table["n"] >= 10].sort_values(
        ["customer_type", "n"], ascending=[False, False], ignore_index=True
    )


def _difference(
    measure: str, predicted: float, observed: float, sd: float | None, n: int
) -> dict[str, float]:
    """How far what was said was off, under the names of `measure`."""
    low, high = mean_interval(predicted - observed, float("nan") if sd is None else sd, n)
    return {
        f"predicted_{measure}": predicted,
        f"came_{measure}": observed,
        f"{measure}_difference": predicted - observed,
        f"{measure}_low": low,
        f"{measure}_high": high,
    }
