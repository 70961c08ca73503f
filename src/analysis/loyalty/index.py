"""The index system: what each answer and behaviour counts for, and the index of every branch, group
and quarter.

An index from 0 to 100 is the weighted mean of its items, each moved from the ends of its scale to 0
and 100, with the outer weights of the path model (Fornell and others 1996). The index over all
dimensions weighs them by how much each acts on satisfaction. Weights are estimated once, in the
quarter of the fit, so that quarters can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from analysis.language import Impossible
from analysis.loyalty.nonresponse import MARGINS, asked_cells, margins_of, raked
from analysis.loyalty.pathmodel import HIGHEST, LOWEST, PathModel, fit_path_model, structure_of
from analysis.shape import Shape
from analysis.sources.params import Loyalty
from analysis.statistics.resampling import LEVEL, draws

INDEX = "index"
ALL, EVERY = "ALL", ""  # the branch of the whole bank, and the group of all customers
TIMES = 500
#: The indices of one quarter: column to its type.
#: branch_id: ALL is the whole bank; segment: empty is all groups; dimension: or index.
#: n: answers; effective: sample size (Kish 1965); weight: sum.
#: mean: weighted, 0–100, with se and 95 % interval low to high (bootstrap over persons).
#: unweighted: mean, 0–100.
SCORES = {
    "branch_id": "str",
    "segment": "str",
    "dimension": "str",
    "n": "int",
    "effective": "float",
    "weight": "float",
    "mean": "float",
    "se": "float",
    "low": "float",
    "high": "float",
    "unweighted": "float",
}


class SchemeItem(Shape):
    """What an item counts for in its block; low, high: the ends of its scale."""

    item: str
    weight: float
    low: float
    high: float


class Scheme(Shape):
    """What counts for how much; weights of each block, and of the dimensions, add up to one.

    items: block to its items.
    dimensions: dimension to its weight in the index.
    source: whether these weights are the path model's, those of the params file, or equal for want
    of either.
    """

    items: dict[str, list[SchemeItem]]
    dimensions: dict[str, float]
    source: Literal["model", "params", "equal"]


class IndexModel(Shape):
    """The scheme in force, with the path model it comes from; quarters: whose answers."""

    fit_quarter: str
    quarters: list[str]
    scheme: Scheme
    model: PathModel | Impossible


def fit_index(
    answers: pd.DataFrame, settings: Loyalty, fit_quarter: str, quarters: Sequence[str]
) -> IndexModel:
    """The scheme, and the path model it comes from.

    answers: as from `analysis.loyalty.answers.answers_with_behaviour`, of the quarters.
    """
    model = fit_path_model(answers, structure_of(settings), cluster="customer_id")
    return IndexModel(
        fit_quarter=fit_quarter,
        quarters=list(quarters),
        scheme=scheme_of(model, settings),
        model=model,
    )


def scheme_of(model: PathModel | Impossible, settings: Loyalty) -> Scheme:
    """What counts for how much by a path model. An item or dimension that acts the wrong way counts
    nothing; without a path model all count the same.
    """
    fitted = model if isinstance(model, PathModel) else None
    items = {block: _scheme_items(block, fitted, settings) for block in settings.blocks}
    acts = _acts_on_first(fitted)
    weights = settings.weights or acts
    dimensions = {d: weights.get(d, 0.0) for d in settings.items}
    source: Literal["model", "params", "equal"] = "params" if settings.weights else "model"
    if not sum(dimensions.values()) > 0:
        dimensions, source = dict.fromkeys(settings.items, 1.0), "equal"
    total = sum(dimensions.values())
    return Scheme(
        items=items,
        dimensions={d: round(w / total, 5) for d, w in dimensions.items()},
        source=source,
    )


def _acts_on_first(model: PathModel | None) -> dict[str, float]:
    """Dimension to its share of what acts on satisfaction (the first block that is acted on)."""
    if model is None or not model.paths:
        return {}
    first = model.paths[0].target
    return {p.source: max(p.share or 0.0, 0.0) for p in model.paths if p.target == first}


def _scheme_items(block: str, model: PathModel | None, settings: Loyalty) -> list[SchemeItem]:
    """The items of a block by their outer weights.

    Such a weight is that of the item as it is; on 0 to 100 every item has the same scale, so it
    counts with its span.
    """
    names = settings.items.get(block) or getattr(settings, block)
    outer = (
        {o.item: max(o.weight or 0.0, 0.0) for o in model.outer if o.block == block}
        if model
        else {}
    )
    by_model = bool(model and model.outer)
    weights = [outer.get(i, 0.0) if by_model else 1.0 for i in names]
    if not sum(weights) > 0:
        weights = [1.0] * len(names)
    scale = [LOWEST, HIGHEST] if block != "behaviour" else [0.0, 1.0]
    spans = [model.span.get(i, scale) if model else scale for i in names]
    ends = [(low, high if high > low else low + 1.0) for low, high in spans]
    if by_model:
        weights = [w * (high - low) for w, (low, high) in zip(weights, ends, strict=True)]
    return [
        SchemeItem(item=i, weight=round(w / sum(weights), 5), low=low, high=high)
        for i, w, (low, high) in zip(names, weights, ends, strict=True)
    ]


def survey_index(
    answers: ir.Table, customers: ir.Table, segments: ir.Table, scheme: Scheme
) -> ir.Table:
    """Every questionnaire of a quarter with its indices: as from `index_expression`, the answers
    weighted to the bank's customers.

    answers, customers, segments: survey_items, customer_quarter and customer_segment.
    """
    customers = customers.join(segments.select("customer_id", "segment"), "customer_id")
    counts = asked_cells(customers, answers)
    weights = counts[[*MARGINS]].rename(columns=lambda c: f"cell_{c}").assign(weight=raked(counts))
    con = answers.get_backend()
    cell_weights = con.create_table("cell_weights__now", weights, temp=True, overwrite=True)
    return index_expression(answers, customers, cell_weights, scheme)


def index_expression(
    answers: ir.Table, customers: ir.Table, cell_weights: ir.Table, scheme: Scheme
) -> ir.Table:
    """Every questionnaire with its indices.

    answers: survey_items. customers: customer_quarter with segment. cell_weights: the margins of
    `nonresponse` as cell_… and the weight of the answers in each cell. Returns
    customer_id, branch_id, survey_id: text
    quarter: text
    segment: text, the group; unknown without one
    weight: float, customers that the answer stands for, one on average
    index: float, 0–100; empty where it lacks a dimension
    and the blocks of the scheme: float, 0–100; empty where less than half (by weight) was answered
    """
    cells = {f"cell_{m}": value for m, value in margins_of(customers).items()}
    behaviours = [i.item for i in scheme.items.get("behaviour", [])]
    here = customers.mutate(**cells).select("customer_id", "segment", *cells, *behaviours)
    questionnaires = answers.left_join(here, "customer_id").drop("customer_id_right")
    questionnaires = questionnaires.left_join(cell_weights, list(cells))
    measured = {
        b: _measured(questionnaires, [i for i in items if i.weight > 0], b)
        for b, items in scheme.items.items()
    }
    questionnaires = questionnaires.mutate(**measured)
    parts = [questionnaires[d] * w for d, w in scheme.dimensions.items() if w > 0]
    index = parts[0]
    for part in parts[1:]:
        index = index + part
    return questionnaires.select(
        "customer_id",
        "branch_id",
        "survey_id",
        "quarter",
        segment=questionnaires.segment.fill_null("unknown"),
        weight=questionnaires.weight.fill_null(1.0),
        index=index,
        **{b: questionnaires[b] for b in measured},
    )


def _measured(questionnaires: ir.Table, items: list[SchemeItem], block: str) -> ir.Value:
    total, answered = ibis.literal(0.0), ibis.literal(0.0)
    for i in items:
        value = questionnaires[i.item if block == "behaviour" else f"item_{i.item}"].cast("float64")
        at = ibis.greatest(ibis.least((value - i.low) / (i.high - i.low), 1.0), 0.0)
        # least and greatest pass over nulls
        total = total + ibis.ifelse(value.isnull(), 0.0, at * (100 * i.weight))
        answered = answered + ibis.ifelse(value.isnull(), 0.0, i.weight)
    return ibis.ifelse(answered >= 0.5, total / answered, ibis.null("float64"))


def scores_of_quarter(index: ir.Table, blocks: Sequence[str], quarter: str) -> pd.DataFrame:
    """index_scores of a quarter: the columns `SCORES` and quarter. index: its survey_index."""
    questionnaires = index.order_by("survey_id").to_pandas()
    return index_scores(questionnaires, [INDEX, *blocks]).assign(quarter=quarter)


@dataclass(frozen=True)
class Levels:
    """What scores are told of.

    names: branch and group of each.
    member: levels × cells (a group of a branch), 1 where the cell belongs to it.
    """

    names: list[tuple[str, str]]
    member: np.ndarray

    @classmethod
    def over(cls, cells: Sequence[tuple[str, str]]) -> "Levels":
        """The bank, every branch, every group, and every group of a branch."""
        branch, segment = (np.array([c[i] for c in cells]) for i in (0, 1))
        everywhere = np.ones(len(cells), dtype=bool)
        levels = [((ALL, EVERY), everywhere)]
        levels += [((b, EVERY), branch == b) for b in np.unique(branch)]
        levels += [((ALL, s), segment == s) for s in np.unique(segment)]
        levels += [((b, s), (branch == b) & (segment == s)) for b, s in cells]
        return cls([name for name, _m in levels], np.array([m for _n, m in levels], dtype=float))


def index_scores(
    questionnaires: pd.DataFrame, blocks: Sequence[str], times: int = TIMES, seed: int = 0
) -> pd.DataFrame:
    """The indices of one quarter for the bank, every branch, every group, and every group of a
    branch: the columns `SCORES`.

    questionnaires: as from `index_expression`, of one quarter. Intervals are percentiles of `times`
    bootstrap samples of persons, the weights taken as known.
    """
    if questionnaires.empty:
        return pd.DataFrame(columns=list(SCORES))
    cell, cells = pd.factorize(
        pd.MultiIndex.from_frame(questionnaires[["branch_id", "segment"]]), sort=True
    )
    levels = Levels.over(list(cells))
    order = np.argsort(cell, kind="stable")
    questionnaires, cell = questionnaires.iloc[order], cell[order]
    starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])

    def added(values: np.ndarray) -> np.ndarray:
        return levels.member @ np.add.reduceat(values, starts, axis=0)

    values = questionnaires[list(blocks)].to_numpy(dtype=float)
    there, w = ~np.isnan(values), questionnaires["weight"].to_numpy(dtype=float)[:, None]
    weighted, weight = np.nan_to_num(values) * w, there * w

    def means(drawn: np.ndarray) -> np.ndarray:
        top, bottom = added(weighted * drawn), added(weight * drawn)
        return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)

    person = pd.factorize(questionnaires["customer_id"])[0]
    samples = np.array([means(d[:, None]) for d in draws(person, times, seed)])
    n, total = added(there.astype(float)), added(weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        unweighted = added(np.nan_to_num(values)) / n
        effective = total**2 / added(weight**2)
    estimates = [effective, total, means(np.ones_like(w)), *_bounds(samples, n > 1), unweighted]
    scores = [
        [*name, block, int(n[i, j]), *[e[i, j] for e in estimates]]
        for i, name in enumerate(levels.names)
        for j, block in enumerate(blocks)
        if n[i, j] > 0
    ]
    return pd.DataFrame(scores, columns=list(SCORES))


def _bounds(samples: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """Standard error, low and high of each level and block where there is `enough`; a level that a
    sample left out has no mean in it.
    """
    bounds = np.full((3, *enough.shape), np.nan)
    if enough.any():
        means = samples[:, enough]
        bounds[0][enough] = np.nanstd(means, axis=0, ddof=1)
        ends = np.nanquantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        bounds[1][enough], bounds[2][enough] = ends
    return bounds
