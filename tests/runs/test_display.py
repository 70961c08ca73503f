"""What a person sees while reports run."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from analysis.runs.display import Display, follow
from analysis.runs.grid import Plan

EXPECTED = {("B1", "segmentation"): 10.0, ("B1", "loyalty"): 10.0, ("B2", "segmentation"): 20.0}


def shown(display):
    console = Console(file=io.StringIO(), width=100)
    console.print(display.picture())
    return console.file.getvalue()


def display(**changes):
    options = {
        "console": Console(file=io.StringIO(), width=200),
        "as_json": False,
        "total": 4,
        "skipped": 1,
        "expected": EXPECTED,
        "jobs": 2,
    }
    return Display(**(options | changes))


def cell(branch, report, number, of=16):
    return {"event": "cell", "branch": branch, "report": report, "cell": number, "of": of}


def done(branch, report, seconds, status="done", error=""):
    return {
        "event": "report",
        "branch": branch,
        "report": report,
        "status": status,
        "error": error,
        "seconds": seconds,
    }


def test_it_shows_what_runs_at_which_cell_and_what_is_over():
    it = display()
    it.hear(cell("B1", "segmentation", 0, 0))
    assert "B1 segmentation: starting" in shown(
        it
    ) and "0 done, 0 failed, 1 were up to date" in shown(it)
    it.hear(cell("B1", "segmentation", 7))
    it.hear(cell("B1", "loyalty", 3))
    assert "B1 segmentation: cell 7 of 16" in shown(it) and "B1 loyalty: cell 3 of 16" in shown(it)
    it.hear(done("B1", "segmentation", 9.0))
    it.hear(done("B1", "loyalty", 9.0, "failed", "ValueError: no"))
    it.hear(cell("B1", "segmentation", 16))  # told late
    assert (
        "1 done, 1 failed, 1 were up to date" in shown(it)
        and "3/4" in shown(it)
        and "cell" not in shown(it)
    )
    assert "failed B1 loyalty: ValueError: no" in it.console.file.getvalue()


def test_the_estimate_follows_the_last_run_and_this_ones_pace():
    it = display()
    assert it.seconds_left == pytest.approx(20.0)  # 40 seconds of reports, two at once
    it.hear(done("B1", "segmentation", 20.0))
    assert it.seconds_left == pytest.approx((10 + 20) * 2 / 2)  # half as fast as last time
    it.hear(done("B1", "loyalty", 10.0))
    it.hear(done("B2", "segmentation", 10.0))
    assert it.seconds_left == 0


def test_a_terminal_gets_the_picture_and_a_log_gets_lines():
    plan = Plan(Path(), tasks=[None] * 3, fresh=[None], expected=EXPECTED)
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    with follow(terminal, False, plan, 2) as hear:
        hear(cell("B1", "segmentation", 7))
    assert "cell 7 of 16" in terminal.file.getvalue()
    log = Console(file=io.StringIO(), width=100)
    with follow(log, False, plan, 2) as hear:
        hear(cell("B1", "segmentation", 7))
        hear(done("B1", "segmentation", 9.0))
    assert log.file.getvalue() == "2/4 B1 segmentation 9.0 s, 14 s left\n"
