"""Values as files and params files bring them, from the source to what is accepted."""

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.errors import ParametersError, SourceError
from tests.conftest import HEADER
from tests.sources.test_bad_input import landed
from tests.sources.test_rows_kept_and_counted import change, row, rows

# --- a fault in a column that may be empty


def test_a_fault_in_an_optional_column_empties_the_value_and_costs_no_row(bank_of_two):
    made = bank_of_two
    made.tables["merchants"] = ["merchant_id,opens_hour,closes_hour,category_code"] + [
        f"M{i},morning,21,{'5411' if i else 'food'}" for i in range(5)
    ]
    made.tables["transactions"] = [f"{line}," for line in made.tables["transactions"]]
    made.tables["transactions"][0] = f"{HEADER},merchant_id"
    change(made, "transactions", 1, merchant_id="M1")
    change(made, "transactions", 2, merchant_id="M99")
    change(made, "customers", 3, credit_grade="11", born_on="2025-01-01")
    made.params["quarantine_limit"] = 0.0
    bank = made.bank()
    verdicts = landed(bank)
    assert verdicts["merchants"].accepted == 5
    assert verdicts["merchants"].emptied == {"opens_hour.type": 5, "category_code.pattern": 1}
    assert rows(bank, "merchants")["opens_hour"].isna().all()
    assert set(rows(bank, "merchants")["closes_hour"]) == {21}
    assert verdicts["transactions"].accepted == 1260
    assert verdicts["transactions"].emptied == {"merchant_id.reference": 1}
    assert row(bank, "transactions", "T1")["merchant_id"] == "M1"
    assert pd.isna(row(bank, "transactions", "T2")["merchant_id"])
    assert verdicts["customers"].emptied == {"born_on.future": 1, "credit_grade.maximum": 1}
    assert pd.isna(row(bank, "customers", "C2")["credit_grade"])
    kept = pd.read_parquet(bank.data_folder / "quarantine" / "customers_values.parquet")
    (fault,) = kept.itertuples()
    assert (fault.source_line, fault.key) == (4, "C2")
    assert set(fault.rule.split(", ")) == {"born_on.future", "credit_grade.maximum"}
    assert "credit_grade=11; " in fault.row_as_read


def test_a_referenced_table_without_any_row_costs_no_row(bank_of_two):
    made = bank_of_two
    made.tables["merchants"] = ["merchant_id"]
    made.tables["transactions"] = [f"{line}," for line in made.tables["transactions"]]
    made.tables["transactions"][0] = f"{HEADER},merchant_id"
    made.params["quarantine_limit"] = 0.0
    assert landed(made.bank())["transactions"].accepted == 1260


def test_where_an_empty_value_says_something_a_fault_costs_the_row(bank_of_two):
    made = bank_of_two
    made.tables["accounts"] = [f"{line}," for line in made.tables["accounts"]]
    made.tables["accounts"][0] += "closed_on"
    change(made, "accounts", 1, closed_on="last week")
    change(made, "accounts", 2, opening_balance="a thousand")
    verdict = landed(made.bank())["accounts"]
    assert verdict.set_aside == {"closed_on.type": 1, "opening_balance.type": 1}
    assert verdict.emptied == {}


def test_words_for_nothing_are_empty_and_counted(bank_of_two):
    for line, word in enumerate(("NULL", r"\N", "N/A", "-", ""), 1):
        change(bank_of_two, "transactions", line, counterparty_account=word)
    bank = bank_of_two.bank()
    verdict = landed(bank)["transactions"]
    assert verdict.empty_words == {"counterparty_account": 4}
    assert rows(bank, "transactions")["counterparty_account"].isna().sum() == 5
    bank_of_two.params["formats"] = {"empty": ["-"]}
    bank = bank_of_two.bank()
    assert landed(bank)["transactions"].empty_words == {"counterparty_account": 1}
    assert (rows(bank, "transactions")["counterparty_account"] == "NULL").sum() == 1


# --- formats


