"""Values as banks write them: read exactly, or set aside; never rounded, cut off or guessed."""

import datetime as dt
from decimal import Decimal

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from analysis.contract import CONTRACT
from analysis.contract.checks import Reading, broken_rules, typed
from analysis.contract.formats import Formats

NOT_READ = "set aside"
A_COLUMN = {
    "id": ("transactions", "counterparty_account"),
    "text": ("transactions", "memo"),
    "date": ("accounts", "opened_on"),
    "timestamp": ("transactions", "booked_at"),
    "amount": ("transactions", "amount"),
    "number": ("", ""),
    "integer": ("customers", "credit_grade"),
    "flag": ("customers", "consent"),
}


def read(kind, values, **formats):
    """The values of a column, each as it is read; NOT_READ for what breaks `.type`."""
    table, name = A_COLUMN[kind]
    table = CONTRACT[table]
    if not isinstance(values, pa.Array):
        values = pa.array(values, pa.string())
    others = tuple(c.name for c in table.columns if c.name != name)
    rows = pa.table(
        {
            "source_file": pa.array(["f"] * len(values)),
            "source_line": pa.array(range(len(values)), pa.int64()),
            name: values,
        }
    )
    con = ibis.duckdb.connect()
    how = Reading("Asia/Shanghai", Formats(**formats), others)
    as_of = dt.date(9999, 1, 1)
    checked = broken_rules(typed(con.create_table("t", rows), table, how), table, {}, as_of, how)
    checked = checked.order_by("source_line")
    faults, read_as = checked.select("broken", "emptied").to_pandas(), checked[name].to_pyarrow()
    return [
        NOT_READ if f"{name}.type" in broken + emptied else value
        for broken, emptied, value in zip(
            faults["broken"], faults["emptied"], read_as.to_pylist(), strict=True
        )
    ]


def check(kind, expected, **formats):
    assert dict(zip(expected, read(kind, list(expected), **formats), strict=True)) == expected


def day(text):
    return dt.date.fromisoformat(text)


def moment(text):
    return dt.datetime.fromisoformat(text)


def test_days():
    check(
        "date",
        {
            "2024-01-05": day("2024-01-05"),
            "2024-1-5": day("2024-01-05"),
            "2024/1/5": day("2024-01-05"),
            "2024.01.05": day("2024-01-05"),
            "20240105": day("2024-01-05"),
            "2020年10月3日": day("2020-10-03"),
            "9999-12-31": day("9999-12-31"),
            "2024-01-05 00:00:00": day("2024-01-05"),
            "2023-12-31T16:00:00Z": day("2024-01-01"),  # in the bank's zone
            "2023-12-31 16:00:00.000 +0000": day("2024-01-01"),
            "20-01-05": NOT_READ,
            "1/5/20": NOT_READ,
            "05/01/2024": NOT_READ,
            "0001-01-01": NOT_READ,
            "2024-02-30": NOT_READ,
            "2024-13-01": NOT_READ,
            "20241301": NOT_READ,
            "45292": NOT_READ,  # a spreadsheet's number of a day
            "infinity": NOT_READ,
            "epoch": NOT_READ,
            "2024-01-05 (BC)": NOT_READ,
            "2024-01-05 and more": NOT_READ,
            "  2024-01-05\u3000": day("2024-01-05"),
            "": None,
        },
    )


def test_moments():
    check(
        "timestamp",
        {
            "2024-01-05": moment("2024-01-05"),
            "2024-01-05 10:00": moment("2024-01-05T10:00"),
            "2024-01-05T10:00:00.5": moment("2024-01-05T10:00:00.5"),
            "2024-01-05 10:00:00.123456789": moment("2024-01-05T10:00:00.123456"),
            "2024/1/5 9:05:00": moment("2024-01-05T09:05"),
            "20240105 10:00:00": moment("2024-01-05T10:00"),
            "20240105100000": moment("2024-01-05T10:00"),
            "2024年1月5日 10:00:00": moment("2024-01-05T10:00"),
            "2024-01-05T10:00:00 UTC": moment("2024-01-05T18:00"),
            "2024-01-05T10:00:00Z": moment("2024-01-05T18:00"),
            "2024-01-05 10:00:00 +0800": moment("2024-01-05T10:00"),
            "2024-01-05 10:00:00+08": moment("2024-01-05T10:00"),
            "2024-01-05 10:00:00 -05:30": moment("2024-01-05T23:30"),
            "2024-01-05T10:00:00 PM": NOT_READ,
            "2024-01-05 10:00:00 CST": NOT_READ,
            "2024-01-05 10:00:00 Asia/Tokyo": NOT_READ,
            "2024-01-05 25:00:00": NOT_READ,
            "2024-01-05 10": NOT_READ,
            "10:00:00": NOT_READ,
            "infinity": NOT_READ,
        },
    )


def test_declared_ways_to_write_days():
    check(
        "timestamp",
        {
            "5.1.2024": moment("2024-01-05"),
            "05/01/2024 10:30 PM": moment("2024-01-05T22:30"),
            "2024-01-05": moment("2024-01-05"),
            "13/13/2024 10:30 PM": NOT_READ,
        },
        dates=["%d.%m.%Y", "%d/%m/%Y %I:%M %p"],
    )


