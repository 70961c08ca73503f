"""The tables of the contract. This is the only place that says what a column means."""

from analysis.contract.declaration import Column, RowRule, Table
from analysis.language import marked

#: Identifiers that become names of folders: no separators, no leading dot.
FOLDER_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
NOT_A_FOLDER = (
    r"(?i)^(all|con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)|\.(html|ipynb|jsonl?|lock|holder)$|\.$"
)

CHANNELS = ("branch", "atm", "pos", "online", "mobile", "phone", "transfer", "system", "other")
KINDS = (
    "salary",
    "pension",
    "cash_in",
    "cash_out",
    "card_payment",
    "transfer",
    "household",
    "insurance",
    "loan_instalment",
    "loan_payout",
    "interest",
    "fee",
    "sale",
    "purchase",
    "other",
)
#: Entries the bank makes by itself; they do not show that a customer is active.
BANK_KINDS = ("interest", "fee")
PRODUCT_KINDS = (
    "current_account",
    "savings",
    "deposit",
    "card",
    "mortgage",
    "consumer_loan",
    "business_loan",
    "wealth",
    "insurance",
    "payment",
)
LOAN_STATUS = ("running", "late", "defaulted", "repaid")
APPLICATION_STATUS = ("pending", "approved", "rejected", "withdrawn")


def _id(
    name: str, meaning: str, references: str = "", required: bool = False, pattern: str = ""
) -> Column:
    return Column(name, "id", meaning, references=references, required=required, pattern=pattern)


def _ends_before_it_starts(start: str, end: str) -> RowRule:
    return RowRule(
        f"{end}_before_{start}",
        marked("`{end}` is not before `{start}`"),
        lambda t: t[end] < t[start],
        {"start": start, "end": end},
    )


BRANCHES = Table(
    "branches",
    "The branches of the bank; reports are made for each.",
    ("branch_id",),
    (
        _id("branch_id", "Branch.", required=True, pattern=FOLDER_NAME),
        Column("name", "text", "Name as the bank writes it.", required=True),
        Column("region", "text", "Region the branch belongs to."),
    ),
    indispensable=True,
    rules=(
        RowRule(
            "branch_id_reserved",
            marked(
                "is not the name of something else where reports lie: `ALL` stands for the whole "
                "bank; `index.html` and the like are its files, `con` and the like devices of "
                "Windows"
            ),
            lambda t: t.branch_id.re_search(NOT_A_FOLDER),
        ),
    ),
)

STAFF = Table(
    "staff",
    "Who works where, and how many customers each can look after in a week.",
    ("staff_id",),
    (
        _id("staff_id", "Member of staff.", required=True),
        _id("branch_id", "Branch of work.", "branches.branch_id", required=True),
        Column(
            "role",
            "text",
            "Role.",
            allowed=("relationship_manager", "teller", "risk_officer", "branch_manager", "other"),
        ),
        Column(
            "weekly_capacity",
            "integer",
            "Contacts that can be made in a week.",
            unit="contacts per week",
            minimum=0,
        ),
    ),
)

CUSTOMERS = Table(
    "customers",
    "The persons and firms the bank serves, one row each.",
    ("customer_id",),
    (
        _id("customer_id", "Customer.", required=True),
        Column(
            "customer_type",
            "text",
            "Natural person or firm.",
            required=True,
            allowed=("personal", "corporate"),
        ),
        _id(
            "branch_id",
            "Branch that looks after the customer.",
            "branches.branch_id",
            required=True,
        ),
        _id("manager_id", "Relationship manager.", "staff.staff_id"),
        Column("name", "text", "Name as the bank writes it.", personal=True),
        Column(
            "born_on", "date", "Date of birth, or of founding.", not_future=True, describes=True
        ),
        Column("sex", "text", "Sex, of persons.", allowed=("female", "male")),
        Column("region", "text", "Region of residence.", describes=True),
        Column("address", "text", "Postal address.", personal=True),
        Column("compound", "text", "Residential compound.", describes=True),
        Column("employer", "text", "Employer as stated.", describes=True),
        Column("phone", "text", "Telephone number.", personal=True),
        Column("email", "text", "Address of electronic mail.", personal=True),
        Column("document_hash", "text", "Hash of the identity document.", personal=True),
        Column("registration_number", "text", "Number in the register of firms.", personal=True),
        Column("source", "text", "System of the bank that the record comes from."),
        Column(
            "income",
            "amount",
            "Stated yearly income, or turnover of a firm.",
            unit="currency per year",
            minimum=0,
        ),
        Column(
            "credit_grade",
            "integer",
            "Internal credit grade.",
            unit="1 (best) to 10",
            minimum=1,
            maximum=10,
        ),
        Column("consent", "flag", "Agreed to be contacted for marketing."),
        Column("since", "date", "Customer since.", not_future=True),
        Column("checked_on", "date", "Day the details were last confirmed.", not_future=True),
    ),
    indispensable=True,
)

