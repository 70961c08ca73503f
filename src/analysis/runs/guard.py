"""Watches the kernel of one report: how long it takes, how much memory it uses, and how it
ended.
"""

import contextlib
import os
import signal
import threading
import time
from queue import Empty
from typing import Any

import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

from analysis.language import in_use, say, used
from analysis.runs.task import Limits

LOOK_SECONDS = 0.2
LOOKS_PER_FAMILY = (
    10  # finding the kernel's own children means reading every process of the machine
)


class PromptClient(AsyncKernelClient):
    """A client that begins as soon as the kernel answers; the library's waits a fifth of a second
    for stray messages.

    Those it would throw away belong to no cell, and nbclient passes over them.
    """

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        until = time.monotonic() + (timeout or 60)
        while True:
            self.kernel_info()
            try:
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)  # whether outputs come through too
                return
            except Empty:
                if not await self._async_is_alive():
                    raise RuntimeError(say("The kernel ended before it answered.")) from None
                if time.monotonic() > until:
                    late = say("The kernel did not answer within {seconds} seconds.")
                    raise RuntimeError(late.format(seconds=timeout)) from None

    wait_for_ready = _async_wait_for_ready


class Guard(threading.Thread):
    """Ends the kernel that goes beyond its limits; `reason` says why, in a sentence for the
    page.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(daemon=True)
        self.limits, self.reason = limits, ""
        self._kernel: Any = None  # the process as the provisioner holds it
        self._over = threading.Event()
        self._language = in_use()
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
            client_factory = Type(PromptClient)

            async def _async_post_start_kernel(self, **kwargs: Any) -> None:
                await super()._async_post_start_kernel(**kwargs)
                guard._kernel = getattr(self.provisioner, "process", None)

            post_start_kernel = _async_post_start_kernel

        return Watched

    def run(self) -> None:
        """Look five times a second, at the kernel's children every other second."""
        with used(self._language):  # a thread begins in that of the process
            self._watch()

    def _watch(self) -> None:
        looks, children = 0, 0.0
        while not self._over.wait(LOOK_SECONDS):
            looks += 1
            if time.monotonic() > self._until:
                self._end(
                    say("took longer than the {seconds:,} seconds allowed").format(
                        seconds=self.limits.seconds
                    )
                )
            elif self._kernel is not None:
                with contextlib.suppress(psutil.Error):
                    process = psutil.Process(self._kernel.pid)
                    if looks % LOOKS_PER_FAMILY == 0:
                        children = sum(_resident_mb(p) for p in process.children(recursive=True))
                    if (used := _resident_mb(process) + children) > self.limits.memory_mb:
                        self._end(
                            say(
                                "used {used:,.0f} MB of memory, more than the {most:,} allowed"
                            ).format(used=used, most=self.limits.memory_mb)
                        )

    def how_it_ended(self) -> str:
        """Why the kernel is gone, when it is: a limit, or the signal that ended it."""
        if self.reason or self._kernel is None:
            return self.reason
        status = self._kernel.poll()
        if status is None or status >= 0:
            return say("its process ended") if status is not None else ""
        return say("its process was ended by {signal}").format(signal=signal.Signals(-status).name)

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        if self._kernel is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._kernel.pid, signal.SIGKILL)
            self._over.set()


def _resident_mb(process: psutil.Process) -> float:
    """Resident memory in MB; 0 when the process is gone."""
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0
