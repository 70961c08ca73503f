"""What else a customer would take: the chance of every product that is offered and not held, told
from what was known before.

A logit with a ridge penalty for each product, over customers × quarters without it; features are of
the quarter before the one in which it is taken up. Recent quarters count more: two models, one of
which halves the weight of a quarter with each two of age, are averaged, so that a change of habits
is followed and few purchases are not wasted. Chances are calibrated on customers that the model had
not seen (Cox 1958), and judged on the last quarter, held out, beside three simpler ways to choose.
"""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import statsmodels.api as sm
from ibis import _
from sklearn.neighbors import NearestNeighbors

from analysis.campaigns.uplift import FOLDS, fold_of
from analysis.language import Impossible, impossible
from analysis.logit import Logit, at_once, chances, fit_logit, needed, scored
from analysis.marts.rows import rows_of
from analysis.opportunities.fitted import Compared, HeldOut, OfProduct, Propensity
from analysis.opportunities.said import is_said
from analysis.quarters import Quarter
from analysis.retention.hazard import CANDIDATES, History, at_risk
from analysis.segmentation.features import matrix
from analysis.statistics.intervals import share_interval
from analysis.statistics.regression import auc_interval, by_tenths, judged

QUARTERS = 4
MIN_TAKEN, MIN_ROWS = 30, 300
SAMPLE = 60_000  # customers a quarter
PENALTY = 0.1
HALF_LIFE = 2  # quarters
NEIGHBOURS = 50
HOLDS = "holds_"
FLAGS = ("complained", "answered", "corporate", "spoken_with", "declined")
MOST = 7  # of MAP@7
#: The chance of every product not held: column to its type.
CHANCES = {
    "customer_id": "string",
    "branch_id": "string",
    "product_id": "string",
    "chance": "float64",
    "first_reason": "string",
    "second_reason": "string",
    "quarter": "string",
}


def known_of(
    history: History, held: ir.Table, quarter: Quarter, products: Sequence[str]
) -> ir.Table | None:
    """Active customers of a quarter with what is known of them, and holds_… for every product: 0 or
    1. None without customers.

    held: customer_product of many quarters.
    """
    rows = at_risk(history, quarter)
    if rows is None:
        return None
    holds = _by_product(rows, held.filter(_.quarter == str(quarter)), HOLDS, products)
    corporate = (rows.customer_type == "corporate").cast("int64")
    return rows.mutate(corporate=corporate).join(holds, "customer_id")


def _by_product(
    customers: ir.Table, held: ir.Table, prefix: str, products: Sequence[str]
) -> ir.Table:
    """customer_id of every customer, and 0 or 1 for every product, whether it is among the held."""
    told = held.group_by("customer_id").aggregate(
        **{f"{prefix}{p}": (_.product_id == p).any().cast("int64") for p in products}
    )
    rows = customers.select("customer_id").left_join(told, "customer_id").drop("customer_id_right")
    return rows.mutate(**{f"{prefix}{p}": rows[f"{prefix}{p}"].fill_null(0) for p in products})


def with_taken(
    history: History, held: ir.Table, quarters: Sequence[Quarter], products: Sequence[str]
) -> pd.DataFrame:
    """Customers × quarters of which it is known what they took up in the quarter after: as from
    `known_of`, with took_… for every product: 0 or 1. Of each of the last five quarters at most
    60,000, chosen by the hash of the identifier; who was gone by then is left out.
    """
    samples = []
    for quarter in quarters[:-1][-QUARTERS - 1 :]:
        rows, after = known_of(history, held, quarter, products), quarter.shifted(1)
        later = rows_of(history.customers, after)
        if rows is None or later is None:
            continue
        bought = held.filter((_.quarter == str(after)) & _.new)
        rows = rows.join(_by_product(later, bought, "took_", products), "customer_id")
        sample = rows.order_by([_.customer_id.hash(), _.customer_id]).limit(SAMPLE)
        samples.append(sample.to_pandas())
    return pd.concat(samples, ignore_index=True) if samples else pd.DataFrame()


