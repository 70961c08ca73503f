"""How satisfied a branch's customers are, whether that changed, and where it is weak. Tables in,
tables out.
"""

import numpy as np
import pandas as pd
from scipy import stats

from analysis.loyalty.index import ALL, EVERY, INDEX, IndexModel
from analysis.loyalty.pathmodel import PathModel
from analysis.loyalty.words import WORDS, in_order
from analysis.quarters import Quarter
from analysis.sources.params import Mend
from analysis.statistics.intervals import (
    NORMAL,
    corrected,
    corrected_for_any,
    mean_interval,
    share_interval,
    welch,
)

PREVIOUS, YEAR_AGO, OTHERS = "previous_quarter", "year_ago", "other_branches"
CONTROL = 0.9973  # three standard deviations of a normal distribution (Shewhart 1931)
LEAST_QUARTERS = 3
SURE = 0.08  # chance that quarters vary more among each other than the limits allow for
#: The index and what it is made of: column to its type.
#: segment: empty is all groups; dimension: or index.
#: n: answers; effective: sample size (Kish 1965).
#: mean: weighted, 0–100, with se and 95 % interval low to high; unweighted: 0–100.
INDEX_TABLE = {
    "branch_id": "str",
    "segment": "str",
    "quarter": "str",
    "dimension": "str",
    "n": "float",
    "effective": "float",
    "mean": "float",
    "se": "float",
    "low": "float",
    "high": "float",
    "unweighted": "float",
}


