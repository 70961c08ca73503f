import datetime as dt

import pytest

from analysis.sources.params import CardCashout
from tests.risk.books import Books, at

RULES = CardCashout()


def cycle(books, number, card, shop, day, amounts=(3000, 3100, 3200), hour=12):
    """Repaid in the morning, emptied within three days."""
    books.pay(f"A{number}", card, sum(amounts), at(day, 8))
    for i, amount in enumerate(amounts):
        books.buy(card, shop, amount, at(day, hour) + dt.timedelta(days=i))


def give_back(books, owner, number, day, amounts, fee=0.02, through=None):
    for i, amount in enumerate(amounts):
        when = at(day, 14) + dt.timedelta(days=i + 1)
        if through:
            books.pay(owner, through, round(amount * (1 - fee), 2), when)
            books.pay(
                through,
                f"A{number}",
                round(amount * (1 - fee) * 0.997, 2),
                when + dt.timedelta(days=1),
            )
        else:
            books.pay(owner, f"A{number}", round(amount * (1 - fee), 2), when)


def found(find, books):
    return find("risk_card_cashout", books, RULES)


def holder(books, number=1, limit=10_000):
    books.customer(number)
    return books.card(number, limit)


def test_emptied_repaid_and_emptied_again_in_round_amounts_is_a_case(find, books):
    books.shop("M1")
    card = holder(books)
    for day in ("2024-08-03", "2024-09-05", "2024-10-04"):
        cycle(books, 1, card, "M1", day, (2998, 3000, 2999))
    (case,) = found(find, books)
    assert case.anchors == ["C1"] and case.roles == {"C1": "holder"} and case.amount == 26991.0
    assert {"emptied_after_repayment", "round_in_a_row"} <= set(case.reasons)
    assert len(case.reasons["emptied_after_repayment"].rows) == 9


def test_money_from_the_owner_less_a_fee_is_a_case_and_evidence_names_the_purchase(find, books):
    books.customer(2)
    books.shop("M1", "C2")
    card = holder(books)
    for day in ("2024-08-03", "2024-10-04"):
        cycle(books, 1, card, "M1", day)
        give_back(books, "A2", 1, day, (3000, 3100, 3200))
    (case,) = found(find, books)
    assert case.anchors == ["C2"] and case.roles == {"C1": "holder", "C2": "merchant"}
    back = case.reasons["returned_by_owner"].rows
    assert len(back) == 6 and set(back["payer"]) == {"C2"} and set(back["payee"]) == {"C1"}
    bought = {
        r["transaction_id"] for r in books.rows["transactions"] if r["kind"] == "card_payment"
    }
    assert set(back["note"]) == bought and case.facts["given_back"] == pytest.approx(0.98 * 18600)


def test_money_back_over_a_relative_is_followed(find, books):
    books.customer(2)
    books.customer(3)
    books.shop("M1", "C2")
    card = holder(books)
    for day in ("2024-08-03", "2024-10-04"):
        cycle(books, 1, card, "M1", day)
        give_back(books, "A2", 1, day, (3000, 3100, 3200), through="A3")
    (case,) = found(find, books)
    assert case.roles == {"C1": "holder", "C2": "merchant", "C3": "between"}
    assert len(case.reasons["returned_by_owner"].rows) == 12  # to the relative, and on


def test_holders_of_one_merchant_are_one_case_though_each_emptied_only_once(find, books):
    books.customer(2)
    books.shop("M1", "C2")
    for number in (11, 12, 13):
        cycle(books, number, holder(books, number), "M1", f"2024-10-{number}")
        give_back(books, "A2", number, f"2024-10-{number}", (3000, 3100, 3200)[:1])
    (case,) = found(find, books)
    assert case.facts["cards"] == 3 and {
        "returned_by_owner",
        "emptied_once",
        "merchant_of_such_cards",
    } <= set(case.reasons)


def shopkeeper(books, card):
    for week in range(20):
        books.buy(card, "M1", 2000, at("2024-07-01") + dt.timedelta(weeks=week))
        if week % 4 == 3:
            books.pay("A1", card, 8000, at("2024-07-02") + dt.timedelta(weeks=week))


def heavy_user(books, card):
    for month in range(7, 13):
        for i in range(9):
            books.buy(card, "M1", 1000.5 + i, at(f"2024-{month:02d}-{3 * i + 2:02d}"))
        books.pay("A1", card, 9040.5, at(f"2024-{month:02d}-28", 20))


def trip(books, card):
    for i in range(9):
        books.buy(card, "M1", 900.0 + 7 * i, at(f"2024-10-{i + 1:02d}", 3 if i == 4 else 12))
    books.pay("A1", card, 8352, at("2024-11-09"))


def goods_taken_back(books, card):
    for day in ("2024-10-03", "2024-11-20"):
        books.buy(card, "M1", 3999, at(day))
        books.pay("A2", "A1", 3999, at(day) + dt.timedelta(days=4))


def wages(books, card):
    for month in range(7, 13):
        books.buy(card, "M1", 300 + month, at(f"2024-{month:02d}-05"))
        books.pay("A2", "A1", 6000, at(f"2024-{month:02d}-09"))


@pytest.mark.parametrize("lives", [shopkeeper, heavy_user, trip, goods_taken_back, wages])
def test_innocent_lives_are_no_case(find, books, lives):
    books.customer(2)
    books.shop("M1", "C2")
    lives(books, holder(books))
    assert found(find, books) == []


def test_missing_merchants_and_equal_amounts_do_no_harm(find, books):
    card = holder(books)
    for day in ("2024-08-03", "2024-09-05", "2024-10-04"):
        cycle(books, 1, card, None, day, (4500, 4500))
    (case,) = found(find, books)
    assert set(case.reasons) == {"emptied_after_repayment", "near_limit"} and case.about == ""


def test_a_card_on_a_current_account_is_not_judged(find, books):
    books.customer(1)
    books.shop("M1")
    books.add(
        "cards", card_id="K", account_id="A1", customer_id="C1", kind="credit", credit_limit=10_000
    )
    for day in ("2024-08-03", "2024-09-05", "2024-10-04"):
        books.pay("X7", "A1", 9000, at(day, 8))
        books.buy("A1", "M1", 9000, at(day))
    assert found(find, books) == []


def test_night_regions_swipes_and_category_add_to_it(find, books):
    books.shop("M1", category="5812")
    books.shop("M2", category="5812", region="West")
    for number in range(30, 60):  # what a snack bar usually takes
        books.customer(number)
        for _ in range(3):
            books.buy(f"A{number}", "M1", 20, at("2024-08-01"))
    card = holder(books)
    for day in ("2024-09-05", "2024-10-04"):
        books.pay("A1", card, 9000, at(day, 1))
        for i in range(4):
            books.buy(card, "M1", 2211.5, at(day, 3, i))
        books.buy(card, "M2", 600, at(day, 4))
    (case,) = found(find, books)
    assert {"at_night", "many_swipes_a_day", "out_of_category", "two_regions"} <= set(case.reasons)


def test_an_empty_bank_has_no_cases(find):
    assert found(find, Books()) == []
