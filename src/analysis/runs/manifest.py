"""manifest.json of a quarter: what was run, from what, how long it took, and what came of it.

While a run goes on, every finished report is one line appended to the journal; the manifest is
written now and then and at the end, so that the thousandth report costs no more than the first.
Reading the manifest reads the journal too: a run that was cut off loses nothing.
"""

import json
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.errors import WorkbookError, not_one_of
from analysis.language import languages, listed, marked, say, sentences
from analysis.storage import write_json

JOURNAL = "journal.jsonl"
SHARE_OF_TIME = 0.02  # that writing the manifest may take of a run
LAST_IN_ORDER = 99

Name = tuple[str, str]  # branch, report
Parameter = str | int | float | bool | None


#: What became of a report, for the reader.
STATES = {
    "planned": marked("not run yet"),
    "done": marked("done"),
    "empty": marked("empty"),
    "failed": marked("failed"),
}


class Entry(BaseModel):
    """A report of a branch: whether it was run, from what, and what came of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    report: str
    branch: str
    branch_name: str
    # empty: it was run, and had nothing to look at
    status: Literal["planned", "done", "empty", "failed"]
    error: str = ""
    nothing: str = ""  # why it is empty, in a sentence
    title: str = ""
    order: int = LAST_IN_ORDER  # of the report on the index
    attempts: int = 1
    made_of: dict[str, str] | None = None  # fingerprints; none in the first version's manifests
    readings: list[str] = []  # what it read of the bank's data folder
    files: dict[str, str] | None = None  # SHA-256 of what was delivered, by path
    page_bytes: int = 0
    parameters: dict[str, Parameter] | None = None
    versions: dict[str, str] = {}  # of packages
    started: str = ""
    seconds: float = 0.0

    @property
    def name(self) -> Name:
        """Branch and report."""
        return self.branch, self.report

    @property
    def is_over(self) -> bool:
        """Whether it came to its end."""
        return self.status in ("done", "empty")

    def stored(self) -> dict[str, object]:
        """As it is written: what was set."""
        return self.model_dump(mode="json", exclude_unset=True)


class About(BaseModel):
    """Whose reports a manifest lists."""

    bank: str = ""
    title: str = ""
    quarter: str = ""
    language: str = "en"
    folders: dict[str, str] = {}  # language to the folder beside this one with its pages
    regions: dict[str, str] = {}  # branch to its region

    @property
    def others(self) -> dict[str, str]:
        """The other languages of the quarter, to the folder beside this one with their pages."""
        return {n: folder for n, folder in self.folders.items() if n != self.language}


class Stored(About):
    """A manifest as it lies on disk."""

    reports: list[Entry] = []


class Manifest:
    """The manifest of one quarter's folder, kept on disk as the run goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "manifest.json"
        self.about, self.reports = About(), dict[Name, Entry]()
        if path.exists():
            try:
                stored = Stored.model_validate_json(path.read_bytes())
            except (ValidationError, OSError) as error:
                why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
                raise WorkbookError(
                    say(
                        "{path} is not a manifest of this workbook ({why}). Move it away; the next "
                        "run makes every report anew."
                    ).format(path=path, why=why)
                ) from error
            for language in (stored.language, *stored.folders):
                if language not in languages():
                    raise WorkbookError(not_one_of(say("The language"), language, languages()))
            self.about = About.model_validate(stored.model_dump(exclude={"reports"}))
            self.reports = {e.name: e for e in stored.reports}
        self._read_journal()
        self._written, self._cost = time.monotonic(), 0.0

    def _read_journal(self) -> None:
        journal = self.folder / JOURNAL
        for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []:
            try:
                entry = Entry.model_validate_json(line)
            except ValidationError:  # the last line of a run that was cut off
                continue
            self.reports[entry.name] = entry

    def get(self, name: Name) -> Entry | None:
        """The entry of a report; None when it was never planned."""
        return self.reports.get(name)

    def done(self, entry: Entry) -> None:
        """Keep a finished report's entry; on disk at once."""
        self.reports[entry.name] = entry
        with (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry.stored(), ensure_ascii=False) + "\n")

    @property
    def is_due(self) -> bool:
        """Whether writing it whole would take a small share of the time since it was written."""
        return time.monotonic() - self._written > max(2.0, self._cost / SHARE_OF_TIME)

    def write(self) -> None:
        """Write the manifest whole; the journal is no longer needed then."""
        start = time.monotonic()
        entries = [entry.stored() for entry in self.entries()]
        content = {**self.about.model_dump(), "reports": entries}
        write_json(self.folder / "manifest.json", content)
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self._written = time.monotonic()
        self._cost = self._written - start

    def entries(self) -> list[Entry]:
        """Every report's: those of ALL first, then by branch, each in the order of the reports."""
        return sorted(self.reports.values(), key=lambda e: (e.branch != "ALL", e.branch, e.order))


def read_quarter(folder: Path) -> Manifest:
    """The manifest of a folder that a user named; raises WorkbookError naming the quarters that
    were run when there is none.
    """
    if not (folder / "manifest.json").exists():
        manifests = folder.parent.glob("*/manifest.json") if folder.parent.is_dir() else []
        others = sorted(str(path.parent) for path in manifests)
        told = say("{folder} holds no manifest.json.").format(folder=folder)
        hint = (
            say("Quarters that were run: {folders}.").format(folders=listed(others))
            if others
            else say("Run `workbook run` first.")
        )
        raise WorkbookError(sentences(told, hint))
    return Manifest(folder)
