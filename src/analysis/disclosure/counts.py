"""The counts that pages show of a quarter, and which of them add up to which."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.partition import ALL
from analysis.segmentation.scoring import DORMANT, LEFT, NEW
from analysis.statistics.disclosure import SUMS, withheld

#: What tells one count from another: column to its type. table: what is counted, see `Counts`;
#: first, second: what else it is told by, such as the group; empty where nothing.
KEY = dict.fromkeys(("branch_id", "table", "customer_type", "first", "second"), "string")
#: The counts of a quarter that are not shown: column to its type.
WITHHELD = {**KEY, "quarter": "string"}
#: One or two who left, or who are in arrears, point at persons; none does not.
LEAST_TO_TELL = 3
#: Where nothing is said of a zero, so that it looks like any other count that is not shown.
ZEROS_UNTOLD = ("move", "event", "new_holders")
#: Where a branch that has none is a zero that a reader knows of, or must not know of.
WITH_ZEROS = ("group", "origin", *ZEROS_UNTOLD)
#: What readers look at first, and how many times more than the same number of anything else it is
#: worth to them that it is shown.
SIZES = {"customers": 100.0, "active": 100.0, "type": 20.0, "active_type": 20.0, "group": 10.0}
#: What is never shown itself, but can be worked out.
NEVER_SHOWN = "other"


@dataclass
class Counts:
    """The counts of one quarter by branch; `add` takes them, `hidden` says which are not shown.

    Tables: customers and active, of a branch; type, by customer_type; group (first: its name);
    origin (first: group a quarter ago) and move (second: group now); in_both and moved, who was
    there a quarter ago and whose group is another now; event (first: its name); left; active_before
    (active a quarter ago); active_type, by customer_type; valued, borrowers and late (in arrears),
    by group; holders of a product (first: it), new_holders, who took it up in the quarter, and
    lacking, who do not hold it, which is on no page; answers (first: group or empty, second:
    dimension); measure (first: its name); comments and complaints, by language in place of
    customer_type (first: theme, second: quarter).
    """

    min_cell: int
    tables: list[pd.DataFrame] = field(default_factory=list)

    def add(self, table: str, counts: pd.DataFrame, *keys: str) -> None:
        """Counts of every branch: branch_id, customer_type where they are told by it, the columns
        `keys`, and count; those of the whole bank are their sums.
        """
        names = dict(zip(keys, ("first", "second"), strict=False))
        rows = counts.rename(columns=names).assign(table=table)
        for column in KEY:
            rows[column] = rows[column].fillna("").astype(str) if column in rows else ""
        rows = rows.groupby(list(KEY), as_index=False)["count"].sum()
        self.tables.append(_with_zeros(rows) if table in WITH_ZEROS else rows)

    def hidden(self, before: pd.DataFrame) -> pd.DataFrame:
        """The columns of `KEY` of every count that is not shown. before: those of the quarter
        before.
        """
        by_branch = pd.concat(self.tables, ignore_index=True)
        if by_branch.empty:
            return by_branch[list(KEY)]
        of_bank = by_branch.groupby(list(KEY)[1:], as_index=False)["count"].sum()
        cells = pd.concat([by_branch, of_bank.assign(branch_id=ALL)], ignore_index=True)
        cells, sums = _with_remainders(cells, _ties(cells))
        cells = self._described(cells, before)
        # sizes first, by themselves: no group's size is given up for a move
        sizes = cells["table"].isin(SIZES)
        of_sizes = sums[~sums["sum"].isin(sums.loc[~sizes[sums["cell"]].to_numpy(), "sum"])]
        among_sizes = withheld(cells.assign(withheld=cells["withheld"] & sizes), of_sizes)
        hidden = withheld(
            cells.assign(
                withheld=cells["withheld"] | (among_sizes & sizes),
                fixed=cells["fixed"] | (~among_sizes & sizes),
            ),
            sums,
        )
        hidden = _without_known(hidden, cells, sums)
        return cells.loc[hidden & ~_on_no_page(cells), list(KEY)].reset_index(drop=True)

    def _described(self, cells: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
        """The cells with the columns `CELLS`."""
        on_no_page = _on_no_page(cells)
        few = cells["table"].isin(["left", "late"])
        limit = np.where(few, LEAST_TO_TELL, self.min_cell)
        small = (cells["count"] > 0) & (cells["count"] < limit) & ~on_no_page
        # that nobody left or is in arrears is told, so what is not told is at least one
        known = few & (cells["count"] > 0)
        # who left a group is no secret beyond what all departures tell
        few |= (cells["table"] == "move") & (cells["second"] == LEFT)
        hidden_before, shown_before = _as_before(cells, before)
        return cells.assign(
            width=np.where(small, np.where(few, LEAST_TO_TELL, self.min_cell) - known, 0),
            least=known.astype(float),
            worth=cells["table"].map(SIZES).fillna(1.0),
            withheld=small | on_no_page | hidden_before,
            fixed=shown_before,
            goes_with=_parents(cells),
        )


def _without_known(hidden: np.ndarray, cells: pd.DataFrame, sums: pd.DataFrame) -> np.ndarray:
    """What is hidden without what follows from a sum of which all else is shown: hiding that tells
    nobody less. What was to be hidden for its own sake stays so, and what is shown only with
    something that is hidden.
    """
    hidden = hidden.copy()
    for_itself, parents = cells["withheld"].to_numpy(), cells["goes_with"].to_numpy()
    while True:
        of_hidden = sums[hidden[sums["cell"]]]
        alone = of_hidden.loc[~of_hidden["sum"].duplicated(keep=False), "cell"].to_numpy()
        with_hidden = (parents[alone] >= 0) & hidden[parents[alone]]
        known = alone[~for_itself[alone] & ~with_hidden]
        if not len(known):
            return hidden
        hidden[known] = False


def _on_no_page(cells: pd.DataFrame) -> pd.Series:
    """Which cells no page has, whatever they count: remainders, customers new to a group, and
    zeros that look like any other count that is not shown.
    """
    new = (cells["table"] == "move") & (cells["first"] == NEW)
    zero = cells["table"].isin(ZEROS_UNTOLD) & (cells["count"] == 0)
    return (cells["table"] == NEVER_SHOWN) | new | zero


def _with_zeros(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts of one table with those that are zero, of every branch."""
    of_type = ["table", "customer_type"]
    firsts = counts[[*of_type, "first"]].drop_duplicates()
    seconds = counts[[*of_type, "second"]].drop_duplicates()
    told = counts[["branch_id"]].drop_duplicates().merge(firsts.merge(seconds), how="cross")
    told = told[(told["first"] != NEW) | (told["second"] != LEFT)]
    return told.merge(counts, how="left").fillna({"count": 0})


