"""Illegal acceptance of bills (非法承兑): bills without a trade behind them, whose proceeds come
back to the drawer.

Signals and look-alikes after caidao8.com 050025000105, from 中国票据网. A case needs a strong
signal (invoice cancelled or used twice, neither contract nor invoice, proceeds that come back to
the drawer over any number of accounts up to a limit, drawers in a circle) and another one; three or
more drawers in a circle need no other. A seasonal buyer, a supplier of one's own group with an
invoice for every bill, a rebate of a few per cent, and a payee who discounts early to pay its own
suppliers have no strong signal.

Bills are few: those of the window are read into memory. Payments are followed in the engine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.language import marked
from analysis.risk.cases import Case, Proof, Window, proof, together, with_columns
from analysis.risk.related import LINKED, groups, links
from analysis.risk.reuse import reused
from analysis.risk.signals import Signal, rows_of
from analysis.risk.transfers import (
    Tables,
    in_window,
    listed,
    named,
    once,
    transfers,
    without_reversed,
)
from analysis.sources.params import Acceptance

MOST_CIRCLE = 4  # drawers in a circle
# so many drawers in a circle are a case without another reason; two may be trading partners
ALONE = 3

#: A bill accepted or falling due in the window.
BILLS = {
    "bill_id": "string",
    "branch_id": "string",
    "drawer_id": "string",  # customer
    "payee_account": "string",
    "amount": "float64",  # bank's currency
    "accepted_on": "date",
    "due_on": "date",
    "margin_paid": "float64",  # bank's currency
    "contract_reference": "string",
    "invoice_id": "string",
    "payee": "string",  # party
    "founded_on": "date",  # the drawer
    "turnover": "float64",  # the drawer's, a year, bank's currency
    "issued_on": "date",  # the invoice
    "invoiced": "float64",  # bank's currency
    "invoice_status": "string",
    "discounted_on": "date",
    "proceeds": "float64",  # of the discount, bank's currency
    "discounter": "string",  # party that got them
}
#: A payment by which proceeds come back to the drawer.
RETURNED = {
    "bill_id": "string",
    "hop": "int64",  # from 1
    "transaction_id": "string",
    "payer": "string",  # party
    "payee": "string",  # party
    "booked_at": "timestamp(6)",
    "amount": "float64",  # bank's currency
    "waited": "int64",  # days, since the money came
    "share": "float64",  # of what came, that the payments to one payee make up
}
#: What else a drawer does.
OTHERS = {
    "party": "string",
    "others": "int64",  # accounts it deals with
    "took_in": "float64",  # in the window, bank's currency
}
#: Whether the bank delivers invoices: one row.
HAS_INVOICES = {"invoices": "boolean"}
CANDIDATES = {
    "bills": BILLS,
    "returned": RETURNED,
    "linked": LINKED,
    "others": OTHERS,
    "has_invoices": HAS_INVOICES,
}


def candidates(tables: Tables, window: Window, settings: Acceptance) -> dict[str, pd.DataFrame]:
    """What may be part of a case under any setting between these and stricter ones.

    bills (BILLS): of the window, with invoice, payee and drawer.
    returned (RETURNED): payments by which proceeds come back to the drawer.
    linked (LINKED): drawers who share something with another customer.
    others (OTHERS): with how many others a drawer deals, and what it took in.
    has_invoices (HAS_INVOICES): whether the bank delivers them.
    """
    bills = _bills(tables, window)
    drawers = sorted(set(bills["drawer_id"]))
    frames = {
        "bills": bills,
        "returned": _followed(tables, window, bills, settings),
        "linked": links(tables, drawers),
        "others": _business(tables, window, drawers),
        "has_invoices": pd.DataFrame({"invoices": ["invoices" in tables]}),
    }
    return {name: with_columns(frames[name], columns) for name, columns in CANDIDATES.items()}


def _bills(tables: Tables, window: Window) -> pd.DataFrame:
    """Bills accepted or falling due in the window, each with payee (party), drawer's turnover and
    founding, invoice, and discount: columns BILLS.
    """
    bills = tables["bills"]
    inside = (bills.accepted_on <= ibis.literal(window.last)) & (
        bills.due_on >= ibis.literal(window.first)
    )
    bills = named(bills.filter(inside), tables, "payee_account", "payee")
    bills = bills.mutate(
        amount=bills.amount.cast("float64"), margin_paid=bills.margin_paid.cast("float64")
    )
    about = tables["customers"].select(
        of_drawer="customer_id", founded_on="born_on", turnover="income"
    )
    bills = bills.left_join(about, [("drawer_id", "of_drawer")]).drop("of_drawer", "payee_name")
    bills = bills.mutate(turnover=bills.turnover.cast("float64"))
    here = bills.order_by("accepted_on", "bill_id").to_pandas()
    here = _with_discounts(_with_invoices(here, tables), tables, window)
    for day in ("accepted_on", "due_on", "issued_on", "discounted_on", "founded_on"):
        here[day] = pd.to_datetime(here[day])
    return here.sort_values(["accepted_on", "bill_id"], ignore_index=True)


def _with_invoices(bills: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    if "invoices" not in tables:
        return bills.assign(issued_on=pd.NaT, invoiced=float("nan"), invoice_status=None)
    wanted = listed(bills["invoice_id"].dropna(), "wanted")
    invoices = tables["invoices"].semi_join(wanted, [("invoice_id", "wanted")])
    invoices = invoices.select(
        "invoice_id",
        issued_on="issued_on",
        invoiced=invoices.amount.cast("float64"),
        invoice_status="status",
    )
    return bills.merge(invoices.to_pandas(), on="invoice_id", how="left")


def _with_discounts(bills: pd.DataFrame, tables: Tables, window: Window) -> pd.DataFrame:
    if "bill_events" not in tables:
        return bills.assign(discounted_on=pd.NaT, proceeds=float("nan"), discounter=None)
    events = tables["bill_events"].filter(
        (_.kind == "discounted") & (_.happened_on <= ibis.literal(window.last))
    )
    events = events.semi_join(listed(bills["bill_id"], "wanted"), [("bill_id", "wanted")])
    events = named(events, tables, "proceeds_account", "discounter")
    first = events.group_by("bill_id").aggregate(
        discounted_on=_.happened_on.min(),
        proceeds=_.amount.cast("float64").max(),
        discounter=_.discounter.min(),
    )
    return bills.merge(first.to_pandas(), on="bill_id", how="left")


def _followed(
    tables: Tables, window: Window, bills: pd.DataFrame, settings: Acceptance
) -> pd.DataFrame:
    """The payments over which the proceeds of a bill come back to its drawer: columns RETURNED.

    From the one who got the proceeds, account by account: at least `keep` of the proceeds must
    reach the next within `hop_days`, in one payment or several, over at most `hops` accounts.
    """
    start = bills[bills["discounter"].notna() & (bills["discounter"] != bills["drawer_id"])]
    frontier = pd.DataFrame(
        {
            "bill_id": start["bill_id"],
            "at_party": start["discounter"],
            "since": start["discounted_on"],
            "sum": start["proceeds"],
        }
    )
    drawer = bills.set_index("bill_id")["drawer_id"]
    transfers_ = transfers(tables, window)
    steps: list[pd.DataFrame] = []
    for hop in range(1, settings.hops + 1):
        if frontier.empty:
            break
        passed_on = _passed_on(frontier, transfers_, settings)
        steps.append(passed_on.assign(hop=hop)[list(RETURNED)])
        ahead = passed_on[passed_on["payee"] != passed_on["bill_id"].map(drawer)]
        reached = (
            ahead.groupby(["bill_id", "payee"])
            .agg(since=("booked_at", "min"), total=("amount", "sum"))
            .reset_index()
        )
        frontier = reached.rename(columns={"payee": "at_party", "total": "sum"})
        seen = {(b, p) for s in steps for b, p in zip(s["bill_id"], s["payer"], strict=True)}
        frontier = frontier[~_is_one_of(frontier["bill_id"], frontier["at_party"], seen)]
    if not steps:
        return pd.DataFrame(columns=list(RETURNED))
    return _leading_to_drawer(pd.concat(steps, ignore_index=True), drawer)


def _passed_on(frontier: pd.DataFrame, transfers_: ir.Table, settings: Acceptance) -> pd.DataFrame:
    """What those whom the proceeds have reached (bill_id, at_party, since, sum) passed on whole and
    in time.
    """
    paid = transfers_.semi_join(listed(frontier["at_party"], "at_party"), [("payer", "at_party")])
    paid = paid.filter(_.amount >= float(frontier["sum"].min()) * settings.keep / 10)
    payments = once(without_reversed(paid, transfers_).to_pandas()).merge(
        frontier, left_on="payer", right_on="at_party"
    )
    waited = (payments["booked_at"].dt.normalize() - payments["since"].dt.normalize()).dt.days
    payments = payments.assign(waited=waited)[(waited >= 0) & (waited <= settings.hop_days)]
    payments = payments[
        (payments["amount"] >= payments["sum"] * settings.keep / 10)
        & (payments["amount"] <= payments["sum"] * 1.02)
    ]
    passed = payments.groupby(["bill_id", "payer", "payee"])["amount"].transform("sum")
    share = passed / payments["sum"]
    return payments.assign(share=share)[(share >= settings.keep - 1e-9) & (share <= 1.02)]


def _is_one_of(bills: pd.Series, parties: pd.Series, pairs: set[tuple[str, str]]) -> pd.Series:
    """Whether each bill and party is one of the pairs."""
    return pd.Series(
        [pair in pairs for pair in zip(bills, parties, strict=True)], index=bills.index, dtype=bool
    )


def _leading_to_drawer(steps: pd.DataFrame, drawer: pd.Series) -> pd.DataFrame:
    """Of the payments followed, those on a way that ends at the drawer."""
    if steps.empty:
        return steps
    leading, wanted = [], set(drawer.items())
    for hop in sorted(set(steps["hop"]), reverse=True):
        payments = steps[steps["hop"] == hop]
        payments = payments[_is_one_of(payments["bill_id"], payments["payee"], wanted)]
        leading.append(payments)
        wanted |= set(zip(payments["bill_id"], payments["payer"], strict=True))
    return pd.concat(leading, ignore_index=True).sort_values(
        ["bill_id", "hop", "transaction_id"], ignore_index=True
    )


def _business(tables: Tables, window: Window, drawers: list[str]) -> pd.DataFrame:
    """With whom the drawers deal beside payees of their bills, by the account statement: columns
    OTHERS.
    """
    owned = (
        tables["account_holders"]
        .filter(_.role == "owner")
        .semi_join(listed(drawers, "wanted"), [("customer_id", "wanted")])
        .select(own_account="account_id", party="customer_id")
    )
    entries = in_window(tables, window).join(owned, [("account_id", "own_account")])
    return (
        entries.group_by("party")
        .aggregate(
            others=_.counterparty_account.nunique(),
            took_in=ibis.ifelse(_.amount > 0, _.amount, 0).sum().cast("float64"),
        )
        .to_pandas()
    )


@dataclass(frozen=True)
class Seen:
    """What is seen of bills: of one drawer's, or of all to find the drawers in question."""

    bills: pd.DataFrame  # with `invoice_uses`: bills of the same invoice
    circle: dict[str, int]  # bill to the drawers of its smallest circle
    home: pd.DataFrame  # payments over which proceeds came back
    linked: pd.DataFrame  # drawers who share something with another customer
    others: pd.DataFrame  # with how many others a drawer deals
    has_invoices: bool

    @property
    def drawer(self) -> str:
        """The drawer, where the bills are of one."""
        return str(self.bills["drawer_id"].iloc[0])

    @property
    def arrived(self) -> pd.DataFrame:
        """The payments by which the proceeds arrived at the drawer."""
        return self.home[self.home["payee"] == self.drawer]


