"""Partial least squares path modelling of a questionnaire: how its blocks hang together, and how
well each is measured.

Lohmöller's algorithm (1989) as in Tenenhaus, Esposito Vinzi, Chatelin and Lauro (2005): every
block's score is a weighted sum of its items; weights follow from the scores of the blocks it is
joined to, until nothing changes. It works on the items' covariances alone, so a bootstrap sample
costs one matrix product. Checked against an independent implementation on a published survey
(tests/models/test_pathmodel.py).

Scores of few items carry their error of measurement, which makes paths between them too small. The
corrected paths divide it out by rho_A, each block's reliability (consistent PLS; Dijkstra and
Henseler 2015); blocks that their items make up, and those of one item, are taken as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis.report.language import impossible
from analysis.sources.params import Loyalty

MOST_ROUNDS = 300
PRECISION = 1e-7
LEVEL = 0.95
LEAST = 100  # answers a path model is estimated from
MOST_ANSWERS = 20_000
LOWEST, HIGHEST = 1, 10  # of an answer


@dataclass(frozen=True)
class Structure:
    """Blocks of items and the paths between them.

    blocks: name to items. paths: block to the blocks that act on it, acyclic. formative: blocks
    that their items make up (mode B); the others are reflected in their items (mode A). scheme:
    what joins blocks in the inner estimation.
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
    """What was estimated. `paths`: source, target, path, corrected (for the error of measurement),
    share (of the sum of the corrected paths to the same target, per point of the answers). `outer`:
    block, item, weight (of the centred item, for a score of variance one), loading (correlation of
    item and score), with_… (its correlation with every block's score). `blocks`: block, r_squared
    (empty where nothing acts on it), alpha, rho, ave, rho_a. `pairs`: block, other, htmt
    (heterotrait–monotrait ratio; Henseler, Ringle and Sarstedt 2015; empty for blocks of one item).
    `goodness_of_fit`: √(mean communality × mean R²) (Tenenhaus and others 2005).
    """

    paths: pd.DataFrame
    outer: pd.DataFrame
    blocks: pd.DataFrame
    pairs: pd.DataFrame
    goodness_of_fit: float
    converged: bool


def structure_of(settings: Loyalty) -> Structure | None:
    """The structure of the params file's questionnaire: dimensions → satisfaction → stated loyalty
    → loyal behaviour, without those it names nothing for; None where there are no dimensions or
    nothing they lead to. Behaviour is made up by its items.
    """
    blocks: dict[str, Sequence[str]] = {
        d: [f"item_{i}" for i in items] for d, items in settings.items.items()
    }
    drivers, paths = list(blocks), {}
    behaviour = list(settings.behaviour)
    asked = {
        n: [f"item_{i}" for i in getattr(settings, n)] for n in ("satisfaction", "stated_loyalty")
    }
    for name, items in (*asked.items(), ("behaviour", behaviour)):
        if items:
            blocks[name], paths[name] = items, drivers
            drivers = [name]
    formative = (*settings.formative, *(["behaviour"] if behaviour else []))
    return (
        Structure(blocks, paths, formative, settings.scheme) if paths and settings.items else None
    )


