"""Whom a campaign moves: customers ordered by what contact adds to their chance of responding,
beside an order by the chance of responding alone.

Every score is of a model that did not see the customer (five folds, by the hash of the identifier).
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.campaigns.fitted import QiniPoint, Ranking, Uplift
from analysis.language import Impossible, impossible
from analysis.logit import Transform, chances, fit_logit
from analysis.statistics.resampling import draws

FOLDS = 5
LEAST_EVENTS = 20  # responses in each arm
DRAWS = 200
POINTS = 20  # of a curve that is drawn
PENALTY = 0.1
RESPONSE = "response"


def uplift(
    customers: pd.DataFrame, columns: Mapping[str, Transform], flags: list[str]
) -> Uplift | Impossible:
    """Whom the campaign moves.

    customers: a row each with customer_id, treated and response (true or false), and the columns
    and flags, known before the campaign.
    """
    events = [int(customers.loc[customers["treated"] == arm, "response"].sum()) for arm in (1, 0)]
    if min(events) < LEAST_EVENTS:
        return impossible(
            "{treated} responses of those contacted and {control} of the control group; {least} "
            "of each are needed.",
            treated=events[0],
            control=events[1],
            least=LEAST_EVENTS,
        )
    customers = customers.sort_values("customer_id", ignore_index=True)
    scores = told_unseen(customers, columns, flags)
    treated = customers["treated"].to_numpy(dtype=bool)
    response = customers["response"].to_numpy(dtype=float)
    drawn = _drawn(treated, response, scores)
    rankings = []
    for method, score in scores.items():
        low, high = np.quantile(drawn[method], [0.025, 0.975])
        ahead: dict[str, float] = {}
        at = qini(score, treated, response)
        if method != RESPONSE:
            difference = drawn[method] - drawn[RESPONSE]
            ahead = {
                "ahead": at - qini(scores[RESPONSE], treated, response),
                "ahead_low": float(np.quantile(difference, 0.025)),
                "ahead_high": float(np.quantile(difference, 0.975)),
            }
        rankings.append(
            Ranking(
                method=method,
                qini=at,
                low=float(low),
                high=float(high),
                curve=_points(gains(score, treated, response)),
                **ahead,
            )
        )
    return Uplift(n=len(customers), features=len(columns) + len(flags), rankings=rankings)


def told_unseen(
    customers: pd.DataFrame, columns: Mapping[str, Transform], flags: list[str]
) -> dict[str, np.ndarray]:
    """Method to the score of every customer, by models that did not see the customer.

    class_transformation: of responding where contacted or not responding where not, which is one
    plus the uplift, halved (Jaskowski and Jaroszewicz 2012), arms weighted to be of one size.
    two_models: the chance where contacted less the chance where not (Hansotia and Rukstales 2002).
    response: the chance where contacted.
    """
    fold = np.array([fold_of(c) for c in customers["customer_id"]])
    scores = {m: np.zeros(len(customers)) for m in ("class_transformation", "two_models", RESPONSE)}
    for held in range(FOLDS):
        seen, unseen = customers[fold != held], customers[fold == held]
        if unseen.empty:
            continue
        treated = seen["treated"].astype(bool)
        same = seen.assign(same=seen["response"].astype(bool) == treated)
        share = treated.mean()
        weight = np.where(treated, 1 / share, 1 / (1 - share)) / 2
        arms = [
            fit_logit(part, "response", columns, flags, penalty=PENALTY)
            for part in (seen[treated], seen[~treated])
        ]
        moved = fit_logit(same, "same", columns, flags, weights=[weight], penalty=PENALTY)
        contacted, left_alone = (chances(unseen, model) for model in arms)
        scores["class_transformation"][fold == held] = 2 * chances(unseen, moved) - 1
        scores["two_models"][fold == held] = contacted - left_alone
        scores[RESPONSE][fold == held] = contacted
    return scores


def fold_of(customer_id: object) -> int:
    """The fold of a customer, the same on every machine."""
    return int(hashlib.md5(str(customer_id).encode(), usedforsecurity=False).hexdigest(), 16) % (
        FOLDS
    )


def gains(score: np.ndarray, treated: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The Qini curve: of the customers in order of their score, those first with most, the
    responses of the contacted less those expected without, per customer contacted in all
    (Radcliffe 2007). As long as the customers, and a zero before.
    """
    order = np.argsort(-score, kind="stable")
    return _gains(treated[order], response[order], np.ones(len(order)))


def _gains(treated: np.ndarray, response: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The same of customers in order, each taken so many times."""
    t, c = treated * times, ~treated * times
    n_treated, n_control = np.cumsum(t), np.cumsum(c)
    expected = np.cumsum(response * c) * np.divide(
        n_treated, n_control, out=np.zeros_like(n_treated), where=n_control > 0
    )
    return np.concatenate([[0.0], (np.cumsum(response * t) - expected) / max(n_treated[-1], 1.0)])


def qini(score: np.ndarray, treated: np.ndarray, response: np.ndarray) -> float:
    """The area between the Qini curve and that of a random order, × 1,000."""
    curve = gains(score, treated, response)
    return _area(curve, np.linspace(0, 1, len(curve)))


def _area(curve: np.ndarray, share: np.ndarray) -> float:
    return float(1000 * (np.trapezoid(curve, share) - curve[-1] / 2))


def _drawn(
    treated: np.ndarray, response: np.ndarray, scores: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The areas in bootstrap samples of the customers, the same samples for every score."""
    orders = {method: np.argsort(-score, kind="stable") for method, score in scores.items()}
    areas: dict[str, list[float]] = {method: [] for method in scores}
    for times in draws(np.arange(len(treated)), DRAWS):
        for method, order in orders.items():
            drawn = times[order]
            curve = _gains(treated[order], response[order], drawn)
            share = np.concatenate([[0.0], np.cumsum(drawn) / drawn.sum()])
            areas[method].append(_area(curve, share))
    return {method: np.array(values) for method, values in areas.items()}


def _points(curve: np.ndarray) -> list[QiniPoint]:
    at = np.linspace(0, len(curve) - 1, POINTS + 1).round().astype(int)
    return [
        QiniPoint(share=float(i / (len(curve) - 1)), gain=round(float(curve[i]), 6)) for i in at
    ]
