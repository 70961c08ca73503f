"""account_quarter: what happened on each account in a quarter, from one scan of its transactions."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.contract.tables import BANK_KINDS, CHANNELS
from analysis.quarters import Quarter

ZERO = ibis.literal(0).cast("decimal(18, 2)")
CASH = ("cash_in", "cash_out")


def account_quarter(
    tables: dict[str, ir.Table], in_quarter: ir.Table, previous: ir.Table | None, quarter: Quarter
) -> ir.Table:
    """One row per account open in the quarter.

    in_quarter: the contract's transactions of the quarter. previous: account_quarter of the quarter before; without it
    balances start at the accounts' `opening_balance`. Money and balances in the bank's currency; `transactions` counts
    entries the customer or a third party caused, `entries` those of the bank too.
    """
    own = _.kind.notin(BANK_KINDS)
    moved = in_quarter.group_by("account_id").aggregate(
        entries=_.count(),
        transactions=own.sum().fill_null(0),
        money_in=ibis.ifelse(_.amount > 0, _.amount, ZERO).sum(),
        money_out=ibis.ifelse(_.amount < 0, -_.amount, ZERO).sum(),
        net=_.amount.sum(),
        cash=ibis.ifelse(_.kind.isin(CASH), _.amount.abs(), ZERO).sum(),
        salary=ibis.ifelse(_.kind.isin(("salary", "pension")) & (_.amount > 0), _.amount, ZERO).sum(),
        last_on=_.booked_at.max(where=own).date(),
        **{f"channel_{c}": (_.channel == c).sum().fill_null(0) for c in CHANNELS},
    )
    accounts = tables["accounts"].filter(
        (_.opened_on <= ibis.literal(quarter.end))
        & (_.closed_on.isnull() | (_.closed_on >= ibis.literal(quarter.start)))
    )
    rows = accounts.left_join(moved, "account_id")
    start: ir.Value = rows.opening_balance.fill_null(ZERO)
    before_last: ir.Value = ibis.null("date")
    if previous is not None:
        earlier = previous.select(
            "account_id", earlier_balance="balance_end", earlier_last="last_on", was_there=ibis.literal(True)
        )
        rows = rows.left_join(earlier, "account_id")
        start = ibis.ifelse(rows.was_there.fill_null(False), rows.earlier_balance, rows.opening_balance.fill_null(ZERO))
        before_last = rows.earlier_last
    amounts = {c: rows[c].fill_null(ZERO) for c in ("money_in", "money_out", "cash", "salary")}
    counts = {
        c: rows[c].fill_null(0).cast("int64") for c in ("entries", "transactions", *[f"channel_{c}" for c in CHANNELS])
    }
    return rows.select(
        "account_id",
        "branch_id",
        quarter=ibis.literal(str(quarter)),
        **counts,
        **amounts,
        balance_start=start.cast("decimal(18, 2)"),
        balance_end=(start + rows.net.fill_null(ZERO)).cast("decimal(18, 2)"),
        last_on=ibis.coalesce(rows.last_on, before_last),
    )
