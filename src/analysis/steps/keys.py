"""What a node is made of: the content of its inputs, its settings, and the code it reaches."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from analysis.quarters import Quarter
from analysis.sources.accepted import Verdict
from analysis.steps.code import function_code
from analysis.steps.declaration import Read, Step, Written, setting_of
from analysis.steps.graph import Graph, Node
from analysis.steps.keeping import Keeper
from analysis.storage import package_versions, text_fingerprint

SETTINGS, CODE = "settings", "code"


def made_of(
    graph: Graph, node: Node, keeper: Keeper, verdicts: Mapping[str, Verdict]
) -> dict[str, str]:
    """To each input, `settings` and `code` a fingerprint; empty for an input that is not there."""
    step = graph.steps[node.step]
    inputs = {
        said(read): _content(graph, node, name, read, keeper, verdicts)
        for name, read in step.all_reads.items()
        if not read.own
    }
    if step.name not in graph.fixed:
        bank = graph.occasions[node].bank
        settings = {name: plain(setting_of(bank, name)) for name in step.settings}
        graph.fixed[step.name] = {
            SETTINGS: text_fingerprint(json.dumps(settings, sort_keys=True, default=str)),
            CODE: text_fingerprint(function_code(step.function), package_versions()),
        }
    return {**inputs, **graph.fixed[step.name]}


def said(read: Read) -> str:
    """What is read, in words."""
    what = f"{read.kind} {read.name}"
    return f"{what} ({read.reach.said})" if read.reach else what


def key_of(parts: Mapping[str, str]) -> str:
    """One fingerprint of all that a node is made of."""
    return text_fingerprint(*[f"{name} {value}" for name, value in sorted(parts.items())])


def differences(now: Mapping[str, str], then: Mapping[str, str]) -> list[str]:
    """What of a node's making changed, by name."""
    return [n for n in sorted(now.keys() | then.keys()) if now.get(n) != then.get(n)]


def output_of(step: Step, read: Read) -> Written:
    """The output of a step that is read."""
    return next(o for o in step.writes if (o.kind, o.name) == (read.kind, read.name))


def _content(
    graph: Graph,
    node: Node,
    name: str,
    read: Read,
    keeper: Keeper,
    verdicts: Mapping[str, Verdict],
) -> str:
    if read.kind == "table":
        return _table_content(verdicts[read.name], read, graph, node)
    marks = [
        f"{source.quarter} {mark}"
        for source in graph.sources[node].get(name, [])
        if (mark := keeper.content(source, output_of(graph.steps[source.step], read)))
    ]
    return text_fingerprint(*marks) if marks else ""


def _table_content(verdict: Verdict, read: Read, graph: Graph, node: Node) -> str:
    if not verdict.delivered:
        return ""
    if read.reach is None or not verdict.parts:
        return verdict.fingerprint
    quarters: list[Quarter] = read.reach.quarters(graph.occasions[node])
    parts = [f"{q} {verdict.parts.get(str(q), '')}" for q in quarters]
    return text_fingerprint("delivered", *parts)


def plain(value: Any) -> Any:
    """A setting as plain data."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
