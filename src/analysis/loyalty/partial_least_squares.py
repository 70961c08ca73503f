"""Partial least squares path modelling of a questionnaire: how its blocks hang together, and how
well each is measured.

Lohmöller's algorithm (1989) as in Tenenhaus, Esposito Vinzi, Chatelin and Lauro (2005): every
block's score is a weighted sum of its items; weights follow from the scores of the blocks it is
joined to, until nothing changes. It works on the items' covariances alone, so a bootstrap sample
costs one matrix product. Checked against an independent implementation on a published survey
(tests/loyalty/test_pathmodel.py).

Scores of few items carry their error of measurement, which makes paths between them too small. The
corrected paths divide it out by rho_A, each block's reliability (consistent PLS; Dijkstra and
Henseler 2015); blocks that their items make up, and those of one item, are taken as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from analysis.statistics.resampling import LEVEL, draws

MOST_ROUNDS = 300
PRECISION = 1e-7


@dataclass(frozen=True)
class Structure:
    """Blocks of items and the paths between them.

    blocks: name to items.
    paths: block to the blocks that act on it, acyclic.
    formative: blocks that their items make up (mode B); the others are reflected in their items
    (mode A).
    scheme: what joins blocks in the inner estimation.
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
    """What was estimated.

    paths: source and target (text), and
    path: float, standardised
    corrected: float, for the error of measurement
    share: float, of the sum of the corrected paths to the same target, per point of the answers

    outer: block and item (text), and
    weight: float, of the centred item, for a score of variance one
    loading: float, correlation of item and score
    with_…: float, its correlation with every block's score

    blocks: block (text), and
    r_squared: float, empty where nothing acts on it
    alpha, rho, ave, rho_a: float, see `_reliability` and `_rho_a`; ave: mean squared loading

    pairs: block and other (text), and
    htmt: float, heterotrait–monotrait ratio (Henseler, Ringle and Sarstedt 2015); empty for blocks
    of one item

    goodness_of_fit: √(mean communality × mean R²) (Tenenhaus and others 2005)
    """

    paths: pd.DataFrame
    outer: pd.DataFrame
    blocks: pd.DataFrame
    pairs: pd.DataFrame
    goodness_of_fit: float
    converged: bool


def completed(answers: pd.DataFrame, structure: Structure) -> pd.DataFrame:
    """The answers with empty ones filled: the person's mean in the block plus the item's mean less
    the block's (two-way imputation; Bernaards and Sijtsma 2000). Who answered nothing in a block
    gets the items' means. Columns: the items.
    """
    table = answers[structure.items].astype(float)
    for items in structure.blocks.values():
        block = table[list(items)]
        person = block.mean(axis=1).fillna(block.stack().mean())
        filled = person.to_numpy()[:, None] + (block.mean() - block.stack().mean()).to_numpy()[None]
        table[list(items)] = block.where(block.notna(), filled)
    return table


def fit(answers: pd.DataFrame, structure: Structure) -> Fit:
    """The path model of a table of answers, one row per questionnaire, a column per item; empty
    answers are completed.

    Raises ValueError when an item has no spread, or there are no more answers than items.
    """
    table = completed(answers, structure)
    if len(table) <= len(structure.items):
        raise ValueError(f"{len(table)} answers are too few for {len(structure.items)} items.")
    if constant := [i for i in structure.items if not table[i].std() > 1e-9]:
        raise ValueError(f"All answers to {', '.join(constant)} are equal.")
    return _tables(_solved(np.cov(table.to_numpy().T, bias=True), structure), structure)


