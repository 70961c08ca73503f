"""What a report's notebook talks to: its data, and the ways of showing a finding to the reader."""

import html
import json
import random
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import ParametersError, not_one_of
from analysis.language import (
    because,
    clauses,
    languages,
    listed,
    quarter_in_words,
    say,
    sentences,
    use,
    use_currency,
)
from analysis.partition import Partition
from analysis.prepare import prepare_if_needed
from analysis.quarters import Quarter
from analysis.report.brief import NOT_EXAMINED, Brief, finding
from analysis.report.figure import style
from analysis.report.lists import LISTS, SPREADSHEET, list_title, write_list, write_page
from analysis.report.spreadsheet import with_words
from analysis.report.table import table
from analysis.report.words import SHARED, Words
from analysis.sources.params import read_params
from analysis.storage import text_fingerprint
from analysis.workers import keep_libraries_quiet

__all__ = ["Report", "because", "finding", "open_report", "say", "table"]


class Notice:
    """Sentences the reader must see; nothing when they are empty."""

    def __init__(self, *sentences: str) -> None:
        self.sentences = [s for s in sentences if s]

    def __repr__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        return "".join(f'<p class="notice">{html.escape(s)}</p>' for s in self.sentences)


class Heading:
    """A heading within a section; `anchor` is what a link to it ends with."""

    def __init__(self, text: str, anchor: str) -> None:
        self.text, self.anchor = text, anchor

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<h3 id="{html.escape(self.anchor)}">{html.escape(self.text)}</h3>'


class Link:
    """A way to a file beside the lists."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        href = f"{LISTS}{html.escape(self.file)}"
        return f'<p class="all"><a href="{href}">{html.escape(self.text)}</a></p>'


class Delivered(Notice):
    """That a list was written, with a way to it."""

    def __init__(self, sentence: str, name: str) -> None:
        super().__init__(sentence)
        self.name, self.in_book = name, say("all lists in one spreadsheet")

    def _repr_html_(self) -> str:
        link = f'<a href="{LISTS}{html.escape(self.name)}.csv" download>'
        book = f'<a href="{SPREADSHEET}" download>{html.escape(self.in_book)}</a>'
        return f'<p class="all">{link}{html.escape(self.sentences[0])}</a> · {book}</p>'


class NotExamined(Notice):
    """Why a report has nothing to say; where it stands, the page ends."""

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, object]:
        return {
            "text/plain": repr(self),
            "text/html": self._repr_html_(),
            NOT_EXAMINED: json.dumps(repr(self), ensure_ascii=False),
        }


class Report:
    """One report on one partition; see `open_report`."""

    def __init__(self, partition: Any, outputs: str, min_cell: int, language: str) -> None:
        self.partition, self.bank = partition, partition.bank
        self.quarter, self.previous = str(partition.quarter), str(partition.quarter.previous)
        self.branch, self.min_cell = partition.branch, min_cell
        self.outputs, self.language = outputs, language

    def about(self, left_empty: bool = False) -> Notice:
        """Whose data this is, how much of it, and what was set aside; and why some numbers of the
        page are left empty, where they are.
        """
        counts = self.partition.quarantine_counts()
        told = [
            say(
                "{branch}, {quarter}: {customers} customers with an open account. Of {rows} "
                "rows delivered by the bank {aside} broke a rule and were set aside."
            ).format(
                branch=self.partition.branch_name,
                quarter=quarter_in_words(self.quarter),
                customers=self._customers_in_words(),
                rows=f"{counts['rows'].sum():,}",
                aside=f"{counts['set_aside'].sum():,}",
            )
        ]
        late = counts.loc[counts["late"], "table"].tolist()
        if late:
            told.append(say("Not fresh: {tables}.").format(tables=listed(late)))
        if self.partition.sampled:
            sampled = say(
                "Profiles come from a sample of {n} customers; sizes are counted over all."
            )
            told.append(sampled.format(n=f"{len(self.partition.customers):,}"))
        if left_empty:
            empty = say(
                "Numbers are left empty, and small rows left out, where they would tell of fewer "
                "than {n} customers, or of one or two who left, be it by subtracting pages."
            )
            told.append(empty.format(n=self.min_cell))
        return Notice(sentences(*told))

    def _customers_in_words(self) -> str:
        if self.partition.customer_count < self.min_cell:
            return say("fewer than {n}").format(n=self.min_cell)
        if self.partition.hides("customers"):
            return say("an undisclosed number of")
        return f"{self.partition.customer_count:,}"

    def examined(
        self, *steps: str, quarters: int = 1, unless: Sequence[str] = (), why_not: str = ""
    ) -> Notice:
        """Says what the report has not got; the page ends there and the report counts as empty,
        so that no zero stands for what was never looked at.

        steps: those it stands on. quarters: how many of the bank's, up to this one, it needs.
        unless: tables of which one is enough for it to have something to say all the same.
        why_not: another reason, in words, where there is one.
        """
        lacks = self.lacks(*steps, quarters=quarters) or why_not
        if not lacks:
            return Notice()
        counts = self.partition.quarantine_counts()
        has_rows = counts.loc[counts["rows"] > counts["set_aside"], "table"]
        if has_rows.isin(list(unless)).any():
            return Notice(say("Left out below, for {why}.").format(why=lacks))
        return NotExamined(say("Not examined: {why}.").format(why=lacks))

    def lacks(self, *steps: str, quarters: int = 1) -> str:
        """What is missing for steps, in words; empty where they have all they need."""
        tables = self.partition.missing_for(*steps)
        counts = self.partition.quarantine_counts()
        empty = sorted(set(tables) & set(counts.loc[counts["rows"] == 0, "table"]))
        rejected = sorted(set(tables) & set(counts.loc[counts["rows"] > 0, "table"]))
        reasons = []
        if undelivered := [t for t in tables if t not in (*empty, *rejected)]:
            what = listed(undelivered)
            reasons.append(say("the bank does not deliver {tables}").format(tables=what))
        if empty:
            what = listed(empty)
            reasons.append(say("{tables} has no rows").format(tables=what))
        if rejected:
            what = listed(rejected)
            reasons.append(say("no row of {tables} could be accepted").format(tables=what))
        there = self.bank.all_quarters.index(self.partition.quarter) + 1
        if there < quarters:
            reasons.append(
                say("{n} quarters of the bank are needed, and {there} is there").format(
                    n=quarters, there=there
                )
            )
        return clauses(reasons)

    def notice(self, *sentences: str) -> Notice:
        """Sentences the reader must see, each in a paragraph of its own."""
        return Notice(*sentences)

    def link(self, text: str, file: str) -> Link:
        """A way to a page that was delivered beside the lists."""
        return Link(text, file)

    def heading(self, text: str, anchor: str) -> Heading:
        """A heading within a section, which links can lead to."""
        return Heading(text, anchor)

    def brief(self, brief: Brief) -> Brief:
        """What the subject tells management, in the bank's currency; it opens the page."""
        return brief.model_copy(update={"currency": self.bank.currency})

    def deliver(self, name: str, rows: pd.DataFrame, words: Words = SHARED) -> Notice:
        """Write a list for staff as CSV and Parquet beside the page, for the branch's spreadsheet
        too; in JupyterLab nothing is written. The page does not say how long it is: that would tell
        small counts. words: of heads and codes, for the spreadsheet.
        """
        if not self.outputs:
            return Notice(
                say("The list {name} is written when the report is run.").format(
                    name=list_title(name)
                )
            )
        write_list(rows, Path(self.outputs), name, with_words(rows, words))
        return Delivered(say("{name}: all rows as CSV").format(name=list_title(name)), name)

    def deliver_page(self, file: str, html: str) -> None:
        """Write a page of its own beside the lists; in JupyterLab nothing is written.

        file: such as `cases/RM-1.html`.
        """
        if self.outputs:
            write_page(html, Path(self.outputs), file)


