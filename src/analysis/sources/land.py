"""From the bank's own tables to rows that keep the contract: map, type, check, set aside, write.

Accepted rows go to `<data>/contract/<table>.parquet` (transactions by quarter), the others to
`<data>/quarantine/<table>.parquet`. A table whose source, mapping and rules are as before is left
as it is.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import ibis
from ibis.backends.duckdb import Backend

from analysis.contract import CONTRACT, Table
from analysis.contract.checks import ORIGIN, broken_rules, typed
from analysis.errors import ContractError, SourceError, nearest_first
from analysis.sources import database
from analysis.sources.files import Relation, open_relation, source_files
from analysis.sources.params import Bank, ColumnMapping, FromSql, TableMapping
from analysis.storage import code_fingerprint, file_fingerprint, text_fingerprint, write_json

Progress = Callable[[str], None]


@dataclass
class Verdict:
    """What became of one table of the contract."""

    table: str
    delivered: bool = True
    rows: int = 0
    set_aside: dict[str, int] = field(default_factory=dict)  # rule to rows
    rows_set_aside: int = 0
    examples: list[str] = field(default_factory=list)
    missing_columns: list[str] = field(default_factory=list)
    newest: str = ""
    late: bool = False
    reused: bool = False
    fingerprint: str = ""
    parts: dict[str, str] = field(default_factory=dict)  # quarter to fingerprint, of transactions

    @property
    def accepted(self) -> int:
        """Rows that keep the contract."""
        return self.rows - self.rows_set_aside


@contextmanager
def embedded_engine(bank: Bank) -> Iterator[Backend]:
    """An embedded engine whose working file lies beside the bank's data and is gone afterwards."""
    bank.data_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".work-", dir=bank.data_folder) as folder:
        con = ibis.duckdb.connect(str(Path(folder) / "work.duckdb"))
        con.raw_sql(f"SET memory_limit = '{bank.engine.memory}'")
        con.raw_sql("SET enable_progress_bar = false")  # the commands have a display of their own
        con.raw_sql(f"SET temp_directory = '{folder}/spill'")
        if bank.engine.threads:
            con.raw_sql(f"SET threads = {bank.engine.threads}")
        try:
            yield con
        finally:
            con.disconnect()


def branch_ids(bank: Bank, con: Backend) -> list[str]:
    """The branches that the bank delivers, read without storing anything; what a branch's name is
    checked against before the rest is read.
    """
    source, table = _Source(bank, con), CONTRACT["branches"]
    mapping = source.mapping(table)
    if mapping is None:
        return []
    _land_table(bank, con, source, table, mapping, {}, write=False)
    return [
        row[0]
        for row in con.raw_sql('SELECT branch_id FROM "accepted__branches" ORDER BY 1').fetchall()
    ]


def land(
    bank: Bank, con: Backend, progress: Progress = lambda text: None, write: bool = True
) -> dict[str, Verdict]:
    """Hold every table of the bank to the contract and (when `write`) store what was accepted and
    what was not.

    Returns a verdict per contract table. Raises SourceError when an indispensable table is missing
    or a mapping does not fit the source, and ContractError when more than `quarantine_limit` of a
    table breaks its rules; with `write=False` (the fitness check) the latter is left to the caller,
    who sees the counts.
    """
    source = _Source(bank, con)
    seen: dict[str, Verdict] = {}
    accepted: dict[str, ibis.Table] = {}
    for table in CONTRACT.values():
        progress(table.name)
        mapping = source.mapping(table)
        if mapping is None:
            if table.indispensable:
                raise SourceError(
                    f"The table {table.name} is indispensable and is not there. The source "
                    f"has: {', '.join(source.columns) or 'nothing'}."
                    f" Map one of them under tables.{table.name} in {bank.path.name}."
                )
            seen[table.name] = Verdict(table.name, delivered=False)
            if write:
                _remove(bank, table)
            continue
        key = _key(bank, source, table, mapping, seen)
        verdict = _reusable(bank, table, key) if write and source.can_reuse else None
        if verdict is None:
            verdict = _land_table(bank, con, source, table, mapping, accepted, write)
            if write:
                write_json(
                    _record(bank, table),
                    {"key": key, **{k: v for k, v in vars(verdict).items() if k != "reused"}},
                )
        seen[table.name] = verdict
        accepted[table.name] = (
            con.read_parquet(str(accepted_path(bank, table.name)), hive_partitioning=False)
            if write
            else con.table(f"accepted__{table.name}")
        )
    return seen


