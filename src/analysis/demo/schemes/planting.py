"""What the investigations are to find in the demo bank beside the mortgages, and the innocent
look-alikes of each kind.

Cash-out of credit cards, illegal fund-raising and illegal acceptance of bills, each in several
variants: over branches and quarters, with amounts that vary, with one hop more than usual, or
incomplete. What is planted is written to `truth/`; no code that judges the bank's data reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.demo import plan
from analysis.demo.entries import Entries
from analysis.demo.lending import EXTERNAL
from analysis.demo.people import END, GROUPS, QUARTERS, People

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
    # number, category, region, owner or -1
    merchants: list[tuple[int, str, str, int]] = field(default_factory=list)
    bills: list[dict[str, object]] = field(default_factory=list)
    invoices: list[dict[str, object]] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    # column of customers to customer to value
    overrides: dict[str, dict[int, object]] = field(default_factory=dict)
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
