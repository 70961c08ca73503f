"""The index on the page, what changed, and where a branch is weak."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.loyalty import findings, measurement
from analysis.loyalty.index import index_scores
from analysis.quarters import Quarter
from analysis.sources.params import Loyalty, Mend, read_params
from analysis.tables import Tables

Q, BEFORE, YEAR_AGO = "2024Q4", "2024Q3", "2023Q4"
EARLIER = {"previous_quarter": BEFORE, "year_ago": YEAR_AGO}
DIMENSIONS = ("product", "service", "process")
IMPORTANCE = {"product": 0.3, "service": 0.5, "process": 0.2}


def bank(falls=(), n=150, seed=0, branches=4, quarters=(YEAR_AGO, BEFORE, Q)):
    """Index scores of a bank where only what is named fell: (branch, dimension) to points."""
    rng = np.random.default_rng(seed)
    parts = []
    for quarter in quarters:
        rows = pd.DataFrame(
            {
                "customer_id": np.arange(n * branches),
                "branch_id": np.repeat([f"B{i}" for i in range(branches)], n),
                "segment": "S",
                "weight": 1.0,
            }
        )
        for d in DIMENSIONS:
            rows[d] = rng.normal(60, 15, len(rows))
        for where, d, points in falls:
            rows.loc[rows["branch_id"] == where, d] -= points * (quarter == Q)
        rows["index"] = rows[list(DIMENSIONS)].mean(axis=1)
        parts.append(index_scores(rows, ["index", *DIMENSIONS], 200, seed).assign(quarter=quarter))
    return pd.concat(parts, ignore_index=True)


def weak(scores, branch="ALL", min_cell=10):
    actions = {"process": Mend(action="Cut the slowest", owner="operations")}
    return findings.weaknesses(scores, branch, Q, EARLIER, IMPORTANCE, actions, min_cell)


def test_few_answers_have_no_figures():
    scores = bank(n=9)
    table = findings.index_table(scores, 10)
    small = table[(table["branch_id"] == "B0") & (table["segment"] == "")]
    numbers = ["n", "mean", "low", "high", "unweighted", "effective"]
    assert len(small) and small[numbers].isna().all(axis=None)
    assert findings.index_table(pd.DataFrame(), 10).empty


def test_branches_and_groups_are_ranked_where_they_belong():
    index = findings.index_table(bank([("B2", "service", 40)]), 10)
    assert findings.of_branches(index, "ALL", Q)["branch_id"].iloc[0] == "B2"
    assert findings.of_branches(index, "B1", Q).empty
    assert findings.of_segments(index, "B1", Q)["segment"].tolist() == ["S"]
    assert findings.of_quarter(index, "B1", Q)["dimension"].iloc[0] == "index"


def test_changes_are_tests_corrected_over_the_whole_bank():
    scores = bank([("B1", "process", 12)])
    found = findings.changes(scores, "ALL", Q, EARLIER, 10)
    assert len(found) == 4 * 4 * 2
    named = found[found["changed"] & (found["dimension"] != "index")]
    names = set(zip(named["branch_id"], named["dimension"], strict=True))
    assert ("B1", "process") in names and len(
        names
    ) <= 2  # one in twenty of what is found may be chance
    raw = []
    for r in found.itertuples():
        a, b = (
            scores[
                (scores["branch_id"] == r.branch_id)
                & (scores["dimension"] == r.dimension)
                & (scores["segment"] == "")
                & (scores["quarter"] == q)
            ].iloc[0]
            for q in (Q, EARLIER[r.against])
        )
        raw.append(
            stats.ttest_ind_from_stats(
                a["mean"],
                a["se"] * np.sqrt(a["n"]),
                a["n"],
                b["mean"],
                b["se"] * np.sqrt(b["n"]),
                b["n"],
                equal_var=False,
            ).pvalue
        )
    assert found["p_corrected"].tolist() == pytest.approx(
        stats.false_discovery_control(raw).tolist()
    )
    alone = findings.changes(scores, "B1", Q, EARLIER, 10)
    order = ["index", "product", "service", "process"]
    assert alone["dimension"].drop_duplicates().tolist() == order
    keys = ["dimension", "against"]
    expected = found[found["branch_id"] == "B1"].sort_values(keys, ignore_index=True)
    same = alone.sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(same, expected)  # the branch's page says what the bank's says


def test_a_fall_is_a_weakness_with_its_size_importance_and_action():
    row = weak(bank([("B1", "process", 12)])).iloc[0]
    assert (row["branch_id"], row["dimension"], row["action"], row["owner"]) == (
        "B1",
        "process",
        "Cut the slowest",
        "operations",
    )
    assert set(row["against"].split()) == {"previous_quarter", "year_ago", "other_branches"}
    assert row["low"] < 12 < row["high"] and row["weight"] == pytest.approx(row["size"] * 0.2)
    assert weak(bank([("B1", "process", 12)]), "B2").empty


def test_weaknesses_are_in_the_order_of_size_times_importance():
    found = weak(bank([("B1", "process", 14), ("B1", "service", 10)]))
    assert found["dimension"].tolist() == ["service", "process"]  # 10 × 0.5 before 14 × 0.2


def test_a_rise_is_no_weakness_and_neither_is_chance():
    assert (
        weak(bank([("B1", "process", -15)]))
        .query("branch_id == 'B1' and dimension == 'process'")
        .empty
    )
    false = sum(len(weak(bank(seed=s, n=60))) > 0 for s in range(40))
    assert (
        false <= 5
    )  # 40 banks at 2.5 % (falls alone count): more than 5 has a probability below 1 in 1,000


def test_three_answers_in_a_branch_say_nothing_and_disturb_nobody():
    scores = bank([("B1", "process", 12)])
    small = scores["branch_id"].eq("B3")
    scores.loc[small, ["n", "effective"]] = 3
    found = findings.changes(scores, "ALL", Q, EARLIER, 10)
    assert "B3" not in set(found["branch_id"]) and "B3" not in set(weak(scores)["branch_id"])
    assert weak(scores)["branch_id"].tolist() == ["B1"]
    assert findings.control(scores, "B3", Q, 10).empty


def test_one_quarter_only_compares_branches_and_nothing_else():
    scores = bank(quarters=(Q,))
    assert findings.changes(scores, "ALL", Q, EARLIER, 10).empty
    assert findings.control(scores, "B1", Q, 10).empty
    assert len(findings.against_others(scores, "ALL", Q, 10)) == 16
    assert weak(scores).empty


def test_against_others_is_against_the_other_branches_pooled():
    scores = bank([("B1", "process", 12)])
    row = findings.against_others(scores, "B1", Q, 10).set_index("dimension").loc["process"]
    others = scores[
        (scores["quarter"] == Q)
        & (scores["dimension"] == "process")
        & (scores["segment"] == "")
        & ~scores["branch_id"].isin(["ALL", "B1"])
    ]
    assert row["others"] == pytest.approx(np.average(others["mean"], weights=others["weight"]))
    assert row["low"] < -12 < row["high"]


def quarters_of(n, seed, sd_between=0.0, last=0.0, quarters=8):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(8 - quarters, 8):
        values = rng.normal(60 + rng.normal(0, sd_between) - last * (i == 7), 15, n)
        rows.append(
            {
                "branch_id": "B1",
                "segment": "",
                "quarter": f"20{23 + i // 4}Q{1 + i % 4}",
                "dimension": "a",
                "n": n,
                "effective": float(n),
                "mean": values.mean(),
                "se": values.std(ddof=1) / np.sqrt(n),
            }
        )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("n", "between", "quarters"),
    [(10, 0.0, 8), (40, 0.0, 8), (400, 3.0, 8), (100, 3.0, 4), (100, 1.5, 5)],
)
def test_a_control_chart_does_not_cry_wolf(n, between, quarters):
    """At most 0.6 % of unchanged quarters lie outside: of 400 at most 6, once in 30 times more."""
    outside = sum(
        findings.control(quarters_of(n, s, between, 0.0, quarters), "B1", Q, 10).iloc[-1]["outside"]
        for s in range(400)
    )
    assert outside <= 6


def test_a_control_chart_sees_a_fall_with_enough_answers():
    seen = sum(
        findings.control(quarters_of(200, s, last=10), "B1", Q, 10).iloc[-1]["outside"]
        for s in range(20)
    )
    assert seen >= 18


def test_the_planted_fall_is_found_and_nothing_that_was_not_planted(ready_demo):
    bank = read_params(ready_demo)
    truth = json.loads((bank.place(bank.source.folder) / "truth" / "loyalty.json").read_text())
    partition = Tables(bank, "ALL", Quarter.parse(Q))
    drivers = list(bank.loyalty.items)
    found = findings.weaknesses(
        partition.index_scores,
        "ALL",
        Q,
        EARLIER,
        dict.fromkeys(drivers, 0.25),
        bank.loyalty.actions,
        bank.min_cell,
    )
    named = set(zip(found["branch_id"], found["dimension"], strict=True))
    assert ("B003", "process") in named
    effects = np.array(truth["branch_effects"])
    for branch, dimension in named - {("B003", "process")}:
        at, d = int(branch[1:]) - 1, list(truth["drivers"]).index(dimension)
        assert effects[at, d] < np.delete(effects[:, d], at).mean(), (branch, dimension)


def test_the_bank_s_answers_are_weighted_to_its_customers_and_the_page_says_how(demo):
    partition = Tables(demo, "ALL", Quarter.parse(Q))
    response = partition.response
    table = measurement.who_answered(response, demo.min_cell)
    by_age = table[table["margin"] == "age"]
    assert by_age["weighted"].tolist() == pytest.approx(by_age["of_customers"].tolist(), abs=0.01)
    assert (by_age["of_answers"] - by_age["of_customers"]).abs().max() > 0.05
    both = measurement.with_and_without(partition.index_scores, "ALL", Q, 10).set_index("dimension")
    assert both.loc["index", "difference"] < -0.3  # pensioners answer more and are more content
    assert f"{response.n:,} of" in measurement.response_in_words(response)
    assert measurement.response_in_words(None) == "" and measurement.who_answered(None, 10).empty


def answers_of(measure, n, high, low, mean=7.0, sd=2.0, quarter=Q):
    return {
        "measure": measure,
        "quarter": quarter,
        "n": n,
        "high": high,
        "low": low,
        "mean": mean,
        "sd": sd,
    }


def test_the_net_promoter_score_and_its_interval_follow_from_the_counts():
    counts = pd.DataFrame(
        [answers_of("nps", 100, 50, 20), answers_of("nps", 100, 40, 30, quarter=BEFORE)]
    )
    row = findings.management_scores(counts, Q, BEFORE, 10).iloc[0]
    error = 100 * np.sqrt((0.7 - 0.09) / 100)
    assert (row["score"], row["before"], row["difference"]) == (
        pytest.approx(30),
        pytest.approx(10),
        pytest.approx(20),
    )
    assert row["high"] - row["score"] == pytest.approx(1.96 * error, rel=1e-3)
    assert row["difference_high"] - 20 == pytest.approx(
        1.96 * np.hypot(error, 100 * np.sqrt(0.69 / 100)), rel=1e-3
    )


def test_satisfaction_has_wilsons_interval_and_ease_students():
    counts = pd.DataFrame(
        [answers_of("csat", 100, 20, 0), answers_of("ces", 25, 0, 0, mean=7, sd=2)]
    )
    scores = findings.management_scores(counts, Q, BEFORE, 10).set_index("measure")
    assert scores.loc["csat", ["score", "low", "high"]].round(1).tolist() == [20.0, 13.3, 28.9]
    assert scores.loc["ces", "high"] - 7 == pytest.approx(2.064 * 2 / 5, rel=1e-3)
    assert np.isnan(scores.loc["csat", "before"])


def test_few_answers_have_no_score():
    assert findings.management_scores(
        pd.DataFrame([answers_of("nps", 9, 5, 1)]), Q, BEFORE, 10
    ).empty
    assert findings.management_scores(pd.DataFrame(), Q, BEFORE, 10).empty


def test_scores_are_counted_over_the_answers_of_the_branch(demo):
    partition = Tables(demo, "B001", Quarter.parse(Q))
    rows = pd.concat(
        pd.read_parquet(f)
        for f in (
            demo.data_folder / "marts" / "survey_items" / "quarter=2024Q4" / "branch=B001"
        ).glob("*.parquet")
    )
    counts = partition.management_counts.set_index(["measure", "quarter"])
    answers = rows["item_recommend"].dropna()
    assert counts.loc[("nps", Q), ["n", "high", "low"]].tolist() == [
        len(answers),
        (answers >= 9).sum(),
        (answers <= 6).sum(),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nps": "recomend"}, r"The item 'recomend' does not exist\. Valid: recommend"),
        (
            {"actions": {"servise": {"action": "x"}}},
            r"The dimension 'servise' does not exist\. Valid: service",
        ),
        ({"weights": {"service": -1}}, "must not be negative"),
        ({"satisfaction": ["s1"]}, "'s1' is named twice"),
    ],
)
def test_a_questionnaire_that_cannot_be_is_refused_with_the_valid_ones(given, message):
    with pytest.raises(ValueError, match=message):
        Loyalty(**{"items": {"service": ["s1"]}, "stated_loyalty": ["recommend"], **given})
