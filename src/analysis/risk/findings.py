"""What the pages of the investigations show: alerts in words, cases one by one, and what is new."""

import json
from collections.abc import Callable

import pandas as pd

from analysis.report.language import say
from analysis.report.words import label, severity, words
from analysis.risk.alerts import VICTIMS
from analysis.risk.dispositions import DECIDED, decided_in, precision_by, precision_by_reason
from analysis.risk.kinds import KINDS

MOST = 6  # alerts shown in full on a page
LISTED = [
    "alert_id",
    "kind",
    "severity",
    "status",
    "rank",
    "points",
    "score",
    "about",
    "parties",
    "branches",
    "amount",
    "first_on",
    "last_on",
    "reasons",
    "new_reasons",
    "new_parties",
    "amount_before",
    "first_seen",
    "action",
    "assigned_to",
    "decided_on",
    "facts",
]


def of_kind(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows of one kind, those cleared and without new evidence left out."""
    live = ~rows["suppressed"].astype(bool) if "suppressed" in rows else True
    return rows[(rows["kind"] == kind) & live].reset_index(drop=True)


def suppressed(rows: pd.DataFrame, kind: str) -> str:
    """How many alerts were cleared and have no new evidence; empty where there are none."""
    n = int((rows["kind"].eq(kind) & rows["suppressed"].astype(bool)).sum()) if len(rows) else 0
    if not n:
        return ""
    return say("Cleared earlier, without new evidence, and not shown again: {n}.").format(n=n)


def shown_in_full(shown: pd.DataFrame, alerts: pd.DataFrame) -> str:
    """That not every alert is shown case by case; empty where all are."""
    if len(shown) == len(alerts):
        return ""
    return say(
        "The {n} alerts of the highest rank are shown in full; the lists beside this page "
        "have the evidence of all {total}. --set most_alerts=… shows more."
    ).format(n=len(shown), total=len(alerts))


def in_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Alerts, parties, evidence or holds with their codes in the reader's words."""
    of: dict[str, Callable[[str], str]] = {
        "reasons": words,
        "new_reasons": words,
        "severity": severity,
        "action": lambda a: label(a).capitalize(),
        "role": lambda r: label(r).lower(),
        "reason": label,
        "status": label,
        "kind": label,
        "threshold": label,
        "age_group": label,
        "trait": label,
    }
    return rows.assign(
        **{
            c: rows[c].map(lambda v, f=f: f(v) if isinstance(v, str) else "")
            for c, f in of.items()
            if c in rows
        }
    )


def facts(alerts: pd.DataFrame, *names: str) -> pd.DataFrame:
    """alert_id and the figures of the cases named."""
    rows = [
        {"alert_id": a, **{n: json.loads(f).get(n) for n in names}}
        for a, f in zip(alerts["alert_id"], alerts["facts"], strict=True)
    ]
    return pd.DataFrame(rows, columns=["alert_id", *names])


def roles(parties: pd.DataFrame, alert_id: str) -> pd.DataFrame:
    """The parties of an alert, those who may be victims last, with what each paid and got in the
    evidence.
    """
    mine = parties[parties["alert_id"] == alert_id]
    mine = mine.assign(victim=mine["role"].isin(VICTIMS), moved=mine["paid"] + mine["got"])
    return mine.sort_values(
        ["victim", "role", "moved", "party"], ascending=[True, True, False, True], ignore_index=True
    )


def payments(evidence: pd.DataFrame, alert_id: str, kind: str) -> pd.DataFrame:
    """The evidence of an alert in order of time, each row once, with the weightiest reason it
    proves.
    """
    mine = evidence[evidence["alert_id"] == alert_id]
    weight = mine["reason"].map(KINDS[kind].points)
    mine = mine.assign(weight=weight).sort_values(["weight", "reason"], ascending=[False, True])
    rows = mine.drop_duplicates(["source", "evidence_id", "payer", "payee"]).drop(columns="weight")
    return rows.sort_values(["booked_at", "evidence_id"], ignore_index=True)


def changed_by(curve: pd.DataFrame) -> pd.DataFrame:
    """The settings of a curve that would have added or lost an alert, with the value as
    `setting`.
    """
    rows = curve[(curve["added"] + curve["lost"]).astype(float) > 0] if len(curve) else curve
    return rows.rename(columns={"value": "setting"})


def decisions(history: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The alerts of a kind that were decided, the last decision first."""
    rows = history[(history["kind"] == kind) & history["status"].isin(DECIDED)]
    return rows.sort_values(["decided_on", "alert_id"], ascending=[False, True], ignore_index=True)


def delivered(alerts: pd.DataFrame) -> pd.DataFrame:
    """The list of alerts that staff get."""
    return alerts[LISTED]


def confirmed_by_reason(history: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Precision per reason over all decisions of a kind, and how it was in each quarter of decision
    (`quarter`; empty: all).
    """
    mine = history[history["kind"] == kind]
    over_time = precision_by_reason(mine.assign(quarter=decided_in(mine)), ["quarter"])
    return pd.concat([precision_by_reason(mine).assign(quarter=""), over_time], ignore_index=True)


def confirmed_by_branch(history: pd.DataFrame) -> pd.DataFrame:
    """Precision per kind and branch."""
    return precision_by(history, ["kind", "branch_id"])


def scorecard_words(
    card: dict[str, object] | None, history: pd.DataFrame, kind: str, enough: int
) -> str:
    """How the alerts of a kind are ranked."""
    decided = (
        int((history["kind"].eq(kind) & history["status"].isin(["confirmed", "cleared"])).sum())
        if len(history)
        else 0
    )
    if card is None:
        return say(
            "Ranked by stated points: {decided} alerts of this kind were decided so far, "
            "and a scorecard is fitted from {enough} on, with at least ten confirmed and "
            "ten cleared."
        ).format(decided=decided, enough=enough)
    text = say(
        "Ranked by a logistic regression on the reasons, whose weights cannot be negative, "
        "fitted on {n} decided alerts."
    ).format(n=decided)
    held = card["held_out"]
    if isinstance(held, dict):
        text += " " + say(
            "On the {n} decisions of {quarter}, which it was not fitted on, its AUC is "
            "{auc} and its Brier score {brier} (the mean alone: {base})."
        ).format(
            n=held["n"],
            quarter=held["quarter"],
            auc=f"{held['auc']:.2f}",
            brier=f"{held['brier']:.3f}",
            base=f"{held['brier_base']:.3f}",
        )
    return text


def weights(card: dict[str, object] | None, kind: str) -> pd.DataFrame:
    """reason, points (stated) and weight (of the scorecard, empty without one), the weightiest
    first.
    """
    fitted = card["weights"] if card else {}
    rows = [
        {
            "reason": r,
            "points_stated": p,
            "weight": fitted.get(r) if isinstance(fitted, dict) else None,
        }
        for r, p in KINDS[kind].points.items()
    ]
    return pd.DataFrame(rows).sort_values(
        ["weight", "points_stated", "reason"], ascending=[False, False, True], ignore_index=True
    )


def headline(alerts: pd.DataFrame, holds: pd.DataFrame | None = None) -> dict[str, str]:
    """The figures of the index."""
    shown = {
        say("Alerts"): str(len(alerts)),
        say("Severity high"): str(int((alerts["severity"] == "high").sum())),
        say("Amount at stake"): f"{alerts['amount'].sum():,.0f}",
    }
    if holds is not None:
        shown[say("Applications to hold")] = str(holds["application_id"].nunique())
    return shown


def per_thousand(alerts: pd.DataFrame, customers: int) -> pd.DataFrame:
    """Alerts, amount and alerts per 1,000 customers of each kind, and how many are of high
    severity.
    """
    live = alerts[~alerts["suppressed"].astype(bool)]
    made = (
        live.groupby("kind")
        .agg(
            alerts=("alert_id", "size"),
            severe=("severity", lambda s: int((s == "high").sum())),
            amount=("amount", "sum"),
        )
        .reindex(list(KINDS), fill_value=0)
    )
    return made.assign(per_1000=1000 * made["alerts"] / max(customers, 1)).reset_index()