def _as_before(cells: pd.DataFrame, before: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Which cells were counted a quarter ago, too, and were not shown then, or were: the groups
    that customers come from, and the active ones of whom some left.
    """
    origin, active = cells["table"] == "origin", cells["table"] == "active_before"
    keys_before = cells[list(KEY)].assign(
        table=cells["table"].mask(origin, "group").mask(active, "active")
    )
    known = pd.MultiIndex.from_frame(before[list(KEY)].astype(str))
    hidden = pd.Series(pd.MultiIndex.from_frame(keys_before).isin(known), index=cells.index)
    return hidden & (origin | active), ~hidden & (origin | active)


def _places(cells: pd.DataFrame, keys: pd.DataFrame) -> np.ndarray:
    """The position of the cell with each key; -1 where there is none."""
    index = pd.MultiIndex.from_frame(cells[list(KEY)])
    return index.get_indexer(pd.MultiIndex.from_frame(keys[list(KEY)]))


#: What is shown only where something else is: table to the table and the parts of the key it keeps.
PARENTS: dict[str, tuple[str, Sequence[str]]] = {
    "type": ("customers", ()),
    "group": ("type", ("customer_type",)),
    "move": ("origin", ("customer_type", "first")),
    "active_type": ("type", ("customer_type",)),
    "moved": ("in_both", ()),
    "event": ("active", ()),
    "left": ("active_before", ()),
    "valued": ("group", ("customer_type", "first")),
    "borrowers": ("group", ("customer_type", "first")),
    "late": ("borrowers", ("customer_type", "first")),
    "holders": ("lacking", ("first",)),
    "new_holders": ("holders", ("first",)),
}


def _total(parts: pd.DataFrame, table: str, keeps: Sequence[str]) -> pd.DataFrame:
    """The key of the total that parts belong to."""
    emptied = {c: "" for c in ("customer_type", "first", "second") if c not in keeps}
    return parts[list(KEY)].assign(table=table, **emptied)


def _parents(cells: pd.DataFrame) -> np.ndarray:
    """The position of the cell without which each is not shown; -1 where there is none."""
    parents = np.full(len(cells), -1)
    for table, (of, keeps) in PARENTS.items():
        own = np.flatnonzero(cells["table"] == table)
        parents[own] = _places(cells, _total(cells.iloc[own], of, keeps))
    return parents


def _ties(cells: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What adds up to what, by kind: part and total, the positions of cells."""
    table, first, second = cells["table"], cells["first"], cells["second"]
    move, grouped = table == "move", table == "group"
    stayed_here = move & (first != NEW) & (second != LEFT)
    into_group = cells[list(KEY)].assign(table="group", first=second, second="")
    of = {
        "bank": (cells["branch_id"] != ALL, cells[list(KEY)].assign(branch_id=ALL)),
        "types": (table == "type", _total(cells, "customers", ())),
        "groups": (grouped, _total(cells, "type", ("customer_type",))),
        "active": (table == "active_type", _total(cells, "active", ())),
        "active of type": (
            grouped & (first != DORMANT),
            _total(cells, "active_type", ("customer_type",)),
        ),
        "from": (move & (first != NEW), _total(cells, "origin", ("customer_type", "first"))),
        "into": (move & (second != LEFT), into_group),
        "both": (stayed_here, _total(cells, "in_both", ())),
        "moved": (stayed_here & (first != second), _total(cells, "moved", ())),
        "left": (
            move & ~first.isin([NEW, DORMANT]) & (second == LEFT),
            _total(cells, "left", ()),
        ),
        "answers": (
            (table == "answers") & (first != ""),
            _total(cells, "answers", ("second",)),
        ),
    }
    ties = {}
    for kind, (parts, totals) in of.items():
        part = np.flatnonzero(parts)
        total = _places(cells, totals.iloc[part])
        ties[kind] = pd.DataFrame({"part": part, "total": total})[total >= 0]
    return ties


def _with_remainders(
    cells: pd.DataFrame, ties: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cells with what is counted in a total and in none of its parts, and all sums: the columns
    `SUMS`. Where a kind of sum holds everywhere, a reader knows that there is no remainder.
    """
    count = cells["count"].to_numpy(float)
    sums: list[pd.DataFrame] = []
    others: list[pd.DataFrame] = []
    number = 0
    for kind, tie in ties.items():
        totals, place = np.unique(tie["total"].to_numpy(int), return_inverse=True)
        remainder = count[totals] - np.bincount(place, count[tie["part"]], minlength=len(totals))
        if (remainder < 0).any():
            raise ValueError(f"The parts of {kind} are more than their total.")
        sums += [
            pd.DataFrame({"sum": number + place, "cell": tie["part"], "sign": 1}),
            pd.DataFrame({"sum": number + np.arange(len(totals)), "cell": totals, "sign": -1}),
        ]
        if remainder.any():
            start = len(cells) + sum(len(rows) for rows in others)
            key = {"table": NEVER_SHOWN, "first": kind, "second": totals.astype(str)}
            others.append(cells.iloc[totals][list(KEY)].assign(**key, count=remainder))
            cell = start + np.arange(len(totals))
            sums.append(pd.DataFrame({"sum": number + np.arange(len(totals)), "cell": cell}))
            sums[-1]["sign"] = 1
        number += len(totals)
    return (
        pd.concat([cells, *others], ignore_index=True),
        pd.concat(sums, ignore_index=True).astype(SUMS),
    )
