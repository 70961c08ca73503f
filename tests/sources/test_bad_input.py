"""Every bad input that a bank can hand over, and the sentence it gets in return."""

import pandas as pd
import pytest

from analysis.errors import ContractError, ParametersError, SourceError
from analysis.prepare import prepare
from analysis.sources.land import embedded_engine, land
from analysis.sources.params import read_params


def landed(bank):
    with embedded_engine(bank) as con:
        return land(bank, con)


def quarantine(bank, table):
    return pd.read_parquet(bank.data_folder / "quarantine" / f"{table}.parquet")


def test_the_small_bank_is_good(small):
    verdicts = landed(small.bank())
    assert {n: v.rows_set_aside for n, v in verdicts.items() if v.delivered} == dict.fromkeys(
        small.tables, 0
    )


def test_a_missing_file_is_named_with_what_the_folder_holds(small):
    small.params["source"]["files"] = {"transactions": "moves.csv"}
    with pytest.raises(
        SourceError, match=r"moves\.csv .* does not exist\. The folder holds: .*transactions\.csv"
    ):
        landed(small.bank())


def test_a_missing_indispensable_table_is_named(small):
    bank = small.bank()
    (small.source / "accounts.csv").unlink()
    with pytest.raises(SourceError, match="accounts are indispensable"):
        landed(bank)


def test_a_wrong_separator_is_recognised(small):
    small.tables["customers"] = [line.replace(",", ";") for line in small.tables["customers"]]
    with pytest.raises(
        SourceError, match=r"is another character the separator \(source\.csv\.separator\)"
    ):
        landed(small.bank())


def test_a_wrong_encoding_is_named_with_others_to_try(small):
    small.tables["customers"][1] = small.tables["customers"][1].replace("Name 0", "王伟")
    with pytest.raises(SourceError, match=r"is not written in utf-8 .* gb18030"):
        landed(small.bank(encoding="gb18030"))
    small.params["source"]["csv"] = {"encoding": "gb18030"}
    assert landed(small.bank(encoding="gb18030"))["customers"].rows_set_aside == 0


def test_a_renamed_column_is_named_with_the_nearest_one(small):
    small.tables["transactions"][0] = small.tables["transactions"][0].replace(
        "booked_at", "booked_on"
    )
    with pytest.raises(SourceError, match=r"has no column 'booked_at'. It has: booked_on,"):
        landed(small.bank())


def test_duplicate_keys_unknown_accounts_and_future_dates_are_set_aside(small):
    first = small.tables["transactions"][1]
    small.tables["transactions"] += [
        first,
        "T90001,A999,2024-02-01,1,mobile,transfer",
        "T90002,A1,2031-02-01,1,mobile,transfer",
        "T90003,A1,not a day,1,mobile,transfer",
    ]
    bank = small.bank()
    verdict = landed(bank)["transactions"]
    assert verdict.set_aside == {
        "account_id.reference": 1,
        "booked_at.future": 1,
        "booked_at.type": 1,
        "unique_key": 1,
    }
    rows = quarantine(bank, "transactions")
    last = len(small.tables["transactions"])
    assert list(zip(rows["source_line"], rows["rule"], strict=True)) == [
        (last - 3, "unique_key"),
        (last - 2, "account_id.reference"),
        (last - 1, "booked_at.future"),
        (last, "booked_at.type"),
    ]
    assert set(rows["source_file"]) == {"transactions.csv"}
    assert verdict.accepted == len(small.tables["transactions"]) - 1 - 4


def test_too_many_bad_rows_stop_the_run_and_say_which(small):
    small.params["quarantine_limit"] = 0.05
    small.tables["customers"] = [
        line.replace("personal", "person") for line in small.tables["customers"]
    ]
    with pytest.raises(ContractError) as told:
        landed(small.bank())
    text = str(told.value)
    assert "customers: 83 of 83 rows break the contract, more than the 5%" in text
    # what is accepted and what was found come before the row
    assert (
        "customer_type.allowed: 83 rows. Accepted: one of personal, corporate. Found: 'person' "
        "(83). First: customers.csv line 2, C0." in text
    )
    assert text.count("customers.csv line ") == 1


