"""A signal: what it is called, what it weighs, what the reader is told, and how it is found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import pandas as pd
from pydantic import BaseModel

from analysis.risk.cases import Proof, proof
from analysis.risk.reuse import reused

#: A reason of so many points is strong: no case of cards or bills without one.
STRONG = 3

Seen = TypeVar("Seen")
Settings = TypeVar("Settings", bound=BaseModel)


def transactions(rows: pd.DataFrame) -> Proof:
    """Payments as evidence, from payer to payee."""
    return proof(rows, "transactions")


@dataclass(frozen=True)
class Signal(Generic[Seen, Settings]):
    """One reason for a case. A detector lists its signals in reading order.

    code: what is stored.
    points: its stated weight.
    words: what the reader is told, marked for translation.
    find: from what the detector has seen, and its settings, to the rows that show the signal; no
    rows where it is not there.
    proves: those rows as evidence.
    of_cases: whether it is looked for only once a case stands, and so makes none.
    """

    code: str
    points: int
    words: str
    find: Callable[[Seen, Settings], pd.DataFrame]
    proves: Callable[[pd.DataFrame], Proof] = transactions
    of_cases: bool = False

    @property
    def strong(self) -> bool:
        """Whether it carries a case."""
        return self.points >= STRONG


@reused
def rows_of(signal: Signal[Seen, Settings], seen: Seen, settings: Settings) -> pd.DataFrame:
    """The rows that show a signal."""
    return signal.find(seen, settings)


def proofs(
    signals: tuple[Signal[Seen, Settings], ...], seen: Seen, settings: Settings
) -> dict[str, Proof]:
    """Evidence by reason, in reading order, of the signals that are there."""
    shown = {s: rows_of(s, seen, settings) for s in signals}
    return {s.code: s.proves(rows) for s, rows in shown.items() if len(rows)}
