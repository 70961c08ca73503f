"""Evidence of the mortgage investigation: transfers that pay somebody else's instalment, and applications that wait."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.quarters import Quarter
from analysis.sources.params import Mortgage


def mortgage_payments(
    tables: dict[str, ir.Table], in_quarter: ir.Table, settings: Mortgage, quarter: Quarter
) -> ir.Table:
    """Transfers of the quarter into an account from which a mortgage is repaid, made by somebody else in time for the due day.

    One row per transfer and mortgage, when the transfer lies at most `window_days` before the next due day and within
    `amount_tolerance` of the instalment. `payer` is the owner of the paying account where it is at this bank, else the
    account itself; `branch_id` is the borrower's. Payments by the borrower, or by whoever borrowed jointly, are left out.
    """
    owners = tables["account_holders"].filter(_.role == "owner")
    applications = tables["loan_applications"].select(
        "application_id", "co_borrower_id", "filed_on", "down_payment_account", "compound", "developer"
    )
    loans = (
        tables["loans"]
        .filter((_.kind == "mortgage") & _.due_day.notnull() & (_.instalment > 0))
        .join(applications, "application_id")
    )
    loans = loans.select(
        "loan_id", "borrower_id", "instalment", "due_day", "status", "co_borrower_id", "filed_on", "down_payment_account", "compound", "developer",
        repayment_account="account_id",
    )  # fmt: skip
    transfers = in_quarter.filter((_.amount > 0) & _.counterparty_account.notnull()).select(
        "transaction_id", "account_id", "counterparty_account", "amount", "booked_at"
    )
    paid = transfers.join(loans, transfers.account_id == loans.repayment_account)

    # in time, and about as much
    day = paid.booked_at.date()
    this_month = ibis.date(day.year(), day.month(), paid.due_day)
    next_month = this_month + ibis.interval(months=1)
    due_on = ibis.ifelse(this_month >= day, this_month, next_month)
    paid = paid.mutate(due_on=due_on, paid_on=day)
    paid = paid.mutate(
        days_before_due=paid.paid_on.delta(paid.due_on, unit="day").abs(),
        of_instalment=(paid.amount / paid.instalment).cast("float64"),
    )
    paid = paid.filter(
        (_.days_before_due <= settings.window_days) & ((_.of_instalment - 1).abs() <= settings.amount_tolerance)
    )

    # by somebody else
    payers = (
        owners.group_by("account_id")
        .aggregate(payer_customer=_.customer_id.min())
        .rename(payer_account_id="account_id")
    )
    paid = paid.left_join(payers, paid.counterparty_account == payers.payer_account_id)
    paid = paid.mutate(payer=ibis.coalesce(paid.payer_customer, paid.counterparty_account))
    paid = paid.filter((_.payer != _.borrower_id) & (_.co_borrower_id.isnull() | (_.payer != _.co_borrower_id)))
    borrowers = tables["customers"].select(borrower="customer_id", branch_id="branch_id", employer="employer")
    rows = paid.join(borrowers, paid.borrower_id == borrowers.borrower)
    return rows.select(
        "transaction_id", "branch_id", "loan_id", "borrower_id", "payer", "booked_at", "amount", "instalment", "due_on", "days_before_due", "of_instalment",
        "compound", "developer", "employer", "filed_on", "status",
        payer_account="counterparty_account",
        payer_is_customer=rows.payer_customer.notnull(),
        down_payment_from_payer=(rows.down_payment_account == rows.counterparty_account).fill_null(False),
        quarter=ibis.literal(str(quarter)),
    )  # fmt: skip


def mortgage_pending(tables: dict[str, ir.Table], quarter: Quarter) -> ir.Table:
    """Mortgage applications filed by the end of the quarter that wait for a decision, one row each."""
    waiting = tables["loan_applications"].filter(
        (_.purpose == "mortgage") & (_.status == "pending") & (_.filed_on <= ibis.literal(quarter.end))
    )
    return waiting.select(
        "application_id", "branch_id", "borrower_id", "filed_on", "compound", "developer", "down_payment_account", "repayment_account",
        amount=waiting.amount.cast("float64"),
        quarter=ibis.literal(str(quarter)),
    )  # fmt: skip
