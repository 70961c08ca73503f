"""The checks every regression passes through, against known answers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from analysis.statistics.regression import auc_interval, brant, by_tenths, judged, link_test, usable


def test_a_predictor_that_cannot_be_used_is_left_out_with_its_reason():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "a": rng.normal(size=200),
            "b": rng.normal(size=200),
            "same": 3.0,
            "left": rng.random(200) < 0.5,
        }
    )
    rows = rows.assign(
        sum=2 * rows["a"] - rows["b"],
        tells=rows["left"].astype(float) + rng.random(200) / 10,
        flag=(rows["left"] & (rng.random(200) < 0.5)).astype(float),
    )
    names, left_out = usable(rows, ["a", "b", "same", "sum", "tells", "flag"], "left")
    assert names == ["a", "b"]
    assert {t.term: t.why for t in left_out} == {
        "same": "constant",
        "sum": "collinear",
        "tells": "separates",
        "flag": "separates",
    }
    assert usable(rows, ["tells"])[0] == ["tells"]  # of no yes-or-no outcome it tells nothing


def test_the_area_is_that_of_scikit_learn_and_its_interval_covers():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        observed = rng.random(300) < 0.3
        score = observed * 1.0 + rng.normal(size=300)
        auc, low, high = auc_interval(observed, score)
        covered += low <= stats.norm.cdf(1 / np.sqrt(2)) <= high
    assert auc == pytest.approx(roc_auc_score(observed, score))
    assert 180 <= covered <= 199  # 95 % of 200, give or take
    ties = auc_interval(np.array([1, 1, 0, 0, 1, 0]), np.array([1.0, 2, 1, 2, 2, 1]))[0]
    assert ties == pytest.approx(roc_auc_score([1, 1, 0, 0, 1, 0], [1, 2, 1, 2, 2, 1]))


def test_true_chances_have_slope_one_and_bold_ones_a_smaller_one():
    rng = np.random.default_rng(2)
    linear = rng.normal(-2, 1, 20_000)
    chance = 1 / (1 + np.exp(-linear))
    left = rng.random(20_000) < chance
    good, bold = judged(left, chance), judged(left, 1 / (1 + np.exp(-2 * linear)))
    assert good.slope_low < 1 < good.slope_high and bold.slope == pytest.approx(
        good.slope / 2, rel=0.01
    )
    assert good.brier < good.brier_base and good.brier < bold.brier
    tenths = by_tenths(left, chance)
    assert len(tenths) == 10 and sum(t.low <= t.predicted <= t.high for t in tenths) >= 8
    assert judged(np.zeros(50), np.full(50, 0.1)).auc is None


def test_the_link_test_sees_a_bend():
    rng = np.random.default_rng(3)
    x = rng.normal(size=4000)
    straight, bent = (rng.random(4000) < 1 / (1 + np.exp(-t)) for t in (x, x**2 - 1))
    assert link_test(pd.Series(straight), x) > 0.01
    assert link_test(pd.Series(bent), x) < 1e-6


def ordered(seed, n=1500, at_top=0.0):
    """Five levels by an ordered logit on two predictors; at_top: what the first adds beyond the
    highest cut only.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    linear, u = x @ [0.8, -0.4], rng.logistic(size=n)
    level = (linear + u)[:, None] > np.array([-1.5, -0.3, 0.6, 1.5])
    level[:, 3] = level[:, 2] & ((linear + at_top * x[:, 0] + u) > 1.5)
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "level": level.sum(axis=1)})


def test_proportional_odds_are_accepted_where_they_hold_and_refused_where_not():
    refused = sum(brant(ordered(s), ["a", "b"], "level", [0, 1, 2, 3]).p < 0.05 for s in range(60))
    assert refused <= 9  # 60 tries at 5 %: more than 9 has a probability below 1 in 1,000
    found = brant(ordered(1, at_top=-1.2), ["a", "b"], "level", [0, 1, 2, 3])
    assert found.p < 0.001 and found.freedom == 6
    assert {t.term: t.p < 0.01 for t in found.terms} == {"a": True, "b": False}
