"""One run at a time on a folder: the second is told who holds it."""

import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.errors import WorkbookError
from analysis.storage import write_json


@contextmanager
def held(folder: Path, doing: str, wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold `folder` while the block runs; raises WorkbookError saying who holds it, since when, and
    what for.

    With `wait` it is told who holds it, and waits.

    The operating system gives the lock back when its holder ends, however it ends. Lock and holder
    lie beside the folder, as `.<name>.lock` and `.<name>.holder`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.parent / f".{folder.name}.lock", timeout=0)
    holder = folder.parent / f".{folder.name}.holder"
    try:
        lock.acquire()
    except Timeout:
        if not wait:
            raise WorkbookError(
                f"{folder} is in use by {_who(holder)}. Wait until it has ended, or end it."
            ) from None
        wait(f"waiting for {folder}, in use by {_who(holder)}")
        lock.acquire(timeout=-1)
    try:
        with suppress(OSError):  # only what the other would be told
            write_json(
                holder,
                {
                    "user": getpass.getuser(),
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


def _who(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another process"
    return (
        f"`workbook {who['doing']}` of {who['user']} on {who['host']}, process "
        f"{who['process']}, since {who['since']}"
    )
