"""Whom to call, and what became of those who were on the list."""

import numpy as np
import pandas as pd
import pytest

from analysis.quarters import Quarter
from analysis.retention import findings
from analysis.retention.fitted import Hazard, HazardModel, HeldOutQuarter
from analysis.sources.params import Retention
from analysis.statistics.fitted import Tenth
from analysis.tables import Tables

SETTINGS = Retention(capacity=2, capacities={"B2": 1}, save_rate=0.5, contact_cost=10)


def bank():
    rows = [  # customer, branch, hazard, expected value, consent
        ("C1", "B1", 0.10, 1000, True),  # 50 − 10
        ("C2", "B1", 0.50, 100, True),  # 25 − 10
        ("C3", "B1", 0.90, 10, True),  # a call costs more than it brings
        ("C4", "B1", 0.90, 9000, False),
        ("C5", "B1", 0.20, 500, None),  # 50 − 10, and not asked for consent
        ("C6", "B2", 0.30, 400, True),
        ("C7", "B2", 0.31, 400, True),
    ]
    told = pd.DataFrame(rows, columns=["customer_id", "branch_id", "hazard", "expected", "consent"])
    churn = told[["customer_id", "branch_id", "hazard"]].assign(
        first_reason="felt low", second_reason="", quarter="2024Q3"
    )
    customers = told[["customer_id", "branch_id", "consent"]].assign(
        manager_id="S1", segment="Wealthy"
    )
    return churn, customers, told[["customer_id", "expected"]]


def test_the_list_takes_those_first_from_whom_most_is_expected_within_what_each_branch_can_call():
    listed = findings.save_list(*bank(), SETTINGS)
    assert listed["customer_id"].tolist() == ["C7", "C1", "C2"]
    assert listed["expected_saving"].tolist() == [52, 40, 15]
    more = findings.save_list(*bank(), findings.with_capacity(SETTINGS, 9))
    assert more["customer_id"].tolist() == [
        "C7",
        "C6",
        "C1",
        "C2",
    ]  # C4 did not consent, C5 never said so, C3 is not worth it


