"""Mortgages repaid by one account for many (假按揭): which payers, which properties, what to do now.

Signals and look-alikes after xikww.com newsid=2535; chinavalue.com.cn 2010/2/17; fx361.com 2020/0407/7896886. A case
needs one payer for several unrelated borrowers, in time for their due days, with their properties at one site; a parent
paying for two children, an employer's housing allowance, a property manager and a group whose properties are scattered
do not make one.
"""

from collections.abc import Mapping

import pandas as pd

from analysis.labels import severity, words
from analysis.language import _
from analysis.sources.params import Mortgage
from analysis.storage import text_fingerprint

ALERTS = [
    "alert_id",
    "kind",
    "severity",
    "payer",
    "borrowers",
    "site",
    "branches",
    "amount",
    "first_on",
    "last_on",
    "reasons",
    "action",
    "assigned_to",
    "seen_before",
]
EVIDENCE = [
    "alert_id",
    "reason",
    "transaction_id",
    "loan_id",
    "borrower_id",
    "payer_account",
    "booked_at",
    "amount",
    "instalment",
    "due_on",
    "compound",
    "developer",
]
HOLDS = [
    "application_id",
    "alert_id",
    "branch_id",
    "borrower_id",
    "filed_on",
    "compound",
    "developer",
    "amount",
    "reasons",
    "action",
]


