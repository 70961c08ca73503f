"""The page over all reports of a quarter: a line for each branch, with each report's first figure.

Made for a thousand branches and fifteen reports: a cell is a few dozen bytes, and what many cells
have in common is said once.
"""

from dataclasses import dataclass

from analysis.language import (
    day_in_words,
    listed,
    quarter_in_words,
    say,
    sentences,
    used,
    with_currency,
)
from analysis.report.brief import PREVIOUS, Brief, KeyFigure
from analysis.report.frame import frame, in_languages, isolated
from analysis.report.table import environment, number
from analysis.runs.briefs import briefs_of, changed_beyond_chance
from analysis.runs.manifest import Entry, Manifest
from analysis.runs.signoff import Standing, standing
from analysis.storage import write_text

#: Heights of a line of text, from low to high.
BLOCKS = "▁▂▃▄▅▆▇█"
MOST_LINKS = 3_000  # of reports; of more, the branch's overview leads to each


@dataclass(frozen=True)
class Cell:
    """A report of a branch on the index."""

    href: str = ""
    text: str = ""  # its first figure, or what became of it
    trend: str = ""  # the figure over the quarters
    arrow: str = ""  # only where it changed by more than chance
    status: str = ""  # empty where it is done
    why: int = 0  # number of the sentence that says why there is no figure


class Whys:
    """The sentences that say why there is no figure, each once, by number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, sentence: str) -> int:
        """The number of a sentence; a new one where it has none."""
        return self.numbers.setdefault(sentence, len(self.numbers) + 1)


def write_index(manifest: Manifest, on_disk: bool = False) -> None:
    """index.html from the manifest, with the sign-off as it stands; by the files as they are now,
    when `on_disk`.
    """
    page = index_page(manifest, standing(manifest, on_disk))
    write_text(manifest.folder / "index.html", isolated(page))


def index_page(manifest: Manifest, signed: Standing | None = None) -> str:
    """The page as HTML; every text of the data is escaped."""
    with used(manifest.about.language):
        return _index_page(manifest, signed)


def _index_page(manifest: Manifest, signed: Standing | None) -> str:
    about, entries = manifest.about, manifest.entries()
    others = {n: f"../{folder}" for n, folder in about.others.items()}
    reports = {e.report: e.title or e.report for e in sorted(entries, key=lambda e: e.order)}
    whys, labels = Whys(), dict[str, str]()
    branches: dict[str, dict[str, Cell]] = {}
    names: dict[str, str] = {}
    briefs = briefs_of(manifest.folder, entries)
    marked = changed_beyond_chance(briefs)
    for entry in entries:
        names[entry.branch] = entry.branch_name
        brief = briefs.get(entry.name)
        figure = brief.figures[0] if brief and brief.figures else None
        if figure:
            labels[entry.report] = with_currency(figure.label, figure.currency)
        branches.setdefault(entry.branch, {})[entry.report] = _cell(entry, brief, marked, whys)
    counts = {
        s: sum(e.status == s for e in entries) for s in ("done", "empty", "failed", "planned")
    }
    summary = say("{done} reports are done, {failed} failed, {planned} are not run yet.").format(
        **counts
    )
    if counts["empty"]:
        empty = say("{empty} are empty, for want of data.").format(**counts)
        summary = sentences(summary, empty)
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            **frame(about.language),
            body_class="wide full",
            title=say("{bank}, {quarter}: all reports").format(
                bank=about.title, quarter=quarter_in_words(about.quarter)
            ),
            links=len(entries) <= MOST_LINKS,
            languages=in_languages(others, "index.html"),
            summary=summary,
            signed=_sign_off(signed),
            void=_void(signed),
            reports=[(titles, labels.get(name, "")) for name, titles in reports.items()],
            rows=[
                (
                    branch,
                    names[branch],
                    about.regions.get(branch, ""),
                    _status(list(cells.values())),
                    [cells.get(r) for r in reports],
                )
                for branch, cells in branches.items()
            ],
            regions=bool(about.regions),
            whys=list(whys.numbers),
            words={
                "places": say("Other pages"),
                "branch": say("Branch"),
                "region": say("Region"),
                "status": say("Status"),
                "why": say("Why there is no figure"),
                "arrows": say(
                    "▲ and ▼: the figure changed since last quarter beyond chance; ●: something "
                    "else of the report did. Here chance is allowed for over all branches at "
                    "once, so that fewer are marked than on the branches' own pages. The bars are "
                    "the quarters so far."
                ),
                "foot": say(
                    "Data, code, parameters, versions and times of every report: manifest.json"
                ),
            },
        )
    )


def _status(cells: list[Cell]) -> str:
    """The worst that became of a branch's reports."""
    states = {cell.status for cell in cells}
    if "failed" in states:
        return say("failed")
    if "planned" in states:
        return say("not run yet")
    return say("some empty") if "empty" in states else say("done")


def _cell(entry: Entry, brief: Brief | None, marked: set[tuple[str, str, str]], whys: Whys) -> Cell:
    href = f"{entry.branch}/{entry.report}.html"
    if entry.status == "planned":
        return Cell(text=say("not run yet"), status="planned")
    if entry.status == "failed":
        return Cell(href, say("failed"), status="failed", why=whys.number(entry.error[:160]))
    if entry.status == "empty":
        return Cell(href, say("empty"), status="empty", why=whys.number(entry.nothing))
    figure = brief.figures[0] if brief and brief.figures else None
    if brief is None or figure is None or figure.now.value is None:
        return Cell(href, say("open", "what a link does"))
    change = figure.change(PREVIOUS)
    certain = (*entry.name, figure.label) in marked
    others = any((*entry.name, f.label) in marked for f in brief.figures[1:])
    return Cell(
        href,
        number(figure.now.value, figure.kind),
        bars(figure),
        (("▲" if change.difference > 0 else "▼") if change and certain else "")
        + ("●" if others or brief.beyond else ""),
    )


def bars(figure: KeyFigure) -> str:
    """The figure over the quarters as blocks of text; empty with fewer than three."""
    values = [p.value for p in figure.points[-8:]]
    shown = [v for v in values if v is not None]
    if len(shown) < 3:
        return ""
    least, reach = min(shown), (max(shown) - min(shown)) or 1.0
    steps = len(BLOCKS) - 1
    return "".join(" " if v is None else BLOCKS[round(steps * (v - least) / reach)] for v in values)


def _sign_off(signed: Standing | None) -> str:
    if signed is None:
        return ""
    return say(
        "Signed off by {by} on {at}: {same} of {count} reports came out the same when they were "
        "replayed."
    ).format(by=signed.by, at=day_in_words(signed.at), same=signed.same, count=signed.count)


def _void(signed: Standing | None) -> str:
    if signed is None or not signed.changed:
        return ""
    return say("This sign-off is void: {files} changed since.").format(
        files=listed([*signed.changed[:5], *(["…"] if len(signed.changed) > 5 else [])])
    )
