"""What a subject tells management in short is tested, and told the same everywhere."""

import re

import pandas as pd
import pytest

from analysis.report.brief import (
    Brief,
    KeyFigure,
    Point,
    ToDo,
    brief_html,
    change_in_words,
    changes,
    difference_in_words,
    finding,
    points,
    sparkline,
)
from analysis.statistics.intervals import share_interval


def share(quarter, count, of):
    low, high = share_interval(count, of)
    return Point(quarter=quarter, value=count / of, low=low, high=high, n=of)


def figure(*told, kind="share"):
    return KeyFigure(label="Left", kind=kind, points=list(told), changes=changes(list(told)))


def quarters(*counts, of=1000):
    return [share(f"2024Q{i}", count, of) for i, count in enumerate(counts, 1)]


def test_a_change_beyond_chance_is_said_to_be_one():
    told = figure(*quarters(50, 20, 20, 20, 50))
    previous, year_ago = told.changes
    assert previous.certain and not year_ago.certain
    assert change_in_words(told).startswith("Left: 5.0% (3.8% to 6.5%); +3.0 points since last")
    assert "beyond chance" in finding(told) or "more than chance" in change_in_words(told)
    assert finding(told) == "Left: +3.0 points since last quarter, beyond chance"


def test_a_change_that_may_be_chance_is_no_finding():
    told = figure(*quarters(20, 20, 20, 20, 25))
    assert not any(c.certain for c in told.changes)
    assert finding(told) == "Left: no change beyond chance"
    assert change_in_words(told).count("which may be chance") == 2


def test_two_comparisons_are_corrected():
    """p = 0.04 against last quarter alone is a finding; with a second comparison it is none."""
    both = figure(*quarters(40, 30, 30, 29, 46))
    alone = figure(*quarters(29, 46))
    assert alone.changes[0].certain and not both.changes[0].certain


def test_what_no_page_shows_is_not_compared():
    hidden = Point(quarter="2024Q1")
    told = figure(hidden, share("2024Q2", 20, 1000))
    assert told.changes == [] and finding(told) == "Left: no earlier quarter to compare with"
    assert finding(figure(share("2024Q1", 1, 10), hidden)) == "Left: not shown this quarter"


def test_a_count_is_compared_without_a_test():
    told = figure(
        Point(quarter="2024Q1", value=3.0), Point(quarter="2024Q2", value=5.0), kind="count"
    )
    assert told.changes[0].difference == 2 and told.changes[0].low is None
    assert change_in_words(told) == "Left: 5; +2 since last quarter."


@pytest.mark.parametrize(
    ("difference", "kind", "words"),
    [
        (0.0123, "share", "+1.2 points"),
        (-0.0123, "share", "−1.2 points"),
        (-0.0002, "share", "0"),
        (-1234.4, "money", "−1,234"),
        (0.004, "score", "0"),
        (2, "count", "+2"),
    ],
)
def test_a_difference_has_its_sign_and_none_has_none(difference, kind, words):
    assert difference_in_words(difference, kind) == words


def test_points_are_of_every_quarter_and_empty_where_the_table_is():
    table = pd.DataFrame({"quarter": ["2024Q1", "2024Q3"], "share": [0.1, float("nan")]})
    told = points(table, ["2024Q1", "2024Q2", "2024Q3"], "share")
    assert [(p.quarter, p.value) for p in told] == [
        ("2024Q1", 0.1),
        ("2024Q2", None),
        ("2024Q3", None),
    ]
    assert [p.value for p in points(pd.DataFrame(), ["2024Q1"], "share")] == [None]


def test_a_line_over_the_quarters_needs_three_and_leaves_gaps_out():
    assert sparkline(figure(*quarters(1, 2))) == ""
    line = sparkline(figure(*quarters(10, 20), Point(quarter="2024Q3"), *quarters(30)))
    assert re.search(r'<polyline points="([\d., ]+)"', line)[1].count(",") == 3
    assert 'aria-label="Left from 2024Q1 to 2024Q1: 1.0%, 2.0%, 3.0%"' in line


def test_rows_lead_to_their_files_and_the_list_only_where_there_is_one():
    brief = Brief(
        changed="a",
        why="",
        to_do="b",
        rows=[ToDo(what="RM-1", file="cases/RM-1.html"), ToDo(what="RM-2")],
        rows_title="Cases",
        rows_of="Alert",
        delivered="alerts",
    )
    page = brief_html(brief, "tables/risk_mortgage")
    assert 'href="tables/risk_mortgage/cases/RM-1.html"' in page
    assert 'href="tables/risk_mortgage/alerts.csv"' in page and page.count("<a ") == 3
    assert "<a " not in brief_html(brief)  # in JupyterLab nothing was written
    assert "Why" not in page  # what is not told has no head


def test_a_brief_comes_back_from_its_file_as_it_was():
    brief = Brief(changed="a", why="b", to_do="c", figures=[figure(*quarters(1, 2, 3))])
    assert Brief.model_validate_json(brief.model_dump_json()) == brief
