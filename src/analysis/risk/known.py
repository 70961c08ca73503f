"""What is known of earlier quarters' alerts, and which of them a case is again.

A case is known again by its anchors: one that shares an anchor with an earlier alert of its kind is
that alert, the oldest where there are several. What was cleared does not come back without new
evidence, see docs/decisions/0013-alerts-that-come-back.md.
"""

from collections.abc import Mapping

from pydantic import BaseModel

from analysis.quarters import Quarter
from analysis.risk.cases import Case
from analysis.risk.kinds import alert_id

GROWN = 2.0  # a cleared alert comes back when the amount has grown to so many times what it was
VICTIMS = ("investor", "borrower")  # roles that do not make an alert new


class Sighting(BaseModel, frozen=True):
    """What is remembered of a case to tell what is new later."""

    reasons: tuple[str, ...]
    parties: tuple[str, ...]  # victims left out
    amount: float  # bank's currency

    @classmethod
    def of(cls, case: Case) -> "Sighting":
        """What is remembered of a case."""
        return cls(
            reasons=tuple(sorted(case.reasons)),
            parties=tuple(sorted(p for p, r in case.roles.items() if r not in VICTIMS)),
            amount=case.amount,
        )

    def is_new_evidence(self, then: "Sighting") -> bool:
        """Whether a cleared alert has come back: a new reason, a new party, or an amount that has
        doubled.
        """
        return bool(
            set(self.reasons) - set(then.reasons)
            or set(self.parties) - set(then.parties)
            or self.amount >= GROWN * then.amount
        )


class KnownAlert(BaseModel, frozen=True):
    """An alert that some quarter found."""

    kind: str
    first_seen: str  # quarter
    anchors: tuple[str, ...]  # of all quarters
    seen: dict[str, Sighting]  # by quarter
    branch: str = "ALL"

    @property
    def last_seen(self) -> str:
        """The quarter it was seen in last."""
        return max(self.seen)


KnownAlerts = Mapping[str, KnownAlert]  # by the alert's identifier


def identified(kind: str, cases: list[Case], alerts_before: KnownAlerts) -> list[tuple[str, Case]]:
    """Each case with its alert's identifier, the largest first.

    alerts_before: of earlier quarters.
    """
    earlier = sorted(
        (alert.first_seen, name, frozenset(alert.anchors))
        for name, alert in alerts_before.items()
        if alert.kind == kind
    )
    alerts: list[tuple[str, Case]] = []
    taken: set[str] = set()
    for case in sorted(cases, key=lambda c: (-c.amount, c.anchors)):
        again = [
            name
            for _first_seen, name, anchors in earlier
            if anchors & set(case.anchors) and name not in taken
        ]
        name = again[0] if again else alert_id(kind, min(case.anchors))
        if name in taken or (not again and name in alerts_before):  # a case that split off
            name = alert_id(kind, *case.anchors, str(len(taken)))
        taken.add(name)
        alerts.append((name, case))
    return alerts


def remembered(
    alerts_before: KnownAlerts, kind: str, alerts: list[tuple[str, Case]], quarter: Quarter
) -> dict[str, KnownAlert]:
    """What is known, with the alerts of the quarter; the anchors of an alert only grow."""
    new = KnownAlert(kind=kind, first_seen=str(quarter), anchors=(), seen={})
    alerts_so_far = dict(alerts_before)
    for name, case in alerts:
        as_before = alerts_so_far.get(name, new)
        alerts_so_far[name] = as_before.model_copy(
            update={
                "anchors": tuple(sorted({*as_before.anchors, *case.anchors})),
                "seen": as_before.seen | {str(quarter): Sighting.of(case)},
            }
        )
    return alerts_so_far
