"""What is to be run, as plain values that can be sent to another process or machine."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from analysis.report.frame import Around
from analysis.runs.manifest import Parameter


@dataclass(frozen=True)
class Limits:
    """What a report may use, and how often it is tried again."""

    seconds: int = 600
    memory_mb: int = 4000
    retries: int = 0


@dataclass(frozen=True)
class Task:
    """One report to run."""

    report: str
    notebook: str
    branch: str
    branch_name: str
    quarter: str
    language: str
    folder: str  # of the branch: page, notebook and tables go there
    parameters: dict[str, Parameter]
    made_of: dict[str, str]  # fingerprints of notebook, code, packages, settings
    data_folder: str  # what the report's readings are relative to
    limits: Limits = Limits()
    around: Around = field(default_factory=Around)  # the pages that its pages lead to

    @property
    def recorded(self) -> dict[str, Parameter]:
        """The parameters as they are written down: the params file as seen from the report's
        folder, so that folders can be moved and say nothing of the machine.
        """
        params = str(self.parameters["params"])
        with suppress(ValueError):  # on another drive
            params = Path(os.path.relpath(params, self.folder)).as_posix()
        return {**self.parameters, "params": params}

    @property
    def name(self) -> tuple[str, str]:
        """Branch and report."""
        return self.branch, self.report
