"""Fan-in on AMLSim's sample: precision and recall by account, against its labels, which nothing but
this file reads.

Usage: python benchmarks/patterns.py [--shared FOLDER]; prints Markdown.
"""

import argparse
import os
import time
from pathlib import Path

import ibis
import pandas as pd

from analysis.risk.patterns import fan_in, members
from analysis.statistics.intervals import share_interval

ROOT = Path(__file__).parents[1]
parser = argparse.ArgumentParser()
parser.add_argument(
    "--shared", default=os.environ.get("WORKBOOK_SHARED", str(ROOT.parent / "shared" / "data"))
)
folder = Path(parser.parse_args().shared) / "amlsim"
fraud = pd.read_csv(folder / "nodes.csv").set_index("nodeid")["isFraud"].astype(bool)
rows = pd.read_csv(folder / "transactions.csv")
rows = pd.DataFrame(
    {
        "transaction_id": rows.index.astype(str),
        "payer": rows["sourceNodeId"].astype(str),
        "payee": rows["targetNodeId"].astype(str),
        "booked_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rows["time"], unit="D"),
        "amount": rows["value"],
    }
)
con = ibis.duckdb.connect()
con.raw_sql("SET enable_progress_bar = false")
transfers = con.create_table("transfers", rows)
print(
    f"{len(rows):,} transfers, {len(fraud):,} accounts, {fraud.sum()} labelled. An account "
    f"is flagged as a hub or as a payer of one.\n"
)
print(
    "| window, days | payers, at least | payments of each | amounts alike within | flagged "
    "| precision | recall | s |\n|---|---|---|---|---|---|---|---|"
)
for days, least, each, tolerance in [
    (10, 4, 1, None),
    (10, 4, 1, 0.3),
    (30, 4, 1, 0.1),
    (30, 2, 3, None),
    (30, 2, 3, 0.3),
    (60, 2, 3, None),
    (120, 2, 3, None),
    (120, 2, 3, 0.5),
    (120, 3, 3, 0.5),
]:
    start = time.perf_counter()
    fans = fan_in(transfers, days, least, tolerance, each)
    pays = (
        members(transfers, fans, days, tolerance)
        .group_by("payer", "payee")
        .aggregate(n=ibis._.count())
    )
    found = con.to_pandas(pays.filter(ibis._.n >= each))
    took = time.perf_counter() - start
    flagged = {int(a) for a in {*found["payer"], *found["payee"]}}
    right = sum(bool(fraud[a]) for a in flagged)
    low, high = share_interval(right, len(flagged))
    recall_low, recall_high = share_interval(right, fraud.sum())
    print(
        f"| {days} | {least} | {each} | "
        f"{'any' if tolerance is None else f'{tolerance:.0%}'} | {len(flagged):,} | "
        f"{right / max(len(flagged), 1):.2f} ({low:.2f}–{high:.2f}) | "
        f"{right / fraud.sum():.2f} ({recall_low:.2f}–{recall_high:.2f}) | {took:.1f} |"
    )
