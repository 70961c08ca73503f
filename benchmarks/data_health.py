"""Planted faults of demo banks, found and not found; wrong cells of public tables with known
errors, without any label.

    python benchmarks/data_health.py [--public ../shared/data] [--seeds 20] [--customers 3000]

Prints the tables of benchmarks/README.md.
"""

import argparse
import datetime as dt
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
from ibis.backends.duckdb import Backend

from analysis.data_health.cells import wrong_cells
from analysis.data_health.checks import OPTIONAL
from analysis.data_health.counted import checked
from analysis.data_health.days import day_rows, unusual_days
from analysis.data_health.findings import CERTAIN, changed
from analysis.data_health.steps import SEARCHED
from analysis.demo.bank import make_bank
from analysis.quarters import Quarter
from analysis.sources.params import DataHealth
from analysis.statistics.intervals import corrected_for_any, share_interval

LAST = Quarter.parse("2024Q4")
QUARTERS = [LAST.shifted(-n) for n in range(4, -1, -1)]
TABLES = (
    "branches",
    "products",
    "customers",
    "accounts",
    "account_holders",
    "transactions",
    *OPTIONAL,
)
#: What is done to the entries of a branch on a day: SQL of the entries that are left, or changed.
ON_A_DAY = {
    "a day missing": "delete from transactions where {here}",
    "half a day missing": "delete from transactions where {here} and hash(transaction_id) % 2 = 0",
    "a day twice": "insert into transactions select * replace (transaction_id || 'b' as "
    "transaction_id) from transactions where {here}",
    "amounts in cents": "update transactions set amount = amount * 100 where {here}",
    "signs the other way": "update transactions set amount = -amount where {here}",
    "kind replaced": "update transactions set kind = 'other' where {here}",
    "channel replaced": "update transactions set channel = 'other' where {here}",
    "other side lost": "update transactions set counterparty_account = null, kind = 'transfer', "
    "channel = 'transfer' where {here}",
}
#: What is done to rows: table, key, SQL, how many rows, and what has to doubt them.
OF_ROWS: dict[str, tuple[str, str, str, int, str]] = {
    "a date of birth for nothing": (
        "customers", "customer_id",
        "update customers set born_on = date '1970-01-01' where {these}", 30,
        "customers.born_on_stands_for_nothing",
    ),
    "a telephone number for nothing": (
        "customers", "customer_id", "update customers set phone = '13800000000' where {these}",
        30, "customers.phone_of_many",
    ),
    "accounts without owner": (
        "accounts", "account_id", "delete from account_holders where {these}",
        10, "accounts.no_owner",
    ),
    "loans before their application": (
        "loans", "loan_id", "update loans set granted_on = granted_on - 400 where {these}",
        10, "loans.granted_before_filed",
    ),
    "questionnaires twice": (
        "surveys", "survey_id", "insert into surveys select * replace (survey_id || 'b' as "
        "survey_id) from surveys where {these}", 10, "surveys.answered_twice",
    ),
    "slips in a region": (
        "customers", "customer_id", "update customers set region = region[1] || region[3] || "
        "region[2] || region[4:] where {these}", 6, "region",
    ),
}  # fmt: skip


def main() -> None:
    """See the module."""
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--public", type=Path, default=Path("../shared/data"))
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--customers", type=int, default=5000)
    asked = options.parse_args()
    public(asked.public)
    planted(asked.seeds, asked.customers)


@dataclass(frozen=True)
class Told:
    """How right the cells told are, and how many of the wrong ones are told."""

    wrong: int
    told: int
    precision: float
    recall: float
    seconds: float


def on_known_errors(place: Path) -> Told:
    """Wrong cells of a table beside its clean version: `dirty.csv` and `clean.csv` in a folder."""
    dirty, clean = (
        pd.read_csv(place / f"{which}.csv", dtype=str, keep_default_na=False)
        for which in ("dirty", "clean")
    )
    wrong = dirty.to_numpy() != clean.to_numpy()
    begun = time.perf_counter()
    told = wrong_cells(dirty)
    took = time.perf_counter() - begun
    at = dirty.columns.get_indexer(told["column"])
    right = wrong[told["row"].to_numpy(dtype=int), at].sum()
    return Told(int(wrong.sum()), len(told), right / len(told), right / wrong.sum(), took)