def fit_propensity(
    rows: pd.DataFrame, values: Mapping[str, float], quarter: str, capacity: int
) -> Propensity:
    """The chances of every product, as they can be known at the end of the quarter.

    rows: as from `with_taken`. values: product to what a sale is worth. capacity: offers that the
    bank can make in a quarter.
    """
    if rows.empty:
        why = impossible("Three quarters are needed.")
        return Propensity(quarter=quarter, products=dict.fromkeys(values, why), compared=[])
    rows = rows.sort_values(["quarter", "customer_id"], ignore_index=True)
    rows = rows.fillna({c: 0 for c in rows if c.startswith("event_")})
    quarters = sorted(rows["quarter"].unique())[-QUARTERS - 1 :]
    before, after = rows[rows["quarter"].isin(quarters[:-1])], rows[rows["quarter"] == quarters[-1]]
    before, after = before.reset_index(drop=True), after.reset_index(drop=True)
    earlier = _known_before(before, list(values))
    return Propensity(
        quarter=quarter,
        products={p: _fitted_and_judged(rows, p, earlier.get(p)) for p in values},
        compared=_compared(before, after, earlier, values, capacity),
    )


def _known_before(before: pd.DataFrame, products: list[str]) -> dict[str, Logit]:
    """The models as they could be known a quarter before, of the products that were taken up often
    enough.
    """
    models = {}
    for product in products:
        own = _of_its_types(_without(before, product), product).reset_index(drop=True)
        if len(own) and own[f"took_{product}"].sum() >= MIN_TAKEN:
            models[product] = _calibrated(own, product)[0]
    return models


def _without(rows: pd.DataFrame, product: str) -> pd.DataFrame:
    return rows[rows[f"{HOLDS}{product}"] == 0]


def _fitted_and_judged(
    rows: pd.DataFrame, product: str, earlier: Logit | None
) -> OfProduct | Impossible:
    """earlier: the model that did not see the last quarter, where there is one."""
    rows = _of_its_types(_without(rows, product), product)
    quarters = sorted(rows["quarter"].unique())[-QUARTERS - 1 :]
    latest = rows[rows["quarter"].isin(quarters[-QUARTERS:])].reset_index(drop=True)
    taken = int(latest[f"took_{product}"].sum()) if len(latest) else 0
    if len(latest) < MIN_ROWS or taken < MIN_TAKEN:
        return impossible(
            "{n} customers × quarters without it, of which it was taken up in {taken}; {rows} and "
            "{events} are needed.",
            n=len(latest),
            taken=taken,
            rows=MIN_ROWS,
            events=MIN_TAKEN,
        )
    held_out = None
    if earlier is not None:
        after = rows[rows["quarter"] == quarters[-1]]
        told = chances(after, earlier)
        held_out = HeldOut(
            quarter=str(Quarter.parse(quarters[-1]).shifted(1)),
            tenths=by_tenths(after[f"took_{product}"], told),
            **judged(after[f"took_{product}"], told).model_dump(),
        )
    model, slope = _calibrated(latest, product)
    return OfProduct(
        features=model.features,
        intercept=model.intercept,
        left_out=model.left_out,
        rows=len(latest),
        taken=taken,
        quarters=[str(q) for q in sorted(latest["quarter"].unique())],
        slope=slope,
        held_out=held_out,
    )


def _of_its_types(rows: pd.DataFrame, product: str) -> pd.DataFrame:
    """The rows of the types of customers that take the product up at all."""
    took = rows.loc[rows[f"took_{product}"] == 1, "customer_type"]
    return rows[rows["customer_type"].isin(took.unique())]


def fit_one(rows: pd.DataFrame, product: str) -> Logit:
    """The model of one product, not calibrated."""
    columns = {c: t for c, t in CANDIDATES.items() if c in rows}
    flags = [
        c
        for c in rows
        if c != f"{HOLDS}{product}" and (c.startswith(("event_", HOLDS)) or c in FLAGS)
    ]
    quarters = sorted(rows["quarter"].unique())
    age = rows["quarter"].map({q: len(quarters) - 1 - i for i, q in enumerate(quarters)})
    weights = [np.ones(len(rows)), (0.5 ** (age / HALF_LIFE)).to_numpy()]
    return fit_logit(
        rows,
        f"took_{product}",
        columns,
        flags,
        often_empty=("felt",),
        weights=weights,
        penalty=PENALTY,
    )


