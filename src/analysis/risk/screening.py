"""Screening of one pending application against the alerts that stand: confirm at once and stop, or
nothing known against it.
"""

import json
from dataclasses import dataclass, field

import pandas as pd
from ibis.backends.duckdb import Backend

from analysis.contract import CONTRACT
from analysis.errors import MissingDataError, ParametersError, not_one_of
from analysis.language import listed, marked, say
from analysis.quarters import Quarter
from analysis.risk.cases import Case, Window
from analysis.risk.mortgage import held_by, pending
from analysis.risk.transfers import Tables
from analysis.sources.accepted import accepted_path
from analysis.sources.params import Bank
from analysis.steps.customers import prepared_customers
from analysis.steps.readings import mart_files
from analysis.storage import rows_of

STOP = marked("confirm at once and stop")


@dataclass
class Screened:
    """What was found: for each alert why the application is related to it, and what else there is
    to say.
    """

    application_id: str
    quarter: str
    branch_id: str
    compound: str
    developer: str
    alerts: dict[str, list[str]] = field(default_factory=dict)  # alert to reasons
    payers: dict[str, list[str]] = field(default_factory=dict)  # alert to those who repay
    # other pending applications held because of the same alerts
    related: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """What to do."""
        return STOP if self.alerts else marked("nothing known against it")


def screen(bank: Bank, con: Backend, application_id: str) -> Screened:
    """Compare a pending mortgage application with the mortgage alerts of the last quarter prepared.

    By compound, developer, borrowers and payers, the accounts of the down payment, and customers
    who share a telephone, address, employer or authorised person with a party. Raises
    ParametersError for an application that is not there or not pending, and MissingDataError before
    the bank was prepared.
    """
    prepared = sorted(p.stem for p in (bank.data_folder / "models" / "risk").glob("*.json"))
    if not prepared:
        raise MissingDataError(
            say(
                "There are no alerts in {data_folder}. Run `workbook prepare {path}` first."
            ).format(data_folder=bank.data_folder, path=bank.path)
        )
    quarter = Quarter.parse(prepared[-1])
    delivered = {
        n: rows_of(con, [accepted_path(bank, n)])
        for n in CONTRACT
        if n != "transactions" and accepted_path(bank, n).exists()
    }
    tables: Tables = prepared_customers(bank.data_folder, con, delivered)
    if missing := {"loan_applications", "account_holders"} - set(tables):
        raise MissingDataError(
            say("The bank does not deliver {missing}; applications cannot be screened.").format(
                missing=listed(sorted(missing))
            )
        )
    waiting = pending(tables, Window(quarter.start, bank.taken_on))
    if application_id not in set(waiting["application_id"]):
        raise ParametersError(
            not_one_of(
                say("The pending mortgage application"),
                application_id,
                list(waiting["application_id"]),
            )
        )
    application = waiting[waiting["application_id"] == application_id].iloc[0]
    screened = Screened(
        application_id, str(quarter), str(application["branch_id"]), *_site(application)
    )
    if not screened.compound and not screened.developer:
        screened.remarks.append(
            say("It names neither compound nor developer and was compared by its parties only.")
        )
    cases = _standing(bank, con, quarter)
    for alert, case, applications in held_by(tables, waiting, cases.items()):
        if application_id in set(applications["application_id"]):
            reasons = applications.set_index("application_id").loc[application_id, "reasons"]
            screened.alerts[alert] = str(reasons).split(" ")
            screened.payers[alert] = sorted(p for p, r in case.roles.items() if r != "borrower")
            screened.related = sorted(
                {*screened.related, *applications["application_id"]} - {application_id}
            )
    return screened


def _site(application: pd.Series) -> tuple[str, str]:
    compound, developer = (
        str(application[part]) if pd.notna(application[part]) else ""
        for part in ("compound", "developer")
    )
    return compound, developer


def _standing(bank: Bank, con: Backend, quarter: Quarter) -> dict[str, Case]:
    """The mortgage alerts that stand, with their parties and sites."""
    files = mart_files(bank.data_folder, "risk_alert", quarter)
    if not files:
        return {}
    alerts = rows_of(con, files).to_pandas()
    parties = rows_of(con, mart_files(bank.data_folder, "risk_party", quarter)).to_pandas()
    alerts = alerts[
        (alerts["kind"] == "risk_mortgage") & ~alerts["suppressed"].astype(bool)
    ].sort_values("rank")
    cases = {}
    for alert in alerts.itertuples(index=False):
        own_parties = parties[parties["alert_id"] == alert.alert_id]
        cases[str(alert.alert_id)] = Case(
            str(alert.anchors).split(" "),
            {},
            dict(zip(own_parties["party"], own_parties["role"], strict=True)),
            float(alert.amount),
            facts=json.loads(alert.facts),
        )
    return cases
