"""What the investigations are to find in the demo bank beside the mortgages, and the innocent
look-alikes of each kind.

Cash-out of credit cards, illegal fund-raising and illegal acceptance of bills, each in several
variants: over branches and quarters, with amounts that vary, with one hop more than usual, or
incomplete. What is planted is written to `truth/`; no code that judges the bank's data reads it.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.demo import plan
from analysis.demo.columns import amounts, days, numbered
from analysis.demo.entries import Entries
from analysis.demo.lending import EXTERNAL
from analysis.demo.people import END, GROUPS, QUARTERS, People, branch_ids
from analysis.risk.kinds import alert_id

CARDS = 8_000_000_000  # numbers of card accounts: this and the customer's
OUTSIDE = EXTERNAL + 5 * 10**7  # accounts at other banks that only schemes use
LICENSED = EXTERNAL + 4 * 10**7 + 1  # the account of a licensed product; the params file names it
MERCHANTS = 900_000  # numbers of the merchants planted here
PAPERS = 80_000_000  # numbers of the bills, invoices and events planted here
DAY = 86_400
NIGHT, NOON = (2, 5), (8, 20)


@dataclass
class Schemes:
    """What was planted: entries of all quarters, rows of other tables, and what is true."""

    rng: np.random.Generator
    people: People
    chunk: int
    pools: dict[str, list[int]]
    entries: Entries = field(default_factory=Entries)
    cards: list[tuple[int, int]] = field(default_factory=list)  # customer, limit
    merchants: list[tuple[int, str, str, int]] = field(
        default_factory=list
    )  # number, category, region, owner or -1
    bills: list[dict[str, object]] = field(default_factory=list)
    invoices: list[dict[str, object]] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    overrides: dict[str, dict[int, object]] = field(
        default_factory=dict
    )  # column of customers to customer to value
    truth: list[dict[str, object]] = field(default_factory=list)
    outside: int = 0

    def take(self, pool: str, count: int = 1) -> list[int]:
        """Customers that nothing else is planted on."""
        return [self.pools[pool].pop() for _ in range(count)]

    def some(self, groups: Sequence[str], count: int) -> np.ndarray:
        """Customers of these groups who may be in several things."""
        wanted = [i for i, g in enumerate(GROUPS) if g.name in groups]
        people = self.people
        there = np.flatnonzero(
            np.isin(people.group, wanted) & (people.joined == 0) & (people.left == len(QUARTERS))
        )
        return self.rng.choice(there, min(count, len(there)), replace=False)

    def account(self, customer: int) -> int:
        """The customer's current account."""
        return int(self.people.account[customer])

    def elsewhere(self, count: int = 1) -> list[int]:
        """Accounts at other banks."""
        self.outside += count
        return [OUTSIDE + self.chunk * 100_000 + self.outside - i for i in range(count)]

    def name(self, number: int) -> str:
        """The party an account number stands for: our customer, or the account elsewhere."""
        if number >= EXTERNAL:
            return f"X{number:010d}"
        return f"C{(number - CARDS) if number >= CARDS else number // 2:08d}"

    def planted(self, kind: str, variant: str, is_case: bool, accounts: Sequence[int]) -> None:
        """Write down what was planted, with the parties by which it can be told."""
        self.truth.append(
            {
                "kind": kind,
                "variant": variant,
                "is_case": is_case,
                "parties": sorted({self.name(a) for a in accounts}),
            }
        )

    def moment(self, day: "str | np.datetime64[Any]", hours: tuple[int, int] = NOON) -> int:
        """A moment of the day, in seconds since 1970."""
        hour = self.rng.integers(*hours)
        return (
            int(np.array(day, dtype="datetime64[D]").astype(np.int64)) * DAY
            + int(hour) * 3600
            + int(self.rng.integers(0, 3600))
        )

    def pay(
        self,
        payer: int,
        payee: int,
        amount: float,
        second: int,
        memo: str = "transfer",
        kind: str = "transfer",
    ) -> None:
        """A payment between accounts."""
        if second < (int(END.astype(np.int64)) + 1) * DAY and amount >= 0.01:
            self.entries.add_both_sides(
                np.array([payer]),
                np.array([payee]),
                np.array([round(amount * 100)]),
                second=second,
                channel=plan.CHANNEL["online"],
                kind=plan.KIND[kind],
                memo=plan.MEMO[memo],
            )

    def buy(self, account: int, merchant: int, amount: float, second: int) -> None:
        """A purchase by card."""
        if second < (int(END.astype(np.int64)) + 1) * DAY:
            self.entries.add(
                np.array([account]),
                second=second,
                cents=-round(amount * 100),
                channel=plan.CHANNEL["pos"],
                kind=plan.KIND["card_payment"],
                merchant=merchant,
                memo=plan.MEMO["purchase"],
            )

    def between(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))

    def override(self, column: str, customers: Sequence[int], value: object) -> None:
        """The same value in a column of `customers`."""
        self.overrides.setdefault(column, {}).update(dict.fromkeys(customers, value))


