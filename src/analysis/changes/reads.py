"""What is read of how customers move, and of what they are expected to be worth."""

from functools import cached_property

import pandas as pd
from ibis import _

from analysis.changes.announcing import Announcements
from analysis.changes.calls import named_in_alerts
from analysis.changes.events import Outcomes
from analysis.changes.value import ValueModel, histories
from analysis.partition import ALL, MOST_ROWS, flagged, in_order_of_hash
from analysis.quarters import Quarter
from analysis.segmentation.reads import SegmentationTables
from analysis.storage import rows_of


class ChangesTables(SegmentationTables):
    """A partition with moves between groups, events, and expected values."""

    tables: tuple[str, ...] = ("moves", "events", "expected_values")

    @cached_property
    def moves(self) -> pd.DataFrame:
        """Customers by quarter, customer_type, was and became (groups a quarter ago and now), up to
        the quarter; withheld: no page shows how many; origin_withheld: nor of how many.
        """
        moves = self.counted("customer_move", "was", "became")
        by = {"quarter": "quarter", "customer_type": "customer_type", "first": "was"}
        moves = flagged(moves, self.not_shown("move"), "withheld", {**by, "second": "became"})
        return flagged(moves, self.not_shown("origin"), "origin_withheld", by)

    @cached_property
    def event_counts(self) -> pd.DataFrame:
        """Customers by quarter, customer_type and event, up to the quarter; withheld: no page shows
        how many the event happened to.
        """
        counts = self.counted("customer_event", "event")
        by = {"quarter": "quarter", "first": "event"}
        return flagged(counts, self.not_shown("event"), "withheld", by)

    @cached_property
    def events(self) -> pd.DataFrame:
        """customer_event of the quarter: which event of the params file happened to which active
        customer.
        """
        return self.read(
            self.mart("customer_event", self.quarter, self.own_branch),
            lambda rows: rows.order_by([_.customer_id.hash(), _.customer_id, _.event]).limit(
                MOST_ROWS
            ),
        )

    @cached_property
    def expected_values(self) -> pd.DataFrame:
        """What customers ever active brought in their last active quarter and are expected to
        bring. Empty where no model of activity could be fitted.

        customer_id, customer_type.
        known, repeats, last: quarters, see `analysis.changes.value.histories`.
        value: of the last active quarter, money. historic: of all quarters so far, money.
        alive: chance, 0–1.
        active, discounted: active quarters in the horizon.
        expected: value over the horizon, discounted, money.
        """
        return self._expected_values(self.quarter)

    @cached_property
    def previous_expected_values(self) -> pd.DataFrame:
        """The same as it was said a quarter ago."""
        return self._expected_values(self.quarter.previous)

    @cached_property
    def customers_to_call(self) -> pd.DataFrame:
        """The customers of the quarter without those named in an alert that stands, open or
        confirmed: a call could warn them.
        """
        alerts, parties = (self.mart(name, self.quarter) for name in ("risk_alert", "risk_party"))
        if not alerts or not parties:
            return self.customers
        named = self.read(
            parties,
            lambda rows: named_in_alerts(rows_of(self.engine, alerts), rows).order_by("party"),
        )
        return self.customers[~self.customers["customer_id"].isin(named["party"])]

    @cached_property
    def outcomes(self) -> list[Outcomes]:
        """What followed events in the whole bank, of every quarter up to this one, but for events
        of which no page of their quarter shows how many there were.
        """
        cells = self.not_shown("event", branches=True)
        of_bank = cells[cells["branch_id"] == ALL]
        withheld = set(zip(of_bank["quarter"], of_bank["first"], strict=True))
        return [
            Outcomes(
                counts=[
                    count
                    for count in self.model("outcomes", Outcomes, quarter).counts
                    if (str(quarter.previous), count.event) not in withheld
                ]
            )
            for quarter in self.quarters
        ]

    @cached_property
    def announcements(self) -> Announcements:
        """Whether each event announces what it is watched for, as it can be known at the quarter's
        end.
        """
        return self.model("announcements", Announcements, self.quarter)

    @cached_property
    def value_model(self) -> ValueModel:
        """What customers are expected to be worth, as it can be known at the quarter's end."""
        return self.model("value", ValueModel, self.quarter)

    def _expected_values(self, quarter: Quarter) -> pd.DataFrame:
        so_far = [q for q in self.quarters if q <= quarter]
        files = self.marts("customer_quarter", so_far, self.own_branch)
        model = self.model("value", ValueModel, quarter) if files else None
        if model is None or model.expected().empty:
            return pd.DataFrame()
        history = self.read(
            files,
            lambda rows: in_order_of_hash("customer_id")(histories(rows, quarter, self.bank.value)),
        )
        values = history.merge(model.expected(), on=["customer_type", "known", "repeats", "last"])
        values = values.assign(expected=values["value"] * values["discounted"])
        return values.sort_values("customer_id", ignore_index=True)
