"""Plan the grid of branches × reports of a quarter, run what is not up to date, record it."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.errors import ParametersError, WorkbookError, not_one_of
from analysis.partition import ALL, Partition
from analysis.quarters import Quarter
from analysis.report.language import use
from analysis.runs import pool
from analysis.runs.catalogue import REPORTS, chosen_reports, set_values
from analysis.runs.manifest import Manifest, Name
from analysis.runs.packages import versions
from analysis.runs.task import Limits, Task
from analysis.sources.params import Bank
from analysis.steps.code import imported_code
from analysis.steps.readings import Fingerprints, of_data
from analysis.storage import bytes_fingerprint, text_fingerprint

#: Called when something happens in a run, with one of the events of docs/operations.md.
Hear = Callable[[dict[str, Any]], None]
SETTINGS = {
    "value",
    "segmentation",
    "events",
    "loyalty",
    "risk",
    "min_cell",
    "title",
    "currency",
}  # of the params file


@dataclass
class Plan:
    """What a run will do."""

    folder: Path
    tasks: list[Task]  # those expected to take longest first
    fresh: list[dict[str, Any]] = field(
        default_factory=list
    )  # entries of reports that are up to date
    expected: dict[Name, float] = field(default_factory=dict)  # seconds, from the last run


@dataclass
class Outcome:
    """What a run did."""

    folder: Path
    done: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)
    skipped: int = 0
    interrupted: bool = False


def plan_run(
    bank: Bank,
    quarter: Quarter,
    branches: list[str],
    reports: list[str],
    settings: list[str],
    language: str,
    force: bool = False,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Plan:
    """Check every parameter and find out what is to be run; nothing runs before all of it is right.

    Raises ParametersError naming the valid values, nearest first, and WorkbookError when the output
    folder cannot be written.
    """
    kinds = chosen_reports(bank, reports, branches)
    values = set_values(kinds, settings)
    whole = Partition(bank, ALL, quarter)
    use(language)
    names = {
        ALL: whole.branch_name,
        **dict(zip(whole.branches["branch_id"], whole.branches["name"], strict=True)),
    }
    for branch in branches:
        if branch not in names:
            raise ParametersError(not_one_of("The branch", branch, names))
    folder = bank.output_folder / str(quarter)
    check_writable(folder)
    manifest, marks = Manifest(folder), Fingerprints(bank.data_folder)
    of_bank = {
        "packages": text_fingerprint(str(versions())),
        "settings": bank.model_dump_json(include=SETTINGS),
    }
    of_kind = {
        k.name: {
            "notebook": bytes_fingerprint(k.notebook),
            "code": imported_code(k.notebook),
            **of_bank,
        }
        for k in kinds
    }
    plan = Plan(folder, [])
    for branch in branches or names:
        for kind in kinds:
            if kind.whole_bank_only and branch != ALL:
                continue
            made_of = of_kind[kind.name]
            task = Task(
                kind.name,
                str(kind.notebook),
                branch,
                str(names[branch]),
                str(quarter),
                language,
                str(folder / branch),
                {
                    "params": str(bank.path),
                    "branch": branch,
                    "quarter": str(quarter),
                    "language": language,
                    **values[kind.name],
                },
                {**made_of, "settings": text_fingerprint(made_of["settings"], str(names[branch]))},
                str(bank.data_folder),
                limits,
            )
            if not force and not why_run(manifest, task, marks):
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
    if entry is None or entry["status"] == "planned":
        return "was not run yet"
    if "made_of" not in entry:
        return "was run by an earlier version of the workbook"
    if entry["status"] == "failed":
        return f"failed: {entry['error'][:120]}"
    now = {**task.made_of, **of_data(entry["readings"], marks), "parameters": task.parameters}
    changed = [
        k
        for k, value in now.items()
        if {**entry["made_of"], "parameters": entry["parameters"]}.get(k) != value
    ]
    if changed:
        return "changed: " + ", ".join(changed)
    return "" if (Path(task.folder) / f"{task.report}.html").exists() else "its page is missing"


def expected_seconds(manifest: Manifest, tasks: list[Task]) -> dict[Name, float]:
    """How long each took last time; the mean of its kind for one that was never run."""
    known: dict[str, list[float]] = {}
    for entry in manifest.reports.values():
        if entry["status"] == "done":
            known.setdefault(entry["report"], []).append(entry["seconds"])
    everything = [s for seconds in known.values() for s in seconds] or [1.0]
    usual = {report: sum(s) / len(s) for report, s in known.items()}
    found = {}
    for task in tasks:
        last = manifest.get(task.name)
        fallback = usual.get(task.report, sum(everything) / len(everything))
        found[task.name] = float(last["seconds"]) if last and last["status"] == "done" else fallback
    return found


def run_plan(
    bank: Bank,
    quarter: Quarter,
    plan: Plan,
    jobs: int,
    language: str,
    hear: Hear,
    cluster: str = "",
) -> Outcome:
    """Run the plan; a failing report leaves the others alone, and an interrupted run goes on when
    it is started again.

    jobs: reports at once on this machine. cluster: address of a Dask scheduler to send the reports
    to instead.
    """
    order = {name: n for n, name in enumerate(REPORTS)}
    manifest = Manifest(plan.folder)
    manifest.about.update(bank=bank.bank, title=bank.title, quarter=str(quarter), language=language)
    outcome = Outcome(plan.folder, skipped=len(plan.fresh))
    where: AbstractContextManager[pool.Pool]

    def heard(event: dict[str, Any]) -> None:
        workers.started.add((event["branch"], event["report"]))
        hear(event)

    if plan.tasks:
        where = (
            pool.cluster(cluster, heard)
            if cluster
            else pool.local(min(jobs, len(plan.tasks)), heard)
        )
        try:
            with where as workers:
                for task in plan.tasks:
                    manifest.reports[task.name] = _planned(task, order.get(task.report, 99))
                manifest.write()
                for entry in workers.results(plan.tasks):
                    entry["order"] = order.get(entry["report"], 99)
                    manifest.done(entry)
                    outcome.done += entry["status"] == "done"
                    if entry["status"] == "failed":
                        outcome.failed.append(entry)
                    told = {k: entry[k] for k in ("branch", "report", "status", "error", "seconds")}
                    hear({"event": "report", **told})
        except KeyboardInterrupt:
            outcome.interrupted = True
    for left in plan.folder.glob("*/.*"):  # of processes that were killed
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    manifest.write()
    return outcome


def _planned(task: Task, order: int) -> dict[str, Any]:
    """The entry of a report that was not reached yet."""
    return {
        "report": task.report,
        "branch": task.branch,
        "branch_name": task.branch_name,
        "status": "planned",
        "error": "",
        "headlines": {},
        "order": order,
    }


def check_writable(folder: Path) -> None:
    """Raises WorkbookError, saying what to do, where reports cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkbookError(
            f"Reports cannot be written to {folder}: {error.strerror}. Change its rights, "
            f"or outputs in the params file."
        ) from error


def default_jobs() -> int:
    """As many reports at once as there are cores."""
    return os.cpu_count() or 1
