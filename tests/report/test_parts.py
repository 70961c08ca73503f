"""A page for management, and the evidence behind it."""

import nbformat
import pytest

from analysis.report.frame import Around, Of
from analysis.report.page import html_pages
from analysis.report.parts import BANK, EVIDENCE, PAGE, places, without_bank


def notebook(*cells):
    made = []
    for text, *tags in cells:
        is_prose = text.startswith("#")
        new = nbformat.v4.new_markdown_cell if is_prose else nbformat.v4.new_code_cell
        made.append(new(text, metadata={"tags": list(tags)}))
        if not is_prose:
            made[-1].outputs = [
                nbformat.v4.new_output("execute_result", data={"text/html": f"<p>of {text}</p>"})
            ]
    return nbformat.v4.new_notebook(cells=made)


@pytest.fixture
def report():
    return notebook(
        ("# Title",),
        ("opening",),
        ("## Answer",),
        ("answer",),
        ("detail", EVIDENCE),
        ("## Methods\n\nHow.", BANK),
        ("method",),
        ("## End",),
        ("end",),
    )


def test_a_section_says_where_its_cells_stand_and_a_cell_may_say_otherwise(report):
    assert places(report) == [PAGE, PAGE, PAGE, PAGE, EVIDENCE, BANK, BANK, PAGE, PAGE]


def test_a_branch_goes_without_what_is_the_same_in_all(report):
    assert [c.source for c in without_bank(report).cells] == [
        "# Title",
        "opening",
        "## Answer",
        "answer",
        "detail",
        "## End",
        "end",
    ]


def test_the_page_has_no_code_and_leads_to_the_evidence(report):
    pages = html_pages(report, Of("r", "Main", "2024Q4", "en"))
    assert "<p>of answer</p>" in pages.html and "<p>of detail</p>" not in pages.html
    assert "<pre>" not in pages.html and "<code>" not in pages.html
    assert 'href="r.evidence.html"' in pages.html and 'href="r.html"' in pages.evidence


def test_the_evidence_has_the_code_and_the_headings_of_both(report):
    evidence = html_pages(report, Of("r", "Main", "2024Q4", "en")).evidence
    assert "<code>opening" in evidence and "<p>of opening</p>" not in evidence
    assert "<p>of detail</p>" in evidence and "<p>of method</p>" in evidence
    assert (
        ">Answer</h2>" in evidence and ">Methods</h2>" in evidence and ">End</h2>" not in evidence
    )


def test_where_all_evidence_is_the_banks_the_page_leads_there(report):
    of = Of("r", "Main", "2024Q4", "en", {}, Around(of_bank="../ALL/r.evidence.html"))
    plain = notebook(("# Title",), ("answer",))
    pages = html_pages(plain, of)
    assert pages.evidence == "" and 'href="../ALL/r.evidence.html"' in pages.html
    assert "evidence" not in html_pages(plain, Of("r", "Main", "2024Q4", "en")).html


def test_a_failed_report_shows_all_it_reached_on_one_page(report):
    pages = html_pages(report, Of("r", "Main", "2024Q4", "en"), failure="It stopped.")
    assert pages.evidence == pages.html and "It stopped." in pages.html
    assert "<p>of method</p>" in pages.html and "<code>" not in pages.html
