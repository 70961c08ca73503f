"""The rows of a table or mart that a method looks at."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.quarters import Quarter

BEFORE = "before_"  # columns of the quarter before begin with it


def rows_of(mart: ir.Table | None, *quarters: Quarter) -> ir.Table | None:
    """The rows of the quarters; None where there are none, or no such mart.

    mart: with a column quarter.
    """
    if mart is None:
        return None
    rows = mart.filter(_.quarter.isin([str(q) for q in quarters]))
    return rows if rows.head(1).count().to_pyarrow().as_py() else None


def names_in(rows: ir.Table, column: str) -> list[str]:
    """The texts of a column, each once, in order."""
    names = rows.select(column).distinct().order_by(column).to_pandas()[column]
    return [str(name) for name in names]


def during(transactions: ir.Table, quarter: Quarter) -> ir.Table:
    """The entries booked in the quarter."""
    booked = transactions.booked_at
    return transactions.filter(
        (booked >= midnight(quarter)) & (booked < midnight(quarter.shifted(1)))
    )


def midnight(quarter: Quarter) -> ir.Value:
    """The moment at which a quarter begins."""
    return ibis.timestamp(f"{quarter.start} 00:00:00")


def delivered(tables: dict[str, ir.Table | None]) -> dict[str, ir.Table]:
    """The tables that are there."""
    return {name: rows for name, rows in tables.items() if rows is not None}