def cases(candidates: dict[str, pd.DataFrame], settings: Acceptance) -> list[Case]:
    """The cases among the candidates, bank-wide: drawers, and those drawn together by a circle or
    by what they share.
    """
    if candidates["bills"].empty:
        return []
    bank_wide = _bank_wide(
        candidates["bills"],
        candidates["linked"],
        candidates["others"],
        candidates["has_invoices"],
        _home(candidates["bills"], candidates["returned"], settings),
    )
    strong = pd.concat(rows_of(s, bank_wide, settings)["drawer_id"] for s in SIGNALS if s.strong)
    seen_of = {drawer: _of_drawer(drawer, bank_wide) for drawer in sorted(set(strong))}
    flagged = {drawer: seen for drawer, seen in seen_of.items() if _is_flagged(seen, settings)}
    pairs = [
        (drawer, payee)
        for drawer, seen in flagged.items()
        for payee in drawers_in_a_circle(seen, settings)["payee"]
        if payee in flagged
    ]
    group_of = groups(pairs, flagged)
    cases_ = []
    for group in sorted(set(group_of.values())):
        drawers = tuple(drawer for drawer, of_group in group_of.items() if of_group == group)
        cases_.append(_case(drawers, tuple(flagged[d] for d in drawers), settings))
    return cases_


