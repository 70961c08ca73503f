"""manifest.json of a quarter: what was run, from what, how long it took, and what came of it."""

import json
from pathlib import Path
from typing import Any

from analysis.report.index import index_page
from analysis.storage import write_json, write_text


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a quarter's folder; an empty one when there is none."""
    path = folder / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {"reports": []}


def write_manifest(folder: Path, manifest: dict[str, Any], language: str) -> None:
    """The manifest and the index made from it."""
    manifest["reports"].sort(key=lambda r: (r["branch"] != "ALL", r["branch"], r["order"]))
    write_json(folder / "manifest.json", manifest)
    write_text(folder / "index.html", index_page(manifest, language))


def entry_of(manifest: dict[str, Any], branch: str, report: str) -> dict[str, Any] | None:
    """The entry of one report."""
    return next((r for r in manifest["reports"] if r["branch"] == branch and r["report"] == report), None)
