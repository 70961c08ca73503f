"""CONTRIBUTING's recipes work as they are written, in a clone of their own."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from analysis.sources.params import read_params
from tests.conftest import ROOT, demo_data

RECIPES = ("A new report", "A new step", "A new method of grouping customers", "A new signal")
BLOCK = re.compile(
    r"In `(?P<path>[^`]+)`, (?P<where>at the end|(?:above|below) the line `(?P<line>[^\n]+?)`):\n\n"
    r"```python\n(?P<code>.*?)```|```bash\n(?P<commands>.*?)```",
    re.DOTALL,
)
COMMANDS = {
    "workbook": [sys.executable, "-c", "from analysis.cli import main; main()"],
    "python": [sys.executable],
}


@dataclass
class Clone:
    """A copy of what is in the repository, with a small demo bank."""

    root: Path

    def follow(self, recipe):
        """Do what a recipe says; what its last command said."""
        text = (self.root / "CONTRIBUTING.md").read_text(encoding="utf-8")
        section = text.split(f"\n## {recipe}\n", 1)[1].split("\n## ", 1)[0]
        said = ""
        for block in BLOCK.finditer(section):
            if block["commands"]:
                for line in block["commands"].splitlines():
                    said = self.run(line)
            else:
                self.write(block["path"], block["where"], block["line"], block["code"])
        return said

    def write(self, path, where, line, code):
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        if where == "at the end":
            text = f"{text}\n\n{code}" if path.startswith("src") else f"{text}{code}"
        else:
            assert text.count(f"{line}\n") == 1, f"{path}: {line}"
            changed = f"{code}{line}\n" if where.startswith("above") else f"{line}\n{code}"
            text = text.replace(f"{line}\n", changed)
        file.write_text(text, encoding="utf-8")

    def run(self, line):
        program, *arguments = shlex.split(line)
        done = subprocess.run(
            [*COMMANDS[program], *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": str(self.root / "src")},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def changed(self):
        """The files that are not as they were committed, and those that are new."""
        done = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=all"],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [line for line in done.stdout.splitlines() if not line.endswith("demo.yml")]
        return {line[3:]: line[:2].strip() for line in lines}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, prepared_once):
    """The repository's files, committed, with the tests' demo bank, prepared."""
    root = tmp_path_factory.mktemp("recipes") / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "as it is"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    params = root / "params" / "demo.yml"
    content = yaml.safe_load(params.read_text(encoding="utf-8"))
    content["source"]["demo"] = {"customers": 1500, "seed": 3}
    params.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    bank = read_params(params)
    data = demo_data(prepared_once)
    shutil.copytree(data, bank.data_folder)
    shutil.copytree(data.parent / "source", bank.place(bank.source.folder), dirs_exist_ok=True)
    Clone(root).run("workbook prepare params/demo.yml")
    return Clone(root)


@pytest.fixture
def clone(prepared):
    """The prepared clone, its files put back afterwards."""
    params = prepared.root / "params" / "demo.yml"
    content = params.read_bytes()
    yield prepared
    for command in (["checkout", "-q", "."], ["clean", "-qfd", "src", "tests", "notebooks"]):
        subprocess.run(["git", *command], cwd=prepared.root, check=True)
    params.write_bytes(content)


def test_every_recipe_with_code_is_followed_here():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    sections = re.findall(r"\n## (.+?)\n(.*?)(?=\n## |\Z)", text, re.DOTALL)
    assert tuple(title for title, body in sections if "```" in body) == RECIPES


@pytest.mark.slow
def test_a_new_report_runs_at_once_and_changes_two_files(clone):
    assert "passed" in clone.follow("A new report")
    page = clone.root / "outputs" / "demo" / "2024Q4" / "B001" / "branch_visits.html"
    assert "Customers by type" in page.read_text(encoding="utf-8")
    changed = clone.changed()
    assert {name for name, how in changed.items() if how == "M"} == {
        "src/analysis/segmentation/words.py",
        "src/analysis/runs/catalogue.py",
    }
    assert {name for name, how in changed.items() if how == "??"} == {
        "notebooks/15_branch_visits.ipynb",
        "src/analysis/segmentation/branch_visits.py",
        "tests/segmentation/test_branch_visits.py",
    }


@pytest.mark.slow
def test_a_new_step_is_done_and_documented(clone):
    clone.follow("A new step")
    files = (clone.root / "data" / "demo" / "marts" / "large_balance").glob("*/*/*.parquet")
    assert len({file.parts[-3] for file in files}) == 8  # every quarter
    assert "`large_balance`" in (clone.root / "docs" / "steps.md").read_text(encoding="utf-8")
    assert set(clone.changed()) == {
        "src/analysis/segmentation/steps.py",
        "docs/steps.md",
        "docs/steps.svg",
    }


@pytest.mark.slow
def test_a_new_method_is_compared_with_the_others(clone):
    clone.follow("A new method of grouping customers")
    model = (clone.root / "data" / "demo" / "models" / "segmentation.json").read_text()
    assert '"method": "ward"' in model
    assert set(clone.changed()) == {"src/analysis/segmentation/methods.py"}


@pytest.mark.slow
def test_a_new_signal_is_one_function_one_entry_and_one_test(clone):
    assert "passed" in clone.follow("A new signal")
    assert set(clone.changed()) == {
        "src/analysis/risk/card_cashout.py",
        "tests/risk/test_card_cashout.py",
    }
