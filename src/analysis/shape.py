"""What is stored has a shape: a fitted model is written as readable JSON and read back as what it
was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:  # a command that only reads a params file does without pandas
    import pandas as pd


class Shape(BaseModel):
    """Something that is stored, or that passes from one file to another, under names.

    A number that is none (a spread of one value) stays so in the JSON, as `NaN`; an empty value is
    `null`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="constants", protected_namespaces=()
    )


Row = TypeVar("Row", bound=Shape)


def rows_as(shape: type[Row], table: pd.DataFrame, digits: int | None = None) -> list[Row]:
    """The rows of a table in a shape, empty values as None, fractions to so many digits."""
    rows, empty = table.to_dict("records"), table.isna().to_dict("records")
    return [
        shape(**{str(n): None if none[n] else _plain(v, digits) for n, v in row.items()})
        for row, none in zip(rows, empty, strict=True)
    ]


def _plain(value: object, digits: int | None) -> object:
    if isinstance(value, float):
        return float(value) if digits is None else round(float(value), digits)
    return value.item() if hasattr(value, "item") else value
