"""The rules of the params file: conditions in SQL on one customer's quarter, checked against the
columns of customer_quarter before anything takes time.
"""

from collections.abc import Iterator
from functools import cache

import duckdb
import ibis
import sqlglot
from sqlglot import expressions as parts

from analysis.contract import CONTRACT
from analysis.errors import ParametersError, engine_says, not_one_of
from analysis.language import say
from analysis.marts.account_quarter import account_quarter
from analysis.marts.customer_quarter import customer_quarter
from analysis.marts.rows import BEFORE
from analysis.quarters import Quarter
from analysis.sources.params import Bank


def check_rules(bank: Bank) -> None:
    """Refuse a rule of the params file (of an event, or of who has left) that cannot be read, names
    a column that customer_quarter does not have, or cannot be applied; and a behaviour that is no
    number of customer_quarter.

    Raises ParametersError naming the rule and the nearest valid column.
    """
    _check_behaviour(bank)
    names = [e.name for e in bank.events]
    for name in names:
        if names.count(name) > 1:
            raise ParametersError(
                say("{path}: events: {name}: there are two events of this name.").format(
                    path=bank.path, name=name
                )
            )
    rules = {f"events: {e.name}": e.rule for e in bank.events} | {
        "retention.left": bank.retention.left
    }
    for product in bank.offers.products:
        for kind, of_kind in (("eligible", product.eligible), ("suits", product.suits)):
            for name, rule in of_kind.items():
                rules[f"offers.products: {product.product}: {kind}: {name}"] = rule
    for place, text in rules.items():
        _check_rule(f"{bank.path}: {place}", text)
    for place, fault in _on_no_customer(rules):
        raise ParametersError(
            say("{path}: {place}: the rule {rule!r} cannot be applied: {fault}").format(
                path=bank.path, place=place, rule=rules[place], fault=fault
            )
        )


def _check_behaviour(bank: Bank) -> None:
    numbers = [
        c
        for c, kind in customer_columns().items()
        if kind.startswith(("int", "float", "decimal", "boolean"))
    ]
    for name in bank.loyalty.behaviour:
        if name not in numbers:
            raise ParametersError(
                say("{path}: loyalty.behaviour: {refusal}").format(
                    path=bank.path, refusal=not_one_of(say("The column"), name, numbers)
                )
            )


def _check_rule(where: str, text: str) -> None:
    try:
        rule = sqlglot.parse_one(text, dialect="duckdb")
    except sqlglot.errors.ParseError as error:
        raise ParametersError(
            say("{where}: the rule is not SQL: {text!r} ({fault}).").format(
                where=where, text=text, fault=str(error).splitlines()[0]
            )
        ) from error
    if not isinstance(rule, parts.Condition) or rule.find(parts.Query, parts.Command):
        raise ParametersError(
            say(
                "{where}: the rule must be a condition on one customer, not a query: {text!r}."
            ).format(where=where, text=text)
        )
    columns = customer_columns()
    valid = [*columns, *[f"{BEFORE}{c}" for c in columns]]
    for column in rule.find_all(parts.Column):
        if column.name not in valid:
            raise ParametersError(
                say("{place}: {refusal}").format(
                    place=where, refusal=not_one_of(say("The column"), column.name, valid)
                )
            )


@cache
def customer_columns() -> dict[str, str]:
    """Column of customer_quarter to its type, found without any data."""
    tables = {name: ibis.table(t.schema, name=name) for name, t in CONTRACT.items()}
    quarter = Quarter(2000, 1)
    accounts = account_quarter(tables, tables["transactions"], None, quarter)
    return {
        c: str(t) for c, t in customer_quarter(tables, accounts, None, quarter).schema().items()
    }


def _on_no_customer(rules: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each rule that the engine cannot apply to an empty table of the right columns, with what it
    says.
    """
    columns = customer_columns()
    both = {**columns, **{f"{BEFORE}{c}": t for c, t in columns.items()}}
    con = ibis.duckdb.connect(threads=1)
    con.create_table("customers", schema=ibis.schema(both))
    for place, rule in rules.items():
        try:
            con.raw_sql(f"SELECT 1 FROM customers WHERE {rule}")
        except duckdb.Error as error:
            yield place, engine_says(error)
    con.disconnect()
