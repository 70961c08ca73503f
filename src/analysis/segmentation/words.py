"""What columns and codes of customers and their groups are called for the reader."""

from functools import partial

from analysis.language import marked
from analysis.report.table import table as any_table
from analysis.report.words import SHARED, Words

#: The heads of columns.
COLUMNS = {
    "credit_grade": marked("Credit grade"),
    "value_a_year": marked("Value a year"),
    "arrears": marked("In arrears"),
    "product": marked("Product"),
    "channel": marked("Channel"),
    "service": marked("Service"),
    "silhouette": marked("Silhouette"),
    "lowest_jaccard": marked("Lowest Jaccard"),
    "smallest": marked("Smallest group"),
    "chosen": marked("Chosen"),
    "eta_squared": marked("Between groups"),
    "borrowers": marked("Borrowers"),
    "gap": marked("Gap statistic"),
    "stability": marked("Stability"),
    "rand": marked("Rand, resampled"),
    "without_group": marked("In no group"),
    "agreement": marked("Rand with ours"),
    "verdict": marked("Verdict"),
    "large_enough": marked("Large enough"),
    "jaccard": marked("Jaccard"),
    "right": marked("Of the group"),
    "psi": marked("Stability index"),
    "by_chance": marked("By chance up to"),
    "drift": marked("Drift"),
    "loss_a_year": marked("Expected loss a year"),
    "cost_today": marked("Cost today"),
    "cost_plan": marked("Cost under the plan"),
    "saved": marked("Saved"),
    "value_kept": marked("Value kept"),
    "kept_low": marked("Value kept if the loss doubles"),
    "net": marked("Net effect"),
    "break_even": marked("Break-even loss"),
    "lost": marked("Lost"),
}
#: Values that stand in a table or chart.
CODES = {
    "credit_grade": marked("Credit grade"),
    "arrears_low": marked("from"),
    "arrears_high": marked("to"),
    "product": marked("Product", "dimension of loyalty"),
    "service": marked("Service", "dimension of loyalty"),
    "Dormant": marked("Dormant"),
    "gap_error": marked("± (standard error)"),
    "watch": marked("watch"),
    "refit": marked("fit again"),
    "unstable": marked("unstable"),
    "doubtful": marked("doubtful"),
    "highly stable": marked("highly stable"),
    "credit_utilisation": marked("Credit used"),
    "month_start_share": marked("Share in the first ten days"),
    "region": marked("Region"),
    "assets": marked("Assets"),
    "credit": marked("Credit"),
    "activity": marked("Activity"),
    "habits": marked("Habits"),
    "channels": marked("Channels"),
    "New": marked("New"),
    "Not grouped": marked("Not grouped"),
    "k-means": marked("k-means"),
    "gaussian mixture": marked("Gaussian mixture"),
    "k-medoids": marked("k-medoids"),
    "hdbscan": marked("HDBSCAN"),
    "rfm": marked("RFM quintiles"),
    "constant": marked("the same for all"),
    "debt": marked("Debt"),
    "deposit": marked("deposit"),
    "keep": marked("Share that comes back"),
}

WORDS = Words(COLUMNS, CODES, beside=SHARED)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
