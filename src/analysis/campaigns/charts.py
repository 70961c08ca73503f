"""Charts of campaigns: each takes finished figures and decides nothing about the data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import PercentFormatter

from analysis.campaigns.findings import is_certain, response_of
from analysis.campaigns.fitted import CampaignEffect, CampaignEffects
from analysis.campaigns.words import label
from analysis.language import Impossible, listed, say
from analysis.report.figure import Figure
from analysis.statistics.reach import reach


def responses_chart(effects: CampaignEffects) -> Figure | None:
    """What each campaign added to the response, with its interval; None without any."""
    judged = effects.judged
    if not judged:
        return None
    drawing, axis = plt.subplots(figsize=(8, 0.45 * len(judged) + 1.3))
    for place, c in enumerate(judged):
        found = response_of(c)
        axis.errorbar(
            100 * found.effect,
            place,
            xerr=[[100 * (found.effect - found.low)], [100 * (found.high - found.effect)]],
            fmt="o" if c.design == "randomised" else "D",
            mfc=None if c.design == "randomised" else "none",
            capsize=3,
            color=sns.color_palette()[0 if is_certain(c) else 7],
        )
    axis.set_yticks(
        range(len(judged)),
        [
            say("{campaign}, {quarter}").format(campaign=c.name, quarter=c.quarter)
            if c.design == "randomised"
            else say("{campaign}, {quarter}, not by lot").format(campaign=c.name, quarter=c.quarter)
            for c in judged
        ],
    )
    axis.invert_yaxis()
    axis.axvline(0, color="grey", linewidth=1)
    axis.set_xlabel(say("What it added to the response, percentage points, 95 % interval"))
    certain = [c.name for c in judged if is_certain(c)]
    title = (
        say("Beyond chance they were moved by: {campaigns}").format(campaigns=listed(certain))
        if certain
        else say("No campaign moved customers beyond chance")
    )
    axis.set_title(title)
    return Figure(drawing, title)


def groups_chart(groups: pd.DataFrame) -> Figure | None:
    """The effect on each group, a panel a campaign; groups as from `findings.by_group`."""
    if groups.empty:
        return None
    names = list(dict.fromkeys(groups["campaign"]))
    segments = list(dict.fromkeys(groups["segment"]))
    drawing, axes = plt.subplots(
        1,
        len(names),
        figsize=(9, 0.35 * len(segments) + 1.5),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, name in zip(axes[0], names, strict=True):
        own = groups[groups["campaign"] == name].set_index("segment").reindex(segments)
        axis.errorbar(
            100 * own["effect"],
            range(len(segments)),
            xerr=[100 * side.fillna(0) for side in reach(own, "effect", "low", "high")],
            fmt="o",
            capsize=3,
        )
        axis.axvline(0, color="grey", linewidth=1)
        axis.set_title(name, fontsize=9)
    axes[0][0].set_yticks(range(len(segments)), [label(s) for s in segments])
    axes[0][0].invert_yaxis()
    title = say("What each campaign added to the response of each group, points, 95 % interval")
    drawing.suptitle(title, fontsize=10)
    return Figure(drawing, title)


def qini_chart(campaign: CampaignEffect, told: str) -> Figure | None:
    """The Qini curves of a campaign beside a random order. told: what was found."""
    if campaign.uplift is None or isinstance(campaign.uplift, Impossible):
        return None
    drawing, axis = plt.subplots(figsize=(7, 3.4))
    for ranking in campaign.uplift.rankings:
        axis.plot(
            [p.share for p in ranking.curve],
            [1000 * p.gain for p in ranking.curve],
            label=label(ranking.method),
        )
    last = campaign.uplift.rankings[0].curve[-1]
    axis.plot([0, 1], [0, 1000 * last.gain], color="grey", linestyle=":", label=say("at random"))
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set(
        xlabel=say("Share of the customers contacted, those first who are told to gain most"),
        ylabel=say("Responses more, per 1,000"),
    )
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axis.set_title(told)
    return Figure(drawing, told)


def overlap_chart(campaign: CampaignEffect) -> Figure | None:
    """How likely contact was for those contacted and for those who were not; None where that is not
    known.
    """
    if campaign.overlap is None:
        return None
    drawing, axis = plt.subplots(figsize=(7, 2.8))
    edges = np.linspace(0, 1, len(campaign.overlap.treated) + 1)
    for side, name, place in (
        (campaign.overlap.treated, say("contacted"), 0),
        (campaign.overlap.control, say("not contacted"), 3),
    ):
        axis.stairs(side, edges, label=name, color=sns.color_palette()[place], linewidth=1.6)
    axis.set(xlabel=say("Chance of contact, by what was known before"), ylabel=say("Customers"))
    axis.legend()
    title = say("{campaign}: {share} of those contacted are like nobody who was not").format(
        campaign=campaign.name, share=f"{campaign.overlap.left_out:.0%}"
    )
    axis.set_title(title)
    return Figure(drawing, title)
