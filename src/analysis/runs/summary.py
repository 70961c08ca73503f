"""The quarter as an e-mail: what the whole bank's reports say, what to do first, what failed, and
the branches where something changed by more than chance. Nothing to load, no script.
"""

from analysis.language import clauses, money, quarter_in_words, say, tag, used
from analysis.partition import ALL
from analysis.report.brief import PREVIOUS, ToDo, difference_in_words, in_words
from analysis.report.frame import isolated
from analysis.report.table import environment
from analysis.runs.briefs import brief_of_entry, briefs_of, changed_beyond_chance
from analysis.runs.manifest import Entry, Manifest
from analysis.runs.overview import Subject, things_to_do
from analysis.storage import write_text

FILE = "summary.html"
MOST_BYTES = 150_000
MOST_FAILED, MOST_CHANGED = 50, 200


def write_summary(manifest: Manifest) -> None:
    """summary.html of a quarter, to be sent as it is."""
    write_text(manifest.folder / FILE, isolated(summary_html(manifest)))


def summary_html(manifest: Manifest) -> str:
    """The e-mail as HTML; every text is escaped. Fewer branches are told of where it would be more
    than `MOST_BYTES` long.
    """
    with used(manifest.about.language):
        return _summary_html(manifest)


def _summary_html(manifest: Manifest) -> str:
    entries = manifest.entries()
    of_bank = [Subject(e, brief_of_entry(manifest.folder, e)) for e in entries if e.branch == ALL]
    subjects = of_bank or [Subject(e, brief_of_entry(manifest.folder, e)) for e in entries]
    changed = changes(manifest, entries)
    failed = [e for e in entries if e.status == "failed"]
    most = MOST_CHANGED
    while True:
        page = _page(manifest, subjects, failed, changed[:most], len(changed))
        if len(page.encode()) <= MOST_BYTES or most == 0:
            return page
        most //= 2


def changes(manifest: Manifest, entries: list[Entry]) -> list[tuple[Entry, str, str]]:
    """The branches' figures that changed since last quarter by more than chance: report, what, by
    how much.
    """
    found = []
    briefs = briefs_of(manifest.folder, entries)
    marked = changed_beyond_chance(briefs)
    for entry in (e for e in entries if e.branch != ALL):
        brief = briefs.get(entry.name)
        for figure in brief.figures if brief else []:
            change = figure.change(PREVIOUS)
            if change and (*entry.name, figure.label) in marked:
                told = say("{value}, {change} since last quarter").format(
                    value=in_words(figure),
                    change=difference_in_words(change.difference, figure.kind, figure.currency),
                )
                found.append((entry, figure.label, told))
        found += [(entry, entry.title, sentence) for sentence in (brief.beyond if brief else [])]
    return found


def _page(
    manifest: Manifest,
    subjects: list[Subject],
    failed: list[Entry],
    changed: list[tuple[Entry, str, str]],
    all_changed: int,
) -> str:
    about = manifest.about
    counts = {s: sum(e.status == s for e in manifest.entries()) for s in ("done", "failed")}
    return (
        environment()
        .get_template("summary.html.j2")
        .render(
            language=tag(about.language),
            title=say("{bank}, {quarter}: the quarter in short").format(
                bank=about.title, quarter=quarter_in_words(about.quarter)
            ),
            counts=say("{done} reports are done, {failed} failed.").format(**counts),
            subjects=[s for s in subjects if s.brief][:20],
            to_do=things_to_do(subjects),
            told=_row_in_words,
            failed=[
                (e.branch_name, e.title or e.report, e.error[:200]) for e in failed[:MOST_FAILED]
            ],
            more_failed=max(len(failed) - MOST_FAILED, 0),
            changed=changed,
            left_out=all_changed - len(changed),
            words={
                "first": say("What to do first: at most two of a subject, by the money at stake"),
                "subjects": say("What the reports say"),
                "failed": say("What failed"),
                "changed": say("Branches where something changed beyond chance"),
                "more": say("and {n} more"),
                "line": say("{branch}, {what}: {told}"),
                "foot": say("All pages: index.html of the quarter's folder."),
            },
        )
    )


def _row_in_words(subject: Subject, row: ToDo) -> str:
    """What is to be done first of a subject, on one line."""
    currency = subject.brief.currency if subject.brief else ""
    parts = [
        row.action,
        say("by {who}").format(who=row.who) if row.who else "",
        ""
        if row.at_stake is None
        else say("{amount} at stake").format(amount=money(row.at_stake, currency)),
    ]
    told = say("{what} ({subject}): {told}")
    return told.format(what=row.what, subject=subject.entry.title, told=clauses(parts))
