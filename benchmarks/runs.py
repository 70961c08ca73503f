"""The run against other ways of running papermill notebooks, on the same grid of the demo bank, in
one session.

Usage: python benchmarks/runs.py [--rounds 3] [--only WAY …] [--ploomber PYTHON]. Everything is made
in a temporary folder; prints Markdown. PYTHON is the interpreter of an environment that has both
this package and ploomber.
"""

import argparse
import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
import numpy as np
import psutil
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
WORKBOOK = [sys.executable, "-c", "from analysis.cli import main; main()"]
PINNED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
CORES = os.cpu_count() or 1
Report = tuple[str, dict[str, str]]  # notebook, parameters


def bank_of(place: Path, branches: int | None = None) -> Path:
    """A params file of a demo bank whose data and outputs lie in `place`, prepared."""
    from analysis.demo.bank import make_bank

    place.mkdir()
    content = yaml.safe_load((ROOT / "params" / "demo.yml").read_text(encoding="utf-8"))
    content.update(data=str(place / "data"), outputs=str(place / "outputs"))
    demo = content["source"]["demo"]
    content["source"]["folder"] = str(place / "source")
    if branches:
        make_bank(place / "source", 8 * demo["customers"], demo["seed"], branches=branches)
        del content["source"]["demo"]
    path = place / "demo.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    subprocess.run([*WORKBOOK, "prepare", str(path)], check=True, capture_output=True, cwd=ROOT)
    return path


def grid(params: Path) -> list[Report]:
    """Every report of the demo bank's last quarter, as `workbook run` makes them."""
    import pandas as pd

    from analysis.runs.catalogue import REPORTS

    branches = [
        "ALL",
        *sorted(
            pd.read_parquet(params.parent / "data" / "contract" / "branches.parquet")["branch_id"]
        ),
    ]
    return [
        (str(report.notebook), {"params": str(params), "branch": b, "quarter": "2024Q4"})
        for b in branches
        for report in REPORTS.values()
        if b == "ALL" or not report.whole_bank_only
    ]


def by_commands(reports: list[Report], place: Path) -> None:
    """What everyone does: the two commands, one report after the other."""
    for number, (notebook, parameters) in enumerate(reports):
        out = place / f"{number}.ipynb"
        words = [
            w
            for k, v in {**parameters, "outputs": str(place / f"t{number}")}.items()
            for w in ("-p", k, v)
        ]
        subprocess.run(
            [BIN / "papermill", notebook, out, "-k", "python3", "--no-progress-bar", *words],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            [BIN / "jupyter", "nbconvert", "--to", "html", "--no-input", out],
            check=True,
            capture_output=True,
        )


def one_by_api(task: tuple[str, dict[str, str], str]) -> None:
    """papermill's interface with a stock kernel, nbconvert's in the same process."""
    import papermill
    from nbconvert import HTMLExporter

    notebook, parameters, out = task
    papermill.execute_notebook(
        notebook,
        out,
        parameters,
        kernel_name="python3",
        progress_bar=False,
        request_save_on_cell_execute=False,
    )
    Path(out).with_suffix(".html").write_text(
        HTMLExporter(exclude_input=True).from_filename(out)[0], encoding="utf-8"
    )


def by_pool(reports: list[Report], place: Path) -> None:
    """A process pool of stock kernels, threads pinned."""
    tasks = [
        (n, {**p, "outputs": str(place / f"t{i}")}, str(place / f"{i}.ipynb"))
        for i, (n, p) in enumerate(reports)
    ]
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(one_by_api, tasks))


def by_workbook(reports: list[Report], place: Path) -> None:
    """This workbook's command, from start to end; the bank is prepared, as it is for the others."""
    subprocess.run(
        [*WORKBOOK, "run", reports[0][1]["params"], "--force"],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )


def cells_only(reports: list[Report], place: Path) -> float:
    """Seconds of the cells alone, in one warm process without any kernel, over the cores: no way
    can be faster.
    """
    script = (
        "import contextlib, io, json, sys, time, nbformat\n"
        "from IPython.core.interactiveshell import InteractiveShell\nfrom "
        "IPython.utils.capture import capture_output\n"
        "shell = InteractiveShell.instance(); reports = json.load(open(sys.argv[1])); taken = []\n"
        "for again in (1, 2):\n    total = 0.0\n    for number, (notebook, parameters) in "
        "enumerate(reports):\n"
        "        shell.reset(new_session=False)\n        for cell in "
        "nbformat.read(notebook, 4).cells:\n"
        "            if cell.cell_type != 'code': continue\n"
        "            start = time.perf_counter()\n            with capture_output(): "
        "result = shell.run_cell(cell.source)\n"
        "            total += time.perf_counter() - start\n            result.raise_error()\n"
        "            if 'parameters' in cell.metadata.get('tags', []): "
        "shell.user_ns.update(parameters, outputs=f'{sys.argv[2]}/{again}-{number}')\n"
        "print(total)"
    )
    listed = place / "reports.json"
    listed.write_text(json.dumps(reports))
    done = subprocess.run(
        [sys.executable, "-c", script, listed, place],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | PINNED,
    )
    return float(done.stdout.splitlines()[-1]) / CORES


