"""What was accepted and the record of it never disagree, and damage is seen and mended."""

import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import duckdb
import pytest

from analysis.cli import app
from analysis.lock import held
from analysis.prepare import prepare
from analysis.sources import land as landing
from tests.runs.command import call, told

BIN = Path(sys.executable).parent


def amounts(bank):
    files = bank.data_folder / "contract" / "transactions" / "*" / "*.parquet"
    return duckdb.sql(f"select sum(amount) from '{files}'").fetchall()


@pytest.mark.parametrize("table", ["transactions", "customers"])
def test_rows_whose_record_was_not_written_are_accepted_again(small, monkeypatch, only, table):
    """Killed between the rows and their record, with the files put back as they were after it."""
    only("account_quarter")
    bank = small.bank()
    prepare(bank)
    before = amounts(bank), names(bank)
    source = small.source / f"{table}.csv"
    kept, times = source.read_bytes(), source.stat()
    source.write_bytes(
        kept.replace(b"mobile", b"online").replace(b".50,", b".75,").replace(b"Name", b"Nome")
    )
    real = landing.keep_record

    def killed(bank, key, verdict):
        if verdict.table == table:
            raise KeyboardInterrupt
        real(bank, key, verdict)

    monkeypatch.setattr(landing, "keep_record", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(bank)
    monkeypatch.undo()
    only("account_quarter")
    source.write_bytes(kept)
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    prepare(bank)
    assert (amounts(bank), names(bank)) == before


def names(bank):
    path = bank.data_folder / "contract" / "customers.parquet"
    return duckdb.sql(f"select count(*) filter (name like 'Name%') from '{path}'").fetchall()


DAMAGE = {
    "removed": lambda path: shutil.rmtree(path) if path.is_dir() else path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "noise": lambda path: path.write_bytes(b"\x00\xff not a file of ours" * 50),
}
PLACES = (
    "contract/transactions/quarter=2024Q1",
    "contract/transactions/quarter=2024Q2/data_0.parquet",
    "contract/customers.parquet",
    "contract/customers.json",
    "contract/files.json",
    "quarantine/customers.parquet",
    "marts/customer_quarter/quarter=2024Q2",
    "marts/customer_quarter/quarter=2024Q2/branch=B1",
    "models/segmentation.json",
    "models/segment_counts/2024Q2.json",
    "steps/customer_quarter/2024Q2.json",
    "fingerprints.json",
)


#: Every place removed (all that can be done to a folder), and damaged in two other ways in turn.
OTHERWISE = [how for how in DAMAGE if how != "removed"]
DAMAGED = [
    (place, how)
    for number, place in enumerate(PLACES)
    for how in ("removed", *(OTHERWISE[(number + at) % len(OTHERWISE)] for at in (0, 1)))
    if Path(place).suffix or how == "removed"
]


def content(folder):
    """Every row and record-free file of a bank's data, by name."""
    files = [p for top in ("contract", "marts", "models") for p in (folder / top).rglob("*.*")]
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in files
        if p.is_file() and not p.match("contract/*.json")
    }


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    from tests.conftest import SmallBank

    bank = SmallBank(tmp_path_factory.mktemp("damaged") / "small").bank()
    done = call(app, "run", str(bank.path), "--report", "segmentation", "--branch", "B1")
    assert done.exit_code == 0, told(done)
    return bank, content(bank.data_folder)


@pytest.mark.parametrize(
    ("place", "how"),
    DAMAGED,
)
def test_what_is_damaged_is_made_again_as_it_was_and_said(prepared, place, how):
    bank, whole = prepared
    path = bank.data_folder / place
    if path.name == "fingerprints.json" and not path.is_file():  # a cache, which only a run writes
        shutil.rmtree(path, ignore_errors=True)
        path.write_text("{}")
    DAMAGE[how](path)
    done = call(app, "prepare", str(bank.path))
    assert done.exit_code == 0, told(done)
    assert content(bank.data_folder) == whole
    if place.startswith(("contract/transactions", "contract/customers.p", "marts", "models")):
        assert "Made again" in told(done) and "since it was written" in told(done)


@pytest.mark.parametrize("how", ["cut", "emptied", "noise", "a folder"])
@pytest.mark.parametrize(
    "place", ["manifest.json", "B1/segmentation.html", "B1/segmentation.ipynb"]
)
def test_damaged_outputs_are_made_again_or_told_in_one_sentence(prepared, place, how):
    bank, _ = prepared
    path = bank.output_folder / "2024Q2" / place
    DAMAGE[how](path)
    words = ["run", str(bank.path), "--report", "segmentation", "--branch", "B1"]
    done = call(app, *words)
    if place == "manifest.json":
        assert done.exit_code == 1 and "is not a manifest of this workbook" in told(done)
        DAMAGE["removed"](path)
        done = call(app, *words)
    assert done.exit_code == 0, told(done)
    assert "1 reports done" in told(done)
    assert path.is_file() and path.stat().st_size > 100


def test_the_same_rows_give_the_same_bytes_with_one_and_with_two_processes(small, tmp_path):
    made = []
    for number, jobs in enumerate((1, 2)):
        small.params["data"] = str(tmp_path / f"data{number}")
        bank = small.bank()
        prepare(bank, jobs=jobs)
        made.append(content(bank.data_folder))
    assert made[0] == made[1]


def test_new_files_have_the_rights_that_the_user_gives(small, tmp_path):
    small.params["data"] = str(tmp_path / "data")
    path = small.bank().path
    subprocess.run(
        ["sh", "-c", f"umask 0007; exec {BIN / 'workbook'} prepare {path}"], check=True, timeout=120
    )
    modes = {p.stat().st_mode & 0o777 for p in (tmp_path / "data").rglob("*") if p.is_file()}
    assert modes == {0o660}
    folders = {p.stat().st_mode & 0o777 for p in (tmp_path / "data").rglob("*") if p.is_dir()}
    assert folders == {0o770}


@pytest.mark.skipif(
    os.name != "posix" or os.getuid() != 0, reason="needs the right to be two users"
)
def test_a_second_member_of_the_group_takes_the_lock_and_writes(tmp_path):
    """One user's process ends; another's, of the same group, goes on in the same folder."""
    shared, group = tmp_path / "shared", 54321
    shared.mkdir()
    os.chown(shared, 0, group)
    shared.chmod(0o2770)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o711)
    for user in (54322, 54323):
        assert as_user(user, group, lambda: use(shared / "data")) == 0, user
    assert (shared / "data" / "x.json").stat().st_uid == 54323


def use(folder):
    from analysis.lock import held
    from analysis.storage import write_json

    with held(folder, "prepare"):
        write_json(folder / "x.json", {"by": os.getuid()})


def as_user(user, group, what):
    """The exit status of a process of another user that does something."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            os.umask(0o007)
            what()
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_preparation_during_a_run_tells_which_reports_are_of_older_data(small):
    bank = small.bank()
    words = ["--report", "segmentation", "--report", "loyalty", "--branch", "B1"]
    assert call(app, "run", str(bank.path), *words).exit_code == 0
    at = next(i for i, t in enumerate(small.tables["transactions"]) if ",A11,2024-05" in t)
    small.tables["transactions"][at] = small.tables["transactions"][at].replace(".50,", ".75,")
    small.bank()
    with held(bank.output_folder / "2024Q2", "run"):
        said = told(call(app, "prepare", str(bank.path)))
    assert "is in use by `workbook run`" in said
    assert "will be made again by the next run: B1 segmentation" in " ".join(said.split())
    assert "is in use" not in told(call(app, "prepare", str(bank.path)))
