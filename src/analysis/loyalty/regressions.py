"""Why customers stay: regressions fitted bank-wide, kept as readable JSON with their diagnostics.

Attitudes count per 10 points of 0 to 100, behaviour per standard deviation. All show what goes
together, not what would happen if something were changed. Errors are clustered by customer, or by
branch where there are at least thirty (Cameron and Miller 2015), since whoever answered twice is no
two customers. Fitted with statsmodels.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import pearsonr
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.stats.diagnostic import het_breuschpagan, linear_reset

from analysis.language import Impossible, impossible
from analysis.loyalty.answers import answers_with_outcome, followed
from analysis.loyalty.fitted import (
    HeldOut,
    ProductsFit,
    ProductsQuality,
    RecommendFit,
    RecommendQuality,
    Regressions,
    RetentionFit,
    RetentionQuality,
    StatedFit,
    StatedQuality,
    SurvivalFit,
    SurvivalQuality,
)
from analysis.quarters import Quarter
from analysis.sources.params import Loyalty
from analysis.statistics.fitted import Interval, Tenth, Term
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
Nested = list[tuple[str, Any, list[str]]]  # name, statsmodels' result, attitudes in it


def fit_regressions(
    customers: ir.Table,
    index: ir.Table | None,
    items: ir.Table | None,
    left: ir.Table | None,
    quarters: Sequence[Quarter],
    settings: Loyalty,
) -> Regressions:
    """All regressions as they can be known at the end of the last of the quarters.

    customers, index, items, left: customer_quarter, survey_index, survey_items and customer_left of
    the quarters; None where the bank delivers nothing for them.
    """
    answers = answers_with_outcome(customers, index, items, left, quarters, settings)
    dimensions = list(settings.items) if index is not None else []
    return Regressions(
        retention=fit_retention(answers, dimensions),
        stated=fit_stated(answers, dimensions),
        recommend=fit_recommend(answers, dimensions),
        survival=fit_survival(followed(answers, left, quarters), dimensions),
        products=fit_products(answers, dimensions),
    )


def fit_retention(answers: pd.DataFrame, dimensions: list[str]) -> RetentionFit | Impossible:
    """Logit of staying through the next quarter on attitudes and behaviour known before it.

    answers: as from `answers_with_outcome`. The last quarter is held out to judge the model; the
    coefficients are those of the fit on all the others. Points are average marginal effects in
    percentage points (delta method).
    """
    prepared, names = prepared_answers(answers[answers["stayed"].notna()], dimensions, SAMPLE)
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
    train, held_out = _last_quarter_apart(prepared)
    names, left_out = usable(train, names, "stayed")
    fits, by = _nested_fits(train, names, dimensions, _logit)
    result = fits[-1][1]
    effect = result.get_margeff(at="overall")
    judged_on, calibration = _judged_on(held_out, names, result)
    return RetentionFit(
        rows=len(train),
        left=int((~train["stayed"]).sum()),
        quarters=sorted(train["quarter"].unique().tolist()),
        clustered_by=by,
        terms=terms(result, train, names, (100 * effect.margeff, 100 * effect.margeff_se)),
        left_out=left_out,
        nested=nested(fits),
        quality=_retention_quality(train, names, result, judged_on),
        calibration=calibration,
    )


def _logit(answers: pd.DataFrame, x: pd.DataFrame, groups: np.ndarray) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sm.Logit(answers["stayed"].astype(float), x).fit(
            disp=0, maxiter=100, cov_type="cluster", cov_kwds={"groups": groups}
        )


def _last_quarter_apart(prepared: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What to fit on, and the last quarter; all and nothing where the others are too few."""
    last = prepared["quarter"] == prepared["quarter"].max()
    train = prepared[~last]
    if len(train) < MIN_ROWS or (~train["stayed"]).sum() < MIN_EVENTS:
        return prepared, prepared.head(0)
    return train, prepared[last]


def _retention_quality(
    train: pd.DataFrame, names: list[str], result: Any, held_out: HeldOut | None
) -> RetentionQuality:
    x = sm.add_constant(train[names], has_constant="add")
    predicted = result.predict(x)
    return RetentionQuality(
        converged=bool(result.mle_retvals["converged"]),
        pseudo_r2=float(result.prsquared),
        auc_fit=auc_interval(train["stayed"], predicted)[0],
        link_test_p=link_test(train["stayed"], np.log(predicted / (1 - predicted)).to_numpy()),
        condition_number=float(np.linalg.cond(x)),
        branch_sd=_branch_sd(train, predicted),
        influence=influence(train["stayed"], x, names),
        held_out=held_out,
    )


