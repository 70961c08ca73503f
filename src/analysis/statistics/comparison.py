"""Estimates with intervals against each other: a quarter against an earlier one, and an order of
branches in which those that cannot be told apart share a place.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.intervals import NORMAL, corrected_for_any

#: What is called beyond chance.
LEAST_CHANCE = 0.05
#: An estimate with its interval: value, low, high.
Estimate = tuple[float, float, float]


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a − b with its interval, each of a and b being an estimate with its interval: the method of
    variance estimates recovery (Zou and Donner 2008), which gives Newcombe's interval for shares
    with Wilson's. The estimates are taken to be independent; of the same customers in two quarters
    it is too wide rather than too narrow.
    """
    (at_a, low_a, high_a), (at_b, low_b, high_b) = a, b
    d = at_a - at_b
    return (
        d,
        d - float(np.hypot(at_a - low_a, high_b - at_b)),
        d + float(np.hypot(high_a - at_a, at_b - low_b)),
    )


def p_value(a: Estimate, b: Estimate) -> float:
    """Two-sided p-value of no difference that belongs to the interval of `difference`."""
    d, low, high = difference(a, b)
    if np.isnan([d, low, high]).any():
        return float("nan")
    reach = d - low if d > 0 else high - d
    return float(2 * stats.norm.sf(abs(d) / (reach / NORMAL))) if reach > 0 else float(d == 0)


def places(estimates: Sequence[Estimate], highest_first: bool) -> list[int]:
    """The place of each estimate (value, low, high): one more than the number of those that are
    better beyond chance, all pairs corrected after Holm (1979).
    """
    values, lows, highs = np.array(estimates, dtype=float).reshape(-1, 3).T
    n = len(values)
    one, other = np.triu_indices(n, 1)
    if not len(one):
        return [1] * n
    d = values[one] - values[other]
    up = np.hypot(values[one] - lows[one], highs[other] - values[other])
    down = np.hypot(highs[one] - values[one], values[other] - lows[other])
    reach = np.where(d > 0, up, down)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(reach > 0, np.abs(d) / (reach / NORMAL), np.where(d == 0, 0.0, np.inf))
    apart = (corrected_for_any(pd.Series(2 * stats.norm.sf(z))) < LEAST_CHANCE).to_numpy()
    better_one = apart & ((d > 0) == highest_first)
    better_other = apart & ((d < 0) == highest_first) & (d != 0)
    ahead = np.zeros(n, dtype=int)
    np.add.at(ahead, other[better_one], 1)
    np.add.at(ahead, one[better_other], 1)
    return [int(1 + k) for k in ahead]


def apart_from_all(estimates: Sequence[Estimate], highest: bool) -> int | None:
    """Which estimate is higher (or lower) than every other by more than chance, of all pairs
    corrected; None where there is no such one.
    """
    place = places(estimates, highest)
    behind = [k for k, at in enumerate(place) if at > 1]
    return place.index(1) if len(place) > 1 and len(behind) == len(place) - 1 else None
