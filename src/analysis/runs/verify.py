"""Replay delivered reports: nbval executes each notebook again with its recorded parameters and
compares every output.
"""

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import as_completed
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import nbformat

from analysis import workers
from analysis.errors import ParametersError, not_one_of
from analysis.language import clauses, in_use, marked, say
from analysis.partition import ALL
from analysis.report.parts import without_bank
from analysis.report.prose import in_language
from analysis.runs.catalogue import REPORTS
from analysis.runs.delivered import damage_to
from analysis.runs.execute import KERNEL
from analysis.runs.manifest import STATES, Entry, Manifest, Name, Parameter
from analysis.runs.replayed import Replay, Replayed
from analysis.sources.land import changed_tables
from analysis.sources.params import Bank, read_params
from analysis.storage import bytes_fingerprint

#: What a library may print differently on every machine; the notebooks' own test uses the same.
SANITIZE = """[memory-addresses]
regex: 0x[0-9a-f]{8,}
replace: ADDRESS
"""


#: The line of a delivered notebook's parameters that says where lists go: nowhere.
NO_OUTPUTS = 'outputs = ""'
#: What a replay says of the bank's own files stands under this name.
SOURCE = marked("the bank's files")


def replay_quarter(
    manifest: Manifest,
    branches: list[str],
    reports: list[str],
    jobs: int,
    begin: Callable[[int], None],
    tell: Callable[[Replay], None],
) -> Replayed:
    """Replay the delivered reports of a quarter, those of the branches and reports named, or all.

    begin: told how many there are. tell: told of each as it ends. Raises ParametersError for a
    branch or report that was not run, naming those that were.
    """
    chosen = _chosen(manifest, branches, reports)
    entries = [e for e in chosen if e.is_over and e.files is not None]
    begin(len(entries))
    results = [_not_to_replay(e) for e in chosen if e not in entries]
    bank = bank_of(manifest)
    if bank and (changed := changed_sources(bank)):
        results.append(Replay("", "", changed))
    for result in results:
        tell(result)
    results += replay_all(manifest, entries, jobs, tell)
    findings = {r.name.strip() or say(SOURCE): r.findings for r in results if r.findings}
    different = sum(f"{e.branch} {e.report}" in findings for e in entries)
    return Replayed(len(entries), len(entries) - different, findings)


def _chosen(manifest: Manifest, branches: list[str], reports: list[str]) -> list[Entry]:
    there = manifest.entries()
    for what, names, valid in (
        (say("The branch"), branches, {e.branch for e in there}),
        (say("The report"), reports, {e.report for e in there}),
    ):
        for name in names:
            if name not in valid:
                raise ParametersError(not_one_of(what, name, sorted(valid)))
    return [
        e
        for e in there
        if (not branches or e.branch in branches) and (not reports or e.report in reports)
    ]


def _not_to_replay(entry: Entry) -> Replay:
    why = say(
        "is not done ({status}), or was run by an earlier version; there is nothing to replay"
    ).format(status=say(STATES[entry.status]))
    return Replay(entry.branch, entry.report, [why])


def bank_of(manifest: Manifest) -> Bank | None:
    """The bank of a manifest, when its reports have one params file and it is still there."""
    entries = [e for e in manifest.reports.values() if e.parameters]
    files = {_params_file(manifest.folder / e.branch, e) for e in entries}
    if len(files) != 1 or not (path := files.pop()).exists():
        return None
    return read_params(path)


def _params_file(branch: Path, entry: Entry) -> Path:
    return (branch / str((entry.parameters or {})["params"])).resolve()


def replay_all(
    manifest: Manifest, entries: list[Entry], jobs: int, tell: Callable[[Replay], None]
) -> list[Replay]:
    """Replay the reports of `entries`, `jobs` at once; in the order of the entries."""
    by_name: dict[Name, Replay] = {}
    with workers.processes(min(jobs, len(entries)) or 1, [__name__], workers.begin) as pool:
        futures = {pool.submit(replay, str(manifest.folder), e): e for e in entries}
        for future in as_completed(futures):
            entry = futures[future]
            try:
                result = future.result()
            except Exception as error:  # a process that died; the others go on
                result = Replay(
                    entry.branch,
                    entry.report,
                    [say("the replay stopped: {error}").format(error=error)],
                )
            by_name[entry.name] = result
            tell(result)
    return [by_name[e.name] for e in entries]


def changed_sources(bank: Bank) -> list[str]:
    """Findings about the bank's own files: a table that changed since it was accepted means that
    reports are of older data.
    """
    return [
        say(
            "the bank's table {name} changed since the reports' data was prepared; `workbook "
            "run` would make them anew"
        ).format(name=name)
        for name in changed_tables(bank)
    ]


def replay(folder: str, entry: Entry) -> Replay:
    """Compare one report's files with the manifest and its outputs with those of a new
    execution.
    """
    workers.pin_threads()
    start = time.monotonic()
    result = Replay(entry.branch, entry.report)
    branch = Path(folder) / entry.branch
    result.findings = list(_changed_files(branch, entry))
    if not result.findings:  # nothing is executed that is not what was delivered
        notebook = nbformat.read(branch / f"{entry.report}.ipynb", as_version=4)
        result.findings = [
            *_changed_parameters(notebook, entry.parameters or {}),
            *_other_code(notebook, entry),
        ] or _differences(notebook, entry, branch)
    result.seconds = round(time.monotonic() - start, 2)
    return result


