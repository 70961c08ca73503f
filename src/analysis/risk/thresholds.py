"""Other thresholds: which there are, the loosest of each, and what each setting would have
given.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd
from pydantic import BaseModel

from analysis.risk.alerts import Known, identified
from analysis.risk.cases import Case
from analysis.risk.kinds import CURVE
from analysis.statistics.intervals import share_interval

S = TypeVar("S", bound=BaseModel)
FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)


def thresholds(settings: BaseModel) -> dict[str, str]:
    """The thresholds among the settings: name to the direction that gives more alerts, `lower` or
    `higher`.
    """
    found = {}
    for name, field in type(settings).model_fields.items():
        if isinstance(field.json_schema_extra, dict) and "looser" in field.json_schema_extra:
            found[name] = str(field.json_schema_extra["looser"])
    return found


def scaled(settings: S, name: str, factor: float) -> S:
    """The settings with one threshold multiplied; whole numbers are rounded, and the bounds of the
    params file are kept.
    """
    value = getattr(settings, name) * factor
    for bound in type(settings).model_fields[name].metadata:
        value = max(value, getattr(bound, "ge", value), getattr(bound, "gt", value - 1) + 0.01)
        value = min(value, getattr(bound, "le", value), getattr(bound, "lt", value + 1) - 0.01)
    kind = type(getattr(settings, name))
    return settings.model_copy(
        update={name: kind(round(value)) if kind is int else round(float(value), 4)}
    )


def loosest(settings: S) -> S:
    """Every threshold at half or double, whichever gives more alerts: what candidates are gathered
    with.
    """
    for name, looser in thresholds(settings).items():
        settings = scaled(settings, name, min(FACTORS) if looser == "lower" else max(FACTORS))
    return settings


def curves(
    kind: str,
    decide: Callable[[Any], list[Case]],
    settings: BaseModel,
    known: Known,
    decisions: dict[str, dict[str, Any]],
    customers: int,
) -> pd.DataFrame:
    """For each threshold at half to double its value, the others as they are: alerts, those added
    and lost against today's value, amount at stake, per 1,000 customers, and, of the alerts decided
    so far, precision and recall with 95 % intervals (Wilson). Recall is against the confirmed
    alerts that any of the settings finds. decide: settings to cases, on the same candidates.
    Columns CURVE.
    """
    runs: list[tuple[str, float, float, dict[str, Case]]] = []
    today = dict(identified(kind, decide(settings), known))
    for name in thresholds(settings):
        seen = set()
        for factor in FACTORS:
            other = scaled(settings, name, factor)
            value = float(getattr(other, name))
            if value in seen:
                continue
            seen.add(value)
            found = (
                today
                if value == float(getattr(settings, name))
                else dict(identified(kind, decide(other), known))
            )
            runs.append((name, value, factor, found))
    confirmed = {
        a
        for *_run, found in runs
        for a in found
        if decisions.get(a, {}).get("outcome") == "confirmed"
    }
    rows = []
    for name, value, _factor, found in runs:
        decided = [
            a for a in found if decisions.get(a, {}).get("outcome") in ("confirmed", "cleared")
        ]
        right = [a for a in decided if a in confirmed]
        precision = share_interval(len(right), len(decided)) if decided else (None, None)
        recall = share_interval(len(right), len(confirmed)) if confirmed else (None, None)
        rows.append(
            {
                "kind": kind,
                "threshold": name,
                "value": value,
                "in_force": value == float(getattr(settings, name)),
                "alerts": len(found),
                "per_1000": round(1000 * len(found) / max(customers, 1), 4),
                "amount": round(sum(c.amount for c in found.values()), 2),
                "added": len(set(found) - set(today)),
                "lost": len(set(today) - set(found)),
                "decided": len(decided),
                "confirmed": len(right),
                "precision": len(right) / len(decided) if decided else None,
                "precision_low": precision[0],
                "precision_high": precision[1],
                "recall": len(right) / len(confirmed) if confirmed else None,
                "recall_low": recall[0],
                "recall_high": recall[1],
                "added_ids": " ".join(sorted(set(found) - set(today))),
                "lost_ids": " ".join(sorted(set(today) - set(found))),
                "branch_id": "ALL",
            }
        )
    return pd.DataFrame(rows, columns=list(CURVE))
