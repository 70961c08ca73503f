"""The params file: one per bank, read safely, checked whole, with errors that name the line to
mend.
"""

import datetime as dt
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from analysis.contract import CONTRACT
from analysis.contract.formats import Formats
from analysis.errors import ParametersError, not_one_of, without_secrets
from analysis.language import languages, marked, say
from analysis.quarters import Quarter
from analysis.sources.yaml_file import read_yaml


def _quarter(value: Any) -> Quarter:
    if isinstance(value, Quarter):
        return value
    try:
        return Quarter.parse(value)
    except ParametersError as error:
        raise ValueError(str(error)) from error


def _as_code(value: Any) -> Any:
    """What YAML took for a number or a truth, as a code."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


QuarterField = Annotated[Quarter, BeforeValidator(_quarter)]


class Strict(BaseModel):
    """A part of the params file; a key it does not know is refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False
    )


class Csv(Strict):
    """How the bank writes its text files."""

    separator: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', max_length=1)
    encoding: str = "utf-8"

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            "".encode(name)
        except LookupError as error:
            raise ValueError(
                say(
                    "not an encoding that Python knows; for example utf-8, gb18030, latin-1, cp1250"
                )
            ) from error
        return name


class Demo(Strict):
    """What the demo bank is made with."""

    customers: int = Field(5000, ge=500)
    seed: int = 7


class Source(Strict):
    """Where the bank's tables are."""

    engine: Literal["duckdb", "postgres"] = "duckdb"
    folder: str = ""  # duckdb: the folder of the CSV and Parquet files
    url: str = ""  # postgres: postgresql://user@host/database
    schema_: str = Field("public", alias="schema", pattern=r'^[^"\x00-\x1f]+$')
    csv: Csv = Csv()
    files: dict[str, str] = {}  # name to file or pattern; empty: every file, named by its stem
    demo: Demo | None = None


class FromSql(Strict):
    """A query in the language of the source's engine."""

    sql: str


class ColumnMapping(Strict):
    """Where a contract column comes from when it is not simply another column."""

    column: str = ""
    sql: str = ""
    # the bank's code to the contract's; a code not listed is left as it is and breaks the rule
    codes: dict[str, Annotated[str | None, BeforeValidator(_as_code)]] = {}


class TableMapping(Strict):
    """Where a contract table comes from."""

    from_: str | FromSql = Field(alias="from")
    columns: dict[str, str | ColumnMapping] = {}


class QuarterRange(Strict):
    """The quarters that can be reported."""

    first: QuarterField
    last: QuarterField


LEAST_MEMORY = 256  # megabytes


class Engine(Strict):
    """How much of the machine the embedded engine may use."""

    memory: str = "8GB"
    threads: int | None = Field(None, ge=1)

    @field_validator("memory")
    @classmethod
    def _enough_memory(cls, text: str) -> str:
        written = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT])i?B\s*", text)
        if not written:
            raise ValueError(say("no amount of memory; write it as 8GB or 500MB"))
        megabytes = float(written[1]) * 1024.0 ** ("KMGT".index(written[2]) - 1)
        if megabytes < LEAST_MEMORY:
            raise ValueError(
                say("too little to read a bank's tables; {least}MB are needed").format(
                    least=LEAST_MEMORY
                )
            )
        return text


class Value(Strict):
    """Assumptions behind the value of a customer, printed with every figure that uses them."""

    deposit_margin: float = 0.012  # per year of the balance
    lending_margin: float = 0.02  # per year of the amount lent
    # share of borrowers in arrears who default within a year
    default_given_arrears: float = Field(0.2, ge=0, le=1)
    loss_given_default: float = Field(0.45, ge=0, le=1)
    # service level of a plan to its cost per customer and year
    service_costs: dict[str, float] = {}
    # customer type to what serving one costs a year while all are served alike
    cost_today: dict[str, float] = {}
    # share of a customer's value lost where the service becomes cheaper
    value_lost: float = Field(0.05, ge=0, le=1)
    discount_rate: float = Field(0.08, ge=0)  # a year
    horizon: int = Field(12, ge=1, le=40)  # quarters a customer's expected value looks ahead


