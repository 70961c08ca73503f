"""Alerts over time: identifiers, what is new, what was cleared, what became of them, and how they
are ranked.
"""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from analysis.quarters import Quarter
from analysis.risk.alerts import alert_tables
from analysis.risk.bias import GroupCount, compared
from analysis.risk.cases import Case, proof
from analysis.risk.detectors import SIGNALS
from analysis.risk.dispositions import (
    Decision,
    ageing,
    dispositions,
    history,
    latest,
    precision_by_reason,
    time_to_decision,
)
from analysis.risk.kinds import ALERTS, EVIDENCES, PARTIES, action, severity
from analysis.risk.known import KnownAlert, Sighting, identified, remembered
from analysis.risk.scorecard import fit, score
from analysis.risk.thresholds import curves, loosest, scaled, thresholds
from analysis.sources.params import Mortgage, Risk

KIND = "risk_mortgage"
Q3, Q4 = Quarter.parse("2024Q3"), Quarter.parse("2024Q4")


def case(
    *anchors, reasons=("one_payer_for_many", "same_site"), amount=100.0, roles=None, on="2024-08-05"
):
    rows = pd.DataFrame(
        {
            "transaction_id": ["T1"],
            "booked_at": [pd.Timestamp(on)],
            "payer": [anchors[0]],
            "payee": ["C9"],
            "amount": [amount],
        }
    )
    return Case(
        list(anchors),
        {r: proof(rows, "transactions") for r in reasons},
        roles or dict.fromkeys(anchors, "payer") | {"C9": "borrower"},
        amount,
    )


def tables_of(cases, alerts_before, quarter=Q4, decisions=None, **more):
    alerts = identified(KIND, cases, alerts_before)
    context = {
        "branch_of": {"C1": "B1", "C9": "B2"},
        "officers": {"B1": "S7"},
        "holds_of": {},
        "scores": {},
        **more,
    }
    return alert_tables(KIND, alerts, alerts_before, quarter, decisions or {}, **context)


def after(*cases, quarter=Q3):
    return remembered({}, KIND, identified(KIND, list(cases), {}), quarter)


def test_a_case_keeps_its_identifier_while_it_has_one_of_its_anchors():
    alerts_before = after(case("C1", "C2"))
    (name,) = alerts_before
    assert identified(KIND, [case("C2", "C5")], alerts_before)[0][0] == name
    assert identified(KIND, [case("C5")], alerts_before)[0][0] != name
    assert name.startswith("RM-") and identified(KIND, [case("C1", "C2")], {})[0][0] == name


def test_a_split_case_leaves_its_identifier_to_the_larger_part_and_merging_ones_take_the_oldest():
    alerts_before = after(case("C1", "C2"))
    parts = identified(KIND, [case("C1", amount=10.0), case("C2", amount=500.0)], alerts_before)
    names = {c.anchors[0]: name for name, c in parts}
    assert names["C2"] in alerts_before and names["C1"] not in alerts_before
    older = after(case("C8"), quarter=Quarter.parse("2024Q1"))
    assert identified(KIND, [case("C1", "C8")], {**alerts_before, **older})[0][0] in older


@pytest.mark.parametrize("cases", [[], [case("C1")]])
def test_the_tables_of_alerts_have_the_columns_that_are_declared(cases):
    columns = [list(table.columns) for table in tables_of(cases, {})]
    assert columns == [list(ALERTS), list(EVIDENCES), list(PARTIES)]


def test_what_is_new_since_last_quarter_is_shown():
    alerts_before = after(case("C1"))
    now = case(
        "C1",
        "C3",
        reasons=("one_payer_for_many", "same_site", "several_late"),
        amount=150.0,
        on="2024-11-05",
    )
    alerts, evidence, parties = tables_of([now], alerts_before)
    row = alerts.iloc[0]
    assert (row["first_seen"], row["new_reasons"], row["new_parties"], row["amount_before"]) == (
        "2024Q3",
        "several_late",
        1,
        100.0,
    )
    assert evidence["is_new"].all() and parties.set_index("party")["is_new"].to_dict() == {
        "C1": False,
        "C3": True,
        "C9": False,
    }
    assert (row["branch_id"], row["branches"], row["assigned_to"], row["status"]) == (
        "B1",
        "B1 B2",
        "S7",
        "open",
    )


