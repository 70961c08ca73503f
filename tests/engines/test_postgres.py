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


def test_postgres_and_files_give_equal_marts(server, small):
    import psycopg

    small.tables["transactions"] += [
        "T90001,A999,2024-02-01,1,mobile,transfer",
        "T90002,A1,2031-02-01,1,mobile,transfer",
    ]
    from_files = small.bank()
    prepare(from_files)
    with psycopg.connect(f"host={server} user=bank dbname=postgres", autocommit=True) as con:
        for name, (head, *rows) in small.tables.items():
            columns = head.split(",")
            con.execute(f"CREATE TABLE {name} ({', '.join(f'{c} text' for c in columns)})")
            with con.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row.split(","))
    content = yaml.safe_load(from_files.path.read_text())
    content.update(
        data=str(small.folder / "data_pg"),
        source={"engine": "postgres", "url": f"postgresql://bank@/postgres?host={server}"},
    )
    path = small.folder / "pg.yml"
    path.write_text(yaml.safe_dump(content))
    from_server = read_params(path)
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


def test_a_server_that_cannot_be_reached_is_named_without_its_password(small):
    small.params["source"] = {
        "engine": "postgres",
        "url": "postgresql://bank:secret@127.0.0.1:1/none",
    }
    with pytest.raises(SourceError) as told:
        prepare(small.bank())
    assert "postgresql://bank:…@127.0.0.1:1/none cannot be reached" in str(told.value)
    assert "secret" not in str(told.value).split("cannot be reached")[0]
