"""What columns and codes of identification are called for the reader."""

from functools import partial

from analysis.language import marked
from analysis.report.table import table as any_table
from analysis.report.words import SHARED, Words

#: The heads of columns.
COLUMNS = {
    "review_id": marked("Review"),
    "record": marked("Record"),
    "other_record": marked("Other record"),
    "customer_key": marked("Customer"),
    "same": marked("Same customer? (yes or no)"),
    "decided_on": marked("Decided on"),
    "staff_id": marked("Staff"),
    "reasons": marked("For and against"),
    "compared": marked("Compared by"),
    "grade": marked("What agrees"),
    "adds": marked("Adds"),
    "of_same": marked("Of one customer"),
    "origin": marked("How known"),
    "of_others": marked("Of two customers"),
    "kind": marked("Kind of customer"),
    "records": marked("Records"),
    "pairs": marked("Pairs compared"),
    "tied": marked("Pairs taken for one"),
    "threshold": marked("From a chance of"),
    "precision": marked("Expected to be right"),
    "recall": marked("Expected to be found"),
    "held_back": marked("Groups held back"),
    "why": marked("Why not"),
    "happened_on": marked("Data of"),
    "what": marked("What happened"),
    "other_key": marked("Other customer"),
}
#: Values that stand in a table, list or chart.
CODES = {
    "latin": marked("Name"),
    "born": marked("Date of birth or founding"),
    "sex": marked("Sex"),
    "phone": marked("Telephone"),
    "email": marked("E-mail"),
    "document": marked("Document or registration"),
    "place": marked("Region"),
    "house": marked("Address"),
    "same": marked("the same"),
    "near": marked("near"),
    "both_near": marked("both parts near"),
    "one_part": marked("one part the same"),
    "one_near": marked("one part near"),
    "two_parts": marked("two parts the same"),
    "swapped": marked("a slip, or day and month exchanged"),
    "one_digit": marked("one digit another"),
    "same_user": marked("the part before @ the same"),
    "near_user": marked("the part before @ near"),
    "same_street": marked("the same street"),
    "contained": marked("one within the other"),
    "different": marked("different"),
    "too_large": marked("too many records"),
    "two_document": marked("two documents"),
    "two_sex": marked("two sexes"),
    "two_born": marked("two dates of birth"),
    "gone": marked("a record that is gone"),
    "contradiction": marked("answers contradict each other"),
    "learnt": marked("learnt"),
    "stated": marked("stated"),
    "merged": marked("taken for one customer"),
    "to_review": marked("to be looked at"),
    "held_back": marked("held back"),
    "merged_into": marked("put together with"),
    "split_off": marked("split off from"),
}

WORDS = Words(COLUMNS, CODES, beside=SHARED)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
