"""Which combinations go with a feeling."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.language import because
from analysis.voice.associations import rules


def people(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    facts = pd.DataFrame({f"has_{k}": rng.random(n) < 0.3 for k in "abcdef"})
    complained = rng.random(n) < 0.1
    unhappy = rng.random(n) < np.where(complained, 0.6, 0.15)
    return facts.assign(complained=complained), pd.DataFrame({"unhappy": unhappy})


def test_the_planted_rule_is_found_with_its_figures_and_nothing_else_is():
    facts, feelings = people()
    found = rules(facts, feelings, 10)
    held = [r for r in found.rules if r.p_corrected < 0.05]
    assert held[0].facts == "complained"
    assert sum("complained" not in r.facts for r in held) <= 1  # one in twenty found may be chance
    with_it, without = (
        feelings["unhappy"][facts["complained"]],
        feelings["unhappy"][~facts["complained"]],
    )
    r = held[0]
    assert (r.n, r.confidence, r.base) == (
        len(with_it),
        pytest.approx(with_it.mean(), abs=1e-5),
        pytest.approx(without.mean(), abs=1e-5),
    )
    assert r.lift == pytest.approx(with_it.mean() / feelings["unhappy"].mean(), abs=1e-4)
    expected = stats.fisher_exact(
        [[with_it.sum(), (~with_it).sum()], [without.sum(), (~without).sum()]]
    ).pvalue
    assert r.p == pytest.approx(expected, abs=1e-5) and r.p_corrected >= r.p


def test_where_nothing_is_planted_rules_that_hold_are_rare():
    false = 0
    for seed in range(20):
        facts, feelings = people(600, seed)
        shuffled = feelings.sample(frac=1, random_state=seed).reset_index(drop=True)
        false += any(r.p_corrected < 0.05 for r in rules(facts, shuffled, 10).rules)
    assert false <= 4  # 20 tries at 5 %: more than 4 has a probability below 1 %


def test_a_combination_that_few_share_is_no_rule():
    facts, feelings = people()
    facts["rare"] = np.arange(len(facts)) < 9
    assert not [r for r in rules(facts, feelings, 10).rules if "rare" in r.facts]
    assert "100 are needed" in because(rules(facts.head(50), feelings.head(50), 10))
    assert "is shared by enough" in because(rules(facts[["rare"]], feelings, 10))
