"""The page over all reports of a quarter: branches × reports with status and headline figures."""

from html import escape

from analysis.report import language
from analysis.report.language import say
from analysis.report.stylesheet import stylesheet
from analysis.runs.manifest import Entry, Manifest
from analysis.runs.signoff import Standing, standing
from analysis.storage import write_text

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_index(manifest: Manifest, on_disk: bool = False) -> None:
    """index.html from the manifest, with the sign-off as it stands; by the files as they are now,
    when `on_disk`.
    """
    page = index_page(manifest, standing(manifest, on_disk))
    write_text(manifest.folder / "index.html", page)


def index_page(manifest: Manifest, signed: Standing | None = None) -> str:
    """The page as HTML; every text of the data is escaped."""
    about, entries = manifest.about, manifest.entries()
    written_in = about.language
    language.use(written_in)
    names = list(dict.fromkeys(e.report for e in entries))
    branches = sorted({(e.branch != "ALL", e.branch): e.branch_name for e in entries}.items())
    titles = {e.report: e.title or e.report for e in entries}
    rows = []
    for (_first, branch), name in branches:
        row = "".join(f"<td>{_cell(manifest.get((branch, report)))}</td>" for report in names)
        rows.append(
            f'<tr><th scope="row">{escape(name)}<br><small>{escape(branch)}</small></th>{row}</tr>'
        )
    states = ("done", "empty", "failed", "planned")
    counts = {s: sum(e.status == s for e in entries) for s in states}
    summary = say("{done} reports are done, {failed} failed, {planned} were not reached.").format(
        **counts
    )
    if counts["empty"]:
        summary += " " + say("{empty} are empty, for want of data.").format(**counts)
    title = say("{bank}, {quarter}: all reports").format(bank=about.title, quarter=about.quarter)
    heads = "".join(f'<th scope="col">{escape(titles[n])}</th>' for n in names)
    lang = escape(written_in if written_in != "pseudo" else "en")
    foot = say("Data, code, parameters, versions and times of every report are in")
    return f"""<!DOCTYPE html>
<html lang="{lang}"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width, initial-scale=1">\
<meta http-equiv="Content-Security-Policy" content="{POLICY}">\
<title>{escape(title)}</title><style>{stylesheet()}</style></head><body>\
<header><h1>{escape(title)}</h1><p>{escape(summary)}</p>{_sign_off(signed)}</header>\
<main style="grid-column:1/-1"><div class="table"><table class="grid">\
<thead><tr><th scope="col">{escape(say("Branch"))}</th>{heads}</tr></thead>\
<tbody>{"".join(rows)}</tbody></table></div></main>\
<footer><p>{escape(foot)} <a href="manifest.json">manifest.json</a>.</p></footer></body></html>
"""


def _sign_off(signed: Standing | None) -> str:
    if signed is None:
        return ""
    said = say(
        "Reviewed by {by} on {at}: {found} reports came out the same when they were replayed."
    ).format(by=signed.by, at=signed.at[:10], found=signed.found)
    if not signed.changed:
        return f'<p class="signed">{escape(said)}</p>'
    void = say("This review is void: {files} changed since.").format(
        files=", ".join(signed.changed[:5]) + (" …" if len(signed.changed) > 5 else "")
    )
    return f'<p class="failed">{escape(said)} <strong>{escape(void)}</strong></p>'


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return "–"
    if entry.status == "planned":
        return escape(say("not reached"))
    target = f"{escape(entry.branch)}/{escape(entry.report)}.html"
    link = f'<a href="{target}">{escape(say("open"))}</a>'
    if entry.status == "failed":
        why = f"<small>{escape(entry.error[:160])}</small>"
        return f'<span class="failed">{escape(say("failed"))}</span> {link}<br>{why}'
    if entry.status == "empty":
        return f'<span class="empty">{escape(entry.nothing)}</span> {link}'
    figures = "".join(
        f"<li><small>{escape(label)}</small> <strong>{escape(figure)}</strong></li>"
        for label, figure in entry.headlines.items()
    )
    return f'{link}<ul style="list-style:none;padding:0;margin:0">{figures}</ul>'
