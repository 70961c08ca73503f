"""What is kept of a quarter is read as it was written, and one of an earlier version is refused."""

import pytest

from analysis.errors import MissingDataError
from analysis.risk.bias import GroupCount
from analysis.risk.known import KnownAlert, Sighting
from analysis.risk.record import QuarterRecord, WindowFacts
from analysis.risk.scorecard import HeldOut, Scorecard
from analysis.steps.working import read_model_file
from analysis.storage import write_json

KIND = "risk_mortgage"
SIGHTING = Sighting(reasons=("same_site",), parties=("C1",), amount=10.5)
RECORD = QuarterRecord(
    quarter="2024Q4",
    known={
        "RM-1": KnownAlert(
            kind=KIND, first_seen="2024Q3", anchors=("C1",), seen={"2024Q3": SIGHTING}, branch="B1"
        )
    },
    scorecards={
        KIND: Scorecard(
            intercept=-1.0,
            weights={"same_site": 0.5},
            confirmed=20,
            cleared=15,
            held_out=HeldOut(
                quarter="2024Q3", n=9, auc=0.8, auc_low=0.6, auc_high=0.9, brier=0.1, brier_base=0.2
            ),
        ),
        "risk_acceptance": None,
    },
    unknown_dispositions=["RM-2"],
    customers=100,
    kinds=[KIND],
    left_out={KIND: []},
    passed_over={},
    window=WindowFacts(transfers=9, without_account=1, to_itself=0, followed=8),
    groups=[
        GroupCount(
            kind=KIND, trait="sex", value="female", customers=50, named=1, alerts=1, share=1.0
        )
    ],
)


def stored(folder, content):
    path = folder / "2024Q4.json"
    write_json(path, content)
    return path


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = stored(tmp_path, RECORD.model_dump(mode="json"))
    assert read_model_file(path, QuarterRecord) == RECORD


def test_a_record_of_an_earlier_version_is_refused_with_what_to_do(tmp_path):
    earlier = RECORD.model_dump(mode="json") | {"known": {"RM-1": {"kind": KIND, "reasons": []}}}
    with pytest.raises(MissingDataError, match=r"2024Q4.* \(known\.RM-1.*`workbook prepare`"):
        read_model_file(stored(tmp_path, earlier), QuarterRecord)
