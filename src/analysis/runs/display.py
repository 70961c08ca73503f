"""How a person, a log or a scheduler follows a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from analysis.language import listed, marked, say
from analysis.runs.grid import Hear, Outcome, Plan
from analysis.runs.manifest import Name
from analysis.runs.replayed import Replay
from analysis.steps.running import StepEvent
from analysis.terminal import json_line

#: What became of reports, counted while a run goes on.
COUNTED = {
    "done": marked("{n} done"),
    "empty": marked("{n} empty"),
    "failed": marked("{n} failed"),
    "skipped": marked("{n} were up to date"),
}
#: What became of a step.
BECAME = {"failed": marked("failed"), "left out": marked("left out")}


class Display:
    """Follows a run by its events; see `follow`."""

    def __init__(
        self,
        console: Console,
        as_json: bool,
        total: int,
        skipped: int,
        expected: dict[Name, float],
        jobs: int,
    ) -> None:
        self.console, self.as_json = console, as_json
        self.total, self.jobs = total, max(1, jobs)
        self.counts = {"done": 0, "empty": 0, "failed": 0, "skipped": skipped}
        self.over: set[Name] = set()
        self.running: dict[Name, tuple[int, int, float]] = {}  # cell, of, since
        self.waiting = dict(expected)  # seconds
        self.spent: list[tuple[float, float]] = []  # expected and taken

    def hear(self, event: dict[str, Any]) -> None:
        """Show one event."""
        name = (event["branch"], event["report"])
        if event["event"] == "cell" and name in self.over:
            return  # told late
        if event["event"] == "cell":
            since = self.running.get(name, (0, 0, time.monotonic()))[2]
            if event["cell"] == 0 and self.as_json:
                self._line({**event, "event": "start"})
            self.running[name] = (event["cell"], event["of"], since)
            self.jobs = max(
                self.jobs, len(self.running)
            )  # of a cluster, whose size is seen as it works
        else:
            self.over.add(name)
            self.running.pop(name, None)
            self.spent.append((self.waiting.pop(name, event["seconds"]), event["seconds"]))
            self.counts[event["status"]] += 1
            self._report(event)

    @property
    def seconds_left(self) -> float:
        """Estimate: what the waiting reports took last time, corrected by how those of this run
        compare, over the jobs.
        """
        expected, taken = sum(e for e, _ in self.spent), sum(t for _, t in self.spent)
        pace = taken / expected if expected else 1.0
        began = sum(
            min(time.monotonic() - since, self.waiting.get(n, 0) * pace)
            for n, (_, _, since) in list(self.running.items())
        )
        return max(0.0, sum(self.waiting.values()) * pace - began) / self.jobs

    def _report(self, event: dict[str, Any]) -> None:
        over = sum(self.counts.values())
        if self.as_json:
            self._line(
                {
                    **event,
                    "over": over,
                    "total": self.total,
                    "seconds_left": round(self.seconds_left),
                }
            )
        elif event["status"] == "failed":
            self.console.print(
                f"[red]{say('failed')}[/red] {escape(event['branch'])} {event['report']}: "
                f"{escape(event['error'])}",
                soft_wrap=True,
                highlight=False,
            )
        elif not self.console.is_terminal:
            template = (
                say("{over}/{total} {branch} {report}: empty {seconds:.1f} s, {left} left")
                if event["status"] == "empty"
                else say("{over}/{total} {branch} {report} {seconds:.1f} s, {left} left")
            )
            self.console.print(
                template.format(
                    over=over,
                    total=self.total,
                    branch=event["branch"],
                    report=event["report"],
                    seconds=event["seconds"],
                    left=_clock(self.seconds_left),
                ),
                markup=False,
                highlight=False,
            )

    def _line(self, content: dict[str, Any]) -> None:
        print(json_line(content), flush=True)

    def picture(self) -> Table:
        """Counts, bar, estimate, and what runs now at which cell."""
        picture = Table.grid()
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(say("{time} left").format(time=_clock(self.seconds_left))),
            console=self.console,
        )
        counts = listed(
            say(text).format(n=self.counts[state])
            for state, text in COUNTED.items()
            if state != "empty" or self.counts[state]
        )
        bar.add_task(counts, total=self.total, completed=sum(self.counts.values()))
        picture.add_row(bar)
        for (branch, report), (cell, of, since) in sorted(self.running.items()):
            where = say("cell {cell} of {of}").format(cell=cell, of=of) if of else say("starting")
            picture.add_row(
                say("  {branch} {report}: {where}, {seconds:.0f} s").format(
                    branch=escape(branch),
                    report=report,
                    where=where,
                    seconds=time.monotonic() - since,
                )
            )
        return picture


@contextmanager
def follow(console: Console, as_json: bool, plan: Plan, jobs: int) -> Iterator[Hear]:
    """What hears a run's events while the block runs: live on a terminal, a line per report in a
    log, JSON lines on standard output if asked.
    """
    skipped = len(plan.fresh)
    total = len(plan.tasks) + skipped
    display = Display(console, as_json, total, skipped, plan.expected, jobs)
    if as_json or not console.is_terminal:
        yield display.hear
        return
    with Live(
        console=console, refresh_per_second=4, transient=True, get_renderable=display.picture
    ):
        yield display.hear


def tell_outcome(outcome: Outcome, console: Console, out: Console, as_json: bool) -> None:
    """What a run did, and where its index is."""
    index, failed = str(outcome.folder / "index.html"), len(outcome.failed)
    if as_json:
        ended = {
            "event": "end",
            "done": outcome.done,
            "empty": outcome.empty,
            "failed": failed,
            "skipped": outcome.skipped,
            "interrupted": outcome.interrupted,
            "index": index,
        }
        print(json_line(ended), flush=True)
    if outcome.interrupted:
        console.print(
            say("Interrupted after {done} reports; the same command goes on from here.").format(
                done=outcome.done
            )
        )
        return
    told = (
        say("{done} reports done, {empty} empty, {failed} failed, {skipped} were up to date.")
        if outcome.empty
        else say("{done} reports done, {failed} failed, {skipped} were up to date.")
    )
    console.print(
        told.format(done=outcome.done, empty=outcome.empty, failed=failed, skipped=outcome.skipped)
    )
    for fault in outcome.unwritten:
        console.print(
            say("Not written: {fault}").format(fault=fault), highlight=False, markup=False
        )
    if not as_json:
        out.print(index, soft_wrap=True, highlight=False)


class PreparingDisplay:
    """Follows a preparation; see `preparing`."""

    def __init__(self, console: Console, as_json: bool, bar: Progress) -> None:
        self.console, self.as_json, self.bar = console, as_json, bar
        self.task = bar.add_task(say("preparing"), total=None, left="")
        self.running: list[str] = []

    def say(self, text: str) -> None:
        """Show what is done before the first step."""
        self.bar.update(self.task, description=escape(text))

    def hear(self, event: StepEvent) -> None:
        """Show one event of a step."""
        name, left = str(event.node), _clock(event.seconds_left)
        if event.what == "begins":
            self.running.append(name)
        elif name in self.running:
            self.running.remove(name)
        self.bar.update(
            self.task,
            description=escape(listed(self.running) or name),
            total=event.of,
            completed=event.ended,
            left=say("{time} left").format(time=left),
        )
        if event.what == "begins" or (self.console.is_terminal and not self.as_json):
            return
        if self.as_json:
            quarter = str(event.node.quarter or "")
            told = {"event": "step", "step": event.node.step, "quarter": quarter}
            counts = {"over": event.ended, "total": event.of, "seconds_left": event.seconds_left}
            print(json_line({**told, "status": event.what, **counts}), flush=True)
        else:
            template = (
                say("{over}/{total} {step}, {left} left")
                if event.what == "done"
                else say("{over}/{total} {step} {what}, {left} left")
            )
            what = say(BECAME.get(event.what, event.what))
            self.console.print(
                template.format(over=event.ended, total=event.of, step=name, what=what, left=left),
                highlight=False,
            )


@contextmanager
def preparing(console: Console, as_json: bool) -> Iterator[PreparingDisplay]:
    """A display of a preparation: a bar on a terminal, a line per step in a log, JSON lines on
    standard output if asked.
    """
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        console=console,
        transient=True,
    )
    display = PreparingDisplay(console, as_json, bar)
    if as_json or not console.is_terminal:
        yield display
        return
    with bar:
        yield display


class ReplayDisplay:
    """Follows a replay."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self.console, self.bar = console, bar
        self.task = bar.add_task(say("replaying"), total=None)

    def begin(self, count: int) -> None:
        """How many reports are replayed."""
        self.bar.update(self.task, total=count)

    def tell(self, replay: Replay) -> None:
        """Show what the replay of one report found, or what was found of the bank's files."""
        if replay.seconds:
            self.bar.update(self.task, advance=1, description=escape(replay.name))
        for text in replay.findings:
            line = f"{replay.name}: {text}" if replay.report else text
            self.console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
        if not replay.findings and not self.console.is_terminal:
            line = say("{replay}: the same, {seconds:.1f} s").format(
                replay=replay.name, seconds=replay.seconds
            )
            self.console.print(line, markup=False, highlight=False)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes:
        return say("{minutes} min {seconds:02d} s").format(minutes=minutes, seconds=rest)
    return say("{seconds} s").format(seconds=rest)
