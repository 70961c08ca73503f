"""Do the alerts fall on ages, sexes or regions alike? Counted over persons who play a part beside
victims.
"""

import itertools

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
    "per_1000": "float64",  # named, of 1,000 customers
    "per_1000_low": "float64",  # 95 % interval
    "per_1000_high": "float64",
    "p_corrected": "float64",
}


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
        for value, customers in sizes.to_pandas().itertuples(index=False):
            persons_of_group = set(named.loc[named[trait] == value, "customer_id"])
            for kind, of_kind in central.groupby("kind"):
                counts.append(
                    GroupCount(
                        kind=str(kind),
                        trait=trait,
                        value=str(value),
                        customers=int(customers),
                        named=len(persons_of_group & set(of_kind["party"])),
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
    """Whether each group is named more or less often than the others of its trait: columns
    COMPARED; groups below `min_cell` customers are left out.

    Intervals of 95 % (Wilson 1927), p-values of Fisher's exact test (Fisher 1935), corrected for
    any false alarm among all (Holm 1979). A difference is a reason to look at the thresholds, not a
    proof of unfairness: trading habits differ between ages as well.
    """
    groups = pd.DataFrame(
        [count.model_dump() for count in counts if count.customers >= min_cell],
        columns=list(GroupCount.model_fields),
    )
    if groups.empty:
        return groups.reindex(columns=list(COMPARED))
    of_trait = groups.groupby(["kind", "trait"])[["customers", "named"]].transform("sum")
    others = of_trait - groups[["customers", "named"]]
    tests = [
        float(stats.fisher_exact([[named, n - named], [other_named, other_n - other_named]]).pvalue)
        for named, n, other_named, other_n in zip(
            groups["named"], groups["customers"], others["named"], others["customers"], strict=True
        )
    ]
    bounds = [
        share_interval(named, n)
        for named, n in zip(groups["named"], groups["customers"], strict=True)
    ]
    return groups.assign(
        per_1000=1000 * groups["named"] / groups["customers"],
        per_1000_low=[1000 * low for low, _high in bounds],
        per_1000_high=[1000 * high for _low, high in bounds],
        p_corrected=corrected_for_any(pd.Series(tests)),
    )
