"""What can go wrong, as a small vocabulary. Every message is a whole sentence for the person who
reads it.
"""

import difflib
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

from analysis.language import listed, say

#: Faults that lie in a value and repeat it: of DuckDB, and of the drivers of databases.
FAULTS_OF_DATA = {
    "ConversionException",
    "DataError",
    "InvalidInputException",
    "OutOfRangeException",
    "TypeMismatchException",
}
HIDDEN = "…"


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


def engine_says(error: Exception) -> str:
    """What an engine or driver says of a fault: its first line; of a fault that lies in the data,
    without the values, which may be a customer's.
    """
    said = str(error).strip()
    with suppress(ValueError, KeyError, TypeError):  # DuckDB, when memory or disk is short
        said = str(json.loads(said)["exception_message"])
    first = next(iter(said.splitlines()), type(error).__name__)
    if type(error).__name__ == "OutOfMemoryException":
        raised = say("{fault}. Raise engine.memory in the params file")
        first = raised.format(fault=first.rstrip("."))
    if FAULTS_OF_DATA & {base.__name__ for base in type(error).__mro__}:
        first = re.sub(r"""'[^']*'|"[^"]*\"""", f"'{HIDDEN}'", first)
    return without_secrets(first)


def without_secrets(text: str, url: str = "") -> str:
    """The text without passwords: those of URLs in it, and those of `url` wherever they stand."""
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = re.sub(r"(://[^\s'\":/@]*):[^\s'\"]*@", rf"\1:{HIDDEN}@", text)
    value = r"""('[^']*'|"[^"]*"|[^\s&'",}]+)"""
    return re.sub(rf"(?i)(passw(?:or)?d|pwd)(\s*[=:]\s*){value}", rf"\1\2{HIDDEN}", text)


def _secrets(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is not closed
        return {url}
    named = [value for name, value in parse_qsl(parts.query) if name.lower() in ("password", "pwd")]
    secrets = {parts.password or "", *named}
    return {form for s in secrets for form in (s, unquote(s)) if form}


def nearest_first(name: str, valid: Iterable[str]) -> list[str]:
    """The valid names, those that look most like `name` first."""
    score = {v: difflib.SequenceMatcher(None, name.lower(), v.lower()).ratio() for v in valid}
    return sorted(score, key=lambda v: (-score[v], v))


def not_one_of(what: str, name: str, valid: Iterable[str], most: int = 12) -> str:
    """One sentence that refuses `name` and lists the valid names, nearest first."""
    names = nearest_first(name, valid)
    shown = listed(names[:most])
    if len(names) > most:
        shown = say("{names} and {n} more").format(names=shown, n=len(names) - most)
    return say("{what} {name!r} does not exist. Valid: {shown}.").format(
        what=what, name=name, shown=shown or say("none")
    )
