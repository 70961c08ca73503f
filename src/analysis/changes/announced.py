"""What events announce, by what followed them so far, and whom to call about one. Tables in, tables
out.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import StratifiedTable

from analysis.changes.calls import EVENT, entry_id, may_be_contacted, within_capacity
from analysis.changes.events import Outcome, Outcomes
from analysis.sources.params import Event, Retention
from analysis.statistics.intervals import corrected, difference_of_shares, share_interval

#: What followed an event: column to its type.
#: outcome: churn or purchase, whichever the event is watched for.
#: n: customers with the event; quarters: those it happened in.
#: followed: share with the outcome, in its interval low to high (Wilson).
#: base: share among the others, each quarter weighted as the event's customers are.
#: lift: followed / base; difference: followed − base, with its interval (Newcombe).
#: p: of Cochran, Mantel and Haenszel's test over the quarters (1959).
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
Strata = list[tuple[float, float, float, float]]


def backtest(by_quarter: Sequence[Outcomes], events: list[Event]) -> pd.DataFrame:
    """What followed each event in the quarter after, against active customers to whom it did not
    happen, over the whole bank.

    Returns the columns `BACKTEST`. Events of fewer than ten customers have no share, and neither
    have those that one or two followed.
    """
    rows = []
    for event in events:
        strata = _strata(by_quarter, event)
        followed = _followed(strata) if strata else [np.nan] * 9
        rows.append([event.title, event.expect, sum(s[0] for s in strata), len(strata), *followed])
    table = pd.DataFrame(rows, columns=[c for c in BACKTEST if c != "p_corrected"])
    return table.assign(p_corrected=corrected(table["p"].astype(float)))


def _followed(strata: Strata) -> list[float]:
    """The columns of `BACKTEST` from followed to p."""
    n, hits = sum(s[0] for s in strata), sum(s[1] for s in strata)
    others = sum(s[2] for s in strata)
    if n < LEAST_FOLLOWED or others < LEAST_FOLLOWED or 1 <= hits <= 2:
        return [np.nan] * 9
    base = sum(s[0] * s[3] / s[2] for s in strata if s[2]) / n
    return [
        hits / n,
        *share_interval(hits, n),
        base,
        hits / n / base if base > 0 else np.nan,
        *difference_of_shares(hits, n, base * others, others),
        _mantel_haenszel(strata),
    ]


def _strata(by_quarter: Sequence[Outcomes], event: Event) -> Strata:
    """Per quarter: customers with the event, those of them with the outcome, customers without,
    those of them with it.
    """

    def outcome(o: Outcome) -> int | None:
        return o.churned if event.expect == "churn" else o.purchased

    strata: Strata = []
    for quarter in by_quarter:
        counts = [o for o in quarter.counts if outcome(o) is not None]
        with_event = [o for o in counts if o.event == event.name]
        kinds = {o.customer_type for o in with_event}
        everybody = [o for o in counts if o.event is None and o.customer_type in kinds]
        n, hits = sum(o.customers for o in with_event), sum(outcome(o) or 0 for o in with_event)
        if n:
            others = sum(o.customers for o in everybody) - n
            others_hits = sum(outcome(o) or 0 for o in everybody) - hits
            strata.append((n, hits, others, others_hits))
    return strata


def _mantel_haenszel(strata: Strata) -> float:
    """Two-sided p-value of no difference in any quarter (Cochran 1954, Mantel and Haenszel 1959);
    not a number where nothing or everything followed.
    """
    hits = sum(s[1] + s[3] for s in strata)
    if hits in (0, sum(s[0] + s[2] for s in strata)):
        return float("nan")
    tables = [
        np.array([[h, n - h], [others_h, others - others_h]]) for n, h, others, others_h in strata
    ]
    return float(StratifiedTable(tables).test_null_odds(correction=False).pvalue)


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
