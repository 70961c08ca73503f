"""A reviewer's sign-off on a quarter: who, when, what the replay found, and the hashes of what was
seen.
"""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.errors import WorkbookError
from analysis.language import say
from analysis.runs.delivered import file_hashes
from analysis.runs.manifest import Manifest
from analysis.runs.replayed import Replayed
from analysis.storage import write_json

FILE = "sign-off.json"


class SignOff(BaseModel):
    """What is kept of a sign-off; hashes are SHA-256."""

    model_config = ConfigDict(frozen=True)

    by: str
    at: str
    note: str
    replayed: int
    same: int | None = None  # not counted by the first versions
    findings: dict[str, list[str]]  # by report, and about the bank's files
    manifest_sha256: str
    files: dict[str, str]  # by path


@dataclass
class Standing:
    """A sign-off and what changed since; it is void when anything did."""

    by: str
    at: str
    same: str  # reports that came out the same; ? where that was not counted
    count: int
    changed: list[str] = field(default_factory=list)


def sign(manifest: Manifest, by: str, note: str, replayed: Replayed) -> Path:
    """Write the sign-off next to the manifest."""
    path = manifest.folder / FILE
    signed = SignOff(
        by=by,
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        note=note,
        replayed=replayed.count,
        same=replayed.same,
        findings=replayed.findings,
        manifest_sha256=_manifest_digest(manifest),
        files=delivered(manifest),
    )
    write_json(path, signed.model_dump())
    return path


def delivered(manifest: Manifest, on_disk: bool = False) -> dict[str, str]:
    """SHA-256 of every delivered file by its path; as the manifest has it, or as it is on disk
    now.
    """
    hashes = {}
    for entry in manifest.reports.values():
        folder = manifest.folder / entry.branch
        of_report = file_hashes(folder, entry.report) if on_disk else entry.files or {}
        hashes.update({f"{entry.branch}/{name}": digest for name, digest in of_report.items()})
    return hashes


def standing(manifest: Manifest, on_disk: bool = False) -> Standing | None:
    """The sign-off of the quarter with what changed since; None when nobody signed."""
    path = manifest.folder / FILE
    if not path.exists():
        return None
    try:
        signed = SignOff.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise WorkbookError(
            say(
                "{path} is not a sign-off of this workbook ({fault}). Move it away and have the "
                "quarter signed again."
            ).format(path=path, fault=error.errors()[0]["msg"])
        ) from error
    then, now = signed.files, delivered(manifest, on_disk)
    changed = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    if not changed and on_disk and _manifest_digest(manifest) != signed.manifest_sha256:
        changed = ["manifest.json"]
    same = "?" if signed.same is None else str(signed.same)
    return Standing(signed.by, signed.at, same, signed.replayed, changed)


def _manifest_digest(manifest: Manifest) -> str:
    return hashlib.sha256((manifest.folder / "manifest.json").read_bytes()).hexdigest()
