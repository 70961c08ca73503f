"""What was found in a quarter: cases become alerts, are known again, and hold applications."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from ibis import _

from analysis.quarters import Quarter
from analysis.risk import mortgage
from analysis.risk.alerts import alert_tables
from analysis.risk.bias import group_counts
from analysis.risk.cases import Case, Window
from analysis.risk.detectors import DETECTORS
from analysis.risk.dispositions import decided_until, history, latest
from analysis.risk.kinds import ALERTS, EVIDENCES, HOLDS, KINDS, PARTIES
from analysis.risk.known import KnownAlert, KnownAlerts, identified, remembered
from analysis.risk.record import QuarterRecord, WindowFacts
from analysis.risk.scorecard import Scorecard, fit, score
from analysis.risk.transfers import Tables, in_window, listed
from analysis.sources.params import Risk

HOLD = "hold until the alert is cleared"
Candidates = Mapping[str, dict[str, pd.DataFrame]]  # by kind, of those that can be looked for


@dataclass(frozen=True)
class QuarterFindings:
    """What a quarter's investigations found, as it is written.

    The columns are those of `analysis.risk.kinds`.
    """

    alerts: pd.DataFrame  # columns ALERTS
    evidence: pd.DataFrame  # columns EVIDENCES
    parties: pd.DataFrame  # columns PARTIES
    holds: pd.DataFrame  # columns HOLDS
    history: pd.DataFrame  # columns HISTORY
    record: QuarterRecord


def found_in_quarter(
    tables: Tables,
    candidates: Candidates,
    alerts_before: KnownAlerts,
    quarter: Quarter,
    settings: Risk,
) -> QuarterFindings:
    """The alerts of a quarter over all branches; `alerts_before`: those of earlier quarters."""
    decided, unknown = decided_until(tables, alerts_before, quarter)
    decisions, officers = latest(decided), _officers(tables)
    past = history(alerts_before, decided, quarter, {})
    alerts_so_far = dict(alerts_before)
    holds = pd.DataFrame(columns=list(HOLDS))
    by_kind: list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]] = []
    cards: dict[str, Scorecard | None] = {}
    for kind, frames in candidates.items():
        limits = getattr(settings, KINDS[kind].settings)
        cases = identified(kind, DETECTORS[kind].cases(frames, limits), alerts_so_far)
        if kind == "risk_mortgage":
            window = Window.of_quarters(quarter, KINDS[kind].quarters)
            holds = _holds(tables, window, cases)
        card = cards[kind] = fit(past, kind, settings.enough_dispositions)
        by_kind.append(
            alert_tables(
                kind,
                cases,
                alerts_so_far,
                quarter,
                decisions,
                branch_of=_branches(tables, cases),
                officers=officers,
                holds_of=holds["alert_id"].value_counts().to_dict(),
                scores={a: score(card, list(c.reasons)) for a, c in cases} if card else {},
            )
        )
        alerts_so_far = remembered(alerts_so_far, kind, cases, quarter)
    alerts, evidence, parties = _of_all_kinds(by_kind)
    live = alerts[~alerts["suppressed"].astype(bool)]
    alerts_so_far = _with_branches(alerts_so_far, alerts)
    branch_of = {alert: entry.branch for alert, entry in alerts_so_far.items()}
    return QuarterFindings(
        alerts,
        evidence,
        parties,
        holds=holds[holds["alert_id"].isin(live["alert_id"])],
        history=history(alerts_so_far, decided, quarter, branch_of),
        record=QuarterRecord(
            quarter=str(quarter),
            known=alerts_so_far,
            scorecards=cards,
            unknown_dispositions=unknown,
            customers=int(tables["customers"].count().execute()),
            kinds=sorted(candidates),
            left_out=_left_out(tables),
            passed_over=_passed_over(candidates),
            window=_window_facts(tables, Window.of_quarters(quarter, 1)),
            groups=group_counts(tables, live, parties, quarter),
        ),
    )


def _of_all_kinds(
    by_kind: list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The alerts, evidence and parties of every kind: columns ALERTS, EVIDENCES and PARTIES."""
    alerts, evidence, parties = (
        _together([tables_of_kind[place] for tables_of_kind in by_kind], columns)
        for place, columns in enumerate((ALERTS, EVIDENCES, PARTIES))
    )
    return alerts, evidence, parties


def _left_out(tables: Tables) -> dict[str, list[str]]:
    """Kind to the tables that the bank does not deliver and whose signals are left out."""
    return {name: sorted(set(kind.likes) - set(tables)) for name, kind in KINDS.items()}


def _passed_over(candidates: Candidates) -> dict[str, list[str]]:
    """Kind to the parties that have too many others to be looked at."""
    return {
        kind: sorted(frames["busy"]["account"])
        for kind, frames in candidates.items()
        if "busy" in frames
    }


def _with_branches(alerts_so_far: KnownAlerts, alerts: pd.DataFrame) -> dict[str, KnownAlert]:
    """What is known, with the branch that has each alert of the quarter."""
    branch = dict(zip(alerts["alert_id"], alerts["branch_id"], strict=True))
    return {
        alert: entry.model_copy(update={"branch": branch.get(alert, entry.branch)})
        for alert, entry in alerts_so_far.items()
    }


def _together(parts: list[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


def _branches(tables: Tables, cases: list[tuple[str, Case]]) -> dict[str, str]:
    """Branch of those of the cases' parties that are customers."""
    parties = {party for _alert, case in cases for party in (*case.roles, *case.anchors)}
    customers = tables["customers"].semi_join(
        listed(parties, "wanted"), [("customer_id", "wanted")]
    )
    branches = customers.select("customer_id", "branch_id").to_pandas()
    return dict(zip(branches["customer_id"], branches["branch_id"], strict=True))


def _officers(tables: Tables) -> dict[str, str]:
    """Branch to its first risk officer; none where the bank does not deliver its staff."""
    if "staff" not in tables:
        return {}
    officers = (
        tables["staff"]
        .filter(_.role == "risk_officer")
        .group_by("branch_id")
        .aggregate(officer=_.staff_id.min())
        .to_pandas()
    )
    return dict(zip(officers["branch_id"], officers["officer"], strict=True))


def _holds(tables: Tables, window: Window, cases: list[tuple[str, Case]]) -> pd.DataFrame:
    """Pending applications to hold because of the cases."""
    by_alert = mortgage.held_by(tables, mortgage.pending(tables, window), cases)
    holds = [
        applications.assign(alert_id=alert, action=HOLD)[list(HOLDS)]
        for alert, _case, applications in by_alert
        if len(applications)
    ]
    return _together(holds, HOLDS).sort_values(["application_id", "alert_id"], ignore_index=True)


def _window_facts(tables: Tables, window: Window) -> WindowFacts:
    """Of the entries of the quarter: how many are transfers without a known other side, or to the
    same account, and how many name another account.
    """
    entries = in_window(tables, window)
    transfer = entries.kind == "transfer"
    counts = (
        entries.aggregate(
            transfers=transfer.sum(),
            without_account=(transfer & entries.counterparty_account.isnull()).sum(),
            to_itself=(entries.counterparty_account == entries.account_id).sum(),
            followed=(entries.counterparty_account != entries.account_id).sum(),
        )
        .to_pandas()
        .iloc[0]
    )
    return WindowFacts(**{str(k): int(v) if pd.notna(v) else 0 for k, v in counts.items()})
