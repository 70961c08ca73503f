"""Who left, as the params file says."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.marts.rows import BEFORE

#: Of every customer active a quarter before, whether it left by this one: column to its type.
DEPARTURES = {
    "customer_id": "string",
    "branch_id": "string",
    "customer_type": "string",
    "quarter": "string",
    "left": "boolean",
}


def departures(now: ir.Table, before: ir.Table, rule: str, quarter: str) -> ir.Table:
    """Of every customer active a quarter before, whether it left: the columns `DEPARTURES`.

    now, before: customer_quarter of the quarter and of the one before. rule: SQL over their
    columns, those of the quarter before beginning with before_; whoever has no open account any
    more has left, whatever it says.
    """
    earlier = before.filter(_.active).rename({f"{BEFORE}{c}": c for c in before.columns})
    joined = earlier.left_join(now, [(f"{BEFORE}customer_id", "customer_id")])
    con = now.get_backend()
    rows = con.create_table("departures__now", joined, temp=True, overwrite=True)
    return con.sql(
        f"""
        SELECT
            {BEFORE}customer_id AS customer_id,
            {BEFORE}branch_id AS branch_id,
            {BEFORE}customer_type AS customer_type,
            '{quarter}' AS quarter,
            customer_id IS NULL OR coalesce({rule}, FALSE) AS "left"
        FROM {rows.get_name()}
        """,
        schema=ibis.schema(DEPARTURES),
        dialect="duckdb",
    )
