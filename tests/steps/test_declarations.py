"""What the workbook's own steps declare: it is documented as it is, and a change does again what
depends on it and nothing else.
"""

import re

import pytest

from analysis.cli import app
from analysis.contract import CONTRACT
from analysis.prepare import all_steps
from analysis.sources.params import read_params
from analysis.steps import code, document
from analysis.steps.declaration import setting_of
from analysis.steps.graph import source_of, writers
from analysis.storage import PACKAGE, bytes_fingerprint
from tests.conftest import ROOT
from tests.runs.command import call, told

STEPS = all_steps()


def test_the_page_and_the_picture_of_the_steps_are_current():
    page = (ROOT / "docs" / "steps.md").read_text(encoding="utf-8")
    assert page == document.steps_page(STEPS), "write it again: workbook steps --page docs/steps.md"
    picture = (ROOT / "docs" / document.PICTURE).read_text(encoding="utf-8")
    assert picture == document.steps_picture(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_reads_and_uses_what_there_is_and_says_what_it_is(name):
    step, by_output = STEPS[name], writers(STEPS.values())
    for read in step.reads.values():
        assert read.name in CONTRACT if read.kind == "table" else source_of(read, by_output)
    bank = read_params(ROOT / "params" / "demo.yml")
    for setting in step.settings:
        setting_of(bank, setting)
    assert re.fullmatch(r"[A-Z].*\.", step.purpose), step.purpose


def changed_by(monkeypatch, file):
    """The steps that are done again when a file of the package changes."""

    def codes():
        code.function_code.cache_clear()
        return {name: code.function_code(step.function) for name, step in STEPS.items()}

    before = codes()
    monkeypatch.setattr(
        code, "_mark", lambda p: "changed" if p == PACKAGE / file else bytes_fingerprint(p)
    )
    after = codes()
    monkeypatch.undo()
    code.function_code.cache_clear()
    return {name for name in STEPS if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "steps"),
    [
        ("voice/comments.py", {"comments", "associations", "data_texts"}),
        ("voice/associations.py", {"associations"}),
        ("marts/survey_items.py", {"survey_items"}),
        ("segmentation/quality.py", {"segmentation", "drift"}),
        ("retention/departures.py", {"customer_left"}),
        ("loyalty/shapley.py", {"drivers"}),
        ("risk/acceptance.py", {"acceptance_candidates", "acceptance_curve", "risk_alerts"}),
    ],
)
def test_a_changed_method_does_again_the_steps_that_reach_it_and_no_other(monkeypatch, file, steps):
    assert changed_by(monkeypatch, file) == steps


def test_a_corrected_interval_does_again_whatever_computes_with_it(monkeypatch):
    """It fitted nothing again before there were steps."""
    changed = changed_by(monkeypatch, "statistics/intervals.py")
    assert {"drift", "risk_alerts", "acceptance_curve", "customer_churn", "comments"} <= changed
    assert not changed & {"account_quarter", "customer_quarter", "survey_items", "transfers"}


@pytest.mark.parametrize(
    "file",
    [
        "segmentation/charts.py",
        "segmentation/findings.py",
        "changes/words.py",
        "report/page.py",
        "runs/grid.py",
        "steps/running.py",
        "errors.py",
        "cli.py",
    ],
)
def test_what_only_shows_or_runs_does_no_step_again(monkeypatch, file):
    assert (PACKAGE / file).exists() and changed_by(monkeypatch, file) == set()


def test_the_command_tells_what_leads_to_a_table_and_what_hangs_on_it():
    said = told(call(app, "steps", "customer_left"))
    leads, hangs = said.split("Leads to it:")[1].split("Hangs on it:")
    assert "account_quarter" in leads and "customer_churn" in hangs
    assert "retention.left" in said


def test_a_mart_is_found_by_its_name_and_an_unknown_one_refused_with_the_nearest():
    assert "risk_alerts:" in told(call(app, "steps", "risk_evidence"))
    refused = call(app, "steps", "customer_quartr")
    assert refused.exit_code == 1 and "Valid: customer_quarter" in told(refused)


def test_without_a_name_every_step_is_listed():
    assert all(f"{name}: " in told(call(app, "steps")) for name in STEPS)