def test_amounts():
    check(
        "amount",
        {
            "12.50": Decimal("12.50"),
            "-12.5": Decimal("-12.50"),
            "+12": Decimal(12),
            ".5": Decimal("0.50"),
            "5.": Decimal(5),
            "\u22125": Decimal(-5),  # the sign of minus itself
            "12.500": NOT_READ,
            "12.345": NOT_READ,
            "1,234.50": NOT_READ,
            "12,5": NOT_READ,
            "1e3": NOT_READ,
            "1_000": NOT_READ,
            "0x10": NOT_READ,
            "(5.00)": NOT_READ,
            "5.00-": NOT_READ,
            "5.00 DR": NOT_READ,
            "¥5.00": NOT_READ,
            "infinity": NOT_READ,
            "NaN": None,
            "-": None,
            ".": NOT_READ,
            "123456789012345678": NOT_READ,  # more than there is money
        },
    )


def test_decimals_of_the_currency():
    check("amount", {"12.500": Decimal("12.500"), "1.2345": NOT_READ}, decimals=3)
    check("amount", {"12": Decimal(12), "12.5": NOT_READ, "12.0": NOT_READ}, decimals=0)
    check("amount", {"12.3456": Decimal("12.3456")}, decimals=4)


def test_declared_ways_to_write_numbers():
    check(
        "amount",
        {
            "1,234.50": Decimal("1234.50"),
            "1234.50": Decimal("1234.50"),
            "1,23.50": NOT_READ,
            ",234.50": NOT_READ,
            "12,345,678": Decimal(12345678),
        },
        thousands=",",
    )
    check(
        "amount",
        {"1.234,50": Decimal("1234.50"), "-0,5": Decimal("-0.50"), "12.500": Decimal(12500)},
        decimal=",",
        thousands=".",
    )
    check("amount", {"1 234\u00a0567.50": Decimal("1234567.50")}, thousands=" ")
    check("amount", {"5.00-": Decimal(-5), "5.00": Decimal(5), "-5-": NOT_READ}, minus="after")
    check("amount", {"(5.00)": Decimal(-5), "(5": NOT_READ}, minus="brackets")


def test_whole_numbers():
    check(
        "integer",
        {
            "10": 10,
            "3.0": 3,
            "03": 3,
            "10.4": NOT_READ,
            "0x5": NOT_READ,
            "1e0": NOT_READ,
            "three": NOT_READ,
        },
    )


def test_flags():
    expected = dict.fromkeys(("true", "TRUE", "yes", "Y", "1", "1.0", "是"), True)
    expected |= dict.fromkeys(("false", "No", "n", "0", "否"), False)
    check("flag", expected | {"2": NOT_READ, "maybe": NOT_READ})


def test_identifiers():
    check(
        "id",
        {
            "A1": "A1",
            "\u00a0A2 \u3000": "A2",
            "0010": "0010",
            "6.22202E+18": NOT_READ,  # a spreadsheet lost its digits
            "6.2e18": NOT_READ,
            "5E1A": "5E1A",
            "NULL": None,
            r"\N": None,
            "N/A": None,
            "-": None,
            "": None,
            " ": None,
        },
    )


def test_words_for_nothing_can_be_changed():
    check("id", {"NULL": "NULL", "keine": None}, empty=["keine"])
    assert read("id", ["NULL"], empty=[]) == ["NULL"]


def test_what_came_as_numbers_and_times():
    assert read("id", pa.array([10.0, 2.5, None, 2.0**60, float("nan")])) == [
        "10",
        NOT_READ,
        None,
        NOT_READ,
        None,
    ]
    assert read("id", pa.array([7, 10], pa.int32())) == ["7", "10"]
    assert read("id", pa.array([Decimal("10.00"), Decimal("10.50")])) == ["10", NOT_READ]
    assert read("text", pa.array([5411.0, 2.5])) == ["5411", "2.5"]
    assert read("amount", pa.array([0.1 + 0.2, 12.345, 1e12 + 0.07, float("inf")])) == [
        Decimal("0.30"),
        NOT_READ,
        Decimal("1000000000000.07"),
        NOT_READ,
    ]
    assert read("amount", pa.array([Decimal("12.3400"), Decimal("12.3450")])) == [
        Decimal("12.34"),
        NOT_READ,
    ]
    assert read("integer", pa.array([10.0, 10.4])) == [10, NOT_READ]
    assert read("date", pa.array([20240105, 5], pa.int64())) == [day("2024-01-05"), NOT_READ]
    assert read("flag", pa.array([1, 0, 2], pa.int8())) == [True, False, NOT_READ]
    utc = pa.array([moment("2023-12-31T16:00")], pa.timestamp("us", "UTC"))
    assert read("date", utc) == [day("2024-01-01")]
    assert read("timestamp", utc) == [moment("2024-01-01")]
    assert read("date", pa.array([day("2024-01-05")])) == [day("2024-01-05")]
    assert read("timestamp", pa.array([moment("2024-01-05T10:00")], pa.timestamp("ns"))) == [
        moment("2024-01-05T10:00")
    ]


@pytest.mark.parametrize(
    ("formats", "told"),
    [
        ({"dates": ["%d.%m"]}, "names no whole day"),
        ({"dates": ["%Q"]}, "means nothing"),
        ({"decimal": ",", "thousands": ","}, "both ','"),
        ({"decimals": 9}, "less than or equal to 4"),
        ({"debit_credit": {"column": "side", "debit": [], "credit": ["C"]}}, "at least 1 item"),
        ({"decimal": ";"}, "Input should be"),
    ],
)
def test_formats_that_mean_nothing_are_refused(formats, told):
    with pytest.raises(ValidationError, match=told):
        Formats(**formats)


def test_every_type_of_the_contract_says_how_it_may_be_written():
    from analysis.contract.declaration import IBIS_TYPES
    from analysis.contract.values import ACCEPTED

    assert ACCEPTED.keys() == IBIS_TYPES.keys()
    assert pd.Series(list(ACCEPTED.values())).str.len().gt(0).all()
