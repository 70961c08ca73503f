"""What identification learns and finds, as it is stored."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A result that is not changed any more."""

    model_config = ConfigDict(frozen=True)


class KindModel(Frozen):
    """What was learnt of a kind of customers.

    records: how many it was learnt from. known: the columns that are compared. rules: the blocks
    that are used; common: to each the values, as md5, that too many records share. frequent: column
    to how frequent its most frequent values are; rare: what holds of the others. settings: the
    model as Splink takes it. stated: by column the grades (as their place, the best 0) of which
    nothing could be learnt, so that their chances are stated.
    """

    records: int
    known: list[str]
    rules: list[str]
    common: dict[str, list[str]]
    frequent: dict[str, dict[str, float]]
    rare: dict[str, float]
    settings: dict[str, Any]
    stated: dict[str, list[int]]


class IdentityModel(Frozen):
    """What was learnt, by kind of customers; kinds of which nothing could be learnt are not there.

    trained_until: the last day of records it was learnt from, where the params file names one.
    """

    trained_until: str | None
    kinds: dict[str, KindModel]


class IdentifiedKind(Frozen):
    """What was found of a kind of customers.

    records: how many there are. compared_by: columns. compared: pairs compared this time.
    threshold: the chance from which a pair ties; tied: how many do. precision, recall: expected
    share of the ties that are right, and of the pairs that are the same that are tied; None where
    too few tie. in_groups:
    records in groups of two or more. held_back: groups that contradict themselves or are too large.
    """

    kind: str
    records: int
    compared_by: list[str]
    compared: int
    threshold: float
    tied: int
    precision: float | None
    recall: float | None
    in_groups: int
    groups: int
    held_back: int


class CurvePoint(Frozen):
    """At a threshold of the chance: pairs that tie, and what is to be expected of them."""

    kind: str
    threshold: float
    pairs: int
    precision: float
    recall: float


class Counted(Frozen):
    """Records known at the end of a quarter in a branch, and those of them that are second records
    of a customer.
    """

    quarter: str
    branch_id: str
    records: int
    second: int


class Identified(Frozen):
    """How many records and customers there are, and what was found.

    why_not: why records were not compared (`off`, `too_few`); empty where they were. not_followed:
    answers of reviewers that are not obeyed, by why.
    """

    records: int
    customers: int
    kinds: list[IdentifiedKind] = []
    curve: list[CurvePoint] = []
    over_time: list[Counted] = []
    not_followed: dict[str, int] = {}
    why_not: str = ""
