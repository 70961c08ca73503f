"""How the blocks of the bank's questionnaire act on each other, as it is stored: the path model
fitted by `analysis.loyalty.partial_least_squares`, with what was answered to each item.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.language import Impossible, impossible
from analysis.loyalty.partial_least_squares import (
    OUTER_ESTIMATES,
    Structure,
    bootstrap,
    completed,
)
from analysis.shape import Shape, rows_as
from analysis.sources.params import Loyalty

LEAST = 100  # answers a path model is estimated from
MOST_ANSWERS = 20_000
LOWEST, HIGHEST = 1, 10  # of an answer


class Path(Shape):
    """How strongly a block acts on another.

    path: standardised; corrected: for the error of measurement; share: of all that acts on the
    target, per point of the answers. Each with its bootstrap interval, empty where there is none.
    """

    source: str
    target: str
    path: float | None
    path_low: float | None
    path_high: float | None
    corrected: float | None
    corrected_low: float | None
    corrected_high: float | None
    share: float | None
    share_low: float | None
    share_high: float | None


class OuterItem(Shape):
    """How an item measures its block.

    weight: of the centred item, for a score of variance one; loading: its correlation with the
    block's score; with_blocks: with every block's.
    missing, lowest, highest: shares of empty answers, and of answers at either end of the scale;
    empty of an item that was not asked on it.
    """

    block: str
    item: str
    weight: float | None
    weight_low: float | None
    weight_high: float | None
    loading: float | None
    loading_low: float | None
    loading_high: float | None
    with_blocks: dict[str, float]
    missing: float
    lowest: float | None
    highest: float | None


class BlockQuality(Shape):
    """How well a block is measured, and explained (r_squared; empty where nothing acts on it)."""

    block: str
    r_squared: float | None
    r_squared_low: float | None
    r_squared_high: float | None
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    rho: float | None
    rho_low: float | None
    rho_high: float | None
    ave: float | None
    ave_low: float | None
    ave_high: float | None
    rho_a: float | None
    rho_a_low: float | None
    rho_a_high: float | None


class Pair(Shape):
    """Two blocks with their heterotrait–monotrait ratio; empty for blocks of one item."""

    block: str
    other: str
    htmt: float | None
    htmt_low: float | None
    htmt_high: float | None


class Overall(Shape):
    """The goodness of fit of the whole model; n: bootstrap samples used."""

    goodness_of_fit: float
    goodness_of_fit_low: float | None
    goodness_of_fit_high: float | None
    n: int


class PathModel(Shape):
    """A fitted path model with its intervals.

    unanswered: items that nobody answered.
    span: item to its 1st and 99th percentile, or to the ends of the scale.
    """

    answers: int
    persons: int
    unanswered: list[str]
    span: dict[str, list[float]]
    paths: list[Path]
    outer: list[OuterItem]
    blocks: list[BlockQuality]
    pairs: list[Pair]
    overall: Overall


class PathModelOfYear(Shape):
    """The path model of the answers of a year."""

    quarters: list[str]
    model: PathModel | Impossible


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


def fit_path_model(
    answers: pd.DataFrame, structure: Structure | None, times: int = 500, cluster: str = ""
) -> PathModel | Impossible:
    """The path model with its intervals, or why it cannot be estimated.

    answers: a row per questionnaire, a column per item. cluster: the column that says whose answer
    it is. times: bootstrap samples.
    """
    if structure is None or answers.empty:
        return impossible(
            "The bank delivers no answers to items on dimensions and on satisfaction or loyalty."
        )
    structure, unanswered = _without_empty_items(answers, structure)
    if len(answers) < LEAST or not structure.paths:
        return impossible("{n} answers; {least} are needed.", n=len(answers), least=LEAST)
    filled = completed(answers, structure)
    if equal := [named(i) for i in structure.items if not filled[i].std() > 1e-9]:
        return impossible("All answers to {items} are equal.", items=", ".join(equal))
    tables = bootstrap(answers, structure, times, cluster=answers[cluster] if cluster else None)
    return PathModel(
        answers=len(answers),
        persons=int(answers[cluster].nunique()) if cluster else len(answers),
        unanswered=unanswered,
        span={named(i): _span(answers[i], i) for i in structure.items},
        paths=rows_as(Path, tables["paths"], 5),
        outer=_outer_items(tables["outer"], answers, structure),
        blocks=rows_as(BlockQuality, tables["blocks"], 5),
        pairs=rows_as(Pair, tables["pairs"], 5),
        overall=rows_as(Overall, tables["model"], 5)[0],
    )


ASKED = "item_"  # what the column of an item of the questionnaire begins with


def named(column: str) -> str:
    """The item in a column."""
    return column.removeprefix(ASKED)


def _span(values: pd.Series, column: str) -> list[float]:
    if column.startswith(ASKED):
        return [LOWEST, HIGHEST]
    return [float(v) for v in values.quantile([0.01, 0.99])]


def _outer_items(
    outer: pd.DataFrame, answers: pd.DataFrame, structure: Structure
) -> list[OuterItem]:
    """The items with what was answered to them."""
    rows = []
    for estimate in outer.to_dict("records"):
        column = str(estimate["item"])
        scores, asked = answers[column], column.startswith(ASKED)
        rows.append(
            OuterItem(
                block=estimate["block"],
                item=named(column),
                **{e: _rounded(estimate[e]) for e in OUTER_ESTIMATES},
                with_blocks={b: round(estimate[f"with_{b}"], 5) for b in structure.blocks},
                missing=round(float(scores.isna().mean()), 5),
                lowest=round(float((scores <= LOWEST).mean()), 5) if asked else None,
                highest=round(float((scores >= HIGHEST).mean()), 5) if asked else None,
            )
        )
    return rows


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)


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
    return Structure(blocks, paths, formative, structure.scheme), [named(i) for i in empty]
