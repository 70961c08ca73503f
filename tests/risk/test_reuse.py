"""What several settings share is computed once, and nothing else is."""

import pandas as pd
import pytest

from analysis.risk.reuse import equal, reused, reusing
from analysis.sources.params import Mortgage

RULES = Mortgage()
STRICTER = RULES.model_copy(update={"min_borrowers": 5})
LATER = RULES.model_copy(update={"late_days": 5})


@pytest.fixture
def runs():
    return []


@pytest.fixture
def large(runs):
    """A part of a decision that reads one threshold."""

    @reused
    def of_borrowers(loans, settings):
        runs.append("large")
        return loans[loans["borrowers"] >= settings.min_borrowers]

    return of_borrowers


@pytest.fixture
def loans():
    return pd.DataFrame({"borrowers": [1, 6]})


def test_a_part_is_not_run_again_for_a_threshold_it_does_not_read(large, loans, runs):
    with reusing():
        assert large(loans, RULES) is large(loans, LATER)
    assert runs == ["large"]


def test_a_part_is_run_again_for_a_threshold_it_reads_and_an_equal_result_is_the_same(
    large, loans, runs
):
    with reusing():
        assert large(loans, RULES) is large(loans, STRICTER)
    assert runs == ["large", "large"]


def test_a_part_is_run_again_for_other_rows(large, loans, runs):
    with reusing():
        large(loans, RULES)
        large(loans.copy(), RULES)
    assert runs == ["large", "large"]


def test_what_a_part_of_a_part_reads_counts_as_read_whether_it_is_run_or_not(large, loans, runs):
    @reused
    def count(rows, settings):
        runs.append("count")
        return len(large(rows, settings))

    with reusing():
        large(loans, RULES)
        assert count(loans, RULES) == 1
        assert count(loans, RULES.model_copy(update={"min_borrowers": 7})) == 0
    assert runs == ["large", "count", "count", "large"]


def test_nothing_is_kept_outside(large, loans, runs):
    large(loans, RULES)
    large(loans, RULES)
    with reusing():
        large(loans, RULES)
    with reusing():
        large(loans, RULES)
    assert len(runs) == 4


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (pd.DataFrame({"a": [1.0, None]}), pd.DataFrame({"a": [1.0, None]}), True),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]}), False),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}, index=[5]), False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ((1, "x", None), (1, "x", None), True),
        (frozenset("ab"), frozenset("ba"), True),
        (object(), object(), False),
    ],
)
def test_results_are_equal_in_value_type_and_order(one, other, same):
    assert equal(one, other) is same
