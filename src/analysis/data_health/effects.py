"""What doubtful rows do to each report: its headline with them and without them, computed from the
same marts as the report itself.
"""

from collections.abc import Callable, Iterator, Mapping

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.data_health.checks import CHECKS, COMPLETENESS, TIMELINESS
from analysis.data_health.fitted import Effect
from analysis.language import marked
from analysis.partition import ALL
from analysis.statistics.intervals import mean_interval, share_interval

Marts = Mapping[str, ir.Table]
#: What a headline is made of, and what of it is doubted: `key` and `check`.
Doubted = tuple[ir.Table, ir.Table]

INDEX, BALANCE, ACTIVE = marked("Loyalty index"), marked("Balance"), marked("Active customers")
LEFT, PRODUCTS = marked("Customers who left"), marked("Products a customer")
ALERTS = marked("Alerts")


def with_real_customers(doubts: ir.Table, same_customer: ir.Table) -> ir.Table:
    """The doubts with the customers that records were found to be."""
    same = same_customer.select("customer_id", "customer_key")
    joined = doubts.left_join(same, "customer_id")
    return joined.select(
        "branch_id",
        "check",
        "key",
        customer_id=ibis.coalesce(joined.customer_key, joined.customer_id),
    )


def _keys(doubts: ir.Table, table: str) -> ir.Table:
    """The keys of a table's rows that are doubted, and by which check."""
    return doubts.filter(_.check.startswith(f"{table}.")).select("key", "check").distinct()


def _people(doubts: ir.Table, *tables: str) -> ir.Table:
    """The customers whom doubtful rows of the tables concern, and which check doubts them."""
    of_tables = ibis.or_(*[doubts.check.startswith(f"{table}.") for table in tables])
    named = doubts.filter(of_tables & doubts.customer_id.notnull())
    return named.select("check", key="customer_id").distinct()


def _units(rows: ir.Table, key: str, value: ir.Value, weight: ir.Value | None = None) -> ir.Table:
    """What a headline is made of: `branch_id`, `key`, `value` and how much it counts."""
    units = rows.select(
        "branch_id",
        key=rows[key],
        value=value.cast("float64"),
        weight=ibis.literal(1.0) if weight is None else weight.cast("float64"),
    )
    return units.filter(_.value.notnull())


def _loyalty(marts: Marts, doubts: ir.Table) -> Doubted:
    rows = marts["survey_index"]
    return _units(rows, "survey_id", rows["index"], rows.weight), _keys(doubts, "surveys")


def _of_customers(mart: str, column: str, *tables: str) -> Callable[[Marts, ir.Table], Doubted]:
    """A column of a mart of customers, without those whom doubtful rows of the tables concern."""

    def told(marts: Marts, doubts: ir.Table) -> Doubted:
        rows = marts[mart]
        return _units(rows, "customer_id", rows[column]), _people(doubts, *tables)

    return told


def _alerts(marts: Marts, doubts: ir.Table) -> Doubted:
    """An alert is doubted where a row of its evidence is."""
    rows, evidence = marts["risk_alert"], marts["risk_evidence"]
    source = doubts.check.split(".")[0]
    keys = doubts.select("check", evidence_id="key", source=source).distinct()
    named = evidence.select("alert_id", "evidence_id", "source")
    doubted = named.inner_join(keys, ["evidence_id", "source"])
    return (
        _units(rows, "alert_id", ibis.literal(1.0)),
        doubted.select("check", key="alert_id").distinct(),
    )


