"""One delivery after another: what shrank is held back, what came or went is named, and a file that
changes while it is read is refused.
"""

import pytest

from analysis.cli import app
from analysis.errors import ParametersError, SourceError
from analysis.prepare import prepare
from analysis.sources import land as landing
from analysis.sources.accepted import stored_verdicts
from tests.runs.command import call, told


@pytest.fixture
def loads(small, only):
    """A small bank of 240 entries, of which no step is done; and its bank."""
    only("data_day")
    header, *rows = small.tables["transactions"]
    while len(rows) < 240:
        rows += [f"{len(rows)}x{row}" for row in rows]
    small.tables["transactions"] = [header, *rows]
    return small


def test_a_table_that_shrank_is_held_back_until_confirmed(loads):
    bank = loads.bank()
    prepare(bank)
    had = stored_verdicts(bank)["transactions"].accepted
    loads.tables["transactions"] = loads.tables["transactions"][: had // 3]
    bank = loads.bank()
    held = call(app, "prepare", str(bank.path))
    assert held.exit_code == 1 and f"where there were {had:,}" in told(held)
    assert "--fewer transactions" in told(held)
    assert stored_verdicts(bank)["transactions"].accepted == had, "what was accepted is left"
    assert call(app, "prepare", str(bank.path), "--fewer", "transactions").exit_code == 0
    assert stored_verdicts(bank)["transactions"].accepted < had / 2
    assert call(app, "prepare", str(bank.path)).exit_code == 0, "it is said once"


def test_a_table_that_is_gone_is_held_back_too(loads):
    loads.tables["products"] = ["product_id,name,kind", *[f"P{i},x,card" for i in range(120)]]
    prepare(loads.bank())
    del loads.tables["products"]
    for left in loads.folder.rglob("products.csv"):
        left.unlink()
    bank = loads.bank()
    held = call(app, "prepare", str(bank.path))
    assert held.exit_code == 1 and "products: 0 rows, where there were 120" in told(held)
    assert call(app, "prepare", str(bank.path), "--fewer", "products").exit_code == 0


def test_a_table_that_nobody_knows_cannot_be_confirmed(loads):
    with pytest.raises(ParametersError, match="transactions"):
        prepare(loads.bank(), fewer=["transaction"])


def test_columns_that_come_or_go_are_named(loads):
    prepare(loads.bank())
    header, *rows = loads.tables["branches"]
    loads.tables["branches"] = [header + ",opened", *[row + ",2001" for row in rows]]
    done = call(app, "prepare", str(loads.bank().path))
    assert "branches: new columns: opened." in told(done)
    assert "new columns" not in told(call(app, "prepare", str(loads.bank().path)))
    loads.tables["branches"] = [header, *rows]
    assert "no longer delivered: opened." in told(call(app, "prepare", str(loads.bank().path)))


def test_a_file_that_grows_while_it_is_read_is_refused(loads, monkeypatch):
    bank = loads.bank()
    prepare(bank)
    loads.tables["transactions"] += [f"new{row}" for row in loads.tables["transactions"][-5:]]
    bank = loads.bank()
    file = next(loads.folder.rglob("transactions.csv"))
    count = landing.count_faults

    def while_it_grows(con, name, unreadable, verdict):
        if verdict.table == "transactions":
            with file.open("a", encoding="utf-8") as stream:
                stream.write(f"late{loads.tables['transactions'][-1]}\n")
        count(con, name, unreadable, verdict)

    monkeypatch.setattr(landing, "count_faults", while_it_grows)
    before = stored_verdicts(bank)["transactions"]
    with pytest.raises(SourceError, match="changed while it was read"):
        prepare(bank)
    assert stored_verdicts(bank)["transactions"] == before


def test_the_same_delivery_twice_changes_nothing(loads):
    bank = loads.bank()
    prepare(bank)
    first = stored_verdicts(bank)
    again = prepare(bank)
    assert all(v.reused for v in again.verdicts.values() if v.delivered)
    assert not again.done.steps and stored_verdicts(bank) == first


def test_a_late_row_opens_its_quarter_again_and_no_other(loads):
    bank = loads.bank()
    prepare(bank)
    parts = dict(stored_verdicts(bank)["transactions"].parts)
    late = next(r for r in loads.tables["transactions"][1:] if "2024-01" in r or "2024-02" in r)
    loads.tables["transactions"].append(f"late{late}")
    again = prepare(loads.bank())
    now = again.verdicts["transactions"].parts
    assert [q for q in now if now[q] != parts.get(q)] == ["2024Q1"]
    assert {str(node) for node in again.done.steps} == {"data_day of 2024Q1"}
