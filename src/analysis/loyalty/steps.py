"""The index of loyalty, what it is made of, and what goes with staying."""

import ibis.expr.types as ir
import pandas as pd

from analysis.loyalty.fitted import Regressions
from analysis.loyalty.index import IndexModel, scores_of_quarter
from analysis.loyalty.index import survey_index as with_index
from analysis.loyalty.nonresponse import Response, response_of_quarter
from analysis.loyalty.pathmodel import PathModelOfYear
from analysis.loyalty.shapley import Drivers
from analysis.quarters import Quarter
from analysis.steps.declaration import (
    SO_FAR,
    YEAR,
    At,
    Mart,
    Model,
    Occasion,
    Reach,
    mart,
    model,
    step,
)

QUARTERS_OF_A_YEAR = 4


def fit_quarter(at: Occasion) -> Quarter:
    """The quarter the index is weighted in: as the params file says, or the end of the first full
    year.
    """
    first_full = at.bank.quarters.first.shifted(QUARTERS_OF_A_YEAR - 1)
    return at.bank.loyalty.fit_quarter or min(first_full, at.bank.quarters.last)


def fit_year(at: Occasion) -> list[Quarter]:
    """The quarters of the bank in the year up to the one the index is weighted in."""
    last = fit_quarter(at)
    year = last.shifted(1 - QUARTERS_OF_A_YEAR).through(last)
    return [q for q in year if q in at.bank.all_quarters]


FIT_YEAR = Reach("the year of its fit", fit_year)


@step(
    per="bank",
    writes=Model("index", IndexModel),
    reads={
        "items": mart("survey_items", FIT_YEAR),
        "customers": mart("customer_quarter", FIT_YEAR),
    },
    settings=("loyalty.measurement",),
)
def index(at: At, items: ir.Table, customers: ir.Table) -> IndexModel:
    """What counts for how much in the index, estimated once."""
    from analysis.loyalty.answers import answers_with_behaviour
    from analysis.loyalty.index import fit_index

    settings, year = at.setting("loyalty.measurement"), at.reached("items")
    answers = answers_with_behaviour(items, customers, settings.behaviour)
    return fit_index(answers, settings, str(year[-1]), [str(q) for q in year])


@step(
    writes=Mart("survey_index", key=("customer_id", "survey_id")),
    reads={
        "items": mart("survey_items"),
        "customers": mart("customer_quarter"),
        "segments": mart("customer_segment"),
        "weighted": model("index"),
    },
)
def survey_index(
    at: At, items: ir.Table, customers: ir.Table, segments: ir.Table, weighted: IndexModel
) -> ir.Table:
    """Every questionnaire of a quarter with its indices, weighted to represent the customers."""
    return with_index(items, customers, segments, weighted.scheme)


@step(
    writes=Mart("index_scores", key=("branch_id", "segment", "dimension")),
    reads={"answers": mart("survey_index")},
    settings=("loyalty.blocks",),
)
def index_scores(at: At, answers: ir.Table) -> pd.DataFrame:
    """The indices of the bank, every branch and every group, with their intervals."""
    return scores_of_quarter(answers, at.setting("loyalty.blocks"), str(at.quarter))


@step(
    writes=Model("response", Response),
    reads={
        "customers": mart("customer_quarter"),
        "segments": mart("customer_segment"),
        "items": mart("survey_items"),
        "weighted": model("index"),
    },
)
def response(
    at: At, customers: ir.Table, segments: ir.Table, items: ir.Table, weighted: IndexModel
) -> Response:
    """Who answered in a quarter and who did not."""
    return response_of_quarter(customers, segments, items)


@step(
    latest=1,
    writes=Model("path_model", PathModelOfYear),
    reads={
        "items": mart("survey_items", YEAR, optional=True),
        "customers": mart("customer_quarter", YEAR),
    },
    settings=("loyalty.measurement",),
)
def path_model(at: At, items: ir.Table | None, customers: ir.Table) -> PathModelOfYear:
    """How satisfaction comes about, from the answers of the last year."""
    from analysis.loyalty.answers import answers_with_behaviour
    from analysis.loyalty.pathmodel import fit_path_model, structure_of

    settings = at.setting("loyalty.measurement")
    answers = answers_with_behaviour(items, customers, settings.behaviour)
    fitted = fit_path_model(answers, structure_of(settings), cluster="customer_id")
    return PathModelOfYear(quarters=[str(q) for q in at.reached("items")], model=fitted)


@step(
    latest=1,
    writes=Model("drivers", Drivers),
    reads={"answers": mart("survey_index", YEAR, optional=True)},
    settings=("loyalty.items",),
)
def drivers(at: At, answers: ir.Table | None) -> Drivers:
    """What drives satisfaction and stated loyalty, from the answers of the last year."""
    from analysis.loyalty.shapley import fit_drivers

    return fit_drivers(answers, list(at.setting("loyalty.items")))


@step(
    latest=1,
    writes=Model("regressions", Regressions),
    reads={
        "customers": mart("customer_quarter", SO_FAR),
        "answers": mart("survey_index", SO_FAR, optional=True),
        "items": mart("survey_items", SO_FAR, optional=True),
        "left": mart("customer_left", SO_FAR, optional=True),
    },
    settings=("loyalty.measurement",),
)
def regressions(
    at: At,
    customers: ir.Table,
    answers: ir.Table | None,
    items: ir.Table | None,
    left: ir.Table | None,
) -> Regressions:
    """What goes with staying, stated loyalty, recommending, time until leaving and products."""
    from analysis.loyalty.regressions import fit_regressions

    settings = at.setting("loyalty.measurement")
    return fit_regressions(customers, answers, items, left, at.so_far, settings)