NOT_DOUBTED = (COMPLETENESS, TIMELINESS)
OF_ACCOUNTS = ("customers", "accounts")
SUMS = ["n", "weight", "weighted", "squares", "weight_squares"]
#: A report with its headline, the marts that it is made of, its units, and how it is told.
HEADLINES: tuple[tuple[str, str, tuple[str, ...], Callable[[Marts, ir.Table], Doubted], str], ...]
HEADLINES = (
    (
        "segmentation",
        BALANCE,
        ("customer_quarter",),
        _of_customers("customer_quarter", "balance_end", *OF_ACCOUNTS),
        "mean",
    ),
    (
        "customer_changes",
        ACTIVE,
        ("customer_quarter",),
        _of_customers("customer_quarter", "active", *OF_ACCOUNTS),
        "share",
    ),
    ("loyalty", INDEX, ("survey_index",), _loyalty, "mean"),
    (
        "retention",
        LEFT,
        ("customer_left",),
        _of_customers("customer_left", "left", *OF_ACCOUNTS),
        "share",
    ),
    (
        "cross_sell",
        PRODUCTS,
        ("customer_quarter",),
        _of_customers("customer_quarter", "products_held", "customers", "holdings"),
        "mean",
    ),
    ("risk_overview", ALERTS, ("risk_alert", "risk_evidence"), _alerts, "count"),
)
#: To each headline the counts (see `analysis.disclosure.counts`) that could be told from it.
COUNTED_AS = {
    BALANCE: ("customers",),
    ACTIVE: ("customers", "active"),
    INDEX: ("answers",),
    LEFT: ("active_before", "left"),
    PRODUCTS: ("customers",),
    ALERTS: (),
}
#: To each headline how a table shows it.
KINDS = {
    BALANCE: "money",
    ACTIVE: "share",
    INDEX: "score",
    LEFT: "share",
    PRODUCTS: "number",
    ALERTS: "count",
}


def effects_of(marts: Marts, doubts: ir.Table) -> Iterator[Effect]:
    """Every headline of every branch, and of the whole bank.

    doubts: the rows `DATA_DOUBT` of the quarter; what is only empty, or late, may be right.
    """
    told = [n for n, (_table, check) in CHECKS.items() if check.aspect in NOT_DOUBTED]
    doubts = doubts.filter(doubts.check.notin(told))
    for report, headline, needs, made_of, kind in HEADLINES:
        if not set(needs) <= marts.keys():
            continue
        units, doubted = made_of(marts, doubts)
        by_check = _sums(units.inner_join(doubted, "key"), "branch_id", "check")
        by_any = _sums(units.semi_join(doubted, "key"), "branch_id").assign(check="")
        of_all = _sums(units, "branch_id")
        left_out = pd.concat([by_any, by_check], ignore_index=True)
        for branch in [*sorted(of_all["branch_id"]), ALL]:
            own, out = (
                rows if branch == ALL else rows[rows["branch_id"] == branch]
                for rows in (of_all, left_out)
            )
            whole = own[SUMS].sum()
            for check, sums in out.groupby("check")[SUMS].sum().iterrows():
                yield _effect(report, headline, branch, str(check), whole, whole - sums, kind)
            if out.empty:
                yield _effect(report, headline, branch, "", whole, whole, kind)


def _sums(units: ir.Table, *by: str) -> pd.DataFrame:
    sums = units.group_by(list(by)).aggregate(
        n=_.count(),
        weight=_.weight.sum(),
        weighted=(_.weight * _.value).sum(),
        squares=(_.weight * _.value * _.value).sum(),
        weight_squares=(_.weight * _.weight).sum(),
    )
    return sums.to_pandas()


def _effect(
    report: str,
    headline: str,
    branch: str,
    check: str,
    whole: pd.Series,
    rest: pd.Series,
    kind: str,
) -> Effect:
    value, low, high = _with_interval(whole, kind)
    without, _low, _high = _with_interval(rest, kind)
    return Effect(
        report=report,
        headline=headline,
        branch_id=branch,
        check=check,
        n=int(whole["n"]),
        value=value,
        low=None if np.isnan(low) else low,
        high=None if np.isnan(high) else high,
        n_without=int(rest["n"]),
        without=None if np.isnan(without) else without,
    )


def _with_interval(sums: pd.Series, kind: str) -> tuple[float, float, float]:
    """The value of a headline with its interval."""
    n, nothing = float(sums["n"]), float("nan")
    if kind == "count":
        return n, nothing, nothing
    if not n:
        return nothing, nothing, nothing
    mean = float(sums["weighted"] / sums["weight"])
    if kind == "share":
        return (mean, *share_interval(mean * n, n))
    variance = max(sums["squares"] / sums["weight"] - mean**2, 0.0)
    effective = sums["weight"] ** 2 / sums["weight_squares"]  # Kish 1965
    sd = float(np.sqrt(variance * effective / max(effective - 1, 1)))
    return (mean, *mean_interval(mean, sd, effective))
