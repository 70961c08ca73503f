import pandas as pd
import pytest

from analysis.quarters import Quarter
from analysis.segmentation import evidence
from analysis.segmentation.fitted import (
    ComparedMethod,
    Condition,
    Drift,
    FeatureDrift,
    Leaf,
    MatchedGroup,
    TypeDrift,
)
from analysis.tables import Tables
from tests.segmentation.made_up import segmentation, without_groups

LAST = Quarter.parse("2024Q4")


def drift(psi=0.0, rand=1.0, by_chance=0.01):
    personal = TypeDrift(
        n=100,
        rand=rand,
        features=[FeatureDrift(feature="balance_end", psi=psi, by_chance=by_chance)],
        matched=[MatchedGroup(group="a", jaccard=0.9)],
    )
    return Drift(types={"personal": personal})


@pytest.mark.parametrize(
    ("shift", "groups", "advice"),
    [
        (drift(), 0.0, "keep"),
        (drift(psi=0.12), 0.0, "watch"),
        (
            drift(psi=0.12, by_chance=0.2),
            0.0,
            "keep",
        ),  # no more than chance does with so few customers
        (drift(rand=0.7), 0.0, "watch"),
        (drift(rand=0.5), 0.0, "refit"),
        (drift(), 0.12, "watch"),
        (drift(), 0.3, "refit"),
    ],
)
def test_a_fit_again_is_advised_by_the_stated_thresholds(shift, groups, advice):
    assert evidence.advice(shift, {"personal": groups}) == advice


def test_the_advice_names_its_figures_and_what_to_write():
    text = evidence.advice_in_words(drift(psi=0.4, rand=0.5), {"personal": 0.31})
    assert (
        "0.31" in text and "0.50" in text and "Balance" in text and "earlier_fit_quarters" in text
    )


def test_a_rule_names_each_feature_once_with_its_bounds():
    conditions = [
        Condition(feature="balance_end", above=True, value=100.0),
        Condition(feature="balance_end", above=True, value=5000.0),
        Condition(feature="balance_end", above=False, value=90000.0),
        Condition(feature="mobile_share", above=False, value=0.25),
    ]
    leaf = Leaf(group=0, customers=10, right=0.9, conditions=conditions)
    table = evidence.rules(segmentation(groups=["a"], leaves=[leaf]), "personal")
    assert table["rule"].tolist() == [
        "Balance between 5,000 and 90,000; Mobile share at most 25.0%"
    ]


def test_groups_that_kept_their_size_have_a_stability_index_of_zero():
    counts = pd.DataFrame(
        [
            (q, "personal", s, n * f)
            for q, f in (("2023Q2", 1), ("2024Q4", 2))
            for s, n in (("a", 70), ("b", 30))
        ],
        columns=["quarter", "customer_type", "segment", "customers"],
    )
    assert evidence.group_drift(counts, "2023Q2", "2024Q4") == {"personal": pytest.approx(0)}
    counts.loc[counts["quarter"] == "2024Q4", "customers"] = [100, 100]
    assert evidence.group_drift(counts, "2023Q2", "2024Q4")["personal"] > 0.1


def compared(method, in_force=False, jaccard=0.9, fails=()):
    return ComparedMethod(
        method=method,
        in_force=in_force,
        groups=3,
        customers=100,
        silhouette=0.2,
        eta_squared=0.3,
        lowest_jaccard=jaccard,
        rand=0.8,
        without_group=0.0,
        agreement=1.0,
        fails=list(fails),
    )


def test_groups_that_are_not_found_again_are_warned_of_with_the_method_that_does_better():
    fitted = segmentation(groups=["Savers", "Traders"])
    assert evidence.cautions(fitted) == []
    personal = fitted.types["personal"]
    savers = personal.groups[0].model_copy(update={"jaccard": 0.41, "stability": "unstable"})
    poor = personal.model_copy(
        update={
            "groups": [savers, personal.groups[1]],
            "comparison": [
                compared("k-medoids", True, 0.4, ["unstable", "overlap"]),
                compared("k-means", jaccard=0.93),
                compared("gaussian mixture", jaccard=0.95, fails=["overlap"]),
                compared("rfm", jaccard=0.99),  # a baseline, which cannot be put in force
            ],
        }
    )
    poorly = fitted.model_copy(update={"types": {"personal": poor}, "method": "k-medoids"})
    (told,) = evidence.cautions(poorly)
    assert told.startswith(
        "The groups of personal customers should not be relied on. The method in force, k-medoids, "
        "does not find these again in other samples: Savers 0.41"
    )
    assert "Traders" not in told and "has groups that overlap" in told
    assert told.count("again in other samples") == 1
    assert "k-means passes" in told and "0.93" in told and "segmentation.method" in told
    alone = poor.model_copy(update={"comparison": poor.comparison[:1]})
    (told,) = evidence.cautions(fitted.model_copy(update={"types": {"personal": alone}}))
    assert "passes" not in told


def test_every_feature_has_a_reason_and_what_is_left_out_follows(demo):
    model = Tables(demo, "ALL", LAST).segmentation
    table = evidence.features_used(model, "personal")
    assert table["reason"].str.len().min() > 5
    assert table["weight"].sum() == pytest.approx(1)
    assert {f.name for f in model.types["personal"].left_out} <= set(table["feature"])


def test_a_type_without_customers_gives_empty_tables():
    model = without_groups()
    for table in (
        evidence.features_used(model, ""),
        evidence.methods_compared(model, ""),
        evidence.rules(model, ""),
        evidence.number_of_groups(model),
        evidence.group_quality(model),
    ):
        assert table.empty and len(table.columns)
    assert evidence.rules_accuracy(model, "") == ""
    assert evidence.advice(Drift(types={}), {}) == "keep"


def test_the_page_says_which_method_failed_and_why(demo):
    model = Tables(demo, "ALL", LAST).segmentation
    table = evidence.methods_compared(model, "personal").set_index("method")
    assert table.loc["k-means", "verdict"].startswith("in force")
    failed = [m for m, v in table["verdict"].items() if v not in ("in force", "usable")]
    assert failed and all(" " in table.loc[m, "verdict"] for m in failed)
