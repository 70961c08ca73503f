"""Charts of the segmentation: each takes a finished table and decides nothing about the data."""

import itertools

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.language import headline, say, with_currency, within
from analysis.report.figure import Figure, amount_ticks, short_amounts, wrapped
from analysis.segmentation.fitted import FittedSegmentation
from analysis.segmentation.words import label
from analysis.statistics.comparison import apart_from_all
from analysis.statistics.reach import reach

#: Features shown in the profile chart, and those of them on a scale that is logarithmic beyond
#: 1,000.
PANELS = (
    "balance_end",
    "money_in",
    "transactions",
    "cash_share",
    "mobile_share",
    "products_held",
    "credit_grade",
)
MONEY = ("balance_end", "money_in")
MONEY_TICKS = (-(10**8), -(10**6), -(10**4), 0, 10**4, 10**6, 10**8)


def group_sizes_chart(sizes: pd.DataFrame, title: str) -> Figure:
    """Share of customers per group with its interval; sizes as from `findings.group_sizes`. title:
    what was found.
    """
    shown = sizes.dropna(subset=["share"])
    kinds = list(dict.fromkeys(shown["customer_type"]))
    drawing, axes = plt.subplots(
        1, max(len(kinds), 1), figsize=(9, 3.2), squeeze=False, layout="constrained"
    )
    for axis, kind in zip(axes[0], kinds, strict=False):
        part = shown[shown["customer_type"] == kind]
        names = [label(s) for s in part["segment"]]
        sns.barplot(x=part["share"] * 100, y=names, ax=axis, color=sns.color_palette()[0])
        axis.errorbar(
            part["share"] * 100,
            range(len(part)),
            xerr=[100 * side for side in reach(part, "share", "share_low", "share_high")],
            fmt="none",
            color="black",
            capsize=3,
        )
        axis.set(title=label(kind), xlabel=say("Share of customers (%), 95 % interval"), ylabel="")
    if shown.empty:
        return Figure(drawing, say("No group is large enough to be shown."))
    drawing.suptitle(wrapped(headline(title)), fontsize=11)
    return Figure(drawing, headline(title))


def profile_chart(profiles: pd.DataFrame, kind: str) -> Figure:
    """The median customer of each group with its interval, a panel per feature; profiles as from
    `findings.group_profiles`.
    """
    shown = profiles[profiles["customer_type"] == kind]
    differs = shown.groupby("feature")["median"].nunique()
    features = [f for f in PANELS if differs.get(f, 0) > 1]
    drawing, axes = plt.subplots(2, 3, figsize=(9, 4.6), sharey=True, layout="constrained")
    groups = list(dict.fromkeys(shown["segment"]))
    for axis, feature in itertools.zip_longest(axes.flat, features[: axes.size]):
        if feature is None:
            axis.set_axis_off()
            continue
        part = shown[shown["feature"] == feature].set_index("segment").reindex(groups)
        scale = 100 if feature.endswith("_share") else 1
        error = [side.fillna(0) * scale for side in reach(part, "median", "low", "high")]
        axis.errorbar(
            part["median"] * scale, range(len(groups)), xerr=error, fmt="o", markersize=4, capsize=2
        )
        axis.axvline(part["bank"].iloc[0] * scale, color="grey", linewidth=1, linestyle=":")
        if feature in MONEY:
            _amount_axis(axis, part)
        name = say("{feature} (%)") if scale == 100 else "{feature}"
        title = name.format(feature=label(feature))
        axis.set_title(with_currency(title) if feature in MONEY else title, fontsize=9)
    if not groups:
        return Figure(drawing, say("No group is large enough to be described."))
    axes[0][0].set_yticks(range(len(groups)), [label(g) for g in groups])
    axes[0][0].invert_yaxis()
    title = say(
        "What the median customer of each group is like, with 95 % interval; dotted: all "
        "{kind} customers"
    ).format(kind=within(label(kind)))
    drawing.suptitle(title, fontsize=10)
    return Figure(drawing, title)


