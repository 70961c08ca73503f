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
            consent=True,
            passed={},
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
        of_bank = {"quarter": "Q", "consent": True, "passed": {}}
        return brief.everything_excluded(Offers(**of_bank, rejected=told, assigned=[row]))

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


def decided(*rows):
    columns = ["customer_id", "product_id", "decision", "failed", "runner_up", "chance"]
    told = pd.DataFrame(rows, columns=columns)
    return told.assign(expected=1.0, similar_hold=0.123456)


def figures_of(passed, *rejected):
    told = [Rejected(rule=r, product=p, pairs=n) for r, p, n in rejected]
    return Offers(quarter="Q", consent=True, passed=passed, rejected=told, assigned=[])


def test_a_product_that_nobody_is_offered_is_named_with_the_rule_that_leaves_nothing():
    offers = decided(
        ("C1", "A", "offered", "", "", 0.1),
        ("C1", "B", "excluded", "no_consent", "", 0.1),
        ("C2", "B", "excluded", "eligible: of age", "", 0.1),
        ("C1", "D", "runner_up", "", "", 0.1),
    )
    figures = figures_of({"A": 1, "B": 0, "D": 1}, ("eligible: of age", "B", 7))
    told = findings.without_offer(offers, figures, {"B": "Loan"}, bank=False)
    assert "Loan: no offer is left" in told and "of age" in told
    assert "D: what passes the rules gives way" in told and "A" not in told.replace("D:", "")
    of_bank = findings.without_offer(offers.head(1), figures, {"B": "Loan"}, bank=True)
    assert "Loan: no offer is left" in of_bank and "D: what passes" in of_bank
    assert findings.without_offer(offers.head(1), figures_of({"A": 1}), {}, bank=False) == ""


def test_every_offer_considered_says_what_won_and_what_was_next():
    offers = decided(
        ("C1", "A", "offered", "", "D", 0.1),
        ("C1", "B", "excluded", "no_consent", None, 0.1),
        ("C1", "D", "runner_up", "", None, 0.1),
        ("C2", "B", "no_room", "", None, 0.1),
    )
    told = findings.considered(offers, {"A": "Card", "D": "Deposit"})
    assert told["offered"].tolist() == ["Card"] * 3 + [""]
    assert told["runner_up"].tolist() == ["Deposit"] * 3 + [""]
    assert told["similar_hold"].eq(0.123).all()


def test_chances_that_came_otherwise_are_named_with_both_figures():
    columns = [
        "product",
        "n",
        "events",
        "predicted",
        "observed",
        "slope",
        "slope_low",
        "slope_high",
    ]
    told = pd.DataFrame(
        [
            ("Card", 1000, 50, 0.05, 0.05, 1.0, 0.8, 1.2),
            ("Loan", 1000, 50, 0.10, 0.05, 1.0, 0.8, 1.2),
            ("Fund", 1000, 50, 0.05, 0.05, 0.5, 0.3, 0.7),
        ],
        columns=columns,
    )
    text = findings.calibrated(told)
    assert "came as told: Card." in text and "Loan: 10.0% told, 5.0% came" in text
    assert "Fund: differences between customers are told too large (slope 0.50)" in text
    assert findings.calibrated(told.head(0)) == ""


def test_numbers_of_products_that_few_hold_are_told_together():
    held = [0] * 3 + [1] * 40 + [2] * 12 + [3] * 5 + [4] * 6 + [9] * 4
    customers = pd.DataFrame(
        {"customer_type": "personal", "active": True, "products_held": held, "customer_id": "C"}
    )
    told = findings.how_many(customers, 10)
    assert told["held"].tolist() == ["0–1", "2–3", "4 or more"]
    assert told["n"].tolist() == [43, 17, 10] and told["share"].sum() == 1
    assert findings.how_many(customers.head(9), 10).empty
    alone = customers.assign(products_held=2)
    assert findings.how_many(alone, 10)["held"].tolist() == ["2"]
    few = customers.assign(products_held=[0] * 66 + [5] * 4)  # nobody holds what lies between
    assert findings.how_many(few, 10)["n"].tolist() == [70]
