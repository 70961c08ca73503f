"""Credit-card cash-out (信用卡套现): cards that are emptied again as soon as they are repaid, and
merchants who give the money back.

Signals and look-alikes after kupet.cn 1749223316a10335254 and 1749228083a10548876; henanxw.com
42ee011f. A card needs a strong signal (emptied after repayment several times, or money back from
the merchant's owner less a fee) and another one; a merchant who gives money back to several holders
brings in the cards it was given for. A shopkeeper who buys stock every week, insurance or tuition
in round amounts, a trip, and a heavy user who pays in full have no strong signal.

Only cards whose account has nothing else on it can be judged: those on accounts of a product of the
kind `card`.
"""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.risk.cases import Case, Proof, Window, proof, together
from analysis.risk.related import groups
from analysis.risk.transfers import (
    Tables,
    in_window,
    listed,
    named,
    once,
    transfers,
    without_reversed,
)
from analysis.sources.params import CardCashout

NEEDS = ("account_holders", "customers", "products", "cards", "merchants")
NIGHT = (2, 5)  # hours, from and before; source: purchases at 02:00–05:00
LARGE = 500.0  # a purchase is large from here on
SLACK = 5.0  # a purchase this little below a round sum is meant to look otherwise
LINK_KEEPS, LINK_DAYS = 0.985, 5  # what one who stands between passes on, and within how many days
STRONG = ("emptied_after_repayment", "returned_by_owner")
NEAR_LIMIT = 0.8  # source: use above 80 % of the limit


def candidates(tables: Tables, window: Window, settings: CardCashout) -> dict[str, pd.DataFrame]:
    """cards: the cards in question with holder and limit. cycles: repayments after which a card was
    emptied. purchases: all of the cards in question. returned: money from a merchant's owner to a
    holder. turnover: of the merchants they used. usual: the median purchase of each category.
    """
    cards, entries = _cards(tables), in_window(tables, window)
    own = entries.select(
        "transaction_id", "account_id", "booked_at", "amount", "kind", "merchant_id"
    ).join(cards, "account_id")
    cycles = _cycles(own, settings).to_pandas()
    shops = _shops(tables)
    bought = own.filter((_.amount < 0) & _.merchant_id.notnull()).mutate(amount=-_.amount)
    bought = bought.join(shops, "merchant_id")
    moved = transfers(tables, window)
    emptied = sorted(set(cycles["account_id"]))
    returned = pd.concat(
        [_direct(bought, moved, settings), _over_another(bought, moved, shops, emptied, settings)],
        ignore_index=True,
    )
    wanted = listed({*emptied, *returned["account_id"]}, "wanted")
    purchases = (
        own.filter(_.amount < 0)
        .semi_join(wanted, [("account_id", "wanted")])
        .mutate(amount=-_.amount)
    )
    purchases = purchases.left_join(shops, "merchant_id").drop("merchant_id_right").to_pandas()
    used = listed(purchases["merchant_id"].dropna(), "used")
    sold = entries.filter((_.amount < 0) & _.merchant_id.notnull()).select(
        "merchant_id", amount=-_.amount
    )
    turnover = (
        sold.semi_join(used, [("merchant_id", "used")])
        .group_by("merchant_id")
        .aggregate(turnover=_.amount.sum(), sales=_.count())
        .to_pandas()
    )
    return {
        "cards": cards.semi_join(wanted, [("account_id", "wanted")]).to_pandas(),
        "cycles": cycles.assign(
            credit_limit=cycles["credit_limit"].astype(float), spent=cycles["spent"].astype(float)
        ),
        "purchases": once(purchases),
        "returned": returned,
        "turnover": turnover.assign(turnover=turnover["turnover"].astype(float)),
        "usual": _usual(sold, shops),
    }


