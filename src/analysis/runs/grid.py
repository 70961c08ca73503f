"""Plan the grid of branches × reports of a quarter, run what is not up to date, record it."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from analysis.errors import ParametersError, WorkbookError, not_one_of
from analysis.partition import ALL, Partition
from analysis.quarters import Quarter
from analysis.runs.catalogue import REPORTS, chosen_reports, set_values
from analysis.runs.execute import Task, run_task
from analysis.runs.manifest import entry_of, read_manifest, write_manifest
from analysis.sources.params import Bank
from analysis.storage import bytes_fingerprint, code_fingerprint, text_fingerprint

#: Called when a report is done: its entry, how many are done, of how many.
Progress = Callable[[dict[str, Any], int, int], None]


@dataclass
class Plan:
    """What a run will do."""

    folder: Path
    tasks: list[Task]
    fresh: list[dict[str, Any]] = field(default_factory=list)  # entries of reports that are up to date


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
    time_limit: int = 600,
) -> Plan:
    """Check every parameter and find out what is to be run; nothing runs before all of it is right.

    Raises ParametersError naming the valid values, nearest first, and WorkbookError when the output folder cannot be written.
    """
    kinds = chosen_reports(bank, reports)
    values = set_values(kinds, settings)
    whole = Partition(bank, ALL, quarter)
    names = {ALL: whole.branch_name, **dict(zip(whole.branches["branch_id"], whole.branches["name"], strict=True))}
    for branch in branches:
        if branch not in names:
            raise ParametersError(not_one_of("The branch", branch, names))
    folder = bank.output_folder / str(quarter)
    _writable(folder)
    manifest = read_manifest(folder)
    plan = Plan(folder, [])
    data = _data_fingerprint(bank, quarter)
    code = {k.name: text_fingerprint(bytes_fingerprint(k.notebook), code_fingerprint()) for k in kinds}
    for branch in branches or names:
        for kind in kinds:
            task = Task(
                kind.name, str(kind.notebook), branch, str(names[branch]), str(quarter), language, str(folder / branch),
                {"params": str(bank.path), "branch": branch, "quarter": str(quarter), "language": language, **values[kind.name]},
                data, code[kind.name], time_limit,
            )  # fmt: skip
            if not force and (entry := up_to_date(manifest, task)):
                plan.fresh.append(entry)
            else:
                plan.tasks.append(task)
    return plan


def up_to_date(manifest: dict[str, Any], task: Task) -> dict[str, Any] | None:
    """The manifest's entry of the report when it was made from the same data, code and parameters and its page is there."""
    entry = entry_of(manifest, task.branch, task.report)
    same = (
        entry
        and entry["status"] == "done"
        and all(entry[k] == getattr(task, k) for k in ("data", "code", "parameters", "branch_name"))
    )
    return entry if same and (Path(task.folder) / f"{task.report}.html").exists() else None


def why_run(manifest: dict[str, Any], task: Task) -> str:
    """Why a report would run, in a few words; empty when it is up to date."""
    entry = entry_of(manifest, task.branch, task.report)
    if up_to_date(manifest, task):
        return ""
    if entry is None or entry["status"] == "planned":
        return "was not run yet"
    if entry["status"] == "failed":
        return f"failed: {entry['error'][:120]}"
    changed = [k for k in ("data", "code", "parameters") if entry[k] != getattr(task, k)]
    return ("changed: " + ", ".join(changed)) if changed else "its page is missing"


def run_plan(bank: Bank, quarter: Quarter, plan: Plan, jobs: int, language: str, progress: Progress) -> Outcome:
    """Run the plan; a failing report leaves the others alone, and an interrupted run goes on when it is started again."""
    manifest = read_manifest(plan.folder)
    again = {(t.branch, t.report) for t in plan.tasks}
    manifest.update(bank=bank.bank, title=bank.title, quarter=str(quarter), language=language)
    manifest["reports"] = [r for r in manifest["reports"] if (r["branch"], r["report"]) not in again]
    order = {name: n for n, name in enumerate(REPORTS)}
    waiting = {
        (t.branch, t.report): {
            "report": t.report,
            "branch": t.branch,
            "branch_name": t.branch_name,
            "status": "planned",
            "error": "",
            "headlines": {},
            "order": order[t.report],
        }
        for t in plan.tasks
    }
    outcome = Outcome(plan.folder, skipped=len(plan.fresh))
    total = len(plan.tasks) + len(plan.fresh)

    def record() -> None:
        write_manifest(plan.folder, {**manifest, "reports": [*manifest["reports"], *waiting.values()]}, language)

    record()
    try:
        for entry in _results(plan.tasks, jobs):
            waiting.pop((entry["branch"], entry["report"]))
            manifest["reports"].append({**entry, "order": order[entry["report"]]})
            outcome.done += entry["status"] == "done"
            if entry["status"] == "failed":
                outcome.failed.append(entry)
            record()
            progress(entry, outcome.done + len(outcome.failed) + outcome.skipped, total)
    except KeyboardInterrupt:
        outcome.interrupted = True
    record()
    return outcome


def _results(tasks: list[Task], jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1 or len(tasks) < 2:
        yield from map(run_task, tasks)
        return
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn"))
    try:
        futures: dict[Future[dict[str, Any]], Task] = {pool.submit(run_task, t): t for t in tasks}
        for future in as_completed(futures):
            try:
                yield future.result()
            except BrokenProcessPool as error:
                task = futures[future]
                raise WorkbookError(
                    f"A process running reports died (while {task.report} of {task.branch} was waiting or running). Run the same command again; finished reports are kept."
                ) from error
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _data_fingerprint(bank: Bank, quarter: Quarter) -> str:
    """Changes with the marts up to the quarter, with the models, and with the settings of the params file."""
    marts = [bank.data_folder / "marts" / "records" / f"{q}.json" for q in bank.quarters.first.through(quarter)]
    models = [bank.data_folder / "models" / f"{name}.json" for name in ("segmentation", f"loyalty-{quarter}")]
    settings = bank.model_dump_json(include={"value", "segmentation", "loyalty", "risk", "min_cell", "title"})
    return text_fingerprint(*[bytes_fingerprint(f) for f in [*marts, *models] if f.exists()], settings)


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkbookError(
            f"Reports cannot be written to {folder}: {error.strerror}. Change its rights, or outputs in the params file."
        ) from error


def default_jobs() -> int:
    """As many reports at once as there are cores."""
    return os.cpu_count() or 1
