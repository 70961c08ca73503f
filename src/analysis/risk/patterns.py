"""Shapes that money makes between accounts: fan-in, fan-out, gather–scatter, scatter–gather,
circles, shared payers.

Each is an expression over transfers, computed where the rows are: transaction_id, payer, payee,
booked_at, amount (positive). Transfers to oneself, and those of which a side is not known, are
passed over. Names after the typologies of AMLSim (Weber and others 2018; Altman and others 2023). A
shape is a reason to look: shops, schools and landlords fan in as well.
"""

import math
from functools import reduce

import ibis
import ibis.expr.types as ir
from ibis import _

WINDOW = ("window", "band")  # of time and of amounts
ORIGIN = "2000-01-01"  # days are counted from here
# accounts with more counterparties in a window are no link of a circle or of a chain: a tax office
BUSIEST = 1_000


def between_two(transfers: ir.Table) -> ir.Table:
    """The transfers with two known and different sides and an amount."""
    both_sides = transfers.payer.notnull() & transfers.payee.notnull() & (transfers.amount > 0)
    return transfers.filter(both_sides & (transfers.payer != transfers.payee))


def fan_in(
    transfers: ir.Table, days: int, least: int, tolerance: float | None = None, each: int = 1
) -> ir.Table:
    """Accounts that at least so many others pay within `days`, each with the window in which most
    do.

    tolerance: only payments of about the same amount count together (within this share of each
    other). each: a payer counts from so many payments on (payments split into parts). Windows
    overlap by half: any group that lies within half of `days` is seen whole, a longer one at least
    in part. Returns

    hub: text
    window: int, its number
    band: int, of the amounts; 0 without tolerance
    parties: int, who pay
    transfers: int
    amount: float, their sum
    first_on, last_on: moments
    """
    groups = _in_windows(between_two(transfers), days, tolerance)
    enough = hubs(pairs(groups, WINDOW), least, WINDOW, each)
    place = ibis.row_number().over(
        group_by="hub", order_by=[_.parties.desc(), _.amount.desc(), _.window, _.band]
    )
    return enough.mutate(place=place).filter(_.place == 0).drop("place")


def pairs(transfers: ir.Table, by: tuple[str, ...] = (), **more: ir.Value) -> ir.Table:
    """Who paid whom in all.

    payer, payee, and the columns of `by`
    n: int, transfers
    total: float, their sum
    first, last: moments
    and `more` sums of the caller's
    """
    amount = transfers.amount.cast("float64")
    return transfers.group_by("payer", "payee", *by).aggregate(
        n=_.count(), total=amount.sum(), first=_.booked_at.min(), last=_.booked_at.max(), **more
    )


def hubs(
    paid: ir.Table, least: int, by: tuple[str, ...] = (), each: int = 1, sums: tuple[str, ...] = ()
) -> ir.Table:
    """Accounts that at least so many others paid, from `pairs` (turned: accounts that paid so
    many).

    hub: text, and the columns of `by`
    parties: int, who paid
    transfers: int
    amount: float, their sum
    first_on, last_on: moments
    and the sums of further columns of the pairs
    """
    fans = (
        paid.filter(_.n >= each)
        .group_by(*by, hub=paid.payee)
        .aggregate(
            parties=_.count(),
            transfers=_.n.sum(),
            amount=_.total.sum(),
            first_on=_["first"].min(),
            last_on=_["last"].max(),
            **{c: _[c].sum() for c in sums},
        )
    )
    return fans.filter(_.parties >= least)


def fan_out(
    transfers: ir.Table, days: int, least: int, tolerance: float | None = None, each: int = 1
) -> ir.Table:
    """Accounts that pay at least so many others within `days`; as `fan_in`."""
    return fan_in(turned(transfers), days, least, tolerance, each)


def members(
    transfers: ir.Table, fans: ir.Table, days: int, tolerance: float | None = None
) -> ir.Table:
    """The transfers that make up fans of `fan_in`: hub and the columns of the transfers (of
    `fan_out`: give them turned).
    """
    groups = _in_windows(between_two(transfers), days, tolerance)
    chosen = fans.select("hub", of_window="window", of_band="band")
    in_fans = groups.join(
        chosen,
        [
            groups.payee == chosen.hub,
            groups.window == chosen.of_window,
            groups.band == chosen.of_band,
        ],
    )
    return in_fans.select("hub", *transfers.columns)


