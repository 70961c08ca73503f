"""What was planted in the loyalty of demo banks, found again: drivers, weaknesses, departures; and
the path model's time.

Run `.venv/bin/python benchmarks/loyalty.py --seeds 50 --plspm
/path/to/an/environment/with/plspm/0.5.7`; prints Markdown tables.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from sklearn.metrics import adjusted_mutual_info_score
from threadpoolctl import threadpool_limits

from analysis.loyalty import findings
from analysis.loyalty.partial_least_squares import Structure, bootstrap, fit
from analysis.prepare import prepare
from analysis.quarters import Quarter
from analysis.retention.fitted import HeldOutQuarter
from analysis.sources.params import Bank, read_params
from analysis.statistics.intervals import share_interval
from analysis.tables import Tables
from analysis.voice.comments import cleaned, fit_themes, nearest_theme, words, words_of_low_scores

ROOT = Path(__file__).parents[1]
LAST = Quarter.parse("2024Q4")
EARLIER = {"previous_quarter": "2024Q3", "year_ago": "2023Q4"}


def table(head: list[str], rows: list[list[str]]) -> None:
    """A Markdown table on standard output."""
    print("| " + " | ".join(head) + " |", "|" + "---|" * len(head), sep="\n")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def read(name: str, place: Path, **source: object) -> Bank:
    """A bank of params/, with everything it writes in a place of its own."""
    content = yaml.safe_load((ROOT / "params" / name).read_text(encoding="utf-8"))
    content.update(data=str(place / "data"), outputs=str(place / "outputs"))
    content["source"].update(source)
    place.mkdir(parents=True, exist_ok=True)
    path = place / name
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return read_params(path)


def one_bank(seed: int) -> dict[str, object]:
    """What is found in the demo bank of a seed, against what was planted in it."""
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        bank = read(
            "demo.yml", place, folder=str(place / "source"), demo={"customers": 5000, "seed": seed}
        )
        prepare(bank)
        truth = json.loads(
            (place / "source" / "truth" / "loyalty.json").read_text(encoding="utf-8")
        )
        partition = Tables(bank, "ALL", LAST)
        shares, weights = (
            {p.source: p for p in model.paths if p.target == "satisfaction"}
            for model in (partition.path_model.model, partition.index_model.model)
        )
        inside = {
            d: (
                p.share_low <= truth["drivers"][d] <= p.share_high,
                weights[d].share_low <= truth["drivers"][d] <= weights[d].share_high,
            )
            for d, p in shares.items()
        }
        weak = findings.weaknesses(
            partition.index_scores,
            "ALL",
            str(LAST),
            EARLIER,
            dict.fromkeys(truth["drivers"], 0.25),
            bank.loyalty.actions,
            bank.min_cell,
        )
        fall = (f"B{truth['fall']['branch'] + 1:03d}", truth["fall"]["dimension"])
        named = set(zip(weak["branch_id"], weak["dimension"], strict=True))
        effects = np.array(truth["branch_effects"])
        false = []
        for branch, dimension in named - {fall}:
            at, d = int(branch[1:]) - 1, list(truth["drivers"]).index(dimension)
            if effects[at, d] >= np.delete(effects[:, d], at).mean():
                false.append((branch, dimension))
        outside = findings.control(partition.index_scores, "ALL", str(LAST), bank.min_cell)
        churn = partition.hazard.types["personal"].held_out
        return {
            "inside": inside,
            "shares": {d: p.share for d, p in shares.items()},
            "found": fall in named,
            "false": false,
            "also": len(named - {fall}) - len(false),
            "outside": int(outside.loc[outside["quarter"] == str(LAST), "outside"].sum()),
            "churn": churn,
        }


def spread(values: list[float], digits: int = 2) -> str:
    """Median and range."""
    return f"{np.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def planted(seeds: int, jobs: int) -> None:
    """Coverage of the drivers, the weak process found, false alarms, and the churn model, over demo
    banks.
    """
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        banks = []
        for seed, found in enumerate(pool.map(one_bank, range(1, seeds + 1)), 1):
            banks.append(found)
            print(
                seed, found["found"], found["false"], found["inside"], file=sys.stderr, flush=True
            )
    rows = []
    planted_shares = {"product": 0.30, "service": 0.40, "process": 0.20, "campaign": 0.10}
    everything = [0, 0]
    for d, truth in planted_shares.items():
        now, fitted = (sum(b["inside"][d][i] for b in banks) for i in (0, 1))  # type: ignore[index]
        everything = [everything[0] + now, everything[1] + fitted]
        low, high = share_interval(now, seeds)
        rows.append(
            [
                d,
                f"{truth:.2f}",
                spread([b["shares"][d] for b in banks], 3),
                f"{now} of {seeds}, {now / seeds:.0%} ({low:.0%}–{high:.0%})",
                f"{fitted} of {seeds}",
            ]
        )  # type: ignore[index]
    rows.append(
        [
            "all four",
            "",
            "",
            f"{everything[0]} of {4 * seeds}, {everything[0] / 4 / seeds:.1%}",
            f"{everything[1]} of {4 * seeds}, {everything[1] / 4 / seeds:.1%}",
        ]
    )
    table(
        [
            "dimension",
            "planted share",
            "estimated, last year",
            "inside its 95 % interval, last year",
            "inside, year of the index's weights",
        ],
        rows,
    )
    alarms = sum(bool(b["false"]) for b in banks)
    low, high = share_interval(alarms, seeds)
    tested = 4 * 4 * 3
    table(
        ["what", "figure"],
        [
            [
                "the planted weak process of one branch found",
                f"{sum(bool(b['found']) for b in banks)} of {seeds} banks",
            ],
            [
                "banks with a weakness where none was planted",
                f"{alarms} of {seeds}, {alarms / seeds:.0%} ({low:.0%}–{high:.0%})",
            ],
            [
                "false among all comparisons",
                f"{sum(len(b['false']) for b in banks)} of {tested * seeds:,}",
            ],  # type: ignore[arg-type]
            [
                "other weaknesses named, of branches planted below the others",
                str(sum(int(b["also"]) for b in banks)),
            ],  # type: ignore[call-overload]
            [
                "control chart of the whole bank, outside in the last quarter (8 charts a bank)",
                f"{sum(int(b['outside']) for b in banks)} of {8 * seeds}",
            ],  # type: ignore[call-overload]
        ],
    )
    churn = [b["churn"] for b in banks]
    slopes = sum(c["slope_low"] <= 1 <= c["slope_high"] for c in churn)  # type: ignore[index]
    table(
        ["churn, persons, last quarter held out", "median and range over the banks"],
        [
            [
                "customers, departures",
                f"{spread([c['n'] for c in churn], 0)}, {spread([c['events'] for c in churn], 0)}",
            ],  # type: ignore[index]
            ["AUC", spread([c["auc"] for c in churn])],  # type: ignore[index]
            [
                "Brier score (of the mean chance alone)",
                f"{spread([c['brier'] for c in churn], 4)} "
                f"({spread([c['brier_base'] for c in churn], 4)})",
            ],  # type: ignore[index]
            [
                "calibration slope",
                f"{spread([c['slope'] for c in churn])}; 1 inside its 95 % interval in "
                f"{slopes} of {seeds}",
            ],  # type: ignore[index]
            [
                "told, came",
                f"{spread([c['predicted'] for c in churn], 4)}, "
                f"{spread([c['observed'] for c in churn], 4)}",
            ],  # type: ignore[index]
        ],
    )


def churn_row(name: str, told: HeldOutQuarter) -> list[str]:
    """One bank's churn model in its last quarter."""
    return [
        name,
        f"{told.n:,}",
        str(told.events),
        f"{told.auc:.2f} ({told.auc_low:.2f}–{told.auc_high:.2f})",
        f"{told.brier:.4f}",
        f"{told.brier_base:.4f}",
        f"{told.slope:.2f} ({told.slope_low:.2f}–{told.slope_high:.2f})",
        f"{told.predicted:.1%}",
        f"{told.observed:.1%}",
    ]


