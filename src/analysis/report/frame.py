"""What all pages have in common, and which lie around one."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.language import own_name, say, tag
from analysis.report.stylesheet import script, stylesheet


@dataclass(frozen=True)
class Link:
    """A way to another page: what it is called, and where it lies from here."""

    text: str
    href: str
    here: bool = False  # the page itself
    language: str = ""  # as HTML names it, where it is not the page's


@dataclass(frozen=True)
class Around:
    """The pages around one: those of its branch, of other branches and of other quarters."""

    reports: tuple[Link, ...] = ()
    steps: tuple[Link, ...] = ()  # the branch and quarter before and after
    of_bank: str = ""  # the whole bank's page of evidence
    languages: Mapping[str, str] = field(default_factory=dict)  # language to the branch's folder

    def same_in(self, file: str) -> list["Link"]:
        """The same page in the other languages, each called as it calls itself."""
        return in_languages(self.languages, file)


@dataclass(frozen=True)
class Of:
    """What a page is of."""

    report: str
    branch_name: str
    quarter: str
    language: str
    provenance: Mapping[str, str] = field(default_factory=dict)
    around: Around = Around()


def in_languages(folders: Mapping[str, str], file: str) -> list[Link]:
    """A file in other languages. folders: language to the folder that it lies in there."""
    return [
        Link(own_name(language), f"{folder}/{file}", language=tag(language))
        for language, folder in folders.items()
    ]


#: Letters written from right to left, in a run; and what changes direction without being seen.
RIGHT_TO_LEFT = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
RUN = re.compile(rf"[{RIGHT_TO_LEFT}](?:[\s\u0300-\u036f.,'-]*[{RIGHT_TO_LEFT}])*")
UNSEEN = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def isolated(page: str) -> str:
    """The page with every run of letters that are written from right to left kept by itself, so
    that no name from the data turns the words and figures beside it around (UAX #9).
    """
    return RUN.sub(lambda run: f"\u2068{run[0]}\u2069", UNSEEN.sub("", page))


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
        "language": tag(written_in),
        "policy": policy(),
        "css": stylesheet(),
        "script": script(),
        "search": say("Search in this table"),
        "found": say("{n} of {all} rows"),
        "all": say("All"),
        "link": say("Link to this section"),
    }
