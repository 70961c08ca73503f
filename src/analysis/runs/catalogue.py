"""The reports there are: notebook, parameters that can be set, and the marts they cannot do
without.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis.errors import ParametersError, not_one_of
from analysis.marts.build import NEEDS
from analysis.partition import ALL
from analysis.risk.kinds import RISK_NEEDS
from analysis.sources.params import Bank, fault_messages
from analysis.storage import PACKAGE

NOTEBOOKS = PACKAGE.parents[1] / "notebooks"


class ReportParameters(BaseModel):
    """What can be set for one report with --set; a name it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CellParameters(ReportParameters):
    """Reports that describe groups of customers."""

    min_cell: int | None = Field(
        None, ge=1, le=1000
    )  # a group must be this large to be shown, if more than the params file says


class RetentionParameters(CellParameters):
    """Who may leave, and whom to call."""

    capacity: int | None = Field(
        None, ge=1, le=100_000
    )  # customers each branch can call; default: the params file


class RiskParameters(ReportParameters):
    """The investigations."""

    most_alerts: int | None = Field(
        None, ge=1, le=1000
    )  # alerts shown in full on the page; default: six


@dataclass(frozen=True)
class Report:
    """One report."""

    name: str
    notebook: Path
    parameters: type[ReportParameters]
    marts: tuple[str, ...]  # those it is made from
    whole_bank_only: bool = False  # not made for branches


REPORTS = {
    r.name: r
    for r in (
        Report(
            "segmentation",
            NOTEBOOKS / "01_segmentation.ipynb",
            CellParameters,
            ("customer_quarter",),
        ),
        Report(
            "customer_changes",
            NOTEBOOKS / "02_customer_changes.ipynb",
            CellParameters,
            ("customer_quarter",),
        ),
        Report(
            "loyalty",
            NOTEBOOKS / "03_loyalty.ipynb",
            CellParameters,
            ("survey_items", "customer_quarter"),
        ),
        Report(
            "retention",
            NOTEBOOKS / "04_retention.ipynb",
            RetentionParameters,
            ("customer_quarter",),
        ),
        Report(
            "risk_mortgage",
            NOTEBOOKS / "05_risk_mortgage.ipynb",
            RiskParameters,
            ("risk_mortgage",),
        ),
        Report(
            "risk_card_cashout",
            NOTEBOOKS / "06_risk_card_cashout.ipynb",
            RiskParameters,
            ("risk_card_cashout",),
        ),
        Report(
            "risk_fundraising",
            NOTEBOOKS / "07_risk_fundraising.ipynb",
            RiskParameters,
            ("risk_fundraising",),
        ),
        Report(
            "risk_acceptance",
            NOTEBOOKS / "08_risk_acceptance.ipynb",
            RiskParameters,
            ("risk_acceptance",),
        ),
        Report(
            "risk_overview",
            NOTEBOOKS / "09_risk_overview.ipynb",
            CellParameters,
            ("risk_overview",),
            whole_bank_only=True,
        ),
    )
}


def chosen_reports(bank: Bank, names: list[str], branches: list[str]) -> list[Report]:
    """The reports asked for; those of the params file, or all, when none is named. One of the whole
    bank that is asked for by name is refused for branches.
    """
    for name in [*names, *bank.reports]:
        if name not in REPORTS:
            raise ParametersError(not_one_of("The report", name, REPORTS))
        if name in names and REPORTS[name].whole_bank_only and branches and ALL not in branches:
            raise ParametersError(
                f"The report {name} is made for the whole bank only. Ask for it with "
                f"--branch {ALL}."
            )
    return [REPORTS[n] for n in (names or bank.reports or REPORTS)]


def set_values(reports: list[Report], settings: list[str]) -> dict[str, dict[str, Any]]:
    """`name=value` texts as checked parameters by report; each name must be known to at least one
    of the reports.
    """
    given: dict[str, str] = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise ParametersError(f"--set {setting!r} is not of the form name=value.")
        known = sorted({f for r in reports for f in r.parameters.model_fields})
        if name not in known:
            raise ParametersError(not_one_of("The parameter", name, known))
        given[name] = value
    checked = {}
    for report in reports:
        mine = {k: v for k, v in given.items() if k in report.parameters.model_fields}
        try:
            checked[report.name] = report.parameters(**mine).model_dump(exclude_none=True)
        except ValidationError as error:
            raise ParametersError(
                f"{report.name}: " + " ".join(fault_messages(error, report.parameters))
            ) from error
    return checked


def missing_tables(report: Report, delivered: set[str]) -> list[str]:
    """The tables that the report would like and the bank does not deliver."""
    return sorted(
        {t for m in report.marts for t in {**NEEDS, **RISK_NEEDS}[m] if t not in delivered}
    )
