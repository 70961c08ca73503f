"""What the columns, codes and thresholds of the investigations are called for the reader, in the
reader's language. Signals bring their own words (`signals.Signal`).

Columns, codes and thresholds are looked up apart: a column may have the name of a code.
"""

from analysis.language import marked, say
from analysis.report.words import SHARED, Words
from analysis.risk.detectors import SIGNALS

#: The heads of columns.
COLUMNS = {
    "alert_id": marked("Alert"),
    "severity": marked("Severity"),
    "status": marked("Status"),
    "about": marked("About"),
    "parties": marked("Parties"),
    "amount": marked("Amount"),
    "last_on": marked("Last"),
    "assigned_to": marked("Assigned to"),
    "action": marked("What to do"),
    "first_seen": marked("First seen"),
    "reasons": marked("Reasons"),
    "new_reasons": marked("New reasons"),
    "new_parties": marked("New parties, payers apart"),
    "amount_before": marked("Amount then"),
    "application_id": marked("Application"),
    "branch_id": marked("Branch"),
    "filed_on": marked("Filed on"),
    "compound": marked("Compound"),
    "developer": marked("Developer"),
    "party": marked("Party"),
    "role": marked("Role"),
    "party_branch": marked("Branch"),
    "paid": marked("Paid"),
    "got": marked("Got"),
    "booked_at": marked("Booked"),
    "evidence_id": marked("Evidence"),
    "payer": marked("Payer"),
    "payee": marked("Payee"),
    "reason": marked("Reason"),
    "note": marked("Note"),
    "points": marked("Stated points"),
    "weight": marked("Weight"),
    "quarter": marked("Quarter"),
    "decided": marked("Decided"),
    "confirmed": marked("Confirmed"),
    "share": marked("Share confirmed"),
    "decided_on": marked("Decided on"),
    "decided_by": marked("Decided by"),
    "why": marked("Why"),
    "age": marked("Open for"),
    "alerts": marked("Alerts"),
    "median": marked("Median"),
    "low": marked("from"),
    "high": marked("to"),
    "threshold": marked("Threshold"),
    "value": marked("Setting"),
    "per_1000": marked("Per 1,000"),
    "added": marked("Added"),
    "lost": marked("Lost", "of alerts"),
    "precision": marked("Precision"),
    "recall": marked("Recall"),
    "cards": marked("Cards"),
    "given_back": marked("Given back"),
    "bills": marked("Bills"),
    "come_back": marked("Came back"),
    "share_back": marked("Share back"),
    "days": marked("Days between"),
    "is_new": marked("New this quarter"),
    "last_seen": marked("Last seen"),
    "source": marked("Record of"),
    "added_ids": marked("Alerts added"),
    "lost_ids": marked("Alerts lost"),
    "precision_low": marked("Precision, from"),
    "precision_high": marked("Precision, to"),
    "recall_low": marked("Recall, from"),
    "recall_high": marked("Recall, to"),
    "facts": marked("Figures of the case"),
    "anchors": marked("Central parties"),
    "yearly": marked("Rate a year"),
    "payers": marked("Payers"),
    "our_payers": marked("Our customers"),
    "our_paid": marked("They paid"),
    "our_back": marked("They got"),
    "unit": marked("Unit"),
    "regions": marked("Regions"),
    "kind": marked("Kind"),
    "severe": marked("High severity"),
    "branches": marked("Branches"),
    "trait": marked("Trait"),
    "customers": marked("Customers"),
    "named": marked("Named in alerts"),
    "p_corrected": marked("p (corrected)"),
}

#: Kinds of case.
KINDS = {
    "risk_mortgage": marked("Mortgages"),
    "risk_card_cashout": marked("Card cash-out"),
    "risk_fundraising": marked("Fund-raising"),
    "risk_acceptance": marked("Bills", "kind of case"),
    "risk_overview": marked("Investigations"),
}

#: Parts that parties play.
ROLES = {
    "borrower": marked("borrower"),
    "payer": marked("Payer"),
    "funder": marked("source of the money"),
    "holder": marked("card holder"),
    "between": marked("in between"),
    "merchant": marked("merchant"),
    "investor": marked("payer"),
    "collecting": marked("collecting"),
    "collecting_and_paying_back": marked("collecting and paying back"),
    "transit": marked("transit"),
    "paying_back": marked("paying back"),
    "drawer": marked("drawer"),
    "payee": marked("Payee"),
}

#: What became of alerts.
OUTCOMES = {
    "open": marked("Open"),
    "confirmed": marked("Confirmed"),
    "cleared": marked("Cleared"),
}

#: What to do.
ACTIONS = {
    "confirm at once and stop": marked("Confirm at once and stop"),
    "confirm": marked("Confirm"),
    "watch": marked("Watch"),
    "follow up": marked("Confirmed: keep what is stopped, and report it"),
    "hold until the alert is cleared": marked("Hold until the alert is cleared"),
}

