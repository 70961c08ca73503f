"""Start a report: notebook, findings, words, catalogue entry and test, which run at once.

What is written counts the partition's customers by type, as something to change. Two files that
are there already get a line each: the subject's `words.py` and the catalogue.
"""

import re
from keyword import iskeyword
from pathlib import Path

import nbformat

from analysis.errors import ParametersError, WorkbookError, not_one_of
from analysis.language import say
from analysis.prepare import ROOMS
from analysis.runs.catalogue import NOTEBOOKS, REPORTS
from analysis.storage import PACKAGE, write_text

ROOT = PACKAGE.parents[1]
CATALOGUE = PACKAGE / "runs" / "catalogue.py"
NAME = re.compile(r"[a-z][a-z0-9_]*")

FINDINGS = '''"""What the report {name} finds. Tables in, tables out."""

import pandas as pd

from analysis.language import say
from analysis.report.brief import Brief, KeyFigure, points
from analysis.statistics.intervals import share_interval

#: Customers by type.
CUSTOMERS_BY_TYPE = {{
    "customer_type": "string",  # personal or corporate
    "customers": "int64",  # of the branch
    "share": "float64",  # of all its customers, 0 to 1
    "share_low": "float64",  # 95 % interval (Wilson 1927)
    "share_high": "float64",
}}


def customers_by_type(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Customers of each type: CUSTOMERS_BY_TYPE. No rows where a type has fewer than `min_cell`
    customers, who could be worked out from the others and the total.

    customers: rows of customer_quarter.
    """
    counts = customers["customer_type"].value_counts() if len(customers) else pd.Series(dtype=int)
    total = int(counts.sum())
    rows = [
        [kind, count, count / total, *share_interval(count, total)]
        for kind, count in counts.sort_index().items()
        if counts.min() >= min_cell
    ]
    return pd.DataFrame(rows, columns=list(CUSTOMERS_BY_TYPE))


def {name}_brief(counts: pd.DataFrame, quarter: str) -> Brief:
    """What the page opens with, and the overview and the index show of it.

    counts: as from `customers_by_type`.
    """
    persons = counts[counts["customer_type"] == "personal"].assign(quarter=quarter)
    persons = persons.assign(of_all=counts["customers"].sum())
    shown = points(persons, [quarter], "share", "share_low", "share_high", "of_all")
    return Brief(
        changed=say("What changed since last quarter and last year, as it was tested."),
        why=say("Why."),
        to_do=say("What is to be done now, and by whom."),
        figures=[KeyFigure(label=say("Persons among the customers"), kind="share", points=shown)],
    )
'''

TEST = '''"""What the report {name} finds."""

import pandas as pd

from analysis.{subject}.{name} import CUSTOMERS_BY_TYPE, customers_by_type, {name}_brief


def customers(**counts):
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    return pd.DataFrame({{"customer_type": kinds}})


def test_every_type_has_its_share_with_an_interval():
    table = customers_by_type(customers(personal=30, corporate=10), min_cell=10)
    assert list(table.columns) == list(CUSTOMERS_BY_TYPE)
    assert table["share"].tolist() == [0.25, 0.75]
    assert (table["share_low"] < table["share"]).all()
    assert (table["share"] < table["share_high"]).all()


def test_a_type_of_a_few_customers_cannot_be_worked_out():
    assert customers_by_type(customers(personal=30, corporate=9), min_cell=10).empty


def test_what_it_tells_in_short_has_the_share_of_persons():
    table = customers_by_type(customers(personal=30, corporate=10), min_cell=10)
    figure = {name}_brief(table, "2024Q4").figures[0]
    assert (figure.now.value, figure.now.n) == (0.75, 40)


def test_a_branch_without_customers_has_no_rows():
    assert customers_by_type(pd.DataFrame(), min_cell=10).empty
'''

