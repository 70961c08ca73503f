"""The alerts of one quarter: look for cases over all branches at once, know them again, write them
by branch.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from analysis.marts.build import write_mart
from analysis.quarters import Quarter
from analysis.risk import acceptance, card_cashout, fundraising, mortgage
from analysis.risk.alerts import Known, alert_tables, identified, remembered
from analysis.risk.bias import group_counts
from analysis.risk.cases import Case, Window
from analysis.risk.dispositions import dispositions, history, latest
from analysis.risk.kinds import ALERTS, CURVE, EVIDENCES, HISTORY, HOLDS, KINDS, PARTIES
from analysis.risk.scorecard import fit, score
from analysis.risk.thresholds import curves, loosest
from analysis.risk.transfers import Tables, in_window, listed
from analysis.sources.params import Bank

DETECTORS: dict[str, ModuleType] = {
    "risk_mortgage": mortgage,
    "risk_card_cashout": card_cashout,
    "risk_fundraising": fundraising,
    "risk_acceptance": acceptance,
}
HOLD = "hold until the alert is confirmed or cleared"

Progress = Callable[[str], None]


def build_quarter(
    bank: Bank,
    con: Backend,
    tables: Tables,
    quarter: Quarter,
    earlier: Known,
    with_curves: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Write the marts of the quarter's alerts; returns what is kept of it in
    `models/risk/<quarter>.json`.

    earlier: what the quarters before found. with_curves: whether to try other thresholds as well.
    Kinds whose tables the bank does not deliver are passed over.
    """
    officers = _officers(tables)
    known: Known = json.loads(json.dumps(earlier))
    decided, unknown = dispositions(_follow_ups(tables), known, quarter.end)
    decisions = latest(decided)
    past = history(known, decided, quarter, {})
    active = int(tables["customers"].count().execute())
    found: dict[str, tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]] = {}
    cards: dict[str, Any] = {}
    holds, drawn = pd.DataFrame(columns=list(HOLDS)), []
    busy: dict[str, list[str]] = {}
    for name, kind in KINDS.items():
        if not set(kind.needs) <= set(tables):
            continue
        progress(f"{name} of {quarter}")
        detector, limits = DETECTORS[name], getattr(bank.risk, kind.settings)
        window = Window.of_quarters(quarter, kind.quarters)
        gathered = detector.candidates(tables, window, loosest(limits))
        if "busy" in gathered:
            busy[name] = sorted(gathered["busy"]["account"])
        cases = identified(name, detector.cases(gathered, limits), known)
        if with_curves:
            drawn.append(
                curves(name, partial(detector.cases, gathered), limits, known, decisions, active)
            )
        if name == "risk_mortgage":
            holds = _holds(tables, window, cases)
        cards[name] = fit(past, name, bank.risk.enough_dispositions)
        scores = {a: score(cards[name], list(c.reasons)) for a, c in cases} if cards[name] else {}
        held = holds.groupby("alert_id").size().to_dict() if name == "risk_mortgage" else {}
        homes = _branches(tables, {p for _alert, c in cases for p in (*c.roles, *c.anchors)})
        found[name] = alert_tables(
            name, cases, known, quarter, decisions, homes, officers, held, scores
        )
        remembered(known, name, cases, quarter)
    alerts, evidence, parties = (
        _together(found, i, columns) for i, columns in enumerate((ALERTS, EVIDENCES, PARTIES))
    )
    live = alerts[~alerts["suppressed"].astype(bool)]
    holds = holds[holds["alert_id"].isin(live["alert_id"])]
    branch = {
        **dict.fromkeys(known, "ALL"),
        **dict(zip(alerts["alert_id"], alerts["branch_id"], strict=True)),
    }
    branch |= {
        a: k["branch"]
        for a, k in known.items()
        if "branch" in k and a not in set(alerts["alert_id"])
    }
    for alert_id in known:
        known[alert_id]["branch"] = branch[alert_id]
    now = history(known, decided, quarter, branch)
    for mart, rows, schema in (
        ("risk_alert", alerts, ALERTS),
        ("risk_evidence", evidence, EVIDENCES),
        ("risk_party", parties, PARTIES),
        ("risk_hold", holds, HOLDS),
        ("risk_history", now, HISTORY),
    ):
        _write(bank, con, mart, quarter, rows, schema)
    _write(
        bank,
        con,
        "risk_curve",
        quarter,
        pd.concat(drawn) if drawn else pd.DataFrame(columns=list(CURVE)),
        CURVE,
    )
    return {
        "quarter": str(quarter),
        "known": known,
        "scorecards": cards,
        "unknown_dispositions": unknown,
        "customers": active,
        "kinds": sorted(found),
        "left_out": {name: sorted(set(kind.likes) - set(tables)) for name, kind in KINDS.items()},
        "passed_over": busy,
        "window": _window_facts(tables, Window.of_quarters(quarter, 1)),
        "groups": group_counts(tables, live, parties, quarter),
    }


