"""What the pages claim, by simulation: how often a test cries wolf, how often an interval holds the
truth, each with its own interval (Wilson).

python benchmarks/statistics.py [--runs 300]
"""

import argparse
from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from analysis.changes.announcing import announcements
from analysis.changes.findings import against_before
from analysis.loyalty.findings import control
from analysis.risk.bias import compared
from analysis.risk.record import GroupCount
from analysis.statistics.intervals import share_interval

QUARTERS = ("2023Q3", "2023Q4", "2024Q1", "2024Q2", "2024Q3", "2024Q4")
Bank = tuple[pd.DataFrame, pd.DataFrame]


def bank_of_events(
    rng: np.random.Generator,
    customers: int = 1500,
    effect: float = 0.0,
    corporate: float = 0.2,
    happens: tuple[float, float] = (0.02, 0.02),
    leaves: tuple[float, float] = (0.05, 0.05),
    lasting: float = 0.0,
) -> Bank:
    """customer_quarter and customer_event of a simulated bank, with an event `e`.

    happens, leaves: chance a quarter of the event, and of being away in the quarter after, of
    personal and corporate customers; effect: what the event adds to the latter. lasting: spread of
    the customers' own levels of both (standard deviation of the logit), which say nothing of each
    other.
    """
    is_firm = rng.random(customers) < corporate
    own = [
        expit(logit(np.where(is_firm, of_firms, of_persons)) + rng.normal(0, lasting, customers))
        for of_persons, of_firms in (happens, leaves)
    ]
    rows, events, had = [], [], np.zeros(customers, dtype=bool)
    names = np.array([f"C{i:05d}" for i in range(customers)])
    for quarter in QUARTERS:
        away = rng.random(customers) < own[1] + effect * had
        rows.append(
            pd.DataFrame(
                {
                    "customer_id": names,
                    "customer_type": np.where(is_firm, "corporate", "personal"),
                    "quarter": quarter,
                    "active": ~away,
                    "products_held": 2,
                }
            )
        )
        had = (rng.random(customers) < own[0]) & ~away
        events.append(pd.DataFrame({"customer_id": names[had], "quarter": quarter, "event": "e"}))
    return pd.concat(rows, ignore_index=True), pd.concat(events, ignore_index=True)


def two_types(seed: int) -> Bank:
    """Firms have the event, and are away, more often; within a type the event says nothing."""
    rng = np.random.default_rng([1, seed])
    return bank_of_events(rng, happens=(0.02, 0.1), leaves=(0.03, 0.12))


def recurring(seed: int) -> Bank:
    """The event happens to some customers again and again, and others are away again and again."""
    return bank_of_events(np.random.default_rng([2, seed]), happens=(0.01, 0.01), lasting=2.5)


def sparse(seed: int) -> Bank:
    """A rare event in a small bank."""
    return bank_of_events(np.random.default_rng([3, seed]), customers=300, happens=(0.01, 0.01))


def announces(make: Callable[[int], Bank], seed: int) -> bool:
    """Whether the event of a simulated bank is called an announcement at 5 %."""
    customers, events = make(seed)
    con = ibis.duckdb.connect(threads=1)
    tables = con.create_table("customers", customers), con.create_table("events", events)
    p = announcements(*tables, {"e": "churn"}).events[0].p
    return p is not None and p < 0.05


def quarters_of_a_branch(
    rng: np.random.Generator, quarters: int, between: float, answers: int = 100
) -> pd.DataFrame:
    """index_scores of one branch whose level does not change; between: standard deviation of its
    quarters beyond sampling.
    """
    names = QUARTERS[-quarters - 1 :]
    values = [rng.normal(60 + rng.normal(0, between), 20, answers) for _ in names]
    return pd.DataFrame(
        {
            "branch_id": "B1",
            "segment": "",
            "quarter": names,
            "dimension": "index",
            "n": answers,
            "effective": float(answers),
            "mean": [v.mean() for v in values],
            "se": [v.std(ddof=1) / np.sqrt(answers) for v in values],
        }
    )


