"""Watches the kernel of one report: how long it takes, how much memory it uses, and how it ended."""

import contextlib
import os
import signal
import threading
import time
from typing import Any

import psutil
from jupyter_client.manager import AsyncKernelManager

from analysis.runs.task import Limits

LOOK_SECONDS = 0.1


class Guard(threading.Thread):
    """Ends the kernel that goes beyond its limits; `reason` says why, in a sentence for the page."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(daemon=True)
        self.limits, self.reason = limits, ""
        self._kernel: Any = None  # the process as the provisioner holds it
        self._over = threading.Event()
        self._until = time.monotonic() + limits.seconds

    def __enter__(self) -> "Guard":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def manager(self) -> type[AsyncKernelManager]:
        """A kernel manager that tells this guard which process to watch."""
        guard = self

        class Watched(AsyncKernelManager):
            async def _async_post_start_kernel(self, **kwargs: Any) -> None:
                await super()._async_post_start_kernel(**kwargs)
                guard._kernel = getattr(self.provisioner, "process", None)

            post_start_kernel = _async_post_start_kernel

        return Watched

    def run(self) -> None:
        """Look every tenth of a second."""
        while not self._over.wait(LOOK_SECONDS):
            if time.monotonic() > self._until:
                self._end(f"took longer than the {self.limits.seconds:,} seconds allowed")
            elif self._kernel is not None and (used := memory_mb(self._kernel.pid)) > self.limits.memory_mb:
                self._end(f"used {used:,.0f} MB of memory, more than the {self.limits.memory_mb:,} allowed")

    def how_it_ended(self) -> str:
        """Why the kernel is gone, when it is: a limit, or the signal that ended it."""
        if self.reason or self._kernel is None:
            return self.reason
        status = self._kernel.poll()
        if status is None or status >= 0:
            return "its process ended" if status is not None else ""
        return f"its process was ended by {signal.Signals(-status).name}"

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        if self._kernel is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._kernel.pid, signal.SIGKILL)
            self._over.set()


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children, in MB; 0 when it is gone."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    except psutil.Error:
        pass
    return total / 1e6
