"""From the bank's own tables to rows that keep the contract: map, type, check, set aside, write.

Accepted rows go to `<data>/contract/<table>.parquet` (transactions by quarter), the others to
`<data>/quarantine/<table>.parquet`. A table whose source, mapping and rules are as before is left
as it is.
"""

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

import duckdb
import ibis
import pandas as pd
from ibis.backends.duckdb import Backend

from analysis.contract import CONTRACT, Table
from analysis.contract.checks import EMPTY_WORD, ORIGIN, Reading, broken_rules, typed
from analysis.errors import ContractError, SourceError, engine_says
from analysis.language import listed, say, sentences
from analysis.lock import remove_dead, workplace
from analysis.quarters import Quarter
from analysis.sources.accepted import (
    Verdict,
    accepted_files,
    forget,
    keep_record,
    record_path,
    stored,
)
from analysis.sources.faults import UNREADABLE, Unreadable, count_faults
from analysis.sources.files import RAW_ORIGIN
from analysis.sources.params import Bank, TableMapping
from analysis.sources.staging import RawTables
from analysis.storage import (
    code_fingerprint,
    make_way,
    quoted,
    rows_of,
    text_fingerprint,
    written_whole,
)

#: What is kept of a row that was set aside.
SET_ASIDE = ibis.schema(
    {
        "source_file": "string",
        "source_line": "int64",
        "rule": "string",  # several are separated by ", "
        "key": "string",
        "row_as_read": "string",
    }
)
#: A table that has less than this share of the rows it had is held back until somebody says that
#: it is right; of fewer rows than so many, nothing is said.
SHRUNK, LEAST_TO_SHRINK = 0.5, 100
Progress = Callable[[str], None]


@contextmanager
def embedded_engine(bank: Bank) -> Iterator[Backend]:
    """An embedded engine whose working file lies beside the bank's data and is gone afterwards."""
    with workplace(bank.data_folder) as folder:
        # what follows a question mark the engine would leave out of the name of its log
        in_memory = "?" in str(folder)
        con = ibis.duckdb.connect(":memory:" if in_memory else str(folder / "work.duckdb"))
        con.raw_sql(f"SET memory_limit = '{bank.engine.memory}'")
        con.raw_sql("SET enable_progress_bar = false")  # the commands have a display of their own
        con.raw_sql(f"SET temp_directory = '{quoted(folder / 'spill')}'")
        if bank.engine.threads:
            con.raw_sql(f"SET threads = {bank.engine.threads}")
        try:
            yield con
        except duckdb.Error as error:
            raise SourceError(
                say("The engine could not go on: {fault}.").format(fault=engine_says(error))
            ) from error
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
    bank: Bank,
    con: Backend,
    progress: Progress = lambda text: None,
    write: bool = True,
    fewer: Collection[str] = (),
) -> dict[str, Verdict]:
    """Hold every table of the bank to the contract and (when `write`) store what was accepted and
    what was not.

    fewer: tables that may have far fewer rows than the last time. Returns a verdict per contract
    table. Raises SourceError when an indispensable table is missing, a mapping does not fit the
    source, or a file changes while it is read, and ContractError when a table shrank, or more than
    `quarantine_limit` of it breaks its rules; with `write=False` (the fitness check) the latter is
    left to the caller, who sees the counts.
    """
    source = RawTables(bank, con)
    verdicts: dict[str, Verdict] = {}
    accepted: dict[str, ibis.Table] = {}
    _refuse_missing(bank, source)
    for table in CONTRACT.values():
        progress(table.name)
        mapping = source.mapping(table)
        if mapping is None:
            verdicts[table.name] = Verdict(table.name, delivered=False)
            if write:
                _refuse_shrunk(bank, table.name, verdicts[table.name], fewer)
                forget(bank, table)
            continue
        key = _key(bank, source, table, mapping, verdicts)
        before = stored(bank, table) if write else None
        same = before is not None and before.key == key and source.can_reuse
        damage = before.damage(bank) if before and same else ""
        if before and same and not damage:
            verdict = replace(before.verdict, reused=True)
            if limit_broken(bank, verdict):  # the limit may have been lowered since
                raise ContractError(limit_message(bank, verdict))
        else:
            verdict = _land_table(bank, con, source, table, mapping, accepted, write, fewer)
            if before:
                verdict.drift = _drift(before.verdict, verdict)
            if write:
                keep_record(bank, key, verdict)
            verdict.damage = damage
        verdicts[table.name] = verdict
        if write and table.indispensable and not verdict.accepted:
            raise ContractError(
                say(
                    "{table} is indispensable, and none of its {rows:,} rows could be accepted."
                ).format(table=table.name, rows=verdict.rows)
                + "".join(f"\n  {fault}" for fault in verdict.faults)
            )
        accepted[table.name] = (
            rows_of(con, accepted_files(bank, table.name))
            if write
            else con.table(f"accepted__{table.name}")
        )
    return verdicts


