"""What became of the alerts: precision per reason over time, ageing of those that are open, and
time to decision.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.quarters import Quarter
from analysis.risk.alerts import Known
from analysis.risk.kinds import HISTORY, KINDS
from analysis.statistics.intervals import share_interval

OUTCOMES = ("confirmed", "cleared", "open")
DECIDED = ("confirmed", "cleared")
AGES = (
    (30, "up to 30 days"),
    (90, "31 to 90 days"),
    (180, "91 to 180 days"),
    (10**6, "more than 180 days"),
)


def dispositions(
    follow_ups: pd.DataFrame, known: Known, until: dt.date
) -> tuple[pd.DataFrame, list[str]]:
    """The decisions on alerts up to a day, in order, and the alerts named that nobody knows.

    follow_ups: the contract's table. Returns subject_id, outcome, done_on, staff_id, reason. A
    disposition of an unknown alert is set aside and told; it may be of a quarter that was not
    prepared.
    """
    columns = ["subject_id", "outcome", "done_on", "staff_id", "why", "follow_up_id"]
    if follow_ups.empty:
        return pd.DataFrame(columns=columns), []
    prefixes = tuple(f"{k.prefix}-" for k in KINDS.values())
    rows = follow_ups[
        follow_ups["subject_id"].str.startswith(prefixes) & follow_ups["outcome"].isin(OUTCOMES)
    ]
    rows = rows.assign(done_on=pd.to_datetime(rows["done_on"]).dt.date)
    rows = rows[rows["done_on"] <= until].sort_values(
        ["done_on", "follow_up_id"], ignore_index=True
    )
    unknown = sorted(set(rows.loc[~rows["subject_id"].isin(known), "subject_id"]))
    return rows.loc[rows["subject_id"].isin(known), columns], unknown


def latest(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Alert to its last disposition."""
    return {str(r["subject_id"]): r for r in rows.to_dict("records")}


def history(
    known: Known, rows: pd.DataFrame, quarter: Quarter, branch: dict[str, str]
) -> pd.DataFrame:
    """Every alert ever seen: alert_id, branch_id, kind, first_seen, last_seen, reasons, amount,
    status, decided_on, decided_by, days (from the end of the quarter it was first seen in to the
    decision, or to the end of `quarter`).
    """
    last, made = latest(rows), []
    for alert_id, entry in sorted(known.items()):
        seen = sorted(entry["seen"])
        decision = last.get(alert_id)
        status = decision["outcome"] if decision else "open"
        decided_on = decision["done_on"] if decision and status in DECIDED else None
        days = ((decided_on or quarter.end) - Quarter.parse(entry["first_seen"]).end).days
        made.append(
            {
                "alert_id": alert_id,
                "branch_id": branch.get(alert_id, "ALL"),
                "kind": entry["kind"],
                "first_seen": entry["first_seen"],
                "last_seen": seen[-1],
                "reasons": " ".join(entry["seen"][seen[-1]]["reasons"]),
                "amount": entry["seen"][seen[-1]]["amount"],
                "status": status,
                "decided_on": decided_on,
                "decided_by": _text(decision, "staff_id"),
                "why": _text(decision, "why"),
                "days": max(days, 0),
            }
        )
    return pd.DataFrame(made, columns=list(HISTORY))


def _text(decision: dict[str, Any] | None, column: str) -> str:
    return str(decision[column]) if decision and isinstance(decision[column], str) else ""


def precision_by_reason(past: pd.DataFrame, by: Iterable[str] = ()) -> pd.DataFrame:
    """Of the alerts decided, how many were confirmed: reason, the columns of `by`, decided,
    confirmed, share with its 95 % interval (Wilson). past: as `history` gives; an alert counts with
    each of its reasons.
    """
    decided = past[past["status"].isin(DECIDED)]
    rows = decided.assign(reason=decided["reasons"].str.split(" ")).explode("reason")
    return _shares(rows, ["reason", *by])


def precision_by(past: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The same by other columns, each alert once."""
    return _shares(past[past["status"].isin(DECIDED)], by)


def _shares(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    columns = [*by, "decided", "confirmed", "share", "share_low", "share_high"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    made = (
        rows.groupby(by)
        .agg(
            decided=("status", "size"),
            confirmed=("status", lambda s: int((s == "confirmed").sum())),
        )
        .reset_index()
    )
    bounds = [share_interval(c, n) for c, n in zip(made["confirmed"], made["decided"], strict=True)]
    return made.assign(
        share=made["confirmed"] / made["decided"],
        share_low=[b[0] for b in bounds],
        share_high=[b[1] for b in bounds],
    )[columns]


def decided_in(past: pd.DataFrame) -> pd.Series:
    """The quarter each alert was decided in, as text; empty for open ones."""
    days = pd.to_datetime(past["decided_on"])
    return days.dt.to_period("Q").astype("string").where(days.notna())


def ageing(past: pd.DataFrame) -> pd.DataFrame:
    """Open alerts by how long they have been open: kind, age (code), alerts, amount."""
    waiting = past[~past["status"].isin(DECIDED)]
    names = (
        waiting["days"].map(lambda d: next(name for most, name in AGES if d <= most))
        if len(waiting)
        else waiting["days"]
    )
    order = {name: i for i, (_most, name) in enumerate(AGES)}
    made = (
        waiting.assign(age_group=names)
        .groupby(["kind", "age_group"])
        .agg(alerts=("alert_id", "size"), amount=("amount", "sum"))
        .reset_index()
    )
    return made.sort_values(
        ["kind", "age_group"],
        key=lambda c: c.map(order).fillna(-1) if c.name == "age_group" else c,
        ignore_index=True,
    )


def time_to_decision(past: pd.DataFrame) -> pd.DataFrame:
    """Days from the end of the quarter an alert was first seen in to its decision: kind, alerts,
    median, low and high (quartiles).
    """
    decided = past[past["status"].isin(DECIDED)]
    if decided.empty:
        return pd.DataFrame(columns=["kind", "alerts", "median", "low", "high"])
    days = decided.groupby("kind")["days"]
    return pd.DataFrame(
        {
            "alerts": days.size(),
            "median": days.median(),
            "low": days.quantile(0.25),
            "high": days.quantile(0.75),
        }
    ).reset_index()
