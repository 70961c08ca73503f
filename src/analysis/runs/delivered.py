"""What lies in the outputs folder for a report."""

import hashlib
from pathlib import Path


def file_hashes(folder: Path, report: str) -> dict[str, str]:
    """SHA-256 of everything delivered for a report, by path within the branch's folder."""
    files = [
        folder / f"{report}.html",
        folder / f"{report}.ipynb",
        *sorted((folder / "tables" / report).rglob("*")),
    ]
    return {
        f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in files
        if f.is_file()
    }
