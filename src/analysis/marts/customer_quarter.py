"""customer_quarter: each customer of a branch in a quarter, over all accounts the customer owns."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.contract.tables import CHANNELS, PRODUCT_KINDS
from analysis.quarters import Quarter

OF_CUSTOMER = (
    "customer_id",
    "branch_id",
    "customer_type",
    "region",
    "sex",
    "credit_grade",
    "consent",
    "manager_id",
)
CHANNEL_COUNTS = tuple(f"channel_{channel}" for channel in CHANNELS)
#: Of account_quarter: what is added up over a customer's accounts, and what the busiest one tells.
ADDED_UP = (
    "entries",
    "transactions",
    "timed",
    "evening",
    "month_start",
    "counterparties",
    "new_outside_paid",
)
OF_THE_BUSIEST = ("active_weeks", "salary_months", "largest_in", "new_outside_own_name")
LOAN_COUNTS = ("instalments_missed", "mortgages_granted", "mortgages_before")
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

    accounts: account_quarter of the quarter. previous: customer_quarter of the quarter before. No
    name, phone or address. Money in the bank's currency, a joint account's shared out evenly.
    Returns OF_CUSTOMER as in the contract, and
    quarter: text
    age_years, tenure_years: float, at the quarter's end
    income: float, as in the contract
    accounts: int, owned
    entries, transactions: number, as in account_quarter, added up
    recency_days: int, from the last own entry to the quarter's end; empty without any
    MONEY: float, as in account_quarter, added up
    cash_share: float, of the money moved, 0 to 1
    branch_share and those of the other channels: float, of the entries, 0 to 1
    evening_share: float, of the own entries whose hour is known; empty where none is
    month_start_share: float, of the own entries
    active_weeks, salary_months: int, of the busiest account
    counterparties: number, added up over the accounts
    largest_in: float, of all accounts
    new_outside_paid: float, added up
    new_outside_own_name: bool, of any account
    channel_…: number, entries by channel
    channels_used: int, channels with any
    products_held: int, at the quarter's end
    debt: float, amount lent, of loans that run or are late
    in_arrears: bool, whether one is late or defaulted
    assets_trend: float, change of the balance in the quarter against its size, −2 to 2
    credit_utilisation: float, what is overdrawn against the limit of the credit cards, or against a
    quarter's income where there is no card, at most 1; empty where the bank delivers no cards
    debt_to_income: float, amount lent against income; empty where unknown
    instalments_missed: number, due in the quarter without an entry; an instalment is due from the
    month after the loan was granted to the end of its term
    mortgages_granted, mortgages_before: number, in the quarter, and before it
    active: bool, whether there is an own entry
    has_…: bool, products held at the quarter's end
    balance_change: float, against the end of the quarter before; empty without one
    transactions_change: int, against the quarter before
    was_active: bool, in the quarter before
    ever_late: bool, whether an instalment was missed so far
    """
    of_bank = tables["customers"].select(*OF_CUSTOMER, "born_on", "since", "income")
    owners = tables["account_holders"].filter(_.role == "owner")
    customers = of_bank.join(_per_owner(owners, accounts), "customer_id")
    customers = _with_products(customers, tables, quarter)
    customers = _with_loans(customers, tables, accounts, quarter)
    customers = _with_card_limit(customers, tables)
    return _since_last_quarter(_figures(customers, "cards" in tables, quarter), previous)


def _per_owner(owners: ir.Table, accounts: ir.Table) -> ir.Table:
    """What happened on a customer's accounts; the money of a joint one is shared out evenly."""
    shared = owners.group_by("account_id").aggregate(owner_count=_.count())
    owned = owners.join(accounts, "account_id").join(shared, "account_id")
    return owned.group_by("customer_id").aggregate(
        accounts=_.count(),
        last_on=_.last_on.max(),
        **{c: owned[c].sum() for c in (*ADDED_UP, *CHANNEL_COUNTS)},
        **{c: owned[c].max() for c in OF_THE_BUSIEST},
        **{c: (owned[c].cast("float64") / owned.owner_count).sum() for c in MONEY},
    )


def _with_products(customers: ir.Table, tables: dict[str, ir.Table], quarter: Quarter) -> ir.Table:
    """With products_held and has_… at the quarter's end; empty where holdings are not delivered."""
    flags = [f"has_{kind}" for kind in PRODUCT_KINDS]
    if "holdings" not in tables or "products" not in tables:
        unknown = {flag: ibis.null("boolean") for flag in flags}
        return customers.mutate(products_held=ibis.null("int64"), **unknown)
    end = ibis.literal(quarter.end)
    holdings = tables["holdings"].filter(
        (_.held_from <= end) & (_.held_to.isnull() | (_.held_to >= end))
    )
    kinds = tables["products"].select("product_id", product_kind="kind")
    holdings = holdings.join(kinds, "product_id")
    counted = holdings.group_by("customer_id").aggregate(
        products_held=_.product_id.nunique(),
        **{f"has_{kind}": (holdings.product_kind == kind).any() for kind in PRODUCT_KINDS},
    )
    customers = customers.left_join(counted, "customer_id")
    return customers.mutate(
        products_held=customers.products_held.fill_null(0),
        **{flag: customers[flag].fill_null(False) for flag in flags},
    )


