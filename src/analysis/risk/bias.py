"""Do the alerts fall on ages, sexes or regions alike? Of persons who play a part beside victims.

The persons of one alert belong together (a family, a firm, a village), so the alert is what is
counted: each once, divided among the groups of its persons.
"""

import itertools
import math

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from scipy import stats

from analysis.quarters import Quarter
from analysis.risk.known import VICTIMS
from analysis.risk.record import GroupCount
from analysis.risk.transfers import Tables, listed
from analysis.statistics.intervals import corrected_for_any, share_interval

AGES = (30, 45, 60, 75)
TRAITS = ("age", "sex", "region")


#: A group compared with the others of its trait.
COMPARED = {
    "kind": "string",
    "trait": "string",
    "value": "string",
    "customers": "int64",
    "named": "int64",  # of them, in alerts
    "alerts": "int64",  # of the kind, with a person whose trait is known
    "share": "float64",  # of these alerts, divided among the groups of their persons
    "low": "float64",  # 95 % interval
    "high": "float64",
    "expected": "float64",  # the group's share of the customers
    "p_corrected": "float64",  # empty with fewer alerts than LEAST_ALERTS
}
LEAST_ALERTS = 6  # fewer say too little of any group


def group_counts(
    tables: Tables, alerts: pd.DataFrame, parties: pd.DataFrame, quarter: Quarter
) -> list[GroupCount]:
    """Persons by kind, trait (age, sex, region) and value: customers and those named in an alert
    (borrowers and investors, who may be victims, are not counted as named).
    """
    persons = tables["customers"].filter(_.customer_type == "personal")
    persons = persons.select(
        "customer_id",
        "sex",
        "region",
        age=_band((quarter.end.year - persons.born_on.year()).cast("int64")),
        has_age=persons.born_on.notnull(),
    )
    central = parties[parties["alert_id"].isin(alerts["alert_id"]) & ~parties["role"].isin(VICTIMS)]
    wanted = listed(central["party"].unique(), "wanted")
    named = persons.semi_join(wanted, [("customer_id", "wanted")]).to_pandas()
    counts = []
    for trait in TRAITS:
        with_trait = persons.filter(_.has_age if trait == "age" else _[trait].notnull())
        sizes = with_trait.group_by(value=_[trait]).aggregate(customers=_.count()).order_by("value")
        values = named.loc[named["has_age"] if trait == "age" else named[trait].notna()]
        known = central.merge(
            values[["customer_id", trait]], left_on="party", right_on="customer_id"
        ).drop_duplicates(["kind", "alert_id", "party"])
        for value, customers in sizes.to_pandas().itertuples(index=False):
            for kind, of_kind in known.groupby("kind"):
                own = of_kind[trait] == value
                counts.append(
                    GroupCount(
                        kind=str(kind),
                        trait=trait,
                        value=str(value),
                        customers=int(customers),
                        named=int(of_kind.loc[own, "party"].nunique()),
                        alerts=int(of_kind["alert_id"].nunique()),
                        share=round(float(own.groupby(of_kind["alert_id"]).mean().sum()), 9),
                    )
                )
    return counts


def _band(age: ir.IntegerValue) -> ir.StringValue:
    names = [
        f"under {AGES[0]}",
        *[f"{a} to {b - 1}" for a, b in itertools.pairwise(AGES)],
        f"{AGES[-1]} and over",
    ]
    return ibis.cases(
        *[(age < limit, name) for limit, name in zip(AGES, names, strict=False)], else_=names[-1]
    )


def compared(counts: list[GroupCount], min_cell: int) -> pd.DataFrame:
    """Whether the alerts fall on each group as often as its share of the customers lets expect:
    columns COMPARED; groups below `min_cell` customers are left out.

    Intervals of 95 % (Wilson 1927) and two-sided binomial test, both of alerts; a part of an alert
    is rounded towards what is expected, so that alerts of many persons err on the safe side.
    Corrected for any false alarm among all (Holm 1979). A difference is a reason to look at the
    thresholds, not a proof of unfairness: trading habits differ between ages as well.
    """
    groups = pd.DataFrame(
        [count.model_dump() for count in counts], columns=list(GroupCount.model_fields)
    )
    of_trait = groups.groupby(["kind", "trait"])["customers"].transform("sum")
    groups = groups.assign(expected=groups["customers"] / of_trait)
    groups = groups[groups["customers"] >= min_cell].reset_index(drop=True)
    if groups.empty:
        return groups.reindex(columns=list(COMPARED))
    tests = [
        _chance(share, n, expected)
        for share, n, expected in groups[["share", "alerts", "expected"]].itertuples(index=False)
    ]
    bounds = [share_interval(s, n) for s, n in zip(groups["share"], groups["alerts"], strict=True)]
    return groups.assign(
        share=groups["share"] / groups["alerts"],
        low=[low for low, _high in bounds],
        high=[high for _low, high in bounds],
        p_corrected=corrected_for_any(pd.Series(tests)),
    )[list(COMPARED)]


def _chance(share: float, alerts: int, expected: float) -> float:
    """That so many of the alerts, or more or fewer, fall on a group by chance."""
    if alerts < LEAST_ALERTS or not 0 < expected < 1:
        return float("nan")
    towards = math.floor if share > alerts * expected else math.ceil
    # a whole number is not to be lost to the sum of thirds
    found = towards(round(share, 6))
    return float(stats.binomtest(found, alerts, expected).pvalue)
