"""What customers hold, what else would suit them, and lists of offers. Tables in, tables out."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.language import because, clauses, listed, money, say, sentences
from analysis.opportunities import said
from analysis.opportunities.fitted import Offers as OffersInFigures
from analysis.opportunities.fitted import Patterns, Propensity, Rejected
from analysis.opportunities.offers import OFFERED, rejected_by
from analysis.opportunities.rules import COMMON, rules_of
from analysis.opportunities.words import PASSED, label
from analysis.opportunities.words import rule as rule_in_words
from analysis.segmentation.findings import shown
from analysis.segmentation.fitted import NamedGroup
from analysis.sources.params import Event, Offers
from analysis.statistics.intervals import mean_interval, share_interval

#: How many hold each product: column to its type.
#: holders: customers; share: of all with an open account, with its interval low to high (Wilson).
#: before: share a quarter ago; new: taken up in the quarter.
HOLDERS = {
    "product": "str",
    "holders": "float",
    "share": "float",
    "low": "float",
    "high": "float",
    "before": "float",
    "new": "float",
}


def holders_table(
    holders: pd.DataFrame,
    counts: Mapping[str, int],
    quarter: str,
    previous: str,
    products: Mapping[str, str],
    min_cell: int,
) -> pd.DataFrame:
    """How many hold each product, the most first: the columns `HOLDERS`. Of fewer than `min_cell`
    holders, or where no page shows how many, the numbers are empty; so are fewer new ones.

    holders: `OpportunityTables.holders`. counts: quarter to the customers of it, where that is
    shown.
    """
    now = holders[holders["quarter"] == quarter].set_index("product_id")
    then = holders[holders["quarter"] == previous].set_index("product_id")
    rows = []
    for product in now.sort_values("holders", ascending=False, kind="stable").index:
        row = now.loc[product]
        told: dict[str, object] = {"product": products.get(product, product)}
        if quarter in counts and row["holders"] >= min_cell and not row["withheld"]:
            n, of = int(row["holders"]), counts[quarter]
            low, high = share_interval(n, of)
            told |= {"holders": n, "share": n / of, "low": low, "high": high}
            if row["new"] >= min_cell and not row["new_withheld"]:
                told["new"] = int(row["new"])
            if product in then.index and previous in counts:
                earlier = then.loc[product]
                if earlier["holders"] >= min_cell and not earlier["withheld"]:
                    told["before"] = earlier["holders"] / counts[previous]
        rows.append(told)
    numbers = list(HOLDERS)[1:]
    return pd.DataFrame(rows, columns=list(HOLDERS)).astype(dict.fromkeys(numbers, "float"))


#: How many products the customers of a group hold: column to its type.
#: mean: with its interval low to high (Student).
DEPTH = {
    "customer_type": "str",
    "segment": "str",
    "n": "int",
    "mean": "float",
    "low": "float",
    "high": "float",
}


def depth_by_group(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """How many products the customers of each group hold, the most first: the columns `DEPTH`;
    groups that no page shows are left out.

    customers: `SegmentationTables.customers`.
    """
    rows = []
    grouped = shown(customers, min_cell) if len(customers) else customers
    for (kind, segment), part in (
        grouped.groupby(["customer_type", "segment"]) if len(grouped) else []
    ):
        held = part["products_held"].dropna().astype(float)
        if len(held) >= min_cell:
            low, high = mean_interval(held.mean(), held.std(), len(held))
            rows.append([kind, segment, len(held), held.mean(), low, high])
    return pd.DataFrame(rows, columns=list(DEPTH)).sort_values(
        ["customer_type", "mean"], ascending=[False, False], ignore_index=True
    )


#: How many products customers hold by how long they have been with the bank: column to its type.
#: mean: with its interval low to high (Student).
DEPTH_BY_TENURE = {
    "customer_type": "str",
    "tenure": "str",
    "n": "int",
    "mean": "float",
    "low": "float",
    "high": "float",
}
TENURES = {"under_2": (0, 2), "2_to_5": (2, 5), "5_to_10": (5, 10), "over_10": (10, 1000)}


def depth_by_tenure(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """How many products active customers hold by their years with the bank: the columns
    `DEPTH_BY_TENURE`. For the whole bank only, since no page protects such counts of branches.
    """
    rows = []
    active = customers[customers["active"]] if len(customers) else customers
    for kind in ("personal", "corporate"):
        for name, (least, below) in TENURES.items():
            part = active[
                (active["customer_type"] == kind)
                & active["tenure_years"].between(least, below, inclusive="left")
            ]
            held = part["products_held"].dropna().astype(float)
            if len(held) >= min_cell:
                low, high = mean_interval(held.mean(), held.std(), len(held))
                rows.append([kind, name, len(held), held.mean(), low, high])
    return pd.DataFrame(rows, columns=list(DEPTH_BY_TENURE))


#: How many products active customers hold: column to its type.
#: held: 6 are six or more. share: of the type's, with its interval low to high (Wilson).
HOW_MANY = {
    "customer_type": "str",
    "held": "str",
    "n": "int",
    "share": "float",
    "low": "float",
    "high": "float",
}
MOST_TOLD = 6


def how_many(customers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """How many active customers hold how many products: the columns `HOW_MANY`. For the whole bank
    only, as for `depth_by_tenure`; numbers that fewer than `min_cell` hold are told together with
    their neighbours.
    """
    rows = []
    active = customers[customers["active"]] if len(customers) else customers
    for kind in ("personal", "corporate"):
        own = active[active["customer_type"] == kind] if len(active) else active
        held = own["products_held"].dropna().clip(upper=MOST_TOLD).astype(int)
        if len(held) < min_cell:
            continue
        counts = held.value_counts().reindex(range(MOST_TOLD + 1), fill_value=0)
        for least, most, n in _together(counts, min_cell):
            name = str(least) if least == most else f"{least}–{most}"
            if most == MOST_TOLD:
                name = say("{n} or more").format(n=least)
            rows.append([kind, name, n, n / len(held), *share_interval(n, len(held))])
    return pd.DataFrame(rows, columns=list(HOW_MANY))


def _together(counts: pd.Series, min_cell: int) -> list[tuple[int, int, int]]:
    """The counts with neighbours together so that none is of fewer than `min_cell`, but of nobody:
    least, most, count.
    """
    told: list[tuple[int, int, int]] = []
    for number, count in reversed(list(counts.items())):
        if told and 0 < told[-1][2] < min_cell:
            _first, most, n = told.pop()
            told.append((int(str(number)), most, n + int(count)))
        else:
            told.append((int(str(number)), int(str(number)), int(count)))
    while len(told) > 1 and 0 < told[-1][2] < min_cell:
        first, _most, n = told.pop()
        _first, most, others = told.pop()
        told.append((first, most, n + others))
    return [each for each in reversed(told) if each[2]]


#: The offers to make in figures: column to its type.
#: offers: customers with one; expected: of all, in the bank's currency.
#: taken: offers expected to be taken up, with low to high (95 % of what chance lets vary).
LIST_SUMMARY = {
    "offers": "int",
    "taken": "float",
    "low": "float",
    "high": "float",
    "expected": "float",
}


def list_summary(offers: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The offers to make in figures: the columns `LIST_SUMMARY`; empty with fewer than
    `min_cell`.
    """
    made = offers[offers["decision"] == OFFERED] if len(offers) else offers
    if len(made) < min_cell:
        return pd.DataFrame(columns=list(LIST_SUMMARY))
    chance = made["chance"]
    half = 1.96 * np.sqrt((chance * (1 - chance)).sum())
    told = [len(made), chance.sum(), max(chance.sum() - half, 0), chance.sum() + half]
    return pd.DataFrame([[*told, made["expected"].sum()]], columns=list(LIST_SUMMARY))


