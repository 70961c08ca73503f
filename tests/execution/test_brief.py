"""What the manager is told to do first."""

import pandas as pd

from analysis.execution import brief
from analysis.execution.items import ALERT, OFFER


def funnel(*rows):
    return pd.DataFrame(rows, columns=["kind", "untouched", "at_stake"])


def test_first_comes_what_most_is_at_stake_in_also_an_alert():
    first = brief._to_do(funnel((OFFER, 28, 1_104.0), (ALERT, 15, 10_338_371.0)))
    assert "15 of the" in first and "10,338,371" in first
    assert "28 of the" in brief._to_do(funnel((OFFER, 28, 1_104.0), (ALERT, 0, 0.0)))


def test_that_everything_was_followed_up_is_said():
    assert "Everything" in brief._to_do(funnel((OFFER, 0, 0.0)))
    assert "Nothing" in brief._to_do(funnel())
