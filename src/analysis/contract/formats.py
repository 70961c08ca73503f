"""How a bank writes numbers, days and what is empty, where it is not as the contract expects."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from analysis.language import say

#: What stands for nothing in exports of databases, spreadsheets and pandas.
EMPTY_WORDS = (
    "NULL",
    "null",
    "(null)",
    r"\N",
    "N/A",
    "n/a",
    "#N/A",
    "NA",
    "NaN",
    "nan",
    "NaT",
    "<NA>",
    "None",
    "none",
    "-",
    "--",
    "—",
)
#: Of a declared way to write days: what the engine's strptime knows.
DIRECTIVES = set("YymdHIMSfpjbBaAzZ-%")


class DebitCredit(BaseModel):
    """The column that says on which side of the account an entry of transactions stands, where
    amounts have no sign.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = Field(min_length=1)
    debit: list[str] = Field(min_length=1)  # money out
    credit: list[str] = Field(min_length=1)  # money in


class Formats(BaseModel):
    """How the bank writes its values; what is not written so is set aside, never guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    decimals: int = Field(2, ge=0, le=4)  # of the currency; an amount with more is set aside
    minus: Literal["before", "after", "brackets"] = "before"  # -5, 5-, (5)
    # beside YYYY-MM-DD, YYYY/M/D, YYYYMMDD and 2020年10月3日: as strptime has it, %d.%m.%Y
    dates: list[str] = []
    empty: list[str] = list(EMPTY_WORDS)  # words that stand for nothing
    debit_credit: DebitCredit | None = None

    @field_validator("dates")
    @classmethod
    def _whole_days(cls, dates: list[str]) -> list[str]:
        for written in dates:
            directives = re.findall(r"%-?(.)", written)
            if unknown := set(directives) - DIRECTIVES:
                raise ValueError(
                    say("%{letter} in {written!r} means nothing in a date").format(
                        letter=sorted(unknown)[0], written=written
                    )
                )
            if not ({"Y", "y"} & set(directives) and {"m", "b", "B"} & set(directives)) or (
                "d" not in directives
            ):
                raise ValueError(
                    say(
                        "{written!r} names no whole day; %d, %m and %Y are needed, as in %d.%m.%Y"
                    ).format(written=written)
                )
        return dates

    @model_validator(mode="after")
    def _told_apart(self) -> "Formats":
        if self.decimal == self.thousands:
            raise ValueError(
                say("decimal and thousands are both {mark!r}").format(mark=self.decimal)
            )
        return self
