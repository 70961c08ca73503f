"""What several subjects share: accounts and customers by quarter, and the answers of surveys."""

import ibis.expr.types as ir

from analysis.marts.account_quarter import account_quarter as account_rows
from analysis.marts.customer_quarter import customer_quarter as customer_rows
from analysis.marts.rows import delivered, during, midnight
from analysis.marts.survey_items import survey_items as survey_rows
from analysis.steps.declaration import BEFORE, HISTORY, NOW, At, Mart, mart, step, table


@step(
    writes=Mart("account_quarter", key=("account_id",)),
    reads={
        "transactions": table("transactions", NOW),
        "history": table("transactions", HISTORY),
        "accounts": table("accounts"),
        "customers": table("customers"),
        "account_holders": table("account_holders", optional=True),
        "before": mart("account_quarter", BEFORE, optional=True),
    },
)
def account_quarter(
    at: At,
    transactions: ir.Table,
    history: ir.Table,
    before: ir.Table | None,
    **tables: ir.Table | None,
) -> ir.Table:
    """What happened on each account in a quarter, from one scan of its transactions."""
    in_quarter = during(transactions, at.quarter)
    earlier = history.filter(history.booked_at < midnight(at.quarter))
    rows = account_rows(delivered(tables), in_quarter, before, at.quarter, earlier)
    # the engine's sums of whole numbers are wider than the columns are declared
    return at.engine.create_table("account_quarter__typed", rows, temp=True)


@step(
    writes=Mart("customer_quarter", key=("customer_id",)),
    reads={
        "accounts": mart("account_quarter"),
        "customers": table("customers"),
        "account_holders": table("account_holders"),
        "products": table("products", optional=True),
        "holdings": table("holdings", optional=True),
        "loans": table("loans", optional=True),
        "cards": table("cards", optional=True),
        "before": mart("customer_quarter", BEFORE, optional=True),
    },
)
def customer_quarter(
    at: At, accounts: ir.Table, before: ir.Table | None, **tables: ir.Table | None
) -> ir.Table:
    """Each customer of a branch in a quarter, over all accounts the customer owns."""
    return customer_rows(delivered(tables), accounts, before, at.quarter)


@step(
    writes=Mart("survey_items", key=("customer_id", "survey_id")),
    reads={
        "surveys": table("surveys"),
        "survey_scores": table("survey_scores"),
        "customers": table("customers"),
    },
    settings=("loyalty.all_items",),
)
def survey_items(at: At, **tables: ir.Table) -> ir.Table | None:
    """The questionnaires answered in a quarter, with the score of every item that is named."""
    items = at.setting("loyalty.all_items")
    return survey_rows(tables, items, at.quarter) if items else None
