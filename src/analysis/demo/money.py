"""The transactions of a chunk of the demo bank, one quarter at a time."""

import numpy as np
import pyarrow as pa

from analysis.contract.tables import CHANNELS, KINDS
from analysis.demo import plan
from analysis.demo.columns import amounts, coded, numbered
from analysis.demo.entries import Entries
from analysis.demo.lending import EXTERNAL, Arrangement, Lending, month_starts
from analysis.demo.people import GROUPS, STARTS, People
from analysis.demo.schemes import Schemes
from analysis.demo.voice import QUARTER_DAYS

BUSINESS = [i for i, g in enumerate(GROUPS) if not g.regular]
BANKS = ("North Bank", "东方银行", "Union Savings", "Porto Bank")
NAMES = tuple(str(s + g) for s in plan.SURNAMES for g in plan.GIVEN_NAMES)


def transactions(
    rng: np.random.Generator,
    people: People,
    lending: Lending,
    planted: list[Arrangement],
    schemes: Schemes,
    quarter: int,
    chunk: int,
    merchants: int,
) -> pa.Table:
    """The contract's transactions of the chunk in a quarter."""
    entries = Entries()
    wakes = people.happens["slept_and_woke"]
    sleeps = (wakes - plan.SLEEPS <= quarter) & (quarter < wakes) & (wakes < len(STARTS))
    there = (people.joined <= quarter) & (people.left > quarter) & ~sleeps
    _own_business(rng, entries, people, lending, there, quarter, merchants)
    _regular_income(rng, entries, people, there, quarter)
    _lending(rng, entries, people, lending, there, quarter)
    _savings(rng, entries, people, there, quarter)
    _life_events(rng.spawn(1)[0], entries, people, there, quarter)
    for arrangement in planted:
        if quarter >= arrangement.first_quarter:
            _arranged(rng, entries, people, lending, arrangement, quarter)
    first = int(STARTS[quarter].astype(np.int64)) * 86_400
    entries.take(schemes.entries, first, first + int(QUARTER_DAYS[quarter]) * 86_400)
    return _table(entries.all(), quarter, chunk)


EVENING = np.r_[0:6, 18:24]


def _second_of(
    rng: np.random.Generator, day: np.ndarray, evening: np.ndarray | None = None
) -> np.ndarray:
    """A moment of the day, as people are about, in seconds since 1970; `evening`: how likely it is
    after 18 o'clock.
    """
    hour = rng.choice(24, len(day), p=plan.HOUR_WEIGHTS / plan.HOUR_WEIGHTS.sum())
    if evening is not None:
        late = np.where(np.isin(np.arange(24), EVENING), plan.HOUR_WEIGHTS, 0.0)
        day_time = plan.HOUR_WEIGHTS - late
        hour = np.where(
            rng.random(len(day)) < evening,
            rng.choice(24, len(day), p=late / late.sum()),
            rng.choice(24, len(day), p=day_time / day_time.sum()),
        )
    return (
        day.astype("datetime64[D]").astype(np.int64) * 86_400
        + hour * 3600
        + rng.integers(0, 3600, len(day))
    )


def _own_business(
    rng: np.random.Generator,
    entries: Entries,
    people: People,
    lending: Lending,
    there: np.ndarray,
    quarter: int,
    merchants: int,
) -> None:
    """What customers do of their own accord: income of businesses, else spending."""
    rate = people.of_group("rate") * plan.RATE_SCALE
    count = np.where(there, rng.poisson(rate * rng.gamma(12, 1 / 12, len(people))), 0)
    customer = np.repeat(np.arange(len(people)), count)
    n = len(customer)
    second = _moments(rng, people, customer, quarter)
    channel = _channels(rng, people, customer)
    kind, comes_in = _kinds(rng, people, customer, channel)
    cents = _amounts(rng, people, lending, customer, kind, comes_in, quarter)

    # with whom
    partner = rng.integers(0, len(people), n)
    is_transfer = kind == plan.KIND["transfer"]
    inside = (
        is_transfer & ~comes_in & there[partner] & (rng.random(n) < 0.3) & (partner != customer)
    )
    with_others = ("transfer", "sale", "purchase", "household", "insurance")
    outside = np.isin(kind, [plan.KIND[k] for k in with_others]) & ~inside
    by_card = kind == plan.KIND["card_payment"]
    merchant = np.where(by_card, rng.integers(0, merchants, n), -1)
    memo = np.select(
        [kind == plan.KIND[k] for k in ("household", "card_payment", "transfer", "sale")],
        [plan.MEMO[m] for m in ("utilities", "purchase", "transfer", "goods")],
        0,
    )
    single = ~inside
    other = np.where(outside, EXTERNAL + rng.integers(0, 10**6, n), -1)
    entries.add(
        people.account[customer[single]],
        second=second[single],
        cents=np.where(comes_in, cents, -cents)[single],
        channel=channel[single],
        kind=kind[single],
        other=other[single],
        merchant=merchant[single],
        memo=memo[single],
    )
    late = np.maximum(second, people.since[partner].astype(np.int64) * 86_400)
    entries.add_both_sides(
        people.account[customer[inside]],
        people.account[partner[inside]],
        cents[inside],
        second=late[inside],
        channel=channel[inside],
        kind=kind[inside],
        memo=memo[inside],
    )


