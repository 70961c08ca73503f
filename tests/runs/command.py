"""Call the command as a user does, in this process."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from analysis.errors import WorkbookError
from analysis.runs import catalogue
from tests.conftest import ROOT

# the small bank: twelve reports for the whole and each of three branches, and the overview
MADE = 4 * 12 + 2


def call(app: Any, *words: str) -> Result:
    """The command's result; a fault told to the user becomes exit status 1, as `main` makes it."""
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, WorkbookError):
        result.exit_code = 1
    return result


def told(result: Result) -> str:
    """What the user is told."""
    return f"{result.output}\n{result.exception or ''}"


@dataclass(frozen=True)
class ReportElsewhere(catalogue.Report):
    """A report whose notebook a test wrote."""

    folder: Path = Path()

    @property
    def notebook(self) -> Path:
        """Where its notebook lies."""
        return self.folder / f"{self.file}.ipynb"


def report_elsewhere(path: Path) -> ReportElsewhere:
    """The report of a notebook anywhere, named as reports are, such as 10_odd.ipynb."""
    return ReportElsewhere(path.stem, catalogue.CellParameters, (), folder=path.parent)


def launched(odd, names, *words, **options):
    """`workbook run` of the test's own reports, in a process of its own."""
    notebooks = [str(odd.folder.parents[2] / f"10_{name}.ipynb") for name in names]
    script = (
        "import pathlib\nfrom analysis.runs.catalogue import REPORTS\n"
        "from analysis.cli import main\nfrom tests.runs.command import report_elsewhere\n"
        f"for path in {notebooks!r}:\n"
        "    report = report_elsewhere(pathlib.Path(path))\n"
        "    REPORTS[report.name] = report\n"
        "main()"
    )
    chosen = [w for n in names for w in ("--report", n)]
    command = [sys.executable, "-c", script, "run", str(odd.bank.path), *chosen, *words]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)
