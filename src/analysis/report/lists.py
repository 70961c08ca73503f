"""The lists a report hands to staff: CSV that a spreadsheet opens without executing anything, and
Parquet.
"""

import os
import re
import tempfile
from pathlib import Path

import pandas as pd

from analysis.errors import ParametersError


def harmless(value: object) -> object:
    """A text that a spreadsheet would read as a formula, with an apostrophe before it (OWASP, CSV
    injection).
    """
    return f"'{value}" if isinstance(value, str) and re.match(r"\s*[=+\-@\t\r]", value) else value


def write_list(rows: pd.DataFrame, folder: Path, name: str) -> None:
    """`rows` as `name`.csv and `name`.parquet in `folder`, each written whole or not at all."""
    if not re.fullmatch(r"[a-z0-9_]+(/[A-Za-z0-9_-]+)?", name):
        raise ParametersError(
            f"{name!r} cannot be the name of a list: lower-case letters, digits and _ only."
        )
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    texts = rows.map(harmless).rename(columns=lambda c: str(harmless(c)))
    for suffix in (".csv", ".parquet"):
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}", dir=target.parent)
        os.close(handle)
        if suffix == ".csv":
            texts.to_csv(
                temporary, index=False, encoding="utf-8-sig"
            )  # the mark lets spreadsheets see UTF-8
        else:
            rows.to_parquet(temporary, index=False)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target.with_suffix(suffix))
