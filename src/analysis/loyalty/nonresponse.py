"""Who answered and who did not, and weights that make the answers represent the customers.

Raking (iterative proportional fitting; Deming and Stephan 1940) of the answers to the customers'
own distribution over group, age, branch and years with the bank; weights held below five times
their mean (trimmed; Potter 1990). It mends what these four say, and nothing that they do not: who
is content and answers for that reason stays over-represented.
"""

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

MARGINS = ("segment", "age", "branch_id", "tenure")
AGES, TENURES = (30, 45, 60), (2, 5, 10)
MOST_WEIGHT = 5.0
ROUNDS = 200
UNKNOWN = "unknown"


def cells(customers: ir.Table, answered: ir.Table) -> ir.Table:
    """How many customers there are, and how many answered, in every cell of the margins.

    customers: customer_quarter with `segment`. answered: customer_id of whoever answered. Only
    types of customers that were asked (of whom somebody answered) count. Returns the margins as
    text, customers and answered.
    """
    who = answered.select("customer_id").distinct().mutate(said=True)
    rows = customers.left_join(who, "customer_id")
    said = rows.said.fill_null(False)
    asked = rows.filter(rows.said).select(asked_type="customer_type").distinct()
    rows = rows.mutate(
        age=_band(rows.age_years, AGES),
        tenure=_band(rows.tenure_years, TENURES),
        answered_=said.cast("int64"),
    )
    rows = rows.mutate(segment=rows.segment.fill_null(UNKNOWN)).semi_join(
        asked, rows.customer_type == asked.asked_type
    )
    return (
        rows.group_by(list(MARGINS))
        .aggregate(customers=_.count(), answered=_.answered_.sum())
        .order_by(list(MARGINS))
    )


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


def who_answered(counts: pd.DataFrame) -> dict[str, Any]:
    """Response by category: margin, category, customers, answered, of_customers and of_answers
    (shares), weighted (share of the weighted answers); with n, effective (sample size; Kish 1965)
    and represented (share of customers in categories in which anybody answered).
    """
    weighted = counts.assign(w=(raked(counts) * counts["answered"]).fillna(0.0))
    n = float(counts["answered"].sum())
    squares = float((raked(counts) ** 2 * counts["answered"]).sum())
    rows, represented = [], np.ones(len(counts), dtype=bool)
    for margin in MARGINS:
        summed = weighted.groupby(margin)[["customers", "answered", "w"]].sum()
        for category, r in summed.iterrows():
            rows.append(
                {
                    "margin": margin,
                    "category": str(category),
                    "customers": int(r["customers"]),
                    "answered": int(r["answered"]),
                    "of_customers": r["customers"] / summed["customers"].sum(),
                    "of_answers": r["answered"] / n if n else np.nan,
                    "weighted": r["w"] / n if n else np.nan,
                }
            )
        represented &= (summed["answered"] > 0)[counts[margin]].to_numpy()
    return {
        "n": int(n),
        "customers": int(counts["customers"].sum()),
        "effective": float(weighted["w"].sum() ** 2 / squares) if squares else 0.0,
        "represented": float(
            counts.loc[represented, "customers"].sum() / max(counts["customers"].sum(), 1)
        ),
        "categories": rows,
    }
