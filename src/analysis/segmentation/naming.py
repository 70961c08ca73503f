"""Names and plans of groups: from the rules of the params file, and carried on from the version
before.
"""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from analysis.segmentation.fitted import NamedGroup
from analysis.segmentation.quality import overlap
from analysis.sources.params import Plan

#: A group carries the name of an older one on when they share so much of their customers (Jaccard
#: similarity).
SAME_GROUP = 0.5


def named(
    customers: pd.DataFrame,
    label: np.ndarray,
    groups: int,
    plans: list[Plan],
    carried_on: dict[int, str],
) -> list[NamedGroup]:
    """A name and plan per group: `carried_on` from the version before, else the first plan whose
    conditions fit its median customer.

    A feature is high (low) when the group's median customer stands in the upper (lower) third of
    all, negative below zero.
    """
    numbers = customers.select_dtypes("number").astype(float)
    rank = numbers.rank(pct=True)
    by_name = {p.name: p for p in plans}
    names: list[NamedGroup] = []
    taken = set(carried_on.values())
    for g in range(groups):
        level, median = rank[label == g].median(), numbers[label == g].median()
        name = carried_on.get(g)
        if name:
            plan = by_name.get(name.split(" (")[0])
        else:
            plan = next((p for p in plans if _fits(p, level, median)), None)
            name = _free(plan.name if plan else f"Group {g + 1}", taken)
        taken.add(name)
        plan = plan or Plan(name=name)
        names.append(
            NamedGroup(name=name, kept=g in carried_on, **plan.model_dump(exclude={"name", "when"}))
        )
    return names


def _fits(plan: Plan, level: pd.Series, median: pd.Series) -> bool:
    return all(_holds(level, median, feature, want) for feature, want in plan.when.items())


def _holds(level: pd.Series, median: pd.Series, feature: str, want: str) -> bool:
    if want == "negative":
        return bool(median.get(feature, 0) < 0)
    rank = level.get(feature, np.nan)
    if np.isnan(rank):
        return False
    return want == ("high" if rank >= 2 / 3 - 0.05 else "low" if rank <= 1 / 3 + 0.05 else "middle")


def _free(name: str, taken: set[str]) -> str:
    number = 1
    while (free := name if number == 1 else f"{name} ({number})") in taken:
        number += 1
    return free


def matched(
    old: np.ndarray, new: np.ndarray, old_groups: int, new_groups: int
) -> list[tuple[int, int, float]]:
    """Which old group is which new one: old, new and their Jaccard similarity, matched one to one
    so that the similarities add up to most (the Hungarian method, Kuhn 1955), over the same
    customers.
    """
    similarity = overlap(old, new, old_groups, new_groups)
    pairs = zip(*linear_sum_assignment(-similarity), strict=True)
    return [(int(a), int(b), float(similarity[a, b])) for a, b in pairs]


def names_kept(
    old: np.ndarray, new: np.ndarray, old_names: list[str], new_groups: int
) -> dict[int, str]:
    """New group to the name it carries on."""
    return {
        b: old_names[a]
        for a, b, s in matched(old, new, len(old_names), new_groups)
        if s >= SAME_GROUP
    }
