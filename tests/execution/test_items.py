"""What was handed over, what staff did, and which follow-ups cannot be counted."""

import datetime as dt

import ibis
import pandas as pd
import pytest

from analysis.execution import items
from analysis.quarters import Quarter
from analysis.sources.params import Execution

Q4 = Quarter.parse("2024Q4")
DAY = dt.date(2024, 10, 10)


@pytest.fixture
def con():
    return ibis.duckdb.connect()


def table(con, rows, **types):
    frame = pd.DataFrame(rows)
    return con.create_table(
        ibis.util.gen_name("t"), frame, schema=ibis.schema(types) if types else None
    )


LEADS = {
    "lead_id": "string",
    "kind": "string",
    "customer_id": "string",
    "staff_id": "string",
    "product_id": "string",
    "handed_on": "date",
    "due_on": "date",
    "chance": "float64",
    "value": "decimal(18,2)",
}
FOLLOW_UPS = {
    "follow_up_id": "string",
    "subject_id": "string",
    "staff_id": "string",
    "done_on": "date",
    "outcome": "string",
}


def lead(name, kind="offer", customer="C1", staff="S1", product="P1", due=dt.date(2024, 11, 1)):
    handed = dt.date(2024, 10, 1)
    return dict(
        zip(LEADS, [name, kind, customer, staff, product, handed, due, 0.2, 100], strict=True)
    )


def did(name, subject, day=DAY, outcome="reached", staff="S1"):
    return dict(zip(FOLLOW_UPS, [name, subject, staff, day, outcome], strict=True))


def handed(con, *leads):
    customers = table(con, [{"customer_id": f"C{i}", "branch_id": "B1"} for i in range(9)])
    return items.delivered_items(table(con, list(leads), **LEADS), customers, Q4)


def work(con, leads, follow_ups, holdings=None, left=None, buying=()):
    entries = handed(con, *leads)
    told = items.usable(table(con, follow_ups, **FOLLOW_UPS), entries, Q4)
    done = items.followed(entries, told)
    rows = items.with_success(done, holdings, left, list(buying), Q4).to_pandas()
    return rows.set_index("subject_id")


def test_what_was_done_first_tells_whether_it_was_in_time_and_the_last_what_came_of_it(con):
    late = dt.date(2024, 12, 1)
    rows = work(
        con,
        [lead("A"), lead("B"), lead("C")],
        [
            did("1", "A", DAY, "not_reached", "S1"),
            did("2", "A", late, "sold", "S2"),
            did("3", "B", late, "declined"),
        ],
    )
    assert rows.loc["A", ["outcome", "done_by", "in_time", "done"]].tolist() == [
        "sold",
        "S1",
        True,
        True,
    ]
    assert rows.loc["B", ["followed", "in_time"]].tolist() == [True, False]
    assert rows.loc["C", ["outcome", "followed", "in_time", "done"]].tolist() == [
        "",
        False,
        False,
        False,
    ]


def test_two_follow_ups_of_one_day_count_in_the_order_of_their_numbers(con):
    rows = work(con, [lead("A")], [did("2", "A", DAY, "sold"), did("1", "A", DAY, "open")])
    assert rows.loc["A", "outcome"] == "sold"


def test_whether_a_product_was_taken_up_is_told_by_what_is_held_and_not_by_staff(con):
    since = [("C1", "P1", DAY), ("C2", "P1", dt.date(2024, 5, 1))]  # the second held it before
    columns = ("customer_id", "product_id", "held_from")
    held = table(con, [dict(zip(columns, row, strict=True)) for row in since])
    leads = [lead("A"), lead("B", customer="C2"), lead("C", product="P2")]
    rows = work(con, leads, [did("1", "B", outcome="sold")], held)
    assert rows["success"].to_dict() == {"A": True, "B": False, "C": False}
    without = work(con, leads, [did("1", "B", outcome="sold")])
    assert without["success"].to_dict() == {"A": False, "B": True, "C": False}


def test_a_call_so_that_a_customer_stays_is_a_success_where_he_is_still_active(con):
    left = table(con, [{"customer_id": "C1", "left": True}, {"customer_id": "C2", "left": False}])
    leads = [lead(n, "save", f"C{i}") for i, n in enumerate("ABC", 1)]
    rows = work(con, leads, [did("1", "A")], left=left)
    assert rows["success"].dropna().to_dict() == {"A": False, "B": True}  # of C nobody knows


