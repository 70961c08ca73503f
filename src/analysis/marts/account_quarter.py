"""account_quarter: what happened on each account in a quarter, from one scan of its
transactions.
"""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.contract import AMOUNT
from analysis.contract.tables import BANK_KINDS, CHANNELS
from analysis.quarters import Quarter

ZERO = ibis.literal(0).cast(AMOUNT)
CASH = ("cash_in", "cash_out")
REGULAR_OR_LENT = ("salary", "pension", "loan_payout", "interest")
CHANNEL_COUNTS = tuple(f"channel_{channel}" for channel in CHANNELS)
AMOUNTS = ("money_in", "money_out", "cash", "salary", "pension", "largest_in")
COUNTS = (
    "entries",
    "transactions",
    "timed",
    "evening",
    "month_start",
    "active_weeks",
    "counterparties",
    "salary_months",
    "instalments",
)


def account_quarter(
    tables: dict[str, ir.Table],
    in_quarter: ir.Table,
    previous: ir.Table | None,
    quarter: Quarter,
    history: ir.Table | None = None,
) -> ir.Table:
    """One row per account open in the quarter.

    in_quarter: the contract's transactions of the quarter. previous: account_quarter of the quarter
    before; without it balances start at the accounts' `opening_balance` and the entries of
    `history`, all those delivered of the time before. Money in the bank's currency; own entries are
    those that the customer or a third party caused. Returns
    account_id, branch_id, quarter: text
    entries: int, those of the bank too
    transactions: int, own entries
    timed: int, own entries whose time of day is known
    evening: int, of these, from 18 to 6 o'clock
    month_start: int, own entries of the first ten days of a month
    active_weeks: int, weeks with an own entry
    counterparties: int, different accounts dealt with
    salary_months: int, months in which a salary or pension came
    instalments: int, entries that repay a loan
    channel_…: int, entries by channel
    money_in, money_out, cash: decimal, added up
    salary, pension: decimal, both together, and pensions alone
    largest_in: decimal, largest single inflow that is no salary, pension, loan or interest
    balance_start: decimal
    balance_first_month, balance_second_month, balance_end: decimal, at the three month ends
    last_on: date, of the last own entry; it may lie in an earlier quarter
    outside_payees: texts, the accounts at other banks that got at least a tenth of the transfers
    out of the quarter, five at most
    new_outside_paid: decimal, what went to the largest of them where it was not among those of the
    quarter before; empty in the first quarter
    new_outside_own_name: bool, whether that account is in the name of an owner of this one; empty
    where the bank delivers no names
    """
    accounts = tables["accounts"].filter(
        (_.opened_on <= ibis.literal(quarter.end))
        & (_.closed_on.isnull() | (_.closed_on >= ibis.literal(quarter.start)))
    )
    for part in (_moved(in_quarter, quarter), _outside_payees(tables, in_quarter)):
        accounts = accounts.left_join(part, "account_id").drop("account_id_right")
    accounts = _with_quarter_before(accounts, previous, history)
    start = accounts.start
    first_month = start + accounts.net_first_month.fill_null(ZERO)
    second_month = first_month + accounts.net_second_month.fill_null(ZERO)
    return accounts.select(
        "account_id",
        "branch_id",
        quarter=ibis.literal(str(quarter)),
        **{c: accounts[c].fill_null(0).cast("int64") for c in (*COUNTS, *CHANNEL_COUNTS)},
        **{c: accounts[c].fill_null(ZERO) for c in AMOUNTS},
        balance_start=start.cast(AMOUNT),
        balance_first_month=first_month.cast(AMOUNT),
        balance_second_month=second_month.cast(AMOUNT),
        balance_end=(start + accounts.net.fill_null(ZERO)).cast(AMOUNT),
        last_on=ibis.coalesce(accounts.last_on, accounts.last_before),
        outside_payees=accounts.outside_payees,
        new_outside_paid=accounts.new_paid,
        new_outside_own_name=accounts.own_name,
    )


def _with_quarter_before(
    accounts: ir.Table, previous: ir.Table | None, history: ir.Table | None
) -> ir.Table:
    """With start (the balance), last_before (of the last own entry) and new_paid (what went to the
    largest payee where it was not among those of the quarter before).
    """
    opening = accounts.opening_balance.fill_null(ZERO)
    if previous is None:
        nothing = ibis.null(AMOUNT)
        if history is None:
            return accounts.mutate(start=opening, last_before=ibis.null("date"), new_paid=nothing)
        moved = history.group_by("account_id").aggregate(
            moved=_.amount.sum(), last_before=_.booked_at.date().max(where=_.kind.notin(BANK_KINDS))
        )
        accounts = accounts.left_join(moved, "account_id").drop("account_id_right")
        opening = accounts.opening_balance.fill_null(ZERO) + accounts.moved.fill_null(ZERO)
        return accounts.mutate(start=opening, new_paid=nothing)
    earlier = previous.select(
        "account_id",
        earlier_balance="balance_end",
        last_before="last_on",
        earlier_payees="outside_payees",
        was_there=ibis.literal(True),
    )
    accounts = accounts.left_join(earlier, "account_id").drop("account_id_right")
    paid_before = accounts.earlier_payees.contains(accounts.outside_payee).fill_null(False)
    paid = accounts.outside_paid.fill_null(ZERO)
    was_there = accounts.was_there.fill_null(False)
    opening = accounts.opening_balance.fill_null(ZERO)
    return accounts.mutate(
        start=ibis.ifelse(was_there, accounts.earlier_balance, opening),
        new_paid=ibis.ifelse(paid_before, ZERO, paid),
    )


