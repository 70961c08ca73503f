"""Potential customers: who is like the holders is found, and nobody is listed by chance."""

from collections import Counter
from functools import partial

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.language import because
from analysis.opportunities import lookalikes, potential
from analysis.opportunities.fitted import Likeness, OfLikeness
from analysis.opportunities.offers import OFFERED, is_held_back
from analysis.opportunities.rules import of_all_products
from analysis.quarters import Quarter
from analysis.sources.params import OfferedProduct, Offers, read_params
from analysis.tables import Tables

Q4 = Quarter.parse("2024Q4")
A = OfferedProduct(product="A", value=100, eligible={"of age": "age_years >= 18"})
SETTINGS = Offers(products=[A], holdout=0.0, lookalikes=5)


def people(n=1500, seed=0, planted=True, share=0.3):
    """Customers of whom those of 40 to 60 with much income want A, and half of them hold it."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "customer_id": [f"C{i:05d}" for i in range(n)],
            "customer_type": "personal",
            "active": True,
            **{c: rng.exponential(1, n) for c in lookalikes.COLUMNS[lookalikes.BEHAVIOUR]},
            "age_years": rng.uniform(18, 80, n),
            "income": np.exp(rng.normal(11, 0.7, n)),
            "tenure_years": rng.uniform(0, 20, n),
        }
    )
    wants = rows["age_years"].between(40, 60) & (rows["income"] > 60_000)
    holds = wants & (rng.random(n) < 0.5) if planted else pd.Series(rng.random(n) < share)
    return rows.assign(wants=wants, holds_A=holds)


def model_of(rows, known=lookalikes.EVERYBODY, product="A"):
    models = lookalikes.fit_likeness(rows, [product])
    return next(m for m in models if m.known == known)


def test_planted_holders_are_found_beyond_chance_and_those_like_them_are_told():
    rows = people()
    found = model_of(rows).result
    assert isinstance(found, OfLikeness) and found.beyond_chance
    assert found.low > 0.1 and found.auc_low > 0.8
    chance = lookalikes.chances(rows, found) / found.c
    without = ~rows["holds_A"]
    first = rows[without].assign(chance=chance[without]).nlargest(50, "chance")
    assert first["wants"].mean() > 0.8 > 5 * rows.loc[without, "wants"].mean()


def test_random_holders_yield_a_list_no_more_often_than_the_level_says():
    listed = [
        any(
            m.result.beyond_chance
            for m in lookalikes.fit_likeness(people(500, seed, planted=False), ["A"])
        )
        for seed in range(12)
    ]
    assert sum(listed) <= 2  # of twelve at 5 % more than two would come once in fifty times


def test_a_product_without_a_list_is_named_on_the_page():
    models = lookalikes.fit_likeness(people(500, 3, planted=False), ["A"])
    assert not any(m.result.beyond_chance for m in models)
    told = potential.no_list(Likeness(quarter="2024Q4", consent=True, models=models), {"A": "Card"})
    assert "Card (Personal): by age, income, years with us" in told
    assert "no more often than by chance" in told
    assert lookalikes.likeness_of(ibis.memtable({"customer_id": ["C1"]}), None, models) is None


@pytest.mark.parametrize(
    ("holds", "why"),
    [
        (lambda rows: False, "Nobody holds it."),
        (lambda rows: True, "Fewer than 50 customers of the type are without it."),
        (lambda rows: rows.index < 49, "Fewer than 50 customers of the type hold it."),
    ],
)
def test_a_product_that_nobody_everybody_or_hardly_anybody_holds_has_no_list(holds, why):
    rows = people(300)
    rows["holds_A"] = holds(rows)
    assert because(model_of(rows).result) == why


def test_customers_of_whom_nothing_is_known_have_no_list():
    rows = people(300, planted=False)
    rows[list(lookalikes.KNOWN)] = np.nan
    assert because(model_of(rows).result).startswith("Nothing is known")


def test_holders_are_never_told_by_products_sex_or_credit_grade():
    for columns in lookalikes.COLUMNS.values():
        assert not {"products_held", "sex", "credit_grade"} & set(columns)
        assert not [c for c in columns if c.startswith(("has_", "holds_"))]


def test_the_order_of_rows_changes_nothing():
    rows = people(600)
    shuffled = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    assert lookalikes.fit_likeness(rows, ["A"]) == lookalikes.fit_likeness(shuffled, ["A"])


@pytest.fixture
def con():
    con = ibis.duckdb.connect(threads=1)
    yield con
    con.disconnect()


def quarter_of(con, n=6):
    """C0 dormant, C1 with one product, the others with two; C3 under age."""
    rows = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(n)],
            "branch_id": "B1",
            "customer_type": "personal",
            "manager_id": "S1",
            "consent": True,
            "quarter": "2024Q4",
            "active": [i != 0 for i in range(n)],
            "products_held": [2, 1, 2, 2, 2, 2][:n],
            "age_years": [40.0, 40, 40, 12, 40, 40][:n],
            "tenure_years": 5.0,
            "income": 1e5,
        }
    )
    return con.create_table("customers", rows, overwrite=True)


def of_the_bank(con):
    rows = pd.DataFrame(
        {
            "customer_id": ["C0", "P1", "P2", "LATE"],
            "branch_id": "B1",
            "customer_type": "personal",
            "manager_id": None,
            "consent": [True, True, None, True],
            "born_on": pd.to_datetime(["1980-01-01", "2015-01-01", None, "1980-01-01"]).date,
            "since": pd.to_datetime(["2020-01-01", None, "2020-01-01", "2025-01-02"]).date,
            "income": [1.0, 2.0, 3.0, 4.0],
        }
    )
    schema = {
        "customer_id": "string",
        "branch_id": "string",
        "customer_type": "string",
        "manager_id": "string",
        "consent": "boolean",
        "born_on": "date",
        "since": "date",
        "income": "decimal(18, 4)",
    }
    return con.create_table("of_bank", rows, schema=ibis.schema(schema), overwrite=True)


def everybody(con):
    rows = lookalikes.everybody(of_the_bank(con), quarter_of(con), Q4)
    return con.create_table("people", rows, overwrite=True)


def test_prospects_are_known_to_the_bank_and_have_no_account(con):
    kinds = everybody(con).to_pandas().set_index("customer_id")["potential"].to_dict()
    assert kinds == {
        "C0": "dormant",
        "C1": "single_product",
        **dict.fromkeys(("C2", "C3", "C4", "C5"), ""),
        **dict.fromkeys(("P1", "P2"), "prospect"),
    }


def test_who_may_not_have_a_product_is_left_out_and_a_prospect_only_if_that_is_known(con):
    barred = lookalikes.not_eligible(everybody(con), None, [A]).to_pandas()
    assert set(barred["customer_id"]) == {"P1"}  # nine years old; of P2 the age has to be asked
    assert (
        lookalikes.not_eligible(everybody(con), None, [A.model_copy(update={"eligible": {}})])
        is None
    )


def pairs(n=12):
    return pd.DataFrame(
        {
            "customer_id": np.repeat([f"C{i:02d}" for i in range(n)], 2),
            "branch_id": "B1",
            "manager_id": "S1",
            "customer_type": "personal",
            "potential": "dormant",
            "product_id": ["A", "B"] * n,
            "known": "everybody",
            "likeness": 1.0,
            "lift": [1.0 + i / n for i in range(n) for _p in "AB"],
            "first_reason": "",
            "second_reason": "",
        }
    )


def nobody_else(**changed):
    nothing = {
        "consent": pd.Series({f"C{i:02d}": True for i in range(12)}).astype("boolean"),
        "in_alerts": set(),
        "to_be_saved": set(),
        "with_event": set(),
        "contacts": pd.Series(dtype=float),
        "most_contacts": 2,
        "declined": pd.DataFrame(columns=["customer_id", "product_id"]),
    }
    return partial(of_all_products, **{**nothing, **changed})


def test_a_branch_gets_its_likeliest_customers_once_each_and_no_more_than_it_can_use():
    listed, best = lookalikes.potential_of_branch(pairs(), SETTINGS, Q4, nobody_else())
    assert listed["customer_id"].tolist() == ["C11", "C10", "C09", "C08", "C07"]
    assert best.total() == 12 and list(listed) == list(lookalikes.LIKENESS)
    none = SETTINGS.model_copy(update={"lookalikes": 0})
    assert lookalikes.potential_of_branch(pairs(), none, Q4, nobody_else())[0].empty


def test_nobody_on_another_list_in_an_alert_or_without_consent_is_listed():
    said = pd.Series({f"C{i:02d}": i not in (10, 9) for i in range(12)}).astype("boolean")
    said["C09"] = False
    elsewhere = nobody_else(
        consent=said,
        in_alerts={"C11"},
        to_be_saved={"C08"},
        with_event={"C07"},
        contacts=pd.Series({"C06": 2}),
        declined=pd.DataFrame({"customer_id": ["C05"], "product_id": ["A"]}),
    )
    listed, _best = lookalikes.potential_of_branch(pairs(), SETTINGS, Q4, elsewhere)
    assert listed["customer_id"].tolist() == ["C05", "C04", "C03", "C02", "C01"]
    assert listed["product_id"].tolist() == ["B", "A", "A", "A", "A"]


def test_who_is_kept_without_offer_by_lot_is_not_listed_either():
    lot = SETTINGS.model_copy(update={"holdout": 0.5, "lookalikes": 12})
    listed, _best = lookalikes.potential_of_branch(pairs(), lot, Q4, nobody_else())
    kept = {f"C{i:02d}" for i in range(12) if is_held_back(f"C{i:02d}", lot)}
    assert 0 < len(kept) < 12 and not kept & set(listed["customer_id"])
    assert len(listed) == 12 - len(kept)


def test_counts_below_the_smallest_cell_are_not_told():
    rows = people()
    models = lookalikes.fit_likeness(rows, ["A"])
    key = ("A", "personal", models[0].known)
    best = Counter({(*key, "dormant"): 21, (*key, "prospect"): 9})
    counted = lookalikes.with_potential(models, best)
    few = counted[0].model_copy(update={"customer_type": "corporate", "holders": 4})
    table = potential.told(Likeness(quarter="2024Q4", consent=True, models=counted), {}, 10)
    row = table.iloc[0]
    assert row["dormant"] == 21 and np.isnan(row["prospect"]) and row["holders"] > 50
    both = Likeness(quarter="2024Q4", consent=True, models=[*counted, few])
    assert potential.told(both, {}, 10)["holders"].isna().all()


def test_who_has_not_said_that_he_may_be_contacted_is_named_where_the_bank_asks_nobody():
    models = lookalikes.fit_likeness(people(300), ["A"])
    asked = Likeness(quarter="2024Q4", consent=True, models=models)
    nobody_asked = asked.model_copy(update={"consent": False})
    said = " ".join(potential.how_likeness_is_told(nobody_asked, SETTINGS))
    assert "delivers no consent" in said
    assert "delivers no consent" not in " ".join(potential.how_likeness_is_told(asked, SETTINGS))
    assert "random draw" in said and "doubtful" in said


def test_the_demo_bank_s_look_alikes_are_called_by_nobody_else(ready_demo):
    bank = read_params(ready_demo)
    of_bank = pd.read_parquet(bank.data_folder / "contract" / "customers.parquet")
    consent = of_bank.set_index("customer_id")["consent"]
    assert any(isinstance(m.result, OfLikeness) for m in Tables(bank, "ALL", Q4).likeness.models)
    for branch in ("B001", "B002"):
        p = Tables(bank, branch, Q4)
        listed = p.lookalikes
        assert 0 < len(listed) <= bank.offers.lookalikes
        assert not listed["customer_id"].duplicated().any()
        own = set(listed["customer_id"])
        assert consent[list(own)].fillna(False).all()
        assert not own & set(p.offers.loc[p.offers["decision"] == OFFERED, "customer_id"])
        assert not own & {c for c in own if is_held_back(c, bank.offers)}
        leaving = {e.name for e in bank.events if e.expect == "churn"}
        assert not own & set(p.events.loc[p.events["event"].isin(leaving), "customer_id"])
        told = potential.lookalikes(listed, p.customers, p.products)
        assert told["reasons"].str.contains("much like those who have ").all()
        assert told["lift"].is_monotonic_decreasing
