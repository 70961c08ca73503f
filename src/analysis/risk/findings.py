"""What the pages of the investigations show: alerts in words, cases one by one, and what is new."""

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping

import pandas as pd

from analysis.language import (
    day_in_words,
    listed,
    money,
    ngettext,
    quarter_in_words,
    say,
    sentences,
    within,
)
from analysis.risk.detectors import POINTS
from analysis.risk.dispositions import DECIDED, decided_in, precision_by, precision_by_reason
from analysis.risk.kinds import KINDS
from analysis.risk.known import GROWN, VICTIMS
from analysis.risk.record import WindowFacts
from analysis.risk.scorecard import Scorecard
from analysis.risk.words import label, severity, threshold, words

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


def live(alerts: pd.DataFrame) -> pd.DataFrame:
    """The alerts without those cleared and without new evidence."""
    return alerts[~alerts["suppressed"].astype(bool)].reset_index(drop=True)


def of_kind(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows of one kind, those cleared and without new evidence left out."""
    shown = live(rows) if "suppressed" in rows else rows
    return shown[shown["kind"] == kind].reset_index(drop=True)


def of_alert(rows: pd.DataFrame, alert_id: str) -> pd.DataFrame:
    """The rows of one alert."""
    return rows[rows["alert_id"] == alert_id].reset_index(drop=True)


def left_out(tables: list[str]) -> str:
    """That signals are left out for want of tables; empty where none are."""
    if not tables:
        return ""
    return say(
        "The bank does not deliver {tables}; the signals that need them are left out."
    ).format(tables=listed(tables))


def passed_over(parties: list[str], most: int) -> str:
    """That parties with too many others are passed over; empty where none are."""
    if not parties:
        return ""
    return say(
        "{n} parties deal with more than {most} others and are passed over as authorities, "
        "utilities or markets: {parties}."
    ).format(n=len(parties), most=f"{most:,}", parties=listed(parties[:10]))


def unknown(alerts: list[str]) -> str:
    """That dispositions name alerts nobody knows; empty where none do."""
    if not alerts:
        return ""
    return say("Dispositions name alerts that are not known and were set aside: {alerts}.").format(
        alerts=listed(alerts)
    )


def suppressed(alerts: pd.DataFrame, kind: str) -> str:
    """How many alerts were cleared and have no new evidence; empty where there are none."""
    if alerts.empty:
        return ""
    n = int((alerts["kind"].eq(kind) & alerts["suppressed"].astype(bool)).sum())
    if not n:
        return ""
    return say("Cleared earlier, without new evidence, and not shown again: {n}.").format(n=n)


def shown_in_full(shown: pd.DataFrame, alerts: pd.DataFrame) -> str:
    """That not every alert is shown case by case; empty where all are."""
    if len(shown) == len(alerts):
        return ""
    return say(
        "The {n} alerts of the highest rank are shown in full; the lists beside this page "
        "have the evidence of all {total}."
    ).format(n=len(shown), total=len(alerts))


def in_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Alerts, parties, evidence or holds with their codes in the reader's words."""
    of: dict[str, Callable[[str], str]] = {
        "reasons": words,
        "new_reasons": words,
        "severity": severity,
        "action": label,
        "about": lambda about: listed(about.split(", ")),
        "role": lambda r: within(label(r)),
        "reason": label,
        "status": label,
        "kind": label,
        "threshold": threshold,
        "age": label,
        "trait": label,
    }
    if {"action", "status"} <= set(rows):
        rows = rows.assign(action=rows["action"].mask(rows["status"] == "confirmed", "follow up"))
    return rows.assign(
        **{
            c: rows[c].map(lambda v, f=f: f(v) if isinstance(v, str) else "")
            for c, f in of.items()
            if c in rows
        }
    )


def facts(alerts: pd.DataFrame, *names: str) -> pd.DataFrame:
    """alert_id, and a column for each of the figures named; empty where a case has none."""
    figures = [
        {"alert_id": a, **{n: json.loads(f).get(n) for n in names}}
        for a, f in zip(alerts["alert_id"], alerts["facts"], strict=True)
    ]
    return pd.DataFrame(figures, columns=["alert_id", *names])


def roles(parties: pd.DataFrame, alert_id: str) -> pd.DataFrame:
    """The parties of an alert, those who may be victims last, with what each paid and got in the
    evidence.
    """
    own_parties = parties[parties["alert_id"] == alert_id]
    own_parties = own_parties.assign(
        victim=own_parties["role"].isin(VICTIMS), moved=own_parties["paid"] + own_parties["got"]
    )
    return own_parties.sort_values(
        ["victim", "role", "moved", "party"], ascending=[True, True, False, True], ignore_index=True
    )


def payments(evidence: pd.DataFrame, alert_id: str, kind: str) -> pd.DataFrame:
    """The evidence of an alert in order of time, each row once, with the weightiest reason it
    proves.
    """
    proofs = evidence[evidence["alert_id"] == alert_id]
    weight = proofs["reason"].map(POINTS[kind])
    proofs = proofs.assign(weight=weight).sort_values(["weight", "reason"], ascending=[False, True])
    once = proofs.drop_duplicates(["source", "evidence_id", "payer", "payee"])
    return once.drop(columns="weight").sort_values(["booked_at", "evidence_id"], ignore_index=True)


def as_of_now(history: pd.DataFrame, live: pd.DataFrame, end: dt.date) -> pd.DataFrame:
    """The history with alerts that came back after a decision as open, since that decision.

    history: columns HISTORY. live: alerts shown. end: of the quarter.
    """
    back = history["alert_id"].isin(live.loc[live["status"] == "open", "alert_id"])
    back &= history["status"].isin(DECIDED)
    since = (pd.Timestamp(end) - pd.to_datetime(history["decided_on"])).dt.days
    return history.assign(
        status=history["status"].mask(back, "open"),
        days=history["days"].mask(back, since).astype(int),
    )


def case_title(alert: pd.Series) -> str:
    """What a case is called: its identifier, and what it is about."""
    if not alert["about"]:
        return str(alert["alert_id"])
    about = listed(str(alert["about"]).split(", "))
    return say("{alert}: {about}").format(alert=alert["alert_id"], about=about)


def story(alert: pd.Series, flows: pd.DataFrame, parties: pd.DataFrame) -> str:
    """What happened, in two or three sentences: who and how much, why it is an alert, and what
    became of it so far.
    """
    told = [
        ngettext(
            "{amount} at stake: {payments} rows of evidence from {first} to {last}, {n} party.",
            "{amount} at stake: {payments} rows of evidence from {first} to {last}, {n} parties.",
            len(parties),
        ).format(
            n=len(parties),
            payments=len(flows),
            first=day_in_words(flows["booked_at"].min()) if len(flows) else "–",
            last=day_in_words(flows["booked_at"].max()) if len(flows) else "–",
            amount=money(float(alert["amount"]), in_full=True),
        ),
        say("Why: {reasons}.").format(
            reasons=words(" ".join(str(alert["reasons"]).split(" ")[:3]))
        ),
    ]
    if alert["new_reasons"] and pd.notna(alert["decided_on"]):
        told.append(
            say("It was decided on {day} and is back with new reasons: {reasons}.").format(
                day=day_in_words(pd.Timestamp(alert["decided_on"])),
                reasons=words(str(alert["new_reasons"])),
            )
        )
    elif alert["status"] == "confirmed":
        told.append(say("It was confirmed: keep what is stopped, and report it."))
    elif came_back(alert):
        told.append(back_again(alert))
    elif pd.notna(alert["decided_on"]) and pd.notna(alert["amount_before"]):
        told.append(
            say("It was looked at on {day}, when {before} were at stake, and is open.").format(
                day=day_in_words(pd.Timestamp(alert["decided_on"])),
                before=money(float(alert["amount_before"]), in_full=True),
            )
        )
    return sentences(*told)


def came_back(alert: pd.Series) -> bool:
    """Whether an alert was cleared and is open again."""
    return bool(alert["status"] == "open" and alert["last_outcome"] == "cleared")


def back_again(alert: pd.Series) -> str:
    """When an alert was cleared, and why it is open again: new reasons, new parties, or an amount
    that has doubled (see `known.Sighting.is_new_evidence`).
    """
    why = []
    if alert["new_reasons"]:
        why.append(say("new reasons: {reasons}").format(reasons=words(str(alert["new_reasons"]))))
    if alert["new_parties"]:
        why.append(
            ngettext("{n} new party", "{n} new parties", int(alert["new_parties"])).format(
                n=int(alert["new_parties"])
            )
        )
    if pd.notna(alert["amount_before"]) and alert["amount"] >= GROWN * alert["amount_before"]:
        why.append(
            say("the amount at stake was {before} then").format(
                before=money(float(alert["amount_before"]), in_full=True)
            )
        )
    return say("It was cleared on {day} and is back: {why}.").format(
        day=day_in_words(pd.Timestamp(alert["decided_on"])), why=listed(why)
    )


def telling(flows: pd.DataFrame, kind: str, most: int) -> pd.DataFrame:
    """The rows of evidence that tell most, in order of time: those of the weightiest reasons first,
    of these the new ones, of these the largest. flows: as from `payments`.
    """
    order = flows.assign(weight=flows["reason"].map(POINTS[kind]).fillna(0))
    order = order.sort_values(
        ["weight", "is_new", "amount", "evidence_id"], ascending=[False, False, False, True]
    )
    return (
        order.head(most)
        .drop(columns="weight")
        .sort_values(["booked_at", "evidence_id"], ignore_index=True)
    )


def seen_over_time(over_time: Mapping[str, pd.DataFrame], alert_id: str) -> pd.DataFrame:
    """How an alert was seen in each quarter: quarter, severity, status, parties, amount."""
    seen = [
        alerts[alerts["alert_id"] == alert_id].assign(quarter=quarter)
        for quarter, alerts in over_time.items()
    ]
    rows = [part for part in seen if len(part)]
    columns = ["quarter", "severity", "status", "parties", "amount"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def changed_by(curve: pd.DataFrame) -> pd.DataFrame:
    """The settings of a curve that would have added or lost an alert: columns CURVE."""
    return curve[(curve["added"] + curve["lost"]).astype(float) > 0]


def decisions(history: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The alerts of a kind that were decided, the last decision first."""
    decided = history[(history["kind"] == kind) & history["status"].isin(DECIDED)]
    return decided.sort_values(
        ["decided_on", "alert_id"], ascending=[False, True], ignore_index=True
    )


def delivered(alerts: pd.DataFrame) -> pd.DataFrame:
    """The list of alerts that staff get."""
    confirmed = alerts["status"] == "confirmed"
    return alerts.assign(action=alerts["action"].mask(confirmed, "follow up"))[LISTED]


def confirmed_by_reason(history: pd.DataFrame, kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Precision per reason over all decisions of a kind; and the same with how it was in each
    quarter of decision (`quarter`; that of all in words). Columns reason, and PRECISION.
    """
    of_kind_ = history[history["kind"] == kind]
    overall = precision_by_reason(of_kind_).assign(quarter=say("all quarters"))
    by_quarter = precision_by_reason(of_kind_.assign(quarter=decided_in(of_kind_)), ["quarter"])
    return overall, pd.concat([overall, by_quarter], ignore_index=True)


def confirmed_by_branch(history: pd.DataFrame) -> pd.DataFrame:
    """Precision per kind and branch."""
    return precision_by(history, ["kind", "branch_id"])


def scorecard_words(card: Scorecard | None, history: pd.DataFrame, kind: str, enough: int) -> str:
    """How the alerts of a kind are ranked."""
    decided = int((history["kind"].eq(kind) & history["status"].isin(DECIDED)).sum())
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
    if card.held_out is None:
        return text
    held_out = say(
        "On the {n} decisions of {quarter}, which it was not fitted on, its AUC is {auc} ({low} to "
        "{high}) and its Brier score {brier} (the mean alone: {base})."
    ).format(
        n=card.held_out.n,
        quarter=quarter_in_words(card.held_out.quarter),
        auc=f"{card.held_out.auc:.2f}",
        low=f"{card.held_out.auc_low:.2f}",
        high=f"{card.held_out.auc_high:.2f}",
        brier=f"{card.held_out.brier:.3f}",
        base=f"{card.held_out.brier_base:.3f}",
    )
    return sentences(text, held_out)


def weights(card: Scorecard | None, kind: str) -> pd.DataFrame:
    """The reasons of a kind, the weightiest first.

    reason: code
    points: int, stated
    weight: float, of the scorecard, log odds; empty without one
    """
    fitted = card.weights if card else {}
    reasons = [
        {"reason": reason, "points": points, "weight": fitted.get(reason)}
        for reason, points in POINTS[kind].items()
    ]
    return pd.DataFrame(reasons).sort_values(
        ["weight", "points", "reason"], ascending=[False, False, True], ignore_index=True
    )


def unfollowed(window: WindowFacts) -> str:
    """That no money can be followed, where no entry names another account; empty else."""
    if window.followed:
        return ""
    return say(
        "No entry of the quarter names the account of the other side, so no money can be followed "
        "from one account to another: that there is no alert does not say that there is no case."
    )


#: How many alerts there are: column to its type. kind, severity: codes.
BY_SEVERITY = {"kind": "str", "severity": "str", "alerts": "int"}


def by_severity(alerts: pd.DataFrame) -> pd.DataFrame:
    """How many alerts there are: the columns `BY_SEVERITY`."""
    counts = alerts.groupby(["kind", "severity"], as_index=False).agg(alerts=("alert_id", "size"))
    return counts[list(BY_SEVERITY)]


def per_thousand(
    alerts: pd.DataFrame, customers: int, examined: Collection[str] = tuple(KINDS)
) -> pd.DataFrame:
    """The alerts of each kind that was examined, against the customers of the bank.

    kind: code
    alerts: int
    severe: int, of high severity
    amount: float, bank's currency
    per_1000: float, alerts of 1,000 customers
    """
    by_kind = (
        alerts.groupby("kind")
        .agg(
            alerts=("alert_id", "size"),
            severe=("severity", lambda s: int((s == "high").sum())),
            amount=("amount", "sum"),
        )
        .reindex([kind for kind in KINDS if kind in examined], fill_value=0)
    )
    return by_kind.assign(per_1000=1000 * by_kind["alerts"] / max(customers, 1)).reset_index()