def detect(
    candidates: pd.DataFrame,
    pending: pd.DataFrame,
    earlier: pd.DataFrame,
    settings: Mortgage,
    officers: Mapping[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Alerts, their evidence, and the pending applications to hold, bank-wide.

    candidates: mortgage_payments of one quarter (one row per transfer and mortgage). pending: mortgage_pending.
    earlier: payer and number of borrowers of the quarter before. officers: branch to member of staff. Returns tables with
    the columns ALERTS, EVIDENCE and HOLDS, empty when there is nothing. An alert's id depends on the payer alone, so the
    same case keeps it. Severity: high with five borrowers or more, or a pending application at the site; else medium.
    """
    alerts, evidence, holds = [], [], []
    for payer, paid in candidates.groupby("payer", sort=True) if len(candidates) else []:
        regular = _regularly_paid(paid, settings)
        if regular["borrower_id"].nunique() < settings.min_borrowers:
            continue
        kind_of_site, site, at_site = _site(regular)
        borrowers = regular["borrower_id"].nunique()
        if at_site["borrower_id"].nunique() < max(settings.min_borrowers, settings.same_site_share * borrowers):
            continue
        alert_id = "RM-" + text_fingerprint("risk_mortgage", str(payer))[:10]
        reasons = {"one_payer_for_many": regular, "same_site": at_site, **_further_signals(at_site, settings)}
        held = _related_applications(pending, regular, at_site)
        officer = officers.get(str(at_site["branch_id"].mode().iloc[0]), "")
        alerts.append(
            {
                "alert_id": alert_id,
                "kind": "risk_mortgage",
                "severity": "high" if borrowers >= 5 or len(held) else "medium",
                "payer": payer,
                "borrowers": borrowers,
                "site": f"{kind_of_site}: {site}",
                "branches": " ".join(sorted(regular["branch_id"].unique())),
                "amount": float(regular["amount"].sum()),
                "first_on": regular["booked_at"].min().date(),
                "last_on": regular["booked_at"].max().date(),
                "reasons": " ".join(reasons),
                "action": "confirm at once and stop",
                "assigned_to": officer,
                "seen_before": bool(len(earlier))
                and bool((earlier.loc[earlier["payer"] == payer, "borrowers"] >= settings.min_borrowers).any()),
            }
        )
        for reason, rows in reasons.items():
            evidence.append(rows.assign(alert_id=alert_id, reason=reason)[EVIDENCE])
        holds.append(held.assign(alert_id=alert_id, action="hold until the alert is confirmed or cleared"))
    found = pd.DataFrame(alerts, columns=ALERTS).sort_values(
        ["severity", "amount"], ascending=[True, False], ignore_index=True
    )
    proof = pd.concat(evidence, ignore_index=True) if evidence else pd.DataFrame(columns=EVIDENCE)
    stops = pd.concat(holds, ignore_index=True) if holds else pd.DataFrame(columns=HOLDS)
    return found, proof, stops[HOLDS].drop_duplicates(["application_id", "alert_id"], ignore_index=True)


def _regularly_paid(paid: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """The payments of loans that were paid in at least `min_months` different months' instalments."""
    months = paid.groupby("loan_id")["due_on"].transform("nunique")
    return paid[months >= settings.min_months]


def _site(paid: pd.DataFrame) -> tuple[str, str, pd.DataFrame]:
    """Compound or developer with the most borrowers, and the payments for properties there; the compound where they tie."""
    best: tuple[int, str, str] = (0, "compound", "")
    for column in ("compound", "developer"):
        counts = paid.groupby(column)["borrower_id"].nunique().sort_index()
        if len(counts) and counts.max() > best[0]:
            best = (int(counts.max()), column, str(counts.idxmax()))
    return best[1], best[2], paid[paid[best[1]] == best[2]]


def _further_signals(at_site: pd.DataFrame, settings: Mortgage) -> dict[str, pd.DataFrame]:
    found = {}
    employed = at_site[at_site["employer"].notna() & (at_site["employer"] == at_site["developer"])]
    if employed["borrower_id"].nunique() >= 2:
        found["employed_by_developer"] = employed
    filed = pd.to_datetime(at_site.drop_duplicates("loan_id")["filed_on"]).dropna()
    if len(filed) >= settings.min_borrowers and (filed.max() - filed.min()).days <= settings.cluster_days:
        found["filed_together"] = at_site
    down = at_site[at_site["down_payment_from_payer"].astype(bool)]
    if down["borrower_id"].nunique() >= 2:
        found["same_down_payment"] = down
    late = at_site[at_site["status"].isin(["late", "defaulted"])]
    if late["borrower_id"].nunique() >= 2:
        found["several_late"] = late
    return found


def _related_applications(pending: pd.DataFrame, paid: pd.DataFrame, at_site: pd.DataFrame) -> pd.DataFrame:
    """Pending applications of the alert's compound, developer or parties, each with why it is held."""
    if pending.empty:
        return pd.DataFrame(columns=[c for c in HOLDS if c not in ("alert_id", "action")])
    parties = {*paid["borrower_id"], *paid["payer"]}
    why = pd.DataFrame(
        {
            "same_compound": pending["compound"].isin(at_site["compound"].dropna().unique()),
            "same_developer": pending["developer"].isin(at_site["developer"].dropna().unique()),
            "party_of_the_case": pending["borrower_id"].isin(parties)
            | pending["down_payment_account"].isin(paid["payer_account"].unique()),
        }
    )
    held = pending[why.any(axis=1)]
    return held.assign(reasons=why[why.any(axis=1)].apply(lambda row: " ".join(row.index[row]), axis=1))


def of_branch(
    branch: str, alerts: pd.DataFrame, evidence: pd.DataFrame, holds: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What concerns one branch: alerts with a borrower there, all their evidence, and the applications held there; everything for ALL."""
    if branch == "ALL":
        return alerts, evidence, holds
    mine = alerts[alerts["branches"].map(lambda b: branch in b.split(" ")).astype(bool)].reset_index(drop=True)
    return (
        mine,
        evidence[evidence["alert_id"].isin(mine["alert_id"])].reset_index(drop=True),
        holds[holds["branch_id"] == branch].reset_index(drop=True),
    )


def threshold_curve(candidates: pd.DataFrame, pending: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """How many alerts, borrowers and how much money each setting of `min_borrowers` would give, bank-wide."""
    rows = []
    for least in range(settings.min_borrowers, settings.min_borrowers + 5):
        alerts, _, holds = detect(
            candidates, pending, pd.DataFrame(), settings.model_copy(update={"min_borrowers": least}), {}
        )
        rows.append([least, len(alerts), int(alerts["borrowers"].sum()), float(alerts["amount"].sum()), len(holds)])
    return pd.DataFrame(rows, columns=["min_borrowers", "alerts", "borrowers", "amount", "held_applications"])


def payments_of(alert_id: str, evidence: pd.DataFrame) -> pd.DataFrame:
    """The payments behind an alert in order of time, each once: borrower_id, booked_at, amount, instalment, due_on, compound."""
    rows = evidence[(evidence["alert_id"] == alert_id) & (evidence["reason"] == "one_payer_for_many")]
    return rows.sort_values(["booked_at", "transaction_id"], ignore_index=True)[
        ["transaction_id", "payer_account", "borrower_id", "booked_at", "amount", "instalment", "due_on", "compound"]
    ]


def in_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Alerts or holds with their reasons and severity in the reader's words."""
    words_of = {"reasons": words, "severity": severity}
    return rows.assign(**{c: rows[c].map(f) for c, f in words_of.items() if c in rows})


def headline(alerts: pd.DataFrame, holds: pd.DataFrame) -> dict[str, str]:
    """The figures of the index: alerts and held applications."""
    return {_("Alerts"): str(len(alerts)), _("Applications to hold"): str(holds["application_id"].nunique())}


def stricter(settings: Mortgage, min_borrowers: int | None) -> Mortgage:
    """The params file's thresholds with `min_borrowers` raised, where a report asks for more."""
    return settings.model_copy(update={"min_borrowers": max(min_borrowers or 0, settings.min_borrowers)})
