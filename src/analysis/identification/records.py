"""Records that are one customer, or may be, with what speaks for and against it."""

from collections.abc import Mapping

import ibis.expr.types as ir
import pandas as pd

MERGED, TO_REVIEW, HELD_BACK = "merged", "to_review", "held_back"
MERGED_INTO, SPLIT_OFF = "merged_into", "split_off"  # what happened to a key
#: A record beside another: column to its type. state: `merged` into the customer that bears
#: `customer_key`, `to_review` by people, or `held_back` because the group contradicts itself (why).
#: Or what happened to a key: it was `merged_into` that of the other record, or `split_off` from it
#: (why: the day). chance: that both are the same customer. reasons: what the comparison of each
#: column found and how much it speaks for it (log2 of the odds), as `column:grade:weight`, divided
#: by blanks.
IDENTITY_RECORD = {
    "branch_id": "string",
    "customer_key": "string",
    "customer_id": "string",
    "other_record": "string",
    "state": "string",
    "why": "string",
    "chance": "float64",
    "reasons": "string",
}
LEAST_REVIEWED = 0.1  # chance from which people look at a pair
MOST_OF_A_BRANCH = 500  # pairs that a branch is asked to look at, the likeliest first


def record_rows(
    customers: ir.Table, identity: Mapping[str, pd.DataFrame], keys: pd.DataFrame | None
) -> pd.DataFrame:
    """The rows `IDENTITY_RECORD`.

    customers: rows of the contract's table. identity: frames as from `identify`. keys: as there;
    None where no records are the same.
    """
    pairs, held_back = identity["pairs"], identity["held_back"]
    keys = identity["keys"] if keys is None else keys
    parts = [
        _merged(pairs, keys),
        _held_back(pairs, held_back),
        _to_review(pairs, keys, held_back),
        _of_keys(identity["log"]),
    ]
    found = pd.concat(parts, ignore_index=True)
    ids = pd.concat([found["customer_id"], found["other_record"]]).dropna().unique().tolist()
    branches = customers.filter(customers.customer_id.isin(ids or [""]))
    branch_of = branches.select("customer_id", "branch_id").to_pandas().set_index("customer_id")
    branch = found["customer_id"].map(branch_of["branch_id"])
    told = found.assign(branch_id=branch.fillna(found["other_record"].map(branch_of["branch_id"])))
    told = told[told["branch_id"].notna()]
    told = told.sort_values(
        ["branch_id", "state", "chance", "customer_id"], ascending=[True, True, False, True]
    )
    place = told.groupby(["branch_id", "state"]).cumcount()
    kept = (told["state"] != TO_REVIEW) | (place < MOST_OF_A_BRANCH)
    return told.loc[kept, list(IDENTITY_RECORD)].reset_index(drop=True)


def _merged(pairs: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Every record of a customer that bears another's id, beside the record it is likest to."""
    key = dict(zip(keys["customer_id"], keys["customer_key"], strict=True))
    within = pairs[
        pairs["left"].map(key).notna() & (pairs["left"].map(key) == pairs["right"].map(key))
    ]
    rows = _both_ways(within)
    best = rows.sort_values(
        ["customer_id", "chance", "other_record"], ascending=[True, False, True]
    ).drop_duplicates("customer_id")
    others = keys[keys["customer_id"] != keys["customer_key"]]
    told = others.merge(best, on="customer_id", how="left")
    return told.assign(state=MERGED, why=None)


def _held_back(pairs: pd.DataFrame, held_back: pd.DataFrame) -> pd.DataFrame:
    group = dict(zip(held_back["customer_id"], held_back["group"], strict=True))
    within = pairs[
        pairs["left"].map(group).notna() & (pairs["left"].map(group) == pairs["right"].map(group))
    ]
    rows = within.rename(columns={"left": "customer_id", "right": "other_record"})
    why = dict(zip(held_back["customer_id"], held_back["why"], strict=True))
    return _with_reasons(rows).assign(
        state=HELD_BACK, why=rows["customer_id"].map(why), customer_key=rows["customer_id"]
    )


def _to_review(pairs: pd.DataFrame, keys: pd.DataFrame, held_back: pd.DataFrame) -> pd.DataFrame:
    key = dict(zip(keys["customer_id"], keys["customer_key"], strict=True))
    group = dict(zip(held_back["customer_id"], held_back["group"], strict=True))
    left = pairs["left"].map(lambda r: key.get(r, r))
    right = pairs["right"].map(lambda r: key.get(r, r))
    together = (left == right) | (
        pairs["left"].map(group).notna() & (pairs["left"].map(group) == pairs["right"].map(group))
    )
    rows = pairs[~together & (pairs["chance"] >= LEAST_REVIEWED)]
    rows = rows.rename(columns={"left": "customer_id", "right": "other_record"})
    return _with_reasons(rows).assign(state=TO_REVIEW, why=None, customer_key=left[rows.index])


def _of_keys(log: pd.DataFrame) -> pd.DataFrame:
    told = log.rename(columns={"what": "state", "happened_on": "why", "other_key": "other_record"})
    return told.assign(customer_id=told["customer_key"], chance=None, reasons="")


def _both_ways(pairs: pd.DataFrame) -> pd.DataFrame:
    one = pairs.rename(columns={"left": "customer_id", "right": "other_record"})
    other = pairs.rename(columns={"right": "customer_id", "left": "other_record"})
    return _with_reasons(pd.concat([one, other], ignore_index=True))


def _with_reasons(pairs: pd.DataFrame) -> pd.DataFrame:
    compared = [c.removeprefix("of_") for c in pairs.columns if c.startswith("of_")]
    reasons = [
        " ".join(
            f"{column}:{row[f'of_{column}']}:{row[f'adds_{column}']:+.1f}"
            for column in compared
            if isinstance(row[f"of_{column}"], str)
        )
        for row in pairs.to_dict("records")
    ]
    kept = pairs[["customer_id", "other_record", "chance"]]
    return kept.assign(reasons=pd.Series(reasons, index=pairs.index, dtype="object"))
