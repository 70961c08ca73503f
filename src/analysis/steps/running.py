"""Bring a bank's steps up to date: what can be done at once is, in as many processes as wanted."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import BaseModel

from analysis.language import listed, say
from analysis.sources.accepted import Verdict, accepted_files
from analysis.sources.params import Bank
from analysis.steps.declaration import Model, Read, Step
from analysis.steps.graph import Graph, Node
from analysis.steps.keeping import Keeper, Record
from analysis.steps.keys import differences, key_of, made_of, output_of
from analysis.steps.working import Failure, Job, begin_worker, do
from analysis.workers import end_processes, worker_context

#: Imported once for all processes that do steps.
WORKING = (
    "analysis.steps.working",
    "sklearn.cluster",
    "sklearn.linear_model",
    "sklearn.mixture",
    "statsmodels.api",
)
MOST_LOSSES = 2  # how often a step whose process was lost is tried again
UNKNOWN_SECONDS = 1.0  # of a step that was never done


@dataclass(frozen=True)
class StepEvent:
    """Something happened: a step began, was done, was left out or failed."""

    what: str  # begins, done, left out, failed
    node: Node
    ended: int  # steps of this preparation that ended
    of: int  # that were expected to be done
    seconds_left: float


Hear = Callable[[StepEvent], None]


@dataclass
class Done:
    """What bringing up to date did."""

    steps: list[Node] = field(default_factory=list)
    up_to_date: list[Node] = field(default_factory=list)
    mended: dict[Node, str] = field(default_factory=dict)  # done again for their files, and why
    left_out: dict[Node, list[str]] = field(default_factory=dict)  # with the inputs missing
    failed: dict[Node, str] = field(default_factory=dict)  # with why
    not_tried: dict[Node, Node] = field(default_factory=dict)  # with what failed before it


def why_do(graph: Graph, node: Node, keeper: Keeper, verdicts: Mapping[str, Verdict]) -> str:
    """Why a step would be done, in a few words; empty when it is up to date."""
    record = keeper.record(node)
    if record is None:
        return say("was not done yet")
    now = made_of(graph, node, keeper, verdicts)
    changed = differences(now, record.made_of)
    if changed:
        return say("changed: {names}").format(names=listed(changed))
    return keeper.damage(node, graph.steps[node.step])


def stale(graph: Graph, keeper: Keeper, verdicts: Mapping[str, Verdict]) -> dict[Node, str]:
    """The steps that would be done, with why; those that follow one may turn out the same."""
    reasons: dict[Node, str] = {}
    for node in graph.order:
        earlier = [n for n in graph.before(node) if n in reasons]
        why = why_do(graph, node, keeper, verdicts)
        if why or earlier:
            reasons[node] = why or f"follows {min(earlier, key=graph.order.index)}"
    return reasons


def bring_up_to_date(
    bank: Bank,
    graph: Graph,
    verdicts: Mapping[str, Verdict],
    jobs: int = 1,
    hear: Hear = lambda event: None,
) -> Done:
    """Do every step that is not up to date, `jobs` at once.

    A step whose inputs come out as they were is not done again. One that fails leaves alone those
    that do not need it; `failed` has why.
    """
    keeper = Keeper(bank.data_folder)
    keeper.tidy(graph.steps)
    try:
        return _Course(bank, graph, verdicts, keeper, jobs, hear).through()
    finally:
        keeper.end_making()


class _Course:
    """One preparation as it goes on."""

    def __init__(
        self,
        bank: Bank,
        graph: Graph,
        verdicts: Mapping[str, Verdict],
        keeper: Keeper,
        jobs: int,
        hear: Hear,
    ) -> None:
        self.bank, self.graph, self.verdicts, self.keeper = bank, graph, verdicts, keeper
        self.jobs, self.hear = jobs, hear
        self.done = Done()
        self.after = graph.after()
        self.waits_for = {node: len(graph.before(node)) for node in graph.order}
        self.expected = set(stale(graph, keeper, verdicts))
        self.of = len(self.expected)
        self.ahead = self._seconds_ahead()
        self.losses: dict[Node, int] = {}

    def through(self) -> Done:
        """Do it all."""
        if not self.expected:
            self._all_up_to_date()
            return self.done
        ready = [node for node in self.graph.order if not self.waits_for[node]]
        if self.jobs == 1:
            while ready:
                node = ready.pop(0)
                job = self._job(node)
                result = do(job) if job else None
                ready = self._in_order(ready + self._ended(node, result))
            return self.done
        with _processes(min(self.jobs, len(self.expected))) as pool:
            running: dict[Future[Record | Failure], Node] = {}
            while ready or running:
                while ready and self._may_begin(ready[0], running.values()):
                    node = ready.pop(0)
                    job = self._job(node)
                    if job is None:
                        ready = self._in_order(ready + self._ended(node, None))
                    else:
                        running[pool.submit(job)] = node
                ended, _running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in ended:
                    node = running.pop(future)
                    result = self._result(node, future)
                    ready = self._in_order(
                        ready + ([node] if result is None else self._ended(node, result))
                    )
        return self.done

    def _may_begin(self, node: Node, running: Collection[Node]) -> bool:
        """Whether a process is free. A step whose process was lost is tried again alone, so that
        one which takes its process along is not confused with those that ran beside it.
        """
        if node in self.losses or any(other in self.losses for other in running):
            return not running
        return len(running) < self.jobs

    def _all_up_to_date(self) -> None:
        for node in self.graph.order:
            record = self.keeper.record(node)
            if record and record.missing:
                self.done.left_out[node] = record.missing
            else:
                self.done.up_to_date.append(node)

    def _result(self, node: Node, future: "Future[Record | Failure]") -> Record | Failure | None:
        """What came of a job; None where its process was lost and it is to be tried again."""
        try:
            return future.result()
        except Exception as error:  # a killed process, or one that ran out of memory
            self.losses[node] = self.losses.get(node, 0) + 1
            if self.losses[node] <= MOST_LOSSES:
                return None
            return Failure(
                say("the process that did it was lost {losses} times: {error}").format(
                    losses=self.losses[node], error=error
                )
            )

    def _job(self, node: Node) -> Job | None:
        """What is to be done for a node; None where it is up to date or has nothing to read."""
        step = self.graph.steps[node.step]
        if node in self.done.not_tried:
            return None
        parts = made_of(self.graph, node, self.keeper, self.verdicts)
        record, key = self.keeper.record(node), key_of(parts)
        whole = record is not None and not self.keeper.damage(node, step)
        if record is not None and whole and record.key == key:
            if record.missing:
                self.done.left_out[node] = record.missing
            else:
                self.done.up_to_date.append(node)
            return None
        if record is not None and record.key == key:
            self.done.mended[node] = self.keeper.damage(node, step)
        files = {name: self._files(node, step, name) for name in step.all_reads}
        missing = [
            read.name
            for name, read in step.reads.items()
            if not read.optional and (not files[name] or self._has_no_row(read))
        ]
        if missing:
            self._leave_out(node, Record(key=key, made_of=parts, missing=missing))
            return None
        self._tell("begins", node)
        occasion = self.graph.occasions[node]
        return Job(
            bank=self.bank,
            module=step.module,
            step=node.step,
            quarter=node.quarter,
            asked=occasion.asked,
            quarters_with_entries=occasion.quarters_with_entries,
            files=files,
            shapes=self._shapes(node, step),
            key=key,
            made_of=parts,
            share=self.jobs,
        )

    def _leave_out(self, node: Node, record: Record) -> None:
        """Note that a node has nothing to read; what it left before goes."""
        try:
            self.keeper.replace(node, self.graph.steps[node.step], None, record)
            self.done.left_out[node] = record.missing
        except OSError as error:  # a full disk
            self.done.failed[node] = f"{type(error).__name__}: {error}"

    def _has_no_row(self, read: Read) -> bool:
        """Whether a table is delivered of which no row was accepted."""
        return read.kind == "table" and not self.verdicts[read.name].accepted

    def _files(self, node: Node, step: Step, name: str) -> list[str]:
        read = step.all_reads[name]
        if read.own:
            record = self.keeper.record(node)
            whole = record is not None and not self.keeper.damage(node, step)
            return self.keeper.files(node, output_of(step, read)) if whole else []
        if read.kind == "table":
            if not self.verdicts[read.name].delivered:
                return []
            quarters = read.reach.quarters(self.graph.occasions[node]) if read.reach else None
            return [str(f) for f in accepted_files(self.bank, read.name, quarters)]
        sources = self.graph.sources[node].get(name, [])
        return [
            file
            for source in sources
            for file in self.keeper.files(source, output_of(self.graph.steps[source.step], read))
        ]

    def _shapes(self, node: Node, step: Step) -> dict[str, type[BaseModel]]:
        shapes = {}
        for name, read in step.reads.items():
            if read.kind == "model":
                for source in self.graph.sources[node][name]:
                    output = output_of(self.graph.steps[source.step], read)
                    assert isinstance(output, Model)  # noqa: S101 - of that kind
                    shapes[name] = output.shape
        return shapes

    def _ended(self, node: Node, result: Record | Failure | None) -> list[Node]:
        """Note what came of a node; the nodes that need not wait any longer."""
        if isinstance(result, Record):
            self.keeper.keep(node, result)
            self.done.steps.append(node)
            self._tell("done", node)
        elif isinstance(result, Failure):
            self.keeper.forget(node)
            self.done.failed[node] = result.reason
            self._tell("failed", node)
        elif node in self.expected and node not in self.done.not_tried:
            self._tell(self._what_came_of(node), node)
        failed = node in self.done.failed or node in self.done.not_tried
        free = []
        for follower in self.after[node]:
            if failed:
                self.done.not_tried.setdefault(follower, self.done.not_tried.get(node, node))
            self.waits_for[follower] -= 1
            if not self.waits_for[follower]:
                free.append(follower)
        return free

    def _what_came_of(self, node: Node) -> str:
        if node in self.done.failed:
            return "failed"
        return "left out" if node in self.done.left_out else "done"

    def _tell(self, what: str, node: Node) -> None:
        if what != "begins":
            self.expected.discard(node)
        left = sum(self._seconds(n) for n in self.expected) / self.jobs
        self.hear(StepEvent(what, node, self.of - len(self.expected), self.of, round(left, 1)))

    def _in_order(self, nodes: list[Node]) -> list[Node]:
        """Those on which most time hangs first."""
        return sorted(nodes, key=lambda n: (-self.ahead[n], str(n)))

    def _seconds(self, node: Node) -> float:
        record = self.keeper.record(node)
        return record.seconds if record else UNKNOWN_SECONDS

    def _seconds_ahead(self) -> dict[Node, float]:
        """The seconds of a node and of the longest way through those that wait for it."""
        ahead: dict[Node, float] = {}
        for node in reversed(self.graph.order):
            follows = max((ahead[n] for n in self.after[node]), default=0.0)
            ahead[node] = self._seconds(node) + follows
        return ahead


class _Pool:
    """Processes that do jobs; new ones when one was lost."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._executor = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.count, mp_context=worker_context(*WORKING), initializer=begin_worker
        )

    def submit(self, job: Job) -> "Future[Record | Failure]":
        """A job to be done by one of the processes."""
        try:
            return self._executor.submit(do, job)
        except RuntimeError:  # broken: a process was lost
            end_processes(self._executor, at_once=True)
            self._executor = self._new()
            return self._executor.submit(do, job)

    def stop(self, at_once: bool) -> None:
        """End the processes: those that are idle, or all of them now."""
        end_processes(self._executor, at_once)


@contextmanager
def _processes(count: int) -> Iterator[_Pool]:
    pool = _Pool(count)
    try:
        yield pool
    except BaseException:
        pool.stop(at_once=True)
        raise
    pool.stop(at_once=False)


def failures_told(done: Done) -> str:
    """One sentence on each step that failed."""
    failed = say("{node} failed: {reason}")
    lines = [failed.format(node=n, reason=reason) for n, reason in done.failed.items()]
    for node in done.failed:
        others = [str(n) for n, cause in done.not_tried.items() if cause == node]
        if others:
            names = listed(others[:6])
            if len(others) > 6:
                names = say("{names} and {n} more").format(names=names, n=len(others) - 6)
            told = say("Not tried, for they need {node}: {names}.")
            lines.append(told.format(node=node, names=names))
    return "\n".join(lines)