def _key(
    bank: Bank, source: "_Source", table: Table, mapping: TableMapping, seen: dict[str, Verdict]
) -> str:
    """Changes with everything that what is accepted of a table depends on."""
    referenced = [seen[t].fingerprint for t in table.referenced_tables]
    code = code_fingerprint("contract", "sources")
    return text_fingerprint(
        source.fingerprint(mapping),
        mapping.model_dump_json(),
        str(bank.taken_on),
        bank.timezone,
        code,
        *referenced,
    )


def changed_tables(bank: Bank) -> list[str]:
    """Tables whose files, mapping or rules are not those that the accepted rows were made from;
    nothing is written.

    Empty for a source in a database, whose tables have no fingerprint.
    """
    with embedded_engine(bank) as con:
        source = _Source(bank, con)
        if not source.can_reuse:
            return []
        changed: list[str] = []
        seen: dict[str, Verdict] = {}
        for table in CONTRACT.values():
            mapping = source.mapping(table)
            delivered = _record(bank, table).exists()
            if mapping is None:
                seen[table.name] = Verdict(table.name, delivered=False)
                changed += [table.name] if delivered else []
                continue
            verdict = _reusable(bank, table, _key(bank, source, table, mapping, seen))
            if verdict is None:
                changed.append(table.name)
            stored = (
                json.loads(_record(bank, table).read_text(encoding="utf-8")) if delivered else {}
            )
            seen[table.name] = Verdict(table.name, fingerprint=stored.get("fingerprint", ""))
        return changed


def accepted_path(bank: Bank, table: str) -> Path:
    """Where the accepted rows of a table are: a file, or for transactions a pattern over the
    quarters.
    """
    folder = bank.data_folder / "contract"
    return (
        folder / "transactions" / "*" / "*.parquet"
        if table == "transactions"
        else folder / f"{table}.parquet"
    )


def _record(bank: Bank, table: Table) -> Path:
    return bank.data_folder / "contract" / f"{table.name}.json"


def _reusable(bank: Bank, table: Table, key: str) -> Verdict | None:
    record = _record(bank, table)
    there = (
        list(accepted_path(bank, table.name).parent.parent.glob("*/*.parquet"))
        if table.name == "transactions"
        else accepted_path(bank, table.name).exists()
    )
    if not record.exists() or not there:
        return None
    content = json.loads(record.read_text(encoding="utf-8"))
    if content.pop("key") != key:
        return None
    return Verdict(**content, reused=True)


def _remove(bank: Bank, table: Table) -> None:
    folder = bank.data_folder / "contract"
    for path in (
        folder / f"{table.name}.parquet",
        folder / f"{table.name}.json",
        bank.data_folder / "quarantine" / f"{table.name}.parquet",
    ):
        path.unlink(missing_ok=True)


class _Source:
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
            for raw in used:
                if raw not in self.opened:
                    self.opened[raw] = open_relation(self.con, self.bank, raw, self.files[raw])
                    self.columns[raw] = self.opened[raw].columns
        base = (
            f"({mapping.from_.sql})" if isinstance(mapping.from_, FromSql) else f'"{mapping.from_}"'
        )
        available = self._columns_of(table, base)
        select, missing = self._select(table, mapping, available)
        origin = (
            "source_file, source_line"
            if "source_line" in available
            else f"'{used[0] if used else table.name}' AS source_file, CAST(NULL AS BIGINT) AS "
            f"source_line"
        )
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
            if "source_line" not in available:
                origin = f"'{' + '.join(used)}' AS source_file, row_number() OVER () AS source_line"
            self._run(
                f'CREATE OR REPLACE VIEW "{name}" AS SELECT {origin}, {select} FROM {base} AS raw',
                table,
            )
        return self.con.table(name), [self.opened[u] for u in used if u in self.opened], missing

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
                f"mapping: {error}"
            ) from error

    def _select(
        self, table: Table, mapping: TableMapping, available: list[str]
    ) -> tuple[str, list[str]]:
        parts, missing = [], []
        for column in table.columns:
            given = mapping.columns.get(
                column.name, column.name if column.name in available else ""
            )
            given = ColumnMapping(column=given) if isinstance(given, str) else given
            if given.column and given.column not in available:
                raise SourceError(self._no_column(table, mapping, given.column, available))
            if not given.column and not given.sql:
                if column.required:
                    raise SourceError(self._no_column(table, mapping, column.name, available))
                missing.append(column.name)
            expression = given.sql or (
                f'raw."{given.column}"'
                if given.column
                else f"CAST(NULL AS {'TEXT' if column.ibis_type == 'string' else 'VARCHAR'})"
            )
            if given.codes:
                cases = " ".join(
                    f"WHEN {_literal(a)} THEN {_literal(b)}" for a, b in given.codes.items()
                )
                text = f"CAST({expression} AS VARCHAR)"
                expression = f"CASE COALESCE({text}, '') {cases} ELSE {text} END"
            parts.append(f'{expression} AS "{column.name}"')
        return ", ".join(parts), missing

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