IDENTITY_REVIEWS = Table(
    "identity_reviews",
    "What reviewers said of two records: whether they are the same customer. It is obeyed.",
    ("review_id",),
    (
        _id("review_id", "Review.", required=True),
        _id("record", "One record.", required=True),
        _id("other_record", "The other.", required=True),
        Column("same", "flag", "Whether both are the same customer.", required=True),
        Column("decided_on", "date", "Day.", required=True, not_future=True),
        _id("staff_id", "Who decided.", "staff.staff_id"),
    ),
    rules=(
        RowRule(
            "review_of_one",
            marked("names two records"),
            lambda t: t.record == t.other_record,
        ),
    ),
)

PRODUCTS = Table(
    "products",
    "What the bank sells.",
    ("product_id",),
    (
        _id("product_id", "Product.", required=True),
        Column("name", "text", "Name of the product.", required=True),
        Column("kind", "text", "Kind of product.", required=True, allowed=PRODUCT_KINDS),
    ),
)

ACCOUNTS = Table(
    "accounts",
    "The accounts of the bank's customers.",
    ("account_id",),
    (
        _id("account_id", "Account.", required=True),
        _id("branch_id", "Branch that keeps the account.", "branches.branch_id", required=True),
        _id("product_id", "Product the account is.", "products.product_id"),
        Column("opened_on", "date", "Day of opening.", required=True, not_future=True),
        Column("closed_on", "date", "Day of closing; empty while open.", empty_tells=True),
        Column(
            "opening_balance",
            "amount",
            "Balance before the first transaction delivered; 0 when empty.",
            unit="currency",
            empty_tells=True,
        ),
    ),
    indispensable=True,
    rules=(_ends_before_it_starts("opened_on", "closed_on"),),
)

ACCOUNT_HOLDERS = Table(
    "account_holders",
    "Who may dispose of which account.",
    ("account_id", "customer_id"),
    (
        _id("account_id", "Account.", "accounts.account_id", required=True),
        _id("customer_id", "Customer.", "customers.customer_id", required=True),
        Column(
            "role",
            "text",
            "Owner, or authorised by the owner.",
            required=True,
            allowed=("owner", "authorised"),
        ),
    ),
)

HOLDINGS = Table(
    "holdings",
    "Which customer held which product from when to when.",
    ("holding_id",),
    (
        _id("holding_id", "Holding.", required=True),
        _id("customer_id", "Customer.", "customers.customer_id", required=True),
        _id("product_id", "Product.", "products.product_id", required=True),
        Column("held_from", "date", "First day.", required=True, not_future=True),
        Column("held_to", "date", "Last day; empty while held.", empty_tells=True),
    ),
    rules=(_ends_before_it_starts("held_from", "held_to"),),
)

TRANSACTIONS = Table(
    "transactions",
    "Every entry on every account.",
    ("transaction_id",),
    (
        _id("transaction_id", "Transaction.", required=True),
        _id("account_id", "Account the entry is on.", "accounts.account_id", required=True),
        Column(
            "booked_at",
            "timestamp",
            "When it was booked, in the bank's time zone (`timezone` in the params file; a "
            "moment with an offset is converted); midnight where only the day is known.",
            required=True,
            not_future=True,
        ),
        Column(
            "amount",
            "amount",
            "Amount, signed from the account's side: positive is money in.",
            unit="currency",
            required=True,
        ),
        Column("channel", "text", "How it was made.", required=True, allowed=CHANNELS),
        Column("kind", "text", "What it was.", required=True, allowed=KINDS),
        _id(
            "counterparty_account",
            "Account of the other side, at this or another bank. A transfer inside the "
            "bank stands on both accounts.",
        ),
        Column("counterparty_bank", "text", "Bank of the other side; empty for this bank."),
        Column("counterparty_name", "text", "Name of the other side.", personal=True),
        _id("merchant_id", "Merchant, of card payments.", "merchants.merchant_id"),
        Column("memo", "text", "Text of the entry.", personal=True),
        Column("value_on", "date", "Day from which the entry counts, whenever it was booked."),
    ),
    indispensable=True,
    dated_by="booked_at",
    late_days=5,
)

