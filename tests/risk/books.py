"""A bank of a few rows, written by hand, on whatever engine a test wants."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.contract import CONTRACT
from analysis.risk.cases import Window

TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "amount": pa.decimal128(18, 2),
    "number": pa.float64(),
    "integer": pa.int64(),
    "flag": pa.bool_(),
}
HALF_YEAR = Window(dt.date(2024, 7, 1), dt.date(2024, 12, 31))
YEARS = Window(dt.date(2023, 7, 1), dt.date(2024, 12, 31))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def at(text: str, hour: int = 10, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day(text), dt.time(hour, minute))


class Books:
    """Rows by table; an account `A…` is ours, an `X…` is at another bank."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTRACT}
        self.add("products", product_id="P05", name="Card", kind="card")
        self.add("products", product_id="P08", name="Plan", kind="wealth")
        self.add("branches", branch_id="B1", name="One")

    def add(self, table: str, **values: Any) -> None:
        self.rows[table].append(values)

    def customer(self, number: int, kind: str = "personal", **values: Any) -> str:
        """Customer C<number> with the account A<number>; returns the customer."""
        self.add(
            "customers",
            **{
                "customer_id": f"C{number}",
                "customer_type": kind,
                "branch_id": "B1",
                "born_on": day("1980-05-05"),
                **values,
            },
        )
        self.account(f"A{number}", f"C{number}")
        return f"C{number}"

    def account(
        self, account: str, owner: str, opened: str = "2019-01-01", product: str | None = None
    ) -> None:
        self.add(
            "accounts",
            account_id=account,
            branch_id="B1",
            opened_on=day(opened),
            product_id=product,
        )
        self.add("account_holders", account_id=account, customer_id=owner, role="owner")

    def book(self, account: str, amount: float, when: dt.datetime, **values: Any) -> None:
        """One entry on an account."""
        self.add(
            "transactions",
            **{
                "transaction_id": f"T{len(self.rows['transactions']):05d}",
                "account_id": account,
                "booked_at": when,
                "amount": amount,
                "channel": "online",
                "kind": "transfer",
                **values,
            },
        )

    def pay(
        self, payer: str, payee: str, amount: float, when: dt.datetime, memo: str | None = None
    ) -> None:
        """A payment as it stands on the accounts at this bank."""
        for account, other, sign in ((payer, payee, -1), (payee, payer, 1)):
            if account.startswith("A"):
                self.book(account, sign * amount, when, counterparty_account=other, memo=memo)

    def mortgage(
        self,
        number: int,
        compound: str | None = "Lake",
        developer: str | None = "D1",
        instalment: float = 3000,
        **values: Any,
    ) -> None:
        """A mortgage of customer C<number>, due on the 20th, repaid from A<number>."""
        application = {
            "application_id": f"P{number}",
            "branch_id": "B1",
            "borrower_id": f"C{number}",
            "purpose": "mortgage",
            "filed_on": day("2020-01-01") + dt.timedelta(90 * (number % 10)),
            "compound": compound,
            "developer": developer,
            "status": "approved",
        }
        loan = {
            "loan_id": f"L{number}",
            "application_id": f"P{number}",
            "account_id": f"A{number}",
            "borrower_id": f"C{number}",
            "kind": "mortgage",
            "granted_on": day("2021-01-01"),
            "amount": 500000,
            "instalment": instalment,
            "due_day": 20,
            "status": "running",
        }
        self.add(
            "loan_applications",
            **{
                **application,
                **{
                    k: v
                    for k, v in values.items()
                    if k in ("co_borrower_id", "filed_on", "down_payment_account")
                },
            },
        )
        self.add("loans", **{**loan, **{k: v for k, v in values.items() if k == "status"}})

    def pending(
        self, name: str, borrower: str, compound: str | None, developer: str | None, **values: Any
    ) -> None:
        self.add(
            "loan_applications",
            **{
                "application_id": name,
                "branch_id": "B1",
                "borrower_id": borrower,
                "purpose": "mortgage",
                "filed_on": day("2024-12-01"),
                "compound": compound,
                "developer": developer,
                "amount": 1,
                "status": "pending",
                **values,
            },
        )

    def card(self, number: int, limit: float = 10_000) -> str:
        """A credit card of customer C<number>, on an account of its own, which is returned."""
        self.account(f"A9{number}", f"C{number}", product="P05")
        self.add(
            "cards",
            card_id=f"K{number}",
            account_id=f"A9{number}",
            customer_id=f"C{number}",
            kind="credit",
            credit_limit=limit,
            statement_day=1,
        )
        return f"A9{number}"

    def shop(
        self, name: str, owner: str | None = None, category: str = "5812", region: str = "East"
    ) -> None:
        settled = f"A{owner[1:]}" if owner else None
        self.add(
            "merchants",
            merchant_id=name,
            category_code=category,
            region=region,
            owner_id=owner,
            settlement_account=settled,
            opens_hour=7,
            closes_hour=22,
        )

    def buy(self, card: str, shop: str | None, amount: float, when: dt.datetime) -> None:
        self.book(card, -amount, when, kind="card_payment", channel="pos", merchant_id=shop)

    def bill(
        self,
        number: int,
        drawer: str,
        payee: str,
        amount: float,
        accepted: str,
        due: str,
        invoice: str | None = "own",
        contract: str | None = "own",
        invoiced: float = 1.0,
        status: str = "valid",
        margin: float = 0.3,
    ) -> None:
        own = f"R{number}" if contract == "own" else contract
        if invoice == "own":
            self.add(
                "invoices",
                invoice_id=f"I{number}",
                issued_on=day(accepted) - dt.timedelta(5),
                amount=amount * invoiced,
                contract_reference=own,
                status=status,
            )
        self.add(
            "bills",
            bill_id=f"B{number}",
            branch_id="B1",
            drawer_id=drawer,
            payee_account=payee,
            amount=amount,
            accepted_on=day(accepted),
            due_on=day(due),
            margin_paid=amount * margin,
            contract_reference=own,
            invoice_id=f"I{number}" if invoice == "own" else invoice,
        )

    def discount(self, number: int, account: str, amount: float, when: str) -> None:
        self.add(
            "bill_events",
            event_id=f"E{number}",
            bill_id=f"B{number}",
            happened_on=day(when),
            kind="discounted",
            proceeds_account=account,
            amount=amount,
        )

    def tables(self, con: Any, folder: Path, without: tuple[str, ...] = ()) -> dict[str, Any]:
        """The tables on an engine, through Parquet files in `folder`."""
        found = {}
        for name, table in CONTRACT.items():
            if name in without:
                continue
            columns = {}
            for c in table.columns:
                values = [r.get(c.name) for r in self.rows[name]]
                if c.type == "amount":
                    values = [None if v is None else Decimal(f"{v:.2f}") for v in values]
                columns[c.name] = pa.array(values, TYPES[c.type])
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(columns), folder / f"{name}.parquet")
            found[name] = con.read_parquet(str(folder / f"{name}.parquet"))
        return found
