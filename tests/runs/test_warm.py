"""Forked kernels: the same results as stock ones, and nothing that a fork breaks."""

import contextlib
import json
import logging
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import nbformat
import papermill
import psutil
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

from analysis.runs.warm import parent, place, provisioner
from tests.conftest import ROOT
from tests.test_project import NOTEBOOKS

pytestmark = pytest.mark.skipif(
    not provisioner.FORK_IS_SAFE, reason="kernels are forked on Linux only"
)


@contextlib.contextmanager
def kernel(name="workbook", **options):
    manager, client = start_new_kernel(kernel_name=name, **options)
    try:
        yield manager, lambda code: value(client, code)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def value(client, code):
    """What the code prints."""
    told = []

    def hear(message):
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            told.append(message["content"]["text"])
        assert message["msg_type"] != "error", message["content"]

    client.execute_interactive(code, output_hook=hear, timeout=60)
    return "".join(told).strip()


def gone(process, seconds=15):
    with contextlib.suppress(psutil.NoSuchProcess):
        return wait_until(
            lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, seconds
        )
    return True


def wait_until(condition, seconds=15):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def own_parent(tmp_path, monkeypatch):
    """A parent of this test's own, gone after three idle seconds."""
    folder = tmp_path / "r"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("WORKBOOK_WARM_IDLE", "3")
    if len(str(folder)) > place.LONGEST_SOCKET - 24:
        monkeypatch.setattr(place.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv(
        "TZ", f"UTC{os.getpid() % 7:+d}"
    )  # read at import, so part of the key: nobody else's parent
    return folder


def outputs(path, name):
    executed = papermill.execute_notebook(
        str(path),
        None,
        {"params": str(ROOT / "params" / "demo.yml")},
        kernel_name=name,
        progress_bar=False,
    )
    return [
        [{k: v for k, v in o.items() if k != "execution_count"} for o in c.get("outputs", [])]
        for c in executed.cells
    ]


@pytest.mark.parametrize("path", NOTEBOOKS[::3], ids=lambda p: p.stem)
def test_forked_and_stock_kernel_give_the_same_outputs_images_included(path, ready_demo):
    forked = outputs(path, "workbook")
    assert forked == outputs(path, "python3")
    assert any("image/svg+xml" in o.get("data", {}) for cell in forked for o in cell)


def test_a_plain_figure_is_shown_the_same(tmp_path):
    """Inline figures vanish in a fork whose pyplot was imported before the shell existed."""
    path = tmp_path / "figure.ipynb"
    code = [
        "import matplotlib.pyplot as plt",
        "plt.plot([1, 3, 2])",
        "fig, ax = plt.subplots(figsize=(2, 1))\nax.bar([1, 2], [2, 1])\nplt.show()",
    ]
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in code]), path
    )

    def shown(name):
        executed = papermill.execute_notebook(str(path), None, kernel_name=name, progress_bar=False)
        return [
            o["data"]["image/png"]
            for c in executed.cells
            for o in c.outputs
            if "image/png" in o.get("data", {})
        ]

    forked = shown("workbook")
    assert len(forked) == 2 and forked == shown("python3")


def test_random_numbers_are_not_inherited_and_those_of_a_report_are_its_own(ready_demo):
    draw = "import random, numpy as np; print(random.random(), np.random.rand())"
    opened = (
        f"from analysis.notebook import open_report; r = open_report({str(ready_demo)!r}, "
        f"'B001', '2024Q4')"
    )
    with kernel() as (_, first), kernel() as (_, second):
        assert first(draw) != second(draw)
        first(opened), second(opened)
        assert (again := first(draw)) == second(draw)
        second(opened.replace("B001", "B002"))
        assert second(draw) != again