def index_table(scores: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The indices (0–100, weighted) with 95 % bootstrap interval, rows of fewer than `min_cell`
    answers with their numbers empty.

    scores: `LoyaltyTables.index_scores`. Returns the columns `INDEX_TABLE`, in its order.
    """
    if scores.empty:
        return pd.DataFrame(columns=list(INDEX_TABLE))
    table = scores[list(INDEX_TABLE)].astype({"n": float})
    numbers = ["n", "effective", "mean", "se", "low", "high", "unweighted"]
    table.loc[table["n"] < min_cell, numbers] = np.nan
    return table


def of_quarter(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The rows of one branch and quarter over all groups, the index first, then as they lead to
    each other.
    """
    of_branch = index[
        (index["branch_id"] == branch) & (index["quarter"] == quarter) & (index["segment"] == EVERY)
    ]
    return of_branch.sort_values("dimension", key=in_order, ignore_index=True)


def of_segments(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The index of every customer group of a branch (or of the bank), the lowest first; groups that
    are too small come last.
    """
    by_segment = index[
        (index["branch_id"] == branch) & (index["quarter"] == quarter) & (index["segment"] != EVERY)
    ]
    return by_segment[by_segment["dimension"] == INDEX].sort_values(
        ["mean", "segment"], ignore_index=True
    )


def of_branches(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The index of every branch in a quarter, the lowest first; only on the whole bank's page."""
    if index.empty or branch != ALL:
        return index.head(0)
    by_branch = index[
        (index["branch_id"] != ALL) & (index["quarter"] == quarter) & (index["segment"] == EVERY)
    ]
    return by_branch[by_branch["dimension"] == INDEX].sort_values(
        ["mean", "branch_id"], ignore_index=True
    )


#: What changed against an earlier quarter: column to its type.
#: against: previous_quarter or year_ago.
#: n, n_before: answers.
#: change: points, with its interval low to high.
#: p_corrected: Benjamini and Hochberg (1995), over every branch, dimension and both comparisons.
#: changed: whether it is below 0.05.
CHANGES = {
    "branch_id": "str",
    "dimension": "str",
    "against": "str",
    "n": "int",
    "n_before": "int",
    "change": "float",
    "low": "float",
    "high": "float",
    "p_corrected": "float",
    "changed": "bool",
}


def changes(
    scores: pd.DataFrame, branch: str, quarter: str, earlier: dict[str, str], min_cell: int
) -> pd.DataFrame:
    """What changed against earlier quarters, tested and corrected over all comparisons of the bank:
    the columns `CHANGES`.

    earlier: previous_quarter and year_ago to the quarters meant. Welch's test (1947) on the
    weighted means with their bootstrap errors and effective sample sizes. Of the branch, or of
    every branch for ALL, the clearest first. Branches with fewer than `min_cell` answers in either
    quarter are left out. The index is one more comparison: it is not independent of its dimensions,
    which the correction tolerates.
    """
    branch_scores = _of_branches(scores)
    compared = [
        _paired(branch_scores, quarter, before, min_cell).assign(against=against)
        for against, before in earlier.items()
    ]
    table = pd.concat(compared, ignore_index=True) if compared else pd.DataFrame()
    if table.empty:
        return pd.DataFrame(columns=list(CHANGES))
    table["p_corrected"] = corrected(table["p"].astype(float))
    table["changed"] = table["p_corrected"] < 0.05
    if branch == ALL:
        return table.sort_values(
            ["p_corrected", "branch_id", "dimension", "against"], ignore_index=True
        )[list(CHANGES)]
    own = table[table["branch_id"] == branch].sort_values("against")
    return own.sort_values("dimension", key=in_order, kind="stable", ignore_index=True)[
        list(CHANGES)
    ]


def _of_branches(scores: pd.DataFrame) -> pd.DataFrame:
    return (
        scores[(scores["branch_id"] != ALL) & (scores["segment"] == EVERY)]
        if len(scores)
        else pd.DataFrame(columns=[*INDEX_TABLE, "weight"])
    )


def _paired(scores: pd.DataFrame, quarter: str, before: str, min_cell: int) -> pd.DataFrame:
    """Each branch and dimension in two quarters: n, n_before, change, low, high, p."""
    keys = ["branch_id", "dimension"]
    both = scores[scores["quarter"] == quarter].merge(
        scores[scores["quarter"] == before], on=keys, suffixes=("", "_before")
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


#: A branch against all others: column to its type.
#: n: answers; mean, others: index, 0–100.
#: difference: points, with its interval low to high.
#: p_corrected: Benjamini and Hochberg over branches and dimensions.
AGAINST_OTHERS = {
    "branch_id": "str",
    "dimension": "str",
    "n": "int",
    "mean": "float",
    "others": "float",
    "difference": "float",
    "low": "float",
    "high": "float",
    "p": "float",
    "p_corrected": "float",
}


def against_others(scores: pd.DataFrame, branch: str, quarter: str, min_cell: int) -> pd.DataFrame:
    """Each branch against all other branches in the quarter: the columns `AGAINST_OTHERS`; of the
    branch, or of all for ALL.
    """
    branch_scores = _of_branches(scores)
    now = (
        branch_scores[branch_scores["quarter"] == quarter] if len(branch_scores) else branch_scores
    )
    compared = []
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
            compared.append(
                [
                    r.branch_id,
                    dimension,
                    r.n,
                    r.mean,
                    others,
                    *_compared(r.mean, r.se, r.effective, others, error, rest["effective"].sum()),
                ]
            )
    table = pd.DataFrame(compared, columns=list(AGAINST_OTHERS)[:-1])
    table["p_corrected"] = corrected(table["p"].astype(float))
    table = table if branch == ALL else table[table["branch_id"] == branch]
    return table.sort_values(["difference", "branch_id"], ignore_index=True)


#: Where a branch is weak: column to its type.
#: against: what it is weak against, codes apart by blanks.
#: size: points below that, the largest, with its interval low to high; n: answers.
#: p: corrected, the smallest.
#: importance: share in what drives satisfaction; weight: size × importance.
#: action, owner: what is done about it, and by whom.
WEAKNESSES = {
    "branch_id": "str",
    "dimension": "str",
    "against": "str",
    "n": "int",
    "size": "float",
    "low": "float",
    "high": "float",
    "p": "float",
    "importance": "float",
    "weight": "float",
    "action": "str",
    "owner": "str",
}


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
    drives satisfaction. Returns the columns `WEAKNESSES`.
    """
    branch_scores = _of_branches(scores)
    branch_scores = (
        branch_scores[branch_scores["dimension"].isin(list(importance))]
        if len(branch_scores)
        else branch_scores
    )
    tests = _all_comparisons(branch_scores, quarter, earlier, min_cell)
    if tests.empty:
        return pd.DataFrame(columns=list(WEAKNESSES))
    tests["p"] = corrected_for_any(tests["p"].astype(float))
    below = tests[(tests["p"] < 0.05) & (tests["change"] < 0)]
    weak = pd.DataFrame(
        [
            _weakness(str(where), str(dimension), part, importance, actions)
            for (where, dimension), part in below.groupby(["branch_id", "dimension"])
        ],
        columns=list(WEAKNESSES),
    )
    weak = weak if branch == ALL else weak[weak["branch_id"] == branch]
    return weak.sort_values(
        ["weight", "branch_id", "dimension"], ascending=[False, True, True], ignore_index=True
    )


def _all_comparisons(
    scores: pd.DataFrame, quarter: str, earlier: dict[str, str], min_cell: int
) -> pd.DataFrame:
    """Every branch and dimension against each earlier quarter, and against the other branches:
    branch_id, dimension, against, n, change with low, high and p.
    """
    tests = [
        _paired(scores, quarter, before, min_cell).assign(against=against)
        for against, before in earlier.items()
    ]
    beside = against_others(scores, ALL, quarter, min_cell).rename(columns={"difference": "change"})
    tests.append(beside.assign(against=OTHERS))
    return pd.concat([t for t in tests if len(t)] or tests[:1], ignore_index=True)


def _weakness(
    branch: str,
    dimension: str,
    tests: pd.DataFrame,
    importance: dict[str, float],
    actions: dict[str, Mend],
) -> list[str | float]:
    """One row of `WEAKNESSES`; tests: the comparisons in which the branch lies below."""
    most = tests.loc[tests["change"].idxmin()]
    mend = actions.get(dimension, Mend(action=""))
    return [
        branch,
        dimension,
        " ".join(tests["against"]),
        int(most["n"]),
        -most["change"],
        -most["high"],
        -most["low"],
        tests["p"].min(),
        importance[dimension],
        -most["change"] * importance[dimension],
        mend.action,
        mend.owner,
    ]


def in_words(weak: pd.DataFrame) -> pd.DataFrame:
    """The weaknesses with what they are weak against in the reader's words."""
    return weak.assign(against=[WORDS.several(a) for a in weak["against"]])


#: A control chart: column to its type.
#: n: answers; mean: index, 0–100.
#: centre, low, high: what the quarters before the last let expect.
#: outside: whether the mean lies outside.
CONTROL_CHART = {
    "dimension": "str",
    "quarter": "str",
    "n": "int",
    "mean": "float",
    "centre": "float",
    "low": "float",
    "high": "float",
    "outside": "bool",
}


def control(scores: pd.DataFrame, branch: str, quarter: str, min_cell: int) -> pd.DataFrame:
    """Control chart of every dimension: whether a quarter lies outside what the quarters before the
    last let expect.

    Limits are those of a prediction of the quarter's mean (t distribution at 99.73 %): they widen
    with few answers, and with what varies between quarters beyond sampling (as Laney 2002 does for
    shares). Of so few quarters that is hardly known, and where it is taken for what it seems to be,
    1 to 4 % of unchanged quarters lie outside; so its upper bound of 92 % is taken (chi-squared).
    Returns the columns `CONTROL_CHART`; quarters of fewer than `min_cell` answers are left out, and
    so are dimensions with fewer than three such quarters before the last.
    """
    branch_scores = (
        scores[
            (scores["branch_id"] == branch)
            & (scores["segment"] == EVERY)
            & (scores["n"] >= min_cell)
            & (scores["quarter"] <= quarter)
        ]
        if len(scores)
        else scores
    )
    charts = []
    for _dimension, part in branch_scores.groupby("dimension") if len(branch_scores) else []:
        part = part.sort_values("quarter")
        base = part[part["quarter"] < quarter]
        if len(base) >= LEAST_QUARTERS and (base["se"] > 0).all():
            charts.append(_within_limits(part, base))
    empty = pd.DataFrame(columns=list(CONTROL_CHART))
    return pd.concat(charts, ignore_index=True) if charts else empty


def _within_limits(part: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """The control chart of one dimension; base: the quarters that the limits come from."""
    freedom, of_answers = len(base) - 1, base["se"] ** 2
    total = float(base["mean"].var(ddof=1))
    most = total * freedom / stats.chi2.ppf(SURE, freedom)
    between = max(most - float(of_answers.mean()), 0.0)
    w = 1 / (of_answers + between)
    centre = float((w * base["mean"]).sum() / w.sum())
    answers = base["effective"] - 1
    of_one = float((answers * of_answers * base["effective"]).sum() / answers.sum())
    half = stats.t.ppf((1 + CONTROL) / 2, float(answers.sum())) * np.sqrt(
        of_one / part["effective"] + between + 1 / w.sum()
    )
    return part.assign(
        centre=centre,
        low=centre - half,
        high=centre + half,
        outside=(part["mean"] - centre).abs() > half,
    )[list(CONTROL_CHART)]


def control_now(chart: pd.DataFrame, quarter: str) -> pd.DataFrame:
    """The quarter's rows of a control chart."""
    return chart[chart["quarter"] == quarter]


def earlier_quarters(quarter: Quarter) -> dict[str, str]:
    """What a quarter is compared with: the one before, and that of a year ago."""
    return {PREVIOUS: str(quarter.previous), YEAR_AGO: str(quarter.shifted(-4))}


#: The scores that management asks for: column to its type.
#: measure: nps, csat or ces.
#: n, n_before: answers in the quarter, and in the one before.
#: score: with its interval low to high; before: a quarter ago.
#: difference: with its interval.
MANAGEMENT_SCORES = {
    "measure": "str",
    "n": "int",
    "score": "float",
    "low": "float",
    "high": "float",
    "before": "float",
    "n_before": "float",
    "difference": "float",
    "difference_low": "float",
    "difference_high": "float",
}


def management_scores(
    counts: pd.DataFrame, quarter: str, previous: str, min_cell: int
) -> pd.DataFrame:
    """The scores that management asks for: the columns `MANAGEMENT_SCORES`.

    counts: `LoyaltyTables.management_counts`. Measures with fewer than `min_cell` answers are left
    out. Differences assume independent answers: normal intervals. The measures
    nps: % of 9 and 10 less % of 1 to 6 (Reichheld 2003), interval from the variance of +1, 0 and −1
    csat: % of 8 to 10, Wilson's interval
    ces: mean ease, 1 to 10 (after Dixon, Freeman and Toman 2010), Student's interval
    """
    scores = []
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
        scores.append(row)
    return pd.DataFrame(scores, columns=list(MANAGEMENT_SCORES))


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


#: What a dimension counts for in the index: column to its type.
#: share: of what acts on satisfaction by the path model of the fit quarter, with its interval.
#: n: answers.
WEIGHTS = {
    "dimension": "str",
    "weight": "float",
    "share": "float",
    "share_low": "float",
    "share_high": "float",
    "n": "int",
}


def weights_table(index: IndexModel | None) -> pd.DataFrame:
    """What each dimension counts for in the index, and what the path model of the fit quarter says:
    the columns `WEIGHTS`.
    """
    if index is None:
        return pd.DataFrame(columns=list(WEIGHTS))
    model = index.model if isinstance(index.model, PathModel) else None
    paths = model.paths if model else []
    acts = {p.source: p for p in paths if p.target == paths[0].target}
    rows = [
        [
            dimension,
            weight,
            *[getattr(acts.get(dimension), s, None) for s in ("share", "share_low", "share_high")],
            model.answers if model else 0,
        ]
        for dimension, weight in index.scheme.dimensions.items()
    ]
    return pd.DataFrame(rows, columns=list(WEIGHTS))