@pytest.mark.parametrize(
    ("now", "comes_back"),
    [
        (case("C1"), False),
        (case("C1", amount=199.0), False),
        (case("C1", amount=200.0), True),
        (case("C1", reasons=("one_payer_for_many", "same_site", "several_late")), True),
        (case("C1", "C4"), True),
        (
            case("C1", roles={"C1": "payer", "C9": "borrower", "C77": "borrower"}),
            False,
        ),  # one more victim
    ],
)
def test_what_was_cleared_comes_back_only_with_new_evidence(now, comes_back):
    alerts_before = after(case("C1"))
    (name,) = alerts_before
    cleared = {name: Decision("cleared", dt.date(2024, 10, 20))}
    row = tables_of([now], alerts_before, decisions=cleared)[0].iloc[0]
    assert bool(row["suppressed"]) is not comes_back
    assert row["status"] == ("open" if comes_back else "cleared")


def test_what_was_confirmed_stays():
    alerts_before = after(case("C1"))
    (name,) = alerts_before
    row = tables_of(
        [case("C1")],
        alerts_before,
        decisions={name: Decision("confirmed", dt.date(2024, 10, 20))},
    )[0].iloc[0]
    assert row["status"] == "confirmed" and not row["suppressed"]


def test_severity_follows_the_stated_rule_and_alerts_are_ranked_by_points_or_by_the_scorecard():
    assert [severity(p, False) for p in (4, 5, 6, 7)] == ["low", "medium", "medium", "high"]
    assert (
        severity(3, True) == "high" and action("risk_mortgage", "low") == "confirm at once and stop"
    )
    assert [action("risk_acceptance", s) for s in ("high", "medium", "low")] == [
        "confirm at once and stop",
        "confirm",
        "watch",
    ]
    strong, weak = (
        case("C1", reasons=("one_payer_for_many", "same_site", "over_others")),
        case("C2", amount=900.0),
    )
    alerts = tables_of([weak, strong], {})[0]
    assert alerts["anchors"].tolist() == ["C1", "C2"] and alerts["rank"].tolist() == [1, 2]
    scores = {
        name: 0.9 if c.anchors == ["C2"] else 0.1
        for name, c in identified(KIND, [weak, strong], {})
    }
    assert tables_of([weak, strong], {}, scores=scores)[0]["anchors"].tolist() == ["C2", "C1"]


def follow_ups(*rows):
    return pd.DataFrame(
        [
            {
                "follow_up_id": f"F{i}",
                "subject_id": s,
                "outcome": o,
                "done_on": dt.date.fromisoformat(d),
                "staff_id": "S1",
                "why": None,
            }
            for i, (s, o, d) in enumerate(rows)
        ]
    )


def test_the_last_disposition_up_to_the_quarters_end_counts_and_unknown_alerts_are_told():
    alerts_before = after(case("C1"))
    (name,) = alerts_before
    rows = follow_ups(
        (name, "open", "2024-10-05"),
        (name, "confirmed", "2024-11-05"),
        (name, "cleared", "2025-01-02"),
        ("RM-nobody", "cleared", "2024-10-01"),
        ("L0001", "sold", "2024-10-01"),
    )
    decided, unknown = dispositions(rows, alerts_before, Q4.end)
    assert unknown == ["RM-nobody"] and latest(decided)[name].outcome == "confirmed"
    past = history(alerts_before, decided, Q4, {})
    assert past.iloc[0][["status", "days", "decided_by"]].tolist() == [
        "confirmed",
        36,
        "S1",
    ]  # from 30 September
    assert dispositions(pd.DataFrame(), alerts_before, Q4.end)[1] == []


