"""What it would bring to improve, and where that is quickly done."""

import pandas as pd
import pytest

from analysis.language import impossible
from analysis.loyalty import drivers
from analysis.loyalty.fitted import RetentionFit, RetentionQuality
from analysis.loyalty.shapley import Driver, Drivers, ExplainedShares
from analysis.sources.params import Mend
from analysis.statistics.fitted import Influence, Interval, Term


def staying(*terms):
    """A fitted model of staying of which only the terms matter."""
    return RetentionFit(
        rows=1000,
        left=50,
        quarters=["2024Q3"],
        clustered_by="customer_id",
        terms=list(terms),
        left_out=[],
        nested=[],
        calibration=[],
        quality=RetentionQuality(
            converged=True,
            pseudo_r2=0.1,
            auc_fit=0.7,
            link_test_p=0.5,
            condition_number=10.0,
            branch_sd=0.0,
            influence=Influence(largest_cook=0.01, hang_on_few=[]),
            held_out=None,
        ),
    )


def test_half_of_what_is_promised_by_half_of_the_gap():
    scores = pd.DataFrame(
        [
            {
                "branch_id": b,
                "segment": "",
                "quarter": "2024Q4",
                "dimension": "process",
                "n": 100,
                "mean": m,
                "se": 1.0,
                "low": m - 2,
                "high": m + 2,
            }
            for b, m in (("B1", 50.0), ("B2", 60.0), ("B3", 70.0), ("ALL", 60.0))
        ]
    )
    retention = staying(
        Term(
            term="process",
            estimate=0.1,
            low=0.05,
            high=0.15,
            p=0.01,
            inflation=1.0,
            points=Interval(at=2.0, low=1.0, high=3.0),
        )
    )
    found = drivers.simulated(
        scores, retention, {"B1": 1000, "B2": 1000, "B3": 1000}, "ALL", "2024Q4", 10
    )
    assert found["branch_id"].tolist() == ["B1"]  # the median branch and those above gain nothing
    row = found.iloc[0]
    assert row["retained"] == pytest.approx(20)  # 10 points × 0.2 % × 1,000
    assert row["low"] == pytest.approx(9.5, abs=1) and row["high"] == pytest.approx(31, abs=1.5)
    assert drivers.simulated(scores, impossible("too few"), {}, "ALL", "2024Q4", 10).empty
    assert drivers.simulated(
        scores[scores["branch_id"] != "B3"], retention, {"B1": 9}, "ALL", "2024Q4", 10
    ).empty


def test_a_quick_win_is_important_weak_and_improvable():
    rows = [
        (b, d, m)
        for d, values in {
            "service": (50, 60, 70),
            "campaign": (50, 60, 70),
            "process": (60, 50, 40),
        }.items()
        for b, m in zip(("B1", "B2", "B3"), values, strict=True)
    ]
    scores = pd.DataFrame(
        [
            {
                "branch_id": b,
                "segment": "",
                "quarter": "2024Q4",
                "dimension": d,
                "n": 100,
                "mean": m,
                "se": 1.0,
                "low": m - 2,
                "high": m + 2,
            }
            for b, d, m in rows
        ]
    )
    shares = [
        Driver(driver=d, share=s, share_low=s - 0.05, share_high=s + 0.05, r_squared=s / 2)
        for d, s in (("service", 0.5), ("process", 0.4), ("campaign", 0.1))
    ]
    told = Drivers(
        targets=[
            ExplainedShares(
                target="satisfaction", n=500, r_squared=0.5, low=0.4, high=0.6, drivers=shares
            )
        ]
    )
    found = drivers.performance(
        scores, told, "B1", "2024Q4", {"service": Mend(action="Coach")}, 10
    ).set_index("dimension")
    assert found["quick_win"].to_dict() == {"service": True, "process": False, "campaign": False}
    assert found.loc["campaign", ["important", "weak", "improvable"]].tolist() == [
        False,
        True,
        False,
    ]
    assert not drivers.performance(scores, told, "B1", "2024Q4", {}, 10)[
        "quick_win"
    ].any()  # nothing is named to be done
