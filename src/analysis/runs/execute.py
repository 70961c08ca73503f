"""Run one report: papermill executes the notebook, the page is rendered, everything is put in place whole."""

import hashlib
import html
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError

from analysis.report.page import headlines, html_page
from analysis.storage import write_text

PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "scikit-learn",
    "statsmodels",
    "seaborn",
    "matplotlib",
    "duckdb",
    "ibis-framework",
    "papermill",
    "nbconvert",
)


@dataclass(frozen=True)
class Task:
    """One report to run; plain values, so that it can be sent to another process."""

    report: str
    notebook: str
    branch: str
    branch_name: str
    quarter: str
    language: str
    folder: str  # of the branch: page, notebook and tables go there
    parameters: dict[str, Any]
    data: str  # fingerprint of the data
    code: str  # fingerprint of notebook and package
    time_limit: int  # seconds a cell may take


def run_task(task: Task) -> dict[str, Any]:
    """Run the report and write `<report>.html`, `<report>.ipynb` and `tables/<report>/`; never raises for a failing notebook.

    Returns the report's entry in the manifest. A failed report leaves a page that shows what it reached and why it
    stopped, and no tables.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # several reports run at once; see docs/decisions
    folder = Path(task.folder)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.time()
    with tempfile.TemporaryDirectory(prefix=f".{task.report}-", dir=folder) as place:
        executed, tables = Path(place) / "executed.ipynb", Path(place) / "tables"
        error = ""
        try:
            papermill.execute_notebook(
                task.notebook, str(executed), {**task.parameters, "outputs": str(tables)}, kernel_name="python3", progress_bar=False, log_output=False,
                request_save_on_cell_execute=False, execution_timeout=task.time_limit, kernel_manager_class="analysis.runs.kernels.PrivateKernelManager", extra_arguments=["--IPKernelApp.log_level=50"],
            )  # fmt: skip
        except PapermillExecutionError as fault:
            error = f"{fault.ename}: {fault.evalue} (cell {fault.exec_count})"
        except (
            Exception
        ) as fault:  # a kernel that died or ran out of time; anything at all must leave the other reports alone
            error = f"{type(fault).__name__}: {fault}"
        seconds = round(time.time() - started, 2)
        source = executed if executed.exists() else Path(task.notebook)
        notebook = nbformat.read(source, as_version=4)
        notebook.cells = [
            c for c in notebook.cells if not {"papermill-error-cell-tag"} & set(c.metadata.get("tags", []))
        ]
        _forget_place(notebook)
        page = html_page(
            notebook, task.branch_name, task.quarter, task.language, _provenance(task, started, seconds), error
        )
        write_text(folder / f"{task.report}.ipynb", nbformat.writes(notebook) + "\n")
        write_text(folder / f"{task.report}.html", page)
        target = folder / "tables" / task.report
        shutil.rmtree(target, ignore_errors=True)
        if tables.exists() and not error:
            target.parent.mkdir(exist_ok=True)
            tables.rename(target)
    return {
        "report": task.report, "branch": task.branch, "branch_name": task.branch_name, "status": "failed" if error else "done", "error": error,
        "title": _title(page), "headlines": headlines(notebook), "started": _moment(started), "seconds": seconds, "data": task.data, "code": task.code,
        "parameters": task.parameters, "versions": versions(), "page_sha256": hashlib.sha256(page.encode()).hexdigest(), "page_bytes": len(page.encode()),
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of the packages that results depend on."""
    return {p: version(p) for p in PACKAGES}


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _provenance(task: Task, started: float, seconds: float) -> dict[str, str]:
    shown = {k: v for k, v in task.parameters.items() if k != "params"} | {
        "params": Path(task.parameters["params"]).name
    }
    return {
        "Data": task.data,
        "Code": task.code,
        "Parameters": ", ".join(f"{k}={v}" for k, v in sorted(shown.items())),
        "Packages": ", ".join(f"{k} {v}" for k, v in versions().items()),
        "Started": _moment(started),
        "Seconds": f"{seconds:.1f}",
    }


def _forget_place(notebook: nbformat.NotebookNode) -> None:
    """Take times and temporary places out of the delivered notebook, so that the same data gives the same file."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"
            cell.source = "\n".join(
                'outputs = ""' if line.startswith("outputs = ") else line for line in cell.source.splitlines()
            )


def _title(page: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page)
    return html.unescape(found[1]) if found else ""
