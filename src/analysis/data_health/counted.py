"""The checks carried out: how many rows each applies to and doubts by branch, and which."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from analysis.data_health.checks import COMPLETENESS, EXAMINED, Check, Examined, Tables
from analysis.quarters import Quarter
from analysis.sources.params import DataHealth

#: Quarters whose checks and days a quarter is compared with, itself included.
COMPARED = 5
#: Column to its type: of a check (`table.name`) and branch the rows that it applies to, and those
#: that it doubts.
DATA_CHECK = {
    "branch_id": "string",
    "check": "string",
    "rows": "int64",
    "doubtful": "int64",
}
#: A row that a check doubts. customer_id: whom it concerns, where it is one.
DATA_DOUBT = {
    "branch_id": "string",
    "check": "string",
    "key": "string",
    "customer_id": "string",
}


def checked(
    engine: Backend,
    tables: Tables,
    quarter: Quarter,
    judged: DataHealth,
    known: Sequence[str] = (),
    examined: Sequence[Examined] = EXAMINED,
) -> tuple[pd.DataFrame, ir.Table]:
    """The rows `DATA_CHECK` and `DATA_DOUBT` of a quarter.

    tables: by name, those that are there. judged: settings of the params file. known: the checks
    of the quarter before. A column that is empty in every row that it could be filled in is not
    delivered, and its check is left out, unless it was known.
    """
    counts, doubts = [], []
    for each in examined:
        if not set(each.needs) <= tables.keys():
            continue
        rows = each.rows(tables, quarter, judged)
        looked_at = rows.select(
            "branch_id",
            key=rows.key.cast("string"),
            customer_id=rows.customer_id,
            **{check.name: _verdict(check, rows) for check in each.checks},
        )
        name = f"checked__{each.table}_{quarter}"
        looked_at = engine.create_table(name, looked_at, temp=True, overwrite=True)
        counted = _counted(looked_at, each, known)
        counts.append(counted)
        names = [n.split(".")[1] for n in counted.loc[counted["doubtful"] > 0, "check"].unique()]
        doubts += [_doubted(looked_at, each.table, name) for name in sorted(names)]
    found = pd.concat(counts, ignore_index=True) if counts else pd.DataFrame(columns=[*DATA_CHECK])
    if not doubts:
        none = f"checked__nothing_{quarter}"
        return found, engine.create_table(none, schema=DATA_DOUBT, temp=True, overwrite=True)
    return found, ibis.union(*doubts) if len(doubts) > 1 else doubts[0]


def _verdict(check: Check, rows: ir.Table) -> ir.BooleanValue:
    """True where the row is doubtful, false where it is not, empty where the check says nothing."""
    applies = check.applies(rows).fill_null(False)
    return ibis.ifelse(applies, check.doubtful(rows).fill_null(False), ibis.null("boolean"))


def _counted(looked_at: ir.Table, each: Examined, known: Sequence[str]) -> pd.DataFrame:
    sums = {}
    for check in each.checks:
        sums[f"{check.name}__rows"] = looked_at[check.name].count()
        sums[f"{check.name}__doubtful"] = looked_at[check.name].sum().fill_null(0)
    wide = looked_at.group_by("branch_id").aggregate(**sums).to_pandas()
    parts = []
    for check in each.checks:
        part = pd.DataFrame(
            {
                "branch_id": wide["branch_id"],
                "check": f"{each.table}.{check.name}",
                "rows": wide[f"{check.name}__rows"].astype(int),
                "doubtful": wide[f"{check.name}__doubtful"].astype(int),
            }
        )
        empty = part["doubtful"].sum() == part["rows"].sum() and check.aspect == COMPLETENESS
        never = empty and f"{each.table}.{check.name}" not in known
        if not never:
            parts.append(part[part["rows"] > 0])
    told = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*DATA_CHECK])
    return told.sort_values(["branch_id", "check"], ignore_index=True)


def _doubted(looked_at: ir.Table, table: str, name: str) -> ir.Table:
    rows = looked_at.filter(looked_at[name].fill_null(False))
    return rows.select(
        "branch_id",
        check=ibis.literal(f"{table}.{name}"),
        key=rows.key,
        customer_id=rows.customer_id,
    )
