"""What customers are worth, and will be: activity by the BG/BB model, value by what an active
quarter brings.

BG/BB (Fader, Hardie and Shang 2010) is the Pareto/NBD's brother for bank customers, who are seen
quarter by quarter: an active one is active in each quarter with a chance of his own, and may fall
away for good after each. Fitted by `lifetimes`.
"""

import contextlib
import io
import warnings
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.quarters import Quarter
from analysis.sources.params import Value

LEAST = 50  # customers a model of activity is fitted to
#: On the squared parameters; raised where the likelihood is too flat for the optimiser, as when
#: active customers never skip.
PENALTIES = (0.0, 1e-5, 1e-4, 1e-3, 1e-2)


def contribution(customers: ir.Table, assumed: Value) -> ir.Value:
    """What a customer brings in a quarter: margins on the balance and on what is lent, nothing in a
    quarter without own entries.
    """
    margin = assumed.deposit_margin * ibis.greatest(customers.balance_end, 0.0)
    margin = margin + assumed.lending_margin * customers.debt.fill_null(0.0)
    return ibis.ifelse(customers.active, margin / 4, 0.0)


def histories(customers: ir.Table, quarter: Quarter, assumed: Value) -> ir.Table:
    """Every customer ever active up to `quarter`, as the model sees him.

    customers: customer_quarter of all quarters up to it. Returns customer_id, customer_type, known
    (quarters since the first active one), repeats (active ones among them), last (the number of the
    last active one), value (the contribution in the last active one), and historic (all
    contributions so far).
    """
    number = _.quarter.substr(0, 4).cast("int64") * 4 + _.quarter.substr(5, 1).cast("int64")
    now = quarter.year * 4 + quarter.number
    rows = customers.filter(_.quarter <= str(quarter)).mutate(
        number=number, contribution=contribution(customers, assumed)
    )
    seen = (
        rows.filter(_.active)
        .group_by("customer_id", "customer_type")
        .aggregate(
            first=_.number.min(),
            latest=_.number.max(),
            active_quarters=_.count(),
            value=_.contribution.argmax(_.number),
            historic=_.contribution.sum(),
        )
    )
    return seen.select(
        "customer_id",
        "customer_type",
        "value",
        "historic",
        known=now - _.first,
        repeats=_.active_quarters - 1,
        last=_.latest - _.first,
    )


def cells(history: ir.Table) -> ir.Table:
    """Customers by customer_type, known, repeats and last: all that the model needs."""
    return (
        history.group_by("customer_type", "known", "repeats", "last")
        .aggregate(customers=_.count())
        .order_by("customer_type", "known", "repeats", "last")
    )


def fit_activity(counts: pd.DataFrame, horizon: int, discount_rate: float) -> dict[str, Any] | None:
    """The BG/BB model of one type's customers and what it expects, as plain data; None where it
    cannot be fitted.

    counts: as from `cells`, of one type. Returns parameters alpha, beta (being active), gamma,
    delta (falling away), customers, quarters, and `expected`: per known, repeats, last the chance
    of being still a customer, the active quarters expected in the horizon, and those discounted to
    today.
    """
    observed = counts[counts["known"] > 0]
    customers = int(observed["customers"].sum())
    if customers < LEAST or observed["known"].max() < 2:
        return None
    if (observed["repeats"] == observed["known"]).all():
        return _always_active(counts, observed, horizon, discount_rate)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoBetaBinomFitter
        from lifetimes.utils import ConvergenceError

        for penalty in PENALTIES:
            model = BetaGeoBetaBinomFitter(penalizer_coef=penalty)
            try:
                model.fit(
                    observed["repeats"], observed["last"], observed["known"], observed["customers"]
                )
                break
            except ConvergenceError:
                continue
        else:
            return None
        expected = _expected(model, counts, horizon, discount_rate)
    return {
        "parameters": {
            **{k: round(float(v), 4) for k, v in model.params_.items()},
            "penalty": penalty,
        },
        "customers": customers,
        "quarters": int(observed["known"].max()),
        "expected": expected,
    }


def _expected(
    model: Any, counts: pd.DataFrame, horizon: int, discount_rate: float
) -> list[dict[str, Any]]:
    history = [counts[c].to_numpy() for c in ("repeats", "last", "known")]
    steps = range(1, horizon + 1)
    ahead = np.array(
        [model.conditional_expected_number_of_purchases_up_to_time(m, *history) for m in steps]
    )
    each = np.diff(ahead, axis=0, prepend=0.0)
    discounted = (each / (1 + discount_rate) ** (np.arange(1, horizon + 1) / 4)[:, None]).sum(
        axis=0
    )
    alive = np.minimum(model.conditional_probability_alive(0, *history), 1.0)
    found = counts[["known", "repeats", "last"]].assign(
        alive=alive.round(4), active=ahead[-1].round(4), discounted=discounted.round(4)
    )
    return [
        {k: float(v) if k in ("alive", "active", "discounted") else int(v) for k, v in row.items()}
        for row in found.to_dict("records")
    ]


def _always_active(
    counts: pd.DataFrame, observed: pd.DataFrame, horizon: int, discount_rate: float
) -> dict[str, Any]:
    """Where nobody has ever missed a quarter there is nothing to fit: the chance of one is that of
    Laplace's rule (1814).
    """
    quarters = int((observed["known"] * observed["customers"]).sum())
    active = (quarters + 1) / (quarters + 2)
    steps = np.arange(1, horizon + 1)
    discounted = float((active / (1 + discount_rate) ** (steps / 4)).sum())
    expected = [
        {
            "known": int(c.known),
            "repeats": int(c.repeats),
            "last": int(c.last),
            "alive": 1.0,
            "active": round(active * horizon, 4),
            "discounted": round(discounted, 4),
        }
        for c in counts.itertuples()
    ]
    return {
        "parameters": {"active": round(active, 4)},
        "customers": int(observed["customers"].sum()),
        "quarters": int(observed["known"].max()),
        "expected": expected,
    }


def calibration(
    history: ir.Table,
    customers: ir.Table,
    groups: ir.Table,
    expected: ir.Table,
    since: Quarter,
    assumed: Value,
) -> ir.Table:
    """What the model said at the end of `since` against what came in the quarters after it, by
    group.

    history: as from `histories` at `since`. customers: customer_quarter of the quarters after it.
    groups: the segments at `since`. expected: customer_type, known, repeats, last, active (expected
    active quarters). Returns customer_type, segment, customers, and the means predicted_active,
    active, predicted_value, value, with the standard deviations active_sd and value_sd of predicted
    less observed.
    """
    came = (
        customers.filter(_.quarter > str(since))
        .mutate(contribution=contribution(customers, assumed))
        .group_by("customer_id")
        .aggregate(active_then=_.active.sum(), value_then=_.contribution.sum())
    )
    rows = history.join(expected, ["customer_type", "known", "repeats", "last"])
    rows = rows.join(groups.select("customer_id", "segment"), "customer_id")
    rows = rows.left_join(came, "customer_id")
    rows = rows.mutate(
        was=rows.active_then.fill_null(0).cast("float64"),
        brought=rows.value_then.fill_null(0.0),
        promised=rows.active * rows.value,
    )
    return (
        rows.group_by("customer_type", "segment")
        .aggregate(
            customers=_.count(),
            predicted_active=_.active.mean(),
            active=_.was.mean(),
            active_sd=(_.active - _.was).std(how="sample"),
            predicted_value=_.promised.mean(),
            value=_.brought.mean(),
            value_sd=(_.promised - _.brought).std(how="sample"),
        )
        .order_by("customer_type", "segment")
    )
