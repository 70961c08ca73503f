"""Who may leave: chances that hold, the same in the engine, with reasons that are the reasons."""

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.language import because
from analysis.logit import chances
from analysis.quarters import Quarter
from analysis.retention.fitted import Hazard
from analysis.retention.hazard import churn_expression, fit_churn
from analysis.tables import Tables

Q4 = Quarter.parse("2024Q4")


def at_risk(n=9000, seed=0):
    rng = np.random.default_rng(seed)
    felt = np.where(rng.random(n) < 0.4, rng.normal(60, 15, n), np.nan)
    moved = rng.random(n) < 0.05
    balance = rng.normal(8, 2, n)
    linear = -3.2 - 0.05 * (np.nan_to_num(felt, nan=60) - 60) + 2 * moved - 0.3 * (balance - 8)
    return pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "branch_id": "B1",
            "customer_type": "personal",
            "quarter": rng.choice([f"2024Q{q}" for q in (1, 2, 3, 4)], n),
            "felt": felt,
            "answered": (~np.isnan(felt)).astype(int),
            "balance_end": np.sinh(balance),
            "event_moved": moved.astype(int),
            "has_card": rng.random(n) < 0.5,
            "left": rng.random(n) < 1 / (1 + np.exp(-linear)),
        }
    )


def test_chances_told_before_the_quarter_held_out_hold_in_it():
    model = fit_churn(at_risk(), "2024Q4").types["personal"]
    held = model.held_out
    assert held.quarter == "2024Q4" and held.auc > 0.7 and held.brier < held.brier_base
    assert held.slope_low < 1 < held.slope_high
    coefficient = {f.name: f.coefficient for f in model.features}
    assert (
        coefficient["event_moved"] > 0.2
        and coefficient["felt"] < -0.2
        and abs(coefficient["has_card"]) < 0.15
    )


def test_the_quarter_held_out_is_not_seen_by_the_model_that_is_judged():
    rows = at_risk()
    turned = rows.assign(left=np.where(rows["quarter"] == "2024Q4", ~rows["left"], rows["left"]))
    honest, spoilt = (fit_churn(r, "2024Q4").types["personal"].held_out.auc for r in (rows, turned))
    assert spoilt == pytest.approx(1 - honest)  # the same chances, judged against the opposite


def test_the_engine_tells_the_same_chances_and_the_two_reasons_that_weigh_most():
    rows = at_risk(4000)
    models = fit_churn(rows, "2024Q4").types
    con = ibis.duckdb.connect(threads=1)
    con.create_table("rows", rows)
    told = (
        con.to_pandas(churn_expression(con.table("rows"), models, "2024Q4"))
        .set_index("customer_id")
        .loc[rows["customer_id"]]
    )
    model = models["personal"]
    assert told["hazard"].to_numpy() == pytest.approx(chances(rows, model))
    place = {f.name: i for i, f in enumerate(model.features)}
    from analysis.segmentation.features import matrix

    x = matrix(rows.assign(has_card=rows["has_card"].astype(float)), model.features)
    given = x * [f.coefficient for f in model.features]
    for i, r in enumerate(told.head(200).itertuples()):
        best = np.sort(given[i])[::-1]
        assert (
            given[i][place[r.first_reason.rpartition(" ")[0]]] if r.first_reason else 0.0
        ) == pytest.approx(max(best[0], 0.0))
        assert (
            given[i][place[r.second_reason.rpartition(" ")[0]]] if r.second_reason else 0.0
        ) == pytest.approx(max(best[1], 0.0))
    con.disconnect()
    # the side on which the planted chance is higher
    said = set(told["first_reason"]) | set(told["second_reason"])
    assert {"felt low", "event_moved yes", "balance_end low"} <= said
    assert not {"felt high", "event_moved no", "balance_end high"} & said


def test_an_event_that_a_quarter_cannot_know_counts_as_not_happened():
    rows = at_risk()
    rows["event_moved"] = rows["event_moved"].where(rows["quarter"] != "2024Q1").astype(float)
    assert "event_moved" in {f.name for f in fit_churn(rows, "2024Q4").types["personal"].features}
    model = fit_churn(rows, "2024Q4").types["personal"]
    assert np.isfinite(chances(rows.drop(columns="event_moved"), model)).all()


def test_types_of_customers_have_models_of_their_own_and_too_little_is_said():
    rows = pd.concat([at_risk(), at_risk(500, 1).assign(customer_type="corporate", left=False)])
    types = fit_churn(rows, "2024Q4").types
    assert isinstance(types["personal"], Hazard) and because(types["corporate"]).startswith(
        "500 customers × quarters"
    )
    assert fit_churn(pd.DataFrame(), "2024Q4").types == {}


def test_nothing_that_happened_in_or_after_the_quarter_is_used(demo):
    """The chances of a quarter come out the same when the bank's later rows are not known yet."""
    then, now = (Tables(demo, "ALL", q).hazard.types["personal"] for q in (Q4.previous, Q4))
    assert then.quarters[-1] == "2024Q2"
    assert now.held_out.quarter == "2024Q3"
    told = Tables(demo, "ALL", Q4).previous_churn
    assert set(told["quarter"]) == {"2024Q3"}


def test_leaving_is_what_the_params_file_says(demo):
    rows = Tables(demo, "ALL", Q4).left
    before = Tables(demo, "ALL", Q4.previous).customers
    now = Tables(demo, "ALL", Q4).customers.set_index("customer_id")["active"]
    active = before[before["active"]].set_index("customer_id")
    assert sorted(rows["customer_id"]) == sorted(active.index)
    gone = ~now.reindex(rows["customer_id"]).astype("boolean").fillna(False).astype(bool).to_numpy()
    assert (rows["left"].to_numpy() == gone).all() and 0 < gone.sum() < len(rows) / 5
