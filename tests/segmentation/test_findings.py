import numpy as np
import pandas as pd
import pytest

from analysis.segmentation import findings
from analysis.sources.params import Value


def counts(**groups):
    rows = [("2024Q4", "personal", g, n) for g, (n, _) in groups.items()] + [
        ("2024Q3", "personal", g, b) for g, (_, b) in groups.items()
    ]
    return pd.DataFrame(rows, columns=["quarter", "customer_type", "segment", "customers"])


def people(segments, **values):
    frame = pd.DataFrame(
        {"customer_id": [f"C{i}" for i in range(len(segments))], "segment": segments, "customer_type": "personal"}
    )
    base = dict.fromkeys(findings.PROFILE, 1.0) | {
        "debt": 0.0,
        "in_arrears": False,
        "consent": True,
        "manager_id": "S1",
    }
    return frame.assign(**(base | values))


def test_shares_have_wilson_intervals():
    sizes = findings.group_sizes(counts(a=(80, 70), b=(20, 30)), "2024Q4", "2024Q3", 10).set_index("segment")
    assert sizes.loc["b", ["customers", "share", "before"]].tolist() == [20, 0.2, 30]
    assert (round(sizes.loc["b", "share_low"], 4), round(sizes.loc["b", "share_high"], 4)) == (
        0.1334,
        0.2888,
    )  # Wilson 1927 for 20 of 100


def test_one_small_group_takes_the_next_smallest_along_so_that_it_cannot_be_worked_out():
    sizes = findings.group_sizes(counts(a=(80, 80), b=(20, 20), c=(3, 3)), "2024Q4", "2024Q3", 10).set_index("segment")
    assert sizes["customers"].isna().to_dict() == {"a": False, "b": True, "c": True}
    assert sizes.loc["c", ["share", "share_low", "share_high", "before"]].isna().all()


def test_profiles_leave_out_groups_that_would_point_at_persons():
    profiles = findings.group_profiles(people(["a"] * 30 + ["b"] * 20 + ["c"] * 3), 10)
    assert profiles["segment"].tolist() == ["a"]


def test_value_follows_from_the_assumptions():
    rows = people(["a"] * 20, balance_end=1000.0, debt=[100.0] * 10 + [0.0] * 10, in_arrears=[True] * 5 + [False] * 15)
    value = findings.value_and_risk(
        rows, Value(deposit_margin=0.01, lending_margin=0.1, loss_given_default=0.5), 10
    ).iloc[0]
    assert value["total"] == pytest.approx(20 * 10 + 10 * 10 - 5 * 50)
    assert (value["arrears"], value["n"]) == (0.25, 20)
    assert value["value_low"] < value["value_a_year"] < value["value_high"]


def test_migration_counts_moves_and_hides_small_ones():
    was = people(["a"] * 40 + ["b"] * 30)
    now = people(["a"] * 25 + ["b"] * 15 + ["b"] * 28 + ["a"] * 2)
    moves = findings.migration(was, now, 10).set_index(["was", "became"])
    assert moves.loc[("a", "b"), ["customers", "of", "share"]].tolist() == [15, 40, 0.375]
    assert np.isnan(moves.loc[("b", "a"), "customers"]) and np.isnan(moves.loc[("b", "b"), "customers"])
    assert findings.moved_share(was, now, 10)["share"] == pytest.approx(17 / 70)


def test_eta_squared_is_one_where_groups_explain_all_and_zero_where_nothing():
    table = findings.separation(
        people(["a"] * 10 + ["b"] * 10, balance_end=[1.0] * 10 + [2.0] * 10, money_in=[1.0, 2.0] * 10)
    ).set_index("feature")
    assert table.loc["balance_end", "eta_squared"] == pytest.approx(1)
    assert table.loc["money_in", "eta_squared"] == pytest.approx(0)


def test_nothing_in_gives_empty_tables():
    nothing = pd.DataFrame()
    assert findings.group_sizes(nothing, "2024Q4", "2024Q3", 10).empty
    for table in (
        findings.group_profiles(nothing, 10),
        findings.value_and_risk(nothing, Value(), 10),
        findings.migration(nothing, nothing, 10),
        findings.separation(nothing),
    ):
        assert table.empty and len(table.columns)
