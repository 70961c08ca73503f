"""Every campaign of the bank, judged by what its control group allows."""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from analysis.campaigns import observed, randomised
from analysis.campaigns.fitted import (
    CampaignEffect,
    CampaignEffects,
    Effect,
    NotJudged,
    OfGroup,
    Overlap,
    Uplift,
)
from analysis.campaigns.uplift import uplift
from analysis.language import Impossible, impossible
from analysis.logit import Transform
from analysis.marts.rows import rows_of
from analysis.quarters import Quarter
from analysis.sources.params import Campaigns
from analysis.statistics.intervals import corrected, difference_of_shares

LEAST = 20  # customers in each arm
SAMPLE = 200_000  # customers of a campaign whose effect on each is looked at
#: What is known before, of customer_quarter; see `analysis.retention.hazard.CANDIDATES`.
COLUMNS: dict[str, Transform] = {
    "tenure_years": "log",
    "age_years": "none",
    "transactions": "log",
    "active_weeks": "none",
    "counterparties": "log",
    "channels_used": "none",
    "cash_share": "none",
    "mobile_share": "none",
    "salary_months": "none",
    "money_in": "asinh",
    "balance_end": "asinh",
    "assets_trend": "none",
    "products_held": "none",
}


#: Outcome to what was known before that goes with it; and ratios of sums.
OUTCOMES: dict[str, str | None] = {
    "response": "products_before",
    "products": "products_before",
    "money_in": "money_in_before",
}
RATIOS = {"money_per_entry": ("money_in", "entries")}


@dataclass(frozen=True)
class Known:
    """What is known of a bank's customers: customer_quarter and customer_segment of many quarters.

    limits: the settings of the params file. least: the smallest group that is shown.
    """

    customers: ir.Table
    segments: ir.Table
    limits: Campaigns
    least: int


def campaign_effects(
    campaigns: ir.Table, contacts: ir.Table, products: ir.Table | None, known: Known, until: Quarter
) -> CampaignEffects:
    """Every campaign begun by the end of a quarter.

    campaigns, contacts, products: of the contract.
    """
    begun = campaigns.filter(_.starts_on <= ibis.literal(until.end))
    if products is not None:
        named = products.select("product_id", product="name")
        begun = begun.left_join(named, "product_id")
    else:
        begun = begun.mutate(product=ibis.null("string"))
    rows = begun.order_by("starts_on", "campaign_id").to_pandas()
    judged = [_judged(row, contacts, known, until) for row in rows.to_dict("records")]
    return CampaignEffects(campaigns=_corrected(judged))


def _judged(
    campaign: dict[str, object], contacts: ir.Table, known: Known, until: Quarter
) -> CampaignEffect | NotJudged:
    start = pd.Timestamp(str(campaign["starts_on"])).date()
    quarter = Quarter.of(start)
    told = {
        "campaign_id": str(campaign["campaign_id"]),
        "name": str(campaign["name"]),
        "product": _text(campaign.get("product")),
        "quarter": str(quarter),
    }
    arms = contacts.filter(_.campaign_id == told["campaign_id"]).group_by("customer_id")
    everyone = arms.aggregate(
        treated=_.treated.any(),
        kept=(~_.treated).any(),
        response=_.response.fill_null(False).any(),
        told=_.response.notnull().any(),
    )
    in_both = int(everyone.filter(_.treated & _.kept).count().to_pyarrow().as_py())
    con = contacts.get_backend()
    arm = con.create_table(
        "campaign__arms", everyone.filter(~(_.treated & _.kept)), temp=True, overwrite=True
    )
    counts = arm.group_by("treated").aggregate(n=_.count(), yes=_.response.sum(), told=_.told.any())
    table = counts.to_pandas().set_index("treated")
    n, m = (int(table["n"].get(side, 0)) for side in (True, False))
    yes, no = (int(table["yes"].get(side, 0)) for side in (True, False))
    known_response = bool(table["told"].any()) if len(table) else False
    if why := _not_to_be_judged(n, m, yes, no, known_response, until, quarter):
        return NotJudged(**told, why=why)
    before, after = (
        rows_of(known.customers, quarter.previous),
        rows_of(known.customers, min(quarter.shifted(1), until)),
    )
    by_lot = _true(campaign.get("randomised"))
    planned = _number(campaign.get("control_share"))
    found = _Found(arm, before, after, rows_of(known.segments, quarter.previous), known, by_lot)
    effects = found.effects()
    if effects is None:
        return NotJudged(
            **told,
            why=impossible(
                "Who was contacted was not drawn by lot, and {share} of those contacted are like "
                "nobody who was not: the two cannot be compared.",
                share=f"{found.overlap.left_out:.0%}" if found.overlap else "–",
            ),
        )
    response = next(e for e in effects if e.outcome == "response")
    groups, same = found.groups()
    return CampaignEffect(
        **told,
        design="randomised" if by_lot else "observed",
        treated=n,
        control=m,
        in_both=in_both,
        planned_control=planned,
        ratio_p=randomised.ratio_p(n, m, planned)
        if by_lot and planned and 0 < planned < 1
        else None,
        effects=effects,
        groups=groups,
        heterogeneity_p=same,
        uplift=found.uplift(),
        overlap=found.overlap,
        placebo=found.placebo(),
        next_control=randomised.next_control(
            n + m, response.control, known.limits.least_effect, known.limits.power
        ),
        **_money(campaign, response, n),
    )


