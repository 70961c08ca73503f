"""What the params file says of groups and this room does not have is refused in words."""

import pytest

from analysis.errors import ParametersError
from analysis.prepare import prepare
from analysis.segmentation.settings import check_segmentation


def with_segmentation(small, **settings):
    small.params["segmentation"] |= settings
    return small.bank()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "k-mean"}, r"segmentation\.method: .*'k-mean'.*'?k-means"),
        ({"method": "rfm"}, r"segmentation\.method: .*'rfm'"),
        (
            {"plans": {"personnal": [{"name": "A"}]}},
            r"segmentation\.plans: .*'personnal'.*'?personal",
        ),
        (
            {"plans": {"personal": [{"name": "A", "when": {"balance_ende": "high"}}]}},
            r"plans\.personal: A: when: .*'balance_ende'.*'?balance_end",
        ),
        (
            {"plans": {"personal": [{"name": "A", "when": {"customer_type": "high"}}]}},
            r"plans\.personal: A: when: .*'customer_type'",
        ),
    ],
)
def test_what_is_not_there_is_refused_before_anything_runs(small, settings, message):
    bank = with_segmentation(small, **settings)
    with pytest.raises(ParametersError, match=message):
        prepare(bank)
    assert not bank.data_folder.exists()


def test_another_method_and_a_plan_that_fits_are_accepted(small):
    plan = {"name": "A", "when": {"balance_end": "high"}}
    check_segmentation(with_segmentation(small, method="hdbscan", plans={"corporate": [plan]}))
