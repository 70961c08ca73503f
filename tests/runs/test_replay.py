"""Only what changed is run again; and a reviewer can replay what was delivered."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from analysis.cli import app
from analysis.prepare import prepare
from analysis.steps import code
from tests.conftest import SmallBank
from tests.runs.command import call, told

#: Those that are delivered here: what holds of them holds of the others.
REPORTS = ("segmentation", "customer_changes", "loyalty", "risk_overview")
CHOSEN = [word for report in REPORTS for word in ("--report", report)]
MADE = 4 * 3 + 1  # the overview is of the whole bank only


def quarter_folder(bank):
    return bank.output_folder / "2024Q2"


def statuses(bank):
    """Why each report would run, by branch and report; empty where it is up to date."""
    from analysis.quarters import Quarter
    from analysis.runs.grid import plan_run, why_run
    from analysis.runs.manifest import Manifest
    from analysis.runs.request import Request
    from analysis.steps.readings import Fingerprints

    plan = plan_run(Request(bank, Quarter.parse("2024Q2"), reports=REPORTS, force=True))
    manifest, marks = Manifest(quarter_folder(bank)), Fingerprints(bank.data_folder)
    return {t.name: why_run(manifest, t, marks) for t in plan.tasks}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """The small bank with a second branch of customers, run once. It shows every group, however
    small, so that a changed row is seen on its pages.
    """
    small = SmallBank(tmp_path_factory.mktemp("replay") / "small")
    small.params["min_cell"] = 1
    small.tables["customers"] = [
        line.replace(",B1,", ",EMPTY,") if re.match(r"C[4-7]\d,", line) else line
        for line in small.tables["customers"]
    ]
    bank = small.bank()
    assert call(app, "run", str(bank.path), *CHOSEN).exit_code == 0
    return small, bank


def test_a_changed_row_runs_its_own_branch_and_the_whole_bank_again_and_no_other(delivered):
    """In a quarter that the models were not fitted on; one amount, so that no count on any page
    changes.
    """
    small, bank = delivered
    assert set(statuses(bank).values()) == {""}
    at = next(i for i, t in enumerate(small.tables["transactions"]) if ",A45,2024-05" in t)
    before = small.tables["transactions"][at]
    small.tables["transactions"][at] = re.sub(r",(\d+)\.50,", r",\g<1>.75,", before)
    small.bank()
    prepare(bank)
    why = statuses(bank)
    small.tables["transactions"][at] = before
    small.bank()
    prepare(bank)
    changed = {
        branch for (branch, report), text in why.items() if report == "segmentation" and text
    }
    assert changed == {"ALL", "EMPTY"}, why
    assert "mart customer_quarter" in why["EMPTY", "segmentation"]
    assert "model" not in why["EMPTY", "segmentation"]
    assert set(statuses(bank).values()) == {
        ""
    }  # and back again: the same rows are the same reports


def test_a_changed_module_runs_the_reports_that_import_it(monkeypatch):
    from analysis.runs.catalogue import REPORTS
    from analysis.storage import PACKAGE

    def fingerprints(changed=None):
        for cached in (code.imported_code, code._mark, code._imports_of):
            cached.cache_clear()
        if changed:
            monkeypatch.setattr(
                code,
                "bytes_fingerprint",
                lambda p: "changed" if p == PACKAGE / changed else real(p),
            )
        return {name: code.imported_code(r.notebook) for name, r in REPORTS.items()}

    real = code.bytes_fingerprint
    before = fingerprints()

    def changed_by(path):
        after = fingerprints(path)
        return {name for name in before if before[name] != after[name]}

    assert changed_by("loyalty/charts.py") == {"loyalty", "retention"}
    assert changed_by("segmentation/findings.py") == {
        "segmentation",
        "customer_changes",
        "retention",
        "cross_sell",
        "execution",
    }
    assert changed_by("segmentation/charts.py") == {"segmentation"}
    assert changed_by("report/table.py") == set(REPORTS)
    assert changed_by("report/template/page.css") == set(REPORTS)
    assert changed_by("runs/display.py") == changed_by("cli.py") == set()
    fingerprints()


def test_parameters_force_and_a_missing_page_run_again(delivered):
    _, bank = delivered
    words = ["run", str(bank.path), "--branch", "B1", "--report", "segmentation"]
    assert "1 were up to date" in told(call(app, *words))
    assert "1 reports done" in told(call(app, *words, "--set", "min_cell=12"))
    assert statuses(bank)["B1", "segmentation"] == "changed: parameters"
    assert "1 reports done" in told(call(app, *words))
    assert "1 reports done" in told(call(app, *words, "--force"))
    (quarter_folder(bank) / "B1" / "segmentation.html").unlink()
    assert statuses(bank)["B1", "segmentation"] == "segmentation.html is missing"
    assert "1 reports done" in told(call(app, *words))
    listed = quarter_folder(bank) / "B1" / "tables" / "segmentation" / "customers_by_group.csv"
    listed.write_bytes(listed.read_bytes()[:100])
    changed = "tables/segmentation/customers_by_group.csv was changed"
    assert statuses(bank)["B1", "segmentation"] == changed
    assert "1 reports done" in told(call(app, *words))


def test_an_unchanged_quarter_is_verified(delivered):
    _, bank = delivered
    result = call(app, "verify", str(quarter_folder(bank)))
    assert result.exit_code == 0, told(result)
    assert f"{MADE} reports replayed: {MADE} the same, 0 not." in told(result)


def verified(bank, *words):
    result = call(
        app,
        "verify",
        str(quarter_folder(bank)),
        "--branch",
        "B1",
        "--report",
        "segmentation",
        *words,
    )
    return result.exit_code, " ".join(told(result).split())


def test_an_edited_page_a_changed_parameter_and_a_changed_list_are_caught(delivered):
    _, bank = delivered
    folder = quarter_folder(bank) / "B1"
    for name, edit, found in (
        (
            "segmentation.html",
            lambda t: t.replace("</h1>", " </h1>"),
            "segmentation.html is not the file that was delivered",
        ),
        (
            "segmentation.ipynb",
            lambda t: t.replace('branch = \\"B1\\"', 'branch = \\"SMALL\\"'),
            "segmentation.ipynb is not the file that was delivered",
        ),
        (
            "tables/segmentation/customers_by_group.csv",
            lambda t: t.replace('"C1",', '"C2",'),
            "customers_by_group.csv is not the file that was delivered",
        ),
    ):
        path = folder / name
        before = path.read_bytes()
        text = edit(before.decode())
        assert text != before.decode(), name
        path.write_bytes(text.encode())
        status, said = verified(bank)
        path.write_bytes(before)
        assert status == 4 and found in said, said
    assert verified(bank)[0] == 0


@contextmanager
def delivered_as(bank, edit):
    """The notebook of B1's segmentation edited, and the manifest's checksum of it with it."""
    from analysis.runs.delivered import file_hashes

    folder, manifest = quarter_folder(bank), quarter_folder(bank) / "manifest.json"
    path = folder / "B1" / "segmentation.ipynb"
    before, content = path.read_bytes(), manifest.read_bytes()
    notebook = nbformat.read(path, 4)
    edit(notebook)
    path.write_text(nbformat.writes(notebook) + "\n")
    entries = json.loads(content)
    entry = next(
        r for r in entries["reports"] if (r["branch"], r["report"]) == ("B1", "segmentation")
    )
    entry["files"] = file_hashes(folder / "B1", "segmentation")
    manifest.write_text(json.dumps(entries))
    yield
    path.write_bytes(before)
    manifest.write_bytes(content)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("a cell", "its code is not that of 01_segmentation.ipynb; nothing was executed"),
        ("a line", "its code is not that of 01_segmentation.ipynb; nothing was executed"),
        ("the parameters", "stands among the notebook's parameters; nothing was executed"),
        ("a parameter", "stands among the notebook's parameters; nothing was executed"),
    ],
)
def test_code_added_to_a_delivered_notebook_is_not_executed(delivered, tmp_path, where, why):
    _, bank = delivered
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w').close()"

    def add(notebook):
        cells = [c for c in notebook.cells if c.cell_type == "code"]
        injected = next(c for c in cells if "injected-parameters" in c.metadata.get("tags", []))
        if where == "a cell":
            notebook.cells.append(nbformat.v4.new_code_cell(code))
        else:
            cell = cells[-1] if where == "a line" else injected
            line = f'branch = {code} or "B1"' if where == "a parameter" else code
            cell.source += f"\n{line}"

    with delivered_as(bank, add):
        status, said = verified(bank)
    assert status == 4 and why in said, said
    assert not ran.exists()


def test_a_parameter_that_is_not_the_manifests_is_named(delivered):
    _, bank = delivered

    def change(notebook):
        for cell in notebook.cells:
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.source = cell.source.replace('branch = "B1"', 'branch = "SMALL"')

    with delivered_as(bank, change):
        status, said = verified(bank)
    assert status == 4
    assert "the parameter branch is \"SMALL\" in the notebook and 'B1' in the manifest" in said


def test_a_changed_output_names_the_first_cell_that_differs(delivered):
    """As if the numbers had been polished, in the notebook and in the manifest's checksums."""
    _, bank = delivered
    changed = []

    def polish(notebook):
        code_cells = [c for c in notebook.cells if c.cell_type == "code"]
        at = max(
            i
            for i, c in enumerate(code_cells)
            if any("text/html" in o.get("data", {}) for o in c.outputs)
        )
        code_cells[at].outputs[0]["data"]["text/html"] += "<p>polished</p>"
        changed.append(f"code cell {at + 1}, in “")

    with delivered_as(bank, polish):
        status, said = verified(bank)
    assert status == 4 and changed[0] in said and "comes out differently" in said, said


