"""Banks to test on: a small demo bank, prepared once, and a hand-written one of a few rows."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from analysis.prepare import Prepared, all_steps, prepare
from analysis.sources.params import Bank, read_params
from analysis.steps.declaration import Step
from analysis.steps.graph import source_of, writers

os.environ["LANGUAGE"] = "en"  # whatever language the machine speaks
ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("WORKBOOK_SHARED", ROOT.parent / "shared" / "data"))


#: Files whose tests take minutes: they begin first, so that no process is left with one at the end.
LONG = (
    "test_project.py",
    "segmentation/test_model.py",
    "disclosure/test_disclosure.py",
    "runs/test_nothing_lost.py",
    "report/test_translations.py",
    "runs/test_replay.py",
    "browser/test_browser.py",
    "risk/test_thresholds.py",
    "risk/test_planted.py",
    "loyalty/test_bad_surveys.py",
    "execution/test_closed_loop.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path, len(LONG)))


def left_out(what: str, how: str) -> None:
    """Skip on a user's machine, saying how to install what is missing; in CI an omission is a
    failure.
    """
    message = f"{what} is missing; left out. {how}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def berka_folder() -> Path:
    folder = SHARED / "berka"
    if not (folder / "trans.asc").exists():
        left_out(
            str(folder / "trans.asc"), "Set WORKBOOK_SHARED to the folder of the third-party data."
        )
    return folder


def demo_params(
    folder: Path, customers: int, seed: int, source: Path | None = None, **changes: object
) -> Path:
    """params/demo.yml, with everything it writes under `folder`, but for a bank made already."""
    content = yaml.safe_load((ROOT / "params" / "demo.yml").read_text(encoding="utf-8"))
    content.update(data=str(folder / "data"), outputs=str(folder / "outputs"), **changes)
    content["source"] = {
        "folder": str(source or folder / "source"),
        "demo": {"customers": customers, "seed": seed},
    }
    path = folder / "demo.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def prepared_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The data of a bank that is prepared by whichever of the test processes needs it first."""
    place = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        place = place.parent

    def data_of(name: str, make: Callable[[Path], Bank]) -> Path:
        folder = place / f"prepared-{name}"
        folder.mkdir(exist_ok=True)
        with FileLock(folder / "lock"):
            if not (folder / "data_of").exists():
                bank = make(folder)
                prepare(bank, jobs=2)  # the other test processes wait for it
                (folder / "data_of").write_text(str(bank.data_folder))
        return Path((folder / "data_of").read_text())

    return data_of


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, prepared_once) -> Bank:
    """A demo bank of 1,500 customers, prepared."""
    folder = tmp_path_factory.mktemp("demo")
    return read_params(prepared_demo(prepared_once, folder))


def demo_data(prepared_once: Callable[..., Path]) -> Path:
    """The data of that bank; beside it, in `source`, what it was made of."""
    return prepared_once("demo", lambda place: read_params(demo_params(place, 1500, 3)))


def prepared_demo(prepared_once: Callable[..., Path], folder: Path) -> Path:
    """The params file of a demo bank of 1,500 customers that is prepared in `folder`."""
    data = demo_data(prepared_once)
    path = demo_params(folder, 1500, 3, source=data.parent / "source")
    shutil.copytree(data, folder / "data")
    return path


@pytest.fixture(scope="session")
def berka(
    berka_folder: Path, tmp_path_factory: pytest.TempPathFactory, prepared_once
) -> tuple[Bank, Prepared]:
    """The real bank of params/berka.yml, prepared, and what became of its tables."""

    def made(folder: Path) -> Bank:
        content = yaml.safe_load((ROOT / "params" / "berka.yml").read_text(encoding="utf-8"))
        content.update(data=str(folder / "data"), outputs=str(folder / "outputs"))
        content["source"]["folder"] = str(berka_folder)
        path = folder / "berka.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return read_params(path)

    bank = made(tmp_path_factory.mktemp("berka"))
    shutil.copytree(prepared_once("berka", made), bank.data_folder)
    return bank, prepare(bank)


