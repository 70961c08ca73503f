"""The contract: what the workbook expects of a bank's tables, and the checks that hold them to
it.
"""

from analysis.contract.declaration import AMOUNT, Column, RowRule, Table
from analysis.contract.tables import CONTRACT

__all__ = ["AMOUNT", "CONTRACT", "Column", "RowRule", "Table"]
