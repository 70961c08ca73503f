"""Illegal fund-raising (非法集资): accounts that collect from many, pass on, and pay a fixed share
back.

The parts that accounts play after the guidance 银办发〔2016〕201号 of the People's Bank of China,
as told in shkps.cn 482918: collecting (scattered in, concentrated out), transit (fast in,
fast out), paying back (concentrated in, scattered out). Signals after fuhexi.com 2721275728
and 2wbiao.com 72433. A case needs payers who get a fixed share of what they paid back at
fixed intervals, from whatever account; or, before anything was paid back, many who pay
multiples of a unit with the words of an investment. A landlord, a school, a shop, a
charity, payroll and a housing fund give no fixed share back; licensed products are named in
the params file.
"""

import re
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.contract.tables import BANK_KINDS
from analysis.language import marked
from analysis.risk.cases import Case, Window, with_columns
from analysis.risk.patterns import busiest, hubs, pairs, turned, without
from analysis.risk.related import groups
from analysis.risk.reuse import reused
from analysis.risk.signals import Signal, proofs
from analysis.risk.transfers import (
    Tables,
    in_window,
    listed,
    once,
    owners,
    transfers,
    without_reversed,
)
from analysis.sources.params import Fundraising

# of entries; salaries, sales and purchases have kinds of their own
KINDS = ("transfer", "other", "interest")
UNITS = (100_000, 50_000, 20_000, 10_000, 5_000, 1_000, 500)
# who pays or is paid by more collecting accounts is a business, and no payer of theirs
MOST_HUBS = 20
LARGEST_SHARE = 0.5  # of what was paid in, that one payment back may be
SHORTEST = 5  # days between payments back, at least
SAME_INTERVAL = 0.1  # how far intervals may lie apart, as a share, to be called the same
REGULAR = 0.35  # how far an interval may lie from the usual one, as a share of it
LINKS = 2  # between collecting and paying-back accounts that are looked for
LICENSED_KINDS = ("wealth", "deposit", "insurance")  # products of the bank itself

#: A party with too many others, passed over.
BUSY = {"account": "string"}
#: A collecting account, one that pays back (may be the same), and the persons they have in common.
PAIRS = {
    "collects": "string",
    "pays_back": "string",
    "persons": "int64",
}
#: A collecting account whose payments have the words of an investment.
WORDED = {"hub": "string"}
#: A payment to or from an account in question.
PAYMENTS = {
    "transaction_id": "string",
    "payer": "string",  # party
    "payee": "string",  # party
    "payer_account": "string",
    "payee_account": "string",
    "booked_at": "timestamp(6)",
    "amount": "float64",  # bank's currency
    "worded": "int64",  # 1 where the memo has one of the words
}
#: A party that is a customer.
PARTIES = {
    "party": "string",
    "branch_id": "string",
    "customer_type": "string",
    "region": "string",
    "born_on": "date",
    "opened_on": "date",  # its first account
    "last_before": "date",  # when something else was booked, before the first payment came
    "window_first": "date",  # of the window looked at
}
CANDIDATES = {
    "busy": BUSY,
    "pairs": PAIRS,
    "worded": WORDED,
    "came": PAYMENTS,
    "went": PAYMENTS,
    "onward": PAYMENTS,
    "parties": PARTIES,
}


def candidates(tables: Tables, window: Window, settings: Fundraising) -> dict[str, pd.DataFrame]:
    """What may be part of a case under any setting between these and stricter ones.

    pairs (PAIRS): collecting and paying-back account with the number of common persons.
    worded (WORDED): collecting accounts told by the words of an investment.
    came and went (PAYMENTS): the payments to and from those accounts.
    onward (PAYMENTS): those of whom they pay, towards paying-back accounts.
    parties (PARTIES): what is known of those who are customers.
    busy (BUSY): parties with too many others, passed over.
    """
    transfers_ = _in_question(tables, window, settings)
    busy = busiest(transfers_, settings.most_counterparties).order_by("account").to_pandas()
    calm = without(transfers_, listed(busy["account"], "account"))
    common, worded = _hubs(calm, settings)
    collect, back = sorted({*common["collects"], *worded}), sorted(set(common["pays_back"]))
    came = _genuine(calm.semi_join(listed(collect, "wanted"), [("payee", "wanted")]), calm)
    went = _genuine(
        calm.semi_join(listed({*back, *collect}, "wanted"), [("payer", "wanted")]), calm
    )
    onward, links = went.head(0), _first_links(went, collect) if back else []
    for _link in range(LINKS):
        if new := sorted(set(links) - set(onward["payer"]) - set(collect)):
            more = _genuine(calm.semi_join(listed(new, "wanted"), [("payer", "wanted")]), calm)
            onward = pd.concat([onward, more], ignore_index=True)
            links = _first_links(more, new)
    persons = sorted({*came["payer"], *collect, *back})
    frames = {
        "busy": busy,
        "pairs": common,
        "worded": pd.DataFrame({"hub": worded}),
        "came": came,
        "went": went,
        "onward": onward,
        "parties": _about(tables, window, persons, came),
    }
    return {name: with_columns(frames[name], columns) for name, columns in CANDIDATES.items()}


