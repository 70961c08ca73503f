"""Faults of the demo bank that the contract lets pass: what data health has to find."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.demo.people import END

#: A day that one branch booked twice, and the branch.
BOOKED_TWICE = ("B002", date(2024, 11, 6))
#: A branch that entered questionnaires of its last quarter twice, and how many.
ANSWERED_TWICE = ("B003", 12)
#: A telephone number that stands for "not known", at a branch, and for how many customers.
NO_PHONE = ("B001", "13800000000", 15)
#: Employers written with a slip, and how many customers have one.
SLIPS = 8
LAST_QUARTER = date(2024, 10, 1)
#: Entries of a branch that were booked so many days after the day they count from.
BOOKED_LATE = ("B004", date(2024, 12, 11), 9)
#: Share of the customers whose details were confirmed within so many years.
CONFIRMED, WITHIN = 0.9, 3


def planted_faults() -> dict[str, object]:
    """What was planted, for the truth."""
    branch, day = BOOKED_TWICE
    return {
        "booked_twice": {"branch_id": branch, "day": day.isoformat()},
        "answered_twice": {"branch_id": ANSWERED_TWICE[0], "rows": ANSWERED_TWICE[1]},
        "no_phone": {"branch_id": NO_PHONE[0], "phone": NO_PHONE[1], "rows": NO_PHONE[2]},
        "booked_late": {"branch_id": BOOKED_LATE[0], "day": BOOKED_LATE[1].isoformat()},
        "slips": {"column": "employer", "rows": SLIPS},
    }


def with_faulty_customers(rng: np.random.Generator, customers: pa.Table) -> pa.Table:
    """The customers, some with a telephone number that is none, some with a slip."""
    rows = customers.to_pandas()
    branch, phone, count = NO_PHONE
    own = np.flatnonzero((rows["branch_id"] == branch) & (rows["customer_type"] == "personal"))
    rows.loc[rng.choice(own, min(count, len(own)), replace=False), "phone"] = phone
    named = rows["employer"].str.len() >= 8
    frequent = rows["employer"].map(rows["employer"].value_counts()) >= 30
    able = np.flatnonzero(named & frequent)
    slipped = rng.choice(able, min(SLIPS, len(able)), replace=False)
    for place in slipped:
        text = rows.loc[place, "employer"]
        rows.loc[place, "employer"] = text[:2] + text[3] + text[2] + text[4:]
    return pa.Table.from_pandas(rows, schema=customers.schema, preserve_index=False)


def with_second_answers(
    rng: np.random.Generator, surveys: pa.Table, scores: pa.Table, customers: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Questionnaires and their scores, some entered twice under another number."""
    branch, count = ANSWERED_TWICE
    of_branch = customers.filter(pc.equal(customers["branch_id"], branch))["customer_id"]
    recent = pc.greater_equal(surveys["answered_on"], pa.scalar(LAST_QUARTER))
    own = surveys.filter(
        pc.and_(recent, pc.is_in(surveys["customer_id"], of_branch.combine_chunks()))
    )
    chosen = own.take(np.sort(rng.choice(len(own), min(count, len(own)), replace=False)))
    second = _renamed(chosen)
    again = scores.filter(pc.is_in(scores["survey_id"], chosen["survey_id"].combine_chunks()))
    return pa.concat_tables([surveys, second]), pa.concat_tables([scores, _renamed(again)])


def _renamed(rows: pa.Table) -> pa.Table:
    at = rows.column_names.index("survey_id")
    return rows.set_column(at, "survey_id", pc.binary_join_element_wise(rows["survey_id"], "b", ""))


def with_a_day_twice(entries: pa.Table, accounts: pa.Table) -> pa.Table:
    """The entries, those of one branch and day booked once more."""
    branch, day = BOOKED_TWICE
    own = accounts.filter(pc.equal(accounts["branch_id"], branch))["account_id"]
    on_day = pc.equal(pc.cast(entries["booked_at"], pa.date32()), pa.scalar(day))
    again = entries.filter(pc.and_(on_day, pc.is_in(entries["account_id"], own.combine_chunks())))
    at = again.column_names.index("transaction_id")
    names = pc.binary_join_element_wise(again["transaction_id"], "b", "")
    again = again.set_column(at, "transaction_id", names)
    return pa.concat_tables([entries, again.cast(entries.schema)])


def with_confirmation(rng: np.random.Generator, customers: pa.Table) -> pa.Table:
    """The customers with the day on which their details were last confirmed."""
    since = customers["since"].to_numpy(zero_copy_only=False).astype("datetime64[D]")
    first = np.maximum(since, END - np.timedelta64(365 * WITHIN, "D"))
    start = np.where(rng.random(len(since)) < CONFIRMED, first, since)
    days = np.maximum((END - start).astype(int), 1)
    return customers.append_column(
        "checked_on", pa.array(start + (rng.random(len(start)) * days).astype(int), pa.date32())
    )


def with_value_days(entries: pa.Table, accounts: pa.Table) -> pa.Table:
    """The entries with the day from which each counts, that of some long before its booking."""
    branch, day, late = BOOKED_LATE
    own = accounts.filter(pc.equal(accounts["branch_id"], branch))["account_id"]
    booked = pc.cast(entries["booked_at"], pa.date32())
    is_late = pc.and_(
        pc.equal(booked, pa.scalar(day)), pc.is_in(entries["account_id"], own.combine_chunks())
    )
    days = pc.cast(booked, pa.int32())
    counts_from = pc.if_else(is_late, pc.subtract(days, late), days)
    return entries.append_column("value_on", pc.cast(pc.cast(counts_from, pa.int32()), pa.date32()))