def test_a_decimal_comma_and_a_side_of_the_account(bank_of_two):
    made = bank_of_two
    head = HEADER.replace(",", ";") + ";side"
    made.tables["transactions"] = [
        head,
        "T1;A0;5.1.2024;1.234,50;mobile;transfer;;;D",
        "T2;A0;6.1.2024;20,00;mobile;transfer;;; C ",
        "T3;A0;7.1.2024;-5,00;mobile;transfer;;;D",  # a reversal
        "T4;A0;8.1.2024;5,00;mobile;transfer;;;X",
        "T5;A0;8.1.2024;5,00;mobile;transfer;;;",
    ]
    for name in set(made.tables) - {"transactions"}:
        made.tables[name] = [line.replace(",", ";") for line in made.tables[name]]
    made.tables["accounts"] = [
        line.replace("1000.00", "1.000,00") for line in made.tables["accounts"]
    ]
    made.params["source"]["csv"] = {"separator": ";"}
    made.params["formats"] = {
        "decimal": ",",
        "thousands": ".",
        "dates": ["%d.%m.%Y"],
        "debit_credit": {"column": "Side", "debit": ["D"], "credit": ["C"]},
    }
    bank = made.bank()
    verdicts = landed(bank)
    assert verdicts["transactions"].set_aside == {"amount.type": 2}
    assert list(rows(bank, "transactions").sort_values("transaction_id")["amount"]) == [
        Decimal("-1234.50"),
        Decimal(20),
        Decimal(5),
    ]
    assert set(rows(bank, "accounts")["opening_balance"]) == {Decimal(1000)}


def test_a_side_that_is_not_there_is_refused_naming_the_columns(bank_of_two):
    bank_of_two.params["formats"] = {
        "debit_credit": {"column": "sides", "debit": ["D"], "credit": ["C"]}
    }
    with pytest.raises(SourceError, match=r"debit_credit\.column .* no column 'sides'\. It has: "):
        landed(bank_of_two.bank())


def test_an_unknown_format_is_refused_with_the_valid_ones(bank_of_two):
    bank_of_two.params["formats"] = {"decimals_": 3}
    with pytest.raises(
        ParametersError, match=r"'formats\.decimals_' does not exist\. Valid: forma"
    ):
        bank_of_two.bank()


def test_a_currency_of_three_decimals_keeps_them(bank_of_two):
    change(bank_of_two, "transactions", 1, amount="12.505")
    change(bank_of_two, "accounts", 1, opening_balance="0.125")
    bank = bank_of_two.bank()
    assert landed(bank)["accounts"].set_aside == {"opening_balance.type": 1}
    bank_of_two.params["formats"] = {"decimals": 3}
    bank = bank_of_two.bank()
    verdicts = landed(bank)
    assert verdicts["transactions"].rows_set_aside == verdicts["accounts"].rows_set_aside == 0
    assert row(bank, "transactions", "T1")["amount"] == Decimal("12.505")
    assert row(bank, "accounts", "A0")["opening_balance"] == Decimal("0.125")


# --- codes


@pytest.mark.parametrize("blank", ["  ", "\u00a0", "\u3000"])
def test_codes_padded_with_blanks_are_codes(bank_of_two, blank):
    change(bank_of_two, "transactions", 1, channel=f"1{blank}", account_id=f"A0{blank}")
    change(bank_of_two, "transactions", 2, channel=f"mobile{blank}")
    bank_of_two.params["tables"] = {
        "transactions": {
            "from": "transactions",
            "columns": {"channel": {"column": "channel", "codes": {"1": "branch"}}},
        }
    }
    bank = bank_of_two.bank()
    assert landed(bank)["transactions"].emptied == {}
    assert row(bank, "transactions", "T1")["channel"] == "branch"
    assert row(bank, "transactions", "T1")["account_id"] == "A0"
    assert row(bank, "transactions", "T2")["channel"] == "mobile"


def test_numbers_and_no_are_codes_in_the_params_file(bank_of_two):
    for line, code in enumerate(("1", "NO", "007", "1.5", "2024-01-01", "~"), 1):
        change(bank_of_two, "transactions", line, channel=code)
    path = bank_of_two.bank().path
    path.write_text(
        path.read_text()
        + "tables:\n  transactions:\n    from: transactions\n    columns:\n      channel:\n"
        + "        column: channel\n        codes: {1: branch, NO: atm, 007: pos, 1.5: online, "
        + "2024-01-01: phone, ~: other, x: NO}\n"
    )
    from analysis.sources.params import read_params

    bank = read_params(path)
    assert bank.tables["transactions"].columns["channel"].codes["x"] == "false"
    assert landed(bank)["transactions"].emptied == {}
    assert [row(bank, "transactions", f"T{n}")["channel"] for n in range(1, 7)] == [
        "branch",
        "atm",
        "pos",
        "online",
        "phone",
        "other",
    ]


@pytest.mark.parametrize("name", ["Transactions", "TRANSACTIONS"])
def test_tables_and_columns_are_known_in_any_letters(bank_of_two, name):
    bank_of_two.tables[name] = [HEADER.upper(), *bank_of_two.tables.pop("transactions")[1:]]
    assert landed(bank_of_two.bank())["transactions"].accepted == 1260


# --- Parquet


def as_parquet(made, name, table):
    bank = made.bank()
    (made.source / f"{name}.csv").unlink()
    pq.write_table(table, made.source / f"{name}.parquet")
    return bank