def _calibrated(rows: pd.DataFrame, product: str) -> tuple[Logit, float]:
    """The model with its log odds stretched so that they are right for customers not seen, and by
    how much; not stretched where that cannot be told.
    """
    model = fit_one(rows, product)
    fold = np.array([fold_of(c) for c in rows["customer_id"]])
    told = np.zeros(len(rows))
    for held in range(FOLDS):
        seen, unseen = rows[fold != held], rows[fold == held]
        if unseen.empty or seen[f"took_{product}"].sum() < MIN_TAKEN // 2:
            return model, 1.0
        told[fold == held] = chances(unseen, fit_one(seen, product))
    log_odds = np.log(told / (1 - told))
    if not log_odds.std() > 1e-9:
        return model, 1.0
    line = sm.Logit(rows[f"took_{product}"].astype(float), sm.add_constant(log_odds)).fit(disp=0)
    shift, slope = (float(v) for v in np.asarray(line.params))
    if not 0.2 < slope < 3:
        return model, 1.0
    features = [f.model_copy(update={"coefficient": f.coefficient * slope}) for f in model.features]
    stretched = model.model_copy(
        update={"features": features, "intercept": shift + slope * model.intercept}
    )
    return stretched, slope


def chances_of(rows: ir.Table, models: Mapping[str, OfProduct], quarter: str) -> ir.Table | None:
    """The chance of every product that is not held, computed where the rows are: the columns
    `CHANCES`; None without a model.

    rows: as from `known_of`.
    """
    rows, parts = at_once(rows), list[ir.Table]()
    for product, model in sorted(models.items()):
        own = rows.filter(rows[f"{HOLDS}{product}"] == 0)
        own = needed(own, model, "customer_id", "branch_id")
        told = scored(own, model, "chance", _unsaid(model))
        told = told.mutate(product_id=ibis.literal(product), quarter=ibis.literal(quarter))
        parts.append(told.select(*CHANCES))
    return (ibis.union(*parts) if len(parts) > 1 else parts[0]) if parts else None


def _unsaid(model: OfProduct) -> set[str]:
    """The reasons of a model that nobody could say to a customer."""
    sides = ("high", "low", "yes", "no")
    return {
        f"{f.column} {side}"
        for f in model.features
        for side in sides
        if not is_said(f"{f.column} {side}")
    }


def _compared(
    before: pd.DataFrame,
    after: pd.DataFrame,
    earlier: Mapping[str, Logit],
    values: Mapping[str, float],
    capacity: int,
) -> list[Compared]:
    """Four ways to choose offers, on the last quarter, by what was known before it."""
    products = [p for p in values if p in earlier]
    if not products or after.empty:
        return []
    open_ = after[[f"{HOLDS}{p}" for p in products]].to_numpy() == 0
    took = after[[f"took_{p}" for p in products]].to_numpy(dtype=float) * open_
    worth = np.array([values[p] for p in products])
    ways = {
        "propensity": _by_model(before, after, earlier, products),
        "most_popular": _by_popularity(before, after, products),
        "rules": _by_rules(before, after, products),
        "neighbours": _by_neighbours(before, after, products),
    }
    return [
        _judged_way(name, np.where(open_, chance, -1.0), took, open_, worth, capacity)
        for name, chance in ways.items()
    ]


def _by_model(
    before: pd.DataFrame, after: pd.DataFrame, earlier: Mapping[str, Logit], products: list[str]
) -> np.ndarray:
    told = []
    for product in products:
        own = _of_its_types(_without(before, product), product)
        of_types = after["customer_type"].isin(own["customer_type"].unique()).to_numpy()
        told.append(np.where(of_types, chances(after, earlier[product]), 0.0))
    return np.column_stack(told)


