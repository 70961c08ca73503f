"""What a step is: a function, and beside it what it writes, per what, what it reads and which
settings it uses. Everything else about it is worked out from that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ibis.backends.duckdb import Backend
from pydantic import BaseModel

from analysis.contract.tables import customer_columns
from analysis.quarters import Quarter
from analysis.sources.params import Bank

#: Rows that tell who is who: records that are one customer, and what is known of these.
SAME_CUSTOMER, MERGED_CUSTOMER = "same_customer", "merged_customer"

Per = Literal["bank", "quarter"]
Check = Callable[[Bank], None]
Kind = Literal["table", "mart", "model", "frames", "rows"]


@dataclass(frozen=True)
class Occasion:
    """What a step is done for: a quarter (none where it is done once for the bank), in a
    preparation that goes up to `asked`.
    """

    bank: Bank
    quarter: Quarter | None
    asked: Quarter
    quarters_with_entries: tuple[Quarter, ...] = ()  # of the transactions accepted

    @property
    def now(self) -> Quarter:
        """The quarter; the one asked for where the step is done once for the bank."""
        return self.quarter or self.asked

    @property
    def so_far(self) -> list[Quarter]:
        """The bank's quarters up to this one."""
        return list(self.bank.quarters.first.through(self.now))


@dataclass(frozen=True)
class Reach:
    """Which quarters a step reads of something, and how that is said."""

    said: str
    quarters: Callable[[Occasion], list[Quarter]] = field(compare=False)


def last(count: int, said: str = "") -> Reach:
    """This quarter and those before it, `count` in all."""
    return Reach(
        said or f"{count} quarters up to this one",
        lambda at: list(at.now.shifted(1 - count).through(at.now)),
    )


NOW = Reach("this quarter", lambda at: [at.now])
BEFORE = Reach("the quarter before", lambda at: [at.now.previous])
HISTORY = Reach(
    "of the first quarter that is reported all before it",
    lambda at: [
        q for q in at.quarters_with_entries if at.now == at.bank.quarters.first and q < at.now
    ],
)
YEAR = last(4, "the year up to it")
SO_FAR = Reach("all quarters so far", lambda at: at.so_far)


@dataclass(frozen=True)
class Sample:
    """Rows of a mart as a pandas frame: at most `most` (of each combination of the columns `each`),
    those of which `where` is true, chosen by the hash of `by`, so that every machine chooses the
    same.
    """

    most: int
    by: str
    each: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class Read:
    """One input of a step.

    A table of the contract or a mart comes as an Ibis table, or as a pandas frame where a sample
    is declared; a model as its shape; frames as pandas frames by name. An optional one that is not
    there comes as None, and a step of which another is not there is left out.
    """

    kind: Kind
    name: str
    reach: Reach | None = NOW
    optional: bool = False
    sample: Sample | None = None
    delivered: bool = False  # of a table: customers as the bank's records name them
    own: bool = False  # what the step itself left last time; not among what it is made of


def table(
    name: str, reach: Reach | None = None, optional: bool = False, delivered: bool = False
) -> Read:
    """A table of the contract: of transactions the quarters in reach, every other one whole.

    Its customers are the real ones: records that identification found to be one customer bear one
    `customer_id`. As delivered, every record bears its own.
    """
    return Read("table", name, reach, optional, delivered=delivered)


def own(kind: Kind, name: str) -> Read:
    """What the step itself left when it was done last; None the first time."""
    return Read(kind, name, None, optional=True, own=True)


def mart(
    name: str, reach: Reach = NOW, optional: bool = False, sample: Sample | None = None
) -> Read:
    """The rows of a mart in the quarters in reach."""
    return Read("mart", name, reach, optional, sample)


def model(name: str, reach: Reach = NOW, optional: bool = False) -> Read:
    """A model of the one quarter in reach, or of the bank."""
    return Read("model", name, reach, optional)


def rows(name: str, reach: Reach = NOW, optional: bool = False) -> Read:
    """Rows that another step left for this one, of the quarters in reach, as an Ibis table."""
    return Read("rows", name, reach, optional)


def frames(name: str, reach: Reach = NOW, optional: bool = False) -> Read:
    """Frames that another step left for this one."""
    return Read("frames", name, reach, optional)


@dataclass(frozen=True)
class Mart:
    """Rows by quarter and branch: `marts/<name>/quarter=…/branch=…`.

    key: the columns whose order the rows are written in. schema: column to type, for rows that
    come as a pandas frame.
    """

    name: str
    key: tuple[str, ...]
    schema: Mapping[str, str] | None = None
    kind: Kind = "mart"


