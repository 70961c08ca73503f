"""The run as its users meet it: refused before it starts, resumed, and never taken down by one
report.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from analysis.cli import app
from analysis.report.stylesheet import script
from analysis.risk.kinds import KINDS
from analysis.runs import catalogue, pool
from tests.conftest import ROOT
from tests.runs.command import MADE, call, report_elsewhere, told

WORKBOOK = [sys.executable, "-c", "from analysis.cli import main; main()"]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """The small bank with hostile names, one empty branch and one of three customers, run once."""
    from tests.conftest import SmallBank

    small = SmallBank(tmp_path_factory.mktemp("run") / "small")
    small.tables["branches"][1] = "B1,<script>alert(1)</script>,East"
    small.tables["branches"][3] = "SMALL,=HYPERLINK(1),West"
    small.tables["customers"] = [
        line.replace("Name 80", "<script>alert(2)</script>").replace("Name 81", "=1+1")
        for line in small.tables["customers"]
    ]
    bank = small.bank()
    result = call(app, "run", str(bank.path))
    return small, bank, result


#: Reports of which the small bank delivers nothing.
WITHOUT_DATA = {
    "loyalty",
    "risk_mortgage",
    "risk_card_cashout",
    "risk_acceptance",
    "cross_sell",
    "campaigns",
    "execution",
    "identification",
}


def page(bank, branch, report):
    return (bank.output_folder / "2024Q2" / branch / f"{report}.html").read_text(encoding="utf-8")


def test_every_branch_gets_its_reports_the_empty_and_the_small_one_too(small_run):
    _, bank, result = small_run
    assert result.exit_code == 0, told(result)
    manifest = json.loads((bank.output_folder / "2024Q2" / "manifest.json").read_text())
    assert [(r["branch"], r["report"], r["status"]) for r in manifest["reports"]] == [
        (b, name, "empty" if name in WITHOUT_DATA else "done")
        for b in ("ALL", "B1", "EMPTY", "SMALL")
        for name, report in catalogue.REPORTS.items()
        if b == "ALL" or not report.whole_bank_only
    ]
    assert len(manifest["reports"]) == MADE
    assert not list((bank.output_folder / "2024Q2").rglob(".*"))  # nothing half-written is left


def test_names_from_the_data_are_never_executed(small_run):
    _, bank, _ = small_run
    for file in bank.output_folder.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        text = text.replace(f"<script>{script()}</script>", "")  # the workbook's own
        assert "<script" not in text, file
    assert "&lt;script&gt;" in (bank.output_folder / "2024Q2" / "index.html").read_text(
        encoding="utf-8"
    )


def test_a_branch_of_three_customers_shows_nothing_that_identifies_one(small_run):
    _, bank, _ = small_run
    shown = page(bank, "SMALL", "segmentation")
    body = shown[shown.index("<header>") : shown.index("<footer>")]
    assert "fewer than 10 customers" in body
    for secret in ("C80", "C81", "C82", "A80", "3 customers", "100.0%"):
        assert secret not in body.replace("95 %", ""), secret
    first_table = body[body.index("Customers per group") :].split("</table>")[0]
    figures = re.findall(r'<td class="right">([^<]*)</td>', first_table)
    assert len(figures) >= 5 and set(figures) == {"–"}


def test_manifest_and_page_foot_say_where_it_comes_from(small_run):
    _, bank, _ = small_run
    entry = json.loads((bank.output_folder / "2024Q2" / "manifest.json").read_text())["reports"][0]
    assert {
        "made_of",
        "readings",
        "parameters",
        "versions",
        "files",
        "started",
        "seconds",
        "page_bytes",
    } <= entry.keys()
    foot = page(bank, "ALL", "segmentation").split("<footer>")[1]
    assert all(
        text in foot
        for text in (
            *entry["made_of"].values(),
            "branch=ALL",
            f"pandas {entry['versions']['pandas']}",
            entry["started"],
        )
    )


def test_a_second_run_has_nothing_to_do_and_a_changed_row_runs_again(small_run):
    small, bank, _ = small_run
    assert f"{MADE} were up to date" in call(app, "run", str(bank.path)).output
    status = call(app, "status", str(bank.output_folder / "2024Q2"))
    assert status.exit_code == 0 and "changed" not in status.output
    small.tables["transactions"].append("T99999,A1,2024-06-01,1,mobile,transfer")
    small.bank()
    call(app, "prepare", str(bank.path))
    assert "changed: contract" in " ".join(
        call(app, "status", str(bank.output_folder / "2024Q2")).output.split()
    )


def test_the_same_data_gives_the_same_notebook(small_run):
    _, bank, _ = small_run
    folder = bank.output_folder / "2024Q2" / "B1"
    call(app, "run", str(bank.path), "--branch", "B1", "--force")
    first = {f.name: f.read_bytes() for f in folder.glob("*.ipynb")}
    call(app, "run", str(bank.path), "--branch", "B1", "--force")
    assert {f.name: f.read_bytes() for f in folder.glob("*.ipynb")} == first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--branch", "B2"], r"branch 'B2' does not exist. Valid: B1"),
        (["--quarter", "2023Q4"], r"quarter '2023Q4' does not exist. Valid: 2024Q"),
        (["--quarter", "last"], r"'last' is not a quarter"),
        (
            ["--branch", "B1", "--report", "risk_overview"],
            r"risk_overview is made for the whole bank only",
        ),
        (["--report", "segments"], r"report 'segments' does not exist. Valid: segmentation"),
        (["--set", "min_cel=20"], r"parameter 'min_cel' does not exist. Valid: min_cell"),
        (
            ["--set", "min_cell=many"],
            r"min_cell: Input should be a valid integer.* \(given: 'many'\)",
        ),
        (["--set", "min_cell"], r"not of the form name=value"),
        (["--language", "fr"], r"language 'fr' does not exist. Valid: "),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_runs(small_run, monkeypatch, words, message):
    _, bank, _ = small_run
    monkeypatch.setattr(pool.Pool, "results", lambda self, tasks: pytest.fail("it ran"))
    result = call(app, "run", str(bank.path), "--jobs", "1", "--force", *words)
    assert result.exit_code == 1
    assert re.search(message, told(result)), told(result)


def test_a_wrong_branch_of_a_bank_never_prepared_is_refused_before_it_is_prepared(small):
    bank = small.bank()
    result = call(app, "run", str(bank.path), "--branch", "B1", "--report", "risk_overview")
    assert result.exit_code == 1 and "made for the whole bank only" in told(result)
    assert not bank.data_folder.exists()
    result = call(app, "run", str(bank.path), "--branch", "B2")
    assert result.exit_code == 1 and "The branch 'B2' does not exist. Valid: B1, " in told(result)
    assert not (bank.data_folder / "marts").exists() and not bank.output_folder.exists()


def test_a_failing_report_leaves_the_others_and_its_own_partial_page(
    small_run, tmp_path, monkeypatch
):
    import nbformat

    _, bank, _ = small_run
    broken = nbformat.read(catalogue.REPORTS["loyalty"].notebook, 4)
    broken.cells.insert(
        6, nbformat.v4.new_code_cell("raise ValueError('the <b>planted</b> fault')")
    )
    nbformat.write(broken, tmp_path / "03_loyalty.ipynb")
    monkeypatch.setitem(
        catalogue.REPORTS, "loyalty", report_elsewhere(tmp_path / "03_loyalty.ipynb")
    )
    result = call(app, "run", str(bank.path), "--branch", "B1", "--force")
    assert result.exit_code == 3
    assert "ValueError: the <b>planted</b> fault" in told(result)
    partial = page(bank, "B1", "loyalty")
    assert "This report stopped before its end" in partial and "&lt;b&gt;planted" in partial
    assert "customers with an open account" in partial  # what it reached
    entries = {
        r["report"]: r["status"]
        for r in json.loads((bank.output_folder / "2024Q2" / "manifest.json").read_text())[
            "reports"
        ]
        if r["branch"] == "B1"
    }
    assert entries == {
        "segmentation": "done",
        "customer_changes": "done",
        "loyalty": "failed",
        "retention": "done",
        **{kind: "empty" if kind in WITHOUT_DATA else "done" for kind in KINDS},
        "cross_sell": "empty",
        "execution": "empty",
        "identification": "empty",
        "data_health": "done",
    }


def test_an_output_folder_that_cannot_be_written_is_named(small):
    bank = small.bank()
    (small.folder / "outputs").write_text("a file where the folder should be")
    result = call(app, "run", str(bank.path))
    assert result.exit_code == 1
    assert f"outputs has to name a folder; {small.folder / 'outputs'} is a file" in told(result)


def test_interrupted_and_started_again_it_goes_on(small):
    bank = small.bank()
    call(app, "prepare", str(bank.path))
    process = subprocess.Popen(
        [*WORKBOOK, "run", str(bank.path), "--jobs", "1"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    folder = bank.output_folder / "2024Q2"
    until = time.time() + 120
    while time.time() < until and len(list(folder.glob("*/*.html"))) < 2:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "the same command goes on from here" in said
    done = [
        r
        for r in json.loads((folder / "manifest.json").read_text())["reports"]
        if r["status"] in ("done", "empty")
    ]
    assert 1 <= len(done) < 12
    assert not [
        f
        for f in folder.rglob("*")
        if f.name.endswith(".html") and "</html>" not in f.read_text(encoding="utf-8")
    ]
    again = call(app, "run", str(bank.path))
    assert again.exit_code == 0
    counts = re.search(
        r"(\d+) reports done, (\d+) empty, 0 failed, (\d+) were up to date", again.output
    )
    assert counts and int(counts[1]) + int(counts[2]) == MADE - len(done)
    assert int(counts[3]) == len(done)


def test_interrupted_while_preparing_it_says_so_and_leaves_no_half_file(small, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    bank = small.bank()
    with monkeypatch.context() as patched:
        patched.setattr("analysis.prepare.bring_up_to_date", interrupted)
        result = call(app, "prepare", str(bank.path))
    assert result.exit_code == 130
    assert "the same command goes on from here" in result.output
    assert not list(bank.data_folder.rglob(".*"))
    assert call(app, "prepare", str(bank.path)).exit_code == 0


def test_check_says_what_is_missing_and_what_would_be_set_aside(small):
    small.tables["transactions"].append("T99999,nobody,2024-06-01,1,mobile,transfer")
    result = call(app, "check", str(small.bank().path))
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert "transactions.csv line" in text and "account_id.reference" in text
    assert "loyalty: will be empty, for the bank does not deliver survey_scores, surveys." in text
    assert "segmentation: has all it needs" in text
    assert not (small.folder / "data" / "contract" / "customers.parquet").exists()


def test_check_fails_where_too_much_would_be_set_aside(small):
    small.params["quarantine_limit"] = 0.01
    small.tables["customers"] = [
        line.replace("personal", "person") for line in small.tables["customers"]
    ]
    result = call(app, "check", str(small.bank().path))
    assert result.exit_code == 1


def test_a_branch_of_the_params_file_that_does_not_exist_is_refused_before_anything_runs(
    small_run, tmp_path
):
    from tests.conftest import SmallBank

    small = SmallBank(tmp_path / "small")
    small.params["retention"] = {"capacities": {"B7": 3}}
    bank = small.bank()
    result = call(app, "run", str(bank.path))
    assert result.exit_code == 1
    assert "retention.capacities: The branch 'B7' does not exist. Valid: B1, EMPTY, SMALL" in told(
        result
    )
    assert not bank.output_folder.exists()


def test_who_counts_as_leaving_and_what_behaviour_is_are_refused_with_the_valid_columns(tmp_path):
    from tests.conftest import SmallBank

    for number, (settings, message) in enumerate(
        [
            (
                {"retention": {"left": "not activ"}},
                "retention.left: The column 'activ' does not exist. Valid: active",
            ),
            (
                {"loyalty": {"behaviour": ["product_held"]}},
                "The column 'product_held' does not exist. Valid: products_held",
            ),
            ({"retention": {"save_rate": 3}}, "retention.save_rate"),
        ]
    ):
        small = SmallBank(tmp_path / str(number))
        small.params.update(settings)
        (small.folder).mkdir(exist_ok=True)
        try:
            result = call(app, "run", str(small.bank().path))
        except Exception as error:
            assert message in str(error)
        else:
            assert result.exit_code == 1 and message in told(result), told(result)
