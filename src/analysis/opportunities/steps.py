"""What customers hold, what else they would take, and the offers of a quarter."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.changes.calls import (
    ABOUT_EVENT,
    TO_SAVE,
    answers,
    contacted,
    not_to_be_called,
    says_consent,
    with_consent_settled,
)
from analysis.marts.rows import names_in
from analysis.opportunities.fitted import Likeness, Offers, Patterns, Propensity, UnmetNeeds
from analysis.opportunities.held import products_held
from analysis.opportunities.offers import (
    OFFER,
    OFFERED,
    offers_of_branch,
    rejected_by,
    room_of,
)
from analysis.opportunities.rules import first_failed, of_all_products, refused
from analysis.steps.declaration import (
    BEFORE,
    SO_FAR,
    At,
    Mart,
    Model,
    Sample,
    last,
    mart,
    step,
    table,
)


@step(
    writes=Mart("customer_product", key=("customer_id", "product_id")),
    reads={"customers": mart("customer_quarter"), "holdings": table("holdings")},
)
def customer_product(at: At, customers: ir.Table, holdings: ir.Table) -> ir.Table:
    """Which product every customer holds, and since when."""
    return products_held(customers, holdings, at.quarter)


@step(
    latest=1,
    writes=Model("product_patterns", Patterns),
    reads={"held": mart("customer_product", sample=Sample(600_000, "customer_id"))},
)
def product_patterns(at: At, held: pd.DataFrame) -> Patterns:
    """Which products follow which, and which are held together."""
    from analysis.opportunities.patterns import patterns

    return patterns(held)


@step(
    latest=2,  # the chances of the quarter before are held against what came
    writes=[
        Mart("customer_propensity", key=("customer_id", "product_id")),
        Model("propensity", Propensity),
    ],
    reads={
        "customers": mart("customer_quarter", SO_FAR),
        "held": mart("customer_product", SO_FAR),
        "events": mart("customer_event", SO_FAR, optional=True),
        "complaints": table("complaints", optional=True),
        "surveyed": mart("survey_index", SO_FAR, optional=True),
        "staff": table("staff", optional=True),
        "follow_ups": table("follow_ups", optional=True),
        "leads": table("leads", optional=True),
    },
    settings=("offers", "events.name", "retention.capacity"),
)
def customer_propensity(
    at: At,
    customers: ir.Table,
    held: ir.Table,
    events: ir.Table | None,
    complaints: ir.Table | None,
    surveyed: ir.Table | None,
    staff: ir.Table | None,
    follow_ups: ir.Table | None,
    leads: ir.Table | None,
) -> tuple[ir.Table | None, Propensity]:
    """The chance of every active customer to take up what is offered in the next quarter."""
    from analysis.opportunities.propensity import (
        chances_of,
        fit_propensity,
        known_of,
        with_taken,
    )
    from analysis.retention.hazard import History

    settings, quarter = at.setting("offers"), str(at.quarter)
    values = {p.product: p.value for p in settings.products}
    if not values:
        return None, Propensity(quarter=quarter, products={}, compared=[])
    products = _all_products(held, list(values))
    told = None if follow_ups is None else answers(follow_ups, leads)
    history = History(customers, events, complaints, surveyed, at.setting("events.name"), told)
    rows = with_taken(history, held, at.so_far, products)
    rooms = [r for _b, r in _rooms(staff, settings, at.setting("retention.capacity"), held)]
    capacity = sum(sum(room.offers.values()) for room in rooms)
    fitted = fit_propensity(rows, values, quarter, max(capacity, 1))
    known = known_of(history, held, at.quarter, products)
    if known is None or not fitted.fitted:
        return None, fitted
    return chances_of(known, fitted.fitted, quarter), fitted


def _all_products(held: ir.Table, offered: list[str]) -> list[str]:
    """The products that are held or offered, in order."""
    return sorted({*names_in(held, "product_id"), *offered})


def _rooms(
    staff: ir.Table | None, settings: Any, otherwise: int, held: ir.Table
) -> Iterator[tuple[str, Any]]:
    """What every branch can do for offers in a quarter, by branch."""
    members = pd.DataFrame() if staff is None else staff.order_by("staff_id").to_pandas()
    for branch in names_in(held, "branch_id"):
        own = members[members["branch_id"] == branch] if len(members) else members
        yield branch, room_of(own, settings, otherwise)


@step(
    latest=2,
    writes=[
        Mart("customer_offer", key=("customer_id", "product_id")),
        Model("offers", Offers),
    ],
    reads={
        "chances": mart("customer_propensity"),
        "customers": mart("customer_quarter"),
        "before": mart("customer_quarter", BEFORE, optional=True),
        "segments": mart("customer_segment"),
        "held": mart("customer_product"),
        "calls": mart("customer_call", optional=True),
        "events": mart("customer_event", optional=True),
        "alerts": mart("risk_alert", optional=True),
        "parties": mart("risk_party", optional=True),
        "staff": table("staff", optional=True),
        "contacts": table("contacts", optional=True),
        "follow_ups": table("follow_ups", optional=True),
        "leads": table("leads", optional=True),
    },
    settings=("offers", "retention.capacity", "events.name", "events.expect"),
)
def customer_offer(
    at: At,
    chances: ir.Table,
    customers: ir.Table,
    before: ir.Table | None,
    segments: ir.Table,
    held: ir.Table,
    **others: ir.Table | None,
) -> tuple[ir.Table | None, Offers]:
    """What every customer is offered, by whom, and why everything else is not."""
    settings, con = at.setting("offers"), at.engine
    consent = says_consent(customers)
    customers = with_consent_settled(customers)
    own_rules = con.create_table(
        "offers__rules", first_failed(customers, before, settings), temp=True, overwrite=True
    )
    pairs = _with_similar(chances.drop("quarter"), held, segments)
    pairs = pairs.left_join(own_rules.drop("branch_id"), ["customer_id", "product_id"]).select(
        *pairs.columns, failed=_.failed.fill_null("")
    )
    pairs = con.create_table("offers__pairs", pairs, temp=True, overwrite=True)
    in_alerts = not_to_be_called(others["alerts"], others["parties"])
    to_be_saved = _on_list(others["calls"], TO_SAVE)
    with_event = _with_event(at, others["events"], others["calls"])
    contacts = _contacts(at, others)
    declined = _declined(others["follow_ups"], others["leads"], at)
    made, assigned, rejected = None, [], []
    passed: Counter[str] = Counter(dict.fromkeys((p.product for p in settings.products), 0))
    for branch, room in _rooms(others["staff"], settings, at.setting("retention.capacity"), held):
        own = pairs.filter(_.branch_id == branch).order_by("customer_id", "product_id").to_pandas()
        if own.empty:
            continue
        people = customers.filter(_.branch_id == branch).order_by("customer_id").to_pandas()
        by_id = people.set_index("customer_id")
        common = of_all_products(
            own,
            consent=by_id["consent"],
            in_alerts=in_alerts,
            to_be_saved=to_be_saved,
            with_event=with_event,
            contacts=contacts,
            most_contacts=settings.most_contacts,
            declined=declined,
        )
        own["failed"] = own["failed"].where(common == "", common)
        managers = by_id["manager_id"].dropna().to_dict()
        rows, figures = offers_of_branch(own, managers, room, settings, at.quarter)
        assigned.append(figures)
        passed.update(rows.loc[rows["failed"] == "", "product_id"])
        rejected.append(rows.loc[rows["failed"] != "", ["failed", "product_id"]])
        if made is None:
            made = con.create_table(
                "offers__made", schema=ibis.schema(OFFER), temp=True, overwrite=True
            )
        con.insert("offers__made", rows)
    out = pd.concat(rejected) if rejected else pd.DataFrame(columns=["failed", "product_id"])
    return made, Offers(
        quarter=str(at.quarter),
        consent=consent,
        passed=dict(sorted(passed.items())),
        rejected=rejected_by(out),
        assigned=assigned,
    )


def _with_similar(chances: ir.Table, held: ir.Table, segments: ir.Table) -> ir.Table:
    """The chances with the share of the customers of the same type and group who hold the
    product.
    """
    groups = segments.select("customer_id", "customer_type", "segment")
    of_group = groups.group_by("customer_type", "segment").aggregate(n=_.count())
    holders = (
        groups.inner_join(held.select("customer_id", "product_id"), "customer_id")
        .group_by("customer_type", "segment", "product_id")
        .aggregate(holders=_.count())
    )
    shares = holders.inner_join(of_group, ["customer_type", "segment"]).select(
        "customer_type", "segment", "product_id", similar_hold=_.holders / _.n
    )
    rows = chances.inner_join(groups, "customer_id").left_join(
        shares, ["customer_type", "segment", "product_id"]
    )
    return rows.select(*chances.columns, similar_hold=_.similar_hold.fill_null(0.0))


def _with_event(at: At, events: ir.Table | None, calls: ir.Table | None) -> set[str]:
    """Who had an event that is watched for leaving, or is called about any: the call is to be about
    that.
    """
    names, expect = at.setting("events.name"), at.setting("events.expect")
    leaving = [n for n, what in zip(names, expect, strict=True) if what == "churn"]
    called = _on_list(calls, ABOUT_EVENT)
    if events is None or not leaving:
        return called
    return called | set(names_in(events.filter(_.event.isin(leaving)), "customer_id"))


def _contacts(at: At, others: dict[str, ir.Table | None]) -> pd.Series:
    """Customer to the contacts of the quarter, over all campaigns, channels and lists."""
    return contacted(others["contacts"], others["follow_ups"], others["leads"], at.quarter)


def _on_list(calls: ir.Table | None, name: str) -> set[str]:
    """Who stands on a list of customers to be called."""
    if calls is None:
        return set()
    return set(names_in(calls.filter(_.list == name), "customer_id"))


@step(
    latest=2,  # what became of the list of the quarter before is told
    writes=[Mart("customer_likeness", key=("customer_id",)), Model("likeness", Likeness)],
    reads={
        "of_bank": table("customers"),
        "customers": mart("customer_quarter"),
        "before": mart("customer_quarter", BEFORE, optional=True),
        "holdings": table("holdings"),
        "offers": mart("customer_offer", optional=True),
        "calls": mart("customer_call", optional=True),
        "events": mart("customer_event", optional=True),
        "alerts": mart("risk_alert", optional=True),
        "parties": mart("risk_party", optional=True),
        "contacts": table("contacts", optional=True),
        "follow_ups": table("follow_ups", optional=True),
        "leads": table("leads", optional=True),
    },
    settings=("offers", "events.name", "events.expect"),
)
def customer_likeness(
    at: At,
    of_bank: ir.Table,
    customers: ir.Table,
    before: ir.Table | None,
    holdings: ir.Table,
    offers: ir.Table | None,
    **others: ir.Table | None,
) -> tuple[ir.Table | None, Likeness]:
    """Who may become a customer of what is offered, by likeness to those who hold it."""
    from analysis.opportunities.lookalikes import (
        LIKENESS,
        everybody,
        fit_likeness,
        held_at_the_end,
        likeness_of,
        not_eligible,
        potential_of_branch,
        sample_of,
        with_potential,
    )

    settings, con = at.setting("offers"), at.engine
    products, told = [p.product for p in settings.products], {"quarter": str(at.quarter)}
    people = everybody(of_bank, customers, at.quarter)
    people = con.create_table("likeness__people", people, temp=True, overwrite=True)
    consent = says_consent(people)
    if not products:
        return None, Likeness(**told, consent=consent, models=[])
    held = held_at_the_end(holdings, at.quarter)
    models = fit_likeness(sample_of(people, held, products), products)
    pairs = likeness_of(people, held, models)
    if pairs is None:
        return None, Likeness(**told, consent=consent, models=models)
    if (barred := not_eligible(people, before, settings.products)) is not None:
        pairs = pairs.anti_join(barred, ["customer_id", "product_id"])
    pairs = con.create_table("likeness__pairs", pairs, temp=True, overwrite=True)
    same_for_all: dict[str, Any] = {
        "in_alerts": not_to_be_called(others["alerts"], others["parties"]),
        "to_be_saved": _on_list(others["calls"], TO_SAVE),
        "with_event": _with_event(at, others["events"], others["calls"]) | _with_offer(offers),
        "contacts": _contacts(at, others),
        "most_contacts": settings.most_contacts,
        "declined": _declined(others["follow_ups"], others["leads"], at),
    }
    made, counted = None, Counter[tuple[str, ...]]()
    for branch in names_in(pairs, "branch_id"):
        own = pairs.filter(_.branch_id == branch).order_by("customer_id", "product_id").to_pandas()
        agreed = people.filter(_.branch_id == branch).select("customer_id", "consent").to_pandas()
        agreed = agreed.set_index("customer_id")["consent"].astype("boolean")
        excluded = partial(
            of_all_products,
            # where anybody was asked, who was not has not agreed
            consent=agreed.fillna(not consent),
            **same_for_all,
        )
        listed, of_branch = potential_of_branch(own, settings, at.quarter, excluded)
        counted.update(of_branch)
        if made is None:
            made = con.create_table(
                "likeness__listed", schema=ibis.schema(LIKENESS), temp=True, overwrite=True
            )
        if len(listed):
            con.insert("likeness__listed", listed)
    return made, Likeness(**told, consent=consent, models=with_potential(models, counted))


def _with_offer(offers: ir.Table | None) -> set[str]:
    """Who is made an offer."""
    if offers is None:
        return set()
    return set(names_in(offers.filter(_.decision == OFFERED), "customer_id"))


def _declined(follow_ups: ir.Table | None, leads: ir.Table | None, at: At) -> pd.DataFrame:
    """customer_id and product_id of what was declined in the last quarters."""
    if follow_ups is None:
        return pd.DataFrame(columns=["customer_id", "product_id"])
    quarters = at.setting("offers").refused_quarters
    return refused(answers(follow_ups, leads), at.quarter, quarters)


@step(
    latest=1,
    writes=Model("unmet_needs", UnmetNeeds),
    reads={
        "customers": mart("customer_quarter", SO_FAR),
        "transactions": table("transactions", last(2)),
        "holders": table("account_holders"),
        "held": mart("customer_product", optional=True),
    },
    settings=("offers.unmet", "value.deposit_margin", "value.lending_margin", "min_cell"),
)
def unmet_needs(
    at: At,
    customers: ir.Table,
    transactions: ir.Table,
    holders: ir.Table,
    held: ir.Table | None,
) -> UnmetNeeds:
    """Customers with a need that no product of theirs meets, and the product nearest to them."""
    from analysis.opportunities import unmet

    settings = at.setting("offers.unmet")
    patterns = {
        unmet.IDLE: unmet.idle(customers, at.quarter, settings),
        unmet.PAYS_ANOTHER: unmet.pays_another(
            customers, transactions, holders, at.quarter, settings
        ),
        unmet.SEASONAL: unmet.seasonal(customers, at.quarter, settings),
    }
    worth = {
        unmet.IDLE: at.setting("value.deposit_margin"),
        unmet.PAYS_ANOTHER: at.setting("value.deposit_margin"),
        unmet.SEASONAL: at.setting("value.lending_margin") / 4,  # for a quarter
    }
    return unmet.needs(
        patterns, customers, held, at.quarter, worth, at.setting("min_cell"), at.engine
    )