def _together(
    found: Mapping[str, tuple[pd.DataFrame, ...]], which: int, columns: Mapping[str, str]
) -> pd.DataFrame:
    parts = [t[which] for t in found.values() if len(t[which])]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


def _write(
    bank: Bank,
    con: Backend,
    mart: str,
    quarter: Quarter,
    rows: pd.DataFrame,
    schema: Mapping[str, str],
) -> None:
    table = con.create_table(
        "risk__now",
        pd.DataFrame({c: rows[c] for c in schema}),
        schema=ibis.schema(schema),
        overwrite=True,
    )
    order = [
        c
        for c in (
            "alert_id",
            "rank",
            "reason",
            "booked_at",
            "evidence_id",
            "party",
            "application_id",
            "threshold",
            "value",
        )
        if c in schema
    ]
    write_mart(bank, con, mart, quarter, table.order_by(order))
    con.drop_table("risk__now")


def _branches(tables: Tables, parties: set[str]) -> dict[str, str]:
    """Branch of those of the parties that are customers."""
    mine = tables["customers"].semi_join(listed(parties, "wanted"), [("customer_id", "wanted")])
    rows = mine.select("customer_id", "branch_id").to_pandas()
    return dict(zip(rows["customer_id"], rows["branch_id"], strict=True))


def _officers(tables: Tables) -> dict[str, str]:
    """Branch to its first risk officer; none where the bank does not deliver its staff."""
    if "staff" not in tables:
        return {}
    rows = (
        tables["staff"]
        .filter(_.role == "risk_officer")
        .group_by("branch_id")
        .aggregate(officer=_.staff_id.min())
        .to_pandas()
    )
    return dict(zip(rows["branch_id"], rows["officer"], strict=True))


def _follow_ups(tables: Tables) -> pd.DataFrame:
    return tables["follow_ups"].to_pandas() if "follow_ups" in tables else pd.DataFrame()


def _holds(tables: Tables, window: Window, cases: list[tuple[str, Case]]) -> pd.DataFrame:
    """Pending applications to hold because of the cases."""
    found = mortgage.held_by(tables, mortgage.pending(tables, window), cases)
    made = [
        held.assign(alert_id=alert_id, action=HOLD)[list(HOLDS)]
        for alert_id, _case, held in found
        if len(held)
    ]
    rows = pd.concat(made, ignore_index=True) if made else pd.DataFrame(columns=list(HOLDS))
    return rows.sort_values(["application_id", "alert_id"], ignore_index=True)


def _window_facts(tables: Tables, window: Window) -> dict[str, int]:
    """Of the entries of the quarter: how many are transfers without a known other side, or to the
    same account.
    """
    entries = in_window(tables, window)
    transfer = entries.kind == "transfer"
    row = (
        entries.aggregate(
            transfers=transfer.sum(),
            without_account=(transfer & entries.counterparty_account.isnull()).sum(),
            to_itself=(entries.counterparty_account == entries.account_id).sum(),
        )
        .to_pandas()
        .iloc[0]
    )
    return {str(k): int(v) if pd.notna(v) else 0 for k, v in row.items()}
