"""What data health finds, as it is stored."""

from analysis.shape import Shape


class Effect(Shape):
    """A headline of a report with and without the rows that are doubted.

    branch_id: `ALL` for the whole bank. check: whose doubtful rows are left out; empty for those of
    all checks. n: customers, answers or alerts it is made of. low, high: its 95 % interval, where
    it has one. n_without, without: of what is left.
    """

    report: str
    headline: str
    branch_id: str
    check: str
    n: int
    value: float
    low: float | None
    high: float | None
    n_without: int
    without: float | None


class Effects(Shape):
    """What doubtful rows do to reports."""

    rows: list[Effect]
