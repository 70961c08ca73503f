"""The road out: plans the grid, runs it, records it, replays it."""

import sys

# jsonschema imports `rfc3987_syntax` where it is installed, which builds a grammar for a second, to
# check the format of
# internationalised addresses; notebooks have none. Every module that imports nbformat or papermill
# lies in this package,
# so that this comes first; without it jsonschema leaves that one format unchecked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
