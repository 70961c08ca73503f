"""Campaigns with a known effect, held again and again by lot and not by lot, and two public data
sets: how often the interval holds the effect, and how well customers are ordered.

    python benchmarks/campaigns.py [--seeds 100] [--public ../shared/data]

Writes the tables of benchmarks/README.md to the terminal. The demo bank has to be prepared
(`make demo`); its customers stay the same, only who is reached, contacted and responds is drawn
anew.
"""

import argparse
from pathlib import Path
from unittest.mock import patch

import ibis
import numpy as np
import pandas as pd

from analysis.campaigns import effects as campaign_effects
from analysis.campaigns import uplift
from analysis.campaigns.effects import Known
from analysis.demo import plan
from analysis.demo.people import make_people
from analysis.demo.selling import campaign_table, make_sales, traits
from analysis.quarters import Quarter
from analysis.sources.params import Campaigns, read_params
from analysis.statistics.intervals import share_interval

PARAMS = Path(__file__).parents[1] / "params" / "demo.yml"


def main() -> None:
    """See the module."""
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--seeds", type=int, default=100)
    options.add_argument("--public", type=Path, default=Path("../shared/data"))
    asked = options.parse_args()
    if asked.seeds:
        coverage(asked.seeds)
    if (mail := asked.public / "hillstrom" / "hillstrom.parquet").exists():
        hillstrom(mail)
    else:
        print(f"{mail} is not there; left out.")


def coverage(seeds: int) -> None:
    """How often the interval holds the planted effect, and how often the placebo shows one."""
    bank = read_params(PARAMS)
    demo = bank.source.demo
    people = make_people(np.random.default_rng([demo.seed, 0]), 0, demo.customers, 4)
    income = traits(people)["income"]
    con = ibis.duckdb.connect(threads=2)
    marts = bank.data_folder / "marts"
    customers = con.read_parquet(f"{marts}/customer_quarter/**/*.parquet", hive_partitioning=False)
    segments = con.read_parquet(f"{marts}/customer_segment/**/*.parquet", hive_partitioning=False)
    campaigns = con.create_table("campaigns", campaign_table())
    known = Known(customers, segments, Campaigns(), bank.min_cell)
    rows = []
    with patch.object(campaign_effects, "uplift", lambda *_: None):
        for seed in range(seeds):
            drawn = make_sales(np.random.default_rng([seed, 5, 77]), people).contacts
            contacts = con.create_table("contacts", drawn, overwrite=True)
            judged = campaign_effects.campaign_effects(
                campaigns, contacts, None, known, Quarter.parse(plan.LAST_QUARTER)
            ).judged
            table = drawn.to_pandas()
            for number, (told, planted) in enumerate(zip(judged, plan.CAMPAIGNS, strict=True)):
                own = table[table["campaign_id"] == f"G{number:03d}"]
                who = own["customer_id"].str[1:].astype(int).to_numpy()
                of_whom = own["treated"].to_numpy() if not planted.randomised else slice(None)
                truth = planted.effect * (income[who] > planted.above)[of_whom].mean()
                found = next(e for e in told.effects if e.outcome == "response")
                rows.append(
                    {
                        "campaign": planted.name,
                        "by lot": planted.randomised,
                        "covered": found.low <= truth <= found.high,
                        "error": found.effect - truth,
                        "plain error": (found.plain or np.nan) - truth,
                        "half": (found.high - found.low) / 2,
                        "placebo": told.placebo is not None
                        and told.placebo.low * told.placebo.high > 0,
                    }
                )
    heads = ["campaign", "by lot", "in the 95 % interval", "mean error", "without what is known"]
    print(f"| {' | '.join([*heads, 'half width', 'placebo'])} |")
    print("|---|---|---|---|---|---|---|")
    for name, part in pd.DataFrame(rows).groupby("campaign", sort=False):
        low, high = share_interval(part["covered"].sum(), len(part))
        print(
            f"| {name} | {part['by lot'].iloc[0]} | {part['covered'].sum()} of {len(part)} "
            f"({low:.0%} to {high:.0%}) | {part['error'].mean():+.4f} | "
            f"{part['plain error'].mean():+.4f} | {part['half'].mean():.4f} | "
            f"{part['placebo'].sum()} |"
        )


def hillstrom(path: Path) -> None:
    """Effects and orders of the customers of a public e-mail experiment."""
    mail = pd.read_parquet(path)
    mail["customer_id"] = np.arange(len(mail)).astype(str)
    flags = ["newbie", "mens", "womens"]
    for column in ("zip_code", "channel"):
        for value in sorted(mail[column].unique()):
            mail[f"{column}_{value}"] = mail[column] == value
            flags.append(f"{column}_{value}")
    mail[flags] = mail[flags].astype(bool)
    columns = {"recency": "none", "history": "log"}
    print("\n| arm | order | Qini area × 1,000 | more than by response alone |")
    print("|---|---|---|---|")
    for arm in ("womens", "mens"):
        part = mail[mail["arm"].isin([arm, "control"])]
        part = part.assign(treated=part["arm"] == arm, response=part["visit"] == 1)
        for r in uplift.uplift(part, columns, flags).rankings:
            ahead = (
                ""
                if r.ahead is None
                else f"{r.ahead:.2f} ({r.ahead_low:.2f} to {r.ahead_high:.2f})"
            )
            print(f"| {arm} | {r.method} | {r.qini:.2f} ({r.low:.2f} to {r.high:.2f}) | {ahead} |")


if __name__ == "__main__":
    main()
