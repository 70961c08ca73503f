"""What a detector finds: a case with its parties, the reasons for it and the rows that prove
each.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from analysis.quarters import Quarter

#: Columns of evidence: the contract's table it is from, its identifier there, when, who paid whom,
#: how much, and a remark in a code.
EVIDENCE = ["source", "evidence_id", "booked_at", "payer", "payee", "amount", "note"]


@dataclass(frozen=True)
class Window:
    """The days a detector looks at, both included."""

    first: dt.date
    last: dt.date

    @classmethod
    def of_quarters(cls, last: Quarter, count: int) -> "Window":
        """The quarter and those before it, `count` in all."""
        return cls(last.shifted(1 - count).start, last.end)


class Proof:
    """The rows that prove a reason, made when they are asked for: other thresholds are tried
    without them.
    """

    def __init__(self, make: Callable[[], pd.DataFrame]) -> None:
        self._make = make

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows, with the columns EVIDENCE, in order of time."""
        return self._make()


@dataclass
class Case:
    """One case. anchors: the parties by which it is told again next quarter. roles: party to its
    part. about: what it is about, in the bank's words. facts: figures of the case by code.
    """

    anchors: list[str]
    reasons: dict[str, Proof]
    roles: dict[str, str]
    amount: float
    about: str = ""
    facts: dict[str, float | str] = field(default_factory=dict)

    @property
    def first_on(self) -> dt.date:
        """Day of the oldest piece of evidence."""
        return min(pd.Timestamp(e.rows["booked_at"].min()) for e in self.reasons.values()).date()

    @property
    def last_on(self) -> dt.date:
        """Day of the newest piece of evidence."""
        return max(pd.Timestamp(e.rows["booked_at"].max()) for e in self.reasons.values()).date()


def proof(
    rows: pd.DataFrame,
    source: str,
    evidence_id: str = "transaction_id",
    at: str = "booked_at",
    payer: str = "payer",
    payee: str = "payee",
    note: str = "",
) -> Proof:
    """Rows as evidence, in order of time and each once; the arguments name the columns, `note` the
    remark's.
    """
    return Proof(lambda: _in_order(_as_evidence(rows, source, evidence_id, at, payer, payee, note)))


def together(*proofs: Proof) -> Proof:
    """Several proofs of one reason."""
    return Proof(
        lambda: _in_order(pd.concat([r for p in proofs if len(r := p.rows)], ignore_index=True))
    )


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.drop_duplicates(["source", "evidence_id"])
    return rows.sort_values(["booked_at", "evidence_id"], ignore_index=True)


def _as_evidence(
    rows: pd.DataFrame, source: str, evidence_id: str, at: str, payer: str, payee: str, note: str
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": source,
            "evidence_id": rows[evidence_id].astype(str),
            "booked_at": pd.to_datetime(rows[at]),
            "payer": rows[payer].astype("string"),
            "payee": rows[payee].astype("string"),
            "amount": rows["amount"].astype(float),
            "note": rows[note].astype("string") if note else "",
        }
    )
