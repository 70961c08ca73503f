import datetime as dt

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.prepare import ROOMS, prepare
from analysis.quarters import Quarter
from analysis.tables import Tables

Q1, Q2 = Quarter.parse("2024Q1"), Quarter.parse("2024Q2")


@pytest.fixture(autouse=True)
def few_rooms(monkeypatch):
    """The steps of other rooms are left out: nothing here looks at what they make."""
    monkeypatch.setattr("analysis.prepare.ROOMS", ("marts", "segmentation", "changes"))


def only_customer(small, transactions, quarter=Q2):
    small.tables["transactions"][1:] = transactions
    bank = small.bank()
    prepare(bank)
    return Tables(bank, "B1", quarter).customers.set_index("customer_id").loc["C0"]


def test_money_balances_recency_and_change_of_one_customer(small):
    small.tables["accounts"][0] += ",opening_balance"
    small.tables["accounts"][1:] = [line + ",100" for line in small.tables["accounts"][1:]]
    now = only_customer(
        small,
        [
            "T1,A0,2024-02-10,50,branch,cash_in",
            "T2,A0,2024-04-30,200,transfer,salary",
            "T3,A0,2024-05-31,-30,pos,card_payment",
            "T4,A0,2024-06-30,-1,system,fee",
        ],
    )
    assert (
        now.balance_start,
        now.money_in,
        now.money_out,
        now.balance_end,
        now.balance_change,
    ) == (
        150,
        200,
        31,
        319,
        169,
    )
    assert (now.entries, now.transactions, now.channels_used, now.transactions_change) == (
        3,
        2,
        3,
        1,
    )
    assert now.recency_days == 30  # the bank's own fee does not count
    assert now.active and now.was_active
    assert now.tenure_years == pytest.approx(
        (dt.date(2024, 6, 30) - dt.date(2020, 1, 1)).days / 365.25
    )


def test_a_joint_account_is_shared_out_among_its_owners(small):
    small.tables["account_holders"].append("A0,C1,owner")
    now = only_customer(
        small, ["T1,A0,2024-04-30,200,transfer,salary", "T2,A1,2024-04-30,10,transfer,salary"]
    )
    assert now.money_in == 100


def test_a_closed_account_leaves_the_marts(small):
    small.tables["accounts"][0] += ",closed_on"
    small.tables["accounts"][1] += ",2024-03-31"
    small.tables["accounts"][2:] = [line + "," for line in small.tables["accounts"][2:]]
    bank = small.bank()
    prepare(bank)
    assert "C0" in set(Tables(bank, "B1", Q1).customers["customer_id"])
    assert "C0" not in set(Tables(bank, "B1", Q2).customers["customer_id"])


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 181), st.integers(-10_000, 10_000)),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_is_booked_balances_follow_from_it(tmp_path_factory, moves):
    from tests.conftest import SmallBank

    small = SmallBank(tmp_path_factory.mktemp("any") / "small")
    small.tables["transactions"][1:] = [
        f"T{n},A{a},{dt.date(2024, 1, 1) + dt.timedelta(day)},{cents / 100:.2f},mobile,transfer"
        for n, (a, day, cents) in enumerate(moves)
    ]
    bank = small.bank()
    prepare(bank)
    accounts = pd.concat(
        pd.read_parquet(f)
        for f in sorted((bank.data_folder / "marts" / "account_quarter").rglob("*.parquet"))
    )
    accounts[["balance_start", "balance_end", "money_in", "money_out"]] = accounts[
        ["balance_start", "balance_end", "money_in", "money_out"]
    ].astype(float)
    assert (
        (
            accounts.balance_start + accounts.money_in - accounts.money_out - accounts.balance_end
        ).abs()
        < 0.005
    ).all()
    last = accounts[accounts["quarter"] == "2024Q2"].set_index("account_id")["balance_end"]
    for account in {a for a, _, _ in moves}:
        assert last[f"A{account}"] == pytest.approx(
            sum(c for a, _, c in moves if a == account) / 100
        )


def test_a_mart_whose_table_is_not_delivered_any_more_does_not_stay(small, monkeypatch, only):
    monkeypatch.setattr("analysis.prepare.ROOMS", ROOMS)
    only("survey_index")
    small.params["loyalty"] = {"items": {"service": ["s1"]}, "stated_loyalty": ["r1"]}
    small.tables["surveys"] = ["survey_id,customer_id,answered_on", "Q1,C0,2024-05-01"]
    small.tables["survey_scores"] = ["survey_id,item,score", "Q1,s1,8"]
    bank = small.bank()
    prepare(bank)
    assert len(Tables(bank, "B1", Q2).answers) == 1
    for name in ("surveys", "survey_scores"):
        small.tables.pop(name)
        (small.source / f"{name}.csv").unlink()
    prepare(small.bank())
    assert Tables(bank, "B1", Q2).answers.empty