def _literal(text: str | None) -> str:
    return "NULL" if text is None else "'" + str(text).replace("'", "''") + "'"


def _land_table(
    bank: Bank,
    con: Backend,
    source: _Source,
    table: Table,
    mapping: TableMapping,
    accepted: dict[str, ibis.Table],
    write: bool,
) -> Verdict:
    # map and check
    staged, relations, missing = source.stage(table, mapping)
    checked_name = f"checked__{table.name}"
    rules = broken_rules(typed(staged, table, bank.timezone), table, accepted, bank.taken_on)
    try:
        con.create_table(checked_name, rules, overwrite=True)
    except duckdb.Error as error:
        raise SourceError(
            f"tables.{table.name} in {bank.path.name}: the engine refused the mapping: {error}"
        ) from error
    checked = con.table(checked_name)
    unreadable = (
        [(r.name, *u) for r in relations for u in r.unreadable]
        if not isinstance(mapping.from_, FromSql) or len(relations) == 1
        else []
    )

    # count
    verdict = Verdict(table.name, missing_columns=missing)
    counts = con.raw_sql(f'SELECT broken, count(*) FROM "{checked_name}" GROUP BY 1').fetchall()
    verdict.rows = sum(n for _, n in counts) + len(unreadable)
    verdict.rows_set_aside = sum(n for broken, n in counts if broken) + len(unreadable)
    for broken, n in counts:
        for rule in filter(None, broken.split(", ")):
            verdict.set_aside[rule] = verdict.set_aside.get(rule, 0) + n
    if unreadable:
        verdict.set_aside["unreadable_line"] = len(unreadable)
    verdict.set_aside = dict(
        sorted(verdict.set_aside.items(), key=lambda item: (-item[1], item[0]))
    )
    verdict.examples = [
        f"{file} line {line:,}: unreadable_line ({text[:100]})"
        for _, file, line, text in unreadable[:3]
    ]
    rows = con.raw_sql(
        f'SELECT source_file, source_line, broken, row_as_read FROM "{checked_name}" '
        f"WHERE broken != '' ORDER BY 1, 2 LIMIT 3"
    ).fetchall()
    verdict.examples += [
        f"{file} line {line:,}: {broken} ({text[:160].rstrip('; ')})"
        for file, line, broken, text in rows
    ]
    verdict.examples = verdict.examples[:3]
    if table.dated_by:
        newest = con.raw_sql(
            f"SELECT max({table.dated_by})::DATE FROM \"{checked_name}\" WHERE broken = ''"
        ).fetchall()[0][0]
        verdict.newest = str(newest or "")
        verdict.late = newest is None or (bank.quarters.last.end - newest).days > (
            table.late_days or 0
        )

    # stop, or write
    if not write:
        con.raw_sql(
            f'CREATE OR REPLACE VIEW "accepted__{table.name}" AS SELECT * FROM '
            f"\"{checked_name}\" WHERE broken = ''"
        )
        return verdict
    _write_quarantine(bank, con, table, checked, unreadable)
    if limit_broken(bank, verdict):
        raise ContractError(limit_message(bank, verdict))
    _write_accepted(bank, con, table, checked_name, verdict)
    con.raw_sql(f'DROP TABLE "{checked_name}"')
    return verdict


def limit_broken(bank: Bank, verdict: Verdict) -> bool:
    """Whether too large a share of the table was set aside to go on."""
    return verdict.rows > 0 and verdict.rows_set_aside / verdict.rows > bank.quarantine_limit


