"""Real data of a Czech bank: what is in it, and two districts from end to end."""

import datetime as dt
import re

import pandas as pd
import pytest

from analysis.cli import app
from analysis.quarters import Quarter
from analysis.tables import Tables
from tests.runs.command import call


def test_all_eight_tables_are_accepted_and_the_cut_off_line_is_set_aside(berka, berka_folder):
    bank, prepared = berka
    accepted = {n: v.accepted for n, v in prepared.verdicts.items() if v.delivered}
    assert {
        k: accepted[k]
        for k in (
            "branches",
            "customers",
            "accounts",
            "account_holders",
            "cards",
            "loans",
            "standing_orders",
            "transactions",
        )
    } == {
        "branches": 77,
        "customers": 5369,
        "accounts": 4500,
        "account_holders": 5369,
        "cards": 892,
        "loans": 682,
        "standing_orders": 6471,
        "transactions": 49_102,
    }
    rows = pd.read_parquet(bank.data_folder / "quarantine" / "transactions.parquet")
    lines = (berka_folder / "trans.asc").read_bytes().split(b"\n")
    assert rows[["source_file", "source_line", "rule"]].values.tolist() == [
        ["trans.asc", len(lines), "unreadable_line"]
    ]
    assert rows["row_as_read"][0] == lines[-1].decode()


def test_birth_numbers_give_date_and_sex(berka):
    customers = pd.read_parquet(berka[0].data_folder / "contract" / "customers.parquet").set_index(
        "customer_id"
    )
    assert customers.loc["1", ["born_on", "sex"]].tolist() == [
        dt.date(1970, 12, 13),
        "female",
    ]  # 706213
    assert customers.loc["2", ["born_on", "sex"]].tolist() == [
        dt.date(1945, 2, 4),
        "male",
    ]  # 450204


def test_active_accounts_are_those_that_are_known(berka):
    bank, _ = berka
    counts = [len(Tables(bank, "ALL", q).customers) for q in bank.all_quarters]
    active = [int(Tables(bank, "ALL", q).customers["active"].sum()) for q in bank.all_quarters]
    assert all(c >= a for c, a in zip(counts, active, strict=True))
    files = [
        pd.read_parquet(bank.data_folder / "contract" / "transactions" / f"quarter={q}")
        for q in bank.all_quarters
    ]
    assert [f["account_id"].nunique() for f in files][::4] == [298, 1229]


def test_two_districts_from_end_to_end(berka):
    bank, _ = berka
    result = call(app, "run", str(bank.path), "--branch", "1", "--branch", "70")
    assert result.exit_code == 0, result.output
    folder = bank.output_folder / "1994Q1"
    page = (folder / "1" / "loyalty.html").read_text(encoding="utf-8")
    assert "does not deliver survey_scores, surveys" in page
    for report in ("mortgage", "card_cashout", "fundraising", "acceptance"):
        page = (folder / "70" / f"risk_{report}.html").read_text(encoding="utf-8")
        assert ("does not deliver" in page) == (report != "fundraising"), report
    assert "Hl.m. Praha" in (folder / "index.html").read_text(encoding="utf-8")
    people = pd.read_csv(folder / "1" / "tables" / "segmentation" / "customers_by_group.csv")
    assert len(people) == Tables(bank, "1", Quarter.parse("1994Q1")).customer_count


@pytest.mark.parametrize("quarter", ["1993Q1", "1994Q1"])
def test_groups_and_changes_are_reported_for_the_first_quarter_and_the_last(berka, quarter):
    bank, _ = berka
    result = call(
        app,
        "run",
        str(bank.path),
        "--quarter",
        quarter,
        "--branch",
        "ALL",
        "--report",
        "segmentation",
        "--report",
        "customer_changes",
        "--report",
        "loyalty",
        "--report",
        "retention",
    )
    assert result.exit_code == 0, result.output
    folder = bank.output_folder / quarter / "ALL"
    page, groups = (
        (folder / f"{report}.evidence.html").read_text(encoding="utf-8")
        for report in ("customer_changes", "segmentation")
    )
    page = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)  # the code
    assert ("There is no earlier quarter" in page) == (quarter == "1993Q1")
    assert "left out: empty for more than half" in groups


def test_the_groups_of_berka_are_stable_and_better_than_quintiles(berka):
    whole = Tables(berka[0], "ALL", Quarter.parse("1994Q1"))
    part = whole.segmentation.types["personal"]
    assert {g.stability for g in part.groups} == {"highly stable"} and len(part.groups) >= 3
    compared = {m.method: m for m in part.comparison}
    assert compared["k-means"].silhouette > compared["rfm"].silhouette + 0.1
    assert compared["k-means"].lowest_jaccard > compared["rfm"].lowest_jaccard


def test_partial_defection_is_told_before_it_happens(berka):
    bank, _ = berka
    whole = Tables(bank, "ALL", Quarter.parse("1994Q1"))
    told = whole.hazard.types["personal"].held_out
    assert told.n == 1139 and told.quarter == "1993Q4"
    assert (
        told.auc_low > 0.7 and told.brier < told.brier_base and told.slope_low < 1 < told.slope_high
    )
    assert whole.left["left"].sum() == told.events
