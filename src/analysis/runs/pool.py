"""Where reports run: processes of this machine, or the workers of a Dask cluster; in both the same
tasks.

A worker that is lost takes no report with it: what it was running is run again by another, and what
was waiting waits on.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from analysis import workers
from analysis.errors import WorkbookError
from analysis.language import say, used
from analysis.runs.manifest import Entry
from analysis.runs.task import Task
from analysis.steps.running import WORKING

#: Called when something happens: {"event": "cell", "branch", "report", "cell", "of"}.
Hear = Callable[[dict[str, Any]], None]
#: How often a report whose process was lost is run again, alone, before it is given up.
MOST_LOSSES = 2
TOPIC = "workbook"
RUNNING = "analysis.runs.execute"

_telling: Any = None  # in a local worker: the pipe to the process that started it


def warm_up() -> None:
    """Start the server of the workers while other things are done."""
    workers.warm_up(RUNNING, *WORKING)


@contextmanager
def local(jobs: int, hear: Hear) -> Iterator["Pool"]:
    """`jobs` processes of this machine, with the machine's threads shared among them."""
    context = workers.worker_context(RUNNING, *WORKING)
    # a pipe without a lock: a worker that is killed while it writes must not keep the others from
    # writing
    heard, telling = context.Pipe(duplex=False)
    listener = threading.Thread(target=_listen, args=(heard, hear), daemon=True)
    listener.start()
    new = partial(
        ProcessPoolExecutor, jobs, mp_context=context, initializer=_begin, initargs=(telling,)
    )
    try:
        with Pool(new, run_here) as pool:
            yield pool
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
            say(
                "--cluster needs the package distributed: pip install 'bank-crm-workbook[cluster]'."
            )
        ) from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise WorkbookError(
            say("There is no Dask scheduler at {address}: {error}").format(
                address=address, error=error
            )
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise WorkbookError(
                say(
                    "The Dask scheduler at {address} has no workers. Start some with `dask worker "
                    "{address}`."
                ).format(address=address)
            )
        client.subscribe_topic(TOPIC, lambda event: hear(event[1]))
        # pure=False: the same task twice is two runs, not one remembered
        with Pool(partial(client.get_executor, pure=False, retries=MOST_LOSSES), run_there) as pool:
            yield pool


class Pool:
    """Runs tasks on executors, a new one when one broke."""

    def __init__(self, new: Callable[[], Executor], run: Callable[[Task], Entry]) -> None:
        self._new, self._run = new, run
        self._executor: Executor | None = None
        self._signals: list[int] = []
        self._handlers: dict[int, Any] = {}
        self.started: set[tuple[str, str]] = set()  # reports that began and did not end

    def results(self, tasks: list[Task]) -> Iterator[Entry]:
        """The entry of every task as it ends. What was running when a process was lost is run again
        alone, so that only the report that kills its process is given up; what was waiting waits
        on.
        """
        while tasks:
            waiting: list[Task] = []
            suspects: list[Task] = []
            for task, result in self._once(tasks):
                if isinstance(result, Entry):
                    yield result
                else:
                    (suspects if task.name in self.started else waiting).append(task)
            if len(waiting) == len(tasks):  # nothing came of it at all
                waiting, suspects = [], waiting
            for task in suspects:
                yield self._alone(task)
            tasks = waiting

    def _alone(self, task: Task) -> Entry:
        for _ in range(MOST_LOSSES):
            [(_task, result)] = self._once([task])
            if isinstance(result, Entry):
                return result
        from analysis.runs.execute import failed_without_running

        with used(task.language):
            lost = say("the process that ran it was lost {n} times: {fault}")
            return failed_without_running(task, lost.format(n=MOST_LOSSES + 1, fault=result))

    def _once(self, tasks: list[Task]) -> Iterator[tuple[Task, Entry | Exception]]:
        """Each task with its entry, or with why its process was lost."""
        self.started.clear()
        self._executor = executor = self._new()
        whole = False
        try:
            futures = {executor.submit(self._run, task): task for task in tasks}
            ended: SimpleQueue[Future[Entry]] = SimpleQueue()
            for future in futures:
                future.add_done_callback(ended.put)
            lost = 0
            for _ in tasks:
                future = self._next(ended)
                try:
                    entry = future.result()
                except Exception as error:  # whatever keeps a result from coming back
                    lost += 1
                    yield futures[future], error
                else:
                    self.started.discard(futures[future].name)
                    yield futures[future], entry
            whole = not lost
        finally:
            _end(executor, at_once=not whole)

    def _next(self, ended: "SimpleQueue[Future[Entry]]") -> "Future[Entry]":
        """The next future that ended; raises KeyboardInterrupt here, where no lock is held, when a
        signal came.
        """
        while True:
            if self._signals:
                raise KeyboardInterrupt
            try:
                return ended.get(timeout=0.2)
            except Empty:
                continue

    def __enter__(self) -> "Pool":
        """Ctrl-C and SIGTERM are noted from here on and heeded between two reports' ends; the
        second one acts at once.
        """

        def note(number: int, frame: Any) -> None:
            if self._signals:
                signal.default_int_handler(number, frame)
            self._signals.append(number)

        if threading.current_thread() is threading.main_thread():
            self._handlers = {n: signal.signal(n, note) for n in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if kind is not None and self._executor:
            _end(self._executor, at_once=True)


def _end(executor: Executor, at_once: bool) -> None:
    """End what is running, or what is idle; nothing new begins."""
    if isinstance(executor, ProcessPoolExecutor):
        workers.end_processes(executor, at_once)
    else:
        executor.shutdown(wait=not at_once)  # of a cluster, which has no other words for it


def run_here(task: Task) -> Entry:
    """In a local worker."""
    from analysis.runs.execute import run_task

    _telling.send(_event(task, 0, 0))
    return run_task(task, lambda task, cell, of: _telling.send(_event(task, cell, of)))


def run_there(task: Task) -> Entry:
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
    workers.begin()


def _listen(heard: Any, hear: Hear) -> None:
    with suppress(EOFError, OSError):
        while (event := heard.recv()) is not None:
            hear(event)
