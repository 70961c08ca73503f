"""Two quarters: lists are handed over, some staff follow them and others do not, and what they did
comes back with the next quarter's data.
"""

import datetime as dt
import shutil

import pandas as pd
import pytest

from analysis.changes.calls import OFFER, entry_id
from analysis.demo.bank import make_bank
from analysis.execution import findings
from analysis.prepare import prepare
from analysis.quarters import Quarter
from analysis.sources.params import read_params
from analysis.tables import Tables
from tests.conftest import demo_params, steps_for

BEFORE, NOW = Quarter.parse("2024Q3"), Quarter.parse("2024Q4")
#: What nothing here looks at.
NOT_DELIVERED = (
    "bill_events bills cards complaints contacts follow_ups invoices loan_applications loans "
    "merchants standing_orders survey_scores surveys"
).split()
DONE_ON = dt.date(2024, 10, 3)


#: What the tests of this file read.
STEPS = ("work_item", "customer_offer", "customer_likeness", "customer_call", "withheld")


@pytest.fixture(scope="module")
def few_steps():
    steps = steps_for(*STEPS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("analysis.prepare.all_steps", lambda: steps)
        yield


@pytest.fixture(scope="module")
def loop(tmp_path_factory, few_steps):
    """The bank after both quarters, who followed the lists, and what was handed over."""
    folder = tmp_path_factory.mktemp("loop")
    source = folder / "source"
    make_bank(source, 2_000, 5)
    shutil.rmtree(source / "leads")  # this bank keeps no record of what it hands over
    for name in NOT_DELIVERED:
        shutil.rmtree(source / name)
    quarters = {"first": "2024Q1", "last": "2024Q4"}
    bank = read_params(demo_params(folder, 2_000, 5, source, quarters=quarters))
    prepare(bank, BEFORE)
    handed = handed_over(bank)
    follows = set(sorted(handed["staff_id"].unique())[::2])
    followed = handed[handed["staff_id"].isin(follows)].reset_index(drop=True)
    sold = (followed.index % 3 == 0) & (followed["product_id"] != "")
    declined = (followed.index % 3 == 1) & (followed["product_id"] != "")
    outcome = pd.Series("reached", index=followed.index).mask(sold, "sold")
    follow_ups = pd.DataFrame(
        {
            "follow_up_id": [f"W{i}" for i in followed.index],
            "subject_id": followed["subject_id"],
            "staff_id": followed["staff_id"],
            "done_on": DONE_ON,
            "outcome": outcome.mask(declined, "declined"),
            "why": None,
        }
    )
    follow_ups.to_parquet(source / "follow_ups.parquet")
    bought = followed[sold]
    held = pd.read_parquet(source / "holdings")
    new = pd.DataFrame(
        {
            "holding_id": [f"HW{i}" for i in bought.index],
            "customer_id": bought["customer_id"],
            "product_id": bought["product_id"],
            "held_from": DONE_ON,
            "held_to": None,
        }
    )
    shutil.rmtree(source / "holdings")
    pd.concat([held, new]).to_parquet(source / "holdings.parquet")
    prepare(bank)
    return bank, follows, handed, followed[declined], followed[sold]


def handed_over(bank, quarter=BEFORE):
    """Every entry of the lists to call, as the pages of the branches hand them out."""
    lists = []
    for branch in Tables(bank, "ALL", quarter).branches["branch_id"]:
        tables = Tables(bank, branch, quarter)
        offers = tables.offers[tables.offers["decision"] == "offered"]
        lists.append(offers.rename(columns={"lead_id": "subject_id"}))
        calls = tables.read(
            tables.mart("customer_call", quarter, branch), lambda rows: rows.order_by("subject_id")
        )
        lists.append(calls.assign(product_id=""))
        likely = tables.lookalikes.rename(columns={"manager_id": "staff_id"})
        subjects = [
            entry_id(OFFER, str(quarter), r.product_id, r.customer_id) for r in likely.itertuples()
        ]
        lists.append(likely.assign(subject_id=subjects))
    rows = pd.concat(lists, ignore_index=True)
    rows = rows[rows["staff_id"].fillna("") != ""]
    return rows[["subject_id", "staff_id", "customer_id", "product_id"]]


def test_the_lists_are_worked_out_again_as_they_were_handed_over(loop):
    bank, _follows, handed, *_ = loop
    tables = Tables(bank, "ALL", NOW)
    assert not tables.follow_through.delivered
    worked_out = tables.work[tables.work["kind"] != "alert"]
    assert set(handed["subject_id"]) <= set(worked_out["subject_id"])
    assert not tables.follow_through.not_counted


def test_who_followed_the_lists_is_told_from_who_ignored_them(loop):
    bank, follows, handed, *_ = loop
    told = Tables(bank, "ALL", NOW).follow_through
    in_time = findings.compared(told.staff, "in_time", "ALL")
    behind = set(findings.behind(in_time)["staff_id"])
    assert behind and not behind & follows
    ignored = set(handed.groupby("staff_id").size().loc[lambda n: n >= 10].index) - follows
    assert ignored and ignored <= behind


def test_what_was_sold_is_a_success_and_what_staff_did_not_touch_is_listed(loop):
    bank, follows, _handed, _declined, sold = loop
    work = Tables(bank, "ALL", NOW).work.set_index("subject_id")
    assert work.loc[sold["subject_id"], "success"].all()
    untouched = findings.untouched(work.reset_index(), {}, {}, NOW.end)
    assert len(untouched) and not set(untouched["staff_id"]) & follows


def test_what_was_declined_or_sold_is_not_offered_again(loop):
    bank, _follows, _handed, declined, sold = loop
    offers = pd.concat(
        Tables(bank, branch, NOW).offers
        for branch in Tables(bank, "ALL", NOW).branches["branch_id"]
    )
    again = offers.merge(declined[["customer_id", "product_id"]], on=["customer_id", "product_id"])
    assert len(again) and not (again["decision"] == "offered").any()
    assert "refused_lately" in set(again["failed"])
    assert offers.merge(sold[["customer_id", "product_id"]]).empty  # they hold it


def test_what_was_done_trains_the_chances_of_the_next_quarter(loop):
    bank, *_ = loop
    then = Tables(bank, "ALL", BEFORE).propensity.fitted
    now = Tables(bank, "ALL", NOW).propensity.fitted
    assert sum(m.taken for m in now.values()) > sum(m.taken for m in then.values())
    # before it nobody had been spoken with, so that it could not be learnt from
    left_out = {f.name: f.why for m in now.values() for f in m.left_out}
    assert {left_out[name] for name in ("spoken_with", "declined")} == {"rare"}


def test_nobody_is_on_two_lists_to_be_called(loop):
    bank, *_ = loop
    for quarter in (BEFORE, NOW):
        entries = handed_over(bank, quarter)
        kind = entries["subject_id"].str[0]
        customers = [set(entries.loc[kind == letter, "customer_id"]) for letter in "LVE"]
        assert customers[0]
        assert sum(map(len, customers)) == len(set().union(*customers))
