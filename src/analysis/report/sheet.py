"""A page of its own to print and sign: a case with all that belongs to it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Template

from analysis.language import say
from analysis.report.figure import Figure
from analysis.report.frame import Link, frame
from analysis.report.table import Table, environment

#: Where a page has ways to others; they are known when a report is delivered.
PLACES = "<!-- other pages -->"


def sheet_html(
    title: str,
    subtitle: str,
    parts: Sequence[tuple[str, Sequence[Any]]],
    written_in: str,
    ways: Sequence[Link] = (),
) -> str:
    """A printable page; every text is escaped.

    ways: to where it belongs. parts: headings, and what stands below each: texts, lists of texts,
    figures, tables.
    """
    return (
        environment()
        .get_template("sheet.html.j2")
        .render(
            **frame(written_in),
            title=title,
            subtitle=subtitle,
            places=PLACES,
            ways=ways,
            parts=[(heading, [_shown(part) for part in contents]) for heading, contents in parts],
            words={
                "places": say("Other pages"),
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


def with_links(page: str, links: Sequence[Link]) -> str:
    """A printable page with ways to the same page in other languages, where there are any."""
    return page.replace(PLACES, _places().render(links=links, label=say("Other pages")), 1)


@cache
def _places() -> Template:
    return environment().from_string(
        """{% if links %}<nav class="places" aria-label="{{ label }}">{% for link in links %}"""
        """<a class="beside" href="{{ link.href }}" lang="{{ link.language }}" """
        """hreflang="{{ link.language }}">{{ link.text }}</a>{% endfor %}</nav>{% endif %}"""
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
