"""manifest.json of a quarter: what was run, from what, how long it took, and what came of it.

While a run goes on, every finished report is one line appended to the journal; manifest and index
are written now and then and at the end, so that the thousandth report costs no more than the first.
Reading the manifest reads the journal too: a run that was cut off loses nothing.
"""

import json
import time
from pathlib import Path
from typing import Any

from analysis.report.index import index_page
from analysis.storage import write_json, write_text

JOURNAL = "journal.jsonl"
SHARE_OF_TIME = 0.02  # that writing manifest and index may take of a run

Name = tuple[str, str]  # branch, report


class Manifest:
    """The manifest of one quarter's folder, kept on disk as the run goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        content = _read_json(folder / "manifest.json")
        self.reports: dict[Name, dict[str, Any]] = {_name(r): r for r in content.pop("reports", [])}
        self.about: dict[str, Any] = content
        journal = folder / JOURNAL
        if journal.exists():
            for line in journal.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:  # the last line of a run that was cut off
                    continue
                self.reports[_name(entry)] = entry
        self._written, self._cost = time.monotonic(), 0.0

    def get(self, name: Name) -> dict[str, Any] | None:
        """The entry of a report; None when it was never planned."""
        return self.reports.get(name)

    def done(self, entry: dict[str, Any]) -> None:
        """Keep a finished report's entry; on disk at once."""
        self.reports[_name(entry)] = entry
        with (self.folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
        if time.monotonic() - self._written > max(2.0, self._cost / SHARE_OF_TIME):
            self.write()

    def write(self) -> None:
        """Write manifest and index whole; the journal is no longer needed then."""
        start = time.monotonic()
        write_json(self.folder / "manifest.json", self.content())
        (self.folder / JOURNAL).unlink(missing_ok=True)
        self.write_index()
        self._written = time.monotonic()
        self._cost = self._written - start

    def write_index(self, on_disk: bool = False) -> None:
        """The index made from the manifest, with the sign-off as it stands; by the files as they
        are now, when `on_disk`.
        """
        from analysis.runs.signoff import standing  # reads manifests

        write_text(
            self.folder / "index.html",
            index_page(
                self.content(), str(self.about.get("language", "en")), standing(self, on_disk)
            ),
        )

    def content(self) -> dict[str, Any]:
        """As it is written: reports of ALL first, then by branch."""
        order = {
            name: n
            for n, name in enumerate(dict.fromkeys(r["report"] for r in self.reports.values()))
        }
        key = lambda r: (r["branch"] != "ALL", r["branch"], r.get("order", order[r["report"]]))  # noqa: E731
        return {**self.about, "reports": sorted(self.reports.values(), key=key)}


def read_quarter(folder: Path) -> Manifest:
    """The manifest of a folder that a user named; raises WorkbookError naming the quarters that
    were run when there is none.
    """
    from analysis.errors import WorkbookError

    if not (folder / "manifest.json").exists():
        others = (
            sorted(str(p.parent) for p in folder.parent.glob("*/manifest.json"))
            if folder.parent.is_dir()
            else []
        )
        raise WorkbookError(
            f"{folder} holds no manifest.json."
            + (
                f" Quarters that were run: {', '.join(others)}."
                if others
                else " Run `workbook run` first."
            )
        )
    return Manifest(folder)


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _name(entry: dict[str, Any]) -> Name:
    return entry["branch"], entry["report"]
