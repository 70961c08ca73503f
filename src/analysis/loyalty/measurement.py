"""How well the questionnaire measures, and whom it reached. Tables in, tables out."""

from collections.abc import Container

import pandas as pd

from analysis.language import Impossible, say, sentences
from analysis.loyalty.nonresponse import Response
from analysis.loyalty.pathmodel import PathModel
from analysis.statistics.intervals import share_interval


def _with_ends(*names: str) -> dict[str, str]:
    return {f"{name}{end}": "float" for name in names for end in ("", "_low", "_high")}


def _rows(model: PathModel | Impossible, table: str, columns: dict[str, str]) -> pd.DataFrame:
    """The columns of a table of the model, n being its answers; empty where there is no model."""
    names = [name for name in columns if name != "n"]
    if isinstance(model, Impossible):
        return pd.DataFrame(columns=names).assign(n=0)
    rows = [row.model_dump(include=set(names)) for row in getattr(model, table)]
    return pd.DataFrame(rows, columns=names).assign(n=model.answers)


#: How strongly each block acts on the next: column to its type.
#: path: standardised; corrected: for the error of measurement; each with its interval (bootstrap).
#: n: answers; certain: whether the interval of the path does not contain 0.
PATHS = {
    "source": "str",
    "target": "str",
    **_with_ends("path", "corrected"),
    "n": "int",
    "certain": "bool",
}


def paths(model: PathModel | Impossible) -> pd.DataFrame:
    """How strongly each block acts on the next: the columns `PATHS`."""
    table = _rows(model, "paths", {c: t for c, t in PATHS.items() if c != "certain"})
    return table.assign(
        certain=(table["path_low"].astype(float) > 0) | (table["path_high"].astype(float) < 0)
    )


#: How well each block is measured and explained: column to its type; figures with their interval.
#: alpha: Cronbach's; rho: composite reliability; ave: average variance extracted.
#: n: answers.
BLOCKS = {"block": "str", **_with_ends("alpha", "rho", "ave", "r_squared"), "n": "int"}


def measurement(model: PathModel | Impossible) -> pd.DataFrame:
    """How well each block is measured and explained: the columns `BLOCKS`."""
    return _rows(model, "blocks", BLOCKS)


#: Whether two blocks measure different things: column to its type.
#: htmt: heterotrait-monotrait ratio, with its interval; distinct: whether that lies below 0.9.
DISTINCT = {"block": "str", "other": "str", **_with_ends("htmt"), "distinct": "bool"}


def distinct(model: PathModel | Impossible) -> pd.DataFrame:
    """Whether blocks measure different things (Henseler, Ringle and Sarstedt 2015), the closest
    pair first: the columns `DISTINCT`.
    """
    table = _rows(model, "pairs", {c: t for c, t in DISTINCT.items() if c != "distinct"})
    table = table.drop(columns="n").dropna(subset=["htmt"])
    table = table.assign(distinct=table["htmt_high"].astype(float) < 0.9)
    return table.sort_values(["htmt", "block"], ascending=[False, True], ignore_index=True)


#: How each item measures its block: column to its type.
#: highest_cross: largest correlation with another block's score.
#: missing: share of empty answers; lowest, highest: of those at either end of the scale.
#: n: answers.
ITEM_QUALITY = {
    "block": "str",
    "item": "str",
    **_with_ends("weight", "loading"),
    "highest_cross": "float",
    "missing": "float",
    "lowest": "float",
    "highest": "float",
    "n": "int",
}


def item_quality(model: PathModel | Impossible) -> pd.DataFrame:
    """How each item measures its block: the columns `ITEM_QUALITY`."""
    if isinstance(model, Impossible):
        return pd.DataFrame(columns=list(ITEM_QUALITY))
    rows = [
        {
            **item.model_dump(),
            "highest_cross": max(
                (c for block, c in item.with_blocks.items() if block != item.block), default=None
            ),
            "n": model.answers,
        }
        for item in model.outer
    ]
    return pd.DataFrame(rows, columns=list(ITEM_QUALITY))


