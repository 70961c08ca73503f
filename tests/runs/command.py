"""Call the command as a user does, in this process."""

from typing import Any

from typer.testing import CliRunner, Result

from analysis.errors import WorkbookError

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
