"""What is read of questionnaires and the index made of them."""

from functools import cached_property, partial

import ibis
import pandas as pd
from ibis import _

from analysis.loyalty.fitted import Regressions
from analysis.loyalty.index import IndexModel
from analysis.loyalty.nonresponse import Response
from analysis.loyalty.pathmodel import PathModelOfYear
from analysis.loyalty.shapley import Drivers
from analysis.partition import ALL, Partition, flagged, in_order_of_hash
from analysis.steps.readings import model_reading

#: The scores that management asks for, and the lowest answer that counts as high.
MANAGEMENT_SCORES = {"nps": 9, "csat": 8, "ces": 9}
HIGHEST_LOW = 6


class LoyaltyTables(Partition):
    """A partition with its questionnaires, their index, and what is known of both."""

    tables: tuple[str, ...] = ("answers", "index_scores")

    @cached_property
    def answers(self) -> pd.DataFrame:
        """survey_index of the branch in the year up to the quarter: every questionnaire with its
        indices from 0 to 100.
        """
        files = self.marts("survey_index", self.quarters[-4:], self.own_branch)
        return self.read(files, in_order_of_hash("survey_id"))

    @cached_property
    def management_counts(self) -> pd.DataFrame:
        """Per quarter and measure (nps, csat, ces) of the branch: n, mean and sd of the answers,
        high (9 and 10; of csat 8 to 10) and low (up to 6). Without those of which no page shows how
        many answered; empty without surveys, or where the params file names no item for them.
        """
        files = self.marts("survey_items", self.quarters, self.own_branch)
        counts = [
            self.read(files, partial(_counted, column=f"item_{item}", top=top)).assign(
                measure=measure
            )
            for measure, top in MANAGEMENT_SCORES.items()
            if (item := getattr(self.bank.loyalty, measure))
        ]
        if not counts or not any(map(len, counts)):
            return pd.DataFrame()
        cells = self.not_shown("measure")
        by = {"quarter": "quarter", "first": "measure"}
        measured = flagged(pd.concat(counts, ignore_index=True), cells, "withheld", by)
        return measured[~measured["withheld"]].drop(columns="withheld")

    @cached_property
    def index_scores(self) -> pd.DataFrame:
        """The indices of every quarter so far, of the whole bank (branch `ALL`), every branch, and
        every group (`segment`; empty: all): quarter and the columns of
        `analysis.loyalty.index.SCORES`. Where no page shows how many answered, n is 0.
        """
        order = ("quarter", "branch_id", "segment", "dimension")
        files = self.marts("index_scores", self.quarters)
        scores = self.read(files, lambda rows: rows.order_by(*order))
        if scores.empty:
            return scores
        by = {"branch_id": "branch_id", "quarter": "quarter"}
        by |= {"first": "segment", "second": "dimension"}
        scores = flagged(scores, self.not_shown("answers", branches=True), "withheld", by)
        scores["n"] = scores["n"].mask(scores["withheld"], 0)
        return scores.drop(columns="withheld")

    @property
    def asked(self) -> bool:
        """Whether any questionnaire was answered so far, and the params file says what its items
        measure.
        """
        return len(self.index_scores) > 0

    @cached_property
    def active_by_branch(self) -> dict[str, int]:
        """Active customers of every branch in the quarter, but for those of which no page shows
        how many.
        """
        counts = self.read(
            self.mart("customer_quarter", self.quarter),
            lambda rows: rows.filter(_.active).group_by("branch_id").aggregate(n=_.count()),
        )
        if counts.empty:
            return {}
        cells = self.not_shown("active", branches=True)
        hidden = cells.loc[cells["quarter"] == str(self.quarter), "branch_id"]
        counts = counts[~counts["branch_id"].isin(hidden)]
        return dict(zip(counts["branch_id"], counts["n"].astype(int), strict=True))

    @cached_property
    def categories_withheld(self) -> set[str]:
        """The branches of which no page shows how many customers of a type they have or how many
        answered, and the groups of which none shows how many there are in the bank.
        """
        types, answers, groups = (
            self.not_shown(table, branches=True) for table in ("type", "answers", "group")
        )
        branches = pd.concat([types, answers[answers["first"] == ""]])
        in_bank = groups[groups["branch_id"] == ALL]
        quarter = str(self.quarter)
        return set(branches.loc[branches["quarter"] == quarter, "branch_id"]) | set(
            in_bank.loc[in_bank["quarter"] == quarter, "first"]
        )

    @cached_property
    def response(self) -> Response | None:
        """Who answered in the quarter, in the whole bank; None where nobody was asked."""
        self.note(reading := model_reading("response", self.quarter))
        asked = (self.bank.data_folder / reading).exists()
        return self.model("response", Response, self.quarter) if asked else None

    @cached_property
    def index_model(self) -> IndexModel | None:
        """What counts for how much in the index; None where nobody was asked."""
        return self.model("index", IndexModel) if self.asked else None

    @cached_property
    def regressions(self) -> Regressions:
        """Why customers stay, as it can be known at the quarter's end."""
        return self.model("regressions", Regressions, self.quarter)

    @cached_property
    def path_model(self) -> PathModelOfYear:
        """How the questionnaire's blocks hang together, of the year up to the quarter."""
        return self.model("path_model", PathModelOfYear, self.quarter)

    @cached_property
    def drivers(self) -> Drivers:
        """What drives satisfaction and stated loyalty, of the year up to the quarter."""
        return self.model("drivers", Drivers, self.quarter)


def _counted(answers: ibis.Table, column: str, top: int) -> ibis.Table:
    """Per quarter n, mean and sd of an item's answers, the high and the low ones."""
    score = answers[column]
    return (
        answers.drop_null([column])
        .group_by("quarter")
        .aggregate(
            n=score.count(),
            mean=score.mean(),
            sd=score.std(how="sample"),
            high=(score >= top).sum(),
            low=(score <= HIGHEST_LOW).sum(),
        )
        .order_by("quarter")
    )
