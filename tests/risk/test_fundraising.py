import datetime as dt

import ibis
import pytest

from analysis.risk.fundraising import candidates
from analysis.sources.params import Fundraising
from tests.risk.books import YEARS, Books, at, day

RULES = Fundraising(min_payers=8, min_common=5)


def found(find, books, rules=RULES):
    return find("risk_fundraising", books, rules, window=YEARS)


def months(first, count):
    start = day(first)
    return [
        start.replace(
            year=start.year + (start.month - 1 + i) // 12, month=(start.month - 1 + i) % 12 + 1
        ).isoformat()
        for i in range(count)
    ]


def scheme(
    books, collects, pays, payers=10, rate=0.02, memo="投资", back="分红", unit=5000, **customer
):
    """Payers join one a fortnight and get a fixed share every month."""
    for i in range(payers):
        number = 100 + i
        books.customer(number, born_on=day("1950-01-01"), **customer)
        paid = unit * (1 + i % 3)
        joined = day("2024-01-10") + dt.timedelta(days=15 * i)
        books.pay(f"A{number}", collects, paid, at(joined.isoformat()), memo)
        for m in range(1, 5):
            books.pay(
                pays,
                f"A{number}",
                paid * rate,
                at((joined + dt.timedelta(days=30 * m)).isoformat()),
                back,
            )


def test_a_fixed_share_back_every_month_gives_the_implied_rate(find, books):
    books.customer(1)
    scheme(books, "A1", "A1")
    (case,) = found(find, books)
    assert case.anchors == ["C1"] and case.roles["C1"] == "collecting_and_paying_back"
    assert (
        case.facts["yearly"] == pytest.approx(0.02 * 365 / 30, abs=0.001)
        and case.facts["share_back"] == 0.02
    )
    assert {
        "fixed_share_back",
        "high_rate",
        "words_of_investment",
        "multiples_of_a_unit",
        "old_payers",
    } <= set(case.reasons)
    assert case.facts["our_payers"] == 10 and case.facts["our_back"] == pytest.approx(
        0.02 * 4 * case.facts["our_paid"]
    )


def test_returns_of_payers_who_paid_in_twice_alternate(find, books):
    books.customer(1)
    for i in range(10):
        number, joined = 100 + i, day("2024-01-10") + dt.timedelta(days=15 * i)
        books.customer(number)
        for later in (0, 7):  # two payments in of the same size, a week apart
            books.pay(
                f"A{number}", "A1", 20_000, at((joined + dt.timedelta(days=later)).isoformat())
            )
            for m in range(1, 5):
                books.pay(
                    "A1",
                    f"A{number}",
                    400,
                    at((joined + dt.timedelta(days=later + 30 * m)).isoformat()),
                )
    (case,) = found(find, books)
    assert case.facts["days"] == 30 and case.facts["yearly"] == pytest.approx(
        0.02 * 365 / 30, abs=0.001
    )


def test_collecting_transit_and_paying_back_accounts_are_one_case_without_a_word_in_the_memos(
    find, books
):
    for number in (1, 2, 3):
        books.customer(number)
    scheme(books, "A1", "A3", memo=None, back=None)
    for i in range(10):
        moment = at((day("2024-01-11") + dt.timedelta(days=15 * i)).isoformat())
        books.pay("A1", "A2", 4900 * (1 + i % 3), moment)
        books.pay("A2", "A3", 4800 * (1 + i % 3), moment + dt.timedelta(days=1))
    (case,) = found(find, books)
    assert {p: case.roles[p] for p in ("C1", "C2", "C3")} == {
        "C1": "collecting",
        "C2": "transit",
        "C3": "paying_back",
    }
    assert "through_transit" in case.reasons and "words_of_investment" not in case.reasons


def test_a_hub_at_another_bank_is_seen_by_what_our_customers_pay_and_get(find, books):
    scheme(books, "X1", "X1")
    (case,) = found(find, books)
    assert case.anchors == ["X1"] and case.facts["our_payers"] == 10


