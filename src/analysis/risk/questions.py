"""What to ask in a case, and what would make it innocent, by kind."""

from analysis.language import marked, say

#: What to ask, in this order.
QUESTIONS = {
    "risk_mortgage": (
        marked("How are the payer and the borrowers related: family, employer, manager?"),
        marked("Is there an employment, housing allowance or management contract?"),
        marked("Who lives in the properties, and who paid the down payments?"),
        marked("Does the payer earn what is paid each month?"),
    ),
    "risk_card_cashout": (
        marked("What was bought, and was it delivered? Ask for the delivery notes."),
        marked("Why did money go from the merchant's owner to the holder?"),
        marked("Does the merchant trade at the times and for the amounts seen?"),
        marked("Who else uses the cards, and who keeps them?"),
    ),
    "risk_fundraising": (
        marked("Which licence and which contract does the collecting side have?"),
        marked("What was promised, in writing or by word, and by whom?"),
        marked("What does the money go to, and can that pay what was promised?"),
        marked("Payers may be victims: speak with the collecting side first."),
    ),
    "risk_acceptance": (
        marked("Ask for delivery notes, tax invoices and contracts of every bill."),
        marked("Ask for the statement of the payee's account after the discount."),
        marked("Who owns and runs drawer and payee, and where do they sit?"),
        marked("Was the order called off or changed after the bill was drawn?"),
    ),
}
#: What would make it innocent.
INNOCENT = {
    "risk_mortgage": marked(
        "A parent who pays for two children, an employer's housing allowance (paid on pay day, to "
        "many compounds), a property manager who collects fees (the money flows the other way), "
        "people who borrowed jointly, and a payer whose borrowers' properties are scattered do not "
        "make an alert."
    ),
    "risk_card_cashout": marked(
        "A shopkeeper who buys stock at the same wholesaler every week, yearly insurance or "
        "tuition in round amounts, one expensive trip, and a heavy user who pays in full do not "
        "make an alert; a refund of the whole price is no cash-out."
    ),
    "risk_fundraising": marked(
        "A landlord with many tenants, a school, a shop's collecting account, a charity, payroll, "
        "a housing fund and a co-operative that pays a dividend once a year do not make an alert. "
        "Products of the bank and the licensed accounts named in the params file are left out."
    ),
    "risk_acceptance": marked(
        "A seasonal buyer with large bills once a year, a supplier of one's own group with an "
        "invoice for every bill, a rebate of a few per cent from the payee, and a payee who "
        "discounts early and pays its own suppliers with it do not make an alert."
    ),
}


def case_file(alert_id: str) -> str:
    """Where the printable page of a case lies, among the lists."""
    return f"cases/{alert_id}.html"


def questions(kind: str) -> list[str]:
    """What to ask, in the reader's language."""
    return [say(question) for question in QUESTIONS[kind]]


def innocent(kind: str) -> str:
    """What would make it innocent, in the reader's language."""
    return say(INNOCENT[kind])