def test_a_misspelt_key_is_refused_with_the_nearest_one(small):
    small.params["quarters"] = {"first": "2024Q1", "lats": "2024Q2"}
    with pytest.raises(
        ParametersError, match=r"'quarters\.lats' does not exist\. Valid: quarters\.last"
    ):
        small.bank()


def test_a_time_zone_that_does_not_exist_is_refused_with_the_nearest_one(small):
    small.params["timezone"] = "Asia/Shangai"
    with pytest.raises(
        ParametersError,
        match=r"The time zone 'Asia/Shangai' does not exist\. Valid: Asia/Shanghai, ",
    ):
        small.bank()


def test_a_missing_params_file_names_those_that_are_there(small):
    small.bank()
    with pytest.raises(ParametersError, match=r"smal\.yml' does not exist\. Valid: .*small\.yml"):
        read_params(small.folder / "smal.yml")


def test_yaml_that_would_run_code_is_refused(tmp_path):
    bad = tmp_path / "bad.yml"
    bad.write_text("bank: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(ParametersError, match="not valid YAML"):
        read_params(bad)


def test_a_table_that_disappears_is_not_kept_from_last_time(small):
    small.tables["products"] = ["product_id,name,kind", "P1,Account,current_account"]
    bank = small.bank()
    assert landed(bank)["products"].delivered
    (small.source / "products.csv").unlink()
    assert not landed(bank)["products"].delivered
    assert not (bank.data_folder / "contract" / "products.parquet").exists()


def quarters_built(prepared):
    """The quarters whose accounts were counted again."""
    return sorted(str(n.quarter) for n in prepared.done.steps if n.step == "account_quarter")


def test_unchanged_input_is_not_read_again_and_changed_input_rebuilds_its_quarter_only(small, only):
    only("account_quarter")
    bank = small.bank()
    assert quarters_built(prepare(bank)) == ["2024Q1", "2024Q2"]
    assert quarters_built(prepare(bank)) == []
    small.tables["transactions"].append("T90001,A1,2024-05-01,1,mobile,transfer")
    assert quarters_built(prepare(small.bank())) == ["2024Q2"]


def test_a_quarter_that_is_not_in_the_params_file_is_refused(small):
    from analysis.quarters import Quarter

    with pytest.raises(ParametersError, match=r"'2024Q3' does not exist\. Valid: 2024Q"):
        prepare(small.bank(), Quarter.parse("2024Q3"))


def test_a_wrong_code_is_one_sentence_with_what_is_accepted_and_found(small):
    header, *rows = small.tables["transactions"]
    small.tables["transactions"] = [
        header,
        *[
            row.replace(",transfer", ",XFER" if n % 3 else ",FEE2") if n < 30 else row
            for n, row in enumerate(rows)
        ],
        "T90001,A1,1/5/20,1,mobile,transfer",
        "T90002,A1,2024-02-01,12.345,mobile,transfer",
    ]
    verdict = landed(small.bank())["transactions"]
    assert verdict.faults[0].startswith("kind.allowed: 30 rows. Accepted: one of salary, pension")
    assert (
        "Found: 'XFER' (20), 'FEE2' (10). First: transactions.csv line 2, T1."
        in (verdict.faults[0])
    )
    assert verdict.faults[1:] == [
        "amount.type: 1 rows. Accepted: 1234.50, with as many decimals as the currency has. "
        "Of the form, 9 for a digit and a for a letter: '99.999' (1). "
        f"First: transactions.csv line {len(rows) + 3:,}, T90002.",
        "booked_at.type: 1 rows. Accepted: a day, and perhaps 18:30, 18:30:05, +08:00, Z or UTC "
        "behind it. Of the form, 9 for a digit and a for a letter: '9/9/99' (1). "
        f"First: transactions.csv line {len(rows) + 2:,}, T90001.",
    ]


def test_all_missing_tables_are_named_at_once(small):
    bank = small.bank()
    for name in ("accounts", "transactions"):
        (small.source / f"{name}.csv").unlink()
    with pytest.raises(SourceError, match="accounts, transactions are indispensable"):
        landed(bank)
