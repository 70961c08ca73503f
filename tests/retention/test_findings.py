"""Whom to call, and what became of those who were on the list."""

import numpy as np
import pandas as pd
import pytest

from analysis.loyalty import drivers, keeping, voice
from analysis.partition import Partition
from analysis.quarters import Quarter
from analysis.sources.params import Mend, Retention

SETTINGS = Retention(capacity=2, capacities={"B2": 1}, save_rate=0.5, contact_cost=10)


def bank():
    rows = [  # customer, branch, hazard, expected value, consent
        ("C1", "B1", 0.10, 1000, True),  # 50 − 10
        ("C2", "B1", 0.50, 100, True),  # 25 − 10
        ("C3", "B1", 0.90, 10, True),  # a call costs more than it brings
        ("C4", "B1", 0.90, 9000, False),
        ("C5", "B1", 0.20, 500, None),  # 50 − 10, not asked for consent
        ("C6", "B2", 0.30, 400, True),
        ("C7", "B2", 0.31, 400, True),
    ]
    told = pd.DataFrame(rows, columns=["customer_id", "branch_id", "hazard", "expected", "consent"])
    churn = told[["customer_id", "branch_id", "hazard"]].assign(
        first_reason="felt low", second_reason=""
    )
    customers = told[["customer_id", "branch_id", "consent"]].assign(
        manager_id="S1", segment="Wealthy"
    )
    return churn, customers, told[["customer_id", "expected"]]


def test_the_list_takes_those_first_from_whom_most_is_expected_within_what_each_branch_can_call():
    listed = keeping.save_list(*bank(), SETTINGS)
    assert listed["customer_id"].tolist() == ["C7", "C1", "C5"]
    assert listed["expected_saving"].tolist() == [52, 40, 40]
    more = keeping.save_list(*bank(), keeping.with_capacity(SETTINGS, 9))
    assert more["customer_id"].tolist() == [
        "C7",
        "C6",
        "C1",
        "C5",
        "C2",
    ]  # C4 did not consent, C3 is not worth it


def test_the_list_names_nobody_and_nothing_gives_an_empty_one():
    assert set(keeping.save_list(*bank(), SETTINGS)) == {
        "customer_id",
        "branch_id",
        "manager_id",
        "segment",
        "hazard",
        "first_reason",
        "second_reason",
        "expected_value",
        "expected_saving",
    }
    churn, customers, expected = bank()
    assert keeping.save_list(churn.head(0), customers, expected, SETTINGS).empty
    assert keeping.save_list(churn, customers, pd.DataFrame(), SETTINGS).empty


def test_reasons_are_told_in_words_with_their_side():
    listed = keeping.in_words(keeping.save_list(*bank(), SETTINGS))
    assert set(listed["first_reason"]) == {"Index of the own answers: low"} and set(
        listed["second_reason"]
    ) == {""}
    told = keeping.reasons(keeping.save_list(*bank(), SETTINGS), 3)
    assert told.values.tolist() == [["Index of the own answers: low", 3, 0]]
    assert keeping.reason_in_words("has_mortgage no") == "Has a mortgage: no"


def test_the_list_s_figures_are_sums_with_what_chance_lets_vary():
    churn, customers, expected = bank()
    listed = keeping.save_list(churn, customers, expected, SETTINGS)
    row = keeping.list_summary(listed, churn, SETTINGS, 5).iloc[0]
    h = np.array([0.31, 0.1, 0.2])
    assert row["would_leave"] == pytest.approx(h.sum()) and row["of_departures"] == pytest.approx(
        h.sum() / churn["hazard"].sum()
    )
    assert row["high"] - row["would_leave"] == pytest.approx(
        1.96 * np.sqrt((h * (1 - h)).sum()), rel=1e-3
    )
    assert keeping.list_summary(listed, churn, SETTINGS, 10).empty


def test_last_quarter_s_list_is_scored_against_those_who_were_not_on_it():
    churn = pd.DataFrame({"customer_id": [f"C{i}" for i in range(100)], "hazard": 0.1})
    left = pd.DataFrame({"customer_id": churn["customer_id"], "left": np.arange(100) < 14})
    listed = churn.head(20)
    scored = keeping.list_scored(listed, churn, left, 10).set_index("who")
    assert scored.loc["listed", ["n", "left", "share"]].tolist() == [20, 14, 0.7]
    assert scored.loc["not_listed", "left"] == 0 and scored.loc["listed", "said"] == pytest.approx(
        2
    )
    assert scored.loc["listed", "difference_low"] > 0.4
    assert keeping.list_scored(listed.head(5), churn, left, 10).empty
    assert keeping.list_scored(listed, churn, left.head(0), 10).empty


def test_one_or_two_departures_of_a_branch_are_not_told_and_the_bank_is_the_sum():
    counted = pd.DataFrame(
        {
            "branch_id": ["B1", "B2", "B1", "B2"],
            "quarter": ["2024Q3", "2024Q3", "2024Q4", "2024Q4"],
            "customers": [50, 400, 50, 400],
            "left": [2, 20, 5, 30],
        }
    )
    table = keeping.departure_table(counted, "B1", 10).set_index(["branch_id", "quarter"])
    assert (
        np.isnan(table.loc[("B1", "2024Q3"), "share"])
        and table.loc[("B1", "2024Q4"), "share"] == 0.1
    )
    assert table.loc[("ALL", "2024Q4"), "left"] == 35
    assert (
        keeping.departure_table(counted, "B1", 60)
        .query("branch_id == 'B1'")["customers"]
        .isna()
        .all()
    )


