"""What the reports of a quarter told in short, read back from beside their pages."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from analysis.partition import ALL
from analysis.report.brief import PREVIOUS, Brief
from analysis.runs.delivered import BRIEF
from analysis.runs.manifest import Entry, Name
from analysis.statistics.comparison import LEAST_CHANCE
from analysis.statistics.intervals import corrected


def briefs_of(folder: Path, entries: Iterable[Entry]) -> dict[Name, Brief]:
    """What all reports told, by branch and report; without those that told nothing."""
    read = {entry.name: brief_of_entry(folder, entry) for entry in entries}
    return {name: brief for name, brief in read.items() if brief is not None}


def changed_beyond_chance(briefs: Mapping[Name, Brief]) -> set[tuple[str, str, str]]:
    """Branch, report and label of every figure that changed since last quarter beyond chance,
    corrected over the branches (Benjamini and Hochberg 1995), so that of many branches where
    nothing changed none or few are marked. A change that its page corrected itself stays as it is.
    """
    tests: dict[tuple[str, str, bool], dict[str, float]] = {}
    found = set()
    for (branch, report), brief in briefs.items():
        for figure in brief.figures:
            change = figure.change(PREVIOUS)
            if change is None:
                continue
            if change.p is not None:
                tests.setdefault((report, figure.label, branch == ALL), {})[branch] = change.p
            elif change.certain:
                found.add((branch, report, figure.label))
    for (report, label, _of_bank), p_values in tests.items():
        certain = corrected(pd.Series(p_values)) < LEAST_CHANCE
        found |= {(str(branch), report, label) for branch in certain.index[certain]}
    return found


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
    except (OSError, ValueError):  # also what is no text, or of another shape
        return None
