"""What events announce, by what followed them so far, and whom to call about one. Tables in, tables
out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.changes.announcing import Announcements
from analysis.changes.calls import EVENT, entry_id, may_be_contacted, within_capacity
from analysis.changes.events import Outcome, Outcomes
from analysis.sources.params import Event, Retention
from analysis.statistics.intervals import corrected, difference_of_shares, share_interval

#: What followed an event: column to its type.
#: outcome: churn or purchase, whichever the event is watched for.
#: n: customers with the event; quarters: those it happened in.
#: followed: share with the outcome, in its interval low to high (Wilson).
#: base: share among the others, each quarter and type weighted as the event's customers are.
#: lift: followed / base; difference: followed − base, with its interval (Newcombe).
#: p: as in `analysis.changes.announcing`.
#: p_corrected: over the events (Benjamini and Hochberg).
BACKTEST = {
    "event": "str",
    "outcome": "str",
    "n": "int",
    "quarters": "int",
    "followed": "float",
    "low": "float",
    "high": "float",
    "base": "float",
    "lift": "float",
    "difference": "float",
    "difference_low": "float",
    "difference_high": "float",
    "p": "float",
    "p_corrected": "float",
}
LEAST_FOLLOWED = 10  # customers with an event, and without, that a share is told of
SIGNIFICANT = 0.05  # corrected for the number of events


class Stratum(NamedTuple):
    """One type of customers in a quarter: those with the event, those of them with the outcome,
    those without the event, and those of them with the outcome.
    """

    quarter: int
    n: int
    hits: int
    others: int
    others_hits: int


def backtest(
    by_quarter: Sequence[Outcomes], events: list[Event], tested: Announcements
) -> pd.DataFrame:
    """What followed each event in the quarter after, against active customers to whom it did not
    happen, over the whole bank.

    Returns the columns `BACKTEST`. Events of fewer than ten customers have no share, and neither
    have those that one or two followed.
    """
    rows, chance = [], {told.event: told.p for told in tested.events}
    for event in events:
        strata = _strata(by_quarter, event)
        followed = _followed(strata) if strata else [np.nan] * 8
        p = np.nan if np.isnan(followed[0]) else chance.get(event.name)
        n, quarters = sum(s.n for s in strata), len({s.quarter for s in strata})
        rows.append([event.title, event.expect, n, quarters, *followed, p])
    table = pd.DataFrame(rows, columns=[c for c in BACKTEST if c != "p_corrected"])
    return table.assign(p_corrected=corrected(table["p"].astype(float)))


def _followed(strata: Sequence[Stratum]) -> list[float]:
    """The columns of `BACKTEST` from followed to difference_high."""
    n, hits = sum(s.n for s in strata), sum(s.hits for s in strata)
    others = sum(s.others for s in strata)
    if n < LEAST_FOLLOWED or others < LEAST_FOLLOWED or 1 <= hits <= 2:
        return [np.nan] * 8
    base = sum(s.n * s.others_hits / s.others for s in strata if s.others) / n
    return [
        hits / n,
        *share_interval(hits, n),
        base,
        hits / n / base if base > 0 else np.nan,
        *difference_of_shares(hits, n, base * others, others),
    ]


def _strata(by_quarter: Sequence[Outcomes], event: Event) -> list[Stratum]:
    """The quarters and types of customers in which the event happened."""

    def outcome(o: Outcome) -> int | None:
        return o.churned if event.expect == "churn" else o.purchased

    strata = []
    for place, quarter in enumerate(by_quarter):
        counts = [o for o in quarter.counts if outcome(o) is not None]
        everybody = {o.customer_type: o for o in counts if o.event is None}
        for own in (o for o in counts if o.event == event.name):
            of_type, hits = everybody[own.customer_type], outcome(own) or 0
            others, others_hits = of_type.customers - own.customers, (outcome(of_type) or 0) - hits
            strata.append(Stratum(place, own.customers, hits, others, others_hits))
    return strata


def announcing(tested: pd.DataFrame) -> pd.DataFrame:
    """The events that announce what they are watched for, of the columns `BACKTEST`."""
    return tested[(tested["p_corrected"] < SIGNIFICANT) & (tested["difference"] > 0)]


#: What happened to whom, and what to do about it: column to its type.
#: subject_id: the entry, as follow-ups name it.
#: expected_value: over the horizon, in the bank's currency; empty where unknown.
#: effect: what the event adds to the chance of what it is watched for; at_stake: times that value.
EVENTS_TO_ACT_ON = {
    "subject_id": "str",
    "customer_id": "str",
    "customer_type": "str",
    "segment": "str",
    "event": "str",
    "action": "str",
    "owner": "str",
    "manager_id": "str",
    "expected_value": "float",
    "effect": "float",
    "at_stake": "float",
}


def event_list(
    happened: pd.DataFrame,
    customers: pd.DataFrame,
    expected: pd.DataFrame,
    events: list[Event],
    tested: pd.DataFrame,
    settings: Retention,
) -> pd.DataFrame:
    """Events that announce something, with what to do: of customers who may be contacted, those
    first of whom most is at stake, as many as each branch can call. For the branch's own staff,
    identifiers only. Returns the columns `EVENTS_TO_ACT_ON`.

    tested: the columns `BACKTEST`.
    """
    effects = announcing(tested).set_index("event")["difference"]
    by_name = {e.name: e for e in events if e.title in effects.index}
    if happened.empty or customers.empty or not by_name:
        return pd.DataFrame(columns=list(EVENTS_TO_ACT_ON))
    may = customers[may_be_contacted(customers["consent"])]
    listed = happened[happened["event"].isin(by_name)].drop(columns="branch_id", errors="ignore")
    listed["subject_id"] = [
        entry_id(EVENT, quarter, event, customer)
        for quarter, event, customer in listed[["quarter", "event", "customer_id"]].itertuples(
            index=False
        )
    ]
    listed = listed.merge(
        may[["customer_id", "branch_id", "segment", "manager_id"]], on="customer_id"
    )
    worth = (
        expected[["customer_id", "expected"]]
        if len(expected)
        else pd.DataFrame(columns=["customer_id", "expected"])
    )
    listed = listed.merge(worth, on="customer_id", how="left")
    listed["effect"] = [effects[by_name[e].title] for e in listed["event"]]
    listed["expected_value"] = listed["expected"].astype(float)
    listed["at_stake"] = listed["effect"] * listed["expected_value"]
    listed["action"] = [by_name[e].action for e in listed["event"]]
    listed["owner"] = [by_name[e].owner for e in listed["event"]]
    ranked = listed.sort_values(
        ["at_stake", "effect", "customer_id", "event"], ascending=[False, False, True, True]
    )
    listed = within_capacity(ranked, settings)[list(EVENTS_TO_ACT_ON)]
    return listed.round({"expected_value": 0, "effect": 4, "at_stake": 0}).reset_index(drop=True)
