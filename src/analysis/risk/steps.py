"""The investigations: what is in question is gathered once, decided for every quarter, and decided
again under other thresholds for the last one.
"""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from analysis.risk.kinds import ALERTS, CURVE, EVIDENCES, HISTORY, HOLDS, KINDS, PARTIES
from analysis.risk.record import QuarterRecord
from analysis.steps.declaration import (
    BEFORE,
    NOW,
    At,
    Frames,
    Mart,
    Model,
    Read,
    Rows,
    Step,
    frames,
    last,
    model,
    rows,
    step,
    table,
)

Tables = dict[str, ir.Table]
Gathered = dict[str, pd.DataFrame]


def delivered(tables: dict[str, ir.Table | None]) -> Tables:
    """The tables that are there."""
    return {name: rows for name, rows in tables.items() if rows is not None}


@step(
    early=True,
    writes=Rows("transfers", key=("transaction_id",)),
    reads={
        "transactions": table("transactions", NOW),
        "accounts": table("accounts"),
        "account_holders": table("account_holders"),
    },
)
def transfers(at: At, **tables: ir.Table) -> ir.Table:
    """Who paid whom in a quarter: each payment once, between parties."""
    from analysis.risk.cases import Window
    from analysis.risk.transfers import transfers as between_parties

    return between_parties(tables, Window.of_quarters(at.quarter, 1))


def tables_of(kind: str) -> dict[str, Read]:
    """What an investigation reads."""
    investigation = KINDS[kind]
    needed = {name: table(name) for name in ("customers", "accounts", *investigation.needs)}
    liked = {name: table(name, optional=True) for name in investigation.likes}
    window = last(investigation.quarters)
    entries = {
        "transactions": table("transactions", window),
        "transfers": rows("transfers", window),
    }
    return {**entries, **needed, **liked}


def gathering(kind: str) -> Callable[[Callable[..., Any]], Step]:
    """The declaration of what gathers the candidates of a kind, over all branches and with every
    threshold at its loosest.
    """
    name = KINDS[kind].settings
    return step(
        writes=Frames(f"{name}_candidates"), reads=tables_of(kind), settings=(f"risk.{name}",)
    )


def gathered(at: At, kind: str, detector: ModuleType, tables: dict[str, Any]) -> Gathered:
    """The candidates of a kind."""
    from analysis.risk.cases import Window
    from analysis.risk.thresholds import loosest

    limits = at.setting(f"risk.{KINDS[kind].settings}")
    window = Window.of_quarters(at.quarter, KINDS[kind].quarters)
    return dict(detector.candidates(delivered(tables), window, loosest(limits)))


@gathering("risk_mortgage")
def mortgage_candidates(at: At, **tables: ir.Table | None) -> Gathered:
    """Mortgages repaid from elsewhere, with who paid."""
    from analysis.risk import mortgage

    return gathered(at, "risk_mortgage", mortgage, tables)


@gathering("risk_card_cashout")
def card_cashout_candidates(at: At, **tables: ir.Table | None) -> Gathered:
    """Cards that are emptied, and the merchants they are emptied at."""
    from analysis.risk import card_cashout

    return gathered(at, "risk_card_cashout", card_cashout, tables)


@gathering("risk_fundraising")
def fundraising_candidates(at: At, **tables: ir.Table | None) -> Gathered:
    """Accounts that many pay and that pay many back."""
    from analysis.risk import fundraising

    return gathered(at, "risk_fundraising", fundraising, tables)


@gathering("risk_acceptance")
def acceptance_candidates(at: At, **tables: ir.Table | None) -> Gathered:
    """Bills, their papers, and where their proceeds went."""
    from analysis.risk import acceptance

    return gathered(at, "risk_acceptance", acceptance, tables)


CANDIDATES = {
    kind: frames(f"{each.settings}_candidates", optional=True) for kind, each in KINDS.items()
}
EARLIER = model("risk", BEFORE, optional=True)


