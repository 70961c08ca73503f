"""What holds the project together: pins, notebooks, and the README's commands."""

import os
import re
import shutil
import signal
import subprocess
import time
import tomllib
import urllib.request

import nbformat
import pytest
import yaml

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {
        normal(n): v
        for n, v in (line.split("==") for line in lines if line and not line.startswith("#"))
    }


def test_conda_and_pip_users_get_the_same_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *[d for extra in project["optional-dependencies"].values() for d in extra],
    ]
    names = {normal(re.split(r"[<>=\[ ]", d)[0]) for d in wanted}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    conda = [
        d
        for d in environment["dependencies"]
        if isinstance(d, str) and not d.startswith(("python=", "pip"))
    ]
    given = {
        normal(n): v
        for n, v in (re.split(r"==?", d) for d in [*conda, *[p for p in pip if "==" in p]])
    }
    assert given == {n: pins()[n] for n in names}
    assert not re.search(r"https?://|index-url", (ROOT / "constraints.txt").read_text())


def test_what_is_installed_is_what_is_pinned():
    from importlib.metadata import version

    for name in (
        "pandas",
        "numpy",
        "duckdb",
        "ibis-framework",
        "sqlglot",
        "statsmodels",
        "papermill",
        "nbval",
    ):
        assert version(name) == pins()[name], f"{name}: run make demo again"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_a_story_without_definitions(path):
    notebook = nbformat.read(path, 4)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert [i for i, c in enumerate(code) if "parameters" in c.metadata.get("tags", [])] == [0]
    assert not [
        c.source for c in code if re.search(r"^\s*(def|class|lambda)\b", c.source, re.MULTILINE)
    ]
    assert not [
        c.source for c in code[2:] if re.search(r"^(import|from)\b", c.source, re.MULTILINE)
    ]
    assert not [c.source for c in code if c.source.rstrip().endswith(";")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_says_whose_tables_it_reads(path):
    """The report is made again when one of these changed, and only then."""
    notebook = nbformat.read(path, 4)
    source = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    opened = re.findall(r"open_report\((.*?)\)", source, re.DOTALL)
    assert len(opened) == 1
    assert re.search(r"\btables$|\[\w+Tables\]$", opened[0])


def readme_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [
        line.split("  #")[0].strip()
        for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    return [line for line in dict.fromkeys(lines) if line.startswith(("make", "workbook"))]


def test_the_readme_shows_two_commands_for_all_the_set_up():
    assert readme_commands()[:2] == ["make demo", "make test"]


@pytest.mark.parametrize(
    "command", [c for c in readme_commands() if c not in ("make test", "make lab")]
)
def test_a_command_of_the_readme_works(command, ready_demo, request):
    if "berka" in command and not (ROOT / "data" / "berka").exists():
        prepared, _ = request.getfixturevalue("berka")
        shutil.copytree(prepared.data_folder, ROOT / "data" / "berka")
    if published := re.search(r" --to (\S+)", command):
        shutil.rmtree(ROOT / published[1], ignore_errors=True)  # of a test run before
    environment = os.environ | {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )
    if published:
        shutil.rmtree(ROOT / published[1], ignore_errors=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_lab_opens_the_notebooks():
    assert "make lab" in readme_commands()
    environment = os.environ | {"JUPYTER_PORT": "18788", "JUPYTER_TOKEN": "t"}
    arguments = ["make", "lab", "LAB=--no-browser --allow-root --ServerApp.port=18788"]
    server = subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                with urllib.request.urlopen(
                    "http://127.0.0.1:18788/api/contents?token=t", timeout=2
                ) as answer:
                    listing = answer.read().decode()
                break
            except OSError:
                continue
        else:
            pytest.fail("JupyterLab did not answer within a minute.")
        assert all(path.name in listing for path in NOTEBOOKS)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_a_partition_loads_with_a_summary(ready_demo):
    import analysis
    from analysis.errors import ParametersError

    bank = analysis.load(str(ready_demo))
    assert bank._ipython_key_completions_()[:2] == ["ALL", "B001"] and "2024Q4" in bank.quarters
    partition = bank["B001"]
    assert ".customers" in partition._repr_html_() and "balance_end" in partition._repr_html_()
    assert {"customers", "alerts", "index_scores"} <= set(dir(partition))
    assert str(bank["B001", "2024Q3"].quarter) == "2024Q3"
    with pytest.raises(ParametersError, match=r"'B01' does not exist\. Valid: B001"):
        bank["B01"]


def test_a_bank_is_found_by_name_from_any_folder(tmp_path, monkeypatch):
    import analysis
    from analysis.errors import ParametersError

    (tmp_path / "params").mkdir()
    content = (ROOT / "params" / "demo.yml").read_text(encoding="utf-8")
    (tmp_path / "params" / "own.yml").write_text(content, encoding="utf-8")
    (deep := tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert analysis.load("own").bank.path == tmp_path / "params" / "own.yml"
    assert analysis.load().bank.path == ROOT / "params" / "demo.yml"
    with pytest.raises(ParametersError, match=r"The bank 'dem' does not exist\. Valid: demo"):
        analysis.load("dem")