def test_an_alert_counts_with_the_reasons_that_whoever_decided_could_see():
    """What was found after a decision does not explain it."""
    seen = {
        "2024Q1": Sighting(reasons=("a",), parties=(), amount=1.0),
        "2024Q3": Sighting(reasons=("a", "b"), parties=(), amount=5.0),
    }
    alert = KnownAlert(kind=KIND, first_seen="2024Q1", anchors=("C1",), seen=seen)

    def told(*decisions):
        decided, _ = dispositions(follow_ups(*decisions), {"RM-1": alert}, Q4.end)
        return history({"RM-1": alert}, decided, Q4, {}).iloc[0][["reasons", "amount"]].tolist()

    assert told(("RM-1", "cleared", "2024-04-10")) == ["a", 1.0]
    assert told(("RM-1", "cleared", "2024-03-10")) == ["a", 1.0]  # before the list was out
    assert told(("RM-1", "confirmed", "2024-10-10")) == ["a b", 5.0]
    assert told(("RM-1", "open", "2024-04-10")) == ["a b", 5.0]


def past(n, status, reasons, days=10, quarter="2024-05-10", kind=KIND, amount=1.0):
    return [
        {
            "alert_id": f"RM-{status}{reasons}{i}{quarter}",
            "branch_id": "B1",
            "kind": kind,
            "first_seen": "2024Q1",
            "last_seen": "2024Q1",
            "reasons": reasons,
            "amount": amount,
            "status": status,
            "decided_on": dt.date.fromisoformat(quarter) if status != "open" else None,
            "decided_by": "",
            "why": "",
            "days": days,
        }
        for i in range(n)
    ]


def test_precision_per_reason_ageing_and_time_to_decision():
    rows = pd.DataFrame(
        [
            *past(3, "confirmed", "a b", 20),
            *past(1, "cleared", "b", 60),
            *past(2, "open", "a", 45),
            *past(1, "open", "a", 200, amount=5.0),
        ]
    )
    shares = precision_by_reason(rows).set_index("reason")
    assert shares.loc["a", ["decided", "confirmed", "share"]].tolist() == [3, 3, 1.0]
    assert shares.loc["b", ["decided", "confirmed", "share"]].tolist() == [4, 3, 0.75]
    assert shares.loc["b", "share_low"] == pytest.approx(0.3006, abs=1e-3)  # Wilson 1927, 3 of 4
    ages = ageing(rows)
    assert ages[["age", "alerts", "amount"]].values.tolist() == [
        ["31 to 90 days", 2, 2.0],
        ["more than 180 days", 1, 5.0],
    ]
    assert time_to_decision(rows)[["alerts", "median"]].values.tolist() == [[4, 20.0]]


def decided_alerts(n=120):
    """Alerts whose truth hangs on one reason; another speaks against it."""
    rng, rows = np.random.default_rng(5), []
    for i in range(n):
        strong, other = rng.random() < 0.5, rng.random() < 0.5
        right = rng.random() < (0.9 if strong else 0.2) - (0.1 if other else 0)
        reasons = " ".join(
            [
                "one_payer_for_many",
                *(["over_others"] if strong else []),
                *(["paid_in_parts"] if other else []),
            ]
        )
        rows += past(
            1,
            "confirmed" if right else "cleared",
            reasons,
            quarter="2024-05-10" if i < 80 else "2024-08-10",
        )
    return pd.DataFrame(rows)


def test_the_scorecard_only_adds_ranks_by_what_was_confirmed_and_is_judged_on_the_last_quarter():
    card = fit(decided_alerts(), KIND, 30)
    assert min(card.weights.values()) >= 0 and card.weights["paid_in_parts"] == 0
    assert card.weights["over_others"] == max(card.weights.values()) > 1
    assert score(card, ["over_others"]) > score(card, ["same_site"])
    assert (
        card.held_out.n == 40
        and 0.6 < card.held_out.auc_low < card.held_out.auc < card.held_out.auc_high
        and card.held_out.brier < card.held_out.brier_base
    )


def test_there_is_no_scorecard_before_enough_was_decided_of_both_outcomes():
    assert fit(decided_alerts(20), KIND, 30) is None
    assert fit(pd.DataFrame(past(60, "confirmed", "same_site")), KIND, 30) is None
    assert fit(decided_alerts(), "risk_acceptance", 30) is None


