"""Which records are one customer: groups of records that are likely the same and do not contradict
each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

#: A group holds together while the weights (log2 of the odds) of its pairs are on average above
#: this: records that tell little must not keep apart what others tie together.
LEAST_MEAN_WEIGHT = -4.0
MOST_WEIGHT = 12.0  # one pair speaks for or against with this much at most
SAID = 1e4  # weight of what a reviewer said
LARGEST = 20  # records; a larger group is held back, and looked at by people


def threshold(chances: pd.Series, precision: float) -> float:
    """The lowest chance from which pairs are taken for the same customer, so that of those taken
    the expected share `precision` is right; 1 where none reaches it.
    """
    ordered = np.sort(chances.to_numpy())[::-1]
    means = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    enough = np.flatnonzero(means >= precision)
    return max(float(ordered[enough[-1]]), 0.3) if len(enough) else 1.0


def connected(pairs: pd.DataFrame) -> pd.DataFrame:
    """The records of pairs (`left`, `right`) by connected component: `customer_id`, `component`."""
    records = pd.Index(pd.unique(pairs[["left", "right"]].to_numpy().ravel())).sort_values()
    left, right = records.get_indexer(pairs["left"]), records.get_indexer(pairs["right"])
    size = len(records)
    matrix = coo_matrix((np.ones(len(pairs)), (left, right)), shape=(size, size))
    _count, labels = connected_components(matrix, directed=False)
    return pd.DataFrame({"customer_id": records, "component": labels})


def pairs_not_compared(components: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs within components of three records to `LARGEST` × 10 that are not among `pairs`:
    `join_key_l`, `join_key_r`.
    """
    known = set(zip(pairs["left"], pairs["right"], strict=True))
    missing = []
    for _component, records in components.groupby("component")["customer_id"]:
        if 2 < len(records) <= 10 * LARGEST:
            ids = sorted(records)
            missing += [
                (a, b) for i, a in enumerate(ids) for b in ids[i + 1 :] if (a, b) not in known
            ]
    return pd.DataFrame(missing, columns=["join_key_l", "join_key_r"], dtype="string")


@dataclass
class Groups:
    """Records by group.

    members: `customer_id`, `group` (the smallest id of it), groups of two records or more only.
    held_back: the same of groups that are not taken for one customer, with `why`: `too_large`, or
    `two_document`, `two_sex`, `two_born`.
    """

    members: pd.DataFrame
    held_back: pd.DataFrame


def grouped(
    pairs: pd.DataFrame,
    least: float,
    facts: pd.DataFrame,
    contradictions: Iterable[str],
    said: Mapping[tuple[str, str], bool],
) -> Groups:
    """Divide records into customers.

    pairs: `left` < `right`, `chance`, `weight`, of every pair that is compared within the
    components. least: the chance from which a pair ties. facts: the records' values by
    `customer_id`. said: pair to whether reviewers found it the same; it is obeyed.

    Components of ties are divided by average linkage (Sokal and Michener 1958) on the weights, so
    that a chain of near records does not become one customer.
    """
    weights = {
        (left, right): max(-MOST_WEIGHT, min(MOST_WEIGHT, weight))
        for left, right, weight in zip(pairs["left"], pairs["right"], pairs["weight"], strict=True)
    }
    weights |= {pair: SAID if same else -SAID * SAID for pair, same in said.items()}
    ties = pairs.loc[pairs["chance"] >= least, ["left", "right"]]
    same = pd.DataFrame([p for p, yes in said.items() if yes], columns=["left", "right"])
    components = connected(pd.concat([ties, same], ignore_index=True))
    known = {column: facts[column].dropna().to_dict() for column in contradictions}
    kept: list[tuple[str, str]] = []
    held: list[tuple[str, str, str]] = []
    for _component, records in components.groupby("component")["customer_id"]:
        for ids in _divided(sorted(records), weights):
            if len(ids) < 2:
                continue
            why = _objection(ids, known, said)
            held += [(i, ids[0], why) for i in ids if why]
            kept += [(i, ids[0]) for i in ids if not why]
    return Groups(
        pd.DataFrame(kept, columns=["customer_id", "group"], dtype="object"),
        pd.DataFrame(held, columns=["customer_id", "group", "why"], dtype="object"),
    )


def _divided(ids: list[str], weights: Mapping[tuple[str, str], float]) -> list[list[str]]:
    if len(ids) == 2:
        return [ids] if weights.get((ids[0], ids[1]), 0.0) > -SAID else [[i] for i in ids]
    if len(ids) > 10 * LARGEST:
        return [ids]
    apart = [
        SAID - weights.get((a, b), -MOST_WEIGHT) for i, a in enumerate(ids) for b in ids[i + 1 :]
    ]
    labels = fcluster(linkage(np.array(apart), "average"), SAID - LEAST_MEAN_WEIGHT, "distance")
    parts: dict[int, list[str]] = {}
    for record, label in zip(ids, labels, strict=True):
        parts.setdefault(int(label), []).append(record)
    return list(parts.values())


def _objection(
    ids: list[str],
    known: Mapping[str, Mapping[str, str]],
    said: Mapping[tuple[str, str], bool],
) -> str:
    """Why records are not taken for one customer; empty where nothing speaks against it, or where
    reviewers said it of as many pairs as tie them together.
    """
    agreed = sum(said.get((a, b), False) for i, a in enumerate(ids) for b in ids[i + 1 :])
    if agreed >= len(ids) - 1:
        return ""
    if len(ids) > LARGEST:
        return "too_large"
    for column, of_record in known.items():
        values = {of_record[i] for i in ids if i in of_record}
        if len(values) > 1 and not (column == "born" and _near_dates(values)):
            return f"two_{column}"
    return ""


def _near_dates(dates: set[str]) -> bool:
    """Whether dates of birth (eight digits) differ by no more than slips: two digits, those of
    month and day in any order.
    """
    texts = sorted(date[:4] + "".join(sorted(date[4:])) for date in dates)
    return all(
        sum(x != y for x, y in zip(a, b, strict=True)) <= 2
        for i, a in enumerate(texts)
        for b in texts[i + 1 :]
    )
