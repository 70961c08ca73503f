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

from analysis.statistics.fitted import (
    BrantTerm,
    Influence,
    Interval,
    Judged,
    LeftOutTerm,
    NestedModel,
    ProportionalOdds,
    Tenth,
    Term,
)
from analysis.statistics.intervals import NORMAL, corrected, share_interval


def usable(
    observations: pd.DataFrame, names: Sequence[str], outcome: str = ""
) -> tuple[list[str], list[LeftOutTerm]]:
    """The predictors a model can be fitted on, in order, and those left out with why: constant,
    collinear (a linear combination of those before it), separates (of a yes-or-no outcome it tells
    every case; Albert and Anderson 1984).
    """
    predictors: list[str] = []
    left_out = []
    for name in names:
        values = observations[name].astype(float)
        if not values.std() > 1e-9:
            left_out.append(LeftOutTerm(term=name, why="constant"))
        elif _collinear(observations[[*predictors, name]].astype(float)):
            left_out.append(LeftOutTerm(term=name, why="collinear"))
        elif outcome and _separates(values, observations[outcome].astype(bool)):
            left_out.append(LeftOutTerm(term=name, why="separates"))
        else:
            predictors.append(name)
    return predictors, left_out


def _collinear(predictors: pd.DataFrame) -> bool:
    scaled = [_scaled(predictors[name]) for name in predictors]
    design = np.column_stack([np.ones(len(predictors)), *scaled])
    rank = np.linalg.matrix_rank(design, tol=1e-6 * np.sqrt(len(predictors)))
    return bool(rank < design.shape[1])


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


def inflation(observations: pd.DataFrame, names: list[str]) -> dict[str, float]:
    """Variance inflation factor of each predictor (Marquardt 1970)."""
    x = sm.add_constant(observations[names].astype(float), has_constant="add").to_numpy()
    return {n: float(variance_inflation_factor(x, i + 1)) for i, n in enumerate(names)}


