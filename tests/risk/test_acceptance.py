from itertools import pairwise

import pytest

from analysis.risk.cases import Window
from analysis.sources.params import Acceptance
from tests.risk.books import Books, at, day

RULES = Acceptance()
YEAR = Window(day("2024-01-01"), day("2024-12-31"))
DATES = (("2024-02-01", "2024-05-01"), ("2024-04-20", "2024-07-20"), ("2024-08-10", "2024-11-10"))


@pytest.fixture
def firms(books):
    """Five firms with turnover and other business: C1 draws, C2 is paid."""
    for number in range(1, 6):
        books.customer(number, "corporate", income=50_000_000, born_on=day("2010-01-01"))
        for other in range(8):
            books.pay(f"X{other}", f"A{number}", 100 + other, at("2024-03-03"))
    return books


def found(find, books, without=()):
    return find("risk_acceptance", books, RULES, window=YEAR, without=without)


def drawn(books, payee="A2", discounted=True, **changes):
    for i, (accepted, due) in enumerate(DATES):
        books.bill(10 + i, "C1", payee, 100_000, accepted, due, **changes)
        if discounted:
            books.discount(10 + i, payee, 98_000, accepted)


def home(books, way, parts=1, share=0.98):
    for accepted, _due in DATES:
        left = 98_000 / parts
        for hop, (payer, payee) in enumerate(pairwise(way)):
            left *= share
            for part in range(parts):
                books.pay(payer, payee, round(left + part, 2), at(accepted, 12 + hop, part))


@pytest.mark.parametrize(
    ("way", "parts"),
    [
        (["A2", "A1"], 1),
        (["A2", "A1"], 2),
        (["A2", "A3", "A1"], 1),
        (["A2", "A3", "A4", "A5", "A1"], 1),
    ],
)
def test_proceeds_that_come_home_are_followed_over_any_number_of_accounts(find, firms, way, parts):
    drawn(firms)
    home(firms, way, parts)
    (case,) = found(find, firms)
    assert case.anchors == ["C1"] and {"proceeds_come_back", "pays_the_next_margin"} <= set(
        case.reasons
    )
    moves = case.reasons["proceeds_come_back"].rows
    assert (moves["source"] == "transactions").sum() == 3 * parts * (len(way) - 1)
    assert case.roles["C1"] == "drawer" and case.roles["C2"] == "payee"


def test_a_way_that_ends_in_a_payment_made_too_late_is_none(find, firms):
    drawn(firms)
    for accepted, _due in DATES:
        firms.pay("A2", "A3", 97_000, at(accepted, 12))
    firms.pay("A3", "A1", 96_000, at("2024-12-20"))
    assert found(find, firms) == []


def test_a_way_longer_than_the_limit_is_not_followed(find, firms):
    firms.customer(6, "corporate")
    drawn(firms)
    home(firms, ["A2", "A3", "A4", "A5", "A6", "A1"])
    assert found(find, firms) == []


def test_a_rebate_and_a_payee_who_pays_its_suppliers_are_no_case(find, firms):
    drawn(firms)
    home(firms, ["A2", "A1"], share=0.04)
    home(firms, ["A2", "X77"])
    assert found(find, firms) == []


def test_the_papers_behind_bills(find, firms):
    firms.bill(1, "C1", "A2", 100_000, "2024-02-01", "2024-05-01", status="cancelled", invoiced=0.5)
    firms.bill(2, "C2", "A3", 100_000, "2024-02-01", "2024-05-01")
    firms.bill(3, "C2", "A3", 100_000, "2024-06-01", "2024-09-01", invoice="I2", contract=None)
    firms.bill(4, "C3", "A4", 60_000_000, "2024-06-01", "2024-09-01", invoice=None, contract=None)
    firms.bill(5, "C4", "A5", 100_000, "2024-06-01", "2024-09-01", invoice=None)
    cases = {c.anchors[0]: set(c.reasons) for c in found(find, firms)}
    assert cases == {
        "C1": {"invoice_cancelled", "invoice_differs"},
        "C2": {"invoice_used_twice", "no_contract"},
        "C3": {"no_papers", "beyond_turnover"},
    }


def test_without_the_invoices_table_its_signals_are_left_out_and_the_rest_works(find, firms):
    drawn(firms, contract=None)
    home(firms, ["A2", "A1"])
    (case,) = found(find, firms, without=("invoices",))
    assert "no_contract" in case.reasons and not {"no_papers", "invoice_differs"} & set(
        case.reasons
    )
    assert found(find, firms, without=("bill_events",)) == []  # in order but for the contract


def test_a_supplier_of_ones_own_group_with_invoices_is_no_case_and_adds_to_one(find, firms):
    firms.rows["customers"][0]["phone"] = firms.rows["customers"][1]["phone"] = "139"
    drawn(firms)
    assert found(find, firms) == []
    firms.rows["invoices"][0]["status"] = "cancelled"
    (case,) = found(find, firms)
    assert set(case.reasons) == {"invoice_cancelled", "related_parties"}


def test_three_drawers_in_a_circle_are_a_case_and_two_trading_partners_are_none(find, firms):
    for i, (accepted, due) in enumerate(DATES[:2]):
        firms.bill(20 + i, "C4", "A5", 100_000, accepted, due)
        firms.bill(30 + i, "C5", "A4", 100_000, accepted, due)
    assert found(find, firms) == []
    for i, (accepted, due) in enumerate(DATES[:2]):
        for n, (one, other) in enumerate((("C1", "A2"), ("C2", "A3"), ("C3", "A1"))):
            firms.bill(40 + 10 * n + i, one, other, 100_000, accepted, due)
    (case,) = found(find, firms)
    assert case.anchors == ["C1", "C2", "C3"] and set(case.reasons) == {"drawers_in_a_circle"}


def test_rolling_a_new_company_and_no_other_business_add_to_missing_papers(find, books):
    books.customer(1, "corporate", income=50_000_000, born_on=day("2023-12-01"))
    for number, (accepted, due) in enumerate(
        (("2024-01-10", "2024-04-10"), ("2024-04-09", "2024-07-09"), ("2024-07-08", "2024-10-08"))
    ):
        books.bill(number, "C1", "X5", 100_000, accepted, due, invoice=None, contract=None)
    (case,) = found(find, books)
    assert set(case.reasons) == {"no_papers", "rolled_over", "new_company", "no_other_business"}


def test_a_seasonal_buyer_is_no_case(find, firms):
    firms.bill(1, "C1", "X5", 30_000_000, "2024-10-08", "2025-04-08")
    firms.discount(1, "X5", 29_000_000, "2024-10-20")
    assert found(find, firms) == []


def test_an_empty_bank_has_no_cases(find):
    assert found(find, Books()) == []
