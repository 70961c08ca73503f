"""Who is called: customers who may be contacted and whom no call could warn, as many as each branch
can; and what an entry of a list to work is called, so that what staff did comes back under it.
"""

import datetime as dt

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.marts.rows import names_in
from analysis.quarters import Quarter
from analysis.sources.params import Retention

#: What the identifiers of a list's entries begin with: an offer, a call so that a customer stays,
#: an event to act on.
OFFER, SAVE, EVENT = "L", "V", "E"
#: The lists of calls: to customers so that they stay, and about events.
TO_SAVE, ABOUT_EVENT = "save", "event"
#: An entry of a list of calls: column to its type.
#: staff_id: who serves the customer; empty where nobody is named.
#: event: its name, on the list of events. hazard: chance of leaving; empty where none is told.
#: at_stake: what is expected of the call, in the bank's currency; empty where unknown.
CALL = {
    "subject_id": "string",
    "list": "string",
    "customer_id": "string",
    "branch_id": "string",
    "staff_id": "string",
    "event": "string",
    "hazard": "float64",
    "at_stake": "float64",
    "quarter": "string",
}
ENTRY = r"^([LVE]):\d{4}Q[1-4]:([^:]*):(.*)$"
#: Outcomes of a follow-up that are a contact with the customer, or a try.
CONTACTS = ("sold", "declined", "reached", "not_reached")
#: What staff fill in, as `follow_ups` of the contract has it: column to its type.
FILLED_IN = {"done_on": "str", "outcome": "str", "why": "str"}


def entry_id(kind: str, quarter: str, what: str, customer: str) -> str:
    """The identifier of an entry: kind, the quarter whose list it is on, the product or event
    (empty for a call so that the customer stays), and the customer.
    """
    return f"{kind}:{quarter}:{what}:{customer}"


def answers(follow_ups: ir.Table, leads: ir.Table | None) -> ir.Table:
    """What came of the entries of lists: customer_id, product_id (of an offer), done_on, outcome.

    Whom an entry is about is told by the bank's leads, or else by its identifier; follow-ups of
    which neither tells it are left out.
    """
    rows = follow_ups.select(
        "done_on",
        "outcome",
        subject=_.subject_id,
        named=_.subject_id.re_extract(ENTRY, 3).nullif(""),
        offered=ibis.ifelse(
            _.subject_id.startswith(f"{OFFER}:"), _.subject_id.re_extract(ENTRY, 2), ""
        ).nullif(""),
    )
    if leads is None:
        told = rows.select("done_on", "outcome", customer_id=_.named, product_id=_.offered)
    else:
        by_lead = leads.select(subject="lead_id", of="customer_id", lead_product="product_id")
        told = rows.left_join(by_lead, "subject").select(
            "done_on",
            "outcome",
            customer_id=ibis.coalesce(_.of, _.named),
            product_id=ibis.coalesce(_.lead_product, _.offered),
        )
    return told.filter(_.customer_id.notnull())


def contacted(
    contacts: ir.Table | None,
    follow_ups: ir.Table | None,
    leads: ir.Table | None,
    quarter: Quarter,
) -> pd.Series:
    """Customer to how often he was spoken to, or tried to be, in the quarter: by campaigns over any
    channel, and by staff who worked their lists.
    """
    within = [ibis.literal(day) for day in (quarter.start, quarter.end)]
    parts = []
    if contacts is not None:
        by_campaign = contacts.filter(_.treated & _.contacted_on.between(*within))
        parts.append(by_campaign.select("customer_id"))
    if follow_ups is not None:
        by_staff = answers(follow_ups, leads).filter(
            _.outcome.isin(CONTACTS) & _.done_on.between(*within)
        )
        parts.append(by_staff.select("customer_id"))
    if not parts:
        return pd.Series(dtype=float)
    rows = ibis.union(*parts) if len(parts) > 1 else parts[0]
    counts = rows.group_by("customer_id").aggregate(n=_.count()).order_by("customer_id")
    return counts.to_pandas().set_index("customer_id")["n"]


def due_on(quarter: Quarter, days: int) -> dt.date:
    """By when an entry of a quarter's list is to be done: so many days into the next quarter."""
    return quarter.end + dt.timedelta(days=days)


def to_fill_in(listed: pd.DataFrame, due: dt.date) -> pd.DataFrame:
    """The list with the day it is to be done by, and empty columns for what comes of it."""
    return listed.assign(due_on=due.isoformat(), **dict.fromkeys(FILLED_IN, ""))


def may_be_contacted(consent: pd.Series) -> pd.Series:
    """Whether each customer may be contacted, true or false.

    consent: true, false, or empty. Where some say, an empty one is no consent; where the bank
    delivers none, nobody is left out.
    """
    said = consent.astype("boolean")
    return said.fillna(bool(said.isna().all())).astype(bool)


def with_consent_settled(customers: ir.Table) -> ir.Table:
    """The customers with no consent where it is empty, as far as the bank says of anybody; branches
    are looked at one by one, and one that says nothing is no bank that says nothing.
    """
    if not says_consent(customers):
        return customers
    return customers.mutate(consent=_.consent.fill_null(False))


def says_consent(customers: ir.Table) -> bool:
    """Whether the bank says of anybody that he may be contacted, or may not."""
    return bool(customers.filter(_.consent.notnull()).head(1).count().to_pyarrow().as_py())


def named_in_alerts(alerts: ir.Table, parties: ir.Table) -> ir.Table:
    """Who is named in an alert that stands, open or confirmed: a call could warn them; a column
    party.

    alerts, parties: risk_alert and risk_party of one quarter.
    """
    standing = alerts.filter(~_.suppressed, _.status != "cleared")
    return parties.semi_join(standing, "alert_id").select("party").distinct()


def not_to_be_called(alerts: ir.Table | None, parties: ir.Table | None) -> set[str]:
    """Who is named in an alert that stands; nobody where nothing is investigated."""
    if alerts is None or parties is None:
        return set()
    return set(names_in(named_in_alerts(alerts, parties), "party"))


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