#: An offer to make, for staff; what comes of it is filled in, and comes back as `follow_ups`:
#: column to its type. subject_id: the offer; reasons, opening: in words.
#: done_on, outcome, why: empty, to be filled in.
LEADS = {
    "subject_id": "str",
    "staff_id": "str",
    "due_on": "str",
    "customer_id": "str",
    "product": "str",
    "reasons": "str",
    "opening": "str",
    "chance": "float",
    "expected": "float",
    "similar_hold": "float",
    "runner_up": "str",
    "runner_up_expected": "float",
    "rules_passed": "str",
    "done_on": "str",
    "outcome": "str",
    "why": "str",
}


def leads(
    offers: pd.DataFrame,
    customers: pd.DataFrame,
    products: Mapping[str, str],
    settings: Offers,
    events: list[Event],
) -> pd.DataFrame:
    """The offers to make, of each member of staff the one most is expected of first: the columns
    `LEADS`.

    offers: `OpportunityTables.offers`. customers: `SegmentationTables.customers`.
    """
    made = offers[offers["decision"] == OFFERED] if len(offers) else offers
    if made.empty:
        return pd.DataFrame(columns=list(LEADS))
    made = made.sort_values(
        ["staff_id", "expected", "customer_id"], ascending=[True, False, True], ignore_index=True
    )
    by_id = customers.drop_duplicates("customer_id").set_index("customer_id").to_dict("index")
    of_all = [say("does not hold it"), *(say(PASSED[name]) for name in COMMON)]
    passed = {
        p.product: clauses([*of_all, *(name.split(": ", 1)[1] for name in rules_of(p))])
        for p in settings.products
    }
    rows = [
        {
            "subject_id": r.lead_id,
            "staff_id": r.staff_id,
            "due_on": str(r.due_on)[:10],
            "customer_id": r.customer_id,
            "product": products.get(r.product_id, r.product_id),
            "reasons": said.why(
                r.first_reason,
                r.second_reason,
                r.product_id,
                by_id.get(r.customer_id, {}),
                products,
                events,
            ),
            "opening": said.opening(r.first_reason, r.product_id, products, events),
            "chance": round(r.chance, 4),
            "expected": round(r.expected, 2),
            "similar_hold": round(r.similar_hold, 3),
            "runner_up": products.get(r.runner_up, r.runner_up) if r.runner_up else "",
            "runner_up_expected": round(r.runner_up_expected, 2),
            "rules_passed": passed.get(r.product_id, ""),
            "done_on": "",
            "outcome": "",
            "why": "",
        }
        for r in made.itertuples()
    ]
    return pd.DataFrame(rows, columns=list(LEADS))


