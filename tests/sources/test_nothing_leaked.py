"""What a terminal, a log or cron's mail is told says nothing of a person and no password; what the
params file says cannot do anything but be read.
"""

import io
import time

import duckdb
import pytest
from rich.table import Table

from analysis.cli import app
from analysis.errors import ParametersError, engine_says, without_secrets
from analysis.sources.params import read_params
from analysis.terminal import Terminal, json_line
from tests.runs.command import call, told

NAMES = ("Wang Xiuying", "王秀英")


@pytest.fixture
def bad_rows(small):
    """Rows that break rules of every kind, with names, birth dates and addresses in them."""
    small.tables["customers"] = [
        "customer_id,customer_type,branch_id,name,since,born_on,address"
    ] + [f"{row},Elm Street {n}" for n, row in enumerate(small.tables["customers"][1:], 1)]
    small.tables["customers"] += [
        "C900,person,B1,Wang Xiuying,2020-01-01,1980-05-01,12 Elm Street",  # a code
        "C901,personal,B1,王秀英,2020-01-01,on the 3rd of May 1980,人民路88号",  # a birth date
        "C902,personal,Wang Xiuying,,1980-05-01,Elm Street,12",  # split at the wrong place
        "Wang Xiuying,personal,B9,C903,2020-01-01,1980-05-01,",  # a name for a key
        'C904,personal,B1,"Wang Xiuying,2020-01-01',  # a line that cannot be split
    ]
    return small


@pytest.mark.parametrize("command", ["check", "prepare", "run"])
def test_no_name_birth_date_or_address_of_a_row_is_told(bad_rows, only, command):
    if command == "prepare":
        only("account_quarter")
    bad_rows.params["quarantine_limit"] = 0.0
    said = told(call(app, command, str(bad_rows.bank().path)))
    assert "customers.csv line 85" in said and "C900" in said
    assert "customer_type.allowed: 1 rows" in said
    assert "Found: 'person' (1)" in said  # what says nothing of a person helps
    for secret in (*NAMES, "1980", "3rd of May", "Elm", "人民路"):
        assert secret not in said, said


@pytest.mark.parametrize("command", ["check", "prepare"])
def test_what_stands_in_the_wrong_column_is_told_by_its_form_only(small, only, command):
    """Two columns changed places in a file: each row breaks one or two rules."""
    if command == "prepare":
        only("account_quarter")
    small.params["quarantine_limit"] = 0.0
    header, *rows = small.tables["customers"]
    small.tables["customers"] = [
        f"{header},sex,income,consent",
        *[f"{row},,," for row in rows],
        "C900,Zelda Quux,B1,,2020-01-01,,,,",
        "C901,personal,ZELDA-QUUX-1971,,2020-01-01,,,,",
        "C902,personal,B1,,2020-01-01,,ZELDA7QUUX,1971-13-45,12 Secret Lane",
    ]
    said = told(call(app, command, str(small.bank().path)))
    assert "customer_type.allowed: 1 rows" in said and "'aaaaa aaaa' (1)" in said
    for secret in ("Zelda", "ZELDA", "1971", "Secret"):
        assert secret not in said, said


def test_the_rows_themselves_are_in_the_quarantine(bad_rows, only):
    only("account_quarter")
    bank = bad_rows.bank()
    call(app, "prepare", str(bank.path))
    folder = bank.data_folder / "quarantine"
    rows, values = (
        duckdb.sql(f"select row_as_read from '{folder / name}.parquet'").fetchall()
        for name in ("customers", "customers_values")
    )
    assert len(rows) == 4 and any("12 Elm Street" in row for (row,) in rows)
    assert len(values) == 1 and "王秀英" in values[0][0]  # only the birth date cannot be read


@pytest.mark.parametrize("value", ["a; channel=secret", "back\\slash; x=1", "a\\;b"])
def test_a_value_cannot_pass_for_another_column(small, only, value):
    only("account_quarter")
    from analysis.contract.checks import as_read

    header, first, *rows = small.tables["transactions"]
    small.tables["transactions"] = [header, first.replace(",mobile,", f',"{value}",'), *rows]
    bank = small.bank()
    call(app, "prepare", str(bank.path))
    path = bank.data_folder / "quarantine" / "transactions.parquet"
    [(row,)] = duckdb.sql(f"select row_as_read from '{path}'").fetchall()
    assert as_read(row, "channel") == value


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://crm:p@ss@nowhere.invalid/bank",
        "postgresql://:p@ss@nowhere.invalid/bank",
        "postgresql://nowhere.invalid/bank?user=crm&password=p@ss",
        "postgresql://crm:p%40ss@nowhere.invalid:99999/bank",
        "postgresql://crm:p@ss@[nowhere/bank",
    ],
)
def test_no_password_is_told(small, url):
    small.params["source"] = {"engine": "postgres", "url": url}
    said = told(call(app, "check", str(small.bank().path)))
    assert "cannot be reached" in said
    for secret in ("p@ss", "p%40ss"):
        assert secret not in said, said


