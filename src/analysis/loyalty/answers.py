"""What the models of loyalty are fitted to: answers with the behaviour of who gave them, and with
what came of it.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.loyalty.pathmodel import MOST_ANSWERS
from analysis.marts.rows import rows_of
from analysis.quarters import Quarter
from analysis.sources.params import Loyalty

SAMPLE = 20_000  # customers with an answer a quarter in the regressions
BEHAVIOUR_COLUMNS = ("tenure_years", "products_held", "has_mortgage", "transactions", "balance_end")


def answers_with_behaviour(
    items: ir.Table | None, customers: ir.Table | None, behaviour: Sequence[str]
) -> pd.DataFrame:
    """The answers to every item with the behaviour of the quarter; at most 20,000, chosen by the
    hash of their identifier.

    items, customers: survey_items and customer_quarter of the same quarters. behaviour: columns of
    customer_quarter. Empty without either.
    """
    if items is None or customers is None:
        return pd.DataFrame()
    if behaviour:
        shown = customers.select("customer_id", "quarter", *behaviour)
        items = items.left_join(shown, ["customer_id", "quarter"]).drop(
            "customer_id_right", "quarter_right"
        )
    answers = items.order_by([_.survey_id.hash(), _.survey_id]).limit(MOST_ANSWERS).to_pandas()
    return answers.astype(dict.fromkeys(behaviour, float))


def answers_with_outcome(
    customers: ir.Table,
    index: ir.Table | None,
    items: ir.Table | None,
    left: ir.Table | None,
    quarters: Sequence[Quarter],
    settings: Loyalty,
) -> pd.DataFrame:
    """Each answering customer's indices of a quarter with behaviour in it, and whether it stayed
    through the next.

    customers, index, items, left: customer_quarter, survey_index, survey_items and customer_left of
    all the quarters; None where the bank delivers nothing for them. A row per active customer with
    an answer and quarter (per active customer and quarter where there are no surveys); a bank-wide
    sample of at most 20,000 customers a quarter, chosen by the hash of their identifier. Returns
    customer_id, branch_id, quarter: text
    BEHAVIOUR_COLUMNS: as in customer_quarter
    the blocks of the questionnaire: float, 0–100
    recommend: float, the answer that the net promoter score is made of
    stayed: bool, through the next quarter; empty where that is not known yet
    """
    blocks = settings.blocks if index is not None else []
    by_quarter = [
        _with_outcome(
            rows_of(customers, q),
            rows_of(index, q),
            rows_of(items, q),
            rows_of(left, q.shifted(1)) if q.shifted(1) in quarters else None,
            blocks,
            settings.nps,
        )
        for q in quarters
    ]
    # an empty table has no types of its own and would take those of the others away
    return pd.concat([r for r in by_quarter if len(r)] or by_quarter[:1], ignore_index=True)


def _with_outcome(
    customers: ir.Table | None,
    index: ir.Table | None,
    items: ir.Table | None,
    left: ir.Table | None,
    blocks: Sequence[str],
    nps: str,
) -> pd.DataFrame:
    """The rows of one quarter; left: customer_left of the next."""
    own = ["customer_id", "branch_id", "quarter", *BEHAVIOUR_COLUMNS]
    if customers is None or (index is None and blocks):
        return pd.DataFrame(columns=[*own, *blocks, "recommend", "stayed"])
    answering = customers.filter(_.active).select(*own)
    if index is not None:
        felt = index.group_by("customer_id").aggregate(**{b: _[b].mean() for b in blocks})
        answering = felt.join(answering, "customer_id")
    answering = _with_recommending(answering, items, nps)
    if left is None:
        answering = answering.mutate(stayed=ibis.null("boolean"))
    else:
        answering = answering.left_join(left.select("customer_id", "left"), "customer_id")
        answering = answering.drop("customer_id_right").mutate(stayed=~_.left).drop("left")
    return answering.order_by([_.customer_id.hash(), _.customer_id]).limit(SAMPLE).to_pandas()


def _with_recommending(answering: ir.Table, items: ir.Table | None, item: str) -> ir.Table:
    """The rows with the answer to the question of recommending."""
    if items is None or not item:
        return answering.mutate(recommend=ibis.null("float64"))
    said = items.group_by("customer_id").aggregate(recommend=_[f"item_{item}"].mean().round(0))
    return answering.left_join(said, "customer_id").drop("customer_id_right")


def followed(
    answers: pd.DataFrame, left: ir.Table | None, quarters: Sequence[Quarter]
) -> pd.DataFrame:
    """Each customer at its first answer.

    answers: as from `answers_with_outcome`. left: customer_left of the quarters. Returns the
    columns of the answers, and
    followed: float, quarters it is known for after it
    event: bool, whether it left in the last of them
    """
    first = answers.sort_values(["quarter", "customer_id"]).drop_duplicates("customer_id").copy()
    departures: dict[str, str] = {}
    if left is not None:
        gone = left.filter(_.left).group_by("customer_id").aggregate(quarter=_.quarter.min())
        departures = gone.to_pandas().set_index("customer_id")["quarter"].to_dict()
    number = {str(q): i for i, q in enumerate(quarters)}
    start = first["quarter"].map(number).to_numpy(dtype=float)
    end = first["customer_id"].map(departures).map(number).to_numpy(dtype=float)
    gone_after = ~np.isnan(end) & (end > start)
    first["event"] = gone_after
    first["followed"] = np.where(gone_after, end, len(quarters) - 1) - start
    return first
