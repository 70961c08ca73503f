"""What lies in the outputs folder for a report."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

#: Of the files of a report: page, page of evidence, what it tells in short, executed notebook.
PAGE, EVIDENCE, BRIEF, NOTEBOOK = ENDINGS = ("html", "evidence.html", "brief.json", "ipynb")


def file_hashes(folder: Path, report: str) -> dict[str, str]:
    """SHA-256 of everything delivered for a report, by path within the branch's folder."""
    files = [
        *(folder / f"{report}.{ending}" for ending in ENDINGS),
        *sorted((folder / "tables" / report).rglob("*")),
    ]
    return {
        f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in files
        if f.is_file()
    }


def damage_to(folder: Path, report: str, delivered: Mapping[str, str]) -> dict[str, str]:
    """What became of the files delivered for a report, by path: missing, changed or added; nothing
    of those that are as they were.
    """
    now = file_hashes(folder, report)
    damage = {
        name: "changed" if name in now else "missing"
        for name, digest in delivered.items()
        if now.get(name) != digest
    }
    return damage | dict.fromkeys((name for name in now if name not in delivered), "added")
