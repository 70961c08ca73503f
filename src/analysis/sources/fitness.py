"""What `workbook check` shows of a bank's tables."""

from collections.abc import Mapping
from typing import Literal

from rich.markup import escape
from rich.table import Table as Shown

from analysis.contract import CONTRACT
from analysis.language import listed, marked, say
from analysis.sources.accepted import Verdict

#: Heads of the columns, and on which side they stand.
HEADS: dict[str, Literal["left", "right"]] = {
    marked("table", "head on the terminal"): "left",
    marked("rows", "head on the terminal"): "right",
    marked("set aside", "head on the terminal"): "right",
    marked("rules broken", "head on the terminal"): "left",
    marked("values left out", "head on the terminal"): "left",
    marked("optional columns missing", "head on the terminal"): "left",
    marked("newest", "head on the terminal"): "left",
}


def fitness_table(title: str, verdicts: Mapping[str, Verdict]) -> Shown:
    """A row per table of the contract: how many rows there are, and what is wrong with them."""
    shown = Shown(title=escape(say("{title}: fitness for the contract").format(title=title)))
    for head, side in HEADS.items():
        shown.add_column(say(head), overflow="fold", justify=side)
    for name in CONTRACT:
        verdict = verdicts[name]
        if not verdict.delivered:
            shown.add_row(name, "–", "–", say("not delivered"), "", "", "")
            continue
        shown.add_row(
            name,
            f"{verdict.rows:,}",
            f"{verdict.rows_set_aside:,}",
            escape(_counted(verdict.set_aside)),
            escape(_counted(verdict.emptied)),
            escape(listed(verdict.missing_columns)),
            verdict.newest + (f" [red]{say('late')}[/red]" if verdict.late else ""),
        )
    return shown


def _counted(counts: Mapping[str, int]) -> str:
    return listed(f"{what} {count:,}" for what, count in counts.items())


def remarks(verdict: Verdict) -> list[str]:
    """What else a reader of a table has to know, a sentence each."""
    if not verdict.empty_words:
        return []
    return [
        say(
            "{table}: words that stand for nothing (formats.empty) were read as empty in "
            "{empty_words}."
        ).format(table=verdict.table, empty_words=_counted(verdict.empty_words))
    ]


def left_out_told(verdict: Verdict) -> str:
    """One sentence on the values of a table that were left out; empty where there are none."""
    if not verdict.emptied:
        return ""
    return say("{table}: of rows that were kept, values were left out: {emptied}.").format(
        table=verdict.table, emptied=_counted(verdict.emptied)
    )
