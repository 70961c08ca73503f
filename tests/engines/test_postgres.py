"""The same rows in PostgreSQL and in files give the same marts. A real server, started for the
test.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from analysis.errors import SourceError
from analysis.prepare import prepare
from analysis.sources.params import read_params
from tests.conftest import left_out
from tests.sources.test_bad_input import landed

INSTALL = "Install it with: apt-get install postgresql."


def as_server_user(*words: str) -> subprocess.CompletedProcess[str]:
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    return subprocess.run([*prefix, *words], capture_output=True, text=True, check=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    programs = (
        sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if Path("/usr/lib/postgresql").exists()
        else []
    )
    found = (
        [str(programs[-1] / n) for n in ("initdb", "pg_ctl")]
        if programs and (programs[-1] / "initdb").exists()
        else [shutil.which("initdb"), shutil.which("pg_ctl")]
    )
    if not all(found):
        left_out("PostgreSQL", INSTALL)
    # short: the socket's path may have 107 characters
    folder = Path("/tmp") / f"workbook-postgres-{os.getpid()}"
    folder.mkdir(mode=0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    as_server_user(
        found[0],
        "-D",
        f"{folder}/data",
        "-U",
        "bank",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    )
    as_server_user(
        found[1],
        "-D",
        f"{folder}/data",
        "-o",
        f"-k {folder} -c listen_addresses=''",
        "-w",
        "-l",
        f"{folder}/log",
        "start",
    )
    yield folder
    as_server_user(found[1], "-D", f"{folder}/data", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


def connected(server, schema="public"):
    import psycopg

    con = psycopg.connect(f"host={server} user=bank dbname=postgres", autocommit=True)
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path TO {schema}")
    return con


def copy_over(con, small):
    for name, (head, *rows) in small.tables.items():
        columns = head.split(",")
        con.execute(f"CREATE TABLE {name} ({', '.join(f'{c} text' for c in columns)})")
        with con.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row.split(","))


def params_of(server, small, schema="public"):
    content = yaml.safe_load(small.bank().path.read_text())
    content.update(
        data=str(small.folder / "data_pg"),
        source={
            "engine": "postgres",
            "url": f"postgresql://bank@/postgres?host={server}",
            "schema": schema,
        },
    )
    path = small.folder / "pg.yml"
    path.write_text(yaml.safe_dump(content))
    return read_params(path)


def test_postgres_and_files_give_equal_marts(server, small):
    small.tables["transactions"] += [
        "T90001,A999,2024-02-01,1,mobile,transfer",
        "T90002,A1,2031-02-01,1,mobile,transfer",
    ]
    from_files = small.bank()
    prepare(from_files)
    with connected(server) as con:
        copy_over(con, small)
    from_server = params_of(server, small)
    verdicts = prepare(from_server).verdicts
    assert verdicts["transactions"].set_aside == {"account_id.reference": 1, "booked_at.future": 1}
    marts = sorted(
        f.relative_to(from_files.data_folder)
        for f in (from_files.data_folder / "marts").rglob("*.parquet")
    )
    assert len(marts) >= 12
    for mart in marts:
        pd.testing.assert_frame_equal(
            pd.read_parquet(from_server.data_folder / mart),
            pd.read_parquet(from_files.data_folder / mart),
        )


def test_infinity_and_nan_cost_their_row_and_types_of_the_database_are_read(server, small):
    with connected(server, "typed") as con:
        copy_over(con, small)
        con.execute(
            "ALTER TABLE transactions ALTER booked_at TYPE timestamptz USING booked_at::timestamp "
            "AT TIME ZONE 'UTC', ALTER amount TYPE numeric USING amount::numeric;"
            "ALTER TABLE accounts ALTER opened_on TYPE date USING opened_on::date;"
            "UPDATE transactions SET booked_at = 'infinity' WHERE transaction_id = 'T1';"
            "UPDATE transactions SET amount = 'NaN' WHERE transaction_id = 'T2';"
            "UPDATE transactions SET amount = 'infinity' WHERE transaction_id = 'T3';"
            "UPDATE accounts SET opened_on = '-infinity' WHERE account_id = 'A82'"
        )
    bank = params_of(server, small, "typed")
    verdicts = landed(bank)
    assert verdicts["accounts"].set_aside == {"opened_on.type": 1}
    aside = verdicts["transactions"].set_aside
    assert aside.pop("account_id.reference") == 6  # of the account that was set aside
    assert aside == {"amount.required": 1, "amount.type": 1, "booked_at.type": 1}
    accepted = pd.concat(
        pd.read_parquet(f) for f in sorted((bank.data_folder / "contract").rglob("data_0.parquet"))
    ).set_index("transaction_id")
    assert str(accepted.loc["T4", "booked_at"]) == "2024-04-05 18:00:00"  # 10:00 UTC, in Shanghai


def test_materialized_views_and_a_query_without_a_table_are_read(server, small):
    with connected(server, "views") as con:
        copy_over(con, small)
        con.execute(
            "ALTER TABLE accounts RENAME TO accounts_raw;"
            "CREATE MATERIALIZED VIEW accounts AS SELECT * FROM accounts_raw;"
            'ALTER TABLE customers RENAME TO "Customers"'
        )
    values = "select * from (values ('P1', 'Account', 'savings')) as p(product_id, name, kind)"
    small.params["tables"] = {"products": {"from": {"sql": values}}}
    verdicts = landed(params_of(server, small, "views"))
    assert verdicts["accounts"].accepted == verdicts["customers"].accepted == 83
    assert verdicts["products"].accepted == 1


def test_a_query_that_the_database_refuses_is_one_sentence(server, small):
    with connected(server, "wrong") as con:
        copy_over(con, small)
    small.params["tables"] = {
        "customers": {"from": "customers", "columns": {"since": {"sql": "to_day(raw.since)"}}}
    }
    with pytest.raises(SourceError, match=r"The database refused .*to_day") as told:
        landed(params_of(server, small, "wrong"))
    assert "Traceback" not in str(told.value) and "\n" not in str(told.value)


def test_a_server_that_cannot_be_reached_is_named_without_its_password(small):
    small.params["source"] = {
        "engine": "postgres",
        "url": "postgresql://bank:secret@127.0.0.1:1/none",
    }
    with pytest.raises(SourceError) as told:
        prepare(small.bank())
    assert "postgresql://bank:…@127.0.0.1:1/none cannot be reached" in str(told.value)
    assert "secret" not in str(told.value).split("cannot be reached")[0]
