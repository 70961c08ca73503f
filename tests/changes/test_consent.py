"""Who may be called: consent is a matter of the bank, contacts are those of all lists together."""

import ibis
import pandas as pd
import pytest

from analysis.changes.calls import contacted, may_be_contacted, with_consent_settled
from analysis.quarters import Quarter


@pytest.mark.parametrize(
    ("consent", "may"),
    [
        ([True, None, None, None], [True, False, False, False]),
        ([False, None, None, True], [False, False, False, True]),
        ([None, None, None, None], [True, True, True, True]),
    ],
)
def test_a_branch_without_consent_is_not_called_where_the_bank_delivers_it(consent, may):
    rows = pd.DataFrame({"branch_id": ["B1", "B1", "B2", "B2"], "consent": consent}, dtype=object)
    schema = {"branch_id": "string", "consent": "boolean"}
    settled = with_consent_settled(ibis.memtable(rows, schema=schema)).to_pandas()
    told = settled.groupby("branch_id")["consent"].transform(may_be_contacted)
    assert told.tolist() == may


def test_contacts_are_those_of_campaigns_and_of_staff_in_the_quarter():
    day = pd.Timestamp("2024-11-05").date()
    before = pd.Timestamp("2024-09-30").date()
    contacts = ibis.memtable(
        pd.DataFrame(
            {
                "customer_id": ["C1", "C1", "C2", "C3"],
                "treated": [True, True, False, True],
                "contacted_on": [day, before, day, day],
            }
        )
    )
    follow_ups = ibis.memtable(
        pd.DataFrame(
            {
                "subject_id": ["S1", "V:2024Q3::C3", "L:2024Q3:P1:C4", "alert", "S1"],
                "done_on": [day, day, day, day, before],
                "outcome": ["sold", "not_reached", "open", "confirmed", "reached"],
            }
        )
    )
    leads = ibis.memtable(
        pd.DataFrame({"lead_id": ["S1"], "customer_id": ["C1"], "product_id": ["P1"]})
    )
    quarter = Quarter.parse("2024Q4")
    both = contacted(contacts, follow_ups, leads, quarter)
    assert both.to_dict() == {"C1": 2, "C3": 2}
    assert contacted(contacts, None, None, quarter).to_dict() == {"C1": 1, "C3": 1}
    assert contacted(None, follow_ups, leads, quarter).to_dict() == {"C1": 1, "C3": 1}
    assert contacted(None, None, None, quarter).empty