def _judged_on(
    held_out: pd.DataFrame, names: list[str], result: Any
) -> tuple[HeldOut | None, list[Tenth]]:
    """How well leaving, which is what is rare, was told in the quarter held out."""
    if held_out.empty:
        return None, []
    stays = result.predict(sm.add_constant(held_out[names], has_constant="add"))
    left, leaves = ~held_out["stayed"], 1 - stays
    quarter = str(held_out["quarter"].iloc[0])
    return HeldOut(quarter=quarter, **judged(left, leaves).model_dump()), by_tenths(left, leaves)


def fit_stated(answers: pd.DataFrame, dimensions: list[str]) -> StatedFit | Impossible:
    """Least squares of stated loyalty (0–100) on attitudes and behaviour, errors clustered as
    above.

    What lies between branches is from a model with a random intercept by branch (restricted maximum
    likelihood). Specification: Ramsey's RESET (1969), Breusch and Pagan (1979).
    """
    prepared, names = prepared_answers(answers, dimensions, SAMPLE)
    is_asked = "stated_loyalty" in prepared
    if is_asked:
        prepared = prepared.dropna(subset=["stated_loyalty"])
    if not is_asked or len(prepared) < MIN_ROWS:
        return impossible(
            "{n} answers on stated loyalty; {rows} are needed.", n=len(prepared), rows=MIN_ROWS
        )
    names, left_out = usable(prepared, names)
    fits, by = _nested_fits(prepared, names, dimensions, _least_squares)
    result = fits[-1][1]
    x = sm.add_constant(prepared[names], has_constant="add")
    plain = sm.OLS(prepared["stated_loyalty"], x).fit()
    return StatedFit(
        rows=len(prepared),
        clustered_by=by,
        terms=terms(result, prepared, names),
        left_out=left_out,
        nested=nested(fits),
        quality=StatedQuality(
            r2=float(result.rsquared),
            breusch_pagan_p=float(het_breuschpagan(plain.resid, x)[1]),
            reset_p=float(linear_reset(plain, power=2, use_f=True).pvalue),
            condition_number=float(np.linalg.cond(x)),
            between_branches=_branch_share(prepared, names, "stated_loyalty"),
        ),
    )


def _least_squares(answers: pd.DataFrame, x: pd.DataFrame, groups: np.ndarray) -> Any:
    return sm.OLS(answers["stated_loyalty"], x).fit(cov_type="cluster", cov_kwds={"groups": groups})


def fit_recommend(answers: pd.DataFrame, dimensions: list[str]) -> RecommendFit | Impossible:
    """Ordered logit (McCullagh 1980) of the answer to the question of recommending, 1 to 10, rare
    neighbouring answers joined, with Brant's test of proportional odds. Points: percentage points
    more who give the highest answers, at the average.
    """
    prepared, names = prepared_answers(answers, dimensions, HEAVY_SAMPLE)
    is_asked = "recommend" in prepared
    if is_asked:
        prepared = prepared.dropna(subset=["recommend"])
    if not is_asked or len(prepared) < MIN_ROWS:
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
    slope, beta = _slope_at_top(result, prepared[names]), result.params[names].to_numpy()
    proportional = brant(prepared, names, "recommend", cuts)
    return RecommendFit(
        rows=len(prepared),
        clustered_by=by,
        cuts=[float(c) for c in cuts],
        left_out=left_out,
        terms=terms(result, prepared, names, (slope * beta, slope * result.bse[names].to_numpy())),
        proportional_odds=proportional,
        quality=RecommendQuality(
            converged=bool(result.mle_retvals["converged"]),
            pseudo_r2=float(result.prsquared),
            brant_p=proportional.p,
        ),
    )


def _slope_at_top(result: Any, x: pd.DataFrame) -> float:
    """Percentage points of the highest answers that one more of the linear predictor brings."""
    thresholds = result.model.transform_threshold_params(result.params)[1:-1]
    linear = x.to_numpy() @ result.params[list(x)].to_numpy()
    top = 1 / (1 + np.exp(-(linear - thresholds[-1])))
    return 100 * float((top * (1 - top)).mean())


