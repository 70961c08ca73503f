import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import chi2_contingency

from analysis.changes import findings, worth
from analysis.changes.announcing import Announcement, Announcements
from analysis.changes.events import Outcome, Outcomes
from analysis.changes.value import ValueModel
from analysis.quarters import Quarter
from analysis.sources.params import Event, Retention, read_params
from analysis.tables import Tables
from tests.segmentation.made_up import feature, segmentation, without_groups

LAST = Quarter.parse("2024Q4")


def moves(*rows):
    table = pd.DataFrame(rows, columns=["quarter", "was", "became", "customers"])
    return table.assign(customer_type="personal", withheld=False, origin_withheld=False)


def event(name="salary_stopped", expect="churn"):
    return Event(
        name=name,
        title=name.capitalize(),
        rule="active",
        expect=expect,
        action="Call",
        owner="branch team",
    )


def counts(event_name, customers, churned, purchased=0):
    return Outcome(
        customer_type="personal",
        event=event_name,
        customers=customers,
        churned=churned,
        purchased=purchased,
    )


def quarters(*by_quarter):
    return [Outcomes(counts=counted) for counted in by_quarter]


def test_moves_are_counted_against_the_group_they_come_from_and_against_what_was_usual():
    table = findings.migration(
        moves(
            ("2024Q3", "a", "a", 90),
            ("2024Q3", "a", "b", 10),
            ("2024Q4", "a", "a", 25),
            ("2024Q4", "a", "b", 15),
            ("2024Q4", "New", "a", 30),
        ),
        "2024Q4",
        10,
    ).set_index(["was", "became"])
    assert table.loc[("a", "b"), ["customers", "of", "share", "usual"]].tolist() == [
        15,
        40,
        0.375,
        0.1,
    ]
    assert table.loc[("a", "b"), "share_low"] == pytest.approx(
        0.2421, abs=1e-3
    )  # Wilson 1927 for 15 of 40
    assert "New" not in table.index.get_level_values("was")


def test_what_was_usual_is_told_only_where_every_quarter_shows_it():
    told = moves(
        *[("2024Q2", "a", "a", 90), ("2024Q2", "a", "b", 9), ("2024Q2", "a", "c", 30)],
        *[("2024Q3", "a", "a", 90), ("2024Q3", "a", "b", 30)],
        *[("2024Q4", "a", "a", 90), ("2024Q4", "a", "b", 30), ("2024Q4", "a", "c", 30)],
    )
    usual = findings.migration(told, "2024Q4", 10).set_index("became")["usual"]
    assert usual["a"] == pytest.approx(180 / 249)
    assert usual[["b", "c"]].isna().all()  # 9 in one quarter, and none
    withheld = told.assign(withheld=told["quarter"] == "2024Q2")
    assert findings.migration(withheld, "2024Q4", 10)["usual"].isna().all()


def test_a_small_move_takes_the_next_smallest_along_so_that_it_cannot_be_worked_out():
    table = findings.migration(
        moves(("2024Q4", "b", "b", 28), ("2024Q4", "b", "a", 2)), "2024Q4", 10
    )
    assert table["customers"].isna().all() and table["of"].tolist() == [30, 30]
    hidden = findings.migration(
        moves(("2024Q4", "b", "b", 4), ("2024Q4", "b", "a", 2)), "2024Q4", 10
    )
    assert hidden["of"].isna().all()


def test_the_share_that_moved_counts_neither_new_customers_nor_those_who_left():
    table = moves(
        ("2024Q4", "a", "a", 60),
        ("2024Q4", "a", "b", 20),
        ("2024Q4", "a", "Left", 15),
        ("2024Q4", "New", "b", 40),
    )
    assert findings.moved_share(table, "2024Q4", 10)["share"] == pytest.approx(20 / 80)
    assert findings.moved_share(table, "2024Q4", 21) == {}


