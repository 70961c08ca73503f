"""The regressions find what was planted, say what they cannot, and are not fooled."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.language import because
from analysis.loyalty.regressions import (
    fit_products,
    fit_recommend,
    fit_retention,
    fit_stated,
    fit_survival,
)
from analysis.quarters import Quarter
from analysis.sources.params import read_params
from analysis.statistics.fitted import LeftOutTerm
from analysis.tables import Tables


def answers(n, seed=0, effect=0.05):
    rng = np.random.default_rng(seed)
    service = rng.uniform(0, 100, n)
    stays = rng.random(n) < 1 / (1 + np.exp(-(0.5 + effect * (service - 50))))
    hazard = 0.08 * np.exp(-0.02 * (service - 50))
    leaves_after = rng.geometric(np.minimum(hazard, 0.9))
    return pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "branch_id": rng.choice(["B1", "B2", "B3"], n),
            "quarter": np.where(np.arange(n) < n * 0.8, "2024Q1", "2024Q2"),
            "service": service,
            "stated_loyalty": 20 + 0.6 * service + rng.normal(0, 5, n),
            "tenure_years": rng.uniform(1, 20, n),
            "products_held": 1 + rng.poisson(np.exp(0.01 * (service - 50))),
            "has_mortgage": rng.random(n) < 0.2,
            "transactions": rng.integers(1, 50, n),
            "balance_end": rng.normal(1000, 500, n),
            "stayed": stays,
            "recommend": np.clip(np.rint(1 + 0.08 * service + rng.logistic(0, 1, n)), 1, 10),
            "followed": np.minimum(leaves_after, 7),
            "event": leaves_after <= 7,
        }
    )


def service_of(fit):
    return {t.term: t for t in fit.terms}["service"]


def test_a_known_effect_lies_in_its_interval_and_the_last_quarter_is_held_out():
    rows = answers(4000)
    fit = fit_retention(rows, ["service"])
    term = service_of(fit)
    assert term.low < 0.5 < term.high  # 0.05 a point is 0.5 per 10 points
    assert term.points.low < term.points.at < term.points.high
    assert fit.quarters == ["2024Q1"] and fit.quality.held_out.quarter == "2024Q2"
    assert fit.quality.held_out.n == 800 and fit.quality.held_out.auc > 0.75
    assert fit.quality.held_out.slope_low < 1 < fit.quality.held_out.slope_high
    assert [m.model for m in fit.nested] == [
        "behaviour alone",
        "behaviour and attitudes",
    ] and fit.nested[1].p < 1e-6
    assert fit.quality.link_test_p > 0.001 and fit.clustered_by == "customer_id"


def test_what_lies_between_branches_is_found_where_it_is_and_the_same_again():
    rng = np.random.default_rng(8)
    rows = answers(6000)
    rows["branch_id"] = rng.choice([f"B{i}" for i in range(20)], len(rows))
    shift = dict(zip(sorted(rows["branch_id"].unique()), rng.normal(0, 0.8, 20), strict=True))
    chance = 1 / (1 + np.exp(-(0.5 + 0.05 * (rows["service"] - 50) + rows["branch_id"].map(shift))))
    planted = fit_retention(rows.assign(stayed=rng.random(len(rows)) < chance), ["service"])
    assert planted.quality.branch_sd == pytest.approx(0.8, rel=0.35)
    assert fit_retention(rows, ["service"]).quality.branch_sd < 0.2
    once, again = (fit_retention(rows, ["service"]).model_dump_json() for _ in range(2))
    assert once == again


def test_without_surveys_behaviour_stands_alone():
    fit = fit_retention(answers(2000), [])
    assert [m.model for m in fit.nested] == ["behaviour alone"] and len(fit.terms) == 5


def test_points_are_what_ten_points_more_would_change_in_the_fitted_model():
    rows = answers(4000)
    fit, train = fit_retention(rows, ["service"]), rows[rows["quarter"] == "2024Q1"]
    chance = 1 / (1 + np.exp(-(0.5 + 0.05 * (train["service"] - 50))))
    assert service_of(fit).points.at == pytest.approx(
        100 * (chance * (1 - chance) * 0.5).mean(), rel=0.1
    )


def test_what_has_no_effect_is_not_called_certain_more_often_than_chance():
    certain = sum(
        service_of(fit_retention(answers(600, seed, effect=0.0), ["service"])).p < 0.05
        for seed in range(40)
    )
    assert certain <= 6  # 40 tries at 5 %: more than 6 has a probability below 1 %


def test_errors_are_those_of_persons_and_not_of_answers():
    rows = answers(800)
    twice = pd.concat([rows, rows], ignore_index=True)
    errors = []
    for whose in (twice, twice.assign(customer_id=np.arange(len(twice)).astype(str))):
        term = service_of(fit_stated(whose, ["service"]))
        errors.append(term.high - term.low)
    assert errors[0] / errors[1] == pytest.approx(np.sqrt(2), rel=0.03)


def test_stated_loyalty_finds_its_slope_and_no_branches():
    fit = fit_stated(answers(1000), ["service"])
    assert (
        service_of(fit).low < 6.0 < service_of(fit).high
        and service_of(fit).high - service_of(fit).low < 1
    )
    assert fit.quality.between_branches < 0.02 and fit.quality.reset_p > 0.001
    rows = answers(1000)
    rows["stated_loyalty"] += rows["branch_id"].map({"B1": 0.0, "B2": 5.0, "B3": 10.0})
    assert fit_stated(rows, ["service"]).quality.between_branches > 0.3


def test_recommending_is_taken_in_its_order():
    fit = fit_recommend(answers(3000), ["service"])
    assert fit.quality.converged and fit.quality.brant_p > 0.001
    assert (
        service_of(fit).low < 0.8 < service_of(fit).high
    )  # 0.08 a point, a logistic error of scale one
    assert service_of(fit).points.at > 0 and 2 <= len(fit.cuts) <= 9


def test_time_until_leaving_finds_its_ratio():
    fit = fit_survival(answers(3000), ["service"])
    assert service_of(fit).ratio.low < np.exp(-0.2) < service_of(fit).ratio.high
    assert fit.left == int(answers(3000)["event"].sum())


def test_the_schoenfeld_test_sees_an_effect_that_wears_off():
    rng = np.random.default_rng(4)
    rows = answers(4000, 4)
    early, late = np.exp(0.04 * (rows["service"] - 50)), 1.0
    leaves = np.full(len(rows), 99)
    for quarter in range(7, 0, -1):
        hazard = 0.06 * (early if quarter <= 2 else late)
        leaves = np.where(rng.random(len(rows)) < np.minimum(hazard, 0.9), quarter, leaves)
    rows = rows.assign(followed=np.minimum(leaves, 7), event=leaves <= 7)
    assert service_of(fit_survival(rows, ["service"])).schoenfeld_p < 0.001


def test_the_number_of_products_finds_its_effect_and_its_spread():
    fit = fit_products(answers(4000), ["service"])
    assert service_of(fit).estimate == pytest.approx(0.1, abs=0.02)
    assert abs(fit.quality.dispersion) < 0.1


def test_no_quarter_is_called_held_out_where_the_model_had_to_use_all():
    fit = fit_retention(answers(600).assign(quarter="2024Q1"), ["service"])
    assert fit.rows == 600 and fit.quality.held_out is None


@pytest.mark.parametrize(
    "fitted", [fit_retention, fit_stated, fit_recommend, fit_survival, fit_products]
)
def test_too_little_is_said_with_counts(fitted):
    assert because(fitted(answers(50), ["service"])).startswith("50 ")


@pytest.mark.parametrize(
    "fitted", [fit_retention, fit_stated, fit_recommend, fit_survival, fit_products]
)
def test_collinear_and_constant_predictors_are_left_out_and_named(fitted):
    rows = answers(1500).assign(again=lambda r: 100 - r["service"], same=50.0)
    fit = fitted(rows, ["service", "again", "same"])
    assert {t.term: t.why for t in fit.left_out if t.term in ("again", "same")} == {
        "again": "collinear",
        "same": "constant",
    }
    assert np.isfinite(service_of(fit).estimate)


def test_a_predictor_that_separates_is_left_out_and_the_others_are_estimated():
    rows = answers(1500)
    rows["telling"] = np.where(rows["stayed"], 80.0, 20.0)
    fit = fit_retention(rows, ["service", "telling"])
    assert fit.left_out == [LeftOutTerm(term="telling", why="separates")] and fit.quality.converged


def test_the_planted_drivers_come_out_in_their_order_and_inside_their_intervals(ready_demo):
    bank = read_params(ready_demo)
    truth = json.loads((bank.place(bank.source.folder) / "truth" / "loyalty.json").read_text())[
        "drivers"
    ]
    partition = Tables(bank, "ALL", Quarter.parse("2024Q4"))
    terms = {t.term: t for t in partition.regressions.stated.terms}
    assert sorted(truth, key=lambda d: -terms[d].estimate) == sorted(truth, key=lambda d: -truth[d])
    assert all(terms[d].low > 0 for d in truth)
    paths = partition.path_model.model.paths
    shares = {p.source: p for p in paths if p.target == "satisfaction"}
    assert sum(shares[d].share_low <= truth[d] <= shares[d].share_high for d in truth) >= 3