def test_no_password_is_told_of_a_params_file_that_cannot_be_read(small):
    path = small.bank().path
    for wrong in (
        "source: postgresql://crm:p@ss@host/bank\n",
        "source: {url: [postgresql://crm:p@ss@host/bank]}\n",
        "source: {url: postgresql://crm:p@ss@host/bank\n",
    ):
        path.write_text(wrong, encoding="utf-8")
        said = told(call(app, "check", str(path)))
        assert "source" in said and "p@ss" not in said, said


def test_an_engines_message_repeats_no_value_of_the_data():
    try:
        duckdb.sql("select cast('Wang Xiuying' as integer)").fetchall()
        pytest.fail("it was cast")
    except duckdb.Error as error:
        assert "Wang" not in engine_says(error)
    assert engine_says(Exception('{"exception_type":"IO","exception_message":"disk full"}')) == (
        "disk full"
    )
    assert without_secrets("password=x1y2 host=a", "") == "password=… host=a"


@pytest.mark.parametrize(
    "text", ["\x1b[2Jgone", "\x9b31m", "a\rb", "\u202eevil", "bell\x07", "\x1b]0;title\x07"]
)
def test_no_control_sequence_reaches_a_terminal_raw(text):
    out = io.StringIO()
    terminal = Terminal(file=out, force_terminal=True, color_system=None)
    table = Table(title=text)
    table.add_column("a")
    table.add_row(text)
    terminal.print(table)
    terminal.print(text, markup=False, highlight=False)
    assert not set(out.getvalue()) & set("\x1b\x9b\r\u202e\x07")
    assert not set(json_line({"a": text})) & set("\x1b\x9b\r\u202e\x07")


def test_control_sequences_of_the_data_are_written_out(small):
    small.tables["branches"].append("B\x1b[2J,Evil,East")
    said = told(call(app, "check", str(small.bank().path)))
    assert "\x1b[2J" not in said and "branch_id.pattern" in said


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("engine", {"memory": "8GB'; COPY (SELECT 1) TO '{place}'; --"}),
        ("engine", {"threads": "1; SELECT 1"}),
        ("engine", {"threads": 0}),
        ("engine", {"memory": "8 gigs"}),
    ],
)
def test_a_setting_that_would_reach_the_engine_as_more_than_a_value_is_refused(
    small, tmp_path, section, value
):
    ran = tmp_path / "ran"
    small.params[section] = {
        k: v.replace("{place}", str(ran)) if isinstance(v, str) else v for k, v in value.items()
    }
    with pytest.raises(ParametersError, match=f"{section}.{next(iter(value))}"):
        small.bank()
    assert not ran.exists()


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "repeats itself"),
        ("a: " + "[" * 5000 + "]" * 5000, "levels deep"),
        ("a: " + "{b: " * 2000 + "}" * 2000, "levels deep"),
        ("seed: " + "9" * 5000, "cannot be read"),
        ("bank: x\ntitle: y\nbank: z\n", "line 1 and again in line 3"),
        ("value: {deposit_margin: .nan}", "deposit_margin"),
        ("value: {loss_given_default: .inf}", "loss_given_default"),
        ("segmentation: {groups: [8, 3]}", "fewest"),
        ("risk: {card_cashout: {fee_low: 0.05}}", "fee_low lies above fee_high"),
        ("a: !!python/object/apply:os.system ['touch /tmp/x']", "not valid YAML"),
        ("x" * 1_100_000, "larger than"),
    ],
    ids=lambda v: v[:20] if isinstance(v, str) else "",
)
def test_a_params_file_that_would_cost_time_or_says_two_things_is_refused_at_once(
    tmp_path, text, why
):
    path = tmp_path / "x.yml"
    path.write_text(text, encoding="utf-8")
    start = time.monotonic()
    with pytest.raises(ParametersError, match=why):
        read_params(path)
    assert time.monotonic() - start < 2


def test_a_params_file_in_another_encoding_is_refused_in_words(tmp_path):
    path = tmp_path / "x.yml"
    path.write_bytes("title: 银行\n".encode("gb18030"))
    with pytest.raises(ParametersError, match="not written in UTF-8"):
        read_params(path)


@pytest.mark.parametrize(
    "branch", ["index.html", "manifest.json", "all", "CON", "nul", "lpt1.x", "B1.", "x.IPYNB"]
)
def test_a_branch_that_would_lie_in_the_way_of_something_is_set_aside(small, branch):
    small.tables["branches"].append(f"{branch},Odd,East")
    said = told(call(app, "check", str(small.bank().path)))
    assert "branches.csv line 5" in said and "branch_id_reserved: " in said, said


def test_a_password_in_quotes_with_blanks_around_is_hidden_too():
    said = without_secrets("host=x password = 's3cr3t w' dbname=y, pwd=\"a b\" user=z")
    assert "s3cr3t" not in said and "a b" not in said and "dbname=y" in said and "user=z" in said
