"""Partial least squares path modelling of a questionnaire: how its blocks hang together, and how well each is measured.

Lohmöller's algorithm (1989) as in Tenenhaus, Esposito Vinzi, Chatelin and Lauro (2005): every block's score is a weighted
sum of its items; weights follow from the scores of the blocks it is joined to, until nothing changes. It works on the
items' covariances alone, so a bootstrap sample costs one matrix product. Checked against an independent implementation on
a published survey (tests/models/test_pathmodel.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.sources.params import Loyalty

MOST_ROUNDS = 300
PRECISION = 1e-7
LEVEL = 0.95
LEAST = 100  # answers a path model is estimated from
MOST_ANSWERS = 20_000


@dataclass(frozen=True)
class Structure:
    """Blocks of items and the paths between them.

    blocks: name to items. paths: block to the blocks that act on it, acyclic. formative: blocks that their items make up
    (mode B); the others are reflected in their items (mode A). scheme: what joins blocks in the inner estimation.
    """

    blocks: Mapping[str, Sequence[str]]
    paths: Mapping[str, Sequence[str]]
    formative: tuple[str, ...] = ()
    scheme: Literal["centroid", "path"] = "centroid"

    @property
    def items(self) -> list[str]:
        """All items, block by block."""
        return [i for items in self.blocks.values() for i in items]


@dataclass
class Fit:
    """What was estimated. `paths`: source, target, path. `outer`: block, item, weight (of the centred item, for a score of
    variance one), loading (correlation of item and score), with_… (its correlation with every block's score). `blocks`: block, r_squared (empty where nothing acts on it),
    alpha, rho, ave. `goodness_of_fit`: √(mean communality × mean R²) (Tenenhaus and others 2005)."""

    paths: pd.DataFrame
    outer: pd.DataFrame
    blocks: pd.DataFrame
    goodness_of_fit: float
    converged: bool


def structure_of(settings: Loyalty) -> Structure | None:
    """The structure of the params file's questionnaire: dimensions → satisfaction → loyalty; None without items of the latter two."""
    blocks: dict[str, Sequence[str]] = {d: [f"item_{i}" for i in items] for d, items in settings.items.items()}
    drivers, paths = list(blocks), {}
    for name, items in (("satisfaction", settings.satisfaction), ("stated_loyalty", settings.stated_loyalty)):
        if items:
            blocks[name] = [f"item_{i}" for i in items]
            paths[name] = drivers
            drivers = [name]
    return Structure(blocks, paths, tuple(settings.formative), settings.scheme) if paths and settings.items else None


def as_data(answers: pd.DataFrame, structure: Structure | None, times: int = 500) -> dict[str, Any]:
    """The path model with its intervals as plain data: answers, missing (share of empty ones, by item), and the tables of
    `bootstrap`; {"reason": …} where it cannot be estimated."""
    if structure is None or answers.empty:
        return {"reason": "The bank delivers no answers to items on dimensions and on satisfaction or loyalty."}
    structure, unanswered = _without_empty_items(answers, structure)
    if len(answers) < LEAST or not structure.paths:
        return {"reason": f"{len(answers)} answers; {LEAST} are needed."}
    try:
        tables = bootstrap(answers, structure, times)
    except ValueError as error:
        return {"reason": str(error)}
    empty = answers[structure.items].isna().mean()
    outer = tables["outer"]
    outer["missing"] = empty[outer["item"]].to_numpy()
    outer["lowest"] = [float((answers[i] <= answers[structure.items].min().min()).mean()) for i in outer["item"]]
    outer["highest"] = [float((answers[i] >= answers[structure.items].max().max()).mean()) for i in outer["item"]]
    outer["item"] = outer["item"].str.removeprefix("item_")
    return {
        "answers": len(answers),
        "unanswered": unanswered,
        **{name: [{k: None if pd.isna(v) else round(v, 5) if isinstance(v, float) else v for k, v in row.items()} for row in table.to_dict("records")] for name, table in tables.items()},
    }  # fmt: skip


def _without_empty_items(answers: pd.DataFrame, structure: Structure) -> tuple[Structure, list[str]]:
    """The structure without items that nobody answered, and blocks that lost all theirs; and the names of those items."""
    empty = [i for i in structure.items if not answers[i].notna().any()]
    blocks = {b: [i for i in items if i not in empty] for b, items in structure.blocks.items()}
    blocks = {b: items for b, items in blocks.items() if items}
    paths = {t: [s for s in sources if s in blocks] for t, sources in structure.paths.items() if t in blocks}
    paths = {t: sources for t, sources in paths.items() if sources}
    formative = tuple(b for b in structure.formative if b in blocks)
    return Structure(blocks, paths, formative, structure.scheme), [i.removeprefix("item_") for i in empty]


def completed(answers: pd.DataFrame, structure: Structure) -> pd.DataFrame:
    """The answers with empty ones filled: the person's mean in the block plus the item's mean less the block's (two-way
    imputation; Bernaards and Sijtsma 2000). Who answered nothing in a block gets the items' means. Columns: the items."""
    table = answers[structure.items].astype(float)
    for items in structure.blocks.values():
        block = table[list(items)]
        person = block.mean(axis=1).fillna(block.stack().mean())
        filled = person.to_numpy()[:, None] + (block.mean() - block.stack().mean()).to_numpy()[None]
        table[list(items)] = block.where(block.notna(), filled)
    return table


def fit(answers: pd.DataFrame, structure: Structure) -> Fit:
    """The path model of a table of answers, one row per questionnaire, a column per item; empty answers are completed.

    Raises ValueError when an item has no spread, or there are no more answers than items.
    """
    table = completed(answers, structure)
    if len(table) <= len(structure.items):
        raise ValueError(f"{len(table)} answers are too few for {len(structure.items)} items.")
    if constant := [i for i in structure.items if not table[i].std() > 1e-9]:
        raise ValueError(f"All answers to {', '.join(constant)} are equal.")
    return _tables(_solved(np.cov(table.to_numpy().T, bias=True), structure), structure)


def bootstrap(answers: pd.DataFrame, structure: Structure, times: int = 500, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Percentile intervals of every estimate (Efron and Tibshirani 1993), over `times` bootstrap samples of the answers.

    Returns the tables of `Fit` with …_low and …_high beside each estimate, and `model` with goodness_of_fit and n, the
    samples used: those in which an item has no spread, or that do not converge, are left out.
    """
    table = completed(answers, structure).to_numpy()
    rng = np.random.default_rng(seed)
    drawn = []
    for _time in range(times):
        sample = table[rng.integers(0, len(table), len(table))]
        covariance = np.cov(sample.T, bias=True)
        if (np.diag(covariance) > 1e-12).all() and (again := _solved(covariance, structure))["converged"]:
            drawn.append(again)
    whole = fit(answers, structure)
    tables = {"paths": whole.paths, "outer": whole.outer, "blocks": whole.blocks, "model": pd.DataFrame({"goodness_of_fit": [whole.goodness_of_fit], "n": [len(drawn)]})}  # fmt: skip
    for name, columns in ESTIMATES.items():
        for column in columns:
            values = np.array([d[column] for d in drawn]).reshape(len(drawn), len(tables[name]))
            known = ~np.isnan(values).any(axis=0) if len(drawn) else np.zeros(len(tables[name]), dtype=bool)
            for end, q in (("low", (1 - LEVEL) / 2), ("high", (1 + LEVEL) / 2)):
                bound = np.full(len(tables[name]), np.nan)
                if known.any():
                    bound[known] = np.quantile(values[:, known], q, axis=0)
                tables[name][f"{column}_{end}"] = bound
    return tables


ESTIMATES = {"paths": ["path"], "outer": ["weight", "loading"], "blocks": ["r_squared", "alpha", "rho", "ave"], "model": ["goodness_of_fit"]}  # fmt: skip


def _solved(covariance: np.ndarray, structure: Structure) -> dict[str, Any]:
    """The estimates from the items' covariances, as arrays in the order of the tables of `Fit`."""
    names = list(structure.blocks)
    at = np.cumsum([0, *[len(items) for items in structure.blocks.values()]])
    own = [slice(at[j], at[j + 1]) for j in range(len(names))]
    acting = [[names.index(o) for o in structure.paths.get(b, ())] for b in names]
    acted = [[k for k in range(len(names)) if j in acting[k]] for j in range(len(names))]

    # weights, until nothing changes; column j of w is the weight vector of block j over all items, its score of variance one
    w = np.zeros((at[-1], len(names)))
    for j in range(len(names)):
        w[own[j], j] = 1.0
    w /= np.sqrt(np.einsum("ij,ik,kj->j", w, covariance, w))
    converged = False
    for _round in range(MOST_ROUNDS):
        r = w.T @ covariance @ w
        inner = np.zeros_like(r)
        for j in range(len(names)):
            if structure.scheme == "path":
                if acting[j]:
                    inner[acting[j], j] = _regressed(r, acting[j], j)
                inner[acted[j], j] = r[acted[j], j]
            else:
                linked = acting[j] + acted[j]
                inner[linked, j] = np.sign(r[linked, j])
        with_items = covariance @ w @ inner  # covariance of every item with the inner score of every block
        new = np.zeros_like(w)
        for j, b in enumerate(names):
            new[own[j], j] = with_items[own[j], j]
            if b in structure.formative:
                new[own[j], j] = np.linalg.lstsq(covariance[own[j], own[j]], new[own[j], j], rcond=None)[0]
        new /= np.sqrt(np.maximum(np.einsum("ij,ik,kj->j", new, covariance, new), 1e-300))
        moved = ((np.abs(new) - np.abs(w)) ** 2).sum()
        w = new
        if moved < PRECISION:
            converged = True
            break

    # the sign of a score is that of most of its items
    sd = np.sqrt(np.diag(covariance))
    loading = covariance @ w / sd[:, None]
    sign = np.array([1.0 if loading[own[j], j].sum() >= 0 else -1.0 for j in range(len(names))])
    w, loading = w * sign, loading * sign
    r = w.T @ covariance @ w
    correlation = covariance / np.outer(sd, sd)
    beta = {j: _regressed(r, acting[j], j) for j in range(len(names)) if acting[j]}
    r_squared = np.array([beta[j] @ r[acting[j], j] if j in beta else np.nan for j in range(len(names))])
    reliability = np.array([_reliability(correlation[own[j], own[j]]) for j in range(len(names))])
    communality = [loading[own[j], j] ** 2 for j in range(len(names))]
    several = np.concatenate([c for c in communality if len(c) > 1] or [np.array([np.nan])])
    return {
        "path": np.concatenate([beta[names.index(b)] for b in structure.paths]),
        "weight": np.concatenate([w[own[j], j] for j in range(len(names))]),
        "loading": np.concatenate([loading[own[j], j] for j in range(len(names))]),
        "cross": loading,
        "r_squared": r_squared,
        "alpha": reliability[:, 0],
        "rho": reliability[:, 1],
        "ave": np.array([c.mean() for c in communality]),
        "goodness_of_fit": float(np.sqrt(max(several.mean() * np.nanmean(r_squared), 0.0))),
        "converged": converged,
    }


def _regressed(r: np.ndarray, acting: list[int], j: int) -> np.ndarray:
    return np.asarray(np.linalg.lstsq(r[np.ix_(acting, acting)], r[acting, j], rcond=None)[0])


def _reliability(correlation: np.ndarray) -> tuple[float, float]:
    """Cronbach's alpha (1951) of standardised items, and Dillon and Goldstein's rho from their first principal component."""
    p = len(correlation)
    if p < 2:
        return 1.0, 1.0
    between = correlation.sum() - p
    alpha = p / (p - 1) * between / (between + p)
    values, vectors = np.linalg.eigh(correlation)
    first = np.abs(vectors[:, -1] * np.sqrt(values[-1]))
    return float(alpha), float(first.sum() ** 2 / (first.sum() ** 2 + (1 - first**2).sum()))


def _tables(found: dict[str, Any], structure: Structure) -> Fit:
    outer = pd.DataFrame([(b, i) for b, items in structure.blocks.items() for i in items], columns=["block", "item"])
    paths = pd.DataFrame([(s, t) for t, sources in structure.paths.items() for s in sources], columns=["source", "target"])  # fmt: skip
    blocks = pd.DataFrame({"block": list(structure.blocks)})
    for table, name in ((paths, "paths"), (outer, "outer"), (blocks, "blocks")):
        for column in ESTIMATES[name]:
            table[column] = found[column]
    for j, b in enumerate(structure.blocks):
        outer[f"with_{b}"] = found["cross"][:, j]
    return Fit(paths, outer, blocks, found["goodness_of_fit"], found["converged"])
