import re

import pandas as pd
import pytest
import yaml

from analysis.changes.events import Outcomes
from analysis.errors import ParametersError
from analysis.marts.rules import check_rules, customer_columns
from analysis.prepare import prepare
from analysis.quarters import Quarter
from analysis.sources.params import read_params
from analysis.tables import Tables
from tests.conftest import ROOT

Q1, Q2 = Quarter.parse("2024Q1"), Quarter.parse("2024Q2")


@pytest.fixture
def few_steps(only):
    """Preparing does what the tests of this file look at."""
    only("customer_event", "customer_move", "outcomes", "withheld")


def with_events(small, *rules):
    small.params["events"] = [
        {"name": f"event_{i}", "title": f"Event {i}", "rule": r, "expect": "churn"}
        for i, r in enumerate(rules)
    ]
    return small.bank()


def test_an_event_may_use_any_column_of_this_quarter_and_the_one_before(small, few_steps):
    bank = with_events(small, "transactions > 20 and before_active", "money_in > 1e12")
    prepare(bank)
    customers = Tables(bank, "B1", Q2).customers
    events = Tables(bank, "B1", Q2).events
    assert set(events["event"]) == {"event_0"}
    assert set(events["customer_id"]) == set(
        customers.loc[customers["transactions"] > 20, "customer_id"]
    )
    assert Tables(bank, "B1", Q1).events.empty  # there is no quarter before


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("balence_end > 3", r"events: event_0.*'balence_end'.*'?balance_end"),
        ("before_activ and active", r"'before_activ'.*before_active"),
        ("balance_end >", r"not SQL"),
        ("select 1", r"condition on one customer"),
        ("sqrrt(balance_end) > 1", r"event_0: the rule .* cannot be applied: .*sqrrt"),
        ("customer_id in (select customer_id from x)", r"condition on one customer"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_before_anything_runs(small, rule, message):
    bank = with_events(small, rule)
    with pytest.raises(ParametersError, match=message):
        prepare(bank)
    assert not bank.data_folder.exists()


def test_two_events_of_one_name_are_refused(small):
    bank = with_events(small, "active", "active")
    twice = bank.model_copy(update={"events": [bank.events[0], bank.events[0]]})
    with pytest.raises(ParametersError, match="two events"):
        check_rules(twice)


def test_the_columns_of_a_rule_are_those_of_the_mart(demo):
    stored = pd.read_parquet(
        next((demo.data_folder / "marts" / "customer_quarter").rglob("*.parquet"))
    ).columns
    assert set(customer_columns()) <= set(stored)
    assert {"balance_change", "was_active", "ever_late"} <= set(customer_columns())


def test_every_column_a_rule_may_use_is_explained():
    text = (ROOT / "docs" / "customer_quarter.md").read_text(encoding="utf-8")
    explained = {
        c
        for line in text.splitlines()
        if line.startswith("| `")
        for c in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert explained == set(customer_columns())


def test_who_opens_an_account_is_new_and_who_closes_it_has_left(small, few_steps):
    small.tables["accounts"][0] += ",closed_on"
    small.tables["accounts"][1:] = [
        line + ("," if i else ",2024-03-31") for i, line in enumerate(small.tables["accounts"][1:])
    ]
    small.tables["accounts"].append("A99,B1,2024-05-01,")
    small.tables["customers"].append("C99,personal,B1,Name,2024-05-01,1980-05-01")
    small.tables["account_holders"].append("A99,C99,owner")
    bank = small.bank()
    prepare(bank)
    rows = pd.read_parquet(
        bank.data_folder / "marts" / "customer_move" / "quarter=2024Q2" / "branch=B1"
    ).set_index("customer_id")
    assert rows.loc["C0", "became"] == "Left" and rows.loc["C99", "was"] == "New"
    assert rows.loc["C99", "became"] == "Dormant"
    moves = Tables(bank, "B1", Q2).moves
    assert moves["customers"].sum() == 81 and set(moves["quarter"]) == {"2024Q2"}


def test_what_followed_an_event_is_counted_in_the_quarter_after(small, few_steps):
    small.params["quarters"] = {"first": "2024Q1", "last": "2024Q3"}
    small.params["as_of"] = "2024-10-01"
    for i in range(83):
        if i >= 20:  # the first twenty fall silent after the second quarter
            small.tables["transactions"].append(f"L{i},A{i},2024-08-01,10,mobile,transfer")
    bank = with_events(small, "customer_id in ('C0', 'C1', 'C50')")
    prepare(bank)
    third = Tables(bank, "ALL", Quarter.parse("2024Q3"))
    followed = third.model("outcomes", Outcomes, third.quarter).counts
    assert {o.event: (o.customers, o.churned) for o in followed} == {
        "event_0": (3, 2),
        None: (83, 20),
    }
    # the bank delivers no holdings: nobody is said to have bought nothing
    assert {o.purchased for o in followed} == {None}
    # three customers are told on no page: not of this quarter, nor by what is added up from it
    assert {o.event for o in third.outcomes[-1].counts} == {None}


def test_a_changed_rule_is_applied_again_with_what_reads_it_and_nothing_else(small):
    bank = with_events(small, "active")
    prepare(bank)
    fitted = (bank.data_folder / "models" / "segmentation.json").stat().st_mtime_ns
    content = yaml.safe_load(bank.path.read_text(encoding="utf-8"))
    content["events"][0]["rule"] = "money_in > 1e12"
    bank.path.write_text(yaml.safe_dump(content), encoding="utf-8")
    again = read_params(bank.path)
    steps = {node.step for node in prepare(again).done.steps}
    what_reads_it = {
        "outcomes",
        "announcements",
        "associations",
        "customer_churn",
        "customer_call",
        "withheld",
    }
    assert {"customer_event"} <= steps <= {"customer_event"} | what_reads_it
    assert Tables(again, "B1", Q2).events.empty
    assert (bank.data_folder / "models" / "segmentation.json").stat().st_mtime_ns == fitted