#: Every customer and product that was considered, and what became of it: column to its type.
#: offered: the product that the customer is offered, empty where none is; runner_up: the next best.
CONSIDERED = {
    "customer_id": "str",
    "product": "str",
    "decision": "str",
    "failed": "str",
    "chance": "float",
    "expected": "float",
    "similar_hold": "float",
    "offered": "str",
    "runner_up": "str",
}


def considered(offers: pd.DataFrame, products: Mapping[str, str]) -> pd.DataFrame:
    """Every customer and product that was considered, and the rule that excludes it: the columns
    `CONSIDERED`.
    """
    if offers.empty:
        return pd.DataFrame(columns=list(CONSIDERED))
    made = offers[offers["decision"] == OFFERED].set_index("customer_id")
    named = {"": "", **products}

    def of_customer(column: str) -> list[str]:
        chosen = offers["customer_id"].map(made[column]).fillna("")
        return [named.get(product, product) for product in chosen]

    told = offers.assign(
        product=[named.get(p, p) for p in offers["product_id"]],
        failed=[rule_in_words(f) if f else "" for f in offers["failed"]],
        offered=of_customer("product_id"),
        runner_up=of_customer("runner_up"),
    )
    rounded = told[list(CONSIDERED)].round({"chance": 4, "expected": 2, "similar_hold": 3})
    return rounded.reset_index(drop=True)