class Plan(Strict):
    """What is done for a group, chosen by the first rule that fits its profile."""

    name: str
    # feature to its level against the bank
    when: dict[str, Literal["high", "middle", "low", "negative"]] = {}
    product: str = ""
    channel: str = ""
    service: str = ""
    owner: str = ""


BLOCK_WEIGHTS = {
    "region": 0.1,
    "credit": 1.0,
    "assets": 1.0,
    "activity": 1.0,
    "habits": 1.0,
    "channels": 2.0,
}


class Identification(Strict):
    """Which records are taken for one customer. `used: false` leaves every record by itself."""

    used: bool = True
    # the model is learnt from records of customers since this day at the latest; empty: from all
    trained_until: dt.date | None = None
    # expected share of the pairs taken for one customer that are right
    precision: float = Field(0.95, gt=0.5, lt=1)
    # what one customer cannot have two of: a group that does is held back, and looked at
    contradictions: list[Literal["document", "sex", "born"]] = ["document", "sex", "born"]
    trusted: list[str] = []  # systems (`source` of customers), the most trusted first


class Tier(Strict):
    """A place to keep rows in, up to an age."""

    name: str
    quarters: int | None = Field(None, ge=1)  # age up to which rows lie here; the last has none
    price: float = Field(ge=0)  # of a gigabyte (10⁹ bytes) and month, in the bank's currency


class DataHealth(Strict):
    """Against what the data is judged, and what keeping it costs."""

    calendar: str = ""  # country whose public holidays the bank keeps (ISO 3166), such as CN
    details_years: float = Field(3, gt=0)  # after which a customer's details are to be confirmed
    booking_days: int = Field(5, ge=0)  # from the day that an entry counts from to its booking
    tiers: list[Tier] = []  # where rows are kept by their age, the newest first

    @field_validator("calendar")
    @classmethod
    def _known_calendar(cls, country: str) -> str:
        if not country:
            return country
        from holidays import list_supported_countries

        if country not in (known := list_supported_countries()):
            raise ValueError(not_one_of(say("The calendar"), country, sorted(known)))
        return country

    @field_validator("tiers")
    @classmethod
    def _each_older_than_the_one_before(cls, tiers: list[Tier]) -> list[Tier]:
        if not tiers:
            return tiers
        ages = [tier.quarters for tier in tiers[:-1] if tier.quarters is not None]
        every = len(ages) == len(tiers) - 1 and tiers[-1].quarters is None
        if not every or ages != sorted(set(ages)):
            raise ValueError(
                say("tiers: each but the last has quarters, more than the one before it")
            )
        if len({tier.name for tier in tiers}) < len(tiers):
            raise ValueError(say("tiers: two have the same name"))
        return tiers