def terms(
    result: Any,
    observations: pd.DataFrame,
    names: list[str],
    points: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[Term]:
    """Estimate with interval, p and variance inflation of each predictor; points: an effect a
    manager understands and its standard error, of each.
    """
    interval, inflated = result.conf_int(), inflation(observations, names)
    if not isinstance(interval, pd.DataFrame):
        interval = pd.DataFrame(interval, index=result.params.index)
    return [
        Term(
            term=name,
            estimate=float(result.params[name]),
            low=float(interval.loc[name, 0]),
            high=float(interval.loc[name, 1]),
            p=float(result.pvalues[name]),
            inflation=float(inflated[name]),
            points=None if points is None else _normal(float(points[0][i]), float(points[1][i])),
        )
        for i, name in enumerate(names)
    ]


def _normal(value: float, error: float) -> Interval:
    return Interval(at=value, low=value - NORMAL * error, high=value + NORMAL * error)


def auc_interval(observed: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    """Area under the ROC curve with its interval (DeLong, DeLong and Clarke-Pearson 1988)."""
    observed = np.asarray(observed, dtype=bool)
    yes, no = np.asarray(predicted)[observed], np.asarray(predicted)[~observed]
    if min(len(yes), len(no)) < 2:
        return float("nan"), float("nan"), float("nan")
    everything = stats.rankdata(np.concatenate([yes, no]))
    # share of the no below each yes
    above = (everything[: len(yes)] - stats.rankdata(yes)) / len(no)
    below = 1 - (everything[len(yes) :] - stats.rankdata(no)) / len(yes)
    error = np.sqrt(above.var(ddof=1) / len(yes) + below.var(ddof=1) / len(no))
    auc = float(above.mean())
    return auc, max(auc - NORMAL * error, 0.0), min(auc + NORMAL * error, 1.0)


def judged(observed: pd.Series | np.ndarray, predicted: pd.Series | np.ndarray) -> Judged:
    """How well chances of a yes-or-no outcome were told: by the area under the ROC curve, the score
    of Brier (1950), and the slope and intercept of the calibration (Cox 1958). Fewer than five of
    either outcome: the means only.
    """
    observed = np.asarray(observed, dtype=bool)
    predicted = np.clip(np.asarray(predicted, dtype=float), 1e-9, 1 - 1e-9)
    means = {
        "predicted": float(predicted.mean()) if len(observed) else np.nan,
        "observed": float(observed.mean()) if len(observed) else np.nan,
    }
    counts = {"n": len(observed), "events": int(observed.sum())}
    if min(observed.sum(), (~observed).sum()) < 5:
        return Judged(**counts, **means)
    auc, low, high = auc_interval(observed, predicted)
    return Judged(
        **counts,
        **means,
        **_calibration_line(observed, predicted),
        auc=auc,
        auc_low=low,
        auc_high=high,
        brier=float(((predicted - observed) ** 2).mean()),
        brier_base=float(observed.mean() * (1 - observed.mean())),
    )


def _calibration_line(observed: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Intercept and slope of the outcome on the log odds told; nothing where all are told alike."""
    log_odds = np.log(predicted / (1 - predicted))
    if not log_odds.std() > 1e-9:
        return {}
    line = sm.Logit(observed.astype(float), sm.add_constant(log_odds)).fit(disp=0)
    low, high = line.conf_int()[1]
    return {
        "intercept": float(line.params[0]),
        "slope": float(line.params[1]),
        "slope_low": float(low),
        "slope_high": float(high),
    }


def by_tenths(observed: pd.Series | np.ndarray, predicted: pd.Series | np.ndarray) -> list[Tenth]:
    """Predicted and observed share in each tenth of the predicted chances, lowest first."""
    observed, predicted = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    order = np.argsort(predicted, kind="stable")
    tenths = []
    for part in np.array_split(order, min(10, max(len(order) // 20, 1))):
        low, high = share_interval(observed[part].sum(), len(part))
        tenths.append(
            Tenth(
                n=len(part),
                predicted=float(predicted[part].mean()),
                observed=float(observed[part].mean()),
                low=low,
                high=high,
            )
        )
    return tenths


def link_test(observed: pd.Series, linear: np.ndarray) -> float:
    """p-value of the squared linear predictor beside the linear one: small where the form of a
    logit is wrong (Pregibon 1980).
    """
    linear = (linear - linear.mean()) / (linear.std() or 1)
    x = np.column_stack([np.ones(len(linear)), linear, linear**2])
    return float(sm.Logit(np.asarray(observed, dtype=float), x).fit(disp=0).pvalues[2])


def brant(
    observations: pd.DataFrame, names: list[str], outcome: str, cuts: Sequence[float]
) -> ProportionalOdds:
    """Test of proportional odds (Brant 1990): whether the effects on exceeding each cut are the
    same, over all predictors and of each (corrected).
    """
    x = sm.add_constant(observations[names].astype(float), has_constant="add").to_numpy()
    fits = [sm.Logit((observations[outcome] > c).astype(float), x).fit(disp=0) for c in cuts]
    slopes = np.array([np.asarray(f.params)[1:] for f in fits])
    variance = _variance_over_cuts(x, [f.predict(x) for f in fits])
    chi2, freedom, p = _wald(slopes, variance, list(range(len(names))))
    p_values = [_wald(slopes, variance, [i])[2] for i in range(len(names))]
    p_corrected = corrected(pd.Series(p_values))
    return ProportionalOdds(
        chi2=chi2,
        freedom=freedom,
        p=p,
        terms=[
            BrantTerm(
                term=name,
                p=p_values[i],
                by_cut=[float(v) for v in slopes[:, i]],
                p_corrected=float(p_corrected[i]),
            )
            for i, name in enumerate(names)
        ],
    )


def _variance_over_cuts(x: np.ndarray, chances: list[np.ndarray]) -> np.ndarray:
    """Covariance of the slopes of all cuts, cut by cut."""
    inverse = [np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x) for p in chances]
    k, cuts = x.shape[1] - 1, len(chances)
    variance = np.zeros((cuts * k, cuts * k))
    for i in range(cuts):
        for j in range(i, cuts):
            # exceeding the higher cut is exceeding the lower one too
            both = chances[j] - chances[i] * chances[j]
            block = inverse[i] @ ((x * both[:, None]).T @ x) @ inverse[j]
            variance[i * k : (i + 1) * k, j * k : (j + 1) * k] = block[1:, 1:]
            variance[j * k : (j + 1) * k, i * k : (i + 1) * k] = block[1:, 1:].T
    return variance


def _wald(slopes: np.ndarray, variance: np.ndarray, places: list[int]) -> tuple[float, int, float]:
    """Whether the slopes at these places are those of the first cut at every other: chi2, degrees
    of freedom and p.
    """
    cuts, k = slopes.shape
    contrast = np.zeros(((cuts - 1) * len(places), cuts * k))
    for row, (i, place) in enumerate((i, p) for i in range(1, cuts) for p in places):
        contrast[row, place], contrast[row, i * k + place] = 1, -1
    difference = contrast @ slopes.ravel()
    chi2 = float(difference @ np.linalg.pinv(contrast @ variance @ contrast.T) @ difference)
    return chi2, len(contrast), float(stats.chi2.sf(chi2, len(contrast)))


def influence(observed: pd.Series, x: pd.DataFrame, names: list[str]) -> Influence:
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
    return Influence(largest_cook=float(distance.max()), hang_on_few=flips)


def nested(fits: Sequence[tuple[str, Any, list[str]]]) -> list[NestedModel]:
    """Models of the same rows, each with the predictors of those before it and more: model,
    predictors (their number), aic, bic, pseudo_r2 (or R²), and p of the joint Wald test of what it
    adds, with the errors it was fitted with.
    """
    models = []
    for i, (name, result, added) in enumerate(fits):
        p = float("nan")
        if added and i:
            contrast = np.zeros((len(added), len(result.params)))
            for row, term in enumerate(added):
                contrast[row, list(result.params.index).index(term)] = 1
            p = float(result.wald_test(contrast, scalar=True, use_f=False).pvalue)
        fit = getattr(result, "prsquared", None)
        models.append(
            NestedModel(
                model=name,
                predictors=len(result.params) - 1,
                aic=float(result.aic),
                bic=float(result.bic),
                pseudo_r2=float(result.rsquared if fit is None else fit),
                p=p,
            )
        )
    return models
