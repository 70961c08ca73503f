"""What the demo bank's staff were handed in the last quarters, what they did with it, and what came
of it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.changes.calls import OFFER, SAVE, entry_id
from analysis.demo import plan
from analysis.demo.columns import amounts, days, numbered
from analysis.demo.people import QUARTERS, STARTS, People, holding_rows
from analysis.demo.selling import there, traits


@dataclass
class Handed:
    """leads, follow_ups: of the contract. holdings: with what those who were reached took up."""

    leads: pa.Table
    follow_ups: pa.Table
    holdings: pa.Table


def make_handed(
    rng: np.random.Generator, people: People, customers: pa.Table, holdings: pa.Table
) -> Handed:
    """What was handed over in the quarters of the plan: of every member of staff the customers most
    likely to buy, those most likely to leave, and what became of them.

    customers, holdings: of the contract, of the chunk.
    """
    held = _held(people, holdings)
    own = [(c, list(plan.TAKE_UP)[p]) for c, p in zip(*np.nonzero(~np.isnat(held)), strict=True)]
    served = pd.DataFrame(
        {
            "customer": np.arange(len(people)),
            "staff_id": customers["manager_id"].to_pylist(),
            "consent": customers["consent"].to_pylist(),
        }
    )
    of_quarters = []
    for quarter in plan.HANDED_IN:
        lists = (_offers(rng, people, served, held, quarter), _calls(people, served, quarter))
        rows = _followed(rng, pd.concat(lists, ignore_index=True))
        of_quarters.append(rows)
        sold = rows[rows["outcome"] == "sold"]
        at = sold["customer"], [list(plan.TAKE_UP).index(p) for p in sold["product"]]
        day = sold["done_on"].to_numpy().astype("datetime64[D]")
        held[at] = np.fmin(held[at], day)  # or when it was taken up of the customer's own accord
    handed = pd.concat(of_quarters, ignore_index=True)
    handed["lead_id"] = [
        entry_id(kind, str(QUARTERS[quarter - 1]), product, f"C{people.first + customer:08d}")
        for kind, quarter, product, customer in zip(
            np.where(handed["kind"] == "save", SAVE, OFFER),
            handed["quarter"],
            handed["product"],
            handed["customer"],
            strict=True,
        )
    ]
    sold = handed[handed["outcome"] == "sold"]
    new = ~pd.MultiIndex.from_frame(sold[["customer", "product"]]).isin(own)
    bought = holding_rows(
        people,
        sold["customer"].to_numpy()[new],
        sold["product"].to_numpy(dtype=str)[new],
        sold["done_on"].to_numpy().astype("datetime64[D]")[new],
        len(holdings),
    )
    return Handed(
        _leads(people, handed),
        _follow_ups(people, handed),
        pa.concat_tables([holdings, bought.cast(holdings.schema)]),
    )


def _held(people: People, holdings: pa.Table) -> np.ndarray:
    """Since when each customer holds each product that is offered; customers × products."""
    products = list(plan.TAKE_UP)
    since = np.full((len(people), len(products)), np.datetime64("NaT", "D"))
    rows = holdings.select(["customer_id", "product_id", "held_from"]).to_pandas()
    rows = rows[rows["product_id"].isin(products)]
    customer = rows["customer_id"].str[1:].astype(int).to_numpy() - people.first
    since[customer, [products.index(p) for p in rows["product_id"]]] = rows["held_from"].to_numpy(
        dtype="datetime64[D]"
    )
    return since


def _offers(
    rng: np.random.Generator,
    people: People,
    served: pd.DataFrame,
    held: np.ndarray,
    quarter: int,
) -> pd.DataFrame:
    """Of every member of staff the customers most likely to take up the product most likely for
    each, as it was told; some are kept without offer by lot.
    """
    known = traits(people)
    linear = np.column_stack(
        [
            weights["constant"] + sum(w * known[t] for t, w in weights.items() if t != "constant")
            for weights in plan.TAKE_UP.values()
        ]
    )
    told = linear + rng.normal(0, plan.TOLD_WRONG_BY, linear.shape)
    has = held < STARTS[quarter]
    best = np.where(has, -np.inf, told).argmax(axis=1)
    row = np.arange(len(people))
    rows = served.assign(
        kind="offer",
        quarter=quarter,
        product=np.array(list(plan.TAKE_UP))[best],
        chance=1 / (1 + np.exp(-told[row, best])),
        log_odds=linear[row, best],
    )
    lacks_some = ~has.all(axis=1)
    rows = _first(rows[there(people, quarter) & rows["consent"] & lacks_some], plan.HANDED_SHARE)
    kept = rng.random(len(rows)) < plan.HELD_BACK
    return rows.assign(kind=np.where(kept, "held_back", "offer"))


def _calls(people: People, served: pd.DataFrame, quarter: int) -> pd.DataFrame:
    """Of every member of staff the customers most likely to leave, as it was told."""
    weights = plan.LEAVING
    log_odds = (
        weights["constant"]
        + weights["loyalty"] * people.loyalty[:, quarter - 1]
        + weights["mortgage"] * people.mortgage
    )
    was_there = ~people.corporate & (people.joined < quarter) & (people.left >= quarter)
    rows = served.assign(
        kind="save",
        quarter=quarter,
        product="",
        chance=1 / (1 + np.exp(log_odds)),  # of staying
        log_odds=log_odds,
    )
    rows = rows[was_there & rows["consent"]]
    return _first(rows, plan.CALLED_SHARE, ascending=True)


def _first(rows: pd.DataFrame, share: float, ascending: bool = False) -> pd.DataFrame:
    """The first of every member of staff by the chance told."""
    ranked = rows.sort_values(["chance", "customer"], ascending=[ascending, True])
    place = ranked.groupby("staff_id").cumcount()
    most = ranked.groupby("staff_id")["customer"].transform("size") * share
    return ranked[place < most].sort_values(["staff_id", "customer"])


def _followed(rng: np.random.Generator, handed: pd.DataFrame) -> pd.DataFrame:
    """With what staff did, on which day, and what came of it; nothing of those kept without
    offer.
    """
    n = len(handed)
    follows = np.where(
        handed["staff_id"].isin(plan.IGNORES_LISTS), plan.FOLLOWS_ANYHOW, plan.FOLLOWS
    )
    does = (rng.random(n) < follows) & (handed["kind"] != "held_back").to_numpy()
    start = STARTS[handed["quarter"].to_numpy()]
    late = rng.random(n) < plan.LATE
    after = np.where(late, rng.integers(60, 85, n), rng.integers(1, plan.DUE_DAYS, n))
    reached = does & (rng.random(n) < plan.REACHED)
    chance = 1 / (1 + np.exp(-(handed["log_odds"] + plan.CALL_ADDS)))
    buys = reached & (handed["kind"] == "offer") & (rng.random(n) < chance)
    declines = rng.random(n) < plan.DECLINES
    return handed.assign(
        handed_on=start,
        due_on=start + plan.DUE_DAYS,
        done_on=np.where(does, start + after, np.datetime64("NaT", "D")),
        outcome=np.select(
            [~does, ~reached, buys, (handed["kind"] == "offer") & declines],
            ["", "not_reached", "sold", "declined"],
            "reached",
        ),
    )


def _leads(people: People, handed: pd.DataFrame) -> pa.Table:
    worth = handed["product"].map(plan.WORTH).fillna(plan.CUSTOMER_WORTH)
    return pa.table(
        {
            "lead_id": pa.array(handed["lead_id"], pa.string()),
            "kind": pa.array(handed["kind"], pa.string()),
            "customer_id": numbered("C", people.first + handed["customer"].to_numpy()),
            "staff_id": pa.array(handed["staff_id"], pa.string()),
            "product_id": pa.array(handed["product"].replace("", None), pa.string()),
            "handed_on": days(handed["handed_on"].to_numpy()),
            "due_on": days(handed["due_on"].to_numpy()),
            "chance": handed["chance"].round(4).to_numpy(),
            "value": amounts((worth * 100).to_numpy().astype(np.int64)),
        }
    )


def _follow_ups(people: People, handed: pd.DataFrame) -> pa.Table:
    """What staff did; in the first chunk with some that cannot be taken as they are."""
    done = handed[handed["outcome"] != ""]
    subject, done_on = done["lead_id"].to_numpy(dtype=object), done["done_on"].to_numpy()
    outcome, staff = done["outcome"].to_numpy(), done["staff_id"].to_numpy()
    if people.first == 0:
        latest = np.flatnonzero(done["quarter"] == plan.HANDED_IN[-1])
        faulty = latest[: sum(plan.FAULTY_FOLLOW_UPS.values())]
        unknown, early, twice = np.split(
            faulty, np.cumsum(list(plan.FAULTY_FOLLOW_UPS.values()))[:-1]
        )
        strange = [f"{name}X" for name in subject[unknown]]
        before = done["handed_on"].to_numpy()[early] - np.timedelta64(5, "D")
        subject = np.concatenate([subject, strange, subject[early], subject[twice]])
        done_on = np.concatenate([done_on, done_on[unknown], before, done_on[twice]])
        outcome = np.concatenate([outcome, outcome[unknown], outcome[early], outcome[twice]])
        staff = np.concatenate([staff, staff[unknown], staff[early], staff[twice]])
    return pa.table(
        {
            "follow_up_id": numbered("F", 4 * people.first + np.arange(len(subject))),
            "subject_id": pa.array(subject, pa.string()),
            "staff_id": pa.array(staff, pa.string()),
            "done_on": days(done_on),
            "outcome": pa.array(outcome, pa.string()),
            "why": pa.array([None] * len(subject), pa.string()),
        }
    )
