"""What campaigns did, whom they move, what they brought, and what the next one needs. Results
in, tables out.
"""

import pandas as pd

from analysis.campaigns.fitted import CampaignEffect, CampaignEffects, Effect, Ranking
from analysis.campaigns.uplift import RESPONSE
from analysis.language import Impossible, because, listed, say, sentences
from analysis.statistics.comparison import LEAST_CHANCE

#: Arms of a size of which one tells little about the other.
LOPSIDED = 0.05

#: The response to every campaign: column to its type.
#: design: randomised, or observed, where who was contacted was not drawn by lot.
#: treated, control: customers contacted, and kept as control.
#: rate_treated, rate_control: share that responded; of an observed one the second is what is
#: expected of those contacted without it.
#: effect: the difference, with its interval low to high.
#: p_corrected: over all outcomes of all campaigns (Benjamini and Hochberg 1995).
RESPONSES = {
    "campaign": "str",
    "quarter": "str",
    "product": "str",
    "design": "str",
    "treated": "int",
    "control": "int",
    "rate_treated": "float",
    "rate_control": "float",
    "effect": "float",
    "low": "float",
    "high": "float",
    "p_corrected": "float",
}


def responses(effects: CampaignEffects) -> pd.DataFrame:
    """The response to every campaign that can be judged: the columns `RESPONSES`."""
    rows = []
    for c in effects.judged:
        found = response_of(c)
        rows.append(
            {
                "campaign": c.name,
                "quarter": c.quarter,
                "product": c.product,
                "design": c.design,
                "treated": c.treated,
                "control": c.control,
                "rate_treated": found.treated,
                "rate_control": found.control,
                **_interval(found),
                "p_corrected": found.p_corrected,
            }
        )
    return pd.DataFrame(rows, columns=list(RESPONSES)).astype({"p_corrected": float})


def response_of(campaign: CampaignEffect) -> Effect:
    """The effect on the response."""
    return next(e for e in campaign.effects if e.outcome == RESPONSE)


def is_certain(campaign: CampaignEffect) -> bool:
    """Whether the response differs by more than chance, corrected for all that was compared; of one
    that was not drawn by lot never, since chance is not all that may be behind it.
    """
    p = response_of(campaign).p_corrected
    return campaign.design == "randomised" and p is not None and p < LEAST_CHANCE


def _interval(effect: Effect) -> dict[str, float]:
    return {"effect": effect.effect, "low": effect.low, "high": effect.high}


#: What else campaigns changed: column to its type.
#: outcome: products held and money in at the end of the quarter after, money per entry.
#: control, treated: means; effect: with its interval low to high.
OTHERS = {
    "campaign": "str",
    "outcome": "str",
    "control": "float",
    "treated": "float",
    "effect": "float",
    "low": "float",
    "high": "float",
    "p_corrected": "float",
}


def other_outcomes(effects: CampaignEffects) -> pd.DataFrame:
    """What else campaigns drawn by lot changed: the columns `OTHERS`."""
    rows = [
        {
            "campaign": c.name,
            "outcome": e.outcome,
            "control": e.control,
            "treated": e.treated,
            **_interval(e),
            "p_corrected": e.p_corrected,
        }
        for c in effects.judged
        for e in c.effects
        if e.outcome != RESPONSE
    ]
    return pd.DataFrame(rows, columns=list(OTHERS)).astype({"p_corrected": float})


#: The response of each group: column to its type; as in `analysis.campaigns.fitted.OfGroup`.
BY_GROUP = {
    "campaign": "str",
    "customer_type": "str",
    "segment": "str",
    "treated": "int",
    "control": "int",
    "rate_treated": "float",
    "rate_control": "float",
    "effect": "float",
    "low": "float",
    "high": "float",
    "p_corrected": "float",
}


def by_group(effects: CampaignEffects) -> pd.DataFrame:
    """The response of each group to campaigns drawn by lot, the largest effect first: the columns
    `BY_GROUP`.
    """
    rows = [
        {"campaign": c.name, **g.model_dump(exclude={"p"})}
        for c in effects.judged
        for g in sorted(c.groups, key=lambda g: -g.effect)
    ]
    return pd.DataFrame(rows, columns=list(BY_GROUP))


