"""What the page says of what customers write."""

import numpy as np
import pandas as pd
import pytest

from analysis.voice import findings


def written(n, theme="slow · queue", quarter="2024Q4", source="survey", score=40.0, start=0):
    return pd.DataFrame(
        {
            "text_id": [f"Q{start + i}" for i in range(n)],
            "branch_id": "B1",
            "customer_id": [f"C{start + i}" for i in range(n)],
            "said_in": quarter,
            "source": source,
            "score": [score + i for i in range(n)] if source == "survey" else np.nan,
            "language": "en",
            "theme": theme,
            "nearness": 1.0,
            "quotation": [f"The queue was slow, number {start + i}" for i in range(n)],
            "comments_withheld": False,
            "complaints_withheld": False,
        }
    )


def test_nobody_is_quoted_from_a_group_of_fewer_than_five():
    comments = pd.concat(
        [
            written(5),
            written(4, "app · crash", start=10),
            written(3, "fee", start=20),
            written(2, "fee", start=20),
        ]
    )
    assert set(findings.quotations(comments, "2024Q4")["theme"]) == {"slow · queue"}
    one_person = written(8).assign(customer_id="C1")
    assert findings.quotations(one_person, "2024Q4").empty
    assert findings.quotations(pd.DataFrame(), "2024Q4").empty


def test_a_quotation_is_near_its_theme_and_holds_a_word_of_its_name():
    near = written(6).assign(nearness=[0.95, 0.7, 0.7, 0.59, 0.95, 0.9])
    near["quotation"] = [
        "Loans take months, nobody knows why",  # near, without a word of the name
        "I waited in a queue, again",
        "Waiting and waiting, so SLOW",
        "A queue, and much else",  # not near enough
        "A slow queue at the counter",
        "A slow queue at the counter",  # the same again
    ]
    quoted = findings.quotations(near, "2024Q4", each=9)["quotation"].tolist()
    assert quoted == [
        "A slow queue at the counter",
        "I waited in a queue, again",
        "Waiting and waiting, so SLOW",
    ]


def test_themes_have_their_score_and_small_ones_are_left_out():
    comments = pd.concat(
        [
            written(12),
            written(11, source="complaint", start=100),
            written(9, "app · crash", start=200),
            written(30, "old", "2023Q1", start=300),
        ]
    )
    found = findings.themes_now(comments, "2024Q4", 10).iloc[0]
    assert (found["theme"], found["n"], found["score"], found["complaints"]) == (
        "slow · queue",
        10,  # 12 and 11, rounded
        pytest.approx(45.5),
        10,
    )
    assert len(findings.themes_now(comments, "2024Q4", 10)) == 1
    by_quarter = findings.theme_table(comments, "2024Q4", 10)
    assert by_quarter[["theme", "said_in", "n", "complaints"]].values.tolist() == [
        ["slow · queue", "2024Q4", 12, 11]
    ]
