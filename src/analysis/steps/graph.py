"""Which steps there are for a bank and a quarter, what each waits for, and what hangs on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from analysis.quarters import Quarter
from analysis.steps.declaration import Kind, Occasion, Read, Step


@dataclass(frozen=True)
class Node:
    """A step of a quarter, or of the bank."""

    step: str
    quarter: Quarter | None

    def __str__(self) -> str:
        return f"{self.step} of {self.quarter}" if self.quarter else self.step


@dataclass
class Graph:
    """The nodes in an order in which each comes after those it reads from.

    sources: to each node and each of its inputs, the nodes that write what it reads.
    """

    steps: Mapping[str, Step]
    occasions: dict[Node, Occasion] = field(default_factory=dict)
    sources: dict[Node, dict[str, list[Node]]] = field(default_factory=dict)
    order: list[Node] = field(default_factory=list)
    #: To each step the fingerprints that are the same in every quarter: settings and code.
    fixed: dict[str, dict[str, str]] = field(default_factory=dict)

    def before(self, node: Node) -> set[Node]:
        """The nodes that a node waits for."""
        return {n for nodes in self.sources[node].values() for n in nodes}

    def after(self) -> dict[Node, set[Node]]:
        """To each node those that wait for it."""
        waiting: dict[Node, set[Node]] = {node: set() for node in self.order}
        for node in self.order:
            for source in self.before(node):
                waiting[source].add(node)
        return waiting


def writers(steps: Iterable[Step]) -> dict[tuple[Kind, str], Step]:
    """What is written, by kind and name, to the step that writes it."""
    by_output: dict[tuple[Kind, str], Step] = {}
    for each in steps:
        for output in each.writes:
            if (output.kind, output.name) in by_output:
                other = by_output[output.kind, output.name]
                raise ValueError(f"{each.name} and {other.name} both write {output.name}.")
            by_output[output.kind, output.name] = each
    return by_output


def source_of(read: Read, by_output: Mapping[tuple[Kind, str], Step]) -> Step | None:
    """The step that writes what is read; None for a table of the contract."""
    if read.kind == "table":
        return None
    if (read.kind, read.name) not in by_output:
        raise ValueError(f"No step writes the {read.kind} {read.name}.")
    return by_output[read.kind, read.name]


def graph_of(steps: Mapping[str, Step], occasion: Occasion) -> Graph:
    """Every step for the quarters up to the one asked for, and whatever those read from.

    occasion: that of the bank. Raises ValueError where a step reads what none writes, two write
    the same, or steps wait for each other.
    """
    by_output = writers(steps.values())
    graph = Graph(steps)
    first, last = occasion.bank.quarters.first, occasion.bank.quarters.last
    open_nodes = [
        Node(each.name, quarter)
        for each in steps.values()
        for quarter in each.quarters(first, occasion.asked)
    ]
    while open_nodes:
        node = open_nodes.pop()
        if node in graph.sources:
            continue
        at = Occasion(occasion.bank, node.quarter, occasion.asked, occasion.quarters_with_entries)
        graph.occasions[node] = at
        graph.sources[node] = {}
        for name, read in steps[node.step].all_reads.items():
            if name not in steps[node.step].reads and (read.kind, read.name) not in by_output:
                continue  # nobody tells who is one customer
            writer = None if read.own else source_of(read, by_output)
            if writer is None:
                continue
            quarters: list[Quarter | None] = [None]
            if writer.per == "quarter":
                assert read.reach is not None  # noqa: S101 - marts and models have one
                quarters = [
                    q
                    for q in read.reach.quarters(at)
                    if first <= q <= last or (writer.early and q in at.quarters_with_entries)
                ]
            graph.sources[node][name] = [Node(writer.name, q) for q in quarters]
            open_nodes += graph.sources[node][name]
    reading_order = {name: number for number, name in enumerate(steps)}
    sorter: TopologicalSorter[Node] = TopologicalSorter(
        {
            node: sorted(graph.before(node), key=lambda n: (str(n.quarter), reading_order[n.step]))
            for node in sorted(
                graph.sources, key=lambda n: (str(n.quarter or ""), reading_order[n.step])
            )
        }
    )
    try:
        graph.order = list(sorter.static_order())
    except CycleError as error:
        raise ValueError(f"Steps wait for each other: {', '.join(map(str, error.args[1]))}.") from (
            error
        )
    return graph
