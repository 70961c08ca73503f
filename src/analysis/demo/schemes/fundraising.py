"""Accounts that collect from many and pay a fixed share back, and those that look like it."""

from collections.abc import Callable, Sequence

import numpy as np

from analysis.demo.people import END
from analysis.demo.schemes.planting import DAY, LICENSED, Schemes

KIND = "risk_fundraising"
#: Memos of paying in and of paying back: as in any transfer, or openly.
PLAIN, OPEN = ("transfer", "transfer"), ("invest", "dividend")
MONTHS = [m.astype("datetime64[D]") for m in np.datetime64("2024-01", "M") + np.arange(12)]


def _payers(
    s: Schemes, own_customers: int, others: int, groups: Sequence[str] = ("pensioners", "salaried")
) -> list[int]:
    old = round(own_customers * 0.7)
    chosen = [*s.some([groups[0]], old), *s.some(groups[1:], own_customers - old)]
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
    collected = []
    for i, payer in enumerate(payers):
        joined = int(months * (i / len(payers)) ** (1 / late))
        for again in range(1 + int(s.rng.random() < 0.25)):
            start = np.datetime64(first, "M") + min(joined + 2 * again, months - 1)
            day = start.astype("datetime64[D]") + int(s.rng.integers(0, 25))
            amount = unit * int(s.rng.choice([1, 2, 3, 4, 6])) * (1 + s.between(-jitter, jitter))
            at = s.moment(day)
            s.pay(payer, collects(i), amount, at, memos[0])
            collected.append((payer, amount, at))
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
    return collected


def _one_hub(s: Schemes) -> None:
    """One hub that collects and pays back."""
    hub = s.account(s.take("traders")[0])
    _raise_funds(
        s, _payers(s, 22, 6), lambda i: hub, hub, "2024-02", 10, 5_000, 0.015, 1, 0.0, OPEN
    )
    s.planted(KIND, "one_hub", True, [hub])


def _three_parts(s: Schemes) -> None:
    """Collecting, transit and paying-back accounts, fast in and fast out."""
    collect, through, pays = (
        s.account(s.take("firms")[0]),
        [s.account(c) for c in s.take("traders", 2)],
        s.account(s.take("firms")[0]),
    )
    collected = _raise_funds(
        s, _payers(s, 20, 5), lambda i: collect, pays, "2024-03", 9, 10_000, 0.02, 1, 0.0, OPEN
    )
    for i, (_payer, amount, at) in enumerate(collected):
        s.pay(collect, through[i % 2], amount * 0.98, at + DAY)
        s.pay(through[i % 2], pays, amount * 0.96, at + DAY + int(s.rng.integers(1, 30)) * 3600)
    s.planted(KIND, "three_parts", True, [collect, pays, *through])


def _hub_elsewhere(s: Schemes) -> None:
    """A hub at another bank, paid by our customers."""
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
        OPEN,
    )
    s.planted(KIND, "hub_elsewhere", True, [hub_outside])


def _collects_only(s: Schemes) -> None:
    """So far it only collects."""
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
    s.planted(KIND, "collects_only", True, [hub3])


def _no_words(s: Schemes) -> None:
    """No word in the memos, amounts that vary, small rate."""
    hub4 = s.account(s.take("traders")[0])
    _raise_funds(
        s, _payers(s, 18, 4), lambda i: hub4, hub4, "2024-01", 11, 9_000, 0.012, 1, 0.06, PLAIN
    )
    s.planted(KIND, "no_words", True, [hub4])


def _every_quarter(s: Schemes) -> None:
    """Quarterly returns over two years, few payers."""
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
    s.planted(KIND, "every_quarter", True, [hub5])


def _one_link_more(s: Schemes) -> None:
    """Two collecting accounts, two links between, one account that pays back; a part of the
    returns are in cash and not seen.
    """
    collects = [s.account(c) for c in s.take("traders", 2)]
    links, pays7 = [s.account(c) for c in s.take("traders", 2)], s.account(s.take("firms")[0])
    collected = _raise_funds(
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
        PLAIN,
        parts=0.85,
    )
    for _payer, amount, at in collected:
        s.pay(
            collects[0] if s.rng.random() < 0.5 else collects[1], links[0], amount * 0.97, at + DAY
        )
        s.pay(links[0], links[1], amount * 0.96, at + 2 * DAY)
        s.pay(links[1], pays7, amount * 0.95, at + 3 * DAY)
    s.planted(KIND, "one_link_more", True, [*collects, *links, pays7])


