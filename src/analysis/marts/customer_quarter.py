"""customer_quarter: each customer of a branch in a quarter, over all accounts the customer owns."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.contract.tables import CHANNELS, PRODUCT_KINDS
from analysis.quarters import Quarter

MONEY = (
    "money_in",
    "money_out",
    "cash",
    "salary",
    "pension",
    "balance_start",
    "balance_first_month",
    "balance_second_month",
    "balance_end",
)


def customer_quarter(
    tables: dict[str, ir.Table], accounts: ir.Table, previous: ir.Table | None, quarter: Quarter
) -> ir.Table:
    """One row per customer with an own account open in the quarter.

    accounts: account_quarter of the quarter. previous: customer_quarter of the quarter before.
    Money in the bank's currency, `recency_days` before the quarter's end (empty without any entry),
    `tenure_years` at its end, `…_share` between 0 and 1: of the entries (channels), of the money
    moved (cash), of the own entries whose hour is known (evening: 18 to 6 o'clock; empty where none
    is), of the own entries (month_start: the first ten days). `active_weeks` and `salary_months`
    are those of the busiest account, `counterparties` are added up over accounts. `assets_trend` is
    the change of the balance in the quarter against its size, from −2 to 2. `credit_utilisation` is
    what is overdrawn against the limit of the credit cards, or a quarter's income where there is no
    card, at most 1; `debt_to_income` is the amount lent against a year's income; both empty where
    unknown. `instalments_missed` counts instalments due in the quarter without an entry (an
    instalment is due from the month after the loan was granted to the end of its term), `ever_late`
    whether one was missed so far. No name, phone or address.
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
        **{
            c: _[c].sum()
            for c in ("timed", "evening", "month_start", "counterparties", "new_outside_paid")
        },
        **{
            c: _[c].max()
            for c in ("active_weeks", "salary_months", "largest_in", "new_outside_own_name")
        },
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
            products_held=_.product_id.nunique(),
            **{f"has_{k}": (held.product_kind == k).any() for k in PRODUCT_KINDS},
        )
        rows = rows.left_join(counted, "customer_id")
        rows = rows.mutate(
            products_held=rows.products_held.fill_null(0),
            **{f"has_{k}": rows[f"has_{k}"].fill_null(False) for k in PRODUCT_KINDS},
        )
    else:
        rows = rows.mutate(
            products_held=ibis.null("int64"),
            **{f"has_{k}": ibis.null("boolean") for k in PRODUCT_KINDS},
        )
    if "loans" in tables:
        owed = (
            tables["loans"]
            .filter((_.granted_on <= end) & _.status.isin(("running", "late", "defaulted")))
            .group_by("borrower_id")
            .aggregate(
                debt=_.amount.sum().cast("float64"),
                in_arrears=_.status.isin(("late", "defaulted")).any(),
            )
        )
        rows = rows.left_join(owed, rows.customer_id == owed.borrower_id)
        rows = rows.mutate(
            debt=rows.debt.fill_null(0.0), in_arrears=rows.in_arrears.fill_null(False)
        )
        missed = _instalments_missed(tables["loans"], accounts, quarter)
        rows = rows.left_join(missed, rows.customer_id == missed.late_borrower)
        rows = rows.mutate(
            instalments_missed=rows.instalments_missed.fill_null(0),
            mortgages_granted=rows.mortgages_granted.fill_null(0),
            mortgages_before=rows.mortgages_before.fill_null(0),
        )
    else:
        rows = rows.mutate(
            debt=ibis.null("float64"),
            in_arrears=ibis.null("boolean"),
            instalments_missed=ibis.null("int64"),
            mortgages_granted=ibis.null("int64"),
            mortgages_before=ibis.null("int64"),
        )
    if "cards" in tables:
        limits = (
            tables["cards"]
            .filter(_.credit_limit > 0)
            .group_by(card_holder=_.customer_id)
            .aggregate(card_limit=_.credit_limit.sum().cast("float64"))
        )
        rows = rows.left_join(limits, rows.customer_id == limits.card_holder)
    else:
        rows = rows.mutate(card_limit=ibis.null("float64"))
    moved = rows.money_in + rows.money_out
    counted_entries = ibis.greatest(rows.entries, 1)
    overdrawn = ibis.greatest(-rows.balance_end, 0.0)
    utilisation: ir.Value = ibis.null("float64")
    if "cards" in tables:
        limit = ibis.coalesce(rows.card_limit, rows.income.cast("float64") / 4, 0.0)
        utilisation = ibis.ifelse(
            overdrawn > 0, ibis.least(overdrawn / ibis.greatest(limit, 0.01), 1.0), 0.0
        )
    size = (rows.balance_start.abs() + rows.balance_end.abs()) / 2
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
        evening_share=ibis.ifelse(rows.timed > 0, rows.evening / rows.timed, ibis.null("float64")),
        month_start_share=ibis.ifelse(
            rows.transactions > 0, rows.month_start / rows.transactions, ibis.null("float64")
        ),
        active_weeks=rows.active_weeks,
        counterparties=rows.counterparties,
        salary_months=rows.salary_months,
        largest_in=rows.largest_in.cast("float64"),
        new_outside_paid=rows.new_outside_paid.cast("float64"),
        new_outside_own_name=rows.new_outside_own_name,
        **{f"channel_{c}": rows[f"channel_{c}"] for c in CHANNELS},
        channels_used=sum(((rows[c] > 0).cast("int64") for c in channels), ibis.literal(0)),
        products_held=rows.products_held,
        debt=rows.debt,
        in_arrears=rows.in_arrears,
        assets_trend=ibis.ifelse(size > 0, (rows.balance_end - rows.balance_start) / size, 0.0),
        credit_utilisation=utilisation,
        debt_to_income=ibis.ifelse(
            rows.income > 0, rows.debt / rows.income.cast("float64"), ibis.null("float64")
        ),
        instalments_missed=rows.instalments_missed,
        mortgages_granted=rows.mortgages_granted,
        mortgages_before=rows.mortgages_before,
        active=rows.transactions > 0,
        **{f"has_{k}": rows[f"has_{k}"] for k in PRODUCT_KINDS},
    )
    if previous is None:
        return result.mutate(
            balance_change=ibis.null("float64"),
            transactions_change=ibis.null("int64"),
            was_active=ibis.null("boolean"),
            ever_late=_.instalments_missed > 0,
        )
    earlier = previous.select(
        "customer_id",
        earlier_balance="balance_end",
        earlier_transactions="transactions",
        earlier_active="active",
        earlier_late="ever_late",
    )
    joined = result.left_join(earlier, "customer_id")
    return joined.select(
        *[joined[c] for c in result.columns],
        balance_change=(joined.balance_end - joined.earlier_balance).round(2),
        transactions_change=joined.transactions - joined.earlier_transactions,
        was_active=joined.earlier_active,
        ever_late=joined.earlier_late.fill_null(False) | (joined.instalments_missed > 0),
    )


