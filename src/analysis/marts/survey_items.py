"""survey_items: one row per questionnaire of the quarter, with the score of every item that the
params file names.
"""

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.quarters import Quarter


def survey_items(tables: dict[str, ir.Table], names: list[str], quarter: Quarter) -> ir.Table:
    """The questionnaires answered in the quarter.

    names: items that the params file names. Returns
    customer_id, branch_id, survey_id: text
    item_…: float, the score of each item, as on its scale
    quarter: text
    """
    answered = tables["surveys"].filter(
        (_.answered_on >= ibis.literal(quarter.start))
        & (_.answered_on <= ibis.literal(quarter.end))
    )
    scores = tables["survey_scores"].join(answered.select("survey_id"), "survey_id")
    items = {f"item_{i}": scores.score.mean(where=scores["item"] == i) for i in names}
    by_survey = scores.group_by("survey_id").aggregate(**items)
    rows = answered.select("survey_id", "customer_id").join(by_survey, "survey_id")
    customers = tables["customers"].select("customer_id", "branch_id")
    return rows.join(customers, "customer_id").select(
        "customer_id", "branch_id", "survey_id", *items, quarter=ibis.literal(str(quarter))
    )
