"""account_quarter: what happened on each account in a quarter, from one scan of its
transactions.
"""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.contract.tables import BANK_KINDS, CHANNELS
from analysis.quarters import Quarter

ZERO = ibis.literal(0).cast("decimal(18, 2)")
CASH = ("cash_in", "cash_out")
REGULAR_OR_LENT = ("salary", "pension", "loan_payout", "interest")
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
    tables: dict[str, ir.Table], in_quarter: ir.Table, previous: ir.Table | None, quarter: Quarter
) -> ir.Table:
    """One row per account open in the quarter.

    in_quarter: the contract's transactions of the quarter. previous: account_quarter of the quarter
    before; without it balances start at the accounts' `opening_balance`. Money and balances in the
    bank's currency; `transactions` counts entries the customer or a third party caused, `entries`
    those of the bank too. `timed` are own entries whose time of day is known. `outside_payees` are
    the accounts at other banks that got at least a tenth of the transfers out of the quarter, five
    at most; `new_outside_paid` is what went to the largest of them where it was not among those of
    the quarter before (empty in the first quarter), `new_outside_own_name` whether it is in the
    name of an owner of the account (empty where the bank delivers no names).
    """
    own = _.kind.notin(BANK_KINDS)
    regular = _.kind.isin(("salary", "pension")) & (_.amount > 0)
    hour = _.booked_at.hour()
    timed = own & (_.booked_at != _.booked_at.truncate("D"))
    month = _.booked_at.month() - ibis.literal(quarter.start.month)
    moved = in_quarter.group_by("account_id").aggregate(
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
    accounts = tables["accounts"].filter(
        (_.opened_on <= ibis.literal(quarter.end))
        & (_.closed_on.isnull() | (_.closed_on >= ibis.literal(quarter.start)))
    )
    rows = accounts.left_join(moved, "account_id").drop("account_id_right")
    rows = rows.left_join(_outside_payees(tables, in_quarter), "account_id").drop(
        "account_id_right"
    )
    known_before: ir.Value = ibis.null("boolean")
    start: ir.Value = rows.opening_balance.fill_null(ZERO)
    before_last: ir.Value = ibis.null("date")
    if previous is not None:
        earlier = previous.select(
            "account_id",
            earlier_balance="balance_end",
            earlier_last="last_on",
            earlier_payees="outside_payees",
            was_there=ibis.literal(True),
        )
        rows = rows.left_join(earlier, "account_id").drop("account_id_right")
        known_before = rows.earlier_payees.contains(rows.outside_payee).fill_null(False)
        start = ibis.ifelse(
            rows.was_there.fill_null(False),
            rows.earlier_balance,
            rows.opening_balance.fill_null(ZERO),
        )
        before_last = rows.earlier_last
    amounts = {
        c: rows[c].fill_null(ZERO)
        for c in ("money_in", "money_out", "cash", "salary", "pension", "largest_in")
    }
    counts = {
        c: rows[c].fill_null(0).cast("int64")
        for c in (*COUNTS, *[f"channel_{c}" for c in CHANNELS])
    }
    first_month = start + rows.net_first_month.fill_null(ZERO)
    return rows.select(
        "account_id",
        "branch_id",
        quarter=ibis.literal(str(quarter)),
        **counts,
        **amounts,
        balance_start=start.cast("decimal(18, 2)"),
        balance_first_month=first_month.cast("decimal(18, 2)"),
        balance_second_month=(first_month + rows.net_second_month.fill_null(ZERO)).cast(
            "decimal(18, 2)"
        ),
        balance_end=(start + rows.net.fill_null(ZERO)).cast("decimal(18, 2)"),
        last_on=ibis.coalesce(rows.last_on, before_last),
        outside_payees=rows.outside_payees,
        new_outside_paid=ibis.ifelse(known_before, ZERO, rows.outside_paid.fill_null(ZERO))
        if previous is not None
        else ibis.null("decimal(18, 2)"),
        new_outside_own_name=rows.own_name,
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
            outside_paid=_.paid.max(where=_.place == 0).cast("decimal(18, 2)"),
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
