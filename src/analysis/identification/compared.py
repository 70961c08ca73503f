"""What records are compared by: for persons and for firms, which columns, in which grades, and what
two records have to share to be compared at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NEAR = 0.88  # Jaro-Winkler similarity from which parts of names are near
NEAR_TEXT = 0.92  # of whole names and addresses


@dataclass(frozen=True)
class Grade:
    """One way in which two values agree: a condition of the engine on `…_l` and `…_r`, told by
    `word`; the best that holds counts. exact: the values are the same.
    """

    word: str
    condition: str = ""
    exact: bool = False
    rarity: bool = False  # agreeing on a rare value says more (term frequency adjustment)


@dataclass(frozen=True)
class Comparison:
    """A column and the grades two values of it can reach, the best first."""

    column: str
    grades: tuple[Grade, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of customer: comparisons, and expressions of which two records must share one.

    trained_within: columns; among records that agree in one the chances of the others are learnt.
    """

    name: str
    comparisons: tuple[Comparison, ...]
    blocks: Mapping[str, str]
    trained_within: tuple[str, ...]


def _either_order(condition: Callable[[str, str, str, str], str]) -> str:
    """A condition on the two parts of a name, as they stand or exchanged."""
    straight = condition("family_l", "family_r", "given_l", "given_r")
    crossed = condition("family_l", "given_r", "given_l", "family_r")
    return f"({straight}) OR ({crossed})"


def _near(left: str, right: str) -> str:
    return (
        f"(jaro_winkler_similarity({left}, {right}) >= {NEAR} "
        f"OR starts_with({left}, {right}) OR starts_with({right}, {left}))"
    )


def _text(column: str, near: str, word: str, rarity: bool = False) -> Comparison:
    return Comparison(column, (Grade("same", exact=True, rarity=rarity), Grade(word, near)))


def _one_off(column: str) -> str:
    return f"damerau_levenshtein({column}_l, {column}_r) <= 1"


def _similar(column: str, least: float) -> str:
    return f"jaro_winkler_similarity({column}_l, {column}_r) >= {least}"


_PARTS_OF_DATE = " + ".join(
    f"(substr(born_l, {at}, {length}) = substr(born_r, {at}, {length}))::int"
    for at, length in ((1, 4), (5, 2), (7, 2))
)
_SWAPPED = "born_l = substr(born_r, 1, 4) || substr(born_r, 7, 2) || substr(born_r, 5, 2)"
_USERS = "split_part(email_l, '@', 1)", "split_part(email_r, '@', 1)"

_PERSON_NAME = Comparison(
    "latin",
    (
        Grade("same", exact=True, rarity=True),
        Grade(
            "near",
            _either_order(lambda a, b, c, d: f"({a} = {b} AND {_near(c, d)})")
            + " OR "
            + _either_order(lambda a, b, c, d: f"({c} = {d} AND {_near(a, b)})"),
        ),
        Grade("both_near", _either_order(lambda a, b, c, d: f"{_near(a, b)} AND {_near(c, d)}")),
        Grade("one_part", _either_order(lambda a, b, c, d: f"{a} = {b} OR {c} = {d}")),
        Grade("one_near", _either_order(lambda a, b, c, d: f"{_near(a, b)} OR {_near(c, d)}")),
    ),
)
_BORN = Comparison(
    "born",
    (
        Grade("same", exact=True),
        Grade("swapped", f"{_one_off('born')} OR {_SWAPPED}"),
        Grade("two_parts", f"{_PARTS_OF_DATE} = 2"),
        Grade("one_part", f"{_PARTS_OF_DATE} = 1"),
    ),
)
_EMAIL = Comparison(
    "email",
    (
        Grade("same", exact=True),
        Grade("same_user", f"{_USERS[0]} = {_USERS[1]}"),
        Grade("near", f"{_similar('email', 0.93)}"),
        Grade("near_user", f"jaro_winkler_similarity({_USERS[0]}, {_USERS[1]}) >= 0.85"),
    ),
)
_PHONE = _text("phone", _one_off("phone"), "one_digit")
_STREET = Comparison(
    "house",
    (
        Grade("same", exact=True),
        Grade("near", _similar("house", NEAR_TEXT)),
        Grade("same_street", "street_l = street_r"),
    ),
)

PERSONS = Kind(
    "personal",
    (
        _PERSON_NAME,
        _BORN,
        Comparison("sex", (Grade("same", exact=True),)),
        Comparison("document", (Grade("same", exact=True),)),
        _PHONE,
        _EMAIL,
        _text("place", _similar("place", 0.85), "near", rarity=True),
        _STREET,
    ),
    {
        "document": "document",
        "phone": "phone",
        "email": "email",
        "email_user": "split_part(email, '@', 1)",
        "name_year": "latin || substr(born, 1, 4)",
        "name_day": "latin || substr(born, 5, 4)",
        "name": "latin",
        "born_initial": "born || least(substr(family, 1, 1), substr(given, 1, 1))",
        "born": "born",
        "family_month": "family || substr(born, 1, 6)",
        "given_month": "given || substr(born, 1, 6)",
        "family_day": "family || substr(born, 5, 4)",
        "given_day": "given || substr(born, 5, 4)",
        "house": "house",
        "given_place": "given || place",
        "family_place": "family || place",
        "day_place": "substr(born, 5, 4) || place",
        "family_year": "family || substr(born, 1, 4)",
        "given_year": "given || substr(born, 1, 4)",
    },
    ("born", "latin", "document", "email", "phone"),
)
FIRMS = Kind(
    "corporate",
    (
        Comparison(
            "latin",
            (
                Grade("same", exact=True, rarity=True),
                Grade("near", _similar("latin", NEAR_TEXT)),
                Grade(
                    "contained",
                    "length(latin_l) >= 3 AND length(latin_r) >= 3 "
                    "AND (contains(latin_l, latin_r) OR contains(latin_r, latin_l))",
                ),
            ),
        ),
        Comparison(
            "document", (Grade("same", exact=True), Grade("one_digit", _one_off("document")))
        ),
        _BORN,
        _PHONE,
        _EMAIL,
        _STREET,
    ),
    {
        "document": "document",
        "phone": "phone",
        "email": "email",
        "name": "latin",
        "born": "born",
        "house": "house",
        "name_begins": "substr(latin, 1, 4)",
    },
    ("latin", "born", "document", "phone"),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (PERSONS, FIRMS)}


def splink_comparisons(kind: Kind, known: list[str]) -> list[Any]:
    """The comparisons of the columns that are known, as Splink takes them."""
    from splink import comparison_level_library as levels
    from splink import comparison_library as library

    made = []
    for comparison in kind.comparisons:
        if comparison.column not in known:
            continue
        column = comparison.column
        steps: list[Any] = [levels.NullLevel(column)]
        for grade in comparison.grades:
            steps.append(
                levels.ExactMatchLevel(column, term_frequency_adjustments=grade.rarity)
                if grade.exact
                else levels.CustomLevel(grade.condition, grade.word)
            )
        made.append(
            library.CustomComparison([*steps, levels.ElseLevel()], output_column_name=column)
        )
    return made
