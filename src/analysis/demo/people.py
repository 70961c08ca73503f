"""The people of a chunk of the demo bank: customers, accounts, products held, cards and loans."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from analysis.demo import plan
from analysis.demo.columns import amounts, days, numbered
from analysis.quarters import Quarter

QUARTERS = list(Quarter.parse(plan.FIRST_QUARTER).through(Quarter.parse(plan.LAST_QUARTER)))
STARTS = np.array([q.start for q in QUARTERS], dtype="datetime64[D]")
END = np.datetime64(QUARTERS[-1].end)
GROUPS = (*plan.PERSONAL, *plan.CORPORATE)
N_PERSONAL = len(plan.PERSONAL)


@dataclass
class People:
    """Arrays by customer of the chunk; indices of accounts and others are bank-wide."""

    first: int  # bank-wide number of the first customer
    group: np.ndarray
    branch: np.ndarray
    income: np.ndarray  # a month
    joined: np.ndarray  # number of the first quarter with the bank (0 when older)
    left: np.ndarray  # number of the first quarter without, QUARTERS when still there
    attitudes: np.ndarray  # customer x quarter x dimension
    satisfaction: np.ndarray  # customer x quarter
    loyalty: np.ndarray  # customer x quarter
    mortgage: np.ndarray  # has a mortgage
    savings: np.ndarray
    employer: np.ndarray  # number of an employer that is a customer, or -1
    since: np.ndarray
    name: np.ndarray  # number of the personal name
    # life event to the number of the quarter it happens in, QUARTERS when never
    happens: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.group)

    @property
    def corporate(self) -> np.ndarray:
        """Which customers are firms."""
        return self.group >= N_PERSONAL

    @property
    def account(self) -> np.ndarray:
        """Number of the current account; the savings account is the next one."""
        return 2 * (self.first + np.arange(len(self)))

    def of_group(self, name: str) -> np.ndarray:
        """Value of a setting of the group, by customer."""
        return np.array([getattr(g, name) for g in GROUPS])[self.group]


def make_people(rng: np.random.Generator, first: int, count: int, branches: int) -> People:
    """The customers numbered `first` to `first + count - 1`."""
    corporate = rng.random(count) < plan.CORPORATE_SHARE
    group = np.where(
        corporate,
        N_PERSONAL + rng.choice(len(plan.CORPORATE), count, p=[g.share for g in plan.CORPORATE]),
        rng.choice(N_PERSONAL, count, p=[g.share for g in plan.PERSONAL]),
    )
    branch = rng.integers(0, branches, count)
    attitudes, satisfaction, loyalty = _feelings(rng, group, branch, branches)

    # who comes, who leaves
    joined = np.where(rng.random(count) < 0.15, rng.integers(1, len(QUARTERS), count), 0)
    mortgage = rng.random(count) < _setting("mortgage", group)
    leaving = plan.LEAVING["constant"] + plan.LEAVING["loyalty"] * loyalty
    leaving = leaving + plan.LEAVING["mortgage"] * mortgage[:, None]
    hazard = 1 / (1 + np.exp(-leaving))
    left = np.full(count, len(QUARTERS))
    for q in range(len(QUARTERS) - 1, 0, -1):
        leaves = (rng.random(count) < hazard[:, q - 1]) & (joined < q) & ~corporate
        left[leaves] = q
    chance = rng.spawn(1)[0]  # a stream of its own
    happens, left = _life_events(chance, group, corporate, mortgage, joined, left)
    name = chance.integers(0, len(plan.SURNAMES) * len(plan.GIVEN_NAMES), count)

    # since when, and what they earn
    low, high = np.array([g.age for g in GROUPS])[group].T
    age = rng.integers(low, high + 1)
    oldest = np.maximum(np.where(corporate, age, age - 16), 0.5)
    tenure = np.minimum(rng.gamma(2, 4, count), oldest)
    since = np.where(
        joined > 0,
        STARTS[joined] + rng.integers(0, 20, count),
        STARTS[0] - (tenure * 365).astype(int) - 1,
    )
    employer = _employers(rng, group, corporate)
    income = _setting("income", group) * rng.lognormal(0, 0.25, count)
    savings = rng.random(count) < _setting("savings", group)
    return People(
        first,
        group,
        branch,
        income,
        joined,
        left,
        attitudes,
        satisfaction,
        loyalty,
        mortgage,
        savings,
        employer,
        since.astype("datetime64[D]"),
        name,
        happens,
    )


def _setting(name: str, group: np.ndarray) -> np.ndarray:
    """What the plan says of each customer's group."""
    return np.array([getattr(g, name) for g in GROUPS])[group]


