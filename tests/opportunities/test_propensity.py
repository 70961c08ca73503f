"""What else a customer would take: chances that hold, reasons that can be said."""

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.language import because
from analysis.logit import chances
from analysis.opportunities import findings, said
from analysis.opportunities.fitted import OfProduct
from analysis.opportunities.offers import OFFERED
from analysis.opportunities.patterns import patterns
from analysis.opportunities.propensity import chances_of, fit_propensity
from analysis.quarters import Quarter
from analysis.sources.params import read_params
from analysis.tables import Tables

QUARTERS = ["2023Q4", "2024Q1", "2024Q2", "2024Q3", "2024Q4"]


def rows(n=12_000, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer_id": [f"C{i % (n // 5)}" for i in range(n)],
            "branch_id": "B1",
            "customer_type": "personal",
            "quarter": np.repeat(QUARTERS, n // 5),
            "balance_end": np.exp(rng.normal(8, 1, n)),
            "salary_months": rng.integers(0, 4, n),
            "age_years": rng.uniform(20, 80, n),
            "holds_A": (rng.random(n) < 0.2).astype(int),
            "holds_B": (rng.random(n) < 0.3).astype(int),
            "holds_C": 1,
            "corporate": 0,
        }
    )
    balance = np.log(table["balance_end"]) - 8
    chance = 1 / (1 + np.exp(-(-3.5 + 0.9 * balance + 0.8 * table["holds_B"])))
    took = (rng.random(n) < chance) & (table["holds_A"] == 0)
    young = 1 / (1 + np.exp(-(-4 - 0.03 * (table["age_years"] - 50))))
    took_b = (rng.random(n) < young) & (table["holds_B"] == 0)
    return table.assign(
        took_A=took.astype(int), took_B=took_b.astype(int), took_C=0, holds_D=0, took_D=0
    )


@pytest.fixture(scope="module")
def fitted():
    return fit_propensity(rows(), {"A": 100.0, "B": 50.0, "C": 10.0, "D": 10.0}, "2025Q1", 200)


def test_chances_hold_in_the_quarter_held_out(fitted):
    model = fitted.products["A"]
    assert isinstance(model, OfProduct) and model.held_out.quarter == "2025Q1"
    held = model.held_out
    assert held.auc > 0.7 and held.brier < held.brier_base
    assert held.slope_low < 1 < held.slope_high
    weights = {f.name: f.coefficient for f in model.features}
    assert weights["balance_end"] > 0.5 and weights["holds_B"] > 0.2
    assert abs(weights["age_years"]) < 0.15


def test_a_product_that_everybody_or_nobody_holds_has_no_model(fitted):
    assert "0 customers" in because(fitted.products["C"])
    assert "taken up in 0" in because(fitted.products["D"])
    told = findings.no_model(fitted, {"C": "Current account"})
    assert told.startswith("Current account: 0 customers") and "D: " in told


def test_the_model_chooses_better_than_the_simpler_ways(fitted):
    by_method = {c.method: c for c in fitted.compared}
    assert set(by_method) == {"propensity", "most_popular", "rules", "neighbours"}
    best = by_method["propensity"]
    assert best.offers == 200 and best.low > by_method["most_popular"].share
    assert all(best.value >= c.value for c in fitted.compared)
    assert best.auc > max(c.auc for c in fitted.compared if c.method != "propensity") - 0.01
    assert all(0 < c.map_at_7 <= 1 for c in fitted.compared)


def test_nothing_gives_nothing():
    none = fit_propensity(pd.DataFrame(), {"A": 1.0}, "2024Q4", 10)
    assert none.fitted == {} and none.compared == []
    assert because(none.products["A"]) == "Three quarters are needed."


def test_the_engine_tells_the_same_chances_of_those_without_it_and_reasons_that_can_be_said(fitted):
    con = ibis.duckdb.connect(threads=1)
    now = rows(3000, 5)
    now = now[now["quarter"] == "2024Q4"].reset_index(drop=True)
    told = con.to_pandas(chances_of(con.create_table("now", now), fitted.fitted, "2024Q4"))
    con.disconnect()
    for product in ("A", "B"):
        own = told[told["product_id"] == product].sort_values("customer_id", ignore_index=True)
        without = now[now[f"holds_{product}"] == 0].sort_values("customer_id", ignore_index=True)
        assert own["customer_id"].tolist() == without["customer_id"].tolist()
        expected = chances(without, fitted.products[product])
        assert own["chance"].to_numpy() == pytest.approx(expected)
    reasons = {r for r in [*told["first_reason"], *told["second_reason"]] if r}
    assert "balance_end high" in reasons and all(map(said.is_said, reasons))


def test_reasons_are_told_of_the_customer_and_end_in_what_is_missing():
    customer = {"balance_end": 1234.4, "salary_months": 3, "tenure_years": np.nan}
    names = {"A": "Savings plan", "M": "Mortgage"}
    told = said.why("balance_end high", "holds_M yes", "A", customer, names, [])
    assert told.startswith("Keeps 1,234")
    assert told.endswith("; Has Mortgage with us; no Savings plan yet")
    assert said.why("", "age_years low", "A", customer, names, []) == "no Savings plan yet"
    assert "Savings plan" in said.opening("balance_end high", "A", names, [])
    assert "Mortgage" in said.opening("holds_M yes", "A", names, [])


def test_what_follows_what_and_goes_together():
    rng = np.random.default_rng(1)
    start = np.datetime64("2020-01-01")
    both = rng.random(2000) < 0.4
    held = [(f"C{i}", "personal", "A", start) for i in range(2000)]
    held += [
        (f"C{i}", "personal", "B", start + int(days))
        for i, days in zip(np.flatnonzero(both), rng.integers(150, 210, both.sum()), strict=True)
    ]
    held += [
        (f"C{i}", "personal", p, start - 10)
        for i in range(0, 400)
        for p in (["D", "E"] if i < 150 else ["D"] if i < 200 else ["E"] if i < 230 else [])
    ]
    table = pd.DataFrame(held, columns=["customer_id", "customer_type", "product_id", "held_from"])
    told = patterns(table)
    path = next(p for p in told.paths if (p.first, p.then) == ("A", "B"))
    assert path.n == both.sum() and path.low < 0.4 < path.high
    assert path.months_low < 180 / 30.44 < path.months_high
    assert not any(p.then == "A" and p.first == "B" for p in told.paths)
    pairs = {(b.one, b.other): b for b in told.bundles}
    assert ("D", "E") in pairs and ("A", "B") not in pairs  # everybody holds A
    assert pairs["D", "E"].confidence == pytest.approx(150 / 200)
    assert patterns(table.head(0)).paths == []


def test_the_demo_bank_s_offers_call_nobody_who_is_on_another_list(ready_demo):
    from analysis.retention.findings import save_list

    bank = read_params(ready_demo)
    for branch in ("B001", "B002"):
        p = Tables(bank, branch, Quarter.parse("2024Q4"))
        made = p.offers[p.offers["decision"] == OFFERED]
        assert len(made) and not made["customer_id"].duplicated().any()
        saved = save_list(p.churn, p.customers_to_save, p.expected_values, bank.retention)
        assert len(saved) and not set(saved["customer_id"]) & set(made["customer_id"])
        consent = p.customers.set_index("customer_id")["consent"]
        assert consent[made["customer_id"]].all()
        leaving = {e.name for e in bank.events if e.expect == "churn"}
        with_event = set(p.events.loc[p.events["event"].isin(leaving), "customer_id"])
        assert not with_event & set(made["customer_id"])
        excluded = p.offers[p.offers["decision"] == "excluded"]
        assert (excluded["failed"] != "").all()


def test_what_was_planted_in_the_demo_bank_is_found(ready_demo):
    model = Tables(read_params(ready_demo), "ALL", Quarter.parse("2024Q4")).propensity
    insurance = {f.name: f.coefficient for f in model.fitted["P09"].features}
    assert insurance["holds_P06"] > 0.1  # a mortgage
    by_method = {c.method: c for c in model.compared}
    assert by_method["propensity"].low > by_method["most_popular"].share