def _instalments_missed(loans: ir.Table, accounts: ir.Table, quarter: Quarter) -> ir.Table:
    """Per borrower: instalments due in the quarter and not found among the entries, and mortgages
    granted in it and before.
    """
    months = [quarter.start.year * 12 + quarter.start.month - 1 + i for i in range(3)]
    granted = loans.granted_on.year() * 12 + loans.granted_on.month() - 1
    due = sum(
        ((granted < m) & (m <= granted + loans.months.fill_null(600))).cast("int64") for m in months
    )
    mortgage = loans.kind == "mortgage"
    start, end = ibis.literal(quarter.start), ibis.literal(quarter.end)
    per_account = loans.group_by("account_id", "borrower_id").aggregate(
        due=ibis.ifelse(loans.instalment > 0, due, 0).sum(),
        granted_now=(mortgage & loans.granted_on.between(start, end)).sum(),
        granted_before=(mortgage & (loans.granted_on < start)).sum(),
    )
    with_entries = per_account.join(accounts.select("account_id", "instalments"), "account_id")
    return with_entries.group_by(late_borrower=_.borrower_id).aggregate(
        instalments_missed=ibis.greatest(_.due - _.instalments, 0).sum(),
        mortgages_granted=_.granted_now.sum(),
        mortgages_before=_.granted_before.sum(),
    )
