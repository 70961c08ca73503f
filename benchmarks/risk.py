"""What was planted for the investigations, found again: precision and recall by case, thresholds,
time and memory.

Usage: python benchmarks/risk.py [--seeds 20] [--customers 5000] [--sizes 10000 100000 1000000];
prints Markdown. Truth is read here and in tests only.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import ibis
import yaml
from threadpoolctl import threadpool_limits

from analysis.contract import CONTRACT
from analysis.demo.bank import make_bank
from analysis.quarters import Quarter
from analysis.risk.cases import Case, Window
from analysis.risk.detectors import DETECTORS
from analysis.risk.kinds import KINDS
from analysis.risk.thresholds import loosest, scaled, thresholds
from analysis.risk.transfers import Tables
from analysis.sources.params import Risk
from analysis.statistics.intervals import share_interval
from analysis.workers import default_jobs

ROOT = Path(__file__).parents[1]
LAST = Quarter.parse("2024Q4")
RISK = Risk(**yaml.safe_load((ROOT / "params" / "demo.yml").read_text(encoding="utf-8"))["risk"])


def tables_of(folder: Path, memory: str = "8GB") -> Tables:
    """The demo bank's tables in the contract's types, without landing them first."""
    con = ibis.duckdb.connect()
    con.raw_sql(f"SET enable_progress_bar = false; SET memory_limit = '{memory}'")
    found = {}
    for name, table in CONTRACT.items():
        files = sorted(
            str(f) for f in [*folder.glob(f"{name}/*.parquet"), *folder.glob(f"{name}.parquet")]
        )
        rows = con.read_parquet(files)
        found[name] = rows.select(
            **{
                c.name: rows[c.name].cast(c.ibis_type)
                if c.name in rows.columns
                else ibis.null(c.ibis_type)
                for c in table.columns
            }
        )
    return found


def judged(cases: list[Case], truth: list[dict[str, Any]]) -> dict[str, Any]:
    """Which planted cases were found, and which alerts are none, by the parties that tell a
    case.
    """
    found: set[int] = set()
    false: list[str] = []
    for case in cases:
        hits = [i for i, t in enumerate(truth) if set(t["parties"]) & set(case.anchors)]
        right = [i for i in hits if truth[i]["is_case"]]
        found |= set(right)
        if not right:
            false.append(truth[hits[0]]["variant"] if hits else "nothing planted")
    missed = [t["variant"] for i, t in enumerate(truth) if t["is_case"] and i not in found]
    return {
        "planted": sum(t["is_case"] for t in truth),
        "found": len(found),
        "alerts": len(cases),
        "false": false,
        "missed": missed,
    }


def one_bank(task: tuple[int, int]) -> dict[str, dict[str, dict[str, Any]]]:
    """kind to setting (empty: those of params/demo.yml) to what `judged` says, on the demo bank of
    a seed.
    """
    seed, customers = task
    made: dict[str, dict[str, dict[str, Any]]] = {}
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "bank"
        make_bank(place, customers, seed)
        everything = json.loads((place / "truth" / "cases.json").read_text(encoding="utf-8"))
        tables = tables_of(place)
        for name, kind in KINDS.items():
            limits, detector = getattr(RISK, kind.settings), DETECTORS[name]
            truth = [t for t in everything if t["kind"] == name]
            gathered = detector.candidates(
                tables, Window.of_quarters(LAST, kind.quarters), loosest(limits)
            )
            runs = {
                "": limits,
                **{
                    f"{t} {factor:g}": scaled(limits, t, factor)
                    for t in thresholds(limits)
                    for factor in (0.5, 2.0)
                },
            }
            made[name] = {
                setting: judged(detector.cases(gathered, s), truth) for setting, s in runs.items()
            }
    return made


def share(count: int, of: int) -> str:
    """A share with its 95 % interval (Wilson)."""
    low, high = share_interval(count, of)
    return f"{count} of {of}, {count / max(of, 1):.3f} ({low:.2f}–{high:.2f})"


def planted(seeds: int, customers: int, jobs: int) -> None:
    """Precision and recall over demo banks."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        banks = []
        for done, bank in enumerate(
            pool.map(one_bank, [(s, customers) for s in range(1, seeds + 1)]), 1
        ):
            banks.append(bank)
            print(
                done,
                {k: (b[""]["missed"], b[""]["false"]) for k, b in bank.items()},
                file=sys.stderr,
                flush=True,
            )
    print(
        "| kind | recall | precision | missed | false | alerts per 1,000 customers "
        "|\n|---|---|---|---|---|---|"
    )
    for name in KINDS:
        mine = [b[name][""] for b in banks]
        alerts, false = sum(m["alerts"] for m in mine), sum(len(m["false"]) for m in mine)
        print(
            f"| {name} | "
            f"{share(sum(m['found'] for m in mine), sum(m['planted'] for m in mine))} | "
            f"{share(alerts - false, alerts)} | "
            f"{told(x for m in mine for x in m['missed'])} | "
            f"{told(x for m in mine for x in m['false'])} | "
            f"{1000 * alerts / customers / seeds:.2f} |"
        )
    print(
        "\n| kind | threshold | half: recall | half: precision | double: recall | double: "
        "precision |\n|---|---|---|---|---|---|"
    )
    for name, kind in KINDS.items():
        for threshold in thresholds(getattr(RISK, kind.settings)):
            cells = []
            for factor in ("0.5", "2"):
                mine = [b[name][f"{threshold} {factor}"] for b in banks]
                alerts, false = sum(m["alerts"] for m in mine), sum(len(m["false"]) for m in mine)
                cells += [
                    f"{sum(m['found'] for m in mine) / sum(m['planted'] for m in mine):.3f}",
                    f"{(alerts - false) / max(alerts, 1):.3f}",
                ]
            print(f"| {name} | {threshold} | " + " | ".join(cells) + " |")
    print()