def _cards(tables: Tables) -> ir.Table:
    """Credit cards on an account of their own: account_id, card_id, holder, credit_limit,
    statement_day.
    """
    products = tables["products"].filter(_.kind == "card").select(card_product="product_id")
    accounts = (
        tables["accounts"]
        .semi_join(products, [("product_id", "card_product")])
        .select(card_account="account_id")
    )
    cards = tables["cards"].filter((_.kind == "credit") & (_.credit_limit > 0))
    cards = cards.semi_join(accounts, [("account_id", "card_account")])
    return cards.group_by("account_id").aggregate(
        card_id=_.card_id.min(),
        holder=_.customer_id.min(),
        credit_limit=_.credit_limit.max(),
        statement_day=_.statement_day.min(),
    )


def _shops(tables: Tables) -> ir.Table:
    """merchant_id, category_code, region, shop_owner (customer, or account of settlement),
    opens_hour, closes_hour.
    """
    shops = named(tables["merchants"], tables, "settlement_account", "settled")
    return shops.select(
        "merchant_id",
        "category_code",
        "region",
        "opens_hour",
        "closes_hour",
        shop_owner=ibis.coalesce(shops.owner_id, shops.settled),
    )


def _cycles(own: ir.Table, settings: CardCashout) -> ir.Table:
    """Repayments of at least half the limit after which the card was emptied within days:
    account_id, repaid_at, spent, credit_limit.
    """
    repaid = (own.amount >= own.credit_limit * 0.5) & (own.kind != "card_payment")
    order = [own.booked_at, own.transaction_id]
    counted = own.mutate(
        since=ibis.cases((repaid, 1), else_=0)
        .sum()
        .over(ibis.cumulative_window(group_by=own.account_id, order_by=order))
    )
    counted = counted.filter(_.since > 0)
    began = counted.group_by("account_id", "since").mutate(repaid_at=_.booked_at.min())
    soon = began.booked_at.date().delta(began.repaid_at.date(), unit="day") <= settings.empty_days
    spent = (
        began.filter(soon & (began.amount < 0))
        .group_by("account_id", "since", "repaid_at", "credit_limit")
        .aggregate(spent=-_.amount.sum())
    )
    share = spent.spent.cast("float64") / spent.credit_limit.cast("float64")
    return (
        spent.filter(share >= settings.empty_share)
        .drop("since")
        .order_by("account_id", "repaid_at")
    )


def _fits(share: ir.Value, settings: CardCashout) -> ir.Value:
    """Whether a sum is a purchase less the fee."""
    return (share >= 1 - settings.fee_high - 1e-9) & (share <= 1 - settings.fee_low + 1e-9)


def _days(later: ir.Value, earlier: ir.Value) -> ir.Value:
    return later.date().delta(earlier.date(), unit="day")


def _direct(bought: ir.Table, moved: ir.Table, settings: CardCashout) -> pd.DataFrame:
    """Money from the owner of the shop to the holder, less a fee, within days of a purchase
    there.
    """
    owners = bought.filter(_.shop_owner.notnull()).select(from_owner="shop_owner").distinct()
    paid = moved.semi_join(owners, [("payer", "from_owner")]).select(
        "payer",
        "payee",
        "payer_account",
        "payee_account",
        "memo",
        back_id="transaction_id",
        back_at="booked_at",
        back="amount",
    )
    both = bought.join(paid, [bought.shop_owner == paid.payer, bought.holder == paid.payee])
    share = both.back.cast("float64") / both.amount.cast("float64")
    wait = _days(both.back_at, both.booked_at)
    fits = both.filter(
        _fits(share, settings) & (both.back_at >= both.booked_at) & (wait <= settings.return_days)
    )
    rows = fits.select(
        "account_id",
        "holder",
        "merchant_id",
        "shop_owner",
        "back_id",
        "back_at",
        "payer_account",
        "payee_account",
        "memo",
        purchase_id="transaction_id",
        bought_at="booked_at",
        bought="amount",
        amount="back",
        through=ibis.null("string"),
        onward_id=ibis.null("string"),
        onward_at=ibis.null("timestamp(6)"),
    )
    opposite = moved.rename(transaction="transaction_id")
    genuine = without_reversed(rows.mutate(booked_at=_.back_at), opposite).drop("booked_at")
    return _as_numbers(genuine.to_pandas())


