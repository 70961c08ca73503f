"""What is read of campaigns."""

from functools import cached_property

from analysis.campaigns.fitted import CampaignEffects
from analysis.partition import Partition


class CampaignTables(Partition):
    """A partition with what the bank's campaigns did."""

    tables: tuple[str, ...] = ()

    @cached_property
    def campaigns(self) -> CampaignEffects:
        """Every campaign begun so far, of the last quarter that was prepared; none where the bank
        delivers none.
        """
        if self.missing_for("campaign_effects"):
            return CampaignEffects(campaigns=[])
        return self.model("campaign_effects", CampaignEffects, self.quarter)
