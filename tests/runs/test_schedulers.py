"""The scheduler files of docs/schedulers, as far as they can be tried without the schedulers
running.
"""

import ast
import re
import subprocess
import types

import pytest

from tests.conftest import ROOT, program

FOLDER = ROOT / "docs" / "schedulers"


def options_of(command):
    """Long options of a `workbook` command, from its help."""
    import typer.main

    from analysis.cli import app

    found = typer.main.get_command(app).commands[command]
    return {o for p in found.params for o in p.opts}


def commands_in(text):
    return re.findall(r"\.venv/bin/workbook (\w+) ([^\n\"'>]*)", text)


@pytest.mark.parametrize("name", ["crontab", "workbook.service", "workbook_dag.py"])
def test_the_commands_in_the_files_exist(name):
    found = commands_in((FOLDER / name).read_text())
    assert found
    for command, words in found:
        assert set(re.findall(r"--[\w-]+", words)) <= options_of(command), words


def test_systemd_takes_the_units(tmp_path):
    """With the path of a command that is there: systemd looks for it."""
    analyze = program("systemd-analyze", "It comes with systemd.")
    for name in ("workbook.service", "workbook.timer"):
        text = (
            (FOLDER / name)
            .read_text()
            .replace("/srv/workbook/.venv/bin/workbook", "/bin/true")
            .replace("/srv/workbook", "/tmp")
        )
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", tmp_path / "workbook.service", tmp_path / "workbook.timer"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "workbook" not in done.stderr, done.stderr
    when = re.search(r"OnCalendar=(.*)", (FOLDER / "workbook.timer").read_text())[1]
    assert subprocess.run([analyze, "calendar", when], capture_output=True).returncode == 0


def test_cron_would_read_the_line():
    lines = [
        x
        for x in (FOLDER / "crontab").read_text().splitlines()
        if x and not x.startswith(("#", "MAILTO"))
    ]
    assert len(lines) == 1
    fields = lines[0].split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*,/-]+", f) for f in fields[:5]) and fields[5].startswith("cd ")
    assert "%" not in fields[5]  # cron would end the line there


def test_the_dag_runs_then_replays():
    """With Airflow where it is installed; else its few names are stood in for, and what the file
    does with them is looked at.
    """
    source = (FOLDER / "workbook_dag.py").read_text()
    try:
        import airflow  # noqa: F401
    except ImportError:
        tree = ast.parse(source)
        imports = [
            n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module.startswith("airflow")
        ]
        assert {a.name for n in imports for a in n.names} == {"BashOperator", "DAG"}
        made, order = [], []

        class Operator:
            def __init__(self, **options):
                made.append(options)

            def __rshift__(self, after):
                order.append((self, after))

        class Dag:
            def __init__(self, **options):
                made.append(options)

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

        body = [n for n in tree.body if n not in imports]
        scope = {"BashOperator": Operator, "DAG": Dag}
        exec(compile(ast.Module(body, []), "dag", "exec"), scope)
        assert [m.get("task_id") for m in made] == [None, "run", "verify"] and len(order) == 1
        return
    scope = types.SimpleNamespace().__dict__
    exec(compile(source, "dag", "exec"), scope)
    dag = scope["dag"]
    assert dag.get_task("run").downstream_task_ids == {"verify"}
