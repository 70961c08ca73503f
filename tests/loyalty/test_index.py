"""The index: what an answer counts for, and how sure it is of every branch and group."""

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.language import impossible
from analysis.loyalty.index import (
    index_expression,
    index_scores,
    scheme_of,
)
from analysis.loyalty.nonresponse import cells, margins_of, raked, who_answered
from analysis.loyalty.pathmodel import fit_path_model, structure_of
from analysis.sources.params import Loyalty
from tests.loyalty.test_pathmodel import made_up

SETTINGS = Loyalty(
    items={"a": ["a1", "a2", "a3"], "b": ["b1", "b2", "b3"]}, satisfaction=["y1", "y2", "y3"]
)


NOTHING = impossible("Nobody was asked.")


def answered(n=600, seed=0):
    table, _ = made_up(n, seed)
    scores = (5.5 + 1.5 * table).round().clip(1, 10)
    return scores.rename(columns=lambda c: f"item_{c}").assign(
        customer_id=[f"C{i}" for i in range(n)]
    )


def test_dimensions_count_as_they_act_on_satisfaction_and_items_as_the_path_model_says():
    model = fit_path_model(answered(2000), structure_of(SETTINGS), 50, "customer_id")
    scheme = scheme_of(model, SETTINGS)
    assert scheme.source == "model"
    assert scheme.dimensions["a"] == pytest.approx(0.7 / 0.9, abs=0.03)
    for items in scheme.items.values():
        assert sum(i.weight for i in items) == pytest.approx(1, abs=1e-4)
        assert {(i.low, i.high) for i in items} == {(1, 10)}


def test_weights_of_the_bank_win_and_without_a_model_all_count_the_same():
    by_hand = scheme_of(NOTHING, SETTINGS.model_copy(update={"weights": {"a": 3, "b": 1}}))
    assert by_hand.dimensions == {"a": 0.75, "b": 0.25} and by_hand.source == "params"
    equal = scheme_of(impossible("too few"), SETTINGS)
    assert equal.dimensions == {"a": 0.5, "b": 0.5} and equal.source == "equal"
    assert [i.weight for i in equal.items["a"]] == pytest.approx([1 / 3] * 3, abs=1e-4)


@pytest.fixture
def con():
    con = ibis.duckdb.connect(threads=1)
    yield con
    con.disconnect()


def scored(con, answers, scheme, customers=None, weights=None):
    who = (
        customers
        if customers is not None
        else pd.DataFrame(
            {
                "customer_id": answers["customer_id"],
                "segment": "S",
                "branch_id": "B1",
                "age_years": 40.0,
                "tenure_years": 3.0,
            }
        )
    )
    con.create_table(
        "answers",
        answers.assign(branch_id="B1", survey_id=answers["customer_id"], quarter="2024Q4"),
        overwrite=True,
    )
    con.create_table("customers", who, overwrite=True)
    given = (
        weights
        if weights is not None
        else pd.DataFrame(
            {
                "cell_segment": ["S"],
                "cell_age": ["30–44"],
                "cell_branch_id": ["B1"],
                "cell_tenure": ["2–4"],
                "weight": [2.0],
            }
        )
    )
    con.create_table("cell_weights", given, overwrite=True)
    expression = index_expression(
        con.table("answers"), con.table("customers"), con.table("cell_weights"), scheme
    )
    return con.to_pandas(expression).set_index("survey_id")


def test_the_engine_computes_what_the_formula_says(con):
    answers, scheme = (
        answered(200),
        scheme_of(fit_path_model(answered(2000), structure_of(SETTINGS), 20), SETTINGS),
    )
    rows = scored(con, answers, scheme).loc[answers["customer_id"]]
    total = 0.0
    for block, weight in scheme.dimensions.items():
        at = sum(i.weight * (answers[f"item_{i.item}"] - 1) / 9 * 100 for i in scheme.items[block])
        assert rows[block].to_numpy() == pytest.approx(at.to_numpy())
        total = total + weight * at
    assert rows["index"].to_numpy() == pytest.approx(total.to_numpy(), abs=1e-3)
    assert (rows["weight"] == 2.0).all() and (rows["segment"] == "S").all()


def test_an_empty_answer_leaves_the_others_and_half_empty_ones_leave_no_index(con):
    answers = pd.DataFrame(
        {
            "customer_id": ["C0", "C1"],
            **{f"item_{b}{i}": [10.0, 10.0] for b in "aby" for i in (1, 2, 3)},
        }
    )
    answers.loc[0, "item_a1"] = np.nan
    answers.loc[1, ["item_a1", "item_a2"]] = np.nan
    rows = scored(con, answers, scheme_of(NOTHING, SETTINGS))
    assert rows.loc["C0", ["a", "b", "index"]].tolist() == pytest.approx([100, 100, 100])
    assert np.isnan(rows.loc["C1", "a"]) and np.isnan(rows.loc["C1", "index"])
    assert rows.loc["C1", "b"] == pytest.approx(100)


def test_behaviour_counts_within_its_own_span(con):
    settings = Loyalty(items={"a": ["a1"]}, stated_loyalty=["y1"], behaviour=["products_held"])
    model = fit_path_model(answered(200), structure_of(SETTINGS), 1)
    behaviour = model.outer[0].model_copy(
        update={"block": "behaviour", "item": "products_held", "weight": 1.0}
    )
    only = model.model_copy(
        update={"outer": [behaviour], "span": {"products_held": [1.0, 5.0]}, "paths": []}
    )
    scheme = scheme_of(only, settings)
    answers = pd.DataFrame(
        {"customer_id": ["C0", "C1", "C2"], "item_a1": [5.0] * 3, "item_y1": [5.0] * 3}
    )
    who = pd.DataFrame(
        {
            "customer_id": ["C0", "C1"],
            "segment": "S",
            "branch_id": "B1",
            "age_years": 40.0,
            "tenure_years": 3.0,
            "products_held": [3, 9],
        }
    )
    rows = scored(con, answers, scheme, who)
    assert rows.loc[["C0", "C1"], "behaviour"].tolist() == [50, 100]
    assert (
        np.isnan(rows.loc["C2", "behaviour"]) and rows.loc["C2", "weight"] == 1.0
    )  # no open account


