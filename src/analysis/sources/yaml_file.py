"""YAML as people write it, read safely: what would take a machine's time or memory, or says two
things at once, is refused with its line.
"""

from pathlib import Path
from typing import Any

import yaml

from analysis.errors import ParametersError, without_secrets
from analysis.language import say

MOST_BYTES = 1_000_000
DEEPEST = 30  # lists and mappings in each other
MOST_VALUES = 50_000  # with everything written out that `*name` stands for


class _Loader(yaml.SafeLoader):
    """A safe loader for which a key is the text that stands there: 1 and NO are codes of a bank,
    no number and no truth.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, its plain keys as text."""
        self.flatten_mapping(node)
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path, text: str) -> Any:
    """The content of the YAML text of a file; raises ParametersError naming the line."""
    if len(text) > MOST_BYTES:
        raise ParametersError(
            say("{path} is larger than {most:,} characters; that is no params file.").format(
                path=path, most=MOST_BYTES
            )
        )
    try:
        _refuse_depth(path, text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _refuse_repeated(path, node, {})
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ParametersError(
            say("{path} is not valid YAML: {fault}").format(
                path=path, fault=without_secrets(str(error))
            )
        ) from error
    except (ValueError, OverflowError, RecursionError) as error:  # a number of 5,000 digits
        raise ParametersError(
            say("{path} holds a value that cannot be read: {error}.").format(path=path, error=error)
        ) from error


def _refuse_depth(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ParametersError(
                say("{path}, line {line}: more than {most} levels deep.").format(
                    path=path, line=_line(event), most=DEEPEST
                )
            )


def _line(part: yaml.Event | yaml.Node) -> int:
    return part.start_mark.line + 1 if part.start_mark else 0


def _refuse_repeated(path: Path, node: yaml.Node, sizes: dict[int, int]) -> int:
    """Refuse a key that stands twice, and a file that is small only because it repeats itself;
    returns how many values the node has, written out.
    """
    if id(node) not in sizes:
        size, lines = 1, dict[str, int]()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                line = _line(key)
                if isinstance(key, yaml.ScalarNode) and (first := lines.get(key.value)):
                    raise ParametersError(
                        say(
                            "{path}: the key {key!r} stands in line {first} and again in line "
                            "{line}. Keep one."
                        ).format(path=path, key=key.value, first=first, line=line)
                    )
                lines[str(key.value)] = line
                size += _refuse_repeated(path, value, sizes)
        elif isinstance(node, yaml.SequenceNode):
            size += sum(_refuse_repeated(path, value, sizes) for value in node.value)
        if size > MOST_VALUES:
            raise ParametersError(
                say("{path}: what stands in it repeats itself too often to be read.").format(
                    path=path
                )
            )
        sizes[id(node)] = size
    return sizes[id(node)]