def _amount_axis(axis: Axes, part: pd.DataFrame) -> None:
    """Amounts of groups that differ by orders of magnitude: by powers of ten, straight near zero
    only where some are not above it.
    """
    ends = part[["median", "low", "high"]].stack().astype(float)
    low, high = ends.min(), ends.max()
    if low > 0:
        axis.set_xscale("log")
        ticks = [10.0**k for k in range(2, 10) if low / 3 <= 10.0**k <= high * 3]
        axis.set_xlim(low / 2, high * 2)
    else:
        axis.set_xscale("symlog", linthresh=1000)
        ticks = [t for t in MONEY_TICKS if low * 3 <= t <= high * 3 or t == 0]
        axis.set_xlim(right=high * 3)
    axis.set_xticks(ticks, minor=False)
    axis.set_xticks([], minor=True)
    axis.xaxis.set_major_formatter(short_amounts())


def clustergram_chart(segmentation: FittedSegmentation, kind: str) -> Figure:
    """How the groups of a type of customers split as their number grows (Schonlau 2002)."""
    drawing, axis = plt.subplots(figsize=(7.5, 3.4))
    part = segmentation.types.get(kind)
    nodes = {(n.groups, n.group): n for n in part.clustergram} if part else {}
    if not part or not nodes:
        axis.set_axis_off()
        title = say("The customers are not divided")
        axis.set_title(title)
        return Figure(drawing, title)
    numbers = sorted({k for k, _g in nodes})
    total = max(sum(n.customers for (k, _g), n in nodes.items() if k == numbers[0]), 1)
    for (k, _group), node in nodes.items():
        for old, came in enumerate(node.came_from):
            if came and (numbers[numbers.index(k) - 1], old) in nodes:
                before = numbers[numbers.index(k) - 1]
                axis.plot(
                    [before, k],
                    [nodes[before, old].score, node.score],
                    color=sns.color_palette()[0],
                    linewidth=12 * came / total,
                    alpha=0.6,
                    solid_capstyle="butt",
                )
        axis.scatter(
            k,
            node.score,
            s=180 * node.customers / total,
            color=sns.color_palette()[3],
            zorder=3,
        )
    axis.axvline(part.chosen, color="grey", linestyle=":", linewidth=1)
    axis.set(
        xlabel=say("Number of groups"), ylabel=say("First principal component"), xticks=numbers
    )
    title = say(
        "How the {kind} customers split as the number of groups grows; {chosen} are in force"
    ).format(kind=within(label(kind)), chosen=part.chosen)
    axis.set_title(title)
    return Figure(drawing, title)


def value_chart(values: pd.DataFrame) -> Figure:
    """Value a year per customer with its interval; values as from `findings.value_and_risk`."""
    personal = values["customer_type"] == "personal"
    shown = values[personal] if personal.any() else values
    shown = shown.sort_values("value_a_year", ascending=False)
    drawing, axis = plt.subplots(figsize=(7.5, 3.2))
    if shown.empty:
        title = say("No group is large enough to value")
        axis.set_axis_off()
    else:
        names = [label(s) for s in shown["segment"]]
        axis.errorbar(
            shown["value_a_year"],
            range(len(shown)),
            xerr=reach(shown, "value_a_year", "value_low", "value_high"),
            fmt="o",
            capsize=3,
        )
        axis.set_yticks(range(len(shown)), names)
        axis.invert_yaxis()
        axis.axvline(0, color="grey", linewidth=1)
        axis.set_xlabel(with_currency(say("Value per customer and year, 95 % interval")))
        axis.xaxis.set_major_formatter(amount_ticks())
        told = shown.dropna(subset=["value_a_year", "value_low", "value_high"])
        columns = ["value_a_year", "value_low", "value_high"]
        best = apart_from_all(list(told[columns].itertuples(index=False, name=None)), highest=True)
        title = (
            say("No group's customers are worth more than all others' beyond chance")
            if best is None
            else say("{kind}: customers of {group} are worth most each, beyond chance").format(
                kind=label(shown["customer_type"].iloc[0]), group=label(told["segment"].iloc[best])
            )
        )
    axis.set_title(title)
    return Figure(drawing, title)
