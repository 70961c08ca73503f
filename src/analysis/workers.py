"""Processes that do the work: how they start, and that they end with whoever started them.

Steps and reports run side by side, so their libraries start no threads of their own.
"""

import multiprocessing
import os
import signal
import threading
from multiprocessing import get_context
from typing import Any

#: Thread pools of BLAS, OpenMP and DuckDB, and the thread that Arrow's allocator starts when it is
#: imported.
ONE_THREAD = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    ),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


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
    context = get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(list(modules))
    return context


def warm_up(*modules: str) -> None:
    """Start the server of the workers while other things are done."""
    if os.name == "posix":
        from multiprocessing.forkserver import ensure_running

        worker_context(*modules)
        ensure_running()


def begin() -> None:
    """In a worker: Ctrl-C reaches every process, and the one that started this one decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose run was killed would wait for its next task for ever."""
    run = multiprocessing.parent_process()
    if run is not None:
        run.join()
        os._exit(1)
