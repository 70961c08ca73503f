"""What `workbook check` shows of a bank's tables."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table as Shown

from analysis.contract import CONTRACT
from analysis.sources.accepted import Verdict

HEADS = (
    "table",
    "rows",
    "set aside",
    "rules broken",
    "values left out",
    "optional columns missing",
    "newest",
)


def fitness_table(title: str, verdicts: Mapping[str, Verdict]) -> Shown:
    """A row per table of the contract: how many rows there are, and what is wrong with them."""
    shown = Shown(title=escape(f"{title}: fitness for the contract"))
    for head in HEADS:
        right = head in ("rows", "set aside")
        shown.add_column(head, overflow="fold", justify="right" if right else "left")
    for name in CONTRACT:
        verdict = verdicts[name]
        if not verdict.delivered:
            shown.add_row(name, "–", "–", "not delivered", "", "", "")
            continue
        shown.add_row(
            name,
            f"{verdict.rows:,}",
            f"{verdict.rows_set_aside:,}",
            escape(_counted(verdict.set_aside)),
            escape(_counted(verdict.emptied)),
            escape(", ".join(verdict.missing_columns)),
            verdict.newest + (" [red]late[/red]" if verdict.late else ""),
        )
    return shown


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {count:,}" for what, count in counts.items())


def remarks(verdict: Verdict) -> list[str]:
    """What else a reader of a table has to know, a sentence each."""
    if not verdict.empty_words:
        return []
    return [
        f"{verdict.table}: words that stand for nothing (formats.empty) were read as empty in "
        f"{_counted(verdict.empty_words)}."
    ]


def left_out_told(verdict: Verdict) -> str:
    """One sentence on the values of a table that were left out; empty where there are none."""
    if not verdict.emptied:
        return ""
    return (
        f"{verdict.table}: of rows that were kept, values were left out: "
        f"{_counted(verdict.emptied)}."
    )
