import datetime as dt
import json

import pandas as pd
import pytest

from analysis.partition import Partition
from analysis.prepare import prepare
from analysis.quarters import Quarter
from analysis.risk.mortgage import detect, of_branch, payments_of, threshold_curve
from analysis.sources.params import Mortgage, read_params
from tests.conftest import demo_params

RULES = Mortgage()


def payments(
    borrowers,
    compounds=("Lake",),
    payer="P1",
    months=3,
    developers=("D1",),
    filed=None,
    accounts=("A1",),
    down=False,
    status="running",
    employer="Works",
):
    rows = []
    for b in range(borrowers):
        for m in range(months):
            rows.append(
                {
                    "transaction_id": f"T{payer}{b}{m}", "branch_id": f"B{b % 2}", "loan_id": f"L{payer}{b}", "borrower_id": f"C{payer}{b}", "payer": payer, "booked_at": pd.Timestamp(2024, 10 + m, 9), "amount": 1000.0, "instalment": 1000.0,
                    "due_on": dt.date(2024, 10 + m, 12), "days_before_due": 3, "of_instalment": 1.0, "compound": compounds[b % len(compounds)], "developer": developers[b % len(developers)], "employer": employer,
                    "filed_on": (filed or (lambda b: dt.date(2020, 1, 1) + dt.timedelta(90 * b)))(b), "status": status, "payer_account": accounts[m % len(accounts)], "payer_is_customer": True, "down_payment_from_payer": down,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def waiting(*rows):
    return pd.DataFrame(
        rows,
        columns=[
            "application_id",
            "branch_id",
            "borrower_id",
            "filed_on",
            "compound",
            "developer",
            "down_payment_account",
            "amount",
        ],
    )


def found(candidates, pending=None, rules=RULES):
    return detect(candidates, pd.DataFrame() if pending is None else pending, pd.DataFrame(), rules, {"B0": "S1"})


def test_three_borrowers_at_one_compound_are_an_alert_with_its_evidence():
    alerts, evidence, _ = found(payments(3))
    alert = alerts.iloc[0]
    assert (len(alerts), alert["borrowers"], alert["site"], alert["amount"], alert["assigned_to"]) == (
        1,
        3,
        "compound: Lake",
        9000.0,
        "S1",
    )
    assert alert["action"] == "confirm at once and stop" and alert["reasons"] == "one_payer_for_many same_site"
    assert set(evidence["transaction_id"]) == set(payments(3)["transaction_id"])


def test_one_payer_for_two_children_is_not_an_alert():
    assert found(payments(2))[0].empty


def test_a_group_whose_properties_are_scattered_is_not_an_alert():
    assert found(payments(5, compounds=("a", "b", "c", "d", "e"), developers=("1", "2", "3", "4", "5")))[0].empty


def test_two_compounds_of_one_developer_are_one_site():
    assert found(payments(4, compounds=("a", "b")))[0]["site"].tolist() == ["developer: D1"]


def test_a_single_month_is_not_enough():
    assert found(payments(5, months=1))[0].empty


def test_accounts_of_one_owner_count_as_one_payer():
    alerts, evidence, _ = found(payments(3, accounts=("A1", "A2")))
    assert len(alerts) == 1 and set(evidence["payer_account"]) == {"A1", "A2"}


def test_further_signals_become_reasons_of_their_own():
    alerts, _, _ = found(payments(3, filed=lambda b: dt.date(2023, 3, 1 + b), down=True, status="late", employer="D1"))
    assert alerts["reasons"][0].split() == [
        "one_payer_for_many",
        "same_site",
        "employed_by_developer",
        "filed_together",
        "same_down_payment",
        "several_late",
    ]


def test_pending_applications_of_the_site_or_the_parties_are_held_and_no_others():
    pending = waiting(
        ("P1", "B0", "X1", dt.date(2024, 12, 1), "Lake", "D1", None, 1.0), ("P2", "B1", "X2", dt.date(2024, 12, 1), "Hill", "D1", None, 1.0),
        ("P3", "B1", "CP10", dt.date(2024, 12, 1), "Far", "D9", None, 1.0), ("P4", "B1", "X4", dt.date(2024, 12, 1), "Far", "D9", "A1", 1.0), ("P5", "B1", "X5", dt.date(2024, 12, 1), "Far", "D9", "A7", 1.0),
    )  # fmt: skip
    alerts, _, holds = found(payments(3), pending)
    assert dict(zip(holds["application_id"], holds["reasons"], strict=True)) == {
        "P1": "same_compound same_developer",
        "P2": "same_developer",
        "P3": "party_of_the_case",
        "P4": "party_of_the_case",
    }
    assert alerts["severity"][0] == "high"
    assert of_branch("B1", *found(payments(3), pending))[2]["application_id"].tolist() == ["P2", "P3", "P4"]


def test_the_same_case_keeps_its_id_next_quarter_and_another_payer_has_another():
    first, later, other = (found(p)[0]["alert_id"][0] for p in (payments(3), payments(4), payments(3, payer="P2")))
    assert first == later != other


def test_nothing_gives_empty_tables_with_their_columns():
    for table in of_branch("B1", *found(pd.DataFrame())):
        assert table.empty and "alert_id" in table.columns
    assert payments_of("RM-x", found(pd.DataFrame())[1]).empty


def test_more_borrowers_asked_for_never_give_more_alerts():
    candidates = pd.concat([payments(n, payer=f"P{n}") for n in (3, 4, 6)])
    assert threshold_curve(candidates, pd.DataFrame(), RULES)["alerts"].tolist() == [3, 2, 1, 1, 0]


def check_planted(bank):
    last = Partition(bank, "ALL", Quarter.parse("2024Q4"))
    alerts, _, holds = detect(
        last.mortgage_candidates, last.mortgage_pending, last.mortgage_earlier, bank.risk.mortgage, last.risk_officers
    )
    planted = json.loads((bank.place(bank.source.folder) / "truth" / "mortgage.json").read_text())
    owners = pd.read_parquet(bank.data_folder / "contract" / "account_holders.parquet").set_index("account_id")[
        "customer_id"
    ]
    payer = {p["arrangement"]: owners.get(p["payers"][0], p["payers"][0]) for p in planted if p["is_case"]}
    assert len(payer) == 4 and {
        "parent_of_two",
        "housing_allowance",
        "property_manager",
        "scattered_group",
        "joint_borrowers",
    } <= {p["arrangement"] for p in planted}
    assert sorted(alerts["payer"]) == sorted(payer.values())  # every case, and no look-alike
    sites = {c for p in planted if p["is_case"] for c in p["compounds"]}
    pending = last.mortgage_pending
    assert set(pending.loc[pending["compound"].isin(sites), "application_id"]) <= set(holds["application_id"])


def test_every_planted_case_is_found_and_no_look_alike_on_the_usual_demo_bank(ready_demo):
    check_planted(read_params(ready_demo))


@pytest.mark.parametrize("seed", [11, 12])
def test_every_planted_case_is_found_and_no_look_alike_on_other_seeds(tmp_path, seed):
    bank = read_params(demo_params(tmp_path, 2500, seed))
    prepare(bank)
    check_planted(bank)
