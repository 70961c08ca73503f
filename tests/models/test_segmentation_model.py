import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from analysis.models.build import mart_files, read_model
from analysis.models.scoring import DORMANT
from analysis.models.segmentation import fit_segmentation, nearest_centre, standardised
from analysis.partition import Partition
from analysis.quarters import Quarter
from analysis.sources.params import Segmentation, read_params

LAST = Quarter.parse("2024Q4")


def people(n, **values):
    rng = np.random.default_rng(0)
    base = {
        "balance_end": 1000.0,
        "money_in": 100.0,
        "credit_grade": 5,
        "transactions": 5,
        "cash_share": 0.1,
        "mobile_share": 0.1,
        "pos_share": 0.1,
    }
    frame = pd.DataFrame(
        {k: np.full(n, v, dtype=float) * rng.lognormal(0, 0.05, n) for k, v in (base | values).items()}
    )
    return frame.assign(customer_type="personal", region="East")


def test_two_kinds_of_customers_are_found_as_two_groups():
    rows = pd.concat(
        [people(100), people(60, balance_end=900_000, money_in=90_000, transactions=60, mobile_share=0.9)],
        ignore_index=True,
    ).assign(customer_id=lambda f: [f"C{i:04d}" for i in f.index])
    model = fit_segmentation(rows, Segmentation(groups=(2, 5)))["personal"]
    assert [g["customers"] for g in model["groups"]] == [100, 60]
    assert model["stable"]


def test_too_few_customers_are_not_divided():
    rows = people(12).assign(customer_id=[f"C{i}" for i in range(12)])
    assert [g["customers"] for g in fit_segmentation(rows, Segmentation())["personal"]["groups"]] == [12]


def test_the_model_is_readable_json_and_the_same_every_time(demo):
    stored = read_model(demo, "segmentation")
    rows = pd.concat(pd.read_parquet(f) for f in mart_files(demo, "customer_quarter", demo.segmentation.fit_quarter))
    rows = rows[rows["active"]]
    again = fit_segmentation(rows.sample(frac=1, random_state=3), demo.segmentation)
    assert json.loads(json.dumps(again)) == stored["types"]


def test_the_engine_gives_the_group_that_numpy_gives(demo):
    model = read_model(demo, "segmentation")["types"]
    customers = Partition(demo, "ALL", LAST).customers
    for kind, part in model.items():
        rows = customers[(customers["customer_type"] == kind) & (customers["segment"] != DORMANT)]
        names = np.array([g["name"] for g in part["groups"]])
        expected = names[nearest_centre(standardised(rows, part["features"]), np.array(part["centres"]))]
        assert (rows["segment"].to_numpy() == expected).all()


def test_the_planted_groups_are_recovered(ready_demo):
    bank = read_params(ready_demo)
    customers = Partition(bank, "ALL", LAST).customers
    truth = pd.read_parquet(bank.place(bank.source.folder) / "truth" / "segments")
    both = customers[customers["segment"] != DORMANT].merge(truth, on="customer_id")
    assert adjusted_rand_score(both["planted"], both["segment"]) >= 0.75


@pytest.mark.parametrize("quarter", ["2024Q4"])
def test_a_customer_without_own_entries_is_dormant(demo, quarter):
    customers = Partition(demo, "ALL", Quarter.parse(quarter)).customers
    assert ((customers["segment"] == DORMANT) == ~customers["active"].astype(bool)).all()
    assert 0 < (customers["segment"] == DORMANT).sum() < len(customers) / 3
