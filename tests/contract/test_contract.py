import datetime as dt

import ibis
import pandas as pd
import pytest

from analysis.contract import CONTRACT
from analysis.contract.checks import Reading, broken_rules, typed
from analysis.contract.document import contract_page
from tests.conftest import ROOT

AS_OF = dt.date(2024, 12, 31)
GOOD = {
    "id": "X1",
    "text": "some text",
    "date": "2024-01-02",
    "timestamp": "2024-01-02 10:00:00",
    "amount": "10.50",
    "number": "0.5",
    "integer": "5",
    "flag": "true",
}


#: What breaks a rule over several columns that is not about the order of days.
OF_A_RULE = {
    "branch_id_reserved": {"branch_id": "all"},
    "offer_without_product": {"product_id": ""},
    "review_of_one": {"other_record": "X1"},
}


def good_row(table):
    row = {"source_file": "f.csv", "source_line": 2}
    for c in table.columns:
        value = c.allowed[0] if c.allowed else GOOD[c.type]
        if c.pattern == r"^\d{4}$":
            value = "5411"
        row[c.name] = "X2" if c.name == "other_record" else value
    for later in ("closed_on", "held_to", "due_on", "ends_on"):
        if later in row:
            row[later] = "2024-06-30"
    return row


def verdict(table, *rows):
    schema = {
        "source_file": "string",
        "source_line": "int64",
        **{c.name: "string" for c in table.columns},
    }
    staged = ibis.memtable(list(rows), schema=schema)
    referenced = {}
    for c in table.columns:
        if c.references:
            other, key = c.references.split(".")
            referenced[other] = (
                ibis.memtable([{key: good_row(table)[c.name]}], schema={key: "string"})
                if other != table.name
                else None
            )
    referenced = {k: v for k, v in referenced.items() if v is not None}
    result = broken_rules(typed(staged, table), table, referenced, AS_OF).to_pandas()
    return result.set_index("source_line")


def broken_in(table, *rows):
    return verdict(table, *rows)["broken"].to_dict()


def every_rule():
    for table in CONTRACT.values():
        for c in table.columns:
            if c.required:
                yield pytest.param(
                    table, {c.name: ""}, f"{c.name}.required", id=f"{table.name}.{c.name}.required"
                )
            if c.allowed:
                yield pytest.param(
                    table,
                    {c.name: "nonsense"},
                    f"{c.name}.allowed",
                    id=f"{table.name}.{c.name}.allowed",
                )
            if c.references:
                yield pytest.param(
                    table,
                    {c.name: "nobody"},
                    f"{c.name}.reference",
                    id=f"{table.name}.{c.name}.reference",
                )
            if c.minimum is not None:
                yield pytest.param(
                    table,
                    {c.name: str(c.minimum - 1)},
                    f"{c.name}.minimum",
                    id=f"{table.name}.{c.name}.minimum",
                )
            if c.maximum is not None:
                yield pytest.param(
                    table,
                    {c.name: str(c.maximum + 1)},
                    f"{c.name}.maximum",
                    id=f"{table.name}.{c.name}.maximum",
                )
            if c.pattern:
                yield pytest.param(
                    table,
                    {c.name: "../up"},
                    f"{c.name}.pattern",
                    id=f"{table.name}.{c.name}.pattern",
                )
            if c.not_future:
                yield pytest.param(
                    table,
                    {c.name: "2031-01-01"},
                    f"{c.name}.future",
                    id=f"{table.name}.{c.name}.future",
                )
            if c.type not in ("id", "text"):
                yield pytest.param(
                    table, {c.name: "?!"}, f"{c.name}.type", id=f"{table.name}.{c.name}.type"
                )
        for rule in table.rules:
            too_early = {rule.name.split("_before_")[0]: "2019-01-01"}
            bad = OF_A_RULE.get(rule.name, too_early)
            yield pytest.param(table, bad, rule.name, id=f"{table.name}.{rule.name}")


@pytest.mark.parametrize("table", CONTRACT.values(), ids=lambda t: t.name)
def test_a_good_row_breaks_no_rule(table):
    checked = verdict(table, good_row(table)).loc[2]
    assert (checked["broken"], checked["emptied"]) == ("", "")


@pytest.mark.parametrize(("table", "bad", "rule"), list(every_rule()))
def test_a_fault_costs_the_row_or_where_that_may_be_empty_the_value(table, bad, rule):
    checked = verdict(table, good_row(table) | bad).loc[2]
    name = next(iter(bad))
    column = table.column(name)
    if "." in rule and not (column.required or column.empty_tells or name in table.key):
        assert rule in checked["emptied"].split(", ")
        assert checked["broken"] == ""
        assert pd.isna(checked[name])
    else:
        assert rule in checked["broken"].split(", ")


@pytest.mark.parametrize("table", CONTRACT.values(), ids=lambda t: t.name)
def test_of_rows_with_the_same_key_the_first_is_kept(table):
    assert broken_in(table, good_row(table), good_row(table) | {"source_line": 3}) == {
        2: "",
        3: "unique_key",
    }


@pytest.mark.parametrize(
    ("written", "zone", "local"),
    [
        ("2024-01-02 10:00:00", "Asia/Shanghai", "2024-01-02 10:00:00"),
        ("2024-01-02T10:00:00+08:00", "Asia/Shanghai", "2024-01-02 10:00:00"),
        ("2024-01-02T02:00:00Z", "Asia/Shanghai", "2024-01-02 10:00:00"),
        ("2024-01-01T23:00:00-03:00", "Asia/Shanghai", "2024-01-02 10:00:00"),
        ("2024-07-02T08:00:00Z", "Europe/Prague", "2024-07-02 10:00:00"),  # summer time
    ],
)
def test_moments_of_two_time_zones_become_those_of_the_bank(written, zone, local):
    table = CONTRACT["transactions"]
    row = {**good_row(table), "booked_at": written}
    schema = {
        "source_file": "string",
        "source_line": "int64",
        **{c.name: "string" for c in table.columns},
    }
    rows = typed(ibis.memtable([row], schema=schema), table, Reading(zone))
    (moment,) = rows.booked_at.execute()
    assert str(moment) == local


def test_every_reference_points_to_a_table_declared_before():
    seen = []
    for table in CONTRACT.values():
        assert set(table.referenced_tables) <= set(seen)
        seen.append(table.name)


def test_the_documentation_is_current():
    assert (ROOT / "docs" / "contract.md").read_text(encoding="utf-8") == contract_page(), (
        "run `workbook contract`"
    )
