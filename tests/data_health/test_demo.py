"""What was planted in the demo bank is found where it was planted, and what it does is told."""

import json

import pandas as pd
import pytest

from analysis.data_health import findings
from analysis.data_health.fitted import Effect, Effects
from analysis.quarters import Quarter
from analysis.sources.params import read_params
from analysis.tables import Tables

Q = Quarter.parse("2024Q4")


@pytest.fixture(scope="module")
def bank(ready_demo):
    return read_params(ready_demo)


@pytest.fixture(scope="module")
def truth(bank):
    path = bank.place(bank.source.folder) / "truth" / "faults.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_planted_faults_are_found_at_their_branch(bank, truth):
    whole = Tables(bank, "ALL", Q)
    doubts = whole.data_doubts
    for check, fault in {
        "surveys.answered_twice": "answered_twice",
        "customers.phone_of_many": "no_phone",
        "transactions.booked_late": "booked_late",
        "transactions.entry_twice": "booked_twice",
    }.items():
        found = doubts[doubts["check"] == check]
        assert set(found["branch_id"]) == {truth[fault]["branch_id"]}, check
        assert len(found) == truth[fault].get("rows", len(found)) > 5, check
    slips = whole.data_cells[whole.data_cells["column"] == truth["slips"]["column"]]
    assert len(slips) >= 0.8 * truth["slips"]["rows"]


def test_the_day_booked_twice_is_the_only_unusual_one(bank, truth):
    days = Tables(bank, "ALL", Q).unusual_days
    planted = truth["booked_twice"]
    assert [(r.branch_id, str(r.day)[:10]) for r in days.itertuples()] == [
        (planted["branch_id"], planted["day"])
    ]


def test_only_what_was_planted_is_called_changed(bank):
    for branch in ("B001", "B002", "B003", "B004"):
        partition = Tables(bank, branch, Q)
        told = findings.checked(partition.data_checks, str(Q), partition.effects, 10)
        called = told.loc[told["p_corrected"] < findings.CERTAIN, "column"].tolist()
        by = {"B002": ["transaction_id"], "B004": ["booked_at"]}  # twice, and late
        assert called == by.get(branch, []), branch


def test_a_headline_without_doubtful_rows_is_that_of_the_other_rows(bank):
    partition = Tables(bank, "B003", Q)
    effect = next(e for e in partition.effects.rows if e.report == "loyalty" and not e.check)
    files = (bank.data_folder / "marts" / "survey_index" / f"quarter={Q}").glob("*B003/*.parquet")
    answers = pd.concat(map(pd.read_parquet, files)).dropna(subset=["index"])
    doubts = partition.data_doubts
    doubted = answers["survey_id"].isin(
        doubts.loc[doubts["check"].str.startswith("surveys."), "key"]
    )
    mean = lambda rows: (rows["index"] * rows["weight"]).sum() / rows["weight"].sum()  # noqa: E731
    assert effect.value == pytest.approx(mean(answers))
    assert effect.without == pytest.approx(mean(answers[~doubted]))
    assert (effect.n, effect.n_without) == (len(answers), (~doubted).sum())


def test_what_few_rows_add_is_not_told():
    few = Effect(
        report="loyalty",
        headline="Loyalty index",
        branch_id="B1",
        check="",
        n=41,
        value=64.9,
        low=60.0,
        high=70.0,
        n_without=38,
        without=63.1,
    )
    many = few.model_copy(update={"n_without": 30, "without": 58.0})
    told = findings.without_doubts(Effects(rows=[few, many]), 10)
    assert told["without"].tolist()[0] == "not shown" and "63" not in str(told.iloc[0].tolist())
    assert told.loc[1, ["without", "left_out", "beyond"]].tolist() == ["58.0", "11", "yes"]
    assert told.loc[0, "beyond"] == "" and not findings.harms(Effects(rows=[few]), 10)
    assert findings.without_doubts(Effects(rows=[few]), 39).empty


def test_a_second_record_is_left_out_as_the_customer_it_is(bank):
    effects = Tables(bank, "ALL", Q).model("data_effects", Effects, Q).rows
    checks = {e.check for e in effects if e.report == "segmentation"}
    assert "customers.born_on_differs" in checks


def test_counts_that_no_page_shows_are_left_empty(bank):
    partition = Tables(bank, "B001", Q)
    told = findings.every_check(partition.data_checks, str(Q), 10, {"customers"})
    numbers = told[["rows", "doubtful", "share"]]
    assert numbers[told["table"] == "customers"].isna().all(axis=None)
    assert numbers[told["table"] == "accounts"].notna().all(axis=None)


def test_what_a_person_has_is_not_in_the_list_of_rows_to_mend(bank):
    fixes = findings.fix_list(
        *(getattr(Tables(bank, "B001", Q), n) for n in ("data_doubts", "data_cells"))
    )
    of_persons = fixes[fixes["table"] == "customers"]
    assert len(of_persons) and (of_persons["found"] + of_persons["instead"]).eq("").all()
