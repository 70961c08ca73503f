"""Credit cards that are emptied again and again, and holders who look like it."""

import numpy as np

from analysis.demo import plan
from analysis.demo.schemes.planting import CARDS, DAY, MERCHANTS, NIGHT, NOON, Schemes

KIND = "risk_card_cashout"


def _card(s: Schemes, customer: int, limit: int | None = None) -> tuple[int, int]:
    """A credit card with an account of its own: the account and its limit."""
    limit = limit or int(s.rng.choice([20_000, 30_000, 50_000, 80_000]))
    s.cards.append((customer, limit))
    return CARDS + s.people.first + customer, limit


def _shop(s: Schemes, category: str, owner: int = -1) -> int:
    number = MERCHANTS + s.chunk * 200 + len(s.merchants)
    s.merchants.append((number, category, plan.REGIONS[int(s.rng.integers(0, 5))], owner))
    return number


def _cycle(
    s: Schemes,
    customer: int,
    card: tuple[int, int],
    shop: int,
    day: np.datetime64,
    swipes: int,
    near_round: bool,
    hours: tuple[int, int] = NOON,
) -> list[tuple[float, int]]:
    """Repay, and empty again within days; the purchases made."""
    account, limit = card
    s.pay(
        s.account(customer),
        account,
        limit * s.between(0.86, 0.97),
        s.moment(day, (8, 12)),
        "instalment",
    )
    left, purchases = limit * s.between(0.88, 0.97), []
    for i in range(swipes):
        amount = left / (swipes - i) * s.between(0.92, 1.0)
        amount = round(amount, -2) - s.rng.choice([0, 1, 2]) if near_round else round(amount, 2)
        left -= amount
        at = s.moment(day + int(s.rng.integers(1, 4)), hours)
        s.buy(account, shop, amount, at)
        purchases.append((float(amount), at))
    return purchases


def _month_days(s: Schemes, first: str, months: int, low: int, high: int) -> list[np.datetime64]:
    start = np.datetime64(first, "M")
    return [
        (start + i).astype("datetime64[D]") + int(s.rng.integers(low, high)) for i in range(months)
    ]


def _returned(
    s: Schemes, payer: int, customer: int, purchases: list[tuple[float, int]], through: int = -1
) -> None:
    """The merchant's owner gives the money back, less a fee."""
    for amount, at in purchases:
        back, when = amount * (1 - s.between(0.006, 0.025)), at + int(s.rng.integers(1, 4)) * DAY
        if through < 0:
            s.pay(payer, s.account(customer), back, when)
        else:
            s.pay(payer, through, back, when)
            s.pay(
                through,
                s.account(customer),
                back * (1 - s.between(0, 0.004)),
                when + int(s.rng.integers(1, 3)) * DAY,
            )


def _one_holder(s: Schemes) -> None:
    """One holder, a merchant who is no customer, five months in a row, cleared too early."""
    (holder,) = s.take("persons")
    card = _card(s, holder)
    shop = _shop(s, "5812")
    for day in _month_days(s, "2024-08", 5, 3, 22):
        _cycle(s, holder, card, shop, day, int(s.rng.integers(3, 6)), True)
    s.planted(KIND, "one_holder", True, [card[0]])


def _ring(s: Schemes) -> None:
    """A ring around a snack bar, at night, from the second quarter of the year on."""
    (owner,) = s.take("firms")
    shop, holders = _shop(s, "5812", owner), s.take("persons", 6)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        for day in _month_days(s, "2024-05", 8, 2, 24):
            purchases = _cycle(
                s,
                holder,
                card,
                shop,
                day,
                int(s.rng.integers(2, 5)),
                True,
                NIGHT if s.rng.random() < 0.6 else NOON,
            )
            _returned(s, s.account(owner), holder, purchases)
    s.planted(KIND, "ring", True, [s.account(owner), *[c[0] for c in cards]])


