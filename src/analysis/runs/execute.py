"""Run one report: papermill executes the notebook, the page is rendered, everything is put in place
whole.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.translators import PythonTranslator

from analysis.language import listed, say, used
from analysis.partition import ALL
from analysis.report.frame import Of, in_languages, isolated
from analysis.report.page import brief_of, end_where_not_examined, html_pages
from analysis.report.parts import without_bank
from analysis.report.sheet import with_links
from analysis.runs.delivered import BRIEF, EVIDENCE, NOTEBOOK, PAGE, file_hashes
from analysis.runs.guard import Guard
from analysis.runs.manifest import Entry
from analysis.runs.packages import versions
from analysis.runs.task import Task
from analysis.steps.readings import Fingerprints, of_data
from analysis.storage import PACKAGE, make_way, write_text
from analysis.workers import pin_threads

KERNEL = "workbook"  # analysis.runs.warm
#: Characters of output that a report may have; pages are read by people. Rendering
#: that many takes a tenth of a second, whatever they are, so no limit of time is needed there.
MOST_OUTPUT = 5_000_000
#: Seconds in which a kernel has to answer, and in which more of what a cell wrote has to arrive
#: once the cell is over; the library's four are not enough on a busy machine.
PATIENCE = 60
OUTPUTS = {"stream", "display_data", "execute_result", "error"}
MARKERS = {"papermill-error-cell-tag"}

#: Called when a cell begins: the task, the cell's number among the code cells, of how many.
Tell = Callable[[Task, int, int], None]
_rendering = threading.Lock()  # a cluster's worker may run several reports in one process


class _Client(PapermillNotebookClient):
    """papermill's client, which hears no more than a page can hold, nor beyond the limits."""

    def __init__(self, nb_man: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(nb_man, **kwargs)
        self.guard = guard
        self.heard = {True: 0, False: 0}  # characters printed, and shown otherwise

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        """Take one message of the kernel; of what is printed, and of what is shown otherwise, that
        beyond `MOST_OUTPUT` is dropped.
        """
        if msg["msg_type"] in OUTPUTS:
            printed = msg["msg_type"] == "stream"
            if self.guard.reason or self.heard[printed] > MOST_OUTPUT:
                return None
            self.heard[printed] += len(str(msg["content"]))
            if self.heard[printed] > MOST_OUTPUT:
                notice = say("Output beyond {mb} MB is cut off here.").format(
                    mb=MOST_OUTPUT // 1_000_000
                )
                content = {"name": "stderr", "text": f"{notice}\n"}
                msg = {**msg, "msg_type": "stream", "content": content}
                msg["header"] = {**msg["header"], "msg_type": "stream"}
        return super().process_message(msg, cell, cell_index)


class _KeepingEngine(NBClientEngine):
    """papermill's engine, which hands out what it reached also when the kernel is lost."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        kwargs.pop("reached").append(nb_man.nb)
        for unused in ("input_path", "log_output", "stdout_file", "stderr_file", "start_timeout"):
            kwargs.pop(unused, None)
        return _Client(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=PATIENCE,
            iopub_timeout=PATIENCE,
            **kwargs,
        ).execute()


papermill_engines.register("workbook", _KeepingEngine)


def run_task(task: Task, tell: Tell = lambda task, cell, of: None) -> Entry:
    """Run the report and write `<report>.html`, `<report>.ipynb` and `tables/<report>/`.

    Returns the report's entry in the manifest; never raises. A failed report leaves a page that
    shows what it reached and why it stopped, and no tables; only where nothing can be written there
    is no page either.
    """
    try:
        with used(task.language):
            return _run(task, tell)
    except Exception as fault:  # a full disk, a folder without rights: the other reports go on
        return _entry(task, f"{type(fault).__name__}: {fault}", time.time())


def _run(task: Task, tell: Tell) -> Entry:
    pin_threads()
    os.environ["WORKBOOK_WORKER"] = str(
        os.getpid()
    )  # for who looks at a kernel and wonders whose it is
    Path(task.folder).mkdir(parents=True, exist_ok=True)
    for attempt in range(task.limits.retries + 1):
        started = time.time()
        with tempfile.TemporaryDirectory(prefix=f".{task.report}-", dir=task.folder) as place:
            tables = Path(place) / "tables"
            notebook, error = _execute(task, tables, tell)
            if error and attempt < task.limits.retries:
                continue
            read = tables.with_suffix(".readings")
            readings = (
                sorted(read.read_text(encoding="utf-8").split("\n")[:-1]) if read.exists() else []
            )
            return deliver(task, notebook, error, started, tables, readings, attempt + 1)
    raise AssertionError("unreachable: the last attempt is always delivered")


def _execute(task: Task, tables: Path, tell: Tell) -> tuple[NotebookNode, str]:
    """The executed notebook as far as it came, and why it stopped."""
    reached: list[NotebookNode] = []

    def begins(cell: NotebookNode, cell_index: int) -> None:
        code = [n for n, c in enumerate(reached[-1].cells) if c.cell_type == "code"]
        if cell_index in code:
            tell(task, code.index(cell_index) + 1, len(code))

    error = ""
    with Guard(task.limits) as guard:
        try:
            notebook = papermill.execute_notebook(
                notebook_of(task),
                None,
                {**task.parameters, "outputs": str(tables)},
                kernel_name=KERNEL,
                language="python",
                engine_name="workbook",
                progress_bar=False,
                request_save_on_cell_execute=False,
                autosave_cell_every=0,
                reached=reached,
                guard=guard,
                on_cell_start=begins,
                kernel_manager_class=guard.manager(),
                shutdown_kernel="immediate",
                extra_arguments=["--IPKernelApp.log_level=50", "--HistoryManager.enabled=False"],
            )
        except PapermillExecutionError as fault:
            error = say("{error}: {why} (cell {n})").format(
                error=fault.ename, why=fault.evalue, n=fault.exec_count
            )
        except (
            Exception
        ) as fault:  # a kernel that died; anything at all must leave the other reports alone
            ended = guard.how_it_ended() if isinstance(fault, DeadKernelError) else guard.reason
            error = ended or f"{type(fault).__name__}: {fault}"
    if error:
        notebook = reached[-1] if reached else notebook_of(task)
    return notebook, error


def notebook_of(task: Task) -> NotebookNode:
    """The notebook that is executed: a branch's is without what is the same in all branches."""
    notebook = nbformat.read(task.notebook, as_version=4)
    return notebook if task.branch == ALL else without_bank(notebook)


def deliver(
    task: Task,
    notebook: NotebookNode,
    error: str,
    started: float,
    tables: Path,
    readings: list[str],
    attempts: int,
) -> Entry:
    """Put page, notebook and tables in place and return the report's entry in the manifest."""
    seconds = round(time.time() - started, 2)
    folder = Path(task.folder)
    marks = Fingerprints(Path(task.data_folder))
    # nothing of the data when it changed meanwhile, so that the report runs again
    made_of = task.made_of | (of_data(readings, marks) if marks.newest(readings) <= started else {})
    notebook.cells = [c for c in notebook.cells if not MARKERS & set(c.metadata.get("tags", []))]
    _forget_place(notebook, task)
    nothing = "" if error else end_where_not_examined(notebook)
    with _rendering:
        pages = html_pages(
            notebook,
            Of(
                report=task.report,
                branch_name=task.branch_name,
                quarter=task.quarter,
                language=task.language,
                provenance=_provenance(task, made_of, started, seconds),
                around=replace(task.around, of_bank="") if nothing else task.around,
            ),
            _without_places(error, task),
        )
    brief = None if error or nothing else brief_of(notebook)
    for ending, content in (
        (NOTEBOOK, nbformat.writes(notebook) + "\n"),
        (PAGE, pages.html),
        (EVIDENCE, pages.evidence),
        (BRIEF, brief.model_dump_json(indent=1) if brief else ""),
    ):
        place = make_way(folder / f"{task.report}.{ending}")
        place.with_suffix(".pdf").unlink(missing_ok=True)  # printed from an earlier page
        if content:
            write_text(place, isolated(content) if ending in (PAGE, EVIDENCE) else content)
        else:
            place.unlink(missing_ok=True)
    target = folder / "tables" / task.report
    shutil.rmtree(target, ignore_errors=True)
    if tables.exists() and not error and not nothing:
        _link_languages(tables, task)
        target.parent.mkdir(exist_ok=True)
        tables.rename(target)
    return _entry(task, error, started).model_copy(
        update={
            "title": pages.title,
            **({"status": "empty", "nothing": nothing} if nothing else {}),
            "attempts": attempts,
            "made_of": made_of,
            "readings": readings,
            "files": file_hashes(folder, task.report),
            "page_bytes": len(pages.html.encode()),
        }
    )


def _link_languages(tables: Path, task: Task) -> None:
    """Give the pages beside the lists ways to the same pages in other languages."""
    for page in tables.rglob("*.html"):
        place = page.relative_to(tables)
        up = "../" * (len(place.parts) + 1)
        folders = {n: f"{up}{folder}" for n, folder in task.around.languages.items()}
        links = in_languages(folders, f"tables/{task.report}/{place.as_posix()}")
        write_text(page, with_links(page.read_text(encoding="utf-8"), links))


def _entry(task: Task, error: str, started: float) -> Entry:
    """A report's entry in the manifest, as far as it does not depend on what the report made."""
    return Entry(
        report=task.report,
        branch=task.branch,
        branch_name=task.branch_name,
        status="failed" if error else "done",
        error=_without_places(error, task),
        title="",
        attempts=1,
        made_of=task.made_of,
        readings=[],
        files={},
        page_bytes=0,
        parameters=task.recorded,
        versions=versions(),
        started=_moment(started),
        seconds=round(time.time() - started, 2),
    )


def failed_without_running(task: Task, error: str) -> Entry:
    """The entry and the page of a report whose process was lost."""
    notebook = notebook_of(task)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    try:
        Path(task.folder).mkdir(parents=True, exist_ok=True)
        return deliver(
            task,
            notebook,
            error,
            time.time(),
            Path(task.folder) / ".none",
            [],
            task.limits.retries + 1,
        )
    except OSError as fault:
        return _entry(
            task,
            say("{error}; no page could be written: {fault}").format(error=error, fault=fault),
            time.time(),
        )


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _provenance(
    task: Task, made_of: dict[str, str], started: float, seconds: float
) -> dict[str, str]:
    shown = {k: v for k, v in task.parameters.items() if k != "params"} | {
        "params": Path(str(task.parameters["params"])).name
    }
    return {
        say("Made of"): listed(f"{k} {v}" for k, v in sorted(made_of.items())),
        say("Parameters"): listed(f"{k}={v}" for k, v in sorted(shown.items())),
        say("Packages"): listed(f"{k} {v}" for k, v in versions().items()),
        say("Started"): _moment(started),
        say("Seconds"): f"{seconds:.1f}",
    }


def _forget_place(notebook: NotebookNode, task: Task) -> None:
    """Take times and temporary places out of the delivered notebook, so that the same data gives
    the same file.
    """
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"
            places = {"outputs": "", "params": task.recorded["params"]}
            cell.source = "\n".join(
                f"{name} = {PythonTranslator.translate(places[name])}" if name in places else line
                for line in cell.source.splitlines()
                for name in [line.partition(" = ")[0]]
            )
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = _without_places(output.text, task)
            if output.output_type == "error":
                output.evalue = _without_places(output.evalue, task)
                output.traceback = [_without_places(line, task) for line in output.traceback]


def _without_places(text: str, task: Task) -> str:
    """The text without the folders of this machine."""
    for folder in (
        PACKAGE.parents[1],
        Path(str(task.parameters["params"])).parent,
        Path(sys.prefix),
    ):
        text = text.replace(f"{folder}{os.sep}", "")
    return text
