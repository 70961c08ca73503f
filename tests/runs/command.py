"""Call the command as a user does, in this process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from analysis.errors import WorkbookError
from analysis.runs import catalogue

# the small bank: eight reports for the whole and each of three branches, and the overview
MADE = 4 * 8 + 1


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
