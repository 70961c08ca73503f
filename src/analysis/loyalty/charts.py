"""Charts of loyalty: each takes a finished table and decides nothing about the data."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from analysis.labels import label
from analysis.language import _
from analysis.report.figure import Figure

DIMENSIONS = "dimension"


def index_over_time(index: pd.DataFrame, branch: str, pooled: str = "ALL") -> Figure:
    """The index of the branch and of the bank over the quarters, with intervals; index as from `findings.index_table`."""
    drawing, axis = plt.subplots(figsize=(8, 3.4))
    rows = index[index[DIMENSIONS] == "index"].dropna(subset=["mean"]) if len(index) else index
    mine = rows[rows["branch_id"] == branch] if len(rows) else rows
    if mine.empty:
        axis.set_axis_off()
        title = _("There are too few answers for an index")
    else:
        for number, (name, part) in enumerate(
            [(pooled, rows[rows["branch_id"] == pooled]), (branch, mine)] if branch != pooled else [(branch, mine)]
        ):
            axis.errorbar(
                part["quarter"],
                part["mean"],
                yerr=[part["mean"] - part["low"], part["high"] - part["mean"]],
                marker="o",
                capsize=3,
                label=_("The whole bank") if name == pooled else name,
                color=sns.color_palette()[number],
            )
        axis.set(xlabel=_("Quarter"), ylabel=_("Index (0–100), 95 % interval"))
        axis.legend()
        last = mine.iloc[-1]
        title = _("The index stands at {index} in {quarter} ({n} answers)").format(
            index=f"{last['mean']:.1f}", quarter=last["quarter"], n=f"{last['n']:,.0f}"
        )
    axis.set_title(title)
    return Figure(drawing, title)


def changes_chart(changes: pd.DataFrame) -> Figure:
    """Change of every dimension since last quarter with its interval; changes as from `findings.changes`."""
    drawing, axis = plt.subplots(figsize=(8, max(2.6, 0.3 * len(changes) + 1)))
    if changes.empty:
        axis.set_axis_off()
        title = _("There are too few answers to compare with last quarter")
    else:
        many = changes["branch_id"].nunique() > 1
        names = [
            f"{b} · {label(d)}" if many else label(d)
            for b, d in zip(changes["branch_id"], changes[DIMENSIONS], strict=True)
        ]
        for certain, colour in ((False, "grey"), (True, sns.color_palette()[3])):
            at = [i for i, c in enumerate(changes["changed"]) if bool(c) == certain]
            part = changes.iloc[at]
            axis.errorbar(
                part["change"],
                at,
                xerr=[part["change"] - part["low"], part["high"] - part["change"]],
                fmt="o",
                capsize=3,
                color=colour,
            )
        axis.set_yticks(range(len(names)), names)
        axis.invert_yaxis()
        axis.axvline(0, color="black", linewidth=1)
        axis.set_xlabel(_("Change since last quarter (points), 95 % interval; coloured: significant after correction"))
        found = changes[changes["changed"]]
        if found.empty:
            title = _("Nothing changed that could not be chance")
        else:
            most = found.loc[found["change"].abs().idxmax()]
            title = _("{dimension} changed by {points} points ({branch})").format(
                dimension=label(most[DIMENSIONS]), points=f"{most['change']:+.1f}", branch=most["branch_id"]
            )
    axis.set_title(title)
    return Figure(drawing, title)


def effects_chart(terms: pd.DataFrame) -> Figure:
    """Odds ratios of staying with intervals; terms as from `findings.regression_table`."""
    drawing, axis = plt.subplots(figsize=(8, 3.4))
    if terms.empty:
        axis.set_axis_off()
        title = _("There is too little to say what keeps customers")
    else:
        axis.errorbar(
            terms["estimate"],
            range(len(terms)),
            xerr=[terms["estimate"] - terms["low"], terms["high"] - terms["estimate"]],
            fmt="o",
            capsize=3,
        )
        axis.set_yticks(range(len(terms)), [label(t) for t in terms["term"]])
        axis.invert_yaxis()
        axis.axvline(0, color="black", linewidth=1)
        axis.set_xlabel(
            _("Log odds of staying per 10 points (attitudes) or standard deviation (behaviour), 95 % interval")
        )
        certain = terms[terms["low"] > 0]
        title = (
            _("{term} keeps customers most").format(term=label(certain.loc[certain["estimate"].idxmax(), "term"]))
            if len(certain)
            else _("No effect on staying is certain")
        )
    axis.set_title(title)
    return Figure(drawing, title)


def paths_chart(paths: pd.DataFrame) -> Figure:
    """What acts on satisfaction and loyalty, with intervals; paths as from `findings.index_paths`."""
    rows = paths.sort_values(["target", "path"])
    drawing, axis = plt.subplots(figsize=(7.5, 0.4 * max(len(rows), 3) + 1.2))
    if rows.empty:
        axis.set_axis_off()
        title = _("There are too few answers for a path model")
    else:
        error = [(rows["path"] - rows["path_low"]).clip(lower=0), (rows["path_high"] - rows["path"]).clip(lower=0)]
        axis.errorbar(rows["path"], range(len(rows)), xerr=error, fmt="o", capsize=3)
        axis.set_yticks(range(len(rows)), [f"{label(s)} → {label(t)}" for s, t in zip(rows["source"], rows["target"], strict=True)])  # fmt: skip
        axis.axvline(0, color="grey", linewidth=1)
        axis.set_xlabel(_("Standardised path, 95 % interval"))
        first = paths[paths["target"] == paths["target"].iloc[0]]
        best = first.loc[first["path"].idxmax()]
        title = _("{source} acts most on {target}").format(source=label(best["source"]), target=label(best["target"]).lower())  # fmt: skip
    axis.set_title(title)
    return Figure(drawing, title)
