"""Reasons for a chance of leaving as somebody says them on the telephone, and what to do about
them.
"""

from analysis.language import marked, say
from analysis.retention.words import label
from analysis.sources.params import Event

#: Reason to a whole sentence about the customer.
SENTENCES = {
    "felt low": marked("Gave lower marks than most in the survey"),
    "complained yes": marked("Complained lately"),
    "balance_change low": marked("The balance is falling"),
    "balance_change high": marked("The balance is growing fast"),
    "transactions_change low": marked("Makes fewer entries than before"),
    "transactions_change high": marked("Makes more entries than before"),
    "transactions low": marked("Makes few entries"),
    "balance_end low": marked("Keeps little money here"),
    "assets_trend low": marked("Assets are falling"),
    "money_in low": marked("Little money comes in"),
    "active_weeks low": marked("Uses the account in few weeks"),
    "tenure_years low": marked("Has been with us for a short time"),
    "salary_months low": marked("The salary does not come in here"),
    "new_outside_paid high": marked("Pays to new accounts at other banks"),
    "products_held low": marked("Holds few products"),
    "channels_used low": marked("Uses one way to the bank only"),
    "instalments_missed high": marked("Has missed instalments"),
}
#: What no call could begin with.
UNSAID = {
    "felt high",
    "complained no",
    "transactions high",
    "balance_end high",
    "money_in high",
    "active_weeks high",
    "tenure_years high",
    "products_held high",
    "salary_months high",
    "assets_trend high",
}
#: And what holds of any product or event.
HOLDS = marked("Holds a product: {product}")
LOWER, HIGHER = marked("Lower than usual: {feature}"), marked("Higher than usual: {feature}")
#: What to say first, by what the reason begins with.
ACTIONS = {
    "felt low": marked("Ask what went wrong, and mend it"),
    "complained": marked("Ask whether the complaint was settled"),
    "balance": marked("Ask where the money is needed; review terms"),
    "transactions": marked("Ask what is done elsewhere now"),
    "has_": marked("Go through what is held, and what it costs"),
    "new_outside": marked("Ask what the other bank offers; review terms"),
}
OTHERWISE = marked("Ask how things are, and what is missing")


def sentence(reason: str, events: list[Event]) -> str:
    """A reason such as `felt low` as somebody would say it; empty for none, and for one that no
    call could begin with.
    """
    name, _space, side = reason.rpartition(" ")
    if not name:
        return ""
    if reason in UNSAID:
        return ""
    if reason in SENTENCES:
        return say(SENTENCES[reason])
    if name.startswith("event_") and side == "no":
        return ""
    if name.startswith("event_"):
        titles = {e.name: e.title for e in events}
        event = name.removeprefix("event_")
        return titles.get(event, label(name))
    if name.startswith("has_"):
        return say(HOLDS).format(product=label(name.removeprefix("has_"))) if side == "yes" else ""
    return say(LOWER if side in ("low", "no") else HIGHER).format(feature=label(name))


def action(reason: str, events: list[Event]) -> str:
    """What to do about a reason: what the params file says of an event, or a first question."""
    name = reason.rpartition(" ")[0]
    if not sentence(reason, events):
        return say(OTHERWISE)
    for event in events:
        if name == f"event_{event.name}" and event.action:
            return event.action
    for begins, text in ACTIONS.items():
        if reason.startswith(begins):
            return say(text)
    return say(OTHERWISE)
