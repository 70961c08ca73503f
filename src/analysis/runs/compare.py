"""Two runs or quarters against each other: which figures changed, by how much, and what of what
they were made of changed.
"""

from dataclasses import dataclass
from functools import cache

from analysis.errors import WorkbookError
from analysis.language import listed, marked, say
from analysis.prepare import all_steps
from analysis.report.brief import Brief, KeyFigure, difference_in_words, in_words
from analysis.runs.briefs import brief_of_entry
from analysis.runs.manifest import STATES, Entry, Manifest, Name

#: What a report is made of, as a reader calls it.
MADE_OF = {
    "notebook": marked("the notebook"),
    "code": marked("the code"),
    "packages": marked("the packages"),
    "words": marked("the words of the language"),
    "languages": marked("the languages of the pages"),
    "settings": marked("the settings of the params file"),
    "contract": marked("the bank's accepted rows"),
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
    if before.about.language != now.about.language:
        apart = say("{folder} is in another language than {other}; compare two of one language.")
        raise WorkbookError(apart.format(folder=before.folder, other=now.folder))
    names = sorted(before.reports.keys() | now.reports.keys())
    found: list[Difference] = []
    for name in names:
        found += _of_report(name, before, now)
    return found


def _of_report(name: Name, before: Manifest, now: Manifest) -> list[Difference]:
    branch, report = name
    then, today = before.get(name), now.get(name)
    if then is None or today is None or then.status != today.status:
        old, new = (say(STATES[e.status]) if e else say("not there") for e in (then, today))
        return [
            Difference(
                branch, report, say("status"), old, new, cause=cause(then, today, before, now)
            )
        ]
    briefs = brief_of_entry(before.folder, then), brief_of_entry(now.folder, today)
    if None in briefs and then.status == "done":
        told = [say("cannot be read") if b is None else say("there") for b in briefs]
        return [Difference(branch, report, say("what it tells"), *told)]
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
            told.append((figure.label, say("not there"), in_words(figure), ""))
            continue
        was, now_is = other.now.value, figure.now.value
        if was == now_is:
            continue
        change = ""
        if was is not None and now_is is not None:
            change = difference_in_words(now_is - was, figure.kind, figure.currency)
        told.append((figure.label, in_words(other), in_words(figure), change))
    return told + [(label, in_words(f), say("not there"), "") for label, f in old.items()]


def _sentences(before: Brief, now: Brief) -> list[tuple[str, str, str, str]]:
    """What is to be done, where that differs."""
    return [(say("what to do"), before.to_do, now.to_do, "")] if before.to_do != now.to_do else []


def cause(then: Entry | None, today: Entry | None, before: Manifest, now: Manifest) -> str:
    """What of what a report is made of changed, marts and models with the step that builds them;
    that the quarter is another one.
    """
    if before.about.quarter != now.about.quarter:
        return say("{quarter} against {other}").format(
            quarter=before.about.quarter, other=now.about.quarter
        )
    if then is None or today is None:
        return say("one of the two was not run")
    old, new = then.made_of or {}, today.made_of or {}
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    changed = [say(MADE_OF[n]) if n in MADE_OF else _of_step(n) for n in names]
    if {**(then.parameters or {}), "params": ""} != {**(today.parameters or {}), "params": ""}:
        changed.append(say("the parameters"))
    return listed(changed) or say("nothing that is recorded")


def _of_step(name: str) -> str:
    """A mart or model with the step that builds it."""
    kind, _space, thing = name.partition(" ")
    step = builders().get(thing, "")
    told = {
        ("mart", True): say("the mart {name} (step {step})"),
        ("mart", False): say("the mart {name}"),
        ("model", True): say("the model {name} (step {step})"),
        ("model", False): say("the model {name}"),
    }.get((kind, bool(step)), name)
    return told.format(name=thing, step=step)


@cache
def builders() -> dict[str, str]:
    """Mart or model to the step that builds it."""
    return {w.name: step.name for step in all_steps().values() for w in step.writes}
