"""What is read of the investigations."""

from collections.abc import Mapping
from functools import cached_property

import pandas as pd

from analysis.partition import Partition
from analysis.quarters import Quarter
from analysis.risk.kinds import ALERTS, CURVE, EVIDENCES, HISTORY, HOLDS, PARTIES
from analysis.risk.record import QuarterRecord


class RiskTables(Partition):
    """A partition with the alerts that have a party at the branch, and what belongs to them."""

    tables: tuple[str, ...] = (
        "alerts",
        "evidence",
        "parties",
        "holds",
        "alert_history",
        "threshold_curves",
    )

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """risk_alert of the quarter: every alert with a party at the branch; those cleared and
        without new evidence too (`suppressed`).
        """
        return self._alerts(self.quarter)

    @cached_property
    def alerts_over_time(self) -> dict[str, pd.DataFrame]:
        """The same of every quarter so far, by quarter; those that were cleared, and without new
        evidence, left out.
        """
        by_quarter = {str(q): self._alerts(q) for q in self.quarters}
        return {
            q: alerts[~alerts["suppressed"].astype(bool)].reset_index(drop=True)
            for q, alerts in by_quarter.items()
        }

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """risk_evidence of those alerts: the rows that prove each reason."""
        order = ["alert_id", "reason", "booked_at", "evidence_id"]
        return self._of_alerts(self._rows("risk_evidence", EVIDENCES, order))

    @cached_property
    def parties(self) -> pd.DataFrame:
        """risk_party of those alerts: who plays which part."""
        return self._of_alerts(self._rows("risk_party", PARTIES, ["alert_id", "role", "party"]))

    @cached_property
    def holds(self) -> pd.DataFrame:
        """risk_hold: pending applications to hold because of an alert that the page shows, those
        that the branch received first.
        """
        holds = self._rows("risk_hold", HOLDS, ["application_id", "alert_id"])
        if not self.own_branch:
            return holds
        elsewhere = (holds["branch_id"] != self.branch).astype(int)
        holds = holds.assign(elsewhere=elsewhere)[self._is_alert(holds)]
        order = ["elsewhere", "application_id", "alert_id"]
        return holds.sort_values(order, ignore_index=True).drop(columns="elsewhere")

    @cached_property
    def alert_history(self) -> pd.DataFrame:
        """risk_history: every alert ever seen in the whole bank, with what became of it up to the
        quarter's end.
        """
        return self._rows("risk_history", HISTORY, ["kind", "alert_id"])

    @cached_property
    def threshold_curves(self) -> pd.DataFrame:
        """risk_curve of the quarter, whole bank: what other thresholds would have given. Made for
        the last quarter prepared.
        """
        return self._rows("risk_curve", CURVE, ["kind", "threshold", "value"])

    def risk(self) -> QuarterRecord:
        """What is known of the whole bank's investigations in the quarter."""
        return self.model("risk", QuarterRecord, self.quarter)

    def _alerts(self, quarter: Quarter) -> pd.DataFrame:
        alerts = self._rows("risk_alert", ALERTS, ["kind", "rank"], quarter)
        if self.own_branch and len(alerts):
            branches = zip(alerts["branches"], alerts["branch_id"], strict=True)
            here = [self.branch in {*others.split(" "), main} for others, main in branches]
            alerts = alerts[here].reset_index(drop=True)
        return alerts

    def _rows(
        self,
        mart: str,
        columns: Mapping[str, str],
        order: list[str],
        quarter: Quarter | None = None,
    ) -> pd.DataFrame:
        files = self.mart(mart, quarter or self.quarter)
        rows = self.read(files, lambda table: table.order_by(order))
        return rows if len(rows) else pd.DataFrame(columns=list(columns))

    def _is_alert(self, rows: pd.DataFrame) -> pd.Series:
        return rows["alert_id"].isin(self.alerts["alert_id"])

    def _of_alerts(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[self._is_alert(rows)].reset_index(drop=True)
