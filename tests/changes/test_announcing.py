"""An event that says nothing is not called an announcement, whoever it happens to."""

import ibis
import numpy as np
import pytest
from benchmarks.statistics import bank_of_events, recurring, two_types
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from analysis.changes.announcing import announcements, exact


def judged(customers, events, expect="churn"):
    con = ibis.duckdb.connect(threads=1)
    told = announcements(
        con.create_table("customers", customers), con.create_table("events", events), {"e": expect}
    )
    return told.events[0]


@pytest.mark.parametrize("make", [two_types, recurring])
def test_of_events_that_say_nothing_few_are_called_announcements(make):
    """At 5 %: of 60 banks at most 9, which a true size of 8 % passes once in 40 times."""
    found = sum(judged(*make(seed)).p < 0.05 for seed in range(60))
    assert found <= 9


def test_an_event_that_announces_is_found_and_customers_and_times_are_counted():
    customers, events = bank_of_events(np.random.default_rng(1), effect=0.15)
    told = judged(customers, events)
    assert told.p < 1e-4
    followed = events[events["quarter"] < events["quarter"].max()]
    assert told.customers == followed["customer_id"].nunique()
    assert told.times == len(followed) > told.customers


def test_few_outcomes_are_counted_exactly():
    one = np.array([[40, 10, 6, 5]])
    same = stats.fisher_exact([[5, 5], [1, 29]], alternative="greater").pvalue
    assert exact(one) == pytest.approx(min(1, 2 * same))
    two = np.array([[40, 10, 6, 3], [60, 20, 5, 1]])
    tables = [np.array([[b, w - b], [h - b, n - w - h + b]]) for n, w, h, b in two]
    assert exact(two) == pytest.approx(
        StratifiedTable(tables).test_null_odds(correction=True).pvalue, abs=0.15
    )
    assert exact(np.array([[10_000, 3_000, 2_000, 600]])) == 0.0  # enough for the other test


def test_what_cannot_be_judged_says_so():
    customers, events = two_types(3)
    nobody = judged(customers, events.head(0))
    assert nobody.p is None and nobody.customers == 0
    assert judged(customers.assign(products_held=np.nan), events, "purchase").p is None
    last = customers[customers["quarter"] == customers["quarter"].max()]
    assert judged(last, events).p is None  # nothing followed yet
