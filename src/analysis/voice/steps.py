"""What customers wrote, and what they have been through when they are content or not."""

import ibis.expr.types as ir
import pandas as pd

from analysis.steps.declaration import SO_FAR, YEAR, At, Mart, Model, Sample, mart, step, table
from analysis.voice.fitted import Associations, Comments

#: Texts of a quarter that are looked at together with what their writers went through.
TEXTS = Sample(200_000, by="text_id")


@step(
    latest=1,
    writes=[Mart("comment_theme", key=("text_id",)), Model("comments", Comments)],
    reads={
        "customers": table("customers"),
        "surveys": table("surveys", optional=True),
        "complaints": table("complaints", optional=True),
        "answers": mart("survey_index", SO_FAR, optional=True),
    },
    settings=("loyalty.low_score",),
)
def comments(
    at: At,
    customers: ir.Table,
    surveys: ir.Table | None,
    complaints: ir.Table | None,
    answers: ir.Table | None,
) -> tuple[pd.DataFrame | None, Comments]:
    """What customers wrote in the last quarters, by theme and without what says who they are."""
    from analysis.voice.texts import read_texts, with_themes

    texts = read_texts(customers, surveys, complaints, answers, at.so_far)
    themed, how_many = with_themes(texts, at.setting("loyalty.low_score"))
    return themed.assign(quarter=str(at.quarter)) if len(themed) else None, how_many


@step(
    latest=1,
    writes=Model("associations", Associations),
    reads={
        "answers": mart("survey_index", YEAR, optional=True),
        "customers": mart("customer_quarter"),
        "events": mart("customer_event", YEAR, optional=True),
        "contacts": table("contacts", optional=True),
        "texts": mart("comment_theme", optional=True, sample=TEXTS),
    },
    settings=("loyalty.measurement", "min_cell"),
)
def associations(
    at: At,
    answers: ir.Table | None,
    customers: ir.Table,
    events: ir.Table | None,
    contacts: ir.Table | None,
    texts: pd.DataFrame | None,
) -> Associations:
    """What customers have or went through that goes with a feeling."""
    from analysis.voice.associations import associations as associated
    from analysis.voice.experience import facts_and_feelings
    from analysis.voice.texts import THEMED

    themed = pd.DataFrame(columns=list(THEMED)) if texts is None else texts
    lived_through = facts_and_feelings(
        answers,
        customers,
        events,
        contacts,
        themed.sort_values("text_id", ignore_index=True),
        at.reached("answers"),
        at.setting("loyalty.measurement"),
    )
    return associated(lived_through, at.setting("min_cell"))
