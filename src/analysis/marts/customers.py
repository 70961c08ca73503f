"""customer_quarter: each customer of a branch in a quarter, over all accounts the customer owns."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.contract.tables import CHANNELS, PRODUCT_KINDS
from analysis.quarters import Quarter

MONEY = ("money_in", "money_out", "cash", "salary", "balance_start", "balance_end")


def customer_quarter(
    tables: dict[str, ir.Table], accounts: ir.Table, previous: ir.Table | None, quarter: Quarter
) -> ir.Table:
    """One row per customer with an own account open in the quarter.

    accounts: account_quarter of the quarter. previous: customer_quarter of the quarter before. Money in the bank's
    currency, `recency_days` before the quarter's end (empty without any entry), `tenure_years` at its end,
    `…_share` between 0 and 1 of the entries (channels) or of the money moved (cash). No name, phone or address.
    """
    end = ibis.literal(quarter.end)
    owners = tables["account_holders"].filter(_.role == "owner")
    channels = [f"channel_{c}" for c in CHANNELS]
    # a joint account is shared out evenly among its owners
    owned = owners.join(accounts, "account_id")
    shared = owners.group_by("account_id").aggregate(owner_count=_.count())
    owned = owned.join(shared, "account_id")
    per_owner = owned.group_by("customer_id").aggregate(
        accounts=_.count(),
        entries=_.entries.sum(),
        transactions=_.transactions.sum(),
        last_on=_.last_on.max(),
        **{c: (owned[c].cast("float64") / owned.owner_count).sum() for c in MONEY},
        **{c: owned[c].sum() for c in channels},
    )
    customers = tables["customers"]
    rows = customers.select(
        "customer_id",
        "customer_type",
        "branch_id",
        "region",
        "sex",
        "born_on",
        "income",
        "credit_grade",
        "consent",
        "since",
        "manager_id",
    ).join(per_owner, "customer_id")
    if "holdings" in tables and "products" in tables:
        held = (
            tables["holdings"]
            .filter((_.held_from <= end) & (_.held_to.isnull() | (_.held_to >= end)))
            .join(tables["products"].select("product_id", product_kind="kind"), "product_id")
        )
        counted = held.group_by("customer_id").aggregate(
            products_held=_.product_id.nunique(), **{f"has_{k}": (held.product_kind == k).any() for k in PRODUCT_KINDS}
        )
        rows = rows.left_join(counted, "customer_id")
        rows = rows.mutate(
            products_held=rows.products_held.fill_null(0),
            **{f"has_{k}": rows[f"has_{k}"].fill_null(False) for k in PRODUCT_KINDS},
        )
    else:
        rows = rows.mutate(
            products_held=ibis.null("int64"), **{f"has_{k}": ibis.null("boolean") for k in PRODUCT_KINDS}
        )
    if "loans" in tables:
        owed = tables["loans"].filter((_.granted_on <= end) & _.status.isin(("running", "late", "defaulted"))).group_by("borrower_id").aggregate(
            debt=_.amount.sum().cast("float64"), in_arrears=_.status.isin(("late", "defaulted")).any()
        )  # fmt: skip
        rows = rows.left_join(owed, rows.customer_id == owed.borrower_id)
        rows = rows.mutate(debt=rows.debt.fill_null(0.0), in_arrears=rows.in_arrears.fill_null(False))
    else:
        rows = rows.mutate(debt=ibis.null("float64"), in_arrears=ibis.null("boolean"))
    moved = rows.money_in + rows.money_out
    counted_entries = ibis.greatest(rows.entries, 1)
    result = rows.select(
        "customer_id",
        "branch_id",
        "customer_type",
        "region",
        "sex",
        "credit_grade",
        "consent",
        "manager_id",
        quarter=ibis.literal(str(quarter)),
        age_years=rows.born_on.delta(end, unit="day").abs() / 365.25,
        income=rows.income.cast("float64"),
        tenure_years=rows.since.delta(end, unit="day").abs() / 365.25,
        accounts=rows.accounts,
        entries=rows.entries,
        transactions=rows.transactions,
        recency_days=rows.last_on.delta(end, unit="day").abs(),
        **{c: rows[c].round(2) for c in MONEY},
        cash_share=ibis.ifelse(moved > 0, rows.cash / moved, 0.0),
        **{f"{c.removeprefix('channel_')}_share": rows[c] / counted_entries for c in channels},
        channels_used=sum(((rows[c] > 0).cast("int64") for c in channels), ibis.literal(0)),
        products_held=rows.products_held,
        debt=rows.debt,
        in_arrears=rows.in_arrears,
        active=rows.transactions > 0,
        **{f"has_{k}": rows[f"has_{k}"] for k in PRODUCT_KINDS},
    )
    if previous is None:
        return result.mutate(
            balance_change=ibis.null("float64"), transactions_change=ibis.null("int64"), was_active=ibis.null("boolean")
        )
    earlier = previous.select(
        "customer_id", earlier_balance="balance_end", earlier_transactions="transactions", earlier_active="active"
    )
    joined = result.left_join(earlier, "customer_id")
    return joined.select(
        *[joined[c] for c in result.columns],
        balance_change=(joined.balance_end - joined.earlier_balance).round(2),
        transactions_change=joined.transactions - joined.earlier_transactions,
        was_active=joined.earlier_active,
    )
