import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.contract import CONTRACT
from analysis.demo import plan
from analysis.demo.bank import make_bank
from analysis.sources.land import embedded_engine, land


def content(folder):
    return {
        str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()
    }


def test_the_same_seed_gives_the_same_bank_and_another_one_another(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        make_bank(tmp_path / name, 600, seed)
    a, b, c = (content(tmp_path / name) for name in "abc")
    assert a == b
    assert a.keys() == c.keys()
    assert a["transactions/2024Q4-0000.parquet"] != c["transactions/2024Q4-0000.parquet"]


def test_every_table_of_the_contract_is_filled_and_just_what_is_planted_is_bad(demo):
    with embedded_engine(demo) as con:
        verdicts = land(demo, con)
    assert all(v.delivered and v.accepted > 0 for v in verdicts.values()), [
        n for n, v in verdicts.items() if not v.accepted
    ]
    planted = json.loads((demo.place(demo.source.folder) / "truth" / "bad_rows.json").read_text())
    broken = {n: {**v.set_aside, **v.emptied} for n, v in verdicts.items()}
    assert {n: rules for n, rules in broken.items() if rules} == planted
    assert verdicts["customers"].emptied == {"sex.allowed": 2}  # which costs the value only
    assert set(verdicts) == set(CONTRACT)


def test_its_size_and_mix_are_as_announced(demo):
    source = demo.place(demo.source.folder)
    customers = pd.read_parquet(source / "customers")
    rows = sum(
        pq.ParquetFile(f).metadata.num_rows for f in (source / "transactions").glob("*.parquet")
    )
    assert 70 < rows / len(customers) < 130
    assert (customers["customer_type"] == "corporate").mean() == pytest.approx(0.08, abs=0.02)
    assert (
        customers["name"].str.contains("[\u4e00-\u9fff]").any()
        and customers["name"].str.contains("[A-Z]").any()
    )


def test_chunks_do_not_share_identifiers(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.demo.plan.CHUNK", 400)
    make_bank(tmp_path / "bank", 1200, 1)
    for table in (
        "customers",
        "accounts",
        "transactions",
        "loan_applications",
        "loans",
        "holdings",
        "cards",
        "surveys",
        "bills",
        "contacts",
    ):
        key = CONTRACT[table].key[0]
        ids = pd.read_parquet(tmp_path / "bank" / table, columns=[key])[key]
        ids = ids[~ids.str.startswith("bad_")]
        assert ids.duplicated().sum() == (5 if table == "transactions" else 0), table


def test_transfers_within_the_bank_stand_on_both_accounts(demo):
    rows = pd.read_parquet(demo.place(demo.source.folder) / "transactions")
    rows = rows[
        rows["counterparty_bank"].isna()
        & rows["counterparty_account"].notna()
        & ~rows["transaction_id"].duplicated()
        & ~rows["transaction_id"].str.startswith("bad_")
        & ~rows["transaction_id"].str.endswith("b")  # planted: a day that one branch booked twice
    ]
    total = rows.groupby(["booked_at"])["amount"].sum().astype(float)
    assert len(total) > 100
    assert total.abs().max() < 1e-9


def test_what_happens_to_customers_is_written_down_and_has_its_effect(ready_demo):
    from analysis.sources.params import read_params

    source = read_params(ready_demo).place(read_params(ready_demo).source.folder)
    truth = pd.read_parquet(source / "truth" / "life_events")
    assert set(truth["event"]) == {e.name for e in plan.LIFE_EVENTS}
    moved = truth[truth["event"] == "competitor_account"]
    rows = pd.read_parquet(
        source / "transactions",
        columns=["account_id", "booked_at", "counterparty_account", "counterparty_name", "amount"],
    )
    names = pd.read_parquet(source / "customers").set_index("customer_id")["name"]
    holders = pd.read_parquet(source / "account_holders")[
        ["account_id", "customer_id"]
    ].drop_duplicates("account_id")
    paid = rows[rows["counterparty_account"].fillna("").str.startswith("X9020")].merge(
        holders, on="account_id"
    )
    assert set(paid["customer_id"]) <= set(moved["customer_id"]) and len(paid) > 100
    assert (paid["counterparty_name"].to_numpy() == names[paid["customer_id"]].to_numpy()).all()