def transactions_of(made):
    head, *lines = made.tables["transactions"]
    return pd.DataFrame([line.split(",") for line in lines], columns=head.split(","))


def test_parquet_times_in_nanoseconds_with_a_zone(bank_of_two):
    frame = transactions_of(bank_of_two)
    zoned = pd.to_datetime(frame["booked_at"]).dt.tz_localize("UTC").astype("datetime64[ns, UTC]")
    frame["booked_at"] = zoned.dt.tz_convert("Europe/Prague")
    frame["amount"] = frame["amount"].astype(float)
    bank = bank_of_two.bank()
    (bank_of_two.source / "transactions.csv").unlink()
    frame.to_parquet(bank_of_two.source / "transactions.parquet")
    assert landed(bank)["transactions"].accepted == 1260
    assert str(row(bank, "transactions", "T1")["booked_at"]) == "2024-01-01 18:00:00"


def test_parquet_numbers_as_identifiers_and_text_without_its_annotation(bank_of_two):
    made = bank_of_two
    for name, column in (("accounts", 0), ("account_holders", 0), ("transactions", 1)):
        head, *lines = made.tables[name]
        fields = [line.split(",") for line in lines]
        for line in fields:
            line[column] = line[column].removeprefix("A")
        made.tables[name] = [head, *(",".join(line) for line in fields)]
    frame = transactions_of(made)
    arrow = pa.table(
        {
            **{c: pa.array(frame[c]) for c in frame if c not in ("account_id", "memo")},
            "account_id": pa.array(frame["account_id"].astype(float)),
            "memo": pa.array(["房租".encode()] * len(frame), pa.binary()),
        }
    )
    bank = as_parquet(made, "transactions", arrow)
    assert landed(bank)["transactions"].accepted == 1260
    found = row(bank, "transactions", "T11")
    assert (found["account_id"], found["memo"]) == ("10", "房租")


def test_parquet_files_with_other_columns_are_refused(bank_of_two):
    frame = transactions_of(bank_of_two)
    bank = bank_of_two.bank()
    (bank_of_two.source / "transactions.csv").unlink()
    folder = bank_of_two.source / "transactions"
    folder.mkdir()
    frame[:600].to_parquet(folder / "1.parquet")
    frame[600:].rename(columns={"memo": "remark"}).to_parquet(folder / "2.parquet")
    with pytest.raises(SourceError, match=r"Only here: remark\. Only there: memo"):
        landed(bank)
    frame[600:].to_parquet(folder / "2.parquet")
    assert landed(bank)["transactions"].accepted == 1260
    (folder / "3.csv").write_text("transaction_id\n")
    with pytest.raises(SourceError, match="Parquet and text files side by side"):
        landed(bank)


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing else", b"\0" * 100])
def test_a_parquet_file_that_is_none_is_refused_in_a_sentence(bank_of_two, content):
    bank = bank_of_two.bank()
    (bank_of_two.source / "transactions.csv").unlink()
    (bank_of_two.source / "transactions.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"transactions\.parquet cannot be read"):
        landed(bank)


# --- settings that cannot be used


@pytest.mark.parametrize(
    ("memory", "told"),
    [
        ("8 gigs", r"engine\.memory: no amount of memory; write it as 8GB or 500MB"),
        ("10KB", r"engine\.memory: too little to read a bank's tables; 256MB are needed"),
        ("much", r"engine\.memory: no amount"),
    ],
)
def test_memory_that_is_none_or_too_little_is_refused(bank_of_two, memory, told):
    bank_of_two.params["engine"] = {"memory": memory}
    with pytest.raises(ParametersError, match=told):
        bank_of_two.bank()


@pytest.mark.parametrize("key", ["data", "outputs"])
@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_where_a_folder_has_to_be_is_refused(bank_of_two, key, below):
    file = bank_of_two.folder / "file"
    file.write_text("")
    bank_of_two.params[key] = str(file / below)
    with pytest.raises(ParametersError, match=rf"{key} has to name a folder; .*file is a file"):
        bank_of_two.bank()


def test_an_engine_that_is_short_of_memory_is_told_what_to_do(bank_of_two):
    from analysis.sources.land import embedded_engine

    bank = bank_of_two.bank()
    advice = r"could not go on: .*Raise engine\.memory in the params"
    with pytest.raises(SourceError, match=advice), embedded_engine(bank) as con:
        con.raw_sql("SET memory_limit = '2MB'; SET max_temp_directory_size = '0KB'")
        con.raw_sql("CREATE TABLE t AS SELECT DISTINCT range FROM range(5000000)")