def plant(rng: np.random.Generator, people: People, used: set[int], chunk: int) -> Schemes:
    """Everything planted in a chunk; nothing where it has too few customers. used: customers of the
    mortgage arrangements.
    """
    stays = (
        (people.joined == 0)
        & (people.left == len(QUARTERS))
        & (people.happens["slept_and_woke"] == len(QUARTERS))
    )
    free = stays & ~np.isin(np.arange(len(people)), list(used))
    groups = {
        "persons": ["salaried", "young_digital", "affluent"],
        "traders": ["traders"],
        "firms": ["small_firms"],
        "large": ["large_firms"],
    }
    pools = {}
    for name, wanted in groups.items():
        numbers = [i for i, g in enumerate(GROUPS) if g.name in wanted]
        pools[name] = rng.permutation(
            np.flatnonzero(free & np.isin(people.group, numbers))
        ).tolist()
    found = Schemes(rng, people, chunk, pools)
    if len(pools["persons"]) < 200 or len(pools["traders"]) < 30 or len(pools["firms"]) < 45:
        return found
    for step in (_cash_out, _cards_of_others, _fundraising, _collectors, _acceptance, _trade):
        step(found)
    return found


# --- credit cards
# ------------------------------------------------------------------------------------------------


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
    left, made = limit * s.between(0.88, 0.97), []
    for i in range(swipes):
        amount = left / (swipes - i) * s.between(0.92, 1.0)
        amount = round(amount, -2) - s.rng.choice([0, 1, 2]) if near_round else round(amount, 2)
        left -= amount
        at = s.moment(day + int(s.rng.integers(1, 4)), hours)
        s.buy(account, shop, amount, at)
        made.append((float(amount), at))
    return made


def _month_days(s: Schemes, first: str, months: int, low: int, high: int) -> list[np.datetime64]:
    start = np.datetime64(first, "M")
    return [
        (start + i).astype("datetime64[D]") + int(s.rng.integers(low, high)) for i in range(months)
    ]


def _returned(
    s: Schemes, payer: int, customer: int, made: list[tuple[float, int]], through: int = -1
) -> None:
    """The merchant's owner gives the money back, less a fee."""
    for amount, at in made:
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


def _cash_out(s: Schemes) -> None:
    kind = "risk_card_cashout"
    # one holder, a merchant who is no customer, five months in a row, cleared too early
    (holder,) = s.take("persons")
    card = _card(s, holder)
    shop = _shop(s, "5812")
    for day in _month_days(s, "2024-08", 5, 3, 22):
        _cycle(s, holder, card, shop, day, int(s.rng.integers(3, 6)), True)
    s.planted(kind, "one_holder", True, [card[0]])

    # a ring around a snack bar, at night, from the second quarter of the year on
    (owner,) = s.take("firms")
    shop, holders = _shop(s, "5812", owner), s.take("persons", 6)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        for day in _month_days(s, "2024-05", 8, 2, 24):
            made = _cycle(
                s,
                holder,
                card,
                shop,
                day,
                int(s.rng.integers(2, 5)),
                True,
                NIGHT if s.rng.random() < 0.6 else NOON,
            )
            _returned(s, s.account(owner), holder, made)
    s.planted(kind, "ring", True, [s.account(owner), *[c[0] for c in cards]])

    # two shops of one owner take turns
    (owner,) = s.take("firms")
    shops, holders = [_shop(s, "5732", owner), _shop(s, "5541", owner)], s.take("persons", 5)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        for i, day in enumerate(_month_days(s, "2024-08", 5, 2, 24)):
            made = _cycle(s, holder, card, shops[i % 2], day, 3, False)
            _returned(s, s.account(owner), holder, made)
    s.planted(kind, "two_shops", True, [s.account(owner), *[c[0] for c in cards]])

    # the money goes back over a relative of the owner
    owner, relative = s.take("firms")[0], s.take("persons")[0]
    shop, holders = _shop(s, "5311", owner), s.take("persons", 4)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        for day in _month_days(s, "2024-09", 4, 2, 22):
            made = _cycle(s, holder, card, shop, day, 4, False)
            _returned(s, s.account(owner), holder, made, s.account(relative))
    s.planted(
        kind,
        "over_a_relative",
        True,
        [s.account(owner), s.account(relative), *[c[0] for c in cards]],
    )

    # only one cycle a quarter, amounts of no pattern, part of it given back
    owner, holder = s.take("firms")[0], s.take("persons")[0]
    shop, card = _shop(s, "5411", owner), _card(s, holder, 50_000)
    for first in ("2024-08", "2024-11"):
        made = _cycle(s, holder, card, shop, _month_days(s, first, 1, 4, 20)[0], 4, False)
        _returned(s, s.account(owner), holder, made[:2])
    s.planted(kind, "once_a_quarter", True, [s.account(owner), card[0]])

    # many cards, each emptied only once, all by one shop that gives the money back
    (owner,) = s.take("firms")
    shop, holders = _shop(s, "7011", owner), s.take("persons", 9)
    cards = [_card(s, h) for h in holders]
    for holder, card in zip(holders, cards, strict=True):
        made = _cycle(
            s,
            holder,
            card,
            shop,
            np.datetime64("2024-10-05") + int(s.rng.integers(0, 75)),
            2,
            False,
        )
        _returned(s, s.account(owner), holder, made)
    s.planted(kind, "each_card_once", True, [s.account(owner), *[c[0] for c in cards]])


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


