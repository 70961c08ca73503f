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

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.contract.tables import BANK_KINDS
from analysis.risk.cases import Case, Window, proof
from analysis.risk.patterns import busiest, hubs, pairs, turned, without
from analysis.risk.related import groups
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

NEEDS = ("account_holders", "customers", "accounts")
KINDS = (
    "transfer",
    "other",
    "interest",
)  # of entries; salaries, sales and purchases have kinds of their own
UNITS = (100_000, 50_000, 20_000, 10_000, 5_000, 1_000, 500)
MOST_HUBS = (
    20  # who pays or is paid by more collecting accounts is a business, and no payer of theirs
)
LARGEST_SHARE = 0.5  # of what was paid in, that one payment back may be
SHORTEST = 5  # days between payments back, at least
SAME_INTERVAL = 0.1  # how far intervals may lie apart, as a share, to be called the same
REGULAR = 0.35  # how far an interval may lie from the usual one, as a share of it
LINKS = 2  # between collecting and paying-back accounts that are looked for
LICENSED_KINDS = ("wealth", "deposit", "insurance")  # products of the bank itself


def candidates(tables: Tables, window: Window, settings: Fundraising) -> dict[str, pd.DataFrame]:
    """pairs: collecting and paying-back account with the number of common persons. came and went:
    the payments of those accounts.
    onward: payments of collecting accounts passed on within days towards paying-back ones. parties:
    what is known of those who are customers, and since when an account is there and was asleep.
    busy: parties with too many others, passed over.
    """
    moved = _in_question(tables, window, settings)
    busy = busiest(moved, settings.most_counterparties).order_by("account").to_pandas()
    calm = without(moved, listed(busy["account"], "account"))
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
    common = common.to_pandas().sort_values(["collects", "pays_back"], ignore_index=True)
    by_words = collecting.filter(
        (_.parties >= settings.min_payers)
        & (_.worded >= settings.word_share * _.transfers)
        & (_["round"] >= settings.unit_share * _.transfers)
    )
    worded = sorted(by_words.select("hub").to_pandas()["hub"])
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
    return {
        "busy": busy,
        "pairs": common,
        "worded": pd.DataFrame({"hub": worded}),
        "came": came,
        "went": went,
        "onward": onward,
        "parties": _known(tables, window, persons, came),
    }


def _in_question(tables: Tables, window: Window, settings: Fundraising) -> ir.Table:
    moved = transfers(tables, window)
    moved = moved.filter(_.kind.isin(KINDS))
    for account in settings.licensed:
        moved = moved.filter((_.payer_account != account) & (_.payee_account != account))
    if "products" in tables:
        products = (
            tables["products"].filter(_.kind.isin(LICENSED_KINDS)).select(of_product="product_id")
        )
        own = tables["accounts"].semi_join(products, [("product_id", "of_product")])
        moved = moved.anti_join(
            own.select(licensed_payee="account_id"), [("payee_account", "licensed_payee")]
        )
        moved = moved.anti_join(
            own.select(licensed_payer="account_id"), [("payer_account", "licensed_payer")]
        )
    words = "|".join(re.escape(w.lower()) for w in settings.words) or "(?!)"
    worded = moved.memo.lower().re_search(words).fill_null(False)
    return moved.mutate(worded=worded.cast("int64"), round_=(moved.amount % 500 == 0).cast("int64"))


def _common(into: ir.Table, out: ir.Table, settings: Fundraising) -> ir.Table:
    """Collecting account, paying-back account (may be the same) and how many persons paid the one
    and later got less from the other.
    """
    counted = into.group_by("payer").aggregate(hubs=_.count()).filter(_.hubs <= MOST_HUBS)
    into = into.join(counted, "payer").select(
        person="payer", collects="payee", paid="total", paid_first="first"
    )
    got = out.select(
        pays_back="payer", paid_to="payee", times="n", most_back="most", back_last="last"
    )
    both = into.join(got, [into.person == got.paid_to])
    small = both.most_back.cast("float64") <= LARGEST_SHARE * both.paid.cast("float64")
    fits = both.filter(
        small & (both.times >= settings.min_returns) & (both.back_last > both.paid_first)
    )
    return (
        fits.group_by("collects", "pays_back")
        .aggregate(persons=_.count())
        .filter(_.persons >= settings.min_common)
    )


