"""Text from the data is shown, never executed: in tables, figures, pages and spreadsheets."""

import html
import re

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest

from analysis.errors import ParametersError
from analysis.report.brief import Brief, KeyFigure, Part, Point, ToDo, brief_html, sparkline
from analysis.report.brief import Explained as Divided
from analysis.report.figure import Figure
from analysis.report.frame import Around, Link, Of, isolated
from analysis.report.lists import harmless, write_list
from analysis.report.page import html_pages
from analysis.report.table import table
from analysis.runs.index import index_page
from analysis.runs.manifest import About, Entry, Manifest

EVIL = '<script>alert(1)</script>"&'


def figure(text=EVIL):
    drawing, axis = plt.subplots()
    axis.plot([1, 2], [1, 2], label=EVIL)
    axis.set_title(text)
    return Figure(drawing, text)


def test_what_is_written_from_right_to_left_turns_nothing_around():
    page = "<p>Event \u202eשלום עולם\u202c 6.5 times, مرحبا: 1,234</p>"
    shown = isolated(page)
    assert shown == ("<p>Event \u2068שלום עולם\u2069 6.5 times, \u2068مرحبا\u2069: 1,234</p>")
    assert isolated("<p>工资 salary 3</p>") == "<p>工资 salary 3</p>"
    assert harmless("\u202e=1+1") == "' =1+1"


def test_names_of_200_letters_leave_room_for_the_chart():
    drawing, axis = plt.subplots()
    axis.barh(["x" * 200, "y"], [1, 2])
    axis.set_title("word " * 60)
    svg = Figure(drawing, "Bars").svg
    assert "x" * 59 + "…" in svg and "x" * 60 not in svg
    width = float(re.search(r'width="([\d.]+)pt"', svg)[1])
    assert width < 900


def test_a_table_escapes_titles_heads_cells_and_notes():
    shown = table(pd.DataFrame({EVIL: [EVIL]}), EVIL, {EVIL: "text"}, note=EVIL)._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 5  # the title is the name of the scrolled part too
    assert "&amp;lt;" not in shown  # and not twice
    assert "<script" not in table(pd.DataFrame(), EVIL, {EVIL: "text"}, empty=EVIL)._repr_html_()


def test_a_figure_is_made_lean_in_its_tags_and_never_in_its_text():
    texts = [
        'said "good"  at 2.25 and 0.125',
        'x id="a" style="} body{display:none} .x{"',
        "href=#url(#q)",
        "url(#open",
    ]
    drawing, axis = plt.subplots()
    for i in range(12):
        axis.plot([0, 1], [i, i], "o-")
        axis.text(0, i, texts[i % 4])
    svg = Figure(drawing, "Lines").svg
    shown = [html.unescape(t) for t in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
    assert [shown.count(t) for t in texts] == [3, 3, 3, 3]
    assert "display:none" not in svg.split("</style>")[0]
    drawn = re.sub(r"<text.*?</text>", "", svg)
    ids = re.findall(r' id="([^"]+)"', drawn)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)["\)]', drawn)) == set(ids)
    assert len(ids) == len(set(ids)) and len(svg) < 20_000


def test_a_figure_escapes_its_text_and_its_alternative():
    svg = figure().svg
    assert "<script" not in svg
    assert 'aria-label="&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;"' in svg


def test_a_figure_is_the_same_every_time_and_shares_no_id_with_another():
    assert figure("one").svg == figure("one").svg
    ids = [set(re.findall(r'\bid="([^"]+)"', figure(t).svg)) for t in ("one", "two")]
    assert ids[0] and not ids[0] & ids[1]
    used = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", figure("one").svg))
    assert {a or b for a, b in used} <= ids[0]


def test_a_page_escapes_names_errors_and_streams():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title"),
            nbformat.v4.new_code_cell(
                "1",
                outputs=[
                    nbformat.v4.new_output("stream", text=EVIL),
                    nbformat.v4.new_output("error", ename=EVIL, evalue=EVIL, traceback=[]),
                ],
            ),
        ]
    )
    links = Around((Link(EVIL, EVIL, here=True),), (Link(EVIL, EVIL),), EVIL)
    of = Of("r", EVIL, "2024Q4", "en", {"Data": EVIL}, links)
    page = html_pages(notebook, of, failure=EVIL).html
    assert page.count("<script") == 1 and "<script>alert" not in page  # the workbook's own
    assert page.count("&lt;script&gt;") >= 8


def test_a_brief_escapes_all_it_tells():
    figure = KeyFigure(
        label=EVIL,
        kind="count",
        currency=EVIL,
        points=[Point(quarter=EVIL, value=v, low=v - 1, high=v + 1) for v in (1.0, 2.0, 3.0)],
    )
    row = ToDo(what=EVIL, why=EVIL, action=EVIL, who=EVIL, at_stake=1.0, file=EVIL)
    part = Divided(label=EVIL, kind="count", before=1, now=2, parts=[Part(name=EVIL, value=1)])
    brief = Brief(
        changed=EVIL,
        why=EVIL,
        to_do=EVIL,
        figures=[figure],
        explained=part,
        rows=[row],
        rows_title=EVIL,
        rows_of=EVIL,
        delivered=EVIL,
        currency=EVIL,
    )
    shown = brief_html(brief, "tables/r")
    assert "<script" not in shown and shown.count("&lt;script&gt;") >= 15
    assert 'alert(1)&lt;/script&gt;"' not in shown  # no quote of the data ends an attribute
    assert "<script" not in sparkline(figure) and "&quot;" in sparkline(figure)


def test_the_index_escapes_names_errors_and_figures(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.about = About(title=EVIL, quarter="2024Q4")
    for report, status in (("r", "done"), ("s", "failed")):
        manifest.reports["B1", report] = Entry(
            report=report,
            branch="B1",
            branch_name=EVIL,
            title=EVIL,
            error=EVIL,
            status=status,
        )
    page = index_page(manifest)
    assert page.count("<script") == 1 and page.count("&lt;script&gt;") >= 5


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1＋1", "\u200b－1", "﹢1", "＠A"],
)
def test_a_cell_that_a_spreadsheet_would_execute_is_defused(text):
    assert harmless(text) == "'" + re.sub(r"[\t\r\n]+", " ", text)


@pytest.mark.parametrize(
    "end", ["\r", "\n", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"]
)
def test_no_value_begins_a_row_of_its_own(tmp_path, end):
    write_list(pd.DataFrame({"name": [f"a{end}=1+1"], "n": [1]}), tmp_path, "people")
    text = (tmp_path / "people.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines() == ['"name","n"', '"a =1+1",1']
    assert harmless("a=b") == "a=b" and harmless(-1.5) == -1.5


def test_a_list_is_written_as_csv_and_parquet(tmp_path):
    write_list(pd.DataFrame({"name": ["=cmd", "王"], "n": [-1, 2]}), tmp_path, "people")
    assert (tmp_path / "people.csv").read_text(encoding="utf-8-sig").splitlines() == [
        '"name","n"',
        '"\'=cmd",-1',
        '"王",2',
    ]
    assert pd.read_parquet(tmp_path / "people.parquet")["name"].tolist() == ["=cmd", "王"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../../b", "A B", ""])
def test_a_list_cannot_leave_its_folder(tmp_path, name):
    with pytest.raises(ParametersError, match="cannot be the name of a list"):
        write_list(pd.DataFrame({"a": [1]}), tmp_path, name)
