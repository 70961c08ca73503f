"""Pages as PDF."""

import pytest

from analysis.cli import app
from analysis.errors import WorkbookError
from analysis.runs import printed
from tests.conftest import program
from tests.runs.command import call, told


def test_without_chromium_pdf_is_refused_before_anything_runs(small, monkeypatch):
    monkeypatch.setattr(printed.shutil, "which", lambda name: None)
    bank = small.bank()
    result = call(app, "run", str(bank.path), "--pdf")
    assert result.exit_code == 1 and "there is none on this machine" in told(result)
    assert not bank.output_folder.exists() and not bank.data_folder.exists()


def test_a_page_becomes_a_pdf_of_a4_with_its_number(tmp_path):
    program("pdftotext", "Install it with: apt-get install poppler-utils.")
    import subprocess

    from analysis.report.stylesheet import stylesheet

    page = tmp_path / "a page.html"
    text = "".join(f"<p>Line {i}</p>" for i in range(120))
    page.write_text(f'<html lang="en"><style>{stylesheet()}</style><body>{text}</body></html>')
    chromium = program("chromium", "Install it with: apt-get install chromium.")
    (made,) = printed.print_pages(chromium, [page])
    assert made == tmp_path / "a page.pdf"
    said = subprocess.run(["pdftotext", str(made), "-"], capture_output=True, text=True).stdout
    assert "Line 119" in said and "1/4" in said.replace(" ", "") and "file:" not in said
    size = subprocess.run(["pdfinfo", str(made)], capture_output=True, text=True).stdout
    assert "A4" in size


def test_a_page_that_cannot_be_printed_is_told_in_a_sentence(tmp_path):
    (page := tmp_path / "a.html").write_text("<p>")
    with pytest.raises(WorkbookError, match=r"a\.html could not be printed"):
        list(printed.print_pages("/bin/false", [page]))
