"""Members of staff against what is expected of whoever is handed the same: how often one who is no
better or worse than the others lies beyond the limits of chance, and whether one who ignores the
lists is found.

    python benchmarks/execution.py [--seeds 50] [--customers 5000]

Prints the table of benchmarks/README.md. Customers, lists, follow-ups and purchases are those of
demo banks of other seeds; what customers do beside is not made, since nothing here looks at it.
"""

import argparse
from unittest.mock import patch

import ibis
import numpy as np
import pandas as pd

from analysis.demo import plan
from analysis.demo.following import make_handed
from analysis.demo.people import QUARTERS, account_tables, customer_table, make_people
from analysis.demo.selling import make_sales
from analysis.demo.trade import STAFF_PER_BRANCH
from analysis.execution import staff
from analysis.execution.findings import beyond_chance, compared
from analysis.execution.items import delivered_items, followed, usable, with_success
from analysis.statistics.intervals import share_interval

QUARTER = QUARTERS[plan.HANDED_IN[-1]]
BRANCHES = 4


def work(seed: int, customers: int) -> pd.DataFrame:
    """What was handed over in the last quarter of a demo bank, and what came of it."""
    rng = np.random.default_rng([seed, 0])
    people = make_people(rng, 0, customers, BRANCHES)
    of_bank = customer_table(rng, people, STAFF_PER_BRANCH)
    sales = make_sales(np.random.default_rng([seed, 0, 77]), people)
    holdings = account_tables(rng, people, sales)["holdings"]
    handed = make_handed(np.random.default_rng([seed, 0, 55]), people, of_bank, holdings)
    con = ibis.duckdb.connect(threads=2)
    tables = {
        "customers": of_bank,
        "leads": handed.leads,
        "follow_ups": handed.follow_ups,
        "holdings": handed.holdings,
    }
    t = {name: con.create_table(name, rows) for name, rows in tables.items()}
    before = QUARTERS.index(QUARTER)
    there = pd.DataFrame(
        {
            "customer_id": of_bank["customer_id"].to_pylist(),
            "left": people.left <= before,
        }
    )
    left = con.create_table("left", there[people.left >= before])
    items = delivered_items(t["leads"], t["customers"], QUARTER)
    told = usable(t["follow_ups"], items, QUARTER)
    rows = with_success(followed(items, told), t["holdings"], left, [], QUARTER)
    return rows.order_by("subject_id").to_pandas()


def main() -> None:
    """See the module."""
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--seeds", type=int, default=50)
    options.add_argument("--customers", type=int, default=5000)
    asked = options.parse_args()
    print(
        "| measure | members of staff | beyond the limits | pages that name somebody | "
        "who ignores the lists is named |",
        "|---|---|---|---|---|",
        sep="\n",
    )
    alike, ignored = [], []
    for seed in range(asked.seeds):
        with patch.object(plan, "IGNORES_LISTS", ()):
            alike.append(work(seed, asked.customers))
        ignored.append(work(seed, asked.customers))
    for measure in (staff.IN_TIME, staff.SUCCESS):
        rows = [compared(staff.by_staff(w, staff.by_kind(w)), measure, "ALL") for w in alike]
        of = sum(map(len, rows))
        outside = sum(int((~r["came"].between(r["low"], r["high"])).sum()) for r in rows)
        pages = sum(bool(len(beyond_chance(r))) for r in rows)
        found = 0
        for w in ignored:
            named = beyond_chance(compared(staff.by_staff(w, staff.by_kind(w)), measure, "ALL"))
            found += set(plan.IGNORES_LISTS) <= set(named["staff_id"])
        low, high = share_interval(outside, of)
        print(
            f"| {measure} | {of:,} | {outside} ({outside / of:.1%}; {low:.1%} to {high:.1%}) | "
            f"{pages} of {len(rows)} | {found} of {len(ignored)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