def test_kernels_talk_over_private_sockets_only():
    with kernel() as (manager, ask):
        assert manager.transport == "ipc"
        folder = place.private_folder()
        assert str(manager.ip).startswith(str(folder)) and folder.stat().st_mode & 0o777 == 0o700
        process = psutil.Process(int(ask("import os; print(os.getpid())")))
        listening = [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert (
            len(listening) <= 1
        )  # ipykernel's debugger looks for a free port; the five channels of a kernel are not there


def test_a_kernel_works_in_the_folder_and_with_the_environment_of_its_asker(tmp_path, monkeypatch):
    monkeypatch.setenv("ONLY_MINE", "yes")
    (tmp_path / "beside.py").write_text("here = 1")
    with kernel(cwd=os.path.relpath(tmp_path)) as (_, ask):
        assert (
            ask("import os, beside; print(os.getcwd(), os.environ['ONLY_MINE'], beside.here)")
            == f"{tmp_path} yes 1"
        )
        assert (
            ask("import sys; print('ipykernel' in sys.argv[0], 'analysis.notebook' in sys.modules)")
            == "True True"
        )


def test_threads_of_the_libraries_are_pinned():
    with kernel() as (_, ask):
        assert set(
            json.loads(
                ask(
                    "import json, threadpoolctl; print(json.dumps([p['num_threads'] for p "
                    "in threadpoolctl.threadpool_info()]))"
                )
            )
        ) == {1}


def test_a_parent_with_threads_does_not_fork():
    """Called here, where a second thread runs: it must refuse before it forks."""
    stop = threading.Event()
    threading.Thread(target=stop.wait, daemon=True).start()
    asker, answerer = socket.socketpair()
    asker.sendall(json.dumps({"arguments": [], "env": {}, "cwd": "/"}).encode() + b"\n")
    assert (
        parent._fork_for(answerer, place.origin(os.environ), lambda: pytest.fail("it forked"))
        is None
    )
    stop.set()
    answer = json.loads(asker.recv(4096))
    assert "threads are running in the parent" in answer["refused"]


def test_the_parent_itself_has_one_thread(own_parent):
    with kernel() as (_, ask):
        assert psutil.Process(int(ask("import os; print(os.getppid())"))).num_threads() == 1


@pytest.mark.parametrize("unsafe", [True, False])
def test_where_forking_is_unsafe_a_stock_kernel_starts_and_it_is_said_once(
    monkeypatch, caplog, unsafe
):
    def refuses(*_):
        raise RuntimeError("threads are running in the parent")

    monkeypatch.setattr(provisioner, "FORK_IS_SAFE", False) if unsafe else monkeypatch.setattr(
        provisioner, "fork_kernel", refuses
    )
    monkeypatch.setattr(provisioner, "_said", set())
    caplog.set_level(logging.WARNING)
    said = []
    monkeypatch.setattr(
        provisioner.WarmProvisioner,
        "log",
        type("Log", (), {"__getattr__": lambda *_: lambda *a: said.append(a)})(),
        raising=False,
    )
    for _ in range(2):
        with kernel() as (manager, ask):
            assert ask("import sys; print('analysis.notebook' in sys.modules)") == "False"
            assert manager.transport == "ipc"
    assert len([a for a in said if "stock kernels" in str(a[0])]) == 1


def test_a_killed_kernel_is_reported_with_its_signal_and_takes_nothing_along():
    with kernel() as (manager, ask):
        mother = int(ask("import os; print(os.getppid())"))
        process = manager.provisioner.process
        os.kill(process.pid, signal.SIGSEGV)
        assert process.wait(timeout=10) == -signal.SIGSEGV
    with kernel() as (_, ask):
        assert int(ask("import os; print(os.getppid())")) == mother


def test_a_kernel_ends_with_its_asker():
    script = (
        "import time; from jupyter_client.manager import start_new_kernel as s; m, c = "
        "s(kernel_name='workbook'); print(m.provisioner.pid, m.ip, m.connection_file, "
        "flush=True); time.sleep(60)"
    )
    asker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid, address, connection_file = asker.stdout.readline().split()
    child, sockets = psutil.Process(int(pid)), pathlib.Path(address)
    assert list(sockets.parent.glob(f"{sockets.name}-*")) and pathlib.Path(connection_file).exists()
    asker.kill()
    asker.wait()
    assert gone(child)
    assert wait_until(
        lambda: (
            not list(sockets.parent.glob(f"{sockets.name}-*"))
            and not pathlib.Path(connection_file).exists()
        )
    )


def test_a_kernel_ends_with_its_parent_and_the_next_one_gets_a_new_parent(own_parent):
    with kernel() as (manager, ask):
        mother = psutil.Process(int(ask("import os; print(os.getppid())")))
        process, child = manager.provisioner.process, psutil.Process(manager.provisioner.pid)
        mother.kill()
        assert process.wait(timeout=10) == -signal.SIGKILL and gone(child)
    with kernel() as (_, ask):
        assert int(ask("import os; print(os.getppid())")) != mother.pid
        assert (
            len(list(place.private_folder().glob("*.sock"))) == 1
        )  # the dead one's address is forgotten


def test_the_parent_is_shared_and_ends_when_idle(own_parent):
    with kernel() as (_, first), kernel() as (_, second):
        mother = psutil.Process(int(first("import os; print(os.getppid())")))
        assert int(second("import os; print(os.getppid())")) == mother.pid
        time.sleep(4)
        assert mother.is_running()  # not while it has kernels
    assert gone(mother)
    assert not list(place.private_folder().glob("*.sock"))


def test_the_parent_does_not_outlive_a_change_of_the_code(own_parent, tmp_path):
    """A copy of the package, changed between two kernels: the second has the new code, and the
    first parent ends.
    """
    shutil.copytree(ROOT / "src" / "analysis", tmp_path / "src" / "analysis")
    script = (
        "from jupyter_client.manager import start_new_kernel as s; m, c = "
        "s(kernel_name='workbook'); import psutil\n"
        "p = psutil.Process(m.provisioner.pid).ppid(); told = []\n"
        "c.execute_interactive('import analysis.quarters as q; print(getattr(q, "
        "\"CHANGED\", 0))', output_hook=lambda m: told.append(m['content'].get('text', "
        "'')))\n"
        "m.shutdown_kernel(now=True); print(p, ''.join(told).strip())"
    )

    def asked():
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [int(n) for n in done.stdout.split()]

    mother, changed = asked()
    assert changed == 0
    first = psutil.Process(mother)
    with (tmp_path / "src" / "analysis" / "quarters.py").open("a") as file:
        file.write("CHANGED = 1\n")
    other, changed = asked()
    assert changed == 1 and other != mother
    assert gone(first)


def test_papermill_and_nbval_take_it_by_name(tmp_path):
    from importlib.metadata import version

    assert version("papermill")
    path, executed = tmp_path / "it.ipynb", tmp_path / "out.ipynb"
    cells = [nbformat.v4.new_code_cell("import sys\nprint('analysis.notebook' in sys.modules)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    subprocess.run(
        [sys.executable, "-m", "papermill", "-k", "workbook", "--no-progress-bar", path, executed],
        check=True,
        capture_output=True,
    )
    assert nbformat.read(executed, 4).cells[0].outputs[0]["text"] == "True\n"
    replay = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-kernel-name",
        "workbook",
        "-p",
        "no:cacheprovider",
        "-q",
        "-c",
        os.devnull,
        executed,
    ]
    done = subprocess.run(replay, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_jupyterlab_takes_it_by_name(tmp_path):
    """Through the server's own interface, as the browser does it."""
    websocket = pytest.importorskip("websocket")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
        "--IdentityProvider.token=t",
        f"--ServerApp.root_dir={tmp_path}",
    ]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    base = f"http://127.0.0.1:{port}/api"

    def call(where, content=None):
        body = json.dumps(content).encode() if content is not None else None
        request = urllib.request.Request(f"{base}/{where}?token=t", data=body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def up():
        with contextlib.suppress(OSError):
            return bool(call("status"))

    try:
        assert wait_until(up, 60)
        assert "workbook" in call("kernelspecs")["kernelspecs"]
        started = call("kernels", {"name": "workbook"})
        line = websocket.create_connection(
            f"ws://127.0.0.1:{port}/api/kernels/{started['id']}/channels?token=t", timeout=30
        )
        header = {
            "msg_id": "1",
            "username": "",
            "session": "s",
            "msg_type": "execute_request",
            "version": "5.3",
        }
        code = "import sys; print('analysis.notebook' in sys.modules)"
        line.send(
            json.dumps(
                {
                    "channel": "shell",
                    "header": header,
                    "parent_header": {},
                    "metadata": {},
                    "content": {"code": code, "silent": False},
                }
            )
        )
        while (message := json.loads(line.recv()))["msg_type"] != "stream":
            assert message["msg_type"] != "error"
        assert message["content"]["text"] == "True\n"
        line.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def test_a_kernel_that_is_restarted_answers_again():
    manager = KernelManager(kernel_name="workbook")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    first = value(client, "import os; x = 1; print(os.getpid())")
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    assert value(client, "import os; print(os.getpid(), 'x' in globals())") != first
    client.stop_channels()
    manager.shutdown_kernel(now=True)