def _cards_of_others(s: Schemes) -> None:
    kind = "risk_card_cashout"
    # a shopkeeper buys stock at the same wholesaler every week, in round amounts, and pays in full
    keeper, wholesaler = s.take("traders")[0], s.take("firms")[0]
    card, shop = _card(s, keeper, 80_000), _shop(s, "5311", wholesaler)
    for day in np.datetime64("2024-01-03") + 7 * np.arange(51):
        s.buy(card[0], shop, float(s.rng.choice([12_000, 15_000, 16_000, 18_000])), s.moment(day))
        if day.astype("datetime64[M]") != (day + 7).astype("datetime64[M]"):
            s.pay(s.account(keeper), card[0], 65_000, s.moment(day + 1), "instalment")
    s.planted(kind, "shopkeeper", False, [card[0], s.account(wholesaler)])

    # insurance and tuition once a year, round and near the limit
    (parent,) = s.take("persons")
    card = _card(s, parent, 30_000)
    _ordinary(s, parent, card, "2024-01", 12, 0.1, 5)
    s.buy(card[0], _shop(s, "6300"), 12_000, s.moment("2024-10-12"))
    s.buy(card[0], _shop(s, "8211"), 15_000, s.moment("2024-10-14"))
    s.pay(s.account(parent), card[0], 27_000, s.moment("2024-11-06"), "instalment")
    s.planted(kind, "insurance_and_tuition", False, [card[0]])

    # one expensive trip: many swipes, several places, some at night
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
    s.planted(kind, "family_trip", False, [card[0]])

    # heavy but ordinary users who use nearly all of it every month and pay in full
    for _ in range(2):
        (heavy,) = s.take("persons")
        card = _card(s, heavy)
        _ordinary(s, heavy, card, "2024-01", 12, 0.9, 14)
        s.planted(kind, "heavy_user", False, [card[0]])

    # a member of staff who shops where he works and is paid there
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
    s.planted(kind, "staff_of_the_shop", False, [card[0], s.account(owner)])

    # a shop that takes goods back and pays the whole price
    owner, buyer = s.take("firms")[0], s.take("persons")[0]
    card, shop = _card(s, buyer, 30_000), _shop(s, "5732", owner)
    _ordinary(s, buyer, card, "2024-01", 12, 0.2, 6)
    for day in ("2024-10-03", "2024-11-20"):
        s.buy(card[0], shop, 8_999, s.moment(day))
        s.pay(s.account(owner), s.account(buyer), 8_999, s.moment(np.datetime64(day) + 4))
    s.planted(kind, "goods_taken_back", False, [card[0], s.account(owner)])

    # holders of whom nothing is to be said
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


# --- fund-raising
# ------------------------------------------------------------------------------------------------


def _payers(
    s: Schemes, ours: int, others: int, groups: Sequence[str] = ("pensioners", "salaried")
) -> list[int]:
    old = round(ours * 0.7)
    chosen = [*s.some([groups[0]], old), *s.some(groups[1:], ours - old)]
    return [*[s.account(int(c)) for c in chosen], *s.elsewhere(others)]


def _raise_funds(
    s: Schemes,
    payers: list[int],
    collects: Callable[[int], int],
    pays: int,
    first: str,
    months: int,
    unit: int,
    rate: float,
    every: int,
    jitter: float,
    memos: tuple[str, str],
    parts: float = 1.0,
    late: float = 2.0,
) -> list[tuple[int, float, int]]:
    """Payers join over the months, more of them later, and get a fixed share back every so many
    months; what was collected.
    """
    taken = []
    for i, payer in enumerate(payers):
        joined = int(months * (i / len(payers)) ** (1 / late))
        for again in range(1 + int(s.rng.random() < 0.25)):
            start = np.datetime64(first, "M") + min(joined + 2 * again, months - 1)
            day = start.astype("datetime64[D]") + int(s.rng.integers(0, 25))
            amount = unit * int(s.rng.choice([1, 2, 3, 4, 6])) * (1 + s.between(-jitter, jitter))
            at = s.moment(day)
            s.pay(payer, collects(i), amount, at, memos[0])
            taken.append((payer, amount, at))
            paid_on = day
            while rate and s.rng.random() < parts:
                paid_on = (paid_on.astype("datetime64[M]") + every).astype("datetime64[D]") + min(
                    int((day - start.astype("datetime64[D]")).astype(int)), 27
                )
                if paid_on > END:
                    break
                s.pay(
                    pays,
                    payer,
                    amount * rate * (1 + s.between(-jitter, jitter) / 2),
                    s.moment(paid_on + int(s.rng.integers(0, 2))),
                    memos[1],
                )
    return taken


