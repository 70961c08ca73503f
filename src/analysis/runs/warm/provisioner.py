"""The kernel provisioner behind the kernel `workbook`: forks kernels from the warm parent, or
starts stock ones.

papermill, nbclient, nbval and JupyterLab go through the kernel specification, which names this
provisioner (entry point group `jupyter_client.kernel_provisioners`), so that all of them are fast
without knowing. Kernels talk over Unix sockets in a folder of the user's own instead of the
machine's network.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from analysis.runs.warm.place import MARK, SAFE_PATH, origin, private_folder
from analysis.workers import ONE_THREAD  # threads do not survive a fork

IDLE_SECONDS = 300  # a parent that nobody asked for so long ends; WORKBOOK_WARM_IDLE changes it
ANSWER_SECONDS = 60  # the parent may still be importing
#: IPython looks for modules in the working folder unless it is told not to.
IGNORE_FOLDER = "--InteractiveShellApp.ignore_cwd=True"
LARGEST_LOG = 1_000_000  # bytes
# macOS's system libraries do not survive it; Windows has none
FORK_IS_SAFE = sys.platform == "linux"

_said: set[str] = set()
_parents: list[subprocess.Popen[bytes]] = []  # those this process started, so that they are reaped


class WarmProvisioner(LocalProvisioner):
    """Launches the kernel by forking where that is safe, in the ordinary way where it is not."""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """As the local provisioner, with the connection on private sockets."""
        manager = self.parent
        if manager and os.name == "posix" and manager.transport == "tcp" and not manager.shell_port:
            with contextlib.suppress(OSError):  # over the machine's network, then
                # a name of its own: kernels that start at once would otherwise share one and never
                # answer
                manager.ip = str(private_folder() / f"k{uuid.uuid4().hex[:12]}")
                manager.transport = "ipc"
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel from the warm parent; a stock kernel where that cannot be, saying why
        once.
        """
        try:
            manager, env = self.parent, kwargs.get("env") or dict(os.environ)
            if SAFE_PATH in env and IGNORE_FOLDER not in cmd:
                cmd.append(IGNORE_FOLDER)
            files = (
                [manager.connection_file, *(f"{manager.ip}-{n}" for n in range(1, 6))]
                if manager
                else []
            )
            # in a thread: JupyterLab goes on answering while a parent is started
            kernel = await asyncio.to_thread(
                fork_kernel, _arguments(cmd), env, kwargs.get("cwd"), files
            )
        except (OSError, RuntimeError, ValueError) as reason:
            if str(reason) not in _said:
                _said.add(str(reason))
                self.log.warning(
                    "Reports start with stock kernels, which takes longer: %s.", reason
                )
            return await super().launch_kernel(cmd, **kwargs)
        self.process = kernel  # type: ignore[assignment]  # what Popen has, as far as it is used
        self.pid = self.pgid = kernel.pid
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """As the local provisioner; returns when the kernel is gone, which its manager would look
        for ten times a second.
        """
        await super().kill(restart)
        until = time.monotonic() + 1
        while self.process and self.process.poll() is None and time.monotonic() < until:
            await asyncio.sleep(0.002)

    async def cleanup(self, restart: bool = False) -> None:
        """As the local provisioner; a kernel that is still there ends with its connection."""
        if isinstance(self.process, ForkedKernel):
            self.process.close()
        await super().cleanup(restart)


