"""What became of the alerts: precision per reason over time, ageing of those that are open, and
time to decision.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from analysis.quarters import Quarter
from analysis.risk.kinds import HISTORY, KINDS
from analysis.risk.known import KnownAlert, KnownAlerts, Sighting
from analysis.statistics.intervals import share_interval

OUTCOMES = ("confirmed", "cleared", "open")
DECIDED = ("confirmed", "cleared")
LEAST_FOR_QUARTILES = 5
AGES = (
    (30, "up to 30 days"),
    (90, "31 to 90 days"),
    (180, "91 to 180 days"),
    (10**6, "more than 180 days"),
)


#: A decision on an alert.
DISPOSITIONS = {
    "subject_id": "string",  # the alert
    "outcome": "string",  # one of OUTCOMES
    "done_on": "date",
    "staff_id": "string",
    "why": "string",  # in the words of staff
    "follow_up_id": "string",
}
#: How often alerts were right.
PRECISION = {
    "decided": "int64",  # alerts
    "confirmed": "int64",  # of them
    "share": "float64",  # confirmed, 0 to 1
    "share_low": "float64",  # 95 % interval
    "share_high": "float64",
}


def dispositions(
    follow_ups: pd.DataFrame, alerts: KnownAlerts, until: dt.date
) -> tuple[pd.DataFrame, list[str]]:
    """The decisions on alerts up to a day, in order of time, and the alerts named that nobody
    knows: their dispositions are set aside; they may be of a quarter that was not prepared.

    follow_ups: the contract's table. Returns columns DISPOSITIONS.
    """
    if follow_ups.empty:
        return pd.DataFrame(columns=list(DISPOSITIONS)), []
    prefixes = tuple(f"{k.prefix}-" for k in KINDS.values())
    on_alerts = follow_ups[
        follow_ups["subject_id"].str.startswith(prefixes) & follow_ups["outcome"].isin(OUTCOMES)
    ]
    on_alerts = on_alerts.assign(done_on=pd.to_datetime(on_alerts["done_on"]).dt.date)
    on_alerts = on_alerts[on_alerts["done_on"] <= until].sort_values(
        ["done_on", "follow_up_id"], ignore_index=True
    )
    is_known = on_alerts["subject_id"].isin(alerts)
    unknown = sorted(set(on_alerts.loc[~is_known, "subject_id"]))
    return on_alerts.loc[is_known, list(DISPOSITIONS)], unknown


@dataclass(frozen=True)
class Decision:
    """The last disposition of an alert."""

    outcome: str  # one of OUTCOMES
    done_on: dt.date
    staff_id: str = ""
    why: str = ""


def latest(decided: pd.DataFrame) -> dict[str, Decision]:
    """Alert to its last disposition; decided: columns DISPOSITIONS, in order of time."""
    return {
        str(alert): Decision(outcome, done_on, _text(staff_id), _text(why))
        for alert, outcome, done_on, staff_id, why in decided[
            ["subject_id", "outcome", "done_on", "staff_id", "why"]
        ].itertuples(index=False)
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def decided_until(
    tables: Mapping[str, ir.Table], alerts_before: KnownAlerts, quarter: Quarter
) -> tuple[pd.DataFrame, list[str]]:
    """What staff decided on alerts up to the end of the quarter, and the alerts nobody knows."""
    follow_ups = tables["follow_ups"].to_pandas() if "follow_ups" in tables else pd.DataFrame()
    return dispositions(follow_ups, alerts_before, quarter.end)


def decisions_known(
    tables: Mapping[str, ir.Table], alerts_before: KnownAlerts, quarter: Quarter
) -> dict[str, Decision]:
    """The last decision on each alert of earlier quarters."""
    decided, _unknown = decided_until(tables, alerts_before, quarter)
    return latest(decided)


def history(
    alerts: KnownAlerts, decided: pd.DataFrame, quarter: Quarter, branch: Mapping[str, str]
) -> pd.DataFrame:
    """Every alert ever seen and what became of it up to the end of `quarter`: columns HISTORY.

    decided: columns DISPOSITIONS. branch: alert to the branch that has it.
    """
    decisions = latest(decided)
    fates = []
    for alert_id, alert in sorted(alerts.items()):
        decision = decisions.get(alert_id)
        status = decision.outcome if decision else "open"
        decided_on = decision.done_on if decision and status in DECIDED else None
        sighting = _seen_by(alert, decided_on)
        days = ((decided_on or quarter.end) - Quarter.parse(alert.first_seen).end).days
        fates.append(
            {
                "alert_id": alert_id,
                "branch_id": branch.get(alert_id, "ALL"),
                "kind": alert.kind,
                "first_seen": alert.first_seen,
                "last_seen": alert.last_seen,
                "reasons": " ".join(sighting.reasons),
                "amount": sighting.amount,
                "status": status,
                "decided_on": decided_on,
                "decided_by": decision.staff_id if decision else "",
                "why": decision.why if decision else "",
                "days": max(days, 0),
            }
        )
    return pd.DataFrame(fates, columns=list(HISTORY))


def _seen_by(alert: KnownAlert, decided_on: dt.date | None) -> Sighting:
    """The alert as whoever decided could see it: on the list of the last quarter that had ended by
    then; of an open one, and of one decided within its first quarter, the nearest there is.
    """
    if decided_on is None:
        return alert.seen[alert.last_seen]
    ended = [quarter for quarter in alert.seen if Quarter.parse(quarter).end < decided_on]
    return alert.seen[max(ended, default=min(alert.seen))]


def precision_by_reason(past: pd.DataFrame, by: Iterable[str] = ()) -> pd.DataFrame:
    """Of the alerts decided, how many were confirmed, an alert counting with each of its reasons:
    reason (code), the columns of `by`, and PRECISION (Wilson 1927).

    past: columns HISTORY.
    """
    decided = past[past["status"].isin(DECIDED)]
    by_reason = decided.assign(reason=decided["reasons"].str.split(" ")).explode("reason")
    return _shares(by_reason, ["reason", *by])


def precision_by(past: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The same by other columns, each alert once: the columns of `by`, and PRECISION."""
    return _shares(past[past["status"].isin(DECIDED)], by)


