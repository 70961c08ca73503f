"""Charts of data health: each takes finished figures and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import PercentFormatter

from analysis.data_health.costs import Growth
from analysis.data_health.words import label
from analysis.language import say
from analysis.report.figure import Figure


def aspect_chart(told: pd.DataFrame) -> Figure | None:
    """The share of doubtful rows by aspect over the quarters; told as from
    `findings.by_aspect`.
    """
    if told.empty:
        return None
    drawing, axis = plt.subplots(figsize=(8, 3.4))
    markers = "osD^vP"
    for place, (aspect, rows) in enumerate(told.groupby("aspect", sort=False)):
        axis.plot(
            rows["quarter"],
            rows["share"],
            marker=markers[place % len(markers)],
            color=sns.color_palette()[place],
            label=label(str(aspect)),
        )
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axis.set_ylim(bottom=0)
    axis.set_ylabel(say("Doubtful, of the rows checked"))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    title = say("Doubtful rows over the quarters, by aspect")
    axis.set_title(title)
    return Figure(drawing, title)


def days_chart(days: pd.DataFrame, unusual: pd.DataFrame, title: str) -> Figure | None:
    """Entries by day, with the days unlike what was to be expected.

    days: the columns `DATA_DAY`; unusual: the columns `UNUSUAL`, of the same branches.
    """
    if days.empty:
        return None
    rows = days.assign(day=pd.to_datetime(days["day"]))
    by_day = rows.groupby("day")["entries"].sum()
    by_day = by_day.reindex(pd.date_range(by_day.index.min(), by_day.index.max()), fill_value=0)
    drawing, axis = plt.subplots(figsize=(9, 3.2))
    axis.plot(by_day.index, by_day, linewidth=1.2, color=sns.color_palette()[0])
    for place, row in enumerate(unusual.itertuples()):
        first, last = pd.Timestamp(row.day), pd.Timestamp(row.until)
        axis.axvspan(
            first - pd.Timedelta(hours=12),
            last + pd.Timedelta(hours=12),
            color=sns.color_palette()[3],
            alpha=0.35,
            label=say("unlike what was to be expected") if place == 0 else None,
        )
    locator = AutoDateLocator()
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axis.set_ylim(bottom=0)
    axis.set_ylabel(say("Entries"))
    if len(unusual):
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axis.set_title(title)
    return Figure(drawing, title)


def growth_chart(quarters: list[str], sizes: list[float], coming: Growth | None) -> Figure | None:
    """What the entries of each quarter take, and what those of the coming ones will.

    quarters: those so far and the coming ones, in order; sizes: bytes of those so far.
    """
    if not any(sizes):
        return None
    drawing, axis = plt.subplots(figsize=(8, 3.2))
    colour = sns.color_palette()[0]
    axis.bar(range(len(sizes)), [s / 1e6 for s in sizes], color=colour, label=say("Kept"))
    if coming is not None:
        places = range(len(sizes), len(sizes) + len(coming.quarters))
        expected, low, high = (
            [v / 1e6 for v in values] for values in zip(*coming.quarters, strict=True)
        )
        axis.errorbar(
            places,
            expected,
            yerr=[
                [e - v for e, v in zip(expected, low, strict=True)],
                [v - e for e, v in zip(expected, high, strict=True)],
            ],
            fmt="o",
            capsize=4,
            color=sns.color_palette()[1],
            label=say("Expected, with 95 % interval"),
        )
    shown = quarters if coming is not None else quarters[: len(sizes)]
    axis.set_xticks(range(len(shown)), shown, rotation=30, ha="right")
    axis.set_ylim(bottom=0)
    axis.set_ylabel(say("Megabytes"))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    title = say("What the entries of a quarter take")
    axis.set_title(title)
    return Figure(drawing, title)