def _hubs(calm: ir.Table, settings: Fundraising) -> tuple[pd.DataFrame, list[str]]:
    """Pairs of collecting and paying-back accounts (columns PAIRS), and collecting accounts told by
    the words of an investment.
    """
    edges = pairs(
        calm,
        large=(_.amount >= settings.min_amount).sum(),
        most=_.amount.max(),
        worded=_.worded.sum(),
        round=_.round_.sum(),
    )
    into = edges.filter(_.large > 0)
    collecting = hubs(into, settings.min_common, sums=("worded", "round"))
    paying = hubs(turned(edges), settings.min_common)
    common = _common(
        into.semi_join(collecting.select(in_hub="hub"), [("payee", "in_hub")]),
        edges.semi_join(paying.select(out_hub="hub"), [("payer", "out_hub")]),
        settings,
    )
    by_words = collecting.filter(
        (_.parties >= settings.min_payers)
        & (_.worded >= settings.word_share * _.transfers)
        & (_["round"] >= settings.unit_share * _.transfers)
    )
    return (
        common.to_pandas().sort_values(["collects", "pays_back"], ignore_index=True),
        sorted(by_words.select("hub").to_pandas()["hub"]),
    )


def _in_question(tables: Tables, window: Window, settings: Fundraising) -> ir.Table:
    """Payments that may be of a scheme, with `worded` and `round_` (1 or 0): those of licensed
    products are none.
    """
    transfers_ = transfers(tables, window)
    transfers_ = transfers_.filter(_.kind.isin(KINDS))
    for account in settings.licensed:
        transfers_ = transfers_.filter((_.payer_account != account) & (_.payee_account != account))
    if "products" in tables:
        products = (
            tables["products"].filter(_.kind.isin(LICENSED_KINDS)).select(of_product="product_id")
        )
        own = tables["accounts"].semi_join(products, [("product_id", "of_product")])
        transfers_ = transfers_.anti_join(
            own.select(licensed_payee="account_id"), [("payee_account", "licensed_payee")]
        )
        transfers_ = transfers_.anti_join(
            own.select(licensed_payer="account_id"), [("payer_account", "licensed_payer")]
        )
    words = "|".join(re.escape(w.lower()) for w in settings.words) or "(?!)"
    worded = transfers_.memo.lower().re_search(words).fill_null(False)
    return transfers_.mutate(
        worded=worded.cast("int64"), round_=(transfers_.amount % 500 == 0).cast("int64")
    )


def _common(into: ir.Table, out: ir.Table, settings: Fundraising) -> ir.Table:
    """Collecting account, paying-back account (may be the same) and how many persons paid the one
    and later got less from the other.
    """
    counted = into.group_by("payer").aggregate(hubs=_.count()).filter(_.hubs <= MOST_HUBS)
    into = into.join(counted, "payer").select(
        person="payer", collects="payee", paid="total", paid_first="first"
    )
    paid_back = out.select(
        pays_back="payer", paid_to="payee", times="n", most_back="most", back_last="last"
    )
    both = into.join(paid_back, [into.person == paid_back.paid_to])
    small = both.most_back.cast("float64") <= LARGEST_SHARE * both.paid.cast("float64")
    fits = both.filter(
        small & (both.times >= settings.min_returns) & (both.back_last > both.paid_first)
    )
    return (
        fits.group_by("collects", "pays_back")
        .aggregate(persons=_.count())
        .filter(_.persons >= settings.min_common)
    )


