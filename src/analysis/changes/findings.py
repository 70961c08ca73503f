"""Who moved between groups and why, what happened to customers, and what followed. Tables in,
tables out.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import chi2_contingency

from analysis.changes.announced import BACKTEST as BACKTEST
from analysis.changes.announced import EVENTS_TO_ACT_ON as EVENTS_TO_ACT_ON
from analysis.changes.announced import announcing as announcing
from analysis.changes.announced import backtest as backtest
from analysis.changes.announced import event_list as event_list
from analysis.language import say
from analysis.segmentation.features import matrix
from analysis.segmentation.findings import suppressed
from analysis.segmentation.fitted import FittedSegmentation, FittedType
from analysis.segmentation.scoring import DORMANT, LEFT, NEW
from analysis.sources.params import Event
from analysis.statistics.comparison import p_value
from analysis.statistics.intervals import (
    corrected,
    corrected_for_any,
    mean_interval,
    share_interval,
)

#: Where the customers of a group are a quarter later: column to its type.
#: customers: who moved; of: all of the group they come from.
#: share: with its interval share_low to share_high (Wilson).
#: usual: the share over all earlier quarters; empty without any, and where one does not show it.
MIGRATION = {
    "customer_type": "str",
    "was": "str",
    "became": "str",
    "customers": "float",
    "of": "float",
    "share": "float",
    "share_low": "float",
    "share_high": "float",
    "usual": "float",
}


def migration(moves: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Where the customers of each group of the last quarter are now, against what was usual before:
    the columns `MIGRATION`.

    moves: `ChangesTables.moves`. A move that no page shows, or of fewer than `min_cell` customers,
    has its numbers empty, and so has the next smallest where one alone could be worked out.
    """
    now = moves[(moves["quarter"] == quarter) & (moves["was"] != NEW)]
    if now.empty:
        return pd.DataFrame(columns=list(MIGRATION))
    keys = ["customer_type", "was"]
    table = now.drop(columns="quarter").astype({"customers": float})
    table["of"] = table.groupby(keys)["customers"].transform("sum")
    table["share"] = table["customers"] / table["of"]
    intervals = [share_interval(c, n) for c, n in zip(table["customers"], table["of"], strict=True)]
    table["share_low"], table["share_high"] = [i[0] for i in intervals], [i[1] for i in intervals]
    earlier = moves[(moves["quarter"] < quarter) & (moves["was"] != NEW)]
    table["usual"] = _usual(earlier, table, min_cell)
    small_origin = (table["of"] < min_cell) | table["origin_withheld"]
    origin = table.assign(origin=table["customer_type"] + "|" + table["was"])
    hidden = suppressed(origin, "customers", "origin", min_cell) | small_origin
    table.loc[hidden, ["customers", "share", "share_low", "share_high", "usual"]] = np.nan
    table.loc[small_origin, "of"] = np.nan
    return table[list(MIGRATION)].sort_values(
        ["customer_type", "was", "became"], ascending=[False, True, True], ignore_index=True
    )


def _usual(earlier: pd.DataFrame, moves: pd.DataFrame, min_cell: int) -> np.ndarray:
    """The share of the customers of a group who moved so in all earlier quarters together, of each
    of the moves; empty without earlier ones, and where one of those quarters does not show the
    move: two quarters' pages tell the quarter between them.
    """
    keys = ["customer_type", "was"]
    so_far = earlier.groupby([*keys, "became"], as_index=False).agg(
        moved=("customers", "sum"),
        fewest=("customers", "min"),
        withheld=("withheld", "any"),
        quarters=("quarter", "nunique"),
    )
    origins = earlier.groupby(keys, as_index=False).agg(
        before=("customers", "sum"), all_quarters=("quarter", "nunique")
    )
    table = moves[[*keys, "became"]].merge(so_far, on=[*keys, "became"], how="left")
    table = table.merge(origins, on=keys, how="left")
    always = table["quarters"] == table["all_quarters"]
    shown = always & (table["fewest"] >= min_cell) & table["withheld"].eq(False)
    return (table["moved"] / table["before"]).where(shown).to_numpy()


def moves_shown(moves: pd.DataFrame) -> pd.DataFrame:
    """The moves that enough customers made; moves: as from `migration`."""
    return moves.dropna(subset=["share"])


#: Whether a group moved otherwise than before: column to its type.
#: n, n_before: customers in the quarter, and in all before, empty where no page of one of those
#: quarters shows them; quarters: how many before.
#: cramers_v: size of the difference, 0 to 1 (Cramér 1946).
#: became: of the moves that are shown, the one whose share changed most; changed_by: by how many
#: percentage points.
#: p_corrected: Benjamini and Hochberg over the groups.
AGAINST_BEFORE = {
    "customer_type": "str",
    "was": "str",
    "n": "float",
    "n_before": "float",
    "quarters": "int",
    "cramers_v": "float",
    "became": "str",
    "changed_by": "float",
    "p": "float",
    "p_corrected": "float",
}