def test_follow_ups_that_cannot_be_counted_are_set_aside_with_a_reason(con):
    entries = handed(con, lead("A"), lead("B"))
    follow_ups = table(
        con,
        [
            did("1", "A"),
            did("2", "A"),  # the same again
            did("3", "B", dt.date(2024, 9, 20)),  # before it was handed over
            did("4", "never was"),
            did("5", "RM-1"),  # an alert of an earlier quarter
            did("6", "long ago", dt.date(2024, 5, 1)),  # of another quarter
        ],
        **FOLLOW_UPS,
    )
    told = items.usable(follow_ups, entries, Q4)
    known = table(con, [{"subject_id": s} for s in ("A", "B", "RM-1")])
    staff = table(con, [{"staff_id": "S1", "branch_id": "B7"}])
    aside = items.not_counted(follow_ups, told, known, staff, Q4).to_pandas()
    assert aside.set_index("follow_up_id")["reason"].to_dict() == {
        "2": items.TWICE,
        "3": items.EARLY,
        "4": items.NO_SUCH,
    }
    assert set(aside["branch_id"]) == {"B7"}
    nobody = items.not_counted(follow_ups, told, known, None, Q4).to_pandas()
    assert set(nobody["branch_id"]) == {"ALL"}
    counted = items.followed(entries, told).to_pandas().set_index("subject_id")
    assert counted["followed"].to_dict() == {"A": True, "B": False}


def test_of_those_kept_without_offer_only_whoever_would_have_got_one_is_compared(con):
    made = {"lead_id": "A", "customer_id": "C1", "decision": "offered", "expected": 50.0}
    rows = [
        made,
        made | {"lead_id": "B", "customer_id": "C2", "decision": "held_back", "expected": 60.0},
        made | {"lead_id": "C", "customer_id": "C3", "decision": "held_back", "expected": 40.0},
        made | {"lead_id": "", "customer_id": "C4", "decision": "no_room", "expected": 40.0},
    ]
    for row in rows:
        row |= {"branch_id": "B1", "product_id": "P1", "staff_id": "S1", "chance": 0.1}
        row |= {"due_on": dt.date(2024, 10, 7)}
    offers = items.offer_items(table(con, rows), {"P1": 100.0}, Q4).to_pandas()
    assert offers.set_index("subject_id")["kind"].to_dict() == {"A": "offer", "B": "held_back"}


def test_what_was_said_of_an_alert_in_an_earlier_quarter_is_no_mistake(con):
    alerts = [{"alert_id": "RM-1", "status": "open", "suppressed": False}]
    alerts[0] |= {"branch_id": "B1", "assigned_to": "S7", "amount": 1e6}
    entries = items.alert_items(table(con, alerts), Execution(), Q4)
    said = [did("1", "RM-1", dt.date(2024, 8, 1), "open"), did("2", "RM-1", DAY, "confirmed")]
    follow_ups = table(con, said, **FOLLOW_UPS)
    told = items.usable(follow_ups, entries, Q4)
    known = entries.select("subject_id")
    assert items.not_counted(follow_ups, told, known, None, Q4).count().execute() == 0
    assert items.followed(entries, told).to_pandas()["outcome"].tolist() == ["confirmed"]


def test_a_follow_up_to_an_older_list_is_late_and_not_wrong(con):
    entries = handed(con, lead("A"))
    late = [did("1", "L:2024Q2:P1:C1"), did("2", "L:2024Q3:P1:C9")]
    follow_ups = table(con, late, **FOLLOW_UPS)
    told = items.usable(follow_ups, entries, Q4)
    aside = items.not_counted(follow_ups, told, entries.select("subject_id"), None, Q4)
    assert aside.to_pandas()["follow_up_id"].tolist() == ["2"]  # last quarter's list had no such


def test_what_was_bought_before_it_was_offered_is_no_success(con):
    day = dt.date(2024, 10, 3)
    bought = [{"customer_id": "C1", "product_id": "P1", "held_from": day}]
    late = lead("A") | {"handed_on": dt.date(2024, 11, 1), "due_on": dt.date(2024, 12, 1)}
    rows = work(con, [late, lead("B")], [did("1", "B")], table(con, bought))
    assert rows["success"].to_dict() == {"A": False, "B": True}


def test_an_alert_is_handed_over_as_long_as_it_is_open(con):
    rows = [
        {"alert_id": name, "status": status, "suppressed": hidden}
        for name, status, hidden in (
            ("A", "open", False),
            ("B", "confirmed", False),
            ("C", "open", True),
        )
    ]
    for row in rows:
        row |= {"branch_id": "B1", "assigned_to": "S7", "amount": 1e6}
    alerts = items.alert_items(table(con, rows), Execution(alert_days=30), Q4).to_pandas()
    assert alerts["subject_id"].tolist() == ["A"]
    assert str(alerts["due_on"].iloc[0])[:10] == "2024-10-30"