def _rates(before: pd.DataFrame, product: str) -> pd.Series:
    """Type of customers to the share of those without the product who took it up."""
    own = _without(before, product)
    return own.groupby("customer_type")[f"took_{product}"].mean()


def _by_popularity(before: pd.DataFrame, after: pd.DataFrame, products: list[str]) -> np.ndarray:
    return np.column_stack(
        [after["customer_type"].map(_rates(before, p)).fillna(0.0) for p in products]
    )


def _by_rules(before: pd.DataFrame, after: pd.DataFrame, products: list[str]) -> np.ndarray:
    """The highest confidence of the rules from one product held to the one taken up (Agrawal and
    Srikant 1994), of those with at least as many cases as a model needs.
    """
    holds = [c for c in before if c.startswith(HOLDS)]
    told = _by_popularity(before, after, products)
    for place, product in enumerate(products):
        own = _without(before, product)
        for column in holds:
            having = own[own[column] == 1]
            if having[f"took_{product}"].sum() >= MIN_TAKEN // 3:
                share = having[f"took_{product}"].mean()
                has = after[column].to_numpy() == 1
                told[:, place] = np.where(has, np.maximum(told[:, place], share), told[:, place])
    return told


def _by_neighbours(before: pd.DataFrame, after: pd.DataFrame, products: list[str]) -> np.ndarray:
    """The share of the fifty most similar customers without the product who took it up."""
    told = []
    for product in products:
        own = _of_its_types(_without(before, product), product).reset_index(drop=True)
        model = fit_one(own, product)  # for how columns are seen
        even = [f.model_copy(update={"weight": 1.0}) for f in model.features]
        space = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(own)))
        space.fit(matrix(_as_numbers(own, even), even))
        near = space.kneighbors(matrix(_as_numbers(after, even), even), return_distance=False)
        share = own[f"took_{product}"].to_numpy(dtype=float)[near].mean(axis=1)
        of_types = after["customer_type"].isin(own["customer_type"].unique()).to_numpy()
        told.append(np.where(of_types, share, 0.0))
    return np.column_stack(told)


def _as_numbers(rows: pd.DataFrame, features: Sequence[object]) -> pd.DataFrame:
    columns = {f.column for f in features}  # type: ignore[attr-defined]
    return rows.assign(**{c: pd.to_numeric(rows[c]).astype(float) for c in sorted(columns)})


def _judged_way(
    method: str,
    chance: np.ndarray,
    took: np.ndarray,
    open_: np.ndarray,
    worth: np.ndarray,
    capacity: int,
) -> Compared:
    """One offer for each customer, the one worth most, and of these as many as can be made."""
    expected = np.where(open_, chance * worth, -1.0)
    best = expected.argmax(axis=1)
    row = np.arange(len(best))
    order = np.argsort(-expected[row, best], kind="stable")[:capacity]
    order = order[open_[order, best[order]]]
    hits = took[order, best[order]]
    low, high = share_interval(hits.sum(), len(order))
    base = took[open_].mean()
    auc = auc_interval(took[open_], chance[open_])
    return Compared(
        method=method,
        offers=len(order),
        taken=int(hits.sum()),
        share=float(hits.mean()) if len(order) else 0.0,
        low=low,
        high=high,
        lift=float(hits.mean() / base) if base > 0 and len(order) else None,
        auc=_finite(auc[0]),
        auc_low=_finite(auc[1]),
        auc_high=_finite(auc[2]),
        map_at_7=_mean_average_precision(chance, took, open_),
        value=float((hits * worth[best[order]]).mean()) if len(order) else None,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mean_average_precision(
    chance: np.ndarray, took: np.ndarray, open_: np.ndarray
) -> float | None:
    """MAP@7 over the customers who took something (Manning, Raghavan and Schütze 2008)."""
    who = np.flatnonzero(took.sum(axis=1) > 0)
    if not len(who):
        return None
    told = []
    for i in who:
        order = np.argsort(-np.where(open_[i], chance[i], -np.inf), kind="stable")[:MOST]
        hits = took[i, order]
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        told.append((precision * hits).sum() / min(took[i].sum(), MOST))
    return float(np.mean(told))
