"""What columns and codes of moves, events and expected value are called for the reader."""

from functools import partial

from analysis.language import marked
from analysis.report.table import table as any_table
from analysis.report.words import Words
from analysis.segmentation.words import WORDS as SEGMENTATION

#: The heads of columns.
COLUMNS = {
    "became": marked("Is now"),
    "changed_by": marked("Largest change, percentage points"),
    "of": marked("Out of"),
    "usual": marked("Usual before"),
    "cramers_v": marked("Cramér's V"),
    "median_before": marked("Median before"),
    "median_now": marked("Median now"),
    "per_1000": marked("Per 1,000"),
    "outcome": marked("Outcome watched"),
    "historic": marked("Value so far"),
    "alive": marked("Still a customer"),
    "predicted_active": marked("Predicted active quarters"),
    "came_active": marked("Actual"),
    "came_value": marked("Actual"),
    "active_difference": marked("Difference"),
    "predicted_value": marked("Predicted value"),
    "value_difference": marked("Difference"),
}
#: Values that stand in a table or chart.
CODES: dict[str, str] = {}

#: Of lists that staff work and fill in.
TO_FILL_IN = {
    "subject_id": marked("Entry"),
    "due_on": marked("By"),
    "done_on": marked("Done on"),
    "outcome": marked("Outcome"),
    "why": marked("Why (few words, no names)"),
}

WORDS = Words(COLUMNS, CODES, beside=SEGMENTATION)
LIST_WORDS = Words(TO_FILL_IN, {}, beside=WORDS)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
