"""Rules before models: which was the first to exclude an offer."""

import datetime as dt

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.changes.calls import OFFER, answers, entry_id
from analysis.opportunities import rules
from analysis.opportunities.offers import (
    EXCLUDED,
    HELD_BACK,
    NO_ROOM,
    OFFERED,
    RUNNER_UP,
    is_held_back,
    offers_of_branch,
    rejected_by,
    room_of,
)
from analysis.quarters import Quarter
from analysis.sources.params import OfferedProduct, Offers

Q4 = Quarter.parse("2024Q4")
SETTINGS = Offers(
    products=[
        OfferedProduct(product="A", value=1000, eligible={"grown up": "age_years >= 18"}),
        OfferedProduct(product="B", value=100, suits={"has money": "balance_end > 10"}),
    ],
    contact_cost=5,
    holdout=0.0,
)


@pytest.fixture
def con():
    con = ibis.duckdb.connect(threads=1)
    yield con
    con.disconnect()


def pairs(n=20, **changed):
    rows = pd.DataFrame(
        [(f"C{i:02d}", "B1", p) for i in range(n) for p in ("A", "B")],
        columns=["customer_id", "branch_id", "product_id"],
    )
    return rows.assign(
        **{
            "chance": 0.1,
            "similar_hold": 0.5,
            "first_reason": "",
            "second_reason": "",
            "failed": "",
            **changed,
        }
    )


def of_all(rows, **changed):
    nothing = {
        "consent": pd.Series(True, index=sorted(set(rows["customer_id"]))),
        "in_alerts": set(),
        "to_be_saved": set(),
        "with_event": set(),
        "contacts": pd.Series(dtype=float),
        "most_contacts": 2,
        "declined": pd.DataFrame(columns=["customer_id", "product_id"]),
    }
    return rules.of_all_products(rows, **{**nothing, **changed})


def test_a_product_s_own_rules_are_named_and_what_is_not_known_is_not_met(con):
    now = pd.DataFrame(
        {
            "customer_id": ["young", "old", "poor", "unknown", "asleep"],
            "branch_id": "B1",
            "active": [True, True, True, True, False],
            "age_years": [17.0, 40.0, 40.0, np.nan, 40.0],
            "balance_end": [100.0, 100.0, 1.0, 100.0, 100.0],
        }
    )
    rows = rules.first_failed(con.create_table("now", now), None, SETTINGS).to_pandas()
    told = rows.set_index(["customer_id", "product_id"])["failed"]
    assert told["young", "A"] == told["unknown", "A"] == "eligible: grown up"
    assert told["poor", "B"] == "suits: has money" and told["old", "A"] == told["old", "B"] == ""
    assert "asleep" not in rows["customer_id"].tolist()


def test_the_name_of_a_rule_may_hold_quotes(con):
    product = OfferedProduct(product="o'A", value=1, eligible={"it's fine'; --": "age_years > 1"})
    now = pd.DataFrame(
        {"customer_id": ["C1"], "branch_id": "B1", "active": True, "age_years": [0.5]}
    )
    table = con.create_table("now", now)
    row = rules.first_failed(table, None, Offers(products=[product])).to_pandas().iloc[0]
    assert row["product_id"] == "o'A" and row["failed"] == "eligible: it's fine'; --"


def test_the_first_rule_of_all_products_is_told():
    rows = pairs(7)
    failed = of_all(
        rows,
        consent=pd.Series(
            [True, False, True, True, True, True, True], index=[f"C{i:02d}" for i in range(7)]
        ),
        in_alerts={"C00", "C01"},
        to_be_saved={"C02", "C00"},
        with_event={"C03"},
        contacts=pd.Series({"C04": 2, "C05": 1}),
        declined=pd.DataFrame({"customer_id": ["C05"], "product_id": ["B"]}),
    )
    told = dict(zip(zip(rows["customer_id"], rows["product_id"], strict=True), failed, strict=True))
    assert told["C00", "A"] == told["C01", "B"] == rules.ALERT
    assert told["C02", "A"] == rules.SAVE and told["C03", "A"] == rules.EVENT
    assert told["C04", "A"] == rules.CONTACTS
    assert told["C05", "A"] == "" and told["C05", "B"] == rules.REFUSED and told["C06", "A"] == ""


def test_where_nobody_says_whether_he_consents_nobody_is_left_out():
    rows = pairs(2)
    unknown = pd.Series([None, None], index=["C00", "C01"], dtype="boolean")
    assert set(of_all(rows, consent=unknown)) == {""}
    partly = pd.Series([True, None], index=["C00", "C01"], dtype="boolean")
    assert of_all(rows, consent=partly)[2:].tolist() == [rules.CONSENT] * 2


