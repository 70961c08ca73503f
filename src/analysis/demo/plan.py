"""What the demo bank is made of: its groups of customers, what drives loyalty, its places and
names.
"""

from dataclasses import dataclass

import numpy as np

from analysis.contract.tables import CHANNELS, KINDS

VERSION = 8  # raise when the same seed gives other rows
CHUNK = 25_000  # customers made at a time; bounds memory
FIRST_QUARTER, LAST_QUARTER = "2023Q1", "2024Q4"
RATE_SCALE = 0.75  # brings the bank to about a hundred transactions a customer in eight quarters
CORPORATE_SHARE = 0.08

CHANNEL = {name: number for number, name in enumerate(CHANNELS)}
KIND = {name: number for number, name in enumerate(KINDS)}


@dataclass(frozen=True)
class Group:
    """A planted group of customers who bank alike."""

    name: str
    share: float  # of the personal, or of the corporate customers
    rate: float  # own transactions a quarter beside the regular ones
    income: float  # a month
    regular: str  # kind of the regular income, or ""
    balance: float  # median opening balance
    channels: dict[str, float]
    credit_grade: float  # mean
    mortgage: float  # share with a mortgage
    credit_card: float
    savings: float
    age: tuple[int, int]
    evening: float = 0.25  # share of own entries between 18 and 6 o'clock


PERSONAL = (
    Group(
        "salaried",
        0.34,
        8,
        11_000,
        "salary",
        30_000,
        {"mobile": 0.45, "pos": 0.35, "online": 0.1, "atm": 0.1},
        4,
        0.24,
        0.35,
        0.3,
        (26, 58),
        0.3,
    ),
    Group(
        "young_digital",
        0.24,
        19,
        6_000,
        "salary",
        5_000,
        {"mobile": 0.8, "online": 0.12, "pos": 0.08},
        6,
        0.03,
        0.25,
        0.05,
        (18, 30),
        0.55,
    ),
    Group(
        "pensioners",
        0.22,
        3.5,
        4_500,
        "pension",
        100_000,
        {"branch": 0.6, "atm": 0.3, "pos": 0.1},
        2,
        0.0,
        0.03,
        0.6,
        (60, 88),
        0.03,
    ),
    Group(
        "affluent",
        0.12,
        12,
        60_000,
        "salary",
        1_200_000,
        {"online": 0.45, "mobile": 0.25, "pos": 0.25, "phone": 0.05},
        2,
        0.3,
        0.8,
        0.9,
        (35, 65),
        0.25,
    ),
    Group(
        "traders",
        0.08,
        28,
        40_000,
        "",
        80_000,
        {"branch": 0.3, "atm": 0.3, "pos": 0.15, "mobile": 0.25},
        7,
        0.2,
        0.4,
        0.1,
        (25, 60),
        0.15,
    ),
)
CORPORATE = (
    Group(
        "small_firms",
        0.75,
        22,
        150_000,
        "",
        200_000,
        {"online": 0.5, "branch": 0.3, "mobile": 0.2},
        6,
        0.0,
        0.0,
        0.1,
        (1, 15),
        0.05,
    ),
    Group(
        "large_firms",
        0.25,
        55,
        4_000_000,
        "",
        8_000_000,
        {"online": 0.85, "branch": 0.15},
        3,
        0.0,
        0.0,
        0.4,
        (5, 40),
        0.02,
    ),
)


@dataclass(frozen=True)
class LifeEvent:
    """Something that happens to a customer, and what follows it in the next quarter."""

    name: str
    rate: float  # of the persons it can happen to, a quarter
    leaves: float = 0.0  # share who leave at the end of the quarter, beside those who would anyway
    buys: float = 0.0  # share who buy a product in the next quarter, beside those who would anyway
    buys_product: str = ""


