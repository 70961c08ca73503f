"""Members of staff against what is expected of whoever is handed the same."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.execution import staff
from analysis.execution.findings import behind, beyond_chance, compared


def bank(members=30, each=40, seed=0, skill=None, hard=()):
    """Entries of members of staff who are all alike, but for those of `skill`."""
    rng = np.random.default_rng(seed)
    n = members * each
    who = np.repeat([f"S{i:02d}" for i in range(members)], each)
    is_offer = rng.random(n) < 0.6
    chance = np.where(is_offer, rng.beta(1, 12, n), rng.beta(12, 1, n))
    chance = np.where(is_offer & np.isin(who, hard), chance / 4, chance)
    follows = pd.Series(who).map(skill or {}).fillna(0.8).to_numpy()
    return pd.DataFrame(
        {
            "kind": np.where(is_offer, "offer", "save"),
            "branch_id": [f"B{int(w[1:]) % 3}" for w in who],
            "staff_id": who,
            "chance": chance,
            "followed": True,
            "in_time": rng.random(n) < follows,
            "done": True,
            # what was told was half of what comes
            "success": rng.random(n) < np.where(is_offer, np.minimum(2 * chance, 1), chance),
        }
    )


def told(work, measure):
    return compared(staff.by_staff(work, staff.by_kind(work)), measure, "ALL")


def test_where_nobody_is_better_few_are_beyond_the_limits_and_nobody_is_named():
    outside, named, of = 0, 0, 0
    for seed in range(20):
        for measure in ("in_time", "success"):
            rows = told(bank(seed=seed), measure)
            outside += int((~rows["came"].between(rows["low"], rows["high"])).sum())
            named += len(beyond_chance(rows))
            of += len(rows)
    assert outside / of <= 0.05
    assert named <= 2  # 40 pages at 5 %


def test_who_ignores_the_lists_is_told_from_who_follows_them():
    rows = told(bank(skill={"S03": 0.2, "S04": 0.15}), "in_time")
    assert set(behind(rows)["staff_id"]) == {"S03", "S04"}


def test_a_hard_portfolio_is_not_held_against_anybody():
    hard = ("S05", "S06", "S07")
    work = bank(seed=3, hard=hard)
    rows = told(work[work["kind"] == "offer"], "success").set_index("staff_id")
    of_hard = rows.loc[list(hard)]
    assert (of_hard["expected"] < rows["expected"].median()).all()
    assert (of_hard["came"] >= of_hard["low"]).all()


def test_chances_are_set_in_proportion_to_what_came():
    work = bank()
    for kind in staff.by_kind(work):
        own = work[work["kind"] == kind.kind]
        in_proportion = staff.in_proportion(own["chance"], kind)
        assert in_proportion.sum() == pytest.approx(own["success"].sum())
    nothing = work.assign(success=False)
    assert staff.by_kind(nothing)[0].shift is None
    assert (staff.in_proportion(work["chance"], staff.by_kind(nothing)[0]) == 0).all()


def test_what_comes_by_chance_is_exact():
    chances = np.random.default_rng(1).random(40)
    for came in (0, 12, 20, 40):
        sum_of = stats.poisson_binom(chances)
        ours = staff.against_chance(came, chances)
        both = 2 * min(sum_of.cdf(came), sum_of.sf(came - 1))
        assert ours["p"] == pytest.approx(min(both, 1), rel=1e-9)
        assert ours["low"] == sum_of.ppf(0.025) and ours["high"] == sum_of.ppf(0.975)
    even = staff.against_chance(520, np.full(1000, 0.5))  # more than SciPy takes
    assert even["low"] == stats.binom.ppf(0.025, 1000, 0.5)


def test_who_has_fewer_than_five_entries_is_not_compared():
    work = bank(members=4)
    few = work[(work["staff_id"] != "S00") | (work.groupby("staff_id").cumcount() < 4)]
    assert set(told(few, "in_time")["staff_id"]) == {"S01", "S02", "S03"}
    nobody = staff.by_staff(work.assign(staff_id=""), staff.by_kind(work))
    assert {s.staff_id for s in nobody} == {""}  # branches only


def saved(*lost):
    """Calls so that customers stay, twenty in each branch, of whom so many left."""
    return pd.DataFrame(
        {
            "kind": "save",
            "branch_id": np.repeat([f"B{i}" for i in range(len(lost))], 20),
            "success": [stayed for n in lost for stayed in [False] * n + [True] * (20 - n)],
        }
    )


def test_one_or_two_customers_who_left_are_not_told_of_and_do_not_follow_from_the_bank():
    def hidden(*lost):
        return {c.branch_id for c in staff.not_shown(saved(*lost))}

    assert hidden(0, 5, 9) == set()
    assert hidden(1, 5, 9, 0) == {"B0", "B1"}  # the sum of both is six
    assert hidden(2, 0, 0) == {"B0", staff.OF_BANK}  # else the bank's two would be told
    assert hidden(1) == {"B0", staff.OF_BANK}
    offers = saved(1, 5).assign(kind="offer")
    assert not staff.not_shown(offers)  # nobody leaves by not buying


def test_members_of_staff_are_not_compared_by_who_left():
    work = bank()
    left = work.assign(success=work["success"].where(work["kind"] != "save", False))
    assert told(work, "success").equals(told(left, "success"))


def test_who_serves_two_branches_is_one_member_of_staff():
    work = bank(members=4)
    both = work.assign(branch_id=np.where(np.arange(len(work)) % 3 == 0, "B9", work["branch_id"]))
    rows = told(both, "in_time")
    assert len(rows) == 4 and rows["n"].tolist() == [40] * 4


def test_what_offers_add_needs_somebody_kept_without():
    rows = pd.DataFrame(
        {"kind": ["offer"] * 100 + ["held_back"] * 100, "success": [True] * 30 + [False] * 170}
    )
    found = staff.added(rows)
    assert found.difference == pytest.approx(0.3) and found.low > 0.2
    assert staff.added(rows[rows["kind"] == "offer"]).difference is None
