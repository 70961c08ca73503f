"""What `workbook status` says of the next run, and two commands that prepare at once."""

import subprocess
import sys

import yaml

from analysis.cli import app
from tests.conftest import ROOT
from tests.runs.command import call, told

PREPARE = [sys.executable, "-c", "from analysis.cli import main; main()", "prepare"]


def test_status_names_the_steps_and_reports_the_next_run_would_do_again_and_why(small):
    bank = small.bank()
    run = ["run", str(bank.path), "--branch", "B1", "--report", "segmentation"]
    assert call(app, *run).exit_code == 0
    folder = str(bank.output_folder / "2024Q2")
    before = call(app, "status", folder)
    assert before.exit_code == 0 and "Steps that would be done again" not in told(before)
    content = yaml.safe_load(bank.path.read_text(encoding="utf-8"))
    event = {"name": "wakes", "title": "Wakes up", "rule": "active", "expect": "churn"}
    content["events"] = [event]
    bank.path.write_text(yaml.safe_dump(content), encoding="utf-8")
    after = " ".join(told(call(app, "status", folder)).split())
    assert "Steps that would be done again" in after and "customer_event" in after
    assert "settings" in after and "follows customer_event of 2024Q1" in after
    assert "account_quarter" not in after  # nothing it reads changed


def test_two_commands_may_prepare_at_once(small):
    """The second waits, and finds all of it done."""
    bank = small.bank()
    both = [
        subprocess.Popen(
            [*PREPARE, str(bank.path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [b"".join(process.communicate(timeout=300)).decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("0 steps" in text or "up to date" in text for text in said) >= 1, said
