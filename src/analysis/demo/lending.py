"""Loans of a chunk of the demo bank, and the planted mortgage arrangements with their innocent
look-alikes.

What is planted here is written to `truth/`; no code that judges the bank's data reads it.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.demo import plan
from analysis.demo.columns import amounts, days, numbered
from analysis.demo.people import (
    END,
    QUARTERS,
    STARTS,
    People,
    branch_ids,
    compound_names,
    compounds,
    developer_names,
)

EXTERNAL = 9_000_000_000  # account numbers from here on are at other banks
RATE = 0.04  # a year
WEALTHY = [
    i
    for i, g in enumerate((*plan.PERSONAL, *plan.CORPORATE))
    if g.name in ("affluent", "large_firms")
]


@dataclass
class Lending:
    """Arrays by mortgage; `customer` counts within the chunk."""

    customer: np.ndarray
    compound: np.ndarray
    due_day: np.ndarray
    amount: np.ndarray
    instalment: np.ndarray
    filed: np.ndarray
    months: np.ndarray
    co_borrower: np.ndarray  # -1: none
    down_payment_account: np.ndarray  # -1: unknown
    status: np.ndarray
    consumer: "ConsumerLoans"


@dataclass
class ConsumerLoans:
    """Arrays by consumer loan; `customer` counts within the chunk."""

    customer: np.ndarray
    amount: np.ndarray
    instalment: np.ndarray
    filed: np.ndarray
    due_day: np.ndarray


@dataclass
class Arrangement:
    """Who pays whose mortgage, as planted."""

    name: str
    is_case: bool
    payers: list[int]  # bank-wide account numbers, used in turn
    loans: list[int]  # positions in Lending
    pays: str = "before_due"  # before_due, payday, collects
    jitter: float = 0.02
    months_paid: int = 3  # of each quarter's three
    first_quarter: int = 4
    fronts: list[int] = field(default_factory=list)  # accounts the money goes over
    parts: int = 1  # in which an instalment is paid
    by_loan: bool = False  # the payers take a loan each in turn, not a month
    pending_compounds: list[int] = field(default_factory=list)


def make_lending(rng: np.random.Generator, people: People) -> tuple[Lending, list[Arrangement]]:
    """The mortgages of the chunk, with the arrangements planted among them."""
    borrower = np.flatnonzero(people.mortgage & ~people.corporate)
    n = len(borrower)
    amount = np.rint(people.income[borrower] * rng.uniform(35, 60, n) / 1000) * 1000
    months = rng.choice([180, 240, 300], n)
    monthly = RATE / 12
    start = np.maximum(people.since[borrower], END - 1500) + rng.integers(0, 90, n)
    later = rng.spawn(1)[0]
    since_when = np.maximum(STARTS[1] + later.integers(0, 560, n), people.since[borrower] + 10)
    # the first mortgage comes while we watch
    start = np.where(later.random(n) < 0.25, since_when, start)
    lending = Lending(
        customer=borrower,
        compound=rng.integers(0, compounds(len(people)), n),
        due_day=rng.integers(10, 29, n),
        amount=amount,
        instalment=np.rint(amount * monthly / (1 - (1 + monthly) ** -months.astype(float)) * 100),
        filed=np.minimum(start, END - 40).astype("datetime64[D]"),
        months=months,
        co_borrower=np.where(rng.random(n) < 0.15, rng.integers(0, len(people), n), -1),
        down_payment_account=np.full(n, -1, dtype=np.int64),
        status=np.where(
            np.isin(
                people.happens["late_payment"][borrower], [len(QUARTERS) - 2, len(QUARTERS) - 1]
            ),
            "late",
            "running",
        ),
        consumer=_consumer_loans(later, people),
    )
    return lending, _plant(rng, people, lending)


def _consumer_loans(rng: np.random.Generator, people: People) -> ConsumerLoans:
    customer = np.flatnonzero(~people.corporate & (rng.random(len(people)) < 0.06))
    n = len(customer)
    amount = np.rint(people.income[customer] * rng.uniform(2, 8, n) / 100) * 100
    monthly = RATE / 12
    return ConsumerLoans(
        customer=customer,
        amount=amount,
        instalment=np.rint(amount * 100 * monthly / (1 - (1 + monthly) ** -36)),
        filed=np.minimum(
            np.maximum(people.since[customer], END - 700) + rng.integers(0, 60, n), END - 30
        ),
        due_day=rng.integers(5, 28, n),
    )


class _Planting:
    """Who is left to plant arrangements on, and what was planted."""

    def __init__(self, rng: np.random.Generator, people: People, lending: Lending) -> None:
        self.rng, self.people, self.lending = rng, people, lending
        stays = (people.joined == 0) & (people.left == len(QUARTERS))
        wealthy = stays & np.isin(people.group, WEALTHY) & people.savings & ~people.mortgage
        self.pool = rng.permutation(np.flatnonzero(stays[lending.customer])).tolist()
        self.payers = rng.permutation(np.flatnonzero(wealthy)).tolist()
        self.firms = rng.permutation(np.flatnonzero(stays & people.corporate)).tolist()
        self.planted: list[Arrangement] = []

    def take(self, count: int, sites: list[int]) -> list[int]:
        """Loans that nothing else is planted on, of homes at the sites."""
        loans = [self.pool.pop() for _ in range(count)]
        self.lending.compound[loans] = [sites[i % len(sites)] for i in range(count)]
        self.lending.co_borrower[loans] = -1
        # paid in full quarters from the fourth on
        self.lending.filed[loans] = np.minimum(self.lending.filed[loans], STARTS[2])
        return loans

    def account(self, customer: int) -> int:
        """The customer's current account."""
        return int(self.people.account[customer])

    def payer(self) -> int:
        """The account of somebody who can pay for many."""
        return self.account(self.payers.pop())

    def firm(self) -> int:
        """The account of a firm."""
        return self.account(self.firms.pop())

    def site(self) -> int:
        """A compound with three others of its developer behind it."""
        return int(self.rng.integers(0, compounds(len(self.people)) // 4)) * 4

    def case(
        self, variant: str, payers: list[int], loans: list[int], place: int, **more: Any
    ) -> Arrangement:
        """A case at a compound, at which applications wait too."""
        planted = Arrangement(variant, True, payers, loans, pending_compounds=[place], **more)
        self.planted.append(planted)
        return planted

    def look_alike(self, variant: str, payer: int, loans: list[int], **more: Any) -> Arrangement:
        """An innocent arrangement of one payer."""
        planted = Arrangement(variant, False, [payer], loans, **more)
        self.planted.append(planted)
        return planted


def _plant(rng: np.random.Generator, people: People, lending: Lending) -> list[Arrangement]:
    planting = _Planting(rng, people, lending)
    if len(planting.pool) < 90 or len(planting.payers) < 30 or len(planting.firms) < 4:
        return []  # too few customers to plant among
    _plant_cases(planting)
    _plant_cases_over_others(planting)
    _plant_look_alikes(planting)
    return planting.planted


def _plant_cases(p: _Planting) -> None:
    place = p.site()
    ring = p.case("one_account", [p.payer()], p.take(6, [place]), place)
    p.lending.down_payment_account[ring.loans[:4]] = ring.payers[0]
    p.lending.filed[ring.loans] = np.datetime64("2023-03-01") + p.rng.integers(0, 20, 6)
    place, owner = p.site() + 1, p.payer()
    p.case("two_accounts_of_one_owner", [owner, owner + 1], p.take(5, [place]), place)
    place = p.site() + 2
    elsewhere = EXTERNAL + int(p.rng.integers(0, 10**8))
    p.case("payer_at_another_bank", [elsewhere], p.take(5, [place, place + 1]), place)
    place = p.site() + 3
    p.case(
        "two_months_of_three",
        [p.firm()],
        p.take(4, [place]),
        place,
        jitter=0.08,
        months_paid=2,
    )


def _plant_cases_over_others(p: _Planting) -> None:
    place, apart = p.site(), p.rng.spawn(1)[0]
    # not those that are taken from the end below
    first_half = p.payers[: len(p.payers) // 2]
    others = [c for c in first_half if p.people.mortgage[c] == 0]
    friends = [others[i] for i in apart.permutation(len(others))[:7]]
    for one in friends:
        p.payers.remove(one)
    accounts = [p.account(c) for c in friends]
    p.case("over_others", accounts[:1], p.take(6, [place]), place, fronts=accounts[1:4])
    place = p.site() + 1
    p.case(
        "in_parts",
        accounts[4:5],
        p.take(5, [place]),
        place,
        parts=2,
        jitter=0.05,
        first_quarter=6,
    )
    place = p.site() + 2
    p.case(
        "payers_of_one_household",
        accounts[5:7],
        p.take(4, [place]),
        place,
        first_quarter=5,
        by_loan=True,
    )


def _plant_look_alikes(p: _Planting) -> None:
    for _ in range(2):
        p.look_alike("parent_of_two", p.payer(), p.take(2, [p.site()]))
        allowed = p.firm()
        p.look_alike(
            "housing_allowance", allowed, p.take(8, [4 * i for i in range(8)]), pays="payday"
        )
    p.look_alike("property_manager", p.payer(), p.take(8, [p.site()]), pays="collects")
    p.look_alike("scattered_group", p.payer(), p.take(5, [0, 4, 8, 12, 16]))
    joint = p.look_alike("joint_borrowers", p.payer(), p.take(3, [p.site()]))
    p.lending.co_borrower[joint.loans] = (joint.payers[0] // 2) - p.people.first


def application_tables(
    rng: np.random.Generator, people: People, lending: Lending, planted: list[Arrangement]
) -> dict[str, pa.Table]:
    """Applications and loans: the mortgages, consumer loans, and applications that wait for a
    decision.
    """
    consumer = lending.consumer
    n, m = len(lending.customer), len(consumer.customer)
    pending = np.flatnonzero(
        ~people.corporate
        & (people.left == len(QUARTERS))
        & ~people.mortgage
        & (rng.random(len(people)) < 0.02)
    )
    sites = rng.integers(0, compounds(len(people)), len(pending))
    wanted = [c for a in planted for c in a.pending_compounds for _ in (1, 2)]
    sites[: len(wanted)] = wanted[: len(pending)]
    p = len(pending)
    borrower = np.concatenate([lending.customer, consumer.customer, pending])
    filed = np.concatenate(
        [
            lending.filed,
            consumer.filed,
            np.maximum(END - rng.integers(1, 60, p), people.since[pending]),
        ]
    )
    amount = np.concatenate(
        [lending.amount, consumer.amount, np.rint(people.income[pending] * 45 / 1000) * 1000]
    )
    is_mortgage = np.r_[np.ones(n, bool), np.zeros(m, bool), np.ones(p, bool)]
    number = people.first * 2 + np.arange(n + m + p)
    compound = np.concatenate([lending.compound, np.zeros(m, int), sites])
    co = np.concatenate([lending.co_borrower, np.full(m + p, -1)])
    down = np.concatenate([lending.down_payment_account, np.full(m + p, -1)])
    text = pa.string()
    applications = pa.table(
        {
            "application_id": numbered("P", number, 9),
            "branch_id": branch_ids(people.branch[borrower]),
            "borrower_id": numbered("C", people.first + borrower),
            "co_borrower_id": numbered("C", people.first + co, valid=co >= 0),
            "purpose": pa.array(np.where(is_mortgage, "mortgage", "consumer_loan"), text),
            "filed_on": days(filed),
            "amount": amounts((amount * 100).astype(np.int64)),
            "down_payment": amounts((amount * 42).astype(np.int64), is_mortgage),
            "down_payment_account": numbered("A", down, 10, valid=down >= 0),
            "repayment_account": numbered("A", people.account[borrower], 10),
            "compound": pa.array(compound_names(compound), text, mask=~is_mortgage),
            "developer": pa.array(developer_names(compound), text, mask=~is_mortgage),
            "status": pa.array(np.r_[np.full(n + m, "approved"), np.full(p, "pending")], text),
        }
    )
    loans = _loans(people, lending, number[: n + m], filed[: n + m], amount[: n + m])
    return {"loan_applications": applications, "loans": loans}


def _loans(
    people: People,
    lending: Lending,
    number: np.ndarray,
    filed: np.ndarray,
    amount: np.ndarray,
) -> pa.Table:
    """The loans granted on the applications of these numbers: mortgages first."""
    consumer, text = lending.consumer, pa.string()
    n, m = len(lending.customer), len(consumer.customer)
    borrower = np.concatenate([lending.customer, consumer.customer])
    kind = np.r_[np.full(n, "mortgage"), np.full(m, "consumer_loan")]
    instalment = np.concatenate([lending.instalment, consumer.instalment])
    status = np.concatenate([lending.status, np.full(m, "running")])
    return pa.table(
        {
            "loan_id": numbered("L", number, 9),
            "application_id": numbered("P", number, 9),
            "account_id": numbered("A", people.account[borrower], 10),
            "borrower_id": numbered("C", people.first + borrower),
            "kind": pa.array(kind, text),
            "granted_on": days(np.minimum(filed + 20, END)),
            "amount": amounts((amount * 100).astype(np.int64)),
            "months": np.concatenate([lending.months, np.full(m, 36)]),
            "instalment": amounts(instalment.astype(np.int64)),
            "due_day": np.concatenate([lending.due_day, consumer.due_day]),
            "status": pa.array(status, text),
        }
    )


def truth_rows(
    people: People, lending: Lending, planted: list[Arrangement]
) -> list[dict[str, object]]:
    """What was planted, by identifiers."""
    rows = []
    for a in planted:
        payers = [f"X{p:010d}" if p >= EXTERNAL else f"C{p // 2:08d}" for p in a.payers]
        borrowers = [f"C{people.first + lending.customer[i]:08d}" for i in a.loans]
        sites = sorted({str(compound_names(np.array([lending.compound[i]]))[0]) for i in a.loans})
        fronts = [f"C{p // 2:08d}" for p in a.fronts]
        rows.append(
            {
                "kind": "risk_mortgage",
                "variant": a.name,
                "is_case": a.is_case,
                "parties": sorted({*payers, *fronts}),
                "borrowers": borrowers,
                "compounds": sites,
                "first_quarter": str(QUARTERS[a.first_quarter]),
            }
        )
    return rows


def month_starts(quarter: int) -> np.ndarray:
    """First days of the three months of a quarter."""
    return (STARTS[quarter].astype("datetime64[M]") + np.arange(3)).astype("datetime64[D]")
