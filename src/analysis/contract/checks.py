"""Checks compiled from the declarations: one expression per table that names, for every row, the
rules it breaks.

The expressions are Ibis, so they run where the rows are. Own expressions rather than pandera's Ibis
backend, which collects failing values in pandas: see docs/decisions/0002-checks-as-expressions.md.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from analysis.contract.declaration import Column, Table
from analysis.contract.formats import Formats
from analysis.contract.values import as_written, read_as, stands_for_nothing

#: Columns that say where a row came from.
ORIGIN = ("source_file", "source_line")
#: In place of a rule's name: the value was a word that stands for nothing.
EMPTY_WORD = "empty_word"
AS_EXPECTED = Formats()
Rule = tuple[str, ir.BooleanValue]


def _as_expression(_name: str, rows: ir.Table) -> ir.Table:
    return rows


@dataclass(frozen=True)
class Reading:
    """How a table of a bank is read."""

    zone: str = "Asia/Shanghai"  # IANA name of the bank's time zone
    formats: Formats = AS_EXPECTED  # how the bank writes values
    missing: tuple[str, ...] = ()  # columns that the bank does not deliver
    # gives rows a name in the engine, where each expression then stands once instead of wherever
    # it is used
    named: Callable[[str, ir.Table], ir.Table] = _as_expression


AS_USUAL = Reading()


def typed(staged: ir.Table, table: Table, how: Reading = AS_USUAL) -> ir.Table:
    """The staged rows in the contract's types, with `row_as_read` (`column=value; ` for each, a
    semicolon in a value behind a backslash) for the quarantine.

    staged: one row per row of the source, with the contract's columns in whatever type the source
    has, and ORIGIN.
    A value that cannot be read as its type becomes null here and breaks the rule `<column>.type` in
    `broken_rules`; a word that stands for nothing becomes null too, and is noted there.
    """
    delivered = [c for c in table.columns if c.name not in how.missing]
    whole = ibis.literal("")
    for column in delivered:
        text = staged[column.name].cast("string").fill_null("")
        whole = whole + f"{column.name}=" + _escaped(text) + "; "
    plain = {c.name: as_written(staged[c.name]) for c in delivered}
    written = how.named("written", staged.select(*ORIGIN, **plain, row_as_read=whole))
    words = {
        f"{c.name}__word": stands_for_nothing(written[c.name], how.formats).fill_null(False)
        for c in delivered
    }
    values = {
        f"{c.name}__read": read_as(written[c.name], c, how.zone, how.formats) for c in delivered
    }
    read = how.named("read", written.mutate(**words, **values))
    columns = {c.name: ibis.null(c.ibis_type) for c in table.columns}
    for column in delivered:
        name, is_word = column.name, read[f"{column.name}__word"]
        value = read[f"{name}__read"]
        columns[name] = ibis.ifelse(is_word, ibis.null(column.ibis_type), value)
        columns[f"{name}__word"] = is_word
        columns[f"{name}__unreadable"] = read[name].notnull() & value.isnull() & ~is_word
    return read.select(*ORIGIN, **columns, row_as_read="row_as_read")


def _escaped(value: ir.StringValue) -> ir.StringValue:
    """So that a value cannot look like the next column."""
    return value.replace("\\", "\\\\").replace(";", "\\;")


def as_read(row: str, column: str) -> str:
    """The value of a column in `row_as_read`."""
    found = re.search(rf"(?:^|; ){re.escape(column)}=((?:\\.|[^\\;])*); ", row, re.DOTALL)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def broken_rules(
    rows: ir.Table,
    table: Table,
    referenced: Mapping[str, ir.Table],
    as_of: dt.date,
    how: Reading = AS_USUAL,
) -> ir.Table:
    """Each row with what is wrong with it.

    broken: the names of the rules that set the row aside, separated by ", "; empty for a good row.
    emptied: those of which only the value is left out, because the column may be empty, and
    `<column>.empty_word` where it stood for nothing.

    rows: what `typed` gives. referenced: the accepted rows of the tables this one refers to; a
    reference to a table that the bank does not deliver cannot be checked and is let pass.
    """
    broken: list[Rule] = []
    emptied: list[Rule] = []
    values: dict[str, ir.Value] = {}
    for column in table.columns:
        if column.name in how.missing:
            continue
        faults = [
            (f"{column.name}.{rule}", is_faulty.fill_null(False))
            for rule, is_faulty in _column_rules(column, rows, referenced, as_of)
        ]
        if column.costs_the_row or column.name in table.key:
            broken += faults
        else:
            emptied += faults
            is_any = ibis.or_(*[is_faulty for _, is_faulty in faults])
            nothing = ibis.null(column.ibis_type)
            values[column.name] = ibis.ifelse(is_any, nothing, rows[column.name])
        emptied.append((f"{column.name}.{EMPTY_WORD}", rows[f"{column.name}__word"]))
    broken += [(rule.name, rule.broken(rows).fill_null(False)) for rule in table.rules]
    checked = how.named(
        "broken", rows.mutate(**values, broken=_names(broken), emptied=_names(emptied))
    )
    repeated = _repeated(rows, table)
    checked = checked.left_join(repeated, [checked[c] == repeated[c] for c in ORIGIN])
    is_repeated = checked.is_repeated.fill_null(False)
    told = checked.broken + ibis.ifelse(is_repeated, "unique_key, ", "")
    broken_told = told.re_replace(", $", "")
    emptied_told = checked.emptied.re_replace(", $", "")
    is_good = (broken_told == "") & (emptied_told == "")
    return checked.select(
        *ORIGIN,
        *[c.name for c in table.columns],
        broken=broken_told,
        emptied=emptied_told,
        row_as_read=ibis.ifelse(is_good, ibis.null("string"), checked.row_as_read),
    )


def _names(rules: list[Rule]) -> ir.StringValue:
    """The names of the rules that are broken, each followed by ", "."""
    names = ibis.literal("")
    for name, is_broken in rules:
        names = names + ibis.ifelse(is_broken, f"{name}, ", "")
    return names


def _column_rules(
    column: Column, rows: ir.Table, referenced: Mapping[str, ir.Table], as_of: dt.date
) -> Iterator[Rule]:
    value, unreadable = rows[column.name], rows[f"{column.name}__unreadable"]
    yield "type", unreadable
    if column.required:
        yield "required", value.isnull() & ~unreadable
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
            # of nothing, not even nothing is a member: an empty value refers to no row
            yield "reference", value.notnull() & value.notin(referenced[other][key])


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
