"""The page over all reports of a quarter: branches × reports with status and headline figures."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Protocol

from analysis.report import language
from analysis.report.language import say

TEMPLATE = Path(__file__).parent / "template"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class SignOff(Protocol):
    """What the index says of a reviewer's sign-off."""

    by: str
    at: str
    found: str
    changed: list[str]


def index_page(manifest: Mapping[str, Any], written_in: str, signed: SignOff | None = None) -> str:
    """HTML from a manifest as `analysis.runs.manifest` keeps it; every text of the data is
    escaped.
    """
    language.use(written_in)
    reports = manifest["reports"]
    names = list(dict.fromkeys(r["report"] for r in reports))
    branches = sorted(
        {(r["branch"] != "ALL", r["branch"]): r["branch_name"] for r in reports}.items()
    )
    cells = {(r["branch"], r["report"]): r for r in reports}
    titles = {r["report"]: r.get("title") or r["report"] for r in reports}
    rows = []
    for (_first, branch), name in branches:
        row = "".join(f"<td>{_cell(cells.get((branch, report)))}</td>" for report in names)
        rows.append(
            f'<tr><th scope="row">{escape(name)}<br><small>{escape(branch)}</small></th>{row}</tr>'
        )
    counts = {s: sum(r["status"] == s for r in reports) for s in ("done", "failed", "planned")}
    summary = say("{done} reports are done, {failed} failed, {planned} were not reached.").format(
        **counts
    )
    title = say("{bank}, {quarter}: all reports").format(
        bank=manifest["title"], quarter=manifest["quarter"]
    )
    heads = "".join(f'<th scope="col">{escape(titles[n])}</th>' for n in names)
    css = (TEMPLATE / "page.css").read_text(encoding="utf-8")
    lang = escape(written_in if written_in != "pseudo" else "en")
    foot = say("Data, code, parameters, versions and times of every report are in")
    return f"""<!DOCTYPE html>
<html lang="{lang}"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width, initial-scale=1">\
<meta http-equiv="Content-Security-Policy" content="{POLICY}">\
<title>{escape(title)}</title><style>{css}</style></head><body>\
<header><h1>{escape(title)}</h1><p>{escape(summary)}</p>{_sign_off(signed)}</header>\
<main style="grid-column:1/-1"><div class="table"><table class="grid">\
<thead><tr><th scope="col">{escape(say("Branch"))}</th>{heads}</tr></thead>\
<tbody>{"".join(rows)}</tbody></table></div></main>\
<footer><p>{escape(foot)} <a href="manifest.json">manifest.json</a>.</p></footer></body></html>
"""


def _sign_off(signed: SignOff | None) -> str:
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


def _cell(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return "–"
    if report["status"] == "planned":
        return escape(say("not reached"))
    link = (
        f"<a "
        f'href="{escape(report["branch"])}/{escape(report["report"])}.html">{escape(say("open"))}</a>'
    )
    if report["status"] == "failed":
        return (
            f'<span class="failed">{escape(say("failed"))}</span> '
            f"{link}<br><small>{escape(report['error'][:160])}</small>"
        )
    figures = "".join(
        f"<li><small>{escape(k)}</small> <strong>{escape(v)}</strong></li>"
        for k, v in report["headlines"].items()
    )
    return f'{link}<ul style="list-style:none;padding:0;margin:0">{figures}</ul>'