def as_data(
    answers: pd.DataFrame, structure: Structure | None, times: int = 500, cluster: str = ""
) -> dict[str, Any]:
    """The path model with its intervals as plain data: answers, persons, unanswered (items), the
    tables of `bootstrap` (each item with missing, and of items on the scale of 1 to 10 lowest and
    highest: shares of empty answers and of either end), and span (item to its 1st and 99th
    percentile, or the scale); {"reason": …} where it cannot be estimated.

    cluster: the column that says whose answer it is.
    """
    if structure is None or answers.empty:
        return impossible(
            "The bank delivers no answers to items on dimensions and on satisfaction or loyalty."
        )
    structure, unanswered = _without_empty_items(answers, structure)
    if len(answers) < LEAST or not structure.paths:
        return impossible("{n} answers; {least} are needed.", n=len(answers), least=LEAST)
    filled = completed(answers, structure)
    if equal := [i.removeprefix("item_") for i in structure.items if not filled[i].std() > 1e-9]:
        return impossible("All answers to {items} are equal.", items=", ".join(equal))
    tables = bootstrap(answers, structure, times, cluster=answers[cluster] if cluster else None)
    outer = tables["outer"]
    outer["missing"] = answers[structure.items].isna().mean()[outer["item"]].to_numpy()
    asked = outer["item"].str.startswith("item_")
    outer["lowest"] = [
        float((answers[i] <= LOWEST).mean()) if a else np.nan
        for i, a in zip(outer["item"], asked, strict=True)
    ]
    outer["highest"] = [
        float((answers[i] >= HIGHEST).mean()) if a else np.nan
        for i, a in zip(outer["item"], asked, strict=True)
    ]
    span = {
        i: [LOWEST, HIGHEST]
        if i.startswith("item_")
        else answers[i].quantile([0.01, 0.99]).astype(float).tolist()
        for i in structure.items
    }
    outer["item"] = outer["item"].str.removeprefix("item_")
    return {
        "answers": len(answers),
        "persons": int(answers[cluster].nunique()) if cluster else len(answers),
        "unanswered": unanswered,
        "span": {i.removeprefix("item_"): s for i, s in span.items()},
        **{name: plain(table) for name, table in tables.items()},
    }


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain data, numbers to five decimals, empty values as None."""
    return [
        {
            k: None
            if pd.isna(v)
            else round(float(v), 5)
            if isinstance(v, float)
            else v.item()
            if hasattr(v, "item")
            else v
            for k, v in row.items()
        }
        for row in table.to_dict("records")
    ]


def _without_empty_items(
    answers: pd.DataFrame, structure: Structure
) -> tuple[Structure, list[str]]:
    """The structure without items that nobody answered, and blocks that lost all theirs; and the
    names of those items.
    """
    empty = [i for i in structure.items if not answers[i].notna().any()]
    blocks = {b: [i for i in items if i not in empty] for b, items in structure.blocks.items()}
    blocks = {b: items for b, items in blocks.items() if items}
    paths = {
        t: [s for s in sources if s in blocks]
        for t, sources in structure.paths.items()
        if t in blocks
    }
    paths = {t: sources for t, sources in paths.items() if sources}
    formative = tuple(b for b in structure.formative if b in blocks)
    return Structure(blocks, paths, formative, structure.scheme), [
        i.removeprefix("item_") for i in empty
    ]


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
    whose = np.arange(len(table)) if cluster is None else pd.factorize(cluster)[0]
    drawn = []
    for weight in draws(whose, times, seed):
        mean = weight @ table / weight.sum()
        covariance = (table * weight[:, None]).T @ table / weight.sum() - np.outer(mean, mean)
        if (np.diag(covariance) > 1e-12).all() and (again := _solved(covariance, structure))[
            "converged"
        ]:
            drawn.append(again)
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
            values = np.array([d[column] for d in drawn]).reshape(len(drawn), len(tables[name]))
            known = (
                ~np.isnan(values).any(axis=0)
                if len(drawn)
                else np.zeros(len(tables[name]), dtype=bool)
            )
            for end, q in (("low", (1 - LEVEL) / 2), ("high", (1 + LEVEL) / 2)):
                bound = np.full(len(tables[name]), np.nan)
                if known.any():
                    bound[known] = np.quantile(values[:, known], q, axis=0)
                tables[name][f"{column}_{end}"] = bound
    return tables


def draws(whose: np.ndarray, times: int, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each row is in each of `times` bootstrap samples of persons; whose: number of the
    person of each row.
    """
    rng = np.random.default_rng(seed)
    persons = int(whose.max()) + 1 if len(whose) else 0
    for _time in range(times):
        yield np.bincount(rng.integers(0, persons, persons), minlength=persons)[whose].astype(float)


ESTIMATES = {
    "paths": ["path", "corrected", "share"],
    "outer": ["weight", "loading"],
    "blocks": ["r_squared", "alpha", "rho", "ave", "rho_a"],
    "pairs": ["htmt"],
    "model": ["goodness_of_fit"],
}


