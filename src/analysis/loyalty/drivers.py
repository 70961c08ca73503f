"""What drives loyalty, and what it would bring to improve it. Tables in, tables out."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.language import Impossible
from analysis.loyalty.fitted import RetentionFit
from analysis.loyalty.index import ALL, EVERY, IndexModel
from analysis.loyalty.shapley import Driver, Drivers
from analysis.sources.params import Mend
from analysis.statistics.fitted import Interval
from analysis.statistics.intervals import NORMAL

DRAWS = 20_000

#: What each dimension explains of a target: column to its type.
#: share: of what all explain, with its interval.
#: r_squared: its part; n: answers.
DRIVERS = {
    "target": "str",
    "driver": "str",
    "share": "float",
    "share_low": "float",
    "share_high": "float",
    "r_squared": "float",
    "n": "int",
}
#: The importance–performance map: column to its type.
#: importance: share of what drives the target, with its interval.
#: mean: index, 0–100, with its interval low to high; n: answers.
#: median, best: index of the median and of the best branch.
#: shortfall: points below the median; 0 where above.
#: important: more than an even share; weak: below the median branch.
#: improvable: the best branch is better by more than chance (Welch's normal approximation), and an
#: action is named for it.
#: quick_win: all three.
PERFORMANCE = {
    "dimension": "str",
    "importance": "float",
    "importance_low": "float",
    "importance_high": "float",
    "mean": "float",
    "low": "float",
    "high": "float",
    "n": "int",
    "median": "float",
    "best": "float",
    "shortfall": "float",
    "important": "bool",
    "weak": "bool",
    "improvable": "bool",
    "quick_win": "bool",
}
#: What would go with reaching the median branch: column to its type.
#: n: answers; mean, median: index of the branch and of the median one.
#: shortfall: points below the median, with its interval.
#: customers: active ones.
#: retained: customers a quarter, with its interval low to high.
SIMULATED = {
    "branch_id": "str",
    "dimension": "str",
    "n": "int",
    "mean": "float",
    "median": "float",
    "shortfall": "float",
    "shortfall_low": "float",
    "shortfall_high": "float",
    "customers": "int",
    "retained": "float",
    "low": "float",
    "high": "float",
}


def driver_table(drivers: Drivers) -> pd.DataFrame:
    """Each dimension's part of what all explain: the columns `DRIVERS`."""
    rows = [
        {"target": target.target, "n": target.n, **driver.model_dump()}
        for target in drivers.explained
        for driver in target.drivers
    ]
    return pd.DataFrame(rows, columns=list(DRIVERS)).sort_values(
        ["target", "share"], ascending=[True, False], ignore_index=True
    )


def importance_of(drivers: Drivers, index: IndexModel | None) -> dict[str, float]:
    """Dimension to its share of what drives satisfaction (or loyalty, where satisfaction was not
    asked); where that could not be told, its weight in the index.
    """
    dimensions = index.scheme.dimensions if index else {}
    for target in drivers.explained:
        return dict.fromkeys(dimensions, 0.0) | {d.driver: d.share for d in target.drivers}
    return dict(dimensions)


def performance(
    scores: pd.DataFrame,
    drivers: Drivers,
    branch: str,
    quarter: str,
    actions: dict[str, Mend],
    min_cell: int,
) -> pd.DataFrame:
    """Importance–performance map (Martilla and James 1977) of a branch, with quick wins: the
    columns `PERFORMANCE`. For ALL the bank's index against its branches.
    """
    if not drivers.explained or scores.empty:
        return pd.DataFrame(columns=list(PERFORMANCE))
    now = scores[
        (scores["quarter"] == quarter) & (scores["segment"] == EVERY) & (scores["n"] >= min_cell)
    ]
    of_target = drivers.explained[0].drivers
    rows = []
    for driver in of_target:
        part = now[now["dimension"] == driver.driver]
        own, branches = part[part["branch_id"] == branch], part[part["branch_id"] != ALL]
        if len(own) and len(branches):
            important = driver.share > 1 / len(of_target)
            rows.append(_placed(driver, own.iloc[0], branches, important, driver.driver in actions))
    return pd.DataFrame(rows, columns=list(PERFORMANCE)).sort_values(
        "importance", ascending=False, ignore_index=True
    )


def _placed(
    driver: Driver, own: pd.Series, branches: pd.DataFrame, important: bool, action: bool
) -> list[str | float]:
    """A dimension on the map; own: the branch's score, branches: those of all."""
    best, median = branches.loc[branches["mean"].idxmax()], float(branches["mean"].median())
    ahead = best["mean"] - own["mean"] > NORMAL * np.hypot(best["se"], own["se"])
    weak, improvable = bool(own["mean"] < median), bool(ahead and action)
    return [
        driver.driver,
        driver.share,
        driver.share_low,
        driver.share_high,
        own["mean"],
        own["low"],
        own["high"],
        int(own["n"]),
        median,
        best["mean"],
        max(median - own["mean"], 0.0),
        important,
        weak,
        improvable,
        important and weak and improvable,
    ]


def simulated(
    scores: pd.DataFrame,
    retention: RetentionFit | Impossible,
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
    to its active customers. Returns the columns `SIMULATED`; dimensions below the median only. It
    assumes that the effect is one, and the same in every branch.
    """
    terms = [] if isinstance(retention, Impossible) else retention.terms
    effects = {t.term: t.points for t in terms if t.points}
    if scores.empty or not effects:
        return pd.DataFrame(columns=list(SIMULATED))
    now = scores[
        (scores["quarter"] == quarter)
        & (scores["segment"] == EVERY)
        & (scores["n"] >= min_cell)
        & (scores["branch_id"] != ALL)
    ]
    rng = np.random.default_rng(seed)
    rows = []
    for dimension, part in now[now["dimension"].isin(list(effects))].groupby("dimension"):
        median = float(part["mean"].median())
        for score in part.itertuples():
            customers = active.get(score.branch_id, 0)
            if score.mean < median and len(part) > 2 and customers >= min_cell:
                retained = _retained(score, median, effects[str(dimension)], customers, rng)
                rows.append([score.branch_id, dimension, int(score.n), score.mean, *retained])
    table = pd.DataFrame(rows, columns=list(SIMULATED))
    table = table if branch == ALL else table[table["branch_id"] == branch]
    return table.sort_values(["retained", "branch_id"], ascending=[False, True], ignore_index=True)


def _retained(
    score: Any, median: float, points: Interval, customers: int, rng: np.random.Generator
) -> list[float]:
    """The columns of `SIMULATED` from median on; points: of retention per 10 points."""
    gap = median - score.mean
    error = (points.high - points.low) / 2 / NORMAL
    gaps = rng.normal(gap, score.se, DRAWS)
    effects = rng.normal(points.at, error, DRAWS) / 100 / 10
    low, high = np.quantile(gaps * effects, [0.025, 0.975]) * customers
    return [
        median,
        gap,
        gap - NORMAL * score.se,
        gap + NORMAL * score.se,
        customers,
        gap * points.at / 1000 * customers,
        low,
        high,
    ]
