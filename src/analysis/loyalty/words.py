"""What columns and codes of questionnaires, the index and regressions are called for the reader."""

from functools import partial

import pandas as pd

from analysis.changes.words import WORDS as CHANGES
from analysis.language import marked
from analysis.report.table import table as any_table
from analysis.report.words import Words

#: The heads of columns.
COLUMNS = {
    "dimension": marked("Dimension"),
    "block": marked("Block", "of a path model"),
    "change": marked("Change"),
    "certain": marked("Certain"),
    "measure": marked("Measure"),
    "pseudo_r2": marked("Pseudo R²"),
    "target": marked("On what"),
    "path": marked("Path"),
    "rho": marked("Composite reliability"),
    "ave": marked("Variance extracted"),
    "r_squared": marked("R²"),
    "item": marked("Item"),
    "loading": marked("Loading"),
    "highest_cross": marked("Highest cross-loading"),
    "lowest": marked("At the lowest"),
    "highest": marked("At the highest"),
    "against": marked("Against"),
    "importance": marked("Importance"),
    "centre": marked("Centre"),
    "outside": marked("Outside"),
    "driver": marked("Dimension"),
    "best": marked("Best branch"),
    "important": marked("Important"),
    "weak": marked("Weak"),
    "improvable": marked("Improvable"),
    "quick_win": marked("Quick win"),
    "retained": marked("Retained"),
    "corrected": marked("Corrected"),
    "htmt": marked("Ratio"),
    "distinct": marked("Distinct"),
    "margin": marked("Broken down by"),
    "of_customers": marked("Of the customers"),
    "of_answers": marked("Of the answers"),
    "weighted": marked("Weighted"),
    "effective": marked("Effective"),
    "unweighted": marked("Unweighted"),
    "model": marked("Model"),
    "predictors": marked("Predictors"),
    "aic": marked("AIC"),
    "lowest_cut": marked("Beyond the lowest answers"),
    "highest_cut": marked("Reaching the highest answer"),
    "shortfall": marked("Below the median"),
    "status": marked("Status"),
}
#: Values that stand in a table or chart.
CODES = {
    "branch": marked("Branch"),
    "log_transactions": marked("Entries (log)"),
    "log_balance": marked("Balance (log)"),
    "largest_inflation": marked("Largest variance inflation"),
    "auc_fit": marked("AUC where fitted"),
    "converged": marked("Converged"),
    "pseudo_r2": marked("Pseudo R²"),
    "r2": marked("R²"),
    "breusch_pagan_p": marked("Breusch–Pagan p"),
    "condition_number": marked("Condition number"),
    "nps": marked("Net promoter score"),
    "csat": marked("Satisfied (%)"),
    "ces": marked("Ease (1 to 10)"),
    "satisfaction": marked("Satisfaction"),
    "recommend": marked("Recommend"),
    "stay": marked("Stay"),
    "buy_again": marked("Buy again"),
    "stated_loyalty": marked("Stated loyalty"),
    "previous_quarter": marked("last quarter"),
    "year_ago": marked("the same quarter last year"),
    "other_branches": marked("the other branches"),
    "behaviour": marked("Loyal behaviour"),
    "age": marked("Age"),
    "tenure": marked("Years with us"),
    "unknown": marked("unknown"),
    "behaviour alone": marked("Behaviour alone"),
    "behaviour and attitudes": marked("Behaviour and attitudes"),
    "clustered_by": marked("Errors clustered by"),
    "link_test_p": marked("Link test p"),
    "branch_sd": marked("Between branches (log odds)"),
    "between_branches": marked("Share of variance between branches"),
    "largest_cook": marked("Largest Cook's distance"),
    "hang_on_few": marked("Terms that hang on few rows"),
    "reset_p": marked("RESET p"),
    "brant_p": marked("Brant p"),
    "dispersion": marked("Dispersion beyond Poisson"),
    "dispersion_p": marked("Dispersion p"),
    "longest": marked("Longest followed (quarters)"),
    "collinear": marked("follows from the others"),
    "separates": marked("predicts every case perfectly"),
    "has_mortgage": marked("Has a mortgage"),
}

WORDS = Words(COLUMNS, CODES, beside=CHANGES)
#: The reader's word for a code, and tables in these words.
label, table = WORDS.code, partial(any_table, words=WORDS)
#: The order in which dimensions are shown, in every language; others stand between the first and
#: the last.
FIRST = ("index", "product", "service", "process", "campaign")
LAST = ("satisfaction", "stated_loyalty", "behaviour")


def in_order(dimensions: pd.Series) -> pd.Series:
    """What to sort dimensions by: their place in the order, then their name."""
    places = {name: f"0{i}" for i, name in enumerate(FIRST)}
    places |= {name: f"2{i}" for i, name in enumerate(LAST)}
    return dimensions.map(lambda name: places.get(name, f"1{name}"))
