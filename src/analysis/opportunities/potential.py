"""Potential customers, how they are told, and unmet needs. Tables in, tables out."""

from collections.abc import Mapping

import pandas as pd

from analysis.changes.calls import OFFER, entry_id
from analysis.language import because, money, quarter_in_words, say, sentences
from analysis.opportunities import said
from analysis.opportunities.fitted import Likeness, Need, OfLikeness, UnmetNeeds
from analysis.opportunities.unmet import IDLE, PAYS_ANOTHER, SEASONAL
from analysis.opportunities.words import label
from analysis.sources.params import Offers, Value

#: Potential customers of a branch: column to its type.
#: subject_id: the entry, as follow-ups name it. potential: prospect, dormant, or single_product.
#: likeness: 0 to 1; lift: how many times as frequent holders are among customers like this one as
#: among all. reasons: in words.
LOOKALIKES = {
    "subject_id": "str",
    "customer_id": "str",
    "potential": "str",
    "product": "str",
    "likeness": "float",
    "lift": "float",
    "reasons": "str",
    "manager_id": "str",
}


def lookalikes(
    listed: pd.DataFrame, customers: pd.DataFrame, products: Mapping[str, str]
) -> pd.DataFrame:
    """Potential customers, the likeliest first: the columns `LOOKALIKES`.

    listed: `OpportunityTables.lookalikes`. customers: `SegmentationTables.customers`.
    """
    if listed.empty:
        return pd.DataFrame(columns=list(LOOKALIKES))
    by_id = customers.drop_duplicates("customer_id").set_index("customer_id").to_dict("index")
    rows = [
        {
            "subject_id": entry_id(OFFER, r.quarter, r.product_id, r.customer_id),
            "customer_id": r.customer_id,
            "potential": r.potential,
            "product": products.get(r.product_id, r.product_id),
            "likeness": round(r.likeness, 3),
            "lift": round(r.lift, 2),
            "reasons": said.likeness(
                (r.first_reason, r.second_reason),
                r.product_id,
                by_id.get(r.customer_id, {}),
                products,
            ),
            "manager_id": r.manager_id if isinstance(r.manager_id, str) else "",
        }
        for r in listed.itertuples()
    ]
    return pd.DataFrame(rows, columns=list(LOOKALIKES))


#: How the holders of each product are told from the others: column to its type.
#: share: of the holders held out who are among the likeliest tenth of all held out, with its
#: interval low to high (Wilson). auc: of those held out, with its interval (DeLong). c: mean chance
#: of the holders held out. prospect, dormant, single_product: potential customers of whom this is
#: the best product. beyond_chance: whether there is a list.
TOLD = {
    "product": "str",
    "customer_type": "str",
    "known": "str",
    "holders": "float",
    "share": "float",
    "low": "float",
    "high": "float",
    "p_corrected": "float",
    "auc": "float",
    "auc_low": "float",
    "auc_high": "float",
    "c": "float",
    "prospect": "float",
    "dormant": "float",
    "single_product": "float",
    "beyond_chance": "bool",
}


def told(model: Likeness, products: Mapping[str, str], min_cell: int) -> pd.DataFrame:
    """How the holders of each product are told from the others: the columns `TOLD`; counts below
    `min_cell` are empty, and of a product with few holders of one type all counts of holders, which
    would tell of them.
    """
    few = {m.product for m in model.models if 0 < m.holders < min_cell}
    rows = []
    for m in model.models:
        result = m.result
        if not isinstance(result, OfLikeness):
            continue
        figures = result.model_dump(include=set(TOLD) - {"holders"})
        potential = {kind: n for kind, n in m.potential.items() if n >= min_cell}
        rows.append(
            {
                "product": products.get(m.product, m.product),
                "customer_type": m.customer_type,
                "known": m.known,
                "holders": None if m.product in few else m.holders,
                "beyond_chance": result.beyond_chance,
                **figures,
                **potential,
            }
        )
    numbers = [c for c, kind in TOLD.items() if kind == "float"]
    table = pd.DataFrame(rows, columns=list(TOLD))
    return table.astype({**dict.fromkeys(numbers, "float"), "beyond_chance": "bool"})


def no_list(model: Likeness, products: Mapping[str, str]) -> str:
    """Of which products there is no list of potential customers, and why."""
    text = say("{product}: {why}", "of a product")
    of_type = say("{product} ({of_type})", "a product, and the type of customers that hold it")
    why: list[str] = []
    for m in model.models:
        product = products.get(m.product, m.product)
        if m.customer_type:
            product = of_type.format(product=product, of_type=label(m.customer_type))
        if isinstance(m.result, OfLikeness):
            if m.result.beyond_chance:
                continue
            reason = say(
                "by {known}, holders held out are found no more often than by chance, so that "
                "nobody is listed."
            ).format(known=label(m.known))
        else:
            reason = because(m.result)
        why.append(text.format(product=product, why=reason))
    return sentences(*dict.fromkeys(why))


def how_likeness_is_told(model: Likeness, settings: Offers) -> list[str]:
    """What likeness means, what it assumes, and who is left out, in words."""
    if not model.models:
        return []
    left_out = say(
        "Left out: who has not agreed to be contacted, is named in an alert that stands, has an "
        "offer or stands on the list of those to be called so that they stay, is to be called "
        "about an event, was contacted often enough or declined the product lately, may not have "
        "it by the bank's own rules, or is kept without any offer by lot. Of somebody without an "
        "account rules that cannot be told remain to be asked."
    )
    return [
        say(
            "Likeness is the chance to be one of the known holders, divided by c, the mean chance "
            "of holders that the model had not seen, and 1 at most (Elkan and Noto 2008). It is "
            "the chance that somebody would take the product only if the holders are a random "
            "draw among all who would, which is doubtful: they were offered it, or came for it. So "
            "the list is ordered by how many times as frequent holders are among customers like "
            "this one as among all."
        ),
        left_out,
        ""
        if model.consent
        else say(
            "The bank delivers no consent to be contacted, so that nobody is left out for the "
            "want of it."
        ),
        ""
        if settings.lookalikes
        else say("The params file asks for no list of potential customers (offers.lookalikes)."),
    ]


