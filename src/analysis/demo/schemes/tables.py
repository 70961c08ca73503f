"""What was planted as rows of the bank's tables."""

import numpy as np
import pyarrow as pa

from analysis.demo.columns import amounts, days, numbered
from analysis.demo.lending import EXTERNAL
from analysis.demo.people import People, branch_ids
from analysis.demo.schemes.planting import CARDS, PAPERS, Schemes
from analysis.risk.kinds import alert_id


def added_tables(s: Schemes) -> dict[str, pa.Table]:
    """Rows to add to the tables of the chunk."""
    if not s.cards:
        return {}
    return {
        **_card_tables(s),
        "merchants": _merchants(s),
        "bills": _bills(s),
        "invoices": _invoices(s),
        "bill_events": _bill_events(s),
    }


def _card_tables(s: Schemes) -> dict[str, pa.Table]:
    people, text = s.people, pa.string()
    holder_number = np.array([customer for customer, _ in s.cards])
    account = numbered("A", CARDS + people.first + holder_number, 10)
    holder = numbered("C", people.first + holder_number)
    limit = np.array([limit for _, limit in s.cards])
    # from the end of the chunk's numbers
    number = people.first * 2 + 2 * len(people) - 1 - np.arange(len(holder_number))
    accounts = {
        "account_id": account,
        "branch_id": branch_ids(people.branch[holder_number]),
        "product_id": pa.array(["P05"] * len(holder_number), text),
        "opened_on": days(people.since[holder_number]),
        "closed_on": days(np.full(len(holder_number), np.datetime64("NaT"))),
        "opening_balance": amounts(np.zeros(len(holder_number), np.int64)),
    }
    holders = {
        "account_id": account,
        "customer_id": holder,
        "role": pa.array(["owner"] * len(holder_number), text),
    }
    cards = {
        "card_id": numbered("K", number, 9),
        "account_id": account,
        "customer_id": holder,
        "kind": pa.array(["credit"] * len(holder_number), text),
        "grade": pa.array(["classic"] * len(holder_number), text),
        "credit_limit": amounts(limit * 100),
        "statement_day": s.rng.integers(1, 29, len(holder_number)),
        "issued_on": days(people.since[holder_number]),
    }
    return {
        "accounts": pa.table(accounts),
        "account_holders": pa.table(holders),
        "cards": pa.table(cards),
    }


def _merchants(s: Schemes) -> pa.Table:
    people, text = s.people, pa.string()
    shops = np.array([m[0] for m in s.merchants])
    owner = np.array([m[3] for m in s.merchants])
    own = owner >= 0
    owner = np.where(own, owner, 0)
    return pa.table(
        {
            "merchant_id": numbered("M", shops, 6),
            "category_code": pa.array([m[1] for m in s.merchants], text),
            "region": pa.array([m[2] for m in s.merchants], text),
            "owner_id": numbered("C", people.first + owner, valid=own),
            "settlement_account": numbered("A", people.account[owner], 10, valid=own),
            "opens_hour": np.full(len(shops), 7),
            "closes_hour": np.full(len(shops), 22),
        }
    )


def _bills(s: Schemes) -> pa.Table:
    people, text = s.people, pa.string()
    drawer = np.array([b["drawer"] for b in s.bills], dtype=np.int64)
    payee = np.array([b["payee"] for b in s.bills], dtype=np.int64)
    return pa.table(
        {
            "bill_id": pa.array([b["bill_id"] for b in s.bills], text),
            "branch_id": branch_ids(people.branch[drawer]),
            "drawer_id": numbered("C", people.first + drawer),
            "payee_account": _accounts(payee),
            "payee_name": pa.array(["Orient Trading Ltd"] * len(drawer), text),
            "amount": _money(s.bills, "amount"),
            "accepted_on": _dates(s.bills, "accepted_on"),
            "due_on": _dates(s.bills, "due_on"),
            "margin_paid": _money(s.bills, "margin_paid"),
            "contract_reference": pa.array([b["contract_reference"] for b in s.bills], text),
            "invoice_id": pa.array([b["invoice_id"] for b in s.bills], text),
        }
    )


