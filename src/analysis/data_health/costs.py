"""What keeping the data takes and costs, what it will, and what other ways would save. Results in,
tables out.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from analysis.data_health.fitted import Footprint
from analysis.data_health.footprint import AS_KEPT
from analysis.data_health.words import label
from analysis.language import listed, say, sentences
from analysis.quarters import Quarter
from analysis.sources.params import Tier

#: A file of accepted rows: column to its type. quarter: of transactions, else empty. text: bytes of
#: what people wrote.
KEPT_FILES = {"table": "str", "quarter": "str", "rows": "int", "bytes": "int", "text": "int"}
#: A table as it is kept. text: share of its bytes. read: whether a report of the last four quarters
#: stands on it.
KEPT = {
    "table": "str",
    "rows": "float",
    "kilobytes": "float",
    "bytes_a_row": "float",
    "text": "float",
    "read": "str",
}
#: A part that is kept, with its place: column to its type.
PARTS = {
    "table": "str",
    "quarter": "str",
    "rows": "float",
    "kilobytes": "float",
    "tier": "str",
    "cost": "float",
    "read": "str",
}
#: A way of writing beside the one in use: shares of what that one takes and has to read.
WAYS_COMPARED = {"way": "str", "bytes": "float", "account": "float", "month": "float"}
#: What a tier holds and costs: cost, all_in_first: a year, in the bank's currency.
TIERS = {"tier": "str", "kilobytes": "float", "cost": "float", "all_in_first": "float"}
#: Quarters that a forecast needs, and looks ahead.
LEAST_QUARTERS, AHEAD = 4, 4
GIGABYTE, MONTHS = 1e9, 12
#: A way is worth naming where it takes less by this share, and makes neither question dearer by it.
WORTH = 0.05


class Growth(NamedTuple):
    """Bytes that come: by quarter, and of all together; each expected, with a 95 % interval."""

    quarters: list[tuple[float, float, float]]
    together: tuple[float, float, float]


def kept(
    files: pd.DataFrame, read: Collection[tuple[str, str]], least: int, withheld: Collection[str]
) -> pd.DataFrame:
    """What each table takes, the largest first: the columns `KEPT`.

    files: the columns `KEPT_FILES`. read: table and quarter of what a report stands on. least:
    fewer rows are not counted; withheld: neither are those of these tables.
    """
    tables = {table for table, _quarter in read}
    summed = files.groupby("table", as_index=False)[["rows", "bytes", "text"]].sum()
    told = summed.assign(
        kilobytes=summed["bytes"] / 1000,
        bytes_a_row=summed["bytes"] / summed["rows"].where(summed["rows"] > 0),
        text=summed["text"] / summed["bytes"],
        read=["yes" if table in tables else "no" for table in summed["table"]],
        rows=summed["rows"].astype(float),
    )
    hidden = _uncounted(told, least, withheld)
    told = told.assign(**{c: told[c].mask(hidden) for c in ("rows", "bytes_a_row")})
    return told.sort_values(["bytes", "table"], ascending=[False, True], ignore_index=True)[
        list(KEPT)
    ]


def parts(
    files: pd.DataFrame,
    read: Collection[tuple[str, str]],
    tiers: Sequence[Tier],
    quarter: Quarter,
    least: int,
    withheld: Collection[str],
) -> pd.DataFrame:
    """Every part that is kept, with its tier and what it costs a year: the columns `PARTS`.

    files, read, least, withheld: as for `kept`. A table without quarters is read as a whole, and
    belongs to the first tier.
    """
    rows = files.sort_values(["table", "quarter"], ignore_index=True)
    placed = [tier_of(tiers, name, quarter) for name in rows["quarter"]]
    prices = np.array([tier.price if tier else np.nan for tier in placed])
    told = rows.assign(
        rows=rows["rows"].astype(float).mask(_uncounted(rows, least, withheld)),
        kilobytes=rows["bytes"] / 1000,
        tier=[tier.name if tier else "" for tier in placed],
        cost=rows["bytes"] / GIGABYTE * MONTHS * prices,
        read=[
            "yes" if (table, part) in read else "no"
            for table, part in zip(rows["table"], rows["quarter"], strict=True)
        ],
    )
    return told[list(PARTS)]


def _uncounted(rows: pd.DataFrame, least: int, withheld: Collection[str]) -> pd.Series:
    """Of which rows no page tells how many they stand for."""
    return rows["table"].isin(list(withheld)) | (rows["rows"] < least)


def tier_of(tiers: Sequence[Tier], part: str, quarter: Quarter) -> Tier | None:
    """Where a quarter's rows belong by their age; those of no quarter in the first tier."""
    if not tiers:
        return None
    quarters = list(Quarter.parse(part).through(quarter)) if part[:1].isdigit() else []
    return next(t for t in tiers if t.quarters is None or len(quarters) <= t.quarters)


def by_tier(told: pd.DataFrame, tiers: Sequence[Tier]) -> pd.DataFrame:
    """What each tier holds and costs a year, and all of it in the first: the columns `TIERS`.

    told: the columns `PARTS`.
    """
    rows = [
        (
            tier.name,
            own["kilobytes"].sum(),
            own["cost"].sum(),
            own["kilobytes"].sum() * 1000 / GIGABYTE * MONTHS * tiers[0].price,
        )
        for tier in tiers
        for own in [told[told["tier"] == tier.name]]
    ]
    return pd.DataFrame(rows, columns=list(TIERS))


