"""Rules before models: who may be offered what. Each rule has a name, and of each pair of customer
and product it is known which rule was the first to exclude it.
"""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.changes.calls import may_be_contacted
from analysis.marts.rows import BEFORE
from analysis.quarters import Quarter
from analysis.sources.params import OfferedProduct, Offers

#: Rules of every product, in the order in which they are tried; those of a product follow, and at
#: last whether an offer is worth a contact.
ALERT, CONSENT, SAVE, EVENT, CONTACTS, REFUSED = (
    "named_in_alert",
    "no_consent",
    "on_save_list",
    "event_to_act_on",
    "contacted_enough",
    "refused_lately",
)
WORTH = "not_worth_a_contact"
COMMON = (ALERT, CONSENT, SAVE, EVENT, CONTACTS, REFUSED)
#: What stands before the names of a product's own rules.
ELIGIBLE, SUITS = "eligible: ", "suits: "


def rules_of(product: OfferedProduct) -> dict[str, str]:
    """Name to condition of the rules of one product, in order."""
    return {
        **{f"{ELIGIBLE}{name}": rule for name, rule in product.eligible.items()},
        **{f"{SUITS}{name}": rule for name, rule in product.suits.items()},
    }


def first_failed(now: ir.Table, before: ir.Table | None, offers: Offers) -> ir.Table:
    """Of every customer and product the first of the product's own rules that excludes it, empty
    where none does: customer_id, branch_id, product_id, failed.

    now, before: customer_quarter of the quarter and of the one before. A condition that is neither
    true nor false, for want of a value, is not met.
    """
    earlier = now.head(0) if before is None else before
    earlier = earlier.rename({f"{BEFORE}{c}": c for c in earlier.columns})
    joined = now.filter(_.active).left_join(earlier, [("customer_id", f"{BEFORE}customer_id")])
    con = now.get_backend()
    rows = con.create_table("offers__now", joined, temp=True, overwrite=True)
    schema = ibis.schema(
        dict.fromkeys(("customer_id", "branch_id", "product_id", "failed"), "string")
    )
    parts = []
    for product in offers.products:
        cases = " ".join(
            f"WHEN NOT coalesce({rule}, FALSE) THEN {_quoted(name)}"
            for name, rule in rules_of(product).items()
        )
        failed = f"CASE {cases} ELSE '' END" if cases else "''"
        parts.append(
            con.sql(
                f"SELECT customer_id, branch_id, {_quoted(product.product)} AS product_id, "
                f"{failed} AS failed FROM {rows.get_name()}",
                schema=schema,
                dialect="duckdb",
            )
        )
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def refused(answers: ir.Table, quarter: Quarter, quarters: int) -> pd.DataFrame:
    """Offers that were declined in the last quarters: customer_id, product_id.

    answers: as from `calls.answers`.
    """
    since = quarter.shifted(1 - quarters).start
    declined = answers.filter(
        (_.outcome == "declined")
        & _.done_on.between(ibis.literal(since), ibis.literal(quarter.end))
        & _.product_id.notnull()
    )
    keys = ["customer_id", "product_id"]
    return declined.select(keys).distinct().order_by(keys).to_pandas()


def of_all_products(
    pairs: pd.DataFrame,
    *,
    consent: pd.Series,
    in_alerts: set[str],
    to_be_saved: set[str],
    with_event: set[str],
    contacts: pd.Series,
    most_contacts: int,
    declined: pd.DataFrame,
) -> np.ndarray:
    """The first of the rules of all products that excludes each pair; empty where none does.

    pairs: customer_id and product_id. consent: by customer_id. contacts: by customer_id, of the
    quarter. declined: as from `refused`.
    """
    customer = pairs["customer_id"]
    may = may_be_contacted(customer.map(consent))
    several = customer.map(contacts).fillna(0).to_numpy() >= most_contacts
    said_no = pd.MultiIndex.from_frame(pairs[["customer_id", "product_id"]]).isin(
        pd.MultiIndex.from_frame(declined[["customer_id", "product_id"]])
    )
    excluded = {
        ALERT: customer.isin(in_alerts).to_numpy(),
        CONSENT: ~may.to_numpy(),
        SAVE: customer.isin(to_be_saved).to_numpy(),
        EVENT: customer.isin(with_event).to_numpy(),
        CONTACTS: several,
        REFUSED: said_no,
    }
    failed = np.full(len(pairs), "", dtype=object)
    for name in reversed(COMMON):
        failed[excluded[name]] = name
    return failed
