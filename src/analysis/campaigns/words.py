"""What columns and codes of campaigns are called for the reader."""

from functools import partial

from analysis.language import marked
from analysis.report.table import table as any_table
from analysis.report.words import SHARED, Words

#: The heads of columns.
COLUMNS = {
    "campaign": marked("Campaign"),
    "design": marked("How compared"),
    "treated": marked("Contacted"),
    "control": marked("Control group"),
    "rate_treated": marked("Responded"),
    "rate_control": marked("Without contact"),
    "effect": marked("What it added"),
    "outcome": marked("Outcome"),
    "method": marked("Ordered by"),
    "qini": marked("Area over a random order, per 1,000"),
    "ahead": marked("More than by response alone"),
    "in_both": marked("On both sides"),
    "planned_control": marked("Control group as planned"),
    "ratio_p": marked("p of the sizes planned"),
    "base": marked("Response without contact"),
    "least_effect": marked("Smallest effect worth finding"),
    "smallest": marked("Smallest effect it finds"),
    "size": marked("Next control group"),
    "needed": marked("Customers needed"),
    "cost": marked("Cost"),
    "gain": marked("Brought"),
    "net": marked("Net"),
    "plain": marked("Plain difference"),
    "placebo": marked("Effect on the quarter before"),
    "left_out": marked("Like nobody in the control group"),
}
#: Values that stand in a table or chart.
CODES = {
    "randomised": marked("drawn by lot"),
    "observed": marked("not drawn by lot"),
    "response": marked("chance of responding"),
    "class_transformation": marked("uplift, one model"),
    "two_models": marked("uplift, two models"),
    "products": marked("Products held"),
    "money_in": marked("Money in"),
    "money_per_entry": marked("Money in per entry"),
}

WORDS = Words(COLUMNS, CODES, beside=SHARED)
#: Of those contacted and those not, where means stand in place of counts.
OF_MEANS = Words(
    {"treated": marked("Mean, contacted"), "control": marked("Mean, control group")},
    {},
    beside=WORDS,
)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