def by_ploomber(reports: list[Report], place: Path) -> None:
    """Ploomber's Parallel executor on the same notebooks; executed only, no pages made of them."""
    tasks = [
        {
            "source": n,
            "name": f"r{i}",
            "product": str(place / f"{i}.ipynb"),
            "static_analysis": "disable",
            "params": {**p, "outputs": str(place / f"t{i}")},
        }
        for i, (n, p) in enumerate(reports)
    ]
    # its notebooks must say what they produce, in the parameters cell
    for task in tasks:
        notebook = nbformat.read(task["source"], 4)
        cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
        cell.source = "upstream = None\nproduct = None\n" + cell.source
        copy = place / f"source-{task['name']}.ipynb"
        nbformat.write(notebook, copy)
        task["source"] = str(copy)
    spec = {
        "executor": {"dotted_path": "ploomber.executors.Parallel", "processes": CORES},
        "tasks": tasks,
    }
    (place / "pipeline.yaml").write_text(yaml.safe_dump(spec))
    subprocess.run(
        [Path(ploomber).parent / "ploomber", "build", "--force"],
        check=True,
        capture_output=True,
        cwd=place,
        env=os.environ | PINNED,
    )


def timed(way: Callable[[list[Report], Path], float | None], reports: list[Report]) -> float:
    """Wall seconds of one way, or what it measured itself."""
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        told = way(reports, Path(place))
        return told if told is not None else time.perf_counter() - start


def growth(params: Path) -> None:
    """Seconds a report and memory of this process and of the warm parent, for ever more reports of
    a trivial notebook.
    """
    from analysis.quarters import Quarter
    from analysis.runs.grid import Plan, run_plan
    from analysis.runs.request import Request
    from analysis.runs.task import Task
    from analysis.sources.params import read_params

    bank = read_params(params)
    place = params.parent / "growth"
    place.mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# A trivial report"),
            nbformat.v4.new_code_cell(
                'params = ""\nbranch = ""\noutputs = ""', metadata={"tags": ["parameters"]}
            ),
            nbformat.v4.new_code_cell("print(branch)"),
        ]
    )
    nbformat.write(notebook, place / "trivial.ipynb")
    print(
        "| reports | s a report | memory of the run | memory of the kernels' parent "
        "|\n|---|---|---|---|"
    )
    for count in (10, 10, 100, 1000):  # the first ten start the servers
        folder = place / f"{count}"
        tasks = [
            Task(
                "trivial",
                str(place / "trivial.ipynb"),
                f"B{n:04d}",
                f"Branch {n}",
                "2024Q4",
                "en",
                str(folder / f"B{n:04d}"),
                {"params": str(params), "branch": f"B{n:04d}"},
                {},
                str(bank.data_folder),
            )
            for n in range(count)
        ]
        folder.mkdir(exist_ok=True)
        start = time.perf_counter()
        request = Request(bank, Quarter.parse("2024Q4"))
        outcome = run_plan(request, Plan(folder, tasks), CORES, lambda event: None)
        seconds = (time.perf_counter() - start) / count
        assert outcome.done == count, outcome.failed[:1]
        warm = [
            p
            for p in psutil.process_iter(["cmdline"])
            if "analysis.runs.warm.parent" in (p.info["cmdline"] or [])
        ]
        parent = (
            max(p.memory_info().rss for p in warm if p.ppid() not in {w.pid for w in warm}) / 1e6
        )
        print(
            f"| {count:,} | {seconds:.3f} | {psutil.Process().memory_info().rss / 1e6:.0f} "
            f"MB | {parent:.0f} MB |",
            flush=True,
        )