def _moved(in_quarter: ir.Table, quarter: Quarter) -> ir.Table:
    """What the entries of the quarter come to on each account."""
    own = _.kind.notin(BANK_KINDS)
    regular = _.kind.isin(("salary", "pension")) & (_.amount > 0)
    hour = _.booked_at.hour()
    timed = own & (_.booked_at != _.booked_at.truncate("D"))
    month = _.booked_at.month() - ibis.literal(quarter.start.month)
    return in_quarter.group_by("account_id").aggregate(
        entries=_.count(),
        transactions=own.sum().fill_null(0),
        money_in=ibis.ifelse(_.amount > 0, _.amount, ZERO).sum(),
        money_out=ibis.ifelse(_.amount < 0, -_.amount, ZERO).sum(),
        net=_.amount.sum(),
        cash=ibis.ifelse(_.kind.isin(CASH), _.amount.abs(), ZERO).sum(),
        salary=ibis.ifelse(regular, _.amount, ZERO).sum(),
        pension=ibis.ifelse(regular & (_.kind == "pension"), _.amount, ZERO).sum(),
        net_first_month=ibis.ifelse(month == 0, _.amount, ZERO).sum(),
        net_second_month=ibis.ifelse(month == 1, _.amount, ZERO).sum(),
        largest_in=_.amount.max(where=(_.amount > 0) & _.kind.notin(REGULAR_OR_LENT)),
        last_on=_.booked_at.max(where=own).date(),
        timed=timed.sum().fill_null(0),
        evening=(timed & ((hour >= 18) | (hour < 6))).sum().fill_null(0),
        month_start=(own & (_.booked_at.day() <= 10)).sum().fill_null(0),
        active_weeks=_.booked_at.truncate("W").nunique(where=own),
        counterparties=_.counterparty_account.nunique(where=own),
        salary_months=month.nunique(where=regular),
        instalments=(_.kind == "loan_instalment").sum().fill_null(0),
        **{f"channel_{c}": (_.channel == c).sum().fill_null(0) for c in CHANNELS},
    )


def _outside_payees(tables: dict[str, ir.Table], in_quarter: ir.Table) -> ir.Table:
    """Per account the accounts at other banks that got most: outside_payees, and outside_payee,
    outside_paid, own_name of the first.
    """
    sent = in_quarter.filter(
        (_.amount < 0)
        & _.kind.isin(("transfer", "other"))
        & _.counterparty_account.notnull()
        & _.counterparty_bank.notnull()
    )
    paid = sent.group_by("account_id", "counterparty_account").aggregate(
        paid=(-_.amount).sum(), payee_name=_.counterparty_name.max()
    )
    of_account = ibis.window(group_by="account_id")
    largest_first = ibis.window(
        group_by="account_id", order_by=[ibis.desc("paid"), "counterparty_account"]
    )
    most = (
        paid.mutate(
            place=ibis.row_number().over(largest_first), total=paid.paid.sum().over(of_account)
        )
        .filter((_.place < 5) & (_.paid * 10 >= _.total))
        .group_by("account_id")
        .aggregate(
            outside_payees=_.counterparty_account.collect(order_by="place"),
            outside_payee=_.counterparty_account.max(where=_.place == 0),
            outside_paid=_.paid.max(where=_.place == 0).cast(AMOUNT),
            payee_name=_.payee_name.max(where=_.place == 0),
        )
    )
    if "account_holders" not in tables:
        return most.mutate(own_name=ibis.null("boolean")).drop("payee_name")
    owners = tables["account_holders"].filter(_.role == "owner").select("account_id", "customer_id")
    names = owners.join(tables["customers"].select("customer_id", owner_name="name"), "customer_id")
    compared = (
        most.select("account_id", "payee_name")
        .join(names, "account_id")
        .mutate(same=(_.payee_name.strip().lower() == _.owner_name.strip().lower()))
        .group_by("account_id")
        .aggregate(own_name=_.same.max())
    )
    return most.drop("payee_name").left_join(compared, "account_id").drop("account_id_right")
