"""Mortgages repaid by one account for many (假按揭): which payers, which properties, what to hold.

Signals and look-alikes after xikww.com newsid=2535; chinavalue.com.cn 2010/2/17; fx361.com
2020/0407/7896886. A case needs one payer, or a group of payers who belong together, for several
unrelated borrowers, in time for their due days and close to the instalments, with the properties at
one site. A parent paying for two children, an employer's housing allowance, a property manager,
joint borrowers and a group whose properties are scattered do not make one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.language import marked
from analysis.risk.cases import Case, Window, proof, with_columns
from analysis.risk.related import LINKED, LINKS, groups, links
from analysis.risk.reuse import reused
from analysis.risk.signals import Signal, proofs
from analysis.risk.transfers import Tables, listed, once, transfers, without_reversed
from analysis.sources.params import Mortgage

NO_ONE_ELSES = ("salary", "pension", "loan_payout", "interest")
# what a payer passes on in a month, of what it got for that from somebody
PASSED_ON = (0.8, 1.3)

#: A transfer by somebody else in time for an instalment, with the loan it repays.
PAYMENTS = {
    "transaction_id": "string",
    "payer": "string",  # party
    "payer_account": "string",
    "payee_account": "string",  # from which the loan is repaid
    "booked_at": "timestamp(6)",
    "memo": "string",
    "loan_id": "string",
    "borrower_id": "string",
    "branch_id": "string",  # the borrower's
    "due_on": "date",  # of the instalment
    "compound": "string",
    "developer": "string",
    "employer": "string",  # the borrower's
    "filed_on": "date",  # the application
    "status": "string",  # of the loan
    "amount": "float64",  # bank's currency
    "instalment": "float64",  # bank's currency
    "down_payment_from_payer": "boolean",
    "parts": "int64",  # transfers that make up the instalment
}
#: A transfer to one who pays instalments for others.
FUNDED = {
    "transaction_id": "string",
    "payer_account": "string",
    "payee_account": "string",
    "booked_at": "timestamp(6)",
    "amount": "float64",  # bank's currency
    "payer": "string",  # party
    "payee": "string",  # party, the payer of instalments
}
#: A transfer by which a payer of instalments got the money for them.
SOURCES = {
    "source": "string",  # party
    "payer": "string",  # party, of instalments
    "transaction_id": "string",
    "booked_at": "timestamp(6)",
    "amount": "float64",  # bank's currency
}
CANDIDATES = {"payments": PAYMENTS, "funded": FUNDED, "linked": LINKED}


def candidates(tables: Tables, window: Window, settings: Mortgage) -> dict[str, pd.DataFrame]:
    """What may be part of a case under any setting between these and stricter ones.

    payments (PAYMENTS): transfers by somebody else in time for an instalment, adding up to about
    it.
    funded (FUNDED): transfers to those who paid, shortly before.
    linked (LINKED): payers who share a telephone, address or authorised person.
    """
    transfers_ = transfers(tables, window)
    in_time = _payments_in_time(tables, transfers_, settings)
    payments = _adding_up(once(without_reversed(in_time, transfers_).to_pandas()), settings)
    payers = sorted(payments["payer"].unique())
    funded = pd.DataFrame()
    if payers:
        least = float(payments["instalment"].min())
        to_payers = transfers_.filter(_.kind.notin(NO_ONE_ELSES)).semi_join(
            listed(payers, "funded_party"), [("payee", "funded_party")]
        )
        to_payers = to_payers.filter(_.amount >= least).drop("memo", "kind")
        funded = once(without_reversed(to_payers, transfers_).to_pandas())
    return {
        "payments": with_columns(payments, PAYMENTS),
        "funded": with_columns(funded, FUNDED),
        "linked": with_columns(links(tables, payers), LINKED),
    }


def _loans(tables: Tables) -> ir.Table:
    """Mortgages with what their applications say and the borrower's branch and employer."""
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
    return loans.join(people, [loans.borrower_id == people.borrower]).select(
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


def _payments_in_time(tables: Tables, transfers_: ir.Table, settings: Mortgage) -> ir.Table:
    """Transfers into a repayment account by somebody who did not borrow, in the days before an
    instalment is due or a few after.
    """
    loans = _loans(tables)
    transfers_ = transfers_.filter(_.kind.notin(NO_ONE_ELSES)).drop("kind")
    paid = transfers_.join(loans, [transfers_.payee_account == loans.repayment_account])
    someone_else = (paid.payer != paid.borrower_id) & (
        paid.co_borrower_id.isnull() | (paid.payer != paid.co_borrower_id)
    )
    paid = paid.filter(someone_else)
    # the next due day from here on is meant
    from_day = paid.booked_at.date() - ibis.interval(days=settings.late_days)
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


@reused
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
    return payments.assign(parts=by.transform("size"))[near]


def cases(candidates: dict[str, pd.DataFrame], settings: Mortgage) -> list[Case]:
    """The cases among the candidates, bank-wide."""
    if candidates["payments"].empty:
        return []
    payments = _adding_up(candidates["payments"], settings)
    sources = _sources(payments, candidates["funded"], settings)
    linked = candidates["linked"]
    cases_ = [
        _case(_own_part(min(payers), payers, payments, sources, linked), settings)
        for payers in _groups(payments, sources, linked, settings)
    ]
    return [case for case in cases_ if case]


@reused
def _sources(payments: pd.DataFrame, funded: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """Who gives a payer the money for the instalments, month after month, and the transfers that
    show it: columns SOURCES.
    """
    if funded.empty or payments.empty:
        return pd.DataFrame(columns=list(SOURCES))
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
    return near.loc[months >= settings.min_months, list(SOURCES)].drop_duplicates("transaction_id")


@reused
def _groups(
    payments: pd.DataFrame, sources: pd.DataFrame, linked: pd.DataFrame, settings: Mortgage
) -> list[frozenset[str]]:
    """Payers who belong together, by one source of their money or by what they share, and pay for
    enough borrowers.
    """
    payers = set(payments["payer"])
    linked = linked[linked["party"].isin(payers) & linked["other"].isin(payers)]
    pairs = [
        *zip(sources["source"], sources["payer"], strict=True),
        *zip(linked["party"], linked["other"], strict=True),
    ]
    group = payments["payer"].map(groups(pairs, payers))
    borrowers = payments.groupby(group)["borrower_id"].nunique()
    payers_of = payments.groupby(group)["payer"].agg(frozenset)
    return list(payers_of[borrowers >= settings.min_borrowers])


@dataclass(frozen=True)
class Part:
    """What a group of payers paid for others, got for it, and shares."""

    payments: pd.DataFrame  # columns PAYMENTS
    sources: pd.DataFrame  # columns SOURCES
    linked: pd.DataFrame  # columns LINKED


@reused
def _own_part(
    first_payer: str,
    payers: frozenset[str],
    payments: pd.DataFrame,
    sources: pd.DataFrame,
    linked: pd.DataFrame,
) -> Part:
    # first_payer: results are compared between settings by a text (`reuse`)
    return Part(
        payments[payments["payer"].isin(payers)],
        sources[sources["payer"].isin(payers)],
        linked[linked["party"].isin(payers) & linked["other"].isin(payers)],
    )


@dataclass(frozen=True)
class Repaid:
    """What payers who belong together repaid for others."""

    regular: pd.DataFrame  # payments of loans that they paid in enough months
    of_site: str  # compound or developer
    site: str  # its name
    at_site: pd.DataFrame  # the payments for properties there
    sources: pd.DataFrame  # transfers to the payers, for the instalments
    linked: pd.DataFrame  # payers who share something


@reused
def _repaid(part: Part, settings: Mortgage) -> Repaid:
    regular = regularly_paid(part.payments, settings)
    return Repaid(regular, *site_of_most(regular), part.sources, part.linked)


@reused
def _case(part: Part, settings: Mortgage) -> Case | None:
    """The case of a group of payers; None where it is no case."""
    repaid = _repaid(part, settings)
    regular, at_site = repaid.regular, repaid.at_site
    borrowers = regular["borrower_id"].nunique()
    if borrowers < settings.min_borrowers:
        return None
    if at_site["borrower_id"].nunique() < max(
        settings.min_borrowers, settings.same_site_share * borrowers
    ):
        return None
    payers, funders = set(regular["payer"]), set(part.sources["source"])
    return Case(
        anchors=sorted(funders or payers),
        reasons=proofs(SIGNALS, repaid, settings),
        roles={
            **dict.fromkeys(sorted(set(regular["borrower_id"])), "borrower"),
            **dict.fromkeys(sorted(payers), "payer"),
            **dict.fromkeys(sorted(funders - payers), "funder"),
        },
        amount=float(round(regular.drop_duplicates("transaction_id")["amount"].sum(), 2)),
        about=repaid.site,
        facts={
            "borrowers": borrowers,
            "branches": regular["branch_id"].nunique(),
            "compounds": _texts(at_site["compound"]),
            "developers": _texts(at_site["developer"]),
        },
    )


def _texts(values: pd.Series) -> str:
    return "\n".join(sorted(values.dropna().unique()))


def regularly_paid(payments: pd.DataFrame, settings: Mortgage) -> pd.DataFrame:
    """The payments of loans that the group paid in at least `min_months` months."""
    months = payments.groupby("loan_id")["due_on"].transform("nunique")
    return payments[months >= settings.min_months]


def site_of_most(payments: pd.DataFrame) -> tuple[str, str, pd.DataFrame]:
    """Compound or developer with the most borrowers, its name, and the payments for properties
    there; the compound where they tie.
    """
    best: tuple[int, str, str] = (0, "compound", "")
    for column in ("compound", "developer"):
        counts = payments.groupby(column)["borrower_id"].nunique().sort_index()
        if len(counts) and counts.max() > best[0]:
            best = (int(counts.max()), column, str(counts.idxmax()))
    return best[1], best[2], payments[payments[best[1]] == best[2]]


# --- signals: each takes what was repaid and returns the rows that show it


def one_payer_for_many(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """All payments: the case is that they are for many."""
    return repaid.regular.assign(note=repaid.regular["loan_id"])


def same_site(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """The payments for properties at the site, with the column that names it."""
    return repaid.at_site.assign(note=repaid.at_site[repaid.of_site])


def over_others(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """The transfers by which the payers got the money."""
    return repaid.sources


def same_down_payment(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """Payments for borrowers whose down payment came from the payer as well."""
    return _of_several(repaid.at_site[repaid.at_site["down_payment_from_payer"].astype(bool)])


def payers_related(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """All payments, where payers of the group share a telephone, address or authorised person."""
    payers, linked = repaid.regular["payer"], repaid.linked
    related = linked["party"].isin(payers) & linked["other"].isin(payers)
    return repaid.regular if related.any() else repaid.regular.head(0)


def employed_by_developer(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """Payments for borrowers who work for the developer of their property."""
    employer = repaid.at_site["employer"]
    employed = employer.notna() & (employer == repaid.at_site["developer"])
    return _of_several(repaid.at_site[employed])


def filed_together(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """All payments at the site, where the applications were filed within `cluster_days`."""
    filed = pd.to_datetime(repaid.at_site.drop_duplicates("loan_id")["filed_on"]).dropna()
    together = (
        len(filed) >= settings.min_borrowers
        and (filed.max() - filed.min()).days <= settings.cluster_days
    )
    return _of_several(repaid.at_site) if together else repaid.at_site.head(0)


def several_late(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """Payments of loans that are late or defaulted all the same."""
    return _of_several(repaid.at_site[repaid.at_site["status"].isin(["late", "defaulted"])])


def paid_in_parts(repaid: Repaid, settings: Mortgage) -> pd.DataFrame:
    """Instalments paid in more than one transfer."""
    return _of_several(repaid.regular[repaid.regular["parts"] > 1])


def _of_several(payments: pd.DataFrame) -> pd.DataFrame:
    """The payments where they are for two borrowers or more; of one they say nothing."""
    return payments if payments["borrower_id"].nunique() >= 2 else payments.head(0)


_for_borrower = partial(proof, source="transactions", payee="borrower_id")
_for_borrower_noted = partial(_for_borrower, note="note")
_to_payer = partial(proof, source="transactions", payer="source", payee="payer")

SIGNALS: tuple[Signal[Repaid, Mortgage], ...] = (
    Signal(
        "one_payer_for_many",
        3,
        marked("One payer for many"),
        one_payer_for_many,
        _for_borrower_noted,
    ),
    Signal("same_site", 3, marked("Same site"), same_site, _for_borrower_noted),
    Signal("over_others", 2, marked("Over others"), over_others, _to_payer),
    Signal(
        "same_down_payment",
        2,
        marked("Down payments by the payer"),
        same_down_payment,
        _for_borrower,
    ),
    Signal("payers_related", 1, marked("Payers are related"), payers_related, _for_borrower),
    Signal(
        "employed_by_developer",
        1,
        marked("Employed by the developer"),
        employed_by_developer,
        _for_borrower,
    ),
    Signal("filed_together", 1, marked("Filed together"), filed_together, _for_borrower),
    Signal("several_late", 1, marked("Several late"), several_late, _for_borrower),
    Signal("paid_in_parts", 1, marked("Paid in parts"), paid_in_parts, _for_borrower),
)


# --- what waits


def pending(tables: Tables, last: Window) -> pd.DataFrame:
    """Mortgage applications filed by the window's end that wait for a decision."""
    waiting = tables["loan_applications"].filter(
        (_.purpose == "mortgage")
        & (_.status == "pending")
        & (_.filed_on <= ibis.literal(last.last))
    )
    applications = waiting.mutate(amount=waiting.amount.cast("float64")).select(
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
    return applications.order_by("application_id").to_pandas()


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
    to_hold = waiting[why.any(axis=1)]
    return to_hold.assign(
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
