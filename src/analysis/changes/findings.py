"""Who moved between groups and why, what happened to customers, and what followed. Tables in,
tables out.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from statsmodels.stats.contingency_tables import StratifiedTable

from analysis.report.language import say
from analysis.segmentation.features import matrix
from analysis.segmentation.findings import suppressed
from analysis.segmentation.scoring import DORMANT, LEFT, NEW
from analysis.sources.params import Event
from analysis.statistics.intervals import (
    corrected,
    difference_of_shares,
    mean_interval,
    share_interval,
)


def migration(moves: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Where the customers of each group of the last quarter are now, against what was usual before.

    moves: quarter, customer_type, was, became, customers. Returns customer_type, was, became,
    customers, of (customers of the group they come from), share with share_low and share_high
    (Wilson), usual (the share over all earlier quarters, empty without any). A move of fewer than
    `min_cell` customers has its numbers empty, and so has the next smallest where one alone could
    be worked out.
    """
    columns = [
        "customer_type",
        "was",
        "became",
        "customers",
        "of",
        "share",
        "share_low",
        "share_high",
        "usual",
    ]
    now = moves[(moves["quarter"] == quarter) & (moves["was"] != NEW)]
    if now.empty:
        return pd.DataFrame(columns=columns)
    keys = ["customer_type", "was"]
    table = now.drop(columns="quarter").astype({"customers": float})
    table["of"] = table.groupby(keys)["customers"].transform("sum")
    table["share"] = table["customers"] / table["of"]
    intervals = [share_interval(c, n) for c, n in zip(table["customers"], table["of"], strict=True)]
    table["share_low"], table["share_high"] = [i[0] for i in intervals], [i[1] for i in intervals]
    earlier = moves[(moves["quarter"] < quarter) & (moves["was"] != NEW)]
    usual = earlier.groupby([*keys, "became"])["customers"].sum()
    usual = (usual / usual.groupby(keys).transform("sum")).rename("usual").reset_index()
    table = table.merge(usual, on=[*keys, "became"], how="left")
    if len(earlier):
        table["usual"] = table["usual"].fillna(0.0)
    small_origin = table["of"] < min_cell
    origin = table.assign(origin=table["customer_type"] + "|" + table["was"])
    hidden = suppressed(origin, "customers", "origin", min_cell) | small_origin
    table.loc[hidden, ["customers", "share", "share_low", "share_high", "usual"]] = np.nan
    table.loc[small_origin, "of"] = np.nan
    return table[columns].sort_values(
        ["customer_type", "was", "became"], ascending=[False, True, True], ignore_index=True
    )


