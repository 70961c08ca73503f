"""The figures of benchmarks/README.md on customer groups and events: against what was planted, on
Berka, and their speed.

Usage: python benchmarks/groups.py [--shared FOLDER] [--seeds N]. Everything is made in a temporary
folder; prints Markdown. This file reads what was planted in the demo bank; nothing that it measures
does.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import yaml
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from analysis.changes import findings
from analysis.demo import plan
from analysis.prepare import prepare
from analysis.quarters import Quarter
from analysis.segmentation import quality
from analysis.segmentation.features import matrix
from analysis.segmentation.fitted import FittedSegmentation
from analysis.segmentation.methods import METHODS, NO_GROUP
from analysis.segmentation.model import labels_by, raw_columns
from analysis.segmentation.scoring import segment_expression
from analysis.sources.params import Bank, read_params
from analysis.steps.readings import mart_files
from analysis.tables import Tables

ROOT = Path(__file__).parents[1]


def prepared(params: str, name: str, source: dict[str, object], **changes: object) -> Bank:
    """The bank of a params file, prepared in a folder of its own."""
    folder = place / name
    folder.mkdir()
    content = yaml.safe_load(
        (ROOT / "params" / params)
        .read_text(encoding="utf-8")
        .replace("${WORKBOOK_SHARED:-../../shared/data}", str(shared))
    )
    content.update(data=str(folder / "data"), outputs=str(folder / "outputs"), **changes)
    content["source"].update(source)
    path = folder / params
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    bank = read_params(path)
    prepare(bank)
    return bank


def demo(seed: int) -> Bank:
    """A demo bank of default size."""
    return prepared(
        "demo.yml",
        f"demo-{seed}",
        made_anew(f"demo-{seed}", seed),
    )


def made_anew(name: str, seed: int) -> dict[str, object]:
    """The source of a demo bank of default size."""
    return {"folder": str(place / name / "source"), "demo": {"customers": 5000, "seed": seed}}


def active(bank: Bank, quarter: object, kind: str) -> pd.DataFrame:
    """Active customers of one type in a quarter."""
    rows = pd.concat(
        pd.read_parquet(f) for f in mart_files(bank.data_folder, "customer_quarter", quarter)
    )
    return rows[rows["active"] & (rows["customer_type"] == kind)].sort_values(
        "customer_id", ignore_index=True
    )


def planted(bank: Bank) -> pd.Series:
    """Customer to planted group."""
    return pd.read_parquet(bank.place(bank.source.folder) / "truth" / "segments").set_index(
        "customer_id"
    )["planted"]


def table(head: list[str], rows: list[list[str]]) -> None:
    """A Markdown table."""
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def spread(values: list[float]) -> str:
    """Median, least and most."""
    return f"{np.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def segmentation(bank: Bank) -> FittedSegmentation:
    """The segmentation in force."""
    return Tables(bank, "ALL", bank.quarters.last).segmentation


def by_method(banks: dict[int, Bank]) -> None:
    """Adjusted Rand index with the planted groups, per method, persons of the fit quarter."""
    found: dict[str, list[float]] = {m: [] for m in METHODS}
    told: dict[str, list[str]] = {m: [] for m in METHODS}
    last, all_types = [], []
    for bank in banks.values():
        rows = active(bank, bank.segmentation.fit_quarter, "personal")
        truth = planted(bank)
        part = segmentation(bank).types["personal"]
        x = matrix(rows, part.features)
        with threadpool_limits(1):
            for name, method in METHODS.items():
                found[name].append(
                    adjusted_rand_score(
                        truth[rows["customer_id"]], method(x, rows, len(part.centres), 0)
                    )
                )
        for m in part.comparison:
            told[m.method] += m.fails
        customers = Tables(bank, "ALL", bank.quarters.last).customers
        customers = customers[customers["active"].astype(bool)]
        all_types.append(adjusted_rand_score(truth[customers["customer_id"]], customers["segment"]))
        customers = customers[customers["customer_type"] == "personal"]
        last.append(adjusted_rand_score(truth[customers["customer_id"]], customers["segment"]))
    table(
        [
            "method",
            "adjusted Rand index, persons, fit quarter",
            "what the report has against it, of so many banks",
        ],
        [
            [
                m,
                spread(found[m]),
                ", ".join(f"{r} {told[m].count(r)}" for r in sorted(set(told[m]))) or "–",
            ]
            for m in METHODS
        ],
    )
    print(
        f"In force, scored in the last quarter, three quarters after the fit: persons "
        f"{spread(last)}, persons and firms {spread(all_types)}; {len(banks)} banks.\n"
    )


def on_other_banks(banks: int) -> None:
    """Adjusted Rand index with the planted groups on banks of other seeds and of other planted
    shares, persons of the quarter in which the groups are found.
    """
    rows, found = [], []
    usual, quarter = plan.PERSONAL, Quarter.parse("2024Q1")
    for seed in range(101, 101 + banks):
        drawn = np.array([g.share for g in usual]) * np.exp(
            np.random.default_rng(seed).normal(0, 0.4, len(usual))
        )
        shares = (drawn / drawn.sum()).round(4)
        shares[0] += 1 - shares.sum()
        plan.PERSONAL = tuple(
            replace(g, share=float(s)) for g, s in zip(usual, shares, strict=True)
        )
        bank = prepared(
            "demo.yml",
            f"other-{seed}",
            made_anew(f"other-{seed}", seed),
            quarters={"first": str(quarter), "last": str(quarter)},
        )
        customers = active(bank, quarter, "personal")
        part = Tables(bank, "ALL", quarter).segmentation.types["personal"]
        rand = adjusted_rand_score(
            planted(bank)[customers["customer_id"]], labels_by(part, customers)
        )
        found.append(rand)
        planted_shares = " ".join(f"{g.name} {g.share:.0%}," for g in plan.PERSONAL).rstrip(",")
        rows.append([str(seed), planted_shares, str(len(part.groups)), f"{rand:.2f}"])
    plan.PERSONAL = usual
    table(["seed", "planted", "groups found", "adjusted Rand index"], rows)
    print(f"Median {spread(found)}; {banks} banks.\n")


def on_berka(bank: Bank) -> None:
    """Silhouette, stability and eta² of ours against RFM quintiles and k-means on raw features,
    same customers.
    """
    part = segmentation(bank).types["personal"]
    rows = active(bank, bank.segmentation.fit_quarter, "personal")
    x = matrix(rows, part.features)
    groups = len(part.centres)
    raw_names = [c for c in raw_columns(part.features) if not c.endswith("_share")] + [
        "cash_share",
        "branch_share",
        "transfer_share",
    ]
    raw = StandardScaler().fit_transform(
        rows[raw_names].astype(float).fillna(rows[raw_names].astype(float).median())
    )

    def raw_k_means(_x: np.ndarray, some: pd.DataFrame, k: int, seed: int) -> np.ndarray:
        values = some[raw_names].astype(float)
        scaled = StandardScaler().fit_transform(values.fillna(values.median()))
        return np.asarray(KMeans(k, n_init=10, random_state=seed).fit(scaled).labels_)

    ways = {
        "ours": (METHODS["k-means"], x, groups),
        "RFM quintiles": (METHODS["rfm"], x, 5),
        "k-means on raw features, standardised": (raw_k_means, raw, groups),
    }
    columns = raw_columns(part.features)
    lines = []
    with threadpool_limits(1):
        for name, (method, own, k) in ways.items():
            label = method(x, rows, k, 0)
            stability, rand = quality.bootstrap_stability(x, rows, method, label, k)
            eta = quality.eta_squared(rows, columns, label)
            sizes = np.bincount(label[label != NO_GROUP])
            lines.append(
                [
                    name,
                    str(len(sizes)),
                    str(sizes.min()),
                    f"{quality.silhouettes(own, label)[0]:.2f}",
                    f"{quality.silhouettes(x, label)[0]:.2f}",
                    f"{min(stability):.2f}",
                    f"{rand:.2f}",
                    f"{np.mean(list(eta.values())):.2f}",
                    f"{max(eta.values()):.2f}",
                ]
            )
    print(
        f"{len(rows):,} customers active in {bank.segmentation.fit_quarter}, "
        f"{len(columns)} features.\n"
    )
    table(
        [
            "way",
            "groups",
            "smallest",
            "silhouette, own space",
            "silhouette, our space",
            "lowest Jaccard",
            "Rand, resampled",
            "mean eta²",
            "largest eta²",
        ],
        lines,
    )


def backtests(banks: dict[str, Bank]) -> None:
    """What followed each event, per bank."""
    lines = []
    for name, bank in banks.items():
        partition = Tables(bank, "ALL", bank.quarters.last)
        for r in findings.backtest(partition.outcomes, bank.events).itertuples():
            if np.isnan(r.followed):
                lines.append([name, r.event, r.outcome, f"{r.n:,}", "–", "–", "–", "–"])
            else:
                lines.append(
                    [
                        name,
                        r.event,
                        r.outcome,
                        f"{r.n:,}",
                        f"{r.followed:.1%} ({r.low:.1%}–{r.high:.1%})",
                        f"{r.base:.1%}",
                        "–" if np.isnan(r.lift) else f"{r.lift:.1f}",
                        "–" if np.isnan(r.p_corrected) else f"{r.p_corrected:.3f}",
                    ]
                )
    table(["bank", "event", "outcome", "n", "followed", "otherwise", "lift", "p, corrected"], lines)


def events_found(banks: dict[int, Bank]) -> None:
    """Recall and precision of the rules on what was planted, over all quarters and banks."""
    same = {
        "salary_stopped": "salary_stopped",
        "competitor_account": "competitor_account",
        "large_inflow": "large_inflow",
        "first_late_payment": "late_payment",
        "woken": "slept_and_woke",
    }
    counted = {rule: [0, 0, 0] for rule in same}
    for bank in banks.values():
        truth = pd.read_parquet(bank.place(bank.source.folder) / "truth" / "life_events")
        found = pd.concat(Tables(bank, "ALL", q).events for q in bank.all_quarters)
        for rule, event in same.items():
            mine, theirs = found[found["event"] == rule], truth[truth["event"] == event]
            for i, n in enumerate(
                (len(mine.merge(theirs, on=["customer_id", "quarter"])), len(theirs), len(mine))
            ):
                counted[rule][i] += n
    table(
        ["rule", "planted", "found", "recall", "precision"],
        [
            [r, f"{t:,}", f"{f:,}", f"{h / t:.2f}", f"{h / f:.2f}"]
            for r, (h, t, f) in counted.items()
        ],
    )


def speed(bank: Bank, rounds: int = 5) -> None:
    """Scoring 1,000,000 customers in the engine, and scikit-learn's predict on the same features in
    memory.
    """
    model = {"personal": segmentation(bank).types["personal"]}
    part = model["personal"]
    source = active(bank, bank.quarters.last, "personal")
    rows = source.sample(1_000_000, replace=True, random_state=0).reset_index(drop=True)
    rows["customer_id"] = np.arange(len(rows)).astype(str)
    con = ibis.duckdb.connect()
    con.create_table("customers", rows)
    expression = con.compile(segment_expression(con.table("customers"), model))
    x = matrix(rows, part.features)
    k_means = KMeans(len(part.centres), n_init=1, random_state=0).fit(x[:10_000])
    k_means.cluster_centers_ = np.array(part.centres)
    took: dict[str, list[float]] = {}

    def timed(name: str, work: object) -> object:
        start = time.perf_counter()
        result = work()  # type: ignore[operator]
        took.setdefault(name, []).append(time.perf_counter() - start)
        return result

    for _round in range(rounds):
        timed(
            "engine, from the table to a table of groups",
            lambda: con.raw_sql(f"CREATE OR REPLACE TABLE scored AS {expression}"),
        )
        by_predict = timed(
            "scikit-learn `predict` alone, features ready in memory", lambda: k_means.predict(x)
        )
        by_numpy = timed("pandas and NumPy, features included", lambda: labels_by(part, rows))
    assert (by_predict == by_numpy).all()
    names = np.array([g.name for g in part.groups])
    scored = (
        con.to_pandas(con.table("scored"))
        .set_index("customer_id")["segment"]
        .reindex(rows["customer_id"])
    )
    assert (scored.to_numpy() == names[by_numpy]).all()
    table(
        ["way", "s, median", "least–most"],
        [[n, f"{np.median(t):.2f}", f"{min(t):.2f}–{max(t):.2f}"] for n, t in took.items()],
    )
    print(
        f"1,000,000 customers, {x.shape[1]} features, {len(names)} groups, "
        f"{os.cpu_count()} cores; all three give every customer the same group.\n"
    )


parser = argparse.ArgumentParser()
parser.add_argument(
    "--shared", default=os.environ.get("WORKBOOK_SHARED", str(ROOT.parent / "shared" / "data"))
)
parser.add_argument("--seeds", type=int, default=10)
arguments = parser.parse_args()
shared = Path(arguments.shared)
with tempfile.TemporaryDirectory() as folder_name:
    place = Path(folder_name)
    print("### Planted groups on banks of other shares\n")
    on_other_banks(arguments.seeds)
    demos = {seed: demo(seed) for seed in range(1, arguments.seeds + 1)}
    print("### Planted groups\n")
    by_method(demos)
    print("### Planted events\n")
    events_found(demos)
    berka = (
        prepared("berka.yml", "berka", {}) if (shared / "berka" / "trans.asc").exists() else None
    )
    if berka:
        print("### Berka\n")
        on_berka(berka)
    print("### Backtests\n")
    backtests({"demo": demos[1], **({"Berka": berka} if berka else {})})
    print("### Speed\n")
    speed(demos[1])