def _two_shops(s: Schemes) -> None:
    """Two shops of one owner take turns."""
    (owner,) = s.take("firms")
    shops, holders = [_shop(s, "5732", owner), _shop(s, "5541", owner)], s.take("persons", 5)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        for i, day in enumerate(_month_days(s, "2024-08", 5, 2, 24)):
            purchases = _cycle(s, holder, card, shops[i % 2], day, 3, False)
            _returned(s, s.account(owner), holder, purchases)
    s.planted(KIND, "two_shops", True, [s.account(owner), *[c[0] for c in cards]])


def _over_a_relative(s: Schemes) -> None:
    """The money goes back over a relative of the owner."""
    owner, relative = s.take("firms")[0], s.take("persons")[0]
    shop, holders = _shop(s, "5311", owner), s.take("persons", 4)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        for day in _month_days(s, "2024-09", 4, 2, 22):
            purchases = _cycle(s, holder, card, shop, day, 4, False)
            _returned(s, s.account(owner), holder, purchases, s.account(relative))
    s.planted(
        KIND,
        "over_a_relative",
        True,
        [s.account(owner), s.account(relative), *[c[0] for c in cards]],
    )


def _once_a_quarter(s: Schemes) -> None:
    """Only one cycle a quarter, amounts of no pattern, part of it given back."""
    owner, holder = s.take("firms")[0], s.take("persons")[0]
    shop, card = _shop(s, "5411", owner), _card(s, holder, 50_000)
    for first in ("2024-08", "2024-11"):
        purchases = _cycle(s, holder, card, shop, _month_days(s, first, 1, 4, 20)[0], 4, False)
        _returned(s, s.account(owner), holder, purchases[:2])
    s.planted(KIND, "once_a_quarter", True, [s.account(owner), card[0]])


def _each_card_once(s: Schemes) -> None:
    """Many cards, each emptied only once, all by one shop that gives the money back."""
    (owner,) = s.take("firms")
    shop, holders = _shop(s, "7011", owner), s.take("persons", 9)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        purchases = _cycle(
            s,
            holder,
            card,
            shop,
            np.datetime64("2024-10-05") + int(s.rng.integers(0, 75)),
            2,
            False,
        )
        _returned(s, s.account(owner), holder, purchases)
    s.planted(KIND, "each_card_once", True, [s.account(owner), *[c[0] for c in cards]])


def _ordinary(
    s: Schemes,
    customer: int,
    card: tuple[int, int],
    first: str,
    months: int,
    share: float,
    swipes: int,
    full: bool = True,
) -> None:
    """Purchases over the whole month at shops of the bank, paid back on a day of the next."""
    account, limit = card
    spent = 0.0
    pay_day = int(s.rng.integers(4, 24))
    for start in np.datetime64(first, "M") + np.arange(months):
        begins = start.astype("datetime64[D]")
        if spent:
            s.pay(
                s.account(customer),
                account,
                spent if full else spent * s.between(0.3, 0.9),
                s.moment(begins + pay_day),
                "instalment",
            )
            spent = 0.0
        for size in s.rng.dirichlet(np.full(swipes, 1.5)):
            amount = round(limit * share * s.between(0.8, 1.1) * float(size), 2)
            s.buy(
                account,
                int(s.rng.integers(0, 20)),
                max(amount, 5.0),
                s.moment(begins + int(s.rng.integers(0, 28))),
            )
            spent += amount


def _shopkeeper(s: Schemes) -> None:
    """A shopkeeper buys stock at the same wholesaler every week, in round amounts, and pays
    in full.
    """
    keeper, wholesaler = s.take("traders")[0], s.take("firms")[0]
    card, shop = _card(s, keeper, 80_000), _shop(s, "5311", wholesaler)
    for day in np.datetime64("2024-01-03") + 7 * np.arange(51):
        s.buy(card[0], shop, float(s.rng.choice([12_000, 15_000, 16_000, 18_000])), s.moment(day))
        if day.astype("datetime64[M]") != (day + 7).astype("datetime64[M]"):
            s.pay(s.account(keeper), card[0], 65_000, s.moment(day + 1), "instalment")
    s.planted(KIND, "shopkeeper", False, [card[0], s.account(wholesaler)])