def _fundraising(s: Schemes) -> None:
    kind = "risk_fundraising"
    plain, open_ = ("transfer", "transfer"), ("invest", "dividend")
    # one hub that collects and pays back
    hub = s.account(s.take("traders")[0])
    _raise_funds(
        s, _payers(s, 22, 6), lambda i: hub, hub, "2024-02", 10, 5_000, 0.015, 1, 0.0, open_
    )
    s.planted(kind, "one_hub", True, [hub])

    # collecting, transit and paying-back accounts, fast in and fast out
    collect, through, pays = (
        s.account(s.take("firms")[0]),
        [s.account(c) for c in s.take("traders", 2)],
        s.account(s.take("firms")[0]),
    )
    taken = _raise_funds(
        s, _payers(s, 20, 5), lambda i: collect, pays, "2024-03", 9, 10_000, 0.02, 1, 0.0, open_
    )
    for i, (_payer, amount, at) in enumerate(taken):
        s.pay(collect, through[i % 2], amount * 0.98, at + DAY)
        s.pay(through[i % 2], pays, amount * 0.96, at + DAY + int(s.rng.integers(1, 30)) * 3600)
    s.planted(kind, "three_parts", True, [collect, pays, *through])

    # a hub at another bank, paid by our customers
    (hub_outside,) = s.elsewhere()
    _raise_funds(
        s,
        _payers(s, 24, 0),
        lambda i: hub_outside,
        hub_outside,
        "2024-04",
        8,
        5_000,
        0.018,
        1,
        0.0,
        open_,
    )
    s.planted(kind, "hub_elsewhere", True, [hub_outside])

    # so far it only collects
    hub3 = s.account(s.take("traders")[0])
    _raise_funds(
        s,
        _payers(s, 26, 6),
        lambda i: hub3,
        hub3,
        "2024-07",
        6,
        10_000,
        0.0,
        1,
        0.0,
        ("wealth", "wealth"),
    )
    s.planted(kind, "collects_only", True, [hub3])

    # no word in the memos, amounts that vary, small rate
    hub4 = s.account(s.take("traders")[0])
    _raise_funds(
        s, _payers(s, 18, 4), lambda i: hub4, hub4, "2024-01", 11, 9_000, 0.012, 1, 0.06, plain
    )
    s.planted(kind, "no_words", True, [hub4])

    # quarterly returns over two years, few payers
    hub5 = s.account(s.take("firms")[0])
    _raise_funds(
        s,
        _payers(s, 12, 3),
        lambda i: hub5,
        hub5,
        "2023-06",
        15,
        20_000,
        0.04,
        3,
        0.02,
        ("transfer", "interest"),
        late=1.0,
    )
    s.planted(kind, "every_quarter", True, [hub5])

    # two collecting accounts, two links between, one account that pays back; a part of the returns
    # are in cash and not seen
    collects = [s.account(c) for c in s.take("traders", 2)]
    links, pays7 = [s.account(c) for c in s.take("traders", 2)], s.account(s.take("firms")[0])
    taken = _raise_funds(
        s,
        _payers(s, 24, 6),
        lambda i: collects[i % 2],
        pays7,
        "2024-02",
        10,
        5_000,
        0.02,
        1,
        0.03,
        plain,
        parts=0.85,
    )
    for _payer, amount, at in taken:
        s.pay(
            collects[0] if s.rng.random() < 0.5 else collects[1], links[0], amount * 0.97, at + DAY
        )
        s.pay(links[0], links[1], amount * 0.96, at + 2 * DAY)
        s.pay(links[1], pays7, amount * 0.95, at + 3 * DAY)
    s.planted(kind, "one_link_more", True, [*collects, *links, pays7])


