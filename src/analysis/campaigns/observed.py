"""The effect of a campaign whose customers were not drawn by lot: what is known of them before is
allowed for twice, in who was contacted and in how they respond, so that one of the two may be wrong
(augmented inverse-probability weighting, doubly robust: Robins, Rotnitzky and Zhao 1994; with
cross-fitting, Chernozhukov and others 2018). What is not known cannot be allowed for.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.campaigns.fitted import Effect, Overlap
from analysis.campaigns.uplift import FOLDS, fold_of
from analysis.logit import Transform, chances, fit_logit
from analysis.statistics.intervals import NORMAL

LEAST = 20  # of those contacted who can be compared
MOST_LIKELY = 0.95  # chance of contact beyond which nobody is there to compare with
BINS = 20
PENALTY = 1.0


def on_the_treated(
    customers: pd.DataFrame,
    outcome: str,
    columns: Mapping[str, Transform],
    flags: list[str],
) -> tuple[Effect | None, Overlap]:
    """The mean effect on those contacted, of those who can be compared, and whether they can; no
    effect where fewer than `LEAST` can.

    customers: a row each with customer_id, treated (true or false), the outcome (true or false, or
    a number between 0 and 1) and the columns and flags, known before the campaign.
    """
    customers = customers.sort_values("customer_id", ignore_index=True)
    treated = customers["treated"].to_numpy(dtype=bool)
    y = customers[outcome].to_numpy(dtype=float)
    contact, expected = _cross_fitted(customers, outcome, columns, flags)
    kept = contact <= MOST_LIKELY
    overlap = Overlap(
        left_out=float(1 - kept[treated].mean()),
        treated=_by_chance(contact[treated]),
        control=_by_chance(contact[~treated]),
    )
    if (kept & treated).sum() < LEAST or not (kept & ~treated).any():
        return None, overlap
    t, residual = treated[kept], (y - expected)[kept]
    odds = contact[kept] / (1 - contact[kept])
    n = max(int(t.sum()), 1)
    scores = np.where(t, residual, -odds * residual)
    effect = float(scores.sum() / n)
    # the influence of each customer on the estimate
    influence = (scores - effect * t) / t.mean() if t.any() else scores
    error = float(influence.std(ddof=1) / np.sqrt(len(influence)))
    mean = float(y[kept][t].mean()) if t.any() else float("nan")
    plain = float(y[treated].mean() - y[~treated].mean())
    spread = [y[arm].var(ddof=1) / arm.sum() for arm in (treated, ~treated)]
    half = NORMAL * float(np.sqrt(sum(spread)))
    return (
        Effect(
            outcome=outcome,
            control=mean - effect,
            treated=mean,
            effect=effect,
            low=effect - NORMAL * error,
            high=effect + NORMAL * error,
            p=_p(effect, error),
            plain=plain,
            plain_low=plain - half,
            plain_high=plain + half,
        ),
        overlap,
    )


def _cross_fitted(
    customers: pd.DataFrame, outcome: str, columns: Mapping[str, Transform], flags: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """The chance of contact of every customer, and the outcome expected without it, by models that
    did not see the customer.
    """
    fold = np.array([fold_of(c) for c in customers["customer_id"]])
    contact, expected = np.zeros(len(customers)), np.zeros(len(customers))
    for held in range(FOLDS):
        seen, unseen = customers[fold != held], customers[fold == held]
        if unseen.empty:
            continue
        left_alone = seen[~seen["treated"].astype(bool)]
        who = fit_logit(seen, "treated", columns, flags, penalty=PENALTY)
        contact[fold == held] = chances(unseen, who)
        if left_alone[outcome].nunique() > 1:
            how = fit_logit(left_alone, outcome, columns, flags, penalty=PENALTY)
            expected[fold == held] = chances(unseen, how)
        else:
            expected[fold == held] = float(left_alone[outcome].astype(float).mean())
    return np.clip(contact, 1e-4, 1 - 1e-4), expected


def _by_chance(contact: np.ndarray) -> list[int]:
    counts, _edges = np.histogram(contact, bins=BINS, range=(0, 1))
    return [int(c) for c in counts]


def _p(effect: float, error: float) -> float | None:
    from scipy import stats

    return float(2 * stats.norm.sf(abs(effect) / error)) if error > 0 else None
