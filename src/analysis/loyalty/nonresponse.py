"""Who answered and who did not, and weights that make the answers represent the customers.

Raking (iterative proportional fitting; Deming and Stephan 1940) of the answers to the customers'
own distribution over group, age, branch and years with the bank; weights held below five times
their mean (trimmed; Potter 1990). It mends what these four say, and nothing that they do not: who
is content and answers for that reason stays over-represented.
"""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.shape import Shape

MARGINS = ("segment", "age", "branch_id", "tenure")
AGES, TENURES = (30, 45, 60), (2, 5, 10)
MOST_WEIGHT = 5.0
ROUNDS = 200
UNKNOWN = "unknown"


class Category(Shape):
    """A category of a margin.

    of_customers, of_answers, weighted: its share of the customers, of the answers, and of the
    answers as they count.
    """

    margin: str
    category: str
    customers: int
    answered: int
    of_customers: float
    of_answers: float
    weighted: float


class Response(Shape):
    """Who answered in a quarter.

    effective: sample size (Kish 1965).
    represented: share of customers in categories in which anybody answered.
    """

    n: int
    customers: int
    effective: float
    represented: float
    categories: list[Category]


def cells(customers: ir.Table, answered: ir.Table) -> ir.Table:
    """How many customers there are, and how many answered, in every cell of the margins.

    customers: customer_quarter with `segment`. answered: customer_id of whoever answered. Only
    types of customers that were asked (of whom somebody answered) count. Returns
    MARGINS: text, a column each
    customers: int
    answered: int
    """
    answering = answered.select("customer_id").distinct().mutate(said=True)
    in_cells = customers.left_join(answering, "customer_id")
    said = in_cells.said.fill_null(False)
    asked = in_cells.filter(in_cells.said).select(asked_type="customer_type").distinct()
    in_cells = in_cells.mutate(
        age=_band(in_cells.age_years, AGES),
        tenure=_band(in_cells.tenure_years, TENURES),
        answered_=said.cast("int64"),
    )
    in_cells = in_cells.mutate(segment=in_cells.segment.fill_null(UNKNOWN)).semi_join(
        asked, in_cells.customer_type == asked.asked_type
    )
    return (
        in_cells.group_by(list(MARGINS))
        .aggregate(customers=_.count(), answered=_.answered_.sum())
        .order_by(list(MARGINS))
    )


def asked_cells(customers: ir.Table, answered: ir.Table) -> pd.DataFrame:
    """The cells as a frame, see `cells`."""
    return cells(customers, answered).to_pandas()


def margins_of(customers: ir.Table) -> dict[str, ir.Value]:
    """The cell of a customer: the columns to join weights on."""
    return {
        "segment": customers.segment.fill_null(UNKNOWN),
        "age": _band(customers.age_years, AGES),
        "branch_id": customers.branch_id,
        "tenure": _band(customers.tenure_years, TENURES),
    }


def _band(years: ir.Value, bounds: tuple[int, ...]) -> ir.Value:
    band: ir.Value = ibis.ifelse(years >= bounds[-1], f"{bounds[-1]}+", UNKNOWN)
    for low, high in reversed(list(zip((0, *bounds[:-1]), bounds, strict=True))):
        band = ibis.ifelse(years < high, ibis.literal(f"{low}–{high - 1}"), band)
    return band


def raked(counts: pd.DataFrame) -> pd.Series:
    """The weight of an answer in each cell, of mean one over the answers; not a number where nobody
    answered.

    counts: as from `cells`. A category in which nobody answered is left out of its margin: nobody
    stands for it.
    """
    answered = counts["answered"].to_numpy(dtype=float)
    if not answered.sum():
        return pd.Series(np.nan, index=counts.index)
    w = np.ones(len(counts))
    targets = []
    for margin in MARGINS:
        code, names = pd.factorize(counts[margin])
        there = np.bincount(code, answered, len(names))
        wanted = np.where(
            there > 0, np.bincount(code, counts["customers"].to_numpy(dtype=float), len(names)), 0.0
        )
        targets.append((code, wanted / wanted.sum() * answered.sum()))
    for _round in range(ROUNDS):
        before = w.copy()
        for code, wanted in targets:
            now = np.bincount(code, w * answered, len(wanted))
            w *= np.divide(wanted, now, out=np.ones_like(wanted), where=now > 0)[code]
        w = _trimmed(w, answered)
        if np.abs(w - before)[answered > 0].max() < 1e-8:
            break
    return pd.Series(np.where(answered > 0, w, np.nan), index=counts.index)


def _trimmed(w: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """The weights of mean one over the answers, none above five; what is cut goes to all the
    others.
    """
    for _round in range(ROUNDS):
        w = w * answered.sum() / (w * answered).sum()
        if (w <= MOST_WEIGHT * (1 + 1e-9))[answered > 0].all():
            break
        w = np.minimum(w, MOST_WEIGHT)
    return w


def response_of_quarter(customers: ir.Table, segments: ir.Table, answered: ir.Table) -> Response:
    """Who answered in a quarter; customers, segments: its customer_quarter and customer_segment."""
    customers = customers.join(segments.select("customer_id", "segment"), "customer_id")
    return who_answered(asked_cells(customers, answered))


def who_answered(counts: pd.DataFrame) -> Response:
    """Response by category; counts: as from `cells`."""
    weights = raked(counts)
    weighted = counts.assign(w=(weights * counts["answered"]).fillna(0.0))
    n, customers = float(counts["answered"].sum()), int(counts["customers"].sum())
    squares = float((weights**2 * counts["answered"]).sum())
    categories, represented = [], np.ones(len(counts), dtype=bool)
    for margin in MARGINS:
        summed = weighted.groupby(margin)[["customers", "answered", "w"]].sum()
        for category, r in summed.iterrows():
            categories.append(
                Category(
                    margin=margin,
                    category=str(category),
                    customers=int(r["customers"]),
                    answered=int(r["answered"]),
                    of_customers=r["customers"] / summed["customers"].sum(),
                    of_answers=r["answered"] / n if n else np.nan,
                    weighted=r["w"] / n if n else np.nan,
                )
            )
        represented &= (summed["answered"] > 0)[counts[margin]].to_numpy()
    return Response(
        n=int(n),
        customers=customers,
        effective=float(weighted["w"].sum() ** 2 / squares) if squares else 0.0,
        represented=float(counts.loc[represented, "customers"].sum() / max(customers, 1)),
        categories=categories,
    )
