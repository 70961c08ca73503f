"""Who paid whom, from the entries on accounts: each payment once, between parties.

A party is the customer who owns the account, or the account itself where it is at another bank. A
payment inside the bank stands on both accounts and is taken from the payee's; one to another bank
from the payer's.
"""

import datetime as dt
from collections.abc import Iterable

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.risk.cases import Window
from analysis.risk.patterns import between_two

Tables = dict[str, ir.Table]
#: What the entry on an account says of a transfer, before its accounts are traced to parties.
TRANSFERRED = (
    "transaction_id",
    "payer_account",
    "payee_account",
    "booked_at",
    "amount",
    "kind",
    "memo",
)
#: What two bookings share when one of them is a duplicate.
SAME_BOOKING = ("payer_account", "payee_account", "booked_at", "amount", "memo", "loan_id")


def in_window(tables: Tables, window: Window) -> ir.Table:
    """The entries of the window."""
    after = window.last + dt.timedelta(days=1)
    booked = tables["transactions"].booked_at
    return tables["transactions"].filter(
        (booked >= ibis.timestamp(f"{window.first} 00:00:00"))
        & (booked < ibis.timestamp(f"{after} 00:00:00"))
    )


def owners(tables: Tables) -> ir.Table:
    """Who owns which account; of accounts with several owners the first by identifier.

    owned: text, the account
    owner: text, the customer
    """
    owned = tables["account_holders"].filter(_.role == "owner")
    return owned.group_by(owned=_.account_id).aggregate(owner=_.customer_id.min())


def transfers(tables: Tables, window: Window) -> ir.Table:
    """Payments with a known other side; those between accounts of one party are passed over. Those
    that a step has written of the window's quarters are taken as they are.

    transaction_id: text
    payer_account, payee_account: text
    booked_at: moment
    amount: decimal, positive, bank's currency
    kind: text, of the entry
    memo: text
    payer, payee: text, parties
    """
    if "transfers" in tables:
        return tables["transfers"]
    entries = in_window(tables, window)
    entries = entries.filter(entries.counterparty_account.notnull() & (entries.amount != 0))
    entries = entries.filter(entries.counterparty_account != entries.account_id)
    own_accounts = tables["accounts"].select(own_account="account_id")
    came = entries.filter(_.amount > 0).select(
        "transaction_id",
        "booked_at",
        "amount",
        "kind",
        "memo",
        payer_account="counterparty_account",
        payee_account="account_id",
    )
    went = entries.filter(_.amount < 0)
    went = went.anti_join(own_accounts, [("counterparty_account", "own_account")])
    went = went.select(
        "transaction_id",
        "booked_at",
        "kind",
        "memo",
        amount=-went.amount,
        payer_account="account_id",
        payee_account="counterparty_account",
    )
    went = went.select(TRANSFERRED).cast({"amount": came.amount.type()})
    payments = came.select(TRANSFERRED).union(went)
    for side in ("payer", "payee"):
        payments = named(payments, tables, f"{side}_account", side)
    return between_two(payments)


def named(rows: ir.Table, tables: Tables, account: str, party: str) -> ir.Table:
    """The rows with the party behind an account in a column of its own; empty where there is no
    account.
    """
    owned = owners(tables)
    joined = rows.left_join(owned, [(account, "owned")])
    return joined.mutate(**{party: ibis.coalesce(joined.owner, joined[account])}).drop(
        "owned", "owner"
    )


def without_reversed(payments: ir.Table, everything: ir.Table) -> ir.Table:
    """The payments without those of which the same amount went back the same day: bookings
    reversed.
    """
    back = everything.select(
        from_="payer_account",
        to_="payee_account",
        back_on=everything.booked_at.date(),
        back_amount="amount",
    ).distinct()
    on = [
        payments.payer_account == back.to_,
        payments.payee_account == back.from_,
        payments.amount == back.back_amount,
        payments.booked_at.date() == back.back_on,
    ]
    return payments.anti_join(back, on)


def once(payments: pd.DataFrame) -> pd.DataFrame:
    """Rows without duplicate bookings: one of those of the same accounts, moment, amount and memo
    is kept.
    """
    if payments.empty:
        return payments
    payments = payments.assign(amount=payments["amount"].astype(float))
    payments = payments.sort_values("transaction_id")
    same = [c for c in SAME_BOOKING if c in payments]
    return payments.drop_duplicates(same).sort_values(
        ["booked_at", "transaction_id"], ignore_index=True
    )


def listed(values: Iterable[str], column: str) -> ir.Table:
    """A table of texts, to join with; one row that matches nothing where there are none."""
    wanted = sorted(set(values)) or ["\0"]
    return ibis.memtable(
        pd.DataFrame({column: pd.array(wanted, dtype=object)}),
        schema=ibis.schema({column: "string"}),
    )
