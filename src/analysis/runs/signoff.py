"""A reviewer's sign-off on a quarter: who, when, what the replay found, and the hashes of what was
seen.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from analysis.runs.delivered import file_hashes
from analysis.runs.manifest import Manifest
from analysis.storage import write_json

FILE = "sign-off.json"


@dataclass
class Standing:
    """A sign-off and what changed since; it is void when anything did."""

    by: str
    at: str
    found: str
    changed: list[str] = field(default_factory=list)


def sign(
    manifest: Manifest, by: str, note: str, replayed: int, same: int, findings: dict[str, list[str]]
) -> Path:
    """Write the sign-off next to the manifest; findings by report, and about the bank's files."""
    path = manifest.folder / FILE
    write_json(
        path,
        {
            "by": by,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "note": note,
            "replayed": replayed,
            "same": same,
            "findings": findings,
            "manifest_sha256": hashlib.sha256(
                (manifest.folder / "manifest.json").read_bytes()
            ).hexdigest(),
            "files": delivered(manifest),
        },
    )
    return path


def delivered(manifest: Manifest, on_disk: bool = False) -> dict[str, str]:
    """SHA-256 of every delivered file by its path; as the manifest has it, or as it is on disk
    now.
    """
    hashes = {}
    for entry in manifest.reports.values():
        found = (
            file_hashes(manifest.folder / entry["branch"], entry["report"])
            if on_disk
            else entry.get("files", {})
        )
        hashes.update({f"{entry['branch']}/{name}": digest for name, digest in found.items()})
    return hashes


def standing(manifest: Manifest, on_disk: bool = False) -> Standing | None:
    """The sign-off of the quarter with what changed since; None when nobody signed."""
    path = manifest.folder / FILE
    if not path.exists():
        return None
    signed = json.loads(path.read_text(encoding="utf-8"))
    then, now = signed["files"], delivered(manifest, on_disk)
    different = [
        name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)
    ]
    if not different and on_disk:
        different = [] if _manifest_is(manifest, signed["manifest_sha256"]) else ["manifest.json"]
    same = signed.get("same", "?")  # not counted by the first versions
    return Standing(signed["by"], signed["at"], f"{same} of {signed['replayed']}", different)


def _manifest_is(manifest: Manifest, digest: str) -> bool:
    return hashlib.sha256((manifest.folder / "manifest.json").read_bytes()).hexdigest() == digest
