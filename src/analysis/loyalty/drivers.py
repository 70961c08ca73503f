"""What drives loyalty, what it would bring to improve it, and what goes with how customers feel.
Tables in, tables out.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.loyalty.index import ALL, EVERY
from analysis.report.language import say
from analysis.report.words import label
from analysis.sources.params import Mend
from analysis.statistics.intervals import NORMAL

DRAWS = 20_000


def term_table(fit: dict[str, Any], effect: str = "points") -> pd.DataFrame:
    """The terms of a stored regression: term, estimate, low, high, p, inflation, and where they are
    there `effect` with …_low and …_high (what a manager understands), ratio with ratio_low and
    ratio_high, schoenfeld_p.
    """
    rows = fit.get("terms", [])
    more = [
        c
        for c in (
            "points",
            "points_low",
            "points_high",
            "ratio",
            "ratio_low",
            "ratio_high",
            "schoenfeld_p",
        )
        if rows and c in rows[0]
    ]
    table = pd.DataFrame(rows, columns=["term", "estimate", "low", "high", "p", "inflation", *more])
    return table.rename(columns=lambda c: c.replace("points", effect))


def diagnostics(fit: dict[str, Any]) -> pd.DataFrame:
    """How far a stored regression can be trusted: measure, result. Empty when it was not fitted."""
    if "quality" not in fit:
        return pd.DataFrame(columns=["measure", "result"])
    rows: list[tuple[str, Any]] = [("rows", f"{fit['rows']:,}")]
    rows += [("left", fit["left"])] if "left" in fit else []
    rows += [("clustered_by", label(fit["clustered_by"]))] if "clustered_by" in fit else []
    rows += [
        ("largest_inflation", max((t["inflation"] for t in fit["terms"]), default=float("nan")))
    ]
    quality = fit["quality"]
    for name in sorted(quality, key=lambda n: (n.startswith("held_out"), n)):
        value = quality[name]
        if isinstance(value, list):
            value = ", ".join(label(v) for v in value) or say("none")
        elif f"{name}_low" in quality:
            value = say("{value} ({low} to {high})").format(
                value=f"{value:.3g}",
                low=f"{quality[f'{name}_low']:.3g}",
                high=f"{quality[f'{name}_high']:.3g}",
            )
        elif name.endswith(("_low", "_high")):
            continue
        rows.append((name, value))
    rows += (
        [("left_out", "; ".join(f"{label(t['term'])}: {label(t['why'])}" for t in fit["left_out"]))]
        if fit["left_out"]
        else []
    )
    return pd.DataFrame(rows, columns=["measure", "result"])


def nested_table(fit: dict[str, Any]) -> pd.DataFrame:
    """Nested models of the same rows: model, predictors, aic, bic, pseudo_r2, p (of what was
    added).
    """
    return pd.DataFrame(
        fit.get("nested", []), columns=["model", "predictors", "aic", "bic", "pseudo_r2", "p"]
    )


def proportional_odds(fit: dict[str, Any]) -> pd.DataFrame:
    """Brant's test of an ordered logit: term, p_corrected, lowest_cut and highest_cut (the effect
    on exceeding the lowest and the highest answers: alike where the odds are proportional).
    """
    rows = [
        [t["term"], t["p_corrected"], t["by_cut"][0], t["by_cut"][-1]]
        for t in fit.get("proportional_odds", {}).get("terms", [])
    ]
    return pd.DataFrame(rows, columns=["term", "p_corrected", "lowest_cut", "highest_cut"])


def driver_table(drivers: list[dict[str, Any]]) -> pd.DataFrame:
    """Each dimension's part of what all explain: target, driver, share with share_low and
    share_high, r_squared (its part), n.
    """
    rows = [
        {"target": d["target"], "n": d["n"], **r}
        for d in drivers
        if "drivers" in d
        for r in d["drivers"]
    ]
    table = pd.DataFrame(
        rows, columns=["target", "driver", "share", "share_low", "share_high", "r_squared", "n"]
    )
    return table.sort_values(["target", "share"], ascending=[True, False], ignore_index=True)


def importance_of(drivers: list[dict[str, Any]], dimensions: dict[str, float]) -> dict[str, float]:
    """Dimension to its share of what drives satisfaction (or loyalty, where satisfaction was not
    asked); where that could not be told, its weight in the index.
    """
    for found in drivers:
        if "drivers" in found:
            return dict.fromkeys(dimensions, 0.0) | {
                r["driver"]: r["share"] for r in found["drivers"]
            }
    return dict(dimensions)


def performance(
    scores: pd.DataFrame,
    drivers: list[dict[str, Any]],
    branch: str,
    quarter: str,
    actions: dict[str, Mend],
    min_cell: int,
) -> pd.DataFrame:
    """Importance–performance map (Martilla and James 1977) of a branch, with quick wins.

    Returns dimension, importance with importance_low and importance_high, mean (index) with low and
    high, n, median (of all branches) and best (branch), shortfall (to the median, points below it;
    0 where above), important (more than an even share), weak (below the median branch), improvable
    (the best branch is better by more than chance, Welch's normal approximation, and an action is
    named for it), quick_win (all three). For ALL the bank's index against its branches.
    """
    columns = [
        "dimension",
        "importance",
        "importance_low",
        "importance_high",
        "mean",
        "low",
        "high",
        "n",
        "median",
        "best",
        "shortfall",
        "important",
        "weak",
        "improvable",
        "quick_win",
    ]
    told = next((d for d in drivers if "drivers" in d), None)
    if told is None or scores.empty:
        return pd.DataFrame(columns=columns)
    now = scores[
        (scores["quarter"] == quarter) & (scores["segment"] == EVERY) & (scores["n"] >= min_cell)
    ]
    rows = []
    for d in told["drivers"]:
        part = now[now["dimension"] == d["driver"]]
        mine, branches = part[part["branch_id"] == branch], part[part["branch_id"] != ALL]
        if mine.empty or branches.empty:
            continue
        r, best = mine.iloc[0], branches.loc[branches["mean"].idxmax()]
        median = float(branches["mean"].median())
        ahead = best["mean"] - r["mean"] > NORMAL * np.hypot(best["se"], r["se"])
        important, weak = d["share"] > 1 / len(told["drivers"]), r["mean"] < median
        improvable = bool(ahead and d["driver"] in actions)
        rows.append(
            [
                d["driver"],
                d["share"],
                d["share_low"],
                d["share_high"],
                r["mean"],
                r["low"],
                r["high"],
                int(r["n"]),
                median,
                best["mean"],
                max(median - r["mean"], 0.0),
                bool(important),
                bool(weak),
                improvable,
                bool(important and weak and improvable),
            ]
        )
    return pd.DataFrame(rows, columns=columns).sort_values(
        "importance", ascending=False, ignore_index=True
    )


def simulated(
    scores: pd.DataFrame,
    retention: dict[str, Any],
    active: dict[str, int],
    branch: str,
    quarter: str,
    min_cell: int,
    seed: int = 0,
) -> pd.DataFrame:
    """What would go with it if a branch reached the median branch in a dimension: customers
    retained a quarter.

    Shortfall × points of retention per point (average marginal effect of the retention model) ×
    active customers; the interval from 20,000 draws of both (normal, independent). active: branch
    to its active customers. Returns branch_id, dimension, n, mean, median, shortfall (points below
    it) with shortfall_low and shortfall_high, customers, retained with low and high; dimensions
    below the median only. It assumes that the effect is one, and the same in every branch.
    """
    columns = [
        "branch_id",
        "dimension",
        "n",
        "mean",
        "median",
        "shortfall",
        "shortfall_low",
        "shortfall_high",
        "customers",
        "retained",
        "low",
        "high",
    ]
    terms = {t["term"]: t for t in retention.get("terms", [])}
    if scores.empty or not terms:
        return pd.DataFrame(columns=columns)
    now = scores[
        (scores["quarter"] == quarter)
        & (scores["segment"] == EVERY)
        & (scores["n"] >= min_cell)
        & (scores["branch_id"] != ALL)
    ]
    rng = np.random.default_rng(seed)
    found = []
    for dimension, part in now[now["dimension"].isin(list(terms))].groupby("dimension"):
        median, t = float(part["mean"].median()), terms[str(dimension)]
        error = (t["points_high"] - t["points_low"]) / 2 / NORMAL
        for r in part.itertuples():
            if r.mean < median and len(part) > 2 and active.get(r.branch_id, 0) >= min_cell:
                gap = rng.normal(median - r.mean, r.se, DRAWS)
                effect = rng.normal(t["points"], error, DRAWS) / 100 / 10
                low, high = np.quantile(gap * effect, [0.025, 0.975]) * active[r.branch_id]
                expected = (median - r.mean) * t["points"] / 1000 * active[r.branch_id]
                found.append(
                    [
                        r.branch_id,
                        dimension,
                        int(r.n),
                        r.mean,
                        median,
                        median - r.mean,
                        median - r.mean - NORMAL * r.se,
                        median - r.mean + NORMAL * r.se,
                        active[r.branch_id],
                        expected,
                        low,
                        high,
                    ]
                )
    table = pd.DataFrame(found, columns=columns)
    mine = table if branch == ALL else table[table["branch_id"] == branch]
    return mine.sort_values(["retained", "branch_id"], ascending=[False, True], ignore_index=True)


def rule_table(associations: dict[str, Any], least_p: float = 0.05) -> pd.DataFrame:
    """The rules that hold after correction: facts and feeling in words, n, support, confidence with
    low and high, base, lift, p_corrected; the strongest evidence first.
    """
    columns = [
        "facts",
        "feeling",
        "n",
        "support",
        "confidence",
        "low",
        "high",
        "base",
        "lift",
        "p_corrected",
    ]
    table = pd.DataFrame(associations.get("rules", []), columns=columns)
    table = table[table["p_corrected"].astype(float) < least_p].reset_index(drop=True)
    table["facts"] = [" + ".join(fact(f) for f in facts.split(" + ")) for facts in table["facts"]]
    table["feeling"] = [label(f) for f in table["feeling"]]
    return table


def fact(code: str) -> str:
    """A fact in words: a product held, an event, a complaint and its theme."""
    if code.startswith("complained: "):
        return say("complained of {theme}").format(theme=code.removeprefix("complained: "))
    return label(code)
