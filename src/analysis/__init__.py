"""The package behind the workbook: from a bank's tables to reports."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.loaded import Loaded

__all__ = ["load"]


def load(bank: str = "demo") -> "Loaded":
    """A bank, found from any folder: `load()["B001"]` is its branch B001 in the last quarter,
    `load("berka")["ALL", "1998Q4"]` another bank, all of it, in another quarter; branches and
    tables can be completed with the tab key. The demo bank is made and prepared on first use.

    bank: the name of a params file without its ending, or its path. Raises ParametersError naming
    the banks, branches and quarters there are.
    """
    from analysis.loaded import Loaded

    return Loaded.of(bank)
