"""What reviewers said of pairs of records, as far as it can be followed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Said:
    """pairs: to each pair (smaller id first) whether it is the same customer. not_followed: answers
    that are not obeyed, `review_id` and `why`: `gone` or `contradiction`.
    """

    pairs: dict[tuple[str, str], bool]
    not_followed: pd.DataFrame


def said_by_reviewers(reviews: pd.DataFrame, records: set[str]) -> Said:
    """reviews: rows of the contract's table. records: every record there is.

    Of several answers on one pair the last counts. An answer on a record that is gone is not
    followed; neither are those that contradict each other: two records said to differ that other
    answers make the same.
    """
    rows = reviews.sort_values(["decided_on", "review_id"], kind="stable")
    answers: dict[tuple[str, str], tuple[bool, str]] = {}
    aside = []
    for row in rows.itertuples():
        pair = (min(row.record, row.other_record), max(row.record, row.other_record))
        if not records.issuperset(pair):
            aside.append((row.review_id, "gone"))
        else:
            answers[pair] = (bool(row.same), row.review_id)
    root = _roots([pair for pair, (same, _id) in answers.items() if same])
    broken = {
        root(left)
        for (left, right), (same, _id) in answers.items()
        if not same and root(left) == root(right)
    }
    pairs = {}
    for (left, right), (same, review) in answers.items():
        if root(left) in broken and root(left) == root(right):
            aside.append((review, "contradiction"))
        else:
            pairs[left, right] = same
    return Said(pairs, pd.DataFrame(aside, columns=["review_id", "why"], dtype="object"))


def _roots(pairs: Iterable[tuple[str, str]]) -> Callable[[str], str]:
    """To a record the one that stands for all it is tied to (union-find)."""
    parent: dict[str, str] = {}

    def root(record: str) -> str:
        while parent.setdefault(record, record) != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    for left, right in pairs:
        parent[root(left)] = root(right)
    return root
