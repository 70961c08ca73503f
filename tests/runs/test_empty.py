"""A report without its data says so: no zero stands for what was never looked at."""

import json

import pytest

from analysis.cli import app
from analysis.runs.briefs import brief_of_entry
from analysis.runs.manifest import Manifest
from tests.conftest import SmallBank
from tests.runs.command import call, told

ASKED = ("risk_acceptance", "risk_card_cashout", "risk_fundraising", "loyalty", "retention")


@pytest.fixture(scope="module")
def bank_without(tmp_path_factory):
    """A bank that delivers no bills and no surveys, of whose cards none can be accepted."""
    small = SmallBank(tmp_path_factory.mktemp("empty") / "small")
    small.params["quarantine_limit"] = 1.0
    small.tables["cards"] = ["card_id,account_id,customer_id,kind", "K1,A1,C999,credit"]
    small.tables["merchants"] = ["merchant_id", "M1"]
    small.tables["products"] = ["product_id,name,kind", "P1,Account,current_account"]
    bank = small.bank()
    words = [w for name in (*ASKED, "risk_overview") for w in ("--report", name)]
    branches = ["--branch", "B1", "--branch", "ALL"]
    result = call(app, "run", str(bank.path), "--json", *words, *branches)
    assert result.exit_code == 0, told(result)
    return bank, result


def entry(bank, report, branch="B1"):
    return Manifest(bank.output_folder / "2024Q2").get((branch, report))


@pytest.mark.parametrize(
    ("report", "why"),
    [
        ("risk_acceptance", "Not examined: the bank does not deliver bills."),
        ("risk_card_cashout", "Not examined: no row of cards could be accepted."),
        ("loyalty", "Not examined: the bank does not deliver survey_scores, surveys."),
    ],
)
def test_a_report_without_its_data_is_empty_everywhere_it_is_told_of(bank_without, report, why):
    bank, _ = bank_without
    of_branch = entry(bank, report)
    assert (of_branch.status, of_branch.nothing) == ("empty", why)
    assert brief_of_entry(bank.output_folder / "2024Q2", of_branch) is None
    folder = bank.output_folder / "2024Q2"
    page = (folder / "B1" / f"{report}.html").read_text(encoding="utf-8")
    assert why in page
    assert "<table" not in page and "<h2" not in page
    assert not (folder / "B1" / "tables" / report).exists()
    assert why in (folder / "index.html").read_text(encoding="utf-8")
    assert f"{report} of ALL, B1: {why}" in told(call(app, "status", str(folder)))


def test_no_zero_stands_where_no_money_could_be_followed(bank_without):
    """No entry of the small bank names the account of the other side."""
    bank, _ = bank_without
    for report, branch in (("risk_fundraising", "B1"), ("risk_overview", "ALL")):
        brief = brief_of_entry(bank.output_folder / "2024Q2", entry(bank, report, branch))
        assert brief.changed.startswith("No entry of the quarter names the account")
        assert brief.figures == []
        page = (bank.output_folder / "2024Q2" / branch / f"{report}.html").read_text("utf-8")
        assert "No entry of the quarter names the account of the other side" in page


def test_what_is_examined_is_done(bank_without):
    bank, _ = bank_without
    assert entry(bank, "risk_fundraising").status == "done"
    assert entry(bank, "retention").status == "done"


def test_empty_is_counted_apart_from_done(bank_without):
    bank, result = bank_without
    events = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    (end,) = [e for e in events if e["event"] == "end"]
    assert (end["done"], end["empty"], end["failed"]) == (5, 6, 0)
    of_reports = [e for e in events if e["event"] == "report"]
    assert sum(e["status"] == "empty" for e in of_reports) == 6
    index = (bank.output_folder / "2024Q2" / "index.html").read_text(encoding="utf-8")
    assert "5 reports are done" in index and "6 are empty, for want of data." in index


def test_the_overview_names_the_kinds_that_nobody_could_look_for(bank_without):
    bank, _ = bank_without
    overview = entry(bank, "risk_overview", "ALL")
    brief = brief_of_entry(bank.output_folder / "2024Q2", overview)
    assert "Not examined: Mortgages, Card cash-out, Bills." in brief.changed
    page = (bank.output_folder / "2024Q2" / "ALL" / "risk_overview.html").read_text("utf-8")
    assert "Bills: not examined, for the bank does not deliver bills." in page


def test_an_empty_report_is_up_to_date_and_replays_the_same(bank_without):
    bank, _ = bank_without
    again = call(app, "run", str(bank.path), "--report", "risk_acceptance", "--branch", "B1")
    assert "0 reports done, 0 failed, 1 were up to date" in told(again)
    replayed = call(
        app, "verify", str(bank.output_folder / "2024Q2"), "--report", "risk_acceptance"
    )
    assert replayed.exit_code == 0, told(replayed)


def test_retention_of_a_first_quarter_is_empty(small):
    small.params["quarters"] = {"first": "2024Q2", "last": "2024Q2"}
    small.params["segmentation"]["fit_quarter"] = "2024Q2"
    bank = small.bank()
    result = call(app, "run", str(bank.path), "--report", "retention", "--branch", "B1")
    assert result.exit_code == 0, told(result)
    assert "0 reports done, 1 empty, 0 failed" in told(result)
    assert entry(bank, "retention").nothing == (
        "Not examined: 2 quarters of the bank are needed, and 1 is there."
    )


def test_an_indispensable_table_without_a_row_is_refused(small):
    small.tables["accounts"] = small.tables["accounts"][:1]
    small.tables["account_holders"] = small.tables["account_holders"][:1]
    small.params["quarantine_limit"] = 1.0
    result = call(app, "prepare", str(small.bank().path))
    assert result.exit_code == 1
    assert "accounts is indispensable, and none of its 0 rows could be accepted" in told(result)
