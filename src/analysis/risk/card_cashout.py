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

from dataclasses import dataclass
from functools import partial

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.contract import AMOUNT
from analysis.language import marked
from analysis.risk.cases import Case, Proof, Window, proof, together, with_columns
from analysis.risk.related import groups
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
from analysis.sources.params import CardCashout

NIGHT = (2, 5)  # hours, from and before; source: purchases at 02:00–05:00
LARGE = 500.0  # a purchase is large from here on
SLACK = 5.0  # a purchase this little below a round sum is meant to look otherwise
LINK_KEEPS, LINK_DAYS = 0.985, 5  # what one who stands between passes on, and within how many days
NEAR_LIMIT = 0.8  # source: use above 80 % of the limit

#: A card in question.
CARDS = {
    "account_id": "string",
    "card_id": "string",
    "holder": "string",  # customer
    "credit_limit": AMOUNT,  # bank's currency
    "statement_day": "int64",  # of the month
}
#: A repayment after which a card was emptied.
CYCLES = {
    "account_id": "string",
    "repaid_at": "timestamp(6)",
    "credit_limit": "float64",  # bank's currency
    "spent": "float64",  # within `empty_days`, bank's currency
}
#: A purchase with a card in question.
PURCHASES = {
    "transaction_id": "string",
    "account_id": "string",
    "booked_at": "timestamp(6)",
    "amount": "float64",  # positive, bank's currency
    "kind": "string",
    "merchant_id": "string",
    "card_id": "string",
    "holder": "string",  # customer
    "credit_limit": AMOUNT,  # bank's currency
    "statement_day": "int64",  # of the month
    "category_code": "string",
    "region": "string",  # of the merchant
    "opens_hour": "int64",
    "closes_hour": "int64",
    "shop_owner": "string",  # party
}
#: Money from a merchant's owner to a holder, with the purchase it may answer to.
RETURNED = {
    "account_id": "string",  # of the card
    "holder": "string",
    "merchant_id": "string",
    "shop_owner": "string",
    "back_id": "string",  # the owner's payment
    "back_at": "timestamp(6)",
    "payer_account": "string",
    "payee_account": "string",
    "memo": "string",
    "purchase_id": "string",
    "bought_at": "timestamp(6)",
    "bought": "float64",  # bank's currency
    "amount": "float64",  # given back, bank's currency
    "through": "string",  # party between owner and holder, if any
    "onward_id": "string",  # its payment
    "onward_at": "timestamp(6)",
}
#: What both ways of giving money back have of it: of the purchase, and of the payment that came.
GIVEN_BACK = (
    "account_id",
    "holder",
    "merchant_id",
    "shop_owner",
    "back_id",
    "back_at",
    "payer_account",
    "payee_account",
    "memo",
)
#: What a merchant sold in the window, to whomever.
TURNOVER = {
    "merchant_id": "string",
    "turnover": "float64",  # bank's currency
    "sales": "int64",
}
#: What a purchase in a category usually comes to.
USUAL = {
    "category_code": "string",
    "usual": "float64",  # median, bank's currency
}
CANDIDATES = {
    "cards": CARDS,
    "cycles": CYCLES,
    "purchases": PURCHASES,
    "returned": RETURNED,
    "turnover": TURNOVER,
    "usual": USUAL,
}


def candidates(tables: Tables, window: Window, settings: CardCashout) -> dict[str, pd.DataFrame]:
    """What may be part of a case under any setting between these and stricter ones.

    cards (CARDS): the cards in question with holder and limit.
    cycles (CYCLES): repayments after which a card was emptied.
    purchases (PURCHASES): all of the cards in question.
    returned (RETURNED): money from a merchant's owner to a holder.
    turnover (TURNOVER): of the merchants they used.
    usual (USUAL): the median purchase of each category.
    """
    cards, entries, shops = _cards(tables), in_window(tables, window), _shops(tables)
    on_cards = entries.select(
        "transaction_id", "account_id", "booked_at", "amount", "kind", "merchant_id"
    ).join(cards, "account_id")
    cycles = _cycles(on_cards, settings).to_pandas()
    emptied = sorted(set(cycles["account_id"]))
    bought = on_cards.filter((_.amount < 0) & _.merchant_id.notnull()).mutate(amount=-_.amount)
    bought = bought.join(shops, "merchant_id")
    transfers_ = transfers(tables, window)
    returned = pd.concat(
        [
            _direct(bought, transfers_, settings),
            _over_another(bought, transfers_, emptied, settings),
        ],
        ignore_index=True,
    )
    wanted = listed({*emptied, *returned["account_id"]}, "wanted")
    purchases = (
        on_cards.filter(_.amount < 0)
        .semi_join(wanted, [("account_id", "wanted")])
        .mutate(amount=-_.amount)
    )
    purchases = purchases.left_join(shops, "merchant_id").drop("merchant_id_right").to_pandas()
    sold = entries.filter((_.amount < 0) & _.merchant_id.notnull()).select(
        "merchant_id", amount=-_.amount
    )
    frames = {
        "cards": cards.semi_join(wanted, [("account_id", "wanted")]).to_pandas(),
        "cycles": cycles.assign(
            credit_limit=cycles["credit_limit"].astype(float), spent=cycles["spent"].astype(float)
        ),
        "purchases": once(purchases),
        "returned": returned,
        "turnover": _turnover(sold, purchases["merchant_id"].dropna()),
        "usual": _usual(sold, shops),
    }
    return {name: with_columns(frames[name], columns) for name, columns in CANDIDATES.items()}


