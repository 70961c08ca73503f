"""The lists of a branch in one spreadsheet that executes nothing."""

import datetime as dt
import zipfile

import openpyxl
import pandas as pd

from analysis.language import marked
from analysis.report.lists import write_list
from analysis.report.spreadsheet import with_words, write_spreadsheet
from analysis.report.words import Words

WORDS = Words(
    {"kind": marked("Kind")}, {"same_site": marked("Same site"), "night": marked("Night")}
)


def deliver(folder, report, name, rows):
    write_list(rows, folder / report, name, with_words(rows, WORDS))


def opened(folder, **titles):
    path = folder.parent / "lists.xlsx"
    write_spreadsheet(folder, path, titles)
    return openpyxl.load_workbook(path), path


def test_a_sheet_for_every_list_with_heads_and_codes_in_words(tmp_path):
    rows = pd.DataFrame({"kind": ["same_site night", "night"], "id": ["0012", "13"], "n": [1, 2]})
    deliver(tmp_path / "tables", "risk", "alerts", rows)
    deliver(tmp_path / "tables", "loyalty", "alerts", rows)
    book, _path = opened(tmp_path / "tables", risk="Mortgages", loyalty="Loyalty")
    assert book.sheetnames == ["Loyalty Alerts", "Mortgages Alerts"]
    sheet = book["Mortgages Alerts"]
    assert [c.value for c in sheet[1]] == ["Kind", "id", "n"]
    assert [c.value for c in sheet[2]] == ["Same site; Night", "0012", 1]
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:C3"


def test_nothing_is_a_formula_whatever_it_looks_like(tmp_path):
    evil = ["=1+1", "+1", "@SUM(A1)", "－1", "http://x", "{=1}"]
    deliver(tmp_path / "tables", "r", "people", pd.DataFrame({"=name": evil}))
    book, path = opened(tmp_path / "tables")
    cells = [row[0] for row in book.worksheets[0].iter_rows()]
    assert {c.data_type for c in cells} == {"s"} and cells[0].value == "'=name"
    with zipfile.ZipFile(path) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
        assert not any("externalLink" in name for name in parts.namelist())


def test_days_numbers_and_empty_values_are_what_they_are(tmp_path):
    rows = pd.DataFrame(
        {
            "day": [dt.date(2024, 1, 31), None],
            "share": [0.5, float("nan")],
            "asked": pd.array([True, None], "boolean"),
            "n": [1, 2],
        }
    )
    deliver(tmp_path / "tables", "r", "mixed", rows)
    book, _path = opened(tmp_path / "tables")
    values = [[c.value for c in row] for row in book.worksheets[0].iter_rows(min_row=2)]
    assert values == [[dt.datetime(2024, 1, 31), 0.5, "yes", 1], [None, None, None, 2]]


def test_evidence_of_every_alert_shares_a_sheet(tmp_path):
    for alert in ("RM-1", "RM-2"):
        deliver(tmp_path / "tables", "risk", f"evidence/{alert}", pd.DataFrame({"alert": [alert]}))
    book, _path = opened(tmp_path / "tables")
    (sheet,) = book.worksheets
    assert [c.value for c in sheet["A"]] == ["alert", "RM-1", "RM-2"]


def test_the_same_lists_give_the_same_file_and_no_list_none(tmp_path):
    deliver(tmp_path / "tables", "r", "a", pd.DataFrame({"n": [1]}))
    _book, path = opened(tmp_path / "tables")
    first = path.read_bytes()
    opened(tmp_path / "tables")
    assert path.read_bytes() == first
    assert write_spreadsheet(tmp_path / "nothing", path, {}) == 0 and not path.exists()


def test_names_of_sheets_are_allowed_and_different(tmp_path):
    for name in ("a" * 40, "a" * 41):
        deliver(tmp_path / "tables", "report_of_a_long_name", name, pd.DataFrame({"n": [1]}))
    book, _path = opened(tmp_path / "tables", report_of_a_long_name="What: a [title]?")
    assert len(set(book.sheetnames)) == 2
    assert all(len(n) <= 31 and not set(n) & set("[]:*?/\\\\") for n in book.sheetnames)
