"""Every check finds the row it is for, and no other; and shares do not cry wolf."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.contract import CONTRACT
from analysis.data_health.checks import CHECKS, EXAMINED
from analysis.data_health.counted import checked
from analysis.data_health.findings import changed
from analysis.quarters import Quarter
from analysis.sources.params import DataHealth

Q = Quarter.parse("2024Q2")
MANY = 30


def good(**more):
    """Tables of a bank in which nothing is wrong; `more` replaces rows."""
    people = [f"C{i:02d}" for i in range(MANY)]
    accounts = [f"A{i:02d}" for i in range(MANY)]
    frames = {
        "customers": [
            {
                "customer_id": c,
                "customer_type": "personal",
                "branch_id": f"B{i % 2}",
                "manager_id": "S1",
                "born_on": dt.date(1970, 1, 1) + dt.timedelta(days=100 * i),
                "sex": "female",
                "region": "East",
                "address": "No. 1",
                "phone": f"139{i:08d}",
                "document_hash": f"h{i}",
                "income": 50_000,
                "credit_grade": 3,
                "consent": True,
                "since": dt.date(2015, 1, 1),
                "checked_on": dt.date(2023, 6, 1),
            }
            for i, c in enumerate(people)
        ],
        "accounts": [
            {
                "account_id": a,
                "branch_id": f"B{i % 2}",
                "product_id": "P1",
                "opened_on": dt.date(2015, 1, 1),
                "closed_on": None,
            }
            for i, a in enumerate(accounts)
        ],
        "account_holders": [
            {"account_id": a, "customer_id": c, "role": "owner"}
            for a, c in zip(accounts, people, strict=True)
        ],
        "products": [{"product_id": "P1", "name": "Savings", "kind": "savings"}],
        "transactions": [
            {
                "transaction_id": f"T{i:02d}",
                "account_id": a,
                "booked_at": dt.datetime(2024, 5, 2, 9, i, 3),
                "amount": -20,
                "channel": "pos",
                "kind": "card_payment",
                "merchant_id": "M1",
                "value_on": dt.date(2024, 5, 1),
            }
            for i, a in enumerate(accounts)
        ]
        + [
            transfer("X1", "A00", "A01", -30),
            transfer("X2", "A01", "A00", 30),
            transfer("X3", "A02", "Z9", -5) | {"kind": "cash_out", "channel": "atm"},
            transfer("X4", "A03", "Z9", -310) | {"kind": "loan_instalment"},
        ],
        "holdings": [
            {
                "holding_id": f"H{i}",
                "customer_id": c,
                "product_id": "P1",
                "held_from": dt.date(2016, 1, 1),
            }
            for i, c in enumerate(people)
        ],
        "loans": [
            {
                "loan_id": f"L{i}",
                "application_id": f"P{i}",
                "account_id": f"A{i:02d}",
                "borrower_id": f"C{i:02d}",
                "kind": "mortgage",
                "granted_on": dt.date(2024, 1, 10),
                "amount": 3000,
                "months": 12,
                "instalment": 300,
                "due_day": 2,
                "status": "running",
            }
            for i in (1, 2, 3)
        ],
        "loan_applications": [
            {
                "application_id": f"P{i}",
                "branch_id": "B1",
                "borrower_id": "C03",
                "purpose": "mortgage",
                "filed_on": dt.date(2024, 4, 2) if i >= 4 else dt.date(2024, 1, 2),
                "amount": 3000,
                "down_payment": 900,
                "compound": "Park",
                "developer": "D",
                "status": "approved",
            }
            for i in (1, 2, 3, 4, 5)
        ],
        "cards": [
            {
                "card_id": f"K{i}",
                "account_id": "A04",
                "customer_id": "C04",
                "kind": "credit",
                "credit_limit": 9000,
                "issued_on": dt.date(2016, 1, 1),
            }
            for i in (1, 2)
        ],
        "surveys": [
            {"survey_id": "Q1", "customer_id": "C01", "answered_on": dt.date(2024, 5, 5)},
            {"survey_id": "Q2", "customer_id": "C02", "answered_on": dt.date(2024, 5, 5)},
        ],
        "complaints": [
            {
                "complaint_id": f"Z{i}",
                "customer_id": f"C0{i}",
                "received_on": dt.date(2024, 5, 5),
                "text": "slow",
            }
            for i in (1, 2)
        ],
        "standing_orders": [
            {"order_id": f"O{i}", "account_id": f"A0{i}", "payee_account": "Z1", "amount": 10}
            for i in (1, 2)
        ],
    }
    return frames | more


def transfer(key, account, other, amount):
    return {
        "transaction_id": key,
        "account_id": account,
        "booked_at": dt.datetime(2024, 5, 3, 9, 0, 1),
        "amount": amount,
        "channel": "transfer",
        "kind": "transfer",
        "counterparty_account": other,
        "value_on": dt.date(2024, 5, 3),
    }


def put(con, frames):
    tables = {}
    for name, rows in frames.items():
        schema = (
            ibis.schema(CONTRACT[name].schema)
            if name in CONTRACT
            else ibis.schema({c: EXTRA[c] for c in rows[0]})
        )
        frame = pd.DataFrame(rows, columns=list(schema)).astype(object)
        tables[name] = con.create_table(
            name, frame.where(frame.notna(), None), schema=schema, overwrite=True
        )
    return tables


EXTRA = {
    "customer_id": "string",
    "customer_key": "string",
    "salary": "float64",
    "salary_months": "int64",
    "account_id": "string",
    "balance_end": "float64",
}
#: Check to the table, the row's place, and what is written into it; or a row that is added.
WRONG = {
    "customers.too_old": ("customers", 5, {"born_on": dt.date(1899, 1, 1)}),
    "customers.customer_before_birth": ("customers", 5, {"since": dt.date(1960, 1, 1)}),
    "customers.details_not_confirmed": ("customers", 5, {"checked_on": dt.date(2020, 1, 1)}),
    "accounts.opened_before_birth": ("accounts", 5, {"opened_on": dt.date(1960, 1, 1)}),
    "accounts.entry_before_opening": ("accounts", 5, {"opened_on": dt.date(2024, 6, 1)}),
    "accounts.entry_after_closing": ("accounts", 5, {"closed_on": dt.date(2024, 4, 1)}),
    "transactions.amount_of_zero": ("transactions", 5, {"amount": 0}),
    "transactions.booked_late": ("transactions", 5, {"value_on": dt.date(2024, 4, 1)}),
    "transactions.side_against_kind": ("transactions", MANY + 2, {"amount": 5}),
    "transactions.on_one_side": ("transactions", MANY + 2, {"counterparty_account": "A05"}),
    "transactions.counterparty_account_missing": (
        "transactions",
        MANY + 2,
        {"kind": "transfer", "counterparty_account": None},
    ),
    "transactions.merchant_id_missing": ("transactions", 5, {"merchant_id": None}),
    "holdings.held_before_customer": ("holdings", 5, {"held_from": dt.date(2001, 1, 1)}),
    "loans.granted_before_filed": ("loans", 2, {"granted_on": dt.date(2023, 12, 1)}),
    "loans.more_than_asked": ("loans", 2, {"amount": 3100}),
    "loans.borrower_under_age": ("customers", 3, {"born_on": dt.date(2009, 1, 1)}),
    "loans.never_repaid": ("loans", 2, {"months": 5}),
    "loans.instalment_not_seen": ("loans", 2, {"instalment": 600}),
    "loan_applications.down_payment_too_large": (
        "loan_applications",
        1,
        {"down_payment": 99_000, "filed_on": dt.date(2024, 4, 3)},
    ),
    "loan_applications.compound_missing": (
        "loan_applications",
        3,
        {"compound": None, "filed_on": dt.date(2024, 4, 3)},
    ),
    "loan_applications.developer_missing": (
        "loan_applications",
        3,
        {"developer": None, "filed_on": dt.date(2024, 4, 3)},
    ),
    "cards.credit_limit_missing": ("cards", 1, {"credit_limit": None}),
    "cards.issued_before_account": ("cards", 1, {"issued_on": dt.date(2001, 1, 1)}),
    "complaints.text_missing": ("complaints", 1, {"text": None}),
    "surveys.answered_before_customer": ("customers", 1, {"since": dt.date(2024, 6, 1)}),
    "standing_orders.payee_account_missing": ("standing_orders", 1, {"payee_account": None}),
    "accounts.product_id_missing": ("accounts", 5, {"product_id": None}),
    **{f"loans.{c}_missing": ("loans", 1, {c: None}) for c in ("months", "instalment", "due_day")},
    **{
        f"customers.{c}_missing": ("customers", 5, {c: None})
        for c in (
            "phone address region born_on document_hash sex income credit_grade manager_id "
            "consent since"
        ).split()
    },
}
#: Check to the table of which a row is entered once more, under another key.
TWICE = {
    "transactions.entry_twice": ("transactions", "transaction_id"),
    "holdings.held_twice": ("holdings", "holding_id"),
    "loans.loan_twice": ("loans", "loan_id"),
    "surveys.answered_twice": ("surveys", "survey_id"),
    "complaints.complained_twice": ("complaints", "complaint_id"),
    "standing_orders.ordered_twice": ("standing_orders", "order_id"),
}
SHARED_VALUES = {
    "customers.phone_of_many": {"phone": "13800000000"},
    "customers.born_on_stands_for_nothing": {"born_on": dt.date(1970, 1, 1)},
}
BESIDE = {
    "accounts.no_owner",
    "accounts.below_zero",
    "customers.born_on_differs",
    "customers.sex_differs",
    "customers.income_not_seen",
}


def doubts(frames, check="", known=()):
    """To each check the keys it doubts; only those of the check's table where one is named."""
    con = ibis.duckdb.connect()
    looked_at = [e for e in EXAMINED if check.split(".")[0] in ("", e.table)]
    counts, rows = checked(con, put(con, frames), Q, DataHealth(), known, looked_at)
    told = rows.to_pandas()
    assert counts.groupby("check")["doubtful"].sum().gt(0).sum() == told["check"].nunique()
    return {check: sorted(own["key"]) for check, own in told.groupby("check")}


