"""Checks compiled from the declarations: one expression per table that names, for every row, the
rules it breaks.

The expressions are Ibis, so they run where the rows are. Own expressions rather than pandera's Ibis
backend, which collects failing values in pandas: see docs/decisions/0002-checks-as-expressions.md.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping

import ibis
import ibis.expr.datatypes as dtypes
import ibis.expr.types as ir

from analysis.contract.declaration import Column, Table

#: Columns that say where a row came from.
ORIGIN = ("source_file", "source_line")


@ibis.udf.scalar.builtin(signature=(("string", "timestamp('UTC')"), "timestamp(6)"))
def timezone(zone: str, moment: dt.datetime) -> dt.datetime:  # type: ignore[empty-body]
    """The local time in a zone (a function of the engine)."""


#: A time of day followed by an offset from universal time, as in 10:00:00+08:00 or 02:00Z.
WITH_OFFSET = r"[0-9]{2}:[0-9]{2}.*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"


def _local(value: ir.Value, zone: str) -> ir.Value:
    """A moment in the bank's local time: one with an offset is converted, one without is taken as
    it is.
    """
    if isinstance(value.type(), dtypes.Timestamp) and value.type().timezone:
        return timezone(zone, value.cast("timestamp('UTC')"))
    if not value.type().is_string():
        return value.try_cast("timestamp(6)")
    moved = timezone(zone, value.try_cast("timestamp('UTC')"))
    return ibis.ifelse(value.re_search(WITH_OFFSET), moved, value.try_cast("timestamp(6)"))


def typed(staged: ir.Table, table: Table, zone: str = "Asia/Shanghai") -> ir.Table:
    """The staged rows in the contract's types, with `row_as_read` (`column=value; ` for each, a
    semicolon in a value behind a backslash) for the quarantine.

    staged: one row per row of the source, with the contract's columns in whatever type the source
    has, and ORIGIN.
    zone: IANA name of the bank's time zone, for moments that come with an offset.
    A value that cannot be read as its type becomes null here and breaks the rule `<column>.type` in
    `broken_rules`.
    """
    columns = {}
    for column in table.columns:
        value = staged[column.name]
        if value.type().is_string():
            value = value.strip().nullif("")
        columns[column.name] = (
            _local(value, zone) if column.type == "timestamp" else value.try_cast(column.ibis_type)
        )
        columns[f"{column.name}__unreadable"] = value.notnull() & columns[column.name].isnull()
    whole = ibis.literal("")
    for column in table.columns:
        whole = (
            whole
            + ibis.literal(f"{column.name}=")
            + _escaped(staged[column.name].cast("string").fill_null(""))
            + ibis.literal("; ")
        )
    return staged.select(*ORIGIN, **columns, row_as_read=whole)


def _escaped(value: ir.StringValue) -> ir.StringValue:
    """So that a value cannot look like the next column."""
    return value.replace("\\", "\\\\").replace(";", "\\;")


def as_read(row: str, column: str) -> str:
    """The value of a column in `row_as_read`."""
    found = re.search(rf"(?:^|; ){re.escape(column)}=((?:\\.|[^\\;])*); ", row, re.DOTALL)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def broken_rules(
    rows: ir.Table, table: Table, referenced: Mapping[str, ir.Table], as_of: dt.date
) -> ir.Table:
    """Each row with `broken`: the names of the rules it breaks, separated by ", "; empty for a good
    row.

    rows: what `typed` gives. referenced: the accepted rows of the tables this one refers to; a
    reference to a table that the bank does not deliver cannot be checked and is let pass.
    """
    broken = ibis.literal("")
    for name, is_broken in _rules(rows, table, referenced, as_of):
        broken = broken + ibis.ifelse(
            is_broken.fill_null(False), ibis.literal(f"{name}, "), ibis.literal("")
        )
    checked = rows.mutate(broken=broken)
    repeated = _repeated(rows, table)
    checked = checked.left_join(repeated, [checked[c] == repeated[c] for c in ORIGIN])
    broken = (
        checked.broken
        + ibis.ifelse(
            checked.is_repeated.fill_null(False), ibis.literal("unique_key, "), ibis.literal("")
        )
    ).re_replace(", $", "")
    return checked.select(
        *ORIGIN,
        *[c.name for c in table.columns],
        broken=broken,
        row_as_read=ibis.ifelse(broken == "", ibis.null("string"), checked.row_as_read),
    )


def _rules(
    rows: ir.Table, table: Table, referenced: Mapping[str, ir.Table], as_of: dt.date
) -> Iterator[tuple[str, ir.BooleanValue]]:
    for column in table.columns:
        yield f"{column.name}.type", rows[f"{column.name}__unreadable"]
        for rule, is_broken in _column_rules(rows[column.name], column, rows, referenced, as_of):
            yield f"{column.name}.{rule}", is_broken
    for row_rule in table.rules:
        yield row_rule.name, row_rule.broken(rows)


def _column_rules(
    value: ir.Value,
    column: Column,
    rows: ir.Table,
    referenced: Mapping[str, ir.Table],
    as_of: dt.date,
) -> Iterator[tuple[str, ir.BooleanValue]]:
    if column.required:
        yield "required", value.isnull() & ~rows[f"{column.name}__unreadable"]
    if column.allowed:
        yield "allowed", value.notin(column.allowed)
    if column.pattern:
        yield "pattern", ~value.re_search(column.pattern)
    if column.minimum is not None:
        yield "minimum", value < column.minimum
    if column.maximum is not None:
        yield "maximum", value > column.maximum
    if column.not_future:
        yield "future", value.cast("date") > ibis.literal(as_of)
    if column.references:
        other, key = column.references.split(".")
        if other in referenced:
            yield "reference", value.notin(referenced[other][key])


def _repeated(rows: ir.Table, table: Table) -> ir.Table:
    """The origin of every row whose key stood on an earlier row; the first one is kept."""
    key = list(table.key)
    twice = (
        rows.filter([rows[k].notnull() for k in key])
        .group_by(key)
        .having(ibis._.count() > 1)
        .aggregate()
    )
    candidates = rows.semi_join(twice, key)
    rank = ibis.row_number().over(
        group_by=[candidates[k] for k in key], order_by=[candidates[c] for c in ORIGIN]
    )
    ranked = candidates.select(*ORIGIN, rank=rank)
    return ranked.filter(ranked["rank"] > 0).select(*ORIGIN, is_repeated=ibis.literal(True))
