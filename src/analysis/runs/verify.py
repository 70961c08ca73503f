"""Replay delivered reports: nbval executes each notebook again with its recorded parameters and
compares every output.
"""

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from analysis.runs.delivered import file_hashes
from analysis.runs.execute import KERNEL
from analysis.runs.manifest import Manifest
from analysis.runs.pool import worker_context
from analysis.runs.threads import pin_threads
from analysis.sources.land import changed_tables
from analysis.sources.params import Bank

#: What a library may print differently on every machine; the notebooks' own test uses the same.
SANITIZE = """[memory-addresses]
regex: 0x[0-9a-f]{8,}
replace: ADDRESS
"""


@dataclass
class Verdict:
    """What the replay of one report found; nothing found means that it came out the same."""

    branch: str
    report: str
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0


def verify(
    manifest: Manifest, entries: list[dict[str, Any]], jobs: int, tell: Callable[[Verdict], None]
) -> list[Verdict]:
    """Replay the reports of `entries`, `jobs` at once; the verdicts in the order of the entries."""
    context = worker_context(__name__)
    found: dict[tuple[str, str], Verdict] = {}
    with ProcessPoolExecutor(min(jobs, len(entries)) or 1, mp_context=context) as pool:
        futures = {pool.submit(replay, str(manifest.folder), e): e for e in entries}
        for future in as_completed(futures):
            entry = futures[future]
            try:
                verdict = future.result()
            except Exception as error:  # a process that died; the others go on
                verdict = Verdict(
                    entry["branch"], entry["report"], [f"the replay stopped: {error}"]
                )
            found[entry["branch"], entry["report"]] = verdict
            tell(verdict)
    return [found[e["branch"], e["report"]] for e in entries]


def changed_sources(bank: Bank) -> list[str]:
    """Findings about the bank's own files: a table that changed since it was accepted means that
    reports are of older data.
    """
    return [
        f"the bank's table {name} changed since the reports' data was prepared; `workbook "
        f"run` would make them anew"
        for name in changed_tables(bank)
    ]


def replay(folder: str, entry: dict[str, Any]) -> Verdict:
    """Compare one report's files with the manifest and its outputs with those of a new
    execution.
    """
    pin_threads()
    start = time.monotonic()
    verdict = Verdict(entry["branch"], entry["report"])
    branch = Path(folder) / entry["branch"]
    verdict.findings += list(_changed_files(branch, entry))
    path = branch / f"{entry['report']}.ipynb"
    if path.exists():
        notebook = nbformat.read(path, as_version=4)
        verdict.findings += list(_changed_parameters(notebook, entry["parameters"]))
        verdict.findings += _differences(notebook, entry, branch)
    verdict.seconds = round(time.monotonic() - start, 2)
    return verdict


def _changed_files(branch: Path, entry: dict[str, Any]) -> Iterator[str]:
    now = file_hashes(branch, entry["report"])
    for name, digest in entry["files"].items():
        if name not in now:
            yield f"{name} is missing"
        elif now[name] != digest:
            yield (
                f"{name} is not the file that was delivered (its checksum differs from the "
                f"manifest's)"
            )
    for name in now.keys() - entry["files"].keys():
        yield f"{name} was added after the delivery"


def _changed_parameters(notebook: nbformat.NotebookNode, recorded: dict[str, Any]) -> Iterator[str]:
    from papermill.translators import PythonTranslator

    injected = "\n".join(
        c.source for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])
    )
    for name, value in recorded.items():
        line = f"{name} = {PythonTranslator.translate(value)}"
        if line not in injected.splitlines():
            found = re.search(rf"^{re.escape(name)} = .*$", injected, re.MULTILINE)
            yield (
                f"the parameter {name} is "
                f"{found[0].split(' = ', 1)[1] if found else 'not there'} in the notebook and "
                f"{value!r} in the manifest"
            )


def _differences(notebook: nbformat.NotebookNode, entry: dict[str, Any], branch: Path) -> list[str]:
    """The first cell whose outputs come out differently, and the lists that do."""
    import pytest

    with tempfile.TemporaryDirectory(prefix="workbook-replay-") as place:
        lists = Path(place) / "tables"
        for cell in notebook.cells:
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.source = cell.source.replace('outputs = ""', f'outputs = "{lists}"')
        copy = Path(place) / f"{entry['report']}.ipynb"
        nbformat.write(notebook, copy)
        (Path(place) / "sanitize.cfg").write_text(SANITIZE, encoding="utf-8")
        watched = _FirstDifference()
        with (
            (Path(place) / "pytest.log").open("w") as log,
            redirect_stdout(log),
            redirect_stderr(log),
        ):
            status = pytest.main(
                [
                    "--nbval",
                    "--nbval-kernel-name",
                    KERNEL,
                    "--nbval-sanitize-with",
                    str(Path(place) / "sanitize.cfg"),
                    "-p",
                    "no:cacheprovider",
                    "-p",
                    "no:xdist",
                    "-p",
                    "no:faulthandler",
                    "-c",
                    os.devnull,
                    "--rootdir",
                    place,
                    "-x",
                    "-q",
                    str(copy),
                ],
                plugins=[watched],
            )
        if watched.cell is not None:
            return [_named(notebook, watched.cell, watched.why)]
        if status != 0:
            return [
                f"the replay could not be made: "
                f"{(Path(place) / 'pytest.log').read_text()[-300:].strip()}"
            ]
        return list(_other_lists(lists, branch / "tables" / entry["report"]))


class _FirstDifference:
    """A pytest plugin that keeps the first cell that failed."""

    def __init__(self) -> None:
        self.cell: int | None = None
        self.why = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self.cell is None:
            found = re.search(r"::Cell (\d+)", report.nodeid)
            self.cell = int(found[1]) if found else -1
            self.why = re.sub(r"\x1b\[[0-9;]*m", "", str(report.longrepr))


def _named(notebook: nbformat.NotebookNode, number: int, why: str) -> str:
    """The cell by number, section and first line, with the first lines of what differs."""
    code = [n for n, c in enumerate(notebook.cells) if c.cell_type == "code"]
    if number < 0 or number >= len(code):
        return f"the replay stopped: {why[:300]}"
    at = code[number]
    headings = re.findall(
        r"^#+ (.+)$",
        "\n".join(c.source for c in notebook.cells[:at] if c.cell_type == "markdown"),
        re.MULTILINE,
    )
    first = notebook.cells[at].source.strip().splitlines()[0][:80]
    lines = [
        line.strip()
        for line in why.splitlines()
        if re.match(r"\s*(<<<|>>>|[+-] |disagrees|Unexpected|.*Error)", line)
    ]
    where = f", in “{headings[-1]}”" if headings else ""
    return f"code cell {number + 1}{where} comes out differently: {first}" + (
        f"\n    {'; '.join(lines[:3])[:300]}" if lines else ""
    )


def _other_lists(made: Path, delivered: Path) -> Iterator[str]:
    there = {f.name: f for f in delivered.glob("*.csv")} if delivered.exists() else {}
    again = {f.name: f for f in made.glob("*.csv")} if made.exists() else {}
    for name in sorted(there.keys() | again.keys()):
        if (
            name not in again
            or name not in there
            or again[name].read_bytes() != there[name].read_bytes()
        ):
            yield f"the list {name} comes out differently"