#: What campaigns cost and brought: column to its type.
#: cost, gain: in the bank's currency; net: gain less cost, with its interval.
RETURNS = {
    "campaign": "str",
    "cost": "float",
    "gain": "float",
    "net": "float",
    "net_low": "float",
    "net_high": "float",
}


def returns(effects: CampaignEffects) -> pd.DataFrame:
    """What campaigns cost and brought, where the bank says what a response is worth: the columns
    `RETURNS`.
    """
    rows = [
        {"campaign": c.name, **{k: getattr(c, k) for k in list(RETURNS)[1:]}}
        for c in effects.judged
        if c.net is not None
    ]
    return pd.DataFrame(rows, columns=list(RETURNS)).astype(
        dict.fromkeys(list(RETURNS)[1:], "float")
    )


#: How well customers can be ordered by whom contact moves: column to its type; as in
#: `analysis.campaigns.fitted.Ranking`. n: customers.
RANKINGS = {
    "campaign": "str",
    "method": "str",
    "n": "int",
    "qini": "float",
    "low": "float",
    "high": "float",
    "ahead": "float",
    "ahead_low": "float",
    "ahead_high": "float",
}


def rankings(effects: CampaignEffects) -> pd.DataFrame:
    """How well customers can be ordered by whom contact moves, beside the order by response alone:
    the columns `RANKINGS`.
    """
    rows = [
        {
            "campaign": c.name,
            "n": c.uplift.n,
            **r.model_dump(exclude={"curve"}),
        }
        for c in effects.judged
        if c.uplift is not None and not isinstance(c.uplift, Impossible)
        for r in c.uplift.rankings
    ]
    return pd.DataFrame(rows, columns=list(RANKINGS)).astype(
        dict.fromkeys(("ahead", "ahead_low", "ahead_high"), "float")
    )


def pays(campaign: CampaignEffect) -> Ranking | None:
    """The order by uplift that is better than one by response alone, beyond chance; None where
    there is none.
    """
    if campaign.uplift is None or isinstance(campaign.uplift, Impossible):
        return None
    ahead = [r for r in campaign.uplift.rankings if r.low > 0 and (r.ahead_low or 0.0) > 0]
    return max(ahead, key=lambda r: r.qini, default=None)


def whom_it_moves(effects: CampaignEffects) -> list[str]:
    """For each campaign drawn by lot whether it pays to choose customers by uplift."""
    told = []
    for c in effects.judged:
        if c.uplift is None:
            continue
        if why := because(c.uplift):
            text = say("{campaign}: whom it moves cannot be told. {why}")
            told.append(text.format(campaign=c.name, why=why))
        elif best := pays(c):
            text = say(
                "{campaign}: choosing customers by uplift pays. The area over a random order is "
                "{qini} per 1,000 contacted ({low} to {high}), {ahead} more than by the chance of "
                "responding alone ({ahead_low} to {ahead_high})."
            )
            told.append(
                text.format(
                    campaign=c.name,
                    **{k: f"{getattr(best, k):.1f}" for k in list(RANKINGS)[3:]},
                )
            )
        else:
            text = say(
                "{campaign}: targeting by uplift does not pay here. No order of the customers by "
                "uplift is better than one by the chance of responding alone by more than chance."
            )
            told.append(text.format(campaign=c.name))
    return told


#: How far a campaign can be judged, and what the next one needs: column to its type.
#: in_both: customers on both sides, left out.
#: planned_control: share to be kept as control; ratio_p: of the arms being of that size.
#: base: response without contact; least_effect: the smallest effect worth finding; smallest: that
#: the best division of as many customers finds.
#: size: of the next control group; needed: customers in all.
DESIGNS = {
    "campaign": "str",
    "in_both": "int",
    "planned_control": "float",
    "ratio_p": "float",
    "base": "float",
    "least_effect": "float",
    "smallest": "float",
    "size": "float",
    "needed": "float",
}


def designs(effects: CampaignEffects) -> pd.DataFrame:
    """How far campaigns can be judged, and what the next one needs: the columns `DESIGNS`."""
    rows = []
    for c in effects.judged:
        following = c.next_control
        rows.append(
            {
                "campaign": c.name,
                "in_both": c.in_both,
                "planned_control": c.planned_control,
                "ratio_p": c.ratio_p,
                "least_effect": following.effect if following else None,
                **(
                    following.model_dump(include={"base", "smallest", "size", "needed"})
                    if following
                    else {}
                ),
            }
        )
    numbers = [c for c, kind in DESIGNS.items() if kind == "float"]
    return pd.DataFrame(rows, columns=list(DESIGNS)).astype(dict.fromkeys(numbers, "float"))