def against_before(moves: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Whether the customers of each group moved otherwise than in the quarters before: the columns
    `AGAINST_BEFORE`.

    A test of each row of the transition matrix against that of the quarters before taken together
    (chi-squared, Anderson and Goodman 1957), by how much more it differs than quarters before
    differ among each other, over all rows (quasi-likelihood, McCullagh and Nelder 1989: an F test;
    never less than chance alone). One quarter before does not tell how much quarters differ: then
    there is no p. Destinations expected fewer than five times are taken together.
    """
    largest = _largest_changes(migration(moves, quarter, min_cell))
    so_far = moves[(moves["quarter"] <= quarter) & (moves["was"] != NEW)]
    tests, among = [], np.zeros(2)
    for (kind, was), part in so_far.groupby(["customer_type", "was"]) if len(so_far) else []:
        withheld = part.groupby("quarter")["origin_withheld"].any()
        if withheld.get(quarter, False):
            continue
        now = part[part["quarter"] == quarter].groupby("became")["customers"].sum()
        earlier = part[part["quarter"] < quarter]
        before = earlier.groupby("became")["customers"].sum()
        both = pd.concat([now, before], axis=1, keys=["now", "before"]).fillna(0.0)
        n, n_before = float(both["now"].sum()), float(both["before"].sum())
        if n < min_cell or n_before < min_cell:
            continue
        rare = both.sum(axis=1) * min(n, n_before) / (n + n_before) < 5
        counts = pd.concat([both[~rare], both[rare].sum().to_frame().T]) if rare.any() else both
        counts = counts[counts.sum(axis=1) > 0]
        chi2, freedom = np.nan, 0
        if len(counts) > 1:
            chi2, _p, freedom, _expected = chi2_contingency(counts.to_numpy(), correction=False)
            among += _among_quarters(earlier, list(both.index[~rare]))
        told_before = np.nan if withheld.any() else n_before
        became, points = largest.get((kind, was), ("", np.nan))
        quarters = earlier["quarter"].nunique()
        cramers_v = np.sqrt(chi2 / (n + n_before))
        told = [kind, was, n, told_before, quarters, cramers_v, became, points]
        tests.append([*told, chi2, freedom])
    columns = [*list(AGAINST_BEFORE)[:-2], "chi2", "freedom"]
    table = pd.DataFrame(tests, columns=columns).astype({"chi2": float, "freedom": float})
    spread, of_quarters = max(among[0] / among[1], 1.0) if among[1] else np.nan, among[1]
    differs = table["chi2"] / table["freedom"].where(table["freedom"] > 0)
    table["p"] = stats.f.sf(differs / spread, table["freedom"], of_quarters)
    table = table.drop(columns=["chi2", "freedom"])
    return table.assign(p_corrected=corrected(table["p"].astype(float))).sort_values(
        ["customer_type", "was"], ascending=[False, True], ignore_index=True
    )


def _among_quarters(earlier: pd.DataFrame, frequent: list[str]) -> np.ndarray:
    """How much the quarters before differ among each other: chi-squared and degrees of freedom.

    frequent: destinations that stand by themselves.
    """
    became = earlier["became"].where(earlier["became"].isin(frequent), "")
    by_quarter = earlier.assign(became=became).pivot_table(
        index="quarter", columns="became", values="customers", aggfunc="sum", fill_value=0
    )
    by_quarter = by_quarter.loc[by_quarter.sum(axis=1) > 0, by_quarter.sum() > 0]
    if min(by_quarter.shape) < 2:
        return np.zeros(2)
    among, _p, freedom, _expected = chi2_contingency(by_quarter.to_numpy(), correction=False)
    return np.array([among, freedom])


def _largest_changes(told: pd.DataFrame) -> dict[tuple[str, str], tuple[str, float]]:
    """To each type and group the move whose share changed most, and by how many percentage points.

    told: as from `migration`.
    """
    change = told["share"].astype(float) - told["usual"].astype(float)
    moved = told.assign(points=change, size=change.abs()).dropna(subset=["points"])
    moved = moved.sort_values(["size", "became"], ascending=[False, True])
    first = moved.drop_duplicates(["customer_type", "was"])
    return {
        (str(r.customer_type), str(r.was)): (str(r.became), 100 * float(r.points))
        for r in first.itertuples()
    }


def moved_share(
    moves: pd.DataFrame, quarter: str, min_cell: int, withheld: bool = False
) -> dict[str, float]:
    """The share of customers, there in both quarters, who changed group, with its Wilson interval
    and count; empty when too few, or when no page shows it.
    """
    both = moves[(moves["quarter"] == quarter) & (moves["was"] != NEW) & (moves["became"] != LEFT)]
    n = int(both["customers"].sum())
    moved = int(both.loc[both["was"] != both["became"], "customers"].sum())
    if withheld or n < min_cell or moved < min_cell:
        return {}
    low, high = share_interval(moved, n)
    return {"share": moved / n, "low": low, "high": high, "n": n}


#: What carried customers from one group to the other: column to its type.
#: share: of the mean change, with its interval share_low to share_high.
#: median_before, median_now: of the feature, in its own unit.
WHY_MOVED = {
    "customer_type": "str",
    "was": "str",
    "became": "str",
    "n": "int",
    "feature": "str",
    "share": "float",
    "share_low": "float",
    "share_high": "float",
    "median_before": "float",
    "median_now": "float",
}
MOST_REASONS = 5  # shown of a move


def why_moved(
    previous: pd.DataFrame,
    now: pd.DataFrame,
    segmentation: FittedSegmentation,
    moves: pd.DataFrame,
    min_cell: int,
) -> pd.DataFrame:
    """Which features carried customers from one group to the other.

    A customer belongs to the nearest centre, so moving from group a to b means that d²(a) − d²(b)
    changed sign; its change is the sum over the features of 2 (b − a) Δx, exactly. Per move and
    feature: the mean of that contribution as a share of the mean change, with Student's interval,
    and the medians before and after. Returns the columns `WHY_MOVED`, of each move the five
    largest. Left out are moves that are not shown (moves: as from `migration`) or of which fewer
    than `min_cell` customers are read, and those into and out of `Dormant`, which need no
    explanation.
    """
    reasons: list[list[object]] = []
    shown = moves_shown(moves).set_index(["customer_type", "was", "became"])["customers"]
    if len(previous) and len(now):
        then, today = _in_both(previous, now)
        for kind, part in segmentation.types.items():
            for (was, became), customers in _moves(part, kind, then, today):
                if (kind, was, became) in shown.index and len(customers) >= min_cell:
                    move = _reasons(part, then.loc[customers], today.loc[customers])
                    n = int(shown[kind, was, became])
                    reasons += [[kind, was, became, n, *row] for row in move]
    return pd.DataFrame(reasons, columns=list(WHY_MOVED)).sort_values(
        ["customer_type", "n", "was", "became", "share"],
        ascending=[False, False, True, True, False],
        ignore_index=True,
    )


def _in_both(previous: pd.DataFrame, now: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The customers of both quarters, a quarter ago and now, by their identifier."""
    then, today = previous.set_index("customer_id"), now.set_index("customer_id")
    both = today.index.intersection(then.index)
    return then.loc[both], today.loc[both]


def _moves(
    part: FittedType, kind: str, then: pd.DataFrame, today: pd.DataFrame
) -> Iterable[tuple[tuple[str, str], pd.Index]]:
    """Who moved from which of the model's groups to which other."""
    names = [g.name for g in part.groups]
    moved = (
        (today["customer_type"] == kind)
        & then["segment"].isin(names)
        & today["segment"].isin(names)
        & (then["segment"] != today["segment"])
    )
    moves = today[moved].groupby([then.loc[moved, "segment"], "segment"])
    return list(moves.groups.items())


def _reasons(part: FittedType, then: pd.DataFrame, today: pd.DataFrame) -> list[list[object]]:
    """Of one move, the largest: feature, share, share_low, share_high, median_before,
    median_now.
    """
    contributions = _contributions(part, then, today)
    total = contributions.sum(axis=1).mean()
    if not total > 0:
        return []
    rows = []
    for feature, contribution in zip(part.features, contributions.T, strict=True):
        share = contribution.mean() / total
        interval = mean_interval(share, contribution.std(ddof=1) / total, len(then))
        medians = [
            pd.to_numeric(quarter[feature.name], errors="coerce").median()
            if feature.name in today
            else np.nan
            for quarter in (then, today)
        ]
        rows.append([feature.name, share, *interval, *medians])
    return sorted(rows, key=lambda row: -row[1])[:MOST_REASONS]


#: Who changed group: column to its type.
#: was, became: the group a quarter ago, and now.
#: first_reason, second_reason: the features that carried him most.
#: may_be_contacted: whether he consented; empty where he was not asked.
MOVED = {
    "customer_id": "str",
    "customer_type": "str",
    "was": "str",
    "became": "str",
    "first_reason": "str",
    "second_reason": "str",
    "manager_id": "str",
    "may_be_contacted": "boolean",
}


def moved_list(
    previous: pd.DataFrame, now: pd.DataFrame, segmentation: FittedSegmentation
) -> pd.DataFrame:
    """Every customer who changed group, with the two features that carried him there most: for the
    branch's own staff.

    Returns the columns `MOVED`; reasons are empty for moves into and out of `Dormant`.
    """
    if previous.empty or now.empty:
        return pd.DataFrame(columns=list(MOVED))
    then, today = _in_both(previous, now)
    changed = (then["segment"] != today["segment"]).to_numpy()
    then, today = then[changed], today[changed]
    listed = pd.DataFrame(
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
    for kind, part in segmentation.types.items():
        names = [g.name for g in part.groups]
        customers = listed.index[
            (listed["customer_type"] == kind)
            & listed["was"].isin(names)
            & listed["became"].isin(names)
        ]
        if not len(customers):
            continue
        features = np.array([f.name for f in part.features])
        contributions = _contributions(part, then.loc[customers], today.loc[customers])
        best = np.argsort(-contributions, axis=1, kind="stable")
        listed.loc[customers, "first_reason"] = features[best[:, 0]]
        listed.loc[customers, "second_reason"] = features[best[:, 1]] if len(features) > 1 else ""
    return (
        listed.rename_axis("customer_id")
        .reset_index()[list(MOVED)]
        .sort_values("customer_id", ignore_index=True)
    )


def _contributions(part: FittedType, then: pd.DataFrame, today: pd.DataFrame) -> np.ndarray:
    """Customers × features: 2 (b − a) Δx, what each feature gave to the change of d²(a) − d²(b) of
    a move from a to b.
    """
    names = [g.name for g in part.groups]
    centres = np.array(part.centres)
    way = (
        centres[[names.index(b) for b in today["segment"]]]
        - centres[[names.index(a) for a in then["segment"]]]
    )
    return np.asarray(2 * way * (matrix(today, part.features) - matrix(then, part.features)))


#: How often an event happened: column to its type.
#: customers: with it; of: active ones.
#: per_1000: active customers, with its interval low to high (Wilson).
#: before: the same a quarter ago.
#: p_corrected: of no difference between both (from Wilson's intervals), Holm over the events.
EVENT_RATES = {
    "event": "str",
    "customers": "float",
    "of": "float",
    "per_1000": "float",
    "low": "float",
    "high": "float",
    "before": "float",
    "p_corrected": "float",
}


def event_rates(
    counts: pd.DataFrame,
    active: int,
    active_before: int,
    quarter: str,
    previous: str,
    events: list[Event],
    min_cell: int,
) -> pd.DataFrame:
    """How often each event happened: the columns `EVENT_RATES`. Counts that no page shows and those
    below `min_cell` have their numbers empty.
    """
    rows = []
    shown = counts[~counts["withheld"].astype(bool)]
    for event in events:
        by_quarter = shown[shown["event"] == event.name].groupby("quarter")["customers"].sum()
        now, then = int(by_quarter.get(quarter, 0)), int(by_quarter.get(previous, 0))
        low, high = share_interval(now, active)
        rate, rate_before, p = [np.nan] * 5, np.nan, np.nan
        if now >= min_cell and active >= min_cell:
            rate = [now, active, 1000 * now / active, 1000 * low, 1000 * high]
        if then >= min_cell and active_before >= min_cell:
            rate_before = 1000 * then / active_before
            if now >= min_cell and active >= min_cell:
                before = then / active_before, *share_interval(then, active_before)
                p = p_value((now / active, low, high), before)
        rows.append([event.title, *rate, rate_before, p])
    table = pd.DataFrame(rows, columns=list(EVENT_RATES))
    return table.assign(p_corrected=corrected_for_any(table["p_corrected"].astype(float)))


def titled(listed: pd.DataFrame, events: list[Event]) -> pd.DataFrame:
    """The list with the titles of events in place of their names; listed: EVENTS_TO_ACT_ON."""
    return listed.assign(event=listed["event"].map({e.name: e.title for e in events}))


def nobody_listed(tested: pd.DataFrame) -> str:
    """Why the list of events is empty, where no event announces anything."""
    if len(announcing(tested)):
        return ""
    return say("No event has announced what it is watched for so far; the list is empty.")


#: The rules of the params file: column to its type.
#: event: its title; rule: SQL; outcome: what it is watched for; action: what is done about it.
RULES = {"event": "str", "rule": "str", "outcome": "str", "action": "str"}


def rules(events: list[Event]) -> pd.DataFrame:
    """The rules of the params file: the columns `RULES`."""
    rows = [
        {"event": e.title, "rule": e.rule, "outcome": e.expect, "action": e.action} for e in events
    ]
    return pd.DataFrame(rows, columns=list(RULES))


def active_customers(counts: pd.DataFrame, quarter: str) -> int:
    """How many customers were not dormant in a quarter.

    counts: `SegmentationTables.segment_counts`, of every customer, also where a sample is read.
    """
    active = (counts["quarter"] == quarter) & (counts["segment"] != DORMANT)
    return int(counts.loc[active, "customers"].sum())