def _over_another(
    bought: ir.Table, moved: ir.Table, shops: ir.Table, emptied: list[str], settings: CardCashout
) -> pd.DataFrame:
    """The same over one who stands between: owner to somebody, who passes it on to the holder; for
    cards that were emptied.
    """
    bought = bought.semi_join(listed(emptied, "emptied"), [("account_id", "emptied")]).filter(
        _.shop_owner.notnull()
    )
    holders = bought.select(to_holder="holder").distinct()
    owners = bought.select(from_owner="shop_owner").distinct()
    first = moved.semi_join(owners, [("payer", "from_owner")]).select(
        "payer", through="payee", back_id="transaction_id", back_at="booked_at", back="amount"
    )
    second = moved.semi_join(holders, [("payee", "to_holder")]).select(
        "payer_account",
        "payee_account",
        "memo",
        link="payer",
        to="payee",
        onward_id="transaction_id",
        onward_at="booked_at",
        onward="amount",
    )
    chain = first.join(second, [first.through == second.link])
    kept = chain.onward.cast("float64") / chain.back.cast("float64")
    wait = _days(chain.onward_at, chain.back_at)
    chain = chain.filter(
        (kept >= LINK_KEEPS)
        & (kept <= 1)
        & (chain.onward_at >= chain.back_at)
        & (wait <= LINK_DAYS)
    )
    both = bought.join(chain, [bought.shop_owner == chain.payer, bought.holder == chain.to])
    share = both.back.cast("float64") / both.amount.cast("float64")
    fits = both.filter(
        _fits(share, settings)
        & (both.back_at >= both.booked_at)
        & (_days(both.back_at, both.booked_at) <= settings.return_days)
        & (both.through != both.holder)
    )
    rows = fits.select(
        "account_id",
        "holder",
        "merchant_id",
        "shop_owner",
        "back_id",
        "back_at",
        "payer_account",
        "payee_account",
        "memo",
        "through",
        "onward_id",
        "onward_at",
        purchase_id="transaction_id",
        bought_at="booked_at",
        bought="amount",
        amount="back",
    )
    return _as_numbers(rows.to_pandas())


def _as_numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with plain amounts, and without bookings that were delivered twice."""
    rows = rows.assign(amount=rows["amount"].astype(float), bought=rows["bought"].astype(float))
    rows = rows.sort_values(["back_id", "onward_id", "purchase_id"])
    return rows.drop_duplicates(
        ["payer_account", "payee_account", "back_at", "amount", "purchase_id"]
    )


def _one_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Each payment back for one purchase, each purchase paid back once: the nearest in time."""
    rows = rows.assign(wait=rows["back_at"] - rows["bought_at"]).sort_values(
        ["wait", "purchase_id", "back_id", "onward_id"]
    )
    rows = rows.drop_duplicates("back_id").drop_duplicates("purchase_id").drop(columns="wait")
    return rows.sort_values(["bought_at", "purchase_id"], ignore_index=True)


def _usual(sold: ir.Table, shops: ir.Table) -> pd.DataFrame:
    """The median purchase of each category: category_code, usual; from counts by steps of a tenth
    in the logarithm.
    """
    rows = sold.join(shops.filter(_.category_code.notnull()), "merchant_id")
    step = (rows.amount.cast("float64").ln() * 10).floor().cast("int64")
    counted = (
        rows.filter(rows.amount > 0)
        .mutate(step=step)
        .group_by("category_code", "step")
        .aggregate(n=_.count())
    )
    counts = counted.order_by("category_code", "step").to_pandas()
    made = []
    for category, part in counts.groupby("category_code"):
        place = int(np.searchsorted(part["n"].cumsum().to_numpy(), part["n"].sum() / 2))
        made.append(
            {
                "category_code": category,
                "usual": float(np.exp((part["step"].iloc[place] + 0.5) / 10)),
            }
        )
    return pd.DataFrame(made, columns=["category_code", "usual"])


