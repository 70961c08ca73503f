"""What the customers of each group are worth, and how far the model that says so was right. Tables
in, tables out.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.segmentation.findings import dominated, suppressed
from analysis.statistics.intervals import mean_interval


def value_by_group(expected: pd.DataFrame, customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """What a customer of each group brought lately and is expected to bring.

    expected: `Partition.expected_values`. Returns customer_type, segment, n, historic (mean value
    so far), value (mean in the last active quarter), alive (mean chance of being a customer still),
    expected (mean value over the horizon, discounted) with low and high (Student, over customers,
    the model taken as known), total. Small groups are left out; values are empty where one customer
    makes up nearly all of them.
    """
    columns = [
        "customer_type",
        "segment",
        "n",
        "historic",
        "value",
        "alive",
        "expected",
        "low",
        "high",
        "total",
    ]
    if expected.empty or customers.empty:
        return pd.DataFrame(columns=columns)
    rows = expected.merge(customers[["customer_id", "segment"]], on="customer_id")
    counts = rows.groupby(["customer_type", "segment"]).size().rename("n").reset_index()
    counts = counts[~suppressed(counts, "n", "customer_type", min_cell)]
    found = []
    for (kind, segment), part in rows.merge(counts, on=["customer_type", "segment"]).groupby(
        ["customer_type", "segment"]
    ):
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
        if dominated(part["expected"]):
            means = [np.nan, np.nan, part["alive"].mean(), *[np.nan] * 4]
        found.append([kind, segment, len(part), *means])
    return pd.DataFrame(found, columns=columns).sort_values(
        ["customer_type", "total"], ascending=[False, False], ignore_index=True
    )


def value_calibration(value: dict[str, Any]) -> pd.DataFrame:
    """What a model fitted without the last quarters said of them against what came, bank-wide by
    group.

    Returns customer_type, segment, n, predicted_active and came_active (mean active quarters),
    active_difference with its interval active_low and active_high (predicted less observed;
    Student), and the same for predicted_value, came_value, value_difference, value_low, value_high.
    """
    rows = []
    for c in value["calibration"]:
        n = c["customers"]
        row = {"customer_type": c["customer_type"], "segment": c["segment"], "n": n}
        for what in ("active", "value"):
            sd = c[f"{what}_sd"]
            low, high = mean_interval(
                c[f"predicted_{what}"] - c[what], float("nan") if sd is None else sd, n
            )
            row |= {
                f"predicted_{what}": c[f"predicted_{what}"],
                f"came_{what}": c[what],
                f"{what}_difference": c[f"predicted_{what}"] - c[what],
                f"{what}_low": low,
                f"{what}_high": high,
            }
        rows.append(row)
    columns = [
        "customer_type",
        "segment",
        "n",
        "predicted_active",
        "came_active",
        "active_difference",
        "active_low",
        "active_high",
        "predicted_value",
        "came_value",
        "value_difference",
        "value_low",
        "value_high",
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table[table["n"] >= 10].sort_values(
        ["customer_type", "n"], ascending=[False, False], ignore_index=True
    )
