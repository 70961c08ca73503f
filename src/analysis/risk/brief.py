"""What the investigations tell management in short."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from analysis.language import listed, money, ngettext, say, sentences
from analysis.report.brief import (
    Brief,
    Explained,
    KeyFigure,
    Part,
    Point,
    ToDo,
    changes,
    difference_in_words,
    first,
)
from analysis.risk import findings
from analysis.risk.dispositions import AGES, DECIDED
from analysis.risk.questions import case_file
from analysis.risk.words import label, words

if TYPE_CHECKING:
    from analysis.notebook import Report
    from analysis.risk.reads import RiskTables

#: Which alerts come first.
SEVERITIES = {"high": 0, "medium": 1, "low": 2}
LONG_OPEN = 180  # days


def in_short(
    report: "Report",
    live: pd.DataFrame,
    over_time: Mapping[str, pd.DataFrame],
    holds: pd.DataFrame | None = None,
    sums_up: bool = False,
) -> Brief:
    """live: alerts shown, columns ALERTS. over_time: the same by quarter. holds: columns HOLDS.
    sums_up: whether the alerts are shown on pages of their own.
    """
    partition, currency = report.partition, report.bank.currency
    alerts = _figure(say("Alerts"), "count", {q: float(len(a)) for q, a in over_time.items()})
    amounts = {q: float(a["amount"].sum()) for q, a in over_time.items()}
    amount = _figure(say("Amount at stake"), "money", amounts, currency)
    days = days_open(live, partition.alert_history, partition.quarter.end)
    figures, waiting = [alerts, amount], {say("Alerts"): by_age(days)}
    if partition.own_branch:  # the amount of a case is the whole bank's
        figures[1] = KeyFigure(
            label=say("Payments with customers of this branch"),
            kind="money",
            points=[
                Point(
                    quarter=report.quarter,
                    value=own_payments(
                        live, partition.evidence, partition.parties, partition.branch
                    ),
                )
            ],
            currency=currency,
            better="down",
        )
    if holds is not None:
        waiting[say("Applications to hold")] = by_age(held_for(partition, holds))
        count = float(holds["application_id"].nunique())
        figures.append(
            KeyFigure(
                label=say("Applications to hold"),
                kind="count",
                points=[Point(quarter=report.quarter, value=count)],
                better="down",
            )
        )
    return Brief(
        changed=_changed(live, alerts, days),
        why=_why(live),
        to_do=_to_do(live, holds),
        figures=figures,
        explained=divided(
            over_time, report.previous, report.quarter, by_amount=not partition.own_branch
        ),
        rows=first(_rows(live, days, sums_up)),
        sums_up=sums_up,
        rows_title=say("The cases to take first"),
        rows_of=say("Alert"),
        rows_note=say(
            "Payments with customers of this branch: of all evidence those that a customer of the "
            "branch made or got, each once. They can be more than what is at stake, and a case "
            "may stand on the pages of several branches."
        )
        if partition.own_branch
        else "",
        delivered="alerts",
        waiting=waiting,
    )


def nothing_followed(why: str) -> Brief:
    """What is told where no money can be followed: no zero for what could not be found."""
    return Brief(
        changed=why, why="", to_do=say("Deliver the accounts of the other side of transfers.")
    )


def _figure(label_: str, kind: str, values: Mapping[str, float], currency: str = "") -> KeyFigure:
    shown = [Point(quarter=q, value=v) for q, v in values.items()]
    return KeyFigure(
        label=label_,
        kind=kind,
        points=shown,
        changes=changes(shown),
        currency=currency,
        better="down",
    )


def own_payments(
    live: pd.DataFrame, evidence: pd.DataFrame, parties: pd.DataFrame, branch: str
) -> float:
    """The payments among the evidence of the alerts that a customer of the branch made or got, each
    once: what of the cases is the branch's own.
    """
    here = set(parties.loc[parties["party_branch"] == branch, "party"])
    rows = evidence[evidence["alert_id"].isin(live["alert_id"])]
    rows = rows[rows["payer"].isin(here) | rows["payee"].isin(here)]
    once = rows.drop_duplicates(["source", "evidence_id", "payer", "payee"])
    return float(once["amount"].sum())


def days_open(live: pd.DataFrame, history: pd.DataFrame, end: dt.date) -> dict[str, int]:
    """Alert to the days it has been open: since the end of the quarter it was first seen in, or
    since the decision after which it came back.
    """
    open_now = findings.as_of_now(history, live, end)
    open_now = open_now[
        ~open_now["status"].isin(DECIDED) & open_now["alert_id"].isin(live["alert_id"])
    ]
    return dict(zip(open_now["alert_id"], open_now["days"].astype(int), strict=True))


def held_for(partition: "RiskTables", holds: pd.DataFrame) -> dict[str, int]:
    """Application to the days from its filing to the quarter's end."""
    filed = holds.drop_duplicates("application_id")
    end: dt.date = partition.quarter.end
    days = (pd.Timestamp(end) - pd.to_datetime(filed["filed_on"])).dt.days
    return dict(zip(filed["application_id"], days.clip(lower=0).astype(int), strict=True))


