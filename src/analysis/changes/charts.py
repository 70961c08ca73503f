"""Charts of what changed: each takes a finished table and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from analysis.changes.words import label
from analysis.language import headline, listed, say
from analysis.report.figure import Figure
from analysis.statistics.comparison import LEAST_CHANCE
from analysis.statistics.reach import reach


def migration_chart(moves: pd.DataFrame, kind: str, title: str) -> Figure:
    """Heat map of where the customers of each group went; moves as from `changes.migration`. title:
    what was found.
    """
    of_kind = moves[moves["customer_type"] == kind] if len(moves) else moves
    drawing, axis = plt.subplots(figsize=(7.5, 4.2))
    matrix = (
        of_kind.pivot_table(index="was", columns="became", values="share", observed=True)
        if len(of_kind)
        else pd.DataFrame()
    )
    if matrix.empty:
        axis.set_axis_off()
        title = say("There are too few customers to show who moved")
        axis.set_title(title)
        return Figure(drawing, title)
    order = [*matrix.index, *[c for c in matrix.columns if c not in matrix.index]]
    matrix = matrix.reindex(columns=[c for c in order if c in matrix.columns])
    sns.heatmap(
        matrix.rename(index=label, columns=label) * 100,
        annot=True,
        fmt=".0f",
        cmap="Blues",
        vmin=0,
        vmax=100,
        ax=axis,
        cbar_kws={"label": say("% of last quarter's group")},
    )
    axis.grid(visible=False)
    axis.set(xlabel=say("Now"), ylabel=say("Last quarter"))
    axis.tick_params(axis="x", rotation=30)
    axis.tick_params(axis="y", rotation=0)
    axis.set_title(headline(title))
    return Figure(drawing, headline(title))


def event_chart(rates: pd.DataFrame) -> Figure:
    """Events per 1,000 active customers with their intervals, and last quarter's; rates as from
    `changes.event_rates`.
    """
    shown = rates.dropna(subset=["per_1000"]).sort_values("per_1000")
    drawing, axis = plt.subplots(figsize=(7.5, 0.4 * max(len(shown), 3) + 1.2))
    if shown.empty:
        axis.set_axis_off()
        title = say("No event happened often enough to be shown")
    else:
        error = reach(shown, "per_1000", "low", "high")
        axis.errorbar(
            shown["per_1000"],
            range(len(shown)),
            xerr=error,
            fmt="o",
            capsize=3,
            label=say("this quarter, 95 % interval"),
        )
        axis.plot(shown["before"], range(len(shown)), "x", color="grey", label=say("last quarter"))
        axis.set_yticks(range(len(shown)), shown["event"])
        axis.set_xlabel(say("Customers per 1,000 active ones"))
        axis.set_xlim(left=0)
        axis.legend(loc="lower right")
        title = events_in_words(shown)
    axis.set_title(title)
    return Figure(drawing, title)


def events_in_words(rates: pd.DataFrame) -> str:
    """Which events were more or less frequent than last quarter beyond chance; that none was."""
    certain = rates[rates["p_corrected"] < LEAST_CHANCE]
    more = certain.loc[certain["per_1000"] > certain["before"], "event"]
    fewer = certain.loc[certain["per_1000"] < certain["before"], "event"]
    if len(more) and len(fewer):
        return say("Beyond chance more frequent: {more}; less frequent: {fewer}").format(
            more=listed(more), fewer=listed(fewer)
        )
    if len(certain):
        template = (
            say("More frequent than last quarter, beyond chance: {events}")
            if len(more)
            else say("Less frequent than last quarter, beyond chance: {events}")
        )
        return template.format(events=listed(certain["event"]))
    return say("No event was more or less frequent than last quarter beyond chance")


def backtest_chart(tested: pd.DataFrame) -> Figure:
    """What followed each event against what follows otherwise; tested as from
    `changes.backtest`.
    """
    shown = tested.dropna(subset=["followed"]).sort_values("lift", na_position="first")
    drawing, axis = plt.subplots(figsize=(7.5, 0.4 * max(len(shown), 3) + 1.2))
    if shown.empty:
        axis.set_axis_off()
        title = say("There are no earlier quarters to test the events on")
    else:
        error = [100 * side for side in reach(shown, "followed", "low", "high")]
        axis.errorbar(
            shown["followed"] * 100,
            range(len(shown)),
            xerr=error,
            fmt="o",
            capsize=3,
            label=say("after the event, 95 % interval"),
        )
        axis.plot(
            shown["base"] * 100,
            range(len(shown)),
            "x",
            color="grey",
            label=say("customers without it"),
        )
        axis.set_yticks(
            range(len(shown)),
            [f"{e} → {label(o)}" for e, o in zip(shown["event"], shown["outcome"], strict=True)],
        )
        axis.set_xlabel(say("% left or bought in the quarter after"))
        axis.set_xlim(left=0)
        axis.legend(loc="lower right")
        certain = shown[(shown["p_corrected"] < 0.05) & (shown["lift"] > 1)]
        title = say("No event is certain to announce anything")
        if len(certain):
            best = certain.iloc[-1]
            title = say("{event} announces most: {lift} times the usual").format(
                event=best["event"], lift=f"{best['lift']:.1f}"
            )
    axis.set_title(title)
    return Figure(drawing, title)
