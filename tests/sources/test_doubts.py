"""What `workbook check` says will come out, and what keeps the contract and is doubtful."""

import pytest

from analysis.cli import app
from tests.conftest import HEADER
from tests.runs.command import call, told


def checked(made):
    result = call(app, "check", str(made.bank().path))
    return [" ".join(line.split()) for line in told(result).splitlines()]


def test_reports_that_will_be_empty_are_told_with_what_is_missing(bank_of_two):
    made = bank_of_two
    made.params["quarters"] = {"first": "2024Q2", "last": "2024Q2"}
    made.params["segmentation"]["fit_quarter"] = "2024Q2"
    made.params["quarantine_limit"] = 1.0
    made.tables["products"] = ["product_id,name,kind", "P1,Account,current_account"]
    made.tables["merchants"] = ["merchant_id", "M1"]
    made.tables["cards"] = ["card_id,account_id,customer_id,kind", "K1,A1,C999,credit"]
    made.tables["complaints"] = ["complaint_id,customer_id,received_on,text", "X1,C1,2024-05-01,no"]
    said = checked(made)
    assert "segmentation: has all it needs." in said
    assert (
        "retention: will be empty; 2 quarters are needed, and quarters.first to quarters.last "
        "is 1." in said
    )
    assert "risk_acceptance: will be empty, for the bank does not deliver bills." in said
    assert "risk_card_cashout: will be empty, for no row of cards is accepted." in said
    assert "loyalty: does without survey_scores, surveys; the page says what that costs." in said
    assert (
        "In doubt: transactions.amount: none of 1,260 is negative: no money goes out. Does another "
        "column say on which side of the account an entry stands (formats.debit_credit)?" in said
    )


def test_entries_of_which_none_can_be_followed_are_told(bank_of_two):
    assert not [line for line in checked(bank_of_two) if "can be followed" in line]
    lines = bank_of_two.tables["transactions"]
    lines[1:] = [line.rsplit(",", 1)[0] + "," for line in lines[1:]]
    (told_of,) = [line for line in checked(bank_of_two) if "counterparty_account: empty" in line]
    assert told_of.startswith(
        "In doubt: transactions.counterparty_account: empty in all 1,260 rows. No money can be"
    )


def test_too_few_departures_for_a_model_are_told(bank_of_two):
    made = bank_of_two
    for line in [line for line in made.tables["transactions"] if ",A3,2024-0" in line]:
        if ",2024-04" in line or ",2024-05" in line or ",2024-06" in line:
            made.tables["transactions"].remove(line)
    assert (
        "retention: tells who left, and nobody to call: 1 accounts fell silent from one quarter "
        "to the next, and a model needs 20 who left." in checked(made)
    )


def one_sided(made, both_sides):
    made.tables["transactions"] = [HEADER]
    for n in range(40):
        payer, payee, day = f"A{n % 20}", f"A{(n + 1) % 20}", f"2024-0{1 + n % 6}-10"
        made.tables["transactions"].append(f"O{n},{payer},{day},-50.00,mobile,transfer,,{payee}")
        made.tables["transactions"].append(
            f"I{n},{payee},{day},50.00,mobile,transfer,,{payer if both_sides else 'X9'}"
        )


@pytest.mark.parametrize("both_sides", [True, False])
def test_transfers_booked_on_one_side_only(bank_of_two, both_sides):
    one_sided(bank_of_two, both_sides)
    said = [s for s in checked(bank_of_two) if "pay another account of this bank" in s]
    if both_sides:
        assert said == []
    else:
        assert said[0].startswith(
            "In doubt: transactions: of 40 entries that pay another account of this bank 0 stand"
        )


def test_other_silent_zeros(bank_of_two):
    made = bank_of_two
    made.params["risk"] = {"fundraising": {"licensed": ["X1", "X9040"]}}
    made.tables["customers"] = [line.replace(",B2,", ",B1,") for line in made.tables["customers"]]
    made.tables["products"] = ["product_id,name,kind", "P1,Account,current_account"]
    made.tables["merchants"] = ["merchant_id,opens_hour", "M1,early", "M2,late"]
    made.tables["cards"] = [
        "card_id,account_id,customer_id,kind,credit_limit",
        "K1,A1,C1,credit,1000.00",
        "K2,A2,C2,debit,",
    ]
    made.tables["account_holders"] = [
        line.replace(",owner", ",authorised") for line in made.tables["account_holders"]
    ]
    said = [s.removeprefix("In doubt: ") for s in checked(made) if s.startswith("In doubt: ")]
    assert said[1:] == [
        "customers.branch_id: 20 of 20 customers are of one of 2 branches.",
        "account_holders: 20 of 20 customers own no account.",
        "cards: none of 1 credit cards can be judged: each needs a credit_limit, and an account of "
        "its own whose product is a card.",
        "risk.fundraising.licensed: no entry names the account 'X9040'.",
        "merchants.opens_hour: 2 of 2 values were left out (opens_hour.type); what needs the "
        "column finds nothing.",
    ]
