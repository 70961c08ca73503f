"""What is read of what was handed to staff, and of what came of it."""

from collections.abc import Mapping
from functools import cached_property

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.changes.calls import ABOUT_EVENT, TO_SAVE
from analysis.execution.fitted import Added, FollowThrough
from analysis.execution.items import (
    ALERT,
    EVENT,
    HELD_BACK,
    LOOKALIKE,
    NEAR,
    OF_PRODUCTS,
    OFFER,
    SAVE,
)
from analysis.opportunities.offers import OFFERED
from analysis.opportunities.reads import OpportunityTables
from analysis.partition import MOST_ROWS, Query
from analysis.risk.reads import RiskTables

#: What became of the entries of a branch and kind, in numbers: column to its type.
#: judged, successes: of which it is known whether they were one, and which were; value: of these.
#: untouched, at_stake: nobody followed them up, and they are no success by themselves.
COUNTS = {
    "branch_id": "str",
    "kind": "str",
    "handed": "int",
    "followed": "int",
    "in_time": "int",
    "done": "int",
    "judged": "int",
    "successes": "int",
    "value": "float",
    "untouched": "int",
    "at_stake": "float",
}
#: What is handed over now, by kind: entries, of which so many have a chance; their chances in
#: proportion to what came, added up, and what chance lets vary.
NEW = {"kind": "str", "now": "int", "with_chance": "int", "expected": "float", "variance": "float"}


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
    def work_counts(self) -> pd.DataFrame:
        """work_item of the quarter in numbers: the columns `COUNTS`, also of a bank whose entries
        are too many to be read.
        """
        keys = ["branch_id", "kind"]

        def counted(rows: ir.Table) -> ir.Table:
            rows = rows.filter(_.kind != HELD_BACK)
            waits = ~rows.followed & ~(rows.kind.isin(OF_PRODUCTS) & rows.success.fill_null(False))
            return (
                rows.mutate(waits=waits)
                .group_by(keys)
                .aggregate(
                    handed=_.count(),
                    **{c: _[c].sum() for c in ("followed", "in_time", "done")},
                    judged=_.success.notnull().sum(),
                    successes=_.success.fill_null(False).sum(),
                    value=_.worth.sum(where=_.success),
                    untouched=_.waits.sum(),
                    at_stake=_.at_stake.sum(where=_.waits),
                )
                .order_by(keys)
            )

        counts = self.read(self.mart("work_item", self.quarter, self.own_branch), counted)
        return counts if len(counts) else pd.DataFrame(columns=list(COUNTS))

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
        place = f"models/follow_through/{self.quarter}.json"
        if self.missing_for("work_item") or not (self.bank.data_folder / place).exists():
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
        """What is handed over at the end of the quarter, to be worked in the next: the columns
        `NEW`, a row a kind.
        """
        shifts = {k.kind: k.shift for k in self.follow_through.kinds}
        parts = [
            self._new(
                "customer_offer", OFFER, shifts, lambda rows: rows.filter(_.decision == OFFERED)
            ),
            self._new("customer_likeness", LOOKALIKE, shifts, _without_chance),
            self._new("customer_call", SAVE, shifts, _to_save),
            self._new(
                "customer_call",
                EVENT,
                shifts,
                lambda rows: _without_chance(rows.filter(_.list == ABOUT_EVENT)),
            ),
            self._new(
                "risk_alert",
                ALERT,
                shifts,
                lambda rows: _without_chance(rows.filter(~_.suppressed, _.status == "open")),
            ),
        ]
        return pd.concat(parts, ignore_index=True)

    def _new(
        self, mart: str, kind: str, shifts: Mapping[str, float | None], entries: Query
    ) -> pd.DataFrame:
        """One row of `NEW`; none where nothing of the kind is handed over."""
        shift = shifts.get(kind) or 0.0

        def counted(rows: ir.Table) -> ir.Table:
            told = entries(rows)
            within = ibis.greatest(ibis.least(told.chance, 1 - NEAR), NEAR)
            chance = 1 / (1 + (-((within / (1 - within)).ln() + shift)).exp())
            return told.mutate(p=chance).aggregate(
                now=_.count(),
                with_chance=_.chance.count(),
                expected=_.p.sum().fill_null(0.0),
                variance=(_.p * (1 - _.p)).sum().fill_null(0.0),
            )

        row = self.read(self.mart(mart, self.quarter, self.own_branch), counted)
        row = row[row["now"] > 0] if len(row) else pd.DataFrame(columns=list(NEW))
        return row.assign(kind=kind)[list(NEW)]


def _without_chance(rows: ir.Table) -> ir.Table:
    """Entries of which no chance is told."""
    return rows.mutate(chance=ibis.null("float64"))


def _to_save(rows: ir.Table) -> ir.Table:
    """Calls so that customers stay, with the chance that they do."""
    return rows.filter(_.list == TO_SAVE).mutate(chance=1 - _.hazard)