def public(folder: Path) -> None:
    """Wrong cells of tables whose errors are known."""
    print("| table | cells wrong | told | precision | recall | F1 | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name in ("hospital", "beers"):
        place = folder / "dirty" / name
        if not place.exists():
            print(f"{place} is not there; left out.")
            continue
        t = on_known_errors(place)
        f1 = 2 * t.precision * t.recall / (t.precision + t.recall)
        print(
            f"| {name} | {t.wrong:,} | {t.told:,} | {t.precision:.3f} | {t.recall:.3f} | "
            f"{f1:.3f} | {t.seconds:.1f} |"
        )


def planted(seeds: int, customers: int) -> None:
    """Faults of every kind in a demo bank of every seed; and what is told that nobody planted."""
    found: dict[str, list[float]] = {}
    false_days = false_changes = branch_years = 0.0
    for seed in range(1, seeds + 1):
        told, days, changes, years = _one_bank(seed, customers)
        for kind, share in told.items():
            found.setdefault(kind, []).append(share)
        false_days, false_changes = false_days + days, false_changes + changes
        branch_years += years
    print(f"\nFaults planted in {seeds} demo banks of {customers:,} customers:")
    print("| fault | found | 95 % interval |", "|---|---|---|", sep="\n")
    for kind, shares in found.items():
        low, high = share_interval(sum(shares), len(shares))
        print(f"| {kind} | {np.mean(shares):.1%} of {len(shares)} | {low:.1%} to {high:.1%} |")
    print(
        f"\nNot planted, in {branch_years:.0f} branch-years: {false_days:.0f} unusual days "
        f"({false_days / branch_years:.2f} a branch and year), {false_changes:.0f} shares called "
        f"changed ({false_changes / branch_years:.2f})."
    )


def _one_bank(seed: int, customers: int) -> tuple[dict[str, float], int, int, float]:
    """By kind the share of what was planted that is found; false alarms of days and of shares, and
    the years of branches that they come from.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        make_bank(source, customers=customers, seed=seed)
        con = ibis.duckdb.connect()
        for name in TABLES:
            many = source / name
            files = f"{many}/*.parquet" if many.is_dir() else f"{source / name}.parquet"
            con.raw_sql(f"create table {name} as select * from read_parquet('{files}')")
    # the demo bank's own faults go first
    con.raw_sql("update transactions set value_on = booked_at::date")
    con.raw_sql("delete from transactions where transaction_id like '%b'")
    con.raw_sql("delete from surveys where survey_id like '%b'")
    con.raw_sql("delete from transactions where amount is null or booked_at > date '2025-01-01'")
    con.raw_sql(
        "delete from transactions where transaction_id in (select transaction_id from "
        "transactions group by 1 having count(*) > 1)"
    )
    false_changes = _changes(con)
    branches = sorted(con.table("branches").branch_id.to_pandas())
    where = _plant_days(con, rng, branches)
    rows = {kind: _plant_rows(con, rng, *what) for kind, what in OF_ROWS.items()}
    told, false_days = _days_found(con, branches, where)
    _counts, doubts = checked(con, _tables(con, LAST), LAST, DataHealth())
    doubted = doubts.to_pandas()
    for kind, (table, key, _sql, _n, by) in OF_ROWS.items():
        if "." in by:
            hit = set(doubted.loc[doubted["check"] == by, "key"])
        else:
            text = con.table(table).select(*SEARCHED[table]).to_pandas().set_index(key)
            cells = wrong_cells(text.astype("string"))
            hit = set(cells.loc[cells["column"] == by, "row"])
        told[kind] = len(rows[kind] & hit) / len(rows[kind])
    return told, false_days, false_changes, float(len(branches))


def _tables(con: Backend, quarter: Quarter) -> dict[str, ibis.Table]:
    tables = {name: con.table(name) for name in TABLES}
    booked = tables["transactions"].booked_at
    own = (booked >= ibis.timestamp(f"{quarter.start} 00:00:00")) & (
        booked < ibis.timestamp(f"{quarter.shifted(1).start} 00:00:00")
    )
    return tables | {"transactions": tables["transactions"].filter(own)}


def _changes(con: Backend) -> int:
    """Shares that are called changed where nothing was planted: of the branches' pages."""
    parts = []
    for quarter in QUARTERS:
        counts, _doubts = checked(con, _tables(con, quarter), quarter, DataHealth())
        parts.append(counts.assign(quarter=str(quarter)))
    rows = pd.concat(parts, ignore_index=True)
    called = 0
    for _branch, own in rows.groupby("branch_id"):
        now = own.loc[own["quarter"] == str(LAST), "check"]
        p = pd.Series([changed(own, check, str(LAST)) for check in now], dtype=float)
        called += int((corrected_for_any(p) < CERTAIN).sum())
    return called


def _plant_days(con: Backend, rng: np.random.Generator, branches: list[str]) -> dict[str, tuple]:
    """Each kind at a branch on a day of the last two quarters, none near another."""
    first, days = LAST.shifted(-1).start, 184 - len(ON_A_DAY)
    chosen = rng.choice(days // 5, len(ON_A_DAY), replace=False) * 5
    where: dict[str, tuple] = {}
    for place, (kind, sql) in enumerate(ON_A_DAY.items()):
        branch = str(rng.choice(branches))
        day = first + dt.timedelta(days=int(chosen[place]))
        here = (
            f"booked_at::date = '{day}' and account_id in (select account_id from accounts where "
            f"branch_id = '{branch}')"
        )
        con.raw_sql(sql.format(here=here))
        where[kind] = (branch, day)
    return where


def _plant_rows(
    con: Backend, rng: np.random.Generator, table: str, key: str, sql: str, n: int, _by: str
) -> set[str]:
    conditions = {
        "loans": "application_id is not null",
        "surveys": f"answered_on >= date '{LAST.start}'",
        "customers": "customer_type = 'personal' and length(region) >= 4",
    }
    ids = con.raw_sql(
        f"select {key} from {table} where {conditions.get(table, 'true')} order by 1"
    ).fetchall()
    chosen = [ids[i][0] for i in rng.choice(len(ids), min(n, len(ids)), replace=False)]
    listed = ", ".join(f"'{c}'" for c in chosen)
    con.raw_sql(sql.format(these=f"{key} in ({listed})"))
    return {f"{c}b" for c in chosen} if table == "surveys" else set(chosen)


def _days_found(
    con: Backend, branches: list[str], where: dict[str, tuple]
) -> tuple[dict[str, float], int]:
    rows = day_rows(con.table("transactions"), con.table("accounts")).to_pandas()
    rows = rows[pd.to_datetime(rows["day"]) >= pd.Timestamp(QUARTERS[0].start)]
    # a year's alarms, of the last four quarters
    found = unusual_days(rows, branches, QUARTERS[1].start, LAST.end, "CN")
    hit = {
        kind: float(
            (
                found["branch_id"].isin([branch])
                & (pd.to_datetime(found["day"]) <= pd.Timestamp(day))
                & (pd.to_datetime(found["until"]) >= pd.Timestamp(day))
            ).any()
        )
        for kind, (branch, day) in where.items()
    }
    spots = [(b, pd.Timestamp(d)) for b, d in where.values()]
    false = sum(
        not any(
            (r.branch_id == b or r.branch_id == "ALL")
            and pd.Timestamp(r.day) <= d <= pd.Timestamp(r.until)
            for b, d in spots
        )
        for r in found.itertuples()
    )
    return hit, int(false)


if __name__ == "__main__":
    main()
