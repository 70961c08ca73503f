"""Records that are one customer are found, those that are not stay apart, and keys last."""

import datetime as dt

import pandas as pd
import pytest

from analysis.identification.reviews import said_by_reviewers
from tests.identification.people import Bank, customers_of, people, with_second


@pytest.fixture(scope="module")
def bank():
    return Bank(with_second(people(1500)))


@pytest.fixture(scope="module")
def found(bank):
    return bank.identified()


def true_pairs(rows):
    return {frozenset((i, i.replace("D", "C"))) for i in rows["customer_id"] if i.startswith("D")}


def test_second_records_are_found_and_nothing_else(bank, found):
    truth = true_pairs(bank.rows)
    assert len(customers_of(found) & truth) >= 0.98 * len(truth)
    assert len(customers_of(found) - truth) <= 0.01 * len(truth)
    assert found.summary.customers == found.summary.records - len(customers_of(found))


def test_a_customer_bears_the_id_of_the_record_that_was_there_first(found):
    assert found.keys["customer_key"].str.startswith("C").all()


def test_only_new_records_are_compared_and_nothing_comes_out_otherwise(bank, found):
    """Whatever came first, the groups are those of comparing everything."""
    first = bank.identified(bank.rows.iloc[: -len(true_pairs(bank.rows)) // 2])
    both = bank.identified(before=first)
    assert customers_of(both) == customers_of(found)
    pd.testing.assert_frame_equal(both.frames["pairs"], found.frames["pairs"])
    compared = [sum(k.compared for k in f.summary.kinds) for f in (both, found)]
    assert compared[0] < compared[1] / 3


def test_a_key_stays_when_an_older_record_comes_and_when_its_own_goes(bank):
    pair = ["C00010", "D00010"]
    without = bank.rows[bank.rows["customer_id"] != "C00010"]
    alone = bank.identified(without)  # D00010 is a customer by itself
    joined = bank.identified(before=alone)
    key = joined.keys.set_index("customer_id")["customer_key"]
    assert set(key[pair]) == {"D00010"}, "who bore a key goes on bearing it"
    gone = bank.identified(bank.rows[bank.rows["customer_id"] != "D00010"], before=joined)
    left = gone.keys.set_index("customer_id")["customer_key"]
    assert left["C00010"] == "D00010" and "D00010" not in left.index
    assert gone.frames["log"].equals(joined.frames["log"]), "a record that goes is no split"
    again = bank.identified(before=joined)
    assert again.keys.equals(joined.keys) and again.frames["log"].equals(joined.frames["log"])


def test_two_customers_who_turn_out_to_be_one_are_logged_and_the_older_key_goes_on(bank):
    apart = bank.identified(reviews=[("C00010", "D00010", False)])
    assert "C00010" not in set(apart.keys["customer_id"])
    one = bank.identified(before=apart)
    key = one.keys.set_index("customer_id")["customer_key"]
    assert key["D00010"] == key["C00010"] == "C00010"
    log = one.frames["log"]
    assert log[["customer_key", "what", "other_key"]].to_numpy().tolist() == [
        ["D00010", "merged_into", "C00010"]
    ]
    split = bank.identified(before=one, reviews=[("C00010", "D00010", False)])
    assert split.frames["log"].iloc[-1][["customer_key", "what", "other_key"]].tolist() == [
        "D00010",
        "split_off",
        "C00010",
    ]


def test_what_reviewers_say_is_obeyed_against_every_chance(bank, found):
    told = bank.identified(reviews=[("C00001", "C00002", True), ("D00020", "C00020", False)])
    groups = customers_of(told)
    assert frozenset(("C00001", "C00002")) in groups
    assert frozenset(("C00020", "D00020")) in customers_of(found) - groups


def test_answers_that_contradict_each_other_and_of_records_gone_are_not_followed():
    rows = [
        ("R1", "A", "B", True),
        ("R2", "B", "C", True),
        ("R3", "A", "C", False),
        ("R4", "A", "GONE", True),
        ("R5", "D", "E", True),
        ("R6", "E", "D", False),  # the last word on the pair
    ]
    reviews = pd.DataFrame(rows, columns=["review_id", "record", "other_record", "same"])
    said = said_by_reviewers(reviews.assign(decided_on=dt.date(2024, 1, 1)), set("ABCDE"))
    assert said.pairs == {("D", "E"): False}
    why = dict(said.not_followed[["review_id", "why"]].to_numpy())
    assert why == dict.fromkeys(("R1", "R2", "R3"), "contradiction") | {"R4": "gone"}


def family(rows, **changes):
    """Another person like the first of the rows, but for what is named."""
    other = rows.iloc[[1]].copy().assign(customer_id="X0001", **changes)
    return pd.concat([rows, other], ignore_index=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "王双双", "document_hash": "h1"},  # twins at one address
        {"born_on": dt.date(2004, 5, 6), "document_hash": "h2"},  # son of the same name
        {"sex": "other", "document_hash": None, "born_on": None},
        {"born_on": dt.date(1931, 3, 9), "document_hash": None},
    ],
    ids=["twins", "father and son", "two sexes", "born in another age"],
)
def test_who_is_like_somebody_and_cannot_be_is_not_taken_for_him(bank, changes):
    rows = family(bank.rows, **changes)
    told = bank.identified(rows)
    assert not [g for g in customers_of(told) if "X0001" in g]


def test_one_name_for_a_thousand_records_ties_none_of_them():
    rows = people(1500)
    rows.loc[:999, "name"] = "客户"
    rows.loc[1000:1300, "name"] = "王伟"
    found = Bank(rows).identified()
    assert not customers_of(found)


def test_too_few_records_or_nothing_to_compare_teach_nothing():
    assert not Bank(people(50)).model.kinds
    bare = people(500)
    bare[["name", "phone", "document_hash"]] = None
    assert not Bank(bare).model.kinds, "who is born on a day and lives somewhere may be many"


def test_the_best_value_of_each_column_comes_with_the_record_it_is_from(bank, found):
    merged = pd.DataFrame(found.merged).set_index("customer_id")
    assert merged.loc["C00010", "phone"] == "13900000001", "the newest"
    assert str(merged.loc["C00010", "since"])[:10] == "2010-01-11", "the first"
    assert merged.loc["C00010", "document_hash"].startswith("h"), "the only one known"
    sources = found.frames["sources"].set_index(["customer_key", "column"])
    assert sources.loc[("C00010", "phone"), "record"] == "D00010"
    assert sources.loc[("C00010", "phone"), "rule"] == "newest"
