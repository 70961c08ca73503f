import numpy as np
import pandas as pd
import pytest

from analysis.segmentation import findings
from analysis.sources.params import Value
from analysis.statistics.intervals import median_interval
from tests.segmentation.made_up import feature, segmentation, without_groups


def counts(**groups):
    rows = [("2024Q4", "personal", g, n) for g, (n, _) in groups.items()] + [
        ("2024Q3", "personal", g, b) for g, (_, b) in groups.items()
    ]
    table = pd.DataFrame(rows, columns=["quarter", "customer_type", "segment", "customers"])
    return table.assign(withheld=False)


def people(segments, **values):
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(len(segments))],
            "segment": segments,
            "customer_type": "personal",
            "branch_id": "B1",
            "group_withheld": False,
            "borrowers_withheld": False,
            "late_withheld": False,
            "valued_withheld": False,
        }
    )
    base = dict.fromkeys(findings.PROFILE, 1.0) | {
        "debt": 0.0,
        "in_arrears": False,
        "consent": True,
        "manager_id": "S1",
    }
    return frame.assign(**(base | values))


def test_shares_have_wilson_intervals():
    sizes = findings.group_sizes(counts(a=(80, 70), b=(20, 30)), "2024Q4", "2024Q3", 10).set_index(
        "segment"
    )
    assert sizes.loc["b", ["customers", "share", "before"]].tolist() == [20, 0.2, 30]
    assert (round(sizes.loc["b", "share_low"], 4), round(sizes.loc["b", "share_high"], 4)) == (
        0.1334,
        0.2888,
    )  # Wilson 1927 for 20 of 100


def test_one_small_group_takes_the_next_smallest_along_so_that_it_cannot_be_worked_out():
    sizes = findings.group_sizes(
        counts(a=(80, 80), b=(20, 20), c=(3, 3)), "2024Q4", "2024Q3", 10
    ).set_index("segment")
    assert sizes["customers"].isna().to_dict() == {"a": False, "b": True, "c": True}
    assert sizes.loc["c", ["share", "share_low", "share_high", "before"]].isna().all()


def test_profiles_leave_out_groups_that_would_point_at_persons():
    profiles = findings.group_profiles(people(["a"] * 30 + ["b"] * 20 + ["c"] * 3), 10)
    assert profiles["segment"].unique().tolist() == ["a"]
    assert findings.wide_profiles(profiles)["n"].tolist() == [30]


def test_a_median_has_an_interval_between_order_statistics():
    assert median_interval(pd.Series(range(1, 11))) == (
        2,
        9,
    )  # 97.9 % coverage with ten values (Hahn and Meeker 1991)
    assert np.isnan(median_interval(pd.Series([1.0, 2.0, 3.0]))).all()
    rng = np.random.default_rng(0)
    covered = [
        low <= 0 <= high
        for low, high in (median_interval(pd.Series(rng.normal(0, 1, 40))) for _ in range(400))
    ]
    assert 0.93 <= np.mean(covered) <= 0.99


ASSUMED = Value(
    deposit_margin=0.01, lending_margin=0.2, default_given_arrears=0.5, loss_given_default=0.4
)


def test_value_and_expected_loss_follow_from_the_assumptions():
    rows = people(
        ["a"] * 20,
        balance_end=1000.0,
        debt=[100.0] * 10 + [0.0] * 10,
        in_arrears=[True] * 5 + [False] * 15,
    )
    value = findings.value_and_risk(rows, ASSUMED, 10).iloc[0]
    # half of ten borrowers are in arrears, half of those default, two fifths of their debt is lost
    assert value["loss_a_year"] == pytest.approx(0.5 * 0.5 * 0.4 * 50)
    assert value["total"] == pytest.approx(20 * 10 + 10 * 20)  # before losses
    assert (value["arrears"], value["borrowers"], value["n"]) == (0.5, 10, 20)
    assert value["value_low"] < value["value_a_year"] < value["value_high"]
    assert value["loss_low"] < value["loss_a_year"] < value["loss_high"]


def test_a_customer_with_a_thousand_million_times_the_assets_is_not_shown_as_the_value_of_a_group():
    rows = people(["a"] * 20 + ["b"] * 20, balance_end=[1e12] + [1000.0] * 39)
    values = findings.value_and_risk(rows, ASSUMED, 10).set_index("segment")
    assert values.loc["a", ["value_a_year", "value_low", "value_high", "total"]].isna().all()
    assert values.loc["b", "total"] == pytest.approx(200)
    assert "One customer holds nearly all balances of a" in " ".join(
        findings.worth_saying(rows, without_groups(), 10)
    )


def test_what_must_be_known_before_reading_is_said():
    model = segmentation([feature("credit_grade")])
    usual = people(["a"] * 20 + ["b"] * 20)
    assert findings.worth_saying(usual, model, 10) == []
    alike = people(["a"] * 30, credit_grade=[np.nan] * 10 + [1.0] * 20)
    said = " ".join(findings.worth_saying(alike, model, 10))
    assert (
        "All personal customers are in one group, a" in said
        and "Credit grade is empty for 33%" in said
    )
    assert "all are dormant" in " ".join(findings.worth_saying(people(["Dormant"] * 30), model, 10))
    assert findings.worth_saying(people(["a"] * 3), model, 10) == []  # too few to say anything of