def test_every_reason_has_points_and_a_strong_one_exists_in_each_kind():
    for signals in SIGNALS.values():
        assert all(s.points >= 1 for s in signals) and any(s.strong for s in signals)


def test_thresholds_are_scaled_within_the_bounds_of_the_params_file():
    rules = Mortgage()
    assert (
        scaled(rules, "min_borrowers", 0.5).min_borrowers == 2
        and scaled(rules, "min_borrowers", 2).min_borrowers == 6
    )
    assert scaled(rules, "same_site_share", 2).same_site_share == 1
    assert loosest(rules).min_borrowers == 2 and loosest(rules).amount_tolerance == 0.3
    for part in Risk.model_fields:
        settings = getattr(Risk(), part)
        if isinstance(settings, BaseModel):
            for name in thresholds(settings):
                for factor in (0.5, 2):
                    type(settings)(**scaled(settings, name, factor).model_dump())  # still accepted


def test_a_curve_says_what_another_threshold_would_have_added_and_lost_and_how_often_it_was_right():
    cases = {n: case(f"C{n}", amount=float(n)) for n in (3, 4, 7)}  # borrowers

    def decide(settings):
        return [c for n, c in cases.items() if n >= settings.min_borrowers]

    names = {c.anchors[0]: name for name, c in identified(KIND, list(cases.values()), {})}
    decisions = {
        names["C3"]: Decision("cleared", dt.date(2024, 10, 20)),
        names["C4"]: Decision("confirmed", dt.date(2024, 10, 20)),
        names["C7"]: Decision("confirmed", dt.date(2024, 10, 20)),
    }
    rows = curves(KIND, decide, Mortgage(), {}, decisions, 1000)
    curve = rows[rows["threshold"] == "min_borrowers"].set_index("value")
    assert curve["alerts"].to_dict() == {2.0: 3, 3.0: 3, 4.0: 2, 6.0: 1}
    assert (
        curve["lost"].to_dict() == {2.0: 0, 3.0: 0, 4.0: 1, 6.0: 2} and (curve["added"] == 0).all()
    )
    assert curve.loc[6.0, "lost_ids"] == " ".join(sorted([names["C3"], names["C4"]]))
    assert curve.loc[3.0, "precision"] == pytest.approx(2 / 3) and curve.loc[4.0, "precision"] == 1
    assert curve.loc[6.0, "recall"] == 0.5 and curve.loc[3.0, "recall"] == 1
    assert curve["in_force"].to_dict() == {2.0: False, 3.0: True, 4.0: False, 6.0: False}
    assert curve.loc[3.0, "per_1000"] == 3 and curve.loc[3.0, "amount"] == 14


def of_ages(alerts, **shares):
    customers = {"old": 1000, "young": 1000, "few": 5}
    return [
        GroupCount(
            kind=KIND,
            trait="age",
            value=value,
            customers=customers[value],
            named=9,
            alerts=alerts,
            share=share,
        )
        for value, share in shares.items()
    ]


def test_the_bias_check_finds_a_group_named_more_often_and_suppresses_small_ones():
    rows = compared(of_ages(40, old=36.5, young=3.25, few=0.25), 10).set_index("value")
    assert list(rows.index) == ["old", "young"]
    assert rows.loc["old", "share"] == pytest.approx(36.5 / 40)
    assert rows.loc["old", "expected"] == pytest.approx(1000 / 2005)
    assert rows["p_corrected"].max() < 0.001
    assert rows.loc["old", "low"] > rows.loc["young", "high"]
    assert compared([], 10).empty


def test_few_alerts_are_no_sign_of_bias_however_many_persons_they_name():
    """Whole families of one age: each alert is one, not ten."""
    told = compared(of_ages(5, old=5.0, young=0.0), 10)
    assert told["p_corrected"].isna().all()
    assert compared(of_ages(6, old=5.0, young=1.0), 10)["p_corrected"].min() > 0.2
