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


def in_window(tables: Tables, window: Window) -> ir.Table:
    """The entries of the window."""
    after = window.last + dt.timedelta(days=1)
    booked = tables["transactions"].booked_at
    return tables["transactions"].filter(
        (booked >= ibis.timestamp(f"{window.first} 00:00:00"))
        & (booked < ibis.timestamp(f"{after} 00:00:00"))
    )


def owners(tables: Tables) -> ir.Table:
    """owned (account) and owner (customer), of accounts with several the first by identifier."""
    held = tables["account_holders"].filter(_.role == "owner")
    return held.group_by(owned=_.account_id).aggregate(owner=_.customer_id.min())


def transfers(tables: Tables, window: Window) -> ir.Table:
    """Payments with a known other side: transaction_id, payer and payee (parties), payer_account,
    payee_account, booked_at, amount (positive), kind, memo. Payments between accounts of one party
    are passed over.
    """
    entries = in_window(tables, window)
    entries = entries.filter(entries.counterparty_account.notnull() & (entries.amount != 0))
    entries = entries.filter(entries.counterparty_account != entries.account_id)
    ours = tables["accounts"].select(known="account_id")
    came = entries.filter(_.amount > 0).select(
        "transaction_id",
        "booked_at",
        "amount",
        "kind",
        "memo",
        payer_account="counterparty_account",
        payee_account="account_id",
    )
    went = entries.filter(_.amount < 0).anti_join(ours, [("counterparty_account", "known")])
    went = went.select(
        "transaction_id",
        "booked_at",
        "kind",
        "memo",
        amount=-went.amount,
        payer_account="account_id",
        payee_account="counterparty_account",
    )
    columns = [
        "transaction_id",
        "payer_account",
        "payee_account",
        "booked_at",
        "amount",
        "kind",
        "memo",
    ]
    rows = came.select(columns).union(went.select(columns).cast({"amount": came.amount.type()}))
    for side in ("payer", "payee"):
        rows = named(rows, tables, f"{side}_account", side)
    return between_two(rows)


def named(rows: ir.Table, tables: Tables, account: str, party: str) -> ir.Table:
    """The rows with the party behind an account in a column of its own; empty where there is no
    account.
    """
    held = owners(tables)
    joined = rows.left_join(held, [(account, "owned")])
    return joined.mutate(**{party: ibis.coalesce(joined.owner, joined[account])}).drop(
        "owned", "owner"
    )


def without_reversed(rows: ir.Table, everything: ir.Table) -> ir.Table:
    """The rows without those of which the same amount went back the same day: bookings reversed."""
    back = everything.select(
        from_="payer_account",
        to_="payee_account",
        back_on=everything.booked_at.date(),
        back_amount="amount",
    ).distinct()
    on = [
        rows.payer_account == back.to_,
        rows.payee_account == back.from_,
        rows.amount == back.back_amount,
        rows.booked_at.date() == back.back_on,
    ]
    return rows.anti_join(back, on)


def once(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without duplicate bookings: one of those of the same accounts, moment, amount and memo
    is kept.
    """
    if rows.empty:
        return rows
    rows = rows.assign(amount=rows["amount"].astype(float)).sort_values("transaction_id")
    same = [
        c
        for c in ("payer_account", "payee_account", "booked_at", "amount", "memo", "loan_id")
        if c in rows
    ]
    return rows.drop_duplicates(same).sort_values(
        ["booked_at", "transaction_id"], ignore_index=True
    )


def listed(values: Iterable[str], column: str) -> ir.Table:
    """A table of texts, to join with; one row that matches nothing where there are none."""
    wanted = sorted(set(values)) or ["\0"]
    return ibis.memtable(
        pd.DataFrame({column: pd.array(wanted, dtype=object)}),
        schema=ibis.schema({column: "string"}),
    )