def against_before(moves: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Whether the customers of each group moved otherwise than in the quarters before.

    A chi-squared test of each row of the transition matrix against that of the quarters before
    taken together (Anderson and Goodman 1957); destinations expected fewer than five times are
    taken together. Returns customer_type, was, n, n_before, quarters (before), cramers_v (size of
    the difference, 0 to 1; Cramér 1946), p and p_corrected (Benjamini and Hochberg over the rows).
    """
    columns = ["customer_type", "was", "n", "n_before", "quarters", "cramers_v", "p", "p_corrected"]
    known = moves[(moves["quarter"] <= quarter) & (moves["was"] != NEW)]
    found = []
    for (kind, was), part in known.groupby(["customer_type", "was"]) if len(known) else []:
        now = part[part["quarter"] == quarter].groupby("became")["customers"].sum()
        before = part[part["quarter"] < quarter].groupby("became")["customers"].sum()
        both = pd.concat([now, before], axis=1, keys=["now", "before"]).fillna(0.0)
        n, n_before = float(both["now"].sum()), float(both["before"].sum())
        if n < min_cell or n_before < min_cell:
            continue
        rare = both.sum(axis=1) * min(n, n_before) / (n + n_before) < 5
        counts = pd.concat([both[~rare], both[rare].sum().to_frame().T]) if rare.any() else both
        counts = counts[counts.sum(axis=1) > 0]
        v, p = np.nan, np.nan
        if len(counts) > 1:
            chi2, p, _freedom, _expected = chi2_contingency(counts.to_numpy(), correction=False)
            v = np.sqrt(chi2 / (n + n_before))
        found.append(
            [kind, was, n, n_before, part.loc[part["quarter"] < quarter, "quarter"].nunique(), v, p]
        )
    table = pd.DataFrame(found, columns=columns[:-1])
    return table.assign(p_corrected=corrected(table["p"].astype(float))).sort_values(
        ["customer_type", "was"], ascending=[False, True], ignore_index=True
    )


def moved_share(moves: pd.DataFrame, quarter: str, min_cell: int) -> dict[str, float]:
    """The share of customers, there in both quarters, who changed group, with its Wilson interval
    and count; empty when too few.
    """
    both = moves[(moves["quarter"] == quarter) & (moves["was"] != NEW) & (moves["became"] != LEFT)]
    n = int(both["customers"].sum())
    moved = int(both.loc[both["was"] != both["became"], "customers"].sum())
    if n < min_cell or moved < min_cell:
        return {}
    low, high = share_interval(moved, n)
    return {"share": moved / n, "low": low, "high": high, "n": n}


def why_moved(
    previous: pd.DataFrame, now: pd.DataFrame, model: dict[str, Any], min_cell: int
) -> pd.DataFrame:
    """Which features carried customers from one group to the other.

    A customer belongs to the nearest centre, so moving from group a to b means that d²(a) − d²(b)
    changed sign; its change is the sum over the features of 2 (b − a) Δx, exactly. Per move and
    feature: the mean of that contribution as a share of the mean change, with Student's interval,
    and the medians before and after. Returns customer_type, was, became, n, feature, share,
    share_low, share_high, median_before, median_now; moves of fewer than `min_cell` customers, and
    moves into and out of `Dormant` (which need no explanation: no entries), are left out. The five
    largest per move.
    """
    columns = [
        "customer_type",
        "was",
        "became",
        "n",
        "feature",
        "share",
        "share_low",
        "share_high",
        "median_before",
        "median_now",
    ]
    found: list[list[Any]] = []
    if previous.empty or now.empty:
        return pd.DataFrame(columns=columns)
    then = previous.set_index("customer_id")
    today = now.set_index("customer_id")
    both = today.index.intersection(then.index)
    then, today = then.loc[both], today.loc[both]
    for kind, part in model["types"].items():
        names = [g["name"] for g in part["groups"]]
        moved = (
            (today["customer_type"] == kind)
            & then["segment"].isin(names)
            & today["segment"].isin(names)
            & (then["segment"] != today["segment"])
        )
        for (was, became), who in (
            today[moved].groupby([then.loc[moved, "segment"], "segment"]).groups.items()
        ):
            if len(who) < min_cell:
                continue
            given = _contributions(part, then.loc[who], today.loc[who])
            total = given.sum(axis=1).mean()
            if not total > 0:
                continue
            rows = []
            for i, f in enumerate(part["features"]):
                low, high = mean_interval(
                    given[:, i].mean() / total, given[:, i].std(ddof=1) / total, len(who)
                )
                seen = f["name"] if f["name"] in today else None
                medians = [
                    pd.to_numeric(t.loc[who, seen], errors="coerce").median() if seen else np.nan
                    for t in (then, today)
                ]
                rows.append(
                    [
                        kind,
                        was,
                        became,
                        len(who),
                        f["name"],
                        given[:, i].mean() / total,
                        low,
                        high,
                        *medians,
                    ]
                )
            found += sorted(rows, key=lambda r: -r[5])[:5]
    table = pd.DataFrame(found, columns=columns)
    return table.sort_values(
        ["customer_type", "n", "was", "became", "share"],
        ascending=[False, False, True, True, False],
        ignore_index=True,
    )


def moved_list(previous: pd.DataFrame, now: pd.DataFrame, model: dict[str, Any]) -> pd.DataFrame:
    """Every customer who changed group, with the two features that carried him there most: for the
    branch's own staff.

    Returns customer_id, customer_type, was, became, first_reason, second_reason (empty for moves
    into and out of `Dormant`), manager_id, may_be_contacted.
    """
    columns = [
        "customer_id",
        "customer_type",
        "was",
        "became",
        "first_reason",
        "second_reason",
        "manager_id",
        "may_be_contacted",
    ]
    if previous.empty or now.empty:
        return pd.DataFrame(columns=columns)
    then, today = previous.set_index("customer_id"), now.set_index("customer_id")
    both = today.index.intersection(then.index)
    both = both[(then.loc[both, "segment"] != today.loc[both, "segment"]).to_numpy()]
    then, today = then.loc[both], today.loc[both]
    rows = pd.DataFrame(
        {
            "customer_type": today["customer_type"],
            "was": then["segment"],
            "became": today["segment"],
            "first_reason": "",
            "second_reason": "",
            "manager_id": today["manager_id"],
            "may_be_contacted": today["consent"].astype("boolean"),
        }
    )
    for kind, part in model["types"].items():
        names = [g["name"] for g in part["groups"]]
        who = rows.index[
            (rows["customer_type"] == kind) & rows["was"].isin(names) & rows["became"].isin(names)
        ]
        if not len(who):
            continue
        features = np.array([f["name"] for f in part["features"]])
        best = np.argsort(
            -_contributions(part, then.loc[who], today.loc[who]), axis=1, kind="stable"
        )
        rows.loc[who, "first_reason"] = features[best[:, 0]]
        rows.loc[who, "second_reason"] = features[best[:, 1]] if len(features) > 1 else ""
    return (
        rows.rename_axis("customer_id")
        .reset_index()[columns]
        .sort_values("customer_id", ignore_index=True)
    )


def _contributions(part: dict[str, Any], then: pd.DataFrame, today: pd.DataFrame) -> np.ndarray:
    """Customers × features: 2 (b − a) Δx, what each feature gave to the change of d²(a) − d²(b) of
    a move from a to b.
    """
    names = [g["name"] for g in part["groups"]]
    centres = np.array(part["centres"])
    way = (
        centres[[names.index(b) for b in today["segment"]]]
        - centres[[names.index(a) for a in then["segment"]]]
    )
    return np.asarray(2 * way * (matrix(today, part["features"]) - matrix(then, part["features"])))


def event_rates(
    counts: pd.DataFrame,
    active: int,
    active_before: int,
    quarter: str,
    previous: str,
    events: list[Event],
    min_cell: int,
) -> pd.DataFrame:
    """How often each event happened: event, customers, of (active customers), per_1000 with low and
    high (Wilson), before (per 1,000 in the quarter before). Counts below `min_cell` have their
    numbers empty; in between there is no total from which they could be worked out.
    """
    rows = []
    for event in events:
        mine = counts[counts["event"] == event.name]
        now = int(mine.loc[mine["quarter"] == quarter, "customers"].sum())
        then = int(mine.loc[mine["quarter"] == previous, "customers"].sum())
        low, high = share_interval(now, active)
        show = now >= min_cell and active >= min_cell
        values = (
            [now, active, 1000 * now / active, 1000 * low, 1000 * high] if show else [np.nan] * 5
        )
        rows.append(
            [
                event.title,
                *values,
                1000 * then / active_before
                if active_before >= min_cell and then >= min_cell
                else np.nan,
            ]
        )
    return pd.DataFrame(
        rows, columns=["event", "customers", "of", "per_1000", "low", "high", "before"]
    )


def event_list(
    happened: pd.DataFrame, customers: pd.DataFrame, expected: pd.DataFrame, events: list[Event]
) -> pd.DataFrame:
    """Every event with what to do about it: for the branch's own staff, identifiers only; most
    valuable customers first.
    """
    columns = [
        "customer_id",
        "customer_type",
        "segment",
        "event",
        "action",
        "owner",
        "manager_id",
        "expected_value",
        "may_be_contacted",
    ]
    if happened.empty or customers.empty:
        return pd.DataFrame(columns=columns)
    rows = happened.merge(
        customers[["customer_id", "segment", "manager_id", "consent"]], on="customer_id"
    )
    told = {e.name: e for e in events}
    rows["action"] = [told[e].action for e in rows["event"]]
    rows["owner"] = [told[e].owner for e in rows["event"]]
    rows["order"] = [list(told).index(e) for e in rows["event"]]
    worth = (
        expected[["customer_id", "expected"]]
        if len(expected)
        else pd.DataFrame(columns=["customer_id", "expected"])
    )
    rows = rows.merge(worth, on="customer_id", how="left")
    rows["expected_value"] = rows["expected"].astype(float).round(0)
    rows["may_be_contacted"] = rows["consent"].astype("boolean")
    return rows.sort_values(
        ["order", "expected_value", "customer_id"], ascending=[True, False, True]
    )[columns].reset_index(drop=True)


def backtest(by_quarter: list[list[dict[str, Any]]], events: list[Event]) -> pd.DataFrame:
    """What followed each event in the quarter after, against active customers to whom it did not
    happen.

    by_quarter: per quarter the counts of `analysis.changes.events.outcomes`, bank-wide. Returns
    event, outcome (churn or purchase, whichever the event is watched for), n, quarters, followed
    (share) with low and high (Wilson), base (share among the others, each quarter weighted as the
    event's customers are), lift (followed / base), difference with difference_low and
    difference_high (Newcombe), p (Cochran–Mantel–Haenszel over the quarters; 1959) and p_corrected
    (Benjamini and Hochberg over the events). Events of fewer than ten customers have no share.
    """
    columns = [
        "event",
        "outcome",
        "n",
        "quarters",
        "followed",
        "low",
        "high",
        "base",
        "lift",
        "difference",
        "difference_low",
        "difference_high",
        "p",
    ]
    rows = []
    for event in events:
        outcome = "churned" if event.expect == "churn" else "purchased"
        tables = _two_by_two(by_quarter, event.name, outcome)
        n, hits = sum(t[0] for t in tables), sum(t[1] for t in tables)
        others = sum(t[2] for t in tables)
        if n < 10 or others < 10:
            rows.append([event.title, event.expect, n, len(tables), *[np.nan] * 9])
            continue
        base = sum(t[0] * t[3] / t[2] for t in tables if t[2]) / n
        low, high = share_interval(hits, n)
        difference, d_low, d_high = difference_of_shares(hits, n, base * others, others)
        rows.append(
            [
                event.title,
                event.expect,
                n,
                len(tables),
                hits / n,
                low,
                high,
                base,
                hits / n / base if base > 0 else np.nan,
                difference,
                d_low,
                d_high,
                _mantel_haenszel(tables),
            ]
        )
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p_corrected=corrected(table["p"].astype(float)))


def _two_by_two(
    by_quarter: list[list[dict[str, Any]]], event: str, outcome: str
) -> list[tuple[float, float, float, float]]:
    """Per quarter: customers with the event, those of them with the outcome, customers without,
    those of them with it.
    """
    found = []
    for quarter in by_quarter:
        known = [o for o in quarter if o[outcome] is not None]
        mine = [o for o in known if o["event"] == event]
        kinds = {o["customer_type"] for o in mine}
        everybody = [o for o in known if o["event"] is None and o["customer_type"] in kinds]
        n, hits = sum(o["customers"] for o in mine), sum(o[outcome] for o in mine)
        if n:
            found.append(
                (
                    n,
                    hits,
                    sum(o["customers"] for o in everybody) - n,
                    sum(o[outcome] for o in everybody) - hits,
                )
            )
    return found


def _mantel_haenszel(tables: list[tuple[float, float, float, float]]) -> float:
    """Two-sided p-value of no difference in any quarter (Cochran 1954, Mantel and Haenszel 1959);
    not a number where nothing or everything followed.
    """
    hits = sum(t[1] + t[3] for t in tables)
    if hits in (0, sum(t[0] + t[2] for t in tables)):
        return float("nan")
    strata = [
        np.array([[h, n - h], [other_h, others - other_h]]) for n, h, others, other_h in tables
    ]
    return float(StratifiedTable(strata).test_null_odds(correction=False).pvalue)


def rules(events: list[Event]) -> pd.DataFrame:
    """The rules of the params file: event, rule, outcome (what the event is watched for),
    action.
    """
    rows = [
        {"event": e.title, "rule": e.rule, "outcome": e.expect, "action": e.action} for e in events
    ]
    return pd.DataFrame(rows, columns=["event", "rule", "outcome", "action"])


def headline(moved: dict[str, float], rates: pd.DataFrame) -> dict[str, str]:
    """The figures of the index: share that moved, and the event that happened most often for its
    base.
    """
    figures = {}
    if moved:
        figures[say("Changed group")] = (
            f"{moved['share']:.1%} ({moved['low']:.1%}–{moved['high']:.1%})"
        )
    known = rates.dropna(subset=["customers"])
    if len(known):
        most = known.loc[known["customers"].idxmax()]
        figures[say("Most frequent event")] = f"{most['event']}: {most['customers']:,.0f}"
    return figures


def active_customers(customers: pd.DataFrame) -> int:
    """How many customers are not dormant."""
    return int((customers["segment"] != DORMANT).sum()) if len(customers) else 0
