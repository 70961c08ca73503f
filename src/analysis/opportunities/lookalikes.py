"""Who may become a customer of a product: by likeness to those who hold it.

Who holds a product is known; of the others it is not known whether they would. A logit tells who is
one of the known holders, and its chance is divided by c, the mean chance of holders that it had not
seen (Elkan and Noto 2008, "Learning classifiers from only positive and unlabeled data", KDD). That
is the chance to be one who would hold it if the holders are drawn at random from all who would,
which is doubtful: they were offered it, or came for it. So it is called likeness, and whether it
says anything is looked at on holders held out, against chance.

Where holders are hardly told from the others, c is near the share of holders, and the likeness of
half of all is 1. So customers are ranked, and their product is chosen, by the lift: how many times
as frequent known holders are among customers like this one as among all.

Holders are never told by the product itself or the number of products; nor by sex, nor by the
credit grade, which a bank gives to those who borrow.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy import stats

from analysis.campaigns.uplift import fold_of
from analysis.language import Impossible, impossible
from analysis.logit import Logit, Transform, chances, fit_logit, needed, scored
from analysis.marts.rows import BEFORE
from analysis.opportunities.fitted import LikenessModel, OfLikeness
from analysis.opportunities.offers import is_held_back
from analysis.opportunities.said import is_said
from analysis.quarters import Quarter
from analysis.retention.hazard import CANDIDATES
from analysis.segmentation.features import Described, described
from analysis.sources.params import OfferedProduct, Offers
from analysis.statistics.intervals import corrected_for_any, share_interval
from analysis.statistics.regression import auc_interval

#: What a potential customer is.
PROSPECT, DORMANT, SINGLE_PRODUCT = "prospect", "dormant", "single_product"
#: What holders are told by, and of whom.
EVERYBODY, BEHAVIOUR = "everybody", "behaviour"
KINDS = {EVERYBODY: (PROSPECT, DORMANT), BEHAVIOUR: (SINGLE_PRODUCT,)}
KNOWN: dict[str, Transform] = {"age_years": "none", "income": "asinh", "tenure_years": "log"}
NOT_BY = ("products_held", "instalments_missed", "felt")  # told by loans, or known of few
COLUMNS: dict[str, dict[str, Transform]] = {
    EVERYBODY: KNOWN,
    BEHAVIOUR: {**KNOWN, **{c: t for c, t in CANDIDATES.items() if c not in NOT_BY}},
}
LEAST = 50  # holders, and others, of a type
SAMPLE = 60_000  # customers of a type
PENALTY = 0.1
STEPS = 4  # a column is cut into five
HELD_OUT = (0, 1)  # folds, of five
HOLDS = "holds_"
#: Potential customers, of each branch the likeliest: column to its type.
#: potential: prospect, dormant, or single_product.
#: likeness: to the holders of the product, 0 to 1. lift: how many times as frequent holders are
#: among customers like this one as among all.
LIKENESS = {
    "customer_id": "string",
    "branch_id": "string",
    "manager_id": "string",
    "product_id": "string",
    "potential": "string",
    "likeness": "float64",
    "lift": "float64",
    "first_reason": "string",
    "second_reason": "string",
    "quarter": "string",
}


def everybody(of_bank: ir.Table, customers: ir.Table, quarter: Quarter) -> ir.Table:
    """Customers of the quarter and prospects: the columns of customer_quarter, of prospects empty
    but for what is known of them, and potential: prospect, dormant, single_product, or empty.

    of_bank: customers of the contract; who has no account of his own in the quarter, and did not
    come after it, is a prospect. customers: customer_quarter.
    """
    end = ibis.literal(quarter.end)
    others = of_bank.filter(_.since.isnull() | (_.since <= end)).anti_join(customers, "customer_id")
    told = others.mutate(
        quarter=ibis.literal(str(quarter)),
        income=_.income.cast("float64"),
        age_years=_years(others.born_on, end),
        tenure_years=_years(others.since, end),
    )
    columns = customers.schema()
    prospects = told.select(
        **{
            c: told[c].cast(kind) if c in told.columns else ibis.null(kind)
            for c, kind in columns.items()
        },
        potential=ibis.literal(PROSPECT),
    )
    single = (customers.products_held <= 1).fill_null(False)
    own = customers.mutate(
        potential=ibis.cases(
            (~customers.active, DORMANT), (customers.active & single, SINGLE_PRODUCT), else_=""
        )
    )
    return own.union(prospects)


def _years(day: ir.Value, end: ir.Value) -> ir.Value:
    days = end.delta(day, unit="day")
    return ibis.ifelse(days >= 0, days / 365.25, ibis.null("float64"))


def held_at_the_end(holdings: ir.Table, quarter: Quarter) -> ir.Table:
    """customer_id and product_id of what is held at the quarter's end, also without an account."""
    end = ibis.literal(quarter.end)
    running = holdings.filter((_.held_from <= end) & (_.held_to.isnull() | (_.held_to >= end)))
    return running.select("customer_id", "product_id").distinct()


