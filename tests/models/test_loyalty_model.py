import json

import numpy as np
import pandas as pd

from analysis.models.build import read_model
from analysis.models.loyalty import fit_retention, fit_stated
from analysis.sources.params import read_params


def answers(n, seed=0, effect=0.05):
    rng = np.random.default_rng(seed)
    service = rng.uniform(0, 100, n)
    stays = rng.random(n) < 1 / (1 + np.exp(-(0.5 + effect * (service - 50))))
    return pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)], "quarter": np.where(np.arange(n) < n * 0.8, "2024Q1", "2024Q2"), "service": service,
            "stated_loyalty": 20 + 0.6 * service + rng.normal(0, 5, n), "tenure_years": rng.uniform(1, 20, n), "products_held": rng.integers(1, 5, n),
            "transactions": rng.integers(1, 50, n), "balance_end": rng.normal(1000, 500, n), "stayed": stays,
        }
    )  # fmt: skip


def test_a_known_effect_lies_in_its_interval_and_the_last_quarter_is_held_out():
    fit = fit_retention(answers(4000), ["service"])
    term = {t["term"]: t for t in fit["terms"]}["service"]
    assert term["low"] < 0.5 < term["high"]  # 0.05 a point is 0.5 per 10 points
    assert fit["quarters"] == ["2024Q1"] and fit["quality"]["held_out_quarter"] == "2024Q2"
    assert fit["quality"]["held_out_rows"] == 800 and fit["quality"]["auc_held_out"] > 0.75


def test_what_has_no_effect_is_not_called_certain_more_often_than_chance():
    certain = 0
    for seed in range(40):
        term = {t["term"]: t for t in fit_retention(answers(600, seed, effect=0.0), ["service"])["terms"]}["service"]
        certain += term["p"] < 0.05
    assert certain <= 6  # 40 tries at 5 %: more than 6 has a probability below 1 %


def test_stated_loyalty_finds_its_slope():
    term = {t["term"]: t for t in fit_stated(answers(1000), ["service"])["terms"]}["service"]
    assert term["low"] < 6.0 < term["high"]
    assert term["high"] - term["low"] < 1


def test_no_quarter_is_called_held_out_where_the_model_had_to_use_all():
    fit = fit_retention(answers(600).assign(quarter="2024Q1"), ["service"])
    assert fit["rows"] == 600 and not [k for k in fit["quality"] if "held_out" in k]


def test_too_little_is_said_with_counts():
    assert fit_retention(answers(50), ["service"])["reason"].startswith("50 answers with a known outcome")
    assert "terms" not in fit_stated(answers(50), ["service"])


def test_the_planted_drivers_come_out_in_their_order(ready_demo):
    bank = read_params(ready_demo)
    truth = json.loads((bank.place(bank.source.folder) / "truth" / "loyalty.json").read_text())["drivers"]
    terms = {t["term"]: t for t in read_model(bank, "loyalty-2024Q4")["stated"]["terms"]}
    assert sorted(truth, key=lambda d: -terms[d]["estimate"]) == sorted(truth, key=lambda d: -truth[d])
    assert all(terms[d]["low"] > 0 for d in truth)
