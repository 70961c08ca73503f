"""Charts of products and offers: each takes a finished table and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import PercentFormatter

from analysis.language import clauses, say, with_currency
from analysis.opportunities.words import label
from analysis.report.figure import Figure, amount_ticks
from analysis.statistics.reach import reach


def holders_chart(holders: pd.DataFrame, title: str) -> Figure | None:
    """The share of the customers who hold each product, with its interval, now and a quarter ago.

    holders: as from `findings.holders_table`. title: what was found.
    """
    told = holders.dropna(subset=["share"])
    if told.empty:
        return None
    drawing, axis = plt.subplots(figsize=(8, 0.34 * len(told) + 1.2))
    axis.errorbar(
        told["share"],
        range(len(told)),
        xerr=reach(told, "share", "low", "high"),
        fmt="o",
        capsize=3,
        label=say("this quarter, 95 % interval"),
    )
    before = say("last quarter")
    axis.plot(told["before"], range(len(told)), "|", color="grey", markersize=10, label=before)
    axis.set_yticks(range(len(told)), told["product"])
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(say("Share of the customers who hold it"))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axis.set_title(title)
    return Figure(drawing, title)


def compared_chart(compared: pd.DataFrame) -> Figure | None:
    """How many of the offers each way would have made were taken up; compared as from
    `findings.compared`.
    """
    if compared.empty:
        return None
    told = compared.sort_values("share", ascending=False, kind="stable")
    drawing, axis = plt.subplots(figsize=(7, 2.4))
    axis.errorbar(
        told["share"],
        range(len(told)),
        xerr=reach(told, "share", "low", "high"),
        fmt="o",
        capsize=3,
    )
    axis.set_yticks(range(len(told)), [label(m) for m in told["method"]])
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(say("Share of the offers that would have been taken up, 95 % interval"))
    best, second = told.iloc[0], told.iloc[1]
    title = (
        say("Chosen by {method} most offers are taken up, beyond chance")
        if best["low"] > second["high"]
        else say("Chosen by {method} most offers are taken up; the next best may be as good")
    ).format(method=label(best["method"]))
    axis.set_title(title)
    return Figure(drawing, title)


def found_chart(told: pd.DataFrame) -> Figure | None:
    """How many of the holders held out are among the likeliest tenth; told as from
    `potential.told`.
    """
    rows = told.dropna(subset=["share"])
    if rows.empty:
        return None
    drawing, axis = plt.subplots(figsize=(6, 0.4 * len(rows) + 1.2))
    axis.errorbar(
        rows["share"],
        range(len(rows)),
        xerr=reach(rows, "share", "low", "high"),
        fmt="o",
        capsize=3,
    )
    axis.axvline(0.1, color="grey", linestyle="--", label=say("by chance"))
    named = say("{product}, by {known}", "who holds a product, told by what is known")
    axis.set_yticks(
        range(len(rows)),
        [named.format(product=r.product, known=label(r.known)) for r in rows.itertuples()],
    )
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(say("Holders held out who are among the likeliest tenth, 95 % interval"))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    title = say("{n} of {all} models find holders beyond chance").format(
        n=int(rows["beyond_chance"].sum()), all=len(rows)
    )
    axis.set_title(title)
    return Figure(drawing, title)


def needs_chart(needs: pd.DataFrame) -> Figure | None:
    """What each need is worth to the bank a year; needs as from `potential.needs`."""
    if needs.empty:
        return None
    drawing, axis = plt.subplots(figsize=(8, 0.4 * len(needs) + 1.2))
    axis.errorbar(
        needs["yearly"],
        range(len(needs)),
        xerr=reach(needs, "yearly", "yearly_low", "yearly_high"),
        fmt="o",
        capsize=3,
    )
    # a name from the data is not set as a formula
    named = [
        clauses([label(r.pattern), label(r.customer_type), r.bank.replace("$", r"\$")])
        for r in needs.itertuples()
    ]
    axis.set_yticks(range(len(needs)), named)
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(amount_ticks())
    axis.set_xlabel(with_currency(say("Worth a year, 95 % interval")))
    first, *others = needs.sort_values("yearly", ascending=False).itertuples()
    title = say("What each need is worth a year")
    if others and first.yearly_low > max(other.yearly_high for other in others):
        title = say("Worth most a year: {need}").format(need=label(first.pattern))
    axis.set_title(title)
    return Figure(drawing, title)
