"""On records with known answers that others made."""

import json

import pandas as pd
import pytest
from benchmarks import identification

from tests.conftest import SHARED, left_out


def there(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        left_out(str(path), "Set WORKBOOK_SHARED to the folder of the third-party data.")
    return path


def test_persons_with_typos():
    told = identification.persons(pd.read_csv(there("entity", "fake_1000.csv"), dtype=str))
    assert told.f1 >= 0.97


def test_two_systems_with_one_record_of_each_person():
    parts = [there("entity", f"febrl4{part}.csv") for part in "ab"]
    told = identification.linked_systems(*[identification.febrl(p) for p in parts])
    assert told.f1 >= 0.99


@pytest.mark.slow
def test_firms_by_their_short_name():
    lines = there("company-names-zh", "company.json").read_text(encoding="utf-8").splitlines()
    told = identification.short_names([json.loads(line) for line in lines])
    assert told["one to one"] >= 0.97
