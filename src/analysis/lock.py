"""One run at a time on a folder: the second is told who holds it."""

import getpass
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.errors import WorkbookError
from analysis.language import say
from analysis.storage import read_json, write_json

#: Read and write for the group of a shared folder: a lock that another member can take.
SHARED_MODE = 0o664
ALIVE = "alive"  # in a working folder: locked while its process lives
SETTLING_SECONDS = 60  # between a working folder and its lock


@contextmanager
def held(folder: Path, doing: str, wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold `folder` while the block runs; raises WorkbookError saying who holds it, since when, and
    what for.

    With `wait` it is told who holds it, and waits.

    The operating system gives the lock back when its holder ends, however it ends. Lock and holder
    lie beside the folder, as `.<name>.lock` and `.<name>.holder`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.parent / f".{folder.name}.lock", timeout=0, mode=SHARED_MODE)
    holder = folder.parent / f".{folder.name}.holder"
    try:
        lock.acquire()
    except PermissionError as error:
        raise WorkbookError(
            say(
                "{folder} cannot be locked: {lock_file} belongs to somebody else. Have its folder "
                "shared with your group, or remove the file."
            ).format(folder=folder, lock_file=lock.lock_file)
        ) from error
    except Timeout:
        if not wait:
            raise WorkbookError(
                say("{folder} is in use by {who}. Wait until it has ended, or end it.").format(
                    folder=folder, who=_who(holder)
                )
            ) from None
        wait(say("waiting for {folder}, in use by {who}").format(folder=folder, who=_who(holder)))
        lock.acquire(timeout=-1)
    try:
        with suppress(OSError):  # only what the other would be told
            write_json(
                holder,
                {
                    "user": _user(),
                    "host": socket.gethostname(),
                    "process": os.getpid(),
                    "doing": doing,
                    "since": time.strftime("%Y-%m-%d %H:%M:%S"),
                },
            )
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


@contextmanager
def workplace(parent: Path) -> Iterator[Path]:
    """A folder in `parent` for this user's eyes only, gone afterwards; a later one removes what a
    killed process left.
    """
    parent.mkdir(parents=True, exist_ok=True)
    remove_dead(parent)
    folder = Path(tempfile.mkdtemp(prefix=".work-", dir=parent))
    try:
        with FileLock(folder / ALIVE):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_dead(parent: Path) -> None:
    """Remove working folders whose process is gone; the system gives its lock back."""
    for folder in parent.glob(".work-*"):
        with suppress(OSError, Timeout):
            if not (folder / ALIVE).exists():
                if time.time() - folder.stat().st_mtime < SETTLING_SECONDS:
                    continue
                shutil.rmtree(folder)
                continue
            with FileLock(folder / ALIVE, timeout=0):
                shutil.rmtree(folder)


def in_use(folder: Path) -> dict[Path, str]:
    """The folders in `folder` that somebody holds, with who, since when and what for."""
    held_now = {}
    for holder in folder.glob(".*.holder"):
        held_folder = folder / holder.name.removeprefix(".").removesuffix(".holder")
        lock = FileLock(folder / f".{held_folder.name}.lock", timeout=0, mode=SHARED_MODE)
        try:
            with lock:
                holder.unlink(missing_ok=True)  # of one that was killed
        except Timeout:
            held_now[held_folder] = _who(holder)
        except OSError:
            continue
    return held_now


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in containers
        return f"user {os.getuid()}"


def _who(holder: Path) -> str:
    who = read_json(holder)
    if not isinstance(who, dict):
        return say("another process")
    return say("`workbook {doing}` of {user} on {host}, process {process}, since {since}").format(
        doing=who["doing"],
        user=who["user"],
        host=who["host"],
        process=who["process"],
        since=who["since"],
    )
