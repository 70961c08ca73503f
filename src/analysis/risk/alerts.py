"""From cases to alerts: what is new since last quarter, severity, what to do and who is to do
it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.quarters import Quarter
from analysis.risk.cases import EVIDENCE, Case
from analysis.risk.detectors import POINTS
from analysis.risk.dispositions import Decision
from analysis.risk.kinds import ALERTS, EVIDENCES, PARTIES, action, severity
from analysis.risk.known import VICTIMS, KnownAlert, KnownAlerts, Sighting


def points_of(kind: str, reasons: Mapping[str, object] | list[str]) -> int:
    """The stated points of an alert's reasons."""
    return sum(POINTS[kind][r] for r in reasons)


def ordered_reasons(kind: str, reasons: Mapping[str, object]) -> list[str]:
    """Reasons by their points, the weightiest first."""
    return sorted(reasons, key=lambda r: (-POINTS[kind][r], r))


@dataclass(frozen=True)
class Past:
    """What an alert was before this quarter."""

    first_seen: str | None  # quarter
    last: Sighting | None  # when it was seen last
    decision: Decision | None
    when_decided: Sighting | None  # when it was seen last before its decision

    @classmethod
    def of(cls, alert: KnownAlert | None, decision: Decision | None) -> "Past":
        """What is known of an alert, and its last decision."""
        seen = dict(sorted(alert.seen.items())) if alert else {}
        before_decision = [
            sighting
            for quarter, sighting in seen.items()
            if decision and Quarter.parse(quarter).end < decision.done_on
        ]
        return cls(
            next(iter(seen), None),
            next(reversed(seen.values()), None),
            decision,
            next(reversed(before_decision), None),
        )

    @property
    def cleared(self) -> bool:
        """Whether it was cleared."""
        return self.decision is not None and self.decision.outcome == "cleared"

    @property
    def compared(self) -> Sighting | None:
        """What the alert of today is compared with."""
        return (self.when_decided if self.cleared else None) or self.last

    def suppresses(self, now: Sighting) -> bool:
        """Whether it was cleared and has no new evidence."""
        if not self.cleared or self.when_decided is None:
            return False
        return not now.is_new_evidence(self.when_decided)

    def status(self, suppressed: bool) -> str:
        """The last outcome; open without one, and again where a cleared one has come back."""
        if self.decision is None or (self.cleared and not suppressed):
            return "open"
        return self.decision.outcome


def alert_tables(
    kind: str,
    cases: list[tuple[str, Case]],
    alerts_before: KnownAlerts,
    quarter: Quarter,
    decisions: Mapping[str, Decision],
    branch_of: Mapping[str, str],
    officers: Mapping[str, str],
    holds_of: Mapping[str, int],
    scores: Mapping[str, float],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Alerts, evidence and parties of one kind with the columns ALERTS, EVIDENCES and PARTIES.

    cases: by alert, as from `known.identified`. decisions: alert to its last disposition.
    branch_of: customer to branch. officers: branch to member of staff. holds_of: alert to the
    number of applications it holds. scores: alert to the scorecard's value, where there is one.
    """
    alerts, evidence, parties = [], [], []
    for name, case in cases:
        past = Past.of(alerts_before.get(name), decisions.get(name))
        branch, branches = _branches(case, branch_of)
        about = {"alert_id": name, "branch_id": branch, "kind": kind}
        points = points_of(kind, case.reasons)
        level = severity(points, bool(holds_of.get(name)))
        alerts.append(
            about
            | _figures(case, ordered_reasons(kind, case.reasons))
            | _compared(case, past, kind, quarter)
            | {
                "branches": branches,
                "severity": level,
                "rank": 0,
                "points": points,
                "score": scores.get(name),
                "action": action(kind, level),
                "assigned_to": officers.get(branch, ""),
            }
        )
        for reason in ordered_reasons(kind, case.reasons):
            rows = _evidence(case, reason, past, quarter)
            evidence.append(rows.assign(reason=reason, **about))
        parties += [about | party for party in _parties(case, past, branch_of)]
    proofs = pd.concat(evidence, ignore_index=True) if evidence else pd.DataFrame()
    return (
        _ranked(pd.DataFrame(alerts, columns=list(ALERTS))),
        proofs.reindex(columns=list(EVIDENCES)),
        pd.DataFrame(parties, columns=list(PARTIES)),
    )


def _branches(case: Case, branch_of: Mapping[str, str]) -> tuple[str, str]:
    """The branch that has the alert, most of the central parties' or else of all; and all branches
    of its parties.
    """
    homes = pd.Series([branch_of[p] for p in case.roles if p in branch_of], dtype="string")
    central = pd.Series([branch_of[p] for p in case.anchors if p in branch_of], dtype="string")
    main = min((central if len(central) else homes).mode(), default="ALL")
    return main, " ".join(sorted(homes.unique()))


def _figures(case: Case, reasons: list[str]) -> dict[str, object]:
    return {
        "about": case.about,
        "parties": len(case.roles),
        "amount": case.amount,
        "first_on": case.first_on,
        "last_on": case.last_on,
        "reasons": " ".join(reasons),
        "anchors": " ".join(case.anchors),
        "facts": json.dumps(case.facts, ensure_ascii=False, sort_keys=True),
    }


def _compared(case: Case, past: Past, kind: str, quarter: Quarter) -> dict[str, object]:
    """What is new, and what was decided."""
    now, then = Sighting.of(case), past.compared
    suppressed = past.suppresses(now)
    new_reasons = [r for r in ordered_reasons(kind, case.reasons) if then and r not in then.reasons]
    return {
        "status": past.status(suppressed),
        "suppressed": suppressed,
        "decided_on": past.decision.done_on if past.decision else None,
        "last_outcome": past.decision.outcome if past.decision else None,
        "first_seen": min(past.first_seen or str(quarter), str(quarter)),
        "new_reasons": " ".join(new_reasons),
        "new_parties": len(set(now.parties) - set(then.parties)) if then else 0,
        "amount_before": then.amount if then else None,
    }


def _evidence(case: Case, reason: str, past: Past, quarter: Quarter) -> pd.DataFrame:
    """The rows that prove a reason; of an alert seen before, those of this quarter are new."""
    rows = case.reasons[reason].rows[list(EVIDENCE)]
    if past.last is None:
        return rows.assign(is_new=True)
    return rows.assign(is_new=rows["booked_at"].dt.date > quarter.previous.end)


def _parties(case: Case, past: Past, branch_of: Mapping[str, str]) -> list[dict[str, object]]:
    """Who plays which part, with what each paid and got in the evidence."""
    flows = pd.concat(proof.rows for proof in case.reasons.values()).drop_duplicates(
        ["source", "evidence_id", "payer", "payee"]
    )
    paid, received = flows.groupby("payer")["amount"].sum(), flows.groupby("payee")["amount"].sum()
    before = past.last.parties if past.last else None
    return [
        {
            "party": party,
            "role": role,
            "party_branch": branch_of.get(party),
            "paid": float(round(paid.get(party, 0.0), 2)),
            "got": float(round(received.get(party, 0.0), 2)),
            "is_new": before is not None and role not in VICTIMS and party not in before,
        }
        for party, role in case.roles.items()
    ]


def _ranked(alerts: pd.DataFrame) -> pd.DataFrame:
    alerts = alerts.sort_values(
        ["suppressed", "score", "points", "amount", "alert_id"],
        ascending=[True, False, False, False, True],
        ignore_index=True,
    )
    return alerts.assign(rank=range(1, len(alerts) + 1))