def _feelings(
    rng: np.random.Generator, group: np.ndarray, branch: np.ndarray, branches: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attitudes (customer × quarter × driver), and the satisfaction and loyalty they lead to."""
    count = len(group)
    common = rng.standard_normal((count, 1))
    own = rng.standard_normal((count, len(plan.DRIVERS)))
    attitudes = np.sqrt(0.3) * common + np.sqrt(0.7) * own
    mood = np.array([plan.MOODS.get(g.name, 0.0) for g in GROUPS])[group]
    attitudes = attitudes + branch_effects(branches)[branch] + mood[:, None]
    attitudes = np.repeat(attitudes[:, None, :], len(QUARTERS), axis=1)
    attitudes += rng.normal(0, 0.2, attitudes.shape)
    fallen = list(plan.DRIVERS).index(str(plan.FALL["dimension"]))
    attitudes[branch == plan.FALL["branch"], -1, fallen] -= plan.FALL_BY
    weights = np.array(list(plan.DRIVERS.values()))
    satisfaction = attitudes @ weights / 0.62 + rng.normal(0, 0.4, attitudes.shape[:2])
    loyalty = plan.SATISFACTION_TO_LOYALTY * satisfaction + rng.normal(0, 0.5, satisfaction.shape)
    return attitudes, satisfaction, loyalty


def _life_events(
    chance: np.random.Generator,
    group: np.ndarray,
    corporate: np.ndarray,
    mortgage: np.ndarray,
    joined: np.ndarray,
    left: np.ndarray,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """In which quarter what happens to whom, and when customers leave, some for that reason."""
    count = len(group)
    regular = np.array([g.regular == "salary" for g in GROUPS])[group]
    can_happen = {"salary_stopped": regular, "late_payment": mortgage, "slept_and_woke": ~mortgage}
    happens = {}
    for event in plan.LIFE_EVENTS:
        strikes = chance.random((count, len(QUARTERS))) < event.rate
        earliest = 1 + (plan.SLEEPS if event.name == "slept_and_woke" else 0)
        strikes[:, :earliest] = False
        strikes &= (can_happen.get(event.name, True) & ~corporate)[:, None]
        when = np.where(strikes.any(axis=1), strikes.argmax(axis=1), len(QUARTERS))
        is_there = (joined + earliest <= when) & (when < left)
        happens[event.name] = np.where(is_there, when, len(QUARTERS))
        goes = chance.random(count) < event.leaves
        goes &= happens[event.name] < len(QUARTERS) - 1
        left = np.where(goes, np.minimum(left, happens[event.name] + 1), left)
    return happens, left


def _employers(rng: np.random.Generator, group: np.ndarray, corporate: np.ndarray) -> np.ndarray:
    """The number of the firm that each works for; -1 for none of the bank's."""
    count, firms = len(group), np.flatnonzero(corporate)
    salaried = np.isin(group, [i for i, g in enumerate(GROUPS) if g.regular == "salary"])
    works = ~corporate & salaried & (rng.random(count) < 0.5)
    chosen = firms[rng.integers(0, max(len(firms), 1), count)] if len(firms) else -1
    return np.where(works & (len(firms) > 0), chosen, -1)


def branch_effects(branches: int) -> np.ndarray:
    """Branch × dimension: how much better or worse than elsewhere it is all the time, in standard
    deviations; the same for every seed.
    """
    return np.random.default_rng(11).normal(0, plan.BRANCH_EFFECT, (branches, len(plan.DRIVERS)))


def customer_table(rng: np.random.Generator, people: People, staff_per_branch: int) -> pa.Table:
    """The contract's customers."""
    n = len(people)
    corporate = people.corporate
    low, high = np.array([g.age for g in GROUPS])[people.group].T
    age_days = (rng.uniform(low, high + 1) * 365.25).astype(int)
    born = np.where(
        corporate, people.since - (rng.random(n) * 2000).astype(int), END - age_days
    ).astype("datetime64[D]")
    names = np.where(
        corporate,
        plan.FIRM_NAMES[rng.integers(0, 8, n)]
        + plan.FIRM_NAMES[rng.integers(0, 8, n)]
        + plan.FIRM_ENDS[rng.integers(0, 4, n)],
        plan.SURNAMES[people.name // len(plan.GIVEN_NAMES)]
        + plan.GIVEN_NAMES[people.name % len(plan.GIVEN_NAMES)],
    )
    employer = np.where(
        people.employer >= 0,
        names[people.employer],
        [f"Employer {i}" for i in rng.integers(0, plan.EMPLOYERS, n)],
    )
    grade = np.clip(np.rint(people.of_group("credit_grade") + rng.normal(0, 0.8, n)), 1, 10).astype(
        int
    )
    number = people.first + np.arange(n)
    manager = people.branch * staff_per_branch + number % (staff_per_branch - 2)
    sex = np.array(["female", "male"])[rng.integers(0, 2, n)]
    house = rng.integers(1, 999, n).astype(str)
    home = compound_names(rng.integers(0, compounds(n), n))
    text = pa.string()
    return pa.table(
        {
            "customer_id": numbered("C", number),
            "customer_type": pa.array(np.where(corporate, "corporate", "personal"), text),
            "branch_id": branch_ids(people.branch),
            "manager_id": numbered("S", manager, 6),
            "name": pa.array(names, text),
            "born_on": days(born),
            "sex": pa.array(sex, text, mask=corporate),
            "region": pa.array(_regions(rng, people), text),
            "address": pa.array(
                np.char.add(np.char.add("No. ", house), np.char.add(", ", home)), text
            ),
            "compound": pa.array(home, text),
            "employer": pa.array(employer, text, mask=corporate),
            "phone": numbered("1", rng.integers(10**9, 10**10, n), 10),
            "document_hash": numbered("h", rng.integers(10**11, 10**12, n), 12),
            "income": amounts((people.income * 12).astype(np.int64) * 100),
            "credit_grade": grade,
            "consent": rng.random(n) < 0.7,
            "since": days(people.since),
        }
    )


def _regions(rng: np.random.Generator, people: People) -> np.ndarray:
    """Most customers live in the region of their branch."""
    n = len(people)
    near = rng.random(n) < 0.85
    elsewhere = rng.integers(0, len(plan.REGIONS), n)
    own = people.branch % len(plan.REGIONS)
    return np.array(plan.REGIONS)[np.where(near, own, elsewhere)]


def branch_ids(numbers: np.ndarray) -> pa.Array:
    """B001 and on."""
    return numbered("B", numbers + 1, 3)


def compounds(customers: int) -> int:
    """How many residential compounds a chunk of so many customers has; every four have one
    developer.
    """
    return max(48, customers // 100)


def compound_names(numbers: np.ndarray) -> np.ndarray:
    """Names of compounds."""
    return np.char.add(
        np.array(plan.COMPOUND_NAMES)[numbers % len(plan.COMPOUND_NAMES)],
        np.char.add(" ", (numbers // len(plan.COMPOUND_NAMES) + 1).astype(str)),
    )


def developer_names(compound_numbers: np.ndarray) -> np.ndarray:
    """Names of the developers of compounds."""
    return np.char.add("Developer ", (compound_numbers // 4 + 1).astype(str))


class Bought(Protocol):
    """Purchases: number of the customer within the chunk, product, and day, of each."""

    customer: np.ndarray
    product: np.ndarray
    day: np.ndarray


def account_tables(rng: np.random.Generator, people: People, bought: Bought) -> dict[str, pa.Table]:
    """Accounts, their holders, and what else is held. bought: what was bought later on."""
    n = len(people)
    accounts, holders = _accounts_and_holders(rng, people)
    credit = rng.random(n) < people.of_group("credit_card")
    debit = ~people.corporate & (rng.random(n) < 0.8)
    holdings = _holdings(rng, people, credit, debit, bought)
    return {
        "accounts": accounts,
        "account_holders": holders,
        "holdings": holdings,
        "cards": _cards(rng, people, credit, debit),
    }


def _accounts_and_holders(rng: np.random.Generator, people: People) -> tuple[pa.Table, pa.Table]:
    """A current account each, and a savings account for some."""
    n = len(people)
    number = people.first + np.arange(n)
    balance = people.of_group("balance") * rng.lognormal(0, 0.5, n)
    closes = (people.left < len(QUARTERS)) & (rng.random(n) < 0.5)
    closed = np.where(closes, _left_on(people, np.arange(n)), np.datetime64("NaT"))
    has = people.savings
    account = np.concatenate([people.account, people.account[has] + 1])
    owner = np.concatenate([number, number[has]])
    opening = np.concatenate([np.where(has, 0.4, 1.0) * balance, 0.6 * balance[has]])
    opening = opening * (np.concatenate([people.joined, people.joined[has]]) == 0)
    current = np.where(people.corporate, "P03", "P01")
    product = np.concatenate([current, np.full(has.sum(), "P02")])
    accounts = pa.table(
        {
            "account_id": numbered("A", account, 10),
            "branch_id": branch_ids(np.concatenate([people.branch, people.branch[has]])),
            "product_id": pa.array(product, pa.string()),
            "opened_on": days(np.concatenate([people.since, people.since[has]])),
            "closed_on": days(np.concatenate([closed, closed[has]])),
            "opening_balance": amounts((opening * 100).astype(np.int64)),
        }
    )
    holders = pa.table(
        {
            "account_id": accounts["account_id"],
            "customer_id": numbered("C", owner),
            "role": pa.array(["owner"] * len(owner)),
        }
    )
    return accounts, holders


def _left_on(people: People, customer: np.ndarray) -> np.ndarray:
    """The first day of the quarter in which each leaves; of those who stay, of the last one."""
    return STARTS[np.minimum(people.left[customer], len(QUARTERS) - 1)]


def _holdings(
    rng: np.random.Generator,
    people: People,
    credit: np.ndarray,
    debit: np.ndarray,
    sales: Bought,
) -> pa.Table:
    """Which product is held from when to when; what is held already is not bought again."""
    n = len(people)
    wealth = rng.random(n) < np.where(people.group == 3, 0.7, 0.05)
    acceptance = people.corporate & (rng.random(n) < 0.4)
    inclined = plan.INSURED["constant"] + plan.INSURED["loyalty"] * people.loyalty[:, 0]
    insured = ~people.corporate & (rng.spawn(1)[0].random(n) < 1 / (1 + np.exp(-inclined)))
    holders = [(np.arange(n), np.where(people.corporate, "P03", "P01"))]
    for mask, code in (
        (people.savings, "P02"),
        (debit, "P04"),
        (credit, "P05"),
        (people.mortgage, "P06"),
        (wealth, "P08"),
        (insured, "P09"),
        (acceptance, "P12"),
    ):
        holders.append((np.flatnonzero(mask), np.full(mask.sum(), code)))
    customer = np.concatenate([h[0] for h in holders])
    product = np.concatenate([h[1] for h in holders])
    later = np.where(np.arange(len(customer)) < n, 0, (rng.random(len(customer)) * 600).astype(int))
    start = people.since[customer] + later
    bought = start <= END
    customer, product, start = customer[bought], product[bought], start[bought]
    for event in plan.LIFE_EVENTS:
        if event.buys:
            buyer, bought_on = _buyers(rng.spawn(1)[0], people, event)
            customer, start = np.concatenate([customer, buyer]), np.concatenate([start, bought_on])
            product = np.concatenate([product, np.full(len(buyer), event.buys_product)])
    customer, product, start = _with_purchases(customer, product, start, sales)
    return holding_rows(people, customer, product, start)


def holding_rows(
    people: People, customer: np.ndarray, product: np.ndarray, start: np.ndarray, first: int = 0
) -> pa.Table:
    """The contract's holdings, up to the day the customer left; numbered from `first` on within the
    chunk.
    """
    gone = np.where(
        people.left[customer] < len(QUARTERS), _left_on(people, customer), np.datetime64("NaT")
    )
    stop = np.where(np.isnat(gone), gone, np.maximum(gone, start)).astype("datetime64[D]")
    number = people.first * 10 + first + np.arange(len(customer))
    return pa.table(
        {
            "holding_id": numbered("H", number, 10),
            "customer_id": numbered("C", people.first + customer),
            "product_id": pa.array(product, pa.string()),
            "held_from": days(start),
            "held_to": days(stop),
        }
    )


def _with_purchases(
    customer: np.ndarray, product: np.ndarray, start: np.ndarray, bought: Bought
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Holdings with those bought, in order of time, where the product is not held yet."""
    held = set(zip(customer.tolist(), product.tolist(), strict=True))
    new = []
    for place in np.lexsort((bought.product, bought.customer, bought.day)).tolist():
        pair = (int(bought.customer[place]), str(bought.product[place]))
        if pair not in held:
            held.add(pair)
            new.append(place)
    return (
        np.concatenate([customer, bought.customer[new]]),
        np.concatenate([product, bought.product[new]]),
        np.concatenate([start, bought.day[new].astype(start.dtype)]),
    )


def _cards(
    rng: np.random.Generator, people: People, credit: np.ndarray, debit: np.ndarray
) -> pa.Table:
    cards = np.concatenate([np.flatnonzero(debit), np.flatnonzero(credit)])
    is_credit = np.arange(len(cards)) >= debit.sum()
    limit = np.rint(people.income[cards] * 2 / 1000) * 1000
    grade = np.where(people.income[cards] > 30_000, "gold", "classic")
    return pa.table(
        {
            "card_id": numbered("K", people.first * 2 + np.arange(len(cards)), 9),
            "account_id": numbered("A", people.account[cards], 10),
            "customer_id": numbered("C", people.first + cards),
            "kind": pa.array(np.where(is_credit, "credit", "debit"), pa.string()),
            "grade": pa.array(grade, pa.string()),
            "credit_limit": amounts((limit * 100).astype(np.int64), is_credit),
            "statement_day": rng.integers(1, 29, len(cards)),
            "issued_on": days(people.since[cards]),
        }
    )


def _buyers(
    chance: np.random.Generator, people: People, event: plan.LifeEvent
) -> tuple[np.ndarray, np.ndarray]:
    """Who buys in the quarter after the event, and on which day."""
    follows = people.happens[event.name] + 1
    buys = (follows < np.minimum(people.left, len(QUARTERS))) & (
        chance.random(len(people)) < event.buys
    )
    customer = np.flatnonzero(buys)
    return customer, STARTS[follows[customer]] + chance.integers(0, 80, len(customer))
