"""How a table of the contract is declared. Documentation, types and checks all come from these
declarations.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import ibis

#: An amount of money: with room for the four decimals that a currency may have.
AMOUNT = "decimal(18, 4)"
#: The types a contract column can have, and what Ibis calls them.
IBIS_TYPES = {
    "id": "string",
    "text": "string",
    "date": "date",
    "timestamp": "timestamp(6)",
    "amount": AMOUNT,
    "number": "float64",
    "integer": "int64",
    "flag": "boolean",
}


@dataclass(frozen=True)
class Column:
    """One column of the contract: its meaning, type and the rules every value must keep."""

    name: str
    type: str
    meaning: str
    unit: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()
    references: str = ""
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    not_future: bool = False
    personal: bool = False  # names, phones, addresses: never carried into a mart
    describes: bool = False  # says something of a person: not repeated in messages either
    empty_tells: bool = False  # an empty value says something: a fault sets the row aside instead

    @property
    def ibis_type(self) -> str:
        """The column's type in the engine."""
        return IBIS_TYPES[self.type]

    @property
    def costs_the_row(self) -> bool:
        """Whether a fault in it sets the row aside; in other columns it empties the value."""
        return self.required or self.empty_tells

    def rules(self) -> Iterator[str]:
        """The rules in words, for the documentation."""
        if self.required:
            yield "must be filled"
        if self.allowed:
            yield "one of " + ", ".join(f"`{a}`" for a in self.allowed)
        if self.references:
            yield f"exists in `{self.references}`"
        if self.minimum is not None:
            yield f"at least {self.minimum:g}"
        if self.maximum is not None:
            yield f"at most {self.maximum:g}"
        if self.pattern:
            yield f"matches `{self.pattern}`"
        if self.not_future:
            yield "not after the day the data was taken"


@dataclass(frozen=True)
class RowRule:
    """A rule over several columns; `broken` gives the expression that is true where a row breaks
    it.
    """

    name: str
    meaning: str  # marked for translation, with places for `of`
    broken: Callable[[ibis.Table], ibis.expr.types.BooleanValue]
    of: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One table of the contract; a row's identity is its `key`."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    indispensable: bool = False
    dated_by: str = ""  # the column that tells how fresh the table is
    # how many days before the end of the last quarter its newest row may lie
    late_days: int | None = None
    rules: tuple[RowRule, ...] = ()

    @property
    def schema(self) -> dict[str, str]:
        """Column name to engine type."""
        return {c.name: c.ibis_type for c in self.columns}

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    @property
    def referenced_tables(self) -> list[str]:
        """The other tables this one points to."""
        return sorted(
            {c.references.split(".")[0] for c in self.columns if c.references} - {self.name}
        )
