"""Needs that no product meets: what was planted is sized right, chance is said to be chance."""

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.language import because
from analysis.opportunities import potential, unmet
from analysis.quarters import Quarter
from analysis.sources.params import Bank, Offers, Unmet, Value, fault_messages

Q4 = Quarter.parse("2024Q4")
LIMITS = Unmet(balance=1000, most_entries=5, months=3, times=1.5)
WORTH = {unmet.IDLE: 0.01, unmet.PAYS_ANOTHER: 0.01, unmet.SEASONAL: 0.005}


@pytest.fixture
def con():
    con = ibis.duckdb.connect(threads=1)
    yield con
    con.disconnect()


def quarters(n=400, seed=0, count=8, idle=0, seasonal=0):
    """Customers over quarters; the first `idle` keep 2,000 to 3,000 with three entries, the last
    `seasonal` spend eight times as much in each first quarter.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for q in Q4.shifted(1 - count).through(Q4):
        rows = pd.DataFrame(
            {
                "customer_id": [f"C{i:04d}" for i in range(n)],
                "customer_type": "personal",
                "quarter": str(q),
                "active": True,
                "balance_end": rng.uniform(10, 900, n),
                "transactions": rng.integers(6, 40, n),
                "money_out": np.exp(rng.normal(7, 0.3, n)),
                "money_in": np.exp(rng.normal(7, 0.3, n)),
                "has_deposit": False,
                "has_wealth": False,
                **{c: rng.uniform(0, 1, n) for c in ("cash_share", "mobile_share")},
                **{c: rng.uniform(1, 50, n) for c in ("age_years", "tenure_years")},
                "counterparties": rng.integers(1, 9, n),
            }
        )
        rows.loc[: idle - 1, "balance_end"] = np.linspace(2000, 3000, idle)
        rows.loc[: idle - 1, "transactions"] = 3
        if q.number == 1 and seasonal:
            rows.loc[n - seasonal :, "money_out"] *= 8
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def worked_out(con, patterns, customers, held=None, min_cell=10):
    return unmet.needs(patterns, customers, held, Q4, WORTH, min_cell, con)


def test_planted_idle_money_is_sized_right(con):
    customers = con.create_table("c", quarters(idle=60))
    found = unmet.idle(customers, Q4, LIMITS)
    (need,) = worked_out(con, {unmet.IDLE: found}, customers).needs
    assert need.n == 60 and need.share == 60 / 400 and need.low < 0.15 < need.high
    assert need.median == pytest.approx(2500) and need.median_low < 2500 < need.median_high
    assert need.mean == pytest.approx(2500)
    assert need.yearly == pytest.approx(60 * 2500 * 0.01)
    assert need.yearly_low < need.yearly < need.yearly_high


def test_money_that_came_this_quarter_moves_much_or_has_a_product_is_not_idle(con):
    rows = quarters(idle=60)
    now, before = rows["quarter"] == "2024Q4", rows["quarter"] == "2024Q3"
    number = rows["customer_id"].str[1:].astype(int)
    rows.loc[before & (number < 10), "balance_end"] = 1.0
    rows.loc[now & number.between(10, 19), "transactions"] = 6
    rows.loc[now & number.between(20, 24), "has_deposit"] = True
    rows.loc[now & number.between(25, 29), "has_wealth"] = True
    customers = con.create_table("c", rows)
    members = unmet.idle(customers, Q4, LIMITS).members.to_pandas()
    assert sorted(members["customer_id"]) == [f"C{i:04d}" for i in range(30, 60)]


def test_the_nearest_product_is_that_of_customers_like_them(con):
    rows = quarters(idle=40)
    rows["balance_end"] += np.where(rows["customer_id"].between("C0100", "C0160"), 2400, 0)
    rows.loc[rows["customer_id"].between("C0100", "C0160"), "transactions"] = 3
    rows.loc[rows["customer_id"].between("C0100", "C0160"), "has_deposit"] = True
    customers = con.create_table("c", rows)
    held = pd.DataFrame(
        [(f"C{i:04d}", "D") for i in range(100, 161)]
        + [(f"C{i:04d}", "CARD") for i in (*range(200, 300), *range(12))]
        + [(f"C{i:04d}", "ALL") for i in range(400)],
        columns=["customer_id", "product_id"],
    )
    found = unmet.idle(customers, Q4, LIMITS)
    told = worked_out(con, {unmet.IDLE: found}, customers, con.create_table("h", held))
    (need,) = told.needs
    assert need.nearest == "D" and need.already == 0
    table = potential.needs(told, {"D": "Deposit"}, 10)
    assert table["nearest"].tolist() == ["Deposit"] and table["already"].tolist() == [0.0]


def transfers(con, rows):
    entries = pd.DataFrame(rows, columns=["account_id", "booked_at", "amount", "counterparty_bank"])
    entries["booked_at"] = pd.to_datetime(entries["booked_at"])
    schema = {
        "account_id": "string",
        "booked_at": "timestamp",
        "amount": "decimal(18, 2)",
        "counterparty_bank": "string",
        "kind": "string",
    }
    return con.create_table("t", entries.assign(kind="transfer"), schema=ibis.schema(schema))


def holders(con, n=400):
    rows = pd.DataFrame({"customer_id": [f"C{i:04d}" for i in range(n)], "role": "owner"})
    rows["account_id"] = "A" + rows["customer_id"].str[1:]
    return con.create_table("h", pd.concat([rows, rows[:1].assign(account_id="A0001")]))


def test_regular_transfers_to_a_competitor_are_found_and_one_off_ones_are_not(con):
    months = ("2024-08-05", "2024-10-05", "2024-12-05")
    paid = [(f"A{i:04d}", day, -300.0, " Bank X") for i in range(30) for day in months]
    paid += [
        (f"A{i:04d}", f"2024-11-{1 + k:02d}", -900.0, "Bank Y") for i in range(60) for k in range(9)
    ]
    paid += [(f"A{i:04d}", day, 500.0, "Bank Z") for i in range(60) for day in months]  # comes in
    paid += [(f"A{i:04d}", day, -500.0, None) for i in range(60) for day in months]  # here
    customers = con.create_table("c", quarters())
    found = unmet.pays_another(customers, transfers(con, paid), holders(con), Q4, LIMITS)
    (need,) = worked_out(con, {unmet.PAYS_ANOTHER: found}, customers).needs
    assert need.bank == "Bank X" and need.n == 30
    assert need.median == pytest.approx(450)  # a quarter
    money = found.members.to_pandas().set_index("customer_id")["money"]
    assert money["C0001"] == pytest.approx(225) and money["C0000"] == pytest.approx(675)  # joint
    assert need.now == 30 and need.before == 0 and need.p_corrected < 0.001


def test_what_is_as_before_is_said_to_be(con):
    months = ("2024-07-05", "2024-08-05", "2024-10-05", "2024-12-05")
    paid = [(f"A{i:04d}", day, -300.0, "<b>X</b>") for i in range(30) for day in months]
    customers = con.create_table("c", quarters())
    found = unmet.pays_another(customers, transfers(con, paid), holders(con), Q4, LIMITS)
    told = worked_out(con, {unmet.PAYS_ANOTHER: found}, customers)
    table = potential.needs(told, {}, 10)
    assert table["check"].tolist() == [
        "no more and no fewer than in the quarter before, beyond chance"
    ]
    from analysis.opportunities.words import table as as_table

    assert "<b>X" not in as_table(table, "", {"bank": "text"}).html()


def test_planted_seasons_are_more_than_chance(con):
    customers = con.create_table("c", quarters(seasonal=50))
    found = unmet.seasonal(customers, Q4, LIMITS)
    told = worked_out(con, {unmet.SEASONAL: found}, customers)
    (need,) = told.needs
    assert 50 <= need.n <= 55 and need.by_chance_high < need.n and need.p_corrected < 0.01
    assert told.season == "2025Q1"
    assert potential.needs(told, {}, 10)["check"].iloc[0].startswith("more than by chance")


def test_seasons_that_nobody_planted_are_said_to_be_chance(con):
    said = []
    for seed in range(12):
        rows = quarters(800, seed)
        rows["money_out"] = np.exp(np.random.default_rng(seed).normal(7, 0.9, len(rows)))
        customers = con.create_table("c", rows, overwrite=True)
        told = worked_out(con, {unmet.SEASONAL: unmet.seasonal(customers, Q4, LIMITS)}, customers)
        said += list(potential.needs(told, {}, 10)["check"])
    chance = [text for text in said if text.startswith("may be chance alone")]
    assert len(said) == 12 and len(chance) >= 10


def test_what_cannot_be_told_says_why(con):
    customers = con.create_table("c", quarters(count=1))
    unknown = quarters(count=2)
    unknown[["has_deposit", "has_wealth"]] = None
    unknown = unknown.astype({"has_deposit": "boolean", "has_wealth": "boolean"})
    no_holdings = con.create_table("u", unknown)
    paid = transfers(con, [("A0001", "2024-11-01", -5.0, None)])
    missing = {
        unmet.IDLE: unmet.idle(customers, Q4, LIMITS),
        unmet.PAYS_ANOTHER: unmet.pays_another(customers, paid, holders(con), Q4, LIMITS),
        unmet.SEASONAL: unmet.seasonal(customers, Q4, LIMITS),
    }
    assert because(missing[unmet.IDLE]) == "Two quarters are needed."
    assert because(unmet.idle(no_holdings, Q4, LIMITS)) == "The bank delivers no holdings."
    told = worked_out(con, missing, customers)
    assert told.needs == []
    said = potential.no_needs(told, 10)
    assert "No transfer names the bank of the other side." in said
    assert "Two years are needed; 1 of their 8 quarters are there." in said


def test_groups_below_the_smallest_cell_are_not_shown_and_it_is_said(con):
    customers = con.create_table("c", quarters(idle=9))
    told = worked_out(con, {unmet.IDLE: unmet.idle(customers, Q4, LIMITS)}, customers, min_cell=5)
    assert [n.n for n in told.needs] == [9]
    assert potential.needs(told, {}, 10).empty
    assert "money that lies idle: no group of at least 10 customers." in potential.no_needs(
        told, 10
    )


def test_one_quarter_of_transfers_is_compared_with_none(con):
    days = ("2024-10-05", "2024-11-05", "2024-12-05")
    paid = [(f"A{i:04d}", day, -300.0, "Bank X") for i in range(30) for day in days]
    customers = con.create_table("c", quarters(count=1))
    found = unmet.pays_another(customers, transfers(con, paid), holders(con), Q4, LIMITS)
    told = worked_out(con, {unmet.PAYS_ANOTHER: found}, customers)
    assert told.needs[0].median == pytest.approx(900)
    assert potential.needs(told, {}, 10)["check"].tolist() == ["cannot be told"]


def test_what_is_assumed_is_said(con):
    customers = con.create_table("c", quarters(idle=20))
    told = worked_out(con, {unmet.IDLE: unmet.idle(customers, Q4, LIMITS)}, customers)
    said = " ".join(potential.what_counts_as_a_need(Offers(unmet=LIMITS), Value(), told))
    assert "at least 1,000" in said and "1.5 times" in said and "not what would sell" in said


@pytest.mark.parametrize(
    "wrong", [{"months": 1}, {"months": 7}, {"times": 1}, {"balance": 0}, {"balanc": 5}]
)
def test_thresholds_that_cannot_be_used_are_refused(wrong):
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as refusal:
        Bank.model_validate(
            {
                "bank": "b",
                "title": "B",
                "data": "d",
                "outputs": "o",
                "source": {"folder": "s"},
                "quarters": {"first": "2024Q1", "last": "2024Q2"},
                "offers": {"unmet": wrong},
            }
        )
    (message,) = fault_messages(refusal.value, Bank)
    assert f"offers.unmet.{next(iter(wrong))}" in message