def _turnover(sold: ir.Table, merchants: pd.Series) -> pd.DataFrame:
    """Columns TURNOVER, of the merchants."""
    turnover = (
        sold.semi_join(listed(merchants, "used"), [("merchant_id", "used")])
        .group_by("merchant_id")
        .aggregate(turnover=_.amount.sum(), sales=_.count())
        .to_pandas()
    )
    return turnover.assign(turnover=turnover["turnover"].astype(float))


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


def _cycles(on_cards: ir.Table, settings: CardCashout) -> ir.Table:
    """Repayments of at least half the limit after which the card was emptied within days:
    account_id, repaid_at, spent, credit_limit.
    """
    repaid = (on_cards.amount >= on_cards.credit_limit * 0.5) & (on_cards.kind != "card_payment")
    order = [on_cards.booked_at, on_cards.transaction_id]
    counted = on_cards.mutate(
        since=ibis.cases((repaid, 1), else_=0)
        .sum()
        .over(ibis.cumulative_window(group_by=on_cards.account_id, order_by=order))
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


def _direct(bought: ir.Table, transfers_: ir.Table, settings: CardCashout) -> pd.DataFrame:
    """Money from the owner of the shop to the holder, less a fee, within days of a purchase
    there.
    """
    owners = bought.filter(_.shop_owner.notnull()).select(from_owner="shop_owner").distinct()
    paid = transfers_.semi_join(owners, [("payer", "from_owner")]).select(
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
    returned = fits.select(
        *GIVEN_BACK,
        purchase_id="transaction_id",
        bought_at="booked_at",
        bought="amount",
        amount="back",
        through=ibis.null("string"),
        onward_id=ibis.null("string"),
        onward_at=ibis.null("timestamp(6)"),
    )
    opposite = transfers_.rename(transaction="transaction_id")
    genuine = without_reversed(returned.mutate(booked_at=_.back_at), opposite).drop("booked_at")
    return _as_numbers(genuine.to_pandas())


def _over_another(
    bought: ir.Table, transfers_: ir.Table, emptied: list[str], settings: CardCashout
) -> pd.DataFrame:
    """The same over one who stands between: owner to somebody, who passes it on to the holder; for
    cards that were emptied.
    """
    bought = bought.semi_join(listed(emptied, "emptied"), [("account_id", "emptied")])
    bought = bought.filter(_.shop_owner.notnull())
    passed_on = _passed_on(bought, transfers_)
    both = bought.join(
        passed_on, [bought.shop_owner == passed_on.payer, bought.holder == passed_on.to]
    )
    share = both.back.cast("float64") / both.amount.cast("float64")
    fits = both.filter(
        _fits(share, settings)
        & (both.back_at >= both.booked_at)
        & (_days(both.back_at, both.booked_at) <= settings.return_days)
        & (both.through != both.holder)
    )
    returned = fits.select(
        *GIVEN_BACK,
        "through",
        "onward_id",
        "onward_at",
        purchase_id="transaction_id",
        bought_at="booked_at",
        bought="amount",
        amount="back",
    )
    return _as_numbers(returned.to_pandas())


def _passed_on(bought: ir.Table, transfers_: ir.Table) -> ir.Table:
    """Payments by owners of the shops that the payee passed on to holders within days, almost
    whole.
    """
    holders = bought.select(to_holder="holder").distinct()
    owners = bought.select(from_owner="shop_owner").distinct()
    first = transfers_.semi_join(owners, [("payer", "from_owner")]).select(
        "payer", through="payee", back_id="transaction_id", back_at="booked_at", back="amount"
    )
    second = transfers_.semi_join(holders, [("payee", "to_holder")]).select(
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
    return chain.filter(
        (kept >= LINK_KEEPS)
        & (kept <= 1)
        & (chain.onward_at >= chain.back_at)
        & (wait <= LINK_DAYS)
    )


def _as_numbers(returned: pd.DataFrame) -> pd.DataFrame:
    """The payments with plain amounts, and without bookings that were delivered twice."""
    returned = returned.assign(
        amount=returned["amount"].astype(float), bought=returned["bought"].astype(float)
    )
    returned = returned.sort_values(["back_id", "onward_id", "purchase_id"])
    return returned.drop_duplicates(
        ["payer_account", "payee_account", "back_at", "amount", "purchase_id"]
    )


def _one_each(returned: pd.DataFrame) -> pd.DataFrame:
    """Each payment back for one purchase, each purchase paid back once: the nearest in time."""
    returned = returned.assign(wait=returned["back_at"] - returned["bought_at"]).sort_values(
        ["wait", "purchase_id", "back_id", "onward_id"]
    )
    returned = (
        returned.drop_duplicates("back_id").drop_duplicates("purchase_id").drop(columns="wait")
    )
    return returned.sort_values(["bought_at", "purchase_id"], ignore_index=True)


def _usual(sold: ir.Table, shops: ir.Table) -> pd.DataFrame:
    """The median purchase of each category: category_code, usual; from counts by steps of a tenth
    in the logarithm.
    """
    purchases = sold.join(shops.filter(_.category_code.notnull()), "merchant_id")
    step = (purchases.amount.cast("float64").ln() * 10).floor().cast("int64")
    counted = (
        purchases.filter(purchases.amount > 0)
        .mutate(step=step)
        .group_by("category_code", "step")
        .aggregate(n=_.count())
    )
    counts = counted.order_by("category_code", "step").to_pandas()
    medians = []
    for category, steps in counts.groupby("category_code"):
        place = int(np.searchsorted(steps["n"].cumsum().to_numpy(), steps["n"].sum() / 2))
        medians.append((category, float(np.exp((steps["step"].iloc[place] + 0.5) / 10))))
    return pd.DataFrame(medians, columns=list(USUAL))


@dataclass(frozen=True)
class Seen:
    """What is seen of the cards in question."""

    purchases: pd.DataFrame  # with what is usual in the category
    cycles: pd.DataFrame  # repayments after which a card was emptied
    returned: pd.DataFrame  # money back from owners, each for one purchase
    turnover: pd.DataFrame  # of the merchants
    flagged: frozenset[str] = frozenset()  # accounts of the cards that make a case


def cases(candidates: dict[str, pd.DataFrame], settings: CardCashout) -> list[Case]:
    """The cases among the candidates, bank-wide: cards, and the merchants that bind them
    together.
    """
    if candidates["purchases"].empty:
        return []
    purchases = _with_usual(candidates["purchases"], candidates["usual"])
    cycles = _emptied(candidates["cycles"], purchases, settings)
    returned = _given_back(candidates["returned"], settings)
    seen = _seen(purchases, cycles, returned, candidates["turnover"])
    of_cards = {s.code: rows_of(s, seen, settings) for s in SIGNALS if not s.of_cases}
    flagged = _flagged(tuple(of_cards.values()))
    standing = _seen(purchases, cycles, returned, candidates["turnover"], flagged)
    of_cases = {s.code: rows_of(s, standing, settings) for s in SIGNALS if s.of_cases}
    shown = of_cards | of_cases
    return _cases(
        candidates["cards"],
        _at_merchants(purchases, candidates["turnover"], flagged),
        returned,
        flagged,
        tuple(shown[s.code] for s in SIGNALS),
        settings,
    )


_seen = reused(Seen)


@reused
def _with_usual(purchases: pd.DataFrame, usual: pd.DataFrame) -> pd.DataFrame:
    return purchases.merge(usual, on="category_code", how="left")


@reused
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
    cycles = cycles.drop(columns="spent").merge(spent, on=["account_id", "repaid_at"])
    return cycles[cycles["spent"] >= settings.empty_share * cycles["credit_limit"]]


@reused
def _given_back(returned: pd.DataFrame, settings: CardCashout) -> pd.DataFrame:
    """The payments back that are a purchase less the fee and came in time."""
    fee = 1 - returned["amount"] / returned["bought"]
    waited = (returned["back_at"].dt.normalize() - returned["bought_at"].dt.normalize()).dt.days
    longest = settings.return_days + LINK_DAYS * returned["through"].notna()
    low, high = settings.fee_low - 1e-9, settings.fee_high + 1e-9
    return _one_each(returned[(fee <= high) & (fee >= low) & (waited <= longest)])


@reused
def _flagged(shown: tuple[pd.DataFrame, ...]) -> frozenset[str]:
    """Accounts of the cards with a strong signal and another one. shown: of the signals of cards,
    in their order.
    """
    of_cards = [s for s in SIGNALS if not s.of_cases]
    codes = pd.DataFrame(
        [
            (account, signal.code, signal.strong)
            for signal, rows in zip(of_cards, shown, strict=True)
            for account in rows["account_id"].unique()
        ],
        columns=["account_id", "code", "strong"],
    )
    by_account = codes.groupby("account_id")["strong"].agg(["any", "size"])
    return frozenset(by_account.index[by_account["any"].astype(bool) & (by_account["size"] >= 2)])


@dataclass(frozen=True)
class AtMerchants:
    """Where the flagged cards were used."""

    purchases: pd.DataFrame  # with the cards
    merchants: pd.DataFrame  # by merchant_id: cards, spent with them, turnover, name (of the party)

    def bound(self, settings: CardCashout) -> pd.Index:
        """The merchants who live on several such cards."""
        share = self.merchants["spent"] / self.merchants["turnover"]
        binds = (self.merchants["cards"] >= 2) & (share >= settings.merchant_share)
        return self.merchants.index[binds]


@reused
def _at_merchants(
    purchases: pd.DataFrame, turnover: pd.DataFrame, flagged: frozenset[str]
) -> AtMerchants:
    by_flagged_cards = purchases[
        purchases["account_id"].isin(flagged) & purchases["merchant_id"].notna()
    ]
    merchants = (
        by_flagged_cards.groupby("merchant_id")
        .agg(cards=("account_id", "nunique"), spent=("amount", "sum"))
        .join(turnover.set_index("merchant_id"))
    )
    owner = by_flagged_cards.dropna(subset="shop_owner").drop_duplicates("merchant_id")
    owner_of = owner.set_index("merchant_id")["shop_owner"]
    names = [owner_of.get(merchant, merchant) for merchant in merchants.index]
    return AtMerchants(by_flagged_cards, merchants.assign(name=names))


@reused
def _cases(
    cards: pd.DataFrame,
    used: AtMerchants,
    returned: pd.DataFrame,
    flagged: frozenset[str],
    shown: tuple[pd.DataFrame, ...],
    settings: CardCashout,
) -> list[Case]:
    """Flagged cards and the merchants that bind them as one case each. shown: rows of every signal,
    in their order.
    """
    name = used.merchants["name"]
    at_bound = used.purchases[used.purchases["merchant_id"].isin(used.bound(settings))]
    given_back = returned[returned["account_id"].isin(flagged)]
    pairs = {
        *zip(at_bound["account_id"], at_bound["merchant_id"].map(name), strict=True),
        *zip(given_back["account_id"], given_back["shop_owner"], strict=True),
    }
    group_of = groups(pairs, flagged)
    holder = cards.set_index("account_id")["holder"]
    cases_ = []
    for group in sorted(set(group_of.values())):
        members = [member for member, of_group in group_of.items() if of_group == group]
        accounts = [m for m in members if m in flagged]
        merchants = sorted(set(members) - set(accounts))
        back = given_back[given_back["account_id"].isin(accounts)]
        shops = {merchant for merchant in name.index if name[merchant] in merchants}
        bought = used.purchases[used.purchases["account_id"].isin(accounts)]
        spent = bought[bought["merchant_id"].isin(shops)] if shops else bought
        holders = [str(holder[account]) for account in accounts]
        cases_.append(
            Case(
                anchors=merchants or sorted(holders),
                reasons=_proofs(shown, set(accounts)),
                roles={
                    **dict.fromkeys(holders, "holder"),
                    **dict.fromkeys(back["through"].dropna(), "between"),
                    **dict.fromkeys(merchants, "merchant"),
                },
                amount=float(round(spent["amount"].sum(), 2)),
                about=", ".join(sorted(shops)[:5]),
                facts={
                    "cards": len(accounts),
                    "given_back": float(round(back["amount"].sum(), 2)),
                },
            )
        )
    return cases_


def _proofs(shown: tuple[pd.DataFrame, ...], accounts: set[str]) -> dict[str, Proof]:
    """Evidence by reason, in reading order, of the signals that the cards have."""
    return {
        signal.code: Proof(partial(_evidence_of, signal, rows, accounts))
        for signal, rows in zip(SIGNALS, shown, strict=True)
        if not accounts.isdisjoint(rows["account_id"])
    }


def _evidence_of(
    signal: Signal[Seen, CardCashout], rows: pd.DataFrame, accounts: set[str]
) -> pd.DataFrame:
    return signal.proves(rows[rows["account_id"].isin(accounts)]).rows


def _purchases_as_proof(purchases: pd.DataFrame) -> Proof:
    """From the holder to the seller, with the merchant as remark."""
    seller = purchases["shop_owner"].fillna(purchases["merchant_id"]).fillna("?")
    return proof(
        purchases.assign(seller=seller),
        "transactions",
        payer="holder",
        payee="seller",
        note="merchant_id",
    )


def _returns_as_proof(returned: pd.DataFrame) -> Proof:
    """From the owner to the holder or to the one between, and from there onward, with the purchase
    as remark.
    """
    first = proof(
        returned.assign(to=returned["through"].fillna(returned["holder"])),
        "transactions",
        "back_id",
        "back_at",
        "shop_owner",
        "to",
        "purchase_id",
    )
    onward = returned[returned["onward_id"].notna()]
    second = proof(
        onward, "transactions", "onward_id", "onward_at", "through", "holder", "purchase_id"
    )
    return together(first, second)


# --- signals: each takes what is seen of the cards and returns the rows that show it


def returned_by_owner(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Money back from a merchant's owner less a fee: to holders who got it `min_returns` times, or
    once from an owner who gives it to `min_holders` holders of emptied cards.
    """
    returned = seen.returned
    of_emptied = returned["account_id"].isin(seen.cycles["account_id"])
    holders = returned[of_emptied].groupby("shop_owner")["account_id"].nunique()
    rings = holders.index[holders >= settings.min_holders]
    in_ring = returned["shop_owner"].isin(rings) & of_emptied
    ringed = returned["account_id"].isin(returned.loc[in_ring, "account_id"])
    times = returned.groupby("account_id")["back_id"].transform("size")
    return returned[(times >= settings.min_returns) | ringed]


def emptied_after_repayment(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Purchases within `empty_days` of repayments after which the card was emptied, of cards with
    at least `min_cycles` of them (空卡—还款—刷空).
    """
    return _bought_while_emptying(seen, settings.min_cycles, settings)


@reused
def _bought_while_emptying(seen: Seen, least: int, settings: CardCashout) -> pd.DataFrame:
    times = seen.cycles.groupby("account_id")["repaid_at"].transform("size")
    began = seen.cycles.loc[times >= least, ["account_id", "repaid_at"]]
    both = seen.purchases.merge(began, on="account_id")
    days = (both["booked_at"].dt.normalize() - both["repaid_at"].dt.normalize()).dt.days
    within = both.loc[
        (both["booked_at"] >= both["repaid_at"]) & (days <= settings.empty_days), "transaction_id"
    ]
    return seen.purchases[seen.purchases["transaction_id"].isin(within)]


def merchant_of_such_cards(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Purchases with several flagged cards at one merchant, who has much of the turnover from
    them.
    """
    used = _at_merchants(seen.purchases, seen.turnover, seen.flagged)
    return used.purchases[used.purchases["merchant_id"].isin(used.bound(settings))]


def emptied_once(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """The same as `emptied_after_repayment` of cards that were emptied fewer times."""
    once_ = _bought_while_emptying(seen, 1, settings)
    several = emptied_after_repayment(seen, settings)["account_id"]
    return once_[~once_["account_id"].isin(several)]


def _twice(purchases: pd.DataFrame) -> pd.DataFrame:
    """The purchases of cards that have at least two."""
    return purchases[purchases.groupby("account_id")["transaction_id"].transform("size") >= 2]


def near_limit(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Single purchases of a large part of the limit, two or more of a card."""
    bought = seen.purchases
    return _twice(bought[bought["amount"] >= NEAR_LIMIT / 2 * bought["credit_limit"].astype(float)])


def is_round(amounts: pd.Series) -> pd.Series:
    """Whether amounts are multiples of a hundred, or just below one."""
    below = (-amounts) % 100
    return (amounts >= LARGE) & ((below <= SLACK) | (below > 100 - 1e-6))


def round_in_a_row(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Round purchases at one merchant, `round_run` of them or more in a row."""
    keys = ["account_id", "merchant_id"]
    there = seen.purchases.dropna(subset="merchant_id").sort_values(
        [*keys, "booked_at", "transaction_id"]
    )
    fits = is_round(there["amount"])
    run = (~fits).groupby([there[k] for k in keys]).cumsum()
    rounds = there[fits]
    length = rounds.groupby([*keys, run[fits]])["amount"].transform("size")
    return rounds[length >= settings.round_run]


def many_swipes_a_day(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Purchases of days with at least `swipes_a_day` large ones at one merchant."""
    bought = seen.purchases
    large = bought[(bought["amount"] >= LARGE) & bought["merchant_id"].notna()]
    by_day = large.groupby(["account_id", "merchant_id", large["booked_at"].dt.date])
    return large[by_day["amount"].transform("size") >= settings.swipes_a_day]


def at_night(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Large purchases between 02:00 and 05:00, or while the shop is closed, two or more of a card;
    bookings without a time are left out.
    """
    bought = seen.purchases
    hour, large = bought["booked_at"].dt.hour, bought["amount"] >= LARGE
    timed = bought["booked_at"] != bought["booked_at"].dt.normalize()
    opens, closes = (
        pd.to_numeric(bought[c]).fillna(v) for c, v in (("opens_hour", 0), ("closes_hour", 24))
    )
    closed = (hour < opens) | (hour >= closes)
    return _twice(bought[large & timed & (((hour >= NIGHT[0]) & (hour < NIGHT[1])) | closed)])


def out_of_category(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Large purchases of many times what is usual in the merchant's category, two or more of a
    card.
    """
    bought = seen.purchases
    beyond = bought["amount"] >= settings.out_of_category * bought["usual"]
    return _twice(bought[beyond & (bought["amount"] >= LARGE)])


def two_regions(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Purchases in another region than the one of the card before, within `region_hours`."""
    bought = seen.purchases
    timed = bought[
        (bought["booked_at"] != bought["booked_at"].dt.normalize()) & bought["region"].notna()
    ]
    timed = timed.sort_values(["account_id", "booked_at", "transaction_id"])
    before = timed.groupby("account_id")[["booked_at", "region"]].shift()
    soon = timed["booked_at"] - before["booked_at"] <= pd.Timedelta(hours=settings.region_hours)
    return timed[soon & (timed["region"] != before["region"])]


def around_statement(seen: Seen, settings: CardCashout) -> pd.DataFrame:
    """Large purchases in the three days after the statement, of cards most of whose money is spent
    in them.
    """
    bought = seen.purchases
    dated = bought[bought["statement_day"].notna()]
    days_after = (dated["booked_at"].dt.day - dated["statement_day"].astype("int64")) % 30
    soon = dated[(days_after <= 3) & (dated["amount"] >= LARGE)]
    all_spent = bought.groupby("account_id")["amount"].sum()
    share = soon.groupby("account_id")["amount"].sum() / all_spent
    return soon[soon["account_id"].isin(share.index[share > 0.5])]


_signal = partial(Signal[Seen, CardCashout], proves=_purchases_as_proof)

SIGNALS: tuple[Signal[Seen, CardCashout], ...] = (
    Signal(
        "returned_by_owner",
        4,
        marked("Money back from the merchant"),
        returned_by_owner,
        _returns_as_proof,
    ),
    _signal(
        "emptied_after_repayment",
        3,
        marked("Emptied again after repayment"),
        emptied_after_repayment,
    ),
    _signal(
        "merchant_of_such_cards",
        2,
        marked("Merchant of such cards"),
        merchant_of_such_cards,
        of_cases=True,
    ),
    _signal("emptied_once", 1, marked("Emptied once"), emptied_once),
    _signal("near_limit", 1, marked("Near the limit"), near_limit),
    _signal("round_in_a_row", 1, marked("Round amounts in a row"), round_in_a_row),
    _signal("many_swipes_a_day", 1, marked("Many swipes a day"), many_swipes_a_day),
    _signal("at_night", 1, marked("At night"), at_night),
    _signal(
        "out_of_category",
        1,
        marked("Out of keeping with the category"),
        out_of_category,
    ),
    _signal("two_regions", 1, marked("Two regions within hours"), two_regions),
    _signal("around_statement", 1, marked("Right after the statement"), around_statement),
)