def gather_scatter(transfers: ir.Table, days: int, least: int, keep: float) -> ir.Table:
    """Accounts that gather from many and then scatter to many: a fan-in, and a fan-out that begins
    within `days` of its end and moves at least the share `keep` of what came in, and no more.

    hub: text
    payers, payees: int, parties
    gathered, scattered: float, sums
    first_on, last_on: moments
    """
    came = fan_in(transfers, days, least).select(
        "hub", payers="parties", gathered="amount", first_on="first_on", full_on="last_on"
    )
    went = fan_out(transfers, days, least).select(
        out="hub", payees="parties", scattered="amount", began_on="first_on", last_on="last_on"
    )
    both = came.join(went, came.hub == went.out)
    apart = _day(both.began_on) - _day(both.full_on)
    in_order = (both.began_on >= both.first_on) & (apart <= days)
    share = both.scattered / both.gathered
    return both.filter(in_order & (share >= keep) & (share <= 1.0 + 1e-9)).select(
        "hub", "payers", "payees", "gathered", "scattered", "first_on", "last_on"
    )


def scatter_gather(transfers: ir.Table, days: int, least: int, keep: float) -> ir.Table:
    """Money that goes from one account over at least so many others to one account again, each step
    within `days` and with at least the share `keep` of the amount passed on, and no more. Links
    with more than a thousand counterparties are passed over.

    source, sink: text
    links: int, accounts between
    amount: float, arrived
    first_on, last_on: moments
    """
    followed = between_two(transfers)
    edges = without(followed, busiest(followed, BUSIEST))
    onward = edges.select(through="payer", sink="payee", passed="amount", passed_on="booked_at")
    pairs = edges.join(onward, edges.payee == onward.through)
    share = pairs.passed.cast("float64") / pairs.amount.cast("float64")
    wait = _day(pairs.passed_on) - _day(pairs.booked_at)
    fits = (
        (pairs.passed_on >= pairs.booked_at)
        & (wait <= days)
        & (share >= keep)
        & (share <= 1.0 + 1e-9)
    )
    pairs = pairs.filter(fits & (pairs.sink != pairs.payer))
    by_link = pairs.group_by(source=_.payer, sink=_.sink, link=_.through).aggregate(
        arrived=_.passed.cast("float64").max(), first=_.booked_at.min(), last=_.passed_on.max()
    )
    ends = by_link.group_by("source", "sink").aggregate(
        links=_.count(), amount=_.arrived.sum(), first_on=_["first"].min(), last_on=_["last"].max()
    )
    return ends.filter(_.links >= least)


def circles(transfers: ir.Table, hops: int, days: int, keep: float) -> ir.Table:
    """Money that comes back to where it started: chains of 2 to `hops` transfers, each after the
    one before, within `days` of it, and with an amount between the share `keep` of it and its
    inverse; no account twice but the first.

    A circle is found once, from its first transfer. Accounts with more than a thousand
    counterparties are passed over; the work grows with the number of chains, so give it the
    transfers worth following.

    transactions: text, their ids in order, joined by " "
    accounts: text, joined by ">"
    hops: int, transfers
    first_amount, last_amount: float
    first_on, last_on: moments
    """
    followed = between_two(transfers)
    edges = without(followed, busiest(followed, BUSIEST)).select(
        "transaction_id", "payer", "payee", "booked_at", amount=_.amount.cast("float64")
    )
    for _round in range(2):  # who only pays, or is only paid, is in no circle
        edges = _both_ways(edges)
    chains = edges.select(
        start="payer",
        end="payee",
        transactions="transaction_id",
        accounts=edges.payer.concat(">", edges.payee, ">"),
        first_amount="amount",
        last_amount="amount",
        first_on="booked_at",
        last_on="booked_at",
    )
    closed = []
    for length in range(2, hops + 1):
        longer = _longer(chains, edges, days, keep)
        closed.append(_closed(longer, length))
        chains = _open(longer)
    return reduce(lambda a, b: a.union(b), closed)


def _longer(chains: ir.Table, edges: ir.Table, days: int, keep: float) -> ir.Table:
    """The chains with each transfer that goes on from their end in time and amount."""
    ahead = edges.select(
        next_id="transaction_id",
        through="payer",
        to="payee",
        next_at="booked_at",
        next_amount="amount",
    )
    longer = chains.join(ahead, chains.end == ahead.through)
    share = longer.next_amount / longer.last_amount
    wait = _day(longer.next_at) - _day(longer.last_on)
    in_time = (longer.next_at > longer.last_on) & (wait <= days)
    return longer.filter(in_time & (share >= keep) & (share <= 1 / keep))


