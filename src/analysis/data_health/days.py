"""What each branch booked on each day, and the days that are unlike what was to be expected.

A day of a branch is compared with the other branches on the same day, so that salary days, holidays
and the like, which all of them have, cancel out; the bank as a whole, and a branch of a bank with
too few, with its own days of the same kind in the calendar. Counts and shares are made comparable
by transformations that steady their variance (logarithm; arcsine of the root, Freeman and Tukey
1950); levels, common effects and noise are medians and median absolute deviations, which half of
the days cannot spoil (Rousseeuw and Croux 1993). A day counts as unlike the others where it lies
`FAR` deviations off and the difference matters.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.contract.tables import CHANNELS, KINDS
from analysis.partition import ALL

#: What is counted of a day: column to its type.
DATA_DAY = {
    "branch_id": "string",
    "day": "date",
    "entries": "int64",
    "accounts": "int64",
    "amount": "float64",  # mean of ln(1 + |amount|), told as a geometric mean
    "incoming": "int64",
    "named": "int64",  # entries with the account of the other side
    **{f"kind_{k}": "int64" for k in KINDS},
    **{f"channel_{c}": "int64" for c in CHANNELS},
}
#: A day unlike what was to be expected. until: the last of several days in a row. measure: what is
#: unlike. found, expected: entries, mean amount, or share. far: in standard deviations.
UNUSUAL = {
    "branch_id": "string",
    "day": "date",
    "until": "date",
    "measure": "string",
    "found": "float64",
    "expected": "float64",
    "far": "float64",
}
#: Deviations from which a day is unlike the others. Of a normal distribution one value in two
#: million lies so far off; days have heavier tails, see benchmarks/data_health.py.
FAR = 5.0
#: From how many days before the level is taken, and how many of them there have to be.
LEVEL, LEAST = 60, 28
#: Other branches that are needed to tell what a day was like.
LEAST_OTHERS = 3
MANY_BRANCHES = 40  # of so many, one's own hardly moves the median
#: Entries that a branch has to have in a day (a week, a month) for it to be looked at.
LEAST_ENTRIES = 20
UNITS = {"day": 1, "week": 7, "month": 28}
SHARES = ("incoming", "named", *(c for c in DATA_DAY if c.startswith(("kind_", "channel_"))))
#: From which difference a day matters: of the logarithm of counts, and of shares.
MATTERS_COUNT, MATTERS_AMOUNT, MATTERS_SHARE = 0.35, 0.7, 0.08
#: Shares that hardly ever occur are not looked at.
LEAST_SHARE = 0.005
TO_NORMAL = 1.4826  # from the median absolute deviation to the standard deviation
LEAST_OF_KIND = 3  # days of a kind from which it is told what they have in common
CLEAR = 2.0  # errors of a median from which a kind of day is taken to differ
FIRST = 1e6  # what is added to the deviation of the measure that is told before all others
ROUNDS = 4  # of taking out one effect after the other


def day_rows(transactions: ir.Table, accounts: ir.Table) -> ir.Table:
    """The rows `DATA_DAY`: what each branch booked on each day, from one scan."""
    rows = transactions.inner_join(accounts.select("account_id", "branch_id"), "account_id")
    kinds = {f"kind_{k}": (rows.kind == k).sum() for k in KINDS}
    channels = {f"channel_{c}": (rows.channel == c).sum() for c in CHANNELS}
    return rows.group_by("branch_id", day=rows.booked_at.date()).aggregate(
        entries=_.count(),
        accounts=_.account_id.nunique(),
        amount=(1 + _.amount.cast("float64").abs()).ln().mean(),
        incoming=(_.amount > 0).sum(),
        named=_.counterparty_account.count(),
        **kinds,
        **channels,
    )


def unusual_days(
    days: pd.DataFrame, branches: list[str], first: dt.date, last: dt.date, country: str = ""
) -> pd.DataFrame:
    """The days from `first` on unlike what was to be expected: the columns `UNUSUAL`, the furthest
    off first; of the bank as a whole under `ALL`.

    days: the rows `DATA_DAY` of as many days before as are to be compared with. last: the last day
    there should be entries of. country: whose public holidays the bank keeps (ISO 3166).
    """
    if days.empty:
        return pd.DataFrame(columns=list(UNUSUAL))
    found: list[pd.DataFrame] = []
    left = list(branches)
    for unit, length in UNITS.items():
        series = _of_unit(days, branches, last, length)
        usual = series["entries"].median()
        own = [b for b in left if usual[b] >= LEAST_ENTRIES]
        left = [b for b in left if b not in own]
        if own:
            found += _of_branches(series, own, length, country)
        if unit == "day" and usual.sum() >= LEAST_ENTRIES:
            bank = {c: table.sum(axis=1).to_frame(ALL) for c, table in series.items()}
            bank["amount"] = (series["amount"] * series["entries"]).sum(axis=1).to_frame(ALL)
            bank["amount"] /= bank["entries"].clip(lower=1)
            found += _of_branches(bank, [ALL], length, country)
    told = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(UNUSUAL))
    told = told[pd.to_datetime(told["until"]) >= pd.Timestamp(first)]
    return _explained_by_branches(_episodes(told))


def _of_unit(
    days: pd.DataFrame, branches: list[str], last: dt.date, length: int
) -> dict[str, pd.DataFrame]:
    """Column to a table of its values: days (or the last days of weeks or months) by branches."""
    rows = days.assign(day=pd.to_datetime(days["day"]), amount=days["amount"] * days["entries"])
    every = pd.date_range(rows["day"].min(), last)
    ends = every[::-1][::length][::-1]
    series = {}
    for column in DATA_DAY:
        if column in ("branch_id", "day"):
            continue
        table = rows.pivot_table(index="day", columns="branch_id", values=column, aggfunc="sum")
        table = table.reindex(index=every, columns=branches).fillna(0.0)
        series[column] = table.rolling(length).sum().loc[ends].dropna() if length > 1 else table
    series["amount"] = series["amount"] / series["entries"].clip(lower=1)
    return series


@dataclass(frozen=True)
class Measure:
    """A count or share of every day and branch, transformed so that its noise is steady.

    noise: the standard deviation that chance alone gives y, given how many entries there are; not a
    number where it is these that are counted. matters: the least difference. back:
    from y to what is told.
    """

    y: pd.DataFrame
    noise: pd.DataFrame
    matters: float
    back: Callable[[pd.DataFrame], pd.DataFrame]


def _measures(series: Mapping[str, pd.DataFrame]) -> dict[str, Measure]:
    entries = series["entries"]
    enough = entries >= LEAST_ENTRIES / 2  # of fewer, only that they are few can be told
    of_count = 1 / np.sqrt(entries + 1)
    per_account = np.log((series["accounts"] + 1) / (entries + 1)).where(enough)
    measures = {
        "entries": Measure(
            np.log(entries + 1), entries * np.nan, MATTERS_COUNT, lambda y: np.exp(y) - 1
        ),
        "amount": Measure(
            series["amount"].where(enough), of_count, MATTERS_AMOUNT, lambda y: np.exp(y) - 1
        ),
        "accounts": Measure(per_account, of_count, MATTERS_COUNT, np.exp),
    }
    of_share = 0.5 / np.sqrt(entries + 0.5)
    for name in SHARES:
        if series[name].sum().sum() >= LEAST_SHARE * entries.sum().sum():
            y = np.arcsin(np.sqrt((series[name] + 0.375) / (entries + 0.75)))
            measures[name] = Measure(y.where(enough), of_share, MATTERS_SHARE, _share)
    return measures


def _of_branches(
    series: Mapping[str, pd.DataFrame], own: list[str], length: int, country: str
) -> list[pd.DataFrame]:
    measures = _measures(series)
    expected = _expected(pd.concat({n: m.y for n, m in measures.items()}, axis=1), length, country)
    found = []
    for name, measure in measures.items():
        off = (measure.y - expected[name])[own]
        noise = measure.noise[own]
        if noise.isna().all(axis=None):  # of a count, that of what was to be expected
            noise = 1 / np.sqrt(np.exp(expected[name][own]).clip(lower=1))
        spread = ((off - off.median()) / noise).abs().median() * TO_NORMAL
        far = off / (noise * spread.clip(lower=1.0))
        shown, told = measure.back(measure.y[own]), measure.back(expected[name][own])
        difference = (shown - told).abs() if name in SHARES else off.abs()
        unlike = (far.abs() >= FAR) & (difference >= measure.matters)
        for branch in own:
            days = far.index[unlike[branch]]
            found.append(
                pd.DataFrame(
                    {
                        "branch_id": branch,
                        "day": days - pd.Timedelta(days=length - 1),
                        "until": days,
                        "measure": name,
                        "found": shown.loc[days, branch].to_numpy(),
                        "expected": told.loc[days, branch].to_numpy(),
                        "far": far.loc[days, branch].to_numpy(),
                    }
                )
            )
    return [f for f in found if len(f)]


def _share(y: pd.DataFrame) -> pd.DataFrame:
    return np.sin(y.clip(0, np.pi / 2)) ** 2


def _level(y: pd.DataFrame, length: int) -> pd.DataFrame:
    """What a branch had in the time before; at the beginning, in the time around."""
    window, least = max(LEVEL // length, 6), max(LEAST // length, 4)
    before = y.shift(1).rolling(window, min_periods=least).median()
    around = y.rolling(2 * window + 1, center=True, min_periods=1).median()
    return before.fillna(around)


def _expected(y: pd.DataFrame, length: int, country: str) -> pd.DataFrame:
    """What was to be expected of each branch and day.

    y: a column for each measure and branch.
    """
    if y.columns.get_level_values(1).nunique() > LEAST_OTHERS:
        off = y - _level(y, length)
        common = pd.concat({name: _of_others(off[name]) for name in off.columns.unique(0)}, axis=1)
        return common + _level(y - common, length)
    kinds = _kinds_of_days(pd.DatetimeIndex(y.index), country) if length == 1 else []
    calendar = pd.DataFrame(0.0, index=y.index, columns=y.columns)
    for _round in range(ROUNDS):
        level = _level(y - calendar, length)
        for kind in kinds:
            off = y - level - calendar
            calendar = calendar + _median_of_kind(off, kind)
    return calendar + _level(y - calendar, length)


def _of_others(off: pd.DataFrame) -> pd.DataFrame:
    """The median of the other branches; nothing where too few of them have a value."""
    if off.shape[1] > MANY_BRANCHES:
        return pd.DataFrame({b: off.median(axis=1) for b in off.columns})
    others = {b: off.drop(columns=b) for b in off.columns}
    return pd.DataFrame(
        {b: o.median(axis=1).where(o.count(axis=1) >= LEAST_OTHERS) for b, o in others.items()}
    )


def _median_of_kind(off: pd.DataFrame, kind: np.ndarray) -> pd.DataFrame:
    """To each day the median of its kind; nothing where the kind is too rare, or its median too
    near to nothing, to tell.
    """
    by_kind = off.groupby(kind)
    medians, counts = by_kind.median(), by_kind.count()
    spread = (off - off.median()).abs().median() * TO_NORMAL
    clear = medians.abs() > CLEAR * spread / np.sqrt(counts)
    medians = medians.where(clear & (counts >= LEAST_OF_KIND), 0.0)
    return medians.loc[kind].set_axis(off.index)


def _kinds_of_days(days: pd.DatetimeIndex, country: str) -> list[np.ndarray]:
    """What days have in common, one way after another: their place in the month, the day of the
    week, and whether the bank's country works on them.
    """
    number, month = days.day.to_numpy(), days.month.to_numpy() % 3
    to_end = np.minimum((days.days_in_month - days.day).to_numpy(), 3)
    return [  # what is surest first, so that a rare kind does not take what is another's
        days.day_of_week.to_numpy(),
        _is_holiday(days, country),
        10 * month + to_end,
        number,
        100 * month + number,  # what is booked once a quarter
    ]


def _is_holiday(days: pd.DatetimeIndex, country: str) -> np.ndarray:
    """2: off, though it would be a working day; 1: a weekend that is worked on; 0: as usual."""
    if not country:
        return np.zeros(len(days), dtype=int)
    kept = _calendar(country)
    weekend = days.day_of_week.to_numpy() >= 5
    works = np.array([kept.is_working_day(day.date()) for day in days])
    off = pd.Series(np.where(weekend, np.nan, ~works), dtype=float)
    # a weekend between days off is part of them
    within = (off.ffill() == 1) & (off.bfill() == 1)
    return np.where(within & ~(weekend & works), 2, np.where(weekend & works, 1, 0))


@cache
def _calendar(country: str):  # type: ignore[no-untyped-def]
    import holidays  # not needed where no calendar is named

    return holidays.country_holidays(country)


def _explained_by_branches(told: pd.DataFrame) -> pd.DataFrame:
    """Without what is unlike in the bank as a whole where a branch is unlike in the same way."""
    first, last = pd.to_datetime(told["day"]), pd.to_datetime(told["until"])
    of_branch = (told["branch_id"] != ALL) & ((last - first).dt.days < UNITS["week"])
    explained = [
        row.branch_id == ALL
        and bool(
            (
                of_branch
                & (first <= pd.Timestamp(row.until))
                & (last >= pd.Timestamp(row.day))
                & (told["measure"] == row.measure)
                & ((told["far"] > 0) == (row.far > 0))
            ).any()
        )
        for row in told.itertuples()
    ]
    return told[~np.array(explained, dtype=bool)].reset_index(drop=True)


def _episodes(rows: pd.DataFrame) -> pd.DataFrame:
    """Days in a row of a branch as one, told by the number of entries where that is unlike, and
    else by the measure that lies furthest off.
    """
    if rows.empty:
        return pd.DataFrame(columns=list(UNUSUAL))
    rows = rows.sort_values(["branch_id", "day", "measure"])
    ends = rows.groupby("branch_id")["until"].cummax().groupby(rows["branch_id"]).shift()
    begins = (pd.to_datetime(rows["day"]) - pd.to_datetime(ends)).dt.days > 1
    number = (begins | ends.isna()).cumsum()
    # that there are more or fewer entries is what everybody understands
    tells = rows["far"].abs() + np.where(rows["measure"] == "entries", FIRST, 0)
    furthest = rows.loc[tells.groupby(number).idxmax()].set_axis(sorted(number.unique()))
    told = furthest.assign(
        day=rows.groupby(number)["day"].min(), until=rows.groupby(number)["until"].max()
    )
    order = told["far"].abs().sort_values(ascending=False, kind="stable").index
    return told.loc[order, list(UNUSUAL)].reset_index(drop=True)
