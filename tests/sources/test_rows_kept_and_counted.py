"""What banks really deliver, and what becomes of every row: no one vanishes or changes without a
word. Each file was found in public bug reports, or is what core systems and spreadsheets export.
"""

import gzip
import os
import zipfile
from decimal import Decimal

import pandas as pd
import pytest

from analysis.errors import ContractError, ParametersError, SourceError
from analysis.prepare import prepare
from analysis.sources.land import changed_tables
from analysis.storage import rows_of
from tests.conftest import HEADER, SmallBank
from tests.sources.test_bad_input import landed, quarantine


def rows(bank, table):
    path = bank.data_folder / "contract" / f"{table}.parquet"
    files = [path] if path.exists() else sorted(path.with_suffix("").rglob("*.parquet"))
    return pd.concat([pd.read_parquet(f) for f in files], ignore_index=True)


def row(bank, table, key):
    found = rows(bank, table)
    return found[found.iloc[:, 0] == key].iloc[0]


def change(made, table, line, **values):
    """Other values in a line; the first below the header is 1."""
    columns = made.tables[table][0].split(",")
    fields = made.tables[table][line].split(",")
    for name, value in values.items():
        fields[columns.index(name)] = value
    made.tables[table][line] = ",".join(fields)


def test_a_file_without_a_header_is_told_without_its_first_row(bank_of_two):
    """Which may hold a name."""
    change(bank_of_two, "transactions", 1, memo="Zhang San")
    bank_of_two.tables["transactions"] = bank_of_two.tables["transactions"][1:]
    with pytest.raises(SourceError, match="reads like a row, not like the names") as told:
        landed(bank_of_two.bank())
    assert "Zhang" not in str(told.value) and "T1" not in str(told.value)


# --- rows counted independently of the reader


def test_a_quote_that_is_never_closed_swallows_no_row_without_a_word(bank_of_two):
    change(bank_of_two, "transactions", 5, memo='"12 inch')
    change(bank_of_two, "transactions", 900, memo='"rent, May"')
    bank_of_two.params["quarantine_limit"] = 0.9
    bank = bank_of_two.bank()
    verdict = landed(bank)["transactions"]
    assert verdict.rows == 1260
    assert verdict.set_aside == {"unreadable_line": 896}
    assert list(quarantine(bank, "transactions")["source_line"]) == list(range(6, 902))
    assert verdict.accepted == len(rows(bank, "transactions")) == 1260 - 896
    bank_of_two.params["quarantine_limit"] = 0.05
    with pytest.raises(ContractError, match="896 of 1,260 rows"):
        landed(bank_of_two.bank())


@pytest.mark.parametrize(
    ("closing", "lost"),
    [
        ('5 inch"', 896),  # as a well-formed value over 896 lines would end
        ("rent", 1256),  # never
    ],
)
def test_a_quote_closed_elsewhere_or_nowhere_is_the_same(bank_of_two, closing, lost):
    change(bank_of_two, "transactions", 5, memo='"12 inch')
    change(bank_of_two, "transactions", 900, memo=closing)
    bank_of_two.params["quarantine_limit"] = 1.0
    verdict = landed(bank_of_two.bank())["transactions"]
    assert (verdict.rows, verdict.rows_set_aside) == (1260, lost)


def test_a_value_over_several_lines_is_one_row_and_later_lines_keep_their_numbers(bank_of_two):
    change(bank_of_two, "transactions", 5, memo='"rent\nfor May, flat 3\n\nand ""garage"""')
    change(bank_of_two, "transactions", 9, booked_at="never")
    bank = bank_of_two.bank()
    verdict = landed(bank)["transactions"]
    assert (verdict.rows, verdict.set_aside) == (1260, {"booked_at.type": 1})
    assert list(quarantine(bank, "transactions")["source_line"]) == [13]
    memo = row(bank, "transactions", "T5")["memo"]
    assert memo == 'rent\nfor May, flat 3\n\nand "garage"'


