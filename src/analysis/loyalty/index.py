"""The index system: what each answer and behaviour counts for, and the index of every branch, group
and quarter.

An index from 0 to 100 is the weighted mean of its items, each moved from the ends of its scale to 0
and 100, with the outer weights of the path model (Fornell and others 1996). The index over all
dimensions weighs them by how much each acts on satisfaction. Weights are estimated once, in the
quarter of the fit, so that quarters can be compared.
"""

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from analysis.loyalty.nonresponse import margins_of
from analysis.loyalty.pathmodel import HIGHEST, LEVEL, LOWEST, draws
from analysis.sources.params import Loyalty

INDEX = "index"
ALL, EVERY = "ALL", ""  # the branch of the whole bank, and the group of all customers
TIMES = 500
SCORES = [
    "branch_id",
    "segment",
    "dimension",
    "n",
    "effective",
    "weight",
    "mean",
    "se",
    "low",
    "high",
    "unweighted",
]


def scheme_of(model: dict[str, Any], settings: Loyalty) -> dict[str, Any]:
    """What counts for how much: `items` (block to its items, each with weight, low and high: the
    ends of its scale) and `dimensions` (dimension to its weight in the index); weights of each add
    up to one.

    model: as from `pathmodel.as_data`. An item or dimension that acts the wrong way counts nothing.
    Without a path model all count the same. `from`: model, params (the bank set the weights of the
    dimensions itself) or equal.
    """
    weight = {(r["block"], r["item"]): max(r["weight"], 0.0) for r in model.get("outer", [])}
    span = model.get("span", {})
    items = {}
    for block in settings.blocks:
        names = settings.items.get(block) or getattr(settings, block)
        given = [weight.get((block, i), 0.0) if weight else 1.0 for i in names]
        if not sum(given) > 0:
            given = [1.0] * len(names)
        ends = [
            span.get(i, [LOWEST, HIGHEST] if block != "behaviour" else [0.0, 1.0]) for i in names
        ]
        ends = [[low, high if high > low else low + 1.0] for low, high in ends]
        # a weight is that of the item as it is; on 0 to 100 every item has the same scale, so it
        # counts with its span
        by_span = (
            [w * (high - low) for w, (low, high) in zip(given, ends, strict=True)]
            if weight
            else given
        )
        items[block] = [
            {"item": i, "weight": round(w / sum(by_span), 5), "low": low, "high": high}
            for i, w, (low, high) in zip(names, by_span, ends, strict=True)
        ]
    first = model["paths"][0]["target"] if model.get("paths") else ""
    acts = {
        r["source"]: max(r["share"] or 0.0, 0.0)
        for r in model.get("paths", [])
        if r["target"] == first
    }
    dimensions = {
        d: settings.weights.get(d, 0.0) if settings.weights else acts.get(d, 0.0)
        for d in settings.items
    }
    source = "params" if settings.weights else "model"
    if not sum(dimensions.values()) > 0:
        dimensions, source = dict.fromkeys(settings.items, 1.0), "equal"
    total = sum(dimensions.values())
    return {
        "items": items,
        "dimensions": {d: round(w / total, 5) for d, w in dimensions.items()},
        "from": source,
    }


def index_expression(
    answers: ir.Table, customers: ir.Table, cell_weights: ir.Table, scheme: dict[str, Any]
) -> ir.Table:
    """Every questionnaire with its indices.

    answers: survey_items. customers: customer_quarter with segment. cell_weights: the margins of
    `nonresponse` as cell_… and the weight of the answers in each cell. Returns customer_id,
    branch_id, survey_id, quarter, segment, weight, a column per block of the scheme and `index`,
    from 0 to 100; a block of which less than half (by weight) was answered is empty, and so is an
    index that lacks a dimension.
    """
    cells = {f"cell_{m}": value for m, value in margins_of(customers).items()}
    behaviours = [i["item"] for i in scheme["items"].get("behaviour", [])]
    here = customers.mutate(**cells).select("customer_id", "segment", *cells, *behaviours)
    rows = answers.left_join(here, "customer_id").drop("customer_id_right")
    rows = rows.left_join(cell_weights, list(cells))
    measured = {
        b: _measured(rows, [i for i in items if i["weight"] > 0], b)
        for b, items in scheme["items"].items()
    }
    rows = rows.mutate(**measured)
    parts = [rows[d] * w for d, w in scheme["dimensions"].items() if w > 0]
    index = parts[0]
    for part in parts[1:]:
        index = index + part
    return rows.select(
        "customer_id",
        "branch_id",
        "survey_id",
        "quarter",
        segment=rows.segment.fill_null("unknown"),
        weight=rows.weight.fill_null(1.0),
        index=index,
        **{b: rows[b] for b in measured},
    )


