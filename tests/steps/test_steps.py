"""Steps are done when something they depend on changed, and only then; whatever happens, what lies
on disk is whole and told apart from what is not.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from analysis.quarters import Quarter
from analysis.sources.land import embedded_engine, land
from analysis.steps import working
from analysis.steps.declaration import NOW, At, Mart, Model, Occasion, mart, step
from analysis.steps.graph import Node, graph_of
from analysis.steps.keeping import MAKING, Keeper
from analysis.steps.running import bring_up_to_date, failures_told, stale
from analysis.steps.working import part_of_memory, steps_in
from tests.conftest import ROOT, SmallBank
from tests.steps import example

GOOD = ("balances", "total", "told", "sample", "sampled", "owed")


class Course:
    """A small bank with the steps of `example`, done as often as a test likes."""

    def __init__(self, small: SmallBank, names=GOOD):
        self.small, self.names = small, names

    def graph(self):
        self.bank = self.small.bank()
        with embedded_engine(self.bank) as con:
            self.verdicts = land(self.bank, con)
        steps = {n: s for n, s in steps_in(example.__name__).items() if n in self.names}
        return graph_of(steps, Occasion(self.bank, None, self.bank.quarters.last))

    def done(self, jobs=1):
        graph = self.graph()
        return bring_up_to_date(self.bank, graph, self.verdicts, jobs)

    def names_done(self):
        return sorted(str(node) for node in self.done().steps)

    def files(self):
        """Every file that steps left, with its content."""
        folder = self.bank.data_folder
        places = [p for top in ("marts", "models", "frames") for p in (folder / top).rglob("*")]
        return {str(p.relative_to(folder)): p.read_bytes() for p in places if p.is_file()}


@pytest.fixture
def course(small):
    return Course(small)


EVERYTHING = [
    "balances of 2024Q1",
    "balances of 2024Q2",
    "sample of 2024Q2",
    "sampled of 2024Q2",
    "told of 2024Q1",
    "told of 2024Q2",
    "total of 2024Q1",
    "total of 2024Q2",
]


def test_everything_is_done_once_and_then_nothing(course):
    assert course.names_done() == EVERYTHING
    assert course.names_done() == []


def test_a_step_waits_for_the_quarter_before_and_for_nothing_else(course):
    graph = course.graph()
    second = Node("balances", Quarter(2024, 2))
    assert graph.before(second) == {Node("balances", Quarter(2024, 1))}
    assert graph.before(Node("balances", Quarter(2024, 1))) == set()


def test_only_steps_that_name_a_setting_depend_on_it(course):
    course.done()
    course.small.params["title"] = "Another name"
    course.small.params["currency"] = "EUR"
    assert course.names_done() == ["told of 2024Q1", "told of 2024Q2"]


def test_an_undeclared_setting_is_refused(course, monkeypatch):
    monkeypatch.setattr(
        example,
        "told",
        step(writes=example.told.writes, reads=example.told.reads)(example.told.function),
    )
    failed = course.done().failed
    assert "uses the setting title without declaring it" in failed[Node("told", Quarter(2024, 2))]


def test_a_changed_row_does_again_what_follows_from_its_quarter(course):
    course.done()
    course.small.tables["transactions"].append(
        "T999999,A1,2024-05-01 10:00:00,9000.00,mobile,transfer"
    )
    assert course.names_done() == [
        "balances of 2024Q2",
        "sample of 2024Q2",
        "told of 2024Q2",
        "total of 2024Q2",
    ]  # the first quarter is as it was; the sampled accounts came out the same


def test_what_follows_a_step_that_came_out_the_same_is_not_done_again(course):
    course.done()
    course.small.tables["transactions"].append("T999999,A1,2024-05-01 10:00:00,0.01,mobile,fee")
    assert "told of 2024Q2" not in course.names_done()  # the total, in thousands, is the same


def test_a_step_that_fails_leaves_alone_those_that_do_not_need_it(course, monkeypatch):
    monkeypatch.setattr(example, "FAILS_IN", {"2024Q2"})
    done = course.done()
    assert [str(n) for n in done.steps] == [
        "balances of 2024Q1",
        "total of 2024Q1",
        "told of 2024Q1",
    ]
    sentence = failures_told(done)
    assert "balances of 2024Q2 failed: ArithmeticError: the books do not add up" in sentence
    assert "Not tried, for they need balances of 2024Q2: " in sentence
    log = Keeper(course.bank.data_folder).record_path(Node("balances", Quarter(2024, 2)))
    assert "ArithmeticError" in log.with_suffix(".log").read_text()


def test_after_a_failure_the_same_command_goes_on(course, monkeypatch):
    monkeypatch.setattr(example, "FAILS_IN", {"2024Q2"})
    course.done()
    monkeypatch.setattr(example, "FAILS_IN", set())
    assert course.names_done() == [n for n in EVERYTHING if n.endswith("2024Q2")]


def test_a_column_that_is_not_there_is_named(small):
    done = Course(small, ("balances", "unreadable")).done()
    assert "is_open" in done.failed[Node("unreadable", Quarter(2024, 2))]


@pytest.mark.parametrize("damage", ["removed", "changed", "added"])
def test_damaged_output_is_made_again(course, damage):
    course.done()
    whole = course.files()
    name = next(n for n in whole if n.startswith("marts/balances/quarter=2024Q2/branch=B1"))
    path = course.bank.data_folder / name
    if damage == "removed":
        path.unlink()
    elif damage == "changed":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    else:
        (path.parent / "data_1.parquet").write_bytes(path.read_bytes())
    graph = course.graph()
    reasons = stale(graph, Keeper(course.bank.data_folder), course.verdicts)
    assert name.rsplit("/", 1)[0] in reasons[Node("balances", Quarter(2024, 2))]
    assert course.names_done() == ["balances of 2024Q2"]
    assert course.files() == whole


def test_a_touched_file_with_the_same_content_is_not_damaged(course):
    course.done()
    for name in course.files():
        os.utime(course.bank.data_folder / name, (1, 1))
    assert course.names_done() == []


def test_a_record_is_void_before_what_it_stands_for_is_touched(course, monkeypatch):
    course.done()
    course.small.tables["transactions"].append(
        "T999999,A1,2024-05-01 10:00:00,9000.00,mobile,transfer"
    )
    kept = Keeper(course.bank.data_folder).record_path(Node("balances", Quarter(2024, 2)))

    def cut_off(path, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("analysis.steps.keeping.write_text", cut_off)
    failed = course.done().failed
    assert "No space left on device" in failed[Node("balances", Quarter(2024, 2))]
    assert not kept.exists()
    monkeypatch.undo()
    assert "balances of 2024Q2" in course.names_done()


def test_what_is_no_longer_delivered_goes(course):
    course.small.tables["loans"] = [
        "loan_id,account_id,borrower_id,kind,amount,granted_on,status",
        "L1,A1,C1,consumer_loan,1000,2024-01-05,running",
    ]
    course.done()
    assert any(n.startswith("marts/owed/quarter=2024Q2") for n in course.files())
    (course.small.source / "loans.csv").unlink()
    del course.small.tables["loans"]
    done = course.done()
    assert done.left_out[Node("owed", Quarter(2024, 2))] == ["loans"]
    assert not any(n.startswith("marts/owed") for n in course.files())


def test_what_no_step_writes_any_more_goes(course):
    course.done()
    folder = course.bank.data_folder
    (folder / "marts" / "of_old" / "quarter=2024Q2").mkdir(parents=True)
    (folder / "models" / "changes-2024Q2.json").write_text("{}")
    (folder / MAKING / "left-over").mkdir(parents=True)
    before = course.files()
    course.done()
    assert set(before) - set(course.files()) == {"models/changes-2024Q2.json"}
    assert (
        not (folder / "marts" / "of_old").exists() and not (folder / MAKING / "left-over").exists()
    )


def test_two_processes_give_the_same_bytes_as_one(small, tmp_path):
    other = SmallBank(tmp_path / "other")
    alone, together = Course(small), Course(other)
    alone.done(), together.done(jobs=2)
    assert alone.files() == together.files()


def test_killed_at_any_moment_the_same_command_goes_on(small, tmp_path):
    whole = Course(SmallBank(tmp_path / "whole"))
    whole.done()
    course = Course(small)
    bank = course.small.bank()
    command = [sys.executable, "-m", "tests.steps.course", str(bank.path)]
    for wait in (0.9, 1.4, 1.8):
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not course.done().failed
    assert course.files() == whole.files()
    assert not list((course.bank.data_folder / MAKING).glob("*"))


def test_a_process_that_is_lost_takes_no_step_with_it(course, monkeypatch):
    course.small.params["title"] = "lose a process"
    done = Course(course.small, (*GOOD, "lost")).done(jobs=2)
    assert {n.step for n in done.failed} == {"lost"}
    assert "was lost 3 times" in next(iter(done.failed.values()))
    assert len(done.steps) == len(EVERYTHING)


def test_a_model_of_an_earlier_version_is_refused_with_what_to_do(course):
    course.done()
    path = course.bank.data_folder / "models" / "total" / "2024Q2.json"
    path.write_text('{"sum": 5}')
    with pytest.raises(Exception, match=r"not a model as this version writes it.*prepare"):
        working.read_model_file(path, example.Total)


def test_steps_that_cannot_be_put_in_order_are_refused(small):
    bank = small.bank()
    one = step(writes=Mart("a", ("x",)), reads={"b": mart("b")}, name="one")(lambda at, b: b)
    two = step(writes=Mart("b", ("x",)), reads={"a": mart("a")}, name="two")(lambda at, a: a)
    twin = step(writes=Mart("a", ("x",)), reads={}, name="twin")(lambda at: None)
    occasion = Occasion(bank, None, bank.quarters.last)
    with pytest.raises(ValueError, match="wait for each other"):
        graph_of({"one": one, "two": two}, occasion)
    with pytest.raises(ValueError, match="No step writes the mart b"):
        graph_of({"one": one}, occasion)
    with pytest.raises(ValueError, match="both write a"):
        graph_of({"one": one, "two": two, "twin": twin}, occasion)


def test_progress_counts_to_the_end_and_tells_the_time_left(course):
    graph = course.graph()
    events = []
    bring_up_to_date(course.bank, graph, course.verdicts, 1, events.append)
    ended = [e for e in events if e.what != "begins"]
    assert [e.ended for e in ended] == list(range(1, len(ended) + 1))
    assert {e.of for e in ended} == {len(ended)}
    assert ended[-1].seconds_left == 0


@pytest.mark.parametrize(
    ("memory", "share", "part"),
    [("8GB", 2, "4.000GB"), ("512MiB", 4, "128.000MiB"), ("80%", 2, "80%")],
)
def test_processes_share_the_memory_of_the_engine(memory, share, part):
    assert part_of_memory(memory, share) == part


def test_a_step_gives_what_it_declares(course, monkeypatch):
    wrong = step(writes=Model("total", example.Total), reads={"rows": mart("balances", NOW)})
    monkeypatch.setattr(example, "total", wrong(_total_as_plain_data))
    failed = course.done().failed
    assert "total is a Total" in failed[Node("total", Quarter(2024, 2))]


def _total_as_plain_data(at: At, rows):
    return {"total": 1}


_total_as_plain_data.__name__ = "total"
_total_as_plain_data.__module__ = example.__name__  # as if it were written there
