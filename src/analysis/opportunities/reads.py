"""What is read of products held and of offers."""

from functools import cached_property

import pandas as pd
from ibis import _

from analysis.opportunities.fitted import Likeness, Offers, Patterns, Propensity, UnmetNeeds
from analysis.opportunities.offers import OFFERED
from analysis.partition import MOST_ROWS, flagged
from analysis.retention.reads import RetentionTables


class OpportunityTables(RetentionTables):
    """A partition with what customers hold, and what they are offered."""

    tables: tuple[str, ...] = ("holders", "offers")

    @cached_property
    def products(self) -> dict[str, str]:
        """Product to its name, as the params file or else the bank calls it; the identifier where
        neither does.
        """
        titles = {p.product: p.title for p in self.bank.offers.products if p.title}
        place = "contract/products.parquet"
        path = self.bank.data_folder / place
        self.note(place)
        if not path.exists():
            return titles
        named = pd.read_parquet(path)
        return dict(zip(named["product_id"], named["name"], strict=True)) | titles

    @cached_property
    def holders(self) -> pd.DataFrame:
        """Holders by quarter and product, up to the quarter: quarter, product_id, holders, new (in
        the quarter); withheld, new_withheld: no page shows how many.
        """
        keys = ["quarter", "product_id"]
        counts = self.read(
            self.marts("customer_product", self.quarters, self.own_branch),
            lambda rows: (
                rows.group_by(keys).aggregate(holders=_.count(), new=_.new.sum()).order_by(keys)
            ),
        )
        if counts.empty:
            return pd.DataFrame(columns=[*keys, "holders", "new", "withheld", "new_withheld"])
        by = {"quarter": "quarter", "first": "product_id"}
        counts = flagged(counts, self.not_shown("holders"), "withheld", by)
        return flagged(counts, self.not_shown("new_holders"), "new_withheld", by)

    @cached_property
    def depth(self) -> pd.DataFrame:
        """Products held by the active customers of each quarter: quarter, n, mean, sd; nothing of a
        quarter of which no page shows how many they are.
        """
        sums = self.read(
            self.marts("customer_quarter", self.quarters, self.own_branch),
            lambda rows: (
                rows.filter(_.active & _.products_held.notnull())
                .group_by("quarter")
                .aggregate(
                    n=_.count(), mean=_.products_held.mean(), sd=_.products_held.std(how="sample")
                )
                .order_by("quarter")
            ),
        )
        hidden = set(self.not_shown("active")["quarter"])
        return sums[~sums["quarter"].isin(hidden)] if len(sums) else sums

    @cached_property
    def offers(self) -> pd.DataFrame:
        """customer_offer of the quarter: every customer with every product that is offered and not
        held, and what became of it; of the whole bank the offers made only.
        """
        files = self.mart("customer_offer", self.quarter, self.own_branch)
        if self.own_branch is None:
            return self.read(
                files,
                lambda rows: (
                    rows.filter(_.decision == OFFERED)
                    .order_by([_.expected.desc(), _.customer_id, _.product_id])
                    .limit(MOST_ROWS)
                ),
            )
        return self.read(files, lambda rows: rows.order_by("customer_id", "product_id"))

    @cached_property
    def propensity(self) -> Propensity:
        """The chances of every product, as they can be known at the quarter's end; none where the
        bank delivers no holdings.
        """
        if self.missing_for("customer_product"):
            return Propensity(quarter=str(self.quarter), products={}, compared=[])
        return self.model("propensity", Propensity, self.quarter)

    @cached_property
    def offers_in_figures(self) -> Offers:
        """The offers of the whole bank in figures; none where no chance could be told."""
        if not self.propensity.fitted:
            return Offers(
                quarter=str(self.quarter), consent=True, passed={}, rejected=[], assigned=[]
            )
        return self.model("offers", Offers, self.quarter)

    @cached_property
    def patterns(self) -> Patterns:
        """Which products follow which and go together, of the last quarter that was prepared."""
        if self.missing_for("customer_product"):
            return Patterns(paths=[], bundles=[])
        return self.model("product_patterns", Patterns, self.quarter)

    @cached_property
    def lookalikes(self) -> pd.DataFrame:
        """customer_likeness of the branch: potential customers, the likeliest first; none of the
        whole bank.
        """
        if self.own_branch is None:
            return pd.DataFrame()
        return self.read(
            self.mart("customer_likeness", self.quarter, self.own_branch),
            lambda rows: rows.order_by([_.lift.desc(), _.customer_id]),
        )

    @cached_property
    def likeness(self) -> Likeness:
        """How the holders of what is offered are told from the others, in the whole bank."""
        if self.missing_for("customer_likeness"):
            return Likeness(quarter=str(self.quarter), consent=True, models=[])
        return self.model("likeness", Likeness, self.quarter)

    @cached_property
    def unmet_needs(self) -> UnmetNeeds:
        """Needs that no product meets, in the whole bank."""
        return self.model("unmet_needs", UnmetNeeds, self.quarter)