OPENING = """# {title}

For whom this is, and which decision it serves: one or two sentences.

<!-- zh -->

# {title}

供谁使用，用于作出哪项决定：一两句话。"""
PARAMETERS = """params = "../params/demo.yml"
branch = "B001"
quarter = "2024Q4"
language = "en"
outputs = ""
min_cell = None"""
OPEN = """from analysis.notebook import open_report, say
from analysis.segmentation.reads import SegmentationTables
from analysis.{subject}.{name} import customers_by_type, {name}_brief
from analysis.{subject}.words import table

report = open_report(params, branch, quarter, language, outputs, min_cell, [SegmentationTables])
counts = customers_by_type(report.partition.customers, report.min_cell)
report.about()"""
SECTION = """## What was found

What the reader is to look at, how sure it is, and what to do about it.

<!-- zh -->

## 有何发现

读者应看什么，有多可靠，应采取什么行动。"""
TABLE = """table(
    counts,
    say("Customers by type, with 95 % interval (Wilson)"),
    {{"customer_type": "code", "customers": "count", "share": "share [share_low, share_high]"}},
    empty=say("Too few customers of a type to be shown."),
)"""
LIST = """report.deliver("{name}", counts)"""
BRIEF = """report.brief({name}_brief(counts, report.quarter))"""


def new_report(name: str, subject: str) -> list[Path]:
    """Write a report that runs at once; the files written and changed.

    Raises ParametersError for a name that is taken or cannot be one, or a subject that is not
    there, and WorkbookError where the package was not installed from a checkout.
    """
    if not NAME.fullmatch(name) or iskeyword(name):
        raise ParametersError(
            say(
                "{name!r} cannot be the name of a report: lower-case letters, digits and _ only, a "
                "letter first, and no word of Python's own."
            ).format(name=name)
        )
    if name in REPORTS:
        raise ParametersError(
            say("The report {name} is there already; choose another name.").format(name=name)
        )
    subjects = [room for room in ROOMS if (PACKAGE / room / "words.py").exists()]
    if subject not in subjects:
        raise ParametersError(not_one_of(say("The subject"), subject, subjects))
    if not NOTEBOOKS.is_dir():
        raise WorkbookError(
            say("There is no folder {folder}: start a report in a checkout.").format(
                folder=NOTEBOOKS
            )
        )
    findings = PACKAGE / subject / f"{name}.py"
    test = ROOT / "tests" / subject / f"test_{name}.py"
    numbers = [int(path.name[:2]) for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")]
    notebook = NOTEBOOKS / f"{max(numbers, default=0) + 1:02d}_{name}.ipynb"
    for path in (findings, test):
        if path.exists():
            raise ParametersError(
                say("{path} is there already; choose another name.").format(path=path)
            )
    names = {"name": name, "subject": subject, "title": name.replace("_", " ").capitalize()}
    write_text(findings, FINDINGS.format(**names))
    write_text(test, TEST.format(**names))
    write_text(notebook, nbformat.writes(_notebook(names)) + "\n")
    words = PACKAGE / subject / "words.py"
    told = f'    "{name}": marked("{names["title"]}"),\n'
    _add(words, _first_dictionary(words), told)
    entry = f'        Report("{notebook.stem}", CellParameters, ("customer_segment",)),\n'
    _add(CATALOGUE, "    for report in (\n", entry, end="\n    )\n")
    return [notebook, findings, test, words, CATALOGUE]


def _notebook(names: dict[str, str]) -> nbformat.NotebookNode:
    parameters = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    code = [text.format(**names) for text in (OPEN, BRIEF, TABLE, LIST)]
    cells = [
        nbformat.v4.new_markdown_cell(OPENING.format(**names)),
        parameters,
        nbformat.v4.new_code_cell(code[0]),
        nbformat.v4.new_markdown_cell(SECTION),
        *[nbformat.v4.new_code_cell(text) for text in code[1:]],
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "workbook", "display_name": "Workbook (warm)", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _first_dictionary(path: Path) -> str:
    """The line that opens the first dictionary of words of a file which has any."""
    opened = re.search(r"^(COLUMNS|CODES) = \{\n", path.read_text(encoding="utf-8"), re.MULTILINE)
    if opened is None:
        raise WorkbookError(
            say("{path} has neither COLUMNS nor CODES to add a word to.").format(path=path)
        )
    return opened[0]


def _add(path: Path, after: str, line: str, end: str = "") -> None:
    """Add a line to a file below the line `after`, or before the next `end` behind it."""
    text = path.read_text(encoding="utf-8")
    place = text.index(after) + len(after)
    if end:
        place = text.index(end, place) + 1
    write_text(path, text[:place] + line + text[place:])
