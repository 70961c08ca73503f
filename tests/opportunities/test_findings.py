"""What pages say of products: nothing of few."""

import numpy as np
import pandas as pd

from analysis.opportunities import brief, findings
from analysis.opportunities.fitted import Assigned, Offers, Rejected
from analysis.segmentation.fitted import NamedGroup


def counts(**changed):
    rows = pd.DataFrame(
        {
            "quarter": ["2024Q3"] * 3 + ["2024Q4"] * 3,
            "product_id": ["A", "B", "C"] * 2,
            "holders": [80, 9, 50, 90, 12, 40],
            "new": [3, 1, 0, 12, 4, 0],
            "withheld": [False] * 6,
            "new_withheld": [False] * 6,
        }
    )
    return rows.assign(**changed)


def told(holders):
    table = findings.holders_table(
        holders, {"2024Q3": 100, "2024Q4": 100}, "2024Q4", "2024Q3", {"A": "Card"}, 10
    )
    return table.set_index("product")


def test_holders_have_their_share_and_that_of_a_quarter_ago():
    table = told(counts())
    assert table.loc["Card", ["holders", "share", "before", "new"]].tolist() == [90, 0.9, 0.8, 12]
    assert table.loc["Card", "low"] < 0.9 < table.loc["Card", "high"]
    assert np.isnan(table.loc["B", "before"]) and np.isnan(table.loc["B", "new"])  # of few
    assert list(table.index) == ["Card", "C", "B"]
    alone = told(counts(new_withheld=[False] * 3 + [True, False, False])).loc["Card"]
    assert alone["holders"] == 90 and np.isnan(alone["new"])


def test_what_no_page_shows_is_empty():
    table = told(counts(withheld=[False] * 3 + [True, False, False]))
    assert table.loc["Card"].isna().all() and table.loc["C", "holders"] == 40
    nothing = findings.holders_table(counts(), {}, "2024Q4", "2024Q3", {}, 10)
    assert nothing.drop(columns="product").isna().all(axis=None)


def test_a_rule_that_excludes_everything_is_named_to_the_manager():
    def figures(**changed):
        row = {"branch_id": "B1", "capacity": 5, "candidates": 0, "offers": 0, "held_back": 0}
        worth = {"value": 0.0, "greedy": 0.0, "bound": 0.0}
        return Offers(
            quarter="2024Q4",
            rejected=[Rejected(rule="no_consent", product="", pairs=99)],
            assigned=[Assigned(**{**row, **worth, **changed})],
        )

    assert "no consent" in brief.everything_excluded(figures())
    assert "no capacity" in brief.everything_excluded(figures(capacity=0))
    assert brief.everything_excluded(figures(offers=1)) == ""


def test_the_rule_that_is_named_is_the_one_that_leaves_nothing():
    def named(*rejected):
        told = [Rejected(rule=r, product=p, pairs=n) for r, p, n in rejected]
        nothing = {"candidates": 0, "offers": 0, "held_back": 0, "value": 0.0, "greedy": 0.0}
        row = Assigned(branch_id="B1", capacity=5, bound=0.0, **nothing)
        return brief.everything_excluded(Offers(quarter="Q", rejected=told, assigned=[row]))

    of_each = [("eligible: never", p, 1760) for p in ("P1", "P2")]
    assert "never" in named(("no_consent", "", 3567), *of_each, ("eligible: of age", "P1", 20))
    assert "no consent" in named(("no_consent", "", 3567), ("refused_lately", "", 9))
    two = named(("no_consent", "", 40), ("eligible: a", "P1", 9), ("suits: b", "P2", 9))
    assert "a" in two and "b" in two and "no consent" not in two


def test_a_list_of_few_offers_is_not_told_in_figures():
    made = pd.DataFrame(
        {"decision": ["offered"] * 12, "chance": [0.1] * 12, "expected": [2.0] * 12}
    )
    row = findings.list_summary(made, 10).iloc[0]
    assert row["offers"] == 12 and row["taken"] == 12 * 0.1 and row["expected"] == 24
    assert row["low"] == 0 and row["high"] > 2
    assert findings.list_summary(made.head(5), 10).empty


def test_the_plan_of_a_group_is_held_against_what_its_customers_are_offered():
    group = NamedGroup(
        name="Savers", kept=False, product="Deposit", channel="", service="", owner=""
    )
    customers = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(30)],
            "customer_type": "personal",
            "segment": ["Savers"] * 20 + ["Others"] * 10,
        }
    )
    offers = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "product_id": ["P1"] * 12 + ["P2"] * 18,
            "decision": "offered",
        }
    )
    names, offered = {"P1": "Deposit", "P2": "Card"}, ["P1", "P2"]
    plans = {"personal": [group]}
    told = findings.plans_and_offers(offers, customers, plans, names, offered, 10)
    assert told[["segment", "n", "share", "most_offered"]].to_numpy().tolist() == [
        ["Savers", 20, 0.6, "Deposit"]
    ]
    assert told["low"].iloc[0] < 0.6 < told["high"].iloc[0]
    not_offered = findings.plans_and_offers(offers, customers, plans, names, ["P2"], 10)
    assert not_offered["share"].isna().all()
    assert findings.plans_and_offers(offers, customers, plans, names, offered, 21).empty
    assert findings.plans_and_offers(offers.head(0), customers, plans, names, offered, 1).empty
