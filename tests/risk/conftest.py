import ibis
import pytest

from analysis.risk.detectors import DETECTORS
from tests.risk.books import HALF_YEAR, Books


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def find(tmp_path):
    """Run a detector on hand-written books, as the product does: candidates at the loosest
    thresholds, cases at the given ones.
    """
    from analysis.risk.thresholds import loosest

    def run(kind, books, settings, window=HALF_YEAR, without=()):
        tables = books.tables(ibis.duckdb.connect(), tmp_path / "books", without)
        detector = DETECTORS[kind]
        return detector.cases(detector.candidates(tables, window, loosest(settings)), settings)

    return run
