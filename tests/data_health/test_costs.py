"""What keeping the data takes: sizes as they are on disk, and forecasts that hold what comes."""

import ibis
import numpy as np
import pandas as pd
import pytest

from analysis.data_health import costs
from analysis.data_health.fitted import Footprint
from analysis.data_health.footprint import AS_KEPT, WAYS, footprint
from analysis.data_health.reads import DataHealthTables
from analysis.errors import ParametersError
from analysis.quarters import Quarter
from analysis.sources.params import Tier

LAST = Quarter.parse("2024Q4")
TIERS = [
    Tier(name="fast", quarters=4, price=1.0),
    Tier(name="slow", quarters=8, price=0.5),
    Tier(name="archive", price=0.1),
]


def entries(n=100_000, accounts=500, seed=1):
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, 92, n)).astype("timedelta64[D]")
    rows = pd.DataFrame(
        {
            "transaction_id": [f"T{i:07d}" for i in range(n)],
            "account_id": [f"A{i:04d}" for i in rng.integers(0, accounts, n)],
            "booked_at": np.datetime64("2024-10-01") + day,
            "amount": rng.lognormal(4, 1, n).round(2),
        }
    )
    engine = ibis.duckdb.connect(threads=1)
    return engine, engine.create_table("transactions", rows)


def test_every_way_is_really_written_and_sorting_pays_where_it_should():
    told = footprint(*entries())
    by_name = {way.name: way for way in told.ways}
    assert set(by_name) == set(WAYS) and told.rows == 100_000
    own = by_name[AS_KEPT]
    assert by_name["uncompressed"].bytes > own.bytes and by_name["csv"].bytes > 2 * own.bytes
    # one account of 500 lies in one group of ten, or next to its border
    assert by_name["by_account_small_groups"].account < 0.25 * own.account
    assert by_name["by_month"].month < 0.45 * own.month
    assert footprint(*entries()) == told


def test_a_quarter_without_entries_has_no_ways():
    engine, rows = entries(10)
    assert footprint(engine, rows.filter(rows.amount < 0)) == Footprint(rows=0, ways=[])
    assert costs.ways(Footprint(rows=0, ways=[])).empty


def test_the_sizes_are_those_on_disk_and_what_is_needed_is_found(demo):
    partition = DataHealthTables(demo, "ALL", LAST)
    files = partition.kept
    folder = demo.data_folder / "contract"
    assert files["bytes"].sum() == sum(f.stat().st_size for f in folder.rglob("*.parquet"))
    accepted = len(pd.read_parquet(folder / "accounts.parquet"))
    assert files.set_index("table").loc["accounts", "rows"] == accepted
    # a column that people wrote in is a part of the bytes of its table, and no other table has one
    assert (files["text"] < files["bytes"]).all()
    assert set(files.loc[files["text"] > 0, "table"]) == {"transactions", "surveys", "complaints"}
    read = partition.stood_on()
    assert {("customers", ""), ("branches", ""), ("transactions", "2024Q4")} <= read
    assert ("standing_orders", "") not in read  # only the search for faults reads it
    told = costs.parts(files, read, TIERS, LAST, 10, ())
    assert told["kilobytes"].sum() == pytest.approx(files["bytes"].sum() / 1000)
    by_tier = costs.by_tier(told, TIERS).set_index("tier")
    at = files.set_index("quarter")["bytes"]
    slow = at[[q for q in at.index if q and q < "2024"]].sum()
    assert by_tier.loc["slow", "cost"] == pytest.approx(slow / 1e9 * 12 * 0.5)
    assert by_tier.loc["slow", "all_in_first"] == pytest.approx(slow / 1e9 * 12)
    assert by_tier["cost"].sum() == pytest.approx(told["cost"].sum())


def test_of_few_rows_and_of_tables_withheld_no_count_is_told():
    files = pd.DataFrame(
        [("customers", "", 500, 9000, 0), ("surveys", "", 5, 900, 90)],
        columns=list(costs.KEPT_FILES),
    )
    told = costs.kept(files, set(), 10, {"customers"})
    assert told[["rows", "bytes_a_row"]].isna().all(axis=None) and (told["kilobytes"] > 0).all()
    assert costs.parts(files, set(), [], LAST, 10, {"customers"})["rows"].isna().all()


@pytest.mark.parametrize("quarters", [4, 8])
def test_the_interval_of_the_coming_year_holds_what_comes(quarters):
    rng = np.random.default_rng(quarters)
    held = 0
    for _ in range(1000):
        slope = rng.normal(0, 5)
        sizes = 1000 + slope * np.arange(quarters + 4) + rng.normal(0, 20, quarters + 4)
        _expected, low, high = costs.growth(sizes[:quarters]).together
        held += low <= sizes[quarters:].sum() <= high
    assert 0.93 <= held / 1000 <= 0.97


def test_too_few_quarters_give_no_forecast():
    assert costs.growth([1.0, 2.0, 3.0]) is None
    assert costs.growth([5.0] * 4).together == pytest.approx((20.0, 20.0, 20.0))


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ([{"name": "a", "quarters": 4, "price": 1}], "each but the last has quarters"),
        ([{"name": "a", "price": 1}, {"name": "b", "price": 1}], "each but the last"),
        (
            [
                {"name": "a", "quarters": 4, "price": 1},
                {"name": "b", "quarters": 4, "price": 1},
                {"name": "c", "price": 1},
            ],
            "more than the one before it",
        ),
        (
            [{"name": "a", "quarters": 4, "price": 1}, {"name": "a", "price": 1}],
            "two have the same name",
        ),
        ([{"name": "a", "price": -1}], "price"),
    ],
)
def test_tiers_that_cannot_be_are_refused(small, tiers, said):
    small.params["data_health"] = {"tiers": tiers}
    with pytest.raises(ParametersError, match=said):
        small.bank()


def test_sizes_are_written_in_a_unit_that_fits():
    told = [costs.in_units(v) for v in (0, 999, 1000, 12_345_678, 3e15)]
    assert told == ["0 B", "999 B", "1 kB", "12.3 MB", "3,000 TB"]