@reused
def _bank_wide(
    bills: pd.DataFrame,
    linked: pd.DataFrame,
    others: pd.DataFrame,
    has_invoices: pd.DataFrame,
    home: pd.DataFrame,
) -> Seen:
    uses = bills.groupby("invoice_id")["bill_id"].transform("nunique")
    return Seen(
        bills.assign(invoice_uses=uses),
        circles(bills),
        home,
        linked,
        others,
        bool(has_invoices["invoices"].iloc[0]),
    )


@reused
def _of_drawer(drawer: str, seen: Seen) -> Seen:
    bills = seen.bills[seen.bills["drawer_id"] == drawer]
    home = seen.home[seen.home["bill_id"].isin(bills["bill_id"])]
    return Seen(bills, seen.circle, home, seen.linked, seen.others, seen.has_invoices)


@reused
def _is_flagged(seen: Seen, settings: Acceptance) -> bool:
    """Whether a drawer is a case: a strong signal and another one, or drawers enough in a
    circle.
    """
    shown = [s for s in SIGNALS if len(rows_of(s, seen, settings))]
    in_circle = [seen.circle[bill] for bill in seen.bills["bill_id"] if bill in seen.circle]
    alone = max(in_circle, default=0) >= ALONE
    return any(s.strong for s in shown) and (len(shown) >= 2 or alone)


