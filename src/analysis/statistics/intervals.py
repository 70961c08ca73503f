"""Intervals, tests and corrections that more than one subject uses, each with its source."""

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from analysis.statistics.resampling import LEVEL

NORMAL = float(stats.norm.ppf((1 + LEVEL) / 2))


def mean_interval(mean: float, sd: float, n: float) -> tuple[float, float]:
    """Student's interval of a mean; not a number with fewer than two values."""
    if n < 2 or np.isnan(sd):
        return float("nan"), float("nan")
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * sd / np.sqrt(n)
    return mean - half, mean + half


def median_interval(values: pd.Series) -> tuple[float, float]:
    """Interval of a median between two order statistics, whatever the distribution (Hahn and Meeker
    1991); not a number where there are too few values for one.
    """
    ordered = np.sort(values.to_numpy(dtype=float))
    n = len(ordered)
    below = int(stats.binom.ppf((1 - LEVEL) / 2, n, 0.5)) if n else 0
    if below < 1:
        return float("nan"), float("nan")
    return float(ordered[below - 1]), float(ordered[n - below])


def share_interval(count: float, of: float) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927)."""
    if of <= 0:
        return float("nan"), float("nan")
    low, high = proportion_confint(count, of, alpha=1 - LEVEL, method="wilson")
    return float(low), float(high)


def welch(
    mean_a: float, sd_a: float, n_a: float, mean_b: float, sd_b: float, n_b: float
) -> tuple[float, float, float, float]:
    """Difference a − b with its interval and p-value (Welch 1947)."""
    if min(n_a, n_b) < 2:
        return mean_a - mean_b, float("nan"), float("nan"), float("nan")
    a, b = sd_a**2 / n_a, sd_b**2 / n_b
    error = np.sqrt(a + b)
    if error == 0:
        return mean_a - mean_b, mean_a - mean_b, mean_a - mean_b, float("nan")
    freedom = (a + b) ** 2 / (a**2 / (n_a - 1) + b**2 / (n_b - 1))
    difference = mean_a - mean_b
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * error
    return (
        difference,
        difference - half,
        difference + half,
        float(2 * stats.t.sf(abs(difference / error), freedom)),
    )


def difference_of_shares(
    count_a: float, of_a: float, count_b: float, of_b: float
) -> tuple[float, float, float]:
    """Share a − share b with its hybrid score interval (Newcombe 1998)."""
    if min(of_a, of_b) <= 0:
        return float("nan"), float("nan"), float("nan")
    low, high = confint_proportions_2indep(
        count_a, of_a, count_b, of_b, method="newcomb", compare="diff", alpha=1 - LEVEL
    )
    return count_a / of_a - count_b / of_b, float(low), float(high)


def corrected(p_values: pd.Series, method: str = "fdr_bh") -> pd.Series:
    """p-values corrected for several comparisons at once (Benjamini and Hochberg 1995, or a method
    that statsmodels names); empty ones stay empty.
    """
    tested = p_values.notna()
    result = pd.Series(np.nan, index=p_values.index)
    if tested.any():
        result[tested] = multipletests(p_values[tested], method=method)[1]
    return result


def corrected_for_any(p_values: pd.Series) -> pd.Series:
    """p-values corrected so that the chance of any false finding among them stays below the level
    (Holm 1979); empty ones stay empty.

    statsmodels' multipletests gives the same (a test holds it to that) and collects garbage at each
    call, which takes a tenth of a second and more in a kernel.
    """
    tested = p_values.dropna().sort_values()
    steps = np.arange(len(tested), 0, -1)
    stepped = np.minimum(np.maximum.accumulate(tested.to_numpy() * steps), 1.0)
    return pd.Series(stepped, index=tested.index).reindex(p_values.index)


def stability_index(expected: np.ndarray, now: np.ndarray) -> float:
    """Population stability index Σ (p − q) ln(p / q) of two distributions over the same bins
    (Siddiqi 2006); an empty bin counts a ten-thousandth.
    """
    p, q = np.maximum(now, 1e-4), np.maximum(expected, 1e-4)
    return float(((p - q) * np.log(p / q)).sum())


def stability_index_by_chance(bins: int, n: float, n_expected: float) -> float:
    """What the index of two samples of the same population exceeds once in twenty (Yurdakul
    2018).
    """
    return float(stats.chi2.ppf(LEVEL, max(bins - 1, 1)) * (1 / max(n, 1) + 1 / max(n_expected, 1)))
