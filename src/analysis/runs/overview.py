"""The page over all subjects of one branch, or of the whole bank: the quarter at a glance, what to
do first, what has waited, and for the whole bank a league of its branches.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from analysis.language import quarter_in_words, say, used, with_currency
from analysis.partition import ALL
from analysis.report.brief import (
    Brief,
    KeyFigure,
    ToDo,
    in_words,
    sparkline,
)
from analysis.report.frame import Link, frame, in_languages, isolated
from analysis.report.lists import SPREADSHEET
from analysis.report.table import environment
from analysis.runs.briefs import brief_of_entry
from analysis.runs.delivered import PAGE
from analysis.runs.manifest import Entry, Manifest
from analysis.statistics.comparison import places
from analysis.storage import write_text

QUARTER = re.compile(r"\d{4}Q[1-4]")
MOST_THINGS = 5  # to do first
MOST_OF_ONE = 2  # of them, from one subject
MOST_BRANCHES = 40  # in a league; of more, those first and last


@dataclass(frozen=True)
class Subject:
    """A report of the branch and what it told in short."""

    entry: Entry
    brief: Brief | None

    @property
    def href(self) -> str:
        """Its page, from that of the overview."""
        return f"{self.entry.report}.{PAGE}"

    @property
    def status(self) -> str:
        """Why it tells nothing, in words; empty where it does."""
        if self.entry.status == "planned":
            return say("Not run yet.")
        if self.entry.status == "failed":
            return say("Failed: {why}").format(why=self.entry.error[:160])
        return self.entry.nothing


@dataclass(frozen=True)
class League:
    """The branches by one figure."""

    label: str
    rows: list[tuple[int, Link, str, str, float | None]]  # place, branch, value, line, count
    left_out: int  # branches in the middle that are left out
    untold: int  # branches whose figure no page shows


def write_overview(manifest: Manifest, branch: str) -> None:
    """index.html of a branch's folder, from what its reports told; nothing without any."""
    entries = [e for e in manifest.entries() if e.branch == branch]
    if entries:
        page = overview_page(manifest, branch, entries)
        write_text(manifest.folder / branch / "index.html", isolated(page))


def overview_page(manifest: Manifest, branch: str, entries: list[Entry]) -> str:
    """The page as HTML; every text is escaped."""
    with used(manifest.about.language):
        return _overview_page(manifest, branch, entries)


def _overview_page(manifest: Manifest, branch: str, entries: list[Entry]) -> str:
    subjects = [Subject(e, brief_of_entry(manifest.folder, e)) for e in entries]
    name = entries[0].branch_name
    currency = next((s.brief.currency for s in subjects if s.brief and s.brief.currency), "")
    return (
        environment()
        .get_template("overview.html.j2")
        .render(
            **frame(manifest.about.language),
            title=say("{branch}: the quarter {quarter} at a glance").format(
                branch=name, quarter=quarter_in_words(manifest.about.quarter)
            ),
            subjects=subjects,
            to_do=things_to_do(subjects),
            waiting=[
                (s, what, by_age)
                for s in subjects
                if s.brief and not s.brief.sums_up
                for what, by_age in s.brief.waiting.items()
            ],
            ages=ages(s.brief for s in subjects if s.brief),
            leagues=leagues(manifest) if branch == ALL else [],
            steps=[*_beside(manifest, branch), *_in_other_languages(manifest, branch)],
            spreadsheet=SPREADSHEET if (manifest.folder / branch / SPREADSHEET).exists() else "",
            words={
                "all_reports": say("All reports of the quarter"),
                "spreadsheet": say("All lists in one spreadsheet"),
                "places": say("Other pages"),
                "first": say("What to do first: at most two of a subject, by the money at stake"),
                "subjects": say("What the reports say"),
                "waiting": say("How long open cases have waited"),
                "subject": say("Subject"),
                "what": say("What"),
                "why": say("Why"),
                "action": say("What to do"),
                "who": say("Who"),
                "at_stake": with_currency(say("At stake"), currency),
                "nothing": say("No report of this branch asks for anything to be done."),
                "league": say("Branches compared"),
                "shared": say(
                    "A branch's place is one more than the number of branches that are better "
                    "beyond chance (all pairs, corrected after Holm 1979); branches that cannot "
                    "be told apart share one."
                ),
                "place": say("Place"),
                "of_subject": say("{subject}: {what}"),
                "left_out": say("{n} branches in between are left out."),
                "untold": say("Of {n} branches the figure is not shown."),
                "branch": say("Branch"),
                "value": say("This quarter, with 95 % interval"),
                "over_time": say("Over the quarters"),
                "n": say("Count"),
            },
        )
    )


