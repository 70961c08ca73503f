"""The people of a chunk of the demo bank: customers, accounts, products held, cards and loans."""

from dataclasses import dataclass

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
    happens: dict[
        str, np.ndarray
    ]  # life event to the number of the quarter it happens in, QUARTERS when never

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

    def setting(name: str) -> np.ndarray:
        return np.array([getattr(g, name) for g in GROUPS])[group]

    # attitudes, satisfaction, loyalty
    common = rng.standard_normal((count, 1))
    attitudes = np.sqrt(0.3) * common + np.sqrt(0.7) * rng.standard_normal(
        (count, len(plan.DRIVERS))
    )
    mood = np.array([plan.MOODS.get(g.name, 0.0) for g in GROUPS])[group]
    attitudes = np.repeat(
        (attitudes + branch_effects(branches)[branch] + mood[:, None])[:, None, :],
        len(QUARTERS),
        axis=1,
    )
    attitudes += rng.normal(0, 0.2, attitudes.shape)
    attitudes[
        branch == plan.FALL["branch"], -1, list(plan.DRIVERS).index(str(plan.FALL["dimension"]))
    ] -= plan.FALL_BY
    satisfaction = attitudes @ np.array(list(plan.DRIVERS.values())) / 0.62 + rng.normal(
        0, 0.4, attitudes.shape[:2]
    )
    loyalty = plan.SATISFACTION_TO_LOYALTY * satisfaction + rng.normal(0, 0.5, satisfaction.shape)

    # who comes, who leaves
    joined = np.where(rng.random(count) < 0.15, rng.integers(1, len(QUARTERS), count), 0)
    mortgage = rng.random(count) < setting("mortgage")
    hazard = 1 / (
        1
        + np.exp(
            -(
                plan.LEAVING["constant"]
                + plan.LEAVING["loyalty"] * loyalty
                + plan.LEAVING["mortgage"] * mortgage[:, None]
            )
        )
    )
    left = np.full(count, len(QUARTERS))
    for q in range(len(QUARTERS) - 1, 0, -1):
        leaves = (rng.random(count) < hazard[:, q - 1]) & (joined < q) & ~corporate
        left[leaves] = q

    # what happens to them, and who leaves or buys for that reason
    chance = rng.spawn(1)[0]  # a stream of its own
    regular = np.array([g.regular == "salary" for g in GROUPS])[group]
    can_happen = {"salary_stopped": regular, "late_payment": mortgage, "slept_and_woke": ~mortgage}
    happens = {}
    for event in plan.LIFE_EVENTS:
        strikes = chance.random((count, len(QUARTERS))) < event.rate
        earliest = 1 + (plan.SLEEPS if event.name == "slept_and_woke" else 0)
        strikes[:, :earliest] = False
        strikes &= (can_happen.get(event.name, True) & ~corporate)[:, None]
        when = np.where(strikes.any(axis=1), strikes.argmax(axis=1), len(QUARTERS))
        happens[event.name] = np.where(
            (joined + earliest <= when) & (when < left), when, len(QUARTERS)
        )
        gone = chance.random(count) < event.leaves
        left = np.where(
            gone & (happens[event.name] < len(QUARTERS) - 1),
            np.minimum(left, happens[event.name] + 1),
            left,
        )
    name = chance.integers(0, len(plan.SURNAMES) * len(plan.GIVEN_NAMES), count)

    low, high = np.array([g.age for g in GROUPS])[group].T
    age = rng.integers(low, high + 1)
    tenure = np.minimum(rng.gamma(2, 4, count), np.maximum(np.where(corporate, age, age - 16), 0.5))
    since = np.where(
        joined > 0,
        STARTS[joined] + rng.integers(0, 20, count),
        STARTS[0] - (tenure * 365).astype(int) - 1,
    )
    firms = np.flatnonzero(corporate)
    works = (
        ~corporate
        & np.isin(group, [i for i, g in enumerate(GROUPS) if g.regular == "salary"])
        & (rng.random(count) < 0.5)
    )
    employer = np.where(
        works & (len(firms) > 0),
        firms[rng.integers(0, max(len(firms), 1), count)] if len(firms) else -1,
        -1,
    )
    income = setting("income") * rng.lognormal(0, 0.25, count)
    savings = rng.random(count) < setting("savings")
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
    sex = np.array(["female", "male"])[rng.integers(0, 2, n)]
    house = rng.integers(1, 999, n).astype(str)
    home = compound_names(rng.integers(0, compounds(n), n))
    text = pa.string()
    return pa.table(
        {
            "customer_id": numbered("C", number),
            "customer_type": pa.array(np.where(corporate, "corporate", "personal"), text),
            "branch_id": branch_ids(people.branch),
            "manager_id": numbered(
                "S", people.branch * staff_per_branch + number % (staff_per_branch - 2), 6
            ),
            "name": pa.array(names, text),
            "born_on": days(born),
            "sex": pa.array(sex, text, mask=corporate),
            "region": pa.array(
                np.array(plan.REGIONS)[
                    np.where(
                        rng.random(n) < 0.85,
                        people.branch % len(plan.REGIONS),
                        rng.integers(0, len(plan.REGIONS), n),
                    )
                ],
                text,
            ),
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


def account_tables(rng: np.random.Generator, people: People) -> dict[str, pa.Table]:
    """Accounts, their holders, and what else is held."""
    n = len(people)
    number = people.first + np.arange(n)
    balance = people.of_group("balance") * rng.lognormal(0, 0.5, n)
    closed = np.where(
        (people.left < len(QUARTERS)) & (rng.random(n) < 0.5),
        STARTS[np.minimum(people.left, len(QUARTERS) - 1)],
        np.datetime64("NaT"),
    )
    has = people.savings
    account = np.concatenate([people.account, people.account[has] + 1])
    owner = np.concatenate([number, number[has]])
    opening = np.concatenate([np.where(people.savings, 0.4, 1.0) * balance, 0.6 * balance[has]]) * (
        np.concatenate([people.joined, people.joined[has]]) == 0
    )
    product = np.concatenate([np.where(people.corporate, "P03", "P01"), np.full(has.sum(), "P02")])
    opened = np.concatenate([people.since, people.since[has]])
    accounts = pa.table(
        {
            "account_id": numbered("A", account, 10),
            "branch_id": branch_ids(np.concatenate([people.branch, people.branch[has]])),
            "product_id": pa.array(product, pa.string()),
            "opened_on": days(opened),
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

    # products held
    credit = rng.random(n) < people.of_group("credit_card")
    debit = ~people.corporate & (rng.random(n) < 0.8)
    wealth = rng.random(n) < np.where(people.group == 3, 0.7, 0.05)
    acceptance = people.corporate & (rng.random(n) < 0.4)
    inclined = plan.INSURED["constant"] + plan.INSURED["loyalty"] * people.loyalty[:, 0]
    insured = ~people.corporate & (rng.spawn(1)[0].random(n) < 1 / (1 + np.exp(-inclined)))
    held = [(np.arange(n), np.where(people.corporate, "P03", "P01"))]
    for mask, code in (
        (has, "P02"),
        (debit, "P04"),
        (credit, "P05"),
        (people.mortgage, "P06"),
        (wealth, "P08"),
        (insured, "P09"),
        (acceptance, "P12"),
    ):
        held.append((np.flatnonzero(mask), np.full(mask.sum(), code)))
    who = np.concatenate([h[0] for h in held])
    what = np.concatenate([h[1] for h in held])
    later = np.where(np.arange(len(who)) < n, 0, (rng.random(len(who)) * 600).astype(int))
    start = people.since[who] + later
    bought = start <= END
    who, what, start = who[bought], what[bought], start[bought]
    for event in plan.LIFE_EVENTS:
        if event.buys:
            buyer, bought_on = _buyers(rng.spawn(1)[0], people, event)
            who, start = np.concatenate([who, buyer]), np.concatenate([start, bought_on])
            what = np.concatenate([what, np.full(len(buyer), event.buys_product)])
    gone = np.where(
        people.left[who] < len(QUARTERS),
        STARTS[np.minimum(people.left[who], len(QUARTERS) - 1)],
        np.datetime64("NaT"),
    )
    stop = np.where(np.isnat(gone), gone, np.maximum(gone, start)).astype("datetime64[D]")
    holdings = pa.table(
        {
            "holding_id": numbered("H", people.first * 10 + np.arange(len(who)), 10),
            "customer_id": numbered("C", people.first + who),
            "product_id": pa.array(what, pa.string()),
            "held_from": days(start),
            "held_to": days(stop),
        }
    )
    cards = np.concatenate([np.flatnonzero(debit), np.flatnonzero(credit)])
    is_credit = np.arange(len(cards)) >= debit.sum()
    limit = np.rint(people.income[cards] * 2 / 1000) * 1000
    card_table = pa.table(
        {
            "card_id": numbered("K", people.first * 2 + np.arange(len(cards)), 9),
            "account_id": numbered("A", people.account[cards], 10),
            "customer_id": numbered("C", people.first + cards),
            "kind": pa.array(np.where(is_credit, "credit", "debit"), pa.string()),
            "grade": pa.array(
                np.where(people.income[cards] > 30_000, "gold", "classic"), pa.string()
            ),
            "credit_limit": amounts((limit * 100).astype(np.int64), is_credit),
            "statement_day": rng.integers(1, 29, len(cards)),
            "issued_on": days(people.since[cards]),
        }
    )
    return {
        "accounts": accounts,
        "account_holders": holders,
        "holdings": holdings,
        "cards": card_table,
    }


def _buyers(
    chance: np.random.Generator, people: People, event: plan.LifeEvent
) -> tuple[np.ndarray, np.ndarray]:
    """Who buys in the quarter after the event, and on which day."""
    follows = people.happens[event.name] + 1
    buys = (follows < np.minimum(people.left, len(QUARTERS))) & (
        chance.random(len(people)) < event.buys
    )
    who = np.flatnonzero(buys)
    return who, STARTS[follows[who]] + chance.integers(0, 80, len(who))
