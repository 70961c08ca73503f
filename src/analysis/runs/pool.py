"""Where reports run: processes of this machine, or the workers of a Dask cluster; in both the same tasks.

A worker that is lost takes no report with it: what it was running is run again by another, and what was waiting waits on.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from typing import Any

from analysis.errors import WorkbookError
from analysis.runs.task import Task
from analysis.runs.threads import pin_threads

#: Called when something happens: {"event": "cell", "branch", "report", "cell", "of"}.
Hear = Callable[[dict[str, Any]], None]
#: A report whose process was lost so often is given up, whatever --retries says: it may be what kills them.
MOST_LOSSES = 2
TOPIC = "workbook"

_telling: Any = None  # in a local worker: the pipe to the process that started it


def _context() -> Any:
    """Workers are forked from a server that has imported papermill and nbconvert, and nothing that starts a thread."""
    pin_threads()
    context = get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(["analysis.runs.execute"])
    return context


def warm_up() -> None:
    """Start the server of the workers while other things are done."""
    if os.name == "posix":
        from multiprocessing.forkserver import ensure_running

        _context()
        ensure_running()


@contextmanager
def local(jobs: int, hear: Hear) -> Iterator["Pool"]:
    """`jobs` processes of this machine, with the machine's threads shared among them."""
    context = _context()
    # a pipe without a lock: a worker that is killed while it writes must not keep the others from writing
    heard, telling = context.Pipe(duplex=False)
    listener = threading.Thread(target=_listen, args=(heard, hear), daemon=True)
    listener.start()
    pool = Pool(
        lambda: ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(telling,)), run_here
    )
    try:
        yield pool
    except BaseException:
        pool.stop()
        raise
    finally:
        telling.send(None)
        listener.join(timeout=5)
        telling.close()
        heard.close()


@contextmanager
def cluster(address: str, hear: Hear) -> Iterator["Pool"]:
    """The workers of an existing Dask cluster; they need this package and the same file system."""
    try:
        from distributed import Client
    except ImportError as error:
        raise WorkbookError(
            "--cluster needs the package distributed: pip install 'bank-crm-workbook[cluster]'."
        ) from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise WorkbookError(f"There is no Dask scheduler at {address}: {error}") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise WorkbookError(
                f"The Dask scheduler at {address} has no workers. Start some with `dask worker {address}`."
            )
        client.subscribe_topic(TOPIC, lambda event: hear(event[1]))
        # pure=False: the same task twice is two runs, not one remembered
        pool = Pool(lambda: client.get_executor(pure=False, retries=MOST_LOSSES), run_there)
        try:
            yield pool
        except BaseException:
            pool.stop()
            raise


class Pool:
    """Runs tasks on executors, a new one when one broke."""

    def __init__(self, new: Callable[[], Executor], run: Callable[[Task], dict[str, Any]]) -> None:
        self._new, self._run = new, run
        self._executor: Executor | None = None
        self.started: set[tuple[str, str]] = set()  # reports that began and did not end

    def results(self, tasks: list[Task]) -> Iterator[dict[str, Any]]:
        """The entry of every task as it ends, the lost ones tried again."""
        losses: dict[tuple[str, str], int] = {}
        while tasks:
            lost: list[Task] = []
            reason: Exception | None = None
            self._executor = executor = self._new()
            futures = {executor.submit(self._run, task): task for task in tasks}
            for future in as_completed(futures):
                task = futures[future]
                try:
                    entry = future.result()
                except (
                    BrokenExecutor,
                    CancelledError,
                    OSError,
                ) as error:  # the process, or the cluster's worker, is gone
                    lost.append(task)
                    reason = error
                except Exception as error:  # KilledWorker of Dask, and whatever else keeps a result from coming back
                    losses[task.name] = MOST_LOSSES
                    lost.append(task)
                    self.started.add(task.name)
                    reason = error
                else:
                    self.started.discard(task.name)
                    yield entry
            executor.shutdown(wait=True)
            if len(lost) == len(tasks) and not self.started:  # nothing came of it at all
                self.started |= {t.name for t in lost}
            for task in [t for t in lost if t.name in self.started]:
                losses[task.name] = losses.get(task.name, 0) + 1
                if losses[task.name] > MOST_LOSSES:
                    from analysis.runs.execute import failed_without_running

                    lost.remove(task)
                    yield failed_without_running(
                        task, f"the process that ran it was lost {losses[task.name]} times: {reason}"
                    )
            self.started.clear()
            tasks = lost

    def stop(self) -> None:
        """End what is running; nothing new begins."""
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
            process.join(timeout=5)


def run_here(task: Task) -> dict[str, Any]:
    """In a local worker."""
    from analysis.runs.execute import run_task

    _telling.send(_event(task, 0, 0))
    return run_task(task, lambda task, cell, of: _telling.send(_event(task, cell, of)))


def run_there(task: Task) -> dict[str, Any]:
    """In a worker of a cluster."""
    from distributed import get_worker

    from analysis.runs.execute import run_task

    worker = get_worker()
    worker.log_event(TOPIC, _event(task, 0, 0))
    return run_task(task, lambda task, cell, of: worker.log_event(TOPIC, _event(task, cell, of)))


def _event(task: Task, cell: int, of: int) -> dict[str, Any]:
    return {"event": "cell", "branch": task.branch, "report": task.report, "cell": cell, "of": of}


def _begin(telling: Any) -> None:
    global _telling
    _telling = telling
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the one that started us decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _listen(heard: Any, hear: Hear) -> None:
    with suppress(EOFError, OSError):
        while (event := heard.recv()) is not None:
            hear(event)
