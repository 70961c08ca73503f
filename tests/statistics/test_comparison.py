"""Estimates against each other, and orders in which what cannot be told apart shares a place."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.statistics.comparison import apart_from_all, difference, p_value, places
from analysis.statistics.intervals import corrected_for_any, share_interval


def share(count, of):
    return count / of, *share_interval(count, of)


@pytest.mark.parametrize(
    ("a", "b"), [((40, 1000), (20, 1000)), ((3, 50), (9, 60)), ((0, 30), (5, 40))]
)
def test_of_shares_the_difference_has_newcombes_interval(a, b):
    told = difference(share(*a), share(*b))
    low, high = confint_proportions_2indep(*a, *b, method="newcomb", compare="diff")
    assert told == pytest.approx((a[0] / a[1] - b[0] / b[1], low, high))


def test_the_p_value_is_small_exactly_where_the_interval_leaves_zero_out():
    rng = np.random.default_rng(1)
    for _ in range(200):
        n, m = rng.integers(20, 500, 2)
        a, b = share(rng.integers(0, n), n), share(rng.integers(0, m), m)
        _d, low, high = difference(a, b)
        assert (p_value(a, b) < 0.05) == (low > 0 or high < 0)


def test_of_equal_shares_one_in_twenty_is_told_apart():
    rng = np.random.default_rng(2)
    n, runs = 400, 2000
    counts = rng.binomial(n, 0.1, (runs, 2))
    size = np.mean([p_value(share(a, n), share(b, n)) < 0.05 for a, b in counts])
    assert 0.03 < size < 0.07  # 95 % of what chance lets a size of 5 % show: 0.04 to 0.06


def test_branches_that_cannot_be_told_apart_share_a_place():
    alike = [(60.0, 57.0, 63.0), (61.0, 58.0, 64.0)]
    assert places([*alike, (40.0, 37.0, 43.0)], highest_first=True) == [1, 1, 3]
    assert places([*alike, (40.0, 37.0, 43.0)], highest_first=False) == [2, 2, 1]
    assert places(alike[:1], highest_first=True) == [1]
    assert places([], highest_first=True) == []


def test_of_equal_branches_all_share_the_first_place_in_most_quarters():
    """The chance of putting any behind another, of twenty equal ones, is held (Holm)."""
    rng = np.random.default_rng(3)
    apart = 0
    for _ in range(300):
        at = rng.normal(50, 1, 20)
        apart += max(places([(x, x - 1.96, x + 1.96) for x in at], highest_first=True)) > 1
    assert apart / 300 < 0.09


def test_holms_correction_is_that_of_statsmodels():
    rng = np.random.default_rng(4)
    for n in (1, 2, 7, 40):
        p_values = pd.Series(rng.uniform(0, 0.2, n) ** 2)
        p_values[n // 2 :: 5] = np.nan
        told = corrected_for_any(p_values)
        tested = p_values.dropna()
        if len(tested):
            expected = multipletests(tested, method="holm")[1]
            assert told[tested.index].tolist() == pytest.approx(list(expected))
        assert told[p_values.isna()].isna().all()


def test_only_what_is_beyond_all_others_is_named():
    beyond = [(60.0, 59.0, 61.0), (40.0, 37.0, 43.0), (41.0, 38.0, 44.0)]
    assert apart_from_all(beyond, highest=True) == 0
    assert apart_from_all(beyond, highest=False) is None
    assert apart_from_all(beyond[:1], highest=True) is None
