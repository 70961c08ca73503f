"""Tables of regressions as every report shows them."""

import pandas as pd

from analysis.language import Impossible, because, say
from analysis.loyalty.fitted import Regression
from analysis.loyalty.regression_tables import diagnostics, nested_table
from analysis.loyalty.words import table
from analysis.report.table import Table

MORE = {"term": "code", "more": "points [more_low, more_high]", "estimate": "points [low, high]"}


def nested_models(fit: Regression | Impossible) -> Table:
    """What attitudes add to behaviour, or why that cannot be told."""
    return table(
        nested_table(fit),
        say("What attitudes add to behaviour"),
        {
            "model": "code",
            "predictors": "count",
            "aic": "count",
            "bic": "count",
            "pseudo_r2": "number",
            "p": "p",
        },
        empty=because(fit),
    )


def trust(fit: Regression | Impossible, title: str = "") -> Table:
    """How far a regression can be trusted, or why there is none."""
    return table(
        diagnostics(fit),
        title or say("How far this model can be trusted"),
        {"measure": "code", "result": "text"},
        empty=because(fit),
    )


def more_of(terms: pd.DataFrame, fit: Regression | Impossible, title: str) -> Table:
    """How much more goes with each term; terms: as from `term_table`, with the effect `more`."""
    return table(terms, title, {**MORE, "p": "p"}, empty=because(fit))