def cases(found: dict[str, pd.DataFrame], settings: CardCashout) -> list[Case]:
    """The cases among the candidates, bank-wide: cards, and the merchants that bind them
    together.
    """
    purchases = found["purchases"]
    if purchases.empty:
        return []
    purchases = purchases.merge(found["usual"], on="category_code", how="left")
    cycles = _emptied(found["cycles"], purchases, settings)
    returned = found["returned"]
    fee = 1 - returned["amount"] / returned["bought"]
    waited = (returned["back_at"].dt.normalize() - returned["bought_at"].dt.normalize()).dt.days
    longest = settings.return_days + LINK_DAYS * returned["through"].notna()
    fits = (
        (fee <= settings.fee_high + 1e-9) & (fee >= settings.fee_low - 1e-9) & (waited <= longest)
    )
    returned = _one_each(returned[fits])
    holders = (
        returned[returned["account_id"].isin(cycles["account_id"])]
        .groupby("shop_owner")["account_id"]
        .nunique()
    )
    signals = {
        "emptied_after_repayment": emptied_after_repayment(
            purchases, cycles, settings.min_cycles, settings
        ),
        "returned_by_owner": returned_by_owner(
            returned, cycles, set(holders.index[holders >= settings.min_holders]), settings
        ),
        "emptied_once": emptied_after_repayment(purchases, cycles, 1, settings),
        **supporting(purchases, settings),
    }
    several = set(signals["emptied_after_repayment"]["account_id"])
    signals["emptied_once"] = signals["emptied_once"][
        ~signals["emptied_once"]["account_id"].isin(several)
    ]
    held = pd.DataFrame(
        [
            (account, code)
            for code, rows in signals.items()
            for account in rows["account_id"].unique()
        ],
        columns=["account_id", "code"],
    )
    strong = held["code"].isin(STRONG).groupby(held["account_id"]).any()
    enough = held.groupby("account_id").size() >= 2
    flagged = sorted(strong.index[strong & enough])
    return _joined(found, purchases, returned, flagged, signals, settings)


def _emptied(cycles: pd.DataFrame, purchases: pd.DataFrame, settings: CardCashout) -> pd.DataFrame:
    """The cycles in which enough of the limit was spent within `empty_days`."""
    until = cycles.groupby("account_id")["repaid_at"].shift(-1)
    both = cycles.assign(until=until).merge(
        purchases[["account_id", "booked_at", "amount"]], on="account_id"
    )
    days = (both["booked_at"].dt.normalize() - both["repaid_at"].dt.normalize()).dt.days
    soon = (
        (both["booked_at"] >= both["repaid_at"])
        & (days <= settings.empty_days)
        & ~(both["booked_at"] >= both["until"])
    )
    spent = both[soon].groupby(["account_id", "repaid_at"])["amount"].sum().round(2).rename("spent")
    rows = cycles.drop(columns="spent").merge(spent, on=["account_id", "repaid_at"])
    return rows[rows["spent"] >= settings.empty_share * rows["credit_limit"]]


