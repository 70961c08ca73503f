"""A few steps of a small bank, to try the engine on."""

import os

import ibis.expr.types as ir
import pandas as pd
from ibis import _
from pydantic import BaseModel

from analysis.steps.declaration import (
    BEFORE,
    NOW,
    SO_FAR,
    At,
    Frames,
    Mart,
    Model,
    Sample,
    frames,
    mart,
    model,
    step,
    table,
)

FAILS_IN: set[str] = set()  # quarters in which `balances` fails


class Total(BaseModel):
    """What all balances add up to."""

    total: float
    quarters: list[str]


@step(
    writes=Mart("balances", key=("account_id",)),
    reads={
        "transactions": table("transactions", NOW),
        "accounts": table("accounts"),
        "before": mart("balances", BEFORE, optional=True),
    },
)
def balances(
    at: At, transactions: ir.Table, accounts: ir.Table, before: ir.Table | None
) -> ir.Table:
    """The balance of each account at the end of a quarter."""
    if str(at.quarter) in FAILS_IN:
        raise ArithmeticError("the books do not add up")
    booked = transactions.booked_at
    moved = (
        transactions.filter(booked.date().between(at.quarter.start, at.quarter.end))
        .group_by("account_id")
        .aggregate(moved=_.amount.sum().cast("float64"))
    )
    rows = accounts.select("account_id", "branch_id").left_join(moved, "account_id")
    rows = rows.drop("account_id_right").mutate(balance=_.moved.fill_null(0.0)).drop("moved")
    if before is not None:
        earlier = before.select("account_id", earlier="balance")
        rows = rows.left_join(earlier, "account_id").drop("account_id_right")
        rows = rows.mutate(balance=_.balance + _.earlier.fill_null(0.0)).drop("earlier")
    return rows


@step(writes=Model("total", Total), reads={"rows": mart("balances", SO_FAR)})
def total(at: At, rows: ir.Table) -> Total:
    """What all balances of all quarters add up to, in thousands."""
    thousands = round(float(rows.balance.sum().execute()) / 1000)
    return Total(total=thousands, quarters=[str(q) for q in at.so_far])


@step(
    writes=Model("told", Total),
    reads={"of_quarter": model("total")},
    settings=("title",),
)
def told(at: At, of_quarter: Total) -> Total:
    """The total under the bank's title."""
    return of_quarter.model_copy(update={"quarters": [at.setting("title")]})


@step(
    writes=Frames("richest"),
    reads={"rows": mart("balances", sample=Sample(5, by="account_id", where="is_open"))},
)
def unreadable(at: At, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A step that asks for a column that is not there."""
    return {"rows": rows}


@step(
    writes=Frames("sample"),
    reads={"rows": mart("balances", sample=Sample(5, by="account_id"))},
    latest=1,
)
def sample(at: At, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Five accounts, always the same."""
    return {"accounts": rows.sort_values("account_id", ignore_index=True)}


@step(
    writes=Mart(
        "sampled", key=("account_id",), schema={"account_id": "string", "branch_id": "string"}
    ),
    reads={"chosen": frames("sample")},
    latest=1,
)
def sampled(at: At, chosen: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Those accounts by branch."""
    return chosen["accounts"]


@step(writes=Model("lost", Total), reads={"rows": mart("balances")}, latest=1)
def lost(at: At, rows: ir.Table) -> Total:
    """A step that takes its process along."""
    os._exit(1)


@step(
    writes=Mart("owed", key=("loan_id",)),
    reads={"loans": table("loans")},
    per="quarter",
)
def owed(at: At, loans: ir.Table) -> ir.Table:
    """Loans, where the bank delivers them."""
    return loans.select("loan_id", branch_id=_.account_id)