def test_what_was_declined_is_known_by_the_offer_s_identifier(con):
    subjects = [
        entry_id(OFFER, "2024Q3", "A", "C:1:x"),  # an identifier with colons
        entry_id(OFFER, "2024Q3", "B", "C2"),
        "L:nonsense",
        "RM-1234",
        entry_id(OFFER, "2024Q1", "A", "C3"),
        entry_id(OFFER, "2024Q3", "NOT THERE", "C4"),
    ]
    follow_ups = pd.DataFrame(
        {
            "subject_id": [*subjects, entry_id(OFFER, "2024Q3", "A", "C5")],
            "outcome": ["declined"] * 6 + ["sold"],
            "done_on": [dt.date(2024, 11, 1)] * 4
            + [dt.date(2024, 2, 1), dt.date(2024, 11, 1), dt.date(2024, 11, 1)],
        }
    )
    table = con.create_table("follow_ups", follow_ups)
    told = rules.refused(answers(table, None), Q4, 2)
    assert sorted(map(tuple, told.to_numpy())) == [("C2", "B"), ("C4", "NOT THERE"), ("C:1:x", "A")]


def test_offers_are_made_within_room_with_what_was_next_best():
    room = room_of(
        pd.DataFrame(
            {
                "staff_id": ["S1", "S2"],
                "role": ["teller", "risk_officer"],
                "weekly_capacity": [5, 50],
            }
        ),
        SETTINGS,
        7,
    )
    assert room.offers == {"S1": 12} and room.a_week["S1"] == 1.0
    manager = {f"C{i:02d}": "S1" for i in range(20)}
    rows, figures = offers_of_branch(pairs(), manager, room, SETTINGS, Q4)
    made = rows[rows["decision"] == OFFERED]
    assert len(made) == figures.offers == 12 and set(made["product_id"]) == {"A"}
    assert set(made["runner_up"]) == {"B"} and set(made["staff_id"]) == {"S1"}
    assert made["lead_id"].iloc[0] == "L:2024Q4:A:C00"
    assert sorted(made["due_on"])[0] == dt.date(2025, 1, 7)
    assert sorted(made["due_on"])[-1] == dt.date(2025, 3, 25)
    others = rows[rows["decision"] == NO_ROOM]
    assert len(others) == 16 and (others["lead_id"] == "").all()
    assert (rows["decision"] == RUNNER_UP).sum() == 12


def test_nobody_s_staff_is_as_much_as_a_branch_can_call():
    assert room_of(pd.DataFrame(), SETTINGS, 7).offers == {"": 7}
    none = room_of(
        pd.DataFrame({"staff_id": ["S1"], "role": ["teller"], "weekly_capacity": [0]}), SETTINGS, 7
    )
    rows, figures = offers_of_branch(pairs(3), {}, none, SETTINGS, Q4)
    assert figures.offers == 0 and set(rows["decision"]) == {NO_ROOM}


def test_what_costs_more_than_it_brings_is_excluded_and_a_rule_that_excludes_all_is_named():
    room = room_of(pd.DataFrame(), SETTINGS, 50)
    rows, _figures = offers_of_branch(pairs(chance=0.001), {}, room, SETTINGS, Q4)
    assert set(rows["decision"]) == {EXCLUDED} and set(rows["failed"]) == {rules.WORTH}
    rows, figures = offers_of_branch(pairs(failed="suits: has money"), {}, room, SETTINGS, Q4)
    assert figures.offers == figures.candidates == 0
    told = rejected_by(rows)
    assert [(r.rule, r.product, r.pairs) for r in told] == [
        ("suits: has money", "A", 20),
        ("suits: has money", "B", 20),
    ]


def test_those_kept_without_offer_are_the_same_for_all_products_and_quarters():
    settings = SETTINGS.model_copy(update={"holdout": 0.3})
    room = room_of(pd.DataFrame(), settings, 500)
    kept = []
    for quarter in (Q4, Q4.previous):
        rows, figures = offers_of_branch(pairs(300), {}, room, settings, quarter)
        back = rows[rows["decision"] == HELD_BACK]
        assert (back["lead_id"] != "").all() and figures.held_back == len(back)
        assert not back["customer_id"].duplicated().any()
        assert not set(back["customer_id"]) & set(
            rows.loc[rows["decision"] == OFFERED, "customer_id"]
        )
        kept.append(set(back["customer_id"]))
    assert kept[0] == kept[1] and 60 < len(kept[0]) < 120
    other = settings.model_copy(update={"seed": 2})
    assert {c for c in kept[0] if is_held_back(c, other)} != kept[0]
