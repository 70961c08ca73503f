"""Needs that no product of a customer meets: money that lies idle, regular payments to another
bank, and seasons in which much goes out; how many customers, how much money, what it is worth, and
the product whose holders they are most like.

Hints for whoever designs products: they say where to ask, not what would sell.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend
from scipy import stats

from analysis.language import Impossible, impossible
from analysis.logit import Transform
from analysis.opportunities.fitted import Need, UnmetNeeds
from analysis.quarters import Quarter
from analysis.segmentation.features import Described, described, matrix
from analysis.sources.params import Unmet
from analysis.statistics.intervals import (
    corrected_for_any,
    mean_interval,
    median_interval,
    share_interval,
)
from analysis.statistics.resampling import draws

IDLE, PAYS_ANOTHER, SEASONAL = "idle_balance", "pays_another_bank", "seasonal_need"
MOST_BANKS = 10  # of each type of customers, the most frequent first
SAMPLE = 60_000
DRAWS, SHUFFLES = 400, 2000
LEAST_HOLDERS, NEARLY_ALL = 30, 0.95
YEAR = 4
#: What customers are compared on with the holders of a product.
PROFILE: dict[str, Transform] = {
    "age_years": "none",
    "tenure_years": "log",
    "balance_end": "asinh",
    "money_in": "asinh",
    "transactions": "log",
    "counterparties": "log",
    "cash_share": "none",
    "mobile_share": "none",
}


@dataclass(frozen=True)
class Found:
    """Who has a need: customer_id, customer_type, bank (empty where none is meant) and money (in
    the bank's currency); and what it is held against, by customer_type and bank.
    """

    members: ir.Table
    against: pd.DataFrame


def of_quarter(customers: ir.Table, quarter: Quarter) -> ir.Table:
    """The active customers of a quarter. customers: customer_quarter of many."""
    return customers.filter((_.quarter == str(quarter)) & _.active)


def idle(customers: ir.Table, quarter: Quarter, settings: Unmet) -> Found | Impossible:
    """Active customers with much money at the end of this quarter and the one before, few own
    entries, and neither deposit nor wealth product; money is the lower of both balances.

    customers: customer_quarter of all quarters so far.
    """
    now = of_quarter(customers, quarter)
    earlier = customers.filter(_.quarter == str(quarter.previous))
    if not _any(earlier):
        return impossible("Two quarters are needed.")
    if not _any(now.filter(_.has_deposit.notnull())):
        return impossible("The bank delivers no holdings.")
    lies = now.filter(
        (_.balance_end >= settings.balance)
        & (_.transactions <= settings.most_entries)
        & ~(_.has_deposit | _.has_wealth)
    )
    lay = earlier.filter(_.balance_end >= settings.balance)
    both = lies.inner_join(lay.select("customer_id", earlier="balance_end"), "customer_id")
    members = both.select(
        "customer_id",
        "customer_type",
        bank=ibis.literal(""),
        money=ibis.least(both.balance_end, both.earlier).cast("float64"),
    )
    return Found(members, pd.DataFrame())


def pays_another(
    customers: ir.Table,
    transactions: ir.Table,
    holders: ir.Table,
    quarter: Quarter,
    settings: Unmet,
) -> Found | Impossible:
    """Active customers who transfer money to the same other bank in several months of this quarter
    and the one before; money is what they transfer to it in a quarter.

    transactions: of both quarters. holders: account_holders of the contract; what goes out of a
    joint account is shared out evenly. Held against: how many did so in two months of the quarter,
    and of the one before, of those active in both.
    """
    bank = transactions.counterparty_bank.strip()
    paid = transactions.filter((_.kind == "transfer") & (_.amount < 0) & (bank != ""))
    if not _any(paid):
        return impossible("No transfer names the bank of the other side.")
    owners = holders.filter(_.role == "owner")
    shared = owners.group_by("account_id").aggregate(owners=_.count())
    owned = owners.select("account_id", "customer_id").inner_join(shared, "account_id")
    entries = paid.mutate(
        bank=paid.counterparty_bank.strip(),
        month=paid.booked_at.year() * 12 + paid.booked_at.month(),
        late=paid.booked_at.date() >= ibis.literal(quarter.start),
    ).inner_join(owned, "account_id")
    each = entries.group_by("customer_id", "bank").aggregate(
        months=_.month.nunique(),
        now=_.month.nunique(where=_.late),
        before=_.month.nunique(where=~_.late),
        paid=-(_.amount.cast("float64") / _.owners).sum(),
    )
    active = of_quarter(customers, quarter).select("customer_id", "customer_type")
    two = _any(customers.filter(_.quarter == str(quarter.previous)))
    quarters = 2 if two else 1
    payers = each.inner_join(active, "customer_id")
    members = payers.filter(_.months >= settings.months).select(
        "customer_id", "customer_type", "bank", money=(_.paid / quarters).round(2)
    )
    if not two:
        return Found(members, pd.DataFrame())
    stayed = of_quarter(customers, quarter.previous).select("customer_id")
    return Found(members, _against_before(payers.semi_join(stayed, "customer_id")))


def _against_before(payers: ir.Table) -> pd.DataFrame:
    """Customers who pay each bank in two months of the quarter, and of the one before, and the
    chance of such a difference where as many begin as end (McNemar 1947, exact).
    """
    against = (
        payers.group_by("customer_type", "bank")
        .aggregate(
            now=(_.now >= 2).sum(),
            before=(_.before >= 2).sum(),
            begun=((_.now >= 2) & (_.before < 2)).sum(),
            ended=((_.now < 2) & (_.before >= 2)).sum(),
        )
        .order_by("customer_type", "bank")
        .to_pandas()
    )
    p = [
        float(stats.binomtest(int(r.begun), int(r.begun + r.ended)).pvalue)
        if r.begun + r.ended
        else 1.0
        for r in against.itertuples()
    ]
    return against.assign(p=p)


def seasonal(customers: ir.Table, quarter: Quarter, settings: Unmet) -> Found | Impossible:
    """Active customers of whom in the season of the quarter to come much more went out than in the
    mean quarter of its year, in each of the last two years; money is how much more.

    customers: customer_quarter of all quarters so far. A year begins with that season. Held
    against: how many would be found if every customer's quarters were shuffled within each year.
    """
    years = [
        list(quarter.shifted(1 - YEAR * n).through(quarter.shifted(YEAR - YEAR * n)))
        for n in (1, 2)
    ]
    every = [str(q) for year in years for q in year]
    rows = customers.filter(_.quarter.isin(every))
    there = rows.select("quarter").distinct().count().to_pyarrow().as_py()
    if there < len(every):
        return impossible(
            "Two years are needed; {n} of their {all} quarters are there.", n=there, all=len(every)
        )
    latest = _.quarter.isin([str(q) for q in years[0]])
    rows = rows.select("customer_id", "quarter", out=_.money_out.cast("float64"), latest=latest)
    by_year = rows.group_by("customer_id", "latest").aggregate(
        quarters=_.count(),
        mean=_.out.mean().round(4),
        season=_.out.sum(where=_.quarter.isin([str(y[0]) for y in years])),
    )
    by_year = by_year.filter((_.quarters == YEAR) & (_.mean > 0))
    high = (
        rows.inner_join(by_year, ["customer_id", "latest"])
        .filter(_.out >= settings.times * _.mean)
        .group_by("customer_id", "latest")
        .aggregate(high=_.count())
    )
    by_year = by_year.left_join(high, ["customer_id", "latest"]).select(
        *by_year.columns, high=_.high.fill_null(0)
    )
    each = (
        by_year.group_by("customer_id")
        .aggregate(
            years=_.count(),
            in_season=(_.season >= settings.times * _.mean).sum(),
            ways=_.high.min() * _.high.max(),  # of 16, in which both years' season is high
            money=(_.season - _.mean).mean(),
        )
        .filter(_.years == len(years))
    )
    active = of_quarter(customers, quarter).select("customer_id", "customer_type")
    each = each.inner_join(active, "customer_id")
    members = each.filter(_.in_season == len(years)).select(
        "customer_id", "customer_type", bank=ibis.literal(""), money=_.money.round(2)
    )
    ways = (
        each.group_by("customer_type", "ways", hit=_.in_season == len(years))
        .aggregate(n=_.count())
        .order_by("customer_type", "ways", "hit")
        .to_pandas()
    )
    return Found(members, _shuffled(ways))


def _shuffled(ways: pd.DataFrame) -> pd.DataFrame:
    """How many customers would be found with shuffled quarters, by type: customer_type, bank,
    by_chance with its range, and p. Of each customer it is known in how many of the 16 pairs of
    quarters both are high, so that the shuffles are drawn by their number.
    """
    rng = np.random.default_rng(0)
    rows = []
    for kind, part in ways.groupby("customer_type", sort=True):
        drawn = np.zeros(SHUFFLES)
        for ways_of, n in part.groupby("ways")["n"].sum().items():
            drawn += rng.binomial(int(n), float(ways_of) / YEAR**2, SHUFFLES)
        expected = float((part["ways"] * part["n"]).sum()) / YEAR**2
        low, high = np.quantile(drawn, [0.025, 0.975])
        found = int(part.loc[part["hit"], "n"].sum())
        rows.append(
            {
                "customer_type": kind,
                "bank": "",
                "by_chance": expected,
                "by_chance_low": float(low),
                "by_chance_high": float(high),
                "p": float((1 + (drawn >= found).sum()) / (1 + SHUFFLES)),
            }
        )
    return pd.DataFrame(rows)


def needs(
    patterns: Mapping[str, Found | Impossible],
    customers: ir.Table,
    held: ir.Table | None,
    quarter: Quarter,
    worth: Mapping[str, float],
    min_cell: int,
    engine: Backend,
) -> UnmetNeeds:
    """The needs of groups of at least `min_cell` customers, sized and valued.

    held: customer_product. worth: pattern to what its money is worth to the bank a year.
    """
    now = engine.create_table(
        "unmet__now", of_quarter(customers, quarter), temp=True, overwrite=True
    )
    held = None if held is None else held.select("customer_id", "product_id")
    active = now.group_by("customer_type").aggregate(n=_.count()).to_pandas()
    active = active.set_index("customer_type")["n"]
    seen = {str(kind): Holders(now, held, str(kind)) for kind in sorted(active.index)}
    found: list[Need] = []
    for pattern, of_pattern in patterns.items():
        if isinstance(of_pattern, Impossible):
            continue
        members = engine.create_table(
            f"unmet__{pattern}", of_pattern.members, temp=True, overwrite=True
        )
        groups = (
            members.group_by("customer_type", "bank")
            .aggregate(n=_.count())
            .filter(_.n >= min_cell)
            .order_by(["customer_type", _.n.desc(), "bank"])
            .to_pandas()
        )
        groups = groups.groupby("customer_type").head(MOST_BANKS)
        checks = _checked(groups, of_pattern.against)
        for group, check in zip(groups.itertuples(), checks, strict=True):
            own = members.filter((_.customer_type == group.customer_type) & (_.bank == group.bank))
            sized = _sized(own, int(group.n), int(active[group.customer_type]), worth[pattern])
            nearest, already = seen[group.customer_type].nearest_to(own)
            found.append(
                Need(
                    pattern=pattern,
                    customer_type=group.customer_type,
                    bank=group.bank,
                    nearest=nearest,
                    already=already,
                    **sized,
                    **check,
                )
            )
    return UnmetNeeds(
        quarter=str(quarter),
        season=str(quarter.shifted(1)),
        needs=found,
        lacking={p: f for p, f in patterns.items() if isinstance(f, Impossible)},
    )


def _checked(groups: pd.DataFrame, against: pd.DataFrame) -> list[dict[str, float]]:
    """What each group is held against; p-values corrected over all groups that are told."""
    if against.empty or groups.empty:
        return [{} for _group in range(len(groups))]
    told = groups.drop(columns="n").merge(against, "left", ["customer_type", "bank"])
    told["p_corrected"] = corrected_for_any(told["p"])
    names = [c for c in told if c in Need.model_fields and c not in ("customer_type", "bank")]
    return [
        {str(k): v for k, v in row.items() if pd.notna(v)} for row in told[names].to_dict("records")
    ]


def _sized(own: ir.Table, n: int, of: int, worth: float) -> dict[str, float | None]:
    """How many and how much; of more than 60,000 a sample, chosen by the hash of the identifier."""
    rows = own.order_by([_.customer_id.hash(), _.customer_id]).limit(SAMPLE).to_pandas()
    money = rows["money"].astype(float)
    low, high = share_interval(n, of)
    median = [None if np.isnan(end) else end for end in median_interval(money)]
    mean = [
        None if np.isnan(end) else end
        for end in mean_interval(float(money.mean()), float(money.std()), len(money))
    ]
    drawn = [
        float((times * money).mean()) * n * worth for times in draws(np.arange(len(money)), DRAWS)
    ]
    yearly_low, yearly_high = np.quantile(drawn, [0.025, 0.975])
    return {
        "n": n,
        "share": n / of,
        "low": low,
        "high": high,
        "median": float(money.median()),
        "median_low": median[0],
        "median_high": median[1],
        "mean": float(money.mean()),
        "mean_low": mean[0],
        "mean_high": mean[1],
        "yearly": float(money.mean()) * n * worth,
        "yearly_low": float(yearly_low),
        "yearly_high": float(yearly_high),
    }


class Holders:
    """What the holders of every product are like, among the active customers of one type."""

    def __init__(self, now: ir.Table, held: ir.Table | None, kind: str) -> None:
        self.held = held
        self.now = now.filter(_.customer_type == kind).select("customer_id", *PROFILE)
        rows = self._rows(self.now)
        self.features = [
            f
            for column, transform in PROFILE.items()
            if isinstance(f := described(rows[column], column, transform), Described)
        ]
        self.medians: dict[str, np.ndarray] = {}
        if held is None or not self.features:
            return
        sample = ibis.memtable({"customer_id": list(rows["customer_id"])})
        own = held.semi_join(sample, "customer_id").to_pandas()
        for product, holders in own.groupby("product_id", sort=True)["customer_id"]:
            if LEAST_HOLDERS <= len(holders) <= NEARLY_ALL * len(rows):
                of_product = rows[rows["customer_id"].isin(holders)]
                self.medians[str(product)] = self._median(of_product)

    def nearest_to(self, own: ir.Table) -> tuple[str, int | None]:
        """The product whose holders a group is most like, and how many of it hold it: the smallest
        distance between medians of standardised columns. None and empty without products.
        """
        if not self.medians or self.held is None:
            return "", None
        group = self._median(self._rows(self.now.semi_join(own, "customer_id")))
        distance = {p: float(np.square(m - group).mean()) for p, m in self.medians.items()}
        nearest = min(sorted(distance), key=lambda p: distance[p])
        holders = self.held.filter(_.product_id == nearest)
        count = own.semi_join(holders, "customer_id").count().to_pyarrow().as_py()
        return nearest, int(count)

    def _median(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(np.median(matrix(rows, self.features), axis=0))

    @staticmethod
    def _rows(customers: ir.Table) -> pd.DataFrame:
        sample = customers.order_by([_.customer_id.hash(), _.customer_id]).limit(SAMPLE)
        rows = sample.to_pandas()
        return rows.assign(**{c: pd.to_numeric(rows[c]).astype(float) for c in PROFILE})


def _any(rows: ir.Table) -> bool:
    return bool(rows.head(1).count().to_pyarrow().as_py())
