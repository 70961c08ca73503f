"""Whether the bank's campaigns worked."""

import ibis.expr.types as ir

from analysis.campaigns.fitted import CampaignEffects
from analysis.steps.declaration import SO_FAR, At, Model, mart, step, table


@step(
    latest=1,  # what a campaign did is told again each quarter, with all that is known
    writes=Model("campaign_effects", CampaignEffects),
    reads={
        "campaigns": table("campaigns"),
        "contacts": table("contacts"),
        "products": table("products", optional=True),
        "customers": mart("customer_quarter", SO_FAR),
        "segments": mart("customer_segment", SO_FAR),
    },
    settings=("min_cell", "campaigns"),
)
def campaign_effects(
    at: At,
    campaigns: ir.Table,
    contacts: ir.Table,
    products: ir.Table | None,
    customers: ir.Table,
    segments: ir.Table,
) -> CampaignEffects:
    """What every campaign begun so far did, and for whom."""
    from analysis.campaigns.effects import Known
    from analysis.campaigns.effects import campaign_effects as judged

    known = Known(customers, segments, at.setting("campaigns"), at.setting("min_cell"))
    return judged(campaigns, contacts, products, known, at.quarter)
