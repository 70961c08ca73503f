"""What columns and codes of who leaves and who may are called for the reader."""

from functools import partial

from analysis.changes.words import TO_FILL_IN
from analysis.language import marked
from analysis.report.table import table as any_table
from analysis.report.words import Words
from analysis.voice.words import WORDS as VOICE

#: The heads of columns.
COLUMNS = {
    "listed": marked("On the list"),
    "at_risk": marked("Customers examined"),
    "would_leave": marked("Would leave"),
    "of_departures": marked("Of all expected to leave"),
    "expected_saving": marked("Expected saving"),
    "who": marked("Who", "on the list or not"),
    "predicted": marked("Predicted"),
    "brier": marked("Brier score"),
    "brier_base": marked("Brier, mean alone"),
    "slope": marked("Slope"),
    "tenth": marked("Tenth"),
    "odds_ratio": marked("Odds ratio"),
    "second": marked("Weighs second"),
}
#: Values that stand in a table or chart.
CODES = {
    "not_listed": marked("Not on the list"),
    "listed": marked("On the list"),
    "felt": marked("Index of the own answers"),
    "transactions_change": marked("Change of entries"),
    "balance_change": marked("Change of the balance"),
    "new_outside_paid": marked("Paid to new accounts elsewhere"),
    "salary_months": marked("Months with a salary"),
    "channels_used": marked("Channels used"),
    "age_years": marked("Age"),
}

WORDS = Words(COLUMNS, CODES, beside=VOICE)
LIST_WORDS = Words(TO_FILL_IN, {}, beside=WORDS)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
