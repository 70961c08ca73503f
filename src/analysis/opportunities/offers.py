"""The offers of a quarter: rules, then the chance times what a sale is worth, then an assignment to
customers and staff; one group is kept without any, so that next quarter shows what offers add.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.changes.calls import OFFER as OF_OFFERS
from analysis.changes.calls import entry_id
from analysis.opportunities.assignment import assign
from analysis.opportunities.fitted import Assigned, Rejected
from analysis.opportunities.rules import WORTH
from analysis.quarters import Quarter
from analysis.sources.params import Offers

#: What became of a pair of customer and product.
OFFERED, HELD_BACK, RUNNER_UP, NO_ROOM, EXCLUDED = (
    "offered",
    "held_back",
    "runner_up",
    "no_room",
    "excluded",
)
#: Every customer with every product not held, and what became of it: column to its type.
#: lead_id: of an offer, or of one that was held back.
#: chance: of taking it up in the quarter after; similar_hold: share of the customers of the group
#: who hold it.
#: expected: chance × value of a sale − cost of a contact, in the bank's currency.
#: decision: see above; failed: the first rule that excludes it, empty where none does.
#: runner_up, runner_up_expected: the next best offer of the customer.
#: staff_id: who is to make it; due_on: by when.
OFFER = {
    "lead_id": "string",
    "customer_id": "string",
    "branch_id": "string",
    "product_id": "string",
    "chance": "float64",
    "similar_hold": "float64",
    "expected": "float64",
    "decision": "string",
    "failed": "string",
    "first_reason": "string",
    "second_reason": "string",
    "runner_up": "string",
    "runner_up_expected": "float64",
    "staff_id": "string",
    "due_on": "date",
    "quarter": "string",
}
NOT_FOR_OFFERS = ("risk_officer",)


@dataclass(frozen=True)
class Room:
    """What one branch's staff can do for offers in a quarter.

    offers: staff to their number; a_week: staff to those of a week.
    """

    offers: Mapping[str, int]
    a_week: Mapping[str, float]


def room_of(staff: pd.DataFrame, settings: Offers, otherwise: int) -> Room:
    """The offers that a branch's staff can make.

    staff: of the contract, of one branch. otherwise: what a branch can do whose staff nobody
    delivers.
    """
    able = staff[~staff["role"].isin(NOT_FOR_OFFERS)] if len(staff) else staff
    a_week = {
        str(r.staff_id): float(r.weekly_capacity) * settings.capacity_share
        for r in able.itertuples()
        if pd.notna(r.weekly_capacity)
    }
    if not a_week:
        return Room({"": otherwise}, {"": otherwise / settings.weeks})
    return Room({s: int(n * settings.weeks) for s, n in a_week.items()}, a_week)


def is_held_back(customer_id: str, settings: Offers) -> bool:
    """Whether a customer belongs to those kept without any offer: drawn by the hash of the
    identifier and the seed, the same for all products, quarters and machines.
    """
    digest = hashlib.sha256(f"{settings.seed}:{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < settings.holdout


def offers_of_branch(
    pairs: pd.DataFrame, manager: Mapping[str, str], room: Room, settings: Offers, quarter: Quarter
) -> tuple[pd.DataFrame, Assigned]:
    """What becomes of every customer and product of a branch: the columns `OFFER`, and the figures.

    pairs: customer_id, branch_id, product_id, chance, similar_hold, first_reason, second_reason,
    failed (empty where no rule excludes). manager: customer_id to staff_id,
    empty where nobody is named.
    """
    values = {p.product: p.value for p in settings.products}
    limits = {p.product: p.limit for p in settings.products if p.limit is not None}
    expected = pairs["chance"] * pairs["product_id"].map(values) - settings.contact_cost
    rows = pairs.assign(expected=expected, quarter=str(quarter)).reset_index(drop=True)
    unworthy = (rows["failed"] == "") & (rows["expected"] <= 0)
    rows["failed"] = rows["failed"].where(~unworthy, WORTH)
    passed = rows["failed"] == ""
    held_back = passed & rows["customer_id"].map(lambda c: is_held_back(c, settings))
    candidates = rows[passed & ~held_back]
    candidates = candidates[["customer_id", "product_id", "expected"]].assign(
        staff_id=[manager.get(c) or "" for c in candidates["customer_id"]]
    )
    chosen, greedy, bound = assign(candidates, room.offers, limits)
    rows = _decided(rows, passed, held_back, chosen)
    rows = _with_due_days(rows, room, quarter)
    told = Assigned(
        branch_id=str(rows["branch_id"].iloc[0]) if len(rows) else "",
        capacity=sum(room.offers.values()),
        candidates=int(candidates["customer_id"].nunique()),
        offers=len(chosen),
        held_back=int(rows.loc[held_back, "customer_id"].nunique()),
        value=float(chosen["expected"].sum()),
        greedy=greedy,
        bound=bound,
    )
    return rows[list(OFFER)], told


def _decided(
    rows: pd.DataFrame, passed: pd.Series, held_back: pd.Series, chosen: pd.DataFrame
) -> pd.DataFrame:
    """With decision, staff, identifier, and the next best offer of each customer."""
    keys = ["customer_id", "product_id"]
    served = dict(
        zip(zip(*(chosen[k] for k in keys), strict=True), chosen["staff_id"], strict=True)
    )
    pairs = list(zip(*(rows[k] for k in keys), strict=True))
    rows["staff_id"] = [served.get(pair, "") for pair in pairs]
    offered = pd.Series([pair in served for pair in pairs], index=rows.index)
    ranked = rows[passed].sort_values(
        ["customer_id", "expected", "product_id"], ascending=[True, False, True]
    )
    best = ~ranked["customer_id"].duplicated()
    is_best = pd.Series(False, index=rows.index)
    is_best[ranked.index[best]] = True
    with_offer = rows["customer_id"].isin(rows.loc[offered, "customer_id"])
    decision = np.select(
        [offered, held_back & is_best, passed & with_offer, held_back, passed],
        [OFFERED, HELD_BACK, RUNNER_UP, RUNNER_UP, NO_ROOM],
        EXCLUDED,
    )
    rows = rows.assign(decision=decision)
    named = rows["decision"].isin([OFFERED, HELD_BACK])
    rows["lead_id"] = [
        entry_id(OF_OFFERS, q, p, c) if has else ""
        for q, p, c, has in zip(
            rows["quarter"], rows["product_id"], rows["customer_id"], named, strict=True
        )
    ]
    others = rows[passed & ~named].sort_values(
        ["customer_id", "expected", "product_id"], ascending=[True, False, True]
    )
    second = others.drop_duplicates("customer_id").set_index("customer_id")
    rows["runner_up"] = rows["customer_id"].map(second["product_id"]).where(named)
    rows["runner_up_expected"] = rows["customer_id"].map(second["expected"]).where(named)
    return rows


def _with_due_days(rows: pd.DataFrame, room: Room, quarter: Quarter) -> pd.DataFrame:
    """By when each offer is to be made: of a member of staff the best first, as many a week as
    there is room for.
    """
    offered = rows[rows["decision"] == OFFERED].sort_values(
        ["staff_id", "expected", "customer_id"], ascending=[True, False, True]
    )
    place = offered.groupby("staff_id").cumcount()
    start = quarter.shifted(1).start
    due: dict[object, dt.date] = {}
    for row, at, member in zip(offered.index, place, offered["staff_id"], strict=True):
        week = int(at / max(room.a_week[member], 1e-9))
        due[row] = start + dt.timedelta(days=7 * (week + 1) - 1)
    return rows.assign(due_on=pd.Series(due, dtype=object).reindex(rows.index))


def rejected_by(rows: pd.DataFrame) -> list[Rejected]:
    """How many pairs each rule was the first to exclude, the most first.

    rows: the columns `OFFER`.
    """
    out = rows[rows["failed"] != ""]
    own = out["failed"].str.contains(": ")
    counts = (
        out.assign(product=out["product_id"].where(own, ""))
        .groupby(["failed", "product"])
        .size()
        .reset_index(name="pairs")
        .sort_values(["pairs", "failed", "product"], ascending=[False, True, True])
    )
    return [
        Rejected(rule=r.failed, product=r.product, pairs=int(r.pairs)) for r in counts.itertuples()
    ]
