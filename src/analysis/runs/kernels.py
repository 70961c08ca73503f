"""Kernels that talk over private sockets instead of the machine's network, which other users could listen to."""

import os
import uuid
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import default


class PrivateKernelManager(AsyncKernelManager):
    """A kernel manager on Unix sockets in the user's own runtime directory; TCP where there are none."""

    @default("transport")
    def _private(self) -> str:
        return "ipc" if os.name == "posix" else "tcp"

    @default("ip")
    def _socket(self) -> str:
        """A name of its own: kernels that start at once would otherwise share one and never answer."""
        if self.transport == "tcp":
            return "127.0.0.1"
        folder = Path(jupyter_runtime_dir())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder / f"w{uuid.uuid4().hex[:12]}")