def _other_code(notebook: nbformat.NotebookNode, entry: Entry) -> Iterator[str]:
    """Why a delivered notebook cannot be taken for the one that the report is made from."""
    report = REPORTS.get(entry.report)
    if report is None:
        yield say("there is no report of this name; nothing was executed")
        return
    recorded = (entry.made_of or {}).get("notebook")
    if bytes_fingerprint(report.notebook) != recorded:
        yield say("{notebook} changed since the report was made; nothing was executed").format(
            notebook=report.notebook.name
        )
        return
    whole = nbformat.read(report.notebook, as_version=4)
    source, own = _code(whole if entry.branch == ALL else without_bank(whole)), _code(notebook)
    if entry.status == "empty":  # cut off where it said that it has nothing to say
        source = source[: max(1, len(own))]
    if own != source:
        yield say("its code is not that of {notebook}; nothing was executed").format(
            notebook=report.notebook.name
        )


def _code(notebook: nbformat.NotebookNode) -> list[str]:
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]


def _changed_files(branch: Path, entry: Entry) -> Iterator[str]:
    words = {
        "missing": say("{file} is missing"),
        "changed": say(
            "{file} is not the file that was delivered (its checksum differs from the manifest's)"
        ),
        "added": say("{file} was added after the delivery"),
    }
    for name, how in damage_to(branch, entry.report, entry.files or {}).items():
        yield words[how].format(file=name)


def _changed_parameters(
    notebook: nbformat.NotebookNode, recorded: Mapping[str, Parameter]
) -> Iterator[str]:
    """Parameters that are not those of the manifest, and whatever else stands beside them."""
    from papermill.translators import PythonTranslator

    cells = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    lines = [line for cell in cells for line in cell.source.splitlines()]
    expected = {name: f"{name} = {PythonTranslator.translate(v)}" for name, v in recorded.items()}
    for name, line in expected.items():
        if line not in lines:
            other = next((at for at in lines if at.startswith(f"{name} = ")), "")
            there = other.split(" = ", 1)[1] if other else say("not there")
            yield say(
                "the parameter {name} is {there} in the notebook and {recorded!r} in the manifest"
            ).format(name=name, there=there, recorded=recorded[name])
    allowed = {"", "# Parameters", NO_OUTPUTS, *expected.values()}
    for line in lines:
        if line not in allowed:
            yield say(
                "{line!r} stands among the notebook's parameters; nothing was executed"
            ).format(line=line[:80])


def _differences(notebook: nbformat.NotebookNode, entry: Entry, branch: Path) -> list[str]:
    """The first cell whose outputs come out differently, and the lists that do."""
    import pytest
    from papermill.translators import PythonTranslator

    with tempfile.TemporaryDirectory(prefix="workbook-replay-") as place:
        lists = Path(place) / "tables"
        there, here = (entry.parameters or {})["params"], str(_params_file(branch, entry))
        params = tuple(f"params = {PythonTranslator.translate(p)}\n" for p in (there, here))
        for cell in notebook.cells:
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.source = cell.source.replace(NO_OUTPUTS, f"outputs = {str(lists)!r}")
                cell.source = cell.source.replace(*params)
        copy = Path(place) / f"{entry.report}.ipynb"
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
                say("the replay could not be made: {why}").format(
                    why=(Path(place) / "pytest.log").read_text()[-300:].strip()
                )
            ]
        return list(_other_lists(lists, branch / "tables" / entry.report))


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
        return say("the replay stopped: {why}").format(why=why[:300])
    at = code[number]
    headings = re.findall(
        r"^#+ (.+)$",
        "\n".join(
            in_language(c.source, in_use())
            for c in notebook.cells[:at]
            if c.cell_type == "markdown"
        ),
        re.MULTILINE,
    )
    first = notebook.cells[at].source.strip().splitlines()[0][:80]
    lines = [
        line.strip()
        for line in why.splitlines()
        if re.match(r"\s*(<<<|>>>|[+-] |disagrees|Unexpected|.*Error)", line)
    ]
    told = (
        say("code cell {n}, in “{heading}” comes out differently: {line}")
        if headings
        else say("code cell {n} comes out differently: {line}")
    ).format(n=number + 1, heading=headings[-1] if headings else "", line=first)
    return f"{told}\n    {clauses(lines[:3])[:300]}" if lines else told


def _other_lists(made: Path, delivered: Path) -> Iterator[str]:
    there = {f.name: f for f in delivered.glob("*.csv")} if delivered.exists() else {}
    again = {f.name: f for f in made.glob("*.csv")} if made.exists() else {}
    for name in sorted(there.keys() | again.keys()):
        if (
            name not in again
            or name not in there
            or again[name].read_bytes() != there[name].read_bytes()
        ):
            yield say("the list {name} comes out differently").format(name=name)
