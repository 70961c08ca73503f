"""From an executed notebook to HTML files, through an nbconvert template of our own: one for
management and one of evidence behind it.
"""

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

from analysis.language import quarter_in_words, say, used
from analysis.report.brief import BRIEF, NOT_EXAMINED, Brief, brief_html
from analysis.report.frame import Link, Of, frame
from analysis.report.lists import LISTS
from analysis.report.parts import PAGE, places
from analysis.report.prose import in_language, paragraphs
from analysis.report.stylesheet import TEMPLATE


@dataclass(frozen=True)
class Pages:
    """The page for management and the one of evidence (empty without any), and their title."""

    html: str
    evidence: str
    title: str


def html_pages(notebook: NotebookNode, of: Of, failure: str = "") -> Pages:
    """The pages of an executed notebook, its prose in one language, code on the evidence page only.

    `failure` says why the report stopped, when it did; what it reached is shown all the same, on
    one page and without code, which is in the notebook. Texts are escaped by the template; outputs
    of type text/html and image/svg+xml are those of `analysis.report`, which escape what they show.
    """
    with used(of.language):
        return _html_pages(notebook, of, failure)


def _html_pages(notebook: NotebookNode, of: Of, failure: str) -> Pages:
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = in_language(cell.source, of.language)
    split = places(notebook)
    placed = [PAGE] * len(notebook.cells) if failure else split
    title = _take_title(notebook)
    found = brief_of(notebook)
    has_evidence = any(place != PAGE for place in placed)
    front, behind = copy.copy(notebook), copy.copy(notebook)
    front.cells = [c for c, place in zip(notebook.cells, placed, strict=True) if place == PAGE]
    behind.cells = _with_headings(notebook, placed)
    first = _page(
        front,
        of,
        title=title,
        code=False,
        failure=failure,
        brief=brief_html(found, f"tables/{of.report}") if found else "",
        other=_evidence(of, has_evidence),
        file=f"{of.report}.html",
    )
    if failure and set(split) != {PAGE}:
        return Pages(first, first, title)  # other pages lead to its evidence
    if not has_evidence:
        return Pages(first, "", title)
    # what comes first on the evidence page is how the data was opened, code and all
    opening = [c for c in front.cells if c.cell_type == "code"]
    behind.cells = [*_in_one(opening), *behind.cells]
    second = _page(
        behind,
        of,
        title=say("{title}: the evidence").format(title=title),
        code=True,
        failure="",
        brief="",
        other=Link(say("Back to the page: {title}").format(title=title), f"{of.report}.html"),
        file=f"{of.report}.evidence.html",
    )
    return Pages(first, second, title)


def _evidence(of: Of, of_its_own: bool) -> Link | None:
    """The way to the evidence: the branch's own, or that of the whole bank; None without any."""
    text = say("The evidence: methods, tests and tables")
    if of_its_own:
        return Link(text, f"{of.report}.evidence.html")
    return Link(text, of.around.of_bank) if of.around.of_bank else None


def brief_of(notebook: Mapping[str, Any]) -> Brief | None:
    """What a report tells management in short; None where it did not come so far."""
    given = _given(notebook, BRIEF)
    return Brief.model_validate(given) if given else None


def end_where_not_examined(notebook: NotebookNode) -> str:
    """Cut off what follows the cell in which a report said that it has nothing to say; the sentence
    in which it did, empty where it has.
    """
    for number, cell in enumerate(notebook.cells):
        if why := _given({"cells": [cell]}, NOT_EXAMINED):
            notebook.cells = notebook.cells[: number + 1]
            return str(why)
    return ""


def _page(
    notebook: NotebookNode,
    of: Of,
    title: str,
    code: bool,
    failure: str,
    brief: str,
    other: Link | None,
    file: str,
) -> str:
    page = {
        **frame(of.language),
        "title": title,
        "branch_name": of.branch_name,
        "quarter": quarter_in_words(of.quarter),
        "contents": _contents(notebook),
        "brief": brief,
        "brief_type": BRIEF,
        "lists_at": f'href="{LISTS}',
        "lists": f'href="tables/{of.report}/',
        "failure": failure,
        "code": code,
        "other": other,
        "around": of.around,
        "languages": of.around.same_in(file),
        "provenance": list(of.provenance.items()),
        "words": {
            "all_reports": say("All reports of the quarter"),
            "overview": say("Overview"),
            "reports": say("Other reports"),
            "of_bank": say("The evidence of the whole bank"),
            "stopped": say("This report stopped before its end. What it reached is below."),
            "contents": say("Contents"),
            "code": say("Code"),
            "provenance": say("Where this comes from"),
            "places": say("Other pages"),
        },
    }
    body, _resources = _exporter().from_notebook_node(notebook, resources={"workbook": page})
    return str(body)


def _with_headings(notebook: NotebookNode, placed: list[str]) -> list[NotebookNode]:
    """The cells of the page of evidence, each under the heading of its section, be that on the
    other page.
    """
    cells: list[NotebookNode] = []
    heading: NotebookNode | None = None
    for cell, place in zip(notebook.cells, placed, strict=True):
        if place == PAGE:
            if cell.cell_type == "markdown" and cell.source.startswith("## "):
                heading = copy.copy(cell)
                heading.source = cell.source.splitlines()[0]
            continue
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            heading = None
        if heading is not None:
            cells.append(heading)
            heading = None
        cells.append(cell)
    return cells


def _in_one(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The code of several cells in one, without what came of it; none without any."""
    shown = [c for c in cells if "parameters" not in " ".join(c.metadata.get("tags", []))]
    if not shown:
        return []
    cell = copy.copy(shown[0])
    cell.source, cell.outputs = "\n\n".join(c.source for c in shown), []
    return [cell]


def _given(notebook: Mapping[str, Any], what: str) -> Any:
    """What a notebook gave in an output of its own type; None where it did not."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if what in output.get("data", {}):
                content = output["data"][what]
                return json.loads(content) if isinstance(content, str) else content
    return None


def _take_title(notebook: NotebookNode) -> str:
    """The title, taken out of the prose."""
    title = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            lines = cell.source.split("\n\n")
            heads = [line for line in lines if re.fullmatch(r"# .+", line.strip())]
            title = title or (heads[0].strip()[2:] if heads else "")
            cell.source = "\n\n".join(line for line in lines if line not in heads)
    return title


def _contents(notebook: NotebookNode) -> list[tuple[str, str]]:
    """The sections with their anchors, which are put where they begin."""
    contents: list[tuple[str, str]] = []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        lines = []
        for paragraph in paragraphs(cell.source):
            if heading := re.fullmatch(r"## (.+)", paragraph):
                contents.append((f"section-{len(contents) + 1}", heading[1]))
                lines.append(f'<h2 id="{contents[-1][0]}">{contents[-1][1]}</h2>')
            else:
                lines.append(paragraph)
        cell.source = "\n\n".join(lines)
    return contents


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
