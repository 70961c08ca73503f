"""Who is called: customers who may be contacted, as many as each branch can."""

import pandas as pd

from analysis.sources.params import Retention


def may_be_contacted(consent: pd.Series) -> pd.Series:
    """Whether each customer may be contacted, true or false.

    consent: true, false, or empty. Where some say, an empty one is no consent; where the bank
    delivers none, nobody is left out.
    """
    said = consent.astype("boolean")
    return said.fillna(bool(said.isna().all())).astype(bool)


def within_capacity(ranked: pd.DataFrame, settings: Retention) -> pd.DataFrame:
    """The rows of the first customers of each branch, as many as it can call.

    ranked: those first who are called first, with customer_id and branch_id; a customer may have
    several rows.
    """
    first = ranked.drop_duplicates("customer_id")
    place = first.groupby("branch_id").cumcount()
    can = first["branch_id"].map(lambda b: settings.capacities.get(b, settings.capacity))
    chosen = first.loc[(place < can.astype("int64")).to_numpy(), "customer_id"]
    return ranked[ranked["customer_id"].isin(chosen)]
