"""What is read of who left and who may leave."""

from functools import cached_property

import pandas as pd
from ibis import _

from analysis.changes.calls import ABOUT_EVENT
from analysis.changes.reads import ChangesTables
from analysis.partition import ALL, flagged, in_order_of_hash
from analysis.quarters import Quarter
from analysis.retention.fitted import HazardModel
from analysis.storage import rows_of


class RetentionTables(ChangesTables):
    """A partition with who left, and the chance of everybody else of leaving."""

    tables: tuple[str, ...] = ("churn", "left")

    @cached_property
    def churn(self) -> pd.DataFrame:
        """customer_churn of the quarter: each active customer's chance of leaving in the next one,
        with two reasons.
        """
        return self._churn(self.quarter)

    @cached_property
    def previous_churn(self) -> pd.DataFrame:
        """The same as it was said a quarter ago."""
        return self._churn(self.quarter.previous)

    @cached_property
    def customers_to_save(self) -> pd.DataFrame:
        """The customers of the quarter who could be called so that they stay: those named in an
        alert that stands left out, and those who are called about an event.
        """
        called = self.read(
            self.mart("customer_call", self.quarter, self.own_branch),
            lambda rows: (
                rows.filter(_.list == ABOUT_EVENT)
                .select("customer_id")
                .distinct()
                .order_by("customer_id")
            ),
        )
        may = self.customers_to_call
        return may[~may["customer_id"].isin(called["customer_id"])] if len(called) else may

    @cached_property
    def left(self) -> pd.DataFrame:
        """customer_left of the quarter: of every customer active a quarter ago, whether it left."""
        files = self.mart("customer_left", self.quarter, self.own_branch)
        return self.read(files, lambda rows: rows.order_by("customer_id"))

    @cached_property
    def departures(self) -> pd.DataFrame:
        """Of the whole bank (branch `ALL`), every branch and quarter so far how many left.

        branch_id, quarter.
        customers: active a quarter before. left: of whom so many left.
        customers_withheld, left_withheld: no page shows how many.
        """
        by = ["branch_id", "quarter"]
        counts = self.read(
            self.marts("customer_left", self.quarters),
            lambda rows: (
                rows.group_by(by)
                .aggregate(customers=_.count(), left=rows["left"].sum())
                .order_by(by)
            ),
        )
        if counts.empty:
            return counts
        bank = counts.groupby("quarter", as_index=False)[["customers", "left"]].sum()
        counts = pd.concat([counts, bank.assign(branch_id=ALL)], ignore_index=True)
        for name, table in (("customers_withheld", "active_before"), ("left_withheld", "left")):
            cells = self.not_shown(table, branches=True)
            counts = flagged(counts, cells, name, {c: c for c in by})
        return counts

    def left_by_group(self, quarter: Quarter) -> pd.DataFrame:
        """Of the customers active a quarter before, by the group they were in then: n, and the
        share who left (mean); indexed by type and group. Empty before the second quarter.
        """
        left = self.mart("customer_left", quarter, self.own_branch)
        groups = self.mart("customer_segment", quarter.previous, self.own_branch)
        if not groups:
            return pd.DataFrame()
        counts = self.read(
            left,
            lambda rows: (
                rows.join(
                    rows_of(self.engine, groups).select("customer_id", "segment"), "customer_id"
                )
                .group_by(["customer_type", "segment"])
                .aggregate(n=_.count(), mean=_["left"].cast("float64").mean())
                .order_by(["customer_type", "segment"])
            ),
        )
        return counts.set_index(["customer_type", "segment"]) if len(counts) else counts

    @cached_property
    def hazard(self) -> HazardModel:
        """The hazard model as it can be known at the quarter's end."""
        return self.model("hazard", HazardModel, self.quarter)

    def _churn(self, quarter: Quarter) -> pd.DataFrame:
        files = self.mart("customer_churn", quarter, self.own_branch)
        return self.read(files, in_order_of_hash("customer_id"))
