"""Shapes of money: each found where it is planted, not where it is broken, and as often as counting
by hand says.
"""

import datetime as dt
from itertools import pairwise, permutations

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.risk import patterns


@pytest.fixture(scope="module")
def con():
    con = ibis.duckdb.connect(threads=1)
    yield con
    con.disconnect()


def of(con, rows):
    """Transfers from (payer, payee, day, amount)."""
    table = pd.DataFrame(rows, columns=["payer", "payee", "day", "amount"])
    table["booked_at"] = [
        dt.datetime(2024, 1, 1) + dt.timedelta(days=float(d)) for d in table["day"]
    ]
    table["transaction_id"] = [f"T{i}" for i in range(len(table))]
    table = table.astype({"payer": "string", "payee": "string", "amount": float}).drop(
        columns="day"
    )
    return con.create_table("transfers", table, overwrite=True)


def many_to_one(n, day=0, amount=100.0, hub="H"):
    return [(f"P{i}", hub, day + i / n, amount) for i in range(n)]


def test_a_fan_in_is_counted_by_payers_and_not_by_payments(con):
    rows = many_to_one(5) + many_to_one(5) + [("P0", "O", 0, 1.0)] * 9
    found = con.to_pandas(patterns.fan_in(of(con, rows), 10, 5))
    assert found[["hub", "parties", "transfers", "amount"]].values.tolist() == [
        ["H", 5, 10, 1000.0]
    ]
    assert con.to_pandas(patterns.fan_in(of(con, rows), 10, 6)).empty


def test_payers_spread_over_a_year_are_no_fan_in(con):
    rows = [(f"P{i}", "H", 40 * i, 100.0) for i in range(9)]
    assert con.to_pandas(patterns.fan_in(of(con, rows), 20, 3)).empty


def test_with_a_tolerance_only_like_amounts_count_together(con):
    rows = many_to_one(4, amount=100) + [(f"Q{i}", "H", 0.5, 300.0 * (i + 1)) for i in range(4)]
    found = con.to_pandas(patterns.fan_in(of(con, rows), 10, 3, 0.1))
    assert found["parties"].tolist() == [4] and found["amount"].tolist() == [400.0]
    assert con.to_pandas(patterns.fan_in(of(con, rows), 10, 3))["parties"].tolist() == [8]


def test_payers_who_split_their_payment_count_by_its_parts(con):
    rows = many_to_one(4) * 3 + [(f"Q{i}", "H", 0.5, 100.0) for i in range(6)]
    found = con.to_pandas(patterns.fan_in(of(con, rows), 10, 3, each=3))
    assert found[["parties", "transfers"]].values.tolist() == [[4, 12]]
    assert con.to_pandas(patterns.fan_in(of(con, rows), 10, 3, each=4)).empty


def test_the_transfers_of_a_fan_are_its_evidence(con):
    transfers = of(con, [*many_to_one(5), ("P9", "H", 200, 100.0), ("A", "B", 0, 5.0)])
    fans = patterns.fan_in(transfers, 10, 5)
    assert sorted(con.to_pandas(patterns.members(transfers, fans, 10))["transaction_id"]) == [
        f"T{i}" for i in range(5)
    ]


def test_a_fan_out_is_a_fan_in_turned_round(con):
    rows = [(b, a, d, m) for a, b, d, m in many_to_one(6)]
    assert con.to_pandas(patterns.fan_out(of(con, rows), 10, 6))["hub"].tolist() == ["H"]


def test_oneself_unknown_sides_and_reversed_bookings_make_no_shape(con):
    rows = (
        [("H", "H", 0, 10.0)] * 9
        + [(None, "H", 0, 10.0)] * 9
        + [(f"P{i}", "H", 0, -10.0) for i in range(9)]
    )
    for shape in (
        patterns.fan_in(of(con, rows), 10, 1),
        patterns.circles(of(con, rows), 3, 10, 0.5),
        patterns.shared_payers(of(con, rows), 10, 1),
    ):
        assert con.to_pandas(shape).empty


def gathered_and_scattered(share=0.95, later=2.0):
    return many_to_one(6, amount=100) + [("H", f"R{i}", later, 100.0 * share) for i in range(6)]


