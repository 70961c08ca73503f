"""Pages as PDF, printed by Chromium: with page numbers, and nothing asked of the network."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from analysis.errors import WorkbookError
from analysis.language import say

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
SECONDS = 120  # that one page may take
ELSEWHERE = re.compile(r'<a\b[^>]*?href="[^"#][^"]*"[^>]*>(.*?)</a>', re.DOTALL)


def find_chromium() -> str:
    """The path of Chromium; raises WorkbookError, saying what to do, where there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise WorkbookError(
        say(
            "Pages are printed by Chromium, and there is none on this machine. Install it "
            "(Debian: apt-get install chromium), or run without --pdf and print from a browser."
        )
    )


def print_pages(chromium: str, pages: Iterable[Path]) -> Iterator[Path]:
    """Print each page beside itself as PDF; yields each as it is done.

    Raises WorkbookError with what Chromium said where one cannot be printed.
    """
    with tempfile.TemporaryDirectory(prefix="workbook-print-") as profile:
        for page in pages:
            target = page.with_suffix(".pdf")
            part, copy = Path(profile) / "page.pdf", Path(profile) / "page.html"
            part.unlink(missing_ok=True)
            # links to other pages would be printed with the folders of this machine
            copy.write_text(ELSEWHERE.sub(r"\1", page.read_text(encoding="utf-8")), "utf-8")
            # as root, in a container, its own sandbox cannot be set up
            sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
            command = [
                chromium,
                *FLAGS,
                *sandbox,
                f"--user-data-dir={profile}/profile",
                f"--print-to-pdf={part}",
                copy.as_uri(),
            ]
            try:
                said = subprocess.run(  # noqa: S603 - the program found, and paths of our own
                    command, capture_output=True, text=True, timeout=SECONDS, check=False
                ).stderr
            except subprocess.TimeoutExpired:
                said = say("nothing after {seconds} s").format(seconds=SECONDS)
            if not part.exists():
                last = said.strip().splitlines()[-1:] or [say("no reason")]
                raise WorkbookError(
                    say("{page} could not be printed: {fault}").format(page=page, fault=last[0])
                )
            shutil.move(part, target)
            yield target
