"""What customers are worth, and will be: activity by the BG/BB model, value by what an active
quarter brings.

BG/BB (Fader, Hardie and Shang 2010) is the Pareto/NBD's brother for bank customers, who are seen
quarter by quarter: an active one is active in each quarter with a chance of his own, and may fall
away for good after each. Fitted by `lifetimes`.
"""

import contextlib
import io
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.quarters import Quarter
from analysis.shape import Shape, rows_as
from analysis.sources.params import Value

LEAST = 50  # customers a model of activity is fitted to
#: On the squared parameters; raised where the likelihood is too flat for the optimiser, as when
#: active customers never skip.
PENALTIES = (0.0, 1e-5, 1e-4, 1e-3, 1e-2)
MOST_HELD_OUT = 2  # quarters a model is judged on


class Expected(Shape):
    """What is expected of customers of one history.

    known: quarters since the first active one; repeats: active ones among them; last: the number of
    the last active one.
    alive: chance of being a customer still.
    active: active quarters in the horizon; discounted: the same, discounted to today.
    """

    known: int
    repeats: int
    last: int
    alive: float
    active: float
    discounted: float


class Activity(Shape):
    """The model of one type's activity.

    parameters: alpha, beta (being active), gamma, delta (falling away) and penalty; or active, the
    chance of it, where nobody ever missed a quarter.
    customers: those it was fitted to; quarters: the longest history.
    """

    parameters: dict[str, float]
    customers: int
    quarters: int
    expected: list[Expected]


class Calibration(Shape):
    """What was said of a group against what came, per customer.

    predicted_active, active: quarters; predicted_value, value: the bank's currency.
    active_sd, value_sd: standard deviation of predicted less observed; empty of one customer.
    """

    customer_type: str
    segment: str
    customers: int
    predicted_active: float
    active: float
    active_sd: float | None
    predicted_value: float
    value: float
    value_sd: float | None


class ValueModel(Shape):
    """What customers are expected to be worth.

    types: customer type to its model of activity; empty where none could be fitted.
    held_out: quarters that the model judged had not seen, and calibration: what it said of them.
    """

    types: dict[str, Activity | None]
    held_out: int
    calibration: list[Calibration]

    def expected(self) -> pd.DataFrame:
        """customer_type and the columns of `Expected`, a row per type and history."""
        return expected_table(self.types)


def fit_value(
    customers: ir.Table, segments: ir.Table, quarters: list[Quarter], assumed: Value
) -> ValueModel:
    """The model of every type, as it can be known at the end of the last of the quarters, and how
    one fitted without the last ones did in those.

    customers, segments: customer_quarter and customer_segment of the quarters.
    """
    types = _activities(
        histories(customers, quarters[-1], assumed), assumed.horizon, assumed.discount_rate
    )
    held_out = max(min(MOST_HELD_OUT, len(quarters) - 3), 0)
    if not held_out:
        return ValueModel(types=types, held_out=0, calibration=[])
    since = quarters[-1 - held_out]
    history = histories(customers, since, assumed)
    expected = expected_table(_activities(history, held_out, 0.0))
    if expected.empty:
        return ValueModel(types=types, held_out=held_out, calibration=[])
    judged = calibration(
        history,
        customers,
        segments.filter(_.quarter == str(since)),
        ibis.memtable(expected[["customer_type", "known", "repeats", "last", "active"]]),
        since,
        assumed,
    )
    return ValueModel(
        types=types,
        held_out=held_out,
        calibration=rows_as(Calibration, judged.to_pandas().round(6)),
    )


def _activities(
    history: ir.Table, horizon: int, discount_rate: float
) -> dict[str, Activity | None]:
    return {
        str(kind): fit_activity(counts, horizon, discount_rate)
        for kind, counts in cells(history).to_pandas().groupby("customer_type")
    }


