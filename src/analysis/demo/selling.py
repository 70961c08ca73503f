"""What the demo bank's customers take up of their own accord, and what its campaigns do."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from analysis.demo import plan
from analysis.demo.columns import amounts, days, numbered
from analysis.demo.people import GROUPS, QUARTERS, STARTS, People


@dataclass
class Sales:
    """Who took up what on which day, and whom the campaigns reached.

    customer, product, day: a purchase each, customer being the number within the chunk.
    contacts: of the contract.
    """

    customer: np.ndarray
    product: np.ndarray
    day: np.ndarray
    contacts: pa.Table


def traits(people: People) -> dict[str, np.ndarray]:
    """What inclines customers to products, in standard deviations over persons (0 or 1 for a
    mortgage).
    """
    balance = np.array([g.balance for g in GROUPS])[people.group]
    mobile = np.array([g.channels.get("mobile", 0.0) for g in GROUPS])[people.group]
    persons = ~people.corporate

    def scaled(values: np.ndarray) -> np.ndarray:
        return (values - values[persons].mean()) / (values[persons].std() or 1.0)

    return {
        "income": scaled(np.log(people.income)),
        "balance": scaled(np.log(balance)),
        "mobile": scaled(mobile),
        "mortgage": people.mortgage.astype(float),
        "loyalty": people.loyalty[:, 0],
    }


def make_sales(rng: np.random.Generator, people: People) -> Sales:
    """What is taken up in every quarter but the first, and what the campaigns add to it."""
    known = traits(people)
    bought = _taken_up(rng, people, known)
    contacts, responses = _campaigns(rng, people, known)
    customer, product, day = (
        np.concatenate([*(rows[i] for rows in (*bought, *responses))]) for i in range(3)
    )
    return Sales(customer, product, day, contacts)


Purchases = tuple[np.ndarray, np.ndarray, np.ndarray]


def _taken_up(
    rng: np.random.Generator, people: People, known: dict[str, np.ndarray]
) -> list[Purchases]:
    """Purchases by the planted model of each product."""
    bought = []
    for product, weights in plan.TAKE_UP.items():
        linear = weights["constant"] + sum(
            w * known[trait] for trait, w in weights.items() if trait != "constant"
        )
        chance = 1 / (1 + np.exp(-linear))
        for q in range(1, len(QUARTERS)):
            takes = (rng.random(len(people)) < chance) & there(people, q)
            who = np.flatnonzero(takes)
            day = STARTS[q] + rng.integers(0, 85, len(who))
            bought.append((who, np.full(len(who), product), day))
    return bought


def there(people: People, quarter: int) -> np.ndarray:
    """Persons who were with the bank all through a quarter."""
    return ~people.corporate & (people.joined < quarter) & (people.left > quarter)


def _campaigns(
    rng: np.random.Generator, people: People, known: dict[str, np.ndarray]
) -> tuple[pa.Table, list[Purchases]]:
    """Contacts of every campaign, and what those who responded bought."""
    tables, bought = [], []
    for number, campaign in enumerate(plan.CAMPAIGNS):
        reached = np.flatnonzero(
            there(people, campaign.quarter) & (rng.random(len(people)) < campaign.reach)
        )
        n = len(reached)
        income = known["income"][reached]
        chosen = campaign.contacted
        if not campaign.randomised:  # those who earn more are called rather
            chosen = 1 / (1 + np.exp(-(np.log(chosen / (1 - chosen)) + 1.1 * income)))
        treated = rng.random(n) < chosen
        base = 1 / (1 + np.exp(-(campaign.base + campaign.income * income)))
        effect = np.where(income > campaign.above, campaign.effect, 0.0)
        responds = rng.random(n) < np.clip(base + effect * treated, 0, 1)
        day = STARTS[campaign.quarter] + rng.integers(10, 60, n)
        channel = np.array(["phone", "mobile"])[rng.integers(0, 2, n)]
        tables.append(
            pa.table(
                {
                    "contact_id": numbered(
                        "N", len(plan.CAMPAIGNS) * (people.first + reached) + number
                    ),
                    "customer_id": numbered("C", people.first + reached),
                    "campaign_id": numbered("G", np.full(n, number), 3),
                    "treated": treated,
                    "contacted_on": days(np.where(treated, day, np.datetime64("NaT"))),
                    "channel": pa.array(channel, pa.string()),
                    "response": responds,
                }
            )
        )
        who = reached[responds]
        later = rng.integers(0, 20, len(who))
        bought.append((who, np.full(len(who), campaign.product), day[responds] + later))
    return pa.concat_tables(tables), bought


def campaign_table() -> pa.Table:
    """The contract's campaigns."""
    campaigns = plan.CAMPAIGNS
    starts = np.array([STARTS[c.quarter] for c in campaigns])

    def cents(values: list[float]) -> np.ndarray:
        return (np.array(values) * 100).astype(np.int64)

    return pa.table(
        {
            "campaign_id": numbered("G", np.arange(len(campaigns)), 3),
            "name": [c.name for c in campaigns],
            "product_id": [c.product for c in campaigns],
            "starts_on": days(starts),
            "ends_on": days(starts + 75),
            "randomised": [c.randomised for c in campaigns],
            "control_share": pa.array(
                [1 - c.contacted if c.randomised else None for c in campaigns], pa.float64()
            ),
            "cost": amounts(cents([c.cost for c in campaigns])),
            "contact_cost": amounts(cents([c.contact_cost for c in campaigns])),
            "response_value": amounts(cents([c.value for c in campaigns])),
        }
    )
