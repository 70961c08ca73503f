"""What the pages of the investigations show, section by section: one call a section, so that a text
or table of all kinds stands once.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from analysis.language import listed, quarter_in_words, say, sentences
from analysis.report.brief import Brief
from analysis.report.section import Section
from analysis.report.table import Table, table
from analysis.risk import charts, findings, words
from analysis.risk.bias import LEAST_ALERTS, compared
from analysis.risk.brief import in_short, nothing_followed
from analysis.risk.casefile import CaseFile
from analysis.risk.dispositions import ageing, time_to_decision
from analysis.risk.kinds import KINDS
from analysis.risk.questions import case_file, innocent, questions
from analysis.risk.record import QuarterRecord

if TYPE_CHECKING:
    from analysis.notebook import Notice, Report

INTERVAL = re.compile(r"\[(\w+), (\w+)\]")  # columns that a column's kind names
PRECISION = {
    "decided": "count",
    "confirmed": "count",
    "share": "share [share_low, share_high]",
}


def in_table(
    rows: pd.DataFrame,
    title: str,
    kinds: Mapping[str, str],
    empty: str = "",
    note: str = "",
    most: int = 60,
) -> Table:
    """A table of `report.table.table` with codes and heads in the words of the investigations."""
    return table(findings.in_words(rows), title, kinds, empty, note, most, words=words.WORDS)


class Investigation:
    """The sections of the report on one kind of case.

    kind: such as risk_mortgage. most_alerts: how many are shown in full; findings.MOST where it is
    not said.
    """

    def __init__(self, report: "Report", kind: str, most_alerts: int | None = None) -> None:
        self.report, self.data, self.kind = report, report.partition, kind
        self.most_alerts = most_alerts or findings.MOST

    @cached_property
    def record(self) -> QuarterRecord:
        """What is known of the whole bank's investigations in the quarter."""
        return self.data.risk()

    @cached_property
    def live(self) -> pd.DataFrame:
        """The alerts shown, with the columns ALERTS."""
        return findings.of_kind(self.data.alerts, self.kind)

    @property
    def holds(self) -> pd.DataFrame | None:
        """Applications to hold, with the columns HOLDS; of mortgages only."""
        return self.data.holds if self.kind == "risk_mortgage" else None

    def notices(self) -> "Notice":
        """What is not shown or not looked for, and why."""
        settings = self.report.bank.risk
        return self.report.notice(
            findings.unfollowed(self.record.window),
            findings.suppressed(self.data.alerts, self.kind),
            findings.left_out(self.record.left_out.get(self.kind, [])),
            findings.passed_over(
                self.record.passed_over.get(self.kind, []),
                settings.fundraising.most_counterparties,
            ),
            findings.unknown(self.record.unknown_dispositions),
        )

    def alerts(self, last_on: bool = False) -> Table:
        """The alerts. last_on: with the day of the newest evidence."""
        kinds = {
            "alert_id": "text",
            "severity": "text",
            "status": "text",
            "about": "text",
            "parties": "count",
            "amount": "money",
            **({"last_on": "date"} if last_on else {}),
            "assigned_to": "text",
        }
        return in_table(
            self.live,
            say("Alerts", "title of a list"),
            kinds,
            empty=say("Nothing meets the conditions."),
        )

    def news(self) -> Table:
        """Why there is an alert, and what is new since last quarter."""
        return in_table(
            self.live,
            say("Why, and what is new since last quarter"),
            {
                "alert_id": "text",
                "first_seen": "text",
                "reasons": "text",
                "new_reasons": "text",
                "new_parties": "count",
                "amount_before": "money",
                "amount": "money",
            },
            empty=say("Nothing meets the conditions."),
            note=say(
                "An alert keeps its identifier as long as the case has one of its central parties. "
                "One that was cleared comes back only with a new reason, a new party, or twice the "
                "amount."
            ),
        )

    def facts(self, title: str, kinds: Mapping[str, str]) -> Table:
        """A table of the alerts with figures of their cases: columns of ALERTS, or names of
        facts.
        """
        shown = [*kinds, *(c for kind in kinds.values() for c in _interval(kind))]
        figures = findings.facts(self.live, *[c for c in shown if c not in self.live])
        rows = figures.merge(self.live, on="alert_id")
        return in_table(rows, title, kinds, empty=say("Nothing meets the conditions."))

    def held(self) -> Table:
        """Pending applications to hold until the alert is cleared."""
        return in_table(
            self.data.holds,
            say("Applications to hold"),
            {
                "application_id": "text",
                "alert_id": "text",
                "branch_id": "text",
                "filed_on": "date",
                "compound": "text",
                "developer": "text",
                "amount": "money",
                "reasons": "text",
            },
            empty=say("No pending application is related to an alert."),
            note=say(
                "Held until the alert is cleared; where it is confirmed, the application stays "
                "stopped. An application without a compound and developer is compared by its "
                "parties only."
            ),
        )

    def cases(self) -> Section:
        """Of the alerts of the highest rank what happened and who paid whom; of every alert a page
        of its own to print and sign.
        """
        shown: list[object] = []
        subtitle = f"{self.data.branch_name} · {quarter_in_words(self.data.quarter)}"
        for place, (_at, alert) in enumerate(self.live.iterrows()):
            case = CaseFile(
                alert,
                self.data.evidence,
                self.data.parties,
                self.data.alerts_over_time,
                pd.Timestamp(self.data.quarter.start),
                self.holds,
            )
            self.report.deliver_page(
                case_file(case.alert_id), case.sheet(self.report.language, subtitle)
            )
            if place < self.most_alerts:
                shown += [
                    self.report.heading(case.title, case.alert_id),
                    self.report.notice(case.story),
                    *([case.picture] if case.picture else []),
                    self.report.link(say("The case to print and sign"), case_file(case.alert_id)),
                ]
        in_full = self.live.head(self.most_alerts)
        return Section(self.report.notice(findings.shown_in_full(in_full, self.live)), *shown)

    def innocent(self) -> "Notice":
        """What would make a case innocent, and what to ask."""
        return self.report.notice(innocent(self.kind), *questions(self.kind))

    def ranking(self) -> Section:
        """How the alerts are ranked, and what each reason weighs."""
        card = self.record.scorecards.get(self.kind)
        enough = self.report.bank.risk.enough_dispositions
        return Section(
            self.report.notice(
                findings.scorecard_words(card, self.data.alert_history, self.kind, enough)
            ),
            in_table(
                findings.weights(card, self.kind),
                say("Reasons and their weight"),
                {"reason": "text", "points": "count", "weight": "number"},
            ),
        )

    def dispositions(self) -> Section:
        """What became of the alerts of the whole bank: how often each reason was right, the
        decisions, how long open alerts have waited, and how long a decision took.
        """
        history = self.data.alert_history
        none_decided = say("No alert of this kind was decided so far.")
        overall, by_quarter = findings.confirmed_by_reason(history, self.kind)
        of_kind = findings.of_kind(history, self.kind)
        return Section(
            charts.precision_chart(overall) if len(overall) else self.report.notice(none_decided),
            in_table(
                by_quarter,
                say("Confirmed, per reason and quarter of decision"),
                {"reason": "text", "quarter": "text", **PRECISION},
                empty=none_decided,
                note=say(
                    "An alert counts with each of its reasons; intervals of 95 % after Wilson."
                ),
                most=40,
            ),
            in_table(
                findings.decisions(history, self.kind),
                say("Decisions"),
                {
                    "alert_id": "text",
                    "status": "text",
                    "decided_on": "date",
                    "decided_by": "text",
                    "why": "text",
                },
                empty=none_decided,
                most=15,
            ),
            in_table(
                ageing(findings.as_of_now(of_kind, self.live, self.data.quarter.end)),
                say("Open alerts by age, whole bank"),
                {"age": "text", "alerts": "count", "amount": "money"},
                empty=say("No alert of this kind is open."),
            ),
            _time_to_decision(of_kind, {}, none_decided),
        )

    @cached_property
    def curve(self) -> pd.DataFrame:
        """What other thresholds would have given, with the columns CURVE."""
        return findings.of_kind(self.data.threshold_curves, self.kind)

    def thresholds(self) -> Section:
        """What other thresholds would have added and lost in the whole bank."""
        return Section(
            (charts.curve_chart(self.curve) if len(self.curve) else None)
            or self.report.notice(
                say("No threshold between half and double its value changes how many there are.")
                if len(self.curve)
                else say("The curves are made for the last quarter that was prepared.")
            ),
            in_table(
                findings.changed_by(self.curve),
                say("Other thresholds, whole bank"),
                {
                    "threshold": "text",
                    "value": "number",
                    "alerts": "count",
                    "per_1000": "number",
                    "added": "count",
                    "lost": "count",
                    "amount": "money",
                    "decided": "count",
                    "precision": "share [precision_low, precision_high]",
                    "recall": "share [recall_low, recall_high]",
                },
                empty=say(
                    "No setting between half and double would have added or lost an alert, or the "
                    "curves were not made: they are made for the last quarter that was prepared."
                ),
                note=say(
                    "Only settings that would have added or lost an alert; the list thresholds has "
                    "all, with the alerts by name. Per 1,000 customers of the bank. Counted with "
                    "the alerts that were cleared before and are not shown above. Recall is of "
                    "what was raised and confirmed so far: what no list ever held is in none of "
                    "the figures, so that recall at the limits in force tells nothing of what "
                    "they miss."
                ),
                most=60,
            ),
        )

    def lists(self) -> Section:
        """The lists for staff: alerts, applications to hold, evidence of each alert, thresholds."""
        deliver, holds = self.report.deliver, self.holds
        for alert_id in self.live["alert_id"]:
            deliver(
                f"evidence/{alert_id}",
                findings.of_alert(self.data.evidence, alert_id),
                words.OF_EVIDENCE,
            )
        evidence = say(
            "The evidence of each alert is a list of its own in the folder evidence: {n} of them."
        ).format(n=len(self.live))
        return Section(
            deliver("alerts", findings.delivered(self.live), words.OF_ALERTS),
            *([deliver("holds", holds, words.WORDS)] if holds is not None else []),
            self.report.notice(evidence if len(self.live) else ""),
            deliver("thresholds", self.curve, words.OF_THRESHOLDS),
        )

    def brief(self) -> Brief:
        """What the page opens with."""
        if self.live.empty and (why := findings.unfollowed(self.record.window)):
            return self.report.brief(nothing_followed(why))
        over_time = {
            quarter: findings.of_kind(alerts, self.kind)
            for quarter, alerts in self.data.alerts_over_time.items()
        }
        told = in_short(self.report, self.live, over_time, self.holds)
        return self.report.brief(told)


