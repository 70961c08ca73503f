"""Files written whole or not at all, and fingerprints that tell whether something changed."""

import hashlib
import json
import os
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
COMPUTED_WITH = (
    "duckdb",
    "ibis-framework",
    "pandas",
    "numpy",
    "scikit-learn",
    "statsmodels",
    "matplotlib",
)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` under a temporary name first, so that a reader never sees half a
    file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Readable JSON with sorted keys, written whole."""
    write_text(
        path, json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"
    )


def text_fingerprint(*texts: str) -> str:
    """A short fingerprint of texts in order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def bytes_fingerprint(path: Path) -> str:
    """A short fingerprint of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def file_fingerprint(path: Path, known: Path) -> str:
    """A fingerprint of a file's content, read again only when its size or time changed; remembered
    in `known`.
    """
    remembered = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    stat = path.stat()
    mark = [stat.st_size, stat.st_mtime_ns]
    if remembered.get(str(path), [None])[:2] != mark:
        remembered[str(path)] = [*mark, bytes_fingerprint(path)]
        write_json(known, remembered)
    return str(remembered[str(path)][2])


@cache
def package_versions() -> str:
    """The versions of the packages that results are computed with."""
    return " ".join(f"{p} {version(p)}" for p in COMPUTED_WITH)


@cache
def code_fingerprint(*folders: str) -> str:
    """A fingerprint of the package's code in `folders` and of the packages it computes with."""
    files = [
        f
        for folder in folders
        for f in sorted((PACKAGE / folder).rglob("*"))
        if f.is_file() and f.suffix != ".pyc"
    ]
    return text_fingerprint(
        *[f"{f.relative_to(PACKAGE)}\0{bytes_fingerprint(f)}" for f in files], package_versions()
    )
