"""A change of a mean or share divided into parts that add up to it exactly."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Division:
    """A change and its parts; what could not be told apart is none."""

    before: float
    now: float
    mix: float  # of groups
    rate: float  # within groups
    new: float | None = None  # customers; None where the division is not of customers
    lost: float | None = None

    @property
    def change(self) -> float:
        """What the parts add up to."""
        return self.now - self.before


def by_group(before: pd.DataFrame, now: pd.DataFrame) -> Division:
    """The change of a mean over groups: how much comes of their sizes, how much of their own means
    (Kitagawa 1955, each weighted by the mean of both quarters, so that nothing is left over).

    before, now: a row a group, indexed by it, with n (its size or weight) and mean. The whole of a
    group that is there once only counts as mix.
    """
    sides = [before[["n", "mean"]].add_suffix("_0"), now[["n", "mean"]].add_suffix("_1")]
    both = pd.concat(sides, axis=1)
    both[["n_0", "n_1"]] = both[["n_0", "n_1"]].astype(float).fillna(0.0)
    w0, w1 = both["n_0"] / both["n_0"].sum(), both["n_1"] / both["n_1"].sum()
    r0 = both["mean_0"].astype(float).fillna(both["mean_1"])
    r1 = both["mean_1"].astype(float).fillna(both["mean_0"])
    return Division(
        before=float((w0 * r0).sum()),
        now=float((w1 * r1).sum()),
        mix=float(((w1 - w0) * (r0 + r1) / 2).sum()),
        rate=float(((r1 - r0) * (w0 + w1) / 2).sum()),
    )


def by_customer(before: pd.DataFrame, now: pd.DataFrame) -> Division | None:
    """The change of a mean over customers: what came of new and of lost ones, and of those who
    stayed how much of changing groups, and how much within groups. None where nobody was there in
    both quarters.

    before, now: a row a customer, indexed by the identifier, with group and value.
    """
    stayed = before.index.intersection(now.index)
    if not len(stayed):
        return None
    first, last = before.loc[stayed], now.loc[stayed]
    of_stayed = by_group(_means(first), _means(last))
    mean_before, mean_now = float(before["value"].mean()), float(now["value"].mean())
    return Division(
        before=mean_before,
        now=mean_now,
        mix=of_stayed.mix,
        rate=of_stayed.rate,
        new=mean_now - float(last["value"].mean()),
        lost=float(first["value"].mean()) - mean_before,
    )


def _means(customers: pd.DataFrame) -> pd.DataFrame:
    return customers.groupby("group")["value"].agg(n="size", mean="mean")