def cries_wolf(quarters: int, between: float, seed: int) -> bool:
    """Whether the last of so many unchanged quarters lies outside its control limits."""
    scores = quarters_of_a_branch(np.random.default_rng([4, seed]), quarters, between)
    return bool(control(scores, "B1", QUARTERS[-1], 10).iloc[-1]["outside"])


def looks_biased(persons: int, alerts: int, seed: int) -> bool:
    """Whether alerts that name families drawn blindly look biased: each family is of one region and
    sex, its ages lie near each other.
    """
    rng = np.random.default_rng([5, persons, alerts, seed])
    shares = {"age": [0.2, 0.3, 0.25, 0.15, 0.1], "sex": [0.5, 0.5], "region": [0.4, 0.3, 0.2, 0.1]}
    counts = []
    for trait, parts in shares.items():
        first = rng.choice(len(parts), (alerts, 1), p=parts)
        others = rng.choice(len(parts), (alerts, persons), p=parts)
        same = rng.random((alerts, persons)) < (0.5 if trait == "age" else 1.0)
        drawn = np.where(same, first, others)
        for value, part in enumerate(parts):
            own = drawn == value
            counts.append(
                GroupCount(
                    kind="any",
                    trait=trait,
                    value=str(value),
                    customers=int(5000 * part),
                    named=int(own.sum()),
                    alerts=alerts,
                    share=float(own.mean(axis=1).sum()),
                )
            )
    return bool((compared(counts, 10)["p_corrected"] < 0.05).any())


def moves_of_groups(
    rng: np.random.Generator, quarters: int, spread: float, customers: int = 600
) -> pd.DataFrame:
    """Moves between three groups whose chances do not change; spread: standard deviation of each
    quarter's chance of moving.
    """
    rows = []
    for quarter in QUARTERS[-quarters - 1 :]:
        for was in "abc":
            away = max(0.1 + rng.normal(0, spread), 0.0)
            others = [g for g in "abc" if g != was]
            counts = rng.multinomial(customers, [1 - away, away / 2, away / 2])
            rows += [(quarter, was, to, n) for to, n in zip([was, *others], counts, strict=True)]
    told_of = pd.DataFrame(rows, columns=["quarter", "was", "became", "customers"])
    return told_of.assign(customer_type="personal", withheld=False, origin_withheld=False)


def moved_differently(quarters: int, spread: float, seed: int) -> bool:
    """Whether a group of a bank in which nothing changes is said to move differently."""
    moved = moves_of_groups(np.random.default_rng([6, seed]), quarters, spread)
    return bool((against_before(moved, QUARTERS[-1], 10)["p_corrected"] < 0.05).any())


def told(claim: str, asked: str, found: int, runs: int) -> None:
    """One row of the table."""
    low, high = share_interval(found, runs)
    share = f"{found / runs:.2%} ({low:.2%} to {high:.2%})"
    print(f"| {claim} | {asked} | {share} | {runs} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    print("| claim | asked | found | runs |\n|---|---|---|---|")
    for what, make in (
        ("types differ", two_types),
        ("customers recur", recurring),
        ("few outcomes", sparse),
    ):
        found = sum(announces(make, seed) for seed in range(1000, 1000 + runs))
        told(f"an event announces leaving, {what}, no effect", "at most 8 %", found, runs)
    for quarters in (3, 5):
        for between in (0.0, 2.0, 4.0):
            many = 10 * runs
            found = sum(cries_wolf(quarters, between, seed) for seed in range(many))
            what = f"{quarters} quarters before that vary by {between:.0f} points"
            told(f"a quarter lies outside its control limits, {what}", "at most 0.6 %", found, many)
    for quarters in (2, 5):
        for spread in (0.0, 0.007, 0.02):
            found = sum(moved_differently(quarters, spread, seed) for seed in range(runs))
            what = f"{quarters} quarters before, whose chances vary by {100 * spread:.1f} points"
            told(f"a group moved differently, {what}", "at most 8 %", found, runs)
    for alerts in (10, 40):
        for persons in (1, 4, 10):
            found = sum(looks_biased(persons, alerts, seed) for seed in range(runs))
            what = f"{alerts} alerts of {persons} persons who belong together"
            told(
                f"alerts fall on some persons more than others, {what}", "at most 5 %", found, runs
            )


if __name__ == "__main__":
    main()