def without_offer(
    offers: pd.DataFrame, figures: OffersInFigures, products: Mapping[str, str], bank: bool
) -> str:
    """Of which products no offer is made, and which rule leaves none.

    offers: `OpportunityTables.offers`, of the whole bank where `bank`.
    """
    told = []
    made = set(offers.loc[offers["decision"] == OFFERED, "product_id"]) if len(offers) else set()
    for product in sorted(set(figures.passed) - made):
        own = offers[offers["product_id"] == product] if len(offers) else offers
        passed = figures.passed[product] if bank else int((own["failed"] == "").sum())
        name = products.get(product, product)
        if passed:
            other = say("{product}: what passes the rules gives way to better offers, or to room.")
            told.append(other.format(product=name))
            continue
        rejected = (
            [r for r in figures.rejected if r.product in (product, "")]
            if bank
            else rejected_by(own)
        )
        if rejected:
            nothing = say("{product}: no offer is left. The rule that excludes most: {rule}.")
            rules = listed(rule_in_words(name) for name in last_straws(rejected))
            told.append(nothing.format(product=name, rule=rules))
    return sentences(*told)


def last_straws(rejected: Sequence[Rejected]) -> list[str]:
    """The rules that leave nothing: of those tried first the one that excludes most where nothing
    passes them all, else of each product the one that excludes most of what did.
    """
    passed = [r for r in rejected if r.rule not in COMMON]
    if not passed:
        return [max(rejected, key=lambda r: r.pairs).rule]
    by_product: dict[str, Rejected] = {}
    for r in passed:
        if r.product not in by_product or r.pairs > by_product[r.product].pairs:
            by_product[r.product] = r
    own = [r for product, r in by_product.items() if product] or list(by_product.values())
    return list(dict.fromkeys(r.rule for r in own))


#: How often a rule was the first to exclude a product: column to its type.
EXCLUDED = {"rule": "str", "product": "str", "pairs": "int"}


def excluded(figures: OffersInFigures, products: Mapping[str, str], min_cell: int) -> pd.DataFrame:
    """How often each rule was the first to exclude, in the whole bank: the columns `EXCLUDED`;
    fewer than `min_cell` are left out.
    """
    rows = [
        [
            rule_in_words(r.rule),
            products.get(r.product, r.product) if r.product else say("all"),
            r.pairs,
        ]
        for r in figures.rejected
        if r.pairs >= min_cell
    ]
    return pd.DataFrame(rows, columns=list(EXCLUDED))


#: What came of assigning offers, by branch: column to its type; as in
#: `analysis.opportunities.fitted.Assigned`; expected: of the offers made.
ASSIGNED = {
    "branch_id": "str",
    "capacity": "int",
    "candidates": "int",
    "offers": "int",
    "held_back": "float",
    "expected": "float",
    "greedy": "float",
    "bound": "float",
}


def assigned(figures: OffersInFigures, min_cell: int) -> pd.DataFrame:
    """What came of assigning offers: the columns `ASSIGNED`; branches with fewer than `min_cell`
    offers or customers kept without are left out.
    """
    rows = [
        {**a.model_dump(exclude={"value"}), "expected": a.value}
        for a in figures.assigned
        if min(a.offers, a.candidates) >= min_cell
    ]
    table = pd.DataFrame(rows, columns=list(ASSIGNED))
    table["held_back"] = table["held_back"].where(table["held_back"] >= min_cell)
    return table.astype({"held_back": "float"})


#: The plan of each group against what its customers are offered: column to its type.
#: plan: product that the plan names; n: offers made to customers of the group; share: of them, of
#: that product, with its interval (Wilson), empty where it is none that is offered; most_offered:
#: the product most of them are of.
PLANS = {
    "customer_type": "str",
    "segment": "str",
    "plan": "str",
    "n": "int",
    "share": "float",
    "low": "float",
    "high": "float",
    "most_offered": "str",
}