def _joined(
    found: dict[str, pd.DataFrame],
    purchases: pd.DataFrame,
    returned: pd.DataFrame,
    flagged: list[str],
    signals: dict[str, pd.DataFrame],
    settings: CardCashout,
) -> list[Case]:
    """Cards and the merchants that bind them as one case each."""
    theirs = purchases[purchases["account_id"].isin(flagged) & purchases["merchant_id"].notna()]
    at = (
        theirs.groupby("merchant_id")
        .agg(cards=("account_id", "nunique"), spent=("amount", "sum"))
        .join(found["turnover"].set_index("merchant_id"))
    )
    share = at["spent"] / at["turnover"]
    bound = set(at.index[(at["cards"] >= 2) & (share >= settings.merchant_share)])
    owner_of = (
        theirs.dropna(subset="shop_owner")
        .drop_duplicates("merchant_id")
        .set_index("merchant_id")["shop_owner"]
    )
    name = {m: owner_of.get(m, m) for m in at.index}
    pairs = {
        (a, name[m])
        for a, m in zip(theirs["account_id"], theirs["merchant_id"], strict=True)
        if m in bound
    }
    back = returned[returned["account_id"].isin(flagged)]
    pairs |= set(zip(back["account_id"], back["shop_owner"], strict=True))
    group_of = groups(pairs, flagged)
    holder = found["cards"].set_index("account_id")["holder"]
    made = []
    for group in sorted(set(group_of.values())):
        members = [n for n, g in group_of.items() if g == group]
        cards = [m for m in members if m in flagged]
        merchants = sorted(set(members) - set(cards))
        shops = {m for m in at.index if name[m] in merchants}
        used = {m for m in shops if m in bound}
        mine_of = {code: rows[rows["account_id"].isin(cards)] for code, rows in signals.items()}
        mine_of["merchant_of_such_cards"] = theirs[
            theirs["merchant_id"].isin(used) & theirs["account_id"].isin(cards)
        ]
        reasons = {code: _evidence(rows, code) for code, rows in mine_of.items() if len(rows)}
        mine = back[back["account_id"].isin(cards)]
        roles = {
            **{str(holder[c]): "holder" for c in cards},
            **dict.fromkeys(mine["through"].dropna(), "between"),
            **dict.fromkeys(merchants, "merchant"),
        }
        spent = theirs[
            theirs["account_id"].isin(cards)
            & (theirs["merchant_id"].isin(shops) if shops else True)
        ]["amount"].sum()
        anchors = merchants or sorted(str(holder[c]) for c in cards)
        made.append(
            Case(
                anchors,
                reasons,
                roles,
                float(round(spent, 2)),
                ", ".join(sorted(shops)[:5]),
                {"cards": len(cards), "given_back": float(round(mine["amount"].sum(), 2))},
            )
        )
    return made


def _evidence(rows: pd.DataFrame, code: str) -> Proof:
    if code == "returned_by_owner":
        first = proof(
            rows.assign(to=rows["through"].fillna(rows["holder"])),
            "transactions",
            "back_id",
            "back_at",
            "shop_owner",
            "to",
            "purchase_id",
        )
        onward = rows[rows["onward_id"].notna()]
        second = proof(
            onward, "transactions", "onward_id", "onward_at", "through", "holder", "purchase_id"
        )
        return together(first, second)
    seller = rows["shop_owner"].fillna(rows["merchant_id"]).fillna("?")
    return proof(
        rows.assign(seller=seller),
        "transactions",
        payer="holder",
        payee="seller",
        note="merchant_id",
    )


# --- signals: each takes the purchases of the cards in question and returns those that show it
# --------------------------


def emptied_after_repayment(
    bought: pd.DataFrame, cycles: pd.DataFrame, least: int, settings: CardCashout
) -> pd.DataFrame:
    """Purchases within `empty_days` of repayments after which the card was emptied, of cards with
    at least so many (空卡—还款—刷空).
    """
    n = cycles.groupby("account_id")["repaid_at"].transform("size")
    began = cycles.loc[n >= least, ["account_id", "repaid_at"]]
    both = bought.merge(began, on="account_id")
    days = (both["booked_at"].dt.normalize() - both["repaid_at"].dt.normalize()).dt.days
    within = both.loc[
        (both["booked_at"] >= both["repaid_at"]) & (days <= settings.empty_days), "transaction_id"
    ]
    return bought[bought["transaction_id"].isin(within)]


def returned_by_owner(
    returned: pd.DataFrame, cycles: pd.DataFrame, rings: set[str], settings: CardCashout
) -> pd.DataFrame:
    """Money back from a merchant's owner less a fee: to holders who got it `min_returns` times, or
    once from an owner who gives it to several holders of emptied cards.
    """
    n = returned.groupby("account_id")["back_id"].transform("size")
    in_ring = returned["shop_owner"].isin(rings) & returned["account_id"].isin(cycles["account_id"])
    ringed = returned["account_id"].isin(returned.loc[in_ring, "account_id"])
    return returned[(n >= settings.min_returns) | ringed]


def supporting(bought: pd.DataFrame, settings: CardCashout) -> dict[str, pd.DataFrame]:
    """The further signals, each with the purchases that show it."""
    return {
        "near_limit": near_limit(bought),
        "round_in_a_row": round_in_a_row(bought, settings),
        "many_swipes_a_day": many_swipes_a_day(bought, settings),
        "at_night": at_night(bought),
        "out_of_category": out_of_category(bought, settings),
        "two_regions": two_regions(bought, settings),
        "around_statement": around_statement(bought),
    }


