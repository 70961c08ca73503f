"""A quarter's folder as a run leaves it, made up: pages, briefs and manifest."""

from analysis.report.brief import Brief, KeyFigure, Point, ToDo, changes
from analysis.runs.delivered import BRIEF, EVIDENCE, PAGE
from analysis.runs.manifest import About, Entry, Manifest
from analysis.statistics.intervals import share_interval


def share(quarter, count, of):
    low, high = share_interval(count, of)
    return Point(quarter=quarter, value=count / of, low=low, high=high, n=of)


def brief(*counts, of=1000, rows=(), label="Left", **told):
    shown = [share(f"2024Q{i}", count, of) for i, count in enumerate(counts, 1)]
    figure = KeyFigure(
        label=label, kind="share", points=shown, changes=changes(shown), better="down"
    )
    texts = {"changed": "It changed.", "why": "Thus.", "to_do": "Do it.", **told}
    return Brief(figures=[figure], rows=list(rows), rows_title="Rows", rows_of="What", **texts)


def quarter(folder, briefs, regions=None, quarter="2024Q4", failed=(), empty=()):
    """briefs: (branch, report) to what it told. failed, empty: (branch, report, why)."""
    manifest = Manifest(folder)
    manifest.about = About(title="A bank", quarter=quarter, regions=regions or {})
    entries = [
        *((branch, report, {"status": "done"}) for branch, report in briefs),
        *((b, r, {"status": "failed", "error": why}) for b, r, why in failed),
        *((b, r, {"status": "empty", "nothing": why}) for b, r, why in empty),
    ]
    order = list(dict.fromkeys(report for _branch, report, _state in entries))
    for branch, report, state in entries:
        entry = Entry(
            report=report,
            branch=branch,
            branch_name=f"Branch {branch}",
            title=report.capitalize(),
            order=order.index(report),
            **state,
        )
        manifest.reports[branch, report] = entry
        (place := folder / branch).mkdir(parents=True, exist_ok=True)
        (place / f"{report}.{PAGE}").write_text(
            f'<a href="../index.html">up</a> <a href="{report}.{EVIDENCE}">why</a> '
            f'<a class="beside" href="../B2/{report}.{PAGE}">Branch B2 ›</a> '
            f'<a href="../ALL/{report}.{PAGE}">bank</a> <a href="tables/{report}/l.csv">list</a>'
        )
    for (branch, report), told in briefs.items():
        (folder / branch / f"{report}.{BRIEF}").write_text(told.model_dump_json())
    manifest.write()
    return manifest


def to_do(what, at_stake=None, **told):
    return ToDo(what=what, at_stake=at_stake, **told)
