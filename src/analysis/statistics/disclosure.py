"""Which counts must be withheld so that no small one can be worked out from those shown.

Tables that share totals are protected together by secondary cell suppression (Hundepool and others,
Statistical Disclosure Control, 2012, chapter 4). What a reader can work out by adding and
subtracting is found by passing bounds along the sums until nothing moves: the shuttle algorithm
(Buzzigoli and Giusti 1999). As long as a small count can be told more closely than its `width`, one
more count of the sum that tells it is withheld, a cheap one first.
"""

import numpy as np
import pandas as pd

#: What is known of a count: column to its type.
#: count: customers, or what else is counted.
#: width: how far apart the least and the most that it can be must stay; 0: anybody may know it.
#: least: what anybody knows it is at least, where it is not shown.
#: worth: what it is to a reader that one of it is shown.
#: withheld: it must be, whatever the others are. fixed: it stays as it is.
#: goes_with: the position of the count without which this one is not shown either; -1: none.
CELLS = {
    "count": "float",
    "width": "float",
    "least": "float",
    "worth": "float",
    "withheld": "bool",
    "fixed": "bool",
    "goes_with": "int",
}

#: Which counts add up to which: column to its type. A row for every part of a sum and for its
#: total. sum: number of the sum; cell: position of the count; sign: 1 for a part, -1 for the total.
SUMS = {"sum": "int", "cell": "int", "sign": "int"}


def withheld(cells: pd.DataFrame, sums: pd.DataFrame) -> np.ndarray:
    """Which counts are not shown, as true and false in the order of the cells.

    cells: the columns `CELLS`. sums: the columns `SUMS`. Deterministic; counts of equal cost are
    taken in their order. Where a sum has nothing left that may be withheld, it stays as it is.
    """
    count, width = cells["count"].to_numpy(float), cells["width"].to_numpy(float)
    value, fixed = count * cells["worth"].to_numpy(float), cells["fixed"].to_numpy(bool)
    hidden, goes_with = cells["withheld"].to_numpy(bool).copy(), cells["goes_with"].to_numpy(int)
    cell, least = sums["cell"].to_numpy(int), cells["least"].to_numpy(float)
    while True:
        _with_their_parents(hidden, goes_with)
        low, high = bounds(count, hidden, sums, least)
        told = hidden & (width > 0) & (high - low < width)
        by_sum_low, by_sum_high = _implied(low, high, sums)
        possible = by_sum_high - np.maximum(by_sum_low, least[cell])
        narrow = sums[hidden[cell] & (possible < np.where(told, width, width.max())[cell])]
        free = sums[~hidden[cell] & ~fixed[cell] & (value[cell] > 0)]
        ways = _ways_out(narrow, told)
        ways = ways[ways["mends"].isin(free["sum"])]
        if ways.empty:
            return hidden
        hidden[_cheapest(ways.merge(free, on="sum"), _costs(value, hidden, sums))] = True


def bounds(
    count: np.ndarray, hidden: np.ndarray, sums: pd.DataFrame, least: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most that each count can be for a reader who sees those not hidden, and
    knows what each is at `least`.
    """
    cell = sums["cell"].to_numpy(int)
    low = np.where(hidden, least, count)
    high = np.where(hidden, count.sum() + 1, count)
    while True:
        by_sum_low, by_sum_high = _implied(low, high, sums)
        closer_low, closer_high = low.copy(), high.copy()
        np.maximum.at(closer_low, cell, by_sum_low)
        np.minimum.at(closer_high, cell, by_sum_high)
        if np.array_equal(closer_low, low) and np.array_equal(closer_high, high):
            return low, high
        low, high = closer_low, closer_high


def _implied(low: np.ndarray, high: np.ndarray, sums: pd.DataFrame) -> tuple[np.ndarray, ...]:
    """What each sum says of each of its counts, given the bounds of the others: a pair of arrays in
    the order of `sums`.
    """
    place, cell = sums["sum"].to_numpy(int), sums["cell"].to_numpy(int)
    part = sums["sign"].to_numpy(int) > 0
    smallest = np.where(part, low[cell], -high[cell])
    largest = np.where(part, high[cell], -low[cell])
    from_others_low = largest - np.bincount(place, largest)[place]
    from_others_high = smallest - np.bincount(place, smallest)[place]
    return (
        np.where(part, from_others_low, -from_others_high),
        np.where(part, from_others_high, -from_others_low),
    )


def _with_their_parents(hidden: np.ndarray, goes_with: np.ndarray) -> None:
    """Withhold what is not shown without something that is withheld."""
    has_parent = goes_with >= 0
    while (follow := has_parent & hidden[goes_with] & ~hidden).any():
        hidden[follow] = True


def _ways_out(narrow: pd.DataFrame, told: np.ndarray) -> pd.DataFrame:
    """In which sums one more count may be withheld so that a sum tells no longer too much: the sum
    to be mended (`mends`), and itself or one that tells another of its counts (`sum`).

    narrow: the rows of sums that leave a hidden count little room. told: the counts in danger.
    """
    in_danger = told[narrow["cell"]]
    how_many = narrow["sum"].map(narrow.loc[in_danger, "sum"].value_counts()).fillna(0)
    mended = narrow.loc[in_danger, "sum"].unique()
    itself = pd.DataFrame({"mends": mended, "sum": mended})
    another = (how_many > 0) & ~(in_danger & (how_many == 1))  # than the one that it tells
    others = narrow.loc[another, ["sum", "cell"]].rename(columns={"sum": "mends"})
    through = others.merge(narrow[["sum", "cell"]], on="cell")
    return pd.concat([itself, through[["mends", "sum"]]]).drop_duplicates()


def _costs(value: np.ndarray, hidden: np.ndarray, sums: pd.DataFrame) -> np.ndarray:
    """What it costs to withhold each count: its value, once more for every sum in which nothing is
    withheld so far, because there another has to follow.
    """
    place, cell = sums["sum"].to_numpy(int), sums["cell"].to_numpy(int)
    lonely = np.bincount(place, hidden[cell]) == 0
    return value * (1 + np.bincount(cell, lonely[place], minlength=len(value)))


def _cheapest(candidates: pd.DataFrame, costs: np.ndarray) -> np.ndarray:
    """The cheapest count for each sum to be mended."""
    ordered = candidates.assign(cost=costs[candidates["cell"]])
    ordered = ordered.sort_values(["mends", "cost", "cell"]).drop_duplicates("mends")
    return ordered["cell"].to_numpy(int)
