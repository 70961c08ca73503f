"""What columns and codes of data health are called for the reader."""

from functools import partial

from analysis.language import marked, say
from analysis.report.table import table as any_table
from analysis.report.words import SHARED, Words

#: The heads of columns.
COLUMNS = {
    "table": marked("Table"),
    "aspect": marked("Aspect"),
    "what": marked("What is wrong"),
    "rows": marked("Rows"),
    "doubtful": marked("Doubtful"),
    "harm": marked("Harm"),
    "report": marked("Report"),
    "headline": marked("Headline"),
    "value": marked("As reported"),
    "without": marked("Without doubtful rows"),
    "left_out": marked("Left out"),
    "beyond": marked("More than chance"),
    "key": marked("Key"),
    "column": marked("Column"),
    "found": marked("Found"),
    "instead": marked("Perhaps meant"),
    "rule": marked("Rule"),
    "accepted": marked("What is accepted"),
    "day": marked("Day"),
    "until": marked("Until"),
    "measure": marked("What is unlike"),
    "expected": marked("Expected"),
    "far": marked("Deviations"),
    "checked": marked("Rows checked"),
    "texts": marked("Texts, about"),
    "million_letters": marked("Million letters"),
    "chinese": marked("In Chinese"),
    "repeated": marked("Nearly the same as another"),
    "kinds": marked("What it holds"),
    "kilobytes": marked("Kilobytes"),
    "bytes_a_row": marked("Bytes a row"),
    "text": marked("Texts"),
    "read": marked("Needed by a report"),
    "quarter": marked("Quarter"),
    "tier": marked("Where"),
    "cost": marked("Cost a year"),
    "all_in_first": marked("If all lay in the first"),
    "way": marked("Way of writing"),
    "bytes": marked("Size"),
    "account": marked("Read for one account"),
    "month": marked("Read for one month"),
    "least": marked("Before, from"),
    "most": marked("to"),
}
#: Values that stand in a table, list or chart.
CODES = {
    "completeness": marked("completeness"),
    "validity": marked("validity"),
    "uniqueness": marked("uniqueness"),
    "consistency": marked("consistency"),
    "accuracy": marked("accuracy"),
    "timeliness": marked("timeliness"),
    "pattern": marked("written unlike the others"),
    "typo": marked("one slip from a frequent value"),
    "dependency": marked("other columns say something else"),
    "two_in_one": marked("two values in one cell, and none in the other"),
    "outlier": marked("far outside the other numbers"),
    "no_value": marked("a word that stands for nothing"),
    "entries": marked("number of entries"),
    "amount": marked("size of amounts"),
    "accounts": marked("accounts per entry"),
    "incoming": marked("share that comes in"),
    "named": marked("share with the other side's account"),
    "name": marked("a name"),
    "phone": marked("a telephone number"),
    "document": marked("the number of an identity document"),
    "card": marked("the number of a card"),
    "number": marked("another long number"),
    "mail": marked("a mail address"),
    "handle": marked("a name at a messenger"),
    "address": marked("an address"),
    "beyond_chance": marked("more than chance"),
    "noticeable": marked("noticeable"),
    "slight": marked("slight"),
    "none": marked("none"),
    "not_examined": marked("not computed"),
    "yes": marked("yes"),
    "no": marked("no"),
    "as_kept": marked("as kept: columns, zstd, by key"),
    "zstd_harder": marked("zstd, working harder"),
    "snappy": marked("snappy instead of zstd"),
    "gzip": marked("gzip instead of zstd"),
    "lz4": marked("lz4 instead of zstd"),
    "uncompressed": marked("not compressed"),
    "differences": marked("differences between values (Parquet 2)"),
    "no_dictionary": marked("without dictionaries"),
    "small_groups": marked("in groups of 10,240 rows"),
    "by_account": marked("sorted by account"),
    "by_account_small_groups": marked("sorted by account, in groups of 10,240 rows"),
    "by_month": marked("a file for each month"),
    "csv": marked("text (CSV)"),
    "csv_gzip": marked("text (CSV), gzip"),
    "segmentation": marked("Segmentation"),
    "customer_changes": marked("Customers on the move"),
    "loyalty": marked("Loyalty"),
    "retention": marked("Retention"),
    "cross_sell": marked("Products and offers"),
    "risk_overview": marked("Investigations"),
}
SHARE_OF = {
    "kind_": marked("share of the kind {what}"),
    "channel_": marked("share of the channel {what}"),
}

WORDS = Words(COLUMNS, CODES, beside=SHARED)
table = partial(any_table, words=WORDS)


def label(code: str) -> str:
    """The reader's word for a code."""
    for prefix, pattern in SHARE_OF.items():
        if code.startswith(prefix):
            return say(pattern).format(what=WORDS.code(code.removeprefix(prefix)))
    return WORDS.code(code)