def test_every_check_has_an_example():
    assert {*WRONG, *TWICE, *SHARED_VALUES, *BESIDE} == set(CHECKS)


def test_a_good_bank_has_no_doubtful_row():
    assert doubts(good()) == {}


@pytest.mark.parametrize("check", WRONG)
def test_a_check_finds_the_row_that_is_wrong(check):
    table, place, change = WRONG[check]
    frames = good()
    frames[table][place] |= change
    told = doubts(frames, check)
    assert len(told[check]) == 1
    assert set(told) == {check}


@pytest.mark.parametrize("check", TWICE)
def test_a_row_entered_twice_is_doubted_once(check):
    table, key = TWICE[check]
    frames = good()
    frames[table].append(frames[table][0] | {key: "zz"})
    assert doubts(frames, check) == {check: ["zz"]}


@pytest.mark.parametrize("check", SHARED_VALUES)
def test_a_value_that_stands_for_nothing(check):
    frames = good()
    for row in frames["customers"][:12]:
        row |= SHARED_VALUES[check]
    assert len(doubts(frames, check)[check]) == 12


def test_what_another_table_says():
    frames = good(
        account_quarter=[{"account_id": "A05", "balance_end": -4.0}],
        customer_quarter=[{"customer_id": "C05", "salary": 90_000.0, "salary_months": 3}],
        same_customer=[
            {"customer_id": "C07", "customer_key": "C06"},
            {"customer_id": "C06", "customer_key": "C06"},
        ],
    )
    frames["customers"][7]["sex"] = "male"
    frames["account_holders"] = frames["account_holders"][:-1]
    assert doubts(frames) == {
        "accounts.below_zero": ["A05"],
        "accounts.no_owner": [f"A{MANY - 1}"],
        "customers.born_on_differs": ["C07"],
        "customers.income_not_seen": ["C05"],
        "customers.sex_differs": ["C07"],
    }


