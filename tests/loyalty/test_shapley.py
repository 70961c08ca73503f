"""What drives satisfaction."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.language import because
from analysis.loyalty.shapley import explained_shares, lindeman


def scores(n=800, seed=0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    rows = pd.DataFrame({d: 50 + 10 * (0.5 * common + rng.normal(size=n)) for d in "abc"})
    return rows.assign(
        customer_id=[f"C{i}" for i in range(n)],
        y=0.6 * rows["a"] + 0.3 * rows["b"] + rng.normal(0, 5, n),
    )


def test_the_parts_are_the_mean_over_all_orders_of_what_each_adds():
    rows = scores()

    def r2(names):
        return (
            sm.OLS(rows["y"], sm.add_constant(rows[list(names)])).fit().rsquared if names else 0.0
        )

    orders = list(permutations("abc"))
    expected = [
        np.mean([r2([*o[: o.index(d)], d]) - r2(o[: o.index(d)]) for o in orders]) for d in "abc"
    ]
    assert lindeman(rows[["a", "b", "c", "y"]].corr().to_numpy()) == pytest.approx(expected)
    found = explained_shares(rows, list("abc"), "y", 50)
    assert [d.r_squared for d in found.drivers] == pytest.approx(expected, abs=1e-4)
    assert found.r_squared == pytest.approx(r2("abc"), abs=1e-6)
    assert all(d.share_low <= d.share <= d.share_high for d in found.drivers)


def test_too_few_answers_and_equal_answers_are_said():
    assert "100 that differ" in because(explained_shares(scores(60), list("abc"), "y"))
    assert "100 that differ" in because(explained_shares(scores().assign(y=5.0), list("abc"), "y"))
    assert {
        d.driver for d in explained_shares(scores().assign(c=5.0), list("abc"), "y", 20).drivers
    } == {
        "a",
        "b",
    }
