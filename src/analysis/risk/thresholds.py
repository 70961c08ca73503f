"""Other thresholds: which there are, the loosest of each, and what each setting would have
given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel

from analysis.risk.cases import Case
from analysis.risk.dispositions import DECIDED, Decision
from analysis.risk.kinds import CURVE
from analysis.risk.known import KnownAlerts, identified
from analysis.risk.reuse import reusing
from analysis.statistics.intervals import share_interval

S = TypeVar("S", bound=BaseModel)
FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0)


def thresholds(settings: BaseModel) -> dict[str, str]:
    """The thresholds among the settings: name to the direction that gives more alerts, `lower` or
    `higher`.
    """
    return {
        name: str(field.json_schema_extra["looser"])
        for name, field in type(settings).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and "looser" in field.json_schema_extra
    }


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


@dataclass(frozen=True)
class Tried:
    """What one value of a threshold gives, the others as they are."""

    threshold: str
    value: float
    in_force: bool
    cases: Mapping[str, Case]  # by alert


def tried(
    kind: str, decide: Callable[[S], list[Case]], settings: S, alerts_before: KnownAlerts
) -> tuple[dict[str, Case], list[Tried]]:
    """The alerts of today's settings, and those under each threshold at half to double its value;
    what several settings share of the work is done once (`reuse`).
    """
    trials = []
    with reusing():
        today = dict(identified(kind, decide(settings), alerts_before))
        for name in thresholds(settings):
            value_today = float(getattr(settings, name))
            by_value = {
                float(getattr(trial, name)): trial
                for trial in (scaled(settings, name, factor) for factor in FACTORS)
            }
            for value, trial in by_value.items():
                in_force = value == value_today
                cases = today if in_force else dict(identified(kind, decide(trial), alerts_before))
                trials.append(Tried(name, value, in_force, cases))
    return today, trials


def curves(
    kind: str,
    decide: Callable[[S], list[Case]],
    settings: S,
    alerts_before: KnownAlerts,
    decisions: Mapping[str, Decision],
    customers: int,
) -> pd.DataFrame:
    """What each threshold at half to double its value would have given, the others as they are:
    columns CURVE.

    Alerts added and lost are told against today's value. Precision and recall are of the alerts
    decided so far, with 95 % intervals (Wilson 1927); recall is against the confirmed alerts that
    any of the settings finds. decide: settings to cases, on the same candidates.
    """
    today, trials = tried(kind, decide, settings, alerts_before)
    outcome = {alert: decision.outcome for alert, decision in decisions.items()}
    confirmed = {a for t in trials for a in t.cases if outcome.get(a) == "confirmed"}
    points = [
        {"kind": kind, "branch_id": "ALL"}
        | _counted(trial, set(today), customers)
        | _judged(trial, outcome, confirmed)
        for trial in trials
    ]
    return pd.DataFrame(points, columns=list(CURVE))


def _counted(trial: Tried, today: set[str], customers: int) -> dict[str, object]:
    alerts = set(trial.cases)
    return {
        "threshold": trial.threshold,
        "value": trial.value,
        "in_force": trial.in_force,
        "alerts": len(alerts),
        "per_1000": round(1000 * len(alerts) / max(customers, 1), 4),
        "amount": round(sum(case.amount for case in trial.cases.values()), 2),
        "added": len(alerts - today),
        "lost": len(today - alerts),
        "added_ids": " ".join(sorted(alerts - today)),
        "lost_ids": " ".join(sorted(today - alerts)),
    }


def _judged(trial: Tried, outcome: Mapping[str, str], confirmed: set[str]) -> dict[str, object]:
    """Precision and recall of the alerts decided so far; empty where none was."""
    decided = [a for a in trial.cases if outcome.get(a) in DECIDED]
    right = len(confirmed.intersection(decided))
    precision = share_interval(right, len(decided)) if decided else (None, None)
    recall = share_interval(right, len(confirmed)) if confirmed else (None, None)
    return {
        "decided": len(decided),
        "confirmed": right,
        "precision": right / len(decided) if decided else None,
        "precision_low": precision[0],
        "precision_high": precision[1],
        "recall": right / len(confirmed) if confirmed else None,
        "recall_low": recall[0],
        "recall_high": recall[1],
    }
