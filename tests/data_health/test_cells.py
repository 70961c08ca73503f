"""Wrong cells are found from the table itself, for the right reason, and a clean table has none."""

import numpy as np
import pandas as pd
import pytest
from benchmarks import data_health

from analysis.data_health.cells import WRONG_CELL, shape_of, wrong_cells
from tests.conftest import SHARED, left_out

ROWS = 400


@pytest.fixture
def clean():
    rng = np.random.default_rng(3)
    street = rng.integers(0, 20, ROWS)
    return pd.DataFrame(
        {
            "street": [f"Long Street {chr(65 + s)}" for s in street],
            "city": np.array(["Suzhou", "Hangzhou", "Nanjing", "Wuxi"])[street % 4],
            "code": [f"A-{n:04d}" for n in range(ROWS)],
            "income": np.round(rng.lognormal(10, 0.5, ROWS), 2).astype(str),
            "grade": rng.choice(["gold", "classic", "platinum"], ROWS),
        }
    )


def test_a_clean_table_has_no_wrong_cell(clean):
    assert wrong_cells(clean).empty


@pytest.mark.parametrize(
    ("column", "value", "sign", "instead"),
    [
        ("city", "Susnou", "dependency", None),
        ("grade", "clasisc", "typo", "classic"),
        ("code", "A_0012/7", "pattern", ""),
        ("income", "9999999999", "outlier", ""),
        ("income", "n/a", "no_value", ""),
        ("grade", "无", "no_value", ""),
        ("income", "2200 yuan", "pattern", "2200"),
    ],
)
def test_a_wrong_cell_is_found_and_says_why(clean, column, value, sign, instead):
    clean.loc[17, column] = value
    told = wrong_cells(clean)
    assert told[["row", "column", "sign"]].to_numpy().tolist() == [[17, column, sign]]
    expected = clean["city"].mode()[0] if instead is None else instead
    if instead is None:
        expected = clean.loc[clean["street"] == clean.loc[17, "street"], "city"].mode()[0]
    assert told["instead"].tolist() == [expected]


def test_two_values_in_one_cell(clean):
    rows = clean.assign(state=np.where(clean["city"] == "Hangzhou", "ZJ", "JS"))
    rows.loc[5, ["city", "state"]] = ["Nanjing JS", ""]
    told = wrong_cells(rows).set_index("column")
    assert told.loc["city", ["row", "sign", "instead"]].tolist() == [5, "two_in_one", "Nanjing"]
    assert told.loc["state", "instead"] == "JS"


@pytest.mark.parametrize("rows", [pd.DataFrame(), pd.DataFrame({"a": [None, ""]})])
def test_a_table_without_values_has_no_wrong_cell(rows):
    assert list(wrong_cells(rows)) == list(WRONG_CELL) and wrong_cells(rows).empty


def test_one_name_for_everything_is_no_fault():
    assert wrong_cells(pd.DataFrame({"name": ["客户"] * 500, "n": range(500)})).empty


def test_how_values_are_written():
    shapes = [shape_of(v) for v in ("A-0012", "12.50", "上海 浦东", "Long Street B")]
    assert shapes == ["a-9", "9", "字", "a"]


@pytest.mark.parametrize(
    ("name", "precision", "recall"), [("hospital", 0.9, 0.95), ("beers", 0.95, 0.95)]
)
def test_tables_with_known_errors(name, precision, recall):
    if not (place := SHARED / "dirty" / name).exists():
        left_out(str(place), "Set WORKBOOK_SHARED to the folder of the third-party data.")
    told = data_health.on_known_errors(place)
    assert told.precision >= precision and told.recall >= recall