def _collectors(s: Schemes) -> None:
    kind = "risk_fundraising"
    months = [m.astype("datetime64[D]") for m in np.datetime64("2024-01", "M") + np.arange(12)]

    def monthly(
        hub: int, payers: list[int], amount: Callable[[int], float], memo: str, step: int = 1
    ) -> None:
        for begins in months[::step]:
            for i, payer in enumerate(payers):
                s.pay(payer, hub, amount(i), s.moment(begins + int(s.rng.integers(0, 8))), memo)

    landlord = s.account(s.take("traders")[0])
    tenants = _payers(s, 24, 6, ("young_digital", "salaried"))
    monthly(landlord, tenants, lambda i: 2_000 + 500 * (i % 6), "rent")
    for tenant in tenants[:8]:  # deposits given back
        s.pay(landlord, tenant, 4_000, s.moment("2024-09-20"))
    s.planted(kind, "landlord", False, [landlord])

    school = s.account(s.take("firms")[0])
    monthly(school, _payers(s, 50, 10, ("salaried", "affluent")), lambda i: 5_000.0, "tuition", 6)
    s.planted(kind, "school", False, [school])

    shop = s.account(s.take("firms")[0])
    for payer in _payers(s, 90, 30, ("young_digital", "salaried")):
        for _ in range(int(s.rng.integers(1, 6))):
            s.pay(
                payer,
                shop,
                round(s.between(10, 400), 2),
                s.moment(np.datetime64("2024-01-01") + int(s.rng.integers(0, 365))),
                "purchase",
            )
    s.planted(kind, "shop", False, [shop])

    charity = s.account(s.take("firms")[0])
    monthly(charity, _payers(s, 40, 10), lambda i: float((50, 100, 200, 500)[i % 4]), "donation")
    helped = _payers(s, 8, 2)
    for begins in months:
        for one in helped:
            s.pay(charity, one, 2_000, s.moment(begins + 20), "donation")
    s.planted(kind, "charity", False, [charity])

    fund = s.account(s.take("firms")[0])
    savers = _payers(s, 36, 8, ("salaried", "affluent"))
    monthly(fund, savers, lambda i: 800 + 150.0 * (i % 9), "transfer")
    for saver in savers[::9]:  # some take out what they saved
        s.pay(fund, saver, 30_000, s.moment("2024-08-15"))
    s.planted(kind, "housing_fund", False, [fund])

    taken = [
        (p, 10_000 * (1 + i % 5), s.moment(months[i % 6] + 3))
        for i, p in enumerate(_payers(s, 30, 0))
    ]
    for payer, amount, at in taken:  # a licensed product
        s.pay(payer, LICENSED, amount, at, "wealth")
        for begins in months[6:]:
            s.pay(LICENSED, payer, amount * 0.003, s.moment(begins + 12), "interest")
    s.planted(kind, "licensed_product", False, [LICENSED])

    society = s.account(
        s.take("firms")[0]
    )  # a co-operative society: shares once, a dividend once a year
    for payer in _payers(s, 30, 5):
        s.pay(payer, society, 2_000, s.moment(months[0] + int(s.rng.integers(0, 28))), "transfer")
        s.pay(society, payer, 70, s.moment("2024-12-16"), "dividend")
    s.planted(kind, "cooperative", False, [society])


# --- bills
# ------------------------------------------------------------------------------------------------


def _bill(
    s: Schemes,
    drawer: int,
    payee: int,
    amount: float,
    day: np.datetime64,
    term: int = 90,
    margin: float = 0.3,
    contract: bool = True,
    invoice: str | None = "own",
    invoiced: float = 1.0,
    status: str = "valid",
    discounted: int | None = None,
) -> tuple[str, str | None]:
    """A bill, its invoice and events: the bill and invoice. invoice: `own`, an earlier one's
    identifier, or None. discounted: days until it is.
    """
    number = PAPERS + s.people.first + len(s.bills)
    reference = f"R{number:08d}" if contract else None
    if invoice == "own":
        invoice = f"I{number:08d}"
        s.invoices.append(
            {
                "invoice_id": invoice,
                "issued_on": day - 6,
                "amount": round(amount * invoiced, 2),
                "contract_reference": reference,
                "status": status,
            }
        )
    bill = f"B{number:08d}"
    s.bills.append(
        {
            "bill_id": bill,
            "branch": s.people.branch[drawer],
            "drawer": drawer,
            "payee": payee,
            "amount": round(amount, 2),
            "accepted_on": day,
            "due_on": day + term,
            "margin_paid": round(amount * margin, 2),
            "contract_reference": reference,
            "invoice_id": invoice,
        }
    )
    if discounted is not None and day + discounted <= END:
        s.events.append(
            {
                "bill_id": bill,
                "happened_on": day + discounted,
                "kind": "discounted",
                "account": payee,
                "amount": round(amount * 0.985, 2),
            }
        )
        if payee < EXTERNAL:
            s.entries.add(
                np.array([payee]),
                second=s.moment(day + discounted, (8, 10)),
                cents=round(amount * 98.5),
                channel=plan.CHANNEL["branch"],
                kind=plan.KIND["loan_payout"],
                memo=plan.MEMO["goods"],
            )
    if day + term <= END:
        s.events.append(
            {
                "bill_id": bill,
                "happened_on": day + term,
                "kind": "redeemed",
                "account": payee,
                "amount": round(amount, 2),
            }
        )
    return bill, invoice


