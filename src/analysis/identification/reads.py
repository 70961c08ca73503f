"""What is read of who is who."""

from functools import cached_property

import pandas as pd
from ibis import _

from analysis.identification.fitted import Identified, IdentityModel
from analysis.identification.records import IDENTITY_RECORD
from analysis.partition import MOST_ROWS, Partition


class IdentityTables(Partition):
    """A partition with the records that are one customer, or may be."""

    tables: tuple[str, ...] = ("identity_records",)

    @cached_property
    def identity_records(self) -> pd.DataFrame:
        """identity_record of the quarter: the columns `IDENTITY_RECORD`."""
        rows = self.read(
            self.mart("identity_record", self.quarter, self.own_branch),
            lambda rows: rows.order_by(
                [_.state, _.chance.desc(), _.customer_id, _.other_record]
            ).limit(MOST_ROWS),
        )
        return rows if len(rows) else pd.DataFrame(columns=list(IDENTITY_RECORD))

    @cached_property
    def identified(self) -> Identified:
        """How many records and customers the bank has, and what was found."""
        return self.model("identified", Identified)

    @cached_property
    def identity_model(self) -> IdentityModel:
        """What was learnt of how much agreement tells; nothing where records are not compared."""
        if self.identified.why_not:
            return IdentityModel(trained_until=None, kinds={})
        return self.model("identity_model", IdentityModel)