def test_a_row_of_the_matrix_is_tested_against_the_quarters_before():
    table = moves(
        *[(q, "a", b, n) for q in ("2024Q2", "2024Q3") for b, n in (("a", 90), ("b", 10))],
        ("2024Q4", "a", "a", 60),
        ("2024Q4", "a", "b", 40),
        *[
            (q, "b", b, n)
            for q in ("2024Q2", "2024Q3", "2024Q4")
            for b, n in (("b", 80), ("a", 20))
        ],
    )
    tested = findings.against_before(table, "2024Q4", 10).set_index("was")
    expected = chi2_contingency([[60, 180], [40, 20]], correction=False)
    # quarters before are all alike: nothing but chance, judged by two comparisons of them
    assert tested.loc["a", "p"] == pytest.approx(stats.f.sf(expected.statistic, 1, 2))
    assert tested.loc["a", "cramers_v"] == pytest.approx(np.sqrt(expected.statistic / 300))
    assert tested.loc["a", "p_corrected"] == pytest.approx(2 * tested.loc["a", "p"])
    assert tested.loc["b", "p"] == pytest.approx(1) and tested.loc["b", "quarters"] == 2
    assert tested.loc["a", ["became", "changed_by"]].tolist() == ["a", pytest.approx(-30)]


def test_what_quarters_differ_by_themselves_is_allowed_for():
    def p_of(*shares):
        rows = [
            (f"20{20 + i // 4}Q{1 + i % 4}", "a", to, n)
            for i, share in enumerate(shares)
            for to, n in (("a", round(1000 * (1 - share))), ("b", round(1000 * share)))
        ]
        last = rows[-1][0]
        return findings.against_before(moves(*rows), last, 10)["p"].iloc[0]

    assert p_of(*[0.1] * 7, 0.16) < 0.01
    assert p_of(0.1, 0.16, 0.1, 0.05, 0.16, 0.1, 0.06, 0.16) > 0.05
    assert np.isnan(p_of(0.1, 0.3))  # one quarter before does not tell


def test_destinations_that_are_rare_are_taken_together_before_the_test():
    table = moves(
        *[(q, "a", to, n) for q in ("2024Q2", "2024Q3") for to, n in (("a", 25), ("b", 1))],
        ("2024Q3", "a", "c", 1),
        ("2024Q4", "a", "a", 50),
        ("2024Q4", "a", "d", 3),
    )
    tested = findings.against_before(table, "2024Q4", 10).iloc[0]
    both = chi2_contingency([[50, 50], [3, 3]], correction=False)
    assert tested["cramers_v"] == pytest.approx(np.sqrt(both.statistic / 106))
    assert tested["p"] == pytest.approx(1)


def model_of_two():
    return segmentation(
        [feature("balance_end"), feature("transactions")], [[0.0, 0.0], [10.0, 2.0]], ["a", "b"]
    )


def test_why_customers_moved_is_divided_among_the_features_exactly():
    then = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(20)],
            "customer_type": "personal",
            "segment": "a",
            "balance_end": np.linspace(0, 2, 20),
            "transactions": 1.0,
        }
    )
    now = then.assign(segment="b", balance_end=then["balance_end"] + 8, transactions=3.0)
    moved = moves(("2024Q4", "a", "b", 20), ("2024Q4", "a", "a", 20))
    told = findings.migration(moved, "2024Q4", 10)
    why = findings.why_moved(then, now, model_of_two(), told, 10).set_index("feature")
    # each contributes (b − a) Δx: 10 × 8 and 2 × 2
    assert why.loc["balance_end", "share"] == pytest.approx(80 / 84)
    assert why.loc["transactions", "share"] == pytest.approx(4 / 84)
    assert why.loc["transactions", ["n", "median_before", "median_now"]].tolist() == [20, 1, 3]
    untold = findings.migration(moved, "2024Q4", 21)
    assert findings.why_moved(then, now, model_of_two(), untold, 10).empty