def steps_for(*names: str) -> dict[str, Step]:
    """Steps, named by themselves or by what they write, and all that they stand on."""
    steps = all_steps()
    by_output, chosen = writers(steps.values()), set[str]()
    written = {name: step.name for (_kind, name), step in by_output.items()}
    to_do = [name if name in steps else written[name] for name in names]
    while to_do:
        chosen.add(each := to_do.pop())
        sources = [source_of(read, by_output) for read in steps[each].all_reads.values()]
        to_do += [s.name for s in sources if s is not None and s.name not in chosen]
    return {each: step for each, step in steps.items() if each in chosen}


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes preparing do these steps only, and what they stand on."""

    def chosen(*names: str) -> None:
        steps = steps_for(*names)
        monkeypatch.setattr("analysis.prepare.all_steps", lambda: steps)

    return chosen


class SmallBank:
    """A bank of CSV files that a test can change before reading it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.source.mkdir(parents=True)
        self.params = {
            "bank": "small",
            "title": "Small bank",
            "data": str(folder / "data"),
            "outputs": str(folder / "outputs"),
            "as_of": "2024-07-01",
            "quarters": {"first": "2024Q1", "last": "2024Q2"},
            "source": {"folder": str(self.source)},
            "quarantine_limit": 0.5,
            "segmentation": {"fit_quarter": "2024Q1", "groups": [2, 3]},
        }
        self.tables: dict[str, list[str]] = {
            "branches": [
                "branch_id,name,region",
                "B1,Main street,East",
                "EMPTY,Nobody here,East",
                "SMALL,Three only,West",
            ],
            "customers": ["customer_id,customer_type,branch_id,name,since,born_on"],
            "accounts": ["account_id,branch_id,opened_on"],
            "account_holders": ["account_id,customer_id,role"],
            "transactions": ["transaction_id,account_id,booked_at,amount,channel,kind"],
        }
        number = 0
        for i in range(83):
            branch = "SMALL" if i >= 80 else "B1"
            self.tables["customers"].append(
                f"C{i},personal,{branch},Name {i},2020-01-01,1980-05-0{1 + i % 9}"
            )
            self.tables["accounts"].append(f"A{i},{branch},2020-01-01")
            self.tables["account_holders"].append(f"A{i},C{i},owner")
            for month in range(1, 7):
                for _ in range(1 + 8 * (i % 2)):
                    number += 1
                    self.tables["transactions"].append(
                        f"T{number},A{i},2024-0{month}-{1 + number % 27:02d} "
                        f"10:00:00,{(100 + i) * (50 if i % 2 else 1)}.50,mobile,transfer"
                    )

    def bank(self, encoding: str = "utf-8") -> Bank:
        """Write the files and read the params file."""
        for name, lines in self.tables.items():
            (self.source / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding=encoding)
        path = self.folder / "small.yml"
        path.write_text(yaml.safe_dump(self.params, allow_unicode=True), encoding="utf-8")
        return read_params(path)


@pytest.fixture
def small(tmp_path: Path) -> SmallBank:
    return SmallBank(tmp_path / "small")


@pytest.fixture
def prepared_small(small: SmallBank, prepared_once) -> Bank:
    """The small bank as it comes, prepared."""
    bank = small.bank()
    data = prepared_once("small", lambda place: SmallBank(place / "small").bank())
    shutil.copytree(data, bank.data_folder)
    return bank


#: Of the transactions of `bank_of_two`.
HEADER = "transaction_id,account_id,booked_at,amount,channel,kind,memo,counterparty_account"


@pytest.fixture
def bank_of_two(tmp_path: Path) -> SmallBank:
    """Branches B1 and B2, 20 customers with an account each, 1,260 transactions."""
    made = SmallBank(tmp_path / "bank [12]")
    made.tables = {
        "branches": ["branch_id,name", "B1,One", "B2,Two"],
        "customers": ["customer_id,customer_type,branch_id,since,credit_grade,born_on"],
        "accounts": ["account_id,branch_id,opened_on,opening_balance"],
        "account_holders": ["account_id,customer_id,role"],
        "transactions": [HEADER],
    }
    for i in range(20):
        branch = f"B{1 + i % 2}"
        made.tables["customers"].append(f"C{i},personal,{branch},2020-01-01,3,1980-05-01")
        made.tables["accounts"].append(f"A{i},{branch},2020-01-01,1000.00")
        made.tables["account_holders"].append(f"A{i},C{i},owner")
    for number in range(1260):
        day = f"2024-0{1 + number % 6}-{1 + number % 28:02d} 10:00:00"
        made.tables["transactions"].append(
            f"T{number + 1},A{number % 20},{day},10.00,mobile,transfer,rent,X{number % 7}"
        )
    return made


@pytest.fixture(scope="session")
def ready_demo() -> Path:
    """params/demo.yml of the repository, prepared; the committed notebooks stand on it."""
    path = ROOT / "params" / "demo.yml"
    prepare(read_params(path))
    return path


def program(name: str, how: str) -> str:
    """The path of a program, or the test is left out."""
    found = shutil.which(name)
    if not found:
        left_out(name, how)
    return str(found)
