"""Mortgages repaid by one account for many (假按揭): which payers, which properties, what to hold.

Signals and look-alikes after xikww.com newsid=2535; chinavalue.com.cn 2010/2/17; fx361.com
2020/0407/7896886. A case needs one payer, or a group of payers who belong together, for several
unrelated borrowers, in time for their due days and close to the instalments, with the properties at
one site. A parent paying for two children, an employer's housing allowance, a property manager,
joint borrowers and a group whose properties are scattered do not make one.
"""

from collections.abc import Iterable, Iterator

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.risk.cases import Case, Proof, Window, proof
from analysis.risk.related import LINKS, groups, links
from analysis.risk.transfers import Tables, listed, once, transfers, without_reversed
from analysis.sources.params import Mortgage

NEEDS = ("account_holders", "customers", "loans", "loan_applications")
NO_ONE_ELSES = ("salary", "pension", "loan_payout", "interest")
PASSED_ON = (
    0.8,
    1.3,
)  # what a payer passes on in a month against what it got for that from somebody


def candidates(tables: Tables, window: Window, settings: Mortgage) -> dict[str, pd.DataFrame]:
    """payments: transfers by somebody else in time for an instalment, adding up to about it.
    funded: transfers to those who paid, shortly before. linked: payers who share a telephone,
    address or authorised person.
    """
    moved = transfers(tables, window)
    payments_ = _payments(tables, moved, settings)
    payments = once(without_reversed(payments_, moved).to_pandas())
    payments = _adding_up(payments, settings)
    several = payments.groupby("payer")["borrower_id"].nunique()
    payers = sorted(several.index)
    to_payers = moved.filter(_.kind.notin(NO_ONE_ELSES)).semi_join(
        listed(payers, "funded_party"), [("payee", "funded_party")]
    )
    least = float(payments["instalment"].min()) if len(payments) else 0.0
    to_payers = to_payers.filter(_.amount >= least).drop("memo", "kind")
    funded = once(without_reversed(to_payers, moved).to_pandas()) if payers else pd.DataFrame()
    linked = links(tables, payers) if payers else pd.DataFrame(columns=["party", "other", "shared"])
    return {"payments": payments, "funded": funded, "linked": linked}


def _payments(tables: Tables, moved: ir.Table, settings: Mortgage) -> ir.Table:
    """Transfers into a repayment account by somebody who did not borrow, in the days before an
    instalment is due or a few after.
    """
    applications = tables["loan_applications"].select(
        "application_id",
        "co_borrower_id",
        "filed_on",
        "down_payment_account",
        "compound",
        "developer",
    )
    loans = tables["loans"].filter(
        (_.kind == "mortgage") & _.due_day.notnull() & (_.instalment > 0)
    )
    loans = loans.left_join(applications, "application_id")
    people = tables["customers"].select(
        borrower="customer_id", branch_id="branch_id", employer="employer"
    )
    loans = loans.join(people, [loans.borrower_id == people.borrower]).select(
        "loan_id",
        "borrower_id",
        "branch_id",
        "instalment",
        "due_day",
        "status",
        "co_borrower_id",
        "filed_on",
        "down_payment_account",
        "compound",
        "developer",
        "employer",
        repayment_account="account_id",
    )
    moved = moved.filter(_.kind.notin(NO_ONE_ELSES)).drop("kind")
    paid = moved.join(loans, [moved.payee_account == loans.repayment_account])
    someone_else = (paid.payer != paid.borrower_id) & (
        paid.co_borrower_id.isnull() | (paid.payer != paid.co_borrower_id)
    )
    paid = paid.filter(someone_else)
    from_day = paid.booked_at.date() - ibis.interval(
        days=settings.late_days
    )  # the next due day from here on is meant
    this_month = ibis.date(from_day.year(), from_day.month(), paid.due_day)
    due_on = ibis.ifelse(this_month >= from_day, this_month, this_month + ibis.interval(months=1))
    paid = paid.mutate(due_on=due_on.cast("date"), paid_on=paid.booked_at.date())
    days_before = paid.due_on.delta(paid.paid_on, unit="day")
    return paid.filter(
        (days_before <= settings.window_days) & (paid.amount <= paid.instalment * 2)
    ).select(
        "transaction_id",
        "payer",
        "payer_account",
        "payee_account",
        "booked_at",
        "memo",
        "loan_id",
        "borrower_id",
        "branch_id",
        "due_on",
        "compound",
        "developer",
        "employer",
        "filed_on",
        "status",
        amount=paid.amount,
        instalment=paid.instalment.cast("float64"),
        down_payment_from_payer=(paid.down_payment_account == paid.payer_account).fill_null(False),
    )


