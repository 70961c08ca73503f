"""Days unlike what was to be expected: planted ones are told, and what everybody has is not."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from analysis.contract.tables import CHANNELS, KINDS
from analysis.data_health.days import DATA_DAY, UNUSUAL, unusual_days

FIRST, REPORTED, LAST = dt.date(2023, 10, 1), dt.date(2024, 10, 1), dt.date(2024, 12, 31)
RATES = ("branch_id", "day", "amount", "accounts")
BRANCHES = ["B1", "B2", "B3", "B4", "B5"]


def bank(branches=BRANCHES, seed=1, entries=200, closed=()):
    """Entries of every branch and day: fewer at weekends, many on the 10th, hardly any on the days
    closed.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for day in pd.date_range(FIRST, LAST):
        factor = 0.5 if day.day_of_week >= 5 else 1.0
        factor *= 3 if day.day == 10 else 1
        factor *= 0.2 if day.date() in closed else 1
        for branch in branches:
            n = int(rng.poisson(entries * factor))
            kinds = rng.multinomial(n, [0.5, 0.3, 0.2])
            counts = {c: 0 for c in DATA_DAY if c not in ("branch_id", "day")}
            counts |= {
                "entries": n,
                "accounts": int(0.8 * n),
                "amount": 7 + rng.normal(0, 1 / np.sqrt(max(n, 1))),
                "incoming": int(rng.binomial(n, 0.3)),
                "named": int(rng.binomial(n, 0.6)),
                "kind_card_payment": kinds[0],
                "kind_transfer": kinds[1],
                "kind_household": kinds[2],
                "channel_mobile": n,
            }
            rows.append({"branch_id": branch, "day": day, **counts})
    return pd.DataFrame(rows)


def told(rows, branches=BRANCHES, country=""):
    return unusual_days(rows, branches, REPORTED, LAST, country)


def test_an_ordinary_quarter_has_no_unusual_day():
    assert told(bank()).empty


@pytest.mark.parametrize(
    ("measure", "change"),
    [
        ("entries", dict.fromkeys([c for c in DATA_DAY if c not in RATES], 2)),
        ("incoming", {"incoming": 0}),
        ("named", {"named": 0}),
        ("kind_card_payment", {"kind_card_payment": 0}),
    ],
)
def test_a_day_that_differs_is_told_with_its_branch_and_measure(measure, change):
    rows = bank()
    here = (rows["branch_id"] == "B3") & (rows["day"] == "2024-11-20")
    for column, factor in change.items():
        rows.loc[here, column] *= factor
    found = told(rows)
    assert found["branch_id"].tolist() == ["B3"] and found["measure"].tolist() == [measure]
    assert str(found["day"][0])[:10] == "2024-11-20"


def test_amounts_in_cents_are_told():
    rows = bank()
    rows.loc[(rows["branch_id"] == "B3") & (rows["day"] == "2024-11-20"), "amount"] += np.log(100)
    found = told(rows)
    assert found["branch_id"].tolist() == ["B3"] and found["measure"].tolist() == ["amount"]


def test_a_branch_that_reports_late_is_told_as_one():
    rows = bank()
    rows = rows[~((rows["branch_id"] == "B2") & (rows["day"] >= "2024-12-29"))]
    found = told(rows)
    assert found["branch_id"].tolist() == ["B2"] and found["found"].tolist() == [0]
    assert [str(found[c][0])[:10] for c in ("day", "until")] == ["2024-12-29", "2024-12-31"]


def test_a_bank_of_two_branches_is_judged_by_the_calendar():
    rows = bank(BRANCHES[:2])
    rows.loc[(rows["branch_id"] == "B1") & (rows["day"] == "2024-11-20"), "entries"] *= 4
    assert told(rows, BRANCHES[:2])["branch_id"].tolist() == ["B1"]
    assert told(bank(BRANCHES[:2], seed=5), BRANCHES[:2]).empty


def test_public_holidays_are_no_fault_where_the_calendar_is_named():
    week = [dt.date(2023, 10, d) for d in range(1, 7)] + [dt.date(2024, 10, d) for d in range(1, 8)]
    spring = [dt.date(2024, 2, d) for d in range(10, 18)]
    rows = bank(BRANCHES[:2], closed=[*week, *spring])
    without, with_calendar = (told(rows, BRANCHES[:2], country) for country in ("", "CN"))
    assert len(without) >= 2 and with_calendar.empty


def test_what_all_branches_have_is_told_of_the_bank():
    rows = bank()
    rows.loc[rows["day"] == "2024-11-20", ["entries", "accounts"]] *= 3
    assert told(rows)["branch_id"].tolist() == ["ALL"]


def test_small_branches_are_looked_at_by_week_or_month():
    rows = bank(entries=6)
    here = (rows["branch_id"] == "B4") & rows["day"].between("2024-11-04", "2024-12-08")
    rows.loc[here, ["entries", "accounts"]] *= 6
    found = told(rows)
    assert "B4" in set(found["branch_id"]) and set(found["branch_id"]) <= {"B4", "ALL"}


def test_no_entries_at_all_are_no_days():
    empty = pd.DataFrame(columns=list(DATA_DAY))
    assert list(told(empty)) == list(UNUSUAL)
    assert len(KINDS) + len(CHANNELS) + 7 == len(DATA_DAY)
