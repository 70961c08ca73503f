"""What is read of the health of the data."""

from functools import cached_property

import ibis
import pandas as pd
import pyarrow.parquet as pq
from ibis import _

from analysis.data_health.cells import DATA_CELL
from analysis.data_health.costs import KEPT_FILES
from analysis.data_health.counted import COMPARED, DATA_CHECK, DATA_DOUBT
from analysis.data_health.days import DATA_DAY, UNUSUAL
from analysis.data_health.effects import COUNTED_AS
from analysis.data_health.fitted import WRITTEN, Effects, Footprint, Texts
from analysis.partition import ALL, MOST_ROWS, Partition
from analysis.prepare import steps_of
from analysis.sources.accepted import accepted_files, stored_verdicts
from analysis.steps.keeping import Keeper
from analysis.steps.readings import COUNTS

#: Rows that a branch is told of one check, the first by key.
MOST_OF_A_CHECK = 1000
#: Quarters whose reports are asked what they stand on.
ASKED = 4
OWN_ROOM = __name__.rpartition(".")[0]


class DataHealthTables(Partition):
    """A partition with what was found of its data."""

    tables: tuple[str, ...] = ("data_checks", "data_doubts", "data_cells", "days", "unusual_days")

    @cached_property
    def data_checks(self) -> pd.DataFrame:
        """data_check of the quarters compared: the columns `DATA_CHECK`, and `quarter`."""
        parts = []
        for quarter in self.quarters[-COMPARED:]:
            rows = self.read(self.mart("data_check", quarter, self.own_branch), lambda rows: rows)
            if len(rows):
                parts.append(rows[list(DATA_CHECK)].assign(quarter=str(quarter)))
        columns = [*DATA_CHECK, "quarter"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    @cached_property
    def data_doubts(self) -> pd.DataFrame:
        """data_doubt of the quarter: the columns `DATA_DOUBT`, of each check at a branch the first
        `MOST_OF_A_CHECK` by key.
        """
        rows = self.read(
            self.mart("data_doubt", self.quarter, self.own_branch),
            lambda rows: (
                rows.mutate(
                    place=ibis.row_number().over(
                        group_by=[rows.branch_id, rows.check], order_by=rows.key
                    )
                )
                .filter(_.place < MOST_OF_A_CHECK)
                .drop("place")
                .order_by("branch_id", "check", "key")
            ),
        )
        return rows[list(DATA_DOUBT)] if len(rows) else pd.DataFrame(columns=list(DATA_DOUBT))

    @cached_property
    def data_cells(self) -> pd.DataFrame:
        """data_cell of the quarter: the columns `DATA_CELL`."""
        return self._of_quarter("data_cell", DATA_CELL)

    @cached_property
    def days(self) -> pd.DataFrame:
        """data_day of the quarter: the columns `DATA_DAY`."""
        return self._of_quarter("data_day", DATA_DAY)

    @cached_property
    def unusual_days(self) -> pd.DataFrame:
        """unusual_day of the quarter: the columns `UNUSUAL`; of the whole bank those of its
        branches too.
        """
        return self._of_quarter("unusual_day", UNUSUAL)

    def _of_quarter(self, mart: str, columns: dict[str, str]) -> pd.DataFrame:
        rows = self.read(
            self.mart(mart, self.quarter, self.own_branch),
            lambda rows: rows.order_by(rows.columns).limit(MOST_ROWS),
        )
        return rows[list(columns)] if len(rows) else pd.DataFrame(columns=list(columns))

    @cached_property
    def effects(self) -> Effects:
        """What the doubtful rows do to the reports of this branch, or of the bank; without the
        headlines from which a count could be told that no page shows.
        """
        told = self.model("data_effects", Effects, self.quarter)
        hidden = {h for h, counts in COUNTED_AS.items() if any(self.hides(c) for c in counts)}
        own = [e for e in told.rows if e.branch_id == self.branch and e.headline not in hidden]
        if self.branch == ALL:
            # the bank less the other branches would tell of a branch that loses few
            few = {
                (e.headline, e.check)
                for e in told.rows
                if e.branch_id != ALL and 0 < e.n - e.n_without < self.bank.min_cell
            }
            own = [
                e.model_copy(update={"without": None}) if (e.headline, e.check) in few else e
                for e in own
            ]
        return Effects(rows=own)

    @property
    def tables_withheld(self) -> set[str]:
        """The tables whose rows are customers or answers of which no page shows how many."""
        of_customers = any(self.hides(count) for count in ("customers", "type", "group"))
        told = {"surveys": self.hides("answers")}
        told |= dict.fromkeys(("customers", "accounts", "holdings"), of_customers)
        return {table for table, hidden in told.items() if hidden}

    @cached_property
    def written(self) -> Texts:
        """What was written in the quarter, in the whole bank."""
        return self.model("data_texts", Texts, self.quarter)

    def rules_broken(self) -> dict[str, dict[str, int]]:
        """Of each table of the bank that lost rows or values, the rules broken and how often."""
        self.note(COUNTS)
        return {
            name: {**verdict.set_aside, **verdict.emptied}
            for name, verdict in stored_verdicts(self.bank).items()
            if verdict.set_aside or verdict.emptied
        }

    @cached_property
    def kept(self) -> pd.DataFrame:
        """The files of the bank's accepted rows: the columns `KEPT_FILES`."""
        self.note("contract/*.parquet")
        self.note("contract/transactions/*/*.parquet")
        rows = []
        for name in stored_verdicts(self.bank):
            texts = WRITTEN[name][0] if name in WRITTEN else None
            for path in accepted_files(self.bank, name):
                index = pq.read_metadata(path)
                columns = [
                    index.row_group(group).column(place)
                    for group in range(index.num_row_groups)
                    for place in range(index.num_columns)
                ]
                text = sum(c.total_compressed_size for c in columns if c.path_in_schema == texts)
                quarter = path.parent.name.partition("=")[2]
                rows.append((name, quarter, index.num_rows, path.stat().st_size, text))
        return pd.DataFrame(rows, columns=list(KEPT_FILES))

    def stood_on(self) -> set[tuple[str, str]]:
        """The tables, of transactions each with a quarter, that steps read for the reports of the
        last `ASKED` quarters; searching the data for faults is no use of it.
        """
        verdicts = stored_verdicts(self.bank)
        keeper, graph = Keeper(self.bank.data_folder), steps_of(self.bank, self.quarter, verdicts)
        recent = {None, *self.quarters[-ASKED:]}
        told = {("branches", "")}  # whose names stand on every page
        for node in graph.order:
            step, record = graph.steps[node.step], keeper.record(node)
            own = step.function.__module__.startswith(OWN_ROOM)
            if own or node.quarter not in recent or record is None or record.missing:
                continue
            for read in step.all_reads.values():
                parts = verdicts[read.name].parts if read.name in verdicts else {}
                if read.kind != "table" or not parts:
                    told |= {(read.name, "")} if read.kind == "table" else set()
                    continue
                reached = read.reach.quarters(graph.occasions[node]) if read.reach else parts
                told |= {(read.name, str(quarter)) for quarter in reached}
        return told

    @cached_property
    def footprint(self) -> Footprint:
        """What the quarter's entries take in several ways of writing."""
        return self.model("data_footprint", Footprint, self.quarter)
