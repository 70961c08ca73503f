"""What goes wrong in one report stays in that report, and the page says what it was."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from analysis.cli import app
from analysis.lock import held
from tests.conftest import ROOT
from tests.runs.command import call, launched, told

WORKBOOK = [sys.executable, "-c", "from analysis.cli import main; main()"]


@pytest.mark.parametrize(
    ("cell", "options", "why"),
    [
        (
            "import time; time.sleep(60)",
            ["--time-limit", "4"],
            "took longer than the 4 seconds allowed",
        ),
        (
            "hold = bytearray(900_000_000)\nimport time; time.sleep(20)",
            ["--memory-limit", "800"],
            r"MB of memory, more than the 800 allowed",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            [],
            "its process was ended by SIGSEGV",
        ),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            [],
            "its process was ended by SIGKILL",
        ),
        ("import os; os._exit(3)", [], "its process ended"),
        ("raise ValueError('in a cell')", [], "ValueError: in a cell"),
    ],
    ids=["time", "memory", "crash", "kill", "exit", "exception"],
)
def test_a_report_that_is_ended_leaves_a_page_with_what_it_reached_and_why(odd, cell, options, why):
    odd("print('reached', 'this')", cell, "print('never', 'this')")
    result = odd.run(*options)
    assert result.exit_code == 3
    assert why in told(result) and why in odd.entry()["error"]
    page = odd.page()
    assert why in page and "reached this" in page and "never this" not in page
    assert not list(odd.folder.rglob(".odd*"))


def test_a_report_is_tried_again_as_often_as_asked(odd, tmp_path):
    mark = tmp_path / "mark"
    cell = (
        f"import pathlib; m = pathlib.Path({str(mark)!r}); n = int(m.read_text()) if "
        f"m.exists() else 0; m.write_text(str(n + 1)); assert n >= 2"
    )
    odd(cell)
    assert odd.run("--retries", "1").exit_code == 3
    assert odd.entry()["attempts"] == 2
    mark.unlink()
    assert odd.run("--retries", "2").exit_code == 0
    assert odd.entry()["attempts"] == 3 and odd.entry()["status"] == "done"


def test_a_worker_that_is_killed_takes_no_report_along(odd, tmp_path):
    """The first report kills the process that runs it, once; it and the others are run all the
    same.
    """
    mark = tmp_path / "killed"
    cell = (
        f"import os, pathlib, psutil, signal; m = pathlib.Path({str(mark)!r})\n"
        "if not m.exists():\n    m.touch()\n"
        "    workers = [p for p in psutil.process_iter() if p.pid == "
        "int(os.environ['WORKBOOK_WORKER'])]\n    workers[0].kill()"
    )
    odd(cell)
    odd("print('quiet')", name="other")
    result = call(app, "run", str(odd.bank.path), "--report", "odd", "--report", "other")
    assert mark.exists() and result.exit_code == 0, told(result)
    assert "8 reports done, 0 failed" in told(result)


def test_a_report_that_always_kills_its_worker_is_given_up_and_the_others_are_done(odd):
    odd("import os, psutil; psutil.Process(int(os.environ['WORKBOOK_WORKER'])).kill()")
    odd("print('quiet')", name="other")
    result = call(
        app, "run", str(odd.bank.path), "--report", "odd", "--report", "other", "--branch", "B1"
    )
    assert result.exit_code == 3
    assert (
        "the process that ran it was lost 3 times" in odd.entry()["error"]
        and "was lost 3 times" in odd.page()
    )
    assert odd.entry("other")["status"] == "done"


def test_the_second_run_on_the_same_output_is_told_who_holds_it(odd):
    odd("print(1)")
    with held(odd.folder, "run"):
        result = odd.run()
        assert result.exit_code == 1
        assert "is in use by `workbook run` of" in told(
            result
        ) and f"process {os.getpid()}" in told(result)
    assert odd.run().exit_code == 0


def test_a_lock_ends_with_its_holder(tmp_path):
    script = (
        f"import sys, time, pathlib; from analysis.lock import held\nwith "
        f"held(pathlib.Path({str(tmp_path / 'x')!r}), 'run'):\n    print('mine', flush=True); "
        f"time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "mine\n"
    from analysis.errors import WorkbookError

    with pytest.raises(WorkbookError, match=f"process {holder.pid}"), held(tmp_path / "x", "run"):
        pass
    holder.kill()
    holder.wait()
    with held(tmp_path / "x", "run"):
        pass


def test_a_run_that_is_killed_outright_loses_no_finished_report(odd):
    """Not even SIGKILL, which leaves no time to write the manifest."""
    odd("print(1)")
    odd("import time; time.sleep(30)", name="slow")
    run = launched(odd, ["odd", "slow"], "--branch", "B1", start_new_session=True)
    until = time.time() + 60
    while time.time() < until and '"status": "done"' not in "".join(
        f.read_text() for f in odd.folder.glob("*.json*")
    ):
        time.sleep(0.05)
    assert time.time() < until
    children = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    for child in children:
        child.wait(timeout=40)
    result = odd.run()
    assert "1 were up to date" in told(result), told(result)


def test_the_run_tells_a_scheduler_in_json(odd):
    odd("print(1)")
    odd("raise ValueError('no')", name="bad")
    done = subprocess.run(
        [
            *WORKBOOK,
            "run",
            str(odd.bank.path),
            "--report",
            "segmentation",
            "--branch",
            "B1",
            "--branch",
            "SMALL",
            "--json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["event"] for e in events if e["event"] != "start"] == ["report", "report", "end"]
    assert {e["event"] for e in events[:2]} == {"start"}
    assert events[-1] == {
        "event": "end",
        "done": 2,
        "empty": 0,
        "failed": 0,
        "skipped": 0,
        "interrupted": False,
        "index": str(odd.folder / "index.html"),
    }
    assert all(
        {"branch", "report", "status", "seconds", "seconds_left", "over", "total"} <= e.keys()
        for e in events
        if e["event"] == "report"
    )


def test_sigterm_is_an_interruption(odd):
    command = [*WORKBOOK, "run", str(odd.bank.path), "--jobs", "1"]
    run = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.time() + 60
    while time.time() < until and not list(odd.folder.glob("*/*.html")):
        time.sleep(0.1)
    run.send_signal(signal.SIGTERM)
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 130 and "the same command goes on from here" in said
    assert not list(odd.folder.rglob(".*-*"))


def test_the_longest_report_of_the_last_run_begins_first(odd):
    from analysis.quarters import Quarter
    from analysis.runs.grid import plan_run
    from analysis.runs.request import Request

    odd("import time; time.sleep(1.5)")
    odd("print(1)", name="quick")
    words = ["--report", "quick", "--report", "odd"]
    assert call(app, "run", str(odd.bank.path), *words).exit_code == 0
    plan = plan_run(
        Request(odd.bank, Quarter.parse("2024Q2"), reports=("quick", "odd"), force=True)
    )
    assert [t.report for t in plan.tasks] == ["odd"] * 4 + ["quick"] * 4


@pytest.mark.slow
def test_a_cluster_of_two_workers_loses_no_report_when_one_is_killed(odd, tmp_path):
    distributed = pytest.importorskip("distributed")
    odd("import time; time.sleep(4)")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        lines = tmp_path / "lines"

        def told_so_far(event):
            return lines.read_text().count(f'"event": "{event}"')

        with lines.open("w") as out:
            run = launched(
                odd, ["odd"], "--cluster", cluster.scheduler_address, "--json", stdout=out
            )
            until = time.time() + 60
            while time.time() < until and told_so_far("start") < told_so_far("report") + 2:
                time.sleep(0.1)
            os.kill(cluster.workers[0].pid, signal.SIGKILL)  # both are busy now
            said = run.communicate(timeout=120)[1]
    assert run.returncode == 0, said
    events = [json.loads(line) for line in lines.read_text().splitlines()]
    assert events[-1]["done"] == 4 and events[-1]["failed"] == 0
    assert (
        len([e for e in events if e["event"] == "start"]) == 5
    )  # what the killed worker ran was begun again


def test_a_scheduler_that_is_not_there_is_named(odd):
    odd("print(1)")
    assert odd.run().exit_code == 0
    result = odd.run("--cluster", "tcp://127.0.0.1:1", "--force")
    assert odd.entry()["status"] == "done"  # what is there is not forgotten
    assert result.exit_code == 1 and "There is no Dask scheduler at tcp://127.0.0.1:1" in told(
        result
    )