STANDING_ORDERS = Table(
    "standing_orders",
    "Payments a customer has ordered to be made every month.",
    ("order_id",),
    (
        _id("order_id", "Standing order.", required=True),
        _id("account_id", "Account it is paid from.", "accounts.account_id", required=True),
        Column("payee_bank", "text", "Bank of the payee."),
        _id("payee_account", "Account of the payee."),
        Column(
            "amount", "amount", "Amount of each payment.", unit="currency", required=True, minimum=0
        ),
        Column(
            "purpose",
            "text",
            "What it is for.",
            allowed=("household", "insurance", "loan_instalment", "leasing", "other"),
        ),
    ),
)

MERCHANTS = Table(
    "merchants",
    "Where cards are accepted.",
    ("merchant_id",),
    (
        _id("merchant_id", "Merchant.", required=True),
        Column("category_code", "text", "Merchant category code (ISO 18245).", pattern=r"^\d{4}$"),
        Column("region", "text", "Region of the shop."),
        _id("owner_id", "Owner, where a customer.", "customers.customer_id"),
        _id("settlement_account", "Account that receives the takings.", "accounts.account_id"),
        Column("opens_hour", "integer", "Opening hour.", unit="hour of day", minimum=0, maximum=24),
        Column(
            "closes_hour", "integer", "Closing hour.", unit="hour of day", minimum=0, maximum=24
        ),
    ),
)

CARDS = Table(
    "cards",
    "Debit and credit cards. A credit card is judged for cash-out where it has a `credit_limit` "
    "and an account of its own, whose product is of the kind `card`.",
    ("card_id",),
    (
        _id("card_id", "Card.", required=True),
        _id("account_id", "Account the card draws on.", "accounts.account_id", required=True),
        _id("customer_id", "Card holder.", "customers.customer_id", required=True),
        Column("kind", "text", "Kind of card.", allowed=("debit", "credit")),
        Column("grade", "text", "Grade of the card as the bank calls it."),
        Column("credit_limit", "amount", "Limit, of credit cards.", unit="currency", minimum=0),
        Column(
            "statement_day",
            "integer",
            "Day of the month the statement is made.",
            unit="day of month",
            minimum=1,
            maximum=31,
        ),
        Column("issued_on", "date", "Day of issue.", not_future=True),
    ),
)

LOAN_APPLICATIONS = Table(
    "loan_applications",
    "Applications for loans, pending ones included.",
    ("application_id",),
    (
        _id("application_id", "Application.", required=True),
        _id("branch_id", "Branch that received it.", "branches.branch_id", required=True),
        _id("borrower_id", "Applicant.", "customers.customer_id", required=True),
        _id("co_borrower_id", "Joint applicant.", "customers.customer_id"),
        Column(
            "purpose",
            "text",
            "What the loan is for.",
            allowed=("mortgage", "consumer_loan", "business_loan"),
        ),
        Column("filed_on", "date", "Day of filing.", required=True, not_future=True),
        Column("amount", "amount", "Amount applied for.", unit="currency", minimum=0),
        Column("down_payment", "amount", "Down payment made.", unit="currency", minimum=0),
        _id("down_payment_account", "Account the down payment came from, at this or another bank."),
        _id("repayment_account", "Account the loan is to be repaid from.", "accounts.account_id"),
        Column("compound", "text", "Residential compound of the property."),
        Column("developer", "text", "Developer of the property."),
        Column(
            "status",
            "text",
            "Where the application stands.",
            required=True,
            allowed=APPLICATION_STATUS,
        ),
    ),
    dated_by="filed_on",
    late_days=31,
)

LOANS = Table(
    "loans",
    "Loans paid out.",
    ("loan_id",),
    (
        _id("loan_id", "Loan.", required=True),
        _id("application_id", "Application it came from.", "loan_applications.application_id"),
        _id("account_id", "Account the loan is repaid from.", "accounts.account_id", required=True),
        _id("borrower_id", "Borrower.", "customers.customer_id", required=True),
        Column(
            "kind",
            "text",
            "Kind of loan.",
            required=True,
            allowed=("mortgage", "consumer_loan", "business_loan"),
        ),
        Column("granted_on", "date", "Day of payment out.", required=True, not_future=True),
        Column("amount", "amount", "Amount lent.", unit="currency", required=True, minimum=0),
        Column("months", "integer", "Term.", unit="months", minimum=1),
        Column("instalment", "amount", "Monthly instalment.", unit="currency per month", minimum=0),
        Column(
            "due_day",
            "integer",
            "Day of the month the instalment is due.",
            unit="day of month",
            minimum=1,
            maximum=28,
        ),
        Column("status", "text", "How repayment stands.", required=True, allowed=LOAN_STATUS),
    ),
)

