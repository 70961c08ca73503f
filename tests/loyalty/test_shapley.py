"""What drives satisfaction, and which combinations go with a feeling."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from analysis.loyalty.shapley import explained_shares, lindeman
from analysis.report.language import because
from analysis.voice.associations import rules


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
    assert [d["r_squared"] for d in found["drivers"]] == pytest.approx(expected, abs=1e-4)
    assert found["r_squared"] == pytest.approx(r2("abc"), abs=1e-6)
    assert all(d["share_low"] <= d["share"] <= d["share_high"] for d in found["drivers"])


def test_too_few_answers_and_equal_answers_are_said():
    assert "100 that differ" in because(explained_shares(scores(60), list("abc"), "y"))
    assert "100 that differ" in because(explained_shares(scores().assign(y=5.0), list("abc"), "y"))
    assert {
        d["driver"]
        for d in explained_shares(scores().assign(c=5.0), list("abc"), "y", 20)["drivers"]
    } == {
        "a",
        "b",
    }


def people(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    facts = pd.DataFrame({f"has_{k}": rng.random(n) < 0.3 for k in "abcdef"})
    complained = rng.random(n) < 0.1
    unhappy = rng.random(n) < np.where(complained, 0.6, 0.15)
    return facts.assign(complained=complained), pd.DataFrame({"unhappy": unhappy})


def test_the_planted_rule_is_found_with_its_figures_and_nothing_else_is():
    facts, feelings = people()
    found = rules(facts, feelings, 10)
    held = [r for r in found["rules"] if r["p_corrected"] < 0.05]
    assert held[0]["facts"] == "complained"
    assert (
        sum("complained" not in r["facts"] for r in held) <= 1
    )  # one in twenty found may be chance
    with_it, without = (
        feelings["unhappy"][facts["complained"]],
        feelings["unhappy"][~facts["complained"]],
    )
    r = held[0]
    assert (r["n"], r["confidence"], r["base"]) == (
        len(with_it),
        pytest.approx(with_it.mean(), abs=1e-5),
        pytest.approx(without.mean(), abs=1e-5),
    )
    assert r["lift"] == pytest.approx(with_it.mean() / feelings["unhappy"].mean(), abs=1e-4)
    expected = stats.fisher_exact(
        [[with_it.sum(), (~with_it).sum()], [without.sum(), (~without).sum()]]
    ).pvalue
    assert r["p"] == pytest.approx(expected, abs=1e-5) and r["p_corrected"] >= r["p"]


def test_where_nothing_is_planted_rules_that_hold_are_rare():
    false = 0
    for seed in range(20):
        facts, feelings = people(600, seed)
        shuffled = feelings.sample(frac=1, random_state=seed).reset_index(drop=True)
        false += any(r["p_corrected"] < 0.05 for r in rules(facts, shuffled, 10)["rules"])
    assert false <= 4  # 20 tries at 5 %: more than 4 has a probability below 1 %


def test_a_combination_that_few_share_is_no_rule():
    facts, feelings = people()
    facts["rare"] = np.arange(len(facts)) < 9
    assert not [r for r in rules(facts, feelings, 10)["rules"] if "rare" in r["facts"]]
    assert "100 are needed" in because(rules(facts.head(50), feelings.head(50), 10))
    assert "reason" in rules(facts[["rare"]], feelings, 10)
