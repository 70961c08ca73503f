"""Make the demo bank: every table of the contract as Parquet, and beside them `truth/`, which only
tests and benchmarks read.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.demo import plan
from analysis.demo.duplicates import reviews, with_duplicates
from analysis.demo.faults import (
    planted_faults,
    with_a_day_twice,
    with_confirmation,
    with_faulty_customers,
    with_second_answers,
    with_value_days,
)
from analysis.demo.following import make_handed
from analysis.demo.lending import EXTERNAL, application_tables, make_lending, truth_rows
from analysis.demo.money import transactions
from analysis.demo.people import (
    GROUPS,
    QUARTERS,
    People,
    account_tables,
    branch_effects,
    customer_table,
    make_people,
)
from analysis.demo.schemes import added_tables, decisions, overridden, plant
from analysis.demo.selling import make_sales
from analysis.demo.trade import (
    STAFF_PER_BRANCH,
    bank_tables,
    bill_tables,
    merchant_table,
    standing_order_table,
)
from analysis.demo.voice import complaint_tables, survey_tables
from analysis.storage import read_json, write_json
from analysis.workers import processes

Progress = Callable[[int, int], None]


def make_bank(
    folder: Path,
    customers: int = 5000,
    seed: int = 7,
    branches: int | None = None,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
) -> None:
    """Write the demo bank to `folder`, replacing what was there only when the new one is complete.

    The same seed and number of customers give the same rows. Customers are made in chunks of
    `plan.CHUNK`, each on its own, so memory does not grow with their number; `branches` is 4, and
    one more for every 5,000 customers, unless given.
    """
    branches = branches or max(4, customers // 5000)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(temporary / "bank.parquet", bank_tables(branches), many=False)
        tasks = [
            (temporary, chunk, first, min(plan.CHUNK, customers - first), branches, seed)
            for chunk, first in enumerate(range(0, customers, plan.CHUNK))
        ]
        if jobs > 1 and len(tasks) > 1:
            with processes(jobs, [__name__]) as pool:
                planted = []
                for done, rows in enumerate(pool.map(_make_chunk, tasks), 1):
                    planted += rows
                    progress(done, len(tasks))
        else:
            planted = []
            for done, task in enumerate(tasks, 1):
                planted += _make_chunk(task)
                progress(done, len(tasks))
        write_json(temporary / "truth" / "cases.json", planted)
        write_json(
            temporary / "truth" / "loyalty.json",
            {
                "drivers": plan.DRIVERS,
                "satisfaction_to_loyalty": plan.SATISFACTION_TO_LOYALTY,
                "leaving": plan.LEAVING,
                "fall": plan.FALL,
                "branch_effects": branch_effects(branches).round(4).tolist(),
            },
        )
        write_json(
            temporary / "truth" / "selling.json",
            {"take_up": plan.TAKE_UP, "campaigns": [asdict(c) for c in plan.CAMPAIGNS]},
        )
        write_json(
            temporary / "truth" / "staff.json",
            {
                "ignores_lists": plan.IGNORES_LISTS,
                "follows": plan.FOLLOWS,
                "call_adds": plan.CALL_ADDS,
                "faulty_follow_ups": plan.FAULTY_FOLLOW_UPS,
            },
        )
        write_json(temporary / "truth" / "bad_rows.json", BAD_ROWS)
        write_json(temporary / "truth" / "faults.json", planted_faults())
        write_json(temporary / "made_with.json", made_with(customers, seed, branches))
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
        folder.chmod(0o755)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def made_with(customers: int, seed: int, branches: int | None = None) -> dict[str, int]:
    """What identifies a demo bank; a bank made with something else is made again."""
    return {
        "customers": customers,
        "seed": seed,
        "branches": branches or max(4, customers // 5000),
        "version": plan.VERSION,
    }


def is_made(folder: Path, customers: int, seed: int) -> bool:
    """Whether the folder holds the demo bank asked for, whole."""
    record = folder / "made_with.json"
    return read_json(record) == made_with(customers, seed)


def _make_chunk(task: tuple[Path, int, int, int, int, int]) -> list[dict[str, object]]:
    folder, chunk, first, count, branches, seed = task
    rng = np.random.default_rng([seed, chunk])
    people = make_people(rng, first, count, branches)
    lending, planted = make_lending(rng, people)
    used = {int(lending.customer[i]) for a in planted for i in a.loans} | {
        p // 2 - first for a in planted for p in [*a.payers, *a.fronts] if p < EXTERNAL
    }
    schemes = plant(np.random.default_rng([seed, chunk, 99]), people, used, chunk)
    household = [p // 2 - first for a in planted if a.by_loan for p in a.payers]
    if household:
        schemes.override("phone", household, f"13{chunk:04d}00003")
    customers = customer_table(rng, people, STAFF_PER_BRANCH)
    sales = make_sales(np.random.default_rng([seed, chunk, 77]), people)
    accounts = account_tables(rng, people, sales)
    handed = make_handed(
        np.random.default_rng([seed, chunk, 55]), people, customers, accounts["holdings"]
    )
    merchants = max(20, count // 50)
    tables = {
        "customers": customers,
        **accounts,
        "holdings": handed.holdings,
        **application_tables(rng, people, lending, planted),
        **survey_tables(rng, people),
        **complaint_tables(rng, people),
        "contacts": sales.contacts,
        "leads": handed.leads,
        **bill_tables(rng, people),
        "merchants": merchant_table(rng, people, 0, merchants),
        "standing_orders": standing_order_table(rng, people),
    }
    decided = decisions([*truth_rows(people, lending, planted), *schemes.truth], people)
    tables["follow_ups"] = pa.concat_tables(
        [handed.follow_ups, decided.cast(handed.follow_ups.schema)]
    )
    tables["customers"], tables["account_holders"], twice = with_duplicates(
        np.random.default_rng([seed, chunk, 33]),
        overridden(tables["customers"], schemes.overrides),
        tables["account_holders"],
        first,
    )
    tables["identity_reviews"] = reviews(np.random.default_rng([seed, chunk, 34]), twice, first)
    if chunk > 0:
        del tables["merchants"]  # all chunks shop at the shops of the first
        merchants = max(20, plan.CHUNK // 50)
    for added, planted_rows in added_tables(schemes).items():
        tables[added] = (
            pa.concat_tables([tables[added], planted_rows.cast(tables[added].schema)])
            if added in tables
            else planted_rows
        )
    tables["customers"] = with_confirmation(
        np.random.default_rng([seed, chunk, 23]), tables["customers"]
    )
    if chunk == 0:
        faults = np.random.default_rng([seed, chunk, 22])
        tables["surveys"], tables["survey_scores"] = with_second_answers(
            faults, tables["surveys"], tables["survey_scores"], tables["customers"]
        )
        tables["customers"] = with_faulty_customers(faults, tables["customers"])
        tables = {name: _with_bad_rows(name, table) for name, table in tables.items()}
    _write(folder / f"part-{chunk:04d}.parquet", tables, many=True)
    for quarter, name in enumerate(QUARTERS):
        entries = transactions(
            np.random.default_rng([seed, chunk, 1 + quarter]),
            people,
            lending,
            planted,
            schemes,
            quarter,
            chunk,
            merchants,
        )
        entries = with_value_days(entries, tables["accounts"])
        if chunk == 0 and quarter == len(QUARTERS) - 1:
            entries = with_a_day_twice(entries, tables["accounts"])
            entries = _with_bad_rows("transactions", entries)
        _write(folder / f"{name}-{chunk:04d}.parquet", {"transactions": entries}, many=True)
    truth = {
        "truth/segments": _groups(people),
        "truth/life_events": _life_events(people),
        "truth/duplicates": twice,
    }
    _write(folder / f"part-{chunk:04d}.parquet", truth, many=True)
    return [*truth_rows(people, lending, planted), *schemes.truth]


def _groups(people: People) -> pa.Table:
    names = np.array([g.name for g in GROUPS])
    return pa.table(
        {
            "customer_id": pa.array(
                [f"C{i:08d}" for i in range(people.first, people.first + len(people))]
            ),
            "planted": pa.array(names[people.group], pa.string()),
        }
    )


def _life_events(people: People) -> pa.Table:
    happened = [
        (name, np.flatnonzero(when < len(QUARTERS)))
        for name, when in sorted(people.happens.items())
    ]
    names = [name for name, touched in happened for _ in touched]
    when = [str(QUARTERS[people.happens[name][i]]) for name, touched in happened for i in touched]
    ids = [f"C{people.first + i:08d}" for _, touched in happened for i in touched]
    text = pa.string()
    return pa.table(
        {
            "customer_id": pa.array(ids, text),
            "event": pa.array(names, text),
            "quarter": pa.array(when, text),
        }
    )


def _write(path: Path, tables: dict[str, pa.Table], many: bool) -> None:
    """Each table under its name: a file in the bank's folder, or a part of a folder of that
    name.
    """
    for name, table in tables.items():
        target = path.parent / name / path.name if many else path.parent / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target, compression="zstd")


#: Bad rows of the bank: table, rule they break, how many.
BAD_ROWS = {
    "transactions": {
        "unique_key": 5,
        "account_id.reference": 4,
        "booked_at.future": 3,
        "amount.required": 2,
    },
    "customers": {"sex.allowed": 2},
    "survey_scores": {"score.maximum": 4},
    "accounts": {"closed_on_before_opened_on": 2},
}
#: Table to the column that makes its bad rows rows of their own.
BAD_KEYS = {
    "transactions": "transaction_id",
    "customers": "customer_id",
    "accounts": "account_id",
    "survey_scores": "item",
}
#: Column to a value that breaks its rule.
BAD_VALUES = {
    "account_id": "A9999999999",
    "booked_at": np.datetime64("2031-01-01T00:00:00", "us"),
    "amount": None,
    "sex": "unknown",
    "score": 11,
}


def _with_bad_rows(name: str, table: pa.Table) -> pa.Table:
    """The table with a known number of copies of its first rows appended, each broken in one
    way.
    """
    if name not in BAD_ROWS:
        return table
    parts, at = [table], 0
    for rule, count in BAD_ROWS[name].items():
        copies = table.slice(at, count)
        at += count
        if rule != "unique_key":
            keys = pa.array([f"bad_{rule}_{i}" for i in range(count)])
            copies = _replaced(_replaced(copies, BAD_KEYS[name], keys), *_broken(copies, rule))
        parts.append(copies.cast(table.schema))
    return pa.concat_tables(parts)


def _broken(rows: pa.Table, rule: str) -> tuple[str, pa.Array]:
    """The column that breaks the rule, and its values."""
    if rule == "closed_on_before_opened_on":
        month = pa.scalar(-86_400 * 30, pa.duration("s")).cast(pa.duration("ms"))
        return "closed_on", pc.cast(pc.add(rows["opened_on"], month), pa.date32())
    column = rule.split(".")[0]
    values = [BAD_VALUES[column]] * len(rows)
    return column, pa.array(values, rows.schema.field(column).type)


def _replaced(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, values)