def bootstrap(
    answers: pd.DataFrame,
    structure: Structure,
    times: int = 500,
    seed: int = 0,
    cluster: pd.Series | None = None,
) -> dict[str, pd.DataFrame]:
    """Percentile intervals of every estimate (Efron and Tibshirani 1993), over `times` bootstrap
    samples.

    cluster: whose answer each is; whoever answered twice is then drawn with both answers or with
    neither (Davison and Hinkley 1997, section 3.8). Returns the tables of `Fit` with …_low and
    …_high beside each estimate, and `model` with goodness_of_fit and n, the samples used: those in
    which an item has no spread, or that do not converge, are left out.
    """
    table = completed(answers, structure).to_numpy()
    table = table - table.mean(axis=0)  # so that the covariance of a sample keeps its digits
    person = np.arange(len(table)) if cluster is None else pd.factorize(cluster)[0]
    drawn = []
    for weight in draws(person, times, seed):
        mean = weight @ table / weight.sum()
        covariance = (table * weight[:, None]).T @ table / weight.sum() - np.outer(mean, mean)
        if (np.diag(covariance) > 1e-12).all():
            again = _solved(covariance, structure)
            drawn += [again] if again.converged else []
    whole = fit(answers, structure)
    tables = {
        "paths": whole.paths,
        "outer": whole.outer,
        "blocks": whole.blocks,
        "pairs": whole.pairs,
        "model": pd.DataFrame({"goodness_of_fit": [whole.goodness_of_fit], "n": [len(drawn)]}),
    }
    for name, columns in ESTIMATES.items():
        for column in columns:
            values = np.array([getattr(solution, column) for solution in drawn])
            low, high = _percentiles(values.reshape(len(drawn), len(tables[name])))
            tables[name][f"{column}_low"], tables[name][f"{column}_high"] = low, high
    return tables


def _percentiles(values: np.ndarray) -> np.ndarray:
    """The ends of the interval of each column, empty where a sample has no value of it."""
    ends = np.full((2, values.shape[1]), np.nan)
    estimated = ~np.isnan(values).any(axis=0) & (len(values) > 0)
    if estimated.any():
        ends[:, estimated] = np.quantile(
            values[:, estimated], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0
        )
    return ends


ESTIMATES = {
    "paths": ["path", "corrected", "share"],
    "outer": ["weight", "loading"],
    "blocks": ["r_squared", "alpha", "rho", "ave", "rho_a"],
    "pairs": ["htmt"],
    "model": ["goodness_of_fit"],
}
OUTER_ESTIMATES = [f"{e}{end}" for e in ESTIMATES["outer"] for end in ("", "_low", "_high")]


@dataclass(frozen=True)
class Solution:
    """The estimates as arrays in the order of the tables of `Fit`; cross: items × blocks."""

    path: np.ndarray
    corrected: np.ndarray
    share: np.ndarray
    weight: np.ndarray
    loading: np.ndarray
    cross: np.ndarray
    r_squared: np.ndarray
    alpha: np.ndarray
    rho: np.ndarray
    ave: np.ndarray
    rho_a: np.ndarray
    htmt: np.ndarray
    goodness_of_fit: float
    converged: bool


@dataclass(frozen=True)
class Layout:
    """Where the blocks of a structure lie in its items.

    own: block to its items; acting, acted: block to those that act on it, and on which it acts;
    targets: blocks on which any acts, in the order of the structure's paths.
    reflected: whether a block is shown by several items.
    """

    own: list[slice]
    acting: list[list[int]]
    acted: list[list[int]]
    targets: list[int]
    formative: list[bool]
    reflected: list[bool]

    @classmethod
    def of(cls, structure: Structure) -> "Layout":
        """The layout of a structure."""
        names = list(structure.blocks)
        at = np.cumsum([0, *[len(items) for items in structure.blocks.values()]])
        acting = [[names.index(o) for o in structure.paths.get(b, ())] for b in names]
        formative = [b in structure.formative for b in names]
        return cls(
            own=[slice(at[j], at[j + 1]) for j in range(len(names))],
            acting=acting,
            acted=[[k for k, a in enumerate(acting) if j in a] for j in range(len(names))],
            targets=[names.index(b) for b in structure.paths],
            formative=formative,
            reflected=[
                not f and len(items) > 1
                for f, items in zip(formative, structure.blocks.values(), strict=True)
            ],
        )


