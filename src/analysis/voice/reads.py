"""What is read of what customers wrote."""

from functools import cached_property

import pandas as pd

from analysis.partition import Partition, flagged, in_order_of_hash
from analysis.voice.fitted import Associations, Comments


class VoiceTables(Partition):
    """A partition with what its customers wrote."""

    tables: tuple[str, ...] = ("comments",)

    @cached_property
    def comments(self) -> pd.DataFrame:
        """comment_theme: what the branch's customers wrote up to the quarter, with themes, and
        without what says who they are.

        comments_withheld, complaints_withheld: no page shows how many there are of the theme and
        quarter.
        """
        files = self.mart("comment_theme", self.quarter, self.own_branch)
        texts = self.read(files, in_order_of_hash("text_id"))
        if texts.empty:
            return texts
        cells = self.read(self.mart("withheld_texts", self.quarter, self.branch), lambda rows: rows)
        by_theme = {"customer_type": "language", "first": "theme", "second": "said_in"}
        for table in ("comments", "complaints"):
            of_table = cells[cells["table"] == table] if len(cells) else cells
            texts = flagged(texts, of_table, f"{table}_withheld", by_theme)
        return texts

    @cached_property
    def texts(self) -> Comments:
        """What is known of the whole bank's texts up to the quarter."""
        return self.model("comments", Comments, self.quarter)

    @cached_property
    def associations(self) -> Associations:
        """What goes with feelings in the whole bank, of the year up to the quarter."""
        return self.model("associations", Associations, self.quarter)
