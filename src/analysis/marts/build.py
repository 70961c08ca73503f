"""Build the marts a quarter at a time: one scan of its transactions, written as Parquet by quarter
and branch.

A quarter is built again only when its transactions, the other tables, the code, or the quarter
before it changed.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from analysis.contract import CONTRACT
from analysis.marts.account_quarter import account_quarter
from analysis.marts.customer_quarter import customer_quarter
from analysis.marts.survey_items import survey_items
from analysis.quarters import Quarter
from analysis.sources.land import Verdict, accepted_path
from analysis.sources.params import Bank
from analysis.storage import code_fingerprint, text_fingerprint, write_json

Progress = Callable[[str], None]

#: Tables each mart needs beside the indispensable ones; without them the mart is not built.
NEEDS = {
    "account_quarter": (),
    "customer_quarter": ("account_holders",),
    "survey_items": ("surveys", "survey_scores"),
}


def mart_folder(bank: Bank, mart: str) -> Path:
    """Where a mart lies."""
    return bank.data_folder / "marts" / mart


def build_marts(
    bank: Bank,
    con: Backend,
    verdicts: Mapping[str, Verdict],
    quarters: list[Quarter],
    progress: Progress = lambda text: None,
) -> list[str]:
    """Bring the marts of `quarters` up to date; returns the quarters that were built again."""
    tables: dict[str, ir.Table] = {}
    others = text_fingerprint(
        *[
            f"{name} {v.fingerprint}"
            for name, v in sorted(verdicts.items())
            if name != "transactions"
        ]
    )
    settings = text_fingerprint(
        bank.loyalty.model_dump_json(),
        str(bank.quarters),
        code_fingerprint("marts", "contract"),
    )
    before, built = "", []
    for quarter in quarters:
        key = text_fingerprint(
            verdicts["transactions"].parts.get(str(quarter), ""), others, settings, before
        )
        record = bank.data_folder / "marts" / "records" / f"{quarter}.json"
        if not record.exists() or json.loads(record.read_text(encoding="utf-8"))["key"] != key:
            progress(str(quarter))
            tables = tables or contract_tables(bank, con, verdicts)
            _build_quarter(bank, con, tables, quarter)
            write_json(record, {"key": key})
            built.append(str(quarter))
        before = key
    return built


def contract_tables(
    bank: Bank, con: Backend, verdicts: Mapping[str, Verdict]
) -> dict[str, ir.Table]:
    """The accepted rows of every table that the bank delivers."""
    return {
        name: con.read_parquet(str(accepted_path(bank, name)), hive_partitioning=False)
        for name in CONTRACT
        if verdicts[name].delivered
    }


def _build_quarter(bank: Bank, con: Backend, tables: dict[str, ir.Table], quarter: Quarter) -> None:
    transactions = tables["transactions"]
    in_quarter = transactions.filter(
        (transactions.booked_at >= _moment(quarter))
        & (transactions.booked_at < _moment(quarter.shifted(1)))
    )
    previous = {
        mart: _stored(bank, con, mart, quarter.previous)
        for mart in ("account_quarter", "customer_quarter")
    }

    accounts = con.create_table(
        "account_quarter__now",
        account_quarter(tables, in_quarter, previous["account_quarter"], quarter),
        overwrite=True,
    )
    marts = {"account_quarter": accounts}
    if has(tables, "customer_quarter"):
        marts["customer_quarter"] = customer_quarter(
            tables, accounts, previous["customer_quarter"], quarter
        )
    if has(tables, "survey_items") and bank.loyalty.items:
        marts["survey_items"] = survey_items(tables, bank.loyalty, quarter)
    for mart in NEEDS:
        if mart in marts:
            write_mart(bank, con, mart, quarter, marts[mart])
        else:  # its tables may have been delivered an earlier time
            shutil.rmtree(mart_folder(bank, mart) / f"quarter={quarter}", ignore_errors=True)
    con.drop_table("account_quarter__now")


def has(tables: Mapping[str, object], mart: str) -> bool:
    """Whether the tables that a mart needs are there."""
    return all(need in tables for need in NEEDS[mart])


def _moment(quarter: Quarter) -> ir.Value:
    return ibis.timestamp(f"{quarter.start} 00:00:00")


def _stored(bank: Bank, con: Backend, mart: str, quarter: Quarter) -> ir.Table | None:
    files = sorted((mart_folder(bank, mart) / f"quarter={quarter}").glob("branch=*/*.parquet"))
    return con.read_parquet([str(f) for f in files], hive_partitioning=False) if files else None


def write_mart(bank: Bank, con: Backend, mart: str, quarter: Quarter, rows: ir.Table) -> None:
    """The rows by branch, written beside and put in place whole; every column stays in the files,
    `branch_id` too.
    """
    folder = mart_folder(bank, mart)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"quarter={quarter}"
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=folder))
    sql = con.compile(rows.order_by(list(rows.columns[:2])))
    con.raw_sql(
        f"COPY (SELECT *, branch_id AS branch FROM ({sql})) TO '{temporary}' (FORMAT "
        f"parquet, COMPRESSION zstd, PARTITION_BY (branch), OVERWRITE_OR_IGNORE)"
    )
    temporary.chmod(0o755)
    if target.exists():
        old = folder / f".old-{target.name}"
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        temporary.rename(target)
        shutil.rmtree(old)
    else:
        temporary.rename(target)