LIFE_EVENTS = (
    LifeEvent("salary_stopped", 0.012, leaves=0.2),
    LifeEvent("large_inflow", 0.010, buys=0.30, buys_product="P10"),
    LifeEvent("competitor_account", 0.010, leaves=0.35),
    LifeEvent("slept_and_woke", 0.010, buys=0.0),
    LifeEvent("late_payment", 0.020, leaves=0.0),
)
INFLOW_MONTHS = 9  # a large inflow is so many months' income
MOVED_ELSEWHERE = 0.6  # share of each month's income that goes to the account at another bank
SLEEPS = 2  # quarters

#: Weight of each attitude in satisfaction; satisfaction in loyalty; loyalty and others in leaving.
DRIVERS = {"product": 0.30, "service": 0.40, "process": 0.20, "campaign": 0.10}
SATISFACTION_TO_LOYALTY = 0.8
LEAVING = {"constant": -3.6, "loyalty": -0.9, "mortgage": -1.5}
ITEMS = {
    **{d: [f"{d}_{i}" for i in (1, 2, 3)] for d in DRIVERS},
    "satisfaction": ["satisfaction_1", "satisfaction_2"],
    "loyalty": ["recommend", "stay", "buy_again"],
}
#: Share of a group's customers who answer in a quarter, and how the group feels, in standard
#: deviations of every attitude.
ANSWER_RATES = {
    "salaried": 0.23,
    "young_digital": 0.15,
    "pensioners": 0.38,
    "affluent": 0.28,
    "traders": 0.2,
}
MOODS = {"pensioners": 0.35, "young_digital": -0.35}
BRANCH_EFFECT = 0.15  # standard deviation of an attitude's mean between branches
INSURED = {"constant": -1.2, "loyalty": 0.6}  # log odds of holding home insurance
#: Planted change: this branch's attitude to this dimension falls by this many standard deviations
#: in the last quarter.
FALL_BY = 0.6
FALL = {"branch": 2, "dimension": "process"}

BRANCH_NAMES = (
    "上海徐汇支行 Xuhui",
    "Harbour Street",
    "北京朝阳支行 Chaoyang",
    "Riverside",
    "广州天河支行 Tianhe",
    "St. Anne's Square",
    "成都锦江支行 Jinjiang",
    "Old Town",
)
REGIONS = ("East", "Coast", "North", "South", "West")
SURNAMES = np.array(
    [
        "王",
        "李",
        "张",
        "刘",
        "陈",
        "杨",
        "赵",
        "黄",
        "Smith ",
        "Jones ",
        "Novák ",
        "García ",
        "Müller ",
        "Kowalska ",
    ]
)
GIVEN_NAMES = np.array(
    [
        "伟",
        "芳",
        "娜",
        "秀英",
        "敏",
        "静",
        "强",
        "磊",
        "洋",
        "Anna",
        "Peter",
        "Lucía",
        "Tomáš",
        "Greta",
    ]
)
FIRM_NAMES = np.array(["华", "信", "达", "丰", "Orient", "Delta", "Summit", "Blue"])
FIRM_ENDS = np.array(["贸易有限公司", "科技有限公司", " Trading Ltd", " Logistics Ltd"])
MEMOS = (
    "",
    "工资 salary",
    "养老金 pension",
    "水电费 utilities",
    "消费 purchase",
    "转账 transfer",
    "还款 instalment",
    "利息 interest",
    "货款 goods",
    "住房补贴 housing allowance",
    "物业费 property fee",
    "投资 invest",
    "理财 wealth",
    "分红 dividend",
    "房租 rent",
    "学费 tuition",
    "捐款 donation",
)
MEMO = {name.split(" ")[-1]: number for number, name in enumerate(MEMOS)}


@dataclass(frozen=True)
class Theme:
    """What customers write about: the attitude it shows, whether they praise, and how they say
    it.
    """

    name: str
    dimension: str
    praise: bool
    chinese: tuple[str, ...]
    english: tuple[str, ...]


