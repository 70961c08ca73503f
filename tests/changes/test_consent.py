"""Consent is a matter of the bank: a branch that says nothing of it is not a bank that does not."""

import ibis
import pandas as pd
import pytest

from analysis.changes.calls import may_be_contacted, with_consent_settled


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
