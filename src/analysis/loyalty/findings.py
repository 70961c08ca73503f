"""How satisfied a branch's customers are, whether that changed, and what keeps them. Tables in, tables out."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.labels import label
from analysis.language import _
from analysis.statistics import NORMAL, corrected, mean_interval, share_interval, welch

SCORES = ["branch_id", "quarter", "dimension", "n", "mean", "sd"]


def index_table(scores: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The index and its dimensions (0–100) with 95 % interval.

    scores: branch_id, quarter, dimension, n, mean, sd. Returns the same rows with low and high (Student); rows of fewer
    than `min_cell` answers keep their n and have the numbers empty.
    """
    if scores.empty:
        return pd.DataFrame(columns=[*SCORES, "low", "high"])
    table = scores[SCORES].copy()
    intervals = [mean_interval(m, s, n) for m, s, n in zip(table["mean"], table["sd"], table["n"], strict=True)]
    table["low"], table["high"] = [i[0] for i in intervals], [i[1] for i in intervals]
    table.loc[table["n"] < min_cell, ["mean", "sd", "low", "high"]] = np.nan
    return table


def bank_scores(scores: pd.DataFrame, name: str) -> pd.DataFrame:
    """Scores of all branches pooled into one, under the branch name given; exact from counts, means and deviations."""
    rows = []
    for (quarter, dimension), part in scores.groupby(["quarter", "dimension"]) if len(scores) else []:
        part = part[part["n"] > 0]
        n = part["n"].sum()
        mean = (part["n"] * part["mean"]).sum() / n if n else np.nan
        within = ((part["n"] - 1) * part["sd"].fillna(0) ** 2).sum() + (part["n"] * (part["mean"] - mean) ** 2).sum()
        rows.append([name, quarter, dimension, n, mean, np.sqrt(within / (n - 1)) if n > 1 else np.nan])
    return pd.DataFrame(rows, columns=SCORES)


def changes(scores: pd.DataFrame, quarter: str, previous: str, min_cell: int) -> pd.DataFrame:
    """What changed since last quarter, with a test corrected over all comparisons of the table.

    scores as for `index_table`. Returns branch_id, dimension, n, n_before, change (points) with low, high (Welch 1947),
    p_corrected (Benjamini and Hochberg 1995) over the dimensions and branches given, and `changed` (p below 0.05).
    Branches with fewer than `min_cell` answers in either quarter are left out. The index is one more comparison: it is
    not independent of its dimensions, which the correction tolerates.
    """
    columns = ["branch_id", "dimension", "n", "n_before", "change", "low", "high", "p_corrected", "changed"]
    if scores.empty:
        return pd.DataFrame(columns=columns)
    now, before = scores[scores["quarter"] == quarter], scores[scores["quarter"] == previous]
    both = now.merge(before, on=["branch_id", "dimension"], suffixes=("", "_before"))
    both = both[(both["n"] >= min_cell) & (both["n_before"] >= min_cell)].reset_index(drop=True)
    if both.empty:
        return pd.DataFrame(columns=columns)
    tests = [welch(r.mean, r.sd, r.n, r.mean_before, r.sd_before, r.n_before) for r in both.itertuples()]
    both[["change", "low", "high", "p_corrected"]] = pd.DataFrame(tests, index=both.index)
    both["p_corrected"] = corrected(both["p_corrected"])
    both["changed"] = both["p_corrected"] < 0.05
    return both[columns].sort_values(["branch_id", "dimension"], ignore_index=True)