def _insurance_and_tuition(s: Schemes) -> None:
    """Insurance and tuition once a year, round and near the limit."""
    (parent,) = s.take("persons")
    card = _card(s, parent, 30_000)
    _ordinary(s, parent, card, "2024-01", 12, 0.1, 5)
    s.buy(card[0], _shop(s, "6300"), 12_000, s.moment("2024-10-12"))
    s.buy(card[0], _shop(s, "8211"), 15_000, s.moment("2024-10-14"))
    s.pay(s.account(parent), card[0], 27_000, s.moment("2024-11-06"), "instalment")
    s.planted(KIND, "insurance_and_tuition", False, [card[0]])


def _family_trip(s: Schemes) -> None:
    """One expensive trip: many swipes, several places, some at night."""
    (traveller,) = s.take("persons")
    card = _card(s, traveller, 50_000)
    _ordinary(s, traveller, card, "2024-01", 12, 0.15, 6)
    hotels = [_shop(s, "7011"), _shop(s, "5812"), _shop(s, "5311")]
    for i in range(14):
        s.buy(
            card[0],
            hotels[i % 3],
            round(s.between(800, 4_500), 2),
            s.moment(np.datetime64("2024-10-01") + i // 2, NIGHT if i == 5 else NOON),
        )
    s.pay(s.account(traveller), card[0], 36_000, s.moment("2024-11-08"), "instalment")
    s.planted(KIND, "family_trip", False, [card[0]])


def _heavy_user(s: Schemes) -> None:
    """Heavy but ordinary users who use nearly all of it every month and pay in full."""
    for _ in range(2):
        (heavy,) = s.take("persons")
        card = _card(s, heavy)
        _ordinary(s, heavy, card, "2024-01", 12, 0.9, 14)
        s.planted(KIND, "heavy_user", False, [card[0]])


def _staff_of_the_shop(s: Schemes) -> None:
    """A member of staff who shops where he works and is paid there."""
    owner, staff = s.take("firms")[0], s.take("persons")[0]
    card, shop = _card(s, staff, 20_000), _shop(s, "5411", owner)
    for start in np.datetime64("2024-01", "M") + np.arange(12):
        begins = start.astype("datetime64[D]")
        for _ in range(5):
            s.buy(
                card[0],
                shop,
                round(s.between(60, 900), 2),
                s.moment(begins + int(s.rng.integers(0, 27))),
            )
        s.pay(
            s.account(owner),
            s.account(staff),
            6_200 * s.between(0.97, 1.03),
            s.moment(begins + 9),
            "salary",
            "salary",
        )
        s.pay(s.account(staff), card[0], 2_200, s.moment(begins + 27), "instalment")
    s.planted(KIND, "staff_of_the_shop", False, [card[0], s.account(owner)])


def _goods_taken_back(s: Schemes) -> None:
    """A shop that takes goods back and pays the whole price."""
    owner, buyer = s.take("firms")[0], s.take("persons")[0]
    card, shop = _card(s, buyer, 30_000), _shop(s, "5732", owner)
    _ordinary(s, buyer, card, "2024-01", 12, 0.2, 6)
    for day in ("2024-10-03", "2024-11-20"):
        s.buy(card[0], shop, 8_999, s.moment(day))
        s.pay(s.account(owner), s.account(buyer), 8_999, s.moment(np.datetime64(day) + 4))
    s.planted(KIND, "goods_taken_back", False, [card[0], s.account(owner)])


def _ordinary_holders(s: Schemes) -> None:
    """Holders of whom nothing is to be said."""
    for customer in s.take("persons", min(40, len(s.pools["persons"]) // 8)):
        full = bool(s.rng.random() < 0.7)
        _ordinary(
            s,
            customer,
            _card(s, customer),
            "2023-10",
            15,
            s.between(0.05, 0.6),
            int(s.rng.integers(3, 12)),
            full,
        )


#: In the order in which they are planted.
CASES = (
    _one_holder,
    _ring,
    _two_shops,
    _over_a_relative,
    _once_a_quarter,
    _each_card_once,
)
LOOK_ALIKES = (
    _shopkeeper,
    _insurance_and_tuition,
    _family_trip,
    _heavy_user,
    _staff_of_the_shop,
    _goods_taken_back,
    _ordinary_holders,
)