@reused
def _case(drawers: tuple[str, ...], seen: tuple[Seen, ...], settings: Acceptance) -> Case:
    """The case of one drawer or of several in a circle."""
    shown = {s: [rows_of(s, of_drawer, settings) for of_drawer in seen] for s in SIGNALS}
    home = pd.concat(of_drawer.home for of_drawer in seen)
    home = home.sort_values(["bill_id", "hop", "transaction_id"], ignore_index=True)
    reasons = {s.code: [s.proves(rows) for rows in shown[s] if len(rows)] for s in SIGNALS}
    if len(home):
        reasons["proceeds_come_back"].append(proof(home, "transactions", note="bill_id"))
    bills = pd.concat(rows for frames in shown.values() for rows in frames if len(rows))
    bills = bills.drop_duplicates("bill_id")
    return Case(
        anchors=sorted(drawers),
        reasons={code: together(*proofs) for code, proofs in reasons.items() if proofs},
        roles={
            **dict.fromkeys(sorted({*home["payer"], *home["payee"]}), "between"),
            **dict.fromkeys(sorted(set(bills["payee"].dropna())), "payee"),
            **dict.fromkeys(drawers, "drawer"),
        },
        amount=float(round(bills["amount"].sum(), 2)),
        about=", ".join(sorted(drawers)[:3]),
        facts={
            "bills": len(bills),
            "come_back": float(round(home.loc[home["payee"].isin(drawers), "amount"].sum(), 2)),
        },
    )


@reused
def circles(bills: pd.DataFrame) -> dict[str, int]:
    """Bills by which two to four drawers draw on each other in a circle, each pair of them twice or
    more: bill to drawers in its smallest circle.
    """
    counted = (
        bills[bills["payee"].notna() & (bills["payee"] != bills["drawer_id"])]
        .groupby(["drawer_id", "payee"])["bill_id"]
        .nunique()
    )
    onward: dict[str, list[str]] = {}
    for drawer, payee in counted.index[counted >= 2]:
        onward.setdefault(str(drawer), []).append(str(payee))
    ways: dict[tuple[str, str], int] = {}
    for start in onward:
        chains = [[start]]
        for _hop in range(MOST_CIRCLE):
            longer = []
            for chain in chains:
                for payee in onward.get(chain[-1], []):
                    if payee == start:
                        for way in zip(chain, [*chain[1:], start], strict=True):
                            ways[way] = min(len(chain), ways.get(way, len(chain)))
                    elif payee not in chain:
                        longer.append([*chain, payee])
            chains = longer
    return {
        str(b): ways[(d, p)]
        for b, d, p in zip(bills["bill_id"], bills["drawer_id"], bills["payee"], strict=True)
        if (d, p) in ways
    }


