"""The parent of the warm kernels: imports the heavy packages once, then forks a kernel for whoever
asks.

It is one process with one thread, and must stay so: threads do not survive a fork. It imports and
never computes; it refuses to fork when a thread was started all the same, and the asker starts a
stock kernel instead. Each connection is one kernel: the request comes in, the pid goes out, and
when the kernel ends its exit status; when the asker goes away first, the kernel is killed. It ends
when nobody asked for a while, and never forks again once the package's code changed.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import random
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.runs.warm.place import MARK, SAFE_PATH, origin

#: What reports use, beside the package itself.
HEAVY = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.debugger",
    "IPython.core.completer",
    "debugpy",
    "comm",
    "matplotlib_inline.backend_inline",
    "numpy",
    "scipy.stats",
    "scipy.optimize",
    "scipy.sparse.csgraph",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "pyarrow.compute",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_svg",
    "matplotlib.backends.backend_agg",
    "seaborn",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.mixture",
    "sklearn.tree",
    "sklearn.preprocessing",
    "sklearn.model_selection",
    "statsmodels.api",
    "statsmodels.formula.api",
    "duckdb",
    "jinja2",
    "pydantic",
    "yaml",
    "ibis.backends.duckdb.converter",
    "ibis.expr.types.groupby",
    "ibis.formats.pandas",
    "ibis.formats.pyarrow",
    # imported by the others only when they are first used
    "pandas.core.arrays.arrow.extension_types",
    "pandas.core.methods.to_dict",
    "pandas.core.reshape.reshape",
    "pandas.io.formats.string",
    "PIL.BmpImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.PpmImagePlugin",
    "PIL.PngImagePlugin",
)
NOT_FOR_NOTEBOOKS = ("analysis.cli", "analysis.runs")
CHECK_SECONDS = 2.0
PR_SET_CHILD_SUBREAPER = 36


class Kernel:
    """A forked kernel and the connection of the one who asked for it; `mark` stands in the
    environment of everything that a report's kernel starts.
    """

    def __init__(self, pid: int, connection: socket.socket, files: list[str], mark: str) -> None:
        self.pid, self.connection, self.files, self.mark = pid, connection, files, mark

    def end(self) -> None:
        """Kill it and remove its sockets and connection file, as its asker would have done."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        for file in self.files:
            Path(file).unlink(missing_ok=True)


def import_all() -> None:
    """Import what reports use; what cannot be imported is left to the kernel, which will say
    why.
    """
    names = [*HEAVY, "analysis"]
    import analysis

    names += [
        m.name
        for m in pkgutil.walk_packages(analysis.__path__, "analysis.", onerror=lambda name: None)
        if not m.name.startswith(NOT_FOR_NOTEBOOKS)
    ]
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        from matplotlib.backends.registry import backend_registry

        # reads what every installed package announces; kept from then on
        backend_registry.list_all()


def threads_running() -> int:
    """Threads of this process, those of libraries included where the system tells."""
    tasks = Path("/proc/self/task")
    return max(threading.active_count(), len(list(tasks.iterdir())) if tasks.exists() else 0)


def adopt() -> None:
    """Become the parent of whatever a kernel's children leave behind when they end, so that it can
    be ended with its kernel, whatever group it put itself into. Linux only.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> list[int]:
    """The processes whose parent this one is; none where the system does not tell."""
    try:
        return [int(n) for n in Path("/proc/thread-self/children").read_text().split()]
    except OSError:
        return []


def started_by(pid: int) -> bytes:
    """The mark of the kernel that started a process."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return b""
    return next(
        (v.partition(b"=")[2] for v in variables if v.startswith(MARK.encode() + b"=")), b""
    )


