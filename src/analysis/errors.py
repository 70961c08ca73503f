"""What can go wrong, as a small vocabulary. Every message is a whole sentence for the person who
reads it.
"""

import difflib
from collections.abc import Iterable


class WorkbookError(Exception):
    """Something the person at the keyboard can mend; the command prints the message without a
    traceback.
    """


class ParametersError(WorkbookError):
    """A params file, an option or a report parameter that cannot be used."""


class SourceError(WorkbookError):
    """The bank's own tables cannot be read as the params file describes them."""


class ContractError(WorkbookError):
    """Too many rows of a table break the contract to go on."""


class MissingDataError(WorkbookError):
    """Something that an earlier step writes is not there."""


def nearest_first(name: str, valid: Iterable[str]) -> list[str]:
    """The valid names, those that look most like `name` first."""
    score = {v: difflib.SequenceMatcher(None, name.lower(), v.lower()).ratio() for v in valid}
    return sorted(score, key=lambda v: (-score[v], v))


def not_one_of(what: str, name: str, valid: Iterable[str], most: int = 12) -> str:
    """One sentence that refuses `name` and lists the valid names, nearest first."""
    names = nearest_first(name, valid)
    shown = ", ".join(names[:most]) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )
    return f"{what} {name!r} does not exist. Valid: {shown or 'none'}."
