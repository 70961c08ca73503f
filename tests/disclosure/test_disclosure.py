"""No small count follows from all pages together."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from analysis.cli import app
from analysis.disclosure.counts import KEY, Counts, _without_known
from analysis.partition import Partition
from analysis.quarters import Quarter
from analysis.report.brief import Brief
from analysis.segmentation.scoring import NEW
from analysis.statistics.disclosure import CELLS, SUMS, bounds, withheld
from tests.disclosure.attack import printed, shown, subtracted, truth, worked_out
from tests.runs.command import call, told


def cells(*counts, small=10, **columns):
    table = pd.DataFrame({"count": np.array(counts, float)})
    few = table["count"].between(1, small - 1)
    return table.assign(
        width=np.where(few, small, 0),
        least=0.0,
        worth=columns.get("worth", 1.0),
        withheld=few,
        fixed=columns.get("fixed", False),
        goes_with=columns.get("goes_with", -1),
    )[list(CELLS)]


def adding_up(*totals_and_parts):
    rows = []
    for number, (total, parts) in enumerate(totals_and_parts):
        rows += [(number, part, 1) for part in parts] + [(number, total, -1)]
    return pd.DataFrame(rows, columns=list(SUMS))


def test_one_small_part_takes_the_cheapest_other_along():
    hidden = withheld(cells(4, 50, 30, 84), adding_up((3, [0, 1, 2])))
    assert hidden.tolist() == [True, False, True, False]


def test_two_small_parts_whose_sum_is_small_take_a_third_along():
    assert withheld(cells(2, 1, 40, 43), adding_up((3, [0, 1, 2]))).tolist() == [
        *[True] * 3,
        False,
    ]
    enough = withheld(cells(7, 6, 40, 53), adding_up((3, [0, 1, 2])))
    assert enough.tolist() == [True, True, False, False]


def test_nothing_small_nothing_withheld_and_a_zero_is_no_help():
    assert not withheld(cells(20, 30, 50), adding_up((2, [0, 1]))).any()
    assert withheld(cells(4, 0, 30, 34), adding_up((3, [0, 1, 2]))).tolist() == [
        True,
        False,
        True,
        False,
    ]


def test_rows_and_columns_are_protected_together():
    # two branches × three groups with all totals: parts 0–5, branches 6 and 7, groups 8–10
    counts = [5, 40, 60, 30, 35, 80, 105, 145, 35, 75, 140]
    ties = adding_up((6, [0, 1, 2]), (7, [3, 4, 5]), (8, [0, 3]), (9, [1, 4]), (10, [2, 5]))
    hidden = withheld(cells(*counts, worth=[1.0] * 6 + [9.0] * 5), ties)
    low, high = bounds(np.array(counts, float), hidden, ties)
    assert hidden[[0, 1, 3, 4]].all() and not hidden[6:].any()  # a rectangle, and no total
    assert high[0] - low[0] >= 10


def test_what_is_shown_only_with_something_else_is_not_shown_without_it():
    table = cells(40, 30, 70, goes_with=[-1, 0, -1]).assign(withheld=[True, False, False])
    assert withheld(table, adding_up((2, [0, 1]))).tolist() == [True, True, False]


def test_what_was_shown_before_stays_and_something_else_is_found():
    table = cells(4, 20, 30, 54, fixed=[False, True, False, False])
    assert withheld(table, adding_up((3, [0, 1, 2]))).tolist() == [True, False, True, False]


def test_the_same_counts_give_the_same_answer_in_any_order():
    table, ties = cells(4, 30, 30, 64), adding_up((3, [0, 1, 2]))
    shuffled = ties.sample(frac=1, random_state=1)
    assert withheld(table, ties).tolist() == withheld(table, shuffled).tolist()


NOTHING_BEFORE = pd.DataFrame(columns=list(KEY))


def by_branch(**counts):
    rows = [(b, *key, n) for b, groups in counts.items() for *key, n in groups]
    return pd.DataFrame(rows, columns=["branch_id", "customer_type", "segment", "count"])


def test_a_branch_s_small_group_cannot_be_had_from_the_bank_s_and_the_other_branches():
    counts = Counts(min_cell=10)
    groups = {b: [("personal", "a", 60), ("personal", "b", 50)] for b in ("B1", "B2", "B3")}
    groups["B1"][1] = ("personal", "b", 9)
    counts.add("group", by_branch(**groups), "segment")
    hidden = counts.hidden(NOTHING_BEFORE)
    of_b = hidden[hidden["first"] == "b"]
    assert "B1" in set(of_b["branch_id"]) and len(of_b) == 2


@pytest.mark.parametrize("table", ["left", "late"])
def test_who_knows_that_what_is_left_out_is_at_least_one_learns_no_small_count(table):
    """Of three branches with none, one, two or four who left or are in arrears; a zero is told."""
    of, by = ("active_before", ()) if table == "left" else ("borrowers", ("segment",))
    branches = ["A", "B", "C"]
    for vector in product((0, 1, 2, 4), repeat=3):
        counts, key = Counts(10), {"branch_id": branches, "customer_type": "p", "segment": "g"}
        counts.add(of, pd.DataFrame({**key, "count": 50}), *by)
        counts.add(table, pd.DataFrame({**key, "count": vector}), *by)
        hidden = counts.hidden(NOTHING_BEFORE)
        assert set(hidden["table"]) <= {table}
        left_out = set(hidden["branch_id"])
        options = [
            range(1, 9) if b in left_out else [n] for b, n in zip(branches, vector, strict=True)
        ]
        possible = [v for v in product(*options) if "ALL" in left_out or sum(v) == sum(vector)]
        for place, (branch, n) in enumerate(zip(branches, vector, strict=True)):
            assert branch in left_out or n not in (1, 2), vector
            if branch in left_out and n in (1, 2):
                assert len({v[place] for v in possible}) >= 3, (vector, left_out)


def test_where_nothing_is_counted_nothing_is_withheld():
    counts = Counts(min_cell=10)
    counts.add("comments", pd.DataFrame(columns=["branch_id", "theme", "count"]), "theme")
    assert counts.hidden(NOTHING_BEFORE).empty
    one = pd.DataFrame({"branch_id": ["B1"], "count": [0]})
    counts.add("left", one)
    assert counts.hidden(NOTHING_BEFORE).empty


def test_parts_that_are_more_than_their_total_are_an_error_of_the_program():
    counts = Counts(min_cell=10)
    one = pd.DataFrame({"branch_id": ["B1"], "customer_type": "personal", "count": [10]})
    counts.add("type", one)
    counts.add("group", one.assign(segment="a", count=11), "segment")
    with pytest.raises(ValueError, match="groups are more than their total"):
        counts.hidden(NOTHING_BEFORE)


def few(key, n):
    """Whether a count points at persons; of those new to a group no page tells anything."""
    of_new = key[1] == "move" and key[3] == NEW
    return not of_new and 0 < n < (3 if key[1] == "left" else 10)


def attacked(bank, quarter, every=1):
    """The intervals that all pages together leave to the small counts, by linear programming."""
    counts, figures = truth(bank, str(quarter)), shown(bank, quarter, 10)
    assert figures and all(counts[key] == value for key, value in figures.items())
    assert not [key for key, value in figures.items() if few(key, value)]
    targets = [key for key, n in counts.items() if key not in figures and few(key, n)]
    assert targets
    found = worked_out(counts, figures, targets[::every])
    # of one or two who left, three values stay possible
    assert all(high - low > 1.5 for key, (low, high) in found.items() if key[1] == "left")
    return {key: high - low for key, (low, high) in found.items() if key[1] != "left"}


@pytest.mark.parametrize("quarter", ["2023Q2", "2024Q4"])
def test_no_small_count_of_the_demo_bank_can_be_worked_out(demo, quarter):
    left = pd.Series(attacked(demo, Quarter.parse(quarter), every=3))
    assert left.min() > 2.5 and (left > 9.5).mean() > 0.9


@pytest.mark.slow
def test_no_small_count_of_berka_can_be_worked_out(berka):
    bank, _prepared = berka
    left = pd.Series(attacked(bank, bank.quarters.last, every=20))
    assert left.min() > 2.5 and (left > 9.5).mean() > 0.9


def test_the_attack_finds_what_is_only_left_out_branch_by_branch(demo, monkeypatch):
    nothing = Partition.not_shown(Partition(demo, "ALL", Quarter.parse("2024Q4")), "no such table")
    monkeypatch.setattr(Partition, "not_shown", lambda *_, **__: nothing)
    left = pd.Series(attacked(demo, Quarter.parse("2024Q4")))
    assert left.min() < 2.5


#: Those that count customers; `execution` counts entries of lists (tests/execution/test_staff.py).
REPORTS = ("segmentation", "customer_changes", "loyalty", "retention", "cross_sell")


@pytest.mark.slow
def test_the_pages_of_the_branches_taken_from_the_bank_s_leave_no_small_count(demo):
    chosen = [word for report in REPORTS for word in ("--report", report)]
    result = call(app, "run", str(demo.path), *chosen)
    assert result.exit_code == 0, told(result)
    for report in REPORTS:
        pages: dict = {}
        for ending in ("html", "evidence.html"):
            for page in (demo.output_folder / "2024Q4").glob(f"*/{report}.{ending}"):
                told_of = printed(page.read_text(encoding="utf-8"))
                pages.setdefault(page.parent.name, {}).update(told_of)
        assert len(pages) > 2 and sum(map(len, pages.values())) > 10
        assert subtracted(pages) == []


def test_the_value_of_no_customer_follows_from_the_briefs(demo):
    """No count beside it, three digits, and no division without the figure."""
    pages = list(demo.output_folder.glob("2024Q4/*/segmentation.brief.json"))
    if not pages:
        result = call(app, "run", str(demo.path), "--report", "segmentation")
        assert result.exit_code == 0, told(result)
        pages = list(demo.output_folder.glob("2024Q4/*/segmentation.brief.json"))
    assert len(pages) > 2
    for page in pages:
        brief = Brief.model_validate_json(page.read_text(encoding="utf-8"))
        value = brief.figures[0]
        amounts = [a for p in value.points for a in (p.value, p.low, p.high) if a is not None]
        assert amounts and all(a == float(f"{a:.3g}") for a in amounts)
        assert all(p.n is None for p in value.points)
        if brief.explained:
            ends = [p.value for p in value.points[-2:]]
            assert [brief.explained.before, brief.explained.now] == ends and None not in ends


def test_what_follows_from_a_sum_is_not_hidden_and_what_is_hidden_for_itself_stays():
    described = cells(4, 50, 30, 84)
    sums = adding_up((3, [0, 1, 2]))
    only_its_partner = np.array([False, True, False, False])
    assert _without_known(only_its_partner, described, sums).tolist() == [False] * 4
    small = np.array([True, False, False, False])
    assert _without_known(small, described, sums).tolist() == [True, False, False, False]
    both = np.array([True, True, False, False])
    assert _without_known(both, described, sums).tolist() == both.tolist()
    child = described.assign(goes_with=[-1, 0, -1, -1])
    with_parent = np.array([True, True, False, False])
    assert _without_known(with_parent, child, adding_up((3, [1, 2]))).tolist() == [
        True,
        True,
        False,
        False,
    ]
