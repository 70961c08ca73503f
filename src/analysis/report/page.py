"""From an executed notebook to one HTML file, through an nbconvert template of our own."""

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from nbconvert import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode

from analysis.report import language
from analysis.report.headline import HEADLINES, NOT_EXAMINED
from analysis.report.language import say
from analysis.report.stylesheet import TEMPLATE, stylesheet


@dataclass(frozen=True)
class Page:
    """A page and its title."""

    html: str
    title: str


def html_page(
    notebook: NotebookNode,
    branch_name: str,
    quarter: str,
    written_in: str,
    provenance: Mapping[str, str],
    failure: str = "",
) -> Page:
    """The page of an executed notebook, its prose translated, its code folded.

    `failure` says why the report stopped, when it did; what it reached is shown all the same. Texts
    are escaped by the template; outputs of type text/html and image/svg+xml are those of
    `analysis.report`, which escape what they show.
    """
    language.use(written_in)
    notebook = copy.deepcopy(notebook)
    title, contents = _prose(notebook)
    page = {
        "title": title,
        "branch_name": branch_name,
        "quarter": quarter,
        "language": written_in if written_in != "pseudo" else "en",
        "css": stylesheet(),
        "contents": contents,
        "headlines": headlines(notebook),
        "failure": failure,
        "provenance": [(k, v) for k, v in provenance.items()],
        "words": {
            "all_reports": say("All reports of the quarter"),
            "stopped": say("This report stopped before its end. What it reached is below."),
            "contents": say("Contents"),
            "code": say("Code"),
            "provenance": say("Where this comes from"),
        },
    }
    body, _resources = _exporter().from_notebook_node(notebook, resources={"workbook": page})
    return Page(str(body), title)


def headlines(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The figures a report gave for the index."""
    return dict(_given(notebook, HEADLINES) or {})


def end_where_not_examined(notebook: NotebookNode) -> str:
    """Cut off what follows the cell in which a report said that it has nothing to say; the sentence
    in which it did, empty where it has.
    """
    for number, cell in enumerate(notebook.cells):
        if why := _given({"cells": [cell]}, NOT_EXAMINED):
            notebook.cells = notebook.cells[: number + 1]
            return str(why)
    return ""


def _given(notebook: Mapping[str, Any], what: str) -> Any:
    """What a notebook gave in an output of its own type; None where it did not."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if what in output.get("data", {}):
                content = output["data"][what]
                return json.loads(content) if isinstance(content, str) else content
    return None


def _prose(notebook: NotebookNode) -> tuple[str, list[tuple[str, str]]]:
    """Translate the prose in place; returns the title (taken out) and the sections with their
    anchors.
    """
    title = ""
    contents: list[tuple[str, str]] = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        lines = []
        for paragraph in cell.source.split("\n\n"):
            if heading := re.fullmatch(r"(#{1,2}) (.+)", paragraph.strip()):
                text = say(heading[2])
                if len(heading[1]) == 1:
                    title = title or text
                    continue
                contents.append((f"section-{len(contents) + 1}", text))
                lines.append(f'<h2 id="{contents[-1][0]}">{text}</h2>')
            else:
                lines.append(say(paragraph))
        cell.source = "\n\n".join(lines)
    return title, contents


class _Exporter(HTMLExporter):
    """nbconvert's exporter without what it does for pages of its own template only.

    Reading each page once more to set the focus of its cells takes longer than making it, and ours
    has none of them; nor is there anything for the preprocessors to do.
    """

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, and the resources it was made with."""
        made = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        return cast(tuple[str, dict[str, Any]], made)


@cache
def _exporter() -> HTMLExporter:
    return _Exporter(
        template_name="workbook",
        extra_template_basedirs=[str(TEMPLATE)],
        default_preprocessors=[],
    )
