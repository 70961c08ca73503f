"""What a notebook stands on: the marts of one branch (or `ALL`) up to a quarter, read when asked
for.
"""

import html
import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from analysis.changes.value import histories
from analysis.contract import CONTRACT
from analysis.errors import MissingDataError, ParametersError, not_one_of
from analysis.marts.build import NEEDS
from analysis.models.build import mart_files, read_model
from analysis.quarters import Quarter
from analysis.report.language import say
from analysis.risk.kinds import ALERTS, CURVE, EVIDENCES, HISTORY, HOLDS, PARTIES, RISK_NEEDS
from analysis.sources.params import Bank
from analysis.steps.readings import COUNTS, files_of, mart_reading

ALL = "ALL"
# customers of ALL read into memory; beyond that a sample chosen by the hash of the identifier
MOST_CUSTOMERS = 200_000


class Partition:
    """The tables of one branch and quarter; each is read on first use.

    Attributes that are tables: `customers` (with `segment`), `previous_customers`,
    `segment_counts`, `moves`, `events`, `event_counts`, `expected_values`, `answers`,
    `index_scores`, `comments`, `churn`, `previous_churn`, `left`, `departures`, `alerts`,
    `evidence`, `parties`, `holds`, `alert_history`, `threshold_curves`. A table that the bank's
    data cannot give is empty. What was read is in `readings` (see `analysis.steps.readings`), and
    written line by line to the file `log` when one is given.
    """

    def __init__(self, bank: Bank, branch: str, quarter: Quarter, log: Path | None = None) -> None:
        self.bank, self.branch, self.quarter = bank, branch, quarter
        self.readings: list[str] = []
        self._log = log
        if not mart_files(bank, "account_quarter"):
            raise MissingDataError(
                f"There are no marts in {bank.data_folder}. Run `workbook prepare "
                f"{bank.path}` first."
            )
        if (
            quarter not in bank.all_quarters
            or not (bank.data_folder / "marts" / "records" / f"{quarter}.json").exists()
        ):
            built = sorted(p.stem for p in (bank.data_folder / "marts" / "records").glob("*.json"))
            raise ParametersError(not_one_of("The quarter", str(quarter), built))
        if branch != ALL and branch not in set(self.branches["branch_id"]):
            raise ParametersError(
                not_one_of("The branch", branch, [ALL, *self.branches["branch_id"]])
            )

    @cached_property
    def branches(self) -> pd.DataFrame:
        """branch_id, name, region of every branch."""
        return self._contract("branches").sort_values("branch_id", ignore_index=True)

    @property
    def branch_name(self) -> str:
        """The branch's name as the bank writes it."""
        if self.branch == ALL:
            return say("The whole bank")
        return str(self.branches.set_index("branch_id").loc[self.branch, "name"])

    @cached_property
    def customers(self) -> pd.DataFrame:
        """customer_quarter of the quarter with `segment`; of ALL at most `MOST_CUSTOMERS`."""
        return self._customers(self.quarter)

    @cached_property
    def previous_customers(self) -> pd.DataFrame:
        """The same a quarter earlier."""
        return self._customers(self.quarter.previous)

    @cached_property
    def segment_counts(self) -> pd.DataFrame:
        """Customers by quarter, customer_type and segment, counted over every row up to the
        quarter.
        """
        return self._counted("customer_segment", "segment")

    @cached_property
    def bank_segment_counts(self) -> pd.DataFrame:
        """The same over the whole bank, from what is known of its changes."""
        return pd.DataFrame(
            [
                {"quarter": str(q), **row}
                for q in self.quarters
                for row in self.changes(q)["segments"]
            ]
        )

    @cached_property
    def moves(self) -> pd.DataFrame:
        """Customers by quarter, customer_type, was and became (groups a quarter ago and now), up to
        the quarter.
        """
        return self._counted("customer_move", "was", "became")

    @cached_property
    def event_counts(self) -> pd.DataFrame:
        """Customers by quarter, customer_type and event, up to the quarter."""
        return self._counted("customer_event", "event")

    @cached_property
    def events(self) -> pd.DataFrame:
        """customer_event of the quarter: which event of the params file happened to which active
        customer.
        """
        files = self._mart("customer_event", self.quarter, self._folder)
        return self._read(
            files,
            lambda t: t.order_by([_.customer_id.hash(), _.customer_id, _.event]).limit(
                MOST_CUSTOMERS
            ),
        )

    @cached_property
    def expected_values(self) -> pd.DataFrame:
        """What customers ever active brought in their last active quarter and are expected to
        bring: customer_id, customer_type, known, repeats, last, value (a quarter), historic (all
        quarters so far), alive, active and discounted (active quarters in the horizon), expected
        (value over the horizon, discounted). Empty where no model of activity could be fitted.
        """
        return self._expected_values(self.quarter)

    @cached_property
    def previous_expected_values(self) -> pd.DataFrame:
        """The same as it was said a quarter ago."""
        return self._expected_values(self.quarter.previous)

    def _expected_values(self, quarter: Quarter) -> pd.DataFrame:
        known = [q for q in self.quarters if q <= quarter]
        files = [f for q in known for f in self._mart("customer_quarter", q, self._folder)]
        types = self.changes(quarter)["value"]["types"] if files else {}
        looked_up = [
            pd.DataFrame(m["expected"]).assign(customer_type=kind) for kind, m in types.items() if m
        ]
        if not files or not looked_up:
            return pd.DataFrame()
        history = self._read(
            files,
            lambda t: (
                histories(t, quarter, self.bank.value)
                .order_by([_.customer_id.hash(), _.customer_id])
                .limit(MOST_CUSTOMERS)
            ),
        )
        rows = history.merge(pd.concat(looked_up), on=["customer_type", "known", "repeats", "last"])
        return rows.assign(expected=rows["value"] * rows["discounted"]).sort_values(
            "customer_id", ignore_index=True
        )

    def changes(self, quarter: Quarter) -> dict[str, Any]:
        """What is known of the whole bank's changes in a quarter up to this one: moves, outcomes,
        drift, value; see `analysis.models`.
        """
        return self.model(f"changes-{quarter}")

    @property
    def quarters(self) -> list[Quarter]:
        """The quarters up to this one, in order."""
        return list(self.bank.quarters.first.through(self.quarter))

    @cached_property
    def answers(self) -> pd.DataFrame:
        """survey_index of the branch in the year up to the quarter: every questionnaire with its
        indices from 0 to 100.
        """
        files = [f for q in self.quarters[-4:] for f in self._mart("survey_index", q, self._folder)]
        return self._read(
            files, lambda t: t.order_by([_.survey_id.hash(), _.survey_id]).limit(MOST_CUSTOMERS)
        )

    @cached_property
    def management_counts(self) -> pd.DataFrame:
        """Per quarter and measure (nps, csat, ces) of the branch: n, mean and sd of the answers,
        high (9 and 10; of csat 8 to
        10) and low (up to 6). Empty without surveys, or where the params file names no item for
        them.
        """
        asked = {m: i for m in ("nps", "csat", "ces") if (i := getattr(self.bank.loyalty, m))}
        files = [f for q in self.quarters for f in self._mart("survey_items", q, self._folder)]
        counted = [
            self._read(
                files, partial(_counted_scores, column=f"item_{item}", top=8 if m == "csat" else 9)
            ).assign(measure=m)
            for m, item in asked.items()
        ]
        return pd.concat(counted, ignore_index=True) if counted else pd.DataFrame()

    @cached_property
    def index_scores(self) -> pd.DataFrame:
        """The indices of every quarter so far, of the whole bank (branch `ALL`), every branch, and
        every group (`segment`; empty: all): branch_id, segment, quarter, dimension and the columns
        of `analysis.loyalty.index.index_scores`.
        """
        files = [f for q in self.quarters for f in self._mart("index_scores", q)]
        return self._read(
            files, lambda t: t.order_by("quarter", "branch_id", "segment", "dimension")
        )

    def response(self) -> dict[str, Any]:
        """Who answered in the quarter, see `analysis.loyalty.nonresponse.who_answered`; {} where
        nobody was asked.
        """
        found = self.model(f"index/{self.quarter}")
        return found if "categories" in found else {}

    @cached_property
    def comments(self) -> pd.DataFrame:
        """comment_theme: what the branch's customers wrote up to the quarter, with themes, and
        without what says who they are.
        """
        files = self._mart("comment_theme", self.quarter, self._folder)
        return self._read(
            files, lambda t: t.order_by([_.text_id.hash(), _.text_id]).limit(MOST_CUSTOMERS)
        )

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
    def left(self) -> pd.DataFrame:
        """customer_left of the quarter: of every customer active a quarter ago, whether it left."""
        return self._read(
            self._mart("customer_left", self.quarter, self._folder),
            lambda t: t.order_by("customer_id"),
        )

    @cached_property
    def departures(self) -> pd.DataFrame:
        """branch_id, quarter, customers (active a quarter before) and left, of every branch and
        quarter so far.
        """
        files = [f for q in self.quarters for f in self._mart("customer_left", q)]
        by = ["branch_id", "quarter"]
        return self._read(
            files,
            lambda t: (
                t.group_by(by).aggregate(customers=_.count(), left=t["left"].sum()).order_by(by)
            ),
        )

    @cached_property
    def active_by_branch(self) -> dict[str, int]:
        """Active customers of every branch in the quarter."""
        files = self._mart("customer_quarter", self.quarter)
        counted = self._read(
            files, lambda t: t.filter(_.active).group_by("branch_id").aggregate(n=_.count())
        )
        return (
            dict(zip(counted["branch_id"], counted["n"].astype(int), strict=True))
            if len(counted)
            else {}
        )

    @property
    def asked(self) -> bool:
        """Whether any questionnaire was answered so far, and the params file says what its items
        measure.
        """
        return len(self.index_scores) > 0

    def _churn(self, quarter: Quarter) -> pd.DataFrame:
        files = self._mart("customer_churn", quarter, self._folder)
        return self._read(
            files, lambda t: t.order_by([_.customer_id.hash(), _.customer_id]).limit(MOST_CUSTOMERS)
        )

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """risk_alert of the quarter: every alert with a party at the branch, see
        `analysis.risk.alerts`; those cleared and without new evidence too (`suppressed`).
        """
        rows = self._risk("risk_alert", ALERTS, ["kind", "rank"])
        if self._folder and len(rows):
            here = [
                self.branch in {*b.split(" "), m}
                for b, m in zip(rows["branches"], rows["branch_id"], strict=True)
            ]
            rows = rows[here].reset_index(drop=True)
        return rows

    @cached_property
    def evidence(self) -> pd.DataFrame:
        """risk_evidence of those alerts: the rows that prove each reason."""
        rows = self._risk(
            "risk_evidence", EVIDENCES, ["alert_id", "reason", "booked_at", "evidence_id"]
        )
        return rows[rows["alert_id"].isin(self.alerts["alert_id"])].reset_index(drop=True)

    @cached_property
    def parties(self) -> pd.DataFrame:
        """risk_party of those alerts: who plays which part."""
        rows = self._risk("risk_party", PARTIES, ["alert_id", "role", "party"])
        return rows[rows["alert_id"].isin(self.alerts["alert_id"])].reset_index(drop=True)

    @cached_property
    def holds(self) -> pd.DataFrame:
        """risk_hold: pending applications to hold because of an alert, of the branch that received
        them or has the alert.
        """
        rows = self._risk("risk_hold", HOLDS, ["application_id", "alert_id"])
        here = (rows["branch_id"] == self.branch) | rows["alert_id"].isin(self.alerts["alert_id"])
        return rows if self._folder is None else rows[here].reset_index(drop=True)

    @cached_property
    def alert_history(self) -> pd.DataFrame:
        """risk_history: every alert ever seen in the whole bank, with what became of it up to the
        quarter's end.
        """
        return self._risk("risk_history", HISTORY, ["kind", "alert_id"])

    @cached_property
    def threshold_curves(self) -> pd.DataFrame:
        """risk_curve of the quarter, whole bank: what other thresholds would have given. Made for
        the last quarter prepared.
        """
        return self._risk("risk_curve", CURVE, ["kind", "threshold", "value"])

    def risk(self) -> dict[str, Any]:
        """What is known of the whole bank's investigations in the quarter: scorecards, dispositions
        of unknown alerts, signals left out, groups of customers; see `analysis.risk.quarter`.
        """
        return self.model(f"risk/{self.quarter}")

    def _risk(self, mart: str, columns: Mapping[str, str], order: list[str]) -> pd.DataFrame:
        rows = self._read(self._mart(mart, self.quarter), lambda t: t.order_by(order))
        return rows if len(rows) else pd.DataFrame(columns=list(columns))

    @cached_property
    def delivered(self) -> set[str]:
        """The contract's tables that the bank delivers."""
        self._reads(COUNTS)
        return {
            name
            for name in CONTRACT
            if (self.bank.data_folder / "contract" / f"{name}.json").exists()
        }

    def missing_for(self, *marts: str) -> list[str]:
        """The tables that the marts need and the bank does not deliver."""
        return sorted(
            {t for m in marts for t in {**NEEDS, **RISK_NEEDS}[m] if t not in self.delivered}
        )

    def model(self, name: str) -> dict[str, Any]:
        """A stored model, see `analysis.models`."""
        self._reads(f"models/{name}.json")
        return read_model(self.bank, name)

    def quarantine_counts(self) -> pd.DataFrame:
        """Rows delivered and set aside per table."""
        self._reads(COUNTS)
        rows = [
            json.loads(
                (self.bank.data_folder / "contract" / f"{n}.json").read_text(encoding="utf-8")
            )
            for n in CONTRACT
            if n in self.delivered
        ]
        return pd.DataFrame(
            [
                {
                    "table": r["table"],
                    "rows": r["rows"],
                    "set_aside": r["rows_set_aside"],
                    "newest": r["newest"],
                    "late": r["late"],
                }
                for r in rows
            ]
        )

    @property
    def sampled(self) -> bool:
        """Whether `customers` is a sample."""
        return self.customer_count > MOST_CUSTOMERS

    @property
    def customer_count(self) -> int:
        """All customers of the partition in the quarter."""
        counts = self.segment_counts
        return (
            int(counts.loc[counts["quarter"] == str(self.quarter), "customers"].sum())
            if len(counts)
            else 0
        )

    def _repr_html_(self) -> str:
        tables = {
            "customers": self.customers,
            "segment_counts": self.segment_counts,
            "moves": self.moves,
            "events": self.events,
            "expected_values": self.expected_values,
            "answers": self.answers,
            "index_scores": self.index_scores,
            "comments": self.comments,
            "churn": self.churn,
            "left": self.left,
            "alerts": self.alerts,
            "evidence": self.evidence,
            "parties": self.parties,
            "holds": self.holds,
            "alert_history": self.alert_history,
            "threshold_curves": self.threshold_curves,
        }
        rows = "".join(
            f"<tr><td><code>.{n}</code></td><td>{len(t):,}</td>"
            f"<td>{html.escape(', '.join(map(str, t.columns)))}</td></tr>"
            for n, t in tables.items()
        )
        return (
            f"<p><b>{html.escape(self.branch_name)}</b> ({html.escape(self.branch)}), "
            f"{self.quarter}</p><table><tr><th>table</th><th>rows</th><th>columns</th></tr>{rows}</table>"
        )

    def __repr__(self) -> str:
        return f"Partition({self.branch}, {self.quarter}: {self.customer_count:,} customers)"

    @property
    def _folder(self) -> str | None:
        return None if self.branch == ALL else self.branch

    def _counted(self, mart: str, *by: str) -> pd.DataFrame:
        files = [f for q in self.quarters for f in self._mart(mart, q, self._folder)]
        keys = ["quarter", "customer_type", *by]
        counted = self._read(
            files, lambda t: t.group_by(keys).aggregate(customers=_.count()).order_by(keys)
        )
        return counted if len(counted) else pd.DataFrame(columns=[*keys, "customers"])

    def _customers(self, quarter: Quarter) -> pd.DataFrame:
        files, groups = (
            self._mart("customer_quarter", quarter, self._folder),
            self._mart("customer_segment", quarter, self._folder),
        )
        if not files:
            return pd.DataFrame()
        try:
            segment = self._engine.read_parquet(groups, hive_partitioning=False).select(
                "customer_id", "segment"
            )
            rows = self._engine.read_parquet(files, hive_partitioning=False).join(
                segment, "customer_id"
            )
            return (
                rows.order_by([_.customer_id.hash(), _.customer_id])
                .limit(MOST_CUSTOMERS)
                .to_pandas()
                .sort_values("customer_id", ignore_index=True)
            )
        except duckdb.IOException as error:
            raise self._unreadable(error) from error

    def _reads(self, reading: str) -> None:
        if reading not in self.readings:
            self.readings.append(reading)
            if self._log:
                with self._log.open("a", encoding="utf-8") as stream:
                    stream.write(reading + "\n")

    def _mart(self, mart: str, quarter: Quarter, branch: str | None = None) -> list[str]:
        self._reads(reading := mart_reading(mart, quarter, branch))
        return [str(f) for f in files_of(self.bank.data_folder, reading)]

    @cached_property
    def _engine(self) -> Backend:
        """An engine in memory for reading marts."""
        con = ibis.duckdb.connect(
            threads=int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
        )
        con.raw_sql(f"SET memory_limit = '{self.bank.engine.memory}'")
        return con

    def _contract(self, table: str) -> pd.DataFrame:
        self._reads(f"contract/{table}.parquet")
        path = self.bank.data_folder / "contract" / f"{table}.parquet"
        return pd.read_parquet(path) if path.exists() else pd.DataFrame()

    def _read(self, files: list[str], query: Callable[[ibis.Table], ibis.Table]) -> pd.DataFrame:
        if not files:
            return pd.DataFrame()
        try:
            return query(self._engine.read_parquet(files, hive_partitioning=False)).to_pandas()
        except duckdb.IOException as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> MissingDataError:
        return MissingDataError(
            f"A mart in {self.bank.data_folder} cannot be read: {error}. Run `workbook "
            f"prepare {self.bank.path}` again."
        )


def _counted_scores(answers: ibis.Table, column: str, top: int) -> ibis.Table:
    """Per quarter n, mean and sd of an item's answers, those of `top` and more, and those of up to
    6.
    """
    score = answers[column]
    counted = {
        "n": score.count(),
        "mean": score.mean(),
        "sd": score.std(how="sample"),
        "high": (score >= top).sum(),
        "low": (score <= 6).sum(),
    }
    return answers.drop_null([column]).group_by("quarter").aggregate(**counted).order_by("quarter")