def _closed(longer: ir.Table, length: int) -> ir.Table:
    """The circles among the chains: those that have come back to their start."""
    closed = longer.filter(longer.to == longer.start)
    return closed.select(
        transactions=closed.transactions.concat(" ", closed.next_id),
        accounts=closed.accounts.concat(closed.to),
        hops=ibis.literal(length),
        first_amount=closed.first_amount,
        last_amount=closed.next_amount,
        first_on=closed.first_on,
        last_on=closed.next_at,
    )


def _open(longer: ir.Table) -> ir.Table:
    """The chains that may still come back: no account twice."""
    again = (
        ibis.literal(">").concat(longer.accounts).contains(ibis.literal(">").concat(longer.to, ">"))
    )
    longer = longer.filter((longer.to != longer.start) & ~again)
    return longer.select(
        "start",
        "first_amount",
        "first_on",
        end=longer.to,
        transactions=longer.transactions.concat(" ", longer.next_id),
        accounts=longer.accounts.concat(longer.to, ">"),
        last_amount=longer.next_amount,
        last_on=longer.next_at,
    )


def shared_payers(transfers: ir.Table, days: int, least: int) -> ir.Table:
    """Pairs of accounts that at least so many others pay both within `days` (a bipartite block).
    Payers with more than a thousand payees are passed over.

    one, other: text, the accounts
    payers: int
    """
    followed = between_two(transfers)
    groups = _in_windows(without(followed, busiest(followed, BUSIEST)), days, None)
    paid = groups.select("window", "payer", "payee").distinct()
    also = paid.select(at="window", by="payer", other="payee")
    pairs = paid.join(also, [paid.window == also.at, paid.payer == also.by])
    pairs = pairs.filter(pairs.payee < pairs.other)
    counted = pairs.group_by("window", one=_.payee, other=_.other).aggregate(payers=_.count())
    return (
        counted.filter(_.payers >= least).group_by("one", "other").aggregate(payers=_.payers.max())
    )


def turned(transfers: ir.Table) -> ir.Table:
    """The same with payer and payee exchanged."""
    return transfers.rename(payer="payee", payee="payer")


def _day(moment: ir.Value) -> ir.Value:
    """Days since 2000, of a moment or a date."""
    return moment.cast("date").delta(ibis.date(ORIGIN), unit="day")


def _in_windows(transfers: ir.Table, days: int, tolerance: float | None) -> ir.Table:
    """Each transfer in the two windows that hold its day, and with a tolerance in the two bands
    that hold its amount.
    """
    half = max(days // 2, 1)
    slotted = transfers.mutate(slot=(_day(transfers.booked_at) / half).floor().cast("int64"))
    slotted = (
        slotted.mutate(window=slotted.slot)
        .union(slotted.mutate(window=slotted.slot - 1))
        .drop("slot")
    )
    if tolerance is None:
        return slotted.mutate(band=ibis.literal(0, "int64"))
    step = math.log1p(tolerance) / 2  # two bands together are as wide as the tolerance
    slotted = slotted.mutate(
        slot=(slotted.amount.cast("float64").ln() / step).floor().cast("int64")
    )
    return (
        slotted.mutate(band=slotted.slot).union(slotted.mutate(band=slotted.slot - 1)).drop("slot")
    )


def busiest(transfers: ir.Table, most: int) -> ir.Table:
    """Accounts with more than so many others on one side: authorities, utilities, markets. Returns
    account.
    """
    sides = transfers.select("payer", "payee").distinct()
    counted = (
        sides.group_by(account=_.payer)
        .aggregate(n=_.count())
        .union(sides.group_by(account=_.payee).aggregate(n=_.count()))
    )
    return counted.filter(_.n > most).select("account").distinct()


def without(transfers: ir.Table, accounts: ir.Table) -> ir.Table:
    """The transfers that neither come from one of the accounts nor go to one."""
    calm = transfers.anti_join(accounts.select(busy_payer="account"), [("payer", "busy_payer")])
    return calm.anti_join(accounts.select(busy_payee="account"), [("payee", "busy_payee")])


def _both_ways(edges: ir.Table) -> ir.Table:
    """The transfers between accounts that both pay and are paid."""
    paid = edges.select(is_paid="payee").distinct()
    pays = edges.select(is_paying="payer").distinct()
    return edges.semi_join(paid, [("payer", "is_paid")]).semi_join(pays, [("payee", "is_paying")])
