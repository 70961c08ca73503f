import ibis
import pytest

from analysis.risk.mortgage import held_applications, pending
from analysis.risk.related import LINKS, links
from analysis.sources.params import Mortgage
from tests.risk.books import HALF_YEAR, Books, at

RULES = Mortgage()
MONTHS = ("2024-10", "2024-11", "2024-12")


def paid_by(
    books,
    payer,
    borrowers,
    months=MONTHS,
    amount=3000.0,
    sites=("Lake",),
    developers=("D1",),
    on="16",
    **loan,
):
    for i, number in enumerate(borrowers):
        books.customer(number, employer=loan.get("employer"))
        books.mortgage(
            number,
            sites[i % len(sites)],
            developers[i % len(developers)],
            **{k: v(number) if callable(v) else v for k, v in loan.items() if k != "employer"},
        )
        for month in months:
            books.pay(payer, f"A{number}", amount, at(f"{month}-{on}"))


def found(find, books):
    return find("risk_mortgage", books, RULES)


def test_three_borrowers_at_one_compound_are_a_case_with_every_payment_as_evidence(find, books):
    payer = books.customer(1)
    paid_by(books, "A1", (11, 12, 13))
    (case,) = found(find, books)
    assert case.anchors == [payer] and case.about == "Lake" and case.amount == 27000.0
    assert set(case.reasons) == {"one_payer_for_many", "same_site"}
    assert case.roles == {"C1": "payer", "C11": "borrower", "C12": "borrower", "C13": "borrower"}
    rows = case.reasons["one_payer_for_many"].rows
    assert (
        len(rows) == 9
        and set(rows["payer"]) == {"C1"}
        and set(rows["note"]) == {"L11", "L12", "L13"}
    )


@pytest.mark.parametrize(
    ("borrowers", "changes"),
    [
        ((11, 12), {}),  # a parent of two
        ((11, 12, 13, 14, 15), {"sites": "abcde", "developers": "12345"}),  # scattered
        ((11, 12, 13), {"months": ("2024-12",)}),  # once
        ((11, 12, 13), {"amount": 1500.0}),  # an allowance
        ((11, 12, 13), {"on": "01"}),  # on pay day
        ((11, 12, 13), {"co_borrower_id": "C1"}),  # joint borrowers
        ((11, 12, 13), {"sites": (None,), "developers": (None,)}),  # no property address
    ],
)
def test_what_looks_like_it_and_is_not_is_no_case(find, books, borrowers, changes):
    books.customer(1)
    paid_by(books, "A1", borrowers, **changes)
    assert found(find, books) == []


def test_who_pays_a_few_days_late_every_month_is_seen_and_who_pays_far_from_the_due_day_is_not(
    find, books
):
    books.customer(1)
    paid_by(
        books, "A1", (11, 12, 13), months=("2024-09", "2024-10", "2024-11"), on="23"
    )  # due on the 20th
    (case,) = found(find, books)
    assert len(case.reasons["one_payer_for_many"].rows) == 9
    assert find("risk_mortgage", books, RULES.model_copy(update={"late_days": 2})) == []


def test_fees_collected_from_borrowers_flow_the_other_way(find, books):
    books.customer(1)
    for number in (11, 12, 13, 14):
        books.customer(number)
        books.mortgage(number)
        for month in MONTHS:
            books.pay(f"A{number}", "A1", 3000, at(f"{month}-16"))
    assert found(find, books) == []


def test_a_payer_at_another_bank_and_two_accounts_of_one_owner_count_as_one(find, books):
    paid_by(books, "X1", (11, 12, 13))
    books.customer(2)
    books.account("A2b", "C2")
    paid_by(books, "A2", (21, 22), sites=("Hill",))
    paid_by(books, "A2b", (23,), sites=("Hill",))
    assert [c.anchors for c in found(find, books)] == [["C2"], ["X1"]]


def test_one_hop_more_leads_to_the_source(find, books):
    books.customer(1)
    for front, borrowers in ((2, (11, 12)), (3, (13, 14))):
        books.customer(front)
        paid_by(books, f"A{front}", borrowers)
        for month in MONTHS:
            books.pay("A1", f"A{front}", 6100, at(f"{month}-14"))
    (case,) = found(find, books)
    assert case.anchors == ["C1"] and "over_others" in case.reasons
    assert {p: r for p, r in case.roles.items() if r != "borrower"} == {
        "C1": "funder",
        "C2": "payer",
        "C3": "payer",
    }


