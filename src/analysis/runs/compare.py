"""Two runs or quarters against each other: which figures changed, by how much, and what of what
they were made of changed.
"""

from dataclasses import dataclass
from functools import cache

from analysis.prepare import all_steps
from analysis.report.brief import Brief, KeyFigure, difference_in_words, in_words
from analysis.runs.briefs import brief_of_entry
from analysis.runs.manifest import Entry, Manifest, Name

#: What a report is made of, as a reader calls it.
MADE_OF = {
    "notebook": "the notebook",
    "code": "the code",
    "packages": "the packages",
    "settings": "the settings of the params file",
    "contract": "the bank's accepted rows",
}


@dataclass(frozen=True)
class Difference:
    """A figure, sentence or status that is not the same."""

    branch: str
    report: str
    what: str
    before: str
    now: str
    change: str = ""
    cause: str = ""


def differences(before: Manifest, now: Manifest) -> list[Difference]:
    """What differs between two folders of a quarter, report by report: status first, then figures,
    then what each says.
    """
    names = sorted(before.reports.keys() | now.reports.keys())
    found: list[Difference] = []
    for name in names:
        found += _of_report(name, before, now)
    return found


def _of_report(name: Name, before: Manifest, now: Manifest) -> list[Difference]:
    branch, report = name
    then, today = before.get(name), now.get(name)
    if then is None or today is None or then.status != today.status:
        old, new = (e.status if e else "not there" for e in (then, today))
        return [
            Difference(branch, report, "status", old, new, cause=cause(then, today, before, now))
        ]
    briefs = brief_of_entry(before.folder, then), brief_of_entry(now.folder, today)
    if None in briefs and then.status == "done":
        told = ["cannot be read" if b is None else "there" for b in briefs]
        return [Difference(branch, report, "what it tells", *told)]
    if None in briefs:
        return []
    why = cause(then, today, before, now)
    return [
        Difference(branch, report, *told, cause=why)
        for told in [*_figures(*briefs), *_sentences(*briefs)]  # type: ignore[arg-type]
    ]


def _figures(before: Brief, now: Brief) -> list[tuple[str, str, str, str]]:
    """Label, before, now and the change of each figure that differs."""
    old = {f.label: f for f in before.figures}
    told = []
    for figure in now.figures:
        other: KeyFigure | None = old.pop(figure.label, None)
        if other is None:
            told.append((figure.label, "not there", in_words(figure), ""))
            continue
        values = other.now.value, figure.now.value
        if values[0] == values[1]:
            continue
        change = "" if None in values else difference_in_words(values[1] - values[0], figure.kind)  # type: ignore[operator]
        told.append((figure.label, in_words(other), in_words(figure), change))
    return told + [(label, in_words(f), "not there", "") for label, f in old.items()]


def _sentences(before: Brief, now: Brief) -> list[tuple[str, str, str, str]]:
    """What is to be done, where that differs."""
    return [("what to do", before.to_do, now.to_do, "")] if before.to_do != now.to_do else []


def cause(then: Entry | None, today: Entry | None, before: Manifest, now: Manifest) -> str:
    """What of what a report is made of changed, marts and models with the step that builds them;
    that the quarter is another one.
    """
    if before.about.quarter != now.about.quarter:
        return f"{before.about.quarter} against {now.about.quarter}"
    if then is None or today is None:
        return "one of the two was not run"
    old, new = then.made_of or {}, today.made_of or {}
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    changed = [MADE_OF.get(name) or _of_step(name) for name in names]
    if {**(then.parameters or {}), "params": ""} != {**(today.parameters or {}), "params": ""}:
        changed.append("the parameters")
    return ", ".join(changed) or "nothing that is recorded"


def _of_step(name: str) -> str:
    """A mart or model with the step that builds it."""
    kind, _space, thing = name.partition(" ")
    step = builders().get(thing, "")
    return f"the {kind} {thing} (step {step})" if step else f"the {kind} {thing}"


@cache
def builders() -> dict[str, str]:
    """Mart or model to the step that builds it."""
    return {w.name: step.name for step in all_steps().values() for w in step.writes}