def _solved(covariance: np.ndarray, structure: Structure) -> dict[str, Any]:
    """The estimates from the items' covariances, as arrays in the order of the tables of `Fit`."""
    names = list(structure.blocks)
    at = np.cumsum([0, *[len(items) for items in structure.blocks.values()]])
    own = [slice(at[j], at[j + 1]) for j in range(len(names))]
    acting = [[names.index(o) for o in structure.paths.get(b, ())] for b in names]
    acted = [[k for k in range(len(names)) if j in acting[k]] for j in range(len(names))]

    # weights, until nothing changes; column j of w is the weight vector of block j over all items,
    # its score of variance one
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
        # covariance of every item with the inner score of every block
        with_items = covariance @ w @ inner
        new = np.zeros_like(w)
        for j, b in enumerate(names):
            new[own[j], j] = with_items[own[j], j]
            if b in structure.formative:
                new[own[j], j] = np.linalg.lstsq(
                    covariance[own[j], own[j]], new[own[j], j], rcond=None
                )[0]
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
    r_squared = np.array(
        [beta[j] @ r[acting[j], j] if j in beta else np.nan for j in range(len(names))]
    )
    reliability = np.array([_reliability(correlation[own[j], own[j]]) for j in range(len(names))])
    communality = [loading[own[j], j] ** 2 for j in range(len(names))]
    several = np.concatenate([c for c in communality if len(c) > 1] or [np.array([np.nan])])
    shown = [
        b not in structure.formative and len(items) > 1 for b, items in structure.blocks.items()
    ]
    rho_a = np.array(
        [
            _rho_a(covariance[own[j], own[j]], w[own[j], j]) if shown[j] else 1.0
            for j in range(len(names))
        ]
    )
    without_error = r / np.sqrt(np.outer(rho_a, rho_a))
    np.fill_diagonal(without_error, 1.0)
    corrected = [
        _regressed(without_error, acting[names.index(b)], names.index(b)) for b in structure.paths
    ]
    return {
        "path": np.concatenate([beta[names.index(b)] for b in structure.paths]),
        "corrected": np.concatenate(corrected),
        "share": np.concatenate(
            _shares(
                corrected,
                acting,
                [names.index(b) for b in structure.paths],
                np.abs(w.sum(axis=0)) / np.sqrt(rho_a),
            )
        ),
        "rho_a": np.where(shown, rho_a, np.nan),
        "htmt": _heterotrait_monotrait(np.abs(correlation), own),
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


def _shares(
    corrected: list[np.ndarray], acting: list[list[int]], targets: list[int], per_unit: np.ndarray
) -> list[np.ndarray]:
    """Shares of the corrected paths, each taken back to the units of the answers: a dimension in
    which people differ more does not count more for that. per_unit: standard deviations per unit of
    each block.
    """
    found = []
    for path, target in zip(corrected, targets, strict=True):
        effect = path * per_unit[acting[target]]
        found.append(
            effect / effect.sum() if abs(effect.sum()) > 1e-9 else np.full(len(effect), np.nan)
        )
    return found


def _rho_a(covariance: np.ndarray, w: np.ndarray) -> float:
    """Reliability of a score of variance one with weights w (Dijkstra and Henseler 2015), held
    between 0.05 and 1.
    """
    between, by_weights = covariance - np.diag(np.diag(covariance)), np.outer(w, w) - np.diag(w**2)
    scale = w @ by_weights @ w
    return (
        float(np.clip((w @ w) ** 2 * (w @ between @ w) / scale, 0.05, 1.0))
        if abs(scale) > 1e-12
        else 1.0
    )


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


def _tables(found: dict[str, Any], structure: Structure) -> Fit:
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
            table[column] = found[column]
    for j, b in enumerate(structure.blocks):
        outer[f"with_{b}"] = found["cross"][:, j]
    return Fit(paths, outer, blocks, pairs, found["goodness_of_fit"], found["converged"])
