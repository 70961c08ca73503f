"""Files written whole or not at all, and fingerprints that tell whether something changed."""

import glob
import hashlib
import json
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from analysis.language import say

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

PACKAGE = Path(__file__).parent
COMPUTED_WITH = (
    "duckdb",
    "ibis-framework",
    "pandas",
    "numpy",
    "scikit-learn",
    "holidays",
    "statsmodels",
    "matplotlib",
)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` under a temporary name first, so that a reader never sees half a
    file.
    """
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        file.write(text)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to, which takes its place when the block ends well; rights are
    those of every new file of the user.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Readable JSON with sorted keys, written whole."""
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=str)
    write_text(path, text + "\n")


def quoted(text: object) -> str:
    """A text or path as it stands between the quotes of an SQL literal."""
    return str(text).replace("'", "''")


def literal_path(path: str | Path) -> str:
    """A path as the engine takes it literally: in it, brackets and stars would stand for others."""
    return glob.escape(str(path))


def rows_of(engine: "Backend", files: Iterable[str | Path]) -> "ir.Table":
    """The rows of Parquet files in the engine, whose names are taken literally."""
    return engine.read_parquet([literal_path(f) for f in files], hive_partitioning=False)


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


def remove(path: Path) -> None:
    """Remove a file, or a folder that stands in its place; nothing where there is neither."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_way(path: Path) -> Path:
    """The path of a file of our own, where no folder stands in its place any more."""
    if path.is_dir():
        remove(path)
    return path


def read_json(path: Path) -> Any:
    """What a file of our own holds; None where it is not there, or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


class KeptFile(BaseModel):
    """A file as it was left."""

    model_config = ConfigDict(frozen=True)

    size: int  # bytes
    modified_ns: int
    changed_ns: int  # as the system keeps it; no copying sets it
    fingerprint: str


def kept_files(folder: Path, files: Iterable[Path]) -> dict[str, KeptFile]:
    """The files as they are now, by their path within `folder`."""
    kept = {}
    for path in files:
        stat = path.stat()
        kept[path.relative_to(folder).as_posix()] = KeptFile(
            size=stat.st_size,
            modified_ns=stat.st_mtime_ns,
            changed_ns=stat.st_ctime_ns,
            fingerprint=bytes_fingerprint(path),
        )
    return kept


def damage_of(folder: Path, kept: Mapping[str, KeptFile], there: Iterable[Path]) -> str:
    """How the files that are there differ from those that were left, in a few words; empty where
    they are the same. Content is read again only where a file's time changed.
    """
    names = {path.relative_to(folder).as_posix() for path in there}
    for name in sorted(kept.keys() ^ names):
        told = say("{file} is missing") if name in kept else say("{file} was added")
        return told.format(file=name)
    for name, file in kept.items():
        stat = (folder / name).stat()
        if stat.st_size != file.size or (
            (stat.st_mtime_ns, stat.st_ctime_ns) != (file.modified_ns, file.changed_ns)
            and bytes_fingerprint(folder / name) != file.fingerprint
        ):
            return say("{file} was changed").format(file=name)
    return ""


def file_fingerprint(path: Path, known: Path) -> str:
    """A fingerprint of a file's content, remembered in `known`, and read again when its size, its
    time, or the time that the system keeps of its last change (which no copying sets) is another.
    """
    content = read_json(known)
    remembered = content if isinstance(content, dict) else {}
    stat = path.stat()
    mark = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    if remembered.get(str(path), [None])[:-1] != mark:
        remembered[str(path)] = [*mark, bytes_fingerprint(path)]
        write_json(make_way(known), remembered)
    return str(remembered[str(path)][-1])


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
