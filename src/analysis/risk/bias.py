"""Do the alerts fall on ages, sexes or regions alike? Counted over persons who play a part beside
victims.
"""

import itertools
from typing import Any

import pandas as pd
from ibis import _
from scipy import stats

from analysis.quarters import Quarter
from analysis.risk.alerts import VICTIMS
from analysis.risk.transfers import Tables, listed
from analysis.statistics.intervals import corrected_for_any, share_interval

AGES = (30, 45, 60, 75)


def group_counts(
    tables: Tables, alerts: pd.DataFrame, parties: pd.DataFrame, quarter: Quarter
) -> list[dict[str, Any]]:
    """Persons by kind, trait (age, sex, region) and value: customers and those named in an alert
    (borrowers and investors, who may be victims, are not counted as named).
    """
    persons = tables["customers"].filter(_.customer_type == "personal")
    age = (quarter.end.year - persons.born_on.year()).cast("int64")
    everyone = {
        "age": persons.filter(_.born_on.notnull())
        .group_by(value=_band(age))
        .aggregate(customers=_.count()),
        **{
            t: persons.filter(_[t].notnull()).group_by(value=_[t]).aggregate(customers=_.count())
            for t in ("sex", "region")
        },
    }
    central = parties[parties["alert_id"].isin(alerts["alert_id"]) & ~parties["role"].isin(VICTIMS)]
    named = persons.semi_join(
        listed(central["party"].unique(), "wanted"), [("customer_id", "wanted")]
    )
    about = named.select(
        "customer_id",
        "sex",
        "region",
        age=_band((quarter.end.year - named.born_on.year()).cast("int64")),
    ).to_pandas()
    rows = []
    for trait, counted in everyone.items():
        for value, customers in counted.order_by("value").to_pandas().itertuples(index=False):
            ids = set(about.loc[about[trait] == value, "customer_id"])
            for kind, mine in central.groupby("kind"):
                rows.append(
                    {
                        "kind": kind,
                        "trait": trait,
                        "value": str(value),
                        "customers": int(customers),
                        "named": len(ids & set(mine["party"])),
                    }
                )
    return rows


def _band(age: Any) -> Any:
    import ibis

    names = [
        f"under {AGES[0]}",
        *[f"{a} to {b - 1}" for a, b in itertools.pairwise(AGES)],
        f"{AGES[-1]} and over",
    ]
    return ibis.cases(
        *[(age < limit, name) for limit, name in zip(AGES, names, strict=False)], else_=names[-1]
    )


def compared(counts: list[dict[str, Any]], min_cell: int) -> pd.DataFrame:
    """Per kind, trait and value: customers, named (suppressed below `min_cell` customers), per
    1,000 with its 95 % interval (Wilson), and whether it differs from the other values (Fisher's
    exact test, corrected for any false alarm among all after Holm). A difference is a reason to
    look at the thresholds, not a proof of unfairness: trading habits differ between ages as well.
    """
    rows = pd.DataFrame(counts, columns=["kind", "trait", "value", "customers", "named"])
    rows = rows[rows["customers"] >= min_cell].reset_index(drop=True)
    if rows.empty:
        return rows.assign(per_1000=[], per_1000_low=[], per_1000_high=[], p_corrected=[])
    whole = rows.groupby(["kind", "trait"])[["customers", "named"]].transform("sum")
    tests, low, high = [], [], []
    for i, r in rows.iterrows():
        rest = whole.loc[i]
        table = [
            [r["named"], r["customers"] - r["named"]],
            [
                rest["named"] - r["named"],
                rest["customers"] - rest["named"] - r["customers"] + r["named"],
            ],
        ]
        tests.append(float(stats.fisher_exact(table).pvalue))
        bounds = share_interval(r["named"], r["customers"])
        low.append(1000 * bounds[0])
        high.append(1000 * bounds[1])
    return rows.assign(
        per_1000=1000 * rows["named"] / rows["customers"],
        per_1000_low=low,
        per_1000_high=high,
        p_corrected=corrected_for_any(pd.Series(tests)),
    )
