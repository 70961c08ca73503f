"""survey_answers and survey_items: one row per questionnaire of the quarter, with the mean score of each dimension, or every item."""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.quarters import Quarter
from analysis.sources.params import Loyalty

LOWEST, HIGHEST = 1, 10


def survey_answers(tables: dict[str, ir.Table], settings: Loyalty, quarter: Quarter) -> ir.Table:
    """The questionnaires answered in the quarter.

    Each dimension of `loyalty.items`, and `stated_loyalty`, is the mean of its answered items moved from 1–10 to 0–100;
    empty where less than half of its items were answered. Comments are not carried over.
    """
    answered = tables["surveys"].filter(
        (_.answered_on >= ibis.literal(quarter.start)) & (_.answered_on <= ibis.literal(quarter.end))
    )
    scores = tables["survey_scores"].join(answered.select("survey_id"), "survey_id")
    dimensions = {**settings.items, **({"stated_loyalty": settings.stated_loyalty} if settings.stated_loyalty else {})}
    means = {}
    for name, items in dimensions.items():
        mine = scores["item"].isin(items)
        enough = mine.sum() * 2 >= len(items)
        means[name] = ibis.ifelse(
            enough, (scores.score.mean(where=mine) - LOWEST) * 100 / (HIGHEST - LOWEST), ibis.null("float64")
        )
    by_survey = scores.group_by("survey_id").aggregate(**means)
    rows = answered.select("survey_id", "customer_id", "answered_on").join(by_survey, "survey_id")
    customers = tables["customers"].select("customer_id", "branch_id")
    return rows.join(customers, "customer_id").select(
        "customer_id", "branch_id", "survey_id", "answered_on", *dimensions, quarter=ibis.literal(str(quarter))
    )


def survey_items(tables: dict[str, ir.Table], settings: Loyalty, quarter: Quarter) -> ir.Table:
    """The questionnaires answered in the quarter with the score of every item that the params file names, as `item_…`."""
    answered = tables["surveys"].filter(
        (_.answered_on >= ibis.literal(quarter.start)) & (_.answered_on <= ibis.literal(quarter.end))
    )
    scores = tables["survey_scores"].join(answered.select("survey_id"), "survey_id")
    items = {f"item_{i}": scores.score.mean(where=scores["item"] == i) for i in settings.all_items}
    by_survey = scores.group_by("survey_id").aggregate(**items)
    rows = answered.select("survey_id", "customer_id").join(by_survey, "survey_id")
    customers = tables["customers"].select("customer_id", "branch_id")
    return rows.join(customers, "customer_id").select(
        "customer_id", "branch_id", "survey_id", *items, quarter=ibis.literal(str(quarter))
    )
