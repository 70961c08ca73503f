"""What a report read, and a fingerprint of it: by it the next run knows whether the report would
come out the same.

A reading is a pattern of files under the bank's data folder, such as
`marts/customer_quarter/quarter=2024Q4/branch=B001/*.parquet`. Patterns rather than files, so that a
file that was not there and now is counts as a change.
"""

import json
from contextlib import suppress
from pathlib import Path

from analysis.storage import bytes_fingerprint, make_way, read_json, text_fingerprint, write_json

#: What the pages say of the bank's tables; the rest of a table's record changes with every row.
SHOWN = ("table", "rows", "rows_set_aside", "set_aside", "emptied", "newest", "late")
COUNTS = "contract/*.json"


def mart_reading(mart: str, quarter: object = "*", branch: str | None = None) -> str:
    """The files of a mart, of one quarter and branch when given."""
    return f"marts/{mart}/quarter={quarter}/branch={branch or '*'}/*.parquet"


def model_reading(name: str, quarter: object = None) -> str:
    """The file of a model, of a quarter or of the bank."""
    return f"models/{name}/{quarter}.json" if quarter else f"models/{name}.json"


def files_of(data_folder: Path, reading: str) -> list[Path]:
    """The files that a reading stands for, in order."""
    return sorted(data_folder.glob(reading))


def mart_files(
    data_folder: Path, mart: str, quarter: object = "*", branch: str | None = None
) -> list[str]:
    """The files of a mart, of one quarter and branch when given."""
    return [str(f) for f in files_of(data_folder, mart_reading(mart, quarter, branch))]


class Fingerprints:
    """Fingerprints of readings; a file's content is read again only when its size or time
    changed.
    """

    def __init__(self, data_folder: Path) -> None:
        self.folder, self._path = data_folder, data_folder / "fingerprints.json"
        content = read_json(self._path)
        self._files: dict[str, list[object]] = {
            name: mark
            for name, mark in (content if isinstance(content, dict) else {}).items()
            if isinstance(mark, list) and len(mark) == 3
        }
        self._known: dict[str, str] = {}
        self._times: dict[str, float] = {}
        self._changed = False

    def of(self, readings: list[str]) -> str:
        """One fingerprint of several readings."""
        return text_fingerprint(*[f"{r} {self._reading(r)}" for r in sorted(set(readings))])

    def newest(self, readings: list[str]) -> float:
        """When the newest file of several readings was written, in seconds of the epoch; 0 without
        any.
        """
        for reading in readings:
            self._reading(reading)
        return max((self._times[r] for r in readings), default=0.0)

    def save(self) -> None:
        """Remember for the next time; somebody who may only read does without."""
        if self._changed:
            with suppress(PermissionError):
                write_json(make_way(self._path), self._files)

    def _reading(self, reading: str) -> str:
        if reading not in self._known:
            files = files_of(self.folder, reading)
            self._times[reading] = max((f.stat().st_mtime for f in files), default=0.0)
            mark = _shown if reading == COUNTS else self._file
            self._known[reading] = text_fingerprint(
                *[f"{f.relative_to(self.folder)} {mark(f)}" for f in files]
            )
        return self._known[reading]

    def _file(self, path: Path) -> str:
        stat, name = path.stat(), str(path.relative_to(self.folder))
        if self._files.get(name, [])[:2] != [stat.st_size, stat.st_mtime_ns]:
            self._files[name] = [stat.st_size, stat.st_mtime_ns, bytes_fingerprint(path)]
            self._changed = True
        return str(self._files[name][2])


def of_data(readings: list[str], marks: Fingerprints) -> dict[str, str]:
    """Fingerprints of what a report read of the data folder, one for each mart and model, under
    names such as `mart customer_quarter`.
    """
    by_name: dict[str, list[str]] = {}
    for reading in readings:
        by_name.setdefault(read_name(reading), []).append(reading)
    return {name: marks.of(of_name) for name, of_name in sorted(by_name.items())}


def read_name(reading: str) -> str:
    """What a reading is of: `mart` or `model` and its name, or the contract's tables."""
    top, name, *_rest = reading.split("/")
    kinds = {"marts": "mart", "models": "model"}
    return f"{kinds[top]} {name.removesuffix('.json')}" if top in kinds else "contract"


def _shown(path: Path) -> str:
    content = read_json(path)
    shown = content.get("verdict", {}) if isinstance(content, dict) else {}
    return json.dumps({k: shown.get(k) for k in SHOWN}, sort_keys=True)