@pytest.mark.parametrize(
    "line", ["T9001,A1,2024-02-01", "T9001,A1,2024-02-01,1,mobile,transfer,a,b,c,d", "?"]
)
def test_a_line_with_too_few_or_too_many_columns_is_set_aside_with_its_number(bank_of_two, line):
    bank_of_two.tables["transactions"].insert(100, line)
    bank_of_two.tables["transactions"].append(bank_of_two.tables["transactions"][1])
    bank = bank_of_two.bank()
    verdict = landed(bank)["transactions"]
    assert verdict.rows == 1262
    aside = quarantine(bank, "transactions")
    assert dict(zip(aside["source_line"], aside["rule"], strict=True)) == {
        101: "unreadable_line",
        1263: "unique_key",
    }
    assert line in set(aside["row_as_read"])


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r\n", 600),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\n\n", 30),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\n\n",
        lambda text: text + "\x1a",
        lambda text: text.replace("\n", ",\n"),
        lambda text: "\ufeff" + text,
        lambda text: "sep=;\n" + text.replace(",", ";"),
        lambda text: '\ufeff"sep=,"\r\n' + text,
    ],
    ids=[
        "dos",
        "mixed",
        "mac",
        "blank lines",
        "no last line end",
        "blank end",
        "end-of-file sign",
        "trailing separator",
        "byte order mark",
        "sep=;",
        "sep=, behind a mark",
    ],
)
def test_the_ways_systems_write_lines_lose_no_row(bank_of_two, write):
    bank = bank_of_two.bank()
    file = bank_of_two.source / "transactions.csv"
    text = file.read_text()
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(write(text))
    verdict = landed(bank)["transactions"]
    assert (verdict.rows, verdict.rows_set_aside) == (1260, 0)
    assert rows(bank, "transactions")["amount"].sum() == Decimal(12600)


@pytest.mark.parametrize("pack", ["gz", "zip", "named only zip"])
def test_packed_files_are_read(bank_of_two, pack):
    bank = bank_of_two.bank()
    file = bank_of_two.source / "transactions.csv"
    if pack == "gz":
        (file.with_suffix(".csv.gz")).write_bytes(gzip.compress(file.read_bytes()))
    else:
        name = "transactions.zip" if "only" in pack else "transactions.csv.zip"
        with zipfile.ZipFile(file.with_name(name), "w") as archive:
            archive.write(file, "transactions.csv")
    file.unlink()
    assert landed(bank)["transactions"].accepted == 1260