def _genuine(rows: ir.Table, everything: ir.Table) -> pd.DataFrame:
    columns = [
        "transaction_id",
        "payer",
        "payee",
        "payer_account",
        "payee_account",
        "booked_at",
        "amount",
        "memo",
        "worded",
    ]
    return once(without_reversed(rows, everything).select(columns).to_pandas()).drop(columns="memo")


def _first_links(went: pd.DataFrame, collect: list[str]) -> list[str]:
    """Whom collecting accounts pay a good part of their money: where it may go through."""
    out = went[went["payer"].isin(collect)]
    sums = out.groupby(["payer", "payee"])["amount"].sum()
    share = sums / sums.groupby("payer").transform("sum")
    links = {str(payee) for _payer, payee in share.index[share >= 0.2]}
    return sorted(links)


def _known(tables: Tables, window: Window, parties: list[str], came: pd.DataFrame) -> pd.DataFrame:
    """party, branch_id, customer_type, region, born_on, opened_on (its first account) of the
    parties that are customers, and for collecting accounts last_before: the last day something else
    than interest and fees was booked before the first payment came.
    """
    held = (
        tables["account_holders"].filter(_.role == "owner").join(tables["accounts"], "account_id")
    )
    opened = held.group_by("customer_id").aggregate(opened_on=_.opened_on.min())
    customers = tables["customers"].semi_join(
        listed(parties, "wanted"), [("customer_id", "wanted")]
    )
    rows = customers.select(
        "customer_id", "branch_id", "customer_type", "region", "born_on"
    ).left_join(opened, "customer_id")
    known = (
        rows.select(
            "branch_id", "customer_type", "region", "born_on", "opened_on", party="customer_id"
        )
        .order_by("party")
        .to_pandas()
    )
    first = came.groupby("payee")["booked_at"].min()
    own = owners(tables).semi_join(listed(first.index, "hub"), [("owner", "hub")])
    entries = (
        in_window(tables, window)
        .filter(_.kind.notin(BANK_KINDS))
        .join(own, [("account_id", "owned")])
    )
    days = entries.select(party="owner", day=entries.booked_at.date()).distinct().to_pandas()
    days = (
        days[pd.to_datetime(days["day"]) < days["party"].map(first).dt.normalize()]
        if len(days)
        else days
    )
    last = days.groupby("party")["day"].max().to_dict() if len(days) else {}
    return known.assign(
        last_before=pd.to_datetime(known["party"].map(last)),
        window_first=pd.Timestamp(window.first),
    )


def cases(found: dict[str, pd.DataFrame], settings: Fundraising) -> list[Case]:
    """The cases among the candidates, bank-wide."""
    came, went = found["came"], found["went"]
    came = came[came["amount"] >= settings.min_amount]
    returns: dict[tuple[str, str], pd.DataFrame] = {}
    for collects, pays_back in zip(
        found["pairs"]["collects"], found["pairs"]["pays_back"], strict=True
    ):
        rows = fixed_returns(
            came[came["payee"] == collects], went[went["payer"] == pays_back], settings
        )
        if rows["person"].nunique() >= settings.min_common:
            returns[(collects, pays_back)] = rows
    group_of = groups(returns)
    made = []
    for group in sorted(set(group_of.values())):
        mine = {pair: r for pair, r in returns.items() if group_of[pair[0]] == group}
        collects, pays = sorted({a for a, _b in mine}), sorted({b for _a, b in mine})
        rows = pd.concat(mine.values()).sort_values("share_apart").drop_duplicates("transaction_id")
        case = _case(collects, pays, rows, found, settings)
        if case:
            made.append(case)
    asking = {h for h in found["worded"]["hub"] if h not in group_of}
    made += [c for hub in sorted(asking) if (c := _case([hub], [], None, found, settings))]
    return made


