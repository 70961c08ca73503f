"""Where the pages' template, style sheet and script lie."""

from functools import cache
from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"


@cache
def stylesheet() -> str:
    """The style sheet of every page."""
    return (TEMPLATE / "page.css").read_text(encoding="utf-8")


@cache
def script() -> str:
    """The script of every page: tables that sort and filter. Pages are whole without it."""
    return (TEMPLATE / "page.js").read_text(encoding="utf-8").strip()
