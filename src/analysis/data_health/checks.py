"""What is looked for in the accepted rows, beyond the contract: a declaration for each check.

The contract says what a row must be to be used at all, and sets aside what is not. A check tells of
rows that can be used and are doubtful all the same. Checks are Ibis expressions, so that they run
where the rows are, all those of a table in one pass; see docs/decisions/0029-data-health.md. The
aspects are those of ISO/IEC 25012: completeness, validity, uniqueness, consistency, accuracy and
timeliness.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.language import marked
from analysis.marts.rows import during
from analysis.quarters import Quarter
from analysis.sources.params import DataHealth

Tables = Mapping[str, ir.Table]
Condition = Callable[[ir.Table], ir.BooleanValue]
Aspect = Literal["completeness", "validity", "uniqueness", "consistency", "accuracy", "timeliness"]

COMPLETENESS: Aspect = "completeness"
TIMELINESS: Aspect = "timeliness"
ASPECTS = (COMPLETENESS, "validity", "uniqueness", "consistency", "accuracy", TIMELINESS)

OLDEST = 110  # years that a person may have lived
OF_AGE = 18  # years, from which a person may borrow
YEAR = 365.25  # days
#: Customers who may share a telephone number: those of a household.
HOUSEHOLD = 5
#: So many customers, and so large a share of them, were born on one day only where it stands for
#: "not known". 1 in 500 is fifty times what a day of seventy years has.
BORN_TOGETHER, BORN_TOGETHER_SHARE = 10, 0.002
#: How far stated and seen may lie apart: income as a factor, an instalment as a share of it.
INCOME_FACTOR, INSTALMENT_SHARE = 4.0, 0.25
#: Kinds that come in, or go out, on every account; a salary is paid from one account to another.
COMES_IN, GOES_OUT = ("cash_in",), ("cash_out",)
#: Accounts that cannot stand below zero; by so much they may, for rounding.
NEVER_BELOW_ZERO, ROUNDING = ("savings", "deposit"), 0.005


@dataclass(frozen=True)
class Check:
    """One check: which rows it applies to, and which of these are doubtful.

    column: the column that has to be mended. meaning: what is wrong, marked for translation.
    """

    name: str
    aspect: Aspect
    column: str
    meaning: str
    doubtful: Condition
    applies: Condition = lambda rows: ibis.literal(True)


@dataclass(frozen=True)
class Examined:
    """A table that is checked.

    rows: of what is delivered up to a quarter, one a row of the table, with `branch_id`, `key`,
    `customer_id` (whom it concerns, where one is) and the columns that the checks need. needs: the
    tables without which there is nothing to check.
    """

    table: str
    rows: Callable[[Tables, Quarter, DataHealth], ir.Table]
    checks: tuple[Check, ...]
    needs: tuple[str, ...] = ()


def _filled(column: str, meaning: str, applies: Condition | None = None) -> Check:
    """Where a column is empty that has to be filled."""
    return Check(
        f"{column}_missing",
        "completeness",
        column,
        meaning,
        lambda t: t[column].isnull(),
        applies or (lambda t: ibis.literal(True)),
    )


def _day(day: ir.Value) -> ir.IntegerValue:
    """Days since 1970, whatever engine counts them."""
    return day.cast("date").delta(ibis.date("1970-01-01"), unit="day")


def _years(first: ir.Value, last: ir.Value) -> ir.Value:
    return (_day(last) - _day(first)) / YEAR


def _until(rows: ir.Table, column: str, quarter: Quarter) -> ir.Table:
    """The rows dated up to the end of the quarter, and those without a date."""
    end = ibis.date(quarter.end.isoformat())
    return rows.filter(rows[column].isnull() | (rows[column] <= end))


def _in_quarter(rows: ir.Table, column: str, quarter: Quarter) -> ir.Table:
    first, end = (ibis.date(day.isoformat()) for day in (quarter.start, quarter.end))
    return rows.filter((rows[column] >= first) & (rows[column] <= end))


def _again(rows: ir.Table, by: list[str], order: str) -> ir.BooleanValue:
    """Whether an earlier row says the same; the first of them is not doubted."""
    return ibis.row_number().over(group_by=[rows[c] for c in by], order_by=rows[order]) > 0


def _customers(tables: Tables, quarter: Quarter, judged: DataHealth) -> ir.Table:
    rows = _until(tables["customers"], "since", quarter)
    everyone = ibis.window()
    rows = rows.mutate(
        key=rows.customer_id,
        same_phone=rows.phone.count().over(group_by=rows.phone),
        same_birth=rows.born_on.count().over(group_by=rows.born_on),
        births=rows.born_on.count().over(everyone),
    )
    if "same_customer" in tables:
        pairs = tables["same_customer"].filter(_.customer_id != _.customer_key)
        first = tables["customers"].select(
            customer_key="customer_id", first_born_on="born_on", first_sex="sex"
        )
        other = pairs.select("customer_id", "customer_key").left_join(first, "customer_key")
        rows = rows.left_join(
            other.select("customer_id", "first_born_on", "first_sex"), "customer_id"
        ).drop("customer_id_right")
    else:
        rows = rows.mutate(first_born_on=ibis.null("date"), first_sex=ibis.null("string"))
    if "customer_quarter" in tables:
        seen = tables["customer_quarter"].select("customer_id", "salary", "salary_months")
        rows = rows.left_join(seen, "customer_id").drop("customer_id_right")
    else:
        rows = rows.mutate(salary=ibis.null("float64"), salary_months=ibis.null("int64"))
    return rows.mutate(
        until=ibis.date(quarter.end.isoformat()), confirmed_for=ibis.literal(judged.details_years)
    )


def _is_person(rows: ir.Table) -> ir.BooleanValue:
    return rows.customer_type == "personal"


CUSTOMERS = Examined(
    "customers",
    _customers,
    (
        _filled("phone", marked("no telephone number")),
        _filled("address", marked("no address")),
        _filled("region", marked("no region")),
        _filled("born_on", marked("no date of birth or founding")),
        _filled("document_hash", marked("no identity document"), _is_person),
        _filled("sex", marked("no sex"), _is_person),
        _filled("income", marked("no stated income")),
        _filled("credit_grade", marked("no credit grade")),
        _filled("manager_id", marked("no relationship manager")),
        _filled("consent", marked("not known whether contact is agreed to")),
        _filled("since", marked("not known since when a customer")),
        Check(
            "too_old",
            "validity",
            "born_on",
            marked("older than 110 years"),
            lambda t: _years(t.born_on, t.until) > OLDEST,
            lambda t: _is_person(t) & t.born_on.notnull(),
        ),
        Check(
            "born_on_stands_for_nothing",
            "validity",
            "born_on",
            marked("a date of birth that too many share"),
            lambda t: (
                (t.same_birth >= BORN_TOGETHER) & (t.same_birth > BORN_TOGETHER_SHARE * t.births)
            ),
            lambda t: t.born_on.notnull(),
        ),
        Check(
            "phone_of_many",
            "uniqueness",
            "phone",
            marked("a telephone number that more than a household shares"),
            lambda t: t.same_phone > HOUSEHOLD,
            lambda t: t.phone.notnull(),
        ),
        Check(
            "customer_before_birth",
            "consistency",
            "since",
            marked("a customer before being born"),
            lambda t: t.since < t.born_on,
            lambda t: t.since.notnull() & t.born_on.notnull(),
        ),
        Check(
            "born_on_differs",
            "accuracy",
            "born_on",
            marked("another date of birth than in the same customer's first record"),
            lambda t: t.born_on != t.first_born_on,
            lambda t: t.born_on.notnull() & t.first_born_on.notnull(),
        ),
        Check(
            "sex_differs",
            "accuracy",
            "sex",
            marked("another sex than in the same customer's first record"),
            lambda t: t.sex != t.first_sex,
            lambda t: t.sex.notnull() & t.first_sex.notnull(),
        ),
        Check(
            "details_not_confirmed",
            "timeliness",
            "checked_on",
            marked("details that were not confirmed for too long"),
            lambda t: _years(t.checked_on, t.until) > t.confirmed_for,
            lambda t: t.checked_on <= t.until,
        ),
        Check(
            "income_not_seen",
            "accuracy",
            "income",
            marked("a stated income far from the salary that comes in"),
            lambda t: (
                (t.income > INCOME_FACTOR * 4 * t.salary)
                | (t.income * INCOME_FACTOR < 4 * t.salary)
            ),
            lambda t: _is_person(t) & (t.income > 0) & (t.salary_months == 3),
        ),
    ),
)


def _accounts(tables: Tables, quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = _until(tables["accounts"], "opened_on", quarter).mutate(key=_.account_id)
    entries = during(tables["transactions"], quarter)
    booked = entries.group_by("account_id").aggregate(
        first_on=_.booked_at.min().date(), last_on=_.booked_at.max().date()
    )
    rows = rows.left_join(booked, "account_id").drop("account_id_right")
    nobody = {
        "owners": ibis.null("int64"),
        "born_on": ibis.null("date"),
        "customer_id": ibis.null("string"),
    }
    if "account_holders" in tables:
        people = tables["customers"].filter(_.customer_type == "personal")
        owners = tables["account_holders"].filter(_.role == "owner")
        born = owners.left_join(people.select("customer_id", "born_on"), "customer_id")
        held = born.group_by("account_id").aggregate(
            owners=_.count(), born_on=_.born_on.min(), customer_id=_.customer_id.min()
        )
        rows = rows.left_join(held, "account_id").drop("account_id_right")
        rows = rows.mutate(owners=_.owners.fill_null(0))
    else:
        rows = rows.mutate(**nobody)
    if "products" in tables:
        kinds = tables["products"].select("product_id", product_kind="kind")
        rows = rows.left_join(kinds, "product_id").drop("product_id_right")
    else:
        rows = rows.mutate(product_kind=ibis.null("string"))
    if "account_quarter" in tables:
        ends = tables["account_quarter"].select("account_id", "balance_end")
        rows = rows.left_join(ends, "account_id").drop("account_id_right")
    else:
        rows = rows.mutate(balance_end=ibis.null("float64"))
    return rows


ACCOUNTS = Examined(
    "accounts",
    _accounts,
    (
        _filled("product_id", marked("not known which product the account is")),
        Check(
            "no_owner",
            "consistency",
            "account_id",
            marked("an account that nobody owns"),
            lambda t: t.owners == 0,
            lambda t: t.owners.notnull(),
        ),
        Check(
            "opened_before_birth",
            "consistency",
            "opened_on",
            marked("an account older than its owner"),
            lambda t: t.opened_on < t.born_on,
            lambda t: t.born_on.notnull(),
        ),
        Check(
            "entry_before_opening",
            "consistency",
            "opened_on",
            marked("entries before the account was opened"),
            lambda t: t.first_on < t.opened_on,
            lambda t: t.first_on.notnull(),
        ),
        Check(
            "entry_after_closing",
            "consistency",
            "closed_on",
            marked("entries after the account was closed"),
            lambda t: t.last_on > t.closed_on,
            lambda t: t.last_on.notnull() & t.closed_on.notnull(),
        ),
        Check(
            "below_zero",
            "consistency",
            "opening_balance",
            marked("savings below zero: an entry is missing, or the opening balance is wrong"),
            lambda t: t.balance_end < -ROUNDING,
            lambda t: t.product_kind.isin(NEVER_BELOW_ZERO) & t.balance_end.notnull(),
        ),
    ),
    needs=("transactions",),
)

#: What two entries have alike that are the same one.
ENTRY = [
    "account_id",
    "booked_at",
    "amount",
    "channel",
    "kind",
    "counterparty_account",
    "merchant_id",
]


def _transactions(tables: Tables, quarter: Quarter, judged: DataHealth) -> ir.Table:
    rows = during(tables["transactions"], quarter)
    accounts = tables["accounts"].select("account_id", "branch_id")
    rows = rows.inner_join(accounts, "account_id").mutate(key=_.transaction_id)
    rows = rows.mutate(said_before=_again(rows, ENTRY, "transaction_id"), day=rows.booked_at.date())
    own = tables["accounts"].select(counterparty_account="account_id", is_own=True)
    rows = rows.left_join(own, "counterparty_account").drop("counterparty_account_right")
    other = rows.select(
        "day",
        counterparty_account="account_id",
        account_id="counterparty_account",
        amount=-rows.amount,
    )
    other = other.distinct().mutate(stands_there=True)
    by = ["account_id", "counterparty_account", "day", "amount"]
    rows = rows.left_join(other, by).select(rows, "stands_there")
    return rows.mutate(customer_id=ibis.null("string"), booked_within=judged.booking_days)


TRANSACTIONS = Examined(
    "transactions",
    _transactions,
    (
        _filled(
            "counterparty_account",
            marked("a transfer without the account of the other side"),
            lambda t: t.kind == "transfer",
        ),
        _filled(
            "merchant_id",
            marked("a card payment without its merchant"),
            lambda t: t.kind == "card_payment",
        ),
        Check(
            "entry_twice",
            "uniqueness",
            "transaction_id",
            marked("the same entry once more, to the second"),
            lambda t: t.said_before,
            # where only the day is known, two equal entries may be two
            lambda t: t.booked_at != t.booked_at.truncate("D"),
        ),
        Check(
            "amount_of_zero",
            "validity",
            "amount",
            marked("an entry of nothing"),
            lambda t: t.amount == 0,
        ),
        Check(
            "side_against_kind",
            "consistency",
            "amount",
            marked("cash on the other side than its kind says, such as cash paid in that goes out"),
            lambda t: ibis.ifelse(t.kind.isin(COMES_IN), t.amount < 0, t.amount > 0),
            lambda t: t.kind.isin([*COMES_IN, *GOES_OUT]),
        ),
        Check(
            "booked_late",
            "timeliness",
            "booked_at",
            marked("an entry that was booked long after the day it counts from"),
            lambda t: _day(t.booked_at) - _day(t.value_on) > t.booked_within,
            lambda t: t.value_on.notnull(),
        ),
        Check(
            "on_one_side",
            "consistency",
            "counterparty_account",
            marked("a transfer within the bank that stands on one account only"),
            lambda t: t.stands_there.isnull(),
            lambda t: t.is_own.notnull(),
        ),
    ),
    needs=("transactions",),
)


def _with_customer(rows: ir.Table, tables: Tables, column: str, *more: str) -> ir.Table:
    """The rows with branch and details of the customer that a column names."""
    people = tables["customers"].select("customer_id", "branch_id", *more)
    if column != "customer_id":
        rows = rows.mutate(customer_id=rows[column])
    rows = rows.drop([c for c in ("branch_id", *more) if c in rows.columns])
    return rows.inner_join(people, "customer_id")


def _holdings(tables: Tables, quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = _until(tables["holdings"], "held_from", quarter)
    rows = rows.mutate(
        key=rows.holding_id,
        said_before=_again(rows, ["customer_id", "product_id", "held_from"], "holding_id"),
    )
    return _with_customer(rows, tables, "customer_id", "since")


HOLDINGS = Examined(
    "holdings",
    _holdings,
    (
        Check(
            "held_twice",
            "uniqueness",
            "holding_id",
            marked("the same product from the same day once more"),
            lambda t: t.said_before,
        ),
        Check(
            "held_before_customer",
            "consistency",
            "held_from",
            marked("a product held before its holder was a customer"),
            lambda t: t.held_from < t.since,
            lambda t: t.since.notnull(),
        ),
    ),
    needs=("holdings",),
)


def _loans(tables: Tables, quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = _until(tables["loans"], "granted_on", quarter)
    again = _again(rows, ["borrower_id", "kind", "granted_on", "amount"], "loan_id")
    alone = rows.loan_id.count().over(group_by=rows.account_id) == 1
    rows = rows.mutate(key=rows.loan_id, said_before=again, alone=alone)
    if "loan_applications" in tables:
        filed = tables["loan_applications"].select("application_id", "filed_on", asked="amount")
        rows = rows.left_join(filed, "application_id").drop("application_id_right")
    else:
        rows = rows.mutate(filed_on=ibis.null("date"), asked=ibis.null("decimal(18, 4)"))
    paid = during(tables["transactions"], quarter).filter(
        (_.kind == "loan_instalment") & (_.amount < 0)
    )
    paid = paid.group_by("account_id").aggregate(paid=(-_.amount).cast("float64").max())
    rows = rows.left_join(paid, "account_id").drop("account_id_right")
    return _with_customer(rows, tables, "borrower_id", "born_on", "customer_type")


LOANS = Examined(
    "loans",
    _loans,
    (
        _filled("months", marked("a loan without its term")),
        _filled("instalment", marked("a loan without its instalment")),
        _filled("due_day", marked("a loan without the day it is due")),
        Check(
            "loan_twice",
            "uniqueness",
            "loan_id",
            marked("the same loan once more"),
            lambda t: t.said_before,
        ),
        Check(
            "granted_before_filed",
            "consistency",
            "granted_on",
            marked("a loan paid out before it was applied for"),
            lambda t: t.granted_on < t.filed_on,
            lambda t: t.filed_on.notnull(),
        ),
        Check(
            "more_than_asked",
            "consistency",
            "amount",
            marked("a loan larger than what was applied for"),
            lambda t: t.amount > t.asked,
            lambda t: t.asked.notnull(),
        ),
        Check(
            "borrower_under_age",
            "consistency",
            "borrower_id",
            marked("a borrower under age"),
            lambda t: t.granted_on < (t.born_on + ibis.interval(years=OF_AGE)).cast("date"),
            lambda t: t.born_on.notnull() & (t.customer_type == "personal"),
        ),
        Check(
            "never_repaid",
            "consistency",
            "instalment",
            marked("instalments that do not repay the loan over its term"),
            # but for what rounding an instalment leaves over
            lambda t: (t.instalment + 1) * t.months < t.amount,
            lambda t: t.instalment.notnull() & t.months.notnull(),
        ),
        Check(
            "instalment_not_seen",
            "accuracy",
            "instalment",
            marked("an instalment other than what is paid"),
            lambda t: (t.paid / t.instalment.cast("float64") - 1).abs() > INSTALMENT_SHARE,
            lambda t: t.alone & t.paid.notnull() & (t.instalment > 0),
        ),
    ),
    needs=("loans", "transactions"),
)


def _cards(tables: Tables, quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = _until(tables["cards"], "issued_on", quarter).mutate(key=_.card_id)
    opened = tables["accounts"].select("account_id", "opened_on")
    rows = rows.inner_join(opened, "account_id")
    return _with_customer(rows, tables, "customer_id")


CARDS = Examined(
    "cards",
    _cards,
    (
        _filled(
            "credit_limit", marked("a credit card without limit"), lambda t: t.kind == "credit"
        ),
        Check(
            "issued_before_account",
            "consistency",
            "issued_on",
            marked("a card issued before its account was opened"),
            lambda t: t.issued_on < t.opened_on,
            lambda t: t.issued_on.notnull(),
        ),
    ),
    needs=("cards",),
)


def _applications(tables: Tables, quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = _in_quarter(tables["loan_applications"], "filed_on", quarter)
    return rows.mutate(key=rows.application_id, customer_id=rows.borrower_id)


APPLICATIONS = Examined(
    "loan_applications",
    _applications,
    (
        _filled(
            "compound",
            marked("a mortgage without its compound"),
            lambda t: t.purpose == "mortgage",
        ),
        _filled(
            "developer",
            marked("a mortgage without its developer"),
            lambda t: t.purpose == "mortgage",
        ),
        Check(
            "down_payment_too_large",
            "validity",
            "down_payment",
            marked("a down payment larger than the loan is four times over"),
            lambda t: t.down_payment > 4 * t.amount,
            lambda t: t.down_payment.notnull() & (t.amount > 0),
        ),
    ),
    needs=("loan_applications",),
)


def _surveys(tables: Tables, quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = _in_quarter(tables["surveys"], "answered_on", quarter)
    again = _again(rows, ["customer_id", "answered_on"], "survey_id")
    rows = rows.mutate(key=rows.survey_id, said_before=again)
    return _with_customer(rows, tables, "customer_id", "since")


SURVEYS = Examined(
    "surveys",
    _surveys,
    (
        Check(
            "answered_twice",
            "uniqueness",
            "survey_id",
            marked("a second questionnaire of the same customer on the same day"),
            lambda t: t.said_before,
        ),
        Check(
            "answered_before_customer",
            "consistency",
            "answered_on",
            marked("answered before being a customer"),
            lambda t: t.answered_on < t.since,
            lambda t: t.since.notnull(),
        ),
    ),
    needs=("surveys",),
)


def _complaints(tables: Tables, quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = _in_quarter(tables["complaints"], "received_on", quarter)
    again = _again(rows, ["customer_id", "received_on", "text"], "complaint_id")
    rows = rows.mutate(key=rows.complaint_id, said_before=again)
    return _with_customer(rows, tables, "customer_id")


COMPLAINTS = Examined(
    "complaints",
    _complaints,
    (
        _filled("text", marked("a complaint without its text")),
        Check(
            "complained_twice",
            "uniqueness",
            "complaint_id",
            marked("the same complaint once more"),
            lambda t: t.said_before,
        ),
    ),
    needs=("complaints",),
)


def _standing_orders(tables: Tables, _quarter: Quarter, _judged: DataHealth) -> ir.Table:
    rows = tables["standing_orders"]
    again = _again(
        rows, ["account_id", "payee_bank", "payee_account", "amount", "purpose"], "order_id"
    )
    rows = rows.mutate(key=rows.order_id, said_before=again, customer_id=ibis.null("string"))
    branches = tables["accounts"].select("account_id", "branch_id")
    return rows.inner_join(branches, "account_id")


STANDING_ORDERS = Examined(
    "standing_orders",
    _standing_orders,
    (
        _filled("payee_account", marked("a standing order without payee")),
        Check(
            "ordered_twice",
            "uniqueness",
            "order_id",
            marked("the same standing order once more"),
            lambda t: t.said_before,
            lambda t: t.payee_account.notnull(),
        ),
    ),
    needs=("standing_orders",),
)

#: Every table that is checked.
EXAMINED = (
    CUSTOMERS,
    ACCOUNTS,
    TRANSACTIONS,
    HOLDINGS,
    LOANS,
    CARDS,
    APPLICATIONS,
    SURVEYS,
    COMPLAINTS,
    STANDING_ORDERS,
)
#: Tables whose rows belong to a quarter. Of the others, earlier quarters are today's rows of then.
OF_A_QUARTER = ("transactions", "loan_applications", "surveys", "complaints")
#: Every check by its name, with the table it looks at.
CHECKS: dict[str, tuple[str, Check]] = {
    f"{examined.table}.{check.name}": (examined.table, check)
    for examined in EXAMINED
    for check in examined.checks
}
#: The tables that are read besides those that are indispensable.
OPTIONAL = tuple(sorted({t for e in EXAMINED for t in e.needs} - {"transactions"}))
