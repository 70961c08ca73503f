import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.loyalty import findings
from analysis.partition import Partition
from analysis.quarters import Quarter
from analysis.sources.params import Loyalty


def scores(*rows):
    return pd.DataFrame(rows, columns=findings.SCORES)


def test_the_interval_is_student_s():
    values = np.array([50.0, 60, 70, 80, 65, 55, 75, 62, 58, 71])
    row = findings.index_table(scores(("B1", "2024Q4", "index", 10, values.mean(), values.std(ddof=1))), 10).iloc[0]
    low, high = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))


def test_few_answers_have_no_figures():
    row = findings.index_table(scores(("B1", "2024Q4", "index", 9, 50.0, 5.0)), 10).iloc[0]
    assert np.isnan(row["mean"]) and row["n"] == 9


def test_pooling_branches_gives_what_all_answers_give():
    rng = np.random.default_rng(0)
    a, b = rng.normal(50, 10, 30), rng.normal(70, 5, 20)
    pooled = findings.bank_scores(
        scores(*[(n, "2024Q4", "index", len(v), v.mean(), v.std(ddof=1)) for n, v in (("B1", a), ("B2", b))]), "ALL"
    ).iloc[0]
    both = np.concatenate([a, b])
    assert (pooled["n"], pooled["mean"], pooled["sd"]) == (
        50,
        pytest.approx(both.mean()),
        pytest.approx(both.std(ddof=1)),
    )


def test_branches_are_ranked_on_the_whole_bank_s_page_only():
    rows = [(b, "2024Q4", "index", 20, m, 5.0) for b, m in (("B1", 60.0), ("B2", 50.0), ("ALL", 55.0))]
    index = findings.index_table(scores(*rows), 10)
    assert findings.of_branches(index, "ALL", "2024Q4")["branch_id"].tolist() == ["B2", "B1"]
    assert findings.of_branches(index, "B1", "2024Q4").empty


def test_changes_are_welch_tests_corrected_for_their_number():
    rng = np.random.default_rng(1)
    values = {
        (d, q): rng.normal(60 - 8 * (d == "process" and q == "2024Q4"), 15, 200)
        for d in ("product", "process", "service")
        for q in ("2024Q3", "2024Q4")
    }
    table = scores(*[("B1", q, d, 200, v.mean(), v.std(ddof=1)) for (d, q), v in values.items()])
    found = findings.changes(table, "2024Q4", "2024Q3", 10).set_index("dimension")
    raw = {
        d: stats.ttest_ind(values[d, "2024Q4"], values[d, "2024Q3"], equal_var=False).pvalue
        for d in ("product", "process", "service")
    }
    expected = dict(zip(raw, stats.false_discovery_control(list(raw.values())), strict=True))
    assert found["p_corrected"].to_dict() == pytest.approx(expected)
    assert found["changed"].to_dict() == {"process": True, "product": False, "service": False}


def test_the_planted_fall_is_found_and_nothing_else_is(ready_demo):
    from analysis.partition import Partition
    from analysis.quarters import Quarter
    from analysis.sources.params import read_params

    bank = read_params(ready_demo)
    table = Partition(bank, "ALL", Quarter.parse("2024Q4")).scores_by_branch
    found = findings.changes(table, "2024Q4", "2024Q3", bank.min_cell)
    named = found.loc[found["changed"] & (found["dimension"] != "index"), ["branch_id", "dimension"]].values.tolist()
    assert named == [["B003", "process"]]


def test_weakest_puts_uncertain_effects_last():
    fit = {
        "terms": [
            {"term": "service", "points": 0.5, "low": 0.1, "high": 0.9},
            {"term": "process", "points": 2.0, "low": -0.5, "high": 0.7},
        ]
    }
    table = findings.weakest(
        scores(("B1", "2024Q4", "service", 50, 60.0, 1.0), ("B1", "2024Q4", "process", 50, 40.0, 1.0)),
        "B1",
        "2024Q4",
        fit,
        10,
    )
    assert table["dimension"].tolist() == ["service", "process"]


def answers_of(measure, n, high, low, mean=7.0, sd=2.0, quarter="2024Q4"):
    return {"measure": measure, "quarter": quarter, "n": n, "high": high, "low": low, "mean": mean, "sd": sd}


def test_the_net_promoter_score_and_its_interval_follow_from_the_counts():
    counts = pd.DataFrame([answers_of("nps", 100, 50, 20), answers_of("nps", 100, 40, 30, quarter="2024Q3")])
    row = findings.management_scores(counts, "2024Q4", "2024Q3", 10).iloc[0]
    error = 100 * np.sqrt((0.7 - 0.09) / 100)
    assert (row["score"], row["before"], row["difference"]) == (pytest.approx(30), pytest.approx(10), pytest.approx(20))
    assert row["high"] - row["score"] == pytest.approx(1.96 * error, rel=1e-3)
    assert row["difference_high"] - 20 == pytest.approx(1.96 * np.hypot(error, 100 * np.sqrt(0.69 / 100)), rel=1e-3)


def test_satisfaction_has_wilsons_interval_and_ease_students():
    counts = pd.DataFrame([answers_of("csat", 100, 20, 0), answers_of("ces", 25, 0, 0, mean=7, sd=2)])
    scores = findings.management_scores(counts, "2024Q4", "2024Q3", 10).set_index("measure")
    assert scores.loc["csat", ["score", "low", "high"]].round(1).tolist() == [20.0, 13.3, 28.9]
    assert scores.loc["ces", "high"] - 7 == pytest.approx(2.064 * 2 / 5, rel=1e-3)
    assert np.isnan(scores.loc["csat", "before"])


def test_few_answers_have_no_score():
    assert findings.management_scores(pd.DataFrame([answers_of("nps", 9, 5, 1)]), "2024Q4", "2024Q3", 10).empty
    assert findings.management_scores(pd.DataFrame(), "2024Q4", "2024Q3", 10).empty


def test_scores_are_counted_over_the_answers_of_the_branch(demo):
    partition = Partition(demo, "B001", Quarter.parse("2024Q4"))
    rows = pd.concat(pd.read_parquet(f) for f in (demo.data_folder / "marts" / "survey_items" / "quarter=2024Q4" / "branch=B001").glob("*.parquet"))  # fmt: skip
    counts = partition.management_counts.set_index(["measure", "quarter"])
    answers = rows["item_recommend"].dropna()
    assert counts.loc[("nps", "2024Q4"), ["n", "high", "low"]].tolist() == [len(answers), (answers >= 9).sum(), (answers <= 6).sum()]  # fmt: skip


def test_an_item_that_does_not_exist_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match=r"The item 'recomend' does not exist\. Valid: recommend"):
        Loyalty(items={"service": ["s1"]}, stated_loyalty=["recommend"], nps="recomend")
