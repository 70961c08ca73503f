"""What is read of customers and their groups."""

from functools import cached_property

import ibis
import pandas as pd
from ibis import _

from analysis.partition import MOST_ROWS, Partition, flagged
from analysis.quarters import Quarter
from analysis.segmentation.findings import DOMINANCE
from analysis.segmentation.fitted import Drift, FittedSegmentation, SegmentCounts
from analysis.statistics.intervals import mean_interval
from analysis.storage import rows_of

#: How counts by group are told apart in the counts that no page shows.
GROUP = {"customer_type": "customer_type", "first": "segment"}


class SegmentationTables(Partition):
    """A partition with its customers, their groups, and the segmentation behind them."""

    tables: tuple[str, ...] = ("customers", "segment_counts")

    @cached_property
    def customers(self) -> pd.DataFrame:
        """customer_quarter of the quarter with `segment`, and whether no page shows of that group
        how many customers (group_withheld), borrowers (borrowers_withheld), those in arrears
        (late_withheld) or ever active ones (valued_withheld) there are; of ALL at most `MOST_ROWS`.
        """
        return self._customers(self.quarter)

    @cached_property
    def previous_customers(self) -> pd.DataFrame:
        """The same a quarter earlier."""
        return self._customers(self.quarter.previous)

    @cached_property
    def segment_counts(self) -> pd.DataFrame:
        """Customers by quarter, customer_type and segment, counted over every row up to the
        quarter; withheld: no page shows how many.
        """
        counts = self.counted("customer_segment", "segment")
        return flagged(counts, self.not_shown("group"), "withheld", {"quarter": "quarter", **GROUP})

    @cached_property
    def bank_segment_counts(self) -> pd.DataFrame:
        """The same over the whole bank, from what is known of its groups."""
        return pd.DataFrame(
            [
                {"quarter": str(quarter), **count.model_dump()}
                for quarter in self.quarters
                for count in self.model("segment_counts", SegmentCounts, quarter).counts
            ]
        )

    @cached_property
    def value_by_quarter(self) -> pd.DataFrame:
        """What a customer's balance and debt bring a year, over every customer of each quarter.

        quarter. n: customers. value: mean, in the bank's currency, with its interval low to high
        (Student), to three digits, so that no customer's follows by subtraction. Of ALL without the
        branches in which one customer makes up nearly all; of such a branch, of one too small to be
        shown, and where no page shows how many customers there are, nothing.
        """
        by = ["branch_id", "quarter"]
        value = self.bank.value
        margin = (
            value.deposit_margin * ibis.greatest(_.balance_end.fill_null(0), 0)
            + value.lending_margin * _.debt.fill_null(0)
        ).cast("float64")
        sums = self.read(
            self.marts("customer_quarter", self.quarters, self.own_branch),
            lambda rows: (
                rows.mutate(margin=margin)
                .group_by(by)
                .aggregate(
                    n=_.count(),
                    total=_.margin.sum(),
                    squares=(_.margin * _.margin).sum(),
                    largest=_.margin.abs().max(),
                )
                .order_by(by)
            ),
        )
        if sums.empty:
            return pd.DataFrame(columns=["quarter", "n", "value", "low", "high"])
        ruled = (sums["n"] > 1) & (sums["largest"] > DOMINANCE * sums["total"])
        sums = sums[~ruled]
        of_quarter = sums.groupby("quarter", as_index=False)[["n", "total", "squares"]].sum()
        hidden = set(self.not_shown("customers")["quarter"])
        shown = ~of_quarter["quarter"].isin(hidden) & (of_quarter["n"] >= self.bank.min_cell)
        of_quarter = of_quarter[shown].reset_index(drop=True)
        mean = of_quarter["total"] / of_quarter["n"]
        spread = (of_quarter["squares"] / of_quarter["n"] - mean**2).clip(lower=0)
        sd = (spread * of_quarter["n"] / (of_quarter["n"] - 1)) ** 0.5
        ends = [mean_interval(*row) for row in zip(mean, sd, of_quarter["n"], strict=True)]
        lows, highs = zip(*ends, strict=True) if ends else ((), ())
        return of_quarter[["quarter", "n"]].assign(
            value=mean.map(to_three_digits),
            low=list(map(to_three_digits, lows)),
            high=list(map(to_three_digits, highs)),
        )

    @cached_property
    def segmentation(self) -> FittedSegmentation:
        """The segmentation in force."""
        return self.model("segmentation", FittedSegmentation)

    @cached_property
    def drift(self) -> Drift:
        """How far the whole bank's customers of the quarter have moved from the segmentation."""
        return self.model("drift", Drift, self.quarter)

    def counted(self, mart: str, *by: str) -> pd.DataFrame:
        """Customers by quarter, customer_type and the columns, over every row of a mart up to the
        quarter.
        """
        keys = ["quarter", "customer_type", *by]
        counts = self.read(
            self.marts(mart, self.quarters, self.own_branch),
            lambda rows: rows.group_by(keys).aggregate(customers=_.count()).order_by(keys),
        )
        return counts if len(counts) else pd.DataFrame(columns=[*keys, "customers"])

    def _customers(self, quarter: Quarter) -> pd.DataFrame:
        groups = self.mart("customer_segment", quarter, self.own_branch)
        customers = self.read(
            self.mart("customer_quarter", quarter, self.own_branch),
            lambda rows: (
                rows.join(
                    rows_of(self.engine, groups).select("customer_id", "segment"),
                    "customer_id",
                )
                .order_by([_.customer_id.hash(), _.customer_id])
                .limit(MOST_ROWS)
            ),
        )
        if customers.empty:
            return customers
        for table in ("group", "borrowers", "late", "valued"):
            cells = self.not_shown(table)
            of_quarter = cells[cells["quarter"] == str(quarter)]
            customers = flagged(customers, of_quarter, f"{table}_withheld", GROUP)
        return customers.sort_values("customer_id", ignore_index=True)


def to_three_digits(amount: float) -> float:
    """An amount rounded so that no customer's follows by subtraction."""
    return float(f"{amount:.3g}")