def _shares(decided: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    columns = [*by, *PRECISION]
    if decided.empty:
        return pd.DataFrame(columns=columns)
    counts = (
        decided.groupby(by)
        .agg(
            decided=("status", "size"),
            confirmed=("status", lambda s: int((s == "confirmed").sum())),
        )
        .reset_index()
    )
    bounds = [
        share_interval(c, n) for c, n in zip(counts["confirmed"], counts["decided"], strict=True)
    ]
    return counts.assign(
        share=counts["confirmed"] / counts["decided"],
        share_low=[low for low, _high in bounds],
        share_high=[high for _low, high in bounds],
    )[columns]


def decided_in(past: pd.DataFrame) -> pd.Series:
    """The quarter each alert was decided in, as text; empty for open ones."""
    days = pd.to_datetime(past["decided_on"])
    return days.dt.to_period("Q").astype("string").where(days.notna())


def ageing(past: pd.DataFrame) -> pd.DataFrame:
    """Open alerts by how long they have been open, the youngest first within a kind.

    past: columns HISTORY. Returns
    kind: text
    age: code of AGES, days since the end of the quarter the alert was first seen in
    alerts: int
    amount: float, bank's currency
    """
    waiting = past[~past["status"].isin(DECIDED)]
    names = [name for _most, name in AGES]
    place = [next(i for i, (most, _name) in enumerate(AGES) if d <= most) for d in waiting["days"]]
    counts = (
        waiting.assign(place=place)
        .groupby(["kind", "place"])
        .agg(alerts=("alert_id", "size"), amount=("amount", "sum"))
        .reset_index()
    )
    counts.insert(1, "age", [names[i] for i in counts.pop("place")])
    return counts


def time_to_decision(past: pd.DataFrame) -> pd.DataFrame:
    """How long decisions took.

    past: columns HISTORY. Returns
    kind: text
    alerts: int, decided ones
    median: float, days from the end of the quarter an alert was first seen in to its decision
    low: float, lower quartile; empty of fewer than five
    high: float, upper quartile; empty of fewer than five
    """
    decided = past[past["status"].isin(DECIDED)]
    if decided.empty:
        return pd.DataFrame(columns=["kind", "alerts", "median", "low", "high"])
    days = decided.groupby("kind")["days"]
    enough = days.size() >= LEAST_FOR_QUARTILES
    return pd.DataFrame(
        {
            "alerts": days.size(),
            "median": days.median(),
            "low": days.quantile(0.25).where(enough),
            "high": days.quantile(0.75).where(enough),
        }
    ).reset_index()
