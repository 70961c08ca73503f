"""What is read of what was handed to staff, and of what came of it."""

from functools import cached_property

import pandas as pd
from ibis import _

from analysis.execution.fitted import Added, FollowThrough
from analysis.execution.items import ALERT, EVENT, HELD_BACK, LOOKALIKE, OFFER, SAVE
from analysis.opportunities.reads import OpportunityTables
from analysis.partition import MOST_ROWS
from analysis.retention.called import ABOUT_EVENT
from analysis.risk.reads import RiskTables

#: What is needed of an entry that is handed over now.
NEW = ("kind", "chance", "at_stake")


class ExecutionTables(OpportunityTables, RiskTables):
    """A partition with the entries of the lists of the quarter before, and what became of them."""

    tables: tuple[str, ...] = ("work", "set_aside")

    @cached_property
    def work(self) -> pd.DataFrame:
        """work_item of the quarter: every entry handed over, and what became of it; those kept
        without offer left out.
        """
        return self.read(
            self.mart("work_item", self.quarter, self.own_branch),
            lambda rows: (
                rows.filter(_.kind != HELD_BACK).order_by("kind", "subject_id").limit(MOST_ROWS)
            ),
        )

    @cached_property
    def set_aside(self) -> pd.DataFrame:
        """follow_up_aside of the quarter: follow-ups that are not counted, and why."""
        return self.read(
            self.mart("follow_up_aside", self.quarter, self.own_branch),
            lambda rows: rows.order_by("reason", "follow_up_id").limit(MOST_ROWS),
        )

    @cached_property
    def follow_through(self) -> FollowThrough:
        """What became of the lists in the whole bank; nothing where the bank delivers no
        follow-ups.
        """
        if self.missing_for("work_item") or not self.mart("work_item", self.quarter):
            nothing = Added(
                offered=0,
                offered_took=0,
                held_back=0,
                held_back_took=0,
                difference=None,
                low=None,
                high=None,
            )
            return FollowThrough(
                quarter=str(self.quarter),
                delivered=False,
                kinds=[],
                staff=[],
                added=nothing,
                over_time=[],
                not_counted=[],
                not_shown=[],
            )
        return self.model("follow_through", FollowThrough, self.quarter)

    @cached_property
    def handed_now(self) -> pd.DataFrame:
        """The entries of the lists of this quarter, to be worked in the next: the columns `NEW`."""
        offers = self.offers
        offers = offers[offers["decision"] == "offered"] if len(offers) else offers
        calls = self.read(
            self.mart("customer_call", self.quarter, self.own_branch),
            lambda rows: rows.order_by("subject_id"),
        )
        alerts = self.alerts
        parts = []
        if len(offers):
            parts.append(offers.assign(kind=OFFER, at_stake=offers["expected"]))
        if len(self.lookalikes):
            unknown = float("nan")  # likeness is no chance
            parts.append(self.lookalikes.assign(kind=LOOKALIKE, chance=unknown, at_stake=unknown))
        if len(calls):
            about_event = calls["list"] == ABOUT_EVENT
            parts.append(
                calls.assign(
                    kind=about_event.map({True: EVENT, False: SAVE}), chance=1 - calls["hazard"]
                )
            )
        if len(alerts):
            waiting = alerts[~alerts["suppressed"].astype(bool) & (alerts["status"] == "open")]
            own = (
                waiting if self.own_branch is None else waiting[waiting["branch_id"] == self.branch]
            )
            parts.append(own.assign(kind=ALERT, chance=float("nan"), at_stake=own["amount"]))
        return (
            pd.concat([p[list(NEW)] for p in parts]) if parts else pd.DataFrame(columns=list(NEW))
        )