#: Who answered, by category of a margin: column to its type.
#: customers, answered: their numbers; rate: with its interval (Wilson).
#: of_customers, of_answers, weighted: share of customers, of answers, and of weighted answers.
WHO_ANSWERED = {
    "margin": "str",
    "category": "str",
    "customers": "int",
    "answered": "int",
    "rate": "float",
    "rate_low": "float",
    "rate_high": "float",
    "of_customers": "float",
    "of_answers": "float",
    "weighted": "float",
}


def who_answered(
    response: Response | None, min_cell: int, withheld: Container[str] = ()
) -> pd.DataFrame:
    """Response of every category in the bank: the columns `WHO_ANSWERED`. Categories of fewer than
    `min_cell` customers, or of fewer answers but not none, are left out, and so are those named in
    `withheld`; of a margin at least two are, and so many that together they are not fewer.
    """
    rows = []
    categories = response.categories if response else []
    few = {
        (c.margin, c.category)
        for c in categories
        if c.customers < min_cell or 0 < c.answered < min_cell or c.category in withheld
    }
    for margin in {margin for margin, _category in few}:
        of_margin = sorted(
            (c for c in categories if c.margin == margin), key=lambda c: (c.answered, c.category)
        )
        for c in of_margin:
            hidden = [h for h in of_margin if (margin, h.category) in few]
            customers, answered = (
                sum(h.customers for h in hidden),
                sum(h.answered for h in hidden),
            )
            if len(hidden) > 1 and customers >= min_cell and not 0 < answered < min_cell:
                break
            few.add((margin, c.category))
    for c in categories:
        if (c.margin, c.category) in few:
            continue
        low, high = share_interval(c.answered, c.customers)
        rows.append(
            [
                c.margin,
                c.category,
                c.customers,
                c.answered,
                c.answered / c.customers,
                low,
                high,
                c.of_customers,
                c.of_answers,
                c.weighted,
            ]
        )
    return pd.DataFrame(rows, columns=list(WHO_ANSWERED))


def response_in_words(response: Response | None) -> str:
    """How many answered, what that is worth after weighting, and for whom nobody stands."""
    if response is None:
        return ""
    text = say(
        "{n} of {customers} customers of the types asked answered. After weighting by "
        "group, age, branch and years with the bank they are as exact as {effective} "
        "unweighted answers."
    ).format(
        n=f"{response.n:,}",
        customers=f"{response.customers:,}",
        effective=f"{response.effective:,.0f}",
    )
    if response.represented < 0.995:
        nobody = say(
            "{share} of the customers are of a category in which nobody answered; the "
            "index says nothing of them."
        )
        return sentences(text, nobody.format(share=f"{1 - response.represented:.0%}"))
    return text


#: The indices with the weights and without: column to its type.
#: dimension: or index; n: answers; effective: sample size (Kish 1965).
#: mean, unweighted: 0–100; difference: points.
WITH_AND_WITHOUT = {
    "dimension": "str",
    "n": "int",
    "effective": "float",
    "mean": "float",
    "unweighted": "float",
    "difference": "float",
}


def with_and_without(
    scores: pd.DataFrame, branch: str, quarter: str, min_cell: int
) -> pd.DataFrame:
    """The indices with the weights and without: the columns `WITH_AND_WITHOUT`."""
    of_branch = (
        scores[
            (scores["branch_id"] == branch)
            & (scores["quarter"] == quarter)
            & (scores["segment"] == "")
        ]
        if len(scores)
        else scores
    )
    columns = [c for c in WITH_AND_WITHOUT if c != "difference"]
    of_branch = (
        of_branch[of_branch["n"] >= min_cell][columns]
        if len(of_branch)
        else pd.DataFrame(columns=columns)
    )
    return of_branch.assign(difference=of_branch["mean"] - of_branch["unweighted"]).reset_index(
        drop=True
    )
