"""A page of its own to print and sign: a case with all that belongs to it."""

from collections.abc import Sequence
from typing import Any

from analysis.report import language
from analysis.report.figure import Figure
from analysis.report.frame import frame
from analysis.report.language import say
from analysis.report.table import Table, environment


def sheet_html(
    title: str, subtitle: str, parts: Sequence[tuple[str, Sequence[Any]]], written_in: str
) -> str:
    """A printable page; every text is escaped.

    parts: headings, and what stands below each: texts, lists of texts, figures, tables.
    """
    language.use(written_in)
    return (
        environment()
        .get_template("sheet.html.j2")
        .render(
            **frame(written_in),
            title=title,
            subtitle=subtitle,
            parts=[(heading, [_shown(part) for part in contents]) for heading, contents in parts],
            words={
                "decision": say("Decision"),
                "confirmed": say("Confirmed"),
                "cleared": say("Cleared"),
                "open": say("Open"),
                "why": say("Why"),
                "by": say("Decided by"),
                "second": say("Checked by"),
                "day": say("Day"),
            },
        )
    )


def _shown(part: object) -> tuple[str, object]:
    """What a part is, for the template: figure, table, list or text."""
    if isinstance(part, Figure):
        return "figure", part.svg
    if isinstance(part, Table):
        return "table", part.html()
    if isinstance(part, list):
        return "list", part
    return "text", str(part)
