"""How well the questionnaire measures, and whom it reached. Tables in, tables out."""

import pandas as pd

from analysis.loyalty.nonresponse import Response
from analysis.loyalty.pathmodel import PathModel
from analysis.report.language import Impossible, say
from analysis.statistics.intervals import share_interval


def _with_ends(*names: str) -> list[str]:
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]


def _rows(model: PathModel | Impossible, table: str, columns: list[str]) -> pd.DataFrame:
    """A table of the model, with n (answers); empty where there is no model."""
    if isinstance(model, Impossible):
        return pd.DataFrame(columns=columns).assign(n=0)
    rows = [row.model_dump(include=set(columns)) for row in getattr(model, table)]
    return pd.DataFrame(rows, columns=columns).assign(n=model.answers)


def paths(model: PathModel | Impossible) -> pd.DataFrame:
    """How strongly each block acts on the next.

    source, target: text, blocks
    path: float, standardised, with path_low and path_high (bootstrap)
    corrected: float, for the error of measurement, with its interval
    n: int, answers
    certain: bool, whether the interval of the path does not contain 0
    """
    table = _rows(model, "paths", ["source", "target", *_with_ends("path", "corrected")])
    return table.assign(
        certain=(table["path_low"].astype(float) > 0) | (table["path_high"].astype(float) < 0)
    )


def measurement(model: PathModel | Impossible) -> pd.DataFrame:
    """How well each block is measured and explained; each figure with …_low and …_high.

    block: text
    alpha: float, Cronbach's
    rho: float, composite reliability
    ave: float, average variance extracted
    r_squared: float
    n: int, answers
    """
    return _rows(model, "blocks", ["block", *_with_ends("alpha", "rho", "ave", "r_squared")])


def distinct(model: PathModel | Impossible) -> pd.DataFrame:
    """Whether blocks measure different things (Henseler, Ringle and Sarstedt 2015), the closest
    pair first.

    block, other: text
    htmt: float, heterotrait-monotrait ratio, with htmt_low and htmt_high
    distinct: bool, whether the interval lies below 0.9
    """
    table = _rows(model, "pairs", ["block", "other", *_with_ends("htmt")]).drop(columns="n")
    table = table.dropna(subset=["htmt"]).assign(
        distinct=lambda t: t["htmt_high"].astype(float) < 0.9
    )
    return table.sort_values(["htmt", "block"], ascending=[False, True], ignore_index=True)


def item_quality(model: PathModel | Impossible) -> pd.DataFrame:
    """How each item measures its block.

    block, item: text
    weight, loading: float, each with …_low and …_high
    highest_cross: float, largest correlation with another block's score
    missing: float, share of empty answers
    lowest, highest: float, shares of answers at either end of the scale
    n: int, answers
    """
    columns = ["block", "item", *_with_ends("weight", "loading"), "highest_cross"]
    columns += ["missing", "lowest", "highest", "n"]
    if isinstance(model, Impossible):
        return pd.DataFrame(columns=columns)
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
    return pd.DataFrame(rows, columns=columns)


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


def who_answered(response: Response | None, min_cell: int) -> pd.DataFrame:
    """Response of every category in the bank: the columns `WHO_ANSWERED`. Categories of fewer than
    `min_cell` customers, or of fewer answers but not none, are left out.
    """
    rows = []
    for c in response.categories if response else []:
        if c.customers < min_cell or 0 < c.answered < min_cell:
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
        text += " " + say(
            "{share} of the customers are of a category in which nobody answered; the "
            "index says nothing of them."
        ).format(share=f"{1 - response.represented:.0%}")
    return text


def with_and_without(
    scores: pd.DataFrame, branch: str, quarter: str, min_cell: int
) -> pd.DataFrame:
    """The indices with the weights and without.

    dimension: text, or index
    n: int, answers
    effective: float, sample size (Kish 1965)
    mean, unweighted: float, 0–100
    difference: float, points
    """
    of_branch = (
        scores[
            (scores["branch_id"] == branch)
            & (scores["quarter"] == quarter)
            & (scores["segment"] == "")
        ]
        if len(scores)
        else scores
    )
    columns = ["dimension", "n", "effective", "mean", "unweighted"]
    of_branch = (
        of_branch[of_branch["n"] >= min_cell][columns]
        if len(of_branch)
        else pd.DataFrame(columns=columns)
    )
    return of_branch.assign(difference=of_branch["mean"] - of_branch["unweighted"]).reset_index(
        drop=True
    )