class Overview:
    """The sections of the report on all kinds of case of the whole bank."""

    def __init__(self, report: "Report") -> None:
        self.report, self.data = report, report.partition

    @cached_property
    def record(self) -> QuarterRecord:
        """What is known of the whole bank's investigations in the quarter."""
        return self.data.risk()

    @cached_property
    def live(self) -> pd.DataFrame:
        """The alerts shown, with the columns ALERTS."""
        return findings.live(self.data.alerts)

    @cached_property
    def lacking(self) -> dict[str, str]:
        """The kinds of case that nobody could look for, and what is missing."""
        lacks = {k: self.report.lacks(f"{kind.settings}_candidates") for k, kind in KINDS.items()}
        return {kind: why for kind, why in lacks.items() if why}

    def not_examined(self) -> "Notice":
        """Which kinds of case nobody could look for, and why."""
        text = say("{kind}: not examined, for {why}.")
        return self.report.notice(
            *[text.format(kind=words.label(kind), why=why) for kind, why in self.lacking.items()]
        )

    def window(self) -> "Notice":
        """How many entries of the quarter cannot be followed."""
        window = self.record.window
        text = say(
            "Of {transfers} transfers of the quarter {without} have no account of the other side "
            "and cannot be followed; {itself} entries name their own account as the other side and "
            "are passed over."
        )
        return self.report.notice(
            findings.unfollowed(window),
            text.format(
                transfers=f"{window.transfers:,}",
                without=f"{window.without_account:,}",
                itself=f"{window.to_itself:,}",
            ),
        )

    def alerts(self) -> Section:
        """The alerts of each kind, and all one by one."""
        none = say("There are no alerts.")
        return Section(
            charts.kinds_chart(findings.by_severity(self.live))
            if len(self.live)
            else self.report.notice(none),
            in_table(
                findings.per_thousand(
                    self.live, self.record.customers, KINDS.keys() - self.lacking.keys()
                ),
                say("Alerts per kind"),
                {
                    "kind": "text",
                    "alerts": "count",
                    "severe": "count",
                    "amount": "money",
                    "per_1000": "number",
                },
                note=say("Per 1,000 customers of the bank, those without an open account too."),
            ),
            in_table(
                self.live,
                say("All alerts"),
                {
                    "alert_id": "text",
                    "kind": "text",
                    "severity": "text",
                    "status": "text",
                    "branches": "text",
                    "amount": "money",
                    "first_seen": "text",
                    "reasons": "text",
                },
                empty=none,
            ),
        )

    def dispositions(self) -> Section:
        """How often alerts were right, how long open ones have waited, how long a decision took."""
        history, none_decided = self.data.alert_history, say("No alert was decided so far.")
        return Section(
            in_table(
                findings.confirmed_by_branch(history),
                say("Confirmed, per kind and branch"),
                {"kind": "text", "branch_id": "text", **PRECISION},
                empty=none_decided,
            ),
            in_table(
                ageing(findings.as_of_now(history, self.live, self.data.quarter.end)),
                say("Open alerts by age"),
                {"kind": "text", "age": "text", "alerts": "count", "amount": "money"},
                empty=say("No alert is open."),
            ),
            _time_to_decision(history, {"kind": "text"}, none_decided),
        )

    def groups(self) -> Section:
        """Whether alerts fall on some groups of persons more than on others: a sentence, and the
        groups of which it could be so.
        """
        groups = compared(self.record.groups, self.report.min_cell)
        certain = groups[groups["p_corrected"] < 0.05]
        sentence = say(
            "{n} comparisons: on {certain} groups of persons more or fewer alerts fall than their "
            "share of the customers lets expect, beyond chance (binomial test of alerts, however "
            "many persons each names, corrected after Holm). {unjudged} cannot be judged: fewer "
            "than {least} alerts of the kind name anybody."
        ).format(
            n=len(groups),
            certain=len(certain),
            unjudged=int(groups["p_corrected"].isna().sum()),
            least=LEAST_ALERTS,
        )
        maybe = groups[groups["p_corrected"] < 1]
        return Section(
            self.report.notice(sentence if len(groups) else say("There are no alerts.")),
            table(
                findings.in_words(maybe).assign(value=maybe["value"].map(words.label)),
                say("Persons named in alerts, where the corrected p is below 1"),
                {
                    "kind": "text",
                    "trait": "text",
                    "value": "text",
                    "customers": "count",
                    "named": "count",
                    "alerts": "count",
                    "share": "share [low, high]",
                    "expected": "share",
                    "p_corrected": "p",
                },
                empty=say("None."),
                words=words.OF_PERSONS,
            ),
        )

    def lists(self) -> Section:
        """The lists for staff: alerts, and what became of all so far."""
        return Section(
            self.report.deliver("alerts", findings.delivered(self.live), words.OF_ALERTS),
            self.report.deliver("history", self.data.alert_history, words.OF_HISTORY),
        )

    def brief(self) -> Brief:
        """What the page opens with."""
        if self.live.empty and (why := findings.unfollowed(self.record.window)):
            return self.report.brief(self._with_lacking(nothing_followed(why)))
        told = in_short(
            self.report, self.live, self.data.alerts_over_time, self.data.holds, sums_up=True
        )
        return self.report.brief(self._with_lacking(told))

    def _with_lacking(self, told: Brief) -> Brief:
        """What is told, with the kinds that nobody could look for."""
        if not self.lacking:
            return told
        kinds = listed(words.label(kind) for kind in self.lacking)
        missing = say("Not examined: {kinds}.").format(kinds=kinds)
        return told.model_copy(update={"changed": sentences(told.changed, missing)})


def _time_to_decision(history: pd.DataFrame, first: dict[str, str], empty: str) -> Table:
    return in_table(
        time_to_decision(history),
        say("Days from the end of the quarter to the decision"),
        {**first, "alerts": "count", "median": "number", "low": "number", "high": "number"},
        empty=empty,
        note=say("From and to are the quartiles, of five decisions or more."),
    )


def _interval(kind: str) -> tuple[str, ...]:
    match = INTERVAL.search(kind)
    return match.groups() if match else ()