def cautions(effects: CampaignEffects) -> list[str]:
    """What a reader has to know before a campaign's effect is relied on, a sentence each."""
    told: list[str] = []
    for one in effects.not_judged:
        text = say("{campaign} cannot be judged: {why}")
        told.append(text.format(campaign=one.name, why=because(one.why)))
    for c in effects.judged:
        if c.design == "observed":
            told.append(_not_by_lot(c))
        if c.ratio_p is not None and c.ratio_p < 0.001:
            told.append(
                say(
                    "{campaign}: the arms are not of the sizes that were planned (p < 0.001). "
                    "Customers were lost on one side; its effect should not be relied on."
                ).format(campaign=c.name)
            )
        if c.in_both:
            told.append(
                say("{campaign}: {n} customers stand on both sides and are left out.").format(
                    campaign=c.name, n=f"{c.in_both:,}"
                )
            )
        share = c.control / (c.treated + c.control)
        if min(share, 1 - share) < LOPSIDED:
            told.append(
                say(
                    "{campaign}: {treated} contacted against {control} not. So unequal arms find "
                    "large effects only."
                ).format(campaign=c.name, treated=f"{c.treated:,}", control=f"{c.control:,}")
            )
    return told


def _not_by_lot(c: CampaignEffect) -> str:
    placebo = (
        say(
            "On something that happened before, which it cannot have moved, it shows an effect "
            "too: what is not known of the customers differs, and the effect is not to be trusted."
        )
        if c.placebo and c.placebo.low * c.placebo.high > 0
        else say("On something that happened before it shows no effect, as it should.")
        if c.placebo
        else ""
    )
    apart = (
        say("{share} of those contacted are like nobody who was not, and are left out.").format(
            share=f"{c.overlap.left_out:.0%}"
        )
        if c.overlap and c.overlap.left_out >= 0.005
        else ""
    )
    return sentences(
        say(
            "{campaign}: who was contacted was not drawn by lot. What is known of the customers is "
            "allowed for; what is not known may be behind the difference."
        ).format(campaign=c.name),
        apart,
        placebo,
    )


#: Campaigns not drawn by lot: column to its type.
#: plain: the difference as it is, with its interval; effect: what is known allowed for.
#: placebo: the effect on whether the balance grew in the quarter before; left_out: share of those
#: contacted who are like nobody who was not.
OBSERVED = {
    "campaign": "str",
    "plain": "float",
    "plain_low": "float",
    "plain_high": "float",
    "effect": "float",
    "low": "float",
    "high": "float",
    "placebo": "float",
    "placebo_low": "float",
    "placebo_high": "float",
    "left_out": "float",
}


def observed_ones(effects: CampaignEffects) -> pd.DataFrame:
    """Campaigns not drawn by lot, with and without what is known before: the columns `OBSERVED`."""
    rows = []
    for c in effects.judged:
        if c.design != "observed":
            continue
        found, placebo = response_of(c), c.placebo
        rows.append(
            {
                "campaign": c.name,
                **{k: getattr(found, k) for k in ("plain", "plain_low", "plain_high")},
                **_interval(found),
                "placebo": placebo.effect if placebo else None,
                "placebo_low": placebo.low if placebo else None,
                "placebo_high": placebo.high if placebo else None,
                "left_out": c.overlap.left_out if c.overlap else None,
            }
        )
    return pd.DataFrame(rows, columns=list(OBSERVED)).astype(
        dict.fromkeys(list(OBSERVED)[1:], "float")
    )


def not_same_for_all(effects: CampaignEffects) -> list[str]:
    """For which campaigns the groups respond differently by more than chance, and which respond."""
    told = []
    for c in effects.judged:
        moved = [g.segment for g in c.groups if g.p_corrected < LEAST_CHANCE and g.effect > 0]
        if c.heterogeneity_p is None or c.heterogeneity_p >= LEAST_CHANCE:
            continue
        if moved:
            text = say(
                "{campaign} did not act alike on all groups; beyond chance it moved {groups}."
            )
            told.append(text.format(campaign=c.name, groups=listed(moved)))
        else:
            text = say("{campaign} did not act alike on all groups.")
            told.append(text.format(campaign=c.name))
    return told
