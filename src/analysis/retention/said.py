"""Reasons for a chance of leaving as somebody says them on the telephone, and what to do about
them.
"""

from analysis.report.language import marked, say
from analysis.retention.words import label
from analysis.sources.params import Event

#: Reason to a whole sentence about the customer.
SENTENCES = {
    "felt low": marked("Gave lower marks than most in the survey"),
    "felt high": marked("Gave higher marks than most in the survey"),
    "complained yes": marked("Complained lately"),
    "complained no": marked("Has not complained"),
    "balance_change low": marked("The balance is falling"),
    "balance_change high": marked("The balance is growing fast"),
    "transactions_change low": marked("Makes fewer entries than before"),
    "transactions_change high": marked("Makes more entries than before"),
    "transactions low": marked("Makes few entries"),
    "transactions high": marked("Makes many entries"),
    "balance_end low": marked("Keeps little money here"),
    "balance_end high": marked("Keeps much money here"),
    "assets_trend low": marked("Assets are falling"),
    "assets_trend high": marked("Assets are growing"),
    "money_in low": marked("Little money comes in"),
    "money_in high": marked("Much money comes in"),
    "active_weeks low": marked("Uses the account in few weeks"),
    "active_weeks high": marked("Uses the account nearly every week"),
    "tenure_years low": marked("Has been with us for a short time"),
    "tenure_years high": marked("Has been with us for long"),
    "salary_months low": marked("The salary does not come in here"),
    "salary_months high": marked("The salary comes in here"),
    "new_outside_paid high": marked("Pays to new accounts at other banks"),
    "products_held low": marked("Holds few products"),
    "products_held high": marked("Holds many products"),
    "channels_used low": marked("Uses one way to the bank only"),
    "instalments_missed high": marked("Has missed instalments"),
}
#: And what holds of any product or event.
HOLDS, LACKS = marked("Holds a product: {product}"), marked("Does not hold: {product}")
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
    """A reason such as `felt low` as somebody would say it; empty for none."""
    name, _space, side = reason.rpartition(" ")
    if not name:
        return ""
    if reason in SENTENCES:
        return say(SENTENCES[reason])
    if name.startswith("event_"):
        titles = {e.name: e.title for e in events}
        event = name.removeprefix("event_")
        return titles.get(event, label(name))
    if name.startswith("has_"):
        product = label(name.removeprefix("has_"))
        return say(HOLDS if side == "yes" else LACKS).format(product=product)
    return say(LOWER if side in ("low", "no") else HIGHER).format(feature=label(name))


def action(reason: str, events: list[Event]) -> str:
    """What to do about a reason: what the params file says of an event, or a first question."""
    name = reason.rpartition(" ")[0]
    for event in events:
        if name == f"event_{event.name}" and event.action:
            return event.action
    for begins, text in ACTIONS.items():
        if reason.startswith(begins):
            return say(text)
    return say(OTHERWISE)
