"""The rows of a mart of many quarters that a method looks at."""

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
