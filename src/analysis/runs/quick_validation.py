"""Import this before nbformat, nbclient, papermill or nbconvert: it saves every process a second.

jsonschema imports `rfc3987_syntax` where it is installed, which builds a grammar for a second, to check the format of
internationalised addresses; the notebook format has none. Without it jsonschema leaves that one format unchecked.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