class ForkedKernel:
    """A forked kernel as its asker sees it; has what `subprocess.Popen` has as far as provisioners
    use it.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid, self._connection = pid, connection
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._status(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, when it ended; raises subprocess.TimeoutExpired after `timeout`
        seconds.
        """
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Give the connection up; the parent ends the kernel if it still runs."""
        self._connection.close()
        self.returncode = 0 if self.returncode is None else self.returncode

    def _status(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            answer = self._connection.recv(4096)
            if answer:
                self.returncode = json.loads(answer)["ended"]
            else:  # the parent is gone; its kernels notice within a second and end
                self.returncode = -signal.SIGKILL
                with_parent = os.getpgid(self.pid) == self.pid if _exists(self.pid) else False
                if with_parent:
                    os.killpg(self.pid, signal.SIGKILL)
            self._connection.close()
        return self.returncode


def fork_kernel(
    arguments: list[str], env: dict[str, str], cwd: str | None, files: list[str]
) -> ForkedKernel:
    """A kernel forked from the user's parent, which is started when there is none.

    arguments: of ipykernel. files: what the parent removes if the asker is gone before the kernel.
    Raises RuntimeError or OSError, saying why, when no kernel can be forked.
    """
    if not FORK_IS_SAFE:
        raise RuntimeError(f"processes cannot be forked safely on {sys.platform}")
    # what a report starts ends with it; in JupyterLab a person decides
    mark = {MARK: uuid.uuid4().hex} if SAFE_PATH in env else {}
    request = {
        "arguments": arguments,
        "env": {**env, **mark},
        "cwd": str(Path(cwd or ".").resolve()),
        "files": files,
    }
    for attempt in (1, 2):
        connection = _connect(env)
        try:
            connection.settimeout(ANSWER_SECONDS)
            message = json.dumps(request).encode() + b"\n"
            sent = socket.send_fds(connection, [message], [0, 1, 2])
            connection.sendall(message[sent:])
            answer = json.loads(_line(connection))
        except (OSError, ValueError):  # it ended between our connecting and its answering
            connection.close()
            if attempt == 2:
                raise
            continue
        if "refused" in answer:
            connection.close()
            raise RuntimeError(answer["refused"])
        connection.setblocking(True)
        return ForkedKernel(answer["pid"], connection)
    raise RuntimeError("the parent of the warm kernels does not answer")


def warm_up() -> None:
    """Start the parent while other things are done; says nothing where there can be none."""
    if FORK_IS_SAFE:
        with contextlib.suppress(OSError, RuntimeError):
            _connect(dict(os.environ)).close()


def _line(connection: socket.socket) -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        more = connection.recv(1)  # byte by byte: what follows is the exit status
        if not more:
            raise ConnectionError("the parent of the warm kernels does not answer")
        text += more
    return text


def _connect(env: dict[str, str]) -> socket.socket:
    """A connection to the parent that was started from today's code, which is started when there is
    none.
    """
    key = origin(env)
    folder = private_folder()
    address = folder / f"{key}.sock"
    with (folder / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(address))
            return connection
        except OSError:
            pass
        _parents[:] = [p for p in _parents if p.poll() is None]
        _forget_dead_parents(folder)
        with (folder / "parent.log").open("ab") as log:
            if log.tell() > LARGEST_LOG:
                log.truncate(0)
            _parents.append(
                subprocess.Popen(  # noqa: S603 - our own module
                    [
                        sys.executable,
                        "-P",  # nothing of the working folder
                        "-m",
                        "analysis.runs.warm.parent",
                        str(address),
                        key,
                        env.get("WORKBOOK_WARM_IDLE", str(IDLE_SECONDS)),
                    ],
                    env={**env, **ONE_THREAD, "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd="/",
                )
            )
        until = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < until and _parents[-1].poll() is None:
            try:
                connection.connect(str(address))
                return connection
            except OSError:
                time.sleep(0.02)
        connection.close()
        raise RuntimeError(
            f"the parent of the warm kernels did not start; see {folder / 'parent.log'}"
        )


def _forget_dead_parents(folder: Path) -> None:
    """Remove the addresses of parents that were killed."""
    for address in folder.glob("*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(address))
            except OSError:
                address.unlink(missing_ok=True)


def _arguments(cmd: list[str]) -> list[str]:
    """Those of ipykernel, from `python -m ipykernel_launcher …`."""
    if "ipykernel_launcher" not in cmd:
        raise ValueError(f"{cmd[:3]} is not the command of an ipykernel")
    return cmd[cmd.index("ipykernel_launcher") + 1 :]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
