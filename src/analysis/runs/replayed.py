"""What replaying reports found."""

from dataclasses import dataclass, field


@dataclass
class Replay:
    """What the replay of one report found; nothing found means that it came out the same."""

    branch: str
    report: str
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Branch and report, as a reader knows them."""
        return f"{self.branch} {self.report}"


@dataclass
class Replayed:
    """What replaying a quarter found."""

    count: int = 0  # reports replayed
    same: int = 0  # of which came out the same
    findings: dict[str, list[str]] = field(default_factory=dict)  # by report, and of the source
