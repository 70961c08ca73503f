"""What the reports of a quarter told in short, read back from beside their pages."""

from pathlib import Path

from pydantic import ValidationError

from analysis.report.brief import Brief
from analysis.runs.delivered import BRIEF
from analysis.runs.manifest import Entry


def brief_of_entry(folder: Path, entry: Entry) -> Brief | None:
    """What a report told in short; None where it did not end, had nothing to say, or its file is
    damaged.

    folder: of the quarter.
    """
    if entry.status != "done":
        return None
    try:
        text = (folder / entry.branch / f"{entry.report}.{BRIEF}").read_text(encoding="utf-8")
        return Brief.model_validate_json(text)
    except (OSError, ValidationError):
        return None
