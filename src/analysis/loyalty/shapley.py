"""What drives satisfaction and loyalty: each dimension's share of what all of them explain
together.
"""

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.language import Impossible, impossible
from analysis.loyalty.pathmodel import LEAST
from analysis.shape import Shape, rows_as
from analysis.statistics.resampling import LEVEL, draws

MOST_DRIVERS = 12  # 4,096 subsets


MOST_ANSWERS = 20_000
TARGETS = ("satisfaction", "stated_loyalty")


class Driver(Shape):
    """A dimension's part of what all explain together.

    share: of the sum of the parts, with its bootstrap interval.
    """

    driver: str
    r_squared: float
    share: float
    share_low: float
    share_high: float


class ExplainedShares(Shape):
    """What drives a target; low, high: interval of r_squared."""

    n: int
    target: str
    r_squared: float
    low: float
    high: float
    drivers: list[Driver]


class Drivers(Shape):
    """What drives satisfaction and stated loyalty, as far as they were asked."""

    targets: list[ExplainedShares | Impossible]

    @property
    def explained(self) -> list[ExplainedShares]:
        """The targets that could be explained."""
        return [t for t in self.targets if isinstance(t, ExplainedShares)]


def fit_drivers(index: ir.Table | None, dimensions: Sequence[str]) -> Drivers:
    """What drives each target, from a bank-wide sample of answers, chosen by the hash of their
    identifier.

    index: survey_index of a year; None without surveys.
    """
    if index is None:
        return Drivers(targets=[])
    answers = index.order_by([_.survey_id.hash(), _.survey_id]).limit(MOST_ANSWERS).to_pandas()
    return Drivers(
        targets=[explained_shares(answers, list(dimensions), t) for t in TARGETS if t in answers]
    )


def explained_shares(
    answers: pd.DataFrame, drivers: Sequence[str], target: str, times: int = 500, seed: int = 0
) -> ExplainedShares | Impossible:
    """R² of the target on the drivers, divided among them: averaged over all orders of entering
    (Lindeman, Merenda and Gold 1980; the Shapley value of R², Lipovetsky and Conklin 2001).

    answers: customer_id and the scores. Intervals are percentiles of bootstrap samples of persons.
    """
    complete = answers.dropna(subset=[*drivers, target])
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
    parts = _parts_drawn(table, pd.factorize(complete["customer_id"])[0], times, seed)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(parts.sum(axis=1), ends)
    share_low, share_high = np.quantile(parts / parts.sum(axis=1, keepdims=True), ends, axis=0)
    shares = pd.DataFrame(
        {
            "driver": varying,
            "r_squared": whole,
            "share": whole / whole.sum(),
            "share_low": share_low,
            "share_high": share_high,
        }
    )
    return ExplainedShares(
        n=len(complete),
        target=target,
        r_squared=float(whole.sum()),
        low=float(low),
        high=float(high),
        drivers=rows_as(Driver, shares, 5),
    )


def _parts_drawn(table: np.ndarray, person: np.ndarray, times: int, seed: int) -> np.ndarray:
    """Bootstrap samples × drivers: the part of each; samples without spread are left out."""
    parts = []
    for weight in draws(person, times, seed):
        mean = weight @ table / weight.sum()
        covariance = (table * weight[:, None]).T @ table / weight.sum() - np.outer(mean, mean)
        sd = np.sqrt(np.diag(covariance))
        if (sd > 1e-9).all():
            parts.append(lindeman(covariance / np.outer(sd, sd)))
    return np.array(parts)


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