def plans_and_offers(
    offers: pd.DataFrame,
    customers: pd.DataFrame,
    plans: Mapping[str, Sequence[NamedGroup]],
    products: Mapping[str, str],
    offered: Collection[str],
    min_cell: int,
) -> pd.DataFrame:
    """The plan of each group against what its customers are offered: the columns `PLANS`. Groups
    with fewer than `min_cell` offers are left out.

    plans: type of customers to its groups. products: product to its name. offered: products of
    which offers are made.
    """
    made = offers[offers["decision"] == OFFERED] if len(offers) else offers
    if made.empty:
        return pd.DataFrame(columns=list(PLANS))
    of = customers[["customer_id", "customer_type", "segment"]]
    made = made[["customer_id", "product_id"]].merge(of, on="customer_id")
    rows = []
    for kind, groups in plans.items():
        for group in groups:
            own = made[(made["customer_type"] == kind) & (made["segment"] == group.name)]
            if len(own) < min_cell:
                continue
            counts = own["product_id"].value_counts().sort_index(kind="stable")
            planned = [p for p in offered if products.get(p, p) == group.product]
            hits = int(own["product_id"].isin(planned).sum())
            share = (hits / len(own), *share_interval(hits, len(own))) if planned else [np.nan] * 3
            most = str(counts.idxmax())
            rows.append(
                [kind, group.name, group.product, len(own), *share, products.get(most, most)]
            )
    return pd.DataFrame(rows, columns=list(PLANS))


#: How well the chances were told in the quarter held out: column to its type; as in
#: `analysis.statistics.fitted.Judged`.
JUDGED = {
    "product": "str",
    "quarter": "str",
    "n": "int",
    "events": "int",
    "predicted": "float",
    "observed": "float",
    "auc": "float",
    "auc_low": "float",
    "auc_high": "float",
    "brier": "float",
    "brier_base": "float",
    "slope": "float",
    "slope_low": "float",
    "slope_high": "float",
}


def judged(model: Propensity, products: Mapping[str, str]) -> pd.DataFrame:
    """How well the chances were told: the columns `JUDGED`."""
    rows = [
        {
            "product": products.get(p, p),
            **m.held_out.model_dump(exclude={"tenths", "intercept"}),
        }
        for p, m in model.fitted.items()
        if m.held_out
    ]
    numbers = [c for c, kind in JUDGED.items() if kind == "float"]
    return pd.DataFrame(rows, columns=list(JUDGED)).astype(dict.fromkeys(numbers, "float"))


def calibrated(told: pd.DataFrame) -> str:
    """Of which products the chances came as they were told, and of which not, in words.

    told: the columns `JUDGED`. As told: the mean chance lies in the interval of the share that took
    the product up (Wilson), and 1 in that of the slope.
    """
    right, wrong = [], []
    off = say("{product}: {predicted} told, {observed} came")
    bold = say("{product}: differences between customers are told too large (slope {slope})")
    timid = say("{product}: differences between customers are told too small (slope {slope})")
    for row in told.itertuples():
        low, high = share_interval(row.events, row.n)
        faults = []
        if not low <= row.predicted <= high:
            shares = {"predicted": f"{row.predicted:.1%}", "observed": f"{row.observed:.1%}"}
            faults.append(off.format(product=row.product, **shares))
        if row.slope_high < 1 or row.slope_low > 1:
            text = bold if row.slope_high < 1 else timid
            faults.append(text.format(product=row.product, slope=f"{row.slope:.2f}"))
        wrong += faults
        right += [] if faults else [row.product]
    return sentences(
        say("In the quarter held out the chances came as told: {products}.").format(
            products=listed(right)
        )
        if right
        else "",
        say("Not as told: {what}. What is expected of such offers is as far off.").format(
            what=clauses(wrong)
        )
        if wrong
        else "",
    )


#: Ways to choose offers, on the quarter held out: column to its type; as in
#: `analysis.opportunities.fitted.Compared`.
COMPARED = {
    "method": "str",
    "offers": "int",
    "taken": "int",
    "share": "float",
    "low": "float",
    "high": "float",
    "lift": "float",
    "auc": "float",
    "auc_low": "float",
    "auc_high": "float",
    "map_at_7": "float",
    "value": "float",
}


def compared(model: Propensity) -> pd.DataFrame:
    """Ways to choose offers: the columns `COMPARED`."""
    rows = [c.model_dump() for c in model.compared]
    numbers = [c for c, kind in COMPARED.items() if kind == "float"]
    return pd.DataFrame(rows, columns=list(COMPARED)).astype(dict.fromkeys(numbers, "float"))