def rows_of(n=300, seed=1):
    rng = np.random.default_rng(seed)
    branch = np.where(np.arange(n) < n // 3, "B1", "B2")
    return pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "branch_id": branch,
            "segment": np.where(np.arange(n) % 2, "S", "T"),
            "weight": rng.uniform(0.5, 2, n),
            "index": rng.normal(60, 15, n),
            "a": np.where(rng.random(n) < 0.1, np.nan, rng.normal(50, 10, n)),
        }
    )


def test_scores_are_weighted_means_of_bank_branches_groups_and_groups_of_a_branch():
    rows = rows_of()
    scores = index_scores(rows, ["index", "a"], 200).set_index(
        ["branch_id", "segment", "dimension"]
    )
    for (branch, segment), part in {
        ("ALL", ""): rows,
        ("B1", ""): rows[rows["branch_id"] == "B1"],
        ("ALL", "T"): rows[rows["segment"] == "T"],
        ("B2", "S"): rows[(rows["branch_id"] == "B2") & (rows["segment"] == "S")],
    }.items():
        known = part.dropna(subset=["a"])
        s = scores.loc[(branch, segment, "a")]
        assert s["mean"] == pytest.approx(np.average(known["a"], weights=known["weight"]))
        assert (s["n"], s["unweighted"]) == (len(known), pytest.approx(known["a"].mean()))
        assert s["effective"] == pytest.approx(
            known["weight"].sum() ** 2 / (known["weight"] ** 2).sum()
        )
    assert len(scores) == 2 * (1 + 2 + 2 + 4)


def test_the_bootstrap_error_is_that_of_a_mean_and_the_same_again():
    rows = rows_of(2000).assign(weight=1.0)
    scores = index_scores(rows, ["index"], 400)
    whole = scores[(scores["branch_id"] == "ALL") & (scores["segment"] == "")].iloc[0]
    assert whole["se"] == pytest.approx(rows["index"].std() / np.sqrt(2000), rel=0.12)
    assert whole["low"] < whole["mean"] < whole["high"]
    pd.testing.assert_frame_equal(scores, index_scores(rows, ["index"], 400))


def test_one_answer_has_a_mean_and_no_error():
    scores = index_scores(rows_of().head(1), ["index"], 20)
    assert scores["n"].eq(1).all() and scores["se"].isna().all() and scores["low"].isna().all()
    assert index_scores(rows_of().head(0), ["index"]).empty


def counted(**changes):
    rows = [
        (s, a, b, "2–4", 100, 30 if s == "T" else 10)
        for s in "ST"
        for a in ("0–29", "60+")
        for b in ("B1", "B2")
    ]
    counts = pd.DataFrame(
        rows, columns=["segment", "age", "branch_id", "tenure", "customers", "answered"]
    )
    return counts.assign(**changes)


def test_raking_makes_the_answers_stand_for_the_customers_on_every_margin():
    counts = counted(customers=[100, 300, 50, 120, 80, 10, 70, 200])
    weighted = raked(counts) * counts["answered"]
    assert weighted.sum() == pytest.approx(counts["answered"].sum())
    for margin in ("segment", "age", "branch_id"):
        share = weighted.groupby(counts[margin]).sum() / weighted.sum()
        wanted = counts.groupby(margin)["customers"].sum() / counts["customers"].sum()
        assert share.to_dict() == pytest.approx(wanted.to_dict(), abs=1e-6)


def test_no_answer_counts_more_than_five_times_the_mean():
    counts = counted(
        customers=[100_000, 100, 100, 100, 100, 100, 100, 100],
        answered=[1, 40, 40, 40, 40, 40, 40, 40],
    )
    assert raked(counts).max() <= 5.0 + 1e-6
    assert (raked(counts) * counts["answered"]).sum() == pytest.approx(counts["answered"].sum())


def test_who_did_not_answer_at_all_is_told():
    response = who_answered(counted(answered=[10, 10, 10, 10, 0, 0, 0, 0]))
    assert response.represented == 0.5 and response.n == 40
    assert {c.category: c.answered for c in response.categories if c.margin == "segment"} == {
        "S": 40,
        "T": 0,
    }
    assert raked(counted(answered=0)).isna().all()


def test_equal_response_needs_no_weights_and_loses_nothing():
    response = who_answered(counted(answered=20))
    assert response.effective == pytest.approx(response.n)


def test_customers_of_types_that_nobody_asked_do_not_count(con):
    customers = pd.DataFrame(
        {
            "customer_id": ["C0", "C1", "F0"],
            "customer_type": ["personal", "personal", "corporate"],
            "segment": ["S", None, "S"],
            "branch_id": "B1",
            "age_years": [29.9, None, 3.0],
            "tenure_years": [10.0, 1.9, 5.0],
        }
    )
    con.create_table("customers", customers)
    con.create_table("answered", pd.DataFrame({"customer_id": ["C0", "C0"]}))
    counts = con.to_pandas(cells(con.table("customers"), con.table("answered")))
    assert counts[["segment", "age", "tenure", "customers", "answered"]].values.tolist() == [
        ["S", "0–29", "10+", 1, 1],
        ["unknown", "unknown", "0–1", 1, 0],
    ]
    assert set(margins_of(con.table("customers"))) == {"segment", "age", "branch_id", "tenure"}
