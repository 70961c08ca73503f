"""Kernels that talk over private sockets instead of the machine's network, which other users could listen to."""

import os

from jupyter_client.manager import AsyncKernelManager
from traitlets import default


class PrivateKernelManager(AsyncKernelManager):  # type: ignore[misc]
    """A kernel manager on Unix sockets in the user's own runtime directory; TCP where there are none."""

    @default("transport")
    def _private(self) -> str:
        return "ipc" if os.name == "posix" else "tcp"
