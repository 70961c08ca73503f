"""What a quarter's entries take on disk, written in several ways: a sample is really written in
each, and what two common questions have to read of it is added up from the files' own index.

Bytes to read rather than seconds: they are the same on every machine, and so is the page. How
they turn into seconds is measured in benchmarks/storage.py.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import ibis.expr.types as ir
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from analysis.data_health.fitted import Footprint, Way
from analysis.storage import quoted

#: Entries of a quarter that are written in every way, the first by key.
MOST_WRITTEN = 500_000
#: Accounts for whose entries is asked, spread evenly over the sample.
ACCOUNTS_ASKED = 50
#: How the workbook itself writes its rows; the other ways are compared with it.
AS_KEPT = "as_kept"
BY_KEY, BY_ACCOUNT = ("transaction_id",), ("account_id", "booked_at", "transaction_id")
ZSTD = "FORMAT parquet, COMPRESSION zstd"
#: Way of writing to the order of the rows and the options of the engine.
WAYS = {
    AS_KEPT: (BY_KEY, ZSTD),
    "zstd_harder": (BY_KEY, f"{ZSTD}, COMPRESSION_LEVEL 12"),
    "snappy": (BY_KEY, "FORMAT parquet, COMPRESSION snappy"),
    "gzip": (BY_KEY, "FORMAT parquet, COMPRESSION gzip"),
    "lz4": (BY_KEY, "FORMAT parquet, COMPRESSION lz4_raw"),
    "uncompressed": (BY_KEY, "FORMAT parquet, COMPRESSION uncompressed"),
    "differences": (BY_KEY, f"{ZSTD}, PARQUET_VERSION v2"),
    "no_dictionary": (BY_KEY, f"{ZSTD}, DICTIONARY_SIZE_LIMIT 1"),
    "small_groups": (BY_KEY, f"{ZSTD}, ROW_GROUP_SIZE 10240"),
    "by_account": (BY_ACCOUNT, ZSTD),
    "by_account_small_groups": (BY_ACCOUNT, f"{ZSTD}, ROW_GROUP_SIZE 10240"),
    "by_month": (BY_KEY, f"{ZSTD}, PARTITION_BY (month)"),
    "csv": (BY_KEY, "FORMAT csv"),
    "csv_gzip": (BY_KEY, "FORMAT csv, COMPRESSION gzip"),
}
#: What the sum of a month asks for.
OF_A_MONTH = ("booked_at", "amount")


class Group(NamedTuple):
    """A group of rows in a file: its bytes, those of the columns that a month's sum asks for, and
    the smallest and largest account and month in it.
    """

    bytes: int
    of_a_month: int
    accounts: tuple[str, str]
    months: tuple[int, int]


def footprint(engine: Backend, entries: ir.Table) -> Footprint:
    """What the entries take in every way of writing of `WAYS`; no ways without any.

    entries: of a quarter, the columns of the contract's transactions.
    """
    rows = entries.order_by(list(BY_KEY)).limit(MOST_WRITTEN)
    columns = ", ".join(f'"{column}"' for column in entries.columns)
    written = engine.create_table(
        "footprint_sample", rows.mutate(month=rows.booked_at.month()), temp=True
    )
    n = int(written.count().to_pandas())
    if not n:
        return Footprint(rows=0, ways=[])
    accounts = sorted(written.select("account_id").distinct().to_pandas()["account_id"])
    asked = accounts[:: -(-len(accounts) // ACCOUNTS_ASKED)]
    month = int(written.month.max().to_pandas())
    ways = []
    with tempfile.TemporaryDirectory(prefix="footprint-") as folder:
        for name, (order, options) in WAYS.items():
            place = Path(folder) / name
            chosen = f"{columns}, month" if "PARTITION_BY" in options else columns
            engine.raw_sql(
                f"COPY (SELECT {chosen} FROM footprint_sample ORDER BY {', '.join(order)}) "
                f"TO '{quoted(place)}' ({options})"
            )
            files = sorted(path for path in [place, *place.rglob("*")] if path.is_file())
            size = sum(path.stat().st_size for path in files)
            if "FORMAT csv" in options:  # a text is read from its beginning to its end
                ways.append(Way(name=name, bytes=size, account=size, month=size))
                continue
            groups = [group for path in files for group in _groups(path)]
            of_accounts = sum(
                g.bytes for g in groups for a in asked if g.accounts[0] <= a <= g.accounts[1]
            )
            of_month = sum(g.of_a_month for g in groups if g.months[0] <= month <= g.months[1])
            account = round(of_accounts / len(asked))
            ways.append(Way(name=name, bytes=size, account=account, month=of_month))
    return Footprint(rows=n, ways=ways)


def _groups(path: Path) -> Iterator[Group]:
    """The groups of rows of a Parquet file, from its index."""
    index = pq.read_metadata(path)
    for number in range(index.num_row_groups):
        group = index.row_group(number)
        columns = [group.column(place) for place in range(group.num_columns)]
        by_name = {column.path_in_schema: column for column in columns}
        account, booked = (by_name[name].statistics for name in ("account_id", "booked_at"))
        yield Group(
            bytes=sum(column.total_compressed_size for column in columns),
            of_a_month=sum(by_name[name].total_compressed_size for name in OF_A_MONTH),
            accounts=(account.min, account.max),
            months=(booked.min.month, booked.max.month),
        )