def open_report(
    params: str,
    branch: str,
    quarter: str,
    language: str = "en",
    outputs: str = "",
    min_cell: int | None = None,
    tables: Sequence[type[Partition]] = (),
) -> Report:
    """Open the data of a report; the demo bank is made and prepared on first use.

    params: the bank's params file. branch: its identifier, or ALL. quarter: such as 2024Q4.
    language: of the page.
    outputs: the folder that lists are written to; empty in JupyterLab. min_cell: the smallest group
    shown, where it is to be larger than the params file says. tables: the subjects whose tables the
    report reads (their `reads.py`); all unless given. Raises ParametersError naming the valid
    values.
    """
    if language not in languages():
        raise ParametersError(not_one_of(say("The language"), language, languages()))
    use(language)
    style()
    if outputs:  # what libraries warn of is for those who write a report, not for who reads it
        keep_libraries_quiet()
    bank = read_params(params)
    use_currency(bank.currency)
    wanted = Quarter.parse(quarter)
    prepare_if_needed(bank, wanted)
    # what draws at random draws the same again
    seed = int(text_fingerprint(bank.bank, branch, quarter), 16) % 2**32
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the generator that careless code and older libraries use
    log = Path(outputs).with_suffix(".readings") if outputs else None
    partition = partition_with(tables)(bank, branch, wanted, log)
    return Report(partition, outputs, max(min_cell or 0, bank.min_cell), language)


def partition_with(tables: Sequence[type[Partition]]) -> type[Any]:
    """A partition with the tables of the subjects named, or of all.

    All are found by name, so that a report which names its own depends on their code only.
    """
    if not tables:
        every: type[Any] = import_module("analysis.tables").Tables
        return every
    names = tuple(name for subject in tables for name in subject.tables)
    return type("Tables", tuple(tables), {"tables": names})
