"""Where the pages' template and style sheet lie."""

from functools import cache
from pathlib import Path

TEMPLATE = Path(__file__).parent / "template"


@cache
def stylesheet() -> str:
    """The style sheet of every page."""
    return (TEMPLATE / "page.css").read_text(encoding="utf-8")
