"""What the next run would do again, and why."""

from rich.markup import escape
from rich.table import Table

from analysis.language import listed, say
from analysis.prepare import steps_of
from analysis.quarters import Quarter
from analysis.runs.grid import plan_run, why_run
from analysis.runs.manifest import STATES, Manifest, Name
from analysis.runs.request import Request
from analysis.sources.accepted import stored_verdicts
from analysis.sources.params import Bank
from analysis.steps.graph import Node
from analysis.steps.keeping import Keeper
from analysis.steps.readings import Fingerprints
from analysis.steps.running import stale


def stale_reports(bank: Bank, manifest: Manifest) -> dict[Name, str]:
    """Why each report would run; empty for those that would not."""
    quarter = Quarter.parse(manifest.about.quarter)
    about = manifest.about
    beside = tuple(sorted(about.folders, key=lambda n: about.folders[n])) or (about.language,)
    plan = plan_run(Request(bank, quarter, language=about.language, beside=beside, force=True))
    marks = Fingerprints(bank.data_folder)
    why = {task.name: why_run(manifest, task, marks) for task in plan.tasks}
    marks.save()
    return why


def stale_steps(bank: Bank, quarter: Quarter) -> dict[Node, str]:
    """Why each step would be done again, from the bank's rows as they were accepted; those that
    follow one may turn out the same.
    """
    verdicts = stored_verdicts(bank)
    if not verdicts["transactions"].delivered:
        return {}
    return stale(steps_of(bank, quarter, verdicts), Keeper(bank.data_folder), verdicts)


def reports_table(manifest: Manifest, why: dict[Name, str]) -> Table:
    """A row per report."""
    about = manifest.about
    shown = Table(title=escape(f"{about.title}, {about.quarter}"))
    for head in (
        say("branch", "head on the terminal"),
        say("report", "head on the terminal"),
        say("status", "head on the terminal"),
        say("seconds", "head on the terminal"),
        "KB",
        say("would run because", "head on the terminal"),
    ):
        shown.add_column(head, overflow="fold")
    for entry in manifest.entries():
        shown.add_row(
            escape(entry.branch),
            entry.report,
            say(STATES[entry.status]),
            str(entry.seconds or ""),
            str(entry.page_bytes // 1000 or ""),
            escape(why.get(entry.name, "")),
        )
    return shown


def empty_reports(manifest: Manifest) -> list[str]:
    """Why reports are empty: one sentence for each kind and reason, with the branches."""
    branches: dict[tuple[str, str], list[str]] = {}
    for entry in manifest.entries():
        if entry.status == "empty":
            branches.setdefault((entry.report, entry.nothing), []).append(entry.branch)
    told = say("{report} of {branches}: {why}")
    return [
        told.format(report=report, branches=listed(of), why=why)
        for (report, why), of in branches.items()
    ]


def steps_table(why: dict[Node, str]) -> Table:
    """A row per step that would be done again; several quarters for one reason stand together."""
    shown = Table(title=say("Steps that would be done again"))
    for head in (
        say("step", "head on the terminal"),
        say("of", "head on the terminal"),
        say("because it", "head on the terminal"),
    ):
        shown.add_column(head, overflow="fold")
    together: dict[tuple[str, str], list[str]] = {}
    for node, reason in why.items():
        together.setdefault((node.step, reason), []).append(str(node.quarter or say("the bank")))
    for (step, reason), quarters in together.items():
        shown.add_row(step, listed(quarters), escape(reason))
    return shown