def _not_to_be_judged(
    n: int, m: int, yes: int, no: int, known_response: bool, until: Quarter, quarter: Quarter
) -> Impossible | None:
    if not n + m:
        return impossible("Nobody was contacted in it, as the bank delivers it.")
    if not m:
        return impossible(
            "It has no control group: of {n} customers all were contacted, so that nobody tells "
            "what would have come without it.",
            n=n,
        )
    if not n:
        return impossible("All of its {n} customers are a control group.", n=m)
    if not known_response:
        return impossible("The bank does not deliver who responded.")
    if min(n, m) < LEAST:
        return impossible(
            "{n} customers were contacted and {m} kept as control; {least} of each are needed.",
            n=n,
            m=m,
            least=LEAST,
        )
    if yes + no == n + m:
        return impossible("All of its {n} customers responded, with contact and without.", n=n + m)
    if not yes + no:
        return impossible("None of its {n} customers responded.", n=n + m)
    return None


class _Found:
    """What is found of one campaign.

    arm: customer_id, treated, response. before, after: customer_quarter of the quarter before the
    campaign and of the one after it, or None. segments: customer_segment of the quarter before.
    """

    def __init__(
        self,
        arm: ir.Table,
        before: ir.Table | None,
        after: ir.Table | None,
        segments: ir.Table | None,
        known: Known,
        by_lot: bool,
    ) -> None:
        self.arm, self.before, self.after, self.known = arm, before, after, known
        self.segments, self.by_lot = segments, by_lot
        self.overlap: Overlap | None = None
        self._history: pd.DataFrame | None = None

    @property
    def flags(self) -> list[str]:
        """Which columns of the quarter before say what is held."""
        return [] if self.before is None else [c for c in self.before.columns if c[:4] == "has_"]

    @property
    def history(self) -> pd.DataFrame:
        """A sample of the customers, with what was known of each before; empty without any."""
        if self._history is None:
            self._history = pd.DataFrame()
            if self.before is not None:
                columns = [*COLUMNS, *self.flags, "products_held", "balance_change"]
                rows = self.arm.inner_join(
                    self.before.select("customer_id", *dict.fromkeys(columns)), "customer_id"
                )
                rows = rows.order_by([_.customer_id.hash(), _.customer_id]).limit(SAMPLE)
                self._history = rows.to_pandas()
        return self._history

    def effects(self) -> list[Effect] | None:
        """The effect on each outcome, the response first; None where nothing can be compared."""
        if self.by_lot:
            known = self.before is not None and self.after is not None
            found = randomised.effects_of(
                self._outcomes(), OUTCOMES if known else {"response": None}, RATIOS if known else {}
            )
            if "response" in found:
                return list(found.values())
            return [self._plain()]
        effect = self._without_lot("response")
        return None if effect is None else [effect]

    def _plain(self) -> Effect:
        counts = self.arm.group_by("treated").aggregate(n=_.count(), yes=_.response.sum())
        table = counts.to_pandas().set_index("treated")
        (yes, n), (no, m) = (table.loc[side, ["yes", "n"]] for side in (True, False))
        effect, low, high = difference_of_shares(yes, n, no, m)
        return Effect(
            outcome="response",
            control=no / m,
            treated=yes / n,
            effect=effect,
            low=low,
            high=high,
            plain=effect,
            plain_low=low,
            plain_high=high,
        )

    def _without_lot(self, outcome: str) -> Effect | None:
        if not self._comparable:
            return self._plain()
        effect, self.overlap = observed.on_the_treated(
            self.history, outcome, self._columns(), self._flags()
        )
        return effect

    @property
    def _comparable(self) -> bool:
        arms = self.history["treated"].value_counts() if len(self.history) else pd.Series(dtype=int)
        return len(arms) == 2 and arms.min() >= LEAST

    def _columns(self, without: Sequence[str] = ()) -> dict[str, Transform]:
        """The columns of which something is known."""
        return {
            c: t
            for c, t in COLUMNS.items()
            if c not in without and self.history[c].notna().mean() > 0.5
        }

    def _flags(self) -> list[str]:
        return [c for c in self.flags if self.history[c].notna().all()]

    def _outcomes(self) -> ir.Table:
        """A row a customer, with what tea-tasting compares; nothing empty."""
        rows = self.arm.select(
            "customer_id",
            treated=_.treated.cast("int64"),
            response=_.response.cast("float64"),
        )
        if self.before is None or self.after is None:
            return rows
        for side, suffix in ((self.before, "_before"), (self.after, "")):
            named = side.select(
                id_="customer_id",
                **{
                    f"{name}{suffix}": side[column].fill_null(0).cast("float64")
                    for name, column in (
                        ("products", "products_held"),
                        ("money_in", "money_in"),
                        ("entries", "transactions"),
                    )
                },
            )
            rows = rows.left_join(named, rows.customer_id == named.id_).drop("id_")
        empty = {c: rows[c].fill_null(0.0) for c in rows.columns if c not in ("customer_id",)}
        return rows.mutate(**empty)

    def groups(self) -> tuple[list[OfGroup], float | None]:
        """The effect on each group, of a campaign drawn by lot."""
        if not self.by_lot or self.segments is None:
            return [], None
        rows = self.arm.inner_join(
            self.segments.select("customer_id", "customer_type", "segment"), "customer_id"
        )
        keys = ["customer_type", "segment", "treated", "response"]
        counts = rows.group_by(keys).aggregate(n=_.count()).order_by(keys).to_pandas()
        each = counts.loc[counts.index.repeat(counts["n"])]
        return randomised.by_group(each, max(self.known.least, LEAST))

    def uplift(self) -> Uplift | Impossible | None:
        """Whom it moves, of a campaign drawn by lot with something known before."""
        if not self.by_lot or self.history.empty:
            return None
        return uplift(self.history, self._columns(), self._flags())

    def placebo(self) -> Effect | None:
        """The effect on whether the balance grew in the quarter before the campaign, which it
        cannot have moved; of a campaign not drawn by lot.
        """
        if self.by_lot or not self._comparable or self.history["balance_change"].isna().all():
            return None
        rows = self.history.dropna(subset=["balance_change"])
        rows = rows.assign(grew=rows["balance_change"].astype(float) > 0)
        if rows["grew"].nunique() < 2 or rows["treated"].value_counts().min() < LEAST:
            return None
        # what the outcome is made of tells it, and is left out
        columns = self._columns(without=("balance_end", "assets_trend"))
        return observed.on_the_treated(rows, "grew", columns, self._flags())[0]


