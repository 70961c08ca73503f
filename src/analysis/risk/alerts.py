"""From cases to alerts: identifiers that last, what is new since last quarter, severity, what to do
and who is to do it.

A case is known again by its anchors: one that shares an anchor with an earlier alert of its kind is
that alert, the oldest where there are several. What was cleared does not come back without new
evidence, see docs/decisions/0013-alerts-that-come-back.md.
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.quarters import Quarter
from analysis.risk.cases import EVIDENCE, Case
from analysis.risk.kinds import ALERTS, EVIDENCES, KINDS, PARTIES, action, alert_id, severity

GROWN = 2.0  # a cleared alert comes back when the amount has grown to so many times what it was
VICTIMS = ("investor", "borrower")  # roles that do not make an alert new


Known = dict[str, dict[str, Any]]


def identified(kind: str, cases: list[Case], known: Known) -> list[tuple[str, Case]]:
    """Each case with its alert's identifier; known: what earlier quarters found, by identifier."""
    earlier = [
        (k["first_seen"], alert_id, set(k["anchors"]))
        for alert_id, k in known.items()
        if k["kind"] == kind
    ]
    found: list[tuple[str, Case]] = []
    taken: set[str] = set()
    for case in sorted(cases, key=lambda c: (-c.amount, c.anchors)):
        mine = [
            a
            for _seen, a, anchors in sorted(earlier, key=lambda e: e[:2])
            if anchors & set(case.anchors) and a not in taken
        ]
        name = mine[0] if mine else alert_id(kind, min(case.anchors))
        if name in taken or (not mine and name in known):  # a case that split off
            name = alert_id(kind, *case.anchors, str(len(taken)))
        taken.add(name)
        found.append((name, case))
    return found


def state(case: Case) -> dict[str, Any]:
    """What is remembered of a case to tell what is new later."""
    return {
        "reasons": sorted(case.reasons),
        "parties": sorted(p for p, r in case.roles.items() if r not in VICTIMS),
        "amount": case.amount,
    }


def is_new_evidence(now: dict[str, Any], then: dict[str, Any]) -> bool:
    """Whether a cleared alert has come back: a new reason, a new party, or an amount that has
    doubled.
    """
    return bool(
        set(now["reasons"]) - set(then["reasons"])
        or set(now["parties"]) - set(then["parties"])
        or now["amount"] >= GROWN * then["amount"]
    )


def points_of(kind: str, reasons: Mapping[str, object] | list[str]) -> int:
    """The stated points of an alert's reasons."""
    return sum(KINDS[kind].points[r] for r in reasons)


def ordered_reasons(kind: str, reasons: Mapping[str, object]) -> list[str]:
    """Reasons by their points, the weightiest first."""
    return sorted(reasons, key=lambda r: (-KINDS[kind].points[r], r))


def alert_tables(
    kind: str,
    found: list[tuple[str, Case]],
    known: Known,
    quarter: Quarter,
    decisions: Mapping[str, Mapping[str, Any]],
    branch_of: Mapping[str, str],
    officers: Mapping[str, str],
    held: Mapping[str, int],
    scores: Mapping[str, float],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Alerts, evidence and parties of one kind with the columns ALERTS, EVIDENCES and PARTIES.

    decisions: alert to its last disposition (`outcome`, `done_on`). branch_of: customer to branch.
    officers: branch to member of staff.
    held: alert to the number of applications it holds. scores: alert to the scorecard's value,
    where there is one.
    """
    alerts, evidence, parties = [], [], []
    for name, case in found:
        before = known.get(name, {}).get("seen", {})
        last = before[max(before)] if before else None
        decided = decisions.get(name)
        now = state(case)
        cleared = decided is not None and decided["outcome"] == "cleared"
        then = [
            before[q]
            for q in sorted(before)
            if decided and str(Quarter.parse(q).end) < str(decided["done_on"])
        ]
        suppressed = cleared and bool(then) and not is_new_evidence(now, then[-1])
        homes = pd.Series([branch_of[p] for p in case.roles if p in branch_of], dtype="string")
        central = pd.Series([branch_of[p] for p in case.anchors if p in branch_of], dtype="string")
        main = min((central if len(central) else homes).mode(), default="ALL")
        points = points_of(kind, case.reasons)
        level = severity(points, bool(held.get(name)))
        reasons = ordered_reasons(kind, case.reasons)
        compared = then[-1] if cleared and then else last
        alerts.append(
            {
                "alert_id": name,
                "branch_id": main,
                "kind": kind,
                "severity": level,
                "status": "open"
                if decided is None or (cleared and not suppressed)
                else decided["outcome"],
                "rank": 0,
                "points": points,
                "score": scores.get(name),
                "about": case.about,
                "parties": len(case.roles),
                "branches": " ".join(sorted(homes.unique())),
                "amount": case.amount,
                "first_on": case.first_on,
                "last_on": case.last_on,
                "reasons": " ".join(reasons),
                "new_reasons": " ".join(
                    r for r in reasons if compared and r not in compared["reasons"]
                ),
                "new_parties": len(set(now["parties"]) - set(compared["parties"]))
                if compared
                else 0,
                "amount_before": compared["amount"] if compared else None,
                "first_seen": min([*before, str(quarter)]),
                "action": action(kind, level),
                "assigned_to": officers.get(main, ""),
                "decided_on": decided["done_on"] if decided is not None else None,
                "suppressed": suppressed,
                "anchors": " ".join(case.anchors),
                "facts": json.dumps(case.facts, ensure_ascii=False, sort_keys=True),
            }
        )
        flows = pd.concat(p.rows for p in case.reasons.values()).drop_duplicates(
            ["source", "evidence_id", "payer", "payee"]
        )
        paid, got = flows.groupby("payer")["amount"].sum(), flows.groupby("payee")["amount"].sum()
        for reason in reasons:
            rows = case.reasons[reason].rows[EVIDENCE]
            new = (
                rows["booked_at"].dt.date > quarter.previous.end
                if last
                else pd.Series(True, index=rows.index)
            )
            evidence.append(
                rows.assign(alert_id=name, branch_id=main, kind=kind, reason=reason, is_new=new)
            )
        for party, role in case.roles.items():
            parties.append(
                {
                    "alert_id": name,
                    "branch_id": main,
                    "kind": kind,
                    "party": party,
                    "role": role,
                    "party_branch": branch_of.get(party),
                    "paid": float(round(paid.get(party, 0.0), 2)),
                    "got": float(round(got.get(party, 0.0), 2)),
                    "is_new": last is not None
                    and role not in VICTIMS
                    and party not in last["parties"],
                }
            )
    table = pd.DataFrame(alerts, columns=list(ALERTS))
    table = table.sort_values(
        ["suppressed", "score", "points", "amount", "alert_id"],
        ascending=[True, False, False, False, True],
        ignore_index=True,
    )
    table["rank"] = range(1, len(table) + 1)
    proofs = (
        pd.concat(evidence, ignore_index=True)
        if evidence
        else pd.DataFrame(columns=list(EVIDENCES))
    )
    return table, proofs[list(EVIDENCES)], pd.DataFrame(parties, columns=list(PARTIES))


def remembered(known: Known, kind: str, found: list[tuple[str, Case]], quarter: Quarter) -> None:
    """Add what was found in the quarter to what is known; the anchors of an alert only grow."""
    for name, case in found:
        entry = known.setdefault(
            name, {"kind": kind, "first_seen": str(quarter), "anchors": [], "seen": {}}
        )
        entry["anchors"] = sorted({*entry["anchors"], *case.anchors})
        entry["seen"][str(quarter)] = state(case)