BILLS = Table(
    "bills",
    "Bills of exchange accepted by the bank.",
    ("bill_id",),
    (
        _id("bill_id", "Bill.", required=True),
        _id("branch_id", "Branch that accepted it.", "branches.branch_id", required=True),
        _id("drawer_id", "Drawer.", "customers.customer_id", required=True),
        _id("payee_account", "Account of the payee, at this or another bank."),
        Column("payee_name", "text", "Name of the payee.", personal=True),
        Column("amount", "amount", "Face value.", unit="currency", required=True, minimum=0),
        Column("accepted_on", "date", "Day of acceptance.", required=True, not_future=True),
        Column("due_on", "date", "Day of maturity.", required=True),
        Column(
            "margin_paid", "amount", "Margin deposited by the drawer.", unit="currency", minimum=0
        ),
        _id("contract_reference", "Contract of the trade behind it."),
        _id("invoice_id", "Invoice of the trade behind it.", "invoices.invoice_id"),
    ),
    rules=(_ends_before_it_starts("accepted_on", "due_on"),),
)

INVOICES = Table(
    "invoices",
    "Invoices presented with bills.",
    ("invoice_id",),
    (
        _id("invoice_id", "Invoice.", required=True),
        Column("issued_on", "date", "Day of issue.", not_future=True),
        Column("amount", "amount", "Amount.", unit="currency", minimum=0),
        _id("contract_reference", "Contract it belongs to."),
        Column("status", "text", "Valid or cancelled.", allowed=("valid", "cancelled")),
    ),
)

BILL_EVENTS = Table(
    "bill_events",
    "What happened to an accepted bill.",
    ("event_id",),
    (
        _id("event_id", "Event.", required=True),
        _id("bill_id", "Bill.", "bills.bill_id", required=True),
        Column("happened_on", "date", "Day.", required=True),
        Column(
            "kind",
            "text",
            "What happened.",
            required=True,
            allowed=("discounted", "endorsed", "redeemed", "dishonoured"),
        ),
        _id("proceeds_account", "Account the proceeds went to."),
        Column("amount", "amount", "Amount paid.", unit="currency", minimum=0),
    ),
)

SURVEYS = Table(
    "surveys",
    "Answers to the satisfaction survey, one row per questionnaire.",
    ("survey_id",),
    (
        _id("survey_id", "Questionnaire.", required=True),
        _id("customer_id", "Who answered.", "customers.customer_id", required=True),
        Column("answered_on", "date", "Day of the answer.", required=True, not_future=True),
        Column("comment", "text", "What the customer wrote.", personal=True),
    ),
    dated_by="answered_on",
    late_days=31,
)

SURVEY_SCORES = Table(
    "survey_scores",
    "Item scores of the survey, one row per questionnaire and item. Which item measures "
    "what is in the params file.",
    ("survey_id", "item"),
    (
        _id("survey_id", "Questionnaire.", "surveys.survey_id", required=True),
        Column("item", "text", "Item of the questionnaire.", required=True),
        Column(
            "score",
            "integer",
            "Score given.",
            unit="1 (worst) to 10",
            required=True,
            minimum=1,
            maximum=10,
        ),
    ),
)

COMPLAINTS = Table(
    "complaints",
    "Complaints as received.",
    ("complaint_id",),
    (
        _id("complaint_id", "Complaint.", required=True),
        _id("customer_id", "Who complained.", "customers.customer_id", required=True),
        Column("received_on", "date", "Day of receipt.", required=True, not_future=True),
        Column("text", "text", "What the customer wrote.", personal=True),
    ),
)

CAMPAIGNS = Table(
    "campaigns",
    "Campaigns of the bank.",
    ("campaign_id",),
    (
        _id("campaign_id", "Campaign.", required=True),
        Column("name", "text", "Name of the campaign.", required=True),
        _id("product_id", "Product offered.", "products.product_id"),
        Column("starts_on", "date", "First day.", required=True),
        Column("ends_on", "date", "Last day; empty while it goes on.", empty_tells=True),
        Column(
            "randomised",
            "flag",
            "Who was contacted was drawn by lot. Empty counts as not: a group that was chosen is "
            "no control group.",
        ),
        Column(
            "control_share",
            "number",
            "Share of the customers that was to be kept as control, where it was planned.",
            minimum=0,
            maximum=1,
        ),
        Column("cost", "amount", "What it cost beside the contacts.", unit="currency", minimum=0),
        Column("contact_cost", "amount", "What each contact cost.", unit="currency", minimum=0),
        Column(
            "response_value",
            "amount",
            "What a response is worth to the bank.",
            unit="currency",
            minimum=0,
        ),
    ),
    rules=(_ends_before_it_starts("starts_on", "ends_on"),),
)