def test_a_changed_data_row_is_caught_before_and_after_it_is_prepared(delivered):
    small, bank = delivered
    at = next(i for i, t in enumerate(small.tables["transactions"]) if ",A11,2024-05" in t)
    before = small.tables["transactions"][at]
    small.tables["transactions"][at] = re.sub(r",\d+\.50,", ",99999999.50,", before)
    small.bank()
    status, said = verified(bank)
    assert (
        status == 4
        and "the bank's table transactions changed since the reports' data was prepared" in said
    )
    result = call(app, "sign", str(quarter_folder(bank)), "--by", "R007")
    assert result.exit_code == 4 and f"{MADE} of {MADE} reports came out the same" in " ".join(
        told(result).split()
    )
    assert (
        "the bank's files"
        in json.loads((quarter_folder(bank) / "sign-off.json").read_text())["findings"]
    )
    (quarter_folder(bank) / "sign-off.json").unlink()
    assert "1 the same, 0 not" in said  # what was prepared is as it was
    prepare(bank)
    status, said = verified(bank)
    small.tables["transactions"][at] = before
    small.bank()
    prepare(bank)
    assert status == 4 and re.search(
        r"B1 segmentation: code cell \d+, in “.*” comes out differently", said
    ), said


def test_a_sign_off_says_who_when_and_what_was_found_and_a_later_change_voids_it(delivered):
    _, bank = delivered
    folder = quarter_folder(bank)
    result = call(
        app, "sign", str(folder), "--by", "R007 <b>Reviewer</b>", "--note", "third quarter in a row"
    )
    assert result.exit_code == 0, told(result)
    signed = json.loads((folder / "sign-off.json").read_text())
    assert (
        signed["by"] == "R007 <b>Reviewer</b>"
        and signed["replayed"] == MADE
        and signed["findings"] == {}
    )
    assert (
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", signed["at"])
        and "B1/segmentation.html" in signed["files"]
    )
    index = (folder / "index.html").read_text()
    assert (
        "Signed off by R007 &lt;b&gt;Reviewer&lt;/b&gt;" in index
        and f"{MADE} of {MADE}" in index
        and "is void" not in index
    )
    call(app, "run", str(bank.path), *CHOSEN)  # nothing to do: it stands
    assert "is void" not in (folder / "index.html").read_text()
    (folder / "sign-off.json").write_text(
        json.dumps({k: v for k, v in signed.items() if k != "same"})
    )  # as it was once
    assert call(app, "run", str(bank.path), *CHOSEN).exit_code == 0
    assert f"? of {MADE}" in (folder / "index.html").read_text()
    (folder / "sign-off.json").write_text(json.dumps(signed))
    page = folder / "B1" / "loyalty.html"
    kept = page.read_bytes()
    page.write_bytes(kept + b"\n")
    assert "It is void: B1/loyalty.html changed since." in " ".join(
        told(call(app, "status", str(folder))).split()
    )
    assert "This sign-off is void: B1/loyalty.html" in (folder / "index.html").read_text()
    page.write_bytes(kept)
    call(app, "run", str(bank.path), "--branch", "B1", "--report", "loyalty", "--force")
    assert "This sign-off is void: B1/loyalty.html" in (folder / "index.html").read_text()