def test_the_list_of_those_who_moved_names_the_two_features_that_weighed_most():
    then = pd.DataFrame(
        {
            "customer_id": ["C1", "C2", "C3"],
            "customer_type": "personal",
            "segment": ["a", "a", "Dormant"],
            "balance_end": 0.0,
            "transactions": 1.0,
            "manager_id": "S1",
            "consent": True,
        }
    )
    now = then.assign(segment=["b", "a", "b"], balance_end=[8.0, 0.0, 8.0])
    listed = findings.moved_list(then, now, model_of_two()).set_index("customer_id")
    assert listed.index.tolist() == ["C1", "C3"]
    assert listed.loc["C1", ["was", "became", "first_reason", "second_reason"]].tolist() == [
        "a",
        "b",
        "balance_end",
        "transactions",
    ]
    assert listed.loc["C3", "first_reason"] == ""


def judged_as(**chances):
    told = [Announcement(event=e, p=p, customers=9, times=9) for e, p in chances.items()]
    return Announcements(events=told)


def test_an_event_is_compared_with_the_customers_to_whom_it_did_not_happen():
    by_quarter = quarters(
        [counts("salary_stopped", 40, 12), counts(None, 1000, 52)],
        [counts("salary_stopped", 60, 12), counts(None, 1000, 62)],
    )
    tested = findings.backtest(
        by_quarter, [event(), event("unseen")], judged_as(salary_stopped=0.01, unseen=None)
    ).set_index("event")
    row = tested.loc["Salary_stopped"]
    assert (row["n"], row["quarters"], row["followed"]) == (100, 2, 0.24)
    base = (40 * 40 / 960 + 60 * 50 / 940) / 100
    assert row["base"] == pytest.approx(base) and row["lift"] == pytest.approx(0.24 / base)
    assert row["difference_low"] < 0.24 - base < row["difference_high"]
    assert row["p"] == row["p_corrected"] == 0.01
    assert tested.loc["Unseen", "n"] == 0 and np.isnan(tested.loc["Unseen", "p_corrected"])


def test_an_event_watched_for_buying_counts_purchases_and_one_that_nobody_followed_has_no_test():
    by_quarter = quarters(
        [counts("inflow", 50, 0, 10), counts("idle", 50, 0, 0), counts(None, 500, 0, 30)]
    )
    tested = findings.backtest(
        by_quarter, [event("inflow", "purchase"), event("idle")], judged_as(inflow=0.2, idle=None)
    ).set_index("event")
    assert tested.loc["Inflow", "followed"] == 0.2 and tested.loc[
        "Inflow", "base"
    ] == pytest.approx(20 / 450)
    assert np.isnan(tested.loc["Idle", "p"])


def test_a_backtest_does_not_tell_of_one_or_two_who_left():
    few = quarters([counts("idle", 60, 2), counts(None, 900, 50)])
    tested = findings.backtest(few, [event("idle")], judged_as(idle=0.001)).iloc[0]
    assert np.isnan(tested[["followed", "p"]].astype(float)).all() and tested["n"] == 60


def test_without_holdings_nothing_is_said_of_purchases():
    by_quarter = quarters([counts("inflow", 50, 5, None), counts(None, 500, 30, None)])
    tested = findings.backtest(
        by_quarter, [event("inflow", "purchase"), event("inflow")], judged_as(inflow=0.2)
    )
    assert np.isnan(tested.loc[0, "followed"]) and tested.loc[1, "followed"] == 0.1


def test_rare_events_have_no_figures_on_the_page_but_are_on_the_list():
    happened = pd.DataFrame(
        {
            "customer_id": ["C1", "C2"],
            "customer_type": "personal",
            "event": "salary_stopped",
            "quarter": "2024Q3",
        }
    )
    counted = pd.DataFrame(
        [("2024Q4", "salary_stopped", 2, False)],
        columns=["quarter", "event", "customers", "withheld"],
    )
    rates = findings.event_rates(counted, 100, 100, "2024Q4", "2024Q3", [event()], 10)
    assert rates.drop(columns="event").isna().all(axis=None)
    listed = findings.event_list(
        happened, of_branches("C1", "C2"), worth_of(10, 90), [event()], announces(), Retention()
    )
    assert listed["customer_id"].tolist() == ["C2", "C1"]
    assert listed["action"].tolist() == ["Call", "Call"]
    assert listed["at_stake"].tolist() == [18, 2]


