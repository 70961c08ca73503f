"""The kinds of case: what each is called, the tables it needs and how far back it looks; and the
columns of what is written of their alerts. Imports nothing heavy: whoever only asks for a column
does not load the detectors.
"""

from dataclasses import dataclass

from analysis.storage import text_fingerprint

#: From so many points on, an alert's severity is high; from so many on, medium.
HIGH, MEDIUM = 7, 5


@dataclass(frozen=True)
class Kind:
    """One kind of case."""

    name: str
    prefix: str  # of the alerts' identifiers
    settings: str  # the part of the params file's `risk`
    needs: tuple[str, ...]  # tables without which nothing is looked for
    likes: tuple[str, ...]  # tables without which signals are left out
    quarters: int  # looked at, the reported one included


KINDS = {
    k.name: k
    for k in (
        Kind(
            "risk_mortgage",
            prefix="RM",
            settings="mortgage",
            needs=("account_holders", "loans", "loan_applications"),
            likes=(),
            quarters=2,
        ),
        Kind(
            "risk_card_cashout",
            prefix="RC",
            settings="card_cashout",
            needs=("account_holders", "products", "cards", "merchants"),
            likes=(),
            quarters=2,
        ),
        Kind(
            "risk_fundraising",
            prefix="RF",
            settings="fundraising",
            needs=("account_holders",),
            likes=("products",),
            quarters=6,
        ),
        Kind(
            "risk_acceptance",
            prefix="RA",
            settings="acceptance",
            needs=("account_holders", "bills"),
            likes=("invoices", "bill_events"),
            quarters=4,
        ),
    )
}

#: An alert: column to its type in the engine.
ALERTS = {
    "alert_id": "string",
    "branch_id": "string",  # the branch that has it
    "kind": "string",  # one of KINDS
    "severity": "string",  # high, medium or low
    "status": "string",  # open, confirmed or cleared
    "rank": "int64",  # within its kind, from 1
    "points": "int64",  # of its reasons
    "score": "float64",  # chance of being confirmed; empty without a scorecard
    "about": "string",  # in the bank's words
    "parties": "int64",  # customers and accounts
    "branches": "string",  # of its parties, separated by blanks
    "amount": "float64",  # bank's currency
    "first_on": "date",  # oldest evidence
    "last_on": "date",  # newest evidence
    "reasons": "string",  # codes, the weightiest first, separated by blanks
    "new_reasons": "string",  # since it was seen or decided last
    "new_parties": "int64",  # victims left out
    "amount_before": "float64",  # when it was seen or decided last, bank's currency
    "first_seen": "string",  # quarter
    "action": "string",
    "assigned_to": "string",  # member of staff
    "decided_on": "date",
    "last_outcome": "string",  # of the decisions so far; empty without any
    "suppressed": "boolean",  # cleared, and no new evidence
    "anchors": "string",  # parties it is known again by, separated by blanks
    "facts": "string",  # figures of the case, JSON
}
#: A row that proves a reason of an alert.
EVIDENCES = {
    "alert_id": "string",
    "branch_id": "string",
    "kind": "string",
    "reason": "string",  # code
    "source": "string",  # the contract's table
    "evidence_id": "string",  # its identifier there
    "booked_at": "timestamp(6)",
    "payer": "string",  # party
    "payee": "string",  # party
    "amount": "float64",  # bank's currency
    "note": "string",  # a code, or an identifier
    "is_new": "boolean",  # of this quarter
}
#: A party of an alert.
PARTIES = {
    "alert_id": "string",
    "branch_id": "string",
    "kind": "string",
    "party": "string",
    "role": "string",  # its part, a code
    "party_branch": "string",  # empty where it is no customer
    "paid": "float64",  # in the evidence, bank's currency
    "got": "float64",  # in the evidence, bank's currency
    "is_new": "boolean",  # since the alert was seen last
}
#: A pending application to hold because of an alert.
HOLDS = {
    "application_id": "string",
    "alert_id": "string",
    "branch_id": "string",  # that received the application
    "borrower_id": "string",
    "filed_on": "date",
    "compound": "string",
    "developer": "string",
    "amount": "float64",  # bank's currency
    "reasons": "string",  # codes, separated by blanks
    "action": "string",
}
#: An alert ever seen, and what became of it.
HISTORY = {
    "alert_id": "string",
    "branch_id": "string",  # that has or had it
    "kind": "string",
    "first_seen": "string",  # quarter
    "last_seen": "string",  # quarter
    # codes separated by blanks: as whoever decided could see them, of an open one when seen last
    "reasons": "string",
    "amount": "float64",  # as for reasons, bank's currency
    "status": "string",  # open, confirmed or cleared
    "decided_on": "date",
    "decided_by": "string",  # member of staff
    "why": "string",  # in the words of staff
    "days": "int64",  # from the end of the quarter first seen in to the decision, or to now
}
#: What one value of a threshold would have given.
CURVE = {
    "kind": "string",
    "threshold": "string",  # setting of the params file
    "value": "float64",
    "in_force": "boolean",  # today's value
    "alerts": "int64",
    "per_1000": "float64",  # alerts, of 1,000 customers
    "amount": "float64",  # bank's currency
    "added": "int64",  # alerts, against today's value
    "lost": "int64",  # alerts, against today's value
    "decided": "int64",  # of the alerts
    "confirmed": "int64",  # of those decided
    "precision": "float64",  # confirmed of those decided
    "precision_low": "float64",
    "precision_high": "float64",
    "recall": "float64",  # of the confirmed ones that any setting finds
    "recall_low": "float64",
    "recall_high": "float64",
    "added_ids": "string",  # alerts, separated by blanks
    "lost_ids": "string",  # alerts, separated by blanks
    "branch_id": "string",  # ALL
}


def alert_id(kind: str, *anchors: str) -> str:
    """The identifier that an alert gets when it is first seen."""
    return f"{KINDS[kind].prefix}-{text_fingerprint(kind, *anchors)[:10]}"


def severity(points: int, holds_application: bool) -> str:
    """high from HIGH points on or where an application is held, medium from MEDIUM on, else low."""
    if points >= HIGH or holds_application:
        return "high"
    return "medium" if points >= MEDIUM else "low"


def action(kind: str, of_severity: str) -> str:
    """What to do now."""
    if kind == "risk_mortgage" or of_severity == "high":
        return "confirm at once and stop"
    return "confirm" if of_severity == "medium" else "watch"
