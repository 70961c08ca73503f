"""What each member of staff did with what they were handed, against what is expected of whoever is
handed the same: so that chance and hard portfolios are not held against anybody.

Indirect standardisation: each entry has a chance of its own, told before and set in proportion to
what came in the whole bank; how many come by chance to whoever has these entries is exact, the
distribution of a sum of unequal yes or no (Poisson binomial; Hong 2013). A funnel plot draws it
(Spiegelhalter 2005). Members of staff count as beyond chance only after correction for how many
there are (Benjamini and Hochberg 1995).
"""

import numpy as np
import pandas as pd
from pandas.core.groupby import DataFrameGroupBy
from scipy import optimize

from analysis.disclosure.counts import LEAST_TO_TELL
from analysis.execution.fitted import Added, NotShown, OfKind, OfStaff
from analysis.execution.items import ALERT, EVENT, HELD_BACK, LOOKALIKE, NEAR, OFFER, SAVE
from analysis.statistics.intervals import corrected, difference_of_shares
from analysis.statistics.resampling import LEVEL

OF_BANK = ""  # in place of a branch
LEAST = 5  # entries of a member of staff that is compared
IN_TIME, SUCCESS = "in_time", "success"
HANDED_KINDS = (OFFER, LOOKALIKE, SAVE, EVENT, ALERT)


def by_kind(work: pd.DataFrame) -> list[OfKind]:
    """The entries by kind. work: columns of `items.WORK`."""
    kinds = []
    for kind in HANDED_KINDS:
        own = work[work["kind"] == kind]
        if own.empty:
            continue
        known = own[own["success"].notna()]
        told = known.loc[known["chance"].notna(), "chance"].astype(float)
        came = known["success"].astype(bool)
        kinds.append(
            OfKind(
                kind=kind,
                handed=len(own),
                **{c: int(own[c].sum()) for c in ("followed", "in_time", "done")},
                judged=len(known),
                successes=int(came.sum()),
                with_chance=len(told),
                came_with_chance=int(came[told.index].sum()),
                told=float(told.sum()),
                **_in_proportion(told.to_numpy(), came[told.index].to_numpy()),
            )
        )
    return kinds


def _in_proportion(told: np.ndarray, came: np.ndarray) -> dict[str, float | None]:
    """What has to be added to the log odds of chances for as many to come as came, and how exactly
    that is known; None where there are none, or all or nothing came.
    """
    if not 0 < came.sum() < len(came):
        return {"shift": None, "information": None}
    log_odds = _log_odds(told)
    shift = float(optimize.brentq(lambda a: _chance(log_odds + a).sum() - came.sum(), -40.0, 40.0))
    chance = _chance(log_odds + shift)
    return {"shift": shift, "information": float((chance * (1 - chance)).sum())}


def _log_odds(chance: np.ndarray) -> np.ndarray:
    within = np.clip(chance, NEAR, 1 - NEAR)
    return np.log(within / (1 - within))


def _chance(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))


def in_proportion(chance: pd.Series, kind: OfKind) -> np.ndarray:
    """The chances of entries of a kind in proportion to what came; of those without one, the share
    that came of such entries.
    """
    if kind.shift is None:
        share = kind.successes / kind.judged if kind.judged else np.nan
        return np.full(len(chance), share)
    without = kind.judged - kind.with_chance
    share = (kind.successes - kind.came_with_chance) / without if without else np.nan
    told = chance.to_numpy(dtype=float)
    return np.where(np.isnan(told), share, _chance(_log_odds(told) + kind.shift))


def by_staff(work: pd.DataFrame, kinds: list[OfKind]) -> list[OfStaff]:
    """Every member of staff and every branch with at least five entries, on both measures: in_time,
    of which the share of the entries of a kind in the whole bank is expected; success of what was
    offered, each entry by its own chance. Who stays and who leaves is no measure of staff: that
    would tell who left, and a call moves it little.

    A member of staff counts for the branch of most of the entries.
    """
    work = work[work["kind"].isin([k.kind for k in kinds])]
    rows = []
    for measure in (IN_TIME, SUCCESS):
        own = work if measure == IN_TIME else work[work["kind"].isin([OFFER, LOOKALIKE])]
        own = own[own[measure].notna()]
        own = own.assign(expected=_expected(own, measure, kinds))
        own = own[own["expected"].notna()]
        of_staff = own[own["staff_id"] != ""]
        home = of_staff.groupby("staff_id")["branch_id"].agg(lambda b: b.mode().min())
        of_staff = of_staff.assign(branch_id=of_staff["staff_id"].map(home))
        rows += _compared(of_staff.groupby(["branch_id", "staff_id"]), measure)
        rows += _compared(own.assign(staff_id="").groupby(["branch_id", "staff_id"]), measure)
    return rows