def _moments(
    rng: np.random.Generator, people: People, customer: np.ndarray, quarter: int
) -> np.ndarray:
    """The moment of each entry, in seconds since 1970; none before its customer came."""
    n, months = len(customer), month_starts(quarter)
    weights = plan.MONTH_WEIGHTS[3 * (quarter % 4) : 3 * (quarter % 4) + 3]
    month = rng.choice(3, n, p=weights / weights.sum())
    length = np.diff(np.append(months, STARTS[quarter] + QUARTER_DAYS[quarter])).astype(int)
    day = months[month] + (rng.random(n) * length[month]).astype(int)
    second = _second_of(rng, day, people.of_group("evening")[customer])
    return np.maximum(second, people.since[customer].astype(np.int64) * 86_400)


def _channels(rng: np.random.Generator, people: People, customer: np.ndarray) -> np.ndarray:
    """The channel of each entry, as the customer's group uses them."""
    shares = np.array([[g.channels.get(c, 0.0) for c in CHANNELS] for g in GROUPS])
    steps = shares.cumsum(axis=1)[people.group[customer]]
    drawn = rng.random(len(customer))[:, None] * steps[:, -1:]
    return (drawn > steps).sum(axis=1).clip(0, len(CHANNELS) - 1)


def _kinds(
    rng: np.random.Generator, people: People, customer: np.ndarray, channel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The kind of each entry, and whether money comes in."""
    n = len(customer)
    business = np.isin(people.group[customer], BUSINESS)
    at_branch = channel == plan.CHANNEL["branch"]
    comes_in = rng.random(n) < np.where(business, 0.45, 0.03)
    choices = (
        (comes_in & business, "sale"),
        (business & ~people.corporate[customer] & at_branch, "cash_out"),
        (business, "purchase"),
        (channel == plan.CHANNEL["pos"], "card_payment"),
        (channel == plan.CHANNEL["atm"], "cash_out"),
        (at_branch & comes_in, "cash_in"),
        (at_branch, "cash_out"),
    )
    kind = np.select(
        [holds for holds, _kind in choices],
        [plan.KIND[k] for _holds, k in choices],
        plan.KIND["transfer"],
    )
    household = (kind == plan.KIND["transfer"]) & ~comes_in & (rng.random(n) < 0.4)
    running = np.where(rng.random(n) < 0.8, plan.KIND["household"], plan.KIND["insurance"])
    return np.where(household, running, kind), comes_in


def _amounts(
    rng: np.random.Generator,
    people: People,
    lending: Lending,
    customer: np.ndarray,
    kind: np.ndarray,
    comes_in: np.ndarray,
    quarter: int,
) -> np.ndarray:
    """The amount of each entry in cents: what is earned in a quarter is mostly spent in it."""
    rate = people.of_group("rate") * plan.RATE_SCALE
    instalment = np.zeros(len(people))
    instalment[lending.customer] = lending.instalment / 100
    budget = 3 * np.maximum(people.income * 0.95 - instalment, people.income * 0.2)
    earned = 3 * people.income[customer] / (0.45 * rate[customer])
    spends = np.where(people.corporate[customer], 0.6, 0.92)
    spent = 3 * people.income[customer] * spends / (0.55 * rate[customer])
    size = np.where(
        np.isin(people.group[customer], BUSINESS),
        np.where(comes_in, earned, spent),
        budget[customer] / np.maximum(rate[customer], 1),
    )
    moved = people.happens["competitor_account"][customer] <= quarter
    size = size * np.where(moved, 1 - plan.MOVED_ELSEWHERE, 1.0)
    size = size * np.where(people.happens["salary_stopped"][customer] <= quarter, 0.5, 1.0)
    cents = np.maximum(
        (size * rng.lognormal(-0.32, 0.8, len(customer)) * 100).astype(np.int64), 100
    )
    cash = np.isin(kind, [plan.KIND["cash_out"], plan.KIND["cash_in"]])
    return np.where(cash, np.maximum(cents // 10_000, 1) * 10_000, cents)


def _regular_income(
    rng: np.random.Generator, entries: Entries, people: People, there: np.ndarray, quarter: int
) -> None:
    for kind, payday in (("salary", 9), ("pension", 24)):
        working = there & (people.happens["salary_stopped"] > quarter)
        paid = np.flatnonzero(
            working & np.isin(people.group, [i for i, g in enumerate(GROUPS) if g.regular == kind])
        )
        for start in month_starts(quarter):
            day = start + payday + rng.integers(0, 2, len(paid))
            begun = day >= people.since[paid]
            customer = paid[begun]
            cents = (people.income[customer] * rng.normal(1, 0.03, len(customer)) * 100).astype(
                np.int64
            )
            inside = (people.employer[customer] >= 0) & there[people.employer[customer]]
            payer = np.where(
                inside,
                people.account[people.employer[customer]],
                EXTERNAL + 10**7 + people.group[customer] * 10 + customer % 10,
            )
            second = _second_of(rng, day[begun])
            entries.add_both_sides(
                payer,
                people.account[customer],
                cents,
                second=second,
                channel=plan.CHANNEL["transfer"],
                kind=plan.KIND[kind],
                memo=plan.MEMO[kind],
            )


def _lending(
    rng: np.random.Generator,
    entries: Entries,
    people: People,
    lending: Lending,
    there: np.ndarray,
    quarter: int,
) -> None:
    for loans in (lending, lending.consumer):
        misses = people.happens["late_payment"][loans.customer] == quarter
        for month, start in enumerate(month_starts(quarter)):
            due = start + loans.due_day - 1
            pays = there[loans.customer] & (due > loans.filed + 30) & ~(misses & (month < 2))
            entries.add(
                people.account[loans.customer[pays]],
                second=_second_of(rng, due[pays]),
                cents=-loans.instalment[pays].astype(np.int64),
                channel=plan.CHANNEL["system"],
                kind=plan.KIND["loan_instalment"],
                memo=plan.MEMO["instalment"],
            )


def _savings(
    rng: np.random.Generator, entries: Entries, people: People, there: np.ndarray, quarter: int
) -> None:
    saver = np.flatnonzero(there & people.savings & (people.since <= STARTS[quarter]))
    day = STARTS[quarter] + rng.integers(40, 60, len(saver))
    cents = np.maximum((people.income[saver] * 0.15).astype(np.int64), 1) * 100
    current = people.account[saver]
    entries.add_both_sides(
        current,
        current + 1,
        cents,
        second=_second_of(rng, day),
        channel=plan.CHANNEL["system"],
        kind=plan.KIND["transfer"],
    )
    end = np.full(len(saver), STARTS[quarter] + QUARTER_DAYS[quarter] - 1)
    interest = (people.of_group("balance")[saver] * 0.6 * 0.003 * 100).astype(np.int64)
    entries.add(
        current + 1,
        second=end.astype("datetime64[D]").astype(np.int64) * 86_400 + 82_800,
        cents=interest,
        channel=plan.CHANNEL["system"],
        kind=plan.KIND["interest"],
        memo=plan.MEMO["interest"],
    )


def _life_events(
    rng: np.random.Generator, entries: Entries, people: People, there: np.ndarray, quarter: int
) -> None:
    inflow = np.flatnonzero(there & (people.happens["large_inflow"] == quarter))
    day = STARTS[quarter] + rng.integers(20, 80, len(inflow))
    entries.add(
        people.account[inflow],
        second=_second_of(rng, day),
        cents=(
            people.income[inflow] * plan.INFLOW_MONTHS * rng.uniform(0.8, 1.2, len(inflow)) * 100
        ).astype(np.int64),
        channel=plan.CHANNEL["transfer"],
        kind=plan.KIND["transfer"],
        other=EXTERNAL + 3 * 10**7 + inflow,
        memo=plan.MEMO["transfer"],
    )
    elsewhere = np.flatnonzero(there & (people.happens["competitor_account"] <= quarter))
    for start in month_starts(quarter):
        entries.add(
            people.account[elsewhere],
            second=_second_of(rng, start + rng.integers(11, 14, len(elsewhere))),
            cents=-(people.income[elsewhere] * plan.MOVED_ELSEWHERE * 100).astype(np.int64),
            channel=plan.CHANNEL["online"],
            kind=plan.KIND["transfer"],
            other=EXTERNAL + 2 * 10**7 + people.first + elsewhere,
            memo=plan.MEMO["transfer"],
            name=people.name[elsewhere],
        )


def _arranged(
    rng: np.random.Generator,
    entries: Entries,
    people: People,
    lending: Lending,
    arrangement: Arrangement,
    quarter: int,
) -> None:
    loans = np.array(arrangement.loans)
    accounts = people.account[lending.customer[loans]]
    n = len(loans)
    left_out = rng.integers(0, 3)
    for month, start in enumerate(month_starts(quarter)):
        if arrangement.months_paid < 3 and month == left_out:
            continue
        payer = np.full(n, arrangement.payers[month % len(arrangement.payers)])
        if arrangement.by_loan:
            payer = np.array(arrangement.payers)[np.arange(n) % len(arrangement.payers)]
        payee, channel = accounts, "online"
        if arrangement.pays == "payday":
            day, cents, memo = np.full(n, start + 8), np.full(n, 150_000), "allowance"
        else:
            day = start + lending.due_day[loans] - 1 - rng.integers(1, 6, n)
            if arrangement.pays == "before_due":
                off = 1 + rng.uniform(-arrangement.jitter, arrangement.jitter, n)
                cents, memo = (lending.instalment[loans] * off).astype(np.int64), "transfer"
            else:  # collects: the money flows the other way
                payer, payee, channel = accounts, payer, "mobile"
                cents, memo = np.full(n, 38_000), "fee"
        how = {
            "channel": plan.CHANNEL[channel],
            "kind": plan.KIND["transfer"],
            "memo": plan.MEMO[memo],
        }
        if arrangement.fronts:  # the money reaches the borrowers over others, a day later
            fronts = np.array(arrangement.fronts)
            front = fronts[np.arange(n) % len(fronts)]
            for one in fronts:
                over_this_front = front == one
                whole = np.array([int(cents[over_this_front].sum() * 1.02)])
                entries.add_both_sides(
                    payer[:1],
                    np.array([one]),
                    whole,
                    second=_second_of(rng, day[over_this_front].min(keepdims=True) - 1),
                    **how,
                )
            payer = front
        for part in range(arrangement.parts):
            share = cents // arrangement.parts + (cents % arrangement.parts if part == 0 else 0)
            entries.add_both_sides(payer, payee, share, second=_second_of(rng, day - part), **how)


def _table(whole: dict[str, np.ndarray], quarter: int, chunk: int) -> pa.Table:
    n = len(whole["account"])
    other = whole["other"]
    outside = other >= EXTERNAL
    name = np.where(whole["name"] >= 0, whole["name"], np.where(outside, other % len(NAMES), -1))
    return pa.table(
        {
            "transaction_id": numbered("T", (quarter * 100_000 + chunk) * 10**7 + np.arange(n), 14),
            "account_id": numbered("A", whole["account"], 10),
            "booked_at": pa.array(whole["second"] * 1_000_000, pa.timestamp("us")),
            "amount": amounts(whole["cents"]),
            "channel": coded(whole["channel"], CHANNELS),
            "kind": coded(whole["kind"], KINDS),
            "counterparty_account": numbered(
                np.where(outside, ord("X"), ord("A")).astype(np.uint8), other, 10, valid=other >= 0
            ),
            "counterparty_bank": coded(np.where(outside, other % len(BANKS), -1), BANKS, none=-1),
            "counterparty_name": coded(name, NAMES, none=-1),
            "merchant_id": numbered("M", whole["merchant"], 6, valid=whole["merchant"] >= 0),
            "memo": coded(whole["memo"], plan.MEMOS, none=0),
        }
    )
