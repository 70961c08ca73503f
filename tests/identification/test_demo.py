"""In the demo bank the second records that were planted are found, and every mart counts the real
customers.
"""

import ibis
import pandas as pd
import pytest

from analysis.contract.tables import CONTRACT, customer_columns
from analysis.prepare import prepare
from analysis.sources.params import read_params
from analysis.steps.customers import with_real_customers
from tests.conftest import demo_data, demo_params


@pytest.fixture
def truth(demo):
    """Second record to the person, without those set aside with a fault."""
    planted = pd.read_parquet(demo.place(demo.source.folder) / "truth" / "duplicates")
    return dict(zip(planted["customer_id"], planted["person"], strict=True))


def test_planted_second_records_are_found(demo, truth):
    same = pd.read_parquet(demo.data_folder / "rows" / "same_customer" / "bank.parquet")
    key = same.set_index("customer_id")["customer_key"]
    right = sum(key.get(second) == key.get(person) != None for second, person in truth.items())  # noqa: E711
    others = same[same["customer_id"] != same["customer_key"]]
    wrong = [r for r in others["customer_id"] if r not in truth and not r.startswith("bad_")]
    assert right >= 0.9 * len(truth), "of 45"
    assert len(wrong) <= 0.02 * len(truth)


def test_marts_know_the_person_and_all_that_is_held_under_both_numbers(demo, truth):
    same = pd.read_parquet(demo.data_folder / "rows" / "same_customer" / "bank.parquet")
    second = set(same.loc[same["customer_id"] != same["customer_key"], "customer_id"])
    marts = demo.data_folder / "marts"
    customers = pd.read_parquet(marts / "customer_quarter" / "quarter=2024Q4")
    assert not second & set(customers["customer_id"])
    holders = pd.read_parquet(demo.data_folder / "contract" / "account_holders.parquet")
    under_second = holders[holders["customer_id"].isin(second)]
    assert len(under_second) > 5, "planted: accounts under the second number"
    person = same.set_index("customer_id")["customer_key"]
    owners = customers.set_index("customer_id")["accounts"]
    for account in under_second.itertuples():
        key = person[account.customer_id]
        assert key not in owners.index or owners[key] >= 1


def test_one_line_leaves_every_record_by_itself(tmp_path, prepared_once, only):
    only("customer_quarter")
    source = demo_data(prepared_once).parent / "source"
    path = demo_params(tmp_path, 1500, 3, source=source, identification={"used": False})
    bank = read_params(path)
    prepare(bank)
    assert not list((bank.data_folder / "rows" / "same_customer").glob("*"))
    customers = pd.read_parquet(bank.data_folder / "marts" / "customer_quarter" / "quarter=2024Q4")
    assert customers["customer_id"].str.startswith("C9").any()


def test_every_column_that_names_a_customer_names_the_real_one():
    same = ibis.memtable({"customer_id": ["A", "B"], "customer_key": ["A", "A"]})
    for name, table in CONTRACT.items():
        columns = customer_columns(name)
        if not columns or name == "customers":
            continue
        rows = ibis.memtable(
            [{c: "B" if c in columns else f"{c}1" for c in table.schema}],
            schema=dict.fromkeys(table.schema, "string"),
        )
        told = with_real_customers(name, rows, same, same).to_pandas()
        assert list(told.columns) == list(table.schema)
        assert (told[list(columns)] == "A").all(axis=None), name


def test_who_holds_an_account_under_two_numbers_holds_it_once_and_as_owner():
    same = ibis.memtable({"customer_id": ["A", "B"], "customer_key": ["A", "A"]})
    rows = ibis.memtable(
        {
            "account_id": ["1", "1", "2"],
            "customer_id": ["A", "B", "C"],
            "role": ["authorised", "owner", "owner"],
        }
    )
    told = with_real_customers("account_holders", rows, same, same).to_pandas()
    assert sorted(told.itertuples(index=False, name=None)) == [
        ("1", "A", "owner"),
        ("2", "C", "owner"),
    ]