def test_a_packed_file_that_is_cut_off_is_refused_in_a_sentence(bank_of_two):
    bank = bank_of_two.bank()
    file = bank_of_two.source / "transactions.csv"
    whole = gzip.compress(file.read_bytes())
    (file.with_suffix(".csv.gz")).write_bytes(whole[: len(whole) // 2])
    file.unlink()
    with pytest.raises(SourceError, match=r"transactions\.csv\.gz cannot be unpacked"):
        landed(bank)


# --- which file a row stood in


def in_two_folders(made):
    """The transactions in a file of the same name in two folders, T11 in both."""
    made.params["source"]["files"] = {
        name: f"{name}.csv" for name in made.tables if name != "transactions"
    } | {"transactions": "*/transactions.csv"}
    bank = made.bank()
    (made.source / "transactions.csv").unlink()
    head, *lines = made.tables["transactions"]
    first, second = lines[:600], lines[600:1198]
    for name, part in (("north", first), ("south", [*second[:10], first[10], *second[10:]])):
        (made.source / name).mkdir()
        (made.source / name / "transactions.csv").write_text("\n".join([head, *part]) + "\n")
    return bank


def test_a_file_is_known_by_its_path(bank_of_two):
    bank = in_two_folders(bank_of_two)
    verdict = landed(bank)["transactions"]
    assert verdict.rows == 1199
    assert verdict.set_aside == {"unique_key": 1}
    (aside,) = quarantine(bank, "transactions").itertuples()
    assert (aside.source_file, aside.source_line, aside.key) == (
        "south/transactions.csv",
        12,
        "T11",
    )
    assert (rows(bank, "transactions")["transaction_id"] == "T11").sum() == 1


def test_monthly_files_in_a_folder_are_one_table(bank_of_two):
    bank = bank_of_two.bank()
    (bank_of_two.source / "transactions.csv").unlink()
    head, *lines = bank_of_two.tables["transactions"]
    (bank_of_two.source / "transactions").mkdir()
    for month in range(6):
        part = bank_of_two.source / "transactions" / f"2024-0{month + 1}.csv"
        part.write_text("\n".join([head, *lines[month::6]]) + "\n")
    assert landed(bank)["transactions"].accepted == 1260


def test_a_month_with_other_columns_is_refused(bank_of_two):
    bank = in_two_folders(bank_of_two)
    south = bank_of_two.source / "south" / "transactions.csv"
    south.write_text(south.read_text().replace("memo", "remark", 1))
    with pytest.raises(SourceError, match=r"Only here: remark\. Only there: memo"):
        landed(bank)


@pytest.mark.parametrize("beside", ["accounts.parquet", "Accounts.csv", "accounts.csv.gz"])
def test_two_files_of_one_table_side_by_side_are_refused_naming_both(bank_of_two, beside):
    bank = bank_of_two.bank()
    (bank_of_two.source / beside).write_bytes(b"")
    with pytest.raises(SourceError) as told:
        landed(bank)
    assert "accounts.csv" in str(told.value) and beside in str(told.value)


@pytest.mark.parametrize("name", ["bank [12]", "it's", "50% *", "what?", "a{b,c}", "büro 北京"])
def test_names_of_folders_are_taken_literally(tmp_path, name):
    made = SmallBank(tmp_path / name)
    for sibling in ("bank 1", "50% x", "whatX"):
        other = SmallBank(tmp_path / sibling)
        other.tables["customers"] = other.tables["customers"][:5]
        other.bank()
    bank = made.bank()
    verdicts = landed(bank)
    assert verdicts["transactions"].accepted == len(made.tables["transactions"]) - 1
    assert verdicts["customers"].accepted == 83
    assert landed(bank)["transactions"].reused


# --- what a mapping reads


def test_an_unreadable_line_of_a_joined_file_is_set_aside(bank_of_two):
    made = bank_of_two
    made.tables["extra"] = ["customer_id,grade"] + [f"C{i},{1 + i % 9}" for i in range(20)]
    made.tables["extra"][7] = "C6,1,2,3"
    made.params["tables"] = {
        "customers": {
            "from": {
                "sql": "select c.*, e.grade from customers c join extra e using (customer_id)"
            },
            "columns": {"credit_grade": "grade"},
        }
    }
    bank = made.bank()
    verdict = landed(bank)["customers"]
    assert (verdict.rows, verdict.set_aside) == (20, {"unreadable_line": 1})
    assert list(quarantine(bank, "customers")["source_file"]) == ["extra.csv"]


@pytest.mark.parametrize("written", ["Grades", "GRADES", '"grades"', "grades"])
def test_a_look_up_used_in_a_column_alone_counts(bank_of_two, written):
    made = bank_of_two
    made.tables["grades"] = ["word,grade", "good,2", "bad,9"]
    grade = f"(select g.grade from {written} g where g.word = 'good')"
    made.params["tables"] = {
        "customers": {"from": "customers", "columns": {"credit_grade": {"sql": grade}}}
    }
    bank = made.bank()
    landed(bank)
    assert set(rows(bank, "customers")["credit_grade"]) == {2}
    made.tables["grades"][1] = "good,4"
    bank = made.bank()
    assert "customers" in changed_tables(bank)
    assert not landed(bank)["customers"].reused
    assert set(rows(bank, "customers")["credit_grade"]) == {4}


@pytest.mark.parametrize(
    "query",
    [
        "select * from (values ('P1', 'Account', 'current_account')) as p(product_id, name, kind)",
        "values ('P1', 'Account', 'current_account')",
        "select * from things",
        "select t.* from branches b join things t on true where b.branch_id = 'B1'",
    ],
)
def test_a_table_from_values_or_a_star_is_read(bank_of_two, query):
    bank_of_two.tables["things"] = ["product_id,name,kind", "P1,Account,current_account"]
    columns = {"product_id": "col0", "name": "col1", "kind": "col2"}
    mapping = {"from": {"sql": query}}
    if query.startswith("values"):
        mapping["columns"] = columns
    bank_of_two.params["tables"] = {"products": mapping}
    assert landed(bank_of_two.bank())["products"].accepted == 1


def test_content_counts_also_where_size_and_time_are_the_same(bank_of_two):
    bank = bank_of_two.bank()
    landed(bank)
    file = bank_of_two.source / "transactions.csv"
    before = file.stat()
    file.write_text(file.read_text().replace("10.00", "20.00"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert not landed(bank)["transactions"].reused
    assert rows(bank, "transactions")["amount"].sum() == Decimal(25200)


def test_another_separator_is_another_reading(bank_of_two):
    bank = bank_of_two.bank()
    landed(bank)
    bank_of_two.params["source"]["csv"] = {"separator": ";"}
    with pytest.raises(SourceError, match=r"source\.csv\.separator"):
        landed(bank_of_two.bank())


# --- time


def test_the_history_before_the_first_quarter_counts(bank_of_two, only):
    only("customer_quarter")
    made = bank_of_two
    made.tables["transactions"] = [
        HEADER,
        "T0,A0,2023-11-05 10:00:00,500.00,mobile,transfer,,",
        "T1,A0,2024-01-05 10:00:00,301.50,mobile,transfer,,",
        "T2,A1,2023-11-05 10:00:00,70.00,system,interest,,",
    ]
    change(made, "accounts", 1, opening_balance="500.00")
    change(made, "accounts", 2, opening_balance="")
    made.params["quarters"] = {"first": "2024Q1", "last": "2024Q1"}
    made.params["as_of"] = "2024-03-31"
    bank = made.bank()
    prepare(bank)
    mart = pd.concat(
        pd.read_parquet(f)
        for f in (bank.data_folder / "marts" / "account_quarter").rglob("*.parquet")
    ).set_index("account_id")
    assert mart.loc["A0", ["balance_start", "balance_end"]].tolist() == [
        Decimal(1000),
        Decimal("1301.50"),
    ]
    assert mart.loc["A1", "balance_start"] == Decimal(70)
    assert str(mart.loc["A0", "last_on"])[:10] == "2024-01-05"
    assert pd.isna(mart.loc["A1", "last_on"])  # interest is no entry of the customer's


def test_a_customer_since_after_the_quarter_has_no_tenure_yet(bank_of_two, only):
    only("customer_quarter")
    change(bank_of_two, "customers", 1, since="2024-06-30", born_on="2024-06-01")
    bank_of_two.params["as_of"] = "2024-07-01"
    bank = bank_of_two.bank()
    prepare(bank)
    mart = pd.concat(
        pd.read_parquet(f)
        for f in (bank.data_folder / "marts" / "customer_quarter" / "quarter=2024Q1").rglob(
            "*.parquet"
        )
    ).set_index("customer_id")
    assert pd.isna(mart.loc["C0", "tenure_years"])
    assert pd.isna(mart.loc["C0", "age_years"])
    assert mart.loc["C1", "tenure_years"] == pytest.approx(4.25, abs=0.01)


# --- files the engine cannot take


@pytest.mark.parametrize("twice", ["Memo", "memo"])
def test_columns_that_differ_in_capitals_only_are_refused(bank_of_two, twice):
    bank_of_two.tables["transactions"] = [
        f"{line},x" for line in bank_of_two.tables["transactions"]
    ]
    bank_of_two.tables["transactions"][0] = f"{HEADER},{twice}"
    with pytest.raises(SourceError, match="Rename one of them"):
        landed(bank_of_two.bank())


@pytest.mark.parametrize("name", ["source_line", "source_file", "filename", "line", "raw"])
def test_a_column_may_have_a_name_of_ours(bank_of_two, name):
    bank_of_two.tables["transactions"] = [
        f"{line},x" for line in bank_of_two.tables["transactions"]
    ]
    bank_of_two.tables["transactions"][0] = f"{HEADER},{name}"
    bank = bank_of_two.bank()
    assert landed(bank)["transactions"].accepted == 1260
    file = bank_of_two.source / "transactions.csv"
    pd.read_csv(file, dtype=str).to_parquet(file.with_suffix(".parquet"))
    file.unlink()
    assert landed(bank)["transactions"].accepted == 1260


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ("", r"source\.files\.transactions .* is empty"),
        ("/nowhere/at/all.csv", "does not exist"),
        ("*.xlsx", "does not exist"),
    ],
)
def test_a_path_that_is_no_file_is_refused_in_a_sentence(bank_of_two, files, told):
    bank_of_two.params["source"]["files"] = {"transactions": files}
    with pytest.raises(SourceError, match=told):
        landed(bank_of_two.bank())


def test_an_absolute_path_and_a_folder_are_read(bank_of_two):
    bank = bank_of_two.bank()
    folder = bank_of_two.folder / "else where [1]"
    folder.mkdir()
    (bank_of_two.source / "transactions.csv").rename(folder / "july.csv")
    for files in (str(folder / "july.csv"), str(folder)):
        bank_of_two.params["source"]["files"] = {
            **{n: f"{n}.csv" for n in bank_of_two.tables},
            "transactions": files,
        }
        bank = bank_of_two.bank()
        (bank_of_two.source / "transactions.csv").unlink()
        assert landed(bank)["transactions"].accepted == 1260


def test_an_encoding_that_is_none_is_refused_before_anything_is_read(bank_of_two):
    bank_of_two.params["source"]["csv"] = {"encoding": "gb18031"}
    with pytest.raises(ParametersError, match=r"source\.csv\.encoding: not an encoding"):
        bank_of_two.bank()


def test_rows_of_files_in_a_folder_named_like_a_pattern_are_found(tmp_path):
    from ibis import duckdb

    folder = tmp_path / "a[b]*"
    folder.mkdir()
    pd.DataFrame({"x": [1]}).to_parquet(folder / "it's?.parquet")
    assert rows_of(duckdb.connect(), [folder / "it's?.parquet"]).count().execute() == 1


def test_a_value_longer_than_the_standard_library_expects_is_read(bank_of_two):
    text = '"""' + "rent, and\n" * 20_000 + '"""'
    change(bank_of_two, "transactions", 5, memo="LONG")
    bank_of_two.tables["transactions"][5] = bank_of_two.tables["transactions"][5].replace(
        "LONG", text.replace("\n", " ")
    )
    change(bank_of_two, "transactions", 7, memo='"two\nlines"')
    bank = bank_of_two.bank()
    assert landed(bank)["transactions"].accepted == 1260
    assert len(row(bank, "transactions", "T5")["memo"]) == 200_002