def _genuine(payments: ir.Table, everything: ir.Table) -> pd.DataFrame:
    """The payments without reversed ones and duplicates: columns PAYMENTS."""
    columns = [*PAYMENTS, "memo"]
    return once(without_reversed(payments, everything).select(columns).to_pandas())[list(PAYMENTS)]


def _first_links(went: pd.DataFrame, collect: list[str]) -> list[str]:
    """Whom collecting accounts pay a good part of their money: where it may go through."""
    out = went[went["payer"].isin(collect)]
    sums = out.groupby(["payer", "payee"])["amount"].sum()
    share = sums / sums.groupby("payer").transform("sum")
    links = {str(payee) for _payer, payee in share.index[share >= 0.2]}
    return sorted(links)


def _about(tables: Tables, window: Window, parties: list[str], came: pd.DataFrame) -> pd.DataFrame:
    """What is known of the parties that are customers: columns PARTIES."""
    owned = (
        tables["account_holders"].filter(_.role == "owner").join(tables["accounts"], "account_id")
    )
    opened = owned.group_by("customer_id").aggregate(opened_on=_.opened_on.min())
    customers = tables["customers"].semi_join(
        listed(parties, "wanted"), [("customer_id", "wanted")]
    )
    customers = customers.select(
        "customer_id", "branch_id", "customer_type", "region", "born_on"
    ).left_join(opened, "customer_id")
    about = (
        customers.select(
            "branch_id", "customer_type", "region", "born_on", "opened_on", party="customer_id"
        )
        .order_by("party")
        .to_pandas()
    )
    return about.assign(
        last_before=pd.to_datetime(about["party"].map(_last_before(tables, window, came))),
        window_first=pd.Timestamp(window.first),
    )


def _last_before(tables: Tables, window: Window, came: pd.DataFrame) -> dict[str, object]:
    """Of each collecting party the last day before the first payment came on which something else
    than interest and fees was booked.
    """
    first = came.groupby("payee")["booked_at"].min()
    own = owners(tables).semi_join(listed(first.index, "hub"), [("owner", "hub")])
    entries = (
        in_window(tables, window)
        .filter(_.kind.notin(BANK_KINDS))
        .join(own, [("account_id", "owned")])
    )
    days = entries.select(party="owner", day=entries.booked_at.date()).distinct().to_pandas()
    if days.empty:
        return {}
    days = days[pd.to_datetime(days["day"]) < days["party"].map(first).dt.normalize()]
    return dict(days.groupby("party")["day"].max())


def cases(candidates: dict[str, pd.DataFrame], settings: Fundraising) -> list[Case]:
    """The cases among the candidates, bank-wide."""
    came, went, onward = candidates["came"], candidates["went"], candidates["onward"]
    parties, both_sides = candidates["parties"], candidates["pairs"]
    returns: dict[tuple[str, str], pd.DataFrame] = {}
    for collects, pays_back in zip(both_sides["collects"], both_sides["pays_back"], strict=True):
        fixed = fixed_returns(
            _paid_in(came, collects, settings), _paid_out(went, pays_back), settings
        )
        if fixed["person"].nunique() >= settings.min_common:
            returns[(collects, pays_back)] = fixed
    group_of = groups(returns)
    cases_ = []
    for group in sorted(set(group_of.values())):
        own = {pair: fixed for pair, fixed in returns.items() if group_of[pair[0]] == group}
        collecting = tuple(sorted({collects for collects, _pays_back in own}))
        paying = tuple(sorted({pays_back for _collects, pays_back in own}))
        fixed = _joined(tuple(own.values()))
        seen = _seen(collecting, paying, fixed, came, went, onward, parties, settings)
        cases_.append(_case(seen, settings))
    asking = {hub for hub in candidates["worded"]["hub"] if hub not in group_of}
    for hub in sorted(asking):
        seen = _seen((hub,), (), _no_returns(went), came, went, onward, parties, settings)
        cases_.append(_case(seen, settings))
    return [case for case in cases_ if case]


@reused
def _paid_in(came: pd.DataFrame, collects: str, settings: Fundraising) -> pd.DataFrame:
    return came[(came["payee"] == collects) & (came["amount"] >= settings.min_amount)]


@reused
def _paid_out(went: pd.DataFrame, pays_back: str) -> pd.DataFrame:
    return went[went["payer"] == pays_back]


@reused
def _joined(returns: tuple[pd.DataFrame, ...]) -> pd.DataFrame:
    """Payments back, each for the share it comes nearest to."""
    return pd.concat(returns).sort_values("share_apart").drop_duplicates("transaction_id")