class Segmentation(Strict):
    """Settings of the segmentation."""

    fit_quarter: QuarterField | None = None  # default: the first quarter
    earlier_fit_quarters: list[QuarterField] = []  # of earlier versions, whose names are carried on
    method: str = "k-means"  # one of segmentation/methods.py
    groups: tuple[int, int] = (3, 8)
    block_weights: dict[str, float] = {}
    plans: dict[str, list[Plan]] = {}

    @property
    def weights(self) -> dict[str, float]:
        """Share of each block in the squared distance between two customers, whatever the number of
        its features.
        """
        return {**BLOCK_WEIGHTS, **self.block_weights}

    @field_validator("groups")
    @classmethod
    def _from_few_to_many(cls, groups: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= groups[0] <= groups[1]:
            raise ValueError(say("groups: the fewest, at least 1, come before the most"))
        return groups

    @field_validator("block_weights")
    @classmethod
    def _known_blocks(cls, weights: dict[str, float]) -> dict[str, float]:
        for block in weights:
            if block not in BLOCK_WEIGHTS:
                raise ValueError(not_one_of(say("The block"), block, BLOCK_WEIGHTS))
        return weights


class Event(Strict):
    """Something that happens to customers and is worth acting on."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    # SQL over the columns of customer_quarter; those of the quarter before begin with before_
    rule: str
    expect: Literal["churn", "purchase"]  # what it is watched for in the quarter after
    action: str = ""
    owner: str = ""


class Mend(Strict):
    """What is done about a weak dimension."""

    action: str
    owner: str = ""


class Loyalty(Strict):
    """Which survey item and which behaviour measures what, and how the index is weighted."""

    items: dict[str, list[str]] = {}
    # of the dimensions in the index; default: as the path model of the fit quarter says
    weights: dict[str, float] = {}
    satisfaction: list[str] = []  # items on satisfaction as a whole, which the dimensions lead to
    stated_loyalty: list[str] = []
    behaviour: list[str] = []  # columns of customer_quarter that loyalty shows in
    # the index is weighted by the year up to it; default: the first full year
    fit_quarter: QuarterField | None = None
    nps: str = ""  # the item that asks whether one would recommend the bank
    csat: str = ""  # the item that asks how satisfied one is
    ces: str = ""  # the item that asks how easy it was
    scheme: Literal["centroid", "path"] = "centroid"  # of the path model
    formative: list[str] = []  # dimensions that their items make up, rather than show
    actions: dict[str, Mend] = {}  # dimension to what is done where it is weak
    # whoever gives less to the bank as a whole is unhappy
    low_score: float = Field(50, gt=0, lt=100)

    @model_validator(mode="after")
    def _known_dimensions(self) -> "Loyalty":
        for name in [*self.weights, *self.formative, *self.actions]:
            if name not in self.items:
                raise ValueError(not_one_of(say("The dimension"), name, self.items))
        if self.weights and (min(self.weights.values()) < 0 or not sum(self.weights.values()) > 0):
            raise ValueError(say("The weights must not be negative, and not all zero."))
        items = self.all_items
        for name in filter(None, (self.nps, self.csat, self.ces)):
            if name not in items:
                raise ValueError(not_one_of(say("The item"), name, items))
        for block in (*self.items.values(), self.satisfaction, self.stated_loyalty):
            for name in block:
                if (
                    block.count(name) > 1
                    or sum(
                        name in b
                        for b in (*self.items.values(), self.satisfaction, self.stated_loyalty)
                    )
                    > 1
                ):
                    raise ValueError(
                        say("The item {name!r} is named twice; each measures one thing.").format(
                            name=name
                        )
                    )
        return self

    @property
    def measurement(self) -> "Loyalty":
        """What measures what, without what is done about it."""
        return self.model_copy(update={"actions": {}})

    @property
    def all_items(self) -> list[str]:
        """Every item named, once."""
        named = [
            *[i for items in self.items.values() for i in items],
            *self.satisfaction,
            *self.stated_loyalty,
        ]
        return list(dict.fromkeys(named))

    @property
    def blocks(self) -> list[str]:
        """What is measured, in order: the dimensions, satisfaction, stated loyalty, behaviour."""
        return [
            *self.items,
            *[b for b in ("satisfaction", "stated_loyalty", "behaviour") if getattr(self, b)],
        ]


class Retention(Strict):
    """Who counts as leaving, and how many can be called."""

    # SQL over the columns of customer_quarter of the quarter after; those before begin with before_
    left: str = "not active"
    left_title: str = marked("no own entry in the quarter, or no open account")
    capacity: int = Field(40, ge=1)  # customers a branch can call in a quarter
    capacities: dict[str, int] = {}  # branch to its own
    # share of those who would leave that a call keeps; an assumption
    save_rate: float = Field(0.2, ge=0, le=1)
    contact_cost: float = Field(30, ge=0)  # of a call


class Campaigns(Strict):
    """What the next campaign should be able to show."""

    # smallest difference of response worth finding, of shares
    least_effect: float = Field(0.02, gt=0, lt=1)
    power: float = Field(0.8, gt=0.05, lt=1)  # chance of finding it


class OfferedProduct(Strict):
    """A product that is offered, and to whom."""

    product: str  # product_id
    title: str = ""  # what pages call it, where that is not the bank's own name of it
    value: float = Field(gt=0)  # of a sale, in the bank's currency
    limit: int | None = Field(None, ge=0)  # offers of it that a branch can make in a quarter
    channel: str = ""
    # name of a rule to SQL over the columns of customer_quarter, as in events
    eligible: dict[str, str] = {}
    suits: dict[str, str] = {}


class Unmet(Strict):
    """What counts as a need that no product meets; starting values."""

    # kept at the end of two quarters, without deposit or wealth product
    balance: float = Field(50_000, gt=0)
    most_entries: int = Field(12, ge=1)  # own entries of the quarter, of such customers
    # of two quarters, in which the same other bank is paid
    months: int = Field(3, ge=2, le=6)
    # what goes out in the season, against a quarter of its year
    times: float = Field(1.5, gt=1, lt=4)


class Offers(Strict):
    """What is offered, by which rules, and how many offers can be made."""

    products: list[OfferedProduct] = []
    contact_cost: float = Field(30, ge=0)
    # of the weekly capacity of staff, for offers
    capacity_share: float = Field(0.2, ge=0, le=1)
    weeks: int = Field(12, ge=1, le=13)  # of a quarter, in which offers are made
    # share of the customers with an offer who get none, drawn by lot
    holdout: float = Field(0.1, ge=0, lt=1)
    seed: int = 1
    refused_quarters: int = Field(2, ge=1, le=40)  # in which what was declined is not offered again
    # contacts of a quarter, over all channels and campaigns, after which nobody is called again
    most_contacts: int = Field(2, ge=1)
    # potential customers listed for a branch, by their likeness to holders; 0 for no list
    lookalikes: int = Field(50, ge=0)
    unmet: Unmet = Unmet()

    @field_validator("products")
    @classmethod
    def _each_once(cls, products: list[OfferedProduct]) -> list[OfferedProduct]:
        names = [p.product for p in products]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(say("The product {name!r} is named twice.").format(name=name))
        return products


class Execution(Strict):
    """By when the entries of a quarter's lists are to be done, in days of the next quarter; offers
    have a day each.
    """

    save_days: int = Field(42, ge=1, le=92)
    event_days: int = Field(14, ge=1, le=92)
    alert_days: int = Field(30, ge=1, le=92)


def _low(value: Any, **bounds: Any) -> Any:
    """A threshold that a case must reach: the lower, the more alerts."""
    return Field(value, json_schema_extra={"looser": "lower"}, **bounds)


def _high(value: Any, **bounds: Any) -> Any:
    """A threshold that a case must not pass: the higher, the more alerts."""
    return Field(value, json_schema_extra={"looser": "higher"}, **bounds)


class Mortgage(Strict):
    """Thresholds of the mortgage investigation; starting values unless a source stands beside
    them.
    """

    min_borrowers: int = _low(3, ge=2)
    window_days: int = _high(10, ge=1, le=20)  # before the due day
    late_days: int = _high(3, ge=0, le=7)  # after it
    amount_tolerance: float = _high(0.15, gt=0, lt=1)
    # months in which a loan is paid by the same group, of two quarters
    min_months: int = _low(2, ge=1, le=6)
    same_site_share: float = _low(0.6, gt=0, le=1)
    cluster_days: int = _high(30, ge=1)
    # from the money's arrival at a payer to the payment of the instalment
    hop_days: int = _high(5, ge=1)


class CardCashout(Strict):
    """Thresholds of the card investigation; starting values unless a source stands beside them
    (design: kupet.cn, henanxw.com).
    """

    min_cycles: int = _low(2, ge=1)  # times emptied again after repayment
    empty_share: float = _low(0.8, gt=0, le=1)  # of the limit; source: use above 80 % of the limit
    empty_days: int = _high(7, ge=1)  # within which it is emptied again
    fee_low: float = Field(0.005, ge=0, lt=1)  # source: a fee of about 0.5–3 %
    fee_high: float = _high(0.03, gt=0, lt=1)
    return_days: int = _high(7, ge=1)  # from the purchase to the money's return
    min_returns: int = _low(2, ge=1)
    min_holders: int = _low(3, ge=2)  # who get money back from one merchant
    # round purchases in a row at one merchant; source: three or more
    round_run: int = _low(3, ge=2)
    swipes_a_day: int = _low(4, ge=2)  # at one merchant; source: more than three
    out_of_category: float = _low(5, gt=1)  # times the median purchase of the merchant's category
    # of a merchant's turnover that is from such cards
    merchant_share: float = _low(0.5, gt=0, le=1)
    region_hours: int = _high(2, ge=1)  # between purchases in two regions; source: two hours

    @model_validator(mode="after")
    def _fee_from_low_to_high(self) -> "CardCashout":
        if self.fee_low > self.fee_high:
            raise ValueError(say("fee_low lies above fee_high"))
        return self


class Fundraising(Strict):
    """Thresholds of the fund-raising investigation; starting values unless a source stands beside
    them.
    """

    min_payers: int = _low(10, ge=4)
    min_common: int = _low(6, ge=3)  # payers who are paid back
    # of a payment in; source: multiples of 500 in a published case (fuhexi.com)
    min_amount: float = _low(500, gt=0)
    # how far a payer's share may lie from the usual one
    ratio_tolerance: float = _high(0.25, gt=0, lt=1)
    same_ratio_share: float = _low(0.6, gt=0, le=1)  # of the payers paid back
    min_rate: float = _low(0.08, gt=0)  # a year; source: promised returns above 8 % are a warning
    min_returns: int = _low(2, ge=2)  # payments back to a payer
    unit_share: float = _low(0.8, gt=0, le=1)  # of payments that are multiples of one unit
    word_share: float = _low(0.3, gt=0, le=1)  # of payments whose memo has one of the words
    old_age: int = Field(60, ge=40)
    old_share: float = _low(0.4, gt=0, le=1)  # of the payers
    growth: float = _low(1.5, gt=1)  # payers of the second half of the time against the first
    woken_days: int = _high(180, ge=1)  # since the account was opened, or asleep before
    transit_days: int = _high(3, ge=0)
    transit_keep: float = _low(0.8, gt=0, le=1)
    # accounts with more are authorities, utilities, markets: passed over, and said
    most_counterparties: int = Field(5000, ge=10)
    licensed: list[str] = []  # accounts of licensed products, left out
    words: list[str] = [
        "投资",
        "理财",
        "复投",
        "分红",
        "利息",
        "集资",
        "众筹",
        "invest",
        "wealth",
        "dividend",
        "interest",
        "return on",
        "crowdfund",
    ]


class Acceptance(Strict):
    """Thresholds of the investigation of bills; starting values (signals after caidao8.com, from
    中国票据网).
    """

    keep: float = _low(0.7, gt=0, le=1)  # of the proceeds that come back
    hop_days: int = _high(10, ge=1)  # from one account to the next
    hops: int = Field(4, ge=1, le=6)  # accounts that the proceeds are followed over
    margin_days: int = _high(20, ge=0)  # from the money's return to the next bill
    invoice_tolerance: float = Field(0.1, ge=0, lt=1)  # between invoice and bill
    invoice_days: int = Field(90, ge=1)  # between their dates
    turnover_share: float = _low(1.0, gt=0)  # bills of a year against the yearly turnover
    # a new bill to the same payee around the day an old one falls due
    rolling_days: int = _high(5, ge=0)
    rolling_times: int = _low(2, ge=1)
    new_days: int = _high(365, ge=1)  # since the company was founded
    # other parties in its account, below which it has no other business
    min_business: int = Field(5, ge=1)


class Risk(Strict):
    """Thresholds of the investigations."""

    mortgage: Mortgage = Mortgage()
    card_cashout: CardCashout = CardCashout()
    fundraising: Fundraising = Fundraising()
    acceptance: Acceptance = Acceptance()
    # decided alerts of a kind before a scorecard is fitted
    enough_dispositions: int = Field(30, ge=20)


class Bank(Strict):
    """One bank: its source, mapping, quarters, thresholds and places. Read with `read_params`."""

    bank: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    title: str
    data: str = Field(min_length=1)
    outputs: str = Field(min_length=1)
    source: Source
    quarters: QuarterRange
    currency: str = "CNY"
    # of the pages; of several the first stands in the quarter's folder, the others beside it
    language: str | list[str] = "en"
    # of the bank; a booking without an offset is in it, one with an offset is converted to it
    timezone: str = "Asia/Shanghai"
    as_of: dt.date | None = None
    quarantine_limit: float = Field(0.05, ge=0, le=1)
    min_cell: int = Field(10, ge=1)
    reports: list[str] = []
    engine: Engine = Engine()
    formats: Formats = Formats()
    tables: dict[str, TableMapping] = {}
    value: Value = Value()
    identification: Identification = Identification()
    data_health: DataHealth = DataHealth()
    segmentation: Segmentation = Segmentation()
    events: list[Event] = []
    loyalty: Loyalty = Loyalty()
    retention: Retention = Retention()
    campaigns: Campaigns = Campaigns()
    offers: Offers = Offers()
    execution: Execution = Execution()
    risk: Risk = Risk()
    path: Path = Path()

    @field_validator("language")
    @classmethod
    def _known_languages(cls, language: str | list[str]) -> str | list[str]:
        for name in [language] if isinstance(language, str) else language:
            if name not in languages():
                raise ValueError(not_one_of(say("The language"), name, languages()))
        return language or "en"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the pages, each once."""
        several = [self.language] if isinstance(self.language, str) else self.language
        return tuple(dict.fromkeys(several))

    def place(self, text: str) -> Path:
        """A path of the params file; relative ones start at the params file's own folder."""
        return (self.path.parent / text).resolve()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(not_one_of(say("The time zone"), name, sorted(available_timezones())))
        return name

    @property
    def data_folder(self) -> Path:
        """Where the accepted rows, quarantine, marts and models of this bank are."""
        return self.place(self.data)

    @property
    def output_folder(self) -> Path:
        """Where the reports of this bank go."""
        return self.place(self.outputs)

    @property
    def all_quarters(self) -> list[Quarter]:
        """The quarters that can be reported, in order."""
        return list(self.quarters.first.through(self.quarters.last))

    def check_quarter(self, quarter: Quarter) -> None:
        """Raises ParametersError naming the quarters that can be reported for any other."""
        if quarter not in self.all_quarters:
            valid = [str(q) for q in self.all_quarters]
            raise ParametersError(not_one_of(say("The quarter"), str(quarter), valid))

    @property
    def taken_on(self) -> dt.date:
        """The day the data was taken; nothing in it may lie later. Today where the params file does
        not say.
        """
        return self.as_of or dt.date.today()


def _with_environment(text: str) -> str:
    """`${NAME:-default}` replaced from the environment."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: os.environ.get(m[1], m[2] or ""), text)


def read_params(path: str | Path) -> Bank:
    """The bank described by a params file.

    Raises ParametersError, naming every fault, when the file is missing, is not YAML, has an
    unknown key or a value of the wrong type.
    """
    path = Path(path)
    if not path.is_file():
        others = sorted(str(p) for p in path.parent.glob("*.yml")) if path.parent.is_dir() else []
        raise ParametersError(not_one_of(say("The params file"), str(path), others))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParametersError(
            say(
                "{path} is not written in UTF-8 ({reason} at byte {byte}). Save it as UTF-8."
            ).format(path=path, reason=error.reason, byte=error.start)
        ) from error
    content = read_yaml(path, _with_environment(text))
    if not isinstance(content, dict):
        raise ParametersError(say("{path} must be a mapping of keys to values.").format(path=path))
    if "path" in content:
        keys = [k for k in Bank.model_fields if k != "path"]
        raise ParametersError(f"{path}: {not_one_of(say('The key'), 'path', keys)}")
    try:
        bank = Bank(**content, path=path.resolve())
    except ValidationError as error:
        raise ParametersError(
            "\n  ".join(
                [say("{path} cannot be used:").format(path=path), *fault_messages(error, Bank)]
            )
        ) from error
    _check_tables(bank)
    return bank


#: What pydantic says of faults that are made often, by its name for them.
FAULTS = {
    "missing": marked("Field required"),
    "string_type": marked("Input should be a valid string"),
    "string_pattern_mismatch": marked("String should match pattern '{pattern}'"),
    "string_too_short": marked("String should have at least {min_length} character"),
    "string_too_long": marked("String should have at most {max_length} character"),
    "int_type": marked("Input should be a valid integer"),
    "int_parsing": marked("Input should be a valid integer, unable to parse string as an integer"),
    "int_from_float": marked(
        "Input should be a valid integer, got a number with a fractional part"
    ),
    "float_type": marked("Input should be a valid number"),
    "float_parsing": marked("Input should be a valid number, unable to parse string as a number"),
    "finite_number": marked("Input should be a finite number"),
    "bool_type": marked("Input should be a valid boolean"),
    "bool_parsing": marked("Input should be a valid boolean, unable to interpret input"),
    "list_type": marked("Input should be a valid list"),
    "dict_type": marked("Input should be a valid dictionary"),
    "date_from_datetime_parsing": marked("Input should be a valid date or datetime, {error}"),
    "greater_than": marked("Input should be greater than {gt}"),
    "greater_than_equal": marked("Input should be greater than or equal to {ge}"),
    "less_than": marked("Input should be less than {lt}"),
    "less_than_equal": marked("Input should be less than or equal to {le}"),
    "literal_error": marked("Input should be {expected}"),
}


def fault_messages(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One sentence per fault that pydantic found; an unknown key comes with the valid ones, nearest
    first.
    """
    messages = []
    for fault in error.errors():
        place = ".".join(str(p) for p in fault["loc"])
        if fault["type"] == "extra_forbidden":
            messages.append(not_one_of(say("The key"), place, _keys_beside(model, fault["loc"])))
        else:
            shown = "" if place.endswith("url") else without_secrets(repr(fault["input"]))
            template = (
                say("{place}: {fault} (given: {value}).")
                if shown and fault["type"] != "missing"
                else say("{place}: {fault}.")
            )
            why = fault["msg"].removeprefix("Value error, ")
            if known := FAULTS.get(fault["type"]):
                why = say(known).format(**fault.get("ctx", {}))
            told = template.format(place=place, fault=why.rstrip(".。"), value=shown)
            messages.append(told)
    return messages


def _keys_beside(model: Any, place: tuple[int | str, ...]) -> list[str]:
    """The valid keys at the place where an unknown one was found, written with their full path."""
    above: list[str] = []
    for step in place[:-1]:
        above.append(str(step))
        field = getattr(model, "model_fields", {}).get(str(step))
        inner = field.annotation if field else None
        models = _models_in(inner if inner is not None else model)
        model = models[-1] if models else model
    fields = getattr(model, "model_fields", {})
    return [".".join([*above, f.alias or name]) for name, f in fields.items() if name != "path"]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models inside an annotation such as dict[str, str | TableMapping]."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in getattr(annotation, "__args__", ()) for m in _models_in(a)]


def _check_tables(bank: Bank) -> None:
    for name, mapping in bank.tables.items():
        if name not in CONTRACT:
            raise ParametersError(f"{bank.path}: {not_one_of(say('The table'), name, CONTRACT)}")
        for column in mapping.columns:
            columns = [c.name for c in CONTRACT[name].columns]
            if column not in columns:
                raise ParametersError(
                    f"{bank.path}: tables.{name}: {not_one_of(say('The column'), column, columns)}"
                )
    if bank.quarters.last < bank.quarters.first:
        raise ParametersError(
            say("{path}: quarters.last ({last}) lies before quarters.first ({first}).").format(
                path=bank.path, last=bank.quarters.last, first=bank.quarters.first
            )
        )
    for key, place in (("data", bank.data_folder), ("outputs", bank.output_folder)):
        if named := next((p for p in (place, *place.parents) if p.is_file()), None):
            raise ParametersError(
                say("{path}: {key} has to name a folder; {named} is a file.").format(
                    path=bank.path, key=key, named=named
                )
            )
    if bank.source.engine == "duckdb" and not bank.source.folder:
        raise ParametersError(
            say("{path}: source.folder must say where the files are.").format(path=bank.path)
        )
    if bank.source.engine == "postgres" and not bank.source.url:
        raise ParametersError(
            say("{path}: source.url must say where the database is.").format(path=bank.path)
        )