def _expected(work: pd.DataFrame, measure: str, kinds: list[OfKind]) -> pd.Series:
    """What is expected of each entry, 0 to 1."""
    expected = pd.Series(np.nan, index=work.index)
    for kind in kinds:
        own = work[work["kind"] == kind.kind]
        expected[own.index] = (
            kind.in_time / kind.handed if measure == IN_TIME else in_proportion(own["chance"], kind)
        )
    return expected


def _compared(groups: DataFrameGroupBy, measure: str) -> list[OfStaff]:
    rows = [
        {
            "branch_id": branch,
            "staff_id": staff,
            "measure": measure,
            "n": len(entries),
            **against_chance(
                int(entries[measure].astype(bool).sum()), entries["expected"].to_numpy()
            ),
        }
        for (branch, staff), entries in groups
        if len(entries) >= LEAST
    ]
    p = corrected(pd.Series([row["p"] for row in rows], dtype=float))
    return [OfStaff(**row, p_corrected=p[place]) for place, row in enumerate(rows)]


def not_shown(work: pd.DataFrame) -> list[NotShown]:
    """Where no page tells how many of those who were called are still customers: branches of whose
    customers one or two left, and as many more branches as it takes that nobody can tell it from
    the whole bank; the whole bank, too, where no other branches are left that lost anybody.
    """
    hidden = []
    for kind, entries in work[work["kind"].isin([SAVE, EVENT])].groupby("kind"):
        lost = (entries["success"] == False).groupby(entries["branch_id"]).sum()  # noqa: E712
        few = lost.between(1, LEAST_TO_TELL - 1)
        names, others = set(lost.index[few]), lost[lost >= LEAST_TO_TELL].sort_values(kind="stable")
        if not names:
            continue
        if len(others):
            names.add(others.index[0])
        else:
            names.add(OF_BANK)
        hidden += [NotShown(branch_id=str(name), kind=str(kind)) for name in sorted(names)]
    return hidden


def against_chance(came: int, chances: np.ndarray) -> dict[str, float]:
    """How many come by chance: expected, low and high (95 %), and the exact p of what came."""
    tail = (1 - LEVEL) / 2
    at_most, before, low, high = _poisson_binomial(np.clip(chances, 0.0, 1.0), came, tail)
    p = 2 * min(at_most, 1 - before)
    return {
        "came": came,
        "expected": float(chances.sum()),
        "low": low,
        "high": high,
        "p": min(max(p, 0.0), 1.0),
    }


def _poisson_binomial(chances: np.ndarray, came: int, tail: float) -> tuple[float, float, int, int]:
    """Of the number of yes among unequal chances: that at most, and that fewer than `came` come,
    and its quantiles `tail` and 1 − `tail`. (SciPy's takes no more than 63 chances.)
    """
    parts = [np.array([1 - p, p]) for p in chances]
    while len(parts) > 1:
        pairs = [np.convolve(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(parts) - len(parts) % 2 :]
    sums = np.cumsum(parts[0])
    return (
        float(sums[came]),
        float(sums[came - 1]) if came else 0.0,
        int(np.searchsorted(sums, tail)),
        min(int(np.searchsorted(sums, 1 - tail)), len(chances)),
    )


def added(work: pd.DataFrame) -> Added:
    """What offers added: the shares that took up what was offered, and what would have been."""
    known = work[work["success"].notna()]
    offered = known.loc[known["kind"] == OFFER, "success"].astype(bool)
    kept = known.loc[known["kind"] == HELD_BACK, "success"].astype(bool)
    counts = int(offered.sum()), len(offered), int(kept.sum()), len(kept)
    told = difference_of_shares(*counts) if min(len(offered), len(kept)) else (None, None, None)
    return Added(
        offered_took=counts[0],
        offered=counts[1],
        held_back_took=counts[2],
        held_back=counts[3],
        difference=told[0],
        low=told[1],
        high=told[2],
    )