@reused
def _no_returns(went: pd.DataFrame) -> pd.DataFrame:
    columns = ["person", "share", "share_apart", "days", "yearly"]
    return went.head(0).assign(**dict.fromkeys(columns, np.nan))


@reused
def fixed_returns(came: pd.DataFrame, went: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """Payments back that are a fixed share of what the payee had paid in, at fixed intervals, for
    enough of the payees; none where fewer than `same_ratio_share` of the payees agree.

    Returns the payments with
    person: text, the payee
    share: float, of the payment it answers to
    share_apart: float, how far that is from the usual share, as a share of it
    days: float, the usual interval
    yearly: float, share × 365 / days: the implied simple rate a year

    Of somebody who paid in several times, the payment or the sum so far that comes nearest to the
    usual share is taken.
    """
    fits = _of_usual_share(_answers(came, went), settings)
    apart = _apart(fits)
    if apart.empty:
        return _no_returns(went)
    usual_days = _mode(apart["days"].to_numpy(), SAME_INTERVAL)
    regular_share = _regular(fits, apart, usual_days).groupby(fits["payee"]).mean()
    regular_payees = set(regular_share.index[regular_share >= settings.same_ratio_share])
    fits = fits[fits["payee"].isin(regular_payees)]
    times = went[went["payee"].isin(came["payer"])].groupby("payee")["transaction_id"].size()
    several = set(times.index[times >= settings.min_returns])
    if not several or fits["payee"].nunique() < settings.same_ratio_share * len(several):
        return _no_returns(went)
    yearly = fits["share"] * 365 / usual_days
    return fits.assign(person=fits["payee"], days=usual_days, yearly=yearly).drop(
        columns=["paid_at", "paid", "summed"]
    )


@reused
def _answers(came: pd.DataFrame, went: pd.DataFrame) -> pd.DataFrame:
    """Payments back with each earlier payment in of the payee, and each sum of them so far, that
    they may answer to: paid_at, paid, summed, share.
    """
    both = went[went["payee"].isin(came["payer"])]
    answers = both.merge(
        came[["payer", "booked_at", "amount"]].rename(
            columns={"payer": "payee", "booked_at": "paid_at", "amount": "paid"}
        ),
        on="payee",
    )
    answers = answers[answers["paid_at"] < answers["booked_at"]]
    answers = answers.sort_values(["transaction_id", "paid_at"])
    sums = answers.assign(paid=answers.groupby("transaction_id")["paid"].cumsum())
    answers = pd.concat([answers.assign(summed=False), sums.assign(summed=True)])
    answers = answers.drop_duplicates(["transaction_id", "paid"])
    answers = answers.assign(share=answers["amount"] / answers["paid"])
    return answers[answers["share"] <= LARGEST_SHARE]


@reused
def _of_usual_share(answers: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """Each payment back with what it answers to best, where that is about the usual share and the
    payee got it often enough.
    """
    if answers.empty:
        return answers.assign(share_apart=0.0)
    usual = _usual_share(answers, settings.ratio_tolerance)
    answers = answers.assign(share_apart=(answers["share"] / usual - 1).abs().round(6))
    best = answers.sort_values(["share_apart", "paid_at"]).drop_duplicates("transaction_id")
    fits = best[best["share_apart"] <= settings.ratio_tolerance].sort_values(["payee", "booked_at"])
    times = fits.groupby("payee")["transaction_id"].transform("size")
    return fits[times >= settings.min_returns]


def _regular(fits: pd.DataFrame, apart: pd.DataFrame, usual_days: float) -> pd.Series:
    """Whether each payment but a payee's first came a whole number of the usual intervals after
    another one.
    """
    gaps = fits.groupby(["payee", "paid_at"])["booked_at"].diff().dt.total_seconds() / 86_400
    times = gaps / usual_days
    regular = (times - times.round().clip(lower=1)).abs() <= REGULAR
    near = (apart["days"] / usual_days - 1).abs() <= REGULAR
    regular |= fits["transaction_id"].isin(apart.loc[near, "transaction_id"])
    return regular.where(gaps.notna())


@reused
def _usual_share(answers: pd.DataFrame, tolerance: float) -> float:
    """The share that explains most payments; one of single payments in, unless sums of them explain
    more.
    """
    shares = [
        _mode(part["share"].to_numpy(), tolerance)
        for part in (answers[~answers["summed"]], answers)
        if len(part)
    ]
    near = [
        answers.loc[(answers["share"] / s - 1).abs() <= tolerance, "transaction_id"].nunique()
        for s in shares
    ]
    return shares[int(np.argmax(near))]


@reused
def _apart(fits: pd.DataFrame) -> pd.DataFrame:
    """transaction_id and days since each earlier payment to the same person, from SHORTEST on. Not
    only the last one: of two payments in, the returns alternate.
    """
    earlier = fits[["payee", "booked_at"]].rename(columns={"booked_at": "before"})
    both = fits[["payee", "booked_at", "transaction_id"]].merge(earlier, on="payee")
    days = (both["booked_at"] - both["before"]).dt.total_seconds() / 86_400
    return both.assign(days=days)[days > SHORTEST]


def _mode(values: np.ndarray, tolerance: float) -> float:
    """The value that most others lie within the tolerance of: the median of those around it."""
    ordered = np.sort(values)
    low = np.searchsorted(ordered, ordered * (1 - tolerance), "left")
    high = np.searchsorted(ordered, ordered * (1 + tolerance), "right")
    best = int(np.argmax(high - low))
    return float(np.median(ordered[low[best] : high[best]]))


@dataclass(frozen=True)
class Seen:
    """What is seen around collecting and paying-back accounts."""

    collects: tuple[str, ...]
    pays: tuple[str, ...]
    came: pd.DataFrame  # payments in
    back: pd.DataFrame  # payments back to those who paid in
    returns: pd.DataFrame  # those that are a fixed share; none before anything was paid back
    payers: pd.DataFrame  # what is known of them, by party
    parties: pd.DataFrame  # what is known of everybody, by party
    transit: dict[str, pd.DataFrame]  # party to what it got and passed on


@reused
def _seen(
    collects: tuple[str, ...],
    pays: tuple[str, ...],
    returns: pd.DataFrame,
    came: pd.DataFrame,
    went: pd.DataFrame,
    onward: pd.DataFrame,
    parties: pd.DataFrame,
    settings: Fundraising,
) -> Seen:
    came = came[
        came["payee"].isin(collects)
        & (came["amount"] >= settings.min_amount)
        & ~came["payer"].isin({*collects, *pays})
    ]
    by_party = parties.set_index("party")
    payers = by_party.reindex(sorted(set(came["payer"])))
    if returns.empty:
        return Seen(collects, pays, came, came.head(0), returns, payers, by_party, {})
    back = went[went["payer"].isin(pays) & went["payee"].isin(set(came["payer"]))]
    came = came[came["payer"].isin(_paid_back_or_alike(came, returns))]
    transit = through(went, onward, collects, pays, settings)
    return Seen(collects, pays, came, back, returns, payers, by_party, transit)


@reused
def _case(seen: Seen, settings: Fundraising) -> Case | None:
    """The case around collecting and paying-back accounts; None where it is no case."""
    if seen.came["payer"].nunique() < settings.min_payers:
        return None
    reasons = proofs(SIGNALS, seen, settings)
    if not _suffices(set(reasons), paid_back=len(seen.returns) > 0):
        return None
    anchors = sorted({*seen.collects, *seen.pays})
    return Case(
        anchors=anchors,
        reasons=reasons,
        roles={
            **dict.fromkeys(sorted(set(seen.came["payer"])), "investor"),
            **dict.fromkeys(sorted(seen.transit), "transit"),
            **dict.fromkeys(seen.pays, "paying_back"),
            **dict.fromkeys(seen.collects, "collecting"),
            **dict.fromkeys(set(seen.collects) & set(seen.pays), "collecting_and_paying_back"),
        },
        amount=float(round(seen.came["amount"].sum(), 2)),
        about=", ".join(anchors[:3]),
        facts=_exposure(seen, settings) | _promise(seen.returns),
    )


def _suffices(reasons: set[str], paid_back: bool) -> bool:
    """Whether the reasons make a case. Before anything was paid back, words and units do so only
    with one that points to victims or to a scheme that grows.
    """
    if paid_back:
        return bool(reasons & {"high_rate", "words_of_investment"})
    offers = {"words_of_investment", "multiples_of_a_unit"} <= reasons
    return offers and bool(reasons & {"payers_grow", "old_payers", "account_woken"})


def _exposure(seen: Seen, settings: Fundraising) -> dict[str, float | str]:
    """Who paid in, and what our customers among them paid and got."""
    came, payers = seen.came, seen.payers
    own_customers_paid = came[came["payer"].isin(payers.index[payers["branch_id"].notna()])]
    own_customers_got = seen.back[seen.back["payee"].isin(own_customers_paid["payer"])]
    facts: dict[str, float | str] = {
        "payers": came["payer"].nunique(),
        "our_payers": own_customers_paid["payer"].nunique(),
        "our_paid": float(round(own_customers_paid["amount"].sum(), 2)),
        "our_back": float(round(own_customers_got["amount"].sum(), 2)),
        "regions": payers["region"].nunique(),
    }
    unit = _unit(came["amount"], settings)
    return facts | {"unit": unit} if unit else facts


def _promise(returns: pd.DataFrame) -> dict[str, float | str]:
    """The share paid back, the days between, and the rate a year: that of most, and the range in
    which 80 % of the payees lie. Nothing before anything was paid back.
    """
    if returns.empty:
        return {}
    of_person = returns.groupby("person")["yearly"].median()
    return {
        "share_back": float(round(returns["share"].median(), 4)),
        "days": float(round(returns["days"].median(), 1)),
        "yearly": float(round(returns["yearly"].median(), 3)),
        "yearly_low": float(round(of_person.quantile(0.1), 3)),
        "yearly_high": float(round(of_person.quantile(0.9), 3)),
    }


def _paid_back_or_alike(came: pd.DataFrame, returns: pd.DataFrame) -> set[str]:
    """Payers who were paid back, and those whose payments look like theirs: a customer of the firm
    who pays a bill is none.
    """
    paid_back = set(returns["person"])
    least = came.loc[came["payer"].isin(paid_back), "amount"].quantile(0.1) * 0.5
    return paid_back | set(came.loc[came["amount"] >= least, "payer"])


def _unit(amounts: pd.Series, settings: Fundraising) -> float:
    """The largest unit that enough of the amounts are multiples of; 0 where there is none."""
    for unit in UNITS:
        if ((amounts % unit).round(2) == 0).mean() >= settings.unit_share:
            return float(unit)
    return 0.0


@reused
def through(
    went: pd.DataFrame,
    onward: pd.DataFrame,
    collects: tuple[str, ...],
    pays: tuple[str, ...],
    settings: Fundraising,
) -> dict[str, pd.DataFrame]:
    """Parties that pass money on from collecting towards paying-back accounts within days, over one
    link or two: party to the payments it received and passed on.
    """
    ends = set(pays) - set(collects)
    if not ends:
        return {}
    first = went[went["payer"].isin(collects) & ~went["payee"].isin({*collects, *pays})]
    transit: dict[str, pd.DataFrame] = {}
    passed_on = _passed_on(first, onward, settings)
    for link, steps in passed_on.groupby("link"):
        reached = set(steps["next"])
        if reached & ends:
            transit[str(link)] = _got_and_passed_on(first, onward, str(link), ends)
        for second in sorted(reached - ends - set(collects)):
            more = onward[(onward["payer"] == second) & onward["payee"].isin(ends)]
            if len(more):
                transit[str(link)] = _got_and_passed_on(first, onward, str(link), {second})
                transit[str(second)] = more
    return transit


def _passed_on(first: pd.DataFrame, onward: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """link and next, of those who pass on at least `transit_keep` of what they get within
    `transit_days`.
    """
    both = first.merge(onward, left_on="payee", right_on="payer", suffixes=("", "_on"))
    wait = both["booked_at_on"] - both["booked_at"]
    share = both["amount_on"] / both["amount"]
    fits = both[
        (wait >= pd.Timedelta(0))
        & (wait <= pd.Timedelta(days=settings.transit_days))
        & (share >= settings.transit_keep)
        & (share <= 1 + 1e-9)
    ]
    counted = fits.groupby(["payee", "payee_on"]).size()
    often = counted[counted >= 3].reset_index()
    return often.rename(columns={"payee": "link", "payee_on": "next"})[["link", "next"]]


def _got_and_passed_on(
    first: pd.DataFrame, onward: pd.DataFrame, link: str, to: set[str]
) -> pd.DataFrame:
    return pd.concat(
        [
            first[first["payee"] == link],
            onward[(onward["payer"] == link) & onward["payee"].isin(to)],
        ]
    )


# --- signals: each takes what is seen around the accounts and returns the payments that show it


def fixed_share_back(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """Payments back that are a fixed share at fixed intervals."""
    return seen.returns


def words_of_investment(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """Payments whose memo has one of the words, where enough have."""
    payments = pd.concat([seen.came, seen.back])
    worded = payments[payments["worded"] > 0]
    return worded if len(worded) >= settings.word_share * len(payments) else worded.head(0)


def high_rate(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """Payments back at an implied rate above `min_rate` a year."""
    return seen.returns[seen.returns["yearly"] >= settings.min_rate]


def new_pays_old(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """Payments in of the last three months by payers who were not there before, where they cover
    what was paid back then.
    """
    came, back = seen.came, seen.back
    if back.empty:
        return came.head(0)
    since = back["booked_at"].max() - pd.Timedelta(days=92)
    first = came.groupby("payer")["booked_at"].transform("min")
    new = came[(first >= since) & (came["booked_at"] >= since)]
    paid_back = back.loc[back["booked_at"] >= since, "amount"].sum()
    return new if new["amount"].sum() >= paid_back else came.head(0)


def through_transit(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """What transit accounts got and passed on."""
    return pd.concat(seen.transit.values()) if seen.transit else seen.came.head(0)


def multiples_of_a_unit(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """Payments that are multiples of one unit, where most are. All of one and the same amount count
    as well.
    """
    amounts = seen.came["amount"]
    unit = _unit(amounts, settings)
    return seen.came[(amounts % unit).round(2) == 0] if unit else seen.came.head(0)


def payers_grow(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """First payments in the second half of the time, where there are `growth` times as many as in
    the first.
    """
    first = seen.came.sort_values(["booked_at", "transaction_id"]).drop_duplicates("payer")
    middle = first["booked_at"].min() + (first["booked_at"].max() - first["booked_at"].min()) / 2
    late = first[first["booked_at"] > middle]
    return late if len(late) >= settings.growth * max(len(first) - len(late), 1) else late.head(0)


def old_payers(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """Payments by old persons, where enough of the payers whose age is known are old."""
    came, payers = seen.came, seen.payers
    persons = payers[(payers["customer_type"] == "personal") & payers["born_on"].notna()]
    if persons.empty:
        return came.head(0)
    age = (came["booked_at"].max() - pd.to_datetime(persons["born_on"])).dt.days / 365.25
    old = set(age.index[age >= settings.old_age])
    enough = len(old) >= settings.old_share * len(persons)
    return came[came["payer"].isin(old)] if enough else came.head(0)


def account_woken(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """The first payments to accounts that were opened shortly before, or had been asleep for
    `woken_days`.
    """
    came, parties = seen.came, seen.parties
    first = came.groupby("payee")["booked_at"].transform("min")
    long = pd.Timedelta(days=settings.woken_days)
    opened = pd.to_datetime(came["payee"].map(parties["opened_on"]))
    last = pd.to_datetime(came["payee"].map(parties["last_before"])).fillna(
        pd.to_datetime(came["payee"].map(parties["window_first"]))
    )
    new = came[((first - opened) <= long) | ((first - last) >= long)]
    return new.sort_values(["booked_at", "transaction_id"]).groupby("payee").head(3)


def many_payers(seen: Seen, settings: Fundraising) -> pd.DataFrame:
    """All payments in: the case is that they are of many."""
    return seen.came


SIGNALS: tuple[Signal[Seen, Fundraising], ...] = (
    Signal("fixed_share_back", 4, marked("Fixed share paid back"), fixed_share_back),
    Signal("words_of_investment", 3, marked("Words of an investment"), words_of_investment),
    Signal("high_rate", 1, marked("High rate promised"), high_rate),
    Signal("new_pays_old", 1, marked("New money pays old"), new_pays_old),
    Signal("through_transit", 1, marked("Through transit accounts"), through_transit),
    Signal("multiples_of_a_unit", 1, marked("Multiples of one unit"), multiples_of_a_unit),
    Signal("payers_grow", 1, marked("Payers grow in number"), payers_grow),
    Signal("old_payers", 1, marked("Most payers are elderly"), old_payers),
    Signal("account_woken", 1, marked("Account new or woken"), account_woken),
    Signal("many_payers", 1, marked("Many payers"), many_payers),
)
