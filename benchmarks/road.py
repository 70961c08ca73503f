"""The figures of benchmarks/README.md: the road from a bank's tables to pages, timed on this
machine.

Usage: python benchmarks/road.py [--shared FOLDER]. Everything is made in a temporary folder; prints
Markdown.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import yaml

ROOT = Path(__file__).parents[1]
WORKBOOK = [sys.executable, "-c", "from analysis.cli import main; main()"]
RUNS = 3


def copied(params: str, place_of: Path, **source: object) -> Path:
    """A params file whose data and outputs lie in `place_of`."""
    content = yaml.safe_load(
        (ROOT / "params" / params)
        .read_text(encoding="utf-8")
        .replace("${WORKBOOK_SHARED:-../../shared/data}", str(shared))
    )
    content.update(data=str(place_of / "data"), outputs=str(place_of / "outputs"))
    content["source"].update(source)
    path = place_of / params
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def seconds(*words: str) -> float:
    """Wall seconds of one command."""
    start = time.perf_counter()
    subprocess.run([*WORKBOOK, *words], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - start


def times(prepare: bool, params: str, **source: object) -> tuple[list[float], Path]:
    """Seconds of RUNS runs, each in a folder of its own, and the last folder."""
    found = []
    for n in range(RUNS):
        folder = Path(tempfile.mkdtemp(prefix=f"{params}-{n}-", dir=place))
        path = copied(
            params,
            folder,
            **({"folder": str(folder / "source")} if params == "demo.yml" else {}),
            **source,
        )
        found.append(seconds("prepare" if prepare else "run", str(path)))
    return found, folder


def row(what: str, values: list[float], unit: str = "s") -> None:
    """One line of the table: median, least and most."""
    print(f"| {what} | {np.median(values):,.1f} {unit} | {min(values):,.1f}–{max(values):,.1f} |")


parser = argparse.ArgumentParser()
parser.add_argument(
    "--shared", default=os.environ.get("WORKBOOK_SHARED", str(ROOT.parent / "shared" / "data"))
)
shared = Path(parser.parse_args().shared).resolve()
with tempfile.TemporaryDirectory() as temporary:
    place = Path(temporary)
    print("| what | median of three | least–most |\n|---|---|---|")
    demo, _ = times(True, "demo.yml")
    row("`workbook prepare` of the demo bank, making it included", demo)
    pages, folder = times(False, "demo.yml")
    row("`workbook run` of the demo bank from nothing: 20 reports", pages)
    sizes = [f.stat().st_size / 1000 for f in (folder / "outputs").rglob("*.html")]
    print(
        f"| size of a page, demo bank ({len(sizes)} pages) | "
        f"{np.median(sizes):,.0f} KB | {min(sizes):,.0f}–{max(sizes):,.0f} |"
    )
    if (shared / "berka").exists():
        berka, folder = times(True, "berka.yml")
        row("`workbook prepare` of Berka (49,102 transactions)", berka)
        parquet = sum(
            f.stat().st_size
            for f in (folder / "data" / "contract" / "transactions").rglob("*.parquet")
        )
        rows = duckdb.sql(
            f"SELECT count(*) FROM read_parquet('{folder}/data/contract/transactions/*/*.parquet')"
        ).fetchall()[0][0]
        print(
            f"| bytes per transaction, Berka: our Parquet against the CSV | "
            f"{parquet / rows:.1f} | "
            f"{(shared / 'berka' / 'trans.asc').stat().st_size / rows:.1f} in the CSV |"
        )
    start = time.perf_counter()
    subprocess.run(
        [*WORKBOOK, "demo", str(place / "million"), "--customers", "1000000"],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    made = time.perf_counter() - start
    rows = duckdb.sql(
        f"SELECT count(*) FROM read_parquet('{place}/million/transactions/*.parquet')"
    ).fetchall()[0][0]
    size = sum(f.stat().st_size for f in (place / "million" / "transactions").rglob("*.parquet"))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(
        f"| `workbook demo --customers 1000000`: {rows:,} transactions | {made:,.0f} s | "
        f"one run; at most {peak:.2f} GB in any one process so far; {size / rows:.1f} "
        f"bytes a transaction |"
    )