def fit_survival(customers: pd.DataFrame, dimensions: list[str]) -> SurvivalFit | Impossible:
    """Cox's proportional hazards (1972) of the quarters until a customer leaves, ties by Efron.

    customers: as from `followed`. Proportional hazards are tested per predictor by the correlation
    of the scaled Schoenfeld residuals with the rank of time (Grambsch and Therneau 1994),
    corrected. Errors are the model's own: one row a customer.
    """
    prepared, names = prepared_answers(
        customers[customers["followed"] > 0], dimensions, HEAVY_SAMPLE
    )
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
    quarters = prepared["followed"].to_numpy(dtype=float)
    event = prepared["event"].to_numpy(dtype=float)
    result = PHReg(quarters, prepared[names].to_numpy(), status=event, ties="efron").fit(disp=0)
    hazards = _hazard_terms(result, prepared, names, quarters)
    p_values = np.array([t.schoenfeld_p for t in hazards], dtype=float)
    lowest_p = float(np.nanmin(p_values)) if hazards else float("nan")
    return SurvivalFit(
        rows=len(prepared),
        left=left,
        terms=hazards,
        left_out=left_out,
        quality=SurvivalQuality(longest=float(quarters.max()), schoenfeld_p=lowest_p),
    )


def _hazard_terms(
    result: Any, customers: pd.DataFrame, names: list[str], quarters: np.ndarray
) -> list[Term]:
    """The predictors with their hazard ratios, and whether these change with time."""
    residual = np.asarray(result.schoenfeld_residuals)
    complete = ~np.isnan(residual).any(axis=1)
    scaled = residual[complete] @ np.asarray(result.cov_params()) * complete.sum()
    time = pd.Series(quarters[complete]).rank().to_numpy()
    tests = [_correlated(scaled[:, i], time) for i in range(len(names))]
    p_corrected = corrected(pd.Series([p for _r, p in tests], dtype=float))
    interval, inflated = result.conf_int(), inflation(customers, names)
    hazards = []
    for i, name in enumerate(names):
        low, high = interval[i]
        hazards.append(
            Term(
                term=name,
                estimate=float(result.params[i]),
                low=float(low),
                high=float(high),
                p=float(result.pvalues[i]),
                inflation=inflated[name],
                ratio=Interval(
                    at=float(np.exp(result.params[i])),
                    low=float(np.exp(low)),
                    high=float(np.exp(high)),
                ),
                schoenfeld_r=tests[i][0],
                schoenfeld_p=float(p_corrected[i]),
            )
        )
    return hazards


def fit_products(answers: pd.DataFrame, dimensions: list[str]) -> ProductsFit | Impossible:
    """Poisson regression of the number of products beyond the first (share of wallet where other
    banks are not known), with clustered errors, which hold whatever the spread (Wooldridge 1999);
    dispersion after Cameron and Trivedi (1990).

    Points: products more per hundred customers, average marginal effect.
    """
    prepared, names = prepared_answers(answers, dimensions, SAMPLE)
    names = [n for n in names if n not in ("products_held", "has_mortgage")]
    prepared["more"] = np.maximum(
        answers.loc[prepared.index, "products_held"].astype(float) - 1, 0.0
    )
    prepared = prepared.dropna(subset=["more"])
    if len(prepared) < MIN_ROWS or not prepared["more"].std() > 0:
        return impossible(
            "{n} customers with known holdings that differ; {rows} are needed.",
            n=len(prepared),
            rows=MIN_ROWS,
        )
    names, left_out = usable(prepared, names)
    fits, by = _nested_fits(prepared, names, dimensions, _poisson)
    result = fits[-1][1]
    mean = result.predict(sm.add_constant(prepared[names], has_constant="add"))
    dispersion = sm.OLS(((prepared["more"] - mean) ** 2 - prepared["more"]) / mean, mean).fit(
        cov_type="HC1"
    )
    effect = result.get_margeff(at="overall")
    return ProductsFit(
        rows=len(prepared),
        clustered_by=by,
        left_out=left_out,
        terms=terms(result, prepared, names, (100 * effect.margeff, 100 * effect.margeff_se)),
        nested=nested(fits),
        quality=ProductsQuality(
            converged=bool(result.mle_retvals["converged"]),
            pseudo_r2=float(result.prsquared),
            dispersion=float(dispersion.params.iloc[0]),
            dispersion_p=float(dispersion.pvalues.iloc[0]),
        ),
    )