def _home(s: Schemes, way: list[int], amount: float, day: np.datetime64, parts: int = 1) -> None:
    """The proceeds go from account to account, a little less each time."""
    for _ in range(parts):
        left, at = amount / parts, s.moment(day + 1)
        for payer, payee in itertools.pairwise(way):
            left *= s.between(0.965, 0.995)
            s.pay(payer, payee, left, at, "goods")
            at += int(s.rng.integers(20, 60)) * 3600


def _acceptance(s: Schemes) -> None:
    kind = "risk_acceptance"
    # drawer and payee share a telephone; the proceeds come home and pay the margin of the next,
    # larger one
    drawer, payee = s.take("firms", 2)
    s.override("phone", [drawer, payee], f"13{s.chunk:04d}00001")
    amount = 400_000.0
    for day in np.datetime64("2024-02-12") + 75 * np.arange(4) + s.rng.integers(0, 8, 4):
        _bill(s, drawer, s.account(payee), amount, day, discounted=2, margin=0.5)
        _home(s, [s.account(payee), s.account(drawer)], amount * 0.985, day + 2)
        amount *= 1.3
    s.planted(kind, "comes_home", True, [s.account(drawer)])

    # over two firms between, with nothing else that ties them; no contract for half of them
    drawer, payee, link, other = s.take("firms", 4)
    for i, day in enumerate(
        np.datetime64("2024-05-08") + 60 * np.arange(4) + s.rng.integers(0, 8, 4)
    ):
        amount = 600_000 * s.between(0.9, 1.2)
        _bill(s, drawer, s.account(payee), amount, day, discounted=3, contract=i % 2 == 0)
        _home(s, [s.account(c) for c in (payee, link, other, drawer)], amount * 0.985, day + 3)
    s.planted(kind, "two_firms_between", True, [s.account(drawer)])

    # one invoice for three bills to a firm at the same address
    drawer, payee = s.take("firms", 2)
    s.override("address", [drawer, payee], f"No. 7, Lane {s.chunk}-{int(s.rng.integers(0, 10**6))}")
    again: str | None = "own"
    for day in np.datetime64("2024-04-02") + 80 * np.arange(3):
        _, again = _bill(s, drawer, s.account(payee), 250_000, day, invoice=again)
    s.planted(kind, "invoice_used_again", True, [s.account(drawer)])

    # a new firm without other business, its invoices cancelled and of other amounts
    (drawer,) = s.take("firms")
    s.override("born_on", [drawer], np.datetime64("2024-03-01"))
    for day in np.datetime64("2024-06-11") + 50 * np.arange(3):
        _bill(
            s,
            drawer,
            s.elsewhere()[0],
            500_000,
            day,
            status="cancelled",
            invoiced=s.between(0.4, 0.7),
        )
    s.planted(kind, "new_firm", True, [s.account(drawer)])

    # rolled just before it falls due, without contract or invoice, beyond the firm's turnover
    (drawer,) = s.take("firms")
    (outside,) = s.elsewhere()
    for day in np.datetime64("2024-01-20") + 88 * np.arange(4):
        _bill(s, drawer, outside, 1_200_000, day, 90, contract=False, invoice=None, margin=0.2)
    s.planted(kind, "rolled_over", True, [s.account(drawer)])

    # the payee banks elsewhere and sends the money in two parts
    (drawer,) = s.take("firms")
    (outside,) = s.elsewhere()
    for day in np.datetime64("2024-03-18") + 70 * np.arange(4) + s.rng.integers(0, 8, 4):
        amount = 350_000 * s.between(0.9, 1.2)
        _bill(s, drawer, outside, amount, day, discounted=4, invoiced=1.25)
        _home(s, [outside, s.account(drawer)], amount * 0.985, day + 4, parts=2)
    s.planted(kind, "in_two_parts", True, [s.account(drawer)])

    # three firms draw on each other in a circle, each bill with papers in order
    three = s.take("firms", 3)
    for i, day in enumerate(np.datetime64("2024-03-06") + 40 * np.arange(6)):
        _bill(
            s,
            three[i % 3],
            s.account(three[(i + 1) % 3]),
            300_000 * s.between(0.95, 1.05),
            day,
            discounted=5,
        )
    s.planted(kind, "circle_of_drawers", True, [s.account(c) for c in three])


