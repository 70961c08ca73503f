"""Bring the alerts of every quarter up to date; a quarter is looked at by `analysis.risk.quarter`
when anything it rests on changed.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from analysis.marts.build import contract_tables
from analysis.quarters import Quarter
from analysis.risk.kinds import KINDS
from analysis.sources.land import Verdict
from analysis.sources.params import Bank
from analysis.storage import code_fingerprint, text_fingerprint, write_json

PAGES = (
    "charts.py",
    "findings.py",
    "screening.py",
)  # what is shown of the alerts does not change them

Progress = Callable[[str], None]


def build_risk(
    bank: Bank,
    con: Backend,
    verdicts: Mapping[str, Verdict],
    quarters: list[Quarter],
    progress: Progress = lambda text: None,
) -> None:
    """Bring the alerts of `quarters` up to date; a quarter is done again when what it looks at, the
    settings, the code or the quarter before it changed. Curves of other thresholds are made for the
    last quarter.
    """
    others = text_fingerprint(
        *[f"{n} {v.fingerprint}" for n, v in sorted(verdicts.items()) if n != "transactions"]
    )
    settings = text_fingerprint(
        bank.risk.model_dump_json(), code_fingerprint("risk", "contract", without=PAGES)
    )
    tables: dict[str, ir.Table] = {}
    before = ""
    known: dict[str, dict[str, Any]] = {}
    for quarter in quarters:
        longest = max(k.quarters for k in KINDS.values())
        parts = [
            f"{q} {verdicts['transactions'].parts.get(str(q), '')}"
            for q in quarter.shifted(1 - longest).through(quarter)
        ]
        with_curves = quarter == quarters[-1]
        key = text_fingerprint(*parts, others, settings, before)
        path = bank.data_folder / "models" / "risk" / f"{quarter}.json"
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if stored.get("key") != key or (with_curves and not stored["has_curves"]):
            from analysis.risk.quarter import build_quarter  # takes a second to import

            tables = tables or contract_tables(bank, con, verdicts)
            stored = {
                "key": key,
                "has_curves": with_curves,
                **build_quarter(bank, con, tables, quarter, known, with_curves, progress),
            }
            write_json(path, stored)
        before, known = key, stored["known"]
