"""What became of the lists, who followed them, and what is to be expected of those handed over now.
Tables in, tables out.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from analysis.execution.fitted import Added, FollowThrough, NotShown, OfKind, OfStaff
from analysis.execution.items import ALERT, OF_PRODUCTS
from analysis.execution.staff import HANDED_KINDS, OF_BANK
from analysis.language import say, sentences
from analysis.partition import ALL
from analysis.statistics.intervals import NORMAL, share_interval
from analysis.statistics.resampling import LEVEL

SIGNIFICANT = 0.05  # corrected for how many are compared
#: What became of a kind of entries: column to its type.
#: handed: entries; followed, in_time, done, success: shares of them, with intervals (Wilson).
#: value: of the successes, untouched: entries nobody followed up; at_stake: of these; in the bank's
#: currency, value empty where a success has no price.
FUNNEL = {
    "kind": "str",
    "handed": "int",
    "followed": "float",
    "in_time": "float",
    "in_time_low": "float",
    "in_time_high": "float",
    "done": "float",
    "success": "float",
    "success_low": "float",
    "success_high": "float",
    "value": "float",
    "untouched": "int",
    "at_stake": "float",
}


def funnel(counts: pd.DataFrame, hidden: set[str], min_cell: int) -> pd.DataFrame:
    """What became of every kind of entries: the columns `FUNNEL`.

    counts: `ExecutionTables.work_counts`. hidden: kinds of which it is not told what came (see
    `hidden_kinds`). Kinds of fewer than `min_cell` entries are left out.
    """
    rows = []
    sums = counts.drop(columns="branch_id").groupby("kind").sum(min_count=1)
    for kind in HANDED_KINDS:
        if kind not in sums.index or sums.loc[kind, "handed"] < min_cell:
            continue
        own = sums.loc[kind]
        told = kind not in hidden and own["judged"] > 0
        rows.append(
            [
                kind,
                own["handed"],
                own["followed"] / own["handed"],
                own["in_time"] / own["handed"],
                *share_interval(own["in_time"], own["handed"]),
                own["done"] / own["handed"],
                own["successes"] / own["judged"] if told else np.nan,
                *(share_interval(own["successes"], own["judged"]) if told else [np.nan] * 2),
                own["value"] if told else np.nan,
                own["untouched"],
                own["at_stake"],
            ]
        )
    return pd.DataFrame(rows, columns=list(FUNNEL)).astype({"handed": int, "untouched": int})


def hidden_kinds(not_shown: Iterable[NotShown], branch: str) -> set[str]:
    """The kinds of entries of which the page of a branch does not tell what came."""
    place = OF_BANK if branch == ALL else branch
    return {cell.kind for cell in not_shown if cell.branch_id == place}


def of_branches(counts: pd.DataFrame, not_shown: Iterable[NotShown], min_cell: int) -> pd.DataFrame:
    """What became of every kind of entries of each branch: branch_id and the columns `FUNNEL`."""
    cells = list(not_shown)
    parts = [
        funnel(own, hidden_kinds(cells, str(branch)), min_cell).assign(branch_id=branch)
        for branch, own in counts.groupby("branch_id")
    ]
    columns = ["branch_id", *FUNNEL]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


#: Members of staff, or branches: column to its type.
#: n: entries; came: of them followed up in time, or a success; expected: of anybody who is handed
#: the same; low, high: what comes by chance, 95 %; p_corrected: over all of the bank.
OF_STAFF = {
    "branch_id": "str",
    "staff_id": "str",
    "n": "int",
    "came": "int",
    "expected": "float",
    "low": "int",
    "high": "int",
    "p_corrected": "float",
}


def compared(
    staff: Iterable[OfStaff], measure: str, branch: str, branches: bool = False
) -> pd.DataFrame:
    """Who did what was expected: the columns `OF_STAFF`, those with most entries first.

    measure: in_time or success. branch: of which the members of staff are told; ALL of all.
    branches: the branches in place of members of staff.
    """
    rows = [
        {c: getattr(s, c) for c in OF_STAFF}
        for s in staff
        if s.measure == measure and (s.staff_id == "") == branches and branch in (ALL, s.branch_id)
    ]
    table = pd.DataFrame(rows, columns=list(OF_STAFF)).astype({"p_corrected": "float"})
    return table.sort_values(
        ["n", "branch_id", "staff_id"], ascending=[False, True, True], ignore_index=True
    )


def with_range(told: pd.DataFrame) -> pd.DataFrame:
    """The table with what comes by chance as one text: column by_chance."""
    ranges = zip(told["low"], told["high"], strict=True)
    return told.assign(by_chance=[f"{low}–{high}" for low, high in ranges])


def beyond_chance(told: pd.DataFrame) -> pd.DataFrame:
    """Those of `compared` who are beyond chance, corrected for how many there are."""
    return told[told["p_corrected"] < SIGNIFICANT]


def behind(told: pd.DataFrame) -> pd.DataFrame:
    """Those who are behind, beyond chance."""
    certain = beyond_chance(told)
    return certain[certain["came"] < certain["expected"]]


#: What nobody did, for staff: column to its type. days_over: since it was due, at the end of the
#: quarter. what: product or event.
UNTOUCHED = {
    "subject_id": "str",
    "kind": "str",
    "customer_id": "str",
    "what": "str",
    "staff_id": "str",
    "due_on": "str",
    "days_over": "int",
    "at_stake": "float",
}


def untouched(
    work: pd.DataFrame, products: Mapping[str, str], events: Mapping[str, str], end: dt.date
) -> pd.DataFrame:
    """The entries nobody followed up and that are no success by themselves, alerts first, then by
    what is at stake: the columns `UNTOUCHED`.

    products, events: to their names. end: of the quarter.
    """
    if work.empty:
        return pd.DataFrame(columns=list(UNTOUCHED))
    came = work["success"].astype("boolean").fillna(False).astype(bool)
    rows = work[~work["followed"].astype(bool) & ~(came & work["kind"].isin(OF_PRODUCTS))]
    named = {**products, **events}
    what = rows["product_id"].astype(object).fillna(rows["event"].astype(object)).fillna("")
    due = pd.to_datetime(rows["due_on"])
    told = rows.assign(
        what=[named.get(name, name) for name in what],
        customer_id=rows["customer_id"].fillna(""),
        due_on=due.dt.strftime("%Y-%m-%d"),
        days_over=(pd.Timestamp(end) - due).dt.days.clip(lower=0),
        at_stake=rows["at_stake"].astype(float).round(2),
        is_alert=rows["kind"] == ALERT,
    )
    told = told.sort_values(
        ["is_alert", "at_stake", "subject_id"],
        ascending=[False, False, True],
        ignore_index=True,
        na_position="last",
    )
    return told[list(UNTOUCHED)]


#: What is to be expected of the entries handed over now: column to its type.
#: now: entries; in_time, success: of them, with 95 % interval; value: of the successes, each worth
#: what those of the quarter before were, in the bank's currency; empty where they had no price.
FORECAST = {
    "kind": "str",
    "now": "int",
    "in_time": "float",
    "in_time_low": "float",
    "in_time_high": "float",
    "success": "float",
    "success_low": "float",
    "success_high": "float",
    "value": "float",
}


def forecast(
    handed_now: pd.DataFrame, funnel: pd.DataFrame, kinds: Iterable[OfKind]
) -> pd.DataFrame:
    """What is to be expected of the entries handed over now: the columns `FORECAST`; of the kinds
    of which the funnel tells.

    How many are followed up in time is told by the quarter before, of the same page
    (beta-binomial with Jeffreys' prior); successes by each entry's chance in proportion to what
    came in the whole bank, with what chance lets vary and how exactly that proportion is known;
    without chances by the share that came in the whole bank, beta-binomial. handed_now: of
    `ExecutionTables`. funnel: as from `funnel`.
    """
    by_kind = {k.kind: k for k in kinds}
    then = funnel.set_index("kind")
    rows = []
    for r in handed_now.itertuples():
        if r.kind not in then.index or r.kind not in by_kind:
            continue
        before, kind = then.loc[r.kind], by_kind[r.kind]
        in_time = _predicted(r.now, round(before["in_time"] * before["handed"]), before["handed"])
        if kind.shift is None or not kind.information or r.with_chance < r.now:
            success = _predicted(r.now, kind.successes, kind.judged)
        else:
            half = NORMAL * np.sqrt(r.variance + r.variance**2 / kind.information)
            success = (r.expected, max(r.expected - half, 0.0), min(r.expected + half, r.now))
        came = before["success"] * before["handed"]
        worth = before["value"] / came if came > 0 else np.nan
        rows.append([r.kind, r.now, *in_time, *success, success[0] * worth])
    return pd.DataFrame(rows, columns=list(FORECAST))


def _predicted(n: int, came: float, of: float) -> tuple[float, float, float]:
    """How many of n are to be expected where so many came of others, with 95 % interval."""
    told, tail = stats.betabinom(n, came + 0.5, of - came + 0.5), (1 - LEVEL) / 2
    return float(told.mean()), float(told.ppf(tail)), float(told.ppf(1 - tail))


#: What offers added: column to its type. n: customers; took: share who took the product up, with
#: its interval (Wilson).
OFFERS_ADDED = {
    "group": "str",
    "n": "int",
    "took": "float",
    "low": "float",
    "high": "float",
}


def offers_added(added: Added, min_cell: int) -> pd.DataFrame:
    """Who took up what was offered, and of those kept without what would have been: the columns
    `OFFERS_ADDED`; empty where either are fewer than `min_cell`.
    """
    if min(added.offered, added.held_back) < min_cell:
        return pd.DataFrame(columns=list(OFFERS_ADDED))
    rows = [
        [group, n, took / n, *share_interval(took, n)]
        for group, n, took in (
            ("offered", added.offered, added.offered_took),
            ("held_back", added.held_back, added.held_back_took),
        )
    ]
    return pd.DataFrame(rows, columns=list(OFFERS_ADDED))


def offers_added_in_words(added: Added, min_cell: int) -> str:
    """What offers added, in a sentence; empty where it is not told."""
    if added.difference is None or added.low is None or added.high is None:
        return say("No customer was kept without offer, so that nobody knows what offers add.")
    if min(added.offered, added.held_back) < min_cell:
        return ""
    template = (
        say("Offers added {points} points ({low} to {high}) to the share who take the product up.")
        if added.low > 0
        else say(
            "Whether offers add anything cannot be told: {points} points ({low} to {high}) more "
            "than among those kept without."
        )
    )
    return template.format(
        points=f"{100 * added.difference:.1f}",
        low=f"{100 * added.low:.1f}".replace("-", "\N{MINUS SIGN}"),
        high=f"{100 * added.high:.1f}".replace("-", "\N{MINUS SIGN}"),
    )


#: Follow-ups that are not counted: column to its type.
NOT_COUNTED = {"reason": "str", "follow_ups": "int"}


def not_counted(told: FollowThrough) -> pd.DataFrame:
    """How many follow-ups are not counted in the whole bank, and why: `NOT_COUNTED`."""
    rows = [[n.reason, n.follow_ups] for n in told.not_counted]
    return pd.DataFrame(rows, columns=list(NOT_COUNTED))


#: Follow-ups that are not counted, for staff: column to its type; see `items.ASIDE`.
SET_ASIDE = {
    "follow_up_id": "str",
    "subject_id": "str",
    "staff_id": "str",
    "done_on": "str",
    "outcome": "str",
    "reason": "str",
}


def set_aside(rows: pd.DataFrame, branch: str) -> pd.DataFrame:
    """Every follow-up that is not counted, and why: the columns `SET_ASIDE`; for the whole bank
    those by whoever is of no branch.
    """
    rows = rows[rows["branch_id"] == branch] if len(rows) else rows
    if rows.empty:
        return pd.DataFrame(columns=list(SET_ASIDE))
    day = pd.to_datetime(rows["done_on"]).dt.strftime("%Y-%m-%d")
    return rows.assign(done_on=day)[list(SET_ASIDE)].fillna("").reset_index(drop=True)


#: What the chances told against what came: column to its type. judged: entries of which it is known
#: and that had a chance; told, came: successes; low, high: of what came (Wilson).
CHANCES_TOLD = {
    "kind": "str",
    "judged": "int",
    "told": "float",
    "came": "float",
    "low": "float",
    "high": "float",
}


def chances_told(kinds: Iterable[OfKind], hidden: set[str], min_cell: int) -> pd.DataFrame:
    """Successes as the chances told them, and as they came, in the whole bank: the columns
    `CHANCES_TOLD`; kinds of fewer than `min_cell` entries, and those of which it is not told what
    came, are left out.
    """
    rows = [
        [
            k.kind,
            k.with_chance,
            k.told,
            float(k.came_with_chance),
            *(k.with_chance * s for s in share_interval(k.came_with_chance, k.with_chance)),
        ]
        for k in kinds
        if k.with_chance >= min_cell and k.kind not in hidden
    ]
    return pd.DataFrame(rows, columns=list(CHANCES_TOLD))


def left_out() -> str:
    """What the page does not tell, in words."""
    return say(
        "What was handed over and followed up is about staff. Of customers who were called so that "
        "they stay it is not told how many did where one or two left, be it by subtracting pages."
    )


def where_from(told: FollowThrough) -> str:
    """Where the lists come from, in words."""
    if not told.kinds:
        return ""
    return (
        say("The entries are those that the bank says it handed over (table leads).")
        if told.delivered
        else say(
            "The bank does not say what it handed over (table leads), so that the lists were "
            "worked out again as they were a quarter ago: with today's data and settings."
        )
    )


def assumptions() -> str:
    """What the comparison assumes, in words."""
    return sentences(
        say(
            "Expected is what anybody would reach who is handed the same: in time as often as the "
            "whole bank follows up entries of that list, success by the chance of each entry, set "
            "in proportion to what came in the whole bank."
        ),
        say(
            "Behind or ahead of chance is no judgement of a person: illness, holidays and how "
            "work is shared out are not in the data."
        ),
    )
