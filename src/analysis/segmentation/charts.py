"""Charts of the segmentation: each takes a finished table and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from analysis.labels import label
from analysis.language import _
from analysis.report.figure import Figure


def group_sizes_chart(sizes: pd.DataFrame) -> Figure:
    """Share of customers per group with its interval; sizes as from `findings.group_sizes`."""
    rows = sizes.dropna(subset=["share"])
    kinds = list(dict.fromkeys(rows["customer_type"]))
    drawing, axes = plt.subplots(1, max(len(kinds), 1), figsize=(9, 3.2), squeeze=False, layout="constrained")
    for axis, kind in zip(axes[0], kinds, strict=False):
        part = rows[rows["customer_type"] == kind]
        names = [label(s) for s in part["segment"]]
        sns.barplot(x=part["share"] * 100, y=names, ax=axis, color=sns.color_palette()[0])
        axis.errorbar(
            part["share"] * 100,
            range(len(part)),
            xerr=[(part["share"] - part["share_low"]) * 100, (part["share_high"] - part["share"]) * 100],
            fmt="none",
            color="black",
            capsize=3,
        )
        axis.set(title=label(kind), xlabel=_("Share of customers (%), 95 % interval"), ylabel="")
    if rows.empty:
        return Figure(drawing, _("No group is large enough to be shown."))
    largest = rows.loc[rows["share"].idxmax()] if len(kinds) == 1 else rows[rows["customer_type"] == kinds[0]].iloc[0]
    title = _("The largest group is {group} with {share} of {kind} customers").format(
        group=label(largest["segment"]), share=f"{largest['share']:.0%}", kind=label(largest["customer_type"]).lower()
    )
    drawing.suptitle(title, fontsize=11)
    return Figure(drawing, title)


def migration_chart(moves: pd.DataFrame, kind: str) -> Figure:
    """Heat map of where the customers of each group went; moves as from `findings.migration`."""
    rows = moves[moves["customer_type"] == kind] if len(moves) else moves
    drawing, axis = plt.subplots(figsize=(7.5, 4))
    matrix = (
        rows.pivot_table(index="was", columns="became", values="share", observed=True) if len(rows) else pd.DataFrame()
    )
    if matrix.empty:
        axis.set_axis_off()
        title = _("There are too few customers to show who moved")
    else:
        stayed = rows[(rows["was"] == rows["became"])].dropna(subset=["share"])
        loyal = stayed.loc[stayed["share"].idxmin()] if len(stayed) else None
        sns.heatmap(
            matrix.rename(index=label, columns=label) * 100,
            annot=True,
            fmt=".0f",
            cmap="Blues",
            vmin=0,
            vmax=100,
            ax=axis,
            cbar_kws={"label": _("% of last quarter's group")},
        )
        axis.set(xlabel=_("Group now"), ylabel=_("Group last quarter"))
        axis.tick_params(axis="x", rotation=30)
        title = (
            _("Who moved, {kind} customers").format(kind=label(kind).lower())
            if loyal is None
            else _("{group} kept the fewest of its customers: {share}").format(
                group=label(loyal["was"]), share=f"{loyal['share']:.0%}"
            )
        )
    axis.set_title(title)
    return Figure(drawing, title)


def value_chart(values: pd.DataFrame) -> Figure:
    """Value a year per customer with its interval; values as from `findings.value_and_risk`."""
    rows = values[values["customer_type"] == "personal"] if (values["customer_type"] == "personal").any() else values
    drawing, axis = plt.subplots(figsize=(7.5, 3.2))
    if rows.empty:
        title = _("No group is large enough to value")
        axis.set_axis_off()
    else:
        names = [label(s) for s in rows["segment"]]
        axis.errorbar(
            rows["value_a_year"],
            range(len(rows)),
            xerr=[rows["value_a_year"] - rows["value_low"], rows["value_high"] - rows["value_a_year"]],
            fmt="o",
            capsize=3,
        )
        axis.set_yticks(range(len(rows)), names)
        axis.invert_yaxis()
        axis.axvline(0, color="grey", linewidth=1)
        axis.set_xlabel(_("Value per customer and year (currency of the bank), 95 % interval"))
        best = rows.loc[rows["total"].idxmax()]
        title = _("{group} is worth most in all: {total} a year").format(
            group=label(best["segment"]), total=f"{best['total']:,.0f}"
        )
    axis.set_title(title)
    return Figure(drawing, title)