THEMES = (
    Theme(
        "waiting",
        "process",
        False,
        (
            "排队时间太长",
            "等了快一个小时才轮到我",
            "窗口开得太少，排队等号很久",
            "取号排队，等到中午",
        ),
        (
            "The queue at the counter was far too long",
            "I waited in the queue almost an hour",
            "Only one counter was open and a long queue",
            "Waiting in line at the counter all morning",
        ),
    ),
    Theme(
        "approval",
        "process",
        False,
        (
            "贷款审批太慢",
            "材料交了三次，贷款审批流程太复杂",
            "审批拖了一个月",
            "办贷款的流程太繁琐",
        ),
        (
            "Loan approval took too long",
            "The paperwork for the loan never ends",
            "Approval of my loan application dragged on for a month",
            "Too many documents for a loan application",
        ),
    ),
    Theme(
        "app",
        "service",
        False,
        (
            "手机银行经常打不开",
            "登录手机银行总是失败，收不到验证码",
            "更新以后软件闪退",
            "手机银行软件又卡又慢",
        ),
        (
            "The app crashes after the update",
            "I cannot log in to the app",
            "The new app is slow and crashes",
            "Login to the mobile app fails again",
        ),
    ),
    Theme(
        "staff",
        "service",
        False,
        ("柜员态度很差", "没有人给我回电话，态度冷淡", "工作人员不耐烦", "问了柜员三次都没人解释"),
        (
            "The staff were rude",
            "Nobody called me back and the staff did not care",
            "Rude clerk who would not explain anything",
            "The clerk was impatient with me",
        ),
    ),
    Theme(
        "fees",
        "product",
        False,
        ("手续费没有说明白", "年费太高", "莫名其妙扣了手续费", "账户管理费比别家贵"),
        (
            "The fee was not explained to me",
            "The yearly fee is too high",
            "I was charged a hidden fee",
            "Fees are higher than at other banks",
        ),
    ),
    Theme(
        "calls",
        "campaign",
        False,
        ("推销电话太多", "天天收到推销短信", "不要再打推销电话了", "营销短信太多太烦"),
        (
            "Too many advertising calls",
            "Advertising messages every day",
            "Please stop the advertising calls",
            "I am tired of advertising messages",
        ),
    ),
    Theme(
        "advice",
        "service",
        True,
        (
            "客户经理很专业",
            "服务态度好，耐心解答",
            "客户经理帮了大忙，谢谢",
            "大堂经理服务热情周到",
        ),
        (
            "Good advice from my manager",
            "My manager was patient and helpful",
            "Very helpful advice, thank you",
            "Friendly and helpful service",
        ),
    ),
    Theme(
        "choice",
        "product",
        True,
        ("产品选择多", "理财产品收益不错", "存款利率比别家高", "理财产品种类丰富"),
        (
            "A good choice of products",
            "The savings rate is better than elsewhere",
            "Wealth products with a fair return",
            "A good rate and a good choice of savings products",
        ),
    ),
)
CHINESE_TAILS = ("", "", "，希望改进", "，已经不是第一次了", "，朋友也这么说", "，上周又遇到了")
ENGLISH_TAILS = (
    "",
    "",
    ". It was not the first time",
    ". My friends say the same",
    ". It happened again last week",
)
#: Some write who they are; a report must not repeat it. {name} and {phone} are those of the
#: customer.
CHINESE_CALLS = ("，请回电{phone}", "，{name}，电话{phone}")
ENGLISH_CALLS = (". Call me on {phone}", ". {name}, phone {phone}")
CHINESE_SHARE, SAYS_WHO, COMMENT_RATE = 0.6, 0.04, 0.25
COMPLAINT_RATE = 0.02  # a quarter, of customers without strong feelings
PRODUCTS = (
    ("P01", "Current account", "current_account"),
    ("P02", "Savings account", "savings"),
    ("P03", "Business account", "current_account"),
    ("P04", "Debit card", "card"),
    ("P05", "Credit card", "card"),
    ("P06", "Mortgage", "mortgage"),
    ("P07", "Consumer loan", "consumer_loan"),
    ("P08", "Wealth plan", "wealth"),
    ("P09", "Home insurance", "insurance"),
    ("P10", "Term deposit", "deposit"),
    ("P11", "Business loan", "business_loan"),
    ("P12", "Card acceptance", "payment"),
)
#: Product to the log odds of taking it up in a quarter, of persons, by traits (see `selling`).
TAKE_UP = {
    "P05": {"constant": -4.6, "mobile": 0.7, "income": 0.5},
    "P08": {"constant": -5.2, "balance": 1.1, "loyalty": 0.3},
    "P09": {"constant": -4.9, "mortgage": 1.6, "loyalty": 0.3},
    "P10": {"constant": -4.9, "balance": 0.9},
}