def sample_of(people: ir.Table, held: ir.Table, products: Sequence[str]) -> pd.DataFrame:
    """At most 60,000 of each type of customer, chosen by the hash of the identifier, with
    holds_… for every product.
    """
    columns = ["customer_id", "customer_type", "active", *COLUMNS[BEHAVIOUR]]
    parts = [
        people.filter(_.customer_type == kind)
        .select(*columns)
        .order_by([_.customer_id.hash(), _.customer_id])
        .limit(SAMPLE)
        for kind in ("corporate", "personal")
    ]
    sample = ibis.union(*parts)
    flags = held.group_by("customer_id").aggregate(
        **{f"{HOLDS}{p}": (_.product_id == p).any() for p in products}
    )
    rows = sample.left_join(flags, "customer_id").drop("customer_id_right").to_pandas()
    told = {f"{HOLDS}{p}": rows[f"{HOLDS}{p}"].astype("boolean").fillna(False) for p in products}
    return rows.assign(active=rows["active"].astype("boolean").fillna(False), **told)


def fit_likeness(rows: pd.DataFrame, products: Sequence[str]) -> list[LikenessModel]:
    """How the holders of each product are told from the others, by type of customer and by what is
    known; p-values corrected over all.

    rows: as from `sample_of`.
    """
    rows = rows.sort_values("customer_id", ignore_index=True)
    models = []
    for product in products:
        holds = rows[f"{HOLDS}{product}"].astype(bool)
        types = sorted(rows.loc[holds, "customer_type"].unique())
        if not types:
            nobody = impossible("Nobody holds it.")
            models.append(_model(product, "", EVERYBODY, 0, nobody))
        for kind in types:
            of_type = rows["customer_type"] == kind
            for known in COLUMNS:
                own = rows[of_type & (rows["active"].astype(bool) | (known == EVERYBODY))]
                result = _told(own, product, COLUMNS[known])
                n = int((holds & of_type).sum())
                models.append(_model(product, str(kind), known, n, result))
    return _corrected(models)


def _model(
    product: str, kind: str, known: str, holders: int, result: OfLikeness | Impossible
) -> LikenessModel:
    return LikenessModel(
        product=product, customer_type=kind, known=known, holders=holders, result=result
    )


def _told(
    rows: pd.DataFrame, product: str, columns: Mapping[str, Transform]
) -> OfLikeness | Impossible:
    """The model of one product and type, judged on two folds of five that the model judged had not
    seen.
    """
    rows = rows.assign(holds=rows[f"{HOLDS}{product}"].astype(bool)).reset_index(drop=True)
    holders, others = int(rows["holds"].sum()), int((~rows["holds"]).sum())
    if holders < LEAST:
        return impossible("Fewer than {least} customers of the type hold it.", least=LEAST)
    if others < LEAST:
        return impossible("Fewer than {least} customers of the type are without it.", least=LEAST)
    if not any(isinstance(described(rows[c], c, t), Described) for c, t in columns.items()):
        return impossible("Nothing is known of them that tells one from another.")
    unseen = np.isin([fold_of(c) for c in rows["customer_id"]], HELD_OUT)
    judged = rows[unseen].reset_index(drop=True)
    model = _fit(rows[~unseen].reset_index(drop=True), columns)
    chance, holds = chances(judged, model), judged["holds"].to_numpy()
    found, tenth = found_in_likeliest_tenth(chance, holds, judged["customer_id"])
    low, high = share_interval(found, int(holds.sum()))
    auc, auc_low, auc_high = auc_interval(holds, chance)
    logit = _fit(rows, columns)
    return OfLikeness(
        features=logit.features,
        intercept=logit.intercept,
        left_out=logit.left_out,
        holders=holders,
        others=others,
        c=float(chance[holds].mean()),
        held_out=int(holds.sum()),
        found=found,
        share=found / int(holds.sum()),
        low=low,
        high=high,
        auc=auc,
        auc_low=auc_low,
        auc_high=auc_high,
        p=float(stats.hypergeom.sf(found - 1, len(holds), int(holds.sum()), tenth)),
        p_corrected=1.0,
    )


def _fit(rows: pd.DataFrame, columns: Mapping[str, Transform]) -> Logit:
    return fit_logit(rows, "holds", columns, penalty=PENALTY, steps=STEPS)


def found_in_likeliest_tenth(
    chance: np.ndarray, holds: np.ndarray, customer_id: pd.Series
) -> tuple[int, int]:
    """How many holders are in the likeliest tenth, and how many customers that is; of customers who
    are equally likely it is settled by the hash of the identifier.
    """
    lot = [hashlib.sha256(str(c).encode()).hexdigest() for c in customer_id]
    order = np.lexsort((np.array(lot), -chance))
    tenth = max(round(len(chance) / 10), 1)
    return int(holds[order[:tenth]].sum()), tenth


def _corrected(models: list[LikenessModel]) -> list[LikenessModel]:
    p = pd.Series(
        [m.result.p if isinstance(m.result, OfLikeness) else np.nan for m in models], dtype=float
    )
    return [
        m
        if isinstance(m.result, Impossible)
        else m.model_copy(update={"result": m.result.model_copy(update={"p_corrected": float(q)})})
        for m, q in zip(models, corrected_for_any(p), strict=True)
    ]


