"""Every table of a partition: what `analysis.load` gives."""

from analysis.campaigns.reads import CampaignTables
from analysis.changes.reads import ChangesTables
from analysis.data_health.reads import DataHealthTables
from analysis.execution.reads import ExecutionTables
from analysis.identification.reads import IdentityTables
from analysis.loyalty.reads import LoyaltyTables
from analysis.opportunities.reads import OpportunityTables
from analysis.partition import Partition
from analysis.retention.reads import RetentionTables
from analysis.risk.reads import RiskTables
from analysis.segmentation.reads import SegmentationTables
from analysis.voice.reads import VoiceTables

SUBJECTS: tuple[type[Partition], ...] = (
    IdentityTables,
    SegmentationTables,
    ChangesTables,
    LoyaltyTables,
    VoiceTables,
    RetentionTables,
    RiskTables,
    CampaignTables,
    OpportunityTables,
    ExecutionTables,
    DataHealthTables,
)


class Tables(
    ExecutionTables,
    LoyaltyTables,
    VoiceTables,
    CampaignTables,
    IdentityTables,
    DataHealthTables,
):
    """The tables of all subjects."""

    tables: tuple[str, ...] = tuple(name for subject in SUBJECTS for name in subject.tables)
