"""How satisfied a branch's customers are, whether that changed, and where it is weak. Tables in,
tables out.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.loyalty.index import ALL, EVERY
from analysis.report.language import say
from analysis.report.words import label, words
from analysis.sources.params import Mend
from analysis.statistics.intervals import (
    NORMAL,
    corrected,
    corrected_for_any,
    mean_interval,
    share_interval,
    welch,
)

INDEX = "index"
PREVIOUS, YEAR_AGO, OTHERS = "previous_quarter", "year_ago", "other_branches"
CONTROL = 0.9973  # three standard deviations of a normal distribution (Shewhart 1931)
LEAST_QUARTERS = 3
COLUMNS = [
    "branch_id",
    "segment",
    "quarter",
    "dimension",
    "n",
    "effective",
    "mean",
    "se",
    "low",
    "high",
    "unweighted",
]


def index_table(scores: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The indices (0–100, weighted) with 95 % bootstrap interval, rows of fewer than `min_cell`
    answers with their numbers empty.

    scores: `Partition.index_scores`. Returns its columns COLUMNS, in its order.
    """
    if scores.empty:
        return pd.DataFrame(columns=COLUMNS)
    table = scores[COLUMNS].copy()
    table.loc[table["n"] < min_cell, ["effective", "mean", "se", "low", "high", "unweighted"]] = (
        np.nan
    )
    return table


