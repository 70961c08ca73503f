"""A change is divided into parts that add up to it, whatever the customers."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.decomposition import by_customer, by_group

customers = st.dictionaries(
    st.integers(0, 12), st.tuples(st.sampled_from("abc"), st.floats(-1e6, 1e6)), min_size=1
)


def frame(people):
    rows = pd.DataFrame.from_dict(people, orient="index", columns=["group", "value"])
    return rows.astype({"value": float})


@given(customers, customers)
def test_parts_add_up_to_the_change(before, now):
    division = by_customer(frame(before), frame(now))
    if division is None:
        assert not before.keys() & now.keys()
        return
    parts = division.mix + division.rate + division.new + division.lost
    assert parts == pytest.approx(division.change, abs=1e-6)


def test_only_what_changed_has_a_part():
    """Two groups, each with its own mean: customers who change group are mix, and nothing else."""
    before = frame({1: ("a", 10.0), 2: ("a", 10.0), 3: ("b", 30.0), 4: ("b", 30.0)})
    moved = frame({1: ("a", 10.0), 2: ("b", 30.0), 3: ("b", 30.0), 4: ("b", 30.0)})
    division = by_customer(before, moved)
    assert (division.mix, division.rate, division.new, division.lost) == (5.0, 0.0, 0.0, 0.0)
    dearer = frame({1: ("a", 12.0), 2: ("a", 12.0), 3: ("b", 30.0), 4: ("b", 30.0)})
    division = by_customer(before, dearer)
    assert (division.mix, division.rate) == (0.0, 1.0)
    joined = pd.concat([before, frame({5: ("a", 70.0)})])
    division = by_customer(before, joined)
    assert (division.new, division.mix, division.rate) == (10.0, 0.0, 0.0)
    division = by_customer(joined, before)
    assert (division.lost, division.now) == (-10.0, 20.0)


def test_kitagawas_own_example_comes_out():
    """Rates of two populations in two groups; each part by hand, weighted by the mean of both."""
    before = pd.DataFrame({"n": [600, 400], "mean": [0.10, 0.30]}, index=["a", "b"])
    now = pd.DataFrame({"n": [300, 700], "mean": [0.20, 0.40]}, index=["a", "b"])
    division = by_group(before, now)
    assert division.before == pytest.approx(0.18) and division.now == pytest.approx(0.34)
    assert division.mix == pytest.approx(-0.3 * 0.15 + 0.3 * 0.35)
    assert division.rate == pytest.approx(0.1 * 0.45 + 0.1 * 0.55)


def test_a_group_that_is_there_once_counts_as_mix():
    before = pd.DataFrame({"n": [10.0], "mean": [1.0]}, index=["a"])
    now = pd.DataFrame({"n": [10.0, 10.0], "mean": [1.0, 3.0]}, index=["a", "b"])
    division = by_group(before, now)
    assert (division.mix, division.rate, division.change) == (1.0, 0.0, 1.0)