def churn_of_two(shared: Path) -> None:
    """The churn model of the demo bank as it comes, and of Berka."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        demo = read(
            "demo.yml",
            place / "demo",
            folder=str(place / "demo" / "source"),
            demo={"customers": 5000, "seed": 7},
        )
        prepare(demo)
        rows.append(churn_row("demo", Tables(demo, "ALL", LAST).hazard.types["personal"].held_out))
        if (shared / "berka" / "trans.asc").exists():
            berka = read("berka.yml", place / "berka", folder=str(shared / "berka"))
            prepare(berka)
            rows.append(
                churn_row(
                    "Berka",
                    Tables(berka, "ALL", berka.quarters.last).hazard.types["personal"].held_out,
                )
            )
    table(
        [
            "bank",
            "customers",
            "departures",
            "AUC",
            "Brier",
            "Brier, mean alone",
            "calibration slope",
            "told",
            "came",
        ],
        rows,
    )


PLSPM = """
import json, sys, time
import pandas as pd
import plspm.config as c
from plspm.plspm import Plspm
from plspm.scheme import Scheme
from plspm.mode import Mode
spec = json.load(open(sys.argv[1])); data = pd.read_csv(sys.argv[2])
structure = c.Structure()
for target, sources in spec["paths"].items():
    structure.add_path(sources, [target])
