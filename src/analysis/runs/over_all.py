"""What is made of all that the reports of a quarter left: index, e-mail, overviews, spreadsheets.

What reads briefs is imported where something is written, for it brings the packages of statistics.
"""

from pathlib import Path

from analysis.errors import WorkbookError
from analysis.language import used
from analysis.partition import ALL
from analysis.report.lists import SPREADSHEET
from analysis.runs import signoff
from analysis.runs.manifest import Manifest
from analysis.storage import make_way

INDEX, SUMMARY = "index.html", "summary.html"


def are_there(folder: Path) -> bool:
    """Whether a quarter's folder has all that is made of its reports, and no later sign-off."""
    index, signed = folder / INDEX, folder / signoff.FILE
    if index.exists() and signed.exists() and signed.stat().st_mtime >= index.stat().st_mtime:
        return False
    branches = [place for place in folder.iterdir() if place.is_dir()]
    return all((place / INDEX).exists() for place in (folder, *branches)) and all(
        (place / SPREADSHEET).exists() for place in branches if (place / "tables").is_dir()
    )


def write_index(manifest: Manifest) -> None:
    """The index, while a run goes on."""
    from analysis.runs import index

    index.write_index(manifest)


def write(manifest: Manifest, run: set[str], unwritten: list[str]) -> None:
    """All of it; overviews and spreadsheets of the branches of which a report was run, or which
    have none. What cannot be written is added to `unwritten` and leaves the others alone.
    """
    with used(manifest.about.language):
        _write(manifest, run, unwritten)


def _write(manifest: Manifest, run: set[str], unwritten: list[str]) -> None:
    from analysis.report.spreadsheet import write_spreadsheet
    from analysis.runs.overview import write_overview
    from analysis.runs.summary import write_summary

    write_index(manifest)
    write_summary(manifest)
    titles = {e.report: e.title for e in manifest.reports.values() if e.title}
    for branch in sorted({e.branch for e in manifest.reports.values()}):
        place = manifest.folder / branch
        book, lists = place / SPREADSHEET, place / "tables"
        try:
            if lists.is_dir() and (branch in run or not book.exists()):
                write_spreadsheet(lists, make_way(book), titles)
            if branch in run or branch == ALL or not (place / INDEX).exists():
                write_overview(manifest, branch)
        except (OSError, WorkbookError) as fault:
            unwritten.append(f"{branch}: {fault}")