def test_the_list_names_nobody_and_nothing_gives_an_empty_one():
    assert set(findings.save_list(*bank(), SETTINGS)) == {
        "subject_id",
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
    assert findings.save_list(churn.head(0), customers, expected, SETTINGS).empty
    assert findings.save_list(churn, customers, pd.DataFrame(), SETTINGS).empty
    worthless = expected.assign(expected=0.0)  # a branch where no call pays
    assert findings.save_list(churn, customers, worthless, SETTINGS).empty


def test_reasons_are_told_as_somebody_would_say_them():
    listed = findings.in_words(findings.save_list(*bank(), SETTINGS), [])
    said = "Gave lower marks than most in the survey"
    assert set(listed["first_reason"]) == {said} and set(listed["second_reason"]) == {""}
    assert set(listed["action"]) == {"Ask what went wrong, and mend it"}
    told = findings.reasons(findings.save_list(*bank(), SETTINGS), "B1", 3, [])
    assert told.to_numpy().tolist() == [[said, 3, 0]]


def test_the_list_s_figures_are_sums_with_what_chance_lets_vary():
    churn, customers, expected = bank()
    listed = findings.save_list(churn, customers, expected, SETTINGS)
    row = findings.list_summary(listed, churn, SETTINGS, 3).iloc[0]
    h = np.array([0.31, 0.1, 0.5])
    assert row["would_leave"] == pytest.approx(h.sum()) and row["of_departures"] == pytest.approx(
        h.sum() / churn["hazard"].sum()
    )
    assert row["high"] - row["would_leave"] == pytest.approx(
        1.96 * np.sqrt((h * (1 - h)).sum()), rel=1e-3
    )
    assert findings.list_summary(listed, churn, SETTINGS, 10).empty


def test_last_quarter_s_list_is_scored_against_those_who_were_not_on_it():
    churn = pd.DataFrame({"customer_id": [f"C{i}" for i in range(100)], "hazard": 0.1})
    left = pd.DataFrame({"customer_id": churn["customer_id"], "left": np.arange(100) < 14})
    listed = churn.head(20)
    scored = findings.list_scored(listed, churn, left, "ALL", 10).set_index("who")
    assert scored.loc["listed", ["n", "left", "share"]].tolist() == [20, 14, 0.7]
    assert scored.loc["not_listed", "left"] == 0 and scored.loc["listed", "said"] == pytest.approx(
        2
    )
    assert scored.loc["listed", "difference_low"] > 0.4
    assert findings.list_scored(listed.head(5), churn, left, "ALL", 10).empty
    assert findings.list_scored(listed, churn, left.head(0), "ALL", 10).empty
    assert findings.list_scored(listed, churn, left, "B1", 10).empty  # of a branch, of one or two
    one = left.assign(left=np.arange(100) < 1)
    assert findings.list_scored(listed, churn, one, "ALL", 10).empty


def test_one_or_two_departures_of_a_branch_are_not_told_and_the_bank_is_the_sum():
    counted = pd.DataFrame(
        {
            "branch_id": ["B1", "B2", "B1", "B2"],
            "quarter": ["2024Q3", "2024Q3", "2024Q4", "2024Q4"],
            "customers": [50, 400, 50, 400],
            "left": [2, 20, 5, 30],
        }
    )
    bank = counted.groupby("quarter", as_index=False).sum().assign(branch_id="ALL")
    counted = pd.concat([counted, bank], ignore_index=True).assign(
        customers_withheld=False, left_withheld=False
    )
    table = findings.departure_table(counted, "B1", 10).set_index(["branch_id", "quarter"])
    assert (
        np.isnan(table.loc[("B1", "2024Q3"), "share"])
        and table.loc[("B1", "2024Q4"), "share"] == 0.1
    )
    assert table.loc[("ALL", "2024Q4"), "left"] == 35
    assert (
        findings.departure_table(counted, "B1", 60)
        .query("branch_id == 'B1'")["customers"]
        .isna()
        .all()
    )


def test_reasons_do_not_tell_small_counts_by_the_length_of_the_list():
    listed = pd.DataFrame(
        {
            "first_reason": ["felt low"] * 20 + ["complained yes"] * 13 + ["has_card yes"] * 4,
            "second_reason": ["has_card yes"] * 37,
        }
    )
    told = findings.reasons(listed, "B1", 10, []).set_index("reason")
    assert told["first"].isna().tolist() == [False, True, True]  # 20 of a, and not 13 of b
    assert findings.reasons(listed, "ALL", 10, []).empty


def test_a_tenth_of_which_one_or_two_left_takes_another_along():
    tenth = {"n": 100, "predicted": 0.05, "low": 0.0, "high": 0.2}
    judged = HeldOutQuarter(
        quarter="2024Q4",
        n=300,
        events=15,
        predicted=0.05,
        observed=0.05,
        tenths=[Tenth(**tenth, observed=o) for o in (0.01, 0.04, 0.1)],
    )
    model = HazardModel.model_construct(types={"personal": Hazard.model_construct(held_out=judged)})
    assert findings.tenths(model)["observed"].isna().tolist() == [True, True, False]


def test_the_demo_list_leaves_out_whoever_did_not_consent_and_is_scored_a_quarter_later(demo):
    partition = Tables(demo, "ALL", Quarter.parse("2024Q4"))
    listed = findings.save_list(
        partition.churn, partition.customers, partition.expected_values, demo.retention
    )
    consent = partition.customers.set_index("customer_id")["consent"]
    assert len(listed) and consent[listed["customer_id"]].all()
    assert listed.groupby("branch_id").size().max() <= demo.retention.capacity
    before = findings.save_list(
        partition.previous_churn,
        partition.previous_customers,
        partition.previous_expected_values,
        demo.retention,
    )
    scored = findings.list_scored(
        before, partition.previous_churn, partition.left, "ALL", demo.min_cell
    )
    assert scored["n"].sum() == len(partition.previous_churn)
    told = partition.previous_churn["hazard"].sum()
    came = int(partition.left.merge(partition.previous_churn, on="customer_id")["left"].sum())
    assert abs(came - told) < 4 * np.sqrt(told)