def _with_loans(
    customers: ir.Table, tables: dict[str, ir.Table], accounts: ir.Table, quarter: Quarter
) -> ir.Table:
    """With what is owed and how it is paid; empty where loans are not delivered."""
    if "loans" not in tables:
        counts = {c: ibis.null("int64") for c in LOAN_COUNTS}
        return customers.mutate(
            debt=ibis.null("float64"), in_arrears=ibis.null("boolean"), **counts
        )
    granted = tables["loans"].filter(_.granted_on <= ibis.literal(quarter.end))
    owed = (
        granted.filter(_.status.isin(("running", "late", "defaulted")))
        .group_by("borrower_id")
        .aggregate(
            debt=_.amount.sum().cast("float64"),
            in_arrears=_.status.isin(("late", "defaulted")).any(),
        )
    )
    customers = customers.left_join(owed, customers.customer_id == owed.borrower_id)
    customers = customers.mutate(
        debt=customers.debt.fill_null(0.0), in_arrears=customers.in_arrears.fill_null(False)
    )
    missed = _instalments_missed(tables["loans"], accounts, quarter)
    customers = customers.left_join(missed, customers.customer_id == missed.late_borrower)
    return customers.mutate(**{c: customers[c].fill_null(0) for c in LOAN_COUNTS})


def _with_card_limit(customers: ir.Table, tables: dict[str, ir.Table]) -> ir.Table:
    """With the limit of all credit cards; empty where there is none."""
    if "cards" not in tables:
        return customers.mutate(card_limit=ibis.null("float64"))
    limits = (
        tables["cards"]
        .filter(_.credit_limit > 0)
        .group_by(card_holder=_.customer_id)
        .aggregate(card_limit=_.credit_limit.sum().cast("float64"))
    )
    return customers.left_join(limits, customers.customer_id == limits.card_holder)


def _figures(customers: ir.Table, has_cards: bool, quarter: Quarter) -> ir.Table:
    """The columns of customer_quarter that need no other quarter."""
    end = ibis.literal(quarter.end)
    moved = customers.money_in + customers.money_out
    entries = ibis.greatest(customers.entries, 1)
    size = (customers.balance_start.abs() + customers.balance_end.abs()) / 2
    income = customers.income.cast("float64")
    return customers.select(
        *OF_CUSTOMER,
        quarter=ibis.literal(str(quarter)),
        age_years=_days(customers.born_on, end) / 365.25,
        income=income,
        tenure_years=_days(customers.since, end) / 365.25,
        accounts=customers.accounts,
        entries=customers.entries,
        transactions=customers.transactions,
        recency_days=_days(customers.last_on, end),
        **{c: customers[c].round(2) for c in MONEY},
        cash_share=ibis.ifelse(moved > 0, customers.cash / moved, 0.0),
        **{f"{c.removeprefix('channel_')}_share": customers[c] / entries for c in CHANNEL_COUNTS},
        evening_share=_share(customers.evening, customers.timed),
        month_start_share=_share(customers.month_start, customers.transactions),
        active_weeks=customers.active_weeks,
        counterparties=customers.counterparties,
        salary_months=customers.salary_months,
        largest_in=customers.largest_in.cast("float64"),
        new_outside_paid=customers.new_outside_paid.cast("float64"),
        new_outside_own_name=customers.new_outside_own_name,
        **{c: customers[c] for c in CHANNEL_COUNTS},
        channels_used=sum(
            ((customers[c] > 0).cast("int64") for c in CHANNEL_COUNTS), ibis.literal(0)
        ),
        products_held=customers.products_held,
        debt=customers.debt,
        in_arrears=customers.in_arrears,
        assets_trend=ibis.ifelse(
            size > 0, (customers.balance_end - customers.balance_start) / size, 0.0
        ),
        credit_utilisation=_utilisation(customers) if has_cards else ibis.null("float64"),
        debt_to_income=ibis.ifelse(
            customers.income > 0, customers.debt / income, ibis.null("float64")
        ),
        **{c: customers[c] for c in LOAN_COUNTS},
        active=customers.transactions > 0,
        **{f"has_{kind}": customers[f"has_{kind}"] for kind in PRODUCT_KINDS},
    )


def _days(day: ir.Value, end: ir.Value) -> ir.Value:
    """Days from then to the end of the quarter; empty where it lies behind it."""
    days = end.delta(day, unit="day")
    return ibis.ifelse(days >= 0, days, ibis.null("int64"))


def _share(part: ir.Value, of: ir.Value) -> ir.Value:
    return ibis.ifelse(of > 0, part / of, ibis.null("float64"))


def _utilisation(customers: ir.Table) -> ir.Value:
    """What is overdrawn against the limit of the cards, or against a quarter's income."""
    overdrawn = ibis.greatest(-customers.balance_end, 0.0)
    limit = ibis.coalesce(customers.card_limit, customers.income.cast("float64") / 4, 0.0)
    used = ibis.least(overdrawn / ibis.greatest(limit, 0.01), 1.0)
    return ibis.ifelse(overdrawn > 0, used, 0.0)


def _since_last_quarter(customers: ir.Table, previous: ir.Table | None) -> ir.Table:
    """With what changed since the quarter before; empty without one."""
    if previous is None:
        return customers.mutate(
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
    joined = customers.left_join(earlier, "customer_id")
    return joined.select(
        *[joined[c] for c in customers.columns],
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
