"""What columns and codes of products and offers are called for the reader."""

from functools import partial

from analysis.changes.words import TO_FILL_IN
from analysis.language import marked, say
from analysis.opportunities.rules import (
    ALERT,
    CONSENT,
    CONTACTS,
    ELIGIBLE,
    EVENT,
    REFUSED,
    SAVE,
    SUITS,
)
from analysis.report.table import table as any_table
from analysis.report.words import Words
from analysis.retention.words import WORDS as RETENTION

#: The heads of columns.
COLUMNS = {
    "holders": marked("Holders"),
    "new": marked("New this quarter"),
    "first": marked("First", "of two products"),
    "then": marked("Then"),
    "of": marked("Could have"),
    "months": marked("Months between"),
    "one": marked("Holds"),
    "other": marked("Also holds"),
    "both": marked("Both"),
    "taken": marked("Taken up"),
    "offers": marked("Offers"),
    "map_at_7": marked("MAP@7"),
    "value": marked("Value of an offer made"),
    "capacity": marked("Offers that staff can make"),
    "candidates": marked("Customers with an offer that passed"),
    "held_back": marked("Kept without offer"),
    "expected": marked("Expected of it"),
    "offered": marked("Offered instead"),
    "held": marked("Products held"),
    "greedy": marked("The best first"),
    "bound": marked("No assignment passes"),
    "pairs": marked("Customers × products"),
    "lead_id": marked("Offer"),
    "staff_id": marked("Who calls"),
    "chance": marked("Chance of taking it"),
    "similar_hold": marked("Similar customers who hold it"),
    "reasons": marked("Why"),
    "opening": marked("How to begin"),
    "runner_up": marked("Next best"),
    "runner_up_expected": marked("Expected of the next best"),
    "rules_passed": marked("Rules passed"),
    "decision": marked("Decision"),
    "failed": marked("Rule that excludes it"),
    **TO_FILL_IN,
    "events": marked("Taken up"),
    "tenure": marked("Years with us"),
    "plan": marked("Product of the plan"),
    "most_offered": marked("Offered most"),
    "potential": marked("What the customer is"),
    "likeness": marked("Likeness to holders"),
    "known": marked("Told by"),
    "c": marked("Chance of holders, c"),
    "prospect": marked("Prospects"),
    "dormant": marked("Dormant customers"),
    "single_product": marked("Customers with one product"),
    "pattern": marked("Need"),
    "bank": marked("Bank paid"),
    "money": marked("Money involved, mean"),
    "money_median": marked("Money involved, median"),
    "yearly": marked("Worth a year"),
    "nearest": marked("Nearest product"),
    "already": marked("Hold it already"),
    "check": marked("Against chance"),
}
#: Values that stand in a table or chart.
CODES = {
    "propensity": marked("chance by model"),
    "most_popular": marked("most popular"),
    "rules": marked("rules of association"),
    "neighbours": marked("similar customers"),
    "offered": marked("offered"),
    "held_back": marked("kept without offer, by lot"),
    "runner_up": marked("next best"),
    "no_room": marked("no room left"),
    "excluded": marked("excluded"),
    "named_in_alert": marked("named in an alert that stands"),
    "no_consent": marked("no consent to be contacted"),
    "on_save_list": marked("on the list of those to be called so that they stay"),
    "event_to_act_on": marked("to be called about an event"),
    "contacted_enough": marked("contacted often enough this quarter"),
    "refused_lately": marked("declined it lately"),
    "not_worth_a_contact": marked("not worth a contact"),
    "spoken_with": marked("Staff spoke with them"),
    "declined": marked("Declined an offer"),
    "everybody": marked("age, income, years with us"),
    "behaviour": marked("age, income, years, use of accounts"),
    "prospect": marked("without an account"),
    "dormant": marked("dormant"),
    "single_product": marked("one product at most"),
    "idle_balance": marked("money that lies idle"),
    "pays_another_bank": marked("regular transfers to another bank"),
    "seasonal_need": marked("much goes out in the coming season"),
    "under_2": marked("under 2"),
    "2_to_5": marked("2 to 5"),
    "5_to_10": marked("5 to 10"),
    "over_10": marked("over 10"),
}

#: What it means that a rule of all products does not exclude.
PASSED = {
    ALERT: marked("named in no alert that stands"),
    CONSENT: marked("may be contacted"),
    SAVE: marked("not on the list of those to be called so that they stay"),
    EVENT: marked("no event to be called about"),
    CONTACTS: marked("not contacted too often this quarter"),
    REFUSED: marked("did not decline it lately"),
}

WORDS = Words(COLUMNS, CODES, beside=RETENTION)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)


def rule(name: str) -> str:
    """What a rule is called: those of the params file by their own names."""
    for begins, text in (
        (ELIGIBLE, say("may have it: {rule}")),
        (SUITS, say("suits: {rule}")),
    ):
        if name.startswith(begins):
            return text.format(rule=name.removeprefix(begins))
    return label(name)
