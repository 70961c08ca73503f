"""The small tables of the demo bank: branches, staff, products, campaigns, merchants, and the bills
of its firms.
"""

import numpy as np
import pyarrow as pa

from analysis.demo import plan
from analysis.demo.columns import amounts, days, numbered
from analysis.demo.lending import EXTERNAL
from analysis.demo.people import END, STARTS, People, branch_ids
from analysis.demo.selling import campaign_table

STAFF_PER_BRANCH = 8
ROLES = ("relationship_manager",) * 5 + ("teller", "risk_officer", "branch_manager")


def bank_tables(branches: int) -> dict[str, pa.Table]:
    """Branches, staff, products and campaigns."""
    number = np.arange(branches)
    again = number // len(plan.BRANCH_NAMES)
    names = [
        plan.BRANCH_NAMES[i % len(plan.BRANCH_NAMES)] + (f" {a + 1}" if a else "")
        for i, a in zip(number, again, strict=True)
    ]
    staff = np.arange(branches * STAFF_PER_BRANCH)
    return {
        "branches": pa.table(
            {
                "branch_id": branch_ids(number),
                "name": names,
                "region": [plan.REGIONS[i % len(plan.REGIONS)] for i in number],
            }
        ),
        "staff": pa.table(
            {
                "staff_id": numbered("S", staff, 6),
                "branch_id": branch_ids(staff // STAFF_PER_BRANCH),
                "role": [ROLES[i % STAFF_PER_BRANCH] for i in staff],
                "weekly_capacity": [
                    20 if ROLES[i % STAFF_PER_BRANCH] == "relationship_manager" else 5
                    for i in staff
                ],
            }
        ),
        "products": pa.table(
            {
                name: [p[i] for p in plan.PRODUCTS]
                for i, name in enumerate(("product_id", "name", "kind"))
            }
        ),
        "campaigns": campaign_table(),
    }


def merchant_table(rng: np.random.Generator, people: People, first: int, count: int) -> pa.Table:
    """Shops: some belong to firms of the chunk and are settled to their account."""
    firms = np.flatnonzero(people.corporate)
    owner = firms[rng.integers(0, len(firms), count)]
    own = rng.random(count) < 0.6
    return pa.table(
        {
            "merchant_id": numbered("M", first + np.arange(count), 6),
            "category_code": pa.array(
                np.array(["5411", "5812", "5541", "5311", "5732", "7011"])[
                    rng.integers(0, 6, count)
                ],
                pa.string(),
            ),
            "region": pa.array(
                np.array(plan.REGIONS)[rng.integers(0, len(plan.REGIONS), count)], pa.string()
            ),
            "owner_id": numbered("C", people.first + owner, valid=own),
            "settlement_account": numbered("A", people.account[owner], 10, valid=own),
            "opens_hour": rng.integers(6, 10, count),
            "closes_hour": rng.integers(18, 24, count),
        }
    )


def bill_tables(rng: np.random.Generator, people: People) -> dict[str, pa.Table]:
    """Bills of exchange of the larger firms with the invoices behind them, and what became of
    them.
    """
    firms = np.flatnonzero(people.corporate & (people.of_group("income") > 1_000_000))
    drawer = np.repeat(firms, rng.poisson(3, len(firms)))
    n = len(drawer)
    number = people.first + np.arange(n)
    accepted = np.maximum(
        STARTS[0] + rng.integers(0, int((END - STARTS[0]).astype(int)) - 1, n), people.since[drawer]
    )
    due = accepted + 180
    cents = (people.income[drawer] * rng.uniform(0.05, 0.4, n) * 100).astype(np.int64)
    payee = EXTERNAL + rng.integers(0, 10**6, n)
    invoices = pa.table(
        {
            "invoice_id": numbered("I", number),
            "issued_on": days(accepted - 5),
            "amount": amounts(cents),
            "contract_reference": numbered("R", number),
            "status": ["valid"] * n,
        }
    )
    bills = pa.table(
        {
            "bill_id": numbered("B", number),
            "branch_id": branch_ids(people.branch[drawer]),
            "drawer_id": numbered("C", people.first + drawer),
            "payee_account": numbered("X", payee, 10),
            "payee_name": pa.array(
                plan.FIRM_NAMES[rng.integers(0, 8, n)] + plan.FIRM_ENDS[rng.integers(0, 4, n)],
                pa.string(),
            ),
            "amount": amounts(cents),
            "accepted_on": days(accepted),
            "due_on": days(due),
            "margin_paid": amounts((cents * 0.3).astype(np.int64)),
            "contract_reference": numbered("R", number),
            "invoice_id": numbered("I", number),
        }
    )
    over = np.flatnonzero(due <= END)
    events = pa.table(
        {
            "event_id": numbered("E", number[over]),
            "bill_id": numbered("B", number[over]),
            "happened_on": days(due[over]),
            "kind": ["redeemed"] * len(over),
            "proceeds_account": numbered("X", payee[over], 10),
            "amount": amounts(cents[over]),
        }
    )
    return {"invoices": invoices, "bills": bills, "bill_events": events}


def standing_order_table(rng: np.random.Generator, people: People) -> pa.Table:
    """Payments ordered for every month."""
    who = np.flatnonzero(~people.corporate & (rng.random(len(people)) < 0.2))
    n = len(who)
    return pa.table(
        {
            "order_id": numbered("O", people.first + np.arange(n)),
            "account_id": numbered("A", people.account[who], 10),
            "payee_bank": pa.array(["North Bank"] * n, pa.string()),
            "payee_account": numbered("X", EXTERNAL + rng.integers(0, 10**6, n), 10),
            "amount": amounts((people.income[who] * 5).astype(np.int64)),
            "purpose": pa.array(
                np.array(["household", "insurance"])[rng.integers(0, 2, n)], pa.string()
            ),
        }
    )
