"""Bills without a trade behind them, and bills of trades that look like it."""

import itertools

import numpy as np

from analysis.demo import plan
from analysis.demo.lending import EXTERNAL
from analysis.demo.people import END
from analysis.demo.schemes.planting import PAPERS, Schemes

KIND = "risk_acceptance"


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
        _discount(s, bill, payee, amount, day + discounted)
    if day + term <= END:
        _event(s, bill, day + term, "redeemed", payee, amount)
    return bill, invoice


def _discount(s: Schemes, bill: str, payee: int, amount: float, day: np.datetime64) -> None:
    """The payee turns the bill into money before it is due."""
    _event(s, bill, day, "discounted", payee, amount * 0.985)
    if payee < EXTERNAL:
        s.entries.add(
            np.array([payee]),
            second=s.moment(day, (8, 10)),
            cents=round(amount * 98.5),
            channel=plan.CHANNEL["branch"],
            kind=plan.KIND["loan_payout"],
            memo=plan.MEMO["goods"],
        )


def _event(
    s: Schemes, bill: str, day: np.datetime64, kind: str, account: int, amount: float
) -> None:
    s.events.append(
        {
            "bill_id": bill,
            "happened_on": day,
            "kind": kind,
            "account": account,
            "amount": round(amount, 2),
        }
    )


def _home(s: Schemes, way: list[int], amount: float, day: np.datetime64, parts: int = 1) -> None:
    """The proceeds go from account to account, a little less each time."""
    for _ in range(parts):
        left, at = amount / parts, s.moment(day + 1)
        for payer, payee in itertools.pairwise(way):
            left *= s.between(0.965, 0.995)
            s.pay(payer, payee, left, at, "goods")
            at += int(s.rng.integers(20, 60)) * 3600


def _comes_home(s: Schemes) -> None:
    """Drawer and payee share a telephone; the proceeds come home and pay the margin of the
    next, larger one.
    """
    drawer, payee = s.take("firms", 2)
    s.override("phone", [drawer, payee], f"13{s.chunk:04d}00001")
    amount = 400_000.0
    for day in np.datetime64("2024-02-12") + 75 * np.arange(4) + s.rng.integers(0, 8, 4):
        _bill(s, drawer, s.account(payee), amount, day, discounted=2, margin=0.5)
        _home(s, [s.account(payee), s.account(drawer)], amount * 0.985, day + 2)
        amount *= 1.3
    s.planted(KIND, "comes_home", True, [s.account(drawer)])


def _two_firms_between(s: Schemes) -> None:
    """Over two firms between, with nothing else that ties them; no contract for half of
    them.
    """
    drawer, payee, link, other = s.take("firms", 4)
    for i, day in enumerate(
        np.datetime64("2024-05-08") + 60 * np.arange(4) + s.rng.integers(0, 8, 4)
    ):
        amount = 600_000 * s.between(0.9, 1.2)
        _bill(s, drawer, s.account(payee), amount, day, discounted=3, contract=i % 2 == 0)
        _home(s, [s.account(c) for c in (payee, link, other, drawer)], amount * 0.985, day + 3)
    s.planted(KIND, "two_firms_between", True, [s.account(drawer)])


def _invoice_used_again(s: Schemes) -> None:
    """One invoice for three bills to a firm at the same address."""
    drawer, payee = s.take("firms", 2)
    s.override("address", [drawer, payee], f"No. 7, Lane {s.chunk}-{int(s.rng.integers(0, 10**6))}")
    again: str | None = "own"
    for day in np.datetime64("2024-04-02") + 80 * np.arange(3):
        _, again = _bill(s, drawer, s.account(payee), 250_000, day, invoice=again)
    s.planted(KIND, "invoice_used_again", True, [s.account(drawer)])


def _new_firm(s: Schemes) -> None:
    """A new firm without other business, its invoices cancelled and of other amounts."""
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
    s.planted(KIND, "new_firm", True, [s.account(drawer)])


def _rolled_over(s: Schemes) -> None:
    """Rolled just before it falls due, without contract or invoice, beyond the firm's
    turnover.
    """
    (drawer,) = s.take("firms")
    (outside,) = s.elsewhere()
    for day in np.datetime64("2024-01-20") + 88 * np.arange(4):
        _bill(s, drawer, outside, 1_200_000, day, 90, contract=False, invoice=None, margin=0.2)
    s.planted(KIND, "rolled_over", True, [s.account(drawer)])


def _in_two_parts(s: Schemes) -> None:
    """The payee banks elsewhere and sends the money in two parts."""
    (drawer,) = s.take("firms")
    (outside,) = s.elsewhere()
    for day in np.datetime64("2024-03-18") + 70 * np.arange(4) + s.rng.integers(0, 8, 4):
        amount = 350_000 * s.between(0.9, 1.2)
        _bill(s, drawer, outside, amount, day, discounted=4, invoiced=1.25)
        _home(s, [outside, s.account(drawer)], amount * 0.985, day + 4, parts=2)
    s.planted(KIND, "in_two_parts", True, [s.account(drawer)])


def _circle_of_drawers(s: Schemes) -> None:
    """Three firms draw on each other in a circle, each bill with papers in order."""
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
    s.planted(KIND, "circle_of_drawers", True, [s.account(c) for c in three])


def _seasonal_buyer(s: Schemes) -> None:
    """A seasonal buyer with a large bill once a year."""
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
    s.planted(KIND, "seasonal_buyer", False, [s.account(buyer)])


def _supplier_of_the_group(s: Schemes) -> None:
    """A supplier of the same group, with an invoice for every bill, who pays its own
    suppliers with the proceeds.
    """
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
    s.planted(KIND, "supplier_of_the_group", False, [s.account(drawer)])


def _rebate(s: Schemes) -> None:
    """A rebate of a few per cent."""
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
    s.planted(KIND, "rebate", False, [s.account(drawer)])


def _short_of_cash(s: Schemes) -> None:
    """A payee short of cash discounts at once and pays many."""
    (drawer,), (payee,) = s.take("large"), s.take("firms")
    suppliers = [s.account(c) for c in s.take("firms", 3)]
    for day in np.datetime64("2024-02-05") + 50 * np.arange(6):
        amount = float(s.people.income[drawer]) * s.between(0.08, 0.2)
        _bill(s, drawer, s.account(payee), amount, day, discounted=1)
        for one in suppliers:
            s.pay(s.account(payee), one, amount * s.between(0.25, 0.32), s.moment(day + 3), "goods")
    s.planted(KIND, "short_of_cash", False, [s.account(drawer)])


def _partners(s: Schemes) -> None:
    """Partners who buy from each other now and then, and draw bills for it, with papers in
    order.
    """
    one, two = s.take("large", 2)
    for i, day in enumerate(
        np.array(["2024-02-08", "2024-03-12", "2024-09-19", "2024-11-07"], "datetime64[D]")
    ):
        first, second = (one, two) if i % 2 == 0 else (two, one)
        _bill(s, first, s.account(second), float(s.people.income[first]) * 0.1, day)
    s.planted(KIND, "partners", False, [s.account(one), s.account(two)])


#: In the order in which they are planted.
CASES = (
    _comes_home,
    _two_firms_between,
    _invoice_used_again,
    _new_firm,
    _rolled_over,
    _in_two_parts,
    _circle_of_drawers,
)
LOOK_ALIKES = (
    _seasonal_buyer,
    _supplier_of_the_group,
    _rebate,
    _short_of_cash,
    _partners,
)
