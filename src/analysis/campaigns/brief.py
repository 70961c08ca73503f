"""What campaigns tell management in short."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.campaigns import findings
from analysis.campaigns.fitted import CampaignEffect, CampaignEffects
from analysis.language import listed, say, sentences
from analysis.report.brief import (
    Brief,
    KeyFigure,
    Point,
    ToDo,
    change_in_words,
    changes,
    first,
)
from analysis.statistics.intervals import NORMAL

if TYPE_CHECKING:
    from analysis.notebook import Report


def in_short(report: "Report", effects: CampaignEffects) -> Brief:
    """effects: `CampaignTables.campaigns`."""
    figure = added_over_time(effects, [str(q) for q in report.partition.quarters])
    judged = effects.judged
    latest = judged[-1] if judged else None
    return Brief(
        changed=sentences(_did(latest) if latest else "", change_in_words(figure)),
        why=sentences(*findings.not_same_for_all(effects), _by_lot(effects)),
        to_do=_to_do(effects),
        figures=[figure],
        rows=first(rows_of(effects)),
        rows_title=say("Campaigns, and what to do with each"),
        rows_of=say("Campaign"),
        rows_amount=say("Net return"),
        rows_note=say(
            "Net return: what the responses that the campaign added are worth, less what it cost, "
            "as the bank states both."
        ),
        delivered="campaigns",
    )


def added_over_time(effects: CampaignEffects, quarters: Sequence[str]) -> KeyFigure:
    """What the campaigns begun in each quarter added to the response; several of one quarter are
    weighted by how exactly they are known.
    """
    points = []
    for quarter in quarters:
        begun = [findings.response_of(c) for c in effects.judged if c.quarter == quarter]
        if not begun:
            points.append(Point(quarter=quarter))
            continue
        errors = np.array([max((e.high - e.low) / (2 * NORMAL), 1e-9) for e in begun])
        weights = errors**-2 / (errors**-2).sum()
        mean = 100 * float((weights * [e.effect for e in begun]).sum())
        half = 100 * NORMAL * float((errors**-2).sum() ** -0.5)
        points.append(Point(quarter=quarter, value=mean, low=mean - half, high=mean + half))
    return KeyFigure(
        label=say("Points of response added by the campaigns begun in the quarter"),
        kind="score",
        points=points,
        changes=changes(points),
        better="up",
    )


def _did(c: CampaignEffect) -> str:
    """What the newest campaign did."""
    found = findings.response_of(c)
    template = (
        say(
            "{campaign}: {rate} of those contacted responded, {effect} points more than without "
            "({low} to {high}), beyond chance."
        )
        if findings.is_certain(c)
        else say(
            "{campaign}: {rate} of those contacted responded, {effect} points against what is "
            "expected without ({low} to {high}); who was contacted was not drawn by lot."
        )
        if c.design == "observed"
        else say(
            "{campaign}: {rate} of those contacted responded, {effect} points against the control "
            "group ({low} to {high}), which may be chance."
        )
    )
    return template.format(
        campaign=c.name,
        rate=f"{found.treated:.1%}",
        **{k: signed(100 * getattr(found, k)) for k in ("effect", "low", "high")},
    )


def signed(points: float) -> str:
    """Points with their sign."""
    return f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")


def _by_lot(effects: CampaignEffects) -> str:
    without = [c.name for c in effects.judged if c.design == "observed"]
    if not without:
        return ""
    text = say("Not drawn by lot, so that more than contact may be behind the difference: {names}.")
    return text.format(names=listed(without))


def _to_do(effects: CampaignEffects) -> str:
    if not effects.judged:
        return say("Keep a control group in the next campaign: without one nothing can be told.")
    latest = effects.judged[-1]
    following = latest.next_control
    if following is None:
        return ""
    told = {
        "effect": f"{100 * following.effect:.0f}",
        "n": f"{following.customers:,}",
        "needed": f"{following.needed:,}",
        "smallest": f"{100 * following.smallest:.1f}",
    }
    if following.size is None:
        text = say(
            "Next time reach at least {needed} customers, half of them as control: with {n} a "
            "difference of {effect} points is not found, only one of {smallest}."
        )
        size = text.format(**told)
    else:
        text = say(
            "Next time keep {size} of {n} customers as control: that finds a difference of "
            "{effect} points."
        )
        size = text.format(size=f"{following.size:,}", **told)
    lot = say("Draw who is contacted by lot.") if latest.design == "observed" else ""
    return sentences(lot, size)


def rows_of(effects: CampaignEffects) -> list[ToDo]:
    """What to do with each campaign, the newest first."""
    return [
        ToDo(
            what=c.name,
            why=_why(c),
            action=_action(c),
            at_stake=c.net,
        )
        for c in reversed(effects.judged)
    ]


def _why(c: CampaignEffect) -> str:
    found = findings.response_of(c)
    return say("{effect} points of response ({low} to {high})").format(
        **{k: signed(100 * getattr(found, k)) for k in ("effect", "low", "high")}
    )


def _action(c: CampaignEffect) -> str:
    if c.design == "observed":
        return say("Hold it again with customers drawn by lot before relying on it")
    moved = [g.segment for g in c.groups if g.p_corrected < 0.05 and g.effect > 0]
    differs = c.heterogeneity_p is not None and c.heterogeneity_p < 0.05
    if not findings.is_certain(c):
        if moved:
            return say("Repeat it for {groups} only; of all it added nothing beyond chance").format(
                groups=listed(moved)
            )
        return say("Do not repeat it as it is; it added nothing beyond chance")
    if c.net_high is not None and c.net_high < 0:
        return say("Do not repeat it: it costs more than it brings")
    if findings.pays(c):
        return say("Repeat it for those whom contact moves, as ordered by uplift")
    if differs and moved:
        return say("Repeat it for {groups}").format(groups=listed(moved))
    if c.net_low is not None and c.net_low > 0:
        return say("Repeat it: it brings more than it costs, beyond chance")
    return say("Repeat it with a control group")