#: Needs that no product meets: column to its type.
#: share: of the active ones of the type, with its interval low to high (Wilson).
#: money_median, money: median and mean of the money involved, with intervals (order statistics;
#: Student). yearly: worth to the bank a year, with its interval (bootstrap). already: share of
#: them who hold the nearest product. check: against chance, in words.
NEEDS = {
    "pattern": "str",
    "customer_type": "str",
    "bank": "str",
    "customers": "int",
    "share": "float",
    "low": "float",
    "high": "float",
    "money_median": "float",
    "median_low": "float",
    "median_high": "float",
    "money": "float",
    "mean_low": "float",
    "mean_high": "float",
    "yearly": "float",
    "yearly_low": "float",
    "yearly_high": "float",
    "nearest": "str",
    "already": "float",
    "check": "str",
}


def needs(model: UnmetNeeds, products: Mapping[str, str], min_cell: int) -> pd.DataFrame:
    """Needs that no product meets: the columns `NEEDS`; groups below `min_cell` are left out, and
    how many hold the nearest product already where these or the others are so few.
    """
    rows = [
        {
            **n.model_dump(exclude={"already"}),
            "customers": n.n,
            "money_median": n.median,
            "money": n.mean,
            "nearest": products.get(n.nearest, n.nearest),
            "already": _share_told(n.already, n.n, min_cell),
            "check": _check(n, min_cell),
        }
        for n in model.needs
        if n.n >= min_cell
    ]
    numbers = [c for c, kind in NEEDS.items() if kind == "float"]
    table = pd.DataFrame(rows, columns=list(NEEDS))
    return table.astype({**dict.fromkeys(numbers, "float"), "customers": "int"})


def _share_told(count: int | None, of: int, min_cell: int) -> float | None:
    few = count is not None and (0 < count < min_cell or 0 < of - count < min_cell)
    return None if count is None or few else count / of


def _check(need: Need, min_cell: int) -> str:
    """What is said of a need against chance."""
    beyond = need.p_corrected is not None and need.p_corrected < 0.05
    if need.pattern == SEASONAL and need.by_chance is not None:
        expected = {
            "n": f"{need.by_chance:,.0f}",
            "low": f"{need.by_chance_low or 0:,.0f}",
            "high": f"{need.by_chance_high or 0:,.0f}",
        }
        if beyond:
            return say(
                "more than by chance: {n} ({low} to {high}) if seasons were shuffled"
            ).format(**expected)
        return say("may be chance alone: {n} ({low} to {high}) if seasons were shuffled").format(
            **expected
        )
    if need.pattern == PAYS_ANOTHER and need.now is not None and need.before is not None:
        if min(need.now, need.before) < min_cell:
            return say("too few in one of the quarters to compare them")
        if not beyond:
            return say("no more and no fewer than in the quarter before, beyond chance")
        if need.now > need.before:
            return say("more than in the quarter before, beyond chance")
        return say("fewer than in the quarter before, beyond chance")
    return say("cannot be told")


def no_needs(model: UnmetNeeds, min_cell: int) -> str:
    """Of which needs nothing can be said, and why; and which too few have."""
    text = say("{product}: {why}", "of a product")
    told = [text.format(product=label(p), why=because(why)) for p, why in model.lacking.items()]
    there = {n.pattern for n in model.needs if n.n >= min_cell} | set(model.lacking)
    few = say("no group of at least {n} customers.").format(n=min_cell)
    for pattern in (IDLE, PAYS_ANOTHER, SEASONAL):
        if pattern not in there:
            told.append(text.format(product=label(pattern), why=few))
    return sentences(*told)


def what_counts_as_a_need(settings: Offers, value: Value, model: UnmetNeeds) -> list[str]:
    """What counts as a need and what its money is taken to be worth, in words."""
    limits = settings.unmet
    return [
        say(
            "Money lies idle where at least {balance} were kept at the end of this quarter and the "
            "one before, with at most {entries} own entries and neither a deposit nor a wealth "
            "product; what lay there both times is worth {margin} a year."
        ).format(
            balance=money(limits.balance),
            entries=limits.most_entries,
            margin=f"{value.deposit_margin:.1%}",
        ),
        say(
            "Regular transfers go to the same other bank in at least {months} months of this "
            "quarter and the one before; what is transferred in a quarter would be worth {margin} "
            "a year if it stayed."
        ).format(months=limits.months, margin=f"{value.deposit_margin:.1%}"),
        say(
            "Much goes out in a season where it was at least {times} times the mean quarter of the "
            "year in the quarter that {season} repeats, in each of the last two years; what is "
            "beyond the mean, lent for a quarter, is worth {margin} a year."
        ).format(
            times=f"{limits.times:g}",
            season=quarter_in_words(model.season),
            margin=f"{value.lending_margin:.1%}",
        ),
        say(
            "The nearest product is the one whose holders the group is most like, by medians of "
            "age, years with us, balance, money in, entries, counterparties, cash and mobile "
            "share. The margins are assumptions, the intervals are those of the spread between "
            "customers: all this says where to ask, not what would sell."
        ),
    ]
