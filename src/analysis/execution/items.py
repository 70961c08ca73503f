"""What was handed to staff in a quarter, entry by entry: offers, calls so that customers stay,
events to act on, and alerts to decide; and what became of each.

All of it is worked out where the rows are. The lists are those of the quarter before: as the bank
says it handed them over (`leads`), or else as they were worked out.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.changes.calls import ABOUT_EVENT, ENTRY, TO_SAVE, due_on
from analysis.changes.calls import EVENT as OF_EVENTS
from analysis.changes.calls import OFFER as OF_OFFERS
from analysis.opportunities.offers import HELD_BACK as NOT_OFFERED
from analysis.opportunities.offers import OFFERED
from analysis.quarters import Quarter
from analysis.sources.params import Execution

#: Kinds of entries; one kept without offer by lot is handed to nobody.
OFFER, LOOKALIKE, SAVE, EVENT, ALERT = "offer", "lookalike", "save", "event", "alert"
HELD_BACK = "held_back"
NEAR = 1e-4  # of 0 or 1, that no chance counts as nearer
#: Those that are about a product.
OF_PRODUCTS = (OFFER, LOOKALIKE, HELD_BACK)
#: Outcomes that say that whoever was meant was spoken with, or an alert decided.
DONE = ("sold", "declined", "reached", "confirmed", "cleared")
#: An entry as it was handed over: column to its type.
#: staff_id: to whom; empty for whoever is there.
#: event: of an entry about one, its name; empty where it is not known.
#: chance: of success, as it was told; empty where none was.
#: worth: of a success; at_stake: what was expected of it, of an alert the amount; in the bank's
#: currency, empty where unknown.
ITEM = {
    "subject_id": "string",
    "kind": "string",
    "customer_id": "string",
    "branch_id": "string",
    "staff_id": "string",
    "product_id": "string",
    "event": "string",
    "handed_on": "date",
    "due_on": "date",
    "chance": "float64",
    "worth": "float64",
    "at_stake": "float64",
}
#: And what became of it by the end of the quarter.
#: outcome: the last; empty where nobody did anything. done_by: who did it first.
#: first_on: day of the first follow-up; followed: whether there is one, in_time: by the day it was
#: due; done: whether the customer was spoken with, or the alert decided.
#: success: whether the product was taken up, the customer is still active, or the alert decided;
#: empty where that cannot be known.
WORK = {
    **ITEM,
    "outcome": "string",
    "first_on": "date",
    "done_by": "string",
    "followed": "boolean",
    "in_time": "boolean",
    "done": "boolean",
    "success": "boolean",
    "quarter": "string",
}
#: Why a follow-up is not counted: it names no entry of a list, was done before the entry was
#: handed over, or is there already.
NO_SUCH, EARLY, TWICE = "no_such_entry", "before_handed", "twice"
ENTRY_QUARTER = r"^[LVE]:(\d{4}Q[1-4]):"
#: A follow-up that is not counted: column to its type.
ASIDE = {
    "follow_up_id": "string",
    "subject_id": "string",
    "staff_id": "string",
    "branch_id": "string",
    "done_on": "date",
    "outcome": "string",
    "reason": "string",
    "quarter": "string",
}


def as_items(rows: ir.Table, **columns: ir.Value | str | None) -> ir.Table:
    """The rows with the columns `ITEM`; what is neither named nor there is empty."""
    given = {}
    for column, kind in ITEM.items():
        value = columns.get(column, rows[column] if column in rows.columns else None)
        value = ibis.literal(value) if value is None or isinstance(value, str) else value
        given[column] = value.cast(kind)
    return rows.select(**given)


def delivered_items(leads: ir.Table, customers: ir.Table, quarter: Quarter) -> ir.Table:
    """What the bank says it handed over and is due in the quarter; what was handed over late in the
    quarter before is due in this one. An entry without a day is due by the end of the quarter it
    was handed over in.
    """
    of_day = _.handed_on.truncate("Q").cast("date") + ibis.interval(months=3)
    due = ibis.coalesce(_.due_on, (of_day - ibis.interval(days=1)).cast("date"))
    start, end = ibis.literal(quarter.start), ibis.literal(quarter.end)
    rows = leads.mutate(due_on=due).filter(_.due_on.between(start, end))
    rows = rows.inner_join(customers.select("customer_id", "branch_id"), "customer_id")
    # of a customer who is called so as to stay, the chance of leaving is what counts
    success = ibis.ifelse(rows.kind == SAVE, 1 - rows.chance, rows.chance)
    about_event = rows.lead_id.startswith(f"{OF_EVENTS}:")
    return as_items(
        rows,
        subject_id=rows.lead_id,
        event=ibis.ifelse(about_event, rows.lead_id.re_extract(ENTRY, 2), ibis.null("string")),
        chance=ibis.ifelse(rows.kind == EVENT, ibis.null("float64"), rows.chance),
        staff_id=rows.staff_id.fill_null(""),
        worth=rows["value"],
        at_stake=success * rows["value"].cast("float64"),
    )


def offer_items(offers: ir.Table, worth: Mapping[str, float], quarter: Quarter) -> ir.Table:
    """The offers of the quarter before, and the customers kept without.

    offers: customer_offer. worth: product to what a sale is worth. Of those kept without, only
    whoever was worth as much as the least of the offers made of the product in the branch: whom
    an offer would have been made to.
    """
    made = offers.filter(_.decision == OFFERED)
    least = made.group_by("branch_id", "product_id").aggregate(least=_.expected.min())
    kept = offers.filter(_.decision == NOT_OFFERED).inner_join(least, ["branch_id", "product_id"])
    kept = kept.filter(_.expected >= _.least).select(*made.columns)
    rows = made.union(kept)
    kind = ibis.ifelse(rows.decision == OFFERED, OFFER, HELD_BACK)
    return as_items(
        rows,
        subject_id=rows.lead_id,
        kind=kind,
        handed_on=ibis.literal(quarter.start),
        due_on=rows.due_on,
        worth=_worth(rows, worth),
        at_stake=rows.expected,
    )


def lookalike_items(
    listed: ir.Table, worth: Mapping[str, float], limits: Execution, quarter: Quarter
) -> ir.Table:
    """The potential customers of the quarter before. listed: customer_likeness. Likeness is no
    chance, so that none is told.
    """
    return as_items(
        listed,
        subject_id=entry(OF_OFFERS, listed),
        kind=LOOKALIKE,
        staff_id=listed.manager_id.fill_null(""),
        handed_on=ibis.literal(quarter.start),
        due_on=ibis.literal(due_on(quarter.previous, limits.save_days)),
        worth=_worth(listed, worth),
    )


def entry(kind: str, rows: ir.Table) -> ir.Value:
    """The identifier of an entry about a product, as `calls.entry_id` has it."""
    parts = (ibis.literal(kind), rows.quarter, rows.product_id, rows.customer_id)
    return ibis.literal(":").join(parts)


def _worth(rows: ir.Table, worth: Mapping[str, float]) -> ir.Value:
    """What a sale of the product of each row is worth."""
    return ibis.cases(
        *[(rows.product_id == product, value) for product, value in worth.items()],
        else_=ibis.null("float64"),
    )


def call_items(calls: ir.Table, limits: Execution, quarter: Quarter) -> ir.Table:
    """The calls of the quarter before, so that customers stay or about an event; one for each
    customer and list.
    """
    due = {TO_SAVE: limits.save_days, ABOUT_EVENT: limits.event_days}
    return as_items(
        calls,
        kind=calls["list"].cases((TO_SAVE, SAVE), (ABOUT_EVENT, EVENT)),
        handed_on=ibis.literal(quarter.start),
        due_on=calls["list"].cases(
            *[(name, ibis.literal(due_on(quarter.previous, n))) for name, n in due.items()]
        ),
        chance=ibis.ifelse(calls["list"] == TO_SAVE, 1 - calls.hazard, ibis.null("float64")),
    )


def alert_items(alerts: ir.Table, limits: Execution, quarter: Quarter) -> ir.Table:
    """The alerts that were open at the end of the quarter before. alerts: risk_alert."""
    waiting = alerts.filter(~_.suppressed, _.status == "open")
    return as_items(
        waiting,
        subject_id=waiting.alert_id,
        kind=ALERT,
        staff_id=waiting.assigned_to,
        handed_on=ibis.literal(quarter.start),
        due_on=ibis.literal(due_on(quarter.previous, limits.alert_days)),
        at_stake=waiting.amount,
    )


def usable(follow_ups: ir.Table, items: ir.Table, quarter: Quarter) -> ir.Table:
    """The follow-ups up to the quarter's end of the entries, each once, with reason: empty where it
    counts, `EARLY` or `TWICE` where it does not. What was said of an alert in earlier quarters, in
    which it was open too, is neither.
    """
    of_items = follow_ups.filter(_.done_on <= ibis.literal(quarter.end)).inner_join(
        items.select("subject_id", "handed_on", "kind"), "subject_id"
    )
    of_items = of_items.filter((_.kind != ALERT) | (_.done_on >= _.handed_on)).drop("kind")
    same = ["subject_id", "done_on", "outcome", "staff_id"]
    place = ibis.row_number().over(group_by=same, order_by="follow_up_id")
    rows = of_items.mutate(place=place)
    reason = ibis.cases((rows.done_on < rows.handed_on, EARLY), (rows.place > 0, TWICE), else_="")
    return rows.mutate(reason=reason).drop("place")


def followed(items: ir.Table, usable: ir.Table) -> ir.Table:
    """The entries with what staff did: the columns `WORK` up to done."""
    counting = usable.filter(_.reason == "")
    by_time = {"group_by": "subject_id", "order_by": [counting.done_on, counting.follow_up_id]}
    ranked = counting.mutate(
        first=ibis.row_number().over(**by_time) == 0,
        following=_.done_on.lead().over(**by_time),
    )
    by_subject = ranked.group_by("subject_id").aggregate(
        first_on=_.done_on.min(),
        done_by=_.staff_id.max(where=_["first"]),
        outcome=_.outcome.max(where=_.following.isnull()),
        done=_.outcome.isin(DONE).any(),
    )
    rows = items.left_join(by_subject, "subject_id")
    return rows.select(
        *ITEM,
        outcome=rows.outcome.fill_null(""),
        first_on=rows.first_on,
        done_by=rows.done_by.fill_null(""),
        followed=rows.first_on.notnull(),
        in_time=(rows.first_on <= rows.due_on).fill_null(False),
        done=rows.done.fill_null(False),
    )


def with_success(
    work: ir.Table,
    holdings: ir.Table | None,
    left: ir.Table | None,
    buying: list[str],
    quarter: Quarter,
) -> ir.Table:
    """The entries with whether each was a success: the columns `WORK`.

    holdings: of the contract; without it an offer is a success where staff say that it was sold.
    left: customer_left of the quarter. buying: events after which a purchase is hoped
    for.
    """
    unknown = ibis.null("boolean")
    rows = work.mutate(bought=_.outcome == "sold", took_any=unknown, stayed=unknown)
    if holdings is not None:
        new = holdings.filter(_.held_from <= ibis.literal(quarter.end))
        taken = new.group_by("customer_id", "product_id").aggregate(taken_on=_.held_from.max())
        anything = new.group_by("customer_id").aggregate(took_on=_.held_from.max())
        joined = rows.left_join(taken, ["customer_id", "product_id"]).left_join(
            anything, "customer_id"
        )
        rows = joined.select(
            *(c for c in rows.columns if c not in ("bought", "took_any")),
            bought=(_.taken_on >= _.handed_on).fill_null(False),
            took_any=(_.took_on >= _.handed_on).fill_null(False),
        )
    if left is not None:
        gone = left.select("customer_id", gone="left")
        joined = rows.left_join(gone, "customer_id")
        rows = joined.select(*(c for c in rows.columns if c != "stayed"), stayed=~_.gone)
    about_buying = rows.event.isin(buying).fill_null(False) if buying else ibis.literal(False)
    success = ibis.cases(
        (rows.kind.isin(OF_PRODUCTS), rows.bought),
        (rows.kind == ALERT, rows.done),
        ((rows.kind == EVENT) & about_buying, rows.took_any),
        else_=rows.stayed,
    )
    rows = rows.mutate(success=success, quarter=ibis.literal(str(quarter)))
    return rows.select(*WORK)


def _is_older(subject: ir.Value, quarter: Quarter) -> ir.Value:
    """Whether an identifier says that the entry is of a list before the one that is judged."""
    said = subject.re_extract(ENTRY_QUARTER, 1)
    return (said != "") & (said < str(quarter.previous))


def not_counted(
    follow_ups: ir.Table,
    usable: ir.Table,
    known: ir.Table,
    staff: ir.Table | None,
    quarter: Quarter,
) -> ir.Table:
    """The follow-ups of the quarter that are not counted, and why: the columns `ASIDE`.

    known: subject_id of the entries and of every alert so far; one whose identifier says that it is
    of an older list is late, and not wrong. The branch is that of the member of
    staff; ALL where nobody knows it.
    """
    start, end = ibis.literal(quarter.start), ibis.literal(quarter.end)
    columns = ["follow_up_id", "subject_id", "staff_id", "done_on", "outcome"]
    strange = (
        follow_ups.filter(_.done_on.between(start, end), ~_is_older(_.subject_id, quarter))
        .anti_join(known, "subject_id")
        .select(*columns, reason=ibis.literal(NO_SUCH))
    )
    lately = usable.done_on >= ibis.literal(quarter.previous.start)
    wrong = usable.filter(usable.reason != "", lately).select(*columns, "reason")
    rows = strange.union(wrong)
    if staff is None:
        branch = ibis.literal("ALL")
    else:
        works_at = staff.select("staff_id", works_at="branch_id")
        rows = rows.left_join(works_at, "staff_id").drop("staff_id_right")
        branch = rows.works_at.fill_null("ALL")
    rows = rows.mutate(branch_id=branch, quarter=ibis.literal(str(quarter)))
    return rows.select(**{c: rows[c].cast(kind) for c, kind in ASIDE.items()})