def of_branches(*customers, consent=True):
    """The customers, of branches B1 and B2 by turns."""
    return pd.DataFrame(
        {
            "customer_id": customers,
            "branch_id": [f"B{1 + n % 2}" for n in range(len(customers))],
            "segment": "a",
            "manager_id": "S1",
            "consent": consent,
        }
    )


def worth_of(*values):
    """What C1 and those after it are expected to bring."""
    return pd.DataFrame(
        {"customer_id": [f"C{n}" for n in range(1, 1 + len(values))], "expected": values}
    ).astype({"expected": float})


def announces(title="salary_stopped", p=0.001, effect=0.2):
    return pd.DataFrame({"event": [title.capitalize()], "p_corrected": [p], "difference": [effect]})


def happened_to(*customers, name="salary_stopped"):
    return pd.DataFrame(
        {"customer_id": customers, "customer_type": "personal", "event": name, "quarter": "2024Q3"}
    )


@pytest.mark.parametrize(
    "tested",
    [announces(p=0.2), announces(p=np.nan, effect=np.nan), announces(effect=-0.2)],
    ids=["by chance", "never tested", "the other way"],
)
def test_an_event_without_a_significant_effect_is_not_on_the_list(tested):
    arguments = happened_to("C1"), of_branches("C1"), worth_of(10), [event()]
    assert findings.event_list(*arguments, tested, Retention()).empty
    assert findings.nobody_listed(tested) and not findings.nobody_listed(announces())
    assert len(findings.event_list(*arguments, announces(), Retention())) == 1


@pytest.mark.parametrize(
    ("consent", "called"),
    [
        ([True, False, None], ["C1"]),  # who does not say so has not agreed
        ([None, None, None], ["C3", "C2", "C1"]),  # of a bank that does not ask
    ],
)
def test_only_customers_who_may_be_contacted_are_on_the_list(consent, called):
    customers = of_branches("C1", "C2", "C3", consent=consent)
    listed = findings.event_list(
        happened_to("C1", "C2", "C3"),
        customers,
        worth_of(10, 20, 30),
        [event()],
        announces(),
        Retention(),
    )
    assert listed["customer_id"].tolist() == called


def test_the_list_keeps_to_what_each_branch_can_call_by_effect_times_value():
    both = pd.concat([announces(), announces("moved_out", effect=0.5)])
    happened = pd.concat(
        [happened_to("C1", "C2", "C3", "C5"), happened_to("C1", "C4", name="moved_out")]
    )
    listed = findings.event_list(
        happened,
        of_branches("C1", "C2", "C3", "C4", "C5"),
        worth_of(10, 90, 60, 50, 5),
        [event(), event("moved_out")],
        both,
        Retention(capacity=2, capacities={"B2": 1}),
    )
    # B1 can call two of C1, C3, C5, once each; B2 one of C2 and C4
    assert list(zip(listed["customer_id"], listed["event"], strict=True)) == [
        ("C4", "moved_out"),
        ("C3", "salary_stopped"),
        ("C1", "moved_out"),
        ("C1", "salary_stopped"),
    ]
    assert listed["at_stake"].tolist() == [25, 12, 5, 2]


def test_rates_have_wilson_intervals_per_thousand():
    counted = pd.DataFrame(
        [("2024Q4", "salary_stopped", 20, False)],
        columns=["quarter", "event", "customers", "withheld"],
    )
    rates = findings.event_rates(counted, 100, 100, "2024Q4", "2024Q3", [event()], 10).iloc[0]
    assert (rates["per_1000"], round(rates["low"], 1), round(rates["high"], 1)) == (
        200,
        133.4,
        288.8,
    )