#: Why an application is held.
HOLDS = {
    "same_compound": marked("Same compound"),
    "same_developer": marked("Same developer"),
    "party_of_the_case": marked("Party of the case"),
    "related_to_a_party": marked("Related to a party"),
}

#: How long alerts have been open.
AGES = {
    "up to 30 days": marked("up to 30 days"),
    "31 to 90 days": marked("31 to 90 days"),
    "91 to 180 days": marked("91 to 180 days"),
    "more than 180 days": marked("more than 180 days"),
}

#: Traits of persons, and their values.
GROUPS = {
    "age": marked("Age"),
    "sex": marked("Sex"),
    "region": marked("Region"),
    "female": marked("female"),
    "male": marked("male"),
    "under 30": marked("under 30"),
    "30 to 44": marked("30 to 44"),
    "45 to 59": marked("45 to 59"),
    "60 to 74": marked("60 to 74"),
    "75 and over": marked("75 and over"),
}

#: Settings of the params file.
THRESHOLDS = {
    "min_borrowers": marked("Borrowers needed"),
    "window_days": marked("Days before the due day"),
    "late_days": marked("Days after the due day"),
    "amount_tolerance": marked("Distance from the instalment"),
    "min_months": marked("Months paid"),
    "same_site_share": marked("Share at one site"),
    "cluster_days": marked("Days between filings"),
    "hop_days": marked("Days to the next account"),
    "min_cycles": marked("Times emptied"),
    "empty_share": marked("Share of the limit"),
    "empty_days": marked("Days until emptied"),
    "fee_high": marked("Highest fee"),
    "return_days": marked("Days until it is back"),
    "min_returns": marked("Times paid back"),
    "min_holders": marked("Holders paid by a merchant"),
    "round_run": marked("Round ones in a row"),
    "swipes_a_day": marked("Swipes a day"),
    "out_of_category": marked("Out of keeping with the category"),
    "merchant_share": marked("Share of the merchant's turnover"),
    "region_hours": marked("Hours between regions"),
    "min_payers": marked("Payers needed"),
    "min_common": marked("Paid back needed"),
    "min_amount": marked("Smallest payment"),
    "ratio_tolerance": marked("Allowed deviation from the usual return"),
    "same_ratio_share": marked("Share of payers with the usual return"),
    "min_rate": marked("Lowest rate a year"),
    "unit_share": marked("Share of whole units"),
    "word_share": marked("Share with the words"),
    "old_share": marked("Share of elderly payers"),
    "growth": marked("Growth of payers"),
    "woken_days": marked("Days asleep or new"),
    "transit_days": marked("Days in transit"),
    "transit_keep": marked("Share passed on"),
    "keep": marked("Share that comes back"),
    "margin_days": marked("Days to the next margin"),
    "turnover_share": marked("Bills against turnover"),
    "rolling_days": marked("Days around maturity"),
    "rolling_times": marked("Times rolled"),
    "new_days": marked("Days since founding"),
}

#: How severe an alert is.
SEVERITIES = {
    "high": marked("high", "severity"),
    "medium": marked("medium", "severity"),
    "low": marked("low", "severity"),
}
CODES = {
    **{s.code: s.words for signals in SIGNALS.values() for s in signals},
    **KINDS,
    **ROLES,
    **OUTCOMES,
    **ACTIONS,
    **HOLDS,
    **AGES,
    **GROUPS,
}


#: Columns and codes; thresholds and severities are looked up apart.
WORDS = Words(COLUMNS, CODES, beside=SHARED)
#: In the list of all alerts days are those an alert was open.
OF_HISTORY = Words({"days": marked("Days open")}, {}, beside=WORDS)
#: In the list of alerts severities stand beside other codes, in that of thresholds thresholds.
OF_ALERTS = Words({}, SEVERITIES, beside=WORDS)
OF_THRESHOLDS = Words({}, THRESHOLDS, beside=WORDS)
#: Evidence names the records that it was taken from.
OF_EVIDENCE = Words(
    {},
    {
        "transactions": marked("transactions"),
        "transfers": marked("transfers"),
        "bills": marked("bills"),
        "invoices": marked("invoices"),
        "loans": marked("loans"),
        "loan_applications": marked("loan applications"),
        "bill_events": marked("what happened to bills"),
    },
    beside=WORDS,
)
#: In the table on persons a value is that of a trait, not of a threshold.
OF_PERSONS = Words(
    {
        "value": marked("Value"),
        "share": marked("Share of the alerts"),
        "expected": marked("Share of the customers"),
    },
    {},
    beside=WORDS,
)
#: The reader's word for a code; the code itself, without underscores, where there is none.
label = WORDS.code
#: Codes separated by blanks, in the reader's words.
words = WORDS.several


def threshold(name: str) -> str:
    """The reader's word for a threshold."""
    return _said(THRESHOLDS, name)


def severity(code: str) -> str:
    """The reader's word for a severity."""
    return _said(SEVERITIES, code)


def _said(texts: dict[str, str], name: str) -> str:
    return say(texts[name]) if name in texts else name.replace("_", " ")
