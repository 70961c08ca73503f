"""From the bank's raw tables, whichever engine holds them, to rows with the contract's columns: as
the params file maps them, each with the file and line it stood on.
"""

import re

import duckdb
import ibis
from ibis.backends.duckdb import Backend

from analysis.contract import Column, Table
from analysis.contract.checks import ORIGIN
from analysis.errors import SourceError, engine_says, nearest_first
from analysis.sources import database
from analysis.sources.files import Relation, open_relation, source_files
from analysis.sources.params import Bank, ColumnMapping, FromSql, TableMapping
from analysis.storage import file_fingerprint, quoted, text_fingerprint


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
        """How the table is mapped: as the params file says, or onto a raw table of its own name."""
        if table.name in self.bank.tables:
            return self.bank.tables[table.name]
        if table.name in self.columns:
            return TableMapping.model_validate({"from": table.name})
        return None

    def uses(self, mapping: TableMapping) -> list[str]:
        """The raw tables a mapping reads."""
        if isinstance(mapping.from_, FromSql):
            return [
                name
                for name in self.columns
                if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", mapping.from_.sql)
            ]
        if mapping.from_ not in self.columns:
            nearest = ", ".join(nearest_first(mapping.from_, self.columns))
            raise SourceError(
                f"The source has no table {mapping.from_!r} (tables in "
                f"{self.bank.path.name}). It has: {nearest or 'nothing'}."
            )
        return [mapping.from_]

    def fingerprint(self, mapping: TableMapping) -> str:
        """Changes when a file that the mapping reads changes."""
        cache = self.bank.data_folder / "contract" / "files.json"
        return text_fingerprint(
            *[
                file_fingerprint(f, cache)
                for name in self.uses(mapping)
                for f in self.files.get(name, [])
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
        base = (
            f"({mapping.from_.sql})" if isinstance(mapping.from_, FromSql) else f'"{mapping.from_}"'
        )
        available = self._columns_of(table, base)
        select, missing = self._select(table, mapping, available)
        if self.database:
            schema = self.bank.source.schema_
            qualified = (
                base if isinstance(mapping.from_, FromSql) else f'"{schema}"."{mapping.from_}"'
            )
            query = (
                f"SELECT CAST('{used[0]}' AS TEXT) AS source_file, CAST(NULL AS BIGINT) AS "
                f"source_line, {select} FROM {qualified} AS raw"
            )
            database.copy_query(self.database, self.con, query, name, list(table.key))
        else:
            origin = (
                "source_file, source_line"
                if "source_line" in available
                else f"'{' + '.join(used)}' AS source_file, row_number() OVER () AS source_line"
            )
            self._run(
                f'CREATE OR REPLACE VIEW "{name}" AS SELECT {origin}, {select} FROM {base} AS raw',
                table,
            )
        return self.con.table(name), [self.opened[u] for u in used if u in self.opened], missing

    def _open(self, names: list[str]) -> None:
        for name in names:
            if name not in self.opened:
                self.opened[name] = open_relation(self.con, self.bank, name, self.files[name])
                self.columns[name] = self.opened[name].columns

    def _columns_of(self, table: Table, base: str) -> list[str]:
        if self.database:
            return (
                list(self.database.sql(f"SELECT * FROM {base} AS raw").columns)
                if base.startswith("(")
                else self.columns[base.strip('"')]
            )
        return [row[0] for row in self._run(f"DESCRIBE SELECT * FROM {base} AS raw", table)]

    def _run(self, statement: str, table: Table) -> list[tuple[str, ...]]:
        try:
            return self.con.raw_sql(statement).fetchall()
        except duckdb.Error as error:
            raise SourceError(
                f"tables.{table.name} in {self.bank.path.name}: the engine refused the "
                f"mapping: {engine_says(error)}"
            ) from error

    def _select(
        self, table: Table, mapping: TableMapping, available: list[str]
    ) -> tuple[str, list[str]]:
        selected, missing = [], []
        for column in table.columns:
            own_name = column.name if column.name in available else ""
            mapped = mapping.columns.get(column.name, own_name)
            mapped = ColumnMapping(column=mapped) if isinstance(mapped, str) else mapped
            if mapped.column and mapped.column not in available:
                raise SourceError(self._no_column(table, mapping, mapped.column, available))
            if not mapped.column and not mapped.sql:
                if column.required:
                    raise SourceError(self._no_column(table, mapping, column.name, available))
                missing.append(column.name)
            selected.append(f'{_expression(mapped, column)} AS "{column.name}"')
        return ", ".join(selected), missing

    def _no_column(
        self, table: Table, mapping: TableMapping, column: str, available: list[str]
    ) -> str:
        columns = [c for c in nearest_first(column, available) if c not in ORIGIN]
        file = ", ".join(
            p.name for u in self.uses(mapping) for p in self.files.get(u, [])[:1]
        ) or str(mapping.from_)
        hint = ""
        if not self.database and len(columns) == 1 and re.search(r"[;,\t|]", columns[0]):
            hint = (
                f" It was split at {self.bank.source.csv.separator!r}; is another character "
                f"the separator (source.csv.separator)?"
            )
        return (
            f"{table.name}: {file} has no column {column!r}. It has: "
            f"{', '.join(columns)}.{hint} Name the right one under "
            f"tables.{table.name}.columns.{column}."
        )


def _expression(mapped: ColumnMapping, column: Column) -> str:
    """The column in SQL, its codes translated."""
    null = f"CAST(NULL AS {'TEXT' if column.ibis_type == 'string' else 'VARCHAR'})"
    expression = mapped.sql or (f'raw."{mapped.column}"' if mapped.column else null)
    if not mapped.codes:
        return expression
    text = f"CAST({expression} AS VARCHAR)"
    cases = " ".join(f"WHEN {_literal(a)} THEN {_literal(b)}" for a, b in mapped.codes.items())
    return f"CASE COALESCE({text}, '') {cases} ELSE {text} END"


def _literal(text: str | None) -> str:
    return "NULL" if text is None else f"'{quoted(text)}'"
