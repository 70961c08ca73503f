"""What the investigations tell in short, and what the other subjects must not tell because of
them.
"""

import datetime as dt

import pandas as pd

from analysis.changes import findings as changes
from analysis.quarters import Quarter
from analysis.retention import findings as retention
from analysis.risk.brief import by_age, days_open, divided, own_payments
from analysis.tables import Tables

END = dt.date(2024, 12, 31)


def test_nobody_named_in_an_alert_that_stands_is_on_a_list_to_call(demo):
    """A call could warn them."""
    tables = Tables(demo, "ALL", Quarter.parse("2024Q4"))
    standing = tables.alerts[
        ~tables.alerts["suppressed"].astype(bool) & (tables.alerts["status"] != "cleared")
    ]
    named = set(tables.parties.loc[tables.parties["alert_id"].isin(standing["alert_id"]), "party"])
    assert named & set(tables.customers["customer_id"])
    tested = changes.backtest(tables.outcomes, demo.events, tables.announcements)
    for customers, may_be_named in ((tables.customers, True), (tables.customers_to_call, False)):
        saved = retention.save_list(tables.churn, customers, tables.expected_values, demo.retention)
        events = changes.event_list(
            tables.events, customers, tables.expected_values, demo.events, tested, demo.retention
        )
        listed = {*saved["customer_id"], *events["customer_id"]}
        assert listed and bool(named & listed) == may_be_named


def alerts(**columns):
    plain = {"alert_id": ["A", "B"], "status": ["open", "open"], "amount": [10.0, 20.0]}
    return pd.DataFrame({**plain, **columns})


def test_a_case_that_came_back_has_waited_since_its_decision():
    history = pd.DataFrame(
        {
            "alert_id": ["A", "B", "C"],
            "status": ["open", "cleared", "cleared"],
            "decided_on": [None, dt.date(2024, 12, 1), dt.date(2024, 12, 1)],
            "days": [184, 15, 15],
        }
    )
    assert days_open(alerts(), history, END) == {"A": 184, "B": 30}
    lengths = by_age({"A": 184, "B": 30})
    assert list(lengths.values()) == [1, 0, 0, 1]


def test_a_branch_s_own_payments_are_those_of_its_customers_each_once():
    evidence = pd.DataFrame(
        [
            ("A", "t", "1", "C1", "X", 5.0),
            ("A", "t", "1", "C1", "X", 5.0),  # it proves two reasons
            ("A", "t", "2", "X", "C2", 7.0),
            ("B", "t", "3", "X", "C1", 11.0),
            ("Z", "t", "4", "X", "C1", 99.0),  # of an alert that is not shown
        ],
        columns=["alert_id", "source", "evidence_id", "payer", "payee", "amount"],
    )
    parties = pd.DataFrame({"party": ["C1", "C2"], "party_branch": ["B1", "B2"]})
    assert own_payments(alerts(), evidence, parties, "B1") == 16.0


def test_the_change_of_what_is_at_stake_is_divided_exactly():
    before = alerts(amount=[10.0, 20.0])
    now = alerts(alert_id=["B", "C"], amount=[25.0, 7.0])
    told = divided({"2024Q3": before, "2024Q4": now}, "2024Q3", "2024Q4", by_amount=True)
    parts = {part.name: part.value for part in told.parts}
    assert list(parts.values()) == [7.0, -10.0, 5.0]
    assert told.before + sum(parts.values()) == told.now
    counted = divided({"2024Q3": before, "2024Q4": now}, "2024Q3", "2024Q4", by_amount=False)
    assert [part.value for part in counted.parts] == [1.0, -1.0]
    assert divided({"2024Q4": now}, "2024Q3", "2024Q4", by_amount=True) is None
