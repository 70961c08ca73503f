"""From the bank's raw tables, whichever engine holds them, to rows with the contract's columns: as
the params file maps them, each with the file and line it stood on.
"""

import re
from collections.abc import Iterable

import duckdb
import ibis
import sqlglot
from ibis.backends.duckdb import Backend

from analysis.contract import Column, Table
from analysis.contract.values import BLANKS
from analysis.errors import SourceError, engine_says, nearest_first
from analysis.language import listed, say, sentences
from analysis.sources import database
from analysis.sources.files import (
    RAW_ORIGIN,
    Relation,
    open_relation,
    shown_path,
    source_files,
)
from analysis.sources.params import Bank, ColumnMapping, FromSql, TableMapping
from analysis.storage import file_fingerprint, quoted, text_fingerprint

#: What no column is called: a number or a day.
A_VALUE = re.compile(r"[-+]?\d[\d.,:/\- ]*")


class RawTables:
    """The raw tables of a bank, whichever engine holds them."""

    def __init__(self, bank: Bank, con: Backend) -> None:
        self.bank, self.con = bank, con
        self.opened: dict[str, Relation] = {}
        self.database = database.connect(bank) if bank.source.engine == "postgres" else None
        self.files = {} if self.database else source_files(bank)
        self.columns: dict[str, list[str]] = (
            database.relations(self.database, bank)
            if self.database
            else {name: [] for name in self.files}
        )
        self.can_reuse = self.database is None

    def mapping(self, table: Table) -> TableMapping | None:
        """How the table is mapped: as the params file says, or onto a raw table of its own name, in
        whatever letters it is written.
        """
        if table.name in self.bank.tables:
            return self.bank.tables[table.name]
        if found := written_as(table.name, self.columns):
            return TableMapping.model_validate({"from": found})
        return None

    def uses(self, mapping: TableMapping) -> list[str]:
        """The raw tables a mapping reads, those that only a column looks up included; the one that
        rows come from first.
        """
        looked_up = [
            column.sql
            for column in mapping.columns.values()
            if isinstance(column, ColumnMapping) and column.sql
        ]
        if isinstance(mapping.from_, FromSql):
            used = self._named_in(mapping.from_.sql)
        elif found := written_as(mapping.from_, self.columns):
            used = [found]
        else:
            nearest = listed(nearest_first(mapping.from_, self.columns))
            raise SourceError(
                say(
                    "The source has no table {name!r} (tables in {path}). It has: {nearest}."
                ).format(
                    name=mapping.from_, path=self.bank.path.name, nearest=nearest or say("nothing")
                )
            )
        for sql in looked_up:
            used += [name for name in self._named_in(f"SELECT {sql}") if name not in used]
        return used

    def _named_in(self, sql: str) -> list[str]:
        """The raw tables that a query names; of one that cannot be parsed, every raw table whose
        name stands in it.
        """
        dialect = "postgres" if self.database else "duckdb"
        try:
            query = sqlglot.parse_one(sql, dialect=dialect)
        except sqlglot.errors.SqlglotError:
            return [name for name in self.columns if name.lower() in sql.lower()]
        tables = [t.name.lower() for t in query.find_all(sqlglot.exp.Table)]
        return sorted(
            (name for name in self.columns if name.lower() in tables),
            key=lambda name: tables.index(name.lower()),
        )

    def fingerprint(self, mapping: TableMapping) -> str:
        """Changes when a file that the mapping reads changes, or its name."""
        cache = self.bank.data_folder / "contract" / "files.json"
        return text_fingerprint(
            *[
                part
                for name in self.uses(mapping)
                for f in self.files.get(name, [])
                for part in (name, shown_path(self.bank, f), file_fingerprint(f, cache))
            ]
        )

    def stage(
        self, table: Table, mapping: TableMapping
    ) -> tuple[ibis.Table, list[Relation], list[str]]:
        """The mapped rows with their origin, the raw tables they come from, and the optional
        columns that are missing.
        """
        name = f"staged__{table.name}"
        used = self.uses(mapping)
        if not self.database:
            self._open(used)
        query = mapping.from_.sql if isinstance(mapping.from_, FromSql) else ""
        base = f"({query})" if query else self._raw(used[0])
        available = self._columns_of(table, mapping, base, used)
        select, missing = self._select(table, mapping, available)
        known_as = quoted(" + ".join(used) or f"tables.{table.name}")
        if self.database:
            query = (
                f"SELECT CAST('{known_as}' AS TEXT) AS source_file, CAST(NULL AS BIGINT) AS "
                f"source_line, {select} FROM {base} AS raw"
            )
            database.copy_query(self.database, self.con, query, name, list(table.key))
        else:
            origin = (
                f"{RAW_ORIGIN[0]} AS source_file, {RAW_ORIGIN[1]} AS source_line"
                if RAW_ORIGIN[1] in available
                else f"'{known_as}' AS source_file, row_number() OVER () AS source_line"
            )
            self._run(
                f'CREATE OR REPLACE VIEW "{name}" AS SELECT {origin}, {select} FROM {base} AS raw',
                table,
            )
        rows = self.con.table(name)
        # the engine shows a column in the letters of the raw table, whatever it is called
        rows = rows.rename({c.lower(): c for c in rows.columns if c != c.lower()})
        return rows, [self.opened[u] for u in used if u in self.opened], missing

    def _raw(self, name: str) -> str:
        """A raw table as it is named in a query."""
        return f'"{self.bank.source.schema_}"."{name}"' if self.database else f'"{name}"'

    def _open(self, names: list[str]) -> None:
        for name in names:
            if name not in self.opened:
                self.opened[name] = open_relation(self.con, self.bank, name, self.files[name])
                self.columns[name] = self.opened[name].columns

    def _columns_of(
        self, table: Table, mapping: TableMapping, base: str, used: list[str]
    ) -> list[str]:
        if not self.database:
            return [row[0] for row in self._run(f"DESCRIBE SELECT * FROM {base} AS raw", table)]
        if isinstance(mapping.from_, FromSql):
            return database.columns_of(self.database, f"SELECT * FROM {base} AS raw")
        return self.columns[used[0]]

    def _run(self, statement: str, table: Table) -> list[tuple[str, ...]]:
        try:
            return self.con.raw_sql(statement).fetchall()
        except duckdb.Error as error:
            raise SourceError(
                say("tables.{table} in {path}: the engine refused the mapping: {fault}").format(
                    table=table.name, path=self.bank.path.name, fault=engine_says(error)
                )
            ) from error

    def _select(
        self, table: Table, mapping: TableMapping, available: list[str]
    ) -> tuple[str, list[str]]:
        selected, missing = [], []
        for column in table.columns:
            mapped = mapping.columns.get(column.name, written_as(column.name, available) or "")
            mapped = ColumnMapping(column=mapped) if isinstance(mapped, str) else mapped
            if mapped.column:
                written = written_as(mapped.column, available)
                if not written:
                    raise SourceError(self._no_column(table, mapping, mapped.column, available))
                mapped = mapped.model_copy(update={"column": written})
            elif not mapped.sql:
                if column.required:
                    raise SourceError(self._no_column(table, mapping, column.name, available))
                missing.append(column.name)
            expression = _expression(mapped, column)
            if column.type == "amount" and table.name == "transactions":
                expression = self._signed(expression, available)
            as_text = f"CAST({expression} AS TEXT)" if self.database else expression
            selected.append(f'{as_text} AS "{column.name}"')
        return ", ".join(selected), missing

    def _signed(self, amount: str, available: list[str]) -> str:
        """The amount with the sign that the column of the side says; what says neither side stays
        beside the amount, which then is none.
        """
        side = self.bank.formats.debit_credit
        if side is None:
            return amount
        column = written_as(side.column, available)
        if not column:
            raise SourceError(
                say(
                    "formats.debit_credit.column in {path}: transactions has no column "
                    "{column!r}. It has: {available}."
                ).format(
                    path=self.bank.path.name,
                    column=side.column,
                    available=listed(nearest_first(side.column, available)),
                )
            )
        text, said = f"TRIM(CAST({amount} AS TEXT))", f'TRIM(CAST(raw."{column}" AS TEXT))'
        debit, credit = (
            ", ".join(f"'{quoted(word)}'" for word in words) for words in (side.debit, side.credit)
        )
        return (
            f"CASE WHEN {said} IN ({credit}) THEN {text} WHEN {said} IN ({debit}) THEN "
            f"CASE WHEN {text} LIKE '-%' THEN SUBSTR({text}, 2) ELSE '-' || {text} END "
            f"ELSE {text} || ' ' || COALESCE({said}, '?') END"
        )

    def _no_column(
        self, table: Table, mapping: TableMapping, column: str, available: list[str]
    ) -> str:
        columns = [c for c in nearest_first(column, available) if c not in RAW_ORIGIN]
        file = ", ".join(
            p.name for u in self.uses(mapping) for p in self.files.get(u, [])[:1]
        ) or str(mapping.from_)
        if not self.database and any(A_VALUE.fullmatch(c) for c in columns):
            return (  # without what stands in it
                say(
                    "{table}: the first line of {file} reads like a row, not like the names of its "
                    "columns. A header line is needed."
                ).format(table=table.name, file=file)
            )
        told = [
            say("{table}: {file} has no column {column!r}. It has: {columns}.").format(
                table=table.name, file=file, column=column, columns=listed(columns)
            )
        ]
        if not self.database and len(columns) == 1 and re.search(r"[;,\t|]", columns[0]):
            split = say(
                "It was split at {separator!r}; is another character the separator "
                "(source.csv.separator)?"
            )
            told.append(split.format(separator=self.bank.source.csv.separator))
        name = say("Name the right one under tables.{table}.columns.{column}.")
        return sentences(*told, name.format(table=table.name, column=column))


def written_as(name: str, names: Iterable[str]) -> str | None:
    """How a name is written among the names, in whatever letters; None where it is not there."""
    names = list(names)
    if name in names:
        return name
    return next((n for n in names if n.lower() == name.lower()), None)


def _expression(mapped: ColumnMapping, column: Column) -> str:
    """The column in SQL, its codes translated."""
    null = f"CAST(NULL AS {'TEXT' if column.ibis_type == 'string' else 'VARCHAR'})"
    expression = mapped.sql or (f'raw."{mapped.column}"' if mapped.column else null)
    if not mapped.codes:
        return expression
    text = f"TRIM(CAST({expression} AS VARCHAR), '{BLANKS}')"
    cases = " ".join(f"WHEN {_literal(a)} THEN {_literal(b)}" for a, b in mapped.codes.items())
    return f"CASE COALESCE({text}, '') {cases} ELSE {text} END"


def _literal(text: str | None) -> str:
    return "NULL" if text is None else f"'{quoted(text)}'"
