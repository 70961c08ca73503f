"""What customers have been through, and how they felt."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.marts.rows import rows_of
from analysis.quarters import Quarter
from analysis.sources.params import Loyalty
from analysis.voice.fitted import COMPLAINT

MOST_CUSTOMERS = 20_000
HAPPY_SCORE = 75


def facts_and_feelings(
    index: ir.Table | None,
    customers: ir.Table | None,
    events: ir.Table | None,
    contacts: ir.Table | None,
    themed: pd.DataFrame,
    year: Sequence[Quarter],
    settings: Loyalty,
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """What each customer with an answer in the year has or went through, and how it felt, as true
    or false.

    index, customers, events: survey_index, customer_quarter and customer_event; contacts: of the
    contract; None where the bank delivers nothing for them. themed: as from `with_themes`. At most
    20,000 customers, with an open account. None without answers. Facts
    has_…: products held in the last quarter
    event_…: events of the year
    complained, complained: …: in the year, and of which theme
    contacted: in a campaign
    and feelings
    unhappy: mean index below the params file's `low_score`
    happy: mean index of 75 and more
    low_…: mean of a dimension below `low_score`
    """
    index = rows_of(index, *year)
    if index is None:
        return None
    felt = _mean_scores(index, list(settings.items))
    asked = ibis.memtable(felt.reset_index()[["customer_id"]])
    facts: dict[str, pd.Series] = {}
    customers = rows_of(customers, year[-1])
    if customers is not None:
        products = _products_held(customers, asked)
        # whoever has left holds nothing for that reason
        felt = felt[felt.index.isin(products.index)]
        facts |= {p: products.loc[felt.index, p] for p in products}
    facts |= _events_of_year(rows_of(events, *year), asked, felt.index)
    facts |= _complained(themed, year, felt.index)
    facts |= _contacted(contacts, year, asked, felt.index)
    feelings = {
        "unhappy": felt["index"] < settings.low_score,
        "happy": felt["index"] >= HAPPY_SCORE,
    }
    feelings |= {f"low_{d}": felt[d] < settings.low_score for d in settings.items}
    return pd.DataFrame(facts, index=felt.index), pd.DataFrame(feelings, index=felt.index)


def _mean_scores(index: ir.Table, dimensions: list[str]) -> pd.DataFrame:
    """Of each customer the mean index and dimensions; whoever has no index is left out."""
    means = index.group_by("customer_id").aggregate(
        **{c: _[c].mean() for c in ("index", *dimensions)}
    )
    sample = means.order_by([_.customer_id.hash(), _.customer_id]).limit(MOST_CUSTOMERS)
    felt = sample.to_pandas().set_index("customer_id")
    # the order of a sum must not carry a mean over a threshold
    return felt[felt["index"].notna()].sort_index().round(6)


def _products_held(customers: ir.Table, asked: ir.Table) -> pd.DataFrame:
    """Which products each of those asked holds."""
    products = [c for c in customers.columns if c.startswith("has_")]
    rows = _of_those(customers.select("customer_id", *products), asked).set_index("customer_id")
    return rows[products].astype("boolean").fillna(False).astype(bool)


def _events_of_year(
    events: ir.Table | None, asked: ir.Table, customer_ids: pd.Index
) -> dict[str, pd.Series]:
    if events is None:
        return {}
    happened = _of_those(events.select("customer_id", "event").distinct(), asked)
    return {
        f"event_{event}": _is_in(customer_ids, part["customer_id"])
        for event, part in happened.groupby("event")
    }


def _complained(
    themed: pd.DataFrame, year: Sequence[Quarter], customer_ids: pd.Index
) -> dict[str, pd.Series]:
    of_year = themed["said_in"].isin([str(q) for q in year])
    complaints = themed[(themed["source"] == COMPLAINT) & of_year]
    if complaints.empty:
        return {}
    themes = complaints[complaints["theme"] != ""].groupby("theme")
    return {"complained": _is_in(customer_ids, complaints["customer_id"])} | {
        f"complained: {theme}": _is_in(customer_ids, part["customer_id"]) for theme, part in themes
    }


def _contacted(
    contacts: ir.Table | None, year: Sequence[Quarter], asked: ir.Table, customer_ids: pd.Index
) -> dict[str, pd.Series]:
    if contacts is None:
        return {}
    start, end = ibis.literal(year[0].start), ibis.literal(year[-1].end)
    reached = contacts.filter(_.treated & _.contacted_on.between(start, end))
    reached = _of_those(reached.select("customer_id").distinct(), asked)
    return {"contacted": _is_in(customer_ids, reached["customer_id"])}


def _of_those(rows: ir.Table, asked: ir.Table) -> pd.DataFrame:
    return rows.semi_join(asked, "customer_id").to_pandas()


def _is_in(customer_ids: pd.Index, customers: pd.Series) -> pd.Series:
    return pd.Series(customer_ids.isin(customers), index=customer_ids)