def test_what_gathers_and_then_scatters_is_found_and_what_keeps_the_money_is_not(con):
    found = con.to_pandas(
        patterns.gather_scatter(of(con, gathered_and_scattered()), 10, 5, 0.8)
    ).iloc[0]
    assert (found["hub"], found["payers"], found["payees"], found["gathered"]) == ("H", 6, 6, 600.0)
    for rows in (
        gathered_and_scattered(0.5),
        gathered_and_scattered(1.3),
        gathered_and_scattered(later=-40.0),
    ):
        assert con.to_pandas(patterns.gather_scatter(of(con, rows), 10, 5, 0.8)).empty


def test_money_over_many_accounts_to_one_again_is_found(con):
    rows = [("S", f"L{i}", i / 10, 100.0) for i in range(4)] + [
        (f"L{i}", "E", 2 + i / 10, 97.0) for i in range(4)
    ]
    found = con.to_pandas(patterns.scatter_gather(of(con, rows), 5, 4, 0.9)).iloc[0]
    assert (found["source"], found["sink"], found["links"], found["amount"]) == ("S", "E", 4, 388.0)
    assert con.to_pandas(patterns.scatter_gather(of(con, rows), 1, 4, 0.9)).empty  # not fast enough
    assert con.to_pandas(patterns.scatter_gather(of(con, rows), 5, 5, 0.9)).empty


@pytest.mark.parametrize("hops", [2, 3, 4, 5])
def test_a_circle_of_any_length_is_found_once_and_a_broken_one_never(con, hops):
    rows = [(f"A{i}", f"A{(i + 1) % hops}", i, 100.0 - i) for i in range(hops)] + [
        ("A0", "Z", 0, 50.0)
    ]
    found = con.to_pandas(patterns.circles(of(con, rows), 5, 5, 0.9))
    assert found[["transactions", "hops"]].values.tolist() == [
        [" ".join(f"T{i}" for i in range(hops)), hops]
    ]
    assert (
        con.to_pandas(patterns.circles(of(con, rows), hops - 1, 5, 0.9)).empty if hops > 2 else True
    )
    backwards = [(a, b, 9 - d, m) for a, b, d, m in rows]
    assert (
        con.to_pandas(patterns.circles(of(con, backwards), 5, 5, 0.9)).empty if hops > 2 else True
    )
    thin = [(a, b, d, m if d else 1000.0) for a, b, d, m in rows]
    assert con.to_pandas(patterns.circles(of(con, thin), 5, 5, 0.9)).empty


edges = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from("abcd"),
        st.integers(0, 8),
        st.sampled_from([90.0, 100.0, 200.0]),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=25, deadline=None)
@given(rows=edges)
def test_circles_are_those_that_counting_finds(con, rows):
    expected = set()
    for size in (2, 3, 4):
        for chain in permutations(range(len(rows)), size):
            steps = [rows[i] for i in chain]
            ordered = all(a[2] < b[2] and b[2] - a[2] <= 4 for a, b in pairwise(steps))
            linked = all(a[1] == b[0] for a, b in pairwise(steps)) and steps[-1][1] == steps[0][0]
            similar = all(0.8 <= b[3] / a[3] <= 1.25 for a, b in pairwise(steps))
            if ordered and linked and similar and len({s[0] for s in steps}) == size:
                expected.add(" ".join(f"T{i}" for i in chain))
    found = con.to_pandas(patterns.circles(of(con, rows), 4, 4, 0.8))["transactions"].tolist()
    assert sorted(found) == sorted(expected)


def test_two_accounts_with_the_same_payers_are_a_pair(con):
    rows = many_to_one(5, hub="X") + many_to_one(4, hub="Y") + [("P0", "Z", 0, 1.0)]
    found = con.to_pandas(patterns.shared_payers(of(con, rows), 10, 4))
    assert found.values.tolist() == [["X", "Y", 4]]


def test_a_tax_office_is_no_link_and_does_not_take_for_ever(con, monkeypatch):
    monkeypatch.setattr(patterns, "BUSIEST", 50)
    rng = np.random.default_rng(0)
    rows = [(f"P{i}", "TAX", float(d), 100.0) for i, d in enumerate(rng.uniform(0, 5, 300))]
    rows += [("TAX", f"P{i}", float(d), 100.0) for i, d in enumerate(rng.uniform(5, 10, 300))]
    assert con.to_pandas(patterns.circles(of(con, rows), 3, 10, 0.5)).empty
    assert con.to_pandas(patterns.fan_in(of(con, rows), 20, 200))["hub"].tolist() == ["TAX"]
