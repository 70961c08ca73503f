"""What ten million transactions take and how long questions take: as the workbook keeps them, in
other ways of writing, and as a table of PostgreSQL.

python benchmarks/storage.py [--customers 96000] [--runs 5]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

from analysis.data_health.footprint import WAYS, ZSTD

WORKBOOK = [sys.executable, "-c", "from analysis.cli import main; main()"]
WHOLE = "SELECT channel, count(*), sum(amount) FROM {rows} GROUP BY 1"
MONTH = (
    "SELECT sum(amount) FROM {rows} WHERE booked_at >= '2024-11-01' AND booked_at < '2024-12-01'"
)
ACCOUNT = "SELECT * FROM {rows} WHERE account_id = '{account}'"


def median_of(runs: int, ask: Callable[[], object]) -> float:
    """Seconds, the median of several runs after one that is not counted."""
    ask()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - start)
    return np.median(taken)


def told(what: str, size: int, rows: int, times: list[float]) -> None:
    """One row of the table."""
    seconds = " | ".join(f"{t:.3f}" for t in times)
    print(f"| {what} | {size / 1e6:,.0f} | {size / rows:.1f} | {seconds} |", flush=True)


def in_files(con: duckdb.DuckDBPyConnection, place: Path, rows: int, runs: int) -> None:
    """Every way of writing a quarter's file, a file a quarter; and one file as it comes."""
    account = con.execute("SELECT max(account_id) FROM entries").fetchall()[0][0]
    ways = {"one file, as DuckDB writes Parquet by itself": ((), "FORMAT parquet"), **WAYS}
    for name, (order, options) in ways.items():
        folder = place / "way"
        folder.mkdir()
        columns = "* EXCLUDE (quarter_of)"
        columns += ", month(booked_at) AS month" if "PARTITION_BY" in options else ""
        by = f"ORDER BY {', '.join(order)}" if order else ""
        quarters = [f"quarter_of = {n}" for n in range(8)] if order else ["true"]
        for number, within in enumerate(quarters):
            con.execute(
                f"COPY (SELECT {columns} FROM entries WHERE {within} {by}) "
                f"TO '{folder}/{number}' ({options})"
            )
        files = sorted(str(f) for f in folder.rglob("*") if f.is_file())
        size = sum(Path(f).stat().st_size for f in files)
        reader = "read_csv" if "csv" in options else "read_parquet"
        extra = ", compression='gzip'" if "gzip" in options and reader == "read_csv" else ""
        if reader == "read_csv":
            extra += (
                ", types={'account_id': 'VARCHAR', 'memo': 'VARCHAR', 'booked_at': 'TIMESTAMP'}"
            )
        source = f"{reader}({files}{extra})"
        asked = [q.format(rows=source, account=account) for q in (WHOLE, MONTH, ACCOUNT)]
        times = [median_of(runs, lambda q=q: con.execute(q).fetchall()) for q in asked]
        told(name, size, rows, times)
        shutil.rmtree(folder)


def as_server_user(*words: str) -> None:
    """A command as the user that PostgreSQL runs as."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*prefix, *words], check=True, capture_output=True)


def in_postgres(con: duckdb.DuckDBPyConnection, rows: int, runs: int) -> None:
    """A table of PostgreSQL with its primary key, and with an index on the account."""
    import psycopg

    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    folder = Path("/tmp") / f"workbook-storage-{os.getpid()}"
    folder.mkdir(mode=0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    start = ["-o", f"-k {folder} -c listen_addresses='' -c shared_buffers=2GB", "-w"]
    as_server_user(
        str(programs / "initdb"), "-D", f"{folder}/data", "-U", "bank", "-A", "trust", "-E", "UTF8"
    )
    as_server_user(
        str(programs / "pg_ctl"), "-D", f"{folder}/data", *start, "-l", f"{folder}/log", "start"
    )
    try:
        to = psycopg.connect(f"host={folder} user=bank dbname=postgres", autocommit=True)
        kinds = con.execute("DESCRIBE SELECT * EXCLUDE (quarter_of) FROM entries").fetchall()
        columns = [(name, kind.replace("VARCHAR", "text")) for name, kind, *_ in kinds]
        to.execute(f"CREATE TABLE entries ({', '.join(f'{n} {k}' for n, k in columns)})")
        csv = folder / "entries.csv"
        con.execute(
            "COPY (SELECT * EXCLUDE (quarter_of) FROM entries) "
            f"TO '{csv}' (FORMAT csv, HEADER false)"
        )
        with to.cursor().copy("COPY entries FROM STDIN (FORMAT csv)") as copy, csv.open("rb") as f:
            while block := f.read(1 << 20):
                copy.write(block)
        csv.unlink()
        account = con.execute("SELECT max(account_id) FROM entries").fetchall()[0][0]
        for what, do in (
            ("PostgreSQL, primary key", "ALTER TABLE entries ADD PRIMARY KEY (transaction_id)"),
            ("PostgreSQL, index on the account too", "CREATE INDEX ON entries (account_id)"),
        ):
            to.execute(do)
            to.execute("VACUUM ANALYZE entries")
            size = to.execute("SELECT pg_total_relation_size('entries')").fetchone()[0]
            asked = [q.format(rows="entries", account=account) for q in (WHOLE, MONTH, ACCOUNT)]
            times = [median_of(runs, lambda q=q: to.execute(q).fetchall()) for q in asked]
            told(what, size, rows, times)
    finally:
        as_server_user(str(programs / "pg_ctl"), "-D", f"{folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=96_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made = [*WORKBOOK, "demo", str(place / "bank"), "--customers", str(asked.customers)]
        subprocess.run(made, check=True, capture_output=True)
        con = duckdb.connect(str(place / "entries.db"))
        con.execute(
            "CREATE TABLE entries AS SELECT DISTINCT ON (transaction_id) *, "
            "4 * year(booked_at) + quarter(booked_at) - 8093 AS quarter_of "
            f"FROM '{place}/bank/transactions/*.parquet'"
        )
        rows = con.execute("SELECT count(*) FROM entries").fetchall()[0][0]
        print(
            f"{rows:,} transactions; seconds are medians of {asked.runs}, kept in memory by the "
            f"machine; as the workbook keeps them: {ZSTD}, a file a quarter.\n"
        )
        print("| way | MB | bytes each | all, by channel: s | one month: s | one account: s |")
        print("|---|---|---|---|---|---|")
        in_files(con, place, rows, asked.runs)
        in_postgres(con, rows, asked.runs)


if __name__ == "__main__":
    main()