def against_bank(scores: pd.DataFrame, branch: str, quarter: str, min_cell: int) -> pd.DataFrame:
    """The branch against all other branches in the quarter: dimension, n, branch, others, difference with low, high, p_corrected."""
    columns = ["dimension", "n", "branch", "others", "difference", "low", "high", "p_corrected"]
    now = scores[scores["quarter"] == quarter] if len(scores) else scores
    mine = now[now["branch_id"] == branch] if len(now) else now
    if mine.empty or now["branch_id"].nunique() < 2 or (mine["n"] < min_cell).any():
        return pd.DataFrame(columns=columns)
    both = mine.merge(bank_scores(now[now["branch_id"] != branch], "others"), on="dimension", suffixes=("", "_others"))
    tests = [welch(r.mean, r.sd, r.n, r.mean_others, r.sd_others, r.n_others) for r in both.itertuples()]
    both[["difference", "low", "high", "p_corrected"]] = pd.DataFrame(tests, index=both.index)
    both["p_corrected"] = corrected(both["p_corrected"])
    return both.rename(columns={"mean": "branch", "mean_others": "others"})[columns].sort_values(
        "difference", ignore_index=True
    )


def regression_table(fit: dict[str, Any]) -> pd.DataFrame:
    """The terms of a stored regression: term, estimate, low, high, p, inflation, and `points` for retention."""
    return pd.DataFrame(
        fit.get("terms", []),
        columns=[
            "term",
            "estimate",
            "low",
            "high",
            "p",
            "inflation",
            *(["points"] if any("points" in t for t in fit.get("terms", [])) else []),
        ],
    )


def diagnostics(fit: dict[str, Any]) -> pd.DataFrame:
    """How far a stored regression can be trusted: measure, value. Empty when it was not fitted."""
    if "quality" not in fit:
        return pd.DataFrame(columns=["measure", "value"])
    rows: list[tuple[str, Any]] = [("rows", fit["rows"])]
    rows += [("left", fit["left"])] if "left" in fit else []
    rows += [("largest_inflation", max((t["inflation"] for t in fit["terms"]), default=float("nan")))]
    rows += list(fit["quality"].items())
    return pd.DataFrame(rows, columns=["measure", "value"])


def weakest(scores: pd.DataFrame, branch: str, quarter: str, retention: dict[str, Any], min_cell: int) -> pd.DataFrame:
    """Dimensions by what improving them promises: room to improve × effect on retention.

    Returns dimension, mean, points_per_10 (percentage points of retention per 10 points of the dimension), rank by the
    product of room (100 − mean) and effect; dimensions whose effect's interval contains zero come last and are marked.
    """
    columns = ["dimension", "mean", "n", "points_per_10", "certain"]
    mine = (
        scores[(scores["branch_id"] == branch) & (scores["quarter"] == quarter) & (scores["dimension"] != "index")]
        if len(scores)
        else scores
    )
    terms = {t["term"]: t for t in retention.get("terms", [])}
    if mine.empty or not terms or (mine["n"] < min_cell).any():
        return pd.DataFrame(columns=columns)
    table = mine[mine["dimension"].isin(list(terms))].assign(
        points_per_10=lambda f: f["dimension"].map(lambda d: terms[d]["points"]),
        certain=lambda f: f["dimension"].map(lambda d: terms[d]["low"] > 0 or terms[d]["high"] < 0),
    )
    table["gain"] = (100 - table["mean"]) * table["points_per_10"]
    return table.sort_values(["certain", "gain"], ascending=[False, False], ignore_index=True)[columns]