def _twice(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of cards that have at least two."""
    return rows[rows.groupby("account_id")["transaction_id"].transform("size") >= 2]


def near_limit(bought: pd.DataFrame) -> pd.DataFrame:
    """Single purchases of a large part of the limit, two or more of a card."""
    return _twice(bought[bought["amount"] >= NEAR_LIMIT / 2 * bought["credit_limit"].astype(float)])


def is_round(amounts: pd.Series) -> pd.Series:
    """Whether amounts are multiples of a hundred, or just below one."""
    below = (-amounts) % 100
    return (amounts >= LARGE) & ((below <= SLACK) | (below > 100 - 1e-6))


def round_in_a_row(bought: pd.DataFrame, settings: CardCashout) -> pd.DataFrame:
    """Round purchases at one merchant, `round_run` of them or more in a row."""
    keys = ["account_id", "merchant_id"]
    there = bought.dropna(subset="merchant_id").sort_values([*keys, "booked_at", "transaction_id"])
    fits = is_round(there["amount"])
    run = (~fits).groupby([there[k] for k in keys]).cumsum()
    rounds = there[fits]
    length = rounds.groupby([*keys, run[fits]])["amount"].transform("size")
    return rounds[length >= settings.round_run]


def many_swipes_a_day(bought: pd.DataFrame, settings: CardCashout) -> pd.DataFrame:
    """Purchases of days with at least `swipes_a_day` large ones at one merchant."""
    large = bought[(bought["amount"] >= LARGE) & bought["merchant_id"].notna()]
    n = large.groupby(["account_id", "merchant_id", large["booked_at"].dt.date])[
        "amount"
    ].transform("size")
    return large[n >= settings.swipes_a_day]


def at_night(bought: pd.DataFrame) -> pd.DataFrame:
    """Large purchases between 02:00 and 05:00, or while the shop is closed, two or more of a card;
    bookings without a time are left out.
    """
    hour, large = bought["booked_at"].dt.hour, bought["amount"] >= LARGE
    timed = bought["booked_at"] != bought["booked_at"].dt.normalize()
    opens, closes = (
        pd.to_numeric(bought[c]).fillna(v) for c, v in (("opens_hour", 0), ("closes_hour", 24))
    )
    closed = (hour < opens) | (hour >= closes)
    return _twice(bought[large & timed & (((hour >= NIGHT[0]) & (hour < NIGHT[1])) | closed)])


def out_of_category(bought: pd.DataFrame, settings: CardCashout) -> pd.DataFrame:
    """Large purchases of many times what is usual in the merchant's category, two or more of a
    card.
    """
    return _twice(
        bought[
            (bought["amount"] >= settings.out_of_category * bought["usual"])
            & (bought["amount"] >= LARGE)
        ]
    )


def two_regions(bought: pd.DataFrame, settings: CardCashout) -> pd.DataFrame:
    """Purchases in another region than the one of the card before, within `region_hours`."""
    timed = bought[
        (bought["booked_at"] != bought["booked_at"].dt.normalize()) & bought["region"].notna()
    ]
    timed = timed.sort_values(["account_id", "booked_at", "transaction_id"])
    before = timed.groupby("account_id")[["booked_at", "region"]].shift()
    soon = timed["booked_at"] - before["booked_at"] <= pd.Timedelta(hours=settings.region_hours)
    return timed[soon & (timed["region"] != before["region"])]


def around_statement(bought: pd.DataFrame) -> pd.DataFrame:
    """Large purchases in the three days after the statement, of cards most of whose money is spent
    in them.
    """
    known = bought[bought["statement_day"].notna()]
    after = (known["booked_at"].dt.day - known["statement_day"].astype("int64")) % 30
    rows = known[(after <= 3) & (known["amount"] >= LARGE)]
    share = (
        rows.groupby("account_id")["amount"].sum() / bought.groupby("account_id")["amount"].sum()
    )
    return rows[rows["account_id"].isin(share.index[share > 0.5])]