def _measured(rows: ir.Table, items: list[dict[str, Any]], block: str) -> ir.Value:
    total, given = ibis.literal(0.0), ibis.literal(0.0)
    for i in items:
        value = rows[i["item"] if block == "behaviour" else f"item_{i['item']}"].cast("float64")
        at = ibis.greatest(ibis.least((value - i["low"]) / (i["high"] - i["low"]), 1.0), 0.0)
        total = total + ibis.ifelse(
            value.isnull(), 0.0, at * (100 * i["weight"])
        )  # least and greatest pass over nulls
        given = given + ibis.ifelse(value.isnull(), 0.0, i["weight"])
    return ibis.ifelse(given >= 0.5, total / given, ibis.null("float64"))


def index_scores(
    rows: pd.DataFrame, blocks: Sequence[str], times: int = TIMES, seed: int = 0
) -> pd.DataFrame:
    """The indices of one quarter for the bank, every branch, every group, and every group of a
    branch.

    rows: as from `index_expression`, of one quarter. Returns branch_id (ALL: the whole bank),
    segment (empty: all), dimension, n (answers), effective (sample size; Kish 1965), weight (sum),
    mean (weighted), se, low and high (bootstrap over persons; percentiles of `times` samples, the
    weights taken as known), unweighted (mean).
    """
    if rows.empty:
        return pd.DataFrame(columns=SCORES)
    cell, names = pd.factorize(pd.MultiIndex.from_frame(rows[["branch_id", "segment"]]), sort=True)
    order = np.argsort(cell, kind="stable")
    rows, cell = rows.iloc[order], cell[order]
    starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
    levels = [(ALL, EVERY, np.ones(len(names), dtype=bool))]
    branch, segment = (np.array([n[i] for n in names]) for i in (0, 1))
    levels += [(b, EVERY, branch == b) for b in np.unique(branch)]
    levels += [(ALL, s, segment == s) for s in np.unique(segment)]
    levels += [(b, s, (branch == b) & (segment == s)) for b, s in names]
    member = np.array([m for _b, _s, m in levels], dtype=float)

    values = rows[list(blocks)].to_numpy(dtype=float)
    there, w = ~np.isnan(values), rows["weight"].to_numpy(dtype=float)[:, None]
    weighted, weight = np.nan_to_num(values) * w, there * w

    def means(times_drawn: np.ndarray | None) -> np.ndarray:
        count = 1.0 if times_drawn is None else times_drawn[:, None]
        top, bottom = (
            member @ np.add.reduceat(part * count, starts, axis=0) for part in (weighted, weight)
        )
        return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)

    whose = pd.factorize(rows["customer_id"])[0]
    drawn = np.array([means(d) for d in draws(whose, times, seed)])
    n = member @ np.add.reduceat(there.astype(float), starts, axis=0)
    squares = member @ np.add.reduceat(weight**2, starts, axis=0)
    total = member @ np.add.reduceat(weight, starts, axis=0)
    plain = member @ np.add.reduceat(np.nan_to_num(values), starts, axis=0)
    known = n > 0
    at = means(None)
    with np.errstate(invalid="ignore", divide="ignore"):
        unweighted, effective = plain / n, total**2 / squares
    bounds = np.full((3, *at.shape), np.nan)
    enough = n > 1
    of_group = drawn[:, enough]  # a group that a sample left out has no mean there
    if enough.any():
        bounds[0][enough] = np.nanstd(of_group, axis=0, ddof=1)
        bounds[1][enough], bounds[2][enough] = np.nanquantile(
            of_group, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0
        )
    found = [
        [
            b,
            s,
            block,
            int(n[i, j]),
            effective[i, j],
            total[i, j],
            at[i, j],
            *bounds[:, i, j],
            unweighted[i, j],
        ]
        for i, (b, s, _m) in enumerate(levels)
        for j, block in enumerate(blocks)
        if known[i, j]
    ]
    return pd.DataFrame(found, columns=SCORES)
