"""Charts of identification: each takes finished figures and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.ticker import PercentFormatter

from analysis.identification.fitted import Identified
from analysis.identification.words import label
from analysis.language import say
from analysis.report.figure import Figure


def curve_chart(told: Identified) -> Figure | None:
    """Expected precision and recall by threshold, a panel a kind; None where too little ties."""
    kinds = [k for k in told.kinds if k.precision is not None]
    if not kinds:
        return None
    drawing, axes = plt.subplots(
        1, len(kinds), figsize=(9, 3.2), sharey=True, squeeze=False, layout="constrained"
    )
    colours = sns.color_palette()
    for axis, kind in zip(axes[0], kinds, strict=True):
        points = [p for p in told.curve if p.kind == kind.kind]
        at = [p.threshold for p in points]
        axis.plot(
            at,
            [p.precision for p in points],
            "o-",
            color=colours[0],
            label=say("expected to be right"),
        )
        axis.plot(
            at,
            [p.recall for p in points],
            "s--",
            color=colours[1],
            label=say("expected to be found"),
        )
        axis.axvline(kind.threshold, color="grey", linewidth=1)
        axis.set_title(label(kind.kind), fontsize=10)
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    axes[0][0].set_ylabel(say("Share of the pairs"))
    axes[0][0].legend(loc="lower left", fontsize=8)
    drawing.supxlabel(say("Chance from which a pair is taken for one customer"), fontsize=10)
    title = say("How many ties are right, and how many are found; the line is where it is set")
    drawing.suptitle(title, fontsize=10)
    return Figure(drawing, title)


def waterfall_chart(steps: pd.DataFrame, record: str, other: str) -> Figure | None:
    """What speaks for and against two records being one customer, added up.

    steps: as from `findings.steps_of`.
    """
    if steps.empty:
        return None
    ordered = steps.reindex(steps["adds"].abs().sort_values(ascending=False).index)
    ends = ordered["adds"].cumsum()
    drawing, axis = plt.subplots(figsize=(8, 0.45 * len(ordered) + 1.3))
    colours = [sns.color_palette()[0 if adds >= 0 else 3] for adds in ordered["adds"]]
    axis.barh(range(len(ordered)), ordered["adds"], left=ends - ordered["adds"], color=colours)
    names = [
        say("{column}: {grade}").format(column=label(c), grade=label(g))
        for c, g in zip(ordered["compared"], ordered["grade"], strict=True)
    ]
    axis.set_yticks(range(len(ordered)), names)
    axis.invert_yaxis()
    axis.axvline(0, color="grey", linewidth=1)
    axis.set_xlabel(say("For one customer (right) or for two (left), log2 of the odds"))
    title = say("What speaks for {record} and {other} being one customer").format(
        record=record, other=other
    )
    axis.set_title(title, fontsize=10)
    return Figure(drawing, title)