def by_age(days: Mapping[str, int]) -> dict[str, int]:
    """How many have waited how long, in words; every length of time."""
    lengths = [next(name for most, name in AGES if d <= most) for d in days.values()]
    return {label(name): lengths.count(name) for _most, name in AGES}


def divided(
    over_time: Mapping[str, pd.DataFrame], previous: str, quarter: str, by_amount: bool
) -> Explained | None:
    """The change of the amount at stake, or of the number of alerts, by alerts that are new, that
    ended, and that went on; None without an earlier quarter.
    """
    if previous not in over_time:
        return None
    before, now = (
        over_time[q].set_index("alert_id")["amount"].astype(float) for q in (previous, quarter)
    )
    if not by_amount:
        before, now = before * 0 + 1, now * 0 + 1
    both = before.index.intersection(now.index)
    parts = [
        Part(name=say("New alerts"), value=float(now.drop(both).sum())),
        Part(name=say("Alerts that ended or were cleared"), value=-float(before.drop(both).sum())),
        Part(name=say("Alerts that went on"), value=float((now[both] - before[both]).sum())),
    ]
    return Explained(
        label=say("Amount at stake") if by_amount else say("Alerts"),
        kind="money" if by_amount else "count",
        before=float(before.sum()),
        now=float(now.sum()),
        parts=[part for part in parts if part.value],
    )


def _changed(live: pd.DataFrame, alerts: KeyFigure, days: Mapping[str, int]) -> str:
    n = len(live)
    if not n:
        return say("No case meets the conditions this quarter.")
    severe = int((live["severity"] == "high").sum())
    undecided = int((~live["status"].isin(DECIDED)).sum())
    long_open = sum(d > LONG_OPEN for d in days.values())
    text = ngettext(
        "{n} alert stands, {severe} of high severity; {undecided} undecided.",
        "{n} alerts stand, {severe} of high severity; {undecided} undecided.",
        n,
    ).format(n=n, severe=severe, undecided=undecided)
    new = int((live["first_seen"] == alerts.now.quarter).sum())
    told = [text]
    told.append(
        ngettext("{new} is new this quarter.", "{new} are new this quarter.", new).format(new=new)
        if new
        else say("None is new this quarter.")
    )
    if (change := next(iter(alerts.changes), None)) and change.difference:
        since = say("Since last quarter: {change}.")
        told.append(since.format(change=difference_in_words(change.difference, "count")))
    if long_open:
        waiting = ngettext(
            "{n} has been open for more than {days} days.",
            "{n} have been open for more than {days} days.",
            long_open,
        )
        told.append(waiting.format(n=long_open, days=LONG_OPEN))
    return sentences(*told)


def _why(live: pd.DataFrame) -> str:
    if live.empty:
        return ""
    counts = live["reasons"].str.split(" ").explode()
    counts = (
        counts[counts != ""].value_counts(sort=False).sort_values(ascending=False, kind="stable")
    )
    order = list(counts.index)  # of equally many that which stands first, the weightier
    told = [say("{reason} ({n})").format(reason=label(code), n=counts[code]) for code in order[:3]]
    return say("The most frequent reasons: {reasons}.").format(reasons=listed(told))


def _to_do(live: pd.DataFrame, holds: pd.DataFrame | None) -> str:
    waiting = live[~live["status"].isin(DECIDED)]
    if waiting.empty:
        return say("Nothing waits for a decision.")
    urgent = waiting[waiting["severity"] == "high"]
    if 0 < len(urgent) < len(waiting):
        text = ngettext(
            "Decide the {n} open case of high severity first.",
            "Decide the {n} open cases of high severity first.",
            len(urgent),
        ).format(n=len(urgent))
    else:
        text = ngettext(
            "Decide the {n} open case.",
            "Decide the {n} open cases, in the order of the list.",
            len(waiting),
        ).format(n=len(waiting))
    if holds is not None and len(holds):
        once = holds.drop_duplicates("application_id")
        hold = say("Hold {n} pending applications, {amount}.").format(
            n=len(once), amount=money(float(once["amount"].sum()))
        )
        return sentences(text, hold)
    return text


def _rows(live: pd.DataFrame, days: Mapping[str, int], sums_up: bool) -> list[ToDo]:
    live = live[~live["status"].isin(DECIDED)]
    told = findings.in_words(live).assign(
        order=live["severity"].map(SEVERITIES),
        code=live["reasons"],
        code_of_kind=live["kind"],
    )
    told = told.sort_values(["order", "amount", "alert_id"], ascending=[True, False, True])
    return [
        ToDo(
            what=r.alert_id,
            why=words(" ".join(str(r.code).split(" ")[:2])),
            action=r.action,
            who=r.assigned_to or "",
            at_stake=r.amount,
            file=f"../{r.code_of_kind}/{case_file(r.alert_id)}"
            if sums_up
            else case_file(r.alert_id),
            days=days.get(r.alert_id),
        )
        for r in told.itertuples()
    ]