def test_wrong_words_are_refused(delivered, tmp_path):
    _, bank = delivered
    folder = str(quarter_folder(bank))
    assert "The branch 'B9' does not exist" in told(call(app, "verify", folder, "--branch", "B9"))
    assert "The report 'loyalt' does not exist. Valid: loyalty" in told(
        call(app, "verify", folder, "--report", "loyalt")
    )
    assert "holds no manifest.json" in told(call(app, "verify", str(tmp_path)))
    assert "--by is empty" in told(call(app, "sign", folder, "--by", " "))


def test_nothing_heavy_is_imported_to_find_out_that_there_is_nothing_to_do(delivered):
    _, bank = delivered
    call(app, "run", str(bank.path), *CHOSEN)
    script = (
        "import atexit, sys; sys.argv = ['workbook', 'run', *sys.argv[1:]]; from "
        "analysis.cli import main\n"
        "heavy = ('papermill', 'nbconvert', 'sklearn', 'statsmodels', 'matplotlib')\n"
        "atexit.register(lambda: print([m for m in heavy if m in sys.modules]))\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(bank.path), *CHOSEN],
        capture_output=True,
        text=True,
        cwd=Path.cwd(),
    )
    assert (
        done.returncode == 0
        and done.stdout.splitlines()[-1] == "[]"
        and f"{MADE} were up to date" in done.stderr
    ), done.stderr
    assert len(done.stderr.splitlines()) == 2, done.stderr  # and no library has the last word


def test_imports_are_found_by_pattern_as_the_parser_finds_them():
    import ast

    from analysis.storage import PACKAGE

    for path in PACKAGE.rglob("*.py"):
        named = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                named |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
        assert {n for n in named if n.split(".")[0] == code.NAME} <= code._imports_of(path), path


def test_workers_do_not_spend_a_second_on_a_grammar_that_notebooks_do_not_need():
    script = (
        "import sys, analysis.runs.execute, analysis.runs.verify; "
        "print('rfc3987_syntax.syntax_helpers' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
        == "False\n"
    )
