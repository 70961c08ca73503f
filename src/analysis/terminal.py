"""What a terminal is given: text from data, files or the network never reaches it raw."""

import json
import re
from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

#: What a terminal obeys and JSON leaves as it is.
CONTROLS = re.compile(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with what a terminal would obey, or not show, written out; lines stay lines."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


class Terminal(Console):
    """A console on which every text is printable, wherever it stands: sentences, tables, bars."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """The segments of what is shown."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def json_line(content: Any) -> str:
    """One line of JSON for other programs, which a person may look at."""
    text = json.dumps(content, ensure_ascii=False)
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def fold_help() -> None:
    """Let typer break the lines of `--help` anywhere, for languages without blanks; it would cut
    off what is longer than a line.
    """
    from typer import rich_utils

    class Folding(Table):
        def add_row(self, *cells: RenderableType | None, **how: Any) -> None:
            super().add_row(*cells, **how)
            for column in self.columns:
                column.overflow = "fold"

    rich_utils.Table = Folding  # type: ignore[misc]
    rich_utils.Columns = lambda texts: Text(" ").join(texts)  # type: ignore[misc,assignment]
