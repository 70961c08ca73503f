"""Charts of loyalty: each takes a finished table and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from analysis.language import listed, say, within
from analysis.loyalty.words import in_order, label
from analysis.report.figure import Figure
from analysis.statistics.reach import reach

DIMENSIONS = "dimension"
MOST_LINES = 24


def bank_and_branch(axis: Axes, shown: pd.DataFrame, value: str, branch: str, pooled: str) -> None:
    """The whole bank and a branch over the quarters, each with its interval low to high and its
    name at the end of its line.

    shown: branch_id, quarter, the value, low, high. pooled: the branch_id of the whole bank.
    """
    for number, name in enumerate(dict.fromkeys([pooled, branch])):
        part = shown[shown["branch_id"] == name]
        if part.empty:
            continue
        last = part.iloc[-1]
        axis.annotate(
            say("The whole bank") if name == pooled else name,
            (last["quarter"], last[value]),
            xytext=(8, -7 if name == pooled and branch != pooled else 7),
            textcoords="offset points",
            va="center",
            color=sns.color_palette()[number],
        )
        axis.errorbar(
            part["quarter"],
            part[value],
            yerr=reach(part, value, "low", "high"),
            marker="o",
            capsize=3,
            color=sns.color_palette()[number],
        )


def index_over_time(index: pd.DataFrame, branch: str, title: str, pooled: str = "ALL") -> Figure:
    """The index of the branch and of the bank over the quarters, with intervals; index as from
    `findings.index_table`. title: what was found.
    """
    drawing, axis = plt.subplots(figsize=(8, 3.4))
    shown = (
        index[(index[DIMENSIONS] == "index") & (index["segment"] == "")].dropna(subset=["mean"])
        if len(index)
        else index
    )
    of_branch = shown[shown["branch_id"] == branch] if len(shown) else shown
    if of_branch.empty:
        axis.set_axis_off()
        title = say("There are too few answers for an index")
    else:
        bank_and_branch(axis, shown, "mean", branch, pooled)
        axis.set(xlabel=say("Quarter"), ylabel=say("Index (0–100), 95 % interval"))
    axis.set_title(title)
    return Figure(drawing, title)


def changes_chart(changes: pd.DataFrame) -> Figure:
    """Changes with their intervals, the first so many; changes as from `findings.changes`."""
    changes = changes.head(MOST_LINES)
    drawing, axis = plt.subplots(figsize=(8, max(2.6, 0.26 * len(changes) + 1)))
    if changes.empty:
        axis.set_axis_off()
        title = say("There are too few answers to compare with earlier quarters")
    else:
        many = changes["branch_id"].nunique() > 1
        of = say("{dimension}, {against}")
        names = [
            f"{b} · {of.format(dimension=label(d), against=label(a))}"
            if many
            else of.format(dimension=label(d), against=label(a))
            for b, d, a in zip(
                changes["branch_id"], changes[DIMENSIONS], changes["against"], strict=True
            )
        ]
        for is_certain, colour in ((False, "grey"), (True, sns.color_palette()[3])):
            at = [i for i, c in enumerate(changes["changed"]) if bool(c) == is_certain]
            part = changes.iloc[at]
            axis.errorbar(
                part["change"],
                at,
                xerr=reach(part, "change", "low", "high"),
                fmt="o",
                capsize=3,
                color=colour,
            )
        axis.set_yticks(range(len(names)), names)
        axis.invert_yaxis()
        axis.axvline(0, color="black", linewidth=1)
        axis.set_xlabel(
            say("Change (points), 95 % interval; coloured: significant after correction")
        )
        certain = changes[changes["changed"]]
        if certain.empty:
            title = say("Nothing changed that could not be chance")
        else:
            most = certain.loc[certain["change"].abs().idxmax()]
            template = (
                say("{dimension} rose by {points} points ({branch})")
                if most["change"] > 0
                else say("{dimension} fell by {points} points ({branch})")
            )
            title = template.format(
                dimension=label(most[DIMENSIONS]),
                points=f"{abs(most['change']):.1f}",
                branch=most["branch_id"],
            )
    axis.set_title(title)
    return Figure(drawing, title)


def control_chart(control: pd.DataFrame, quarter: str) -> Figure:
    """Every dimension over the quarters within the limits of chance; control as from
    `findings.control`.
    """
    names = list(control[DIMENSIONS].drop_duplicates().sort_values(key=in_order))
    rows = max(-(-len(names) // 2), 1)
    drawing, axes = plt.subplots(rows, 2, figsize=(8, 1.9 * rows + 0.4), sharex=True, squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        part = control[control[DIMENSIONS] == name].reset_index(drop=True)
        axis.fill_between(part["quarter"], part["low"], part["high"], step="mid", alpha=0.15)
        axis.plot(part["quarter"], part["centre"], color="grey", linewidth=1)
        axis.plot(part["quarter"], part["mean"], marker="o", markersize=4)
        outside = part[part["outside"]]
        axis.plot(outside["quarter"], outside["mean"], "o", color=sns.color_palette()[3])
        axis.set_title(label(name), fontsize=9)
        axis.tick_params(axis="x", rotation=60, labelsize=7)
    now = control[(control["quarter"] == quarter) & control["outside"]] if len(control) else control
    if control.empty:
        title = say("There are too few quarters for a control chart")
    elif now.empty:
        title = say("Everything lies within what chance lets expect")
    else:
        title = say("Outside what chance lets expect: {dimensions}").format(
            dimensions=listed(within(label(d)) for d in now[DIMENSIONS])
        )
    drawing.suptitle(title)
    drawing.tight_layout()
    return Figure(drawing, title)


def drivers_chart(drivers: pd.DataFrame) -> Figure:
    """What each dimension explains, with intervals; drivers as from `drivers.driver_table`."""
    shown = drivers[drivers["target"] == drivers["target"].iloc[-1]] if len(drivers) else drivers
    of_satisfaction = drivers["target"] == "satisfaction"
    if of_satisfaction.any():
        shown = drivers[of_satisfaction]
    drawing, axis = plt.subplots(figsize=(7.5, 0.4 * max(len(shown), 3) + 1.2))
    if shown.empty:
        axis.set_axis_off()
        title = say("There are too few answers to tell what drives satisfaction")
    else:
        error = reach(shown, "share", "share_low", "share_high")
        axis.barh(
            [label(d) for d in shown["driver"]], shown["share"], xerr=error, capsize=3, alpha=0.8
        )
        axis.invert_yaxis()
        axis.set_xlabel(say("Share of what all dimensions explain, 95 % interval"))
        axis.xaxis.set_major_formatter(PercentFormatter(1))
        # shares add up to one, so no test of independent estimates says which is the largest
        first = shown.iloc[0]
        title = say("{driver} explains {share} ({low} to {high}) of what all explain").format(
            driver=label(first["driver"]),
            share=f"{first['share']:.0%}",
            low=f"{first['share_low']:.0%}",
            high=f"{first['share_high']:.0%}",
        )
    axis.set_title(title)
    return Figure(drawing, title)


def map_chart(performance: pd.DataFrame) -> Figure:
    """Importance–performance map; performance as from `drivers.performance`."""
    drawing, axis = plt.subplots(figsize=(7, 4.2))
    if performance.empty:
        axis.set_axis_off()
        title = say("There are too few answers for a map")
    else:
        # each against the median branch of its own dimension, as the table judges it
        ahead = performance["mean"] - performance["median"]
        axis.errorbar(
            ahead,
            performance["importance"],
            xerr=reach(performance, "mean", "low", "high"),
            yerr=reach(performance, "importance", "importance_low", "importance_high"),
            fmt="o",
            capsize=3,
        )
        for r in performance.itertuples():
            axis.annotate(
                label(r.dimension),
                (r.mean - r.median, r.importance),
                xytext=(6, 6),
                textcoords="offset points",
            )
        axis.axhline(1 / len(performance), color="grey", linewidth=1)
        axis.axvline(0, color="grey", linewidth=1)
        axis.set(
            xlabel=say("Points ahead of the median branch, 95 % interval"),
            ylabel=say("Share in what drives satisfaction"),
        )
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        wins = performance[performance["quick_win"]]
        title = (
            say("Quick wins: {dimensions}").format(
                dimensions=listed(within(label(d)) for d in wins["dimension"])
            )
            if len(wins)
            else say("No dimension is important, weak and improvable at once")
        )
    axis.set_title(title)
    return Figure(drawing, title)


def effects_chart(terms: pd.DataFrame) -> Figure:
    """Points of retention with intervals; terms as from `regression_tables.term_table`."""
    drawing, axis = plt.subplots(figsize=(8, 3.8))
    if terms.empty:
        axis.set_axis_off()
        title = say("There is too little to say what keeps customers")
    else:
        axis.errorbar(
            terms["points"],
            range(len(terms)),
            xerr=reach(terms, "points", "points_low", "points_high"),
            fmt="o",
            capsize=3,
        )
        axis.set_yticks(range(len(terms)), [label(t) for t in terms["term"]])
        axis.invert_yaxis()
        axis.axvline(0, color="black", linewidth=1)
        axis.set_xlabel(
            say(
                "Points of retention per 10 points (attitudes) or standard deviation "
                "(behaviour), 95 % interval"
            )
        )
        certain = terms[terms["points_low"] > 0]
        title = (
            say("{term} goes with staying most").format(
                term=label(certain.loc[certain["points"].idxmax(), "term"])
            )
            if len(certain)
            else say("No effect on staying is certain")
        )
    axis.set_title(title)
    return Figure(drawing, title)


def paths_chart(paths: pd.DataFrame) -> Figure:
    """What acts on satisfaction and loyalty, with intervals; paths as from `measurement.paths`."""
    shown = paths.sort_values(["target", "path"])
    drawing, axis = plt.subplots(figsize=(7.5, 0.4 * max(len(shown), 3) + 1.2))
    if shown.empty:
        axis.set_axis_off()
        title = say("There are too few answers for a path model")
    else:
        error = reach(shown, "path", "path_low", "path_high")
        axis.errorbar(shown["path"], range(len(shown)), xerr=error, fmt="o", capsize=3)
        axis.set_yticks(
            range(len(shown)),
            [
                f"{label(s)} → {label(t)}"
                for s, t in zip(shown["source"], shown["target"], strict=True)
            ],
        )
        axis.axvline(0, color="grey", linewidth=1)
        axis.set_xlabel(say("Standardised path, 95 % interval"))
        first = paths[paths["target"] == paths["target"].iloc[0]]
        best = first.loc[first["path"].idxmax()]
        title = say("{source} acts most on {target}").format(
            source=label(best["source"]), target=within(label(best["target"]))
        )
    axis.set_title(title)
    return Figure(drawing, title)
