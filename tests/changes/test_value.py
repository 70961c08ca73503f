import ibis
import numpy as np
import pandas as pd
import pytest
from lifetimes.datasets import load_donations

from analysis.changes.value import cells, contribution, fit_activity, histories
from analysis.quarters import Quarter
from analysis.sources.params import Value


def donations():
    """How often 11,104 donors gave in the six years after their first gift."""
    return load_donations().rename(
        columns={
            "frequency": "repeats",
            "recency": "last",
            "periods": "known",
            "weights": "customers",
        }
    )


def test_the_model_gives_the_published_parameters_and_expectations():
    # Fader, Hardie and Shang 2010, the donations of a non-profit organisation: table 3 and the
    # example of section 6
    model = fit_activity(donations(), 5, 0.0)
    given = model.parameters
    assert given["alpha"] == pytest.approx(1.204, abs=0.01) and given["beta"] == pytest.approx(
        0.750, abs=0.01
    )
    assert given["gamma"] == pytest.approx(0.657, abs=0.01) and given["delta"] == pytest.approx(
        2.783, abs=0.02
    )
    expected = {(e.repeats, e.last): e for e in model.expected}
    assert expected[6, 6].active == pytest.approx(3.75, abs=0.05)
    assert expected[0, 0].active == pytest.approx(0.07, abs=0.02)
    assert expected[6, 6].alive > 0.9 > expected[0, 0].alive


def table(**columns):
    return pd.DataFrame(columns)


def test_discounting_costs_and_more_quarters_bring_more():
    short, long = fit_activity(donations(), 4, 0.1), fit_activity(donations(), 8, 0.1)
    for a, b in zip(short.expected, long.expected, strict=True):
        assert 0 <= a.discounted <= a.active <= 4 and a.active <= b.active
    once = {e.last: e.alive for e in short.expected if e.repeats == 1}
    assert list(once.values()) == sorted(once.values(), reverse=list(once) != sorted(once))


def test_customers_who_never_missed_a_quarter_are_expected_to_go_on():
    model = fit_activity(
        table(repeats=[2, 3], last=[2, 3], known=[2, 3], customers=[50, 50]), 4, 0.0
    )
    assert model.parameters == {"active": round(251 / 252, 4)}
    assert model.expected[0].active == pytest.approx(4 * 251 / 252, abs=1e-3)


def test_too_few_customers_or_quarters_have_no_model():
    assert fit_activity(table(repeats=[1], last=[1], known=[3], customers=[20]), 4, 0.0) is None
    assert fit_activity(table(repeats=[1], last=[1], known=[1], customers=[500]), 4, 0.0) is None


def test_a_history_counts_active_quarters_since_the_first():
    rows = table(
        customer_id=["a"] * 4 + ["b"] * 2 + ["never"],
        customer_type="personal",
        active=[True, False, True, False, True, True, False],
        quarter=["2023Q4", "2024Q1", "2024Q2", "2024Q3", "2024Q2", "2024Q3", "2024Q3"],
        balance_end=[0.0, 0, 400, 800, 100, 200, 5],
        debt=[0.0] * 7,
    )
    con = ibis.duckdb.connect()
    history = histories(
        con.create_table("t", rows), Quarter.parse("2024Q3"), Value(deposit_margin=0.04)
    )
    found = con.to_pandas(history).set_index("customer_id")
    assert found.loc["a", ["known", "repeats", "last"]].tolist() == [3, 1, 2]
    assert found.loc["b", ["known", "repeats", "last"]].tolist() == [1, 1, 1]
    assert found.loc["a", "value"] == pytest.approx(4.0)  # of the last active quarter
    assert "never" not in found.index
    assert con.to_pandas(cells(history))["customers"].tolist() == [1, 1]


def test_a_quarter_without_own_entries_brings_nothing():
    con = ibis.duckdb.connect()
    rows = con.create_table(
        "t",
        table(
            balance_end=[100.0, 100.0, -50.0],
            debt=[np.nan, 0.0, 1000.0],
            active=[True, False, True],
        ),
    )
    value = con.to_pandas(
        rows.select(v=contribution(rows, Value(deposit_margin=0.04, lending_margin=0.02)))
    )["v"]
    assert value.tolist() == pytest.approx([1.0, 0.0, 5.0])
