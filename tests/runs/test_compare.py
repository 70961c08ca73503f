"""Two runs against each other: which figures changed, by how much, and because of what."""

from analysis.runs.compare import builders, cause, differences
from analysis.runs.manifest import Entry
from tests.runs.made_up import brief, quarter


def test_a_figure_that_changed_is_told_with_its_change(tmp_path):
    before = quarter(tmp_path / "a", {("B1", "retention"): brief(20), ("B1", "cards"): brief(5)})
    now = quarter(tmp_path / "b", {("B1", "retention"): brief(30), ("B1", "cards"): brief(5)})
    (found,) = differences(before, now)
    assert (found.branch, found.report, found.what) == ("B1", "retention", "Left")
    assert found.before.startswith("2.0%") and found.now.startswith("3.0%")
    assert found.change == "+1.0 points"
    assert differences(before, before) == []


def test_a_report_that_is_not_there_or_failed_is_told(tmp_path):
    before = quarter(tmp_path / "a", {("B1", "r"): brief(20), ("B2", "r"): brief(20)})
    now = quarter(tmp_path / "b", {("B1", "r"): brief(20)}, failed=[("B2", "r", "x")])
    now.reports["B3", "r"] = now.reports["B1", "r"].model_copy(update={"branch": "B3"})
    told = [(d.branch, d.before, d.now) for d in differences(before, now)]
    assert told == [("B2", "done", "failed"), ("B3", "not there", "done")]


def test_the_cause_names_marts_with_the_step_that_builds_them(tmp_path):
    before, now = (quarter(tmp_path / name, {("B1", "r"): brief(1)}) for name in "ab")
    old = Entry(
        report="r",
        branch="B1",
        branch_name="",
        status="done",
        made_of={"code": "1", "mart customer_left": "2", "settings": "3"},
        parameters={"params": "a", "min_cell": 10},
    )
    new = old.model_copy(
        update={
            "made_of": {"code": "1", "mart customer_left": "9", "settings": "4"},
            "parameters": {"params": "b", "min_cell": 20},
        }
    )
    step = builders()["customer_left"]
    assert cause(old, new, before, now) == (
        f"the mart customer_left (step {step}), the settings of the params file, the parameters"
    )
    assert cause(old, old, before, now) == "nothing that is recorded"


def test_of_two_quarters_the_quarter_is_the_cause(tmp_path):
    before = quarter(tmp_path / "a", {("B1", "r"): brief(20)}, quarter="2024Q3")
    now = quarter(tmp_path / "b", {("B1", "r"): brief(30)}, quarter="2024Q4")
    assert [d.cause for d in differences(before, now)] == ["2024Q3 against 2024Q4"]