def fixed_returns(came: pd.DataFrame, went: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """Payments back that are a fixed share of what the payee had paid in, at fixed intervals, for
    enough of the payees.

    Returns the payments with `person`, `share` (of the payment it answers to), `share_apart`,
    `days` (the usual interval of the payee) and `yearly` (share × 365 / days: the implied simple
    rate a year); empty where fewer than `same_ratio_share` of the payees agree. Of somebody who
    paid in several times, the payment or the sum so far that comes nearest to the usual share is
    taken.
    """
    columns = ["person", "share", "share_apart", "days", "yearly"]
    none = went.head(0).assign(**dict.fromkeys(columns, np.nan))
    both = went[went["payee"].isin(came["payer"])]
    if both.empty:
        return none
    options = both.merge(
        came[["payer", "booked_at", "amount"]].rename(
            columns={"payer": "payee", "booked_at": "paid_at", "amount": "paid"}
        ),
        on="payee",
    )
    options = options[options["paid_at"] < options["booked_at"]]
    options = options.sort_values(["transaction_id", "paid_at"])
    sums = options.assign(paid=options.groupby("transaction_id")["paid"].cumsum())
    options = pd.concat([options.assign(summed=False), sums.assign(summed=True)]).drop_duplicates(
        ["transaction_id", "paid"]
    )
    options = options.assign(share=options["amount"] / options["paid"])
    options = options[options["share"] <= LARGEST_SHARE]
    if options.empty:
        return none
    usual = _usual_share(options, settings.ratio_tolerance)
    options = options.assign(share_apart=(options["share"] / usual - 1).abs().round(6))
    rows = options.sort_values(["share_apart", "paid_at"]).drop_duplicates("transaction_id")
    fits = rows[rows["share_apart"] <= settings.ratio_tolerance].sort_values(["payee", "booked_at"])
    fits = fits[fits.groupby("payee")["transaction_id"].transform("size") >= settings.min_returns]
    apart = _apart(fits)
    if apart.empty:
        return none
    usual_gap = _mode(apart["days"].to_numpy(), SAME_INTERVAL)
    gaps = fits.groupby(["payee", "paid_at"])["booked_at"].diff().dt.total_seconds() / 86_400
    regular = (gaps / usual_gap - (gaps / usual_gap).round().clip(lower=1)).abs() <= REGULAR
    regular |= fits["transaction_id"].isin(
        apart.loc[(apart["days"] / usual_gap - 1).abs() <= REGULAR, "transaction_id"]
    )
    regular_share = regular.where(gaps.notna()).groupby(fits["payee"]).mean()
    keep = set(regular_share.index[regular_share >= settings.same_ratio_share])
    fits = fits[fits["payee"].isin(keep)]
    asked = both.groupby("payee")["transaction_id"].size()
    several = set(asked.index[asked >= settings.min_returns])
    if not several or fits["payee"].nunique() < settings.same_ratio_share * len(several):
        return none
    yearly = fits["share"] * 365 / usual_gap
    return fits.assign(person=fits["payee"], days=usual_gap, yearly=yearly).drop(
        columns=["paid_at", "paid", "summed"]
    )


def _usual_share(options: pd.DataFrame, tolerance: float) -> float:
    """The share that explains most payments; one of single payments in, unless sums of them explain
    more.
    """
    shares = [
        _mode(part["share"].to_numpy(), tolerance)
        for part in (options[~options["summed"]], options)
        if len(part)
    ]
    near = [
        options.loc[(options["share"] / s - 1).abs() <= tolerance, "transaction_id"].nunique()
        for s in shares
    ]
    return shares[int(np.argmax(near))]


def _apart(fits: pd.DataFrame) -> pd.DataFrame:
    """transaction_id and days since each earlier payment to the same person, from SHORTEST on. Not
    only the last one: of two payments in, the returns alternate.
    """
    rows = fits[["payee", "booked_at", "transaction_id"]]
    both = rows.merge(
        rows[["payee", "booked_at"]].rename(columns={"booked_at": "before"}), on="payee"
    )
    days = (both["booked_at"] - both["before"]).dt.total_seconds() / 86_400
    return both.assign(days=days)[days > SHORTEST]


def _mode(values: np.ndarray, tolerance: float) -> float:
    """The value that most others lie within the tolerance of: the median of those around it."""
    ordered = np.sort(values)
    low = np.searchsorted(ordered, ordered * (1 - tolerance), "left")
    high = np.searchsorted(ordered, ordered * (1 + tolerance), "right")
    best = int(np.argmax(high - low))
    return float(np.median(ordered[low[best] : high[best]]))


def _case(
    collects: list[str],
    pays: list[str],
    rows: pd.DataFrame | None,
    found: dict[str, pd.DataFrame],
    settings: Fundraising,
) -> Case | None:
    """The case around collecting and paying-back accounts; None where it is no case."""
    came = found["came"]
    came = came[
        came["payee"].isin(collects)
        & (came["amount"] >= settings.min_amount)
        & ~came["payer"].isin({*collects, *pays})
    ]
    known = found["parties"].set_index("party")
    payers = known.reindex(sorted(set(came["payer"])))
    if rows is not None:
        back = found["went"]
        back = back[back["payer"].isin(pays) & back["payee"].isin(set(came["payer"]))]
        came = came[came["payer"].isin(_paid_back_or_alike(came, rows))]
    else:
        back = came.head(0)
    if came["payer"].nunique() < settings.min_payers:
        return None
    signals: dict[str, pd.DataFrame] = {"many_payers": came}
    if rows is not None:
        signals["fixed_share_back"] = rows
        signals["high_rate"] = high_rate(rows, settings)
        signals["new_pays_old"] = new_pays_old(came, back)
    signals |= {
        "multiples_of_a_unit": multiples_of_a_unit(came, settings),
        "words_of_investment": words_of_investment(pd.concat([came, back]), settings),
        "payers_grow": payers_grow(came, settings),
        "old_payers": old_payers(came, payers, settings),
        "account_woken": account_woken(came, known, settings),
    }
    transit = through(collects, pays, found, settings) if rows is not None else {}
    if transit:
        signals["through_transit"] = pd.concat(transit.values())
    reasons = {code: proof(r, "transactions") for code, r in signals.items() if len(r)}
    if rows is not None:
        if "high_rate" not in reasons and "words_of_investment" not in reasons:
            return None
    elif not {"words_of_investment", "multiples_of_a_unit"} <= set(reasons) or not {
        "payers_grow",
        "old_payers",
        "account_woken",
    } & set(reasons):
        return None
    roles = {
        **dict.fromkeys(sorted(set(came["payer"])), "investor"),
        **dict.fromkeys(sorted(transit), "transit"),
        **dict.fromkeys(pays, "paying_back"),
        **dict.fromkeys(collects, "collecting"),
    }
    roles |= dict.fromkeys(set(collects) & set(pays), "collecting_and_paying_back")
    ours = came[came["payer"].isin(payers.index[payers["branch_id"].notna()])]
    got = back[back["payee"].isin(ours["payer"])]
    facts: dict[str, float | str] = {
        "payers": came["payer"].nunique(),
        "our_payers": ours["payer"].nunique(),
        "our_paid": float(round(ours["amount"].sum(), 2)),
        "our_back": float(round(got["amount"].sum(), 2)),
        "regions": payers["region"].nunique(),
        **({"unit": unit} if (unit := _unit(came["amount"], settings)) else {}),
    }
    if rows is not None:
        facts |= {
            "share_back": float(round(rows["share"].median(), 4)),
            "days": float(round(rows["days"].median(), 1)),
            "yearly": float(round(rows["yearly"].median(), 3)),
            "yearly_low": float(round(rows.groupby("person")["yearly"].median().quantile(0.1), 3)),
            "yearly_high": float(round(rows.groupby("person")["yearly"].median().quantile(0.9), 3)),
        }
    return Case(
        sorted({*collects, *pays}),
        reasons,
        roles,
        float(round(came["amount"].sum(), 2)),
        ", ".join(sorted({*collects, *pays})[:3]),
        facts,
    )


def _paid_back_or_alike(came: pd.DataFrame, rows: pd.DataFrame) -> set[str]:
    """Payers who were paid back, and those whose payments look like theirs: a customer of the firm
    who pays a bill is none.
    """
    told = set(rows["person"])
    least = came.loc[came["payer"].isin(told), "amount"].quantile(0.1) * 0.5
    return told | set(came.loc[came["amount"] >= least, "payer"])


# --- signals: each takes payments and returns those that show it
# -----------------------------------------------------


def high_rate(rows: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """Payments back at an implied rate above `min_rate` a year."""
    return rows[rows["yearly"] >= settings.min_rate]


def new_pays_old(came: pd.DataFrame, back: pd.DataFrame) -> pd.DataFrame:
    """Payments in of the last three months by payers who were not there before, where they cover
    what was paid back then.
    """
    if back.empty:
        return came.head(0)
    since = back["booked_at"].max() - pd.Timedelta(days=92)
    first = came.groupby("payer")["booked_at"].transform("min")
    new = came[(first >= since) & (came["booked_at"] >= since)]
    return (
        new
        if new["amount"].sum() >= back.loc[back["booked_at"] >= since, "amount"].sum()
        else came.head(0)
    )


def _unit(amounts: pd.Series, settings: Fundraising) -> float:
    """The largest unit that enough of the amounts are multiples of; 0 where there is none."""
    for unit in UNITS:
        if ((amounts % unit).round(2) == 0).mean() >= settings.unit_share:
            return float(unit)
    return 0.0


def multiples_of_a_unit(came: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """Payments that are multiples of one unit, where most are. All of one and the same amount count
    as well.
    """
    unit = _unit(came["amount"], settings)
    return came[(came["amount"] % unit).round(2) == 0] if unit else came.head(0)


def words_of_investment(rows: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """Payments whose memo has one of the words, where enough have."""
    worded = rows[rows["worded"] > 0]
    return worded if len(worded) >= settings.word_share * len(rows) else worded.head(0)


def payers_grow(came: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """First payments in the second half of the time, where there are `growth` times as many as in
    the first.
    """
    first = came.sort_values(["booked_at", "transaction_id"]).drop_duplicates("payer")
    middle = first["booked_at"].min() + (first["booked_at"].max() - first["booked_at"].min()) / 2
    late = first[first["booked_at"] > middle]
    return late if len(late) >= settings.growth * max(len(first) - len(late), 1) else late.head(0)


def old_payers(came: pd.DataFrame, payers: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """Payments by old persons, where enough of the payers whose age is known are old."""
    persons = payers[(payers["customer_type"] == "personal") & payers["born_on"].notna()]
    if persons.empty:
        return came.head(0)
    age = (came["booked_at"].max() - pd.to_datetime(persons["born_on"])).dt.days / 365.25
    old = set(age.index[age >= settings.old_age])
    return (
        came[came["payer"].isin(old)]
        if len(old) >= settings.old_share * len(persons)
        else came.head(0)
    )


def account_woken(came: pd.DataFrame, known: pd.DataFrame, settings: Fundraising) -> pd.DataFrame:
    """The first payments to accounts that were opened shortly before, or had been asleep for
    `woken_days`.
    """
    first = came.groupby("payee")["booked_at"].transform("min")
    long = pd.Timedelta(days=settings.woken_days)
    opened = pd.to_datetime(came["payee"].map(known["opened_on"]))
    last = pd.to_datetime(came["payee"].map(known["last_before"])).fillna(
        pd.to_datetime(came["payee"].map(known["window_first"]))
    )
    new = came[((first - opened) <= long) | ((first - last) >= long)]
    return new.sort_values(["booked_at", "transaction_id"]).groupby("payee").head(3)


def through(
    collects: list[str], pays: list[str], found: dict[str, pd.DataFrame], settings: Fundraising
) -> dict[str, pd.DataFrame]:
    """Parties that pass money on from collecting towards paying-back accounts within days, over one
    link or two: party to the payments it received and passed on.
    """
    out, onward = found["went"], found["onward"]
    ends = set(pays) - set(collects)
    if not ends:
        return {}
    first = out[out["payer"].isin(collects) & ~out["payee"].isin({*collects, *pays})]
    made: dict[str, pd.DataFrame] = {}
    step = _passed_on(first, onward, settings)
    for link, rows in step.groupby("link"):
        reached = set(rows["next"])
        if reached & ends:
            made[str(link)] = _both(first, onward, str(link), ends)
        for second in sorted(reached - ends - set(collects)):
            more = onward[(onward["payer"] == second) & onward["payee"].isin(ends)]
            if len(more):
                made[str(link)] = _both(first, onward, str(link), {second})
                made[str(second)] = more
    return made


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
    kept = counted[counted >= 3].reset_index()
    return kept.rename(columns={"payee": "link", "payee_on": "next"})[["link", "next"]]


def _both(first: pd.DataFrame, onward: pd.DataFrame, link: str, to: set[str]) -> pd.DataFrame:
    return pd.concat(
        [
            first[first["payee"] == link],
            onward[(onward["payer"] == link) & onward["payee"].isin(to)],
        ]
    )