def _solved(covariance: np.ndarray, structure: Structure) -> Solution:
    """The estimates from the items' covariances."""
    layout = Layout.of(structure)
    w, converged = _weights(covariance, layout, structure.scheme)
    sd = np.sqrt(np.diag(covariance))
    loading = covariance @ w / sd[:, None]
    # the sign of a score is that of most of its items
    sign = np.array([1.0 if loading[o, j].sum() >= 0 else -1.0 for j, o in enumerate(layout.own)])
    w, loading = w * sign, loading * sign
    r = w.T @ covariance @ w
    correlation = covariance / np.outer(sd, sd)
    beta = {j: _regressed(r, acting, j) for j, acting in enumerate(layout.acting) if acting}
    r_squared = np.array(
        [beta[j] @ r[a, j] if j in beta else np.nan for j, a in enumerate(layout.acting)]
    )
    reliability = np.array([_reliability(correlation[o, o]) for o in layout.own])
    communality = [loading[o, j] ** 2 for j, o in enumerate(layout.own)]
    several = np.concatenate([c for c in communality if len(c) > 1] or [np.array([np.nan])])
    rho_a = np.array(
        [
            _rho_a(covariance[o, o], w[o, j]) if layout.reflected[j] else 1.0
            for j, o in enumerate(layout.own)
        ]
    )
    without_error = r / np.sqrt(np.outer(rho_a, rho_a))
    np.fill_diagonal(without_error, 1.0)
    corrected = [_regressed(without_error, layout.acting[j], j) for j in layout.targets]
    per_unit = np.abs(w.sum(axis=0)) / np.sqrt(rho_a)
    return Solution(
        path=np.concatenate([beta[j] for j in layout.targets]),
        corrected=np.concatenate(corrected),
        share=np.concatenate(_shares(corrected, layout, per_unit)),
        weight=np.concatenate([w[o, j] for j, o in enumerate(layout.own)]),
        loading=np.concatenate([loading[o, j] for j, o in enumerate(layout.own)]),
        cross=loading,
        r_squared=r_squared,
        alpha=reliability[:, 0],
        rho=reliability[:, 1],
        ave=np.array([c.mean() for c in communality]),
        rho_a=np.where(layout.reflected, rho_a, np.nan),
        htmt=_heterotrait_monotrait(np.abs(correlation), layout.own),
        goodness_of_fit=float(np.sqrt(max(several.mean() * np.nanmean(r_squared), 0.0))),
        converged=converged,
    )


def _weights(
    covariance: np.ndarray, layout: Layout, scheme: Literal["centroid", "path"]
) -> tuple[np.ndarray, bool]:
    """Items × blocks: the weights of each block's score, of variance one, when nothing changes any
    more; and whether that was reached.
    """
    w = np.zeros((len(covariance), len(layout.own)))
    for j, own in enumerate(layout.own):
        w[own, j] = 1.0
    w /= np.sqrt(np.einsum("ij,ik,kj->j", w, covariance, w))
    for _round in range(MOST_ROUNDS):
        # covariance of every item with the inner score of every block
        with_items = covariance @ w @ _inner(w.T @ covariance @ w, layout, scheme)
        new = np.zeros_like(w)
        for j, own in enumerate(layout.own):
            new[own, j] = with_items[own, j]
            if layout.formative[j]:
                new[own, j] = np.linalg.lstsq(covariance[own, own], new[own, j], rcond=None)[0]
        new /= np.sqrt(np.maximum(np.einsum("ij,ik,kj->j", new, covariance, new), 1e-300))
        moved = ((np.abs(new) - np.abs(w)) ** 2).sum()
        w = new
        if moved < PRECISION:
            return w, True
    return w, False