def _refuse_missing(bank: Bank, source: RawTables) -> None:
    """Raises SourceError naming every indispensable table that is not there."""
    missing = [t.name for t in CONTRACT.values() if t.indispensable and source.mapping(t) is None]
    if missing:
        raise SourceError(
            say(
                "The tables {missing} are indispensable and not there. The source has: {tables}. "
                "Map them under tables in {path}."
            ).format(
                missing=listed(missing),
                tables=listed(source.columns) or say("nothing"),
                path=bank.path.name,
            )
        )


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
        bank.formats.model_dump_json(),
        bank.source.csv.model_dump_json(),
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
            before = stored(bank, table)
            if mapping is None:
                verdicts[table.name] = Verdict(table.name, delivered=False)
                changed += [table.name] if before else []
                continue
            key = _key(bank, source, table, mapping, verdicts)
            if before is None or before.key != key or before.damage(bank):
                changed.append(table.name)
            verdicts[table.name] = before.verdict if before else Verdict(table.name)
        return changed


def remove_left_overs(bank: Bank) -> None:
    """Remove what preparations that were killed left; only while no other one goes on."""
    remove_dead(bank.data_folder)
    for name in ("contract", "quarantine", "."):
        for left in (bank.data_folder / name).glob(".*.*"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()


def _land_table(
    bank: Bank,
    con: Backend,
    source: RawTables,
    table: Table,
    mapping: TableMapping,
    accepted: dict[str, ibis.Table],
    write: bool,
    fewer: Collection[str] = (),
) -> Verdict:
    # map and check
    content = source.fingerprint(mapping)
    staged, relations, missing = source.stage(table, mapping)
    checked_name = f"checked__{table.name}"

    def named(name: str, rows: ibis.Table) -> ibis.Table:
        return con.create_view(f"{name}__{table.name}", rows, overwrite=True)

    try:
        how = Reading(bank.timezone, bank.formats, tuple(missing), named)
        rules = broken_rules(typed(staged, table, how), table, accepted, bank.taken_on, how)
        con.create_table(checked_name, rules, overwrite=True)
    except duckdb.Error as error:
        raise SourceError(
            say("tables.{table} in {path}: the engine refused the mapping: {fault}").format(
                table=table.name, path=bank.path.name, fault=engine_says(error)
            )
        ) from error
    checked = con.table(checked_name)
    unreadable = [u for r in relations for u in r.unreadable]

    columns = sorted({c for r in relations for c in r.columns} - {*RAW_ORIGIN})
    verdict = Verdict(table.name, missing_columns=missing, columns=columns)
    count_faults(con, checked_name, unreadable, verdict)
    if table.dated_by:
        _find_newest(con, table, checked_name, bank.quarters.last, verdict)

    # stop, or write
    if source.fingerprint(mapping) != content:
        raise SourceError(
            say(
                "{table}: a file changed while it was read. Deliver files whole, under another "
                "name first, and run the same command again."
            ).format(table=table.name)
        )
    if not write:
        con.raw_sql(
            f'CREATE OR REPLACE VIEW "accepted__{table.name}" AS SELECT * FROM '
            f"\"{checked_name}\" WHERE broken = ''"
        )
        return verdict
    _refuse_shrunk(bank, table.name, verdict, fewer)
    _write_quarantine(bank, con, table, checked, unreadable)
    if limit_broken(bank, verdict):
        raise ContractError(limit_message(bank, verdict))
    make_way(record_path(bank, table.name)).unlink(missing_ok=True)
    _write_accepted(bank, con, table, checked_name, verdict)
    con.raw_sql(f'DROP TABLE "{checked_name}"')
    return verdict


def _find_newest(
    con: Backend, table: Table, checked_name: str, last: Quarter, verdict: Verdict
) -> None:
    """Fill in the day of the newest row, and whether it is later than the contract allows."""
    newest = con.raw_sql(
        f"SELECT max({table.dated_by})::DATE FROM \"{checked_name}\" WHERE broken = ''"
    ).fetchall()[0][0]
    verdict.newest = str(newest or "")
    verdict.late = newest is None or (last.end - newest).days > (table.late_days or 0)


def shrank(before: Verdict, now: Verdict) -> bool:
    """Whether a table lost so many of its rows that this may be a fault of the delivery."""
    return before.accepted >= LEAST_TO_SHRINK and now.accepted < SHRUNK * before.accepted


def _refuse_shrunk(bank: Bank, name: str, now: Verdict, fewer: Collection[str]) -> None:
    """Raises ContractError where a table shrank, or is gone, and nobody said that it may."""
    before = stored(bank, CONTRACT[name])
    if name in fewer or bank.source.demo or before is None or not shrank(before.verdict, now):
        return
    told = say(
        "{table}: {now:,} rows, where there were {before:,}. It is held back, and what was "
        "accepted before is left as it is. If the rows are right, say so: workbook prepare {path} "
        "--fewer {table}"
    )
    had = before.verdict.accepted
    raise ContractError(told.format(table=name, now=now.accepted, before=had, path=bank.path))


def _drift(before: Verdict, now: Verdict) -> str:
    """Which columns of its files came or went; empty where none did, or it was not kept before."""
    if not before.columns or before.columns == now.columns:
        return ""
    came, went = (
        [c for c in a.columns if c not in b.columns] for a, b in ((now, before), (before, now))
    )
    told = []
    if went:
        told.append(
            say("{table}: no longer delivered: {columns}.").format(
                table=now.table, columns=listed(went)
            )
        )
    if came:
        told.append(
            say("{table}: new columns: {columns}.").format(table=now.table, columns=listed(came))
        )
    return sentences(*told)


def limit_broken(bank: Bank, verdict: Verdict) -> bool:
    """Whether too large a share of the table was set aside to go on."""
    return verdict.rows > 0 and verdict.rows_set_aside / verdict.rows > bank.quarantine_limit


def limit_message(bank: Bank, verdict: Verdict) -> str:
    """Table, count, and a sentence for each rule broken."""
    broken = say(
        "{table}: {aside:,} of {rows:,} rows break the contract, more than the {limit:.0%} that "
        "{path} allows (quarantine_limit)."
    ).format(
        table=verdict.table,
        aside=verdict.rows_set_aside,
        rows=verdict.rows,
        limit=bank.quarantine_limit,
        path=bank.path.name,
    )
    kept = say("The rows that break a rule are in {file}.").format(
        file=bank.data_folder / "quarantine" / f"{verdict.table}.parquet"
    )
    return "\n".join([broken, *[f"  {fault}" for fault in verdict.faults], kept])


def _write_quarantine(
    bank: Bank,
    con: Backend,
    table: Table,
    checked: ibis.Table,
    unreadable: list[Unreadable],
) -> None:
    """Write the rows that were set aside, and those of which a value was left out."""
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
        *ORIGIN, rule="broken", key=key, row_as_read="row_as_read"
    )
    faults = checked.emptied.re_replace(rf"[^, ]+\.{EMPTY_WORD}(, |$)", "").re_replace(", $", "")
    left_out = checked.filter((checked.broken == "") & (faults != "")).select(
        *ORIGIN, rule=faults, key=key, row_as_read="row_as_read"
    )
    if unreadable:
        lines = [(*u[:2], UNREADABLE, "", u[2]) for u in unreadable]
        frame = pd.DataFrame(lines, columns=list(SET_ASIDE))
        bad = bad.union(
            con.create_table(f"unreadable__{table.name}", frame, schema=SET_ASIDE, overwrite=True)
        )
    for name, rows in ((table.name, bad), (f"{table.name}_values", left_out)):
        with written_whole(make_way(folder / f"{name}.parquet")) as part:
            sql = ibis.to_sql(rows.order_by(ORIGIN), dialect="duckdb")
            con.raw_sql(f"COPY ({sql}) TO '{quoted(part)}' (FORMAT parquet)")


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
        with written_whole(make_way(folder / f"{table.name}.parquet")) as part:
            con.raw_sql(
                f"COPY (SELECT {columns} {good} ORDER BY {', '.join(table.key)}) TO "
                f"'{quoted(part)}' (FORMAT parquet, COMPRESSION zstd)"
            )
        return
    target, making = folder / "transactions", folder / ".transactions.making"
    # a quarter at a time, in the order of the key: the same rows give the same bytes
    for name in verdict.parts or ("none",):
        (making / f"quarter={name}").mkdir(parents=True)
        con.raw_sql(
            f"COPY (SELECT {columns} {good} AND {quarter} = '{name}' ORDER BY "
            f"{', '.join(table.key)}) TO '{quoted(making)}/quarter={name}/data_0.parquet' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
    if target.exists():
        target.rename(folder / ".transactions.old")
    making.rename(target)
    shutil.rmtree(folder / ".transactions.old", ignore_errors=True)