def test_the_demo_list_leaves_out_whoever_did_not_consent_and_is_scored_a_quarter_later(demo):
    partition = Partition(demo, "ALL", Quarter.parse("2024Q4"))
    listed = keeping.save_list(
        partition.churn, partition.customers, partition.expected_values, demo.retention
    )
    consent = partition.customers.set_index("customer_id")["consent"]
    assert len(listed) and consent[listed["customer_id"]].all()
    assert listed.groupby("branch_id").size().max() <= demo.retention.capacity
    before = keeping.save_list(
        partition.previous_churn,
        partition.previous_customers,
        partition.previous_expected_values,
        demo.retention,
    )
    scored = keeping.list_scored(before, partition.previous_churn, partition.left, demo.min_cell)
    assert scored["n"].sum() == len(partition.previous_churn)
    told = partition.previous_churn["hazard"].sum()
    came = int(partition.left.merge(partition.previous_churn, on="customer_id")["left"].sum())
    assert abs(came - told) < 4 * np.sqrt(told)


def test_half_of_what_is_promised_by_half_of_the_gap():
    scores = pd.DataFrame(
        [
            {
                "branch_id": b,
                "segment": "",
                "quarter": "2024Q4",
                "dimension": "process",
                "n": 100,
                "mean": m,
                "se": 1.0,
                "low": m - 2,
                "high": m + 2,
            }
            for b, m in (("B1", 50.0), ("B2", 60.0), ("B3", 70.0), ("ALL", 60.0))
        ]
    )
    retention = {
        "terms": [{"term": "process", "points": 2.0, "points_low": 1.0, "points_high": 3.0}]
    }
    found = drivers.simulated(
        scores, retention, {"B1": 1000, "B2": 1000, "B3": 1000}, "ALL", "2024Q4", 10
    )
    assert found["branch_id"].tolist() == ["B1"]  # the median branch and those above gain nothing
    row = found.iloc[0]
    assert row["retained"] == pytest.approx(20)  # 10 points × 0.2 % × 1,000
    assert row["low"] == pytest.approx(9.5, abs=1) and row["high"] == pytest.approx(31, abs=1.5)
    assert drivers.simulated(scores, {"reason": "too few"}, {}, "ALL", "2024Q4", 10).empty
    assert drivers.simulated(
        scores[scores["branch_id"] != "B3"], retention, {"B1": 9}, "ALL", "2024Q4", 10
    ).empty


def test_a_quick_win_is_important_weak_and_improvable():
    rows = [
        (b, d, m)
        for d, values in {
            "service": (50, 60, 70),
            "campaign": (50, 60, 70),
            "process": (60, 50, 40),
        }.items()
        for b, m in zip(("B1", "B2", "B3"), values, strict=True)
    ]
    scores = pd.DataFrame(
        [
            {
                "branch_id": b,
                "segment": "",
                "quarter": "2024Q4",
                "dimension": d,
                "n": 100,
                "mean": m,
                "se": 1.0,
                "low": m - 2,
                "high": m + 2,
            }
            for b, d, m in rows
        ]
    )
    shares = [
        {"driver": d, "share": s, "share_low": s - 0.05, "share_high": s + 0.05, "r_squared": s / 2}
        for d, s in (("service", 0.5), ("process", 0.4), ("campaign", 0.1))
    ]
    told = [{"target": "satisfaction", "n": 500, "drivers": shares}]
    found = drivers.performance(
        scores, told, "B1", "2024Q4", {"service": Mend(action="Coach")}, 10
    ).set_index("dimension")
    assert found["quick_win"].to_dict() == {"service": True, "process": False, "campaign": False}
    assert found.loc["campaign", ["important", "weak", "improvable"]].tolist() == [
        False,
        True,
        False,
    ]
    assert not drivers.performance(scores, told, "B1", "2024Q4", {}, 10)[
        "quick_win"
    ].any()  # nothing is named to be done


def written(n, theme="slow · queue", quarter="2024Q4", source="survey", score=40.0, start=0):
    return pd.DataFrame(
        {
            "text_id": [f"Q{start + i}" for i in range(n)],
            "branch_id": "B1",
            "customer_id": [f"C{start + i}" for i in range(n)],
            "said_in": quarter,
            "source": source,
            "score": [score + i for i in range(n)] if source == "survey" else np.nan,
            "language": "en",
            "theme": theme,
            "theme_weight": 1.0,
            "quotation": [f"The queue was slow, number {start + i}" for i in range(n)],
        }
    )


def test_nobody_is_quoted_from_a_group_of_fewer_than_five():
    comments = pd.concat(
        [
            written(5),
            written(4, "app · crash", start=10),
            written(3, "fee", start=20),
            written(2, "fee", start=20),
        ]
    )
    assert set(voice.quotations(comments, "2024Q4")["theme"]) == {"slow · queue"}
    one_person = written(8).assign(customer_id="C1")
    assert voice.quotations(one_person, "2024Q4").empty
    assert voice.quotations(pd.DataFrame(), "2024Q4").empty


def test_themes_have_their_score_and_small_ones_are_left_out():
    comments = pd.concat(
        [
            written(12),
            written(11, source="complaint", start=100),
            written(9, "app · crash", start=200),
            written(30, "old", "2023Q1", start=300),
        ]
    )
    found = voice.themes_now(comments, "2024Q4", 10).iloc[0]
    assert (found["theme"], found["n"], found["score"], found["complaints"]) == (
        "slow · queue",
        12,
        pytest.approx(45.5),
        11,
    )
    assert len(voice.themes_now(comments, "2024Q4", 10)) == 1
    by_quarter = voice.theme_table(comments, "2024Q4", 10)
    assert by_quarter[["theme", "said_in", "n", "complaints"]].values.tolist() == [
        ["slow · queue", "2024Q4", 12, 11]
    ]