def test_few_borrowers_are_not_pointed_at():
    rows = people(
        ["a"] * 20,
        balance_end=1000.0,
        debt=[100.0] * 3 + [0.0] * 17,
        in_arrears=[True] + [False] * 19,
    )
    value = findings.value_and_risk(rows, ASSUMED, 10).iloc[0]
    assert (
        value[["borrowers", "arrears", "arrears_low", "arrears_high", "loss_a_year"]].isna().all()
    )


def test_the_effect_of_the_plans_is_savings_less_the_value_assumed_lost():
    rows = people(["cheap"] * 20 + ["dear"] * 10, balance_end=1000.0)
    assumed = ASSUMED.model_copy(
        update={
            "cost_today": {"personal": 5.0},
            "service_costs": {"app": 2.0, "desk": 9.0},
            "value_lost": 0.1,
        }
    )
    values = findings.value_and_risk(rows, assumed, 10)
    plans = pd.DataFrame(
        {"customer_type": "personal", "segment": ["cheap", "dear"], "service": ["app", "desk"]}
    )
    effects = findings.plan_effects(values, plans, assumed).set_index("segment")
    assert effects.loc["cheap", ["saved", "value_kept", "kept_low"]].tolist() == [60, 0.9, 0.8]
    assert effects.loc["cheap", "net"] == pytest.approx(60 - 0.1 * 200)
    assert effects.loc["cheap", "break_even"] == pytest.approx(60 / 200)
    assert effects.loc["dear", ["saved", "value_kept", "net"]].tolist() == [-40, 1, -40]
    in_all = findings.effect_in_all(effects.reset_index(), values)
    assert in_all["net"] == pytest.approx(0) and in_all["kept"] == pytest.approx(
        (0.9 * 200 + 100) / 300
    )


def test_without_costs_in_the_params_file_there_is_no_effect():
    values = findings.value_and_risk(people(["a"] * 20), Value(), 10)
    plans = pd.DataFrame({"customer_type": "personal", "segment": ["a"], "service": ["app"]})
    assert findings.plan_effects(values, plans, Value()).empty
    assert findings.effect_in_all(findings.plan_effects(values, plans, Value()), values) == {}


def test_nothing_in_gives_empty_tables():
    nothing = pd.DataFrame()
    assert findings.group_sizes(nothing, "2024Q4", "2024Q3", 10).empty
    for table in (
        findings.group_profiles(nothing, 10),
        findings.value_and_risk(nothing, Value(), 10),
    ):
        assert table.empty and len(table.columns)


def test_a_branch_whose_customers_all_fall_into_one_group_is_described():
    rows = people(["a"] * 30)
    one = pd.DataFrame(
        [("2024Q4", "personal", "a", 30, False)],
        columns=["quarter", "customer_type", "segment", "customers", "withheld"],
    )
    assert findings.group_sizes(one, "2024Q4", "2024Q3", 10)["share"].tolist() == [1.0]
    assert len(findings.group_profiles(rows, 10)) == len(findings.PROFILE)


def test_one_or_two_in_arrears_are_not_told_nor_what_others_would_tell_of_them():
    debts = {"debt": 100.0, "balance_end": 50.0}
    rows = people(["a"] * 40, in_arrears=[True] * 2 + [False] * 38, **debts)
    risk = ["arrears", "arrears_low", "arrears_high", "loss_a_year"]
    value = findings.value_and_risk(rows, ASSUMED, 10).iloc[0]
    assert value[risk].isna().all() and value["borrowers"] == 40
    more = rows.assign(in_arrears=[True] * 5 + [False] * 35)
    assert findings.value_and_risk(more, ASSUMED, 10).iloc[0]["arrears"] == 0.125
    withheld = more.assign(late_withheld=True)
    assert findings.value_and_risk(withheld, ASSUMED, 10)[risk].isna().all(axis=None)


def test_the_bank_s_value_leaves_out_branches_that_one_customer_rules():
    rich = people(["a"] * 20, balance_end=[1e6] + [1.0] * 19)
    usual = people(["a"] * 20, balance_end=100.0).assign(branch_id="B2")
    value = findings.value_and_risk(pd.concat([rich, usual]), ASSUMED, 10).iloc[0]
    alone = findings.value_and_risk(usual, ASSUMED, 10).iloc[0]
    assert (value["total"], value["n"]) == (2 * alone["total"], 40)


def test_a_group_that_no_page_shows_is_described_nowhere():
    groups = ["a"] * 30 + ["b"] * 30 + ["c"] * 30
    rows = people(groups, group_withheld=[g != "a" for g in groups])
    assert set(findings.group_profiles(rows, 10)["segment"]) == {"a"}
    sizes = counts(a=(60, 50), b=(40, 30), c=(30, 30)).assign(
        withheld=lambda t: t["segment"] != "a"
    )
    told = findings.group_sizes(sizes, "2024Q4", "2024Q3", 10).set_index("segment")
    assert told["customers"].isna().to_dict() == {"a": False, "b": True, "c": True}
