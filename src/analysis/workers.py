"""Processes that do the work: how they start, and that they end with whoever started them.

Steps and reports run side by side, so their libraries start no threads of their own.
"""

import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from analysis.language import of_terminal, use
from analysis.lock import workplace

#: Thread pools of BLAS, OpenMP and DuckDB, and the thread that Arrow's allocator starts when it is
#: imported.
ONE_THREAD = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    ),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}

#: How long processes may take to end before they are killed.
GRACE_SECONDS = 3.0
LAST_AT_EXIT = -1000
#: Of a socket's 107 characters, what processes leave of it.
LONGEST_TEMPORARY = 44


def default_jobs() -> int:
    """As many processes at once as there are cores."""
    return os.cpu_count() or 1


def pin_threads() -> None:
    """In the environment of this process and of those it starts, unless the user set it
    otherwise.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)


def worker_context(*modules: str) -> Any:
    """How workers start: forked from a server that has imported `modules`, and nothing that starts
    a thread.
    """
    pin_threads()
    _sockets_in_a_place_of_their_own()
    context = get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(list(modules))
    return context


@cache
def _sockets_in_a_place_of_their_own() -> None:
    """Where processes meet: a folder that is found and removed when this process was killed."""
    if os.name != "posix":
        return
    parent = temporary_place()
    with suppress(OSError):  # that name is taken: the usual temporary folder, then
        parent.mkdir(mode=0o700, exist_ok=True)
        if parent.lstat().st_uid != os.getuid():
            return
        place = workplace(parent)
        folder = place.__enter__()
        # after what lies in it was removed
        multiprocessing.util.Finalize(
            None, place.__exit__, (None, None, None), exitpriority=LAST_AT_EXIT
        )
        usual, tempfile.tempdir = tempfile.tempdir, str(folder)
        try:
            multiprocessing.util.get_temp_dir()
        finally:
            tempfile.tempdir = usual


def temporary_place() -> Path:
    """Where this user's processes meet, when there is no better place: in the usual temporary
    folder, unless its name is too long for the name of a socket.
    """
    usual = tempfile.gettempdir()
    if len(usual) > LONGEST_TEMPORARY and os.access("/tmp", os.W_OK):  # noqa: S108
        usual = "/tmp"  # noqa: S108
    return Path(usual) / f"workbook-{os.getuid()}"


def warm_up(*modules: str) -> None:
    """Start the server of the workers while other things are done."""
    if os.name == "posix":
        from multiprocessing.forkserver import ensure_running

        worker_context(*modules)
        ensure_running()


def end_processes(executor: ProcessPoolExecutor, at_once: bool = False) -> None:
    """End an executor and its processes: those that are idle, or all of them now.

    What does not end in time is killed: a process that was lost may have taken a lock along, for
    which the others wait for ever. They are told by number, for the executor takes all processes
    for dead when the server that forked them is.
    """
    numbers = [process.pid for process in (executor._processes or {}).values() if process.pid]
    executor.shutdown(wait=False, cancel_futures=True)
    until = time.monotonic() + GRACE_SECONDS
    if at_once:
        _signal(numbers, signal.SIGTERM)
    while (numbers := [n for n in numbers if is_running(n)]) and time.monotonic() < until:
        time.sleep(0.02)
    _signal(numbers, signal.SIGKILL)


@contextmanager
def processes(count: int, modules: Sequence[str], begin: Any = None) -> Iterator[Any]:
    """An executor of `count` processes forked from a server that has imported `modules`; they end
    with the block, however it ends.
    """
    context = worker_context(*modules)
    executor = ProcessPoolExecutor(count, mp_context=context, initializer=begin)
    whole = False
    try:
        yield executor
        whole = True
    finally:
        end_processes(executor, at_once=not whole)


def _signal(numbers: list[int], which: signal.Signals) -> None:
    for number in numbers:
        with suppress(OSError):
            os.kill(number, which)


def is_running(number: int) -> bool:
    """Whether a process is there and has not ended."""
    import psutil

    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def keep_libraries_quiet() -> None:
    """What libraries warn of is written for programmers; whoever asks for it with -W or
    PYTHONWARNINGS hears it.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def begin() -> None:
    """In a worker: Ctrl-C reaches every process, and the one that started this one decides."""
    keep_libraries_quiet()
    use(of_terminal())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose run was killed would wait for its next task for ever."""
    run = multiprocessing.parent_process()
    if run is not None:
        run.join()
        os._exit(1)
