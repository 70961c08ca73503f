"""Who is who: which records are one customer, and what is known of each."""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from analysis.identification.fitted import Identified, IdentityModel
from analysis.identification.records import IDENTITY_RECORD, record_rows
from analysis.steps.declaration import (
    MERGED_CUSTOMER,
    SAME_CUSTOMER,
    At,
    Frames,
    Mart,
    Model,
    Rows,
    frames,
    model,
    own,
    rows,
    step,
    table,
)


@step(
    per="bank",
    writes=Model("identity_model", IdentityModel),
    reads={"customers": table("customers", delivered=True)},
    settings=("identification",),
)
def identity_model(at: At, customers: ir.Table) -> IdentityModel | None:
    """How much agreement in each column says that two records are the same customer, learnt without
    answers.
    """
    from analysis.identification.compared import KINDS
    from analysis.identification.matching import put, trained

    settings = at.setting("identification")
    if not settings.used:
        return None
    if settings.trained_until:
        day = ibis.date(settings.trained_until.isoformat())
        customers = customers.filter(customers.since.isnull() | (customers.since <= day))
    learnt = {
        name: trained(at.engine, put(at.engine, customers, kind), kind)
        for name, kind in KINDS.items()
    }
    until = settings.trained_until.isoformat() if settings.trained_until else None
    return IdentityModel(
        trained_until=until, kinds={name: made for name, made in learnt.items() if made}
    )


@step(
    per="bank",
    writes=(
        Rows(SAME_CUSTOMER, key=("customer_id",)),
        Rows(MERGED_CUSTOMER, key=("customer_id",)),
        Rows("identity_mark", key=("customer_id",)),
        Frames("identity"),
        Model("identified", Identified),
    ),
    reads={
        "customers": table("customers", delivered=True),
        "reviews": table("identity_reviews", optional=True),
        "learnt": model("identity_model", optional=True),
        "marks_before": own("rows", "identity_mark"),
        "before": own("frames", "identity"),
    },
    settings=("identification", "as_of"),
)
def customer_identity(
    at: At,
    customers: ir.Table,
    reviews: ir.Table | None,
    learnt: IdentityModel | None,
    marks_before: ir.Table | None,
    before: dict[str, pd.DataFrame] | None,
) -> tuple[
    ir.Table | None,
    ir.Table | None,
    ir.Table | None,
    dict[str, pd.DataFrame],
    Identified,
]:
    """Which records are the same customer; only new and changed ones are compared again."""
    from analysis.identification.identify import as_delivered, identify, nothing_found

    settings = at.setting("identification")
    if learnt is None or not learnt.kinds:
        why_not = "off" if not settings.used else "too_few"
        return None, None, None, nothing_found(), as_delivered(customers, why_not)
    day: date = at.setting("as_of") or date.today()
    found = identify(
        at.engine, customers, reviews, learnt, settings, day, at.so_far, marks_before, before
    )
    if found.keys.empty:
        return None, None, found.marks, found.frames, found.summary
    same = at.engine.create_table("identity__same", found.keys, temp=True)
    merged = at.engine.create_table(
        "identity__merged", found.merged, schema=customers.schema(), temp=True
    )
    return same, merged, found.marks, found.frames, found.summary


@step(
    latest=1,
    writes=Mart("identity_record", key=("customer_key", "customer_id"), schema=IDENTITY_RECORD),
    reads={
        "customers": table("customers", delivered=True),
        "identity": frames("identity"),
        "same": rows(SAME_CUSTOMER, optional=True),
    },
)
def identity_record(
    at: At, customers: ir.Table, identity: dict[str, pd.DataFrame], same: ir.Table | None
) -> pd.DataFrame:
    """Records that are one customer, or may be, by branch, with what speaks for it."""
    keys = same.to_pandas() if same is not None else None
    return record_rows(customers, identity, keys)