def test_nothing_in_gives_empty_tables():
    nothing = moves().iloc[:0]
    empty = pd.DataFrame()
    for table in (
        findings.migration(nothing, "2024Q4", 10),
        findings.against_before(nothing, "2024Q4", 10),
        findings.why_moved(
            empty, empty, without_groups(), findings.migration(nothing, "2024Q4", 10), 10
        ),
        findings.event_list(
            empty, empty, empty, [], findings.backtest([], [], judged_as()), Retention()
        ),
        worth.value_by_group(empty, empty, 10),
        worth.value_calibration(ValueModel(types={}, held_out=0, calibration=[])),
    ):
        assert table.empty and len(table.columns)
    assert findings.moved_share(nothing, "2024Q4", 10) == {}
    assert findings.backtest([], [event()], judged_as())["n"].tolist() == [0]


# on the demo bank, against what was planted


@pytest.fixture(scope="module")
def bank(ready_demo):
    return read_params(ready_demo)


@pytest.mark.parametrize(
    ("rule", "planted", "least_recall"),
    [
        ("salary_stopped", "salary_stopped", 0.9),
        ("competitor_account", "competitor_account", 0.9),
        ("large_inflow", "large_inflow", 0.8),
        ("first_late_payment", "late_payment", 0.8),
        ("woken", "slept_and_woke", 0.9),
    ],
)
def test_what_was_planted_is_found_by_the_rules_of_the_params_file(
    bank, rule, planted, least_recall
):
    truth = pd.read_parquet(bank.place(bank.source.folder) / "truth" / "life_events")
    truth = truth[truth["event"] == planted]
    found = pd.concat(Tables(bank, "ALL", q).events for q in bank.all_quarters)
    found = found[found["event"] == rule]
    both = truth.merge(found, on=["customer_id", "quarter"])
    assert len(truth) > 80 and len(both) / len(truth) >= least_recall


def test_the_backtest_finds_the_planted_effects_and_none_where_none_was_planted(bank):
    partition = Tables(bank, "ALL", LAST)
    tested = findings.backtest(partition.outcomes, bank.events, partition.announcements)
    tested["name"] = [e.name for e in bank.events]
    tested = tested.set_index("name")
    for planted in ("salary_stopped", "competitor_account", "large_inflow"):
        assert (
            tested.loc[planted, "p_corrected"] < 0.001 and tested.loc[planted, "difference_low"] > 0
        ), planted
    for without in ("woken", "first_late_payment"):
        assert not tested.loc[without, "p_corrected"] <= 0.05, without  # or too few to be told


def test_value_and_activity_were_foreseen_within_a_tenth_for_active_customers(bank):
    table = worth.value_calibration(Tables(bank, "ALL", LAST).value_model)
    active = table[table["segment"] != "Dormant"]
    assert (active["predicted_active"] / active["came_active"]).between(0.95, 1.05).all()
    assert (active["predicted_value"] / active["came_value"]).between(0.75, 1.1).all()


def test_moves_of_the_branches_add_up_to_those_of_the_bank(bank):
    whole = Tables(bank, "ALL", LAST)
    keys = ["quarter", "customer_type", "was", "became"]
    parts = pd.concat(Tables(bank, b, LAST).moves for b in whole.branches["branch_id"])
    added = parts.groupby(keys)["customers"].sum()
    assert added.to_dict() == whole.moves.set_index(keys)["customers"].to_dict()
    assert whole.bank_segment_counts["customers"].sum() == whole.segment_counts["customers"].sum()


def test_the_contributions_to_a_move_add_up_to_one(bank):
    partition = Tables(bank, "ALL", LAST)
    # so that every feature is among the five that are shown
    types = {
        kind: part.model_copy(
            update={"features": part.features[:5], "centres": [c[:5] for c in part.centres]}
        )
        for kind, part in partition.segmentation.types.items()
    }
    model = partition.segmentation.model_copy(update={"types": types})
    told = findings.migration(partition.moves, str(LAST), 10)
    why = findings.why_moved(partition.previous_customers, partition.customers, model, told, 10)
    total = why.groupby(["was", "became"])["share"].agg(["sum", "size"])
    assert len(total) and np.allclose(total.loc[total["size"] == 5, "sum"], 1)
