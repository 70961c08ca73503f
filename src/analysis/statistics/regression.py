"""What every regression here is put through: predictors it cannot use, how it fits, and how far it
can be trusted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.outliers_influence import variance_inflation_factor

from analysis.statistics.intervals import NORMAL, share_interval


def usable(
    rows: pd.DataFrame, names: Sequence[str], outcome: str = ""
) -> tuple[list[str], list[dict[str, str]]]:
    """The predictors a model can be fitted on, in order, and those left out with why: constant,
    collinear (a linear combination of those before it), separates (of a yes-or-no outcome it tells
    every case; Albert and Anderson 1984).
    """
    kept: list[str] = []
    left_out = []
    for name in names:
        values = rows[name].astype(float)
        with_it = np.column_stack(
            [np.ones(len(rows)), *[_scaled(rows[k].astype(float)) for k in kept], _scaled(values)]
        )
        if not values.std() > 1e-9:
            left_out.append({"term": name, "why": "constant"})
        elif np.linalg.matrix_rank(with_it, tol=1e-6 * np.sqrt(len(rows))) < with_it.shape[1]:
            left_out.append({"term": name, "why": "collinear"})
        elif outcome and _separates(values, rows[outcome].astype(bool)):
            left_out.append({"term": name, "why": "separates"})
        else:
            kept.append(name)
    return kept, left_out


def _scaled(values: pd.Series) -> np.ndarray:
    return ((values - values.mean()) / (values.std() or 1)).to_numpy()


def _separates(values: pd.Series, outcome: pd.Series) -> bool:
    yes, no = values[outcome], values[~outcome]
    if not len(yes) or not len(no):
        return False
    if yes.min() > no.max() or yes.max() < no.min():
        return True
    if values.nunique() > 2:
        return False
    return any(outcome[values == v].nunique() < 2 for v in values.unique())


def inflation(rows: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """Variance inflation factor of each predictor (Marquardt 1970)."""
    x = sm.add_constant(rows[names].astype(float), has_constant="add").to_numpy()
    return {n: float(variance_inflation_factor(x, i + 1)) for i, n in enumerate(names)}


def terms(
    result: Any,
    rows: pd.DataFrame,
    names: list[str],
    points: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[dict[str, Any]]:
    """Estimate with interval, p and variance inflation of each predictor; points: an effect a
    manager understands and its standard error, of each.
    """
    interval, inflated = result.conf_int(), inflation(rows, names)
    interval = (
        interval
        if isinstance(interval, pd.DataFrame)
        else pd.DataFrame(interval, index=result.params.index)
    )
    found = []
    for i, name in enumerate(names):
        term = {
            "term": name,
            "estimate": result.params[name],
            "low": interval.loc[name, 0],
            "high": interval.loc[name, 1],
            "p": result.pvalues[name],
            "inflation": inflated[name],
        }
        if points is not None:
            effect, error = float(points[0][i]), float(points[1][i])
            term |= {
                "points": effect,
                "points_low": effect - NORMAL * error,
                "points_high": effect + NORMAL * error,
            }
        found.append({k: v if isinstance(v, str) else float(v) for k, v in term.items()})
    return found


def auc_interval(observed: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    """Area under the ROC curve with its interval (DeLong, DeLong and Clarke-Pearson 1988)."""
    observed = np.asarray(observed, dtype=bool)
    yes, no = np.asarray(predicted)[observed], np.asarray(predicted)[~observed]
    if min(len(yes), len(no)) < 2:
        return float("nan"), float("nan"), float("nan")
    everything = stats.rankdata(np.concatenate([yes, no]))
    above = (everything[: len(yes)] - stats.rankdata(yes)) / len(
        no
    )  # share of the no below each yes
    below = 1 - (everything[len(yes) :] - stats.rankdata(no)) / len(yes)
    error = np.sqrt(above.var(ddof=1) / len(yes) + below.var(ddof=1) / len(no))
    auc = float(above.mean())
    return auc, max(auc - NORMAL * error, 0.0), min(auc + NORMAL * error, 1.0)


def judged(observed: pd.Series | np.ndarray, predicted: pd.Series | np.ndarray) -> dict[str, float]:
    """How well chances of a yes-or-no outcome were told: n, events, auc with low and high, brier,
    brier_base (of the mean chance alone; Brier 1950), slope and intercept of the calibration with
    the slope's low and high (Cox 1958: 1 and 0 when right), predicted and observed (means). Fewer
    than five of either outcome: the means only.
    """
    observed, predicted = (
        np.asarray(observed, dtype=bool),
        np.clip(np.asarray(predicted, dtype=float), 1e-9, 1 - 1e-9),
    )
    result = {
        "n": len(observed),
        "events": int(observed.sum()),
        "predicted": float(predicted.mean()) if len(observed) else np.nan,
        "observed": float(observed.mean()) if len(observed) else np.nan,
    }
    if min(observed.sum(), (~observed).sum()) < 5:
        return result
    auc, low, high = auc_interval(observed, predicted)
    logit = np.log(predicted / (1 - predicted))
    result |= {
        "auc": auc,
        "auc_low": low,
        "auc_high": high,
        "brier": float(((predicted - observed) ** 2).mean()),
        "brier_base": float(observed.mean() * (1 - observed.mean())),
    }
    if logit.std() > 1e-9:
        again = sm.Logit(observed.astype(float), sm.add_constant(logit)).fit(disp=0)
        slope, interval = float(again.params[1]), again.conf_int()[1]
        result |= {
            "intercept": float(again.params[0]),
            "slope": slope,
            "slope_low": float(interval[0]),
            "slope_high": float(interval[1]),
        }
    return result


def by_tenths(
    observed: pd.Series | np.ndarray, predicted: pd.Series | np.ndarray
) -> list[dict[str, float]]:
    """Predicted and observed share in each tenth of the predicted chances, lowest first: n,
    predicted, observed, low and high (Wilson).
    """
    observed, predicted = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    order = np.argsort(predicted, kind="stable")
    found = []
    for part in np.array_split(order, min(10, max(len(order) // 20, 1))):
        low, high = share_interval(observed[part].sum(), len(part))
        found.append(
            {
                "n": len(part),
                "predicted": float(predicted[part].mean()),
                "observed": float(observed[part].mean()),
                "low": low,
                "high": high,
            }
        )
    return found


def link_test(observed: pd.Series, linear: np.ndarray) -> float:
    """p-value of the squared linear predictor beside the linear one: small where the form of a
    logit is wrong (Pregibon 1980).
    """
    linear = (linear - linear.mean()) / (linear.std() or 1)
    x = np.column_stack([np.ones(len(linear)), linear, linear**2])
    return float(sm.Logit(np.asarray(observed, dtype=float), x).fit(disp=0).pvalues[2])


def brant(
    rows: pd.DataFrame, names: list[str], outcome: str, cuts: Sequence[float]
) -> dict[str, Any]:
    """Test of proportional odds (Brant 1990): whether the effects on exceeding each cut are the
    same.

    Returns chi2, freedom and p over all predictors, and per predictor p and the estimates by cut
    (`by_cut`).
    """
    x = sm.add_constant(rows[names].astype(float), has_constant="add").to_numpy()
    fits = [sm.Logit((rows[outcome] > c).astype(float), x).fit(disp=0) for c in cuts]
    chances = [f.predict(x) for f in fits]
    inverse = [np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x) for p in chances]
    k, m = len(names), len(cuts)
    variance = np.zeros((m * k, m * k))
    for i in range(m):
        for j in range(i, m):
            # exceeding the higher cut is exceeding the lower one too
            both = chances[j] - chances[i] * chances[j]
            block = inverse[i] @ ((x * both[:, None]).T @ x) @ inverse[j]
            variance[i * k : (i + 1) * k, j * k : (j + 1) * k] = block[1:, 1:]
            variance[j * k : (j + 1) * k, i * k : (i + 1) * k] = block[1:, 1:].T
    beta = np.concatenate([np.asarray(f.params)[1:] for f in fits])

    def wald(places: list[int]) -> tuple[float, int, float]:
        contrast = np.zeros(((m - 1) * len(places), m * k))
        for row, (i, place) in enumerate((i, p) for i in range(1, m) for p in places):
            contrast[row, place], contrast[row, i * k + place] = 1, -1
        difference = contrast @ beta
        chi2 = float(difference @ np.linalg.pinv(contrast @ variance @ contrast.T) @ difference)
        return chi2, len(contrast), float(stats.chi2.sf(chi2, len(contrast)))

    chi2, freedom, p = wald(list(range(k)))
    each = [
        {"term": n, "p": wald([i])[2], "by_cut": [float(beta[j * k + i]) for j in range(m)]}
        for i, n in enumerate(names)
    ]
    return {"chi2": chi2, "freedom": freedom, "p": p, "terms": each}


def influence(observed: pd.Series, x: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """What hangs on a few rows of a logit: largest Cook's distance (Cook 1977, one step), and the
    predictors whose sign or significance changes without the hundredth of rows that has most of it.
    """
    y = observed.astype(float)
    whole = sm.GLM(y, x, family=sm.families.Binomial()).fit()
    distance = np.asarray(whole.get_influence(observed=False).cooks_distance[0])
    keep = distance <= np.quantile(distance, 0.99)
    without = sm.GLM(y[keep], x[keep], family=sm.families.Binomial()).fit()
    flips = [
        n
        for n in names
        if (
            whole.params[n] * without.params[n] < 0
            and min(whole.pvalues[n], without.pvalues[n]) < 0.05
        )
        or (whole.pvalues[n] < 0.05 < without.pvalues[n])
    ]
    return {"largest_cook": float(distance.max()), "hang_on_few": flips}


def nested(fits: Sequence[tuple[str, Any, list[str]]]) -> list[dict[str, Any]]:
    """Models of the same rows, each with the predictors of those before it and more: model,
    predictors (their number), aic, bic, pseudo_r2 (or R²), and p of the joint Wald test of what it
    adds, with the errors it was fitted with.
    """
    found = []
    for i, (name, result, added) in enumerate(fits):
        p = float("nan")
        if added and i:
            contrast = np.zeros((len(added), len(result.params)))
            for row, term in enumerate(added):
                contrast[row, list(result.params.index).index(term)] = 1
            p = float(result.wald_test(contrast, scalar=True, use_f=False).pvalue)
        fit = getattr(result, "prsquared", None)
        found.append(
            {
                "model": name,
                "predictors": len(result.params) - 1,
                "aic": float(result.aic),
                "bic": float(result.bic),
                "pseudo_r2": float(result.rsquared if fit is None else fit),
                "p": p,
            }
        )
    return found
