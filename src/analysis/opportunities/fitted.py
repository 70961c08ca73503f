"""What is stored of offers: the chance of each product being taken up, how well it was told, and
what came of assigning offers to customers and staff.
"""

from analysis.language import Impossible
from analysis.logit import Logit
from analysis.shape import Shape
from analysis.statistics.fitted import Judged, Tenth


class OfProduct(Logit):
    """The chance that a customer without the product takes it up in the quarter after.

    rows: customers × quarters without it; taken: of which it was taken up. slope: that the
    coefficients were multiplied by, so that chances told for customers not seen are right.
    """

    rows: int
    taken: int
    quarters: list[str]
    slope: float
    held_out: "HeldOut | None"


class HeldOut(Judged):
    """How well the chances were told in a quarter that the model had not seen."""

    quarter: str
    tenths: list[Tenth]


class Compared(Shape):
    """A way to choose offers, judged on the quarter held out, over all products together.

    method: propensity, most_popular, rules, or neighbours. offers: as many as the bank can make.
    taken: of them, with share and its interval (Wilson). lift: against offers drawn at random.
    auc: over customers × products, with its interval (DeLong). map_at_7: mean over the customers
    who took something of how early it stood among their offers. value: of what was taken, per
    offer, in the bank's currency.
    """

    method: str
    offers: int
    taken: int
    share: float
    low: float
    high: float
    lift: float | None
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    map_at_7: float | None
    value: float | None


class Propensity(Shape):
    """The chances as they can be known at the end of a quarter, by product."""

    quarter: str
    products: dict[str, OfProduct | Impossible]
    compared: list[Compared]

    @property
    def fitted(self) -> dict[str, OfProduct]:
        """The products that a model could be fitted for."""
        return {p: m for p, m in self.products.items() if isinstance(m, OfProduct)}


class Path(Shape):
    """Customers who took `first` and later `then`.

    n: customers who took it later; of: holders of `first` who did not hold `then` before it.
    share: with its interval (Wilson). months: median between both, with its interval.
    """

    first: str
    then: str
    n: int
    of: int
    share: float
    low: float
    high: float
    months: float
    months_low: float | None
    months_high: float | None


class Bundle(Shape):
    """Two products held together more often than by chance.

    customer_type: of the customers compared. both: customers with both. confidence: of the holders
    of `one` who hold `other`, with its interval. base: of all customers of the type. p_corrected:
    over all pairs (Holm 1979).
    """

    customer_type: str
    one: str
    other: str
    both: int
    confidence: float
    low: float
    high: float
    base: float
    lift: float
    p_corrected: float


class Patterns(Shape):
    """Which products follow which, and which go together, in the whole bank."""

    paths: list[Path]
    bundles: list[Bundle]


class Rejected(Shape):
    """How many pairs of customer and product a rule was the first to exclude.

    product: empty where the rule is of all.
    """

    rule: str
    product: str
    pairs: int


class Assigned(Shape):
    """What came of assigning offers in one branch.

    capacity: contacts that staff have for offers. candidates: customers with an offer that passed.
    value: expected of the offers made; greedy: the best first, as long as there is room; bound:
    that no assignment can pass (the relaxation's). held_back: customers kept without offer.
    """

    branch_id: str
    capacity: int
    candidates: int
    offers: int
    held_back: int
    value: float
    greedy: float
    bound: float


class Offers(Shape):
    """The offers of a quarter in figures.

    consent: whether the bank says of anybody that he may be contacted. passed: product to the
    customers whom no rule excludes from it.
    """

    quarter: str
    consent: bool
    passed: dict[str, int]
    rejected: list[Rejected]
    assigned: list[Assigned]


class OfLikeness(Logit):
    """The chance that a customer is one of the known holders of a product.

    holders, others: customers fitted on, of whom it is known that they hold it, or not known. c:
    mean chance of holders held out, by which a chance is divided.
    held_out: holders held out; found: of them in the likeliest tenth of all held out, with share
    and its interval (Wilson). auc: of those held out, with its interval (DeLong).
    p: that chance finds as many (hypergeometric); p_corrected: over all models (Holm 1979).
    """

    holders: int
    others: int
    c: float
    held_out: int
    found: int
    share: float
    low: float
    high: float
    auc: float
    auc_low: float
    auc_high: float
    p: float
    p_corrected: float

    @property
    def base(self) -> float:
        """The share of known holders."""
        return self.holders / (self.holders + self.others)

    @property
    def beyond_chance(self) -> bool:
        """Whether holders held out were found more often than by chance."""
        return self.p_corrected < 0.05


class LikenessModel(Shape):
    """How the holders of a product among one type of customers are told from the others.

    known: everybody (what is known of everybody), or behaviour (that and what active customers do).
    holders: of the type, among 60,000 customers at most. potential: kind to the customers of whom
    this is the best product and who may be called about it.
    """

    product: str
    customer_type: str
    known: str
    holders: int
    result: OfLikeness | Impossible
    potential: dict[str, int] = {}


class Likeness(Shape):
    """Who is like the holders of which product, as it can be known at a quarter's end.

    consent: whether the bank says of anybody that he may be contacted.
    """

    quarter: str
    consent: bool
    models: list[LikenessModel]


class Need(Shape):
    """Customers of one type with a need that no product of theirs meets.

    bank: that they pay, where the need is seen in that. n: customers; share: of the active ones of
    the type, with its interval (Wilson). median, mean: of the money involved, with intervals
    (order statistics; Student). yearly: what it is worth to the bank a year, with its interval
    (bootstrap). nearest: the product whose holders they are most like; already: of them who hold
    it.
    now, before: customers of the type with such a need in the quarter, and in the one before.
    by_chance: customers expected if seasons were shuffled, with the range of 95 %.
    p: that chance, or nothing new, makes as much of it; p_corrected: over all of the kind.
    """

    pattern: str
    customer_type: str
    bank: str
    n: int
    share: float
    low: float
    high: float
    median: float
    median_low: float | None
    median_high: float | None
    mean: float
    mean_low: float | None
    mean_high: float | None
    yearly: float
    yearly_low: float
    yearly_high: float
    nearest: str
    already: int | None
    now: int | None = None
    before: int | None = None
    by_chance: float | None = None
    by_chance_low: float | None = None
    by_chance_high: float | None = None
    p: float | None = None
    p_corrected: float | None = None


class UnmetNeeds(Shape):
    """Needs that no product meets, of the whole bank.

    season: the quarter that is to come. lacking: pattern to why nothing can be said of it.
    """

    quarter: str
    season: str
    needs: list[Need]
    lacking: dict[str, Impossible]