def _invoices(s: Schemes) -> pa.Table:
    text = pa.string()
    return pa.table(
        {
            "invoice_id": pa.array([i["invoice_id"] for i in s.invoices], text),
            "issued_on": _dates(s.invoices, "issued_on"),
            "amount": _money(s.invoices, "amount"),
            "contract_reference": pa.array([i["contract_reference"] for i in s.invoices], text),
            "status": pa.array([i["status"] for i in s.invoices], text),
        }
    )


def _bill_events(s: Schemes) -> pa.Table:
    text = pa.string()
    account = np.array([e["account"] for e in s.events], dtype=np.int64)
    return pa.table(
        {
            "event_id": numbered("E", PAPERS + s.people.first + np.arange(len(s.events))),
            "bill_id": pa.array([e["bill_id"] for e in s.events], text),
            "happened_on": _dates(s.events, "happened_on"),
            "kind": pa.array([e["kind"] for e in s.events], text),
            "proceeds_account": _accounts(account),
            "amount": _money(s.events, "amount"),
        }
    )


def _accounts(numbers: np.ndarray) -> pa.Array:
    return numbered(np.where(numbers >= EXTERNAL, ord("X"), ord("A")).astype(np.uint8), numbers, 10)


def _money(rows: list[dict[str, object]], column: str) -> pa.Array:
    return amounts(np.array([round(float(str(r[column])) * 100) for r in rows], dtype=np.int64))


def _dates(rows: list[dict[str, object]], column: str) -> pa.Array:
    return days(np.array([r[column] for r in rows], dtype="datetime64[D]"))


def overridden(table: pa.Table, overrides: dict[str, dict[int, object]]) -> pa.Table:
    """The customers with the values that schemes give them."""
    for column, values in overrides.items():
        at = table.column_names.index(column)
        plain = table[column].to_pylist()
        for customer, value in values.items():
            plain[customer] = value.item() if isinstance(value, np.datetime64) else value
        table = table.set_column(at, column, pa.array(plain, table.schema.field(column).type))
    return table


#: What risk officers said of planted cases in the last quarter, of alerts that they had seen the
#: quarter before: variant, outcome, day, why.
DECISIONS = (
    ("one_account", "confirmed", "2024-10-21", "contracts signed by one hand"),
    ("two_accounts_of_one_owner", "confirmed", "2024-11-04", "borrowers never saw the flat"),
    ("two_months_of_three", "open", "2024-11-11", ""),
    ("ring", "confirmed", "2024-10-28", "merchant sold nothing"),
    ("one_holder", "cleared", "2024-10-15", "receipts shown"),
    ("one_hub", "confirmed", "2024-11-18", "promised returns in writing"),
    ("every_quarter", "cleared", "2024-10-25", "said to be a family loan"),
    ("comes_home", "confirmed", "2024-11-20", "no goods delivered"),
    ("rolled_over", "cleared", "2024-10-14", "papers promised"),
)


def decisions(truth: list[dict[str, object]], people: People) -> pa.Table:
    """Follow-ups of the alerts that the planted cases give."""
    by_variant = {str(t["variant"]): t for t in truth}
    rows = []
    for variant, outcome, day, why in DECISIONS:
        if variant in by_variant:
            case = by_variant[variant]
            parties = [str(p) for p in case["parties"]]  # type: ignore[attr-defined]
            number = int(parties[-1][1:]) if parties[-1].startswith("C") else people.first
            firms = [
                p
                for p in parties
                if p.startswith("C") and people.corporate[int(p[1:]) - people.first]
            ]
            rows.append(
                (
                    case["kind"],
                    firms[0] if variant == "ring" else min(parties),
                    int(people.branch[number - people.first]),
                    outcome,
                    day,
                    why,
                )
            )
    return pa.table(
        {
            "follow_up_id": numbered("F", PAPERS + people.first + np.arange(len(rows))),
            "subject_id": pa.array([alert_id(str(r[0]), str(r[1])) for r in rows], pa.string()),
            "staff_id": numbered("S", np.array([r[2] for r in rows], dtype=np.int64) * 8 + 6, 6),
            "done_on": days(np.array([r[4] for r in rows], dtype="datetime64[D]")),
            "outcome": pa.array([r[3] for r in rows], pa.string()),
            "why": pa.array([r[5] or None for r in rows], pa.string()),
        }
    )
