"""What is read of what customers wrote."""

from functools import cached_property

import pandas as pd

from analysis.partition import Partition, in_order_of_hash
from analysis.voice.fitted import Associations, Comments


class VoiceTables(Partition):
    """A partition with what its customers wrote."""

    tables: tuple[str, ...] = ("comments",)

    @cached_property
    def comments(self) -> pd.DataFrame:
        """comment_theme: what the branch's customers wrote up to the quarter, with themes, and
        without what says who they are.
        """
        files = self.mart("comment_theme", self.quarter, self.own_branch)
        return self.read(files, in_order_of_hash("text_id"))

    @cached_property
    def texts(self) -> Comments:
        """What is known of the whole bank's texts up to the quarter."""
        return self.model("comments", Comments, self.quarter)

    @cached_property
    def associations(self) -> Associations:
        """What goes with feelings in the whole bank, of the year up to the quarter."""
        return self.model("associations", Associations, self.quarter)
