"""What will come of each report, before anything is prepared."""

from collections.abc import Mapping

import ibis.expr.types as ir
from ibis import _

from analysis.contract.tables import BANK_KINDS
from analysis.language import listed, say
from analysis.retention.hazard import MIN_EVENTS
from analysis.runs.catalogue import Report, missing_tables
from analysis.sources.accepted import Verdict
from analysis.sources.params import Bank, Retention
from analysis.steps.declaration import Step


def outlook(
    bank: Bank,
    report: Report,
    steps: Mapping[str, Step],
    tables: Mapping[str, ir.Table],
    verdicts: Mapping[str, Verdict],
) -> str:
    """One sentence: whether the report has all it needs, and if not what that costs.

    tables: the accepted rows by name.
    """
    delivered = {name for name, verdict in verdicts.items() if verdict.delivered}
    missing = missing_tables(report, steps, delivered)
    if missing and any(verdicts[name].accepted for name in report.or_else):
        return say("{report}: does without {missing}; the page says what that costs.").format(
            report=report.name, missing=listed(missing)
        )
    if missing:
        return say("{report}: will be empty, for the bank does not deliver {missing}.").format(
            report=report.name, missing=listed(missing)
        )
    with_rows = {name for name in delivered if verdicts[name].accepted}
    if rejected := missing_tables(report, steps, with_rows):
        return say("{report}: will be empty, for no row of {rejected} is accepted.").format(
            report=report.name, rejected=listed(rejected)
        )
    if len(bank.all_quarters) < report.quarters:
        return say(
            "{report}: will be empty; {quarters} quarters are needed, and quarters.first to "
            "quarters.last is {there}."
        ).format(report=report.name, quarters=report.quarters, there=len(bank.all_quarters))
    if report.name == "retention" and bank.retention.left == Retention().left:
        left = departures(bank, tables)
        if left < MIN_EVENTS:
            return say(
                "{report}: tells who left, and nobody to call: {left:,} accounts fell silent from "
                "one quarter to the next, and a model needs {least} who left."
            ).format(report=report.name, left=left, least=MIN_EVENTS)
    return say("{report}: has all it needs.").format(report=report.name)


def departures(bank: Bank, tables: Mapping[str, ir.Table]) -> int:
    """Accounts with an own entry in a quarter and none in the next, summed over the quarters."""
    quarter = _.booked_at.year() * 4 + _.booked_at.quarter()
    first, last = (
        q.start.year * 4 + (q.start.month + 2) // 3
        for q in (bank.quarters.first, bank.quarters.last)
    )
    active = (
        tables["transactions"]
        .filter(_.kind.notin(BANK_KINDS))
        .select("account_id", at=quarter)
        .distinct()
        .filter(_.at.between(first, last))
    )
    following = active.select(same="account_id", before=_.at - 1)
    gone = active.filter(_.at < last).anti_join(
        following, [("account_id", "same"), ("at", "before")]
    )
    return int(gone.count().execute())
