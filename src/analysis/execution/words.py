"""What columns and codes of the follow-through are called for the reader."""

from functools import partial

from analysis.language import marked
from analysis.opportunities.words import WORDS as OPPORTUNITIES
from analysis.report.table import table as any_table
from analysis.report.words import Words

#: The heads of columns.
COLUMNS = {
    "kind": marked("List"),
    "handed": marked("Handed over"),
    "followed": marked("Followed up"),
    "in_time": marked("In time"),
    "done": marked("Spoken with or decided"),
    "success": marked("Success"),
    "untouched": marked("Untouched"),
    "at_stake": marked("At stake"),
    "staff_id": marked("Member of staff"),
    "came": marked("Came"),
    "by_chance": marked("By chance"),
    "expected": marked("Expected of anybody"),
    "told": marked("As the chances told"),
    "now": marked("Handed over now"),
    "group": marked("Customers"),
    "took": marked("Took it up"),
    "reason": marked("Why it is not counted"),
    "follow_ups": marked("Follow-ups"),
    "days_over": marked("Days over"),
    "what": marked("Product or event"),
    "judged": marked("Known"),
    "value": marked("Value"),
}
#: Values that stand in a table or chart.
CODES = {
    "offer": marked("offers"),
    "lookalike": marked("calls to potential customers"),
    "save": marked("calls so that customers stay"),
    "event": marked("events to act on"),
    "alert": marked("alerts to decide"),
    "offered": marked("offered it"),
    "held_back": marked("kept without offer, by lot"),
    "no_such_entry": marked("names no entry of a list"),
    "before_handed": marked("is dated before the entry was handed over"),
    "twice": marked("is there twice"),
    "followed": marked("followed up"),
    "in_time": marked("in time"),
    "done": marked("spoken with or decided"),
    "success": marked("success"),
}

WORDS = Words(COLUMNS, CODES, beside=OPPORTUNITIES)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