def _is_a_fork(pid: int) -> bool:
    """Whether a process is a copy of this one, which a kernel made of itself."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == Path("/proc/self/cmdline").read_bytes()
    except OSError:
        return False


def serve(address: str, started_from: str, idle_seconds: float) -> None:
    """Answer requests at `address` until idle for `idle_seconds` without a kernel, or until the
    code changed.
    """
    adopt()
    server = _Server(address, started_from)
    import_all()
    gc.collect()
    gc.freeze()  # keeps the collector off the memory that is shared with the kernels
    server.answer(idle_seconds)


class _Server:
    """Waits for those who ask for a kernel, forks it, and tells them when it ended."""

    def __init__(self, address: str, started_from: str) -> None:
        self.address, self.started_from = Path(address), started_from
        self.address.unlink(missing_ok=True)
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(address)
        self.address.chmod(0o600)
        self.listening.listen(64)  # askers wait here while the packages are imported
        self.inode = self.address.stat().st_ino
        self.kernels: dict[int, Kernel] = {}
        self.selector = selectors.DefaultSelector()

    def answer(self, idle_seconds: float) -> None:
        """Until idle for so long, or until the code changed; kernels that live are seen to their
        end.
        """
        self._wake_when_a_kernel_ends()
        last, is_open = time.monotonic(), True
        while is_open or self.kernels:
            for ready, _events in self.selector.select(timeout=CHECK_SECONDS):
                if ready.fileobj is self.wake_read:
                    with contextlib.suppress(BlockingIOError):
                        self.wake_read.recv(4096)
                elif ready.fileobj is self.listening:
                    self._fork()
                    last = time.monotonic()
                else:
                    self._end_without_asker(ready.data)
            if self._tell_of_ended():
                last = time.monotonic()
            idle = not self.kernels and time.monotonic() - last > idle_seconds
            if is_open and (idle or origin(os.environ) != self.started_from):
                self._close()
                is_open = False

    def _wake_when_a_kernel_ends(self) -> None:
        self.wake_read, self.wake_write = socket.socketpair()
        for end in (self.wake_read, self.wake_write, self.listening):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write.fileno())
        self.selector.register(self.listening, selectors.EVENT_READ)
        self.selector.register(self.wake_read, selectors.EVENT_READ)

    def _fork(self) -> None:
        with contextlib.suppress(OSError):
            connection, _address = self.listening.accept()
            kernel = _fork_for(connection, self.started_from, self._forget_in_the_child)
            if kernel:
                self.kernels[kernel.pid] = kernel
                self.selector.register(connection, selectors.EVENT_READ, kernel)

    def _forget_in_the_child(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        connections = [kernel.connection for kernel in self.kernels.values()]
        for end in (self.listening, self.wake_read, self.wake_write, *connections):
            end.close()

    def _end_without_asker(self, kernel: Kernel | None) -> None:
        if kernel and kernel.pid in self.kernels and _asker_is_gone(kernel.connection):
            self.selector.unregister(kernel.connection)
            kernel.end()

    def _tell_of_ended(self) -> bool:
        """Tell those who asked for kernels that ended; whether any did."""
        any_ended = False
        for pid, status in _ended():
            any_ended = True
            if kernel := self.kernels.pop(pid, None):
                with contextlib.suppress(KeyError, ValueError):
                    self.selector.unregister(kernel.connection)
                with contextlib.suppress(OSError):
                    kernel.connection.sendall(json.dumps({"ended": status}).encode() + b"\n")
                kernel.connection.close()
        if any_ended:
            self._end_what_was_left()
        return any_ended

    def _end_what_was_left(self) -> None:
        """End processes that ended kernels had started and that left their group."""
        alive = {kernel.mark.encode() for kernel in self.kernels.values()}
        for pid in set(children()) - self.kernels.keys():
            mark = started_by(pid)
            if (mark and mark not in alive) or _is_a_fork(pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def _close(self) -> None:
        self.selector.unregister(self.listening)
        self.listening.close()
        with contextlib.suppress(OSError):
            if self.address.stat().st_ino == self.inode:  # a successor may have taken the place
                self.address.unlink()


def _ended() -> Iterator[tuple[int, int]]:
    """Kernels that ended, with their exit status as `subprocess` gives it: negative for a
    signal.
    """
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _asker_is_gone(connection: socket.socket) -> bool:
    try:
        return connection.recv(1024) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _fork_for(connection: socket.socket, started_from: str, in_child: Any) -> Kernel | None:
    """Read the request and fork; tells the asker why when that cannot be."""
    connection.settimeout(10)
    handed: list[int] = []
    try:
        text, handed, _flags, _sender = socket.recv_fds(connection, 1 << 20, 3)
        if not text:  # somebody who only wanted it to be started
            connection.close()
            return None
        while not text.endswith(b"\n"):
            more = connection.recv(1 << 20)
            if not more:
                raise ConnectionError("the request ended early")
            text += more
        request = json.loads(text)
        if origin(os.environ) != started_from:
            raise RuntimeError("the code changed since this parent was started")
        if (running := threads_running()) > 1:
            raise RuntimeError(
                f"{running} threads are running in the parent, and threads do not survive a fork"
            )
        pid = os.fork()
        if pid == 0:
            in_child()
            connection.close()
            _become_kernel(request, handed)
        connection.sendall(json.dumps({"pid": pid}).encode() + b"\n")
        connection.setblocking(False)
        return Kernel(pid, connection, request["files"], request["env"].get(MARK, ""))
    except Exception as error:
        with contextlib.suppress(OSError):
            connection.sendall(json.dumps({"refused": str(error)}).encode() + b"\n")
        connection.close()
        return None
    finally:
        for descriptor in handed:
            os.close(descriptor)


def _become_kernel(request: dict[str, Any], handed: list[int]) -> None:
    """In the child: an ordinary ipykernel on the connection file that the asker wrote. Never
    returns.
    """
    status = 1
    try:
        parent = os.getppid()
        os.setsid()
        for number, descriptor in enumerate(handed):
            os.dup2(descriptor, number)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv = ["ipykernel_launcher", *request["arguments"]]
        if SAFE_PATH not in request["env"]:
            sys.path[:0] = [""]  # as python -m has it: the folder the kernel works in
        random.seed()
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()  # every child would draw the same numbers
        from ipykernel.kernelapp import IPKernelApp

        # registers the display of figures, which otherwise happens when pyplot is imported
        app = IPKernelApp.instance()
        app.initialize(
            [*request["arguments"], "--matplotlib=inline", f"--IPKernelApp.parent_handle={parent}"]
        )
        app.start()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], float(sys.argv[3]))