@reused
def _home(bills: pd.DataFrame, returned: pd.DataFrame, settings: Acceptance) -> pd.DataFrame:
    """The payments over which at least `keep` of a bill's proceeds come back to the drawer, with
    bill_id.
    """
    if returned.empty:
        return returned
    about = bills.set_index("bill_id")
    fits = returned[
        (returned["waited"] <= settings.hop_days) & (returned["share"] >= settings.keep - 1e-9)
    ]
    home = _leading_to_drawer(fits, about["drawer_id"])
    last = home[home["payee"] == home["bill_id"].map(about["drawer_id"])]
    arrived = last.groupby("bill_id")["amount"].sum()
    enough = arrived[arrived >= settings.keep * about["proceeds"].reindex(arrived.index)]
    return home[home["bill_id"].isin(enough.index)]


# --- signals: each takes what is seen of bills and returns those that show it; a strong one tells
# --- bill by bill, as drawers are in question by it


def proceeds_come_back(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills whose proceeds came back to the drawer."""
    return seen.bills[seen.bills["bill_id"].isin(seen.home["bill_id"])]


def drawers_in_a_circle(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills by which drawers draw on each other in a circle."""
    return seen.bills[seen.bills["bill_id"].isin(seen.circle)]


def _invoiced(seen: Seen) -> pd.Series:
    return seen.bills["invoice_id"].notna() & seen.bills["invoiced"].notna()


def invoice_used_twice(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills whose invoice another bill has as well."""
    return seen.bills[(seen.bills["invoice_uses"] > 1) & seen.has_invoices]


def invoice_cancelled(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills whose invoice was cancelled."""
    return seen.bills[_invoiced(seen) & (seen.bills["invoice_status"] == "cancelled")]


def no_papers(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills with neither contract nor invoice, where the bank delivers invoices."""
    without_contract = seen.bills["contract_reference"].isna()
    return seen.bills[~_invoiced(seen) & without_contract & seen.has_invoices]


def no_invoice(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills with a contract and no invoice, where the bank delivers invoices."""
    with_contract = seen.bills["contract_reference"].notna()
    return seen.bills[~_invoiced(seen) & with_contract & seen.has_invoices]


def no_contract(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills with an invoice and no contract; without a contract, where the bank delivers no
    invoices.
    """
    without_contract = seen.bills["contract_reference"].isna()
    return seen.bills[without_contract & (_invoiced(seen) | (not seen.has_invoices))]


def invoice_differs(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills whose own invoice is of another amount or another time."""
    bills = seen.bills
    days = (bills["issued_on"] - bills["accepted_on"]).dt.days.abs()
    share = (bills["invoiced"] / bills["amount"] - 1).abs()
    differs = (share > settings.invoice_tolerance) | (days > settings.invoice_days)
    return bills[_invoiced(seen) & differs & ~(bills["invoice_uses"] > 1)]


def related_parties(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills to payees who share a telephone, address or authorised person with the drawer, or who
    are the drawer.
    """
    linked = seen.linked.loc[seen.linked["party"] == seen.drawer, "other"]
    return seen.bills[seen.bills["payee"].isin({*linked, seen.drawer})]


def pays_the_next_margin(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills whose margin is covered by proceeds of an earlier one that came back within
    `margin_days` before, or since.
    """
    bills = seen.bills
    arrived = seen.arrived.groupby("bill_id").agg(at=("booked_at", "max"), amount=("amount", "sum"))
    covered = []
    for bill, at, amount in arrived.itertuples():
        later = bills[
            (bills["accepted_on"] >= at.normalize())
            & (bills["bill_id"] != bill)
            & (bills["margin_paid"] > 0)
        ].head(1)
        days = (later["accepted_on"] - at.normalize()).dt.days
        covered.append(later[(later["margin_paid"] <= amount) & (days <= 4 * settings.margin_days)])
    return _each_once(covered, bills)


def redeems_another(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills that fall due within `margin_days` after the proceeds of another one came back."""
    bills = seen.bills
    arrived = seen.arrived.groupby("bill_id")["booked_at"].max()
    due = [
        bills[
            (bills["bill_id"] != bill)
            & (bills["due_on"] - at.normalize()).dt.days.between(0, settings.margin_days)
        ]
        for bill, at in arrived.items()
    ]
    return _each_once(due, bills)


def _each_once(parts: Iterable[pd.DataFrame], bills: pd.DataFrame) -> pd.DataFrame:
    present = [part for part in parts if len(part)]
    return pd.concat(present).drop_duplicates("bill_id") if present else bills.head(0)


def rolled_over(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills to a payee accepted around the day an earlier one to the same payee falls due, at least
    `rolling_times`.
    """
    bills = seen.bills
    both = bills.merge(
        bills[["payee", "bill_id", "due_on", "amount"]], on="payee", suffixes=("", "_old")
    )
    apart = (both["accepted_on"] - both["due_on_old"]).dt.days
    rolled = both[
        (both["bill_id"] != both["bill_id_old"])
        & apart.between(-settings.rolling_days, settings.rolling_days)
        & (both["amount"] >= 0.9 * both["amount_old"])
    ]
    hits = bills[bills["bill_id"].isin(rolled["bill_id"])]
    return hits if len(hits) >= settings.rolling_times else hits.head(0)


def beyond_turnover(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """The bills of the last year, where they come to more than `turnover_share` of the yearly
    turnover.
    """
    accepted_on = seen.bills["accepted_on"]
    year = seen.bills[accepted_on > accepted_on.max() - pd.Timedelta(days=365)]
    turnover = year["turnover"].max()
    beyond = turnover > 0 and year["amount"].sum() > settings.turnover_share * turnover
    return year if beyond else year.head(0)


def new_company(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills of a company founded less than `new_days` before."""
    age = (seen.bills["accepted_on"] - seen.bills["founded_on"]).dt.days
    return seen.bills[age <= settings.new_days]


def no_other_business(seen: Seen, settings: Acceptance) -> pd.DataFrame:
    """Bills of a company that deals with hardly anybody else."""
    others = seen.others.set_index("party")["others"].get(seen.drawer, 0)
    return seen.bills if others < settings.min_business else seen.bills.head(0)


def _bills_as_proof(bills: pd.DataFrame) -> Proof:
    """From drawer to payee, with the invoice as remark."""
    return proof(bills, "bills", "bill_id", "accepted_on", "drawer_id", "payee", "invoice_id")


_signal = partial(Signal[Seen, Acceptance], proves=_bills_as_proof)

SIGNALS: tuple[Signal[Seen, Acceptance], ...] = (
    _signal("proceeds_come_back", 4, marked("Proceeds come back"), proceeds_come_back),
    _signal("drawers_in_a_circle", 3, marked("Drawers in a circle"), drawers_in_a_circle),
    _signal("invoice_used_twice", 3, marked("Invoice used twice"), invoice_used_twice),
    _signal("invoice_cancelled", 3, marked("Invoice cancelled"), invoice_cancelled),
    _signal("no_papers", 3, marked("Neither contract nor invoice"), no_papers),
    _signal("pays_the_next_margin", 2, marked("Pays the next margin"), pays_the_next_margin),
    _signal("related_parties", 1, marked("Drawer and payee related"), related_parties),
    _signal("redeems_another", 1, marked("Redeems another bill"), redeems_another),
    _signal("invoice_differs", 1, marked("Invoice differs from the bill"), invoice_differs),
    _signal("no_invoice", 1, marked("No invoice"), no_invoice),
    _signal("no_contract", 1, marked("No contract"), no_contract),
    _signal("rolled_over", 1, marked("Rolled at maturity"), rolled_over),
    _signal("beyond_turnover", 1, marked("Beyond the turnover"), beyond_turnover),
    _signal("new_company", 1, marked("New company"), new_company),
    _signal("no_other_business", 1, marked("No other business"), no_other_business),
)