def _adding_up(payments: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """Payments of one payer for one loan and due day that come to about the instalment."""
    if payments.empty:
        return payments.assign(parts=0)
    days = pd.to_datetime(payments["due_on"]) - payments["booked_at"].dt.normalize()
    early, late = pd.Timedelta(days=settings.window_days), pd.Timedelta(days=settings.late_days)
    payments = payments[(days <= early) & (days >= -late)]
    by = payments.groupby(["payer", "loan_id", "due_on"])["amount"]
    whole = by.transform("sum").round(2)
    near = (whole / payments["instalment"] - 1).abs() <= settings.amount_tolerance + 1e-9
    return payments.assign(parts=by.transform("size"))[near].reset_index(drop=True)


def cases(found: dict[str, pd.DataFrame], settings: Mortgage) -> list[Case]:
    """The cases among the candidates, bank-wide."""
    payments = found["payments"]
    if payments.empty:
        return []
    payments = _adding_up(payments.drop(columns="parts"), settings)
    over = _sources(payments, found["funded"], settings)
    related = found["linked"]
    payers = set(payments["payer"])
    related = related[related["party"].isin(payers) & related["other"].isin(payers)]
    pairs = [
        *zip(over["source"], over["payer"], strict=True),
        *zip(related["party"], related["other"], strict=True),
    ]
    group_of = groups(pairs, payers)
    payments = payments.assign(group=payments["payer"].map(group_of))
    borrowers = payments.groupby("group")["borrower_id"].transform("nunique")
    over = over.assign(group=over["source"].map(group_of))
    made = []
    for group, paid in payments[borrowers >= settings.min_borrowers].groupby("group", sort=True):
        case = _case(
            paid,
            over[(over["group"] == group) & over["payer"].isin(paid["payer"])],
            related,
            settings,
        )
        if case:
            made.append(case)
    return made


def _sources(payments: pd.DataFrame, funded: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """Who gives a payer the money for the instalments, month after month: source, payer and the
    transfers that show it.
    """
    columns = ["source", "payer", "transaction_id", "booked_at", "amount"]
    if funded.empty or payments.empty:
        return pd.DataFrame(columns=columns)
    month = payments["due_on"].astype("datetime64[ns]").dt.to_period("M")
    spent = (
        payments.groupby(["payer", month])
        .agg(total=("amount", "sum"), first=("booked_at", "min"), last=("booked_at", "max"))
        .reset_index()
    )
    came = funded.rename(columns={"payer": "source", "payee": "payer"})
    near = came.merge(spent, on="payer")
    near = near[
        (near["booked_at"] <= near["last"])
        & (near["first"] - near["booked_at"] <= pd.Timedelta(days=settings.hop_days))
        & (near["source"] != near["payer"])
    ]
    sums = near.groupby(["source", "payer", "due_on"])["amount"].transform("sum")
    low, high = PASSED_ON
    near = near[(near["total"] >= low * sums) & (near["total"] <= high * sums)]
    months = near.groupby(["source", "payer"])["due_on"].transform("nunique")
    return near.loc[months >= settings.min_months, columns].drop_duplicates("transaction_id")


def _case(
    paid: pd.DataFrame, over: pd.DataFrame, related: pd.DataFrame, settings: Mortgage
) -> Case | None:
    regular = regularly_paid(paid, settings)
    borrowers = regular["borrower_id"].nunique()
    if borrowers < settings.min_borrowers:
        return None
    kind_of_site, site, at_site = same_site(regular)
    if at_site["borrower_id"].nunique() < max(
        settings.min_borrowers, settings.same_site_share * borrowers
    ):
        return None
    payers, sources = set(regular["payer"]), set(over["source"])
    reasons = {
        "one_payer_for_many": proof(regular, "transactions", payee="borrower_id", note="loan_id"),
        "same_site": proof(at_site, "transactions", payee="borrower_id", note=kind_of_site),
    }
    further = {
        "over_others": proof(over, "transactions", payer="source", payee="payer")
        if len(over)
        else None,
        "payers_related": proof(regular, "transactions", payee="borrower_id")
        if related_payers(payers, related)
        else None,
        "paid_in_parts": _proof_if(paid_in_parts(regular), settings),
        "employed_by_developer": _proof_if(employed_by_developer(at_site), settings),
        "filed_together": _proof_if(filed_together(at_site, settings), settings),
        "same_down_payment": _proof_if(same_down_payment(at_site), settings),
        "several_late": _proof_if(several_late(at_site), settings),
    }
    reasons.update({code: rows for code, rows in further.items() if rows is not None})
    roles = {
        **dict.fromkeys(sorted(set(regular["borrower_id"])), "borrower"),
        **dict.fromkeys(sorted(payers), "payer"),
        **dict.fromkeys(sorted(sources - payers), "funder"),
    }
    return Case(
        sorted(sources or payers) if sources else sorted(payers),
        reasons,
        roles,
        float(round(regular.drop_duplicates("transaction_id")["amount"].sum(), 2)),
        site,
        {
            "borrowers": borrowers,
            "branches": regular["branch_id"].nunique(),
            "compounds": _texts(at_site["compound"]),
            "developers": _texts(at_site["developer"]),
        },
    )


def _texts(values: pd.Series) -> str:
    return "\n".join(sorted(values.dropna().unique()))


def _proof_if(rows: pd.DataFrame, settings: Mortgage) -> Proof | None:
    return (
        proof(rows, "transactions", payee="borrower_id")
        if rows["borrower_id"].nunique() >= 2
        else None
    )


# --- signals: each takes payments and returns those that show it
# ------------------------------------------------------


def regularly_paid(paid: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """The payments of loans that the group paid in at least `min_months` months."""
    return paid[paid.groupby("loan_id")["due_on"].transform("nunique") >= settings.min_months]


def same_site(paid: pd.DataFrame) -> tuple[str, str, pd.DataFrame]:
    """Compound or developer with the most borrowers, its name, and the payments for properties
    there; the compound where they tie.
    """
    best: tuple[int, str, str] = (0, "compound", "")
    for column in ("compound", "developer"):
        counts = paid.groupby(column)["borrower_id"].nunique().sort_index()
        if len(counts) and counts.max() > best[0]:
            best = (int(counts.max()), column, str(counts.idxmax()))
    return best[1], best[2], paid[paid[best[1]] == best[2]]


def related_payers(payers: set[str], related: pd.DataFrame) -> bool:
    """Whether payers of the group share a telephone, address or authorised person."""
    return bool((related["party"].isin(payers) & related["other"].isin(payers)).any())


def paid_in_parts(paid: pd.DataFrame) -> pd.DataFrame:
    """Instalments paid in more than one transfer."""
    return paid[paid["parts"] > 1]


def employed_by_developer(paid: pd.DataFrame) -> pd.DataFrame:
    """Payments for borrowers who work for the developer of their property."""
    return paid[paid["employer"].notna() & (paid["employer"] == paid["developer"])]


def filed_together(paid: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """All payments, where the applications were filed within `cluster_days`."""
    filed = pd.to_datetime(paid.drop_duplicates("loan_id")["filed_on"]).dropna()
    together = (
        len(filed) >= settings.min_borrowers
        and (filed.max() - filed.min()).days <= settings.cluster_days
    )
    return paid if together else paid.head(0)


def same_down_payment(paid: pd.DataFrame) -> pd.DataFrame:
    """Payments for borrowers whose down payment came from the payer as well."""
    return paid[paid["down_payment_from_payer"].astype(bool)]


def several_late(paid: pd.DataFrame) -> pd.DataFrame:
    """Payments of loans that are late or defaulted all the same."""
    return paid[paid["status"].isin(["late", "defaulted"])]


# --- what waits
# ------------------------------------------------------------------------------------------------


def pending(tables: Tables, last: Window) -> pd.DataFrame:
    """Mortgage applications filed by the window's end that wait for a decision."""
    waiting = tables["loan_applications"].filter(
        (_.purpose == "mortgage")
        & (_.status == "pending")
        & (_.filed_on <= ibis.literal(last.last))
    )
    rows = waiting.mutate(amount=waiting.amount.cast("float64")).select(
        "application_id",
        "branch_id",
        "borrower_id",
        "co_borrower_id",
        "filed_on",
        "compound",
        "developer",
        "down_payment_account",
        "repayment_account",
        "amount",
    )
    return rows.order_by("application_id").to_pandas()


def held_applications(
    waiting: pd.DataFrame, case: Case, accounts: set[str], linked: pd.DataFrame
) -> pd.DataFrame:
    """Pending applications of the case's compounds, developers or parties, each with why
    (`reasons`, codes).

    accounts: those of the case's parties, as down payments come from them. linked: customers who
    share a telephone, address, employer or authorised person with a party. An application without a
    site can only be told by its parties.
    """
    parties = set(case.roles)
    related = set(linked.loc[linked["party"].isin(parties), "other"]) - parties
    why = pd.DataFrame(
        {
            "same_compound": waiting["compound"].isin(str(case.facts["compounds"]).split("\n"))
            & waiting["compound"].notna(),
            "same_developer": waiting["developer"].isin(str(case.facts["developers"]).split("\n"))
            & waiting["developer"].notna(),
            "party_of_the_case": waiting["borrower_id"].isin(parties)
            | waiting["co_borrower_id"].isin(parties)
            | waiting["down_payment_account"].isin(accounts),
            "related_to_a_party": waiting["borrower_id"].isin(related)
            | waiting["co_borrower_id"].isin(related),
        },
        index=waiting.index,
    )
    held = waiting[why.any(axis=1)]
    return held.assign(
        reasons=[
            " ".join(c for c in why.columns if row[c])
            for _i, row in why[why.any(axis=1)].iterrows()
        ]
    )


def held_by(
    tables: Tables, waiting: pd.DataFrame, cases: Iterable[tuple[str, Case]]
) -> Iterator[tuple[str, Case, pd.DataFrame]]:
    """For each alert and its case the pending applications it holds, each with why:
    `held_applications` with the accounts the parties own and all who share a telephone, address,
    employer or authorised person with one of them.
    """
    cases = list(cases)
    parties = sorted({p for _alert, c in cases for p in c.roles})
    if not parties:
        return
    linked = links(tables, parties, LINKS)
    owned = (
        tables["account_holders"]
        .filter(_.role == "owner")
        .semi_join(listed(parties, "wanted"), [("customer_id", "wanted")])
    )
    accounts = owned.to_pandas().groupby("customer_id")["account_id"].apply(set).to_dict()
    for alert_id, case in cases:
        own = {a for p, r in case.roles.items() if r != "borrower" for a in accounts.get(p, {p})}
        yield alert_id, case, held_applications(waiting, case, own, linked)