def expected_table(types: Mapping[str, Activity | None]) -> pd.DataFrame:
    """customer_type and the columns of `Expected`, a row per type and history; empty without a
    model.
    """
    tables = [
        pd.DataFrame([e.model_dump() for e in activity.expected]).assign(customer_type=kind)
        for kind, activity in types.items()
        if activity
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def contribution(customers: ir.Table, assumed: Value) -> ir.Value:
    """What a customer brings in a quarter: margins on the balance and on what is lent, nothing in a
    quarter without own entries.
    """
    margin = assumed.deposit_margin * ibis.greatest(customers.balance_end, 0.0)
    margin = margin + assumed.lending_margin * customers.debt.fill_null(0.0)
    return ibis.ifelse(customers.active, margin / 4, 0.0)


def histories(customers: ir.Table, quarter: Quarter, assumed: Value) -> ir.Table:
    """Every customer ever active up to `quarter`, as the model sees him.

    customers: customer_quarter of all quarters up to it. Returns
    customer_id: text
    customer_type: text
    value: float, contribution in the last active quarter, bank's currency
    historic: float, all contributions so far, bank's currency
    known: int, quarters since the first active one
    repeats: int, active ones among them
    last: int, number of the last active one, counted from the first
    """
    number = _.quarter.substr(0, 4).cast("int64") * 4 + _.quarter.substr(5, 1).cast("int64")
    now = quarter.year * 4 + quarter.number
    contributions = customers.filter(_.quarter <= str(quarter)).mutate(
        number=number, contribution=contribution(customers, assumed)
    )
    activity = (
        contributions.filter(_.active)
        .group_by("customer_id", "customer_type")
        .aggregate(
            first=_.number.min(),
            latest=_.number.max(),
            active_quarters=_.count(),
            value=_.contribution.argmax(_.number),
            historic=_.contribution.sum(),
        )
    )
    return activity.select(
        "customer_id",
        "customer_type",
        "value",
        "historic",
        known=now - _.first,
        repeats=_.active_quarters - 1,
        last=_.latest - _.first,
    )


def cells(history: ir.Table) -> ir.Table:
    """How many customers have the same history: all that the model needs.

    history: as from `histories`. Returns
    customer_type: text
    known, repeats, last: int, as there
    customers: int
    """
    return (
        history.group_by("customer_type", "known", "repeats", "last")
        .aggregate(customers=_.count())
        .order_by("customer_type", "known", "repeats", "last")
    )


def fit_activity(counts: pd.DataFrame, horizon: int, discount_rate: float) -> Activity | None:
    """The BG/BB model of one type's customers and what it expects; None where it cannot be fitted.

    counts: as from `cells`, of one type. horizon: quarters. discount_rate: a year.
    """
    observed = counts[counts["known"] > 0]
    customers = int(observed["customers"].sum())
    if customers < LEAST or observed["known"].max() < 2:
        return None
    quarters = int(observed["known"].max())
    if (observed["repeats"] == observed["known"]).all():
        parameters, expected = _always_active(counts, observed, horizon, discount_rate)
    elif fitted := _fitted(observed):
        parameters, model = fitted
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = _expected(model, counts, horizon, discount_rate)
    else:
        return None
    return Activity(
        parameters=parameters, customers=customers, quarters=quarters, expected=expected
    )


def _fitted(observed: pd.DataFrame) -> tuple[dict[str, float], Any] | None:
    """The parameters, and lifetimes' model, with the least penalty under which it converges."""
    counts = observed[["repeats", "last", "known", "customers"]].astype(int)
    return _fitted_to(tuple(counts.itertuples(index=False, name=None)))


@lru_cache  # the model that is judged in one quarter was in force in an earlier one
def _fitted_to(counts: tuple[tuple[int, ...], ...]) -> tuple[dict[str, float], Any] | None:
    columns = [np.array(column) for column in zip(*counts, strict=True)]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoBetaBinomFitter  # imported when there is something to fit
        from lifetimes.utils import ConvergenceError

        for penalty in PENALTIES:
            model = BetaGeoBetaBinomFitter(penalizer_coef=penalty)
            with contextlib.suppress(ConvergenceError):
                model.fit(*columns)
                parameters = {k: round(float(v), 4) for k, v in model.params_.items()}
                return {**parameters, "penalty": penalty}, model
    return None


def _expected(
    model: Any, counts: pd.DataFrame, horizon: int, discount_rate: float
) -> list[Expected]:
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
    table = counts[["known", "repeats", "last"]].assign(
        alive=alive.round(4), active=ahead[-1].round(4), discounted=discounted.round(4)
    )
    return rows_as(Expected, table)


def _always_active(
    counts: pd.DataFrame, observed: pd.DataFrame, horizon: int, discount_rate: float
) -> tuple[dict[str, float], list[Expected]]:
    """Where nobody has ever missed a quarter there is nothing to fit: the chance of one is that of
    Laplace's rule (1814).
    """
    quarters = int((observed["known"] * observed["customers"]).sum())
    active = (quarters + 1) / (quarters + 2)
    steps = np.arange(1, horizon + 1)
    discounted = float((active / (1 + discount_rate) ** (steps / 4)).sum())
    expected = counts[["known", "repeats", "last"]].assign(
        alive=1.0, active=round(active * horizon, 4), discounted=round(discounted, 4)
    )
    return {"active": round(active, 4)}, rows_as(Expected, expected)


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
    active quarters). Returns
    customer_type: text
    segment: text, the group at `since`
    customers: int
    predicted_active, active: float, mean number of active quarters, as told and as they came
    active_sd: float, standard deviation of the difference
    predicted_value, value: float, mean contribution, bank's currency
    value_sd: float, standard deviation of the difference
    """
    observed = (
        customers.filter(_.quarter > str(since))
        .mutate(contribution=contribution(customers, assumed))
        .group_by("customer_id")
        .aggregate(active_then=_.active.sum(), value_then=_.contribution.sum())
    )
    predicted = history.join(expected, ["customer_type", "known", "repeats", "last"])
    predicted = predicted.join(groups.select("customer_id", "segment"), "customer_id")
    predicted = predicted.left_join(observed, "customer_id")
    predicted = predicted.mutate(
        was=predicted.active_then.fill_null(0).cast("float64"),
        brought=predicted.value_then.fill_null(0.0),
        promised=predicted.active * predicted.value,
    )
    return (
        predicted.group_by("customer_type", "segment")
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