CONTACTS = Table(
    "contacts",
    "Who was contacted in a campaign, and who was kept as control.",
    ("contact_id",),
    (
        _id("contact_id", "Contact.", required=True),
        _id("customer_id", "Customer.", "customers.customer_id", required=True),
        _id("campaign_id", "Campaign.", "campaigns.campaign_id", required=True),
        Column("treated", "flag", "Contacted (true) or kept as control (false).", required=True),
        Column("contacted_on", "date", "Day of the contact.", not_future=True),
        Column("channel", "text", "How the customer was contacted.", allowed=CHANNELS),
        Column("response", "flag", "Bought within the campaign."),
    ),
)

LEADS = Table(
    "leads",
    "What was handed to staff in a quarter: the entries of the lists of the quarter before. Where "
    "it is not delivered, the lists are worked out again as they were.",
    ("lead_id",),
    (
        _id("lead_id", "Entry of a list, as follow-ups name it.", required=True),
        Column(
            "kind",
            "text",
            "An offer, a call to a potential customer, a call so that the customer stays, an event "
            "to act on, or a customer kept without offer by lot.",
            required=True,
            allowed=("offer", "lookalike", "save", "event", "held_back"),
        ),
        _id("customer_id", "Customer.", "customers.customer_id", required=True),
        _id("staff_id", "To whom it was handed; empty for whoever is there.", "staff.staff_id"),
        _id("product_id", "Product offered.", "products.product_id"),
        Column("handed_on", "date", "Day it was handed over.", required=True, not_future=True),
        Column("due_on", "date", "Day it was to be done by."),
        Column(
            "chance",
            "number",
            "Chance of success as told: that the product is taken up, or the customer stays.",
            minimum=0,
            maximum=1,
        ),
        Column(
            "value", "amount", "What a success is worth to the bank.", unit="currency", minimum=0
        ),
    ),
    rules=(
        _ends_before_it_starts("handed_on", "due_on"),
        RowRule(
            "offer_without_product",
            marked("an offer, also one to a potential customer, names its product"),
            lambda t: t.kind.isin(["offer", "lookalike"]) & t.product_id.isnull(),
        ),
    ),
)

FOLLOW_UPS = Table(
    "follow_ups",
    "What staff did with the lists and alerts of earlier quarters.",
    ("follow_up_id",),
    (
        _id("follow_up_id", "Follow-up.", required=True),
        _id("subject_id", "Lead or alert that was followed up.", required=True),
        _id("staff_id", "Who did it.", "staff.staff_id"),
        Column("done_on", "date", "Day.", required=True, not_future=True),
        Column(
            "outcome",
            "text",
            "What came of it.",
            required=True,
            allowed=("confirmed", "cleared", "open", "sold", "declined", "reached", "not_reached"),
        ),
        Column("why", "text", "Reason of the outcome, in a few words and without names."),
    ),
)

_ALL = (
    BRANCHES,
    STAFF,
    CUSTOMERS,
    IDENTITY_REVIEWS,
    PRODUCTS,
    ACCOUNTS,
    ACCOUNT_HOLDERS,
    HOLDINGS,
    MERCHANTS,
    TRANSACTIONS,
    STANDING_ORDERS,
    CARDS,
    LOAN_APPLICATIONS,
    LOANS,
    INVOICES,
    BILLS,
    BILL_EVENTS,
    SURVEYS,
    SURVEY_SCORES,
    COMPLAINTS,
    CAMPAIGNS,
    CONTACTS,
    LEADS,
    FOLLOW_UPS,
)

#: Every table by name, each after the tables it refers to.
CONTRACT: dict[str, Table] = {table.name: table for table in _ALL}


def customer_columns(table: str) -> tuple[str, ...]:
    """The columns of a table that name a customer."""
    if table not in CONTRACT:
        return ()
    named = "customers.customer_id"
    return tuple(
        c.name
        for c in CONTRACT[table].columns
        if f"{table}.{c.name}" == named or c.references == named
    )
