"""Calendar quarters, the unit of time of every report."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.errors import ParametersError
from analysis.language import say


@dataclass(frozen=True, order=True)
class Quarter:
    """A calendar quarter, written 2024Q4."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Quarter":
        """The quarter written as `text`; raises ParametersError when it is not of the form
        2024Q4.
        """
        match = re.fullmatch(r"(\d{4})Q([1-4])", str(text))
        if not match:
            raise ParametersError(
                say(
                    "{text!r} is not a quarter. Write it as year and number, for example 2024Q4."
                ).format(text=text)
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: dt.date) -> "Quarter":
        """The quarter that contains `day`."""
        return cls(day.year, (day.month - 1) // 3 + 1)

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def start(self) -> dt.date:
        """First day."""
        return dt.date(self.year, 3 * self.number - 2, 1)

    @property
    def end(self) -> dt.date:
        """Last day."""
        return self.shifted(1).start - dt.timedelta(days=1)

    @property
    def previous(self) -> "Quarter":
        """The quarter before."""
        return self.shifted(-1)

    def shifted(self, quarters: int) -> "Quarter":
        """The quarter that many quarters later (earlier when negative)."""
        index = self.year * 4 + self.number - 1 + quarters
        return Quarter(index // 4, index % 4 + 1)

    def through(self, last: "Quarter") -> Iterator["Quarter"]:
        """This quarter and all up to and including `last`."""
        quarter = self
        while quarter <= last:
            yield quarter
            quarter = quarter.shifted(1)