def ways(written: Footprint) -> pd.DataFrame:
    """Each way of writing beside the one in use, the smallest first: the columns
    `WAYS_COMPARED`.
    """
    by_name = {way.name: way for way in written.ways}
    if AS_KEPT not in by_name:
        return pd.DataFrame(columns=list(WAYS_COMPARED))
    own = by_name[AS_KEPT]
    rows = [
        (w.name, w.bytes / own.bytes, w.account / own.account, w.month / own.month)
        for w in sorted(written.ways, key=lambda w: (w.bytes, w.name))
    ]
    return pd.DataFrame(rows, columns=list(WAYS_COMPARED))


def growth(sizes: Sequence[float]) -> Growth | None:
    """What the coming `AHEAD` quarters will take, by a straight line through the quarters so far
    (least squares; the interval of a prediction by Student's t); None below `LEAST_QUARTERS`.

    sizes: bytes of each quarter, in order.
    """
    n = len(sizes)
    if n < LEAST_QUARTERS:
        return None
    y = np.asarray(sizes, dtype=float)
    x = np.column_stack([np.ones(n), np.arange(n)])
    inverse = np.linalg.inv(x.T @ x)
    line = inverse @ x.T @ y
    variance = float(((y - x @ line) ** 2).sum() / (n - 2))
    reach = float(stats.t.ppf(0.975, n - 2))

    def told(of: np.ndarray, times: int) -> tuple[float, float, float]:
        expected = float(of @ line)
        half = reach * float(np.sqrt(variance * (of @ inverse @ of + times)))
        return max(expected, 0.0), max(expected - half, 0.0), max(expected + half, 0.0)

    ahead = np.column_stack([np.ones(AHEAD), np.arange(n, n + AHEAD)])
    return Growth([told(of, 1) for of in ahead], told(ahead.sum(axis=0), AHEAD))


def sizes_by_quarter(files: pd.DataFrame, quarters: Sequence[str]) -> list[float]:
    """The bytes of the entries of each quarter; 0 where there are none."""
    by_quarter = files[files["quarter"] != ""].groupby("quarter")["bytes"].sum()
    return [float(by_quarter.get(quarter, 0.0)) for quarter in quarters]


def quarters_shown(quarters: Sequence[Quarter]) -> list[str]:
    """The quarters so far and the coming ones."""
    coming = [quarters[-1].shifted(place + 1) for place in range(AHEAD)]
    return [str(quarter) for quarter in [*quarters, *coming]]


def in_words(
    told: pd.DataFrame, compared: pd.DataFrame, coming: Growth | None, currency: str
) -> str:
    """What is kept, what would save, what comes and what no report reads, in sentences.

    told: the columns `PARTS`; compared: the columns `WAYS_COMPARED`.
    """
    total = told["kilobytes"].sum()
    if not total:
        return say("Nothing is kept yet.")
    said = [
        say("The accepted rows take {size}; what is made of them is not counted.").format(
            size=in_units(total * 1000)
        )
    ]
    if told["cost"].notna().any():
        priced = say(
            "At the prices of the params file that costs {cost} a year, each part in the tier of "
            "its age."
        )
        said.append(priced.format(cost=f"{told['cost'].sum():,.4g} {currency}"))
    if coming is not None:
        expected, low, high = (in_units(value) for value in coming.together)
        grow = say(
            "The entries of the coming four quarters will take {expected} more [{low}, {high}], if "
            "they go on along a straight line."
        )
        said.append(grow.format(expected=expected, low=low, high=high))
    if unread := _unread(told):
        old = say("No report of the last four quarters needs {what}.")
        said.append(old.format(what=listed(unread)))
    return sentences(*said, _worth_it(compared))


def _unread(told: pd.DataFrame) -> list[str]:
    """The tables, and quarters of them, that no report needs, with what they take."""
    rows = told[(told["read"] == "no") & (told["kilobytes"] > 0)]
    named = []
    for table, own in rows.groupby("table"):
        takes = in_units(own["kilobytes"].sum() * 1000)
        quarters = own.loc[own["quarter"] != "", "quarter"]
        if quarters.empty:
            named.append(f"{table} ({takes})")
            continue
        old = say("{table} of {n} quarters up to {last} ({size})")
        named.append(old.format(table=table, n=len(quarters), last=quarters.max(), size=takes))
    return named


def _worth_it(compared: pd.DataFrame) -> str:
    limit = 1 + WORTH
    good = compared[
        (compared["bytes"] <= 1 - WORTH)
        & (compared["account"] <= limit)
        & (compared["month"] <= limit)
    ]
    if compared.empty:
        return ""
    if good.empty:
        return say("No other way of writing takes noticeably less without more to read.")
    best = good.iloc[0]
    return say(
        "Written another way ({way}), entries would take {less} less, with no more to read."
    ).format(way=label(str(best["way"])), less=f"{1 - best['bytes']:.0%}")


def in_units(size: float) -> str:
    """Bytes in a unit that leaves up to three digits before the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.0f} TB"
