"""Tables of the contract with real customers: records that are one customer become one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _
from ibis.backends.duckdb import Backend

from analysis.contract.tables import CONTRACT, customer_columns
from analysis.steps.declaration import MERGED_CUSTOMER, SAME_CUSTOMER, Rows, Step
from analysis.steps.graph import Node
from analysis.steps.keeping import place_of
from analysis.storage import rows_of


def by_customer(inputs: Mapping[str, Any], step: Step, opened: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a step, in those that are tables of the contract the real customers.

    opened: everything that was opened for it, with the rows `SAME_CUSTOMER` and `MERGED_CUSTOMER`
    where identification found records that are one customer.
    """
    same, merged = opened.get(SAME_CUSTOMER), opened.get(MERGED_CUSTOMER)
    if same is None or merged is None:
        return dict(inputs)
    return {
        name: rows
        if rows is None or read.kind != "table" or read.delivered
        else with_real_customers(read.name, rows, same, merged)
        for (name, rows), read in zip(inputs.items(), step.reads.values(), strict=True)
    }


def prepared_customers(
    data_folder: Path, engine: Backend, tables: Mapping[str, ir.Table]
) -> dict[str, ir.Table]:
    """Tables of the contract with the real customers that were found when the bank was prepared."""
    same, merged = (
        data_folder / place_of(Rows(name, ()), Node("", None))
        for name in (SAME_CUSTOMER, MERGED_CUSTOMER)
    )
    if not same.exists() or not merged.exists():
        return dict(tables)
    one, known = rows_of(engine, [same]), rows_of(engine, [merged])
    return {n: with_real_customers(n, rows, one, known) for n, rows in tables.items()}


def with_real_customers(table: str, rows: ir.Table, same: ir.Table, merged: ir.Table) -> ir.Table:
    """The rows of a table of the contract in which every customer bears one `customer_id`.

    same: `customer_id` of a record to `customer_key`, for records that are not a customer by
    themselves. merged: the contract's columns of the customers these make up.
    """
    columns = customer_columns(table)
    if not columns:
        return rows
    if table == "customers":
        single = rows.anti_join(same, "customer_id")
        return single.union(merged.select(*rows.columns).cast(rows.schema()))
    keys = same.select("customer_id", "customer_key")
    replaced = rows
    for column in columns:
        of_column = keys.rename(
            {f"{column}_record": "customer_id", f"{column}_key": "customer_key"}
        )
        replaced = replaced.left_join(of_column, replaced[column] == of_column[f"{column}_record"])
        known = ibis.coalesce(replaced[f"{column}_key"], replaced[column])
        replaced = replaced.mutate(**{column: known}).drop(f"{column}_record", f"{column}_key")
    replaced = replaced.select(*rows.columns)
    key = CONTRACT[table].key
    if not set(columns) & set(key):
        return replaced
    others = [c for c in rows.columns if c not in key]
    first = ibis.row_number().over(group_by=list(key), order_by=[ibis.desc(c) for c in others])
    return replaced.mutate(first=first).filter(_.first == 0).drop("first")