def test_an_employer_who_pays_the_payers_wages_is_no_source(find, books):
    books.customer(1, "corporate")
    for front, borrowers in ((2, (11, 12)), (3, (13, 14))):
        books.customer(front)
        paid_by(books, f"A{front}", borrowers)
        for month in MONTHS:
            books.book(
                f"A{front}", 6100, at(f"{month}-14"), counterparty_account="A1", kind="salary"
            )
    assert found(find, books) == []


def test_payers_of_one_household_count_as_one_group_and_a_number_that_many_share_does_not_bind(
    find, books
):
    for payer, borrowers in ((1, (11, 12)), (2, (13, 14))):
        books.customer(payer, phone="1380000")
        paid_by(books, f"A{payer}", borrowers)
    (case,) = found(find, books)
    assert case.anchors == ["C1", "C2"] and "payers_related" in case.reasons
    for other in range(50, 56):
        books.customer(other, phone="1380000")
    assert found(find, books) == []


def test_an_instalment_paid_in_parts_adds_up(find, books):
    books.customer(1)
    paid_by(books, "A1", (11, 12, 13), amount=1400.0)
    paid_by_again = [(n, m) for n in (11, 12, 13) for m in MONTHS]
    for number, month in paid_by_again:
        books.pay("A1", f"A{number}", 1600, at(f"{month}-17"))
    (case,) = found(find, books)
    assert "paid_in_parts" in case.reasons and case.amount == 27000.0


def test_bookings_reversed_or_doubled_do_not_count(find, books):
    books.customer(1)
    paid_by(books, "A1", (11, 12, 13))
    twice = [r for r in books.rows["transactions"] if r["account_id"] == "A11"]
    for row in twice:  # the same booking delivered again under another number
        books.add("transactions", **{**row, "transaction_id": row["transaction_id"] + "b"})
    (case,) = found(find, books)
    assert case.amount == 27000.0
    for number in (11, 12, 13):
        for month in MONTHS[:2]:
            books.pay(f"A{number}", "A1", 3000, at(f"{month}-16", 15))
    assert found(find, books) == []


def test_transfers_to_oneself_and_without_a_counterparty_are_passed_over(find, books):
    for number in (11, 12, 13):
        books.customer(number)
        books.mortgage(number)
        for month in MONTHS:
            books.pay(f"A{number}", f"A{number}", 3000, at(f"{month}-16"))
            books.book(f"A{number}", 3000, at(f"{month}-16"))
    assert found(find, books) == []


def test_further_signals_become_reasons(find, books):
    books.customer(1)
    paid_by(
        books,
        "A1",
        (11, 12, 13),
        employer="D1",
        filed_on=at("2023-03-01").date(),
        down_payment_account="A1",
        status="late",
    )
    (case,) = found(find, books)
    assert set(case.reasons) == {
        "one_payer_for_many",
        "same_site",
        "employed_by_developer",
        "filed_together",
        "same_down_payment",
        "several_late",
    }


def test_related_applications_are_held_each_with_its_reasons_and_no_others(find, books, tmp_path):
    books.customer(1, phone="5")
    paid_by(books, "A1", (11, 12, 13))
    books.customer(30, phone="5")
    for name, *rest in [
        ("Q1", "C9", "Lake", "D1"),
        ("Q2", "C9", "Hill", "D1"),
        ("Q3", "C11", "Far", "D9"),
        ("Q4", "C9", "Far", "D9"),
        ("Q5", "C30", None, None),
        ("Q6", "C9", None, None),
    ]:
        books.pending(name, *rest)
    books.pending("Q7", "C9", "Far", "D9", down_payment_account="A1")
    (case,) = found(find, books)
    tables = books.tables(ibis.duckdb.connect(), tmp_path / "again")
    held = held_applications(
        pending(tables, HALF_YEAR), case, {"A1"}, links(tables, case.roles, LINKS)
    )
    assert dict(zip(held["application_id"], held["reasons"], strict=True)) == {
        "Q1": "same_compound same_developer",
        "Q2": "same_developer",
        "Q3": "party_of_the_case",
        "Q5": "related_to_a_party",
        "Q7": "party_of_the_case",
    }


def test_an_empty_bank_has_no_cases(find):
    assert found(find, Books()) == []
