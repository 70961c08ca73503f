"""What is known of a customer of several records: the best value of each column."""

from collections.abc import Sequence

import pandas as pd

#: Column of the contract to the rule by which its value is chosen among a customer's records.
#: key: of the record whose id the customer bears. newest: of the most trusted system, of its
#: records the one that was made last. most: what most records say, of equals the oldest. first,
#: last, refused, worst: the least, the greatest, no where one says no, the greatest number.
RULES = {
    "customer_type": "key",
    "branch_id": "key",
    "manager_id": "key",
    "name": "most",
    "born_on": "most",
    "sex": "most",
    "document_hash": "most",
    "registration_number": "most",
    "region": "newest",
    "address": "newest",
    "compound": "newest",
    "employer": "newest",
    "phone": "newest",
    "email": "newest",
    "income": "newest",
    "source": "newest",
    "credit_grade": "worst",
    "consent": "refused",
    "since": "first",
}


def single_view(
    records: pd.DataFrame, keys: pd.DataFrame, trusted: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row for each customer of several records, with the contract's columns; and where each
    value comes from: `customer_key`, `column`, `record`, `rule`.

    records: rows of the contract's table. keys: `customer_id`, `customer_key`. trusted: systems
    (`source`), the most trusted first.
    """
    rows = records.merge(keys, on="customer_id")
    trust = {name: place for place, name in enumerate(trusted)}
    rows["trust"] = rows["source"].map(trust).fillna(len(trust)).astype(int)
    rows["own"] = rows["customer_id"] == rows["customer_key"]
    rows = rows.sort_values(["customer_key", "customer_id"], ignore_index=True)
    view = rows[["customer_key"]].drop_duplicates().set_index("customer_key")
    sources = []
    for column, rule in RULES.items():
        best = _best(rows[rows[column].notna()], column, rule).set_index("customer_key")
        view[column] = best[column].reindex(view.index)
        chosen = best["customer_id"].rename("record").reset_index()
        sources.append(chosen.assign(column=column, rule=rule))
    told = pd.concat(sources, ignore_index=True)[["customer_key", "column", "record", "rule"]]
    told = told.sort_values(["customer_key", "column"], ignore_index=True).astype("object")
    return view.rename_axis("customer_id").reset_index()[["customer_id", *RULES]], told


def _best(known: pd.DataFrame, column: str, rule: str) -> pd.DataFrame:
    """The record of each customer whose value of a column is taken."""
    if rule == "key":
        order = known.sort_values(["own", "since"], ascending=[False, True], kind="stable")
    elif rule == "newest":
        order = known.sort_values(["trust", "since"], ascending=[True, False], kind="stable")
    elif rule == "most":
        counts = known.groupby(["customer_key", column])[column].transform("size")
        order = known.assign(counts=counts).sort_values(
            ["counts", "trust", "since"], ascending=[False, True, True], kind="stable"
        )
    else:
        order = known.sort_values(column, ascending=rule in ("first", "refused"), kind="stable")
    return order.drop_duplicates("customer_key")