def told(names: Any) -> str:
    """Names with how often."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{n} × {c}" for n, c in sorted(counts.items())) or "none"


def with_a_crowd(tables: Tables, others: int) -> Tables:
    """The tables with one account that so many others at other banks pay once: a tax office."""
    entries = tables["transactions"]
    office = tables["accounts"].account_id.min().execute()
    numbers = ibis.range(others).unnest().name("i").as_table()
    last = ibis.timestamp(f"{LAST.end} 12:00:00")
    values = {
        "transaction_id": ibis.literal("crowd").concat(numbers.i.cast("string")),
        "account_id": ibis.literal(office),
        "booked_at": last,
        "amount": 500 + numbers.i % 700,
        "kind": ibis.literal("transfer"),
        "counterparty_account": ibis.literal("X8").concat(numbers.i.cast("string")),
    }
    more = numbers.select(
        **{
            c: (values[c] if c in values else ibis.null("string")).cast(t)
            for c, t in entries.schema().items()
        }
    )
    return {**tables, "transactions": entries.union(more)}


def detect_once(folder: Path, name: str, crowd: int) -> None:
    """Run one detector on a bank and print seconds, peak memory and cases as JSON; in a process of
    its own.
    """
    kind = KINDS[name]
    tables = with_a_crowd(tables_of(folder), crowd) if crowd else tables_of(folder)
    start = time.perf_counter()
    limits = getattr(RISK, kind.settings)
    gathered = DETECTORS[name].candidates(
        tables, Window.of_quarters(LAST, kind.quarters), loosest(limits)
    )
    reduced = time.perf_counter() - start
    cases = DETECTORS[name].cases(gathered, limits)
    print(
        json.dumps(
            {
                "engine": reduced,
                "seconds": time.perf_counter() - start,
                "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                "cases": len(cases),
                "transactions": int(tables["transactions"].count().execute()),
            }
        )
    )


def scale(sizes: list[int], crowd: int, kept: Path | None) -> None:
    """Time and memory of each detector on banks of growing size, at last with an account of `crowd`
    counterparties; `kept`: a folder of banks to make once and use again.
    """
    print(
        "| customers | transactions | kind | s | of it in the engine | GB at most | cases "
        "|\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size, others in [*[(s, 0) for s in sizes], *[(s, crowd) for s in sizes[-1:] if crowd]]:
            place = (kept or Path(folder)) / str(size)
            if not place.exists():
                make_bank(place, size, 7, jobs=default_jobs())
            label = f"{size:,} and the crowd" if others else f"{size:,}"
            for name in KINDS:
                done = subprocess.run(
                    [
                        sys.executable,
                        __file__,
                        "--detect",
                        str(place),
                        name,
                        "--crowd",
                        str(others),
                    ],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    print(
                        f"| {label} | | {name} | failed: "
                        f"{done.stderr.splitlines()[-1][:120]} | | | |",
                        flush=True,
                    )
                    continue
                r = json.loads(done.stdout)
                print(
                    f"| {label} | {r['transactions']:,} | {name} | {r['seconds']:.1f} | "
                    f"{r['engine']:.1f} | {r['gigabytes']:.1f} | {r['cases']} |",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument(
        "--crowd",
        type=int,
        default=5_000_000,
        help="counterparties of one account, on the largest bank",
    )
    parser.add_argument(
        "--folder", type=Path, help="keep the banks of --sizes here and use those that are there"
    )
    parser.add_argument("--detect", nargs=2, metavar=("FOLDER", "KIND"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.detect:
        detect_once(Path(given.detect[0]), given.detect[1], given.crowd)
    else:
        if given.seeds:
            planted(given.seeds, given.customers, given.jobs)
        scale(given.sizes, given.crowd, given.folder)
