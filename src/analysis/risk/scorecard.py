"""Ranking within a kind: a logistic regression on the reasons that can only add, once enough alerts
were decided; stated points before.

Non-negative weights with an L2 penalty (ridge; le Cessie and van Houwelingen 1992), so that no
reason can speak for a case's innocence and none weighs without limit. Reasons are those that
whoever decided could see. It is judged on the decisions of the last quarter it has, which it was
not fitted on, where there are 25 (interval of the area under the ROC curve after DeLong, DeLong
and Clarke-Pearson 1988).
"""

import numpy as np
import pandas as pd

from analysis.risk.detectors import POINTS
from analysis.risk.dispositions import DECIDED, decided_in
from analysis.risk.record import HeldOut, Scorecard
from analysis.statistics.regression import auc_interval

PENALTY = 1.0
LEAST_OF_EACH = 10  # confirmed, and cleared
LEAST_HELD_OUT = 25  # decisions that a rank is judged by
DIGITS = 4


def fit(past: pd.DataFrame, kind: str, enough: int) -> Scorecard | None:
    """The scorecard of a kind, from what became of its alerts.

    past: columns HISTORY. None before `enough` alerts of the kind were decided, ten
    of each outcome among them.
    """
    decided = past[(past["kind"] == kind) & past["status"].isin(DECIDED)]
    confirmed = decided["status"] == "confirmed"
    if len(decided) < enough or min(confirmed.sum(), (~confirmed).sum()) < LEAST_OF_EACH:
        return None
    reasons = sorted(POINTS[kind])
    x = _indicators(decided, reasons)
    y = confirmed.to_numpy(dtype=float)
    intercept, weights = _fit(x, y)
    return Scorecard(
        intercept=round(float(intercept), DIGITS),
        weights={r: round(float(w), DIGITS) for r, w in zip(reasons, weights, strict=True)},
        confirmed=int(confirmed.sum()),
        cleared=int((~confirmed).sum()),
        held_out=_held_out(decided, x, y),
    )


def _held_out(decided: pd.DataFrame, x: np.ndarray, y: np.ndarray) -> HeldOut | None:
    """How a card fitted on the quarters before ranks the decisions of the last one; None where
    either part is too small.
    """
    when = decided_in(decided).to_numpy()
    last = when == max(when)
    if (
        last.sum() < LEAST_HELD_OUT
        or min(y[last].sum(), (1 - y[last]).sum()) < 2
        or min(y[~last].sum(), (1 - y[~last]).sum()) < LEAST_OF_EACH / 2
    ):
        return None
    intercept, weights = _fit(x[~last], y[~last])
    chance = 1 / (1 + np.exp(-(intercept + x[last] @ weights)))
    auc, low, high = auc_interval(y[last], chance)
    return HeldOut(
        quarter=str(max(when)),
        n=int(last.sum()),
        auc=round(auc, DIGITS),
        auc_low=round(low, DIGITS),
        auc_high=round(high, DIGITS),
        brier=round(float(((chance - y[last]) ** 2).mean()), DIGITS),
        brier_base=round(float(((y[~last].mean() - y[last]) ** 2).mean()), DIGITS),
    )


def _indicators(alerts: pd.DataFrame, reasons: list[str]) -> np.ndarray:
    """A row an alert and a column a reason: 1 where the alert has it."""
    of_alerts = [set(codes.split(" ")) for codes in alerts["reasons"]]
    return np.array([[float(reason in own) for reason in reasons] for own in of_alerts])


def _fit(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Intercept and weights."""
    from scipy.optimize import minimize

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        z = b[0] + x @ b[1:]
        p = 1 / (1 + np.exp(-z))
        value = np.logaddexp(0, z).sum() - y @ z + PENALTY * (b[1:] @ b[1:]) / 2
        gradient = np.concatenate([[(p - y).sum()], x.T @ (p - y) + PENALTY * b[1:]])
        return float(value), gradient

    start = np.zeros(x.shape[1] + 1)
    bounds = [(None, None)] + [(0.0, None)] * x.shape[1]
    best = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(best[0]), best[1:]


def score(card: Scorecard, reasons: list[str]) -> float:
    """The chance that an alert with these reasons is confirmed, as the decisions so far say."""
    z = card.intercept + sum(card.weights.get(r, 0.0) for r in reasons)
    return float(round(1 / (1 + np.exp(-z)), DIGITS))
