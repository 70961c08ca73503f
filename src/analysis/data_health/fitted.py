"""What data health finds, as it is stored."""

from analysis.shape import Shape

#: The texts of tables: table to its text, key and date.
WRITTEN = {
    "surveys": ("comment", "survey_id", "answered_on"),
    "complaints": ("text", "complaint_id", "received_on"),
    "transactions": ("memo", "transaction_id", "booked_at"),
}


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


class TextsOf(Shape):
    """What was written in a quarter in one table.

    texts, letters: how many there are. read: those looked at. chinese: of these in Chinese; the
    others are in other languages. compared, repeated: those compared with each other, and nearly
    the same as an earlier one. identifying: by kind of what could say who somebody is, in how many
    of those read it stands.
    """

    table: str
    texts: int
    letters: int
    read: int
    chinese: int
    compared: int
    repeated: int
    identifying: dict[str, int]


class Texts(Shape):
    """What was written in a quarter, in the whole bank."""

    rows: list[TextsOf]


class Way(Shape):
    """A sample of entries as one way of writing leaves it.

    bytes: on disk. account: to be read for the entries of one account. month: to be read for the
    sum of one month.
    """

    name: str
    bytes: int
    account: int
    month: int


class Footprint(Shape):
    """What a sample of a quarter's entries takes in several ways of writing.

    rows: of the sample.
    """

    rows: int
    ways: list[Way]