def test_before_anything_is_paid_back_words_and_units_and_growth_make_a_case(find, books):
    books.customer(1)
    scheme(books, "A1", "X9", payers=12, rate=0, memo="理财 project")
    (case,) = found(find, books)
    assert case.roles["C1"] == "collecting" and "fixed_share_back" not in case.reasons
    assert {"words_of_investment", "multiples_of_a_unit"} <= set(case.reasons)


def test_an_account_opened_shortly_before_is_a_reason_and_so_is_one_that_wakes_up(find, books):
    books.customer(1)
    scheme(books, "A1", "A1")
    assert (
        "account_woken" in found(find, books)[0].reasons
    )  # nothing was booked in the half-year before
    for text in months("2023-07-05", 6):
        books.book("A1", -50, at(text), kind="household")
    assert "account_woken" not in found(find, books)[0].reasons
    books.rows["accounts"][0]["opened_on"] = day("2023-12-01")
    assert "account_woken" in found(find, books)[0].reasons


def landlord(books):
    for number in range(100, 115):
        books.customer(number)
        for text in months("2024-01-03", 12):
            books.pay(f"A{number}", "A1", 2500, at(text), "房租")
        books.pay("A1", f"A{number}", 2500, at("2024-12-20"))


def school(books):
    for number in range(100, 130):
        books.customer(number)
        for text in ("2024-02-20", "2024-08-25"):
            books.pay(f"A{number}", "A1", 5000, at(text), "学费")


def charity(books):
    for number in range(100, 120):
        books.customer(number)
        for text in months("2024-01-03", 12):
            books.pay(f"A{number}", "A1", 500, at(text), "捐款")
    for number in range(200, 208):
        books.customer(number)
        for text in months("2024-01-20", 12):
            books.pay("A1", f"A{number}", 1000, at(text))


def payroll(books):
    for number in range(100, 120):
        books.customer(number)
        books.pay(f"A{number}", "A1", 1000, at("2024-01-05"))
        for text in months("2024-01-09", 12):
            books.pay("A1", f"A{number}", 6000 + number, at(text))


def yearly_dividend(books):
    for number in range(100, 120):
        books.customer(number)
        books.pay(f"A{number}", "A1", 2000, at("2024-01-05"))
        books.pay("A1", f"A{number}", 70, at("2024-12-16"), "分红")


@pytest.mark.parametrize("lives", [landlord, school, charity, payroll, yearly_dividend])
def test_innocent_collectors_are_no_case(find, books, lives):
    books.customer(1)
    lives(books)
    assert found(find, books) == []


def test_licensed_accounts_and_products_of_the_bank_are_left_out(find, books):
    scheme(books, "X1", "X1")
    assert found(find, books, RULES.model_copy(update={"licensed": ["X1"]})) == []
    own = Books()
    own.customer(1)
    own.account("AW", "C1", product="P08")
    scheme(own, "AW", "AW")
    assert found(find, own) == []


def test_an_authority_that_everybody_pays_is_passed_over_and_named(find, books, tmp_path):
    scheme(books, "X1", "X1", payers=15)
    assert len(found(find, books)) == 1
    fewer = RULES.model_copy(update={"most_counterparties": 14})
    assert found(find, books, fewer) == []
    tables = books.tables(ibis.duckdb.connect(), tmp_path / "again")
    assert candidates(tables, YEARS, fewer)["busy"]["account"].tolist() == [
        "X1"
    ]  # the page says so


def test_equal_amounts_reversals_and_doubles_change_nothing(find, books):
    books.customer(1)
    scheme(books, "A1", "A1", unit=5000)
    (before,) = found(find, books)
    for row in [r for r in books.rows["transactions"] if r["account_id"] == "A100"]:
        books.add("transactions", **{**row, "transaction_id": row["transaction_id"] + "b"})
    books.pay("A100", "A1", 77_000, at("2024-06-01", 9))
    books.pay("A1", "A100", 77_000, at("2024-06-01", 15))
    (after,) = found(find, books)
    assert (after.amount, after.facts) == (before.amount, before.facts)


def test_an_empty_bank_has_no_cases(find):
    assert found(find, Books()) == []
