"""Whatever is killed, at whatever moment, the command ends with its status, and nothing is left."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest

from analysis import workers
from analysis.cli import app
from analysis.lock import remove_dead, workplace
from analysis.runs.manifest import Entry
from analysis.runs.pool import Pool
from analysis.runs.task import Task
from tests.conftest import ROOT
from tests.runs.command import call, launched, told

BIN = Path(sys.executable).parent
DEADLINE = 60  # seconds, of a machine that does other things too


def task(folder, name, number=0):
    parameters = {"params": "x.yml"}
    return Task(name, "x.ipynb", f"B{number}", "B", "2024Q4", "en", str(folder), parameters, {}, "")


def entry(task):
    return Entry(report=task.report, branch=task.branch, branch_name="B", status="done")


def loses_its_process_once(task):
    mark = Path(task.folder) / task.report
    (Path(task.folder) / f"{os.getpid()}.pid").touch()
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return entry(task)


def loses_its_server_once(task):
    mark = Path(task.folder) / "server"
    (Path(task.folder) / f"{os.getpid()}.pid").touch()
    if not mark.exists():
        mark.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(DEADLINE)
    return entry(task)


def still_there(folder):
    numbers = [int(path.stem) for path in folder.glob("*.pid")]
    return [n for n in numbers if workers.is_running(n)]


@pytest.mark.parametrize("run", [loses_its_process_once, loses_its_server_once])
def test_no_process_is_left_when_one_was_lost(tmp_path, run):
    """The exit of Python waits for every process that is left."""
    context = workers.worker_context("analysis.workers")
    tasks = [task(tmp_path, "lost", n) for n in range(4)]
    start = time.monotonic()
    with Pool(partial(ProcessPoolExecutor, 2, mp_context=context), run) as pool:
        entries = list(pool.results(tasks))
    assert {e.status for e in entries} == {"done"} and len(entries) == 4
    assert time.monotonic() - start < DEADLINE
    assert not still_there(tmp_path)


@pytest.mark.parametrize("which", ["worker", "forkserver", "parent", "kernel"])
def test_a_run_that_lost_a_process_ends_with_its_status(odd, tmp_path_factory, which):
    place = tmp_path_factory.mktemp("r")  # a parent of kernels of its own
    odd("import time; time.sleep(4)")
    odd("print('quiet')", name="other")
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(place)}
    run = launched(odd, ["odd", "other"], start_new_session=True, env=environment)
    victim = wait_for(partial(find, run.pid, str(place), which))
    os.kill(victim, signal.SIGKILL)
    said = run.communicate(timeout=90)[1]
    # the report whose kernel was lost failed, unless it had just ended
    assert run.returncode in ((0, 3) if which in ("kernel", "parent") else (0,)), said
    assert not [p for p in psutil.process_iter(["ppid"]) if p.info["ppid"] == run.pid]


def wait_for(what, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come within {seconds} seconds")


def find(run, place, which):
    """A process of a run that is at work; None before."""
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(run).children()
        parents = [p for p in psutil.process_iter(["cmdline"]) if of_kernels(p, place)]
        servers = [c for c in children if "forkserver" in " ".join(c.cmdline())]
        if parents and servers and (kernels := parents[0].children()):
            of = {"parent": parents, "forkserver": servers, "kernel": kernels}
            return (of.get(which) or servers[0].children())[0].pid
    return None


def of_kernels(process, place):
    words = process.info["cmdline"] or []
    return "analysis.runs.warm.parent" in words and any(place in word for word in words)


@pytest.mark.parametrize("command", ["prepare", "run"])
def test_what_a_killed_command_left_is_gone_after_the_next(ready_copy, only, command):
    params = str(ready_copy.path)
    run = subprocess.Popen([BIN / "workbook", command, params], start_new_session=True, cwd=ROOT)
    work = wait_for(lambda: list(ready_copy.data_folder.glob(".work-*")))
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert work[0].stat().st_mode & 0o777 == 0o700  # the names of customers may lie in it
    only("account_quarter")
    assert call(app, "prepare", params).exit_code == 0
    assert not [p for p in ready_copy.data_folder.rglob(".*") if p.name != ".demo.lock"]


def test_the_working_folder_of_a_live_process_stays(tmp_path):
    with workplace(tmp_path) as folder:
        remove_dead(tmp_path)
        assert folder.exists()
    assert not folder.exists()


@pytest.mark.parametrize("command", ["prepare", "verify", "sign"])
def test_sigterm_ends_a_command_with_its_workers(request, command):
    # what is replayed need not be large for a signal to find it at work
    bank = request.getfixturevalue("ready_copy" if command == "prepare" else "prepared_small")
    params, folder = bank.path, bank.output_folder / "2024Q2"
    words = ["prepare", params] if command == "prepare" else [command, folder]
    if command != "prepare":
        done = call(app, "run", str(params), "--report", "segmentation", "--report", "loyalty")
        assert done.exit_code == 0, told(done)
    words += ["--by", "R1"] if command == "sign" else []
    run = subprocess.Popen([BIN / "workbook", *words], cwd=ROOT, start_new_session=True)
    family = wait_for(lambda: psutil.Process(run.pid).children(recursive=True))
    time.sleep(1.5)
    family = psutil.Process(run.pid).children(recursive=True) if run.poll() is None else family
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=DEADLINE) == 130
    wait_for(lambda: not [p for p in family if workers.is_running(p.pid)], DEADLINE)


@pytest.fixture
def ready_copy(small):
    """A small bank that was not prepared yet, large enough for a signal to find it at work."""
    header, *rows = small.tables["transactions"]
    many = [f"{n}{row}" for n in range(60) for row in rows]
    small.tables["transactions"] = [header, *many]
    return small.bank()


def test_python_files_of_the_working_folder_are_not_executed(prepared_small, tmp_path):
    for name in (
        "papermill",
        "html5lib",
        "multiprocessing",
        "random",
        "analysis",
        "nbclient",
        "zmq",
    ):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    params = prepared_small.path
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [BIN / "workbook", "run", params, "--report", "segmentation", "--branch", "B1"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "home", ["missing", "a file", "squatted"], ids=lambda home: home.replace(" ", "_")
)
def test_without_a_home_reports_are_run_all_the_same(prepared_small, tmp_path, home):
    place = tmp_path / "home"
    if home == "a file":
        place.write_text("")
    if home == "squatted":
        place.mkdir()
        (place / ".local").write_text("")
    params = prepared_small.path
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("XDG", "JUPYTER", "MPL"))
    } | {"HOME": str(place / "deeper" if home == "missing" else place)}
    if home == "missing":
        place.write_text("")  # nothing can be made in it
    done = subprocess.run(
        [BIN / "workbook", "run", params, "--report", "segmentation", "--branch", "B1"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is used instead") == 1, done.stderr
    assert "Warning" not in done.stderr


def test_a_temporary_folder_whose_name_is_too_long_for_a_socket_does(small, tmp_path):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    done = subprocess.run(
        [BIN / "workbook", "prepare", small.bank().path, "--jobs", "2"],
        env=os.environ | {"TMPDIR": str(long)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    "cell",
    [
        "for _ in range(400):\n    print('x' * 500_000)",
        "from IPython.display import SVG, display\n"
        "head = '<svg xmlns=\"http://www.w3.org/2000/svg\"><!--'\n"
        "for n in range(9):\n    display(SVG(head + 'x' * 2_000_000 + '--></svg>'))",
    ],
    ids=["prints", "pictures"],
)
def test_output_beyond_what_a_page_can_hold_is_cut_with_a_notice(odd, cell):
    after = "from IPython.display import HTML\nHTML('<p>what was found</p>')"
    odd(cell, "print('printed after')" if "SVG" in cell else after)
    done = odd.run()
    assert done.exit_code == 0, told(done)
    page = odd.page()
    assert len(page) < 8_000_000 and "is cut off here" in page
    # what is printed takes nothing along that is shown, nor the other way round
    assert ("printed after" if "SVG" in cell else "<p>what was found</p>") in page
    assert len((odd.folder / "B1" / "odd.ipynb").read_bytes()) < 8_000_000


def test_nothing_printed_says_where_the_machine_keeps_its_files(odd):
    odd("import analysis, sys\nprint(analysis.__file__, file=sys.stderr)")
    assert odd.run().exit_code == 0
    assert "analysis/__init__.py" in odd.page() and str(ROOT) not in odd.page()
    assert str(ROOT) not in (odd.folder / "B1" / "odd.ipynb").read_text(encoding="utf-8")


def test_the_limit_of_time_holds_for_hearing_what_was_printed(odd):
    odd("for n in range(300_000):\n    print(n, flush=True)")
    start = time.monotonic()
    result = odd.run("--time-limit", "5")
    assert time.monotonic() - start < DEADLINE
    assert result.exit_code == 0 or "5 seconds allowed" in told(result)


def test_a_process_that_left_its_group_ends_with_its_report(odd, tmp_path):
    pid = tmp_path / "pid"
    inner = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(300)"
    odd(
        "import pathlib, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {inner!r}], start_new_session=True)\n"
        f"pid = pathlib.Path({str(pid)!r})\n"
        "while not pid.exists() or not pid.read_text():\n    time.sleep(0.05)"
    )
    run = launched(odd, ["odd"], "--branch", "B1")
    assert run.wait(timeout=60) == 0
    number = int(pid.read_text())
    wait_for(lambda: not workers.is_running(number), 10)


def test_what_is_delivered_names_no_folder_of_the_machine(odd):
    odd("raise FileNotFoundError(params)")
    assert odd.run().exit_code == 3
    for name in ("manifest.json", "B1/odd.ipynb", "B1/odd.html"):
        text = (odd.folder / name).read_text(encoding="utf-8")
        assert str(odd.bank.path.parent) not in text and str(ROOT) not in text, name