def _trade(s: Schemes) -> None:
    kind = "risk_acceptance"
    # a seasonal buyer with a large bill once a year
    (buyer,) = s.take("large")
    for year in ("2023", "2024"):
        _bill(
            s,
            buyer,
            s.elsewhere()[0],
            float(s.people.income[buyer]) * 3,
            np.datetime64(f"{year}-10-08"),
            180,
            discounted=20,
        )
    s.planted(kind, "seasonal_buyer", False, [s.account(buyer)])

    # a supplier of the same group, with an invoice for every bill, who pays its own suppliers with
    # the proceeds
    (drawer,), (supplier,) = s.take("large"), s.take("firms")
    s.override("phone", [drawer, supplier], f"13{s.chunk:04d}00002")
    s.override(
        "address", [drawer, supplier], f"No. 8, Lane {s.chunk}-{int(s.rng.integers(0, 10**6))}"
    )
    for day in np.datetime64("2024-01-15") + 45 * np.arange(7):
        amount = float(s.people.income[drawer]) * s.between(0.1, 0.2)
        _bill(s, drawer, s.account(supplier), amount, day, discounted=6)
        for source in s.elsewhere(3):
            s.pay(s.account(supplier), source, amount * 0.3, s.moment(day + 9), "goods")
    s.planted(kind, "supplier_of_the_group", False, [s.account(drawer)])

    # a rebate of a few per cent
    (drawer,), (payee,) = s.take("large"), s.take("firms")
    for day in np.datetime64("2024-01-20") + 60 * np.arange(5):
        amount = float(s.people.income[drawer]) * s.between(0.1, 0.25)
        _bill(s, drawer, s.account(payee), amount, day, discounted=3)
        s.pay(
            s.account(payee),
            s.account(drawer),
            amount * s.between(0.02, 0.05),
            s.moment(day + 12),
            "goods",
        )
    s.planted(kind, "rebate", False, [s.account(drawer)])

    # a payee short of cash discounts at once and pays many
    (drawer,), (payee,) = s.take("large"), s.take("firms")
    suppliers = [s.account(c) for c in s.take("firms", 3)]
    for day in np.datetime64("2024-02-05") + 50 * np.arange(6):
        amount = float(s.people.income[drawer]) * s.between(0.08, 0.2)
        _bill(s, drawer, s.account(payee), amount, day, discounted=1)
        for one in suppliers:
            s.pay(s.account(payee), one, amount * s.between(0.25, 0.32), s.moment(day + 3), "goods")
    s.planted(kind, "short_of_cash", False, [s.account(drawer)])

    # partners who buy from each other now and then, and draw bills for it, with papers in order
    one, two = s.take("large", 2)
    for i, day in enumerate(
        np.array(["2024-02-08", "2024-03-12", "2024-09-19", "2024-11-07"], "datetime64[D]")
    ):
        first, second = (one, two) if i % 2 == 0 else (two, one)
        _bill(s, first, s.account(second), float(s.people.income[first]) * 0.1, day)
    s.planted(kind, "partners", False, [s.account(one), s.account(two)])


# --- tables
# ------------------------------------------------------------------------------------------------


def added_tables(s: Schemes) -> dict[str, pa.Table]:
    """Rows to add to the tables of the chunk."""
    if not s.cards:
        return {}
    people, text = s.people, pa.string()
    who = np.array([c for c, _ in s.cards])
    account = CARDS + people.first + who
    limit = np.array([limit for _, limit in s.cards])
    # from the end of the chunk's numbers
    number = people.first * 2 + 2 * len(people) - 1 - np.arange(len(who))
    found = {
        "accounts": pa.table(
            {
                "account_id": numbered("A", account, 10),
                "branch_id": branch_ids(people.branch[who]),
                "product_id": pa.array(["P05"] * len(who), text),
                "opened_on": days(people.since[who]),
                "closed_on": days(np.full(len(who), np.datetime64("NaT"))),
                "opening_balance": amounts(np.zeros(len(who), np.int64)),
            }
        ),
        "account_holders": pa.table(
            {
                "account_id": numbered("A", account, 10),
                "customer_id": numbered("C", people.first + who),
                "role": pa.array(["owner"] * len(who), text),
            }
        ),
        "cards": pa.table(
            {
                "card_id": numbered("K", number, 9),
                "account_id": numbered("A", account, 10),
                "customer_id": numbered("C", people.first + who),
                "kind": pa.array(["credit"] * len(who), text),
                "grade": pa.array(["classic"] * len(who), text),
                "credit_limit": amounts(limit * 100),
                "statement_day": s.rng.integers(1, 29, len(who)),
                "issued_on": days(people.since[who]),
            }
        ),
    }
    shops = np.array([m[0] for m in s.merchants])
    owner = np.array([m[3] for m in s.merchants])
    own = owner >= 0
    found["merchants"] = pa.table(
        {
            "merchant_id": numbered("M", shops, 6),
            "category_code": pa.array([m[1] for m in s.merchants], text),
            "region": pa.array([m[2] for m in s.merchants], text),
            "owner_id": numbered("C", people.first + np.where(own, owner, 0), valid=own),
            "settlement_account": numbered(
                "A", people.account[np.where(own, owner, 0)], 10, valid=own
            ),
            "opens_hour": np.full(len(shops), 7),
            "closes_hour": np.full(len(shops), 22),
        }
    )
    drawer = np.array([b["drawer"] for b in s.bills], dtype=np.int64)
    payee = np.array([b["payee"] for b in s.bills], dtype=np.int64)
    found["bills"] = pa.table(
        {
            "bill_id": pa.array([b["bill_id"] for b in s.bills], text),
            "branch_id": branch_ids(people.branch[drawer]),
            "drawer_id": numbered("C", people.first + drawer),
            "payee_account": _accounts(payee),
            "payee_name": pa.array(["Orient Trading Ltd"] * len(drawer), text),
            "amount": _money(s.bills, "amount"),
            "accepted_on": _dates(s.bills, "accepted_on"),
            "due_on": _dates(s.bills, "due_on"),
            "margin_paid": _money(s.bills, "margin_paid"),
            "contract_reference": pa.array([b["contract_reference"] for b in s.bills], text),
            "invoice_id": pa.array([b["invoice_id"] for b in s.bills], text),
        }
    )
    found["invoices"] = pa.table(
        {
            "invoice_id": pa.array([i["invoice_id"] for i in s.invoices], text),
            "issued_on": _dates(s.invoices, "issued_on"),
            "amount": _money(s.invoices, "amount"),
            "contract_reference": pa.array([i["contract_reference"] for i in s.invoices], text),
            "status": pa.array([i["status"] for i in s.invoices], text),
        }
    )
    found["bill_events"] = pa.table(
        {
            "event_id": numbered("E", PAPERS + people.first + np.arange(len(s.events))),
            "bill_id": pa.array([e["bill_id"] for e in s.events], text),
            "happened_on": _dates(s.events, "happened_on"),
            "kind": pa.array([e["kind"] for e in s.events], text),
            "proceeds_account": _accounts(
                np.array([e["account"] for e in s.events], dtype=np.int64)
            ),
            "amount": _money(s.events, "amount"),
        }
    )
    return found


