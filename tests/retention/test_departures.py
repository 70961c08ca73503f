"""Who has left is what the params file says, and whoever has no open account any more."""

import ibis
import pandas as pd

from analysis.retention.departures import DEPARTURES, departures


def test_leaving_is_the_rule_or_having_no_account_and_only_active_customers_can_leave():
    before = pd.DataFrame(
        {
            "customer_id": ["stays", "empties", "closes", "sleeps"],
            "branch_id": "B1",
            "customer_type": "personal",
            "quarter": "2024Q3",
            "active": [True, True, True, False],
            "balance_end": [100.0, 100.0, 100.0, 100.0],
        }
    )
    now = before[before["customer_id"] != "closes"].assign(
        quarter="2024Q4", balance_end=[90.0, 5.0, 0.0]
    )
    con = ibis.duckdb.connect(threads=1)
    tables = [con.create_table(n, t) for n, t in (("now", now), ("before", before))]
    left = departures(*tables, "balance_end < 0.1 * before_balance_end", "2024Q4").to_pandas()
    assert list(left) == list(DEPARTURES) and set(left["quarter"]) == {"2024Q4"}
    assert left.set_index("customer_id")["left"].to_dict() == {
        "stays": False,
        "empties": True,
        "closes": True,
    }