def second_run(place: Path) -> None:
    """A run of about a hundred reports, and the same command again."""
    params = bank_of(place, branches=33)
    count = len(grid(params))
    start = time.perf_counter()
    subprocess.run([*WORKBOOK, "run", str(params)], check=True, capture_output=True, cwd=ROOT)
    first = time.perf_counter() - start
    again = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run([*WORKBOOK, "run", str(params)], check=True, capture_output=True, cwd=ROOT)
        again.append(time.perf_counter() - start)
    print(
        f"| {count} reports of a demo bank of 40,000 customers and 33 branches | "
        f"{first:.1f} s, {first / count:.2f} s a report |"
    )
    print(
        f"| the same command again, nothing changed (median of {rounds}) | "
        f"{np.median(again):.2f} s ({min(again):.2f}–{max(again):.2f}) |",
        flush=True,
    )


def phases(params: Path) -> None:
    """Where the time of one report goes, alone on the machine with a warm kernel: the fastest of
    five of each kind.
    """
    from analysis.quarters import Quarter
    from analysis.report.page import Pages
    from analysis.runs import execute
    from analysis.runs.grid import plan_run
    from analysis.runs.request import Request
    from analysis.sources.params import read_params

    plan = plan_run(Request(read_params(params), Quarter.parse("2024Q4"), ("B001",), force=True))
    rendering: list[float] = []
    real = execute.html_pages

    def timed_pages(*words: object) -> Pages:
        start = time.perf_counter()
        page = real(*words)
        rendering.append(time.perf_counter() - start)
        return page

    execute.html_pages = timed_pages
    print(
        "| report | kernel starts | cells | page is made | kernel ends, files are written "
        "| all | CPU of the asking process |\n|---|---|---|---|---|---|---|"
    )
    for task in sorted(plan.tasks, key=lambda t: t.report):
        found = []
        for _ in range(6):
            cells: list[float] = []
            start, cpu = time.perf_counter(), time.process_time()
            execute.run_task(
                task, lambda task, cell, of, cells=cells: cells.append(time.perf_counter())
            )
            end = time.perf_counter()
            # the last cell takes no time worth telling from the end
            found.append(
                (
                    end - start,
                    cells[0] - start,
                    cells[-1] - cells[0],
                    rendering[-1],
                    end - cells[-1] - rendering[-1],
                    time.process_time() - cpu,
                )
            )
        everything, begin, middle, page, rest, cpu = min(found[1:])
        print(
            f"| {task.report} | {begin:.2f} | {middle:.2f} | {page:.2f} | {rest:.2f} | "
            f"{everything:.2f} | {cpu:.2f} |",
            flush=True,
        )
    execute.html_pages = real


WAYS = {
    "commands": ("`papermill` and `jupyter nbconvert`, one after the other", by_commands),
    "pool": (f"papermill API, stock kernels, {CORES} processes, threads pinned", by_pool),
    "ploomber": (
        f"Ploomber, Parallel executor, {CORES} processes, threads pinned; without pages",
        by_ploomber,
    ),
    "workbook": ("`workbook run --force`", by_workbook),
    "cells": ("the cells alone in one warm process, over the cores (the limit)", cells_only),
}

EXTRAS = ("phases", "second", "growth")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=[*WAYS, *EXTRAS], default=[*WAYS, *EXTRAS])
    parser.add_argument("--ploomber", default="")
    given = parser.parse_args()
    rounds, ploomber = given.rounds, given.ploomber
    with tempfile.TemporaryDirectory() as temporary:
        params = bank_of(Path(temporary) / "demo")
        reports = grid(params)
        ways = [w for w in WAYS if w in given.only and (w != "ploomber" or ploomber)]
        if ways:
            by_workbook(
                reports, Path(temporary)
            )  # the shared server of kernels is there, as in a bank's day
            taken: dict[str, list[float]] = {w: [] for w in ways}
            for _round, way in itertools.product(range(rounds), ways):
                taken[way].append(timed(WAYS[way][1], reports))
                print(f"{way} {taken[way][-1]:.1f} s", file=sys.stderr, flush=True)
            ours = np.median(taken["workbook"]) if "workbook" in taken else 0
            print(
                f"{len(reports)} reports of the demo bank, {CORES} cores, median of "
                f"{rounds}:\n\n| way | s | least–most | against `workbook run` "
                f"|\n|---|---|---|---|"
            )
            for way in ways:
                s = taken[way]
                print(
                    f"| {WAYS[way][0]} | {np.median(s):.1f} | "
                    f"{min(s):.1f}–{max(s):.1f} | "
                    f"{np.median(s) / ours if ours else 0:.2f} × |",
                    flush=True,
                )
        if "phases" in given.only:
            print()
            phases(params)
        if "second" in given.only:
            print("\n| | |\n|---|---|")
            second_run(Path(temporary) / "hundred")
        if "growth" in given.only:
            print()
            with contextlib.redirect_stderr(io.StringIO()):
                growth(params)