@step(
    writes=[
        Mart("risk_alert", key=("alert_id",), schema=ALERTS),
        Mart(
            "risk_evidence",
            key=("alert_id", "reason", "booked_at", "evidence_id", "source"),
            schema=EVIDENCES,
        ),
        Mart("risk_party", key=("alert_id", "party", "role"), schema=PARTIES),
        Mart("risk_hold", key=("application_id", "alert_id"), schema=HOLDS),
        Mart("risk_history", key=("alert_id",), schema=HISTORY),
        Model("risk", QuarterRecord),
    ],
    reads={
        "transactions": table("transactions", NOW),
        "customers": table("customers"),
        **{
            name: table(name, optional=True)
            for name in (
                "account_holders",
                "accounts",
                "bill_events",
                "follow_ups",
                "invoices",
                "loan_applications",
                "products",
                "staff",
            )
        },
        **CANDIDATES,
        "earlier": EARLIER,
    },
    settings=("risk",),
)
def risk_alerts(at: At, earlier: QuarterRecord | None, **inputs: Any) -> tuple[object, ...]:
    """The alerts of a quarter, known again from the quarters before, with their evidence."""
    from analysis.risk.found import found_in_quarter

    candidates = {kind: c for kind in KINDS if (c := inputs.pop(kind)) is not None}
    alerts_before = earlier.known if earlier else {}
    findings = found_in_quarter(
        delivered(inputs), candidates, alerts_before, at.quarter, at.setting("risk")
    )
    return (
        findings.alerts,
        findings.evidence,
        findings.parties,
        findings.holds,
        findings.history,
        findings.record,
    )


def trying(kind: str) -> Callable[[Callable[..., Any]], Step]:
    """The declaration of what tries other thresholds of a kind in the last quarter."""
    name = KINDS[kind].settings
    return step(
        latest=1,
        writes=Frames(f"{name}_curve"),
        reads={
            "candidates": frames(f"{name}_candidates"),
            "customers": table("customers"),
            "follow_ups": table("follow_ups", optional=True),
            "earlier": EARLIER,
        },
        settings=(f"risk.{name}",),
    )


def tried(
    at: At,
    kind: str,
    detector: ModuleType,
    candidates: Gathered,
    earlier: QuarterRecord | None,
    tables: dict[str, Any],
) -> Gathered:
    """What other thresholds of a kind would have given."""
    from analysis.risk.dispositions import decisions_known
    from analysis.risk.thresholds import curves

    alerts_before = earlier.known if earlier else {}
    limits = at.setting(f"risk.{KINDS[kind].settings}")
    decisions = decisions_known(delivered(tables), alerts_before, at.quarter)
    customers = int(tables["customers"].count().execute())
    decide = partial(detector.cases, candidates)
    return {"curve": curves(kind, decide, limits, alerts_before, decisions, customers)}


@trying("risk_mortgage")
def mortgage_curve(
    at: At, candidates: Gathered, earlier: QuarterRecord | None, **tables: ir.Table | None
) -> Gathered:
    """Mortgage alerts under other thresholds."""
    from analysis.risk import mortgage

    return tried(at, "risk_mortgage", mortgage, candidates, earlier, tables)


@trying("risk_card_cashout")
def card_cashout_curve(
    at: At, candidates: Gathered, earlier: QuarterRecord | None, **tables: ir.Table | None
) -> Gathered:
    """Alerts of emptied cards under other thresholds."""
    from analysis.risk import card_cashout

    return tried(at, "risk_card_cashout", card_cashout, candidates, earlier, tables)


@trying("risk_fundraising")
def fundraising_curve(
    at: At, candidates: Gathered, earlier: QuarterRecord | None, **tables: ir.Table | None
) -> Gathered:
    """Fund-raising alerts under other thresholds."""
    from analysis.risk import fundraising

    return tried(at, "risk_fundraising", fundraising, candidates, earlier, tables)


@trying("risk_acceptance")
def acceptance_curve(
    at: At, candidates: Gathered, earlier: QuarterRecord | None, **tables: ir.Table | None
) -> Gathered:
    """Alerts of bills under other thresholds."""
    from analysis.risk import acceptance

    return tried(at, "risk_acceptance", acceptance, candidates, earlier, tables)


@step(
    latest=1,
    writes=Mart("risk_curve", key=("kind", "threshold", "value"), schema=CURVE),
    reads={kind: frames(f"{each.settings}_curve", optional=True) for kind, each in KINDS.items()},
)
def risk_curve(at: At, **curves: Gathered | None) -> pd.DataFrame:
    """What other thresholds would have given, of every kind."""
    drawn = [frames_of_kind["curve"] for frames_of_kind in curves.values() if frames_of_kind]
    return pd.concat(drawn) if drawn else pd.DataFrame(columns=list(CURVE))
