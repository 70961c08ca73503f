"""What `workbook check` shows of a bank's tables."""

from collections.abc import Mapping

from rich.markup import escape
from rich.table import Table as Shown

from analysis.contract import CONTRACT
from analysis.sources.accepted import Verdict

HEADS = ("table", "rows", "set aside", "rules broken", "optional columns missing", "newest")


def fitness_table(title: str, verdicts: Mapping[str, Verdict]) -> Shown:
    """A row per table of the contract: how many rows there are, and what is wrong with them."""
    shown = Shown(title=escape(f"{title}: fitness for the contract"))
    for head in HEADS:
        right = head in ("rows", "set aside")
        shown.add_column(head, overflow="fold", justify="right" if right else "left")
    for name in CONTRACT:
        verdict = verdicts[name]
        if not verdict.delivered:
            shown.add_row(name, "–", "–", "not delivered", "", "")
            continue
        rules = ", ".join(f"{rule} {count:,}" for rule, count in verdict.set_aside.items())
        shown.add_row(
            name,
            f"{verdict.rows:,}",
            f"{verdict.rows_set_aside:,}",
            escape(rules),
            escape(", ".join(verdict.missing_columns)),
            verdict.newest + (" [red]late[/red]" if verdict.late else ""),
        )
    return shown
