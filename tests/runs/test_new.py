"""`workbook new` refuses before it writes anything; what it writes is tried in `test_recipes`."""

import pytest

from analysis.cli import app
from tests.conftest import ROOT
from tests.runs.command import call, told


@pytest.mark.parametrize(
    ("name", "subject", "why"),
    [
        ("Bad Name", "loyalty", "cannot be the name of a report"),
        ("../visits", "loyalty", "cannot be the name of a report"),
        ("2visits", "loyalty", "cannot be the name of a report"),
        ("class", "loyalty", "cannot be the name of a report"),
        ("segmentation", "loyalty", "is there already"),
        ("steps", "loyalty", "is there already"),
        ("visits", "loyalti", "does not exist. Valid: "),
        ("visits", "marts", "does not exist. Valid: "),
        ("visits", "../risk", "does not exist. Valid: "),
    ],
)
def test_what_cannot_be_a_report_is_refused_and_nothing_is_written(name, subject, why):
    before = sorted(
        str(p) for top in ("src", "tests", "notebooks") for p in (ROOT / top).rglob("*")
    )
    result = call(app, "new", name, "--subject", subject)
    assert result.exit_code == 1 and why in told(result)
    after = sorted(str(p) for top in ("src", "tests", "notebooks") for p in (ROOT / top).rglob("*"))
    assert [p for p in after if p not in before and "__pycache__" not in p] == []