def test_no_name_phone_or_address_is_carried_into_a_mart(demo):
    from analysis.contract import CONTRACT

    personal = {c.name for t in CONTRACT.values() for c in t.columns if c.personal} - {"name"}
    for mart in (demo.data_folder / "marts").iterdir():
        file = next(mart.rglob("*.parquet"), None)
        if file:
            columns = set(pd.read_parquet(file).columns)
            assert not columns & (personal | {"name"}), mart.name


def test_month_ends_time_of_day_and_time_of_month(small):
    now = only_customer(
        small,
        [
            "T1,A0,2024-04-05 19:30:00,100,mobile,transfer",
            "T2,A0,2024-05-20 03:00:00,-30,mobile,transfer",
            "T3,A0,2024-06-08 12:00:00,-20,mobile,transfer",
            "T4,A0,2024-06-09,-5,mobile,transfer",  # at an hour that is not known
            "T5,A0,2024-06-30 20:00:00,-1,system,fee",
        ],
    )
    assert (now.balance_first_month, now.balance_second_month, now.balance_end) == (100, 70, 44)
    assert now.evening_share == pytest.approx(2 / 3)
    assert now.month_start_share == pytest.approx(3 / 4)
    assert now.active_weeks == 3
    assert now.assets_trend == pytest.approx(44 / 22)


def test_salaries_counterparties_and_the_largest_inflow(small):
    small.tables["transactions"][0] += ",counterparty_account"
    now = only_customer(
        small,
        [
            "T1,A0,2024-04-30,200,transfer,salary,X1",
            "T2,A0,2024-05-31,200,transfer,salary,X1",
            "T3,A0,2024-06-30,900,transfer,pension,X2",
            "T4,A0,2024-06-30,70,transfer,transfer,X3",
        ],
    )
    assert (now.salary_months, now.counterparties, now.largest_in) == (3, 3, 70)
    assert (now.salary, now.pension) == (1300, 900)


def elsewhere(small, *lines, name="Name 0"):
    small.tables["transactions"][0] += ",counterparty_account,counterparty_bank,counterparty_name"
    return only_customer(small, [f"{line},{name}" for line in lines])


def test_money_to_an_own_account_at_another_bank_counts_once_it_is_new(small):
    now = elsewhere(
        small,
        "T1,A0,2024-03-01,-10,online,transfer,X1,Other",
        "T2,A0,2024-05-01,-10,online,transfer,X1,Other",
        "T3,A0,2024-05-01,-40,online,transfer,X2,Other",
        "T4,A0,2024-06-01,-40,online,transfer,X2,Other",
    )
    assert now.new_outside_paid == 80 and now.new_outside_own_name


def test_money_to_a_known_account_or_within_the_bank_is_nothing_new(small):
    now = elsewhere(
        small,
        "T1,A0,2024-03-01,-10,online,transfer,X1,Other",
        "T2,A0,2024-05-01,-90,online,transfer,X1,Other",
        "T3,A0,2024-05-01,-500,online,transfer,A5,",
        name="Somebody",
    )
    assert now.new_outside_paid == 0 and not now.new_outside_own_name


def test_an_instalment_without_an_entry_is_missed_from_the_month_after_the_loan(small):
    small.tables["loans"] = [
        "loan_id,account_id,borrower_id,kind,granted_on,amount,months,instalment,status",
        "L1,A0,C0,mortgage,2024-04-10,1000,24,50,running",
        "L2,A1,C1,consumer_loan,2022-01-10,1000,12,50,repaid",  # its term was over
    ]
    small.tables["transactions"][1:] = [
        "T1,A0,2024-05-20,-50,system,loan_instalment",
        "T2,A1,2024-05-20,9,mobile,transfer",
    ]
    bank = small.bank()
    prepare(bank)
    rows = Tables(bank, "B1", Q2).customers.set_index("customer_id")
    assert rows.loc[
        "C0", ["instalments_missed", "ever_late", "mortgages_granted", "mortgages_before"]
    ].tolist() == [1, True, 1, 0]
    assert rows.loc["C1", ["instalments_missed", "ever_late", "mortgages_granted"]].tolist() == [
        0,
        False,
        0,
    ]


def test_credit_used_is_what_is_overdrawn_against_the_limit(small):
    small.tables["cards"] = [
        "card_id,account_id,customer_id,kind,credit_limit",
        "K1,A0,C0,credit,200",
    ]
    small.tables["transactions"][1:] = [
        "T1,A0,2024-05-20,-50,mobile,transfer",
        "T2,A1,2024-05-20,-9,mobile,transfer",
        "T3,A2,2024-05-20,9,mobile,transfer",
    ]
    bank = small.bank()
    prepare(bank)
    rows = Tables(bank, "B1", Q2).customers.set_index("customer_id")["credit_utilisation"]
    assert rows[["C0", "C1", "C2"]].tolist() == [0.25, 1.0, 0.0]