def test_a_column_that_is_not_delivered_is_no_fault():
    frames = good()
    for row in frames["customers"]:
        row |= {"phone": None, "checked_on": None}
    assert doubts(frames) == {}


def test_a_column_that_is_no_longer_delivered_is_a_fault():
    frames = good()
    for row in frames["customers"]:
        row |= {"phone": None}
    known = ["customers.phone_missing"]
    assert len(doubts(frames, "customers.", known)["customers.phone_missing"]) == MANY


@pytest.mark.parametrize(
    ("table", "place", "change"),
    [
        ("customers", 3, {"born_on": dt.date(2006, 1, 10)}),  # of age on the day of the loan
        ("customers", 3, {"customer_type": "corporate", "born_on": dt.date(2014, 1, 1)}),
        ("loans", 2, {"instalment": 249.5}),  # rounding
        ("transactions", 1, {"account_id": "A00", "merchant_id": "M2"}),
    ],
)
def test_what_is_right_is_not_doubted(table, place, change):
    frames = good()
    frames["transactions"][1]["booked_at"] = frames["transactions"][0]["booked_at"]
    frames["transactions"] = [r for r in frames["transactions"] if r["transaction_id"] != "X4"]
    frames[table][place] |= change
    assert doubts(frames, f"{table}.") == {} and doubts(frames, "loans.") == {}


def test_tables_that_are_not_delivered_are_left_out():
    frames = {t: r for t, r in good().items() if t in ("customers", "accounts", "transactions")}
    frames["transactions"] = [r for r in frames["transactions"] if r["transaction_id"][0] == "T"]
    assert doubts(frames) == {}


def a_share(rng, quarters, share, between, rows=600):
    shares = np.clip(rng.normal(share, between, quarters), 0.0005, 1)
    names = [str(Q.shifted(i - quarters + 1)) for i in range(quarters)]
    return pd.DataFrame(
        {
            "quarter": names,
            "check": "surveys.c",
            "rows": rows,
            "doubtful": rng.binomial(rows, shares),
        }
    )


@pytest.mark.parametrize("between", [0.0, 0.02])
def test_a_share_that_did_not_change_is_hardly_ever_called_changed(between):
    rng = np.random.default_rng(8)
    p = [changed(a_share(rng, 5, 0.06, between), "surveys.c", str(Q)) for _ in range(600)]
    assert np.mean(np.array(p) < 0.05) <= 0.07
    assert np.mean(np.array(p) < 0.002) <= 0.005, "of several checks, only the surest are told"


def test_a_share_that_did_is():
    rng = np.random.default_rng(9)
    found = []
    for _ in range(100):
        rows = a_share(rng, 5, 0.02, 0.0)
        rows.loc[rows.index[-1], "doubtful"] += 60
        found.append(changed(rows, "surveys.c", str(Q)) < 0.01)
    assert np.mean(found) >= 0.9
    assert np.isnan(changed(rows.tail(3), "surveys.c", str(Q))), "two quarters before say nothing"
