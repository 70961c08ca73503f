"""What a detector finds: a case with its parties, the reasons for it and the rows that prove
each.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from analysis.contract import AMOUNT
from analysis.quarters import Quarter

#: A row that proves a reason.
EVIDENCE = {
    "source": "string",  # the contract's table it is from
    "evidence_id": "string",  # its identifier there
    "booked_at": "timestamp(6)",
    "payer": "string",
    "payee": "string",
    "amount": "float64",  # bank's currency
    "note": "string",  # a remark in a code
}
#: The engine's types as pandas has them.
IN_PANDAS = {
    "string": "str",
    "int64": "int64",
    "float64": "float64",
    "boolean": "bool",
    AMOUNT: "object",
    "date": "datetime64[s]",
    "timestamp(6)": "datetime64[us]",
}


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
    """One case."""

    anchors: list[str]  # parties by which it is known again next quarter
    reasons: dict[str, Proof]  # by code
    roles: dict[str, str]  # party to its part
    amount: float  # bank's currency
    about: str = ""  # in the bank's words
    facts: dict[str, float | str] = field(default_factory=dict)  # figures of the case by code

    @property
    def first_on(self) -> dt.date:
        """Day of the oldest piece of evidence."""
        return min(pd.Timestamp(e.rows["booked_at"].min()) for e in self.reasons.values()).date()

    @property
    def last_on(self) -> dt.date:
        """Day of the newest piece of evidence."""
        return max(pd.Timestamp(e.rows["booked_at"].max()) for e in self.reasons.values()).date()


def with_columns(rows: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The rows with exactly these columns, in this order; of these types where there is no row."""
    if rows.empty:
        return pd.DataFrame({c: pd.Series(dtype=IN_PANDAS[t]) for c, t in columns.items()})
    return rows[list(columns)].reset_index(drop=True)


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


def _in_order(evidence: pd.DataFrame) -> pd.DataFrame:
    evidence = evidence.drop_duplicates(["source", "evidence_id"])
    return evidence.sort_values(["booked_at", "evidence_id"], ignore_index=True)


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
