"""Why customers stay: regressions fitted bank-wide, kept as readable JSON with their diagnostics.

Attitudes count per 10 points of 0 to 100, behaviour per standard deviation. All show what goes
together, not what would happen if something were changed. Errors are clustered by customer, or by
branch where there are at least thirty (Cameron and Miller 2015), since whoever answered twice is no
two customers. Fitted with statsmodels.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import pearsonr
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.stats.diagnostic import het_breuschpagan, linear_reset

from analysis.report.language import impossible
from analysis.statistics.intervals import corrected
from analysis.statistics.regression import (
    auc_interval,
    brant,
    by_tenths,
    inflation,
    influence,
    judged,
    link_test,
    nested,
    terms,
    usable,
)

SAMPLE = 100_000
HEAVY_SAMPLE = 20_000  # for those that go through the rows many times
MIN_ROWS = 200
MIN_EVENTS = 20
MANY_BRANCHES = 30
BEHAVIOUR = ("tenure_years", "products_held", "has_mortgage", "log_transactions", "log_balance")
Fitted = dict[str, Any]


def fit_retention(rows: pd.DataFrame, dimensions: list[str]) -> Fitted:
    """Logit of staying through the next quarter on attitudes and behaviour known before it.

    rows: one per customer and quarter: the dimensions (0–100), behaviour of that quarter, `stayed`
    and `quarter`. The last quarter is held out to judge the model; the coefficients are those of
    the fit on all the others. `points` are average marginal effects in percentage points (delta
    method). Returns {"reason": …} when there is too little to fit.
    """
    prepared, names = prepared_rows(rows[rows["stayed"].notna()], dimensions, SAMPLE)
    prepared["stayed"] = prepared["stayed"].astype(bool)
    left = int((~prepared["stayed"]).sum())
    if len(prepared) < MIN_ROWS or left < MIN_EVENTS:
        return impossible(
            "{n} customers with a known outcome and {left} departures; {rows} and {events} "
            "are needed.",
            n=len(prepared),
            left=left,
            rows=MIN_ROWS,
            events=MIN_EVENTS,
        )
    last = prepared["quarter"].max()
    train, held_out = prepared[prepared["quarter"] != last], prepared[prepared["quarter"] == last]
    if len(train) < MIN_ROWS or (~train["stayed"]).sum() < MIN_EVENTS:
        train, held_out = prepared, prepared.head(0)
    names, left_out = usable(train, names, "stayed")
    result, others, by = _logits(train, names, dimensions)
    effect = result.get_margeff(at="overall")
    x = sm.add_constant(train[names], has_constant="add")
    predicted = result.predict(x)
    quality = {
        "converged": bool(result.mle_retvals["converged"]),
        "pseudo_r2": float(result.prsquared),
        "auc_fit": auc_interval(train["stayed"], predicted)[0],
        "link_test_p": link_test(train["stayed"], np.log(predicted / (1 - predicted)).to_numpy()),
        "condition_number": float(np.linalg.cond(x)),
        "branch_sd": _branch_sd(train, predicted),
        **influence(train["stayed"], x, names),
    }
    fitted: Fitted = {
        "rows": len(train),
        "left": int((~train["stayed"]).sum()),
        "quarters": sorted(train["quarter"].unique().tolist()),
        "clustered_by": by,
        "terms": terms(result, train, names, (100 * effect.margeff, 100 * effect.margeff_se)),
        "left_out": left_out,
        "nested": nested(others),
    }
    if len(held_out):
        told = result.predict(sm.add_constant(held_out[names], has_constant="add"))
        # told as the chance of leaving, which is what is rare
        quality |= {
            "held_out_quarter": str(last),
            **{f"held_out_{k}": v for k, v in judged(~held_out["stayed"], 1 - told).items()},
        }
        fitted["calibration"] = by_tenths(~held_out["stayed"], 1 - told)
    return fitted | {"quality": quality}


def fit_stated(rows: pd.DataFrame, dimensions: list[str]) -> Fitted:
    """Least squares of stated loyalty (0–100) on attitudes and behaviour, errors clustered as
    above.

    `between_branches`: share of the variance left that lies between branches, from a model with a
    random intercept by branch (restricted maximum likelihood). Specification: Ramsey's RESET
    (1969), Breusch and Pagan (1979).
    """
    prepared, names = prepared_rows(rows, dimensions, SAMPLE)
    if (
        "stated_loyalty" not in prepared
        or len(prepared := prepared.dropna(subset=["stated_loyalty"])) < MIN_ROWS
    ):
        return impossible(
            "{n} answers on stated loyalty; {rows} are needed.", n=len(prepared), rows=MIN_ROWS
        )
    names, left_out = usable(prepared, names)
    groups, by = _clusters(prepared)
    fits = []
    for name, used in _one_in_the_other(names, dimensions):
        x = sm.add_constant(prepared[used], has_constant="add")
        fits.append(
            (
                name,
                sm.OLS(prepared["stated_loyalty"], x).fit(
                    cov_type="cluster", cov_kwds={"groups": groups}
                ),
                [n for n in used if n in dimensions],
            )
        )
    result = fits[-1][1]
    plain = sm.OLS(prepared["stated_loyalty"], x).fit()
    return {
        "rows": len(prepared),
        "clustered_by": by,
        "terms": terms(result, prepared, names),
        "left_out": left_out,
        "nested": nested(fits),
        "quality": {
            "r2": float(result.rsquared),
            "breusch_pagan_p": float(het_breuschpagan(plain.resid, x)[1]),
            "reset_p": float(linear_reset(plain, power=2, use_f=True).pvalue),
            "condition_number": float(np.linalg.cond(x)),
            "between_branches": _branch_share(prepared, names, "stated_loyalty"),
        },
    }


def fit_recommend(rows: pd.DataFrame, dimensions: list[str]) -> Fitted:
    """Ordered logit (McCullagh 1980) of the answer to the question of recommending, 1 to 10, rare
    neighbouring answers joined, with Brant's test of proportional odds; `points`: percentage points
    more who give the highest answers, at the average.
    """
    prepared, names = prepared_rows(rows, dimensions, HEAVY_SAMPLE)
    if (
        "recommend" not in prepared
        or len(prepared := prepared.dropna(subset=["recommend"])) < MIN_ROWS
    ):
        return impossible(
            "{n} answers on recommending; {rows} are needed.", n=len(prepared), rows=MIN_ROWS
        )
    cuts = _cuts(prepared["recommend"])
    if len(cuts) < 2:
        return impossible("Nearly all answers on recommending are the same.")
    names, left_out = usable(prepared, names)
    level = np.searchsorted(cuts, prepared["recommend"].to_numpy(), side="left")
    groups, by = _clusters(prepared)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = OrderedModel(
            pd.Series(level, index=prepared.index), prepared[names], distr="logit"
        ).fit(method="bfgs", disp=0, maxiter=200, cov_type="cluster", cov_kwds={"groups": groups})
    thresholds = result.model.transform_threshold_params(result.params)[1:-1]
    top = 1 / (
        1 + np.exp(-(prepared[names].to_numpy() @ result.params[names].to_numpy() - thresholds[-1]))
    )
    slope = 100 * float((top * (1 - top)).mean())
    proportional = brant(prepared, names, "recommend", cuts)
    p = corrected(pd.Series([t["p"] for t in proportional["terms"]]))
    return {
        "rows": len(prepared),
        "clustered_by": by,
        "cuts": [float(c) for c in cuts],
        "left_out": left_out,
        "terms": terms(
            result,
            prepared,
            names,
            (slope * result.params[names].to_numpy(), slope * result.bse[names].to_numpy()),
        ),
        "proportional_odds": {
            **proportional,
            "terms": [
                {**t, "p_corrected": float(c)}
                for t, c in zip(proportional["terms"], p, strict=True)
            ],
        },
        "quality": {
            "converged": bool(result.mle_retvals["converged"]),
            "pseudo_r2": float(result.prsquared),
            "brant_p": proportional["p"],
        },
    }


def fit_survival(rows: pd.DataFrame, dimensions: list[str]) -> Fitted:
    """Cox's proportional hazards (1972) of the quarters until a customer closes the account or
    falls asleep, ties by Efron.

    rows: one per customer at its first answer, with `followed` (quarters known after it, at least
    1) and `event` (whether it left in the last of them). Proportional hazards are tested per
    predictor by the correlation of the scaled Schoenfeld residuals with the rank of time (Grambsch
    and Therneau 1994), corrected. Errors are the model's own: one row a customer.
    """
    prepared, names = prepared_rows(rows[rows["followed"] > 0], dimensions, HEAVY_SAMPLE)
    left = int(prepared["event"].sum())
    if len(prepared) < MIN_ROWS or left < MIN_EVENTS:
        return impossible(
            "{n} customers followed and {left} departures; {rows} and {events} are needed.",
            n=len(prepared),
            left=left,
            rows=MIN_ROWS,
            events=MIN_EVENTS,
        )
    names, left_out = usable(prepared, names, "event")
    followed, event = (
        prepared["followed"].to_numpy(dtype=float),
        prepared["event"].to_numpy(dtype=float),
    )
    result = PHReg(followed, prepared[names].to_numpy(), status=event, ties="efron").fit(disp=0)
    residual = np.asarray(result.schoenfeld_residuals)
    known = ~np.isnan(residual).any(axis=1)
    scaled = residual[known] @ np.asarray(result.cov_params()) * known.sum()
    time = pd.Series(followed[known]).rank().to_numpy()
    tests = [_correlated(scaled[:, i], time) for i in range(len(names))]
    interval, inflated = result.conf_int(), inflation(prepared, names)
    found = []
    for i, n in enumerate(names):
        low, high = interval[i]
        found.append(
            {
                "term": n,
                "estimate": float(result.params[i]),
                "low": float(low),
                "high": float(high),
                "p": float(result.pvalues[i]),
                "inflation": inflated[n],
                "ratio": float(np.exp(result.params[i])),
                "ratio_low": float(np.exp(low)),
                "ratio_high": float(np.exp(high)),
                "schoenfeld_r": tests[i][0],
                "schoenfeld_p": tests[i][1],
            }
        )
    for t, p in zip(found, corrected(pd.Series([t["schoenfeld_p"] for t in found])), strict=True):
        t["schoenfeld_p"] = float(p)
    return {
        "rows": len(prepared),
        "left": left,
        "terms": found,
        "left_out": left_out,
        "quality": {
            "longest": float(followed.max()),
            "schoenfeld_p": float(np.nanmin([float(str(t["schoenfeld_p"])) for t in found]))
            if found
            else float("nan"),
        },
    }


def fit_products(rows: pd.DataFrame, dimensions: list[str]) -> Fitted:
    """Poisson regression of the number of products beyond the first (share of wallet where other
    banks are not known), with clustered errors, which hold whatever the spread (Wooldridge 1999);
    dispersion after Cameron and Trivedi (1990).

    `points`: products more per hundred customers, average marginal effect.
    """
    prepared, names = prepared_rows(rows, dimensions, SAMPLE)
    names = [n for n in names if n not in ("products_held", "has_mortgage")]
    prepared["more"] = np.maximum(rows.loc[prepared.index, "products_held"].astype(float) - 1, 0.0)
    prepared = prepared.dropna(subset=["more"])
    if len(prepared) < MIN_ROWS or not prepared["more"].std() > 0:
        return impossible(
            "{n} customers with known holdings that differ; {rows} are needed.",
            n=len(prepared),
            rows=MIN_ROWS,
        )
    names, left_out = usable(prepared, names)
    groups, by = _clusters(prepared)
    fits = []
    for name, used in _one_in_the_other(names, dimensions):
        x = sm.add_constant(prepared[used], has_constant="add")
        fits.append(
            (
                name,
                sm.Poisson(prepared["more"], x).fit(
                    disp=0, cov_type="cluster", cov_kwds={"groups": groups}
                ),
                [n for n in used if n in dimensions],
            )
        )
    result = fits[-1][1]
    mean = result.predict(x)
    dispersion = sm.OLS(((prepared["more"] - mean) ** 2 - prepared["more"]) / mean, mean).fit(
        cov_type="HC1"
    )
    effect = result.get_margeff(at="overall")
    return {
        "rows": len(prepared),
        "clustered_by": by,
        "left_out": left_out,
        "terms": terms(result, prepared, names, (100 * effect.margeff, 100 * effect.margeff_se)),
        "nested": nested(fits),
        "quality": {
            "converged": bool(result.mle_retvals["converged"]),
            "pseudo_r2": float(result.prsquared),
            "dispersion": float(dispersion.params.iloc[0]),
            "dispersion_p": float(dispersion.pvalues.iloc[0]),
        },
    }


def prepared_rows(
    rows: pd.DataFrame, dimensions: list[str], most: int
) -> tuple[pd.DataFrame, list[str]]:
    """The rows in a fixed order, whole ones only, attitudes per 10 points and behaviour
    standardised; and the predictors.
    """
    frame = rows.sort_values(["quarter", "customer_id"]).tail(most).copy()
    dimensions = [d for d in dimensions if d in frame and frame[d].notna().any()]
    for d in dimensions:
        frame[d] = frame[d].astype(float) / 10
    frame["log_transactions"] = np.log1p(frame["transactions"].astype(float))
    balance = frame["balance_end"].astype(float)
    frame["log_balance"] = np.sign(balance) * np.log1p(balance.abs())
    behaviour = [b for b in BEHAVIOUR if b in frame and frame[b].notna().any()]
    for b in behaviour:
        values = frame[b].astype(float)
        frame[b] = (values - values.mean()) / (values.std() or 1)
    names = [*dimensions, *behaviour]
    return frame.dropna(subset=names), names


def _logits(
    train: pd.DataFrame, names: list[str], dimensions: list[str]
) -> tuple[Any, list[tuple[str, Any, list[str]]], str]:
    """The whole model, the nested ones, and what errors are clustered by."""
    groups, by = _clusters(train)
    fits = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, used in _one_in_the_other(names, dimensions):
            x = sm.add_constant(train[used], has_constant="add")
            fits.append(
                (
                    name,
                    sm.Logit(train["stayed"].astype(float), x).fit(
                        disp=0, maxiter=100, cov_type="cluster", cov_kwds={"groups": groups}
                    ),
                    [n for n in used if n in dimensions],
                )
            )
    return fits[-1][1], fits, by


def _one_in_the_other(names: list[str], dimensions: list[str]) -> list[tuple[str, list[str]]]:
    """The predictors of the nested models, by name: behaviour, and attitudes with it where there
    are any.
    """
    behaviour = [n for n in names if n not in dimensions]
    attitudes = [("behaviour and attitudes", names)] if len(names) > len(behaviour) else []
    return [("behaviour alone", behaviour), *attitudes]


def _clusters(rows: pd.DataFrame) -> tuple[np.ndarray, str]:
    by = (
        "branch_id"
        if "branch_id" in rows and rows["branch_id"].nunique() >= MANY_BRANCHES
        else "customer_id"
    )
    return pd.factorize(rows[by])[0], by


def _branch_share(rows: pd.DataFrame, names: list[str], outcome: str) -> float:
    if "branch_id" not in rows or rows["branch_id"].nunique() < 3:
        return float("nan")
    some = rows.tail(HEAVY_SAMPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixed = sm.MixedLM(
            some[outcome],
            sm.add_constant(some[names], has_constant="add"),
            groups=some["branch_id"],
        ).fit(reml=True, method=["powell", "lbfgs"])
    between = max(float(mixed.cov_re.iloc[0, 0]), 0.0)
    return between / (between + float(mixed.scale))


def _branch_sd(rows: pd.DataFrame, predicted: pd.Series) -> float:
    """Standard deviation of branches' log odds of staying beyond what the predictors say: each
    branch's shift by one step of Newton's method, and their spread beyond chance (random effects;
    DerSimonian and Laird 1986).
    """
    if "branch_id" not in rows or rows["branch_id"].nunique() < 3:
        return float("nan")
    by_branch = (
        pd.DataFrame(
            {
                "off": rows["stayed"].astype(float) - predicted,
                "information": predicted * (1 - predicted),
            }
        )
        .groupby(rows["branch_id"])
        .sum()
    )
    w = by_branch["information"]
    shift = by_branch["off"] / w
    spread = float((w * (shift - (w * shift).sum() / w.sum()) ** 2).sum())
    between = (spread - (len(w) - 1)) / (w.sum() - (w**2).sum() / w.sum())
    return float(np.sqrt(max(between, 0.0)))


def _cuts(answers: pd.Series) -> list[float]:
    """Between which answers levels are told apart: each holds at least a twentieth of the
    answers.
    """
    share = answers.value_counts(normalize=True).sort_index()
    cuts, held = [], 0.0
    for value, part in share.items():
        held += part
        if held >= 0.05:
            cuts.append(float(value))
            held = 0.0
    while cuts and (answers > cuts[-1]).mean() < 0.05:
        cuts.pop()
    return cuts


def _correlated(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    if len(a) < 4 or np.std(a) < 1e-12 or np.std(b) < 1e-12:
        return float("nan"), float("nan")
    found = pearsonr(a, b)
    return float(found.statistic), float(found.pvalue)