#: What moves the chance of each product most: column to its type; odds_ratio: per standard
#: deviation.
WHAT_COUNTS = {"product": "str", "feature": "str", "odds_ratio": "float"}


def what_counts(
    model: Propensity, products: Mapping[str, str], events: list[Event], most: int = 6
) -> pd.DataFrame:
    """What moves the chance of each product most: the columns `WHAT_COUNTS`."""
    titles = {f"event_{e.name}": say("Event: {what}").format(what=e.title) for e in events}
    holds = {
        f"{said.HOLDS}{p}": say("Holds: {what}").format(what=name) for p, name in products.items()
    }
    rows = []
    for product, m in model.fitted.items():
        ranked = sorted(m.features, key=lambda f: -abs(f.coefficient))[:most]
        for f in ranked:
            name = titles.get(f.name) or holds.get(f.name) or label(f.name)
            rows.append([products.get(product, product), name, float(np.exp(f.coefficient))])
    return pd.DataFrame(rows, columns=list(WHAT_COUNTS))


def no_model(model: Propensity, products: Mapping[str, str]) -> str:
    """For which products there is no model, and why; that none is offered."""
    if not model.products:
        return say("The params file names no products to offer (offers.products).")
    text = say("{product}: {why}", "of a product")
    return sentences(
        *[
            text.format(product=products.get(p, p), why=because(m))
            for p, m in model.products.items()
            if because(m)
        ]
    )


def unknown_products(settings: Offers, products: Mapping[str, str]) -> str:
    """Products of the params file that the bank does not have."""
    unknown = [p.product for p in settings.products if products and p.product not in products]
    if not unknown:
        return ""
    return say("The bank has no such product, so that it is not offered: {names}.").format(
        names=", ".join(unknown)
    )


#: Products that follow others: column to its type; as in `analysis.opportunities.fitted.Path`.
PATHS = {
    "first": "str",
    "then": "str",
    "n": "int",
    "of": "int",
    "share": "float",
    "low": "float",
    "high": "float",
    "months": "float",
    "months_low": "float",
    "months_high": "float",
}


def paths(patterns: Patterns, products: Mapping[str, str]) -> pd.DataFrame:
    """Products that follow others, the most frequent first: the columns `PATHS`."""
    rows = [
        {
            **p.model_dump(),
            "first": products.get(p.first, p.first),
            "then": products.get(p.then, p.then),
        }
        for p in patterns.paths
    ]
    numbers = [c for c, kind in PATHS.items() if kind == "float"]
    return pd.DataFrame(rows, columns=list(PATHS)).astype(dict.fromkeys(numbers, "float"))


#: Products held together: column to its type; as in `analysis.opportunities.fitted.Bundle`.
BUNDLES = {
    "customer_type": "str",
    "one": "str",
    "other": "str",
    "both": "int",
    "confidence": "float",
    "low": "float",
    "high": "float",
    "base": "float",
    "lift": "float",
    "p_corrected": "float",
}


def bundles(patterns: Patterns, products: Mapping[str, str]) -> pd.DataFrame:
    """Products held together more often than by chance: the columns `BUNDLES`."""
    rows = [
        {
            **b.model_dump(),
            "one": products.get(b.one, b.one),
            "other": products.get(b.other, b.other),
        }
        for b in patterns.bundles
    ]
    return pd.DataFrame(rows, columns=list(BUNDLES))


def assumptions(settings: Offers, consent: bool) -> str:
    """What the list assumes, in words.

    consent: whether the bank says of anybody that he may be contacted.
    """
    assumed = say(
        "Assumed: a contact costs {cost}; offers may take {share} of the weekly capacity of staff "
        "for {weeks} weeks. {holdout} of the customers with an offer are kept without, drawn by "
        "lot, so that next quarter shows what offers add."
    ).format(
        cost=money(settings.contact_cost),
        share=f"{settings.capacity_share:.0%}",
        weeks=settings.weeks,
        holdout=f"{settings.holdout:.0%}",
    )
    if consent:
        return assumed
    return sentences(
        assumed,
        say("The bank delivers no consent to be contacted, so that nobody is left out for it."),
    )
