"""The kinds of case: what each is called, the tables it needs, how far back it looks, and the
stated points of its reasons.
"""

from dataclasses import dataclass

from analysis.storage import text_fingerprint

#: A reason of so many points is strong: no case without one.
STRONG = 3
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
    points: dict[str, int]  # reason to its stated points


KINDS = {
    k.name: k
    for k in (
        Kind(
            "risk_mortgage",
            "RM",
            "mortgage",
            ("account_holders", "loans", "loan_applications"),
            (),
            2,
            {
                "one_payer_for_many": 3,
                "same_site": 3,
                "over_others": 2,
                "same_down_payment": 2,
                "payers_related": 1,
                "employed_by_developer": 1,
                "filed_together": 1,
                "several_late": 1,
                "paid_in_parts": 1,
            },
        ),
        Kind(
            "risk_card_cashout",
            "RC",
            "card_cashout",
            ("account_holders", "products", "cards", "merchants"),
            (),
            2,
            {
                "returned_by_owner": 4,
                "emptied_after_repayment": 3,
                "merchant_of_such_cards": 2,
                "emptied_once": 1,
                "near_limit": 1,
                "round_in_a_row": 1,
                "many_swipes_a_day": 1,
                "at_night": 1,
                "out_of_category": 1,
                "two_regions": 1,
                "around_statement": 1,
            },
        ),
        Kind(
            "risk_fundraising",
            "RF",
            "fundraising",
            ("account_holders",),
            ("products",),
            6,
            {
                "fixed_share_back": 4,
                "words_of_investment": 3,
                "high_rate": 1,
                "new_pays_old": 1,
                "through_transit": 1,
                "multiples_of_a_unit": 1,
                "payers_grow": 1,
                "old_payers": 1,
                "account_woken": 1,
                "many_payers": 1,
            },
        ),
        Kind(
            "risk_acceptance",
            "RA",
            "acceptance",
            ("account_holders", "bills"),
            ("invoices", "bill_events"),
            4,
            {
                "proceeds_come_back": 4,
                "drawers_in_a_circle": 3,
                "invoice_used_twice": 3,
                "invoice_cancelled": 3,
                "no_papers": 3,
                "pays_the_next_margin": 2,
                "related_parties": 1,
                "redeems_another": 1,
                "invoice_differs": 1,
                "no_invoice": 1,
                "no_contract": 1,
                "rolled_over": 1,
                "beyond_turnover": 1,
                "new_company": 1,
                "no_other_business": 1,
            },
        ),
    )
}

#: What is written of the alerts of a quarter, by branch.
MARTS = ("risk_alert", "risk_evidence", "risk_party", "risk_hold", "risk_history", "risk_curve")
#: The tables a report on a kind cannot do without.
RISK_NEEDS = {name: kind.needs for name, kind in KINDS.items()} | {
    "risk_overview": ("account_holders",)
}

#: The columns of each and their types in the engine.
ALERTS = {
    "alert_id": "string",
    "branch_id": "string",
    "kind": "string",
    "severity": "string",
    "status": "string",
    "rank": "int64",
    "points": "int64",
    "score": "float64",
    "about": "string",
    "parties": "int64",
    "branches": "string",
    "amount": "float64",
    "first_on": "date",
    "last_on": "date",
    "reasons": "string",
    "new_reasons": "string",
    "new_parties": "int64",
    "amount_before": "float64",
    "first_seen": "string",
    "action": "string",
    "assigned_to": "string",
    "decided_on": "date",
    "suppressed": "boolean",
    "anchors": "string",
    "facts": "string",
}
EVIDENCES = {
    "alert_id": "string",
    "branch_id": "string",
    "kind": "string",
    "reason": "string",
    "source": "string",
    "evidence_id": "string",
    "booked_at": "timestamp(6)",
    "payer": "string",
    "payee": "string",
    "amount": "float64",
    "note": "string",
    "is_new": "boolean",
}
PARTIES = {
    "alert_id": "string",
    "branch_id": "string",
    "kind": "string",
    "party": "string",
    "role": "string",
    "party_branch": "string",
    "paid": "float64",
    "got": "float64",
    "is_new": "boolean",
}
HOLDS = {
    "application_id": "string",
    "alert_id": "string",
    "branch_id": "string",
    "borrower_id": "string",
    "filed_on": "date",
    "compound": "string",
    "developer": "string",
    "amount": "float64",
    "reasons": "string",
    "action": "string",
}
HISTORY = {
    "alert_id": "string",
    "branch_id": "string",
    "kind": "string",
    "first_seen": "string",
    "last_seen": "string",
    "reasons": "string",
    "amount": "float64",
    "status": "string",
    "decided_on": "date",
    "decided_by": "string",
    "why": "string",
    "days": "int64",
}
CURVE = {
    "kind": "string",
    "threshold": "string",
    "value": "float64",
    "in_force": "boolean",
    "alerts": "int64",
    "per_1000": "float64",
    "amount": "float64",
    "added": "int64",
    "lost": "int64",
    "decided": "int64",
    "confirmed": "int64",
    "precision": "float64",
    "precision_low": "float64",
    "precision_high": "float64",
    "recall": "float64",
    "recall_low": "float64",
    "recall_high": "float64",
    "added_ids": "string",
    "lost_ids": "string",
    "branch_id": "string",
}


def alert_id(kind: str, *anchors: str) -> str:
    """The identifier that an alert gets when it is first seen."""
    return f"{KINDS[kind].prefix}-{text_fingerprint(kind, *anchors)[:10]}"


def severity(points: int, held: bool) -> str:
    """high from HIGH points on or where an application is held, medium from MEDIUM on, else low."""
    return "high" if points >= HIGH or held else "medium" if points >= MEDIUM else "low"


def action(kind: str, of_severity: str) -> str:
    """What to do now."""
    if kind == "risk_mortgage" or of_severity == "high":
        return "confirm at once and stop"
    return "confirm" if of_severity == "medium" else "watch"