@dataclass(frozen=True)
class Campaign:
    """A planted campaign, and what it does."""

    name: str
    product: str
    quarter: int  # number of the quarter it is held in
    base: float  # log odds of responding without contact
    effect: float  # that contact adds to the chance of responding
    income: float = 0.0  # what a standard deviation of income adds to the log odds without contact
    above: float = -99.0  # income, in standard deviations, from which contact has the effect
    randomised: bool = True
    reach: float = 0.4  # share of the persons
    contacted: float = 0.7  # of those reached, on average
    cost: float = 8_000
    contact_cost: float = 12
    value: float = 600  # of a response


CAMPAIGNS = (
    Campaign("Wealth week", "P08", 1, -3.2, 0.14, above=0.5, value=2_500),
    Campaign("Card spring", "P05", 3, -2.9, 0.06),
    Campaign("Home insurance", "P09", 5, -2.9, 0.0),
    Campaign("Term deposit", "P10", 7, -3.0, 0.05, income=0.9, randomised=False, contacted=0.5),
)

#: Quarters in which lists were handed over, by number; shares of the customers of a member of
#: staff.
HANDED_IN = (6, 7)
HANDED_SHARE, CALLED_SHARE, HELD_BACK = 0.22, 0.08, 0.15
TOLD_WRONG_BY = 0.4  # standard deviation of the log odds told around the planted ones
DUE_DAYS = 50
#: What staff do: share of what they are handed, of it late, of the customers called who are
#: reached, of those who do not buy who say no; and one who ignores the lists.
FOLLOWS, LATE, REACHED, DECLINES = 0.9, 0.08, 0.75, 0.5
IGNORES_LISTS, FOLLOWS_ANYHOW = ("S000010",), 0.15
CALL_ADDS = 1.3  # log odds of taking up what is offered
WORTH = {"P05": 600.0, "P08": 2_500.0, "P09": 500.0, "P10": 800.0}  # of a sale
CUSTOMER_WORTH = 1_000.0  # of a customer who stays
#: Follow-ups that cannot be taken as they are, in the order in which they are made.
FAULTY_FOLLOW_UPS = {"no_such_entry": 3, "before_handed": 2, "twice": 2}

#: Seasons: how much of a month's usual business falls in each month.
MONTH_WEIGHTS = np.array([1.15, 0.85, 1.0, 0.97, 1.0, 1.02, 0.95, 0.95, 1.02, 1.05, 1.2, 1.1])
#: Days are for business between 6 and 18 o'clock, the rest is evening and night.
HOUR_WEIGHTS = np.array(
    [1, 0.5, 0.3, 0.2, 0.2, 0.5, 2, 4, 7, 9, 10, 9, 8, 7, 8, 8, 8, 8, 7, 7, 6, 5, 3, 2]
)
EMPLOYERS = 60  # employers that are no customers
COMPOUND_NAMES = (
    "锦绣花园",
    "阳光城",
    "River Park",
    "绿地新村",
    "Maple Court",
    "翠湖天地",
    "Harbour View",
    "东方名苑",
)
