"""What a detector finds: a case with its parties, the reasons for it and the rows that prove each."""

import datetime as dt
from dataclasses import dataclass, field

import pandas as pd

from analysis.quarters import Quarter

#: Columns of evidence: the contract's table it is from, its identifier there, when, who paid whom, how much, and a remark in a code.
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


@dataclass
class Case:
    """One case. anchors: the parties by which it is told again next quarter. roles: party to its part. about: what it is about,
    in the bank's words. facts: figures of the case by code."""

    anchors: list[str]
    reasons: dict[str, pd.DataFrame]
    roles: dict[str, str]
    amount: float
    about: str = ""
    facts: dict[str, float | str] = field(default_factory=dict)

    @property
    def first_on(self) -> dt.date:
        """Day of the oldest piece of evidence."""
        return min(pd.Timestamp(e["booked_at"].min()) for e in self.reasons.values()).date()

    @property
    def last_on(self) -> dt.date:
        """Day of the newest piece of evidence."""
        return max(pd.Timestamp(e["booked_at"].max()) for e in self.reasons.values()).date()


def proof(
    rows: pd.DataFrame,
    source: str,
    evidence_id: str = "transaction_id",
    at: str = "booked_at",
    payer: str = "payer",
    payee: str = "payee",
    note: str = "",
) -> pd.DataFrame:
    """Rows as evidence, in order of time and each once; the arguments name the columns, `note` the remark's."""
    made = pd.DataFrame(
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
    return made.drop_duplicates(["source", "evidence_id"]).sort_values(["booked_at", "evidence_id"], ignore_index=True)