def likeness_of(
    people: ir.Table, held: ir.Table, models: Sequence[LikenessModel]
) -> ir.Table | None:
    """The likeness of every potential customer to the holders of every product that he does not
    hold, computed where the rows are; None where no model is beyond chance.

    people: as from `everybody`. Returns customer_id, branch_id, manager_id, customer_type,
    product_id, potential, known, likeness, lift, first_reason, second_reason.
    """
    parts = list[ir.Table]()
    about = ("customer_id", "branch_id", "manager_id", "customer_type", "potential")
    for m in models:
        if isinstance(m.result, Impossible) or not m.result.beyond_chance:
            continue
        holders = held.filter(held.product_id == m.product)
        for kind in KINDS[m.known]:
            own = people.filter((_.potential == kind) & (_.customer_type == m.customer_type))
            own = own.anti_join(holders, "customer_id")
            own = needed(own, m.result, *about)
            told = scored(own, m.result, "chance", _unsaid(m.result, kind))
            part = told.select(
                *about,
                "first_reason",
                "second_reason",
                product_id=ibis.literal(m.product),
                known=ibis.literal(m.known),
                likeness=ibis.least(told.chance / m.result.c, 1.0),
                lift=told.chance / m.result.base,
            )
            parts.append(part)
    return (ibis.union(*parts) if len(parts) > 1 else parts[0]) if parts else None


def _unsaid(model: OfLikeness, potential: str) -> set[str]:
    """The reasons that nobody could say of such a customer."""
    reasons = {f"{f.column} {side}" for f in model.features for side in ("high", "low")}
    of_prospects = {r for r in reasons if potential == PROSPECT and r.startswith("tenure_years")}
    return of_prospects | {r for r in reasons if not is_said(r)}


def not_eligible(
    people: ir.Table, before: ir.Table | None, products: Sequence[OfferedProduct]
) -> ir.Table | None:
    """customer_id and product_id of those whom a rule of a product keeps from having it; None
    without rules. A condition that cannot be told is not met, but for a prospect, of whom little is
    known: it has to be asked.

    people: as from `everybody`. before: customer_quarter of the quarter before.
    """
    earlier = people.head(0).drop("potential") if before is None else before
    earlier = earlier.rename({f"{BEFORE}{c}": c for c in earlier.columns})
    may_be = people.filter(_.potential != "")
    joined = may_be.left_join(earlier, [("customer_id", f"{BEFORE}customer_id")])
    con = people.get_backend()
    rows = con.create_table("likeness__rules", joined, temp=True, overwrite=True)
    parts = []
    for product in products:
        if not product.eligible:
            continue
        rule = " AND ".join(f"({text})" for text in product.eligible.values())
        kept = con.sql(
            f"SELECT customer_id FROM {rows.get_name()} "
            f"WHERE NOT coalesce({rule}, potential = '{PROSPECT}')",
            schema=ibis.schema({"customer_id": "string"}),
            dialect="duckdb",
        )
        parts.append(kept.mutate(product_id=ibis.literal(product.product)))
    return (ibis.union(*parts) if len(parts) > 1 else parts[0]) if parts else None


def potential_of_branch(
    pairs: pd.DataFrame,
    settings: Offers,
    quarter: Quarter,
    excluded: Callable[[pd.DataFrame], np.ndarray],
) -> tuple[pd.DataFrame, Counter[tuple[str, ...]]]:
    """The potential customers that a branch can use, each with the product whose holders he is most
    like: the columns `LIKENESS`; and how many there are in all, by product, type of customer,
    what is known of them, and what they are.

    pairs: of one branch, as from `likeness_of`. excluded: pairs to the rule that excludes each,
    empty where none does. Those kept without any offer, by lot, are kept without this one.
    """
    by_lot = pairs["customer_id"].map(lambda c: is_held_back(c, settings)).to_numpy(dtype=bool)
    may = pairs[(excluded(pairs) == "") & ~by_lot]
    ranked = may.sort_values(
        ["lift", "customer_id", "product_id"], ascending=[False, True, True], ignore_index=True
    )
    best = ranked.drop_duplicates("customer_id", ignore_index=True)
    listed = best.head(settings.lookalikes).assign(quarter=str(quarter))
    keys = ["product_id", "customer_type", "known", "potential"]
    return listed[list(LIKENESS)], Counter(best[keys].itertuples(index=False, name=None))


def with_potential(
    models: Sequence[LikenessModel], counts: Counter[tuple[str, ...]]
) -> list[LikenessModel]:
    """The models with how many potential customers of each kind have that product as their best.

    counts: of all branches, as from `potential_of_branch`.
    """
    return [
        m.model_copy(
            update={
                "potential": {
                    kind: counts[m.product, m.customer_type, m.known, kind]
                    for kind in KINDS[m.known]
                }
            }
        )
        if isinstance(m.result, OfLikeness) and m.result.beyond_chance
        else m
        for m in models
    ]
