"""Charts of who leaves: each takes a finished table and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import PercentFormatter

from analysis.language import say
from analysis.loyalty.charts import bank_and_branch
from analysis.report.figure import Figure
from analysis.retention.words import label
from analysis.statistics.reach import reach


def departures_chart(
    departures: pd.DataFrame, branch: str, title: str, pooled: str = "ALL"
) -> Figure:
    """Share of customers who left, quarter by quarter; departures as from
    `findings.departure_table`. title: what was found.
    """
    drawing, axis = plt.subplots(figsize=(8, 3.4))
    shown = departures.dropna(subset=["share"])
    if shown.empty:
        axis.set_axis_off()
        title = say("No departures are known")
    else:
        bank_and_branch(axis, shown, "share", branch, pooled)
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.set(xlabel=say("Quarter"), ylabel=say("Left, 95 % interval"))
    axis.set_title(title)
    return Figure(drawing, title)


def calibration_chart(tenths: pd.DataFrame) -> Figure:
    """Told against observed share of departures; tenths as from `findings.tenths`."""
    drawing, axis = plt.subplots(figsize=(5, 4))
    nothing_held_out, tenths = tenths.empty, tenths.dropna(subset=["observed"])
    if tenths.empty:
        axis.set_axis_off()
        title = (
            say("No quarter could be held out")
            if nothing_held_out
            else say("Too few left in each tenth to be told")
        )
    else:
        for kind, part in tenths.groupby("customer_type", sort=False):
            axis.errorbar(
                part["predicted"],
                part["observed"],
                yerr=reach(part, "observed", "low", "high"),
                fmt="o",
                capsize=3,
                label=label(str(kind)),
            )
        axis.legend()
        top = float(max(tenths["predicted"].max(), tenths["high"].max()))
        axis.plot([0, top], [0, top], color="grey", linewidth=1)
        axis.set(xlabel=say("Chance of leaving as told"), ylabel=say("Left, 95 % interval"))
        for side in (axis.xaxis, axis.yaxis):
            side.set_major_formatter(PercentFormatter(1))
        inside = int(tenths["predicted"].between(tenths["low"], tenths["high"]).sum())
        title = say(
            "In {within} of the {all} tenths shown the chance told lies within the interval"
        ).format(within=inside, all=len(tenths))
    axis.set_title(title, fontsize=10)
    return Figure(drawing, title)
