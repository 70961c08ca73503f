"""Whether an event announces something: a test that knows of types, quarters and customers to whom
it happens again and again.

The score of the event in each stratum of quarter and type of customer (Cochran 1954, Mantel and
Haenszel 1959), summed by customer, so that one customer in several quarters counts once for chance
(sandwich of Liang and Zeger 1986; Student's t with a customer less than had the event). Where the
outcomes are few, chance is counted exactly too: given the totals of each stratum, those who had the
event are a draw from all (Fisher 1935; Gart 1970); of the two the larger is told.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import numpy as np
from ibis import _
from scipy import stats

from analysis.shape import Shape

#: With more than so many expected outcomes on either side, the exact count adds nothing.
SPARSE = 50


class Announcement(Shape):
    """p: the chance that the outcome is as different after the event, where the event says nothing;
    empty where it cannot be judged. customers: to how many it happened, in how many stretches
    `times`.
    """

    event: str
    p: float | None
    customers: int
    times: int


class Announcements(Shape):
    """What the events of a quarter's params file announce, by all quarters so far."""

    events: list[Announcement]


def announcements(
    customers: ir.Table, events: ir.Table | None, watched: Mapping[str, str]
) -> Announcements:
    """The test of every event that is watched, over the whole bank.

    customers, events: customer_quarter and customer_event of many quarters. watched: event to what
    it is watched for, churn or purchase.
    """
    if events is None:
        return Announcements(events=[_nothing(event) for event in watched])
    rows = customers.get_backend().create_table("announcing__seen", seen(customers), temp=True)
    return Announcements(events=[_tested(rows, events, *event) for event in watched.items()])


def seen(customers: ir.Table) -> ir.Table:
    """Active customers of every quarter of which the next is there: customer_id, customer_type,
    quarter, churn and purchase (0 or 1; the latter empty where holdings are not delivered).
    """
    number = customers.quarter.substr(0, 4).cast("int64") * 4 + customers.quarter.substr(5).cast(
        "int64"
    )
    numbered = customers.mutate(number=number)
    after = numbered.select(
        after_id="customer_id",
        before=_.number - 1,
        after_active="active",
        after_products="products_held",
    )
    there = numbered.select(there=_.number - 1).distinct()
    then = numbered.filter(_.active).semi_join(there, _.number == there.there)
    both = then.left_join(after, [then.customer_id == after.after_id, then.number == after.before])
    bought = both.after_products.fill_null(0) > both.products_held
    return both.select(
        "customer_id",
        "customer_type",
        "quarter",
        churn=(~both.after_active.fill_null(False)).cast("int64"),
        purchase=bought.cast("int64"),
    )


def _tested(rows: ir.Table, events: ir.Table, event: str, expect: str) -> Announcement:
    happened = events.filter(_.event == event).select("customer_id", "quarter").distinct()
    known = rows.filter(rows[expect].notnull())
    joined = known.left_join(happened.mutate(had=1), ["customer_id", "quarter"]).select(
        "customer_id", "customer_type", "quarter", y=known[expect], x=_.had.fill_null(0)
    )
    of_stratum = ibis.window(group_by=["quarter", "customer_type"])
    scores = joined.mutate(
        u=(_.x - _.x.mean().over(of_stratum)) * (_.y - _.y.mean().over(of_stratum))
    )
    by_customer = scores.group_by("customer_id").aggregate(u=_.u.sum(), x=_.x.sum())
    told = by_customer.aggregate(
        score=_.u.sum(), variance=(_.u * _.u).sum(), customers=(_.x > 0).sum(), times=_.x.sum()
    ).to_pandas()
    if told["customers"].isna().any():
        return _nothing(event)
    score, variance, clusters, times = told.iloc[0]
    if not variance > 0 or clusters < 2:
        return Announcement(event=event, p=None, customers=int(clusters), times=int(times))
    clustered = float(2 * stats.t.sf(abs(score) / np.sqrt(variance), clusters - 1))
    strata = (
        joined.group_by("quarter", "customer_type")
        .aggregate(n=_.count(), with_event=_.x.sum(), hits=_.y.sum(), both=(_.x * _.y).sum())
        .filter(_.with_event > 0)
        .order_by("quarter", "customer_type")
        .to_pandas()
    )
    p = max(clustered, exact(strata[["n", "with_event", "hits", "both"]].to_numpy(dtype=int)))
    return Announcement(
        event=event, p=round(min(p, 1.0), 12), customers=int(clusters), times=int(times)
    )


def exact(strata: np.ndarray) -> float:
    """Twice the smaller tail of the number of outcomes after the event, given the totals of every
    stratum; 0 where the outcomes are too many to be counted so.

    strata: rows of customers, those with the event, those with the outcome, those with both.
    """
    n, with_event, hits, both = strata.T
    expected = float((with_event * hits / n).sum())
    if min(expected, float(with_event.sum()) - expected) > SPARSE:
        return 0.0
    chance = np.ones(1)
    least = 0
    for total, event, outcome, _both in strata:
        low, high = max(0, event + outcome - total), min(event, outcome)
        of = stats.hypergeom.pmf(np.arange(low, high + 1), total, outcome, event)
        chance, least = np.convolve(chance, of), least + low
    at = int(both.sum()) - least
    return float(min(1.0, 2 * min(chance[: at + 1].sum(), chance[at:].sum())))


def _nothing(event: str) -> Announcement:
    return Announcement(event=event, p=None, customers=0, times=0)