@dataclass(frozen=True)
class Model:
    """A result as readable JSON: `models/<name>.json` of the bank, `models/<name>/<quarter>.json`
    of a quarter. shape: the pydantic model it is written and read through.
    """

    name: str
    shape: type[BaseModel]
    kind: Kind = "model"


@dataclass(frozen=True)
class Frames:
    """Tables that only other steps read, by name: `frames/<name>/<quarter>/<table>.parquet`."""

    name: str
    kind: Kind = "frames"


@dataclass(frozen=True)
class Rows:
    """Rows of a quarter that only other steps read: `rows/<name>/<quarter>.parquet`.

    key: the columns whose order the rows are written in.
    """

    name: str
    key: tuple[str, ...]
    kind: Kind = "rows"


Written = Mart | Model | Frames | Rows


class At:
    """Where a step's function is: its quarter, the engine, and the settings that it declares."""

    def __init__(self, occasion: Occasion, step: "Step", engine: Backend) -> None:
        self._occasion, self._step, self.engine = occasion, step, engine
        self.quarter = occasion.now
        self.so_far = occasion.so_far

    def setting(self, name: str) -> Any:
        """A declared setting of the params file by its dotted name; of a list, that of each."""
        if name not in self._step.settings:
            raise LookupError(f"{self._step.name} uses the setting {name} without declaring it.")
        return setting_of(self._occasion.bank, name)

    def reached(self, name: str) -> list[Quarter]:
        """The quarters of the bank that an input reaches over."""
        reach = self._step.reads[name].reach
        quarters = reach.quarters(self._occasion) if reach else []
        return [q for q in quarters if q in self._occasion.bank.all_quarters]


def setting_of(bank: Bank, name: str) -> Any:
    """The setting of a dotted name such as `loyalty` or `retention.left`; `events.rule` gives the
    rule of every event.
    """
    value: Any = bank
    for part in name.split("."):
        value = (
            [getattr(v, part) for v in value] if isinstance(value, list) else getattr(value, part)
        )
    return value


@dataclass(frozen=True)
class Step:
    """A function with its declaration."""

    name: str
    function: Callable[..., Any] = field(compare=False)
    writes: tuple[Written, ...]
    reads: Mapping[str, Read] = field(hash=False)
    settings: tuple[str, ...]
    per: Per
    latest: int | None  # done for so many of the last quarters asked for; None: for every quarter
    early: bool  # done, too, for quarters with entries before the first that is reported
    check: Check = field(compare=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function itself."""
        return self.function(*args, **kwargs)

    @cached_property
    def all_reads(self) -> Mapping[str, Read]:
        """What it reads, and who is one customer where that matters to it."""
        concerned = any(
            read.kind == "table" and not read.delivered and customer_columns(read.name)
            for read in self.reads.values()
        )
        if not concerned:
            return self.reads
        one = {name: rows(name, optional=True) for name in (SAME_CUSTOMER, MERGED_CUSTOMER)}
        return {**self.reads, **one}

    @cached_property
    def module(self) -> str:
        """The module the function is written in."""
        return self.function.__module__

    @property
    def purpose(self) -> str:
        """The first sentence of the function's docstring."""
        text = " ".join((self.function.__doc__ or "").split("\n\n")[0].split())
        return text

    def quarters(self, first: Quarter, asked: Quarter) -> list[Quarter | None]:
        """What the step is done for in a preparation up to `asked`."""
        if self.per == "bank":
            return [None]
        quarters = list(first.through(asked))
        return [*quarters] if self.latest is None else [*quarters[-self.latest :]]


def step(
    *,
    writes: Written | Sequence[Written],
    reads: Mapping[str, Read],
    settings: Sequence[str] = (),
    per: Per = "quarter",
    latest: int | None = None,
    early: bool = False,
    check: Check = lambda bank: None,
    name: str = "",
) -> Callable[[Callable[..., Any]], Step]:
    """Declare the function below as a step.

    The function gets an `At`, and by name what `reads` says; it returns what `writes` says: one
    thing, or several in the same order. It reads nothing else, and computes only. `check` refuses
    settings that cannot be used before any step is done: it raises ParametersError.
    """

    def declared(function: Callable[..., Any]) -> Step:
        return Step(
            name or function.__name__,
            function,
            (writes,) if isinstance(writes, Mart | Model | Frames | Rows) else tuple(writes),
            dict(reads),
            tuple(settings),
            per,
            latest,
            early,
            check,
        )

    return declared
