"""One case as an investigator defends it: what happened, the picture, the rows that tell most, what
to ask, what would make it innocent, its history; to print and sign.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from analysis.language import day_in_words, say
from analysis.report.figure import Figure
from analysis.report.frame import Link
from analysis.report.sheet import sheet_html
from analysis.report.table import Table, table
from analysis.risk import charts, findings, words
from analysis.risk.questions import innocent, questions

MOST_TELLING, MOST_PARTIES = 20, 60


@dataclass(frozen=True)
class CaseFile:
    """One alert with all that belongs to it.

    alert: a row of ALERTS. evidence, parties: EVIDENCES and PARTIES of the quarter. over_time:
    alerts by quarter. since: the first day of the quarter. holds: HOLDS of the quarter, where
    applications can be held.
    """

    alert: pd.Series
    evidence: pd.DataFrame
    parties: pd.DataFrame
    over_time: Mapping[str, pd.DataFrame]
    since: pd.Timestamp
    holds: pd.DataFrame | None = None

    @property
    def alert_id(self) -> str:
        """Its identifier."""
        return str(self.alert["alert_id"])

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return str(self.alert["kind"])

    @cached_property
    def flows(self) -> pd.DataFrame:
        """The evidence, each row once."""
        return findings.payments(self.evidence, self.alert_id, self.kind)

    @cached_property
    def roles(self) -> pd.DataFrame:
        """Who plays which part."""
        return findings.roles(self.parties, self.alert_id)

    @property
    def title(self) -> str:
        """What the case is called."""
        return findings.case_title(self.alert)

    @cached_property
    def story(self) -> str:
        """What happened, in two or three sentences."""
        return findings.story(self.alert, self.flows, self.roles)

    @cached_property
    def picture(self) -> Figure | None:
        """Who paid whom; None where no payment went from one party to another."""
        return charts.flow_chart(self.alert_id, self.flows, self.roles, float(self.alert["amount"]))

    def sheet(self, written_in: str, subtitle: str) -> str:
        """The case as a printable page."""
        over_time = charts.timeline_chart(self.alert_id, self.flows, self.since)
        history = findings.seen_over_time(self.over_time, self.alert_id)
        reasons = [words.label(code) for code in str(self.alert["reasons"]).split(" ") if code]
        shown = [part for part in (self.picture, over_time) if part is not None]
        return sheet_html(
            self.title,
            f"{subtitle} · {self._standing()}",
            [
                (say("What happened"), [self.story]),
                (say("Why it is an alert"), [reasons]),
                (say("The picture"), shown),
                (say("The rows that tell most"), [self._rows()]),
                (say("Who plays which part"), [self._parties()]),
                *self._held(),
                (say("What to ask"), [questions(self.kind)]),
                (say("What makes no alert of this kind"), [innocent(self.kind)]),
                (say("History"), [self._history(history), self._decided()]),
                ("", [say("An alert is a reason to look, not a finding of guilt.")]),
            ],
            written_in,
            [
                Link(
                    say("Back to the page: {title}").format(title=words.label(self.kind)),
                    f"../../../{self.kind}.html",
                ),
                Link(say("All rows of evidence, as CSV"), f"../evidence/{self.alert_id}.csv"),
            ],
        )

    def _standing(self) -> str:
        """How severe the alert is, what became of it, and who has it."""
        told = say("severity {severity} · {status}").format(
            severity=words.severity(str(self.alert["severity"])),
            status=words.label(str(self.alert["status"])),
        )
        who = self.alert["assigned_to"]
        return say("{standing} · with {who}").format(standing=told, who=who) if who else told

    def _held(self) -> list[tuple[str, list[object]]]:
        """The section on pending applications that the alert holds; none where it holds none."""
        if self.holds is None:
            return []
        held = self.holds[self.holds["alert_id"] == self.alert_id]
        if held.empty:
            return []
        kinds = {"application_id": "text", "filed_on": "date", "compound": "text"}
        rows = _table(
            held,
            say("Applications to hold"),
            {**kinds, "developer": "text", "amount": "money", "reasons": "text"},
        )
        return [(say("What is held"), [rows])]

    def _rows(self) -> Table:
        note = say("All rows of evidence: {file}.").format(file=f"evidence/{self.alert_id}.csv")
        return _table(
            findings.telling(self.flows, self.kind, MOST_TELLING),
            say("Evidence of {alert}").format(alert=self.alert_id),
            {
                "booked_at": "date",
                "evidence_id": "text",
                "payer": "text",
                "payee": "text",
                "amount": "money",
                "reason": "text",
                "note": "text",
            },
            note=note,
        )

    def _parties(self) -> Table:
        kinds = {"party": "text", "role": "text", "party_branch": "text"}
        return _table(
            self.roles,
            say("Parties of {alert}").format(alert=self.alert_id),
            {**kinds, "paid": "money", "got": "money"},
        )

    def _history(self, history: pd.DataFrame) -> Table:
        kinds = {"quarter": "text", "severity": "text", "status": "text"}
        return _table(
            history,
            say("How it was seen, quarter by quarter"),
            {**kinds, "parties": "count", "amount": "money"},
        )

    def _decided(self) -> str:
        decided_on = self.alert["decided_on"]
        if pd.isna(decided_on):
            return say("It has not been decided so far.")
        if findings.came_back(self.alert):
            return findings.back_again(self.alert)
        day = day_in_words(pd.Timestamp(decided_on))
        if self.alert["status"] == "open":
            return say("It was looked at on {day} and is open.").format(day=day)
        return say("Decided on {day}: {status}.").format(
            day=day, status=words.label(self.alert["status"])
        )


def _table(rows: pd.DataFrame, title: str, kinds: Mapping[str, str], note: str = "") -> Table:
    """As many rows as can be read; empty columns are left out."""
    told = findings.in_words(rows)
    empty = [c for c in kinds if c in told and told[c].fillna("").astype(str).eq("").all()]
    kept = {c: kind for c, kind in kinds.items() if c not in empty or c == next(iter(kinds))}
    return table(told, title, kept, note=note, most=MOST_PARTIES, words=words.WORDS)