def _money(campaign: dict[str, object], response: Effect, treated: int) -> dict[str, float | None]:
    """What the campaign cost and brought, as far as the bank says."""
    fixed, each, value = (
        _number(campaign.get(c)) for c in ("cost", "contact_cost", "response_value")
    )
    cost = None if fixed is None and each is None else (fixed or 0.0) + (each or 0.0) * treated
    if value is None:
        return {"cost": cost}
    gain, low, high = (value * treated * v for v in (response.effect, response.low, response.high))
    paid = cost or 0.0
    return {
        "cost": cost,
        "gain": gain,
        "net": gain - paid,
        "net_low": low - paid,
        "net_high": high - paid,
    }


def _corrected(
    campaigns: list[CampaignEffect | NotJudged],
) -> list[CampaignEffect | NotJudged]:
    """With p-values corrected over all outcomes of all campaigns (Benjamini and Hochberg 1995)."""
    tested = [
        (place, number, effect.p)
        for place, c in enumerate(campaigns)
        if isinstance(c, CampaignEffect)
        for number, effect in enumerate(c.effects)
    ]
    p_values = corrected(pd.Series([p for _place, _number, p in tested], dtype=float))
    by_place = {(place, k): p for (place, k, _p), p in zip(tested, p_values, strict=True)}
    result: list[CampaignEffect | NotJudged] = []
    for place, c in enumerate(campaigns):
        if isinstance(c, CampaignEffect):
            effects = [
                e.model_copy(
                    update={
                        "p_corrected": None
                        if pd.isna(by_place[place, k])
                        else float(by_place[place, k])
                    }
                )
                for k, e in enumerate(c.effects)
            ]
            c = c.model_copy(update={"effects": effects})
        result.append(c)
    return result


def _true(value: object) -> bool:
    return not pd.isna(value) and bool(value)


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)  # type: ignore[arg-type]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
