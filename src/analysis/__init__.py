"""The package behind the workbook: from a bank's tables to reports."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.tables import Tables

__all__ = ["load"]


def load(branch: str, quarter: str, params: str = "../params/demo.yml") -> "Tables":
    """The tables of one branch and quarter, with a readable summary; the demo bank is made and
    prepared on first use.

    branch: its identifier, or ALL. quarter: such as 2024Q4. params: the bank's params file, seen
    from the current folder (a notebook's folder in JupyterLab). Raises ParametersError naming the
    valid branches and quarters.
    """
    from analysis.prepare import prepare_if_needed
    from analysis.quarters import Quarter
    from analysis.sources.params import read_params
    from analysis.tables import Tables

    bank = read_params(params)
    wanted = Quarter.parse(quarter)
    prepare_if_needed(bank, wanted)
    return Tables(bank, branch, wanted)