def things_to_do(subjects: list[Subject]) -> list[tuple[Subject, ToDo]]:
    """What each subject puts first, at most so many of one, those with the most money at stake
    first; rows without an amount come last.
    """
    chosen: list[tuple[Subject, ToDo]] = []
    for subject in subjects:
        if subject.brief and not subject.brief.sums_up:
            there = {row.what for _subject, row in chosen}
            own = [row for row in subject.brief.rows if row.what not in there]
            chosen += [(subject, row) for row in own[:MOST_OF_ONE]]
    return sorted(chosen, key=lambda pair: -(pair[1].at_stake or 0.0))[:MOST_THINGS]


def ages(briefs: Iterable[Brief]) -> list[str]:
    """How long open cases have waited, over all subjects, in the order they are told."""
    lengths = (by_age for brief in briefs for by_age in brief.waiting.values())
    return list(dict.fromkeys(age for by_age in lengths for age in by_age))


def leagues(manifest: Manifest) -> list[League]:
    """Of every report its figures with an interval, by branch; those of which one way is better."""
    by_label: dict[tuple[str, str], list[tuple[Entry, KeyFigure]]] = {}
    branches = len({e.branch for e in manifest.entries()} - {ALL})
    for entry in manifest.entries():
        brief = brief_of_entry(manifest.folder, entry) if entry.branch != ALL else None
        for figure in brief.figures if brief else []:
            told = None not in (figure.now.value, figure.now.low, figure.now.high)
            if told and figure.better:
                by_label.setdefault((entry.report, figure.label), []).append((entry, figure))
    return [
        _league(label, pairs, branches - len(pairs))
        for (_report, label), pairs in by_label.items()
        if len(pairs) > 1
    ]


def _league(label: str, pairs: list[tuple[Entry, KeyFigure]], untold: int) -> League:
    now = [figure.now for _entry, figure in pairs]
    estimates = [(p.value or 0.0, p.low or 0.0, p.high or 0.0) for p in now]
    highest_first = pairs[0][1].better != "down"
    place = places(estimates, highest_first)
    value = [estimate[0] if highest_first else -estimate[0] for estimate in estimates]
    order = sorted(range(len(pairs)), key=lambda i: (place[i], -value[i], pairs[i][0].branch))
    half = MOST_BRANCHES // 2
    kept = order if len(order) <= MOST_BRANCHES else [*order[:half], *order[-half:]]
    rows = []
    for i in kept:
        entry, figure = pairs[i]
        link = Link(entry.branch_name, f"../{entry.branch}/{entry.report}.{PAGE}")
        rows.append((place[i], link, in_words(figure), sparkline(figure), figure.now.n))
    return League(label, rows, len(order) - len(kept), untold)


def _beside(manifest: Manifest, branch: str) -> list[Link]:
    """The overviews of the branches before and after, and of the whole bank."""
    names = {e.branch: e.branch_name for e in manifest.entries()}
    order = [b for b in names if b != ALL]
    links = []
    if branch in order:
        at = order.index(branch)
        for place, text in ((at - 1, "‹ {name}"), (at + 1, "{name} ›")):
            if 0 <= place < len(order):
                links.append(Link(text.format(name=names[order[place]]), f"../{order[place]}/"))
        if ALL in names:
            links.append(Link(names[ALL], f"../{ALL}/"))
    quarter, suffix = manifest.about.quarter, _suffix(manifest)
    there = sorted(
        f.name.removesuffix(suffix)
        for f in manifest.folder.parent.iterdir()
        if QUARTER.fullmatch(f.name.removesuffix(suffix))
        and f.name.endswith(suffix)
        and (f / branch / "index.html").exists()
    )
    before, after = ([q for q in there if q < quarter], [q for q in there if q > quarter])
    steps = [(before[-1:], "‹ {name}"), (after[:1], "{name} ›")]
    links += [
        Link(text.format(name=q), f"../../{q}{suffix}/{branch}/")
        for found, text in steps
        for q in found
    ]
    return [Link(link.text, f"{link.href}index.html") for link in links]


def _suffix(manifest: Manifest) -> str:
    """What the name of the quarter's folder has behind the quarter: its language, or nothing."""
    return manifest.folder.name.removeprefix(manifest.about.quarter)


def _in_other_languages(manifest: Manifest, branch: str) -> list[Link]:
    folders = {n: f"../../{f}/{branch}" for n, f in manifest.about.others.items()}
    return in_languages(folders, "index.html")
