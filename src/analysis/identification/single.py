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
    rows = records.merge(keys, on="customer_id").sort_values(["customer_key", "customer_id"])
    trust = {name: place for place, name in enumerate(trusted)}
    rows["trust"] = rows["source"].map(trust).fillna(len(trust)).astype(int)
    rows["own"] = rows["customer_id"] == rows["customer_key"]
    chosen, sources = [], []
    for key, of_customer in rows.groupby("customer_key", sort=True):
        view: dict[str, object] = {"customer_id": key}
        for column, rule in RULES.items():
            known = of_customer[of_customer[column].notna()]
            if known.empty:
                view[column] = None
                continue
            best = _best(known, column, rule)
            view[column] = best[column]
            sources.append((key, column, best["customer_id"], rule))
        chosen.append(view)
    view = pd.DataFrame(chosen, columns=["customer_id", *RULES])
    return view, pd.DataFrame(
        sources, columns=["customer_key", "column", "record", "rule"], dtype="object"
    )


def _best(known: pd.DataFrame, column: str, rule: str) -> pd.Series:
    if rule == "key":
        return known.sort_values(["own", "since"], ascending=[False, True], kind="stable").iloc[0]
    if rule == "newest":
        return known.sort_values(["trust", "since"], ascending=[True, False], kind="stable").iloc[0]
    if rule == "most":
        counts = known[column].map(known[column].value_counts())
        ordered = known.assign(counts=counts)
        order = ["counts", "trust", "since"]
        return ordered.sort_values(order, ascending=[False, True, True], kind="stable").iloc[0]
    ascending = rule in ("first", "refused")
    return known.sort_values(column, ascending=ascending, kind="stable").iloc[0]
