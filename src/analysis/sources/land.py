"""From the bank's own tables to rows that keep the contract: map, type, check, set aside, write.

Accepted rows go to `<data>/contract/<table>.parquet` (transactions by quarter), the others to
`<data>/quarantine/<table>.parquet`. A table whose source, mapping and rules are as before is left
as it is.
"""

import json
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
from analysis.contract.checks import broken_rules, typed
from analysis.errors import ContractError, SourceError
from analysis.quarters import Quarter
from analysis.sources.params import Bank, FromSql, TableMapping
from analysis.sources.staging import RawTables
from analysis.storage import code_fingerprint, text_fingerprint, write_json

Progress = Callable[[str], None]
Unreadable = tuple[str, str, int, str]  # relation, file, line, text


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
    source, table = RawTables(bank, con), CONTRACT["branches"]
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
    source = RawTables(bank, con)
    verdicts: dict[str, Verdict] = {}
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
            verdicts[table.name] = Verdict(table.name, delivered=False)
            if write:
                _remove(bank, table)
            continue
        key = _key(bank, source, table, mapping, verdicts)
        verdict = _reusable(bank, table, key) if write and source.can_reuse else None
        if verdict is None:
            verdict = _land_table(bank, con, source, table, mapping, accepted, write)
            if write:
                write_json(
                    _record(bank, table),
                    {"key": key, **{k: v for k, v in vars(verdict).items() if k != "reused"}},
                )
        verdicts[table.name] = verdict
        accepted[table.name] = (
            con.read_parquet(str(accepted_path(bank, table.name)), hive_partitioning=False)
            if write
            else con.table(f"accepted__{table.name}")
        )
    return verdicts


def _key(
    bank: Bank, source: RawTables, table: Table, mapping: TableMapping, verdicts: dict[str, Verdict]
) -> str:
    """Changes with everything that what is accepted of a table depends on."""
    referenced = [verdicts[t].fingerprint for t in table.referenced_tables]
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
        source = RawTables(bank, con)
        if not source.can_reuse:
            return []
        changed: list[str] = []
        verdicts: dict[str, Verdict] = {}
        for table in CONTRACT.values():
            mapping = source.mapping(table)
            delivered = _record(bank, table).exists()
            if mapping is None:
                verdicts[table.name] = Verdict(table.name, delivered=False)
                changed += [table.name] if delivered else []
                continue
            verdict = _reusable(bank, table, _key(bank, source, table, mapping, verdicts))
            if verdict is None:
                changed.append(table.name)
            stored = (
                json.loads(_record(bank, table).read_text(encoding="utf-8")) if delivered else {}
            )
            verdicts[table.name] = Verdict(table.name, fingerprint=stored.get("fingerprint", ""))
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


def accepted_files(bank: Bank, table: str, quarters: list[Quarter] | None = None) -> list[Path]:
    """The files of a table's accepted rows; of transactions those of the quarters, or all."""
    if table != "transactions":
        return [path] if (path := accepted_path(bank, table)).exists() else []
    folder = accepted_path(bank, table).parent.parent
    names = [f"quarter={q}" for q in quarters] if quarters is not None else ["*"]
    files = [f for name in names for f in sorted(folder.glob(f"{name}/*.parquet"))]
    return files or sorted(folder.glob("*/*.parquet"))[:1]  # one that holds none of the quarters


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


def stored_verdicts(bank: Bank) -> dict[str, Verdict]:
    """What became of every table when the bank's rows were last accepted, read from the records."""
    verdicts = {}
    for table in CONTRACT.values():
        record = _record(bank, table)
        if record.exists():
            content = json.loads(record.read_text(encoding="utf-8"))
            content.pop("key")
            verdicts[table.name] = Verdict(**content)
        else:
            verdicts[table.name] = Verdict(table.name, delivered=False)
    return verdicts


def _remove(bank: Bank, table: Table) -> None:
    folder = bank.data_folder / "contract"
    for path in (
        folder / f"{table.name}.parquet",
        folder / f"{table.name}.json",
        bank.data_folder / "quarantine" / f"{table.name}.parquet",
    ):
        path.unlink(missing_ok=True)


def _land_table(
    bank: Bank,
    con: Backend,
    source: RawTables,
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

    verdict = Verdict(table.name, missing_columns=missing)
    _count(con, checked_name, unreadable, verdict)
    if table.dated_by:
        _find_newest(con, table, checked_name, bank.quarters.last, verdict)

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


def _count(con: Backend, checked_name: str, unreadable: list[Unreadable], verdict: Verdict) -> None:
    """Fill in how many rows there are, how many break which rule, and the first three of them."""
    counts = con.raw_sql(f'SELECT broken, count(*) FROM "{checked_name}" GROUP BY 1').fetchall()
    verdict.rows = sum(n for _, n in counts) + len(unreadable)
    verdict.rows_set_aside = sum(n for broken, n in counts if broken) + len(unreadable)
    by_rule: dict[str, int] = {"unreadable_line": len(unreadable)} if unreadable else {}
    for broken, n in counts:
        for rule in filter(None, broken.split(", ")):
            by_rule[rule] = by_rule.get(rule, 0) + n
    verdict.set_aside = dict(sorted(by_rule.items(), key=lambda item: (-item[1], item[0])))
    rows = con.raw_sql(
        f'SELECT source_file, source_line, broken, row_as_read FROM "{checked_name}" '
        "WHERE broken != '' ORDER BY 1, 2 LIMIT 3"
    ).fetchall()
    examples = [
        f"{file} line {line:,}: unreadable_line ({text[:100]})"
        for _relation, file, line, text in unreadable[:3]
    ]
    examples += [
        f"{file} line {line:,}: {broken} ({text[:160].rstrip('; ')})"
        for file, line, broken, text in rows
    ]
    verdict.examples = examples[:3]


def _find_newest(
    con: Backend, table: Table, checked_name: str, last: Quarter, verdict: Verdict
) -> None:
    """Fill in the day of the newest row, and whether it is later than the contract allows."""
    newest = con.raw_sql(
        f"SELECT max({table.dated_by})::DATE FROM \"{checked_name}\" WHERE broken = ''"
    ).fetchall()[0][0]
    verdict.newest = str(newest or "")
    verdict.late = newest is None or (last.end - newest).days > (table.late_days or 0)


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
