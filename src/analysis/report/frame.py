"""What all pages have in common, and which lie around one."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.report.language import say
from analysis.report.stylesheet import script, stylesheet


@dataclass(frozen=True)
class Link:
    """A way to another page: what it is called, and where it lies from here."""

    text: str
    href: str
    here: bool = False  # the page itself


@dataclass(frozen=True)
class Around:
    """The pages around one: those of its branch, of other branches and of other quarters."""

    reports: tuple[Link, ...] = ()
    steps: tuple[Link, ...] = ()  # the branch and quarter before and after
    of_bank: str = ""  # the whole bank's page of evidence


@dataclass(frozen=True)
class Of:
    """What a page is of."""

    report: str
    branch_name: str
    quarter: str
    language: str
    provenance: Mapping[str, str] = field(default_factory=dict)
    around: Around = Around()


def policy() -> str:
    """What a page may do: show what it holds and run the script of this workbook, nothing else."""
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def frame(written_in: str) -> dict[str, str]:
    """What every page of the workbook has in common: language, policy, style sheet, and the script
    with what it says. Called when the language is in use.
    """
    return {
        "language": written_in if written_in != "pseudo" else "en",
        "policy": policy(),
        "css": stylesheet(),
        "script": script(),
        "search": say("Search in this table"),
        "found": say("{n} of {all} rows"),
        "all": say("All"),
        "link": say("Link to this section"),
    }