def _monthly(
    s: Schemes,
    hub: int,
    payers: list[int],
    amount: Callable[[int], float],
    memo: str,
    step: int = 1,
) -> None:
    """Every payer pays the hub each month, or every so many months."""
    for begins in MONTHS[::step]:
        for i, payer in enumerate(payers):
            s.pay(payer, hub, amount(i), s.moment(begins + int(s.rng.integers(0, 8))), memo)


def _landlord(s: Schemes) -> None:
    """Rent by many tenants, and deposits given back."""
    landlord = s.account(s.take("traders")[0])
    tenants = _payers(s, 24, 6, ("young_digital", "salaried"))
    _monthly(s, landlord, tenants, lambda i: 2_000 + 500 * (i % 6), "rent")
    for tenant in tenants[:8]:  # deposits given back
        s.pay(landlord, tenant, 4_000, s.moment("2024-09-20"))
    s.planted(KIND, "landlord", False, [landlord])


def _school(s: Schemes) -> None:
    """Tuition twice a year."""
    school = s.account(s.take("firms")[0])
    _monthly(
        s, school, _payers(s, 50, 10, ("salaried", "affluent")), lambda i: 5_000.0, "tuition", 6
    )
    s.planted(KIND, "school", False, [school])


def _shop(s: Schemes) -> None:
    """Many small purchases."""
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
    s.planted(KIND, "shop", False, [shop])


def _charity(s: Schemes) -> None:
    """Donations, and help for some."""
    charity = s.account(s.take("firms")[0])
    _monthly(
        s, charity, _payers(s, 40, 10), lambda i: float((50, 100, 200, 500)[i % 4]), "donation"
    )
    helped = _payers(s, 8, 2)
    for begins in MONTHS:
        for one in helped:
            s.pay(charity, one, 2_000, s.moment(begins + 20), "donation")
    s.planted(KIND, "charity", False, [charity])


def _housing_fund(s: Schemes) -> None:
    """Savings for a home, some of them taken out."""
    fund = s.account(s.take("firms")[0])
    savers = _payers(s, 36, 8, ("salaried", "affluent"))
    _monthly(s, fund, savers, lambda i: 800 + 150.0 * (i % 9), "transfer")
    for saver in savers[::9]:  # some take out what they saved
        s.pay(fund, saver, 30_000, s.moment("2024-08-15"))
    s.planted(KIND, "housing_fund", False, [fund])


def _licensed_product(s: Schemes) -> None:
    """A licensed product, which the params file names."""
    collected = [
        (p, 10_000 * (1 + i % 5), s.moment(MONTHS[i % 6] + 3))
        for i, p in enumerate(_payers(s, 30, 0))
    ]
    for payer, amount, at in collected:  # a licensed product
        s.pay(payer, LICENSED, amount, at, "wealth")
        for begins in MONTHS[6:]:
            s.pay(LICENSED, payer, amount * 0.003, s.moment(begins + 12), "interest")
    s.planted(KIND, "licensed_product", False, [LICENSED])


def _cooperative(s: Schemes) -> None:
    """A co-operative society: shares once, a dividend once a year."""
    society = s.account(s.take("firms")[0])
    for payer in _payers(s, 30, 5):
        s.pay(payer, society, 2_000, s.moment(MONTHS[0] + int(s.rng.integers(0, 28))), "transfer")
        s.pay(society, payer, 70, s.moment("2024-12-16"), "dividend")
    s.planted(KIND, "cooperative", False, [society])


#: In the order in which they are planted.
CASES = (
    _one_hub,
    _three_parts,
    _hub_elsewhere,
    _collects_only,
    _no_words,
    _every_quarter,
    _one_link_more,
)
LOOK_ALIKES = (
    _landlord,
    _school,
    _shop,
    _charity,
    _housing_fund,
    _licensed_product,
    _cooperative,
)