def _accounts(numbers: np.ndarray) -> pa.Array:
    return numbered(np.where(numbers >= EXTERNAL, ord("X"), ord("A")).astype(np.uint8), numbers, 10)


def _money(rows: list[dict[str, object]], column: str) -> pa.Array:
    return amounts(np.array([round(float(str(r[column])) * 100) for r in rows], dtype=np.int64))


def _dates(rows: list[dict[str, object]], column: str) -> pa.Array:
    return days(np.array([r[column] for r in rows], dtype="datetime64[D]"))


def overridden(table: pa.Table, overrides: dict[str, dict[int, object]]) -> pa.Table:
    """The customers with the values that schemes give them."""
    for column, values in overrides.items():
        at = table.column_names.index(column)
        plain = table[column].to_pylist()
        for customer, value in values.items():
            plain[customer] = value.item() if isinstance(value, np.datetime64) else value
        table = table.set_column(at, column, pa.array(plain, table.schema.field(column).type))
    return table


#: What risk officers said of planted cases in the last quarter, of alerts that they had seen the
#: quarter before: variant, outcome, day, why.
DECISIONS = (
    ("one_account", "confirmed", "2024-10-21", "contracts signed by one hand"),
    ("two_accounts_of_one_owner", "confirmed", "2024-11-04", "borrowers never saw the flat"),
    ("two_months_of_three", "open", "2024-11-11", ""),
    ("ring", "confirmed", "2024-10-28", "merchant sold nothing"),
    ("one_holder", "cleared", "2024-10-15", "receipts shown"),
    ("one_hub", "confirmed", "2024-11-18", "promised returns in writing"),
    ("every_quarter", "cleared", "2024-10-25", "said to be a family loan"),
    ("comes_home", "confirmed", "2024-11-20", "no goods delivered"),
    ("rolled_over", "cleared", "2024-10-14", "papers promised"),
)


def decisions(truth: list[dict[str, object]], people: People) -> pa.Table:
    """Follow-ups of the alerts that the planted cases give."""
    by_variant = {str(t["variant"]): t for t in truth}
    rows = []
    for variant, outcome, day, why in DECISIONS:
        if variant in by_variant:
            case = by_variant[variant]
            parties = [str(p) for p in case["parties"]]  # type: ignore[attr-defined]
            number = int(parties[-1][1:]) if parties[-1].startswith("C") else people.first
            firms = [
                p
                for p in parties
                if p.startswith("C") and people.corporate[int(p[1:]) - people.first]
            ]
            rows.append(
                (
                    case["kind"],
                    firms[0] if variant == "ring" else min(parties),
                    int(people.branch[number - people.first]),
                    outcome,
                    day,
                    why,
                )
            )
    return pa.table(
        {
            "follow_up_id": numbered("F", PAPERS + people.first + np.arange(len(rows))),
            "subject_id": pa.array([alert_id(str(r[0]), str(r[1])) for r in rows], pa.string()),
            "staff_id": numbered("S", np.array([r[2] for r in rows], dtype=np.int64) * 8 + 6, 6),
            "done_on": days(np.array([r[4] for r in rows], dtype="datetime64[D]")),
            "outcome": pa.array([r[3] for r in rows], pa.string()),
            "why": pa.array([r[5] or None for r in rows], pa.string()),
        }
    )
