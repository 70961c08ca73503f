"""What several subjects call their columns and codes, in the reader's language; a subject's own
stand in its `words.py`.

Columns and codes are looked up apart, so that no column need be named after a label it must not
collide with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from analysis.language import clauses, marked, say, within

#: The heads of columns.
COLUMNS = {
    "customer_type": marked("Type"),
    "segment": marked("Group"),
    "customers": marked("Customers"),
    "share": marked("Share"),
    "before": marked("Last quarter"),
    "n": marked("Count"),
    "balance_end": marked("Balance"),
    "money_in": marked("Money in"),
    "transactions": marked("Entries"),
    "cash_share": marked("Cash share"),
    "mobile_share": marked("Mobile share"),
    "products_held": marked("Products"),
    "value": marked("Value a quarter"),
    "total": marked("Group total"),
    "was": marked("Was"),
    "owner": marked("Owner"),
    "groups": marked("Groups"),
    "feature": marked("Feature"),
    "mean": marked("Mean"),
    "low": marked("from"),
    "high": marked("to"),
    "n_before": marked("Count before"),
    "p": marked("p"),
    "p_corrected": marked("p (corrected)"),
    "branch_id": marked("Branch"),
    "others": marked("Other branches"),
    "difference": marked("Difference"),
    "term": marked("Term"),
    "estimate": marked("Estimate"),
    "inflation": marked("Variance inflation"),
    "points": marked("Retention, percentage points"),
    "action": marked("What to do"),
    "left": marked("Departures"),
    "median": marked("Median"),
    "reason": marked("Reason"),
    "weight": marked("Weight"),
    "missing": marked("Empty"),
    "block": marked("Block"),
    "bic": marked("BIC"),
    "method": marked("Method"),
    "rule": marked("Rule"),
    "quarters": marked("Quarters"),
    "event": marked("Event"),
    "followed": marked("Happened afterwards"),
    "base": marked("For comparison"),
    "lift": marked("Lift"),
    "expected": marked("Expected value"),
    "expected_value": marked("Expected value"),
    "score": marked("Score"),
    "source": marked("What acts"),
    "alpha": marked("Cronbach's alpha"),
    "size": marked("Size"),
    "theme": marked("Theme"),
    "complaints": marked("Complaints"),
    "said_in": marked("Quarter"),
    "quotation": marked("Quotation"),
    "language": marked("Language"),
    "word": marked("Word"),
    "coefficient": marked("Coefficient"),
    "texts": marked("Texts"),
    "themes": marked("Themes"),
    "coherence": marked("Coherence"),
    "auc": marked("AUC"),
    "why": marked("Why not"),
    "facts": marked("Product, event or complaint"),
    "feeling": marked("Feels"),
    "support": marked("Support"),
    "confidence": marked("Confidence"),
    "other": marked("Compared with"),
    "category": marked("Category"),
    "answered": marked("Answered"),
    "rate": marked("Rate"),
    "result": marked("Result"),
    "more": marked("More"),
    "schoenfeld_p": marked("Schoenfeld p"),
    "quarter": marked("Quarter"),
    "ratio": marked("Hazard ratio"),
    "said": marked("Predicted departures"),
    "events": marked("Departures"),
    "observed": marked("Actual"),
    "first": marked("Weighs most"),
    "setting": marked("Setting"),
    "note": marked("Note"),
    "kind": marked("Kind"),
    "points_stated": marked("Stated points"),
    "age_group": marked("Open for"),
    "customer_id": marked("Customer"),
    "manager_id": marked("Manager"),
    "may_be_contacted": marked("May be contacted"),
    "first_reason": marked("First reason"),
    "second_reason": marked("Second reason"),
    "at_stake": marked("At stake"),
    "hazard": marked("Chance of leaving"),
    "effect": marked("What the event adds to the chance"),
    "rank": marked("Rank"),
    "first_on": marked("First"),
    "borrower_id": marked("Borrower"),
    "in_force": marked("In force"),
    "product": marked("Product"),
    "channel": marked("Channel"),
}
#: Values that stand in a table or chart.
CODES = {
    "income": marked("Income"),
    "card": marked("card"),
    "mortgage": marked("mortgage"),
    "wealth": marked("wealth product"),
    "insurance": marked("insurance"),
    "late": marked("Late"),
    "customer_id": marked("Customer"),
    "segment": marked("Group"),
    "share_low": marked("from"),
    "share_high": marked("to"),
    "balance_end": marked("Balance"),
    "money_in": marked("Money in"),
    "transactions": marked("Entries"),
    "cash_share": marked("Cash share"),
    "mobile_share": marked("Mobile share"),
    "products_held": marked("Products"),
    "recency_days": marked("Days since last entry"),
    "tenure_years": marked("Years with us"),
    "value_low": marked("from"),
    "value_high": marked("to"),
    "index": marked("Index"),
    "process": marked("Process"),
    "campaign": marked("Campaign"),
    "branch_id": marked("Branch"),
    "site": marked("Site"),
    "seen_before": marked("Seen last quarter"),
    "held_applications": marked("Applications held"),
    "personal": marked("Personal"),
    "corporate": marked("Corporate"),
    "rows": marked("Rows"),
    "left": marked("Departures"),
    "held_out_quarter": marked("Quarter held out"),
    "none": marked("none"),
    "stable": marked("stable"),
    "churn": marked("leaving"),
    "purchase": marked("buying"),
    "assets_trend": marked("Trend of the balance"),
    "instalments_missed": marked("Instalments missed"),
    "active_weeks": marked("Active weeks"),
    "counterparties": marked("Counterparties"),
    "evening_share": marked("Evening share"),
    "branch_share": marked("Branch share"),
    "atm_share": marked("Cash machine share"),
    "pos_share": marked("Card share"),
    "online_share": marked("Online share"),
    "phone_share": marked("Phone share"),
    "transfer_share": marked("Transfer share"),
    "Left": marked("Left"),
    "en": marked("English"),
    "left_out": marked("Left out"),
    "held_out_auc": marked("AUC, held out"),
    "held_out_brier": marked("Brier score, held out"),
    "held_out_brier_base": marked("Brier score of the mean"),
    "held_out_events": marked("Departures, held out"),
    "held_out_n": marked("Rows, held out"),
    "held_out_predicted": marked("Left, predicted, held out"),
    "held_out_observed": marked("Left, observed, held out"),
    "held_out_slope": marked("Calibration slope"),
    "held_out_intercept": marked("Calibration intercept"),
    "complained": marked("Complained"),
    "current_account": marked("current account"),
    "savings": marked("savings"),
    "consumer_loan": marked("consumer loan"),
    "business_loan": marked("business loan"),
    "payment": marked("payment service"),
    "set_aside": marked("Set aside"),
    "table": marked("Table"),
    "newest": marked("Newest"),
}
#: Codes made of another: what they begin with, and how the rest is told.
PREFIXES = {
    "has_": marked("Holds: {what}"),
    "event_": marked("Event: {what}"),
    "low_": marked("low on {what}"),
}


#: One of several of a kind, such as an item of the questionnaire: product_1.
NUMBERED = re.compile(r"(\w+)_(\d+)")


@dataclass(frozen=True)
class Words:
    """The words of a subject, and those of the subjects it stands on.

    columns, codes: name to the English text, marked for translation. beside: looked into for what
    is not there.
    """

    columns: Mapping[str, str]
    codes: Mapping[str, str]
    beside: Optional["Words"] = None

    def column(self, name: str) -> str:
        """The head of a column; its name, without underscores, where nothing is said of it."""
        text = self._column(name)
        return self.code(name) if text is None else say(text)

    def code(self, name: str) -> str:
        """The reader's word for a code; one that is the name of a column is called as it is."""
        text = self._code(name)
        if text is None:
            text = self._column(name)
        if text is not None:
            return say(text)
        numbered = NUMBERED.fullmatch(name)
        if numbered and self.knows(numbered[1]):
            return say("{what} {number}").format(what=self.code(numbered[1]), number=numbered[2])
        for prefix, pattern in PREFIXES.items():
            if name.startswith(prefix):
                return say(pattern).format(what=within(self.code(name.removeprefix(prefix))))
        return name.replace("_", " ")

    def knows(self, name: str) -> bool:
        """Whether there is a word for a code."""
        return self._code(name) is not None or any(name.startswith(p) for p in PREFIXES)

    def several(self, codes: str) -> str:
        """Codes separated by blanks, in the reader's words."""
        return clauses(self.code(code) for code in codes.split(" ") if code)

    def _column(self, name: str) -> str | None:
        if name in self.columns:
            return self.columns[name]
        return self.beside._column(name) if self.beside else None

    def _code(self, name: str) -> str | None:
        if name in self.codes:
            return self.codes[name]
        return self.beside._code(name) if self.beside else None


SHARED = Words(COLUMNS, CODES)
