"""A small bank with reports whose notebooks a test writes."""

import json

import nbformat
import pytest

from analysis.cli import app
from analysis.runs import catalogue
from tests.runs.command import call, report_elsewhere


@pytest.fixture
def odd(prepared_small, tmp_path, monkeypatch):
    """The small bank, with one report whose notebook a test writes."""
    bank = prepared_small

    def report(*cells, name="odd"):
        path = tmp_path / f"10_{name}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_markdown_cell("# An odd report"),
                nbformat.v4.new_code_cell(
                    'params = ""\nbranch = ""\nquarter = ""\nlanguage = ""\noutputs = ""',
                    metadata={"tags": ["parameters"]},
                ),
                *[nbformat.v4.new_code_cell(c) for c in cells],
            ]
        )
        nbformat.write(notebook, path)
        monkeypatch.setitem(catalogue.REPORTS, name, report_elsewhere(path))
        return path

    report.bank = bank
    report.folder = bank.output_folder / "2024Q2"
    report.run = lambda *words, name="odd": call(
        app, "run", str(bank.path), "--report", name, "--branch", "B1", *words
    )
    report.entry = lambda name="odd": next(
        r
        for r in json.loads((report.folder / "manifest.json").read_text())["reports"]
        if r["report"] == name and r["branch"] == "B1"
    )
    report.page = lambda name="odd": (report.folder / "B1" / f"{name}.html").read_text(
        encoding="utf-8"
    )
    return report
