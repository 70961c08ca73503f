"""Charts of the follow-through: each takes a finished table and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import PercentFormatter

from analysis.execution.words import label
from analysis.language import say
from analysis.report.figure import Figure

STAGES = ("followed", "in_time", "done", "success")
MOST = 40  # members of staff in a chart


def funnel_chart(funnel: pd.DataFrame, title: str) -> Figure | None:
    """How far the entries of each list came; funnel as from `findings.funnel`. title: what was
    found.
    """
    if funnel.empty:
        return None
    drawing, axis = plt.subplots(figsize=(8, 0.9 * len(funnel) + 1.2))
    height = 0.8 / len(STAGES)
    for place, stage in enumerate(STAGES):
        at = [row + place * height - 0.3 for row in range(len(funnel))]
        axis.barh(at, funnel[stage], height, label=label(stage))
    axis.set_yticks(range(len(funnel)), [label(kind) for kind in funnel["kind"]])
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(say("Share of the entries handed over"))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axis.set_title(title)
    return Figure(drawing, title)


def staff_chart(compared: pd.DataFrame, measure: str, title: str) -> Figure | None:
    """What came of the entries of each member of staff, in shares, beside what comes by chance: a
    funnel, since those with few entries stand first and their ranges are wide.

    compared: as from `findings.compared`, of members of staff or of branches. measure: what came.
    """
    if compared.empty:
        return None
    first = compared.sort_values(["p_corrected", "n"], ascending=[True, False]).head(MOST)
    told = first.sort_values(["n", "branch_id", "staff_id"]).reset_index(drop=True)
    drawing, axis = plt.subplots(figsize=(8, 0.22 * len(told) + 1.4))
    places = range(len(told))
    axis.hlines(
        places,
        told["low"] / told["n"],
        told["high"] / told["n"],
        linewidth=7,
        alpha=0.35,
        color="grey",
        label=say("by chance, 95 %"),
    )
    expected = told["expected"] / told["n"]
    axis.plot(expected, places, "|", color="black", label=say("expected of anybody"))
    axis.plot(told["came"] / told["n"], places, "o", label=label(measure))
    names = told["staff_id"].where(told["staff_id"] != "", told["branch_id"])
    axis.set_yticks(places, [f"{name} ({n})" for name, n in zip(names, told["n"], strict=True)])
    axis.invert_yaxis()
    axis.set_xlim(-0.02, 1.02)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(say("Share of the entries (number of entries beside the name)"))
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axis.set_title(title)
    return Figure(drawing, title)


def staff_title(compared: pd.DataFrame, behind: pd.DataFrame, measure: str) -> str:
    """What was found of the members of staff compared.

    behind: of them those behind beyond chance.
    """
    if behind.empty:
        template = say("{what}: nobody is behind what chance explains")
        return template.format(what=_head(measure))
    names = behind["staff_id"].where(behind["staff_id"] != "", behind["branch_id"])
    template = say("{what}: {names} behind, beyond chance")
    return template.format(what=_head(measure), names=", ".join(names.head(3)))


def _head(measure: str) -> str:
    return say("Followed up in time") if measure == "in_time" else say("Offers taken up")
