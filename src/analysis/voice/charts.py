"""Charts of what customers write: each takes a finished table and decides nothing about the
data.
"""

import matplotlib.pyplot as plt
import pandas as pd

from analysis.language import say
from analysis.report.figure import Figure
from analysis.statistics.comparison import apart_from_all
from analysis.statistics.reach import reach


def themes_chart(themes: pd.DataFrame) -> Figure:
    """Mean index of those who write of each theme, with intervals; themes as from
    `findings.themes_now`.
    """
    shown = themes.dropna(subset=["score"])
    drawing, axis = plt.subplots(figsize=(8, 0.32 * max(len(shown), 4) + 1.2))
    if shown.empty:
        axis.set_axis_off()
        title = say("Too few comments for themes")
    else:
        axis.errorbar(
            shown["score"],
            range(len(shown)),
            xerr=reach(shown, "score", "low", "high"),
            fmt="o",
            capsize=3,
        )
        axis.set_yticks(range(len(shown)), shown["theme"])
        axis.invert_yaxis()
        axis.set_xlabel(say("Index of those who write of it (0–100), 95 % interval"))
        estimates = list(shown[["score", "low", "high"]].itertuples(index=False, name=None))
        least = apart_from_all(estimates, highest=False)
        title = (
            say("No theme stands apart from all others beyond chance")
            if least is None
            else say("Less content than all others, beyond chance: {theme}").format(
                theme=shown["theme"].iloc[least]
            )
        )
    axis.set_title(title)
    return Figure(drawing, title)
