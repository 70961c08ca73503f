"""The reports there are: notebook, parameters that can be set, and the steps they stand on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis.errors import ParametersError, not_one_of
from analysis.language import in_use, say
from analysis.partition import ALL
from analysis.report.prose import in_language
from analysis.runs.manifest import Parameter
from analysis.sources.params import Bank, fault_messages
from analysis.steps.declaration import Step
from analysis.storage import PACKAGE

NOTEBOOKS = PACKAGE.parents[1] / "notebooks"


class ReportParameters(BaseModel):
    """What can be set for one report with --set; a name it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CellParameters(ReportParameters):
    """Reports that describe groups of customers."""

    # a group must be this large to be shown, if more than the params file says
    min_cell: int | None = Field(None, ge=1, le=1000)


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

    file: str  # of its notebook
    parameters: type[ReportParameters]
    steps: tuple[str, ...]  # whose tables it cannot do without
    whole_bank_only: bool = False  # not made for branches
    quarters: int = 1  # of the bank that it needs to say anything
    or_else: tuple[str, ...] = ()  # tables of which one gives it something to say all the same

    @property
    def name(self) -> str:
        """The notebook's name without its number."""
        return self.file.split("_", 1)[1]

    @property
    def title(self) -> str:
        """What its page is called, in the language in use."""
        lines = in_language(self._opening, in_use()).splitlines()
        return next((line[2:] for line in lines if line.startswith("# ")), self.name)

    @cached_property
    def _opening(self) -> str:
        """The cell that begins the notebook."""
        cells = json.loads(self.notebook.read_text(encoding="utf-8"))["cells"]
        prose = ("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        return next((text for text in prose if text.startswith("# ")), "")

    @property
    def notebook(self) -> Path:
        """Where its notebook lies."""
        return NOTEBOOKS / f"{self.file}.ipynb"


REPORTS = {
    report.name: report
    for report in (
        Report("01_segmentation", CellParameters, ("customer_quarter",)),
        Report("02_customer_changes", CellParameters, ("customer_quarter",)),
        Report(
            "03_loyalty",
            CellParameters,
            ("survey_items", "customer_quarter"),
            or_else=("complaints",),
        ),
        Report("04_retention", RetentionParameters, ("customer_quarter",), quarters=2),
        Report("05_risk_mortgage", RiskParameters, ("mortgage_candidates",)),
        Report("06_risk_card_cashout", RiskParameters, ("card_cashout_candidates",)),
        Report("07_risk_fundraising", RiskParameters, ("fundraising_candidates",)),
        Report("08_risk_acceptance", RiskParameters, ("acceptance_candidates",)),
        Report("09_risk_overview", CellParameters, ("customer_quarter",), whole_bank_only=True),
        Report("10_cross_sell", CellParameters, ("customer_product",)),
        Report("11_campaigns", CellParameters, ("campaign_effects",), whole_bank_only=True),
        Report("12_execution", CellParameters, ("work_item",), quarters=2),
        Report("13_identification", CellParameters, ("identity_record",)),
        Report("14_data_health", CellParameters, ("data_check",)),
    )
}


def chosen_reports(bank: Bank, names: list[str], branches: list[str]) -> list[Report]:
    """The reports asked for; those of the params file, or all, when none is named. One of the whole
    bank that is asked for by name is refused for branches.
    """
    for name in [*names, *bank.reports]:
        if name not in REPORTS:
            raise ParametersError(not_one_of(say("The report"), name, REPORTS))
        if name in names and REPORTS[name].whole_bank_only and branches and ALL not in branches:
            raise ParametersError(
                say(
                    "The report {name} is made for the whole bank only. Ask for it with --branch "
                    "{whole}."
                ).format(name=name, whole=ALL)
            )
    return [REPORTS[n] for n in (names or bank.reports or REPORTS)]


def set_values(reports: list[Report], settings: list[str]) -> dict[str, dict[str, Parameter]]:
    """`name=value` texts as checked parameters by report; each name must be known to at least one
    of the reports.
    """
    values: dict[str, str] = {}
    valid = sorted({field for report in reports for field in report.parameters.model_fields})
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise ParametersError(
                say("--set {setting!r} is not of the form name=value.").format(setting=setting)
            )
        if name not in valid:
            raise ParametersError(not_one_of(say("The parameter"), name, valid))
        values[name] = value
    checked = {}
    for report in reports:
        own_values = {k: v for k, v in values.items() if k in report.parameters.model_fields}
        try:
            checked[report.name] = report.parameters(**own_values).model_dump(exclude_none=True)
        except ValidationError as error:
            faults = " ".join(fault_messages(error, report.parameters))
            raise ParametersError(f"{report.name}: {faults}") from error
    return checked


def missing_tables(report: Report, steps: Mapping[str, Step], delivered: set[str]) -> list[str]:
    """The tables that the report would like and the bank does not deliver."""
    reads = [read for name in report.steps for read in steps[name].reads.values()]
    needed = {read.name for read in reads if read.kind == "table" and not read.optional}
    return sorted(needed - delivered)
