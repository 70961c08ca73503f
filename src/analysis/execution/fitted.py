"""What is stored of what became of the lists: by kind and by staff, and what offers added."""

from analysis.shape import Shape


class OfKind(Shape):
    """The entries of one kind in the whole bank.

    handed: of which so many were followed up, in_time by the day they were due, and done (spoken
    with, or decided). judged: of which it is known whether they were a success; successes: so many.
    told: successes as the chances told them, of `with_chance` entries, of which came_with_chance
    came. shift: what is added to the log odds of the chances so that they tell as many as came, and
    its information (Fisher's, the inverse of its variance); None without chances.
    """

    kind: str
    handed: int
    followed: int
    in_time: int
    done: int
    judged: int
    successes: int
    with_chance: int
    came_with_chance: int
    told: float
    shift: float | None
    information: float | None


class OfStaff(Shape):
    """What one member of staff, or one branch (staff_id empty), did with the entries handed over,
    against what is expected of whoever is handed the same.

    measure: in_time or success. n: entries. low, high: how many come by chance, 95 %. p: exact, of
    as many as came or as far from expected; p_corrected: over all members of staff, or all
    branches (Benjamini and Hochberg 1995).
    """

    branch_id: str
    staff_id: str
    measure: str
    n: int
    came: int
    expected: float
    low: int
    high: int
    p: float
    p_corrected: float


class Added(Shape):
    """Who took up what was offered, against whoever was kept without offer by lot.

    difference: of the shares, with its interval (Newcombe 1998).
    """

    offered: int
    offered_took: int
    held_back: int
    held_back_took: int
    difference: float | None
    low: float | None
    high: float | None


class InTime(Shape):
    """Entries handed over to a branch in a quarter, alerts left out, and those followed up by the
    day they were due.
    """

    branch_id: str
    quarter: str
    handed: int
    in_time: int


class NotCounted(Shape):
    """Follow-ups that are not counted, by reason."""

    reason: str
    follow_ups: int


class NotShown(Shape):
    """Calls of which no page tells how many of the customers are still there.

    branch_id: empty for the whole bank.
    """

    branch_id: str
    kind: str


class FollowThrough(Shape):
    """What became of the lists of the quarter before, in the whole bank.

    delivered: whether the bank says what it handed over; else the lists were worked out again.
    over_time: of the quarter, and of earlier ones of which the bank says what it handed over.
    """

    quarter: str
    delivered: bool
    kinds: list[OfKind]
    staff: list[OfStaff]
    added: Added
    over_time: list[InTime]
    not_counted: list[NotCounted]
    not_shown: list[NotShown]
