"""Why customers stay: regressions fitted bank-wide, kept as readable JSON with their diagnostics.

Retention: logit of having own entries in a quarter on what was known at the end of the quarter before, errors
clustered by customer. Stated loyalty: least squares with HC3 errors (MacKinnon and White 1985). Both with statsmodels.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.diagnostic import het_breuschpagan
from statsmodels.stats.outliers_influence import variance_inflation_factor

SAMPLE = 100_000
MIN_ROWS = 200
MIN_EVENTS = 20
BEHAVIOUR = ("tenure_years", "products_held", "log_transactions", "log_balance")


def fit_retention(rows: pd.DataFrame, dimensions: list[str]) -> dict[str, Any]:
    """Odds of staying on attitudes (per 10 points) and behaviour (per standard deviation).

    rows: one per customer and quarter with a survey answer: the dimensions (0–100), behaviour of that quarter, `stayed`
    (own entries in the next quarter) and `quarter`, in time order. The last quarter is held out to judge the model; the
    coefficients are those of the fit on all the others. Returns {"reason": …} when there is too little to fit.
    """
    prepared, names = _prepared(rows, dimensions)
    if "stayed" not in prepared or len(prepared) < MIN_ROWS or (~prepared.stayed).sum() < MIN_EVENTS:
        left = int((~prepared.stayed).sum()) if "stayed" in prepared else 0
        return {
            "reason": f"{len(prepared)} answers with a known outcome and {left} departures; {MIN_ROWS} and {MIN_EVENTS} are needed."
        }
    last = prepared["quarter"].max()
    train, held_out = prepared[prepared["quarter"] != last], prepared[prepared["quarter"] == last]
    if len(train) < MIN_ROWS or (~train.stayed).sum() < MIN_EVENTS:
        train = prepared
    names = [n for n in names if train[n].std() > 1e-9]
    x = sm.add_constant(train[names])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sm.tools.sm_exceptions.ConvergenceWarning)
        result = sm.Logit(train.stayed.astype(float), x).fit(
            disp=0, cov_type="cluster", cov_kwds={"groups": pd.factorize(train.customer_id)[0]}
        )
    effect = result.get_margeff(at="overall")
    predicted = result.predict(x)
    judged = (
        _judge(str(last), held_out.stayed, result.predict(sm.add_constant(held_out[names], has_constant="add")))
        if len(train) < len(prepared)
        else {}
    )
    return {
        "rows": len(train),
        "left": int((~train.stayed).sum()),
        "quarters": sorted(train["quarter"].unique().tolist()),
        "terms": _terms(result, names, train, margins=effect.margeff),
        "quality": {
            "converged": bool(result.mle_retvals["converged"]),
            "pseudo_r2": float(result.prsquared),
            "auc_fit": float(roc_auc_score(train.stayed, predicted)),
            **judged,
        },
    }


def fit_stated(rows: pd.DataFrame, dimensions: list[str]) -> dict[str, Any]:
    """Stated loyalty (0–100) on attitudes (per 10 points) and behaviour (per standard deviation)."""
    prepared, names = _prepared(rows, dimensions)
    if "stated_loyalty" not in prepared or len(prepared := prepared.dropna(subset=["stated_loyalty"])) < MIN_ROWS:
        return {"reason": f"{len(prepared)} answers on stated loyalty; {MIN_ROWS} are needed."}
    names = [n for n in names if prepared[n].std() > 1e-9]
    x = sm.add_constant(prepared[names])
    result = sm.OLS(prepared.stated_loyalty, x).fit(cov_type="HC3")
    spread = het_breuschpagan(sm.OLS(prepared.stated_loyalty, x).fit().resid, x)
    return {
        "rows": len(prepared),
        "terms": _terms(result, names, prepared),
        "quality": {
            "r2": float(result.rsquared),
            "breusch_pagan_p": float(spread[1]),
            "condition_number": float(np.linalg.cond(x)),
        },
    }


def _prepared(rows: pd.DataFrame, dimensions: list[str]) -> tuple[pd.DataFrame, list[str]]:
    frame = rows.sort_values(["quarter", "customer_id"]).tail(SAMPLE).copy()
    for d in dimensions:
        frame[d] = frame[d] / 10
    frame["log_transactions"] = np.log1p(frame["transactions"].astype(float))
    balance = frame["balance_end"].astype(float)
    frame["log_balance"] = np.sign(balance) * np.log1p(balance.abs())
    behaviour = [b for b in BEHAVIOUR if frame[b].notna().any()]
    for b in behaviour:
        values = frame[b].astype(float)
        frame[b] = (values - values.mean()) / (values.std() or 1)
    names = [*dimensions, *behaviour]
    return frame.dropna(subset=names), names


def _terms(
    result: Any, names: list[str], rows: pd.DataFrame, margins: np.ndarray | None = None
) -> list[dict[str, Any]]:
    interval = result.conf_int()
    inflation = [variance_inflation_factor(sm.add_constant(rows[names]).to_numpy(), i + 1) for i in range(len(names))]
    return [
        {
            "term": name,
            "estimate": float(result.params[name]),
            "low": float(interval.loc[name, 0]),
            "high": float(interval.loc[name, 1]),
            "p": float(result.pvalues[name]),
            "inflation": float(inflation[i]),
            **({} if margins is None else {"points": 100 * float(margins[i])}),
        }
        for i, name in enumerate(names)
    ]


def _judge(quarter: str, stayed: pd.Series, predicted: pd.Series) -> dict[str, Any]:
    judged: dict[str, Any] = {
        "held_out_quarter": quarter,
        "held_out_rows": len(stayed),
        "held_out_left": int((~stayed).sum()),
    }
    if stayed.nunique() == 2:
        judged["auc_held_out"] = float(roc_auc_score(stayed, predicted))
        judged["predicted_held_out"] = float(predicted.mean())
        judged["observed_held_out"] = float(stayed.mean())
    return judged