def _inner(r: np.ndarray, layout: Layout, scheme: Literal["centroid", "path"]) -> np.ndarray:
    """How much each block's score counts in the inner score of those it is joined to."""
    inner = np.zeros_like(r)
    for j, (acting, acted) in enumerate(zip(layout.acting, layout.acted, strict=True)):
        if scheme == "path":
            if acting:
                inner[acting, j] = _regressed(r, acting, j)
            inner[acted, j] = r[acted, j]
        else:
            linked = acting + acted
            inner[linked, j] = np.sign(r[linked, j])
    return inner


def _regressed(r: np.ndarray, acting: list[int], j: int) -> np.ndarray:
    return np.asarray(np.linalg.lstsq(r[np.ix_(acting, acting)], r[acting, j], rcond=None)[0])


def _shares(corrected: list[np.ndarray], layout: Layout, per_unit: np.ndarray) -> list[np.ndarray]:
    """Shares of the corrected paths, each taken back to the units of the answers: a dimension in
    which people differ more does not count more for that. per_unit: standard deviations per unit of
    each block.
    """
    shares = []
    for path, target in zip(corrected, layout.targets, strict=True):
        effect = path * per_unit[layout.acting[target]]
        total = effect.sum()
        shares.append(effect / total if abs(total) > 1e-9 else np.full(len(effect), np.nan))
    return shares


def _rho_a(covariance: np.ndarray, w: np.ndarray) -> float:
    """Reliability of a score of variance one with weights w (Dijkstra and Henseler 2015), held
    between 0.05 and 1.
    """
    between, by_weights = covariance - np.diag(np.diag(covariance)), np.outer(w, w) - np.diag(w**2)
    scale = w @ by_weights @ w
    if abs(scale) <= 1e-12:
        return 1.0
    return float(np.clip((w @ w) ** 2 * (w @ between @ w) / scale, 0.05, 1.0))


def _heterotrait_monotrait(correlation: np.ndarray, own: list[slice]) -> np.ndarray:
    """Per pair of blocks: mean correlation of items of different blocks over the geometric mean of
    those within each.
    """
    within = []
    for block in own:
        inside = correlation[block, block]
        p = len(inside)
        within.append((inside.sum() - np.trace(inside)) / (p * (p - 1)) if p > 1 else np.nan)
    return np.array(
        [
            correlation[own[j], own[k]].mean() / np.sqrt(within[j] * within[k])
            for j in range(len(own))
            for k in range(j + 1, len(own))
        ]
    )


def _reliability(correlation: np.ndarray) -> tuple[float, float]:
    """Cronbach's alpha (1951) of standardised items, and Dillon and Goldstein's rho from their
    first principal component.
    """
    p = len(correlation)
    if p < 2:
        return 1.0, 1.0
    between = correlation.sum() - p
    alpha = p / (p - 1) * between / (between + p)
    values, vectors = np.linalg.eigh(correlation)
    first = np.abs(vectors[:, -1] * np.sqrt(values[-1]))
    return float(alpha), float(first.sum() ** 2 / (first.sum() ** 2 + (1 - first**2).sum()))


def _tables(solution: Solution, structure: Structure) -> Fit:
    """The solution under its names."""
    outer = pd.DataFrame(
        [(b, i) for b, items in structure.blocks.items() for i in items], columns=["block", "item"]
    )
    paths = pd.DataFrame(
        [(s, t) for t, sources in structure.paths.items() for s in sources],
        columns=["source", "target"],
    )
    blocks = pd.DataFrame({"block": list(structure.blocks)})
    pairs = pd.DataFrame(combinations(structure.blocks, 2), columns=["block", "other"])
    for table, name in ((paths, "paths"), (outer, "outer"), (blocks, "blocks"), (pairs, "pairs")):
        for column in ESTIMATES[name]:
            table[column] = getattr(solution, column)
    for j, b in enumerate(structure.blocks):
        outer[f"with_{b}"] = solution.cross[:, j]
    return Fit(paths, outer, blocks, pairs, solution.goodness_of_fit, solution.converged)
