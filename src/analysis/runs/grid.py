"""Plan the grid of branches × reports of a quarter, run what is not up to date, record it."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.errors import WorkbookError
from analysis.language import catalogue, listed, marked, say, used
from analysis.lock import held
from analysis.partition import ALL, Partition
from analysis.runs import over_all, pool
from analysis.runs.catalogue import REPORTS
from analysis.runs.delivered import damage_to
from analysis.runs.manifest import About, Entry, Manifest, Name
from analysis.runs.neighbours import Neighbours
from analysis.runs.packages import versions
from analysis.runs.request import Request
from analysis.runs.task import Task
from analysis.steps.code import imported_code
from analysis.steps.readings import Fingerprints, of_data
from analysis.storage import bytes_fingerprint, text_fingerprint

#: Called when something happens in a run, with one of the events of docs/operations.md.
Hear = Callable[[dict[str, Any]], None]
MOST_NAMED = 3  # of what changed, in why a report would run
#: Settings of the params file that reports read.
SETTINGS = {
    "value",
    "segmentation",
    "events",
    "loyalty",
    "retention",
    "risk",
    "min_cell",
    "title",
    "currency",
}

#: What can be wrong with a delivered file.
HARM = {
    "missing": marked("{file} is missing"),
    "changed": marked("{file} was changed"),
    "added": marked("{file} was added"),
}


@dataclass
class Plan:
    """What a run will do."""

    folder: Path
    tasks: list[Task]  # those expected to take longest first
    fresh: list[Entry] = field(default_factory=list)  # of reports that are up to date
    expected: dict[Name, float] = field(default_factory=dict)  # seconds, from the last run


@dataclass
class Outcome:
    """What a run did."""

    folder: Path
    done: int = 0
    empty: int = 0
    failed: list[Entry] = field(default_factory=list)
    skipped: int = 0
    interrupted: bool = False
    unwritten: list[str] = field(default_factory=list)  # overviews and spreadsheets


def run_request(
    request: Request,
    prepare: Callable[[], object],
    follow: Callable[[Plan], AbstractContextManager[Hear]],
    jobs: int,
    cluster: str = "",
) -> Outcome:
    """Prepare, plan and run what a checked request asks for, one run at a time on its folder."""
    folder = request.folder
    check_writable(folder)
    with held(folder, "run"):
        prepare()
        plan = plan_run(request)
        with follow(plan) as hear:
            return run_plan(request, plan, jobs, hear, cluster)


def plan_run(request: Request) -> Plan:
    """Find out what is to be run; nothing runs before all of the request is right.

    Raises ParametersError naming the valid values, nearest first, and WorkbookError when the output
    folder cannot be written.
    """
    request.check()
    bank, quarter = request.bank, str(request.quarter)
    whole = Partition(bank, ALL, request.quarter)
    branches = whole.branches.set_index("branch_id")["name"].astype(str).to_dict()
    with used(request.written_in):
        names = {ALL: whole.branch_name, **branches}
    folder = request.folder
    check_writable(folder)
    manifest, marks = Manifest(folder), Fingerprints(bank.data_folder)
    settings = bank.model_dump_json(include=SETTINGS)
    plan = Plan(folder, [])
    pairs = request.pairs(list(names))
    with used(request.written_in):
        reports = Neighbours(manifest, pairs, names, request)
    for branch, kind in pairs:
        task = Task(
            report=kind.name,
            notebook=str(kind.notebook),
            branch=branch,
            branch_name=names[branch],
            quarter=quarter,
            language=request.written_in,
            folder=str(folder / branch),
            parameters={
                "params": str(bank.path),
                "branch": branch,
                "quarter": quarter,
                "language": request.written_in,
                **request.values[kind.name],
            },
            made_of={
                "notebook": bytes_fingerprint(kind.notebook),
                "code": imported_code(kind.notebook),
                "packages": text_fingerprint(str(versions())),
                "words": text_fingerprint(str(catalogue(request.written_in))),
                "languages": text_fingerprint(str(sorted(reports.languages.items()))),
                "settings": text_fingerprint(settings, names[branch]),
            },
            data_folder=str(bank.data_folder),
            limits=request.limits,
            around=reports.around(branch, kind.name),
        )
        if not request.force and not why_run(manifest, task, marks):
            plan.fresh.append(manifest.reports[task.name])
        else:
            plan.tasks.append(task)
    marks.save()
    plan.expected = expected_seconds(manifest, plan.tasks)
    plan.tasks.sort(key=lambda t: (-plan.expected[t.name], t.branch != ALL))
    return plan


def why_run(manifest: Manifest, task: Task, marks: Fingerprints) -> str:
    """Why a report would run, in a few words; empty when it is up to date."""
    entry = manifest.get(task.name)
    if entry is None or entry.status == "planned":
        return say("was not run yet")
    if entry.made_of is None:
        return say("was run by an earlier version of the workbook")
    if entry.status == "failed":
        return say("failed: {why}").format(why=entry.error[:120])
    now = {**task.made_of, **of_data(entry.readings, marks)}
    changed = [name for name, value in now.items() if entry.made_of.get(name) != value]
    if entry.parameters != task.recorded:
        changed.append(say("parameters"))
    if changed:
        names = listed(changed[:MOST_NAMED])
        if len(changed) > MOST_NAMED:
            names = say("{names} and {n} more").format(names=names, n=len(changed) - MOST_NAMED)
        return say("changed: {names}").format(names=names)
    damage = damage_to(Path(task.folder), task.report, entry.files or {})
    for name, how in sorted(damage.items()):
        return say(HARM[how]).format(file=name)
    return ""


def expected_seconds(manifest: Manifest, tasks: list[Task]) -> dict[Name, float]:
    """How long each took last time; the mean of its kind for one that was never run."""
    by_report: dict[str, list[float]] = {}
    for entry in manifest.reports.values():
        if entry.is_over:
            by_report.setdefault(entry.report, []).append(entry.seconds)
    everything = [s for seconds in by_report.values() for s in seconds] or [1.0]
    usual = {report: sum(s) / len(s) for report, s in by_report.items()}
    expected = {}
    for task in tasks:
        last = manifest.get(task.name)
        fallback = usual.get(task.report, sum(everything) / len(everything))
        expected[task.name] = last.seconds if last and last.is_over else fallback
    return expected


def run_plan(request: Request, plan: Plan, jobs: int, hear: Hear, cluster: str = "") -> Outcome:
    """Run the plan; a failing report leaves the others alone, and an interrupted run goes on when
    it is started again.

    jobs: reports at once on this machine. cluster: address of a Dask scheduler to send the reports
    to instead.
    """
    order = {name: n for n, name in enumerate(REPORTS)}
    manifest = Manifest(plan.folder)
    bank, before = request.bank, manifest.about
    manifest.about = About(
        bank=bank.bank,
        title=bank.title,
        quarter=str(request.quarter),
        language=request.written_in,
        folders=request.folders,
        regions=Partition(bank, ALL, request.quarter).regions,
    )
    outcome = Outcome(plan.folder, skipped=len(plan.fresh))
    where: AbstractContextManager[pool.Pool]

    def heard(event: dict[str, Any]) -> None:
        workers.started.add((event["branch"], event["report"]))
        hear(event)

    if plan.tasks:
        at_once = min(jobs, len(plan.tasks))
        where = pool.cluster(cluster, heard) if cluster else pool.local(at_once, heard)
        try:
            with where as workers:
                for task in plan.tasks:
                    manifest.reports[task.name] = _planned(task, order)
                manifest.write()
                for result in workers.results(plan.tasks):
                    entry = result.model_copy(update={"order": _place(order, result.report)})
                    manifest.done(entry)
                    if manifest.is_due:
                        manifest.write()
                        over_all.write_index(manifest)
                    outcome.done += entry.status == "done"
                    outcome.empty += entry.status == "empty"
                    if entry.status == "failed":
                        outcome.failed.append(entry)
                    hear(_report_event(entry))
        except KeyboardInterrupt:
            outcome.interrupted = True
    for left in plan.folder.glob("*/.*"):  # of processes that were killed
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    manifest.write()
    if plan.tasks or not over_all.are_there(plan.folder) or manifest.about != before:
        over_all.write(manifest, {task.branch for task in plan.tasks}, outcome.unwritten)
    return outcome


def _place(order: dict[str, int], report: str) -> int:
    return order.get(report, len(order))


def _planned(task: Task, order: dict[str, int]) -> Entry:
    """The entry of a report that was not reached yet."""
    return Entry(
        report=task.report,
        branch=task.branch,
        branch_name=task.branch_name,
        status="planned",
        error="",
        order=_place(order, task.report),
    )


def _report_event(entry: Entry) -> dict[str, Any]:
    """The event that a report ended."""
    fields = ("branch", "report", "status", "error", "nothing", "seconds")
    return {"event": "report", **{name: getattr(entry, name) for name in fields}}


def check_writable(folder: Path) -> None:
    """Raises WorkbookError, saying what to do, where reports cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkbookError(
            say(
                "Reports cannot be written to {folder}: {error}. Change its rights, or outputs in "
                "the params file."
            ).format(folder=folder, error=error.strerror)
        ) from error