def _poisson(answers: pd.DataFrame, x: pd.DataFrame, groups: np.ndarray) -> Any:
    return sm.Poisson(answers["more"], x).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": groups}
    )


def prepared_answers(
    answers: pd.DataFrame, dimensions: list[str], most: int
) -> tuple[pd.DataFrame, list[str]]:
    """The rows in a fixed order, whole ones only, attitudes per 10 points and behaviour
    standardised; and the predictors.
    """
    prepared = answers.sort_values(["quarter", "customer_id"]).tail(most).copy()
    dimensions = [d for d in dimensions if d in prepared and prepared[d].notna().any()]
    for d in dimensions:
        prepared[d] = prepared[d].astype(float) / 10
    prepared["log_transactions"] = np.log1p(prepared["transactions"].astype(float))
    balance = prepared["balance_end"].astype(float)
    prepared["log_balance"] = np.sign(balance) * np.log1p(balance.abs())
    behaviour = [b for b in BEHAVIOUR if b in prepared and prepared[b].notna().any()]
    for b in behaviour:
        values = prepared[b].astype(float)
        prepared[b] = (values - values.mean()) / (values.std() or 1)
    names = [*dimensions, *behaviour]
    return prepared.dropna(subset=names), names


def _nested_fits(
    answers: pd.DataFrame,
    names: list[str],
    dimensions: list[str],
    fit: Callable[[pd.DataFrame, pd.DataFrame, np.ndarray], Any],
) -> tuple[Nested, str]:
    """The nested models, the whole one last, and what errors are clustered by."""
    groups, by = _clusters(answers)
    fits = []
    for name, used in _one_in_the_other(names, dimensions):
        x = sm.add_constant(answers[used], has_constant="add")
        fits.append((name, fit(answers, x, groups), [n for n in used if n in dimensions]))
    return fits, by


def _one_in_the_other(names: list[str], dimensions: list[str]) -> list[tuple[str, list[str]]]:
    """The predictors of the nested models, by name: behaviour, and attitudes with it where there
    are any.
    """
    behaviour = [n for n in names if n not in dimensions]
    attitudes = [("behaviour and attitudes", names)] if len(names) > len(behaviour) else []
    return [("behaviour alone", behaviour), *attitudes]


def _clusters(answers: pd.DataFrame) -> tuple[np.ndarray, str]:
    many = "branch_id" in answers and answers["branch_id"].nunique() >= MANY_BRANCHES
    by = "branch_id" if many else "customer_id"
    return pd.factorize(answers[by])[0], by


def _branch_share(answers: pd.DataFrame, names: list[str], outcome: str) -> float:
    if "branch_id" not in answers or answers["branch_id"].nunique() < 3:
        return float("nan")
    sample = answers.tail(HEAVY_SAMPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixed = sm.MixedLM(
            sample[outcome],
            sm.add_constant(sample[names], has_constant="add"),
            groups=sample["branch_id"],
        ).fit(reml=True, method=["powell", "lbfgs"])
    between = max(float(mixed.cov_re.iloc[0, 0]), 0.0)
    return between / (between + float(mixed.scale))


def _branch_sd(answers: pd.DataFrame, predicted: pd.Series) -> float:
    """Standard deviation of branches' log odds of staying beyond what the predictors say: each
    branch's shift by one step of Newton's method, and their spread beyond chance (random effects;
    DerSimonian and Laird 1986).
    """
    if "branch_id" not in answers or answers["branch_id"].nunique() < 3:
        return float("nan")
    by_branch = (
        pd.DataFrame(
            {
                "off": answers["stayed"].astype(float) - predicted,
                "information": predicted * (1 - predicted),
            }
        )
        .groupby(answers["branch_id"])
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
    cuts, since_last = [], 0.0
    for value, part in share.items():
        since_last += part
        if since_last >= 0.05:
            cuts.append(float(value))
            since_last = 0.0
    while cuts and (answers > cuts[-1]).mean() < 0.05:
        cuts.pop()
    return cuts


def _correlated(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    if len(a) < 4 or np.std(a) < 1e-12 or np.std(b) < 1e-12:
        return float("nan"), float("nan")
    correlation = pearsonr(a, b)
    return float(correlation.statistic), float(correlation.pvalue)