def of_quarter(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The rows of one branch and quarter over all groups, the index first, then as they lead to
    each other.
    """
    rows = index[
        (index["branch_id"] == branch) & (index["quarter"] == quarter) & (index["segment"] == EVERY)
    ]
    last = ["satisfaction", "stated_loyalty", "behaviour"]
    place = {INDEX: -1, **{b: 100 + i for i, b in enumerate(last)}}
    return rows.sort_values(
        "dimension", key=lambda d: d.map(lambda x: (place.get(x, 50), x)), ignore_index=True
    )


def of_segments(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The index of every customer group of a branch (or of the bank), the lowest first; groups that
    are too small come last.
    """
    rows = index[
        (index["branch_id"] == branch) & (index["quarter"] == quarter) & (index["segment"] != EVERY)
    ]
    return rows[rows["dimension"] == INDEX].sort_values(["mean", "segment"], ignore_index=True)


def of_branches(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The index of every branch in a quarter, the lowest first; only on the whole bank's page."""
    if index.empty or branch != ALL:
        return index.head(0)
    rows = index[
        (index["branch_id"] != ALL) & (index["quarter"] == quarter) & (index["segment"] == EVERY)
    ]
    return rows[rows["dimension"] == INDEX].sort_values(["mean", "branch_id"], ignore_index=True)


def changes(
    scores: pd.DataFrame, branch: str, quarter: str, earlier: dict[str, str], min_cell: int
) -> pd.DataFrame:
    """What changed against earlier quarters, tested and corrected over all comparisons of the bank.

    earlier: previous_quarter and year_ago to the quarters meant. Welch's test (1947) on the
    weighted means with their bootstrap errors and effective sample sizes. Returns branch_id,
    dimension, against, n, n_before, change (points) with low, high, p_corrected (Benjamini and
    Hochberg 1995, over every branch, dimension and both comparisons), and `changed` (p below 0.05);
    of the branch, or of every branch for ALL, the clearest first. Branches with fewer than
    `min_cell` answers in either quarter are left out. The index is one more comparison: it is not
    independent of its dimensions, which the correction tolerates.
    """
    columns = [
        "branch_id",
        "dimension",
        "against",
        "n",
        "n_before",
        "change",
        "low",
        "high",
        "p_corrected",
        "changed",
    ]
    rows = _of_branches(scores)
    found = []
    for against, before in earlier.items():
        both = _paired(rows, quarter, before, min_cell)
        found.append(both.assign(against=against))
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if table.empty:
        return pd.DataFrame(columns=columns)
    table["p_corrected"] = corrected(table["p"].astype(float))
    table["changed"] = table["p_corrected"] < 0.05
    if branch == ALL:
        return table.sort_values(
            ["p_corrected", "branch_id", "dimension", "against"], ignore_index=True
        )[columns]
    return table[table["branch_id"] == branch].sort_values(
        ["dimension", "against"], ignore_index=True
    )[columns]


def _of_branches(scores: pd.DataFrame) -> pd.DataFrame:
    return (
        scores[(scores["branch_id"] != ALL) & (scores["segment"] == EVERY)]
        if len(scores)
        else pd.DataFrame(columns=[*COLUMNS, "weight"])
    )


def _paired(rows: pd.DataFrame, quarter: str, before: str, min_cell: int) -> pd.DataFrame:
    """Each branch and dimension in two quarters: n, n_before, change, low, high, p."""
    keys = ["branch_id", "dimension"]
    both = rows[rows["quarter"] == quarter].merge(
        rows[rows["quarter"] == before], on=keys, suffixes=("", "_before")
    )
    both = both[(both["n"] >= min_cell) & (both["n_before"] >= min_cell)].reset_index(drop=True)
    tests = [
        _compared(r.mean, r.se, r.effective, r.mean_before, r.se_before, r.effective_before)
        for r in both.itertuples()
    ]
    both[["change", "low", "high", "p"]] = pd.DataFrame(
        tests, index=both.index, columns=["change", "low", "high", "p"]
    )
    return both[[*keys, "n", "n_before", "change", "low", "high", "p"]]


def _compared(
    mean_a: float, se_a: float, n_a: float, mean_b: float, se_b: float, n_b: float
) -> tuple[float, float, float, float]:
    """Welch's test from standard errors and effective sample sizes."""
    return welch(mean_a, se_a * np.sqrt(n_a), n_a, mean_b, se_b * np.sqrt(n_b), n_b)


def against_others(scores: pd.DataFrame, branch: str, quarter: str, min_cell: int) -> pd.DataFrame:
    """Each branch against all other branches in the quarter: branch_id, dimension, n, mean, others,
    difference with low, high, p, and p_corrected (Benjamini and Hochberg over branches and
    dimensions); of the branch, or of all for ALL.
    """
    columns = [
        "branch_id",
        "dimension",
        "n",
        "mean",
        "others",
        "difference",
        "low",
        "high",
        "p",
        "p_corrected",
    ]
    rows = _of_branches(scores)
    now = rows[rows["quarter"] == quarter] if len(rows) else rows
    found = []
    for dimension, part in now.groupby("dimension") if len(now) else []:
        for r in part.itertuples():
            rest = part[(part["branch_id"] != r.branch_id) & (part["n"] > 1)]
            if rest.empty or r.n < min_cell or rest["n"].sum() < min_cell:
                continue
            share = rest["weight"] / rest["weight"].sum()
            others, error = (
                float((share * rest["mean"]).sum()),
                float(np.sqrt((share**2 * rest["se"] ** 2).sum())),
            )
            found.append(
                [
                    r.branch_id,
                    dimension,
                    r.n,
                    r.mean,
                    others,
                    *_compared(r.mean, r.se, r.effective, others, error, rest["effective"].sum()),
                ]
            )
    table = pd.DataFrame(found, columns=columns[:-1])
    table["p_corrected"] = corrected(table["p"].astype(float))
    mine = table if branch == ALL else table[table["branch_id"] == branch]
    return mine.sort_values(["difference", "branch_id"], ignore_index=True)


def weaknesses(
    scores: pd.DataFrame,
    branch: str,
    quarter: str,
    earlier: dict[str, str],
    importance: dict[str, float],
    actions: dict[str, Mend],
    min_cell: int,
) -> pd.DataFrame:
    """Where a branch is weak: a dimension that fell, or lies below the other branches; the
    weightiest first, with what to do.

    A weakness costs a branch work, so the chance of naming any that is none is held below 5 % over
    the whole bank and all three comparisons (Holm 1979). importance: dimension to its share in what
    drives satisfaction. Returns branch_id, dimension, against (what it is weak against, codes), n,
    size (points, the largest of them) with low and high, p (corrected), importance, weight (size ×
    importance), action, owner.
    """
    columns = [
        "branch_id",
        "dimension",
        "against",
        "n",
        "size",
        "low",
        "high",
        "p",
        "importance",
        "weight",
        "action",
        "owner",
    ]
    rows = _of_branches(scores)
    rows = rows[rows["dimension"].isin(list(importance))] if len(rows) else rows
    tested = [
        _paired(rows, quarter, before, min_cell).assign(against=against)
        for against, before in earlier.items()
    ]
    beside = against_others(rows, ALL, quarter, min_cell).rename(columns={"difference": "change"})
    tested.append(beside.assign(against=OTHERS))
    table = pd.concat([t for t in tested if len(t)] or tested[:1], ignore_index=True)
    if table.empty:
        return pd.DataFrame(columns=columns)
    table["p"] = corrected_for_any(table["p"].astype(float))
    weak = table[(table["p"] < 0.05) & (table["change"] < 0)]
    found = []
    for (where, dimension), part in weak.groupby(["branch_id", "dimension"]):
        most = part.loc[part["change"].idxmin()]
        mend = actions.get(dimension, Mend(action=""))
        found.append(
            [
                where,
                dimension,
                " ".join(part["against"]),
                int(most["n"]),
                -most["change"],
                -most["high"],
                -most["low"],
                part["p"].min(),
                importance[dimension],
                -most["change"] * importance[dimension],
                mend.action,
                mend.owner,
            ]
        )
    result = pd.DataFrame(found, columns=columns)
    mine = result if branch == ALL else result[result["branch_id"] == branch]
    return mine.sort_values(
        ["weight", "branch_id", "dimension"], ascending=[False, True, True], ignore_index=True
    )


def in_words(weak: pd.DataFrame) -> pd.DataFrame:
    """The weaknesses with what they are weak against in the reader's words."""
    return weak.assign(against=[words(a) for a in weak["against"]])


def control(scores: pd.DataFrame, branch: str, quarter: str, min_cell: int) -> pd.DataFrame:
    """Control chart of every dimension: whether a quarter lies outside what the quarters before the
    last let expect.

    Limits are those of a prediction of the quarter's mean (t distribution at 99.73 %): they widen
    with few answers, and with what varies between quarters beyond sampling (DerSimonian and Laird
    1986; Laney 2002 does so for shares); degrees of freedom after Satterthwaite (1946). Returns
    dimension, quarter, n, mean, centre, low, high, outside; quarters of fewer than `min_cell`
    answers are left out, and so are dimensions with fewer than three such quarters before the last.
    """
    columns = ["dimension", "quarter", "n", "mean", "centre", "low", "high", "outside"]
    rows = (
        scores[
            (scores["branch_id"] == branch)
            & (scores["segment"] == EVERY)
            & (scores["n"] >= min_cell)
            & (scores["quarter"] <= quarter)
        ]
        if len(scores)
        else scores
    )
    found = []
    for dimension, part in rows.groupby("dimension") if len(rows) else []:
        part = part.sort_values("quarter")
        base = part[part["quarter"] < quarter]
        if len(base) < LEAST_QUARTERS or not (base["se"] > 0).all():
            continue
        w = 1 / base["se"] ** 2
        centre = float((w * base["mean"]).sum() / w.sum())
        spread = float((w * (base["mean"] - centre) ** 2).sum())
        between = max((spread - (len(base) - 1)) / (w.sum() - (w**2).sum() / w.sum()), 0.0)
        w = 1 / (base["se"] ** 2 + between)
        centre = float((w * base["mean"]).sum() / w.sum())
        of_answers = float(
            ((base["effective"] - 1) * base["se"] ** 2 * base["effective"]).sum()
            / (base["effective"] - 1).sum()
        )
        many, few = float((base["effective"] - 1).sum()), len(base) - 1
        for r in part.itertuples():
            own, others = of_answers / r.effective, between + 1 / w.sum()
            freedom = (own + others) ** 2 / (
                own**2 / many + others**2 / (few if between > 0 else many)
            )
            half = stats.t.ppf((1 + CONTROL) / 2, freedom) * np.sqrt(own + others)
            found.append(
                [
                    dimension,
                    r.quarter,
                    r.n,
                    r.mean,
                    centre,
                    centre - half,
                    centre + half,
                    abs(r.mean - centre) > half,
                ]
            )
    return pd.DataFrame(found, columns=columns)


def headline(index: pd.DataFrame, weak: pd.DataFrame, branch: str, quarter: str) -> dict[str, str]:
    """The figures of the index page: the index with its interval, and the weightiest weakness."""
    figures = {}
    mine = of_quarter(index, branch, quarter)
    mine = mine[mine["dimension"] == INDEX].dropna(subset=["mean"])
    if len(mine):
        row = mine.iloc[0]
        figures[say("Loyalty index")] = f"{row['mean']:.1f} ({row['low']:.1f}–{row['high']:.1f})"
    if len(weak):
        most = weak.iloc[0]
        figures[say("Weakest")] = f"{label(most['dimension'])} −{most['size']:.1f}" + (
            f" ({most['branch_id']})" if branch == ALL else ""
        )
    return figures


def management_scores(
    counts: pd.DataFrame, quarter: str, previous: str, min_cell: int
) -> pd.DataFrame:
    """The scores that management asks for: measure, n, score with low and high (95 %), before (last
    quarter), n_before, difference with difference_low and difference_high.

    counts: `Partition.management_counts`. nps: % of 9 and 10 less % of 1 to 6 (Reichheld 2003), its
    interval from the variance of +1, 0 and −1. csat: % of 8 to 10, Wilson's interval. ces: mean
    ease, 1 to 10 (after Dixon, Freeman and Toman 2010), Student's interval. Differences assume
    independent answers: normal intervals. Measures with fewer than `min_cell` answers are left out.
    """
    columns = [
        "measure",
        "n",
        "score",
        "low",
        "high",
        "before",
        "n_before",
        "difference",
        "difference_low",
        "difference_high",
    ]
    found = []
    for measure, part in counts.groupby("measure", sort=False) if len(counts) else []:
        by_quarter = part.set_index("quarter")
        if quarter not in by_quarter.index or by_quarter.loc[quarter, "n"] < min_cell:
            continue
        score, low, high, error = _scored(str(measure), by_quarter.loc[quarter])
        row = [measure, by_quarter.loc[quarter, "n"], score, low, high, *[np.nan] * 5]
        if previous in by_quarter.index and by_quarter.loc[previous, "n"] >= min_cell:
            before, _low, _high, error_before = _scored(str(measure), by_quarter.loc[previous])
            half = NORMAL * np.hypot(error, error_before)
            row[5:] = [
                before,
                by_quarter.loc[previous, "n"],
                score - before,
                score - before - half,
                score - before + half,
            ]
        found.append(row)
    return pd.DataFrame(found, columns=columns)


def _scored(measure: str, c: pd.Series) -> tuple[float, float, float, float]:
    """Score, its interval and its standard error."""
    n = float(c["n"])
    if measure == "nps":
        up, down = c["high"] / n, c["low"] / n
        error = 100 * np.sqrt(max(up + down - (up - down) ** 2, 0.0) / n)
        score = 100 * (up - down)
        return score, max(score - NORMAL * error, -100.0), min(score + NORMAL * error, 100.0), error
    if measure == "csat":
        share = c["high"] / n
        low, high = share_interval(c["high"], n)
        return 100 * share, 100 * low, 100 * high, 100 * np.sqrt(share * (1 - share) / n)
    low, high = mean_interval(c["mean"], c["sd"], n)
    return float(c["mean"]), low, high, float(c["sd"] / np.sqrt(n))


def weights_table(stored: dict[str, Any]) -> pd.DataFrame:
    """What each dimension counts for in the index: dimension, weight, and what the path model of
    the fit quarter says: share with share_low and share_high; n (answers).
    """
    scheme, model = stored.get("scheme", {}), stored.get("model", {})
    first = model["paths"][0]["target"] if model.get("paths") else ""
    said = {r["source"]: r for r in model.get("paths", []) if r["target"] == first}
    rows = [
        [
            d,
            w,
            *[said.get(d, {}).get(k) for k in ("share", "share_low", "share_high")],
            model.get("answers", 0),
        ]
        for d, w in scheme.get("dimensions", {}).items()
    ]
    return pd.DataFrame(
        rows, columns=["dimension", "weight", "share", "share_low", "share_high", "n"]
    )
