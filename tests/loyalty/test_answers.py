"""What the models of loyalty are fitted to."""

import ibis
import pandas as pd

from analysis.loyalty.answers import answers_with_behaviour, followed
from analysis.marts.rows import rows_of
from analysis.quarters import Quarter

QUARTERS = list(Quarter(2024, 1).through(Quarter(2024, 4)))


def test_a_customer_is_followed_from_the_first_answer_to_leaving_or_to_the_last_quarter():
    answers = pd.DataFrame(
        {
            "customer_id": ["stays", "leaves", "stays", "late"],
            "quarter": ["2024Q1", "2024Q1", "2024Q3", "2024Q4"],
        }
    )
    left = ibis.memtable(
        pd.DataFrame(
            {
                "customer_id": ["leaves", "stays"],
                "quarter": ["2024Q3", "2024Q3"],
                "left": [True, False],
            }
        )
    )
    rows = followed(answers, left, QUARTERS).set_index("customer_id")
    assert rows["followed"].to_dict() == {"stays": 3, "leaves": 2, "late": 0}
    assert rows["event"].to_dict() == {"stays": False, "leaves": True, "late": False}


def test_quarters_without_rows_and_marts_that_are_not_there_are_nothing():
    mart = ibis.memtable(pd.DataFrame({"quarter": ["2024Q1"], "n": [1]}))
    assert rows_of(mart, QUARTERS[0], QUARTERS[1]).to_pandas()["n"].tolist() == [1]
    assert rows_of(mart, QUARTERS[1]) is None and rows_of(None, QUARTERS[0]) is None
    assert answers_with_behaviour(None, mart, []).empty
