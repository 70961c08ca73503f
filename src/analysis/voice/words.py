"""What columns and codes of what customers wrote are called for the reader."""

from functools import partial

from analysis.language import marked
from analysis.loyalty.words import WORDS as LOYALTY
from analysis.report.table import table as any_table
from analysis.report.words import Words

#: The heads of columns.
COLUMNS: dict[str, str] = {}
#: Values that stand in a table or chart.
CODES = {
    "survey": marked("questionnaire"),
    "complaint": marked("complaint"),
    "zh": marked("Chinese"),
    "unhappy": marked("unhappy"),
    "happy": marked("happy"),
    "contacted": marked("Contacted in a campaign"),
}

WORDS = Words(COLUMNS, CODES, beside=LOYALTY)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
