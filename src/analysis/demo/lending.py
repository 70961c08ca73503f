"""Loans of a chunk of the demo bank, and the planted mortgage arrangements with their innocent
look-alikes.

What is planted here is written to `truth/`; no code that judges the bank's data reads it.
"""

from dataclasses import dataclass, field

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
    who = np.flatnonzero(people.mortgage & ~people.corporate)
    n = len(who)
    amount = np.rint(people.income[who] * rng.uniform(35, 60, n) / 1000) * 1000
    months = rng.choice([180, 240, 300], n)
    monthly = RATE / 12
    start = np.maximum(people.since[who], END - 1500) + rng.integers(0, 90, n)
    later = rng.spawn(1)[0]
    since_when = np.maximum(STARTS[1] + later.integers(0, 560, n), people.since[who] + 10)
    start = np.where(
        later.random(n) < 0.25, since_when, start
    )  # the first mortgage comes while we watch
    lending = Lending(
        customer=who,
        compound=rng.integers(0, compounds(len(people)), n),
        due_day=rng.integers(10, 29, n),
        amount=amount,
        instalment=np.rint(amount * monthly / (1 - (1 + monthly) ** -months.astype(float)) * 100),
        filed=np.minimum(start, END - 40).astype("datetime64[D]"),
        months=months,
        co_borrower=np.where(rng.random(n) < 0.15, rng.integers(0, len(people), n), -1),
        down_payment_account=np.full(n, -1, dtype=np.int64),
        status=np.where(
            np.isin(people.happens["late_payment"][who], [len(QUARTERS) - 2, len(QUARTERS) - 1]),
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


def _plant(rng: np.random.Generator, people: People, lending: Lending) -> list[Arrangement]:
    stays = (people.joined == 0) & (people.left == len(QUARTERS))
    pool = rng.permutation(np.flatnonzero(stays[lending.customer])).tolist()
    payers = rng.permutation(
        np.flatnonzero(stays & np.isin(people.group, WEALTHY) & people.savings & ~people.mortgage)
    ).tolist()
    firms = rng.permutation(np.flatnonzero(stays & people.corporate)).tolist()
    planted = []

    def take(count: int, sites: list[int]) -> list[int]:
        loans = [pool.pop() for _ in range(count)]
        lending.compound[loans] = [sites[i % len(sites)] for i in range(count)]
        lending.co_borrower[loans] = -1
        lending.filed[loans] = np.minimum(
            lending.filed[loans], STARTS[2]
        )  # paid in full quarters from the fourth on
        return loans

    def account(customer: int) -> int:
        return int(people.account[customer])

    def site() -> int:
        return int(rng.integers(0, compounds(len(people)) // 4)) * 4

    if len(pool) < 90 or len(payers) < 30 or len(firms) < 4:
        return []  # too few customers to plant among

    # cases
    place = site()
    ring = Arrangement(
        "one_account", True, [account(payers.pop())], take(6, [place]), pending_compounds=[place]
    )
    lending.down_payment_account[ring.loans[:4]] = ring.payers[0]
    lending.filed[ring.loans] = np.datetime64("2023-03-01") + rng.integers(0, 20, 6)
    planted.append(ring)
    place, owner = site() + 1, payers.pop()
    planted.append(
        Arrangement(
            "two_accounts_of_one_owner",
            True,
            [account(owner), account(owner) + 1],
            take(5, [place]),
            pending_compounds=[place],
        )
    )
    place = site() + 2
    planted.append(
        Arrangement(
            "payer_at_another_bank",
            True,
            [EXTERNAL + int(rng.integers(0, 10**8))],
            take(5, [place, place + 1]),
            pending_compounds=[place],
        )
    )
    place = site() + 3
    planted.append(
        Arrangement(
            "two_months_of_three",
            True,
            [account(firms.pop())],
            take(4, [place]),
            jitter=0.08,
            months_paid=2,
            pending_compounds=[place],
        )
    )

    place, apart = site(), rng.spawn(1)[0]
    others = [
        c for c in payers[: len(payers) // 2] if people.mortgage[c] == 0
    ]  # not those that are popped below
    friends = [others[i] for i in apart.permutation(len(others))[:7]]
    for one in friends:
        payers.remove(one)
    planted.append(
        Arrangement(
            "over_others",
            True,
            [account(friends[0])],
            take(6, [place]),
            fronts=[account(c) for c in friends[1:4]],
            pending_compounds=[place],
        )
    )
    place = site() + 1
    planted.append(
        Arrangement(
            "in_parts",
            True,
            [account(friends[4])],
            take(5, [place]),
            parts=2,
            jitter=0.05,
            first_quarter=6,
            pending_compounds=[place],
        )
    )
    place = site() + 2
    planted.append(
        Arrangement(
            "payers_of_one_household",
            True,
            [account(c) for c in friends[5:7]],
            take(4, [place]),
            first_quarter=5,
            pending_compounds=[place],
            by_loan=True,
        )
    )

    # look-alikes
    for _ in range(2):
        planted.append(
            Arrangement("parent_of_two", False, [account(payers.pop())], take(2, [site()]))
        )
        planted.append(
            Arrangement(
                "housing_allowance",
                False,
                [account(firms.pop())],
                take(8, [4 * i for i in range(8)]),
                pays="payday",
            )
        )
    planted.append(
        Arrangement(
            "property_manager", False, [account(payers.pop())], take(8, [site()]), pays="collects"
        )
    )
    planted.append(
        Arrangement("scattered_group", False, [account(payers.pop())], take(5, [0, 4, 8, 12, 16]))
    )
    joint = Arrangement("joint_borrowers", False, [account(payers.pop())], take(3, [site()]))
    lending.co_borrower[joint.loans] = (joint.payers[0] // 2) - people.first
    planted.append(joint)
    return planted


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
    who = np.concatenate([lending.customer, consumer.customer, pending])
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
            "branch_id": branch_ids(people.branch[who]),
            "borrower_id": numbered("C", people.first + who),
            "co_borrower_id": numbered("C", people.first + co, valid=co >= 0),
            "purpose": pa.array(np.where(is_mortgage, "mortgage", "consumer_loan"), text),
            "filed_on": days(filed),
            "amount": amounts((amount * 100).astype(np.int64)),
            "down_payment": amounts((amount * 42).astype(np.int64), is_mortgage),
            "down_payment_account": numbered("A", down, 10, valid=down >= 0),
            "repayment_account": numbered("A", people.account[who], 10),
            "compound": pa.array(compound_names(compound), text, mask=~is_mortgage),
            "developer": pa.array(developer_names(compound), text, mask=~is_mortgage),
            "status": pa.array(np.r_[np.full(n + m, "approved"), np.full(p, "pending")], text),
        }
    )
    granted = np.minimum(filed[: n + m] + 20, END)
    instalment = np.concatenate([lending.instalment, consumer.instalment])
    loans = pa.table(
        {
            "loan_id": numbered("L", number[: n + m], 9),
            "application_id": numbered("P", number[: n + m], 9),
            "account_id": numbered("A", people.account[who[: n + m]], 10),
            "borrower_id": numbered("C", people.first + who[: n + m]),
            "kind": pa.array(np.where(is_mortgage[: n + m], "mortgage", "consumer_loan"), text),
            "granted_on": days(granted),
            "amount": amounts((amount[: n + m] * 100).astype(np.int64)),
            "months": np.concatenate([lending.months, np.full(m, 36)]),
            "instalment": amounts(instalment.astype(np.int64)),
            "due_day": np.concatenate([lending.due_day, consumer.due_day]),
            "status": pa.array(np.concatenate([lending.status, np.full(m, "running")]), text),
        }
    )
    return {"loan_applications": applications, "loans": loans}


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
