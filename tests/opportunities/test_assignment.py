"""Offers within capacity: the best there is, one for each customer."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from analysis.opportunities.assignment import assign


def pairs(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "product_id", "expected", "staff_id"])


def best_of_all(rows, room, limits):
    """The most that any choice of one product or none for each customer brings."""
    customers = sorted(set(rows["customer_id"]))
    choices = [[None, *rows[rows["customer_id"] == c].itertuples(index=False)] for c in customers]
    best = 0.0
    for chosen in product(*choices):
        made = [c for c in chosen if c is not None]
        counts = {p: sum(c.product_id == p for c in made) for p in limits}
        if len(made) <= room and all(counts[p] <= n for p, n in limits.items()):
            best = max(best, sum(c.expected for c in made))
    return best


def test_the_best_first_is_not_always_best():
    """B takes the only A, and C's second choice is worth far less than B's."""
    rows = pairs(("C1", "A", 10, "S1"), ("C1", "B", 9, "S1"), ("C2", "A", 8, "S1"))
    chosen, greedy, bound = assign(rows, {"S1": 2}, {"A": 1})
    assert greedy == 10 and bound == pytest.approx(17)
    assert set(zip(chosen["customer_id"], chosen["product_id"], strict=True)) == {
        ("C1", "B"),
        ("C2", "A"),
    }


@pytest.mark.parametrize("seed", range(12))
def test_nothing_that_could_be_chosen_brings_more(seed):
    rng = np.random.default_rng(seed)
    rows = pairs(
        *[
            (f"C{i}", p, float(rng.integers(1, 50)), f"S{i % 2}")
            for i in range(6)
            for p in "ABC"
            if rng.random() < 0.7
        ]
    )
    room, limits = {"S0": 2, "S1": 1}, {"A": 1, "B": 2}
    chosen, greedy, bound = assign(rows, room, limits)
    value = chosen["expected"].sum()
    assert value == pytest.approx(best_of_all(rows, 3, limits))
    assert greedy <= value + 1e-9 <= bound + 1e-6
    assert not chosen["customer_id"].duplicated().any() and len(chosen) <= 3
    assert (chosen["product_id"] == "A").sum() <= 1 and (chosen["product_id"] == "B").sum() <= 2
    assert (chosen["staff_id"].value_counts() <= pd.Series(room)).all()


def test_a_colleague_with_room_takes_over_what_is_too_much():
    rows = pairs(*[(f"C{i}", "A", 10.0 - i, "S1") for i in range(5)])
    chosen, _greedy, _bound = assign(rows, {"S1": 2, "S2": 2}, {})
    assert chosen["customer_id"].tolist() == ["C0", "C1", "C2", "C3"]
    assert chosen["staff_id"].tolist() == ["S1", "S1", "S2", "S2"]


def test_without_room_or_candidates_nothing_is_offered():
    rows = pairs(("C1", "A", 10, "S1"))
    assert assign(rows, {"S1": 0}, {})[0].empty and assign(rows, {}, {})[0].empty
    assert assign(rows.head(0), {"S1": 5}, {})[0].empty
    assert assign(rows, {"S1": 5}, {"A": 0})[0].empty