def with_bank(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of every branch and, as branch `ALL`, of the whole bank."""
    return pd.concat([scores, bank_scores(scores, "ALL")], ignore_index=True) if len(scores) else scores


def of_quarter(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The rows of one branch and quarter, the index first."""
    rows = index[(index["branch_id"] == branch) & (index["quarter"] == quarter)] if len(index) else index
    return rows.sort_values("dimension", key=lambda d: d.where(d != "index", ""), ignore_index=True)


def of_branches(index: pd.DataFrame, branch: str, quarter: str) -> pd.DataFrame:
    """The index of every branch in a quarter, the lowest first; only on the whole bank's page."""
    if index.empty or branch != "ALL":
        return index.head(0)
    rows = index[(index["branch_id"] != "ALL") & (index["quarter"] == quarter) & (index["dimension"] == "index")]
    return rows.sort_values(["mean", "branch_id"], ignore_index=True)


def compared(scores: pd.DataFrame, branch: str) -> pd.DataFrame:
    """What is compared on a page: the branch's own scores; on the bank's page those of every branch."""
    if scores.empty:
        return scores
    return scores[scores["branch_id"] == branch] if branch != "ALL" else scores[scores["branch_id"] != "ALL"]


def columns_of(terms: pd.DataFrame) -> dict[str, str]:
    """How the columns of a regression of retention are shown."""
    return {
        "term": "code",
        "estimate": "points",
        "low": "points",
        "high": "points",
        "p": "p",
        **({"points": "points"} if "points" in terms else {}),
        "inflation": "number",
    }


def headline(index: pd.DataFrame, change: pd.DataFrame, branch: str, quarter: str) -> dict[str, str]:
    """The figures of the index page: the index with its interval, and what changed."""
    figures = {}
    mine = of_quarter(index, branch, quarter)
    mine = mine[mine["dimension"] == "index"].dropna(subset=["mean"]) if len(mine) else mine
    if len(mine):
        row = mine.iloc[0]
        figures[_("Loyalty index")] = f"{row['mean']:.1f} ({row['low']:.1f}–{row['high']:.1f})"
    found = change[change["changed"].astype(bool)]
    if len(found):
        most = found.loc[found["change"].abs().idxmax()]
        figures[_("Changed most")] = f"{label(most['dimension'])} {most['change']:+.1f}" + (
            f" ({most['branch_id']})" if branch == "ALL" else ""
        )
    return figures


def index_paths(model: dict[str, Any]) -> pd.DataFrame:
    """How strongly each block acts on the next: source, target, path (standardised) with low and high (bootstrap), certain (the
    interval does not contain 0), n (answers)."""
    columns = ["source", "target", "path", "path_low", "path_high", "certain", "n"]
    table = pd.DataFrame(model.get("paths", []), columns=columns[:5])
    return table.assign(certain=(table["path_low"].astype(float) > 0) | (table["path_high"].astype(float) < 0), n=model.get("answers", 0))  # fmt: skip


def measurement(model: dict[str, Any]) -> pd.DataFrame:
    """How well each block is measured and explained: block, alpha, rho, ave and r_squared, each with …_low and …_high, n."""
    columns = ["block", *[f"{c}{end}" for c in ("alpha", "rho", "ave", "r_squared") for end in ("", "_low", "_high")]]
    return pd.DataFrame(model.get("blocks", []), columns=columns).assign(n=model.get("answers", 0))


def item_quality(model: dict[str, Any]) -> pd.DataFrame:
    """Each item: block, item, loading with loading_low and loading_high, highest_cross (largest correlation with another block's
    score), missing, lowest and highest (shares of empty answers, and of answers at either end of the scale), n."""
    columns = ["block", "item", "loading", "loading_low", "loading_high", "highest_cross", "missing", "lowest", "highest", "n"]  # fmt: skip
    rows = model.get("outer", [])
    found = [{**r, "highest_cross": max((v for k, v in r.items() if k.startswith("with_") and k != f"with_{r['block']}"), default=None), "n": model["answers"]} for r in rows]  # fmt: skip
    return pd.DataFrame(found, columns=columns)


def management_scores(counts: pd.DataFrame, quarter: str, previous: str, min_cell: int) -> pd.DataFrame:
    """The scores that management asks for: measure, n, score with low and high (95 %), before (last quarter), n_before,
    difference with difference_low and difference_high.

    counts: `Partition.management_counts`. nps: % of 9 and 10 less % of 1 to 6 (Reichheld 2003), its interval from the variance
    of +1, 0 and −1. csat: % of 8 to 10, Wilson's interval. ces: mean ease, 1 to 10 (after Dixon, Freeman and Toman 2010),
    Student's interval. Differences assume independent answers: normal intervals. Measures with fewer than `min_cell`
    answers are left out.
    """
    columns = ["measure", "n", "score", "low", "high", "before", "n_before", "difference", "difference_low", "difference_high"]  # fmt: skip
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
            row[5:] = [before, by_quarter.loc[previous, "n"], score - before, score - before - half, score - before + half]  # fmt: skip
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
