"""Why an offer suits a customer, as somebody would say it, and how to begin."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analysis.language import clauses, marked, money, say
from analysis.sources.params import Event

HOLDS = "holds_"
#: Reason to a sentence about the customer; places are filled from the customer's quarter.
SENTENCES = {
    "salary_months high": marked(
        "The salary comes in here, in {salary_months} months of the quarter"
    ),
    "money_in high": marked("{money_in} came in this quarter"),
    "balance_end high": marked("Keeps {balance_end} in the accounts"),
    "balance_change high": marked("The balance has grown by {balance_change}"),
    "assets_trend high": marked("The balance is growing"),
    "mobile_share high": marked("Does most things by mobile"),
    "cash_share low": marked("Pays without cash"),
    "transactions high": marked("Makes {transactions} entries a quarter"),
    "transactions low": marked("Makes few entries, so that the money lies still"),
    "active_weeks high": marked("Uses the account nearly every week"),
    "tenure_years high": marked("Has been with us for {tenure_years} years"),
    "tenure_years low": marked("Has joined us lately"),
    "products_held high": marked("Holds {products_held} products with us"),
    "products_held low": marked("Holds few products with us so far"),
    "channels_used high": marked("Uses several ways to the bank"),
    "counterparties high": marked("Deals with many others"),
    "felt high": marked("Was content in the last survey"),
    "new_outside_paid high": marked("Pays to new accounts at other banks"),
    "income high": marked("Has a higher income, or turnover, than most"),
}
HOLDS_IT, HOLDS_IT_NOT = marked("Has {product} with us"), marked("Has no {product} with us yet")
NOT_YET = marked("no {product} yet")
LIKE_THEM = marked("much like those who have {product}")
#: Reason to how a call may begin.
OPENINGS = {
    "balance_end high": marked(
        "“There is money in your account that could do more. May I show you our {product}?”"
    ),
    "balance_change high": marked(
        "“Your balance has grown. May I show you what our {product} would do with it?”"
    ),
    "salary_months high": marked(
        "“Your salary comes in with us. May I show you what our {product} adds to that?”"
    ),
    "mobile_share high": marked(
        "“You do most things by mobile. Our {product} takes a few minutes there. Shall I show you?”"
    ),
    "tenure_years high": marked(
        "“You have been with us for a long time. May I tell you about our {product}?”"
    ),
}
OPENING_HOLDS = marked(
    "“You have {held} with us; {product} goes well with it. May I tell you more?”"
)
OPENING_EVENT = marked("“{event}: may I tell you what our {product} could do now?”")
OPENING = marked("“May I tell you about our {product}?”")
MONEY = ("money_in", "balance_end", "balance_change")
NUMBERS = ("salary_months", "transactions", "tenure_years", "products_held")


def is_said(reason: str) -> bool:
    """Whether a reason is one that somebody could say to a customer."""
    name, _space, side = reason.rpartition(" ")
    if name.startswith(("event_", HOLDS)):
        return side == "yes"
    return reason in SENTENCES


def sentence(
    reason: str, customer: Mapping[str, Any], products: Mapping[str, str], events: list[Event]
) -> str:
    """A reason such as `balance_end high` about a customer; empty for none.

    customer: the columns of customer_quarter. products: product to its name.
    """
    name, _space, side = reason.rpartition(" ")
    if not name or not is_said(reason):
        return ""
    if name.startswith("event_"):
        event = name.removeprefix("event_")
        return {e.name: e.title for e in events}.get(event, "")
    if name.startswith(HOLDS):
        template = HOLDS_IT if side == "yes" else HOLDS_IT_NOT
        product = name.removeprefix(HOLDS)
        return say(template).format(product=products.get(product, product))
    return say(SENTENCES[reason]).format(**_filled(customer))


def _filled(customer: Mapping[str, Any]) -> dict[str, str]:
    """The places of sentences; a number that is not known is left open."""
    filled = {}
    for column in (*MONEY, *NUMBERS):
        value = customer.get(column)
        if value is None or pd.isna(value):
            filled[column] = "–"
        else:
            filled[column] = money(float(value)) if column in MONEY else f"{float(value):.0f}"
    filled["tenure_years"] = (
        "–" if filled["tenure_years"] == "–" else f"{max(float(filled['tenure_years']), 1):.0f}"
    )
    return filled


def why(
    first: str,
    second: str,
    product: str,
    customer: Mapping[str, Any],
    products: Mapping[str, str],
    events: list[Event],
) -> str:
    """Two reasons for an offer in one sentence, ending in that the customer has none yet."""
    told = [text for r in (first, second) if (text := sentence(r, customer, products, events))]
    name = products.get(product, product)
    return clauses([*told, say(NOT_YET).format(product=name)])


def opening(first: str, product: str, products: Mapping[str, str], events: list[Event]) -> str:
    """How a call about an offer may begin."""
    name, _space, _side = first.rpartition(" ")
    offered = products.get(product, product)
    if first in OPENINGS:
        return say(OPENINGS[first]).format(product=offered)
    if name.startswith(HOLDS):
        held = name.removeprefix(HOLDS)
        return say(OPENING_HOLDS).format(held=products.get(held, held), product=offered)
    titles = {f"event_{e.name}": e.title for e in events if e.expect == "purchase"}
    if name in titles:
        return say(OPENING_EVENT).format(event=titles[name], product=offered)
    return say(OPENING).format(product=offered)


def likeness(
    reasons: Iterable[str], product: str, customer: Mapping[str, Any], products: Mapping[str, str]
) -> str:
    """Why somebody may become a customer of a product: what makes him like those who hold it."""
    told = [text for reason in reasons if (text := sentence(reason, customer, products, []))]
    return clauses([*told, say(LIKE_THEM).format(product=products.get(product, product))])