def limit_message(bank: Bank, verdict: Verdict) -> str:
    """Table, rule, count and the first three examples."""
    rule, count = next(iter(verdict.set_aside.items()))
    return (
        f"{verdict.table}: {verdict.rows_set_aside:,} of {verdict.rows:,} rows break the "
        f"contract, more than the {bank.quarantine_limit:.0%} that"
        f" {bank.path.name} allows (quarantine_limit). The rule broken most is {rule}: "
        f"{count:,} rows. Examples:\n  "
        + "\n  ".join(verdict.examples)
        + f"\nThe rows that break a rule are in "
        f"{bank.data_folder / 'quarantine' / (verdict.table + '.parquet')}."
    )


def _write_quarantine(
    bank: Bank,
    con: Backend,
    table: Table,
    checked: ibis.Table,
    unreadable: list[tuple[str, str, int, str]],
) -> None:
    folder = bank.data_folder / "quarantine"
    folder.mkdir(parents=True, exist_ok=True)
    key = ibis.literal("")
    for number, column in enumerate(table.key):
        key = (
            key
            + (ibis.literal(" / ") if number else ibis.literal(""))
            + checked[column].cast("string").fill_null("")
        )
    bad = checked.filter(checked.broken != "").select(
        "source_file", "source_line", rule="broken", key=key, row_as_read="row_as_read"
    )
    if unreadable:
        lines = ibis.memtable(
            {
                "source_file": [u[1] for u in unreadable],
                "source_line": [u[2] for u in unreadable],
                "rule": ["unreadable_line"] * len(unreadable),
                "key": [""] * len(unreadable),
                "row_as_read": [u[3] for u in unreadable],
            },
            schema={
                "source_file": "string",
                "source_line": "int64",
                "rule": "string",
                "key": "string",
                "row_as_read": "string",
            },
        )
        bad = bad.union(lines)
    path = folder / f"{table.name}.parquet"
    con.to_parquet(
        bad.order_by(["source_file", "source_line"]), path.with_name(f".{path.name}.part")
    )
    path.with_name(f".{path.name}.part").replace(path)


def _write_accepted(
    bank: Bank, con: Backend, table: Table, checked_name: str, verdict: Verdict
) -> None:
    folder = bank.data_folder / "contract"
    folder.mkdir(parents=True, exist_ok=True)
    columns = ", ".join(f'"{c.name}"' for c in table.columns)
    good = f"FROM \"{checked_name}\" WHERE broken = ''"
    row = f"hash(({columns}))::HUGEINT"
    quarter = (
        "year(booked_at) || 'Q' || quarter(booked_at)" if table.name == "transactions" else "''"
    )
    for part, rows, content in con.raw_sql(
        f"SELECT {quarter}, count(*), sum({row}) {good} GROUP BY 1 ORDER BY 1"
    ).fetchall():
        verdict.parts[part] = text_fingerprint(str(rows), str(content))
    verdict.fingerprint = text_fingerprint(*verdict.parts.keys(), *verdict.parts.values())
    if table.name != "transactions":
        verdict.parts = {}
        path = folder / f"{table.name}.parquet"
        part = path.with_name(f".{path.name}.part")
        con.raw_sql(
            f"COPY (SELECT {columns} {good} ORDER BY {', '.join(table.key)}) TO '{part}' "
            f"(FORMAT parquet, COMPRESSION zstd)"
        )
        part.replace(path)
        return
    temporary = Path(tempfile.mkdtemp(prefix=".transactions-", dir=folder))
    con.raw_sql(
        f"COPY (SELECT {columns}, {quarter} AS quarter {good}) TO '{temporary}' (FORMAT "
        f"parquet, COMPRESSION zstd, PARTITION_BY (quarter), OVERWRITE_OR_IGNORE)"
    )
    if not verdict.parts:
        (temporary / "quarter=none").mkdir()
        con.raw_sql(
            f"COPY (SELECT {columns} {good}) TO '{temporary}/quarter=none/data_0.parquet' "
            f"(FORMAT parquet)"
        )
    target = folder / "transactions"
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=".old-", dir=folder))
        target.rename(old / "transactions")
        temporary.rename(target)
        shutil.rmtree(old)
    else:
        temporary.rename(target)
