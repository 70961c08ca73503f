"""Whether the data is whole, right and in time, and what its faults do to the reports."""

import ibis.expr.types as ir
import pandas as pd

from analysis.data_health.cells import DATA_CELL, wrong_cells
from analysis.data_health.checks import OPTIONAL
from analysis.data_health.counted import COMPARED, DATA_CHECK, checked
from analysis.data_health.days import DATA_DAY, UNUSUAL, day_rows, unusual_days
from analysis.data_health.fitted import WRITTEN, Effects, Footprint, Texts
from analysis.marts.rows import delivered, during, names_in
from analysis.steps.declaration import (
    BEFORE,
    NOW,
    SAME_CUSTOMER,
    At,
    Mart,
    Model,
    last,
    mart,
    rows,
    step,
    table,
)

#: Rows of a table that are searched for wrong cells, by the hash of their key.
MOST_SEARCHED = 200_000
#: The columns of tables that are searched for wrong cells: none that says who somebody is. The
#: first is the key.
SEARCHED = {
    "customers": ("customer_id", "branch_id", "region", "compound", "employer", "income"),
    "merchants": ("merchant_id", "category_code", "region"),
    "loan_applications": ("application_id", "branch_id", "compound", "developer", "amount"),
    "loans": ("loan_id", "amount", "months", "instalment"),
    "cards": ("card_id", "grade", "kind", "credit_limit"),
    "standing_orders": ("order_id", "payee_bank", "amount"),
}


@step(
    latest=COMPARED,
    writes=(
        Mart("data_check", key=("check",), schema=DATA_CHECK),
        Mart("data_doubt", key=("check", "key")),
    ),
    reads={
        "customers": table("customers", delivered=True),
        "accounts": table("accounts"),
        "transactions": table("transactions", NOW),
        "account_holders": table("account_holders", optional=True, delivered=True),
        "products": table("products", optional=True),
        **{name: table(name, optional=True, delivered=True) for name in OPTIONAL},
        SAME_CUSTOMER: rows(SAME_CUSTOMER, optional=True),
        "account_quarter": mart("account_quarter", optional=True),
        "customer_quarter": mart("customer_quarter", optional=True),
        "before": mart("data_check", BEFORE, optional=True),
    },
    settings=("data_health",),
)
def data_check(
    at: At, before: ir.Table | None, **tables: ir.Table | None
) -> tuple[pd.DataFrame, ir.Table]:
    """What the checks beyond the contract found of a quarter, and which rows they doubt."""
    known = [] if before is None else names_in(before, "check")
    judged = at.setting("data_health")
    return checked(at.engine, delivered(tables), at.quarter, judged, known)


@step(
    latest=COMPARED,
    writes=Mart("data_day", key=("day",), schema=DATA_DAY),
    reads={"transactions": table("transactions", NOW), "accounts": table("accounts")},
)
def data_day(at: At, transactions: ir.Table, accounts: ir.Table) -> ir.Table:
    """What every branch booked on every day."""
    return day_rows(during(transactions, at.quarter), accounts)


@step(
    latest=1,
    writes=Mart("unusual_day", key=("day", "measure"), schema=UNUSUAL),
    reads={
        "days": mart("data_day", last(COMPARED)),
        "branches": table("branches"),
    },
    settings=("data_health",),
)
def unusual_day(at: At, days: ir.Table, branches: ir.Table) -> pd.DataFrame:
    """The days of a quarter on which something else was booked than was to be expected."""
    booked = days.to_pandas()
    if booked.empty:
        return pd.DataFrame(columns=list(UNUSUAL))
    ids = sorted(branches.branch_id.to_pandas())
    until = pd.to_datetime(booked["day"]).max()  # that the bank itself is late is told elsewhere
    country = at.setting("data_health").calendar
    return unusual_days(booked, ids, at.quarter.start, until.date(), country)


@step(
    latest=1,
    writes=Mart("data_cell", key=("table", "key", "column"), schema=DATA_CELL),
    reads={
        "customers": table("customers", delivered=True),
        "accounts": table("accounts"),
        **{
            name: table(name, optional=True, delivered=True)
            for name in SEARCHED
            if name != "customers"
        },
    },
)
def data_cell(at: At, accounts: ir.Table, **tables: ir.Table | None) -> pd.DataFrame:
    """Cells that look wrong beside the others of their table."""
    found = []
    for name, searched in delivered(tables).items():
        key, *columns = SEARCHED[name]
        sample = searched.order_by([searched[key].hash(), searched[key]]).limit(MOST_SEARCHED)
        text = sample.select(key, *columns).to_pandas().set_index(key)
        cells = wrong_cells(text.astype("string")).rename(columns={"row": "key"})
        if cells.empty:
            continue
        if name == "customers":  # what a person has or is, is not repeated
            cells = cells.assign(value="", instead="")
        branch = _branch_of(name, searched, tables, accounts).to_pandas().set_index("key")
        cells = cells.assign(table=name, branch_id=cells["key"].map(branch["branch_id"]))
        found.append(cells[cells["branch_id"].notna()])
    told = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(DATA_CELL))
    return told[list(DATA_CELL)]


def _branch_of(
    name: str, rows: ir.Table, tables: dict[str, ir.Table | None], accounts: ir.Table
) -> ir.Table:
    """key and branch_id of the rows of a table that is searched."""
    key = SEARCHED[name][0]
    if "branch_id" in rows.columns:
        return rows.select(key=rows[key], branch_id=rows.branch_id)
    account = "settlement_account" if name == "merchants" else "account_id"
    branches = accounts.select(at_account="account_id", at_branch="branch_id")
    joined = rows.inner_join(branches, rows[account] == branches.at_account)
    return joined.select(key=joined[key], branch_id=joined.at_branch)


@step(
    latest=1,
    writes=Model("data_effects", Effects),
    reads={
        "data_doubt": mart("data_doubt"),
        SAME_CUSTOMER: rows(SAME_CUSTOMER, optional=True),
        "customer_quarter": mart("customer_quarter", optional=True),
        "customer_left": mart("customer_left", optional=True),
        "survey_index": mart("survey_index", optional=True),
        "risk_alert": mart("risk_alert", optional=True),
        "risk_evidence": mart("risk_evidence", optional=True),
    },
)
def data_effects(
    at: At, data_doubt: ir.Table, same_customer: ir.Table | None, **marts: ir.Table | None
) -> Effects:
    """What the doubtful rows do to the headline of each report."""
    from analysis.data_health.effects import effects_of, with_real_customers

    if same_customer is not None:  # marts know the real customers, doubts the records
        data_doubt = with_real_customers(data_doubt, same_customer)
    return Effects(rows=list(effects_of(delivered(marts), data_doubt)))


@step(
    latest=1,
    writes=Model("data_texts", Texts),
    reads={
        name: table(name, NOW if name == "transactions" else None, optional=True, delivered=True)
        for name in WRITTEN
    },
)
def data_texts(at: At, **tables: ir.Table | None) -> Texts:
    """What people wrote, counted: language, repeats, and what could say who somebody is."""
    from analysis.data_health.texts import texts_of

    return Texts(rows=texts_of(delivered(tables), at.quarter))


@step(
    latest=1,
    writes=Model("data_footprint", Footprint),
    reads={"transactions": table("transactions", NOW)},
)
def data_footprint(at: At, transactions: ir.Table) -> Footprint:
    """What the quarter's entries take on disk, written in several ways."""
    from analysis.data_health.footprint import footprint

    return footprint(at.engine, during(transactions, at.quarter))
