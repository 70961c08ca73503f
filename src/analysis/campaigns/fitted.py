"""What is stored of campaigns: their effects, who they work for, and how far they can be judged."""

from typing import Literal

from analysis.language import Impossible
from analysis.shape import Shape

#: How the effect of a campaign was found.
Design = Literal["randomised", "observed"]


class Effect(Shape):
    """A difference between those contacted and those who were not, with its 95 % interval.

    outcome: response (bought within the campaign), products (held at the end of the quarter),
    money_in (of the quarter), money_per_entry. control, treated: means of the two; of a campaign
    that was not drawn by lot control is what is expected of those contacted without it.
    p_corrected: over all outcomes of all campaigns (Benjamini and Hochberg 1995).
    plain: the difference without what was known before, with its interval.
    """

    outcome: str
    control: float
    treated: float
    effect: float
    low: float
    high: float
    p: float | None = None
    p_corrected: float | None = None
    plain: float | None = None
    plain_low: float | None = None
    plain_high: float | None = None


class OfGroup(Shape):
    """The effect on the response of one group of customers, as they were the quarter before.

    p_corrected: over the groups of the campaign (Holm 1979).
    """

    customer_type: str
    segment: str
    treated: int
    control: int
    rate_treated: float
    rate_control: float
    effect: float
    low: float
    high: float
    p: float
    p_corrected: float


class QiniPoint(Shape):
    """What is gained by contacting this share of the customers, those first who are told to gain
    most: more responses per customer contacted in all.
    """

    share: float
    gain: float


class Ranking(Shape):
    """How well an order of customers puts those first whom contact moves.

    method: class_transformation, two_models, or response (the chance of responding alone).
    qini: area over that of a random order, × 1,000 per customer contacted (Radcliffe 2007), with
    its interval (bootstrap over customers); ahead: of the order by response alone, with its
    interval.
    """

    method: str
    qini: float
    low: float
    high: float
    ahead: float | None = None
    ahead_low: float | None = None
    ahead_high: float | None = None
    curve: list[QiniPoint] = []


class Uplift(Shape):
    """Whom a campaign moves, told by customers that the models had not seen.

    n: customers; features: known before.
    """

    n: int
    features: int
    rankings: list[Ranking]


class Overlap(Shape):
    """Whether those contacted can be compared with those who were not.

    left_out: share of those contacted with a chance of contact above what any who was not had, or
    nearly so. bins: by chance of contact, how many of each were there, in twentieths.
    """

    left_out: float
    treated: list[int]
    control: list[int]


class NextControl(Shape):
    """How large the next control group should be.

    customers: in both arms, as now. size: of the control group that finds `effect` with `power`;
    empty where no division of so many customers does. smallest: the smallest effect that the best
    division finds. needed: customers in all for `effect` to be found by halves.
    """

    customers: int
    effect: float
    power: float
    base: float
    size: int | None
    smallest: float
    needed: int


class CampaignEffect(Shape):
    """One campaign that has been judged.

    in_both: customers on both sides, who are left out. ratio_p: of the shares of the arms being as
    planned (sample-ratio check), where a plan is known. heterogeneity_p: of the same effect in all
    groups (Cochran 1954). net: value of the responses brought, less all costs, with its interval;
    empty where the bank says neither value nor cost.
    placebo: the effect on something that happened before, which there cannot be.
    """

    campaign_id: str
    name: str
    product: str
    quarter: str
    design: Design
    treated: int
    control: int
    in_both: int
    planned_control: float | None
    ratio_p: float | None
    effects: list[Effect]
    groups: list[OfGroup] = []
    heterogeneity_p: float | None = None
    uplift: Uplift | Impossible | None = None
    overlap: Overlap | None = None
    placebo: Effect | None = None
    cost: float | None = None
    gain: float | None = None
    net: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    next_control: NextControl | None = None


class NotJudged(Shape):
    """A campaign of which nothing can be told, and why."""

    campaign_id: str
    name: str
    product: str
    quarter: str
    why: Impossible


class CampaignEffects(Shape):
    """Every campaign begun up to a quarter, in order of their beginning."""

    campaigns: list[CampaignEffect | NotJudged]

    @property
    def judged(self) -> list[CampaignEffect]:
        """Those of which something can be told."""
        return [c for c in self.campaigns if isinstance(c, CampaignEffect)]

    @property
    def not_judged(self) -> list[NotJudged]:
        """The others."""
        return [c for c in self.campaigns if isinstance(c, NotJudged)]