matrix = structure.path()
def config():
    made = c.Config(matrix, scaled=False)
    for block, items in spec["blocks"].items():
        made.add_lv(block, Mode.A, *[c.MV(i) for i in items])
    return made
def timed(**more):
    start = time.perf_counter()
    model = Plspm(data, config(), Scheme.CENTROID, **more)
    return time.perf_counter() - start, model
timed()
one = sorted(timed()[0] for _ in range(5))[2]
start = time.perf_counter()
Plspm(
    data, config(), Scheme.CENTROID, bootstrap=True, bootstrap_iterations=500, processes=2
)
many = time.perf_counter() - start
print(json.dumps({"one": one, "many": many}))
"""


def path_model(shared: Path, plspm: str) -> None:
    """The path model on the published survey: against its reference, and its time against
    plspm's.
    """
    folder = shared / "satisfaction"
    reference = json.loads((folder / "reference.json").read_text())
    paths: dict[str, list[str]] = {}
    for name in reference["paths"]:
        source, target = name.split("->")
        paths.setdefault(target, []).append(source)
    answers, structure = (
        pd.read_csv(folder / "satisfaction.csv"),
        Structure(reference["blocks"], paths),
    )
    found = fit(answers, structure)
    differences = [
        abs(v - reference["paths"][f"{s}->{t}"])
        for s, t, v in found.paths[["source", "target", "path"]].itertuples(index=False)
    ]
    blocks, outer = found.blocks.set_index("block"), found.outer.set_index("item")
    for name, column in (
        ("r_squared", "r_squared"),
        ("ave", "ave"),
        ("cronbach_alpha", "alpha"),
        ("dillon_goldstein_rho", "rho"),
    ):
        differences += [abs(blocks.loc[b, column] - v) for b, v in reference[name].items()]
    differences += [
        abs(outer.loc[i, c] - v[c])
        for i, v in reference["outer"].items()
        for c in ("weight", "loading")
    ]
    differences.append(abs(found.goodness_of_fit - reference["goodness_of_fit"]))
    one, many = [], []
    for _round in range(5):
        start = time.perf_counter()
        fit(answers, structure)
        one.append(time.perf_counter() - start)
        start = time.perf_counter()
        bootstrap(answers, structure, 500)
        many.append(time.perf_counter() - start)
    rows = [["ours", f"{np.median(one) * 1000:.1f} ms", f"{np.median(many):.2f} s"]]
    if plspm:
        with tempfile.TemporaryDirectory() as place:
            script, spec = Path(place) / "time.py", Path(place) / "spec.json"
            script.write_text(PLSPM)
            spec.write_text(json.dumps({"blocks": reference["blocks"], "paths": paths}))
            done = subprocess.run(
                [
                    str(Path(plspm) / "bin" / "python"),
                    "-W",
                    "ignore",
                    str(script),
                    str(spec),
                    str(folder / "satisfaction.csv"),
                ],
                capture_output=True,
                text=True,
                check=True,
            )
        other = json.loads(done.stdout.splitlines()[-1])
        rows.append(
            [
                "plspm 0.5.7, with pandas 2",
                f"{other['one'] * 1000:.1f} ms",
                f"{other['many']:.2f} s",
            ]
        )
        rows.append(
            [
                "ratio",
                f"{other['one'] / np.median(one):.0f} ×",
                f"{other['many'] / np.median(many):.0f} ×",
            ]
        )
    print(
        f"{len(answers)} answers, {len(structure.items)} items; largest difference from "
        f"the reference over {len(differences)} estimates: {max(differences):.1e}.\n"
    )
    table(["path model", "one fit, intervals aside", "500 bootstrap samples"], rows)


def comments(shared: Path) -> None:
    """Themes and telling words of real comments in both languages."""
    english = pd.read_csv(shared / "comments" / "app_en.csv")
    chinese = (shared / "comments" / "app_zh.txt").read_text(encoding="utf-8").splitlines()
    questions = pd.read_csv(shared / "questions-zh" / "questions.csv")
    with threadpool_limits(1):
        for name, texts in (
            ("Chinese", chinese),
            ("English", english["review_text"].tolist()),
            ("Chinese questions", questions["question"].tolist()),
        ):
            start = time.perf_counter()
            tokens = [words(cleaned(t)) for t in texts]
            model = fit_themes(tokens)
            number, _nearness = nearest_theme(tokens, model)
            took = time.perf_counter() - start
            given = number >= 0
            print(
                f"**{name}**: {len(texts):,} comments, {len(model.themes)} themes "
                f"(coherence {model.coherence:.2f}), {given.mean():.0%} given one, "
                f"{took:.1f} s.\n"
            )
            counts = np.bincount(number[given], minlength=len(model.themes))
            table(
                ["theme: its eight heaviest words", "comments"],
                [[" ".join(model.themes[i][:8]), f"{counts[i]:,}"] for i in np.argsort(-counts)],
            )
            if name == "Chinese questions":
                agreement = adjusted_mutual_info_score(questions["subject"], number)
                print(
                    f"Adjusted mutual information with the {questions['subject'].nunique()} "
                    f"subjects somebody gave, all questions: {agreement:.2f}.\n"
                )
            if name == "English":
                agreement = adjusted_mutual_info_score(english["theme"][given], number[given])
                low = words_of_low_scores(tokens, (english["rating"] <= 2).to_numpy())
                print(
                    f"Adjusted mutual information with the {english['theme'].nunique()} "
                    f"themes somebody else gave: {agreement:.2f}. Words tell a rating of 1 "
                    f"or 2 with a cross-validated AUC of {low.auc:.2f} "
                    f"({low.auc_low:.2f}–{low.auc_high:.2f}; {low.low} of "
                    f"{low.texts:,}); most telling: "
                    f"{', '.join(w.word for w in low.words[:10])}.\n"
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--shared", default=os.environ.get("WORKBOOK_SHARED", str(ROOT.parent / "shared" / "data"))
    )
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--plspm", default="", help="an environment with plspm 0.5.7 and pandas 2")
    arguments = parser.parse_args()
    place_of_data = Path(arguments.shared)
    print("### The path model\n")
    path_model(place_of_data, arguments.plspm)
    print("### Comments\n")
    comments(place_of_data)
    print("### Departures\n")
    churn_of_two(place_of_data)
    print(f"### Planted loyalty, {arguments.seeds} demo banks\n")
    planted(arguments.seeds, arguments.jobs)
