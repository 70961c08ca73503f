"""How intervals are drawn."""

import pandas as pd


def reach(estimates: pd.DataFrame, value: str, low: str, high: str) -> list[pd.Series]:
    """How far an interval reaches below and above its value, as matplotlib wants it; rounding may
    not make it negative.
    """
    return [
        (estimates[value] - estimates[low]).clip(lower=0),
        (estimates[high] - estimates[value]).clip(lower=0),
    ]
