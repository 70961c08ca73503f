"""Which counts of a quarter no page may show."""

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.disclosure.counts import KEY, WITHHELD, Counts
from analysis.partition import ALL
from analysis.segmentation.scoring import DORMANT, LEFT, NEW
from analysis.steps.declaration import BEFORE, SO_FAR, At, Mart, mart, step
from analysis.voice.fitted import COMPLAINT

MEASURES = ("nps", "csat", "ces")


@step(
    writes=Mart("withheld", key=tuple(KEY), schema=WITHHELD),
    reads={
        "segments": mart("customer_segment"),
        "customers": mart("customer_quarter", SO_FAR),
        "moves": mart("customer_move", optional=True),
        "events": mart("customer_event", optional=True),
        "left": mart("customer_left", optional=True),
        "scores": mart("index_scores", optional=True),
        "items": mart("survey_items", optional=True),
        "held": mart("customer_product", optional=True),
        "before": mart("withheld", BEFORE, optional=True),
    },
    settings=("min_cell", "loyalty.nps", "loyalty.csat", "loyalty.ces"),
)
def withheld(
    at: At,
    segments: ir.Table,
    customers: ir.Table,
    moves: ir.Table | None,
    events: ir.Table | None,
    left: ir.Table | None,
    scores: ir.Table | None,
    items: ir.Table | None,
    held: ir.Table | None,
    before: ir.Table | None,
) -> pd.DataFrame:
    """Which counts are withheld, so that no small one follows from all pages together."""
    counts = Counts(at.setting("min_cell"))
    _add_groups(counts, segments, customers, str(at.quarter))
    if moves is not None:
        _add_moves(counts, moves)
    if events is not None:
        counts.add("event", _counted(events, "event"), "event")
    if left is not None:
        counts.add("active_before", _counted(left))
        gone = left.group_by("branch_id").aggregate(count=_.left.sum()).order_by("branch_id")
        counts.add("left", gone.to_pandas())
    if scores is not None:
        of_branches = scores.filter(_.branch_id != ALL).to_pandas()
        counts.add("answers", of_branches.rename(columns={"n": "count"}), "segment", "dimension")
    if items is not None:
        for measure in MEASURES:
            if item := at.setting(f"loyalty.{measure}"):
                answered = items.drop_null([f"item_{item}"])
                counts.add("measure", _counted(answered).assign(measure=measure), "measure")
    if held is not None:
        _add_holders(counts, held, segments)
    hidden_before = pd.DataFrame(columns=list(KEY)) if before is None else before.to_pandas()
    return counts.hidden(hidden_before).assign(quarter=str(at.quarter))[list(WITHHELD)]


@step(
    latest=1,  # as the texts are
    writes=Mart("withheld_texts", key=tuple(KEY), schema=WITHHELD),
    reads={"texts": mart("comment_theme")},
    settings=("min_cell",),
)
def withheld_texts(at: At, texts: ir.Table) -> pd.DataFrame:
    """Which counts of comments and complaints are withheld."""
    counts, by = Counts(at.setting("min_cell")), ("language", "theme")
    themed = texts.filter(_.theme != "")
    for table, some in (
        ("comments", themed.filter(_.source != COMPLAINT)),
        ("complaints", themed.filter(_.source == COMPLAINT)),
    ):
        by_quarter = _counted(some, *by, "said_in").rename(columns={"language": "customer_type"})
        counts.add(table, by_quarter, "theme", "said_in")
    hidden = counts.hidden(pd.DataFrame(columns=list(KEY)))
    return hidden.assign(quarter=str(at.quarter))[list(WITHHELD)]


def _counted(rows: ir.Table, *by: str) -> pd.DataFrame:
    """How many rows there are of each branch and of the columns: branch_id, the columns, count."""
    keys = ["branch_id", *by]
    return rows.group_by(keys).aggregate(count=_.count()).order_by(keys).to_pandas()


def _add_groups(counts: Counts, segments: ir.Table, customers: ir.Table, quarter: str) -> None:
    counts.add("customers", _counted(segments))
    counts.add("type", _counted(segments, "customer_type"))
    counts.add("group", _counted(segments, "customer_type", "segment"), "segment")
    active = segments.filter(_.segment != DORMANT)
    counts.add("active", _counted(active))
    counts.add("active_type", _counted(active, "customer_type"))
    borrow = customers.filter((_.quarter == quarter) & (_.debt > 0))
    late = borrow.filter(_.in_arrears)
    ever_active = customers.filter(_.active).select("customer_id").distinct()
    for table, some in (("borrowers", borrow), ("late", late), ("valued", ever_active)):
        of_group = segments.semi_join(some, "customer_id")
        counts.add(table, _counted(of_group, "customer_type", "segment"), "segment")


def _add_holders(counts: Counts, held: ir.Table, segments: ir.Table) -> None:
    """How many hold each product, and how many do not: few of either would be told by the other."""
    holders = _counted(held, "product_id")
    counts.add("holders", holders, "product_id")
    customers = _counted(segments).set_index("branch_id")["count"]
    lacking = holders["branch_id"].map(customers) - holders["count"]
    counts.add("lacking", holders.assign(count=lacking)[lacking > 0], "product_id")
    counts.add("new_holders", _counted(held.filter(_.new), "product_id"), "product_id")


def _add_moves(counts: Counts, moves: ir.Table) -> None:
    there = moves.filter(_.was != NEW)
    counts.add("move", _counted(moves, "customer_type", "was", "became"), "was", "became")
    counts.add("origin", _counted(there, "customer_type", "was"), "was")
    in_both = there.filter(_.became != LEFT)
    counts.add("in_both", _counted(in_both))
    counts.add("moved", _counted(in_both.filter(_.was != _.became)))
