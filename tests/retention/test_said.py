"""Reasons as somebody says them on the telephone."""

import pytest

from analysis.retention.said import action, sentence
from analysis.sources.params import Event

EVENTS = [
    Event(
        name="inflow", title="Large inflow", rule="true", expect="purchase", action="Offer advice"
    )
]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("felt low", "Gave lower marks than most in the survey"),
        ("has_wealth yes", "Holds a product: wealth product"),
        ("has_mortgage no", ""),  # what a customer lacks is no reason to leave
        ("event_inflow yes", "Large inflow"),
        ("event_inflow no", ""),
        ("complained no", ""),
        ("money_in high", ""),
        ("age_years low", "Lower than usual: Age"),
        ("", ""),
    ],
)
def test_a_reason_is_a_sentence_or_is_not_said(reason, said):
    assert sentence(reason, EVENTS) == said


def test_what_to_do_fits_what_is_said():
    assert action("event_inflow yes", EVENTS) == "Offer advice"
    assert action("felt low", EVENTS) == "Ask what went wrong, and mend it"
    for unsaid in ("event_inflow no", "complained no", "balance_end high", "transactions high", ""):
        assert action(unsaid, EVENTS) == "Ask how things are, and what is missing"
