"""What drives satisfaction and loyalty: each dimension's share of what all of them explain
together.
"""

from collections.abc import Sequence
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from analysis.loyalty.pathmodel import LEAST, LEVEL, draws, plain
from analysis.report.language import impossible

MOST_DRIVERS = 12  # 4,096 subsets


def explained_shares(
    rows: pd.DataFrame, drivers: Sequence[str], target: str, times: int = 500, seed: int = 0
) -> dict[str, Any]:
    """R² of the target on the drivers, divided among them: averaged over all orders of entering
    (Lindeman, Merenda and Gold 1980; the Shapley value of R², Lipovetsky and Conklin 2001).

    rows: customer_id and the scores. Returns n, r_squared with low and high, and `drivers`: driver,
    r_squared (its part), share (of the sum) with share_low and share_high (percentiles of bootstrap
    samples of persons); {"reason": …} where it cannot be done.
    """
    complete = rows.dropna(subset=[*drivers, target])
    varying = [d for d in drivers if len(complete) and complete[d].std() > 1e-9]
    if len(complete) < LEAST or not varying or not complete[target].std() > 1e-9:
        return impossible(
            "{n} complete answers; {least} that differ are needed.", n=len(complete), least=LEAST
        )
    if len(varying) > MOST_DRIVERS:
        return impossible(
            "{n} dimensions; at most {most} can be told apart.", n=len(varying), most=MOST_DRIVERS
        )
    table = complete[[*varying, target]].to_numpy(dtype=float)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    whole = lindeman(np.corrcoef(table.T))
    drawn = []
    for weight in draws(pd.factorize(complete["customer_id"])[0], times, seed):
        mean = weight @ table / weight.sum()
        covariance = (table * weight[:, None]).T @ table / weight.sum() - np.outer(mean, mean)
        sd = np.sqrt(np.diag(covariance))
        if (sd > 1e-9).all():
            drawn.append(lindeman(covariance / np.outer(sd, sd)))
    parts = np.array(drawn)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    shares = parts / parts.sum(axis=1, keepdims=True)
    low, high = np.quantile(parts.sum(axis=1), ends)
    share_low, share_high = np.quantile(shares, ends, axis=0)
    found = pd.DataFrame(
        {
            "driver": varying,
            "r_squared": whole,
            "share": whole / whole.sum(),
            "share_low": share_low,
            "share_high": share_high,
        }
    )
    return {
        "n": len(complete),
        "target": target,
        "r_squared": float(whole.sum()),
        "low": float(low),
        "high": float(high),
        "drivers": plain(found),
    }


def lindeman(correlation: np.ndarray) -> np.ndarray:
    """The part of R² of each predictor; correlation: predictors first, the target last."""
    k = len(correlation) - 1
    explained: dict[tuple[int, ...], float] = {(): 0.0}
    for size in range(1, k + 1):
        for subset in combinations(range(k), size):
            at = list(subset)
            r = correlation[at, -1]
            explained[subset] = float(
                r @ np.linalg.lstsq(correlation[np.ix_(at, at)], r, rcond=None)[0]
            )
    part = np.zeros(k)
    for i in range(k):
        others = [j for j in range(k) if j != i]
        for size in range(k):
            weight = factorial(size) * factorial(k - size - 1) / factorial(k)
            for subset in combinations(others, size):
                part[i] += weight * (explained[tuple(sorted((*subset, i)))] - explained[subset])
    return part
