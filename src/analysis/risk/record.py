"""What is kept of a quarter's investigations beside the marts, in `models/risk/<quarter>.json`."""

from pydantic import BaseModel

from analysis.risk.known import KnownAlert


class HeldOut(BaseModel, frozen=True):
    """How a card fitted on the quarters before ranks the decisions of a quarter."""

    quarter: str
    n: int  # decisions
    auc: float
    auc_low: float  # 95 % interval
    auc_high: float
    brier: float
    brier_base: float  # of the mean of the quarters before


class Scorecard(BaseModel, frozen=True):
    """What the decisions on alerts of a kind say of its reasons."""

    intercept: float  # log odds
    weights: dict[str, float]  # by reason, log odds, none negative
    confirmed: int  # alerts it was fitted on
    cleared: int
    held_out: HeldOut | None  # where there were decisions enough


class GroupCount(BaseModel, frozen=True):
    """A group of persons, and how many of them alerts of a kind name.

    alerts: those of the kind that name anybody whose trait is known. share: of an alert's persons,
    those of the group, summed over the alerts: however many one names, it counts once.
    """

    kind: str
    trait: str  # age, sex or region
    value: str
    customers: int
    named: int
    alerts: int
    share: float


class WindowFacts(BaseModel, frozen=True):
    """Of the entries of the quarter, how many cannot be followed."""

    transfers: int
    without_account: int  # of them, of the other side
    to_itself: int  # entries that name their own account as the other side
    followed: int  # entries of any kind that name another account


class QuarterRecord(BaseModel, frozen=True):
    """What was found in a quarter, and what later quarters need to know of it."""

    quarter: str
    known: dict[str, KnownAlert]  # by alert, all so far
    scorecards: dict[str, Scorecard | None]  # by kind; None before enough was decided
    unknown_dispositions: list[str]  # alerts named in dispositions that nobody knows
    customers: int  # of the bank
    kinds: list[str]  # looked for
    left_out: dict[str, list[str]]  # kind to tables whose signals are left out
    passed_over: dict[str, list[str]]  # kind to parties with too many others
    window: WindowFacts
    groups: list[GroupCount]
