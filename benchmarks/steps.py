"""How long preparing takes, and what is done again after a change.

Usage: steps.py [--against CHECKOUT] [--rounds 3]

Without `--against` only this state is timed. With it (the root of another checkout, with its own
`.venv`) the two prepare the demo bank from nothing in turn. Then one thing after the other is
changed in a prepared demo bank, and the steps that are done again are counted.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import yaml

from analysis.prepare import prepare
from analysis.sources.params import Bank, read_params
from analysis.steps import code
from analysis.storage import PACKAGE, bytes_fingerprint
from analysis.workers import default_jobs

ROOT = Path(__file__).parents[1]


def params(folder: Path, **changes: object) -> Path:
    """params/demo.yml with everything it writes under `folder`."""
    content = yaml.safe_load((ROOT / "params" / "demo.yml").read_text(encoding="utf-8"))
    content.update(data=str(folder / "data"), outputs=str(folder / "outputs"), **changes)
    content["source"]["folder"] = str(folder / "source")
    path = folder / "demo.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def seconds_from_nothing(checkout: Path, folder: Path) -> float:
    """One preparation by the command of a checkout, the demo bank's files being there."""
    shutil.rmtree(folder / "data", ignore_errors=True)
    start = time.perf_counter()
    command = [str(checkout / ".venv" / "bin" / "workbook"), "prepare", str(params(folder))]
    subprocess.run(command, check=True, capture_output=True, cwd=checkout)
    return time.perf_counter() - start


def done_again(bank: Bank) -> Counter[str]:
    """The steps that a preparation does, with how many quarters of each."""
    return Counter(node.step for node in prepare(bank, jobs=default_jobs()).done.steps)


def change_a_complaint(source: Path) -> None:
    """Another text in the newest part of the complaints."""
    path = sorted((source / "complaints").glob("*.parquet"))[-1]
    rows = pd.read_parquet(path)
    rows.loc[rows["received_on"].idxmax(), "text"] = "The counter was closed again."
    rows.to_parquet(path, index=False)


def change_a_row(source: Path) -> None:
    """Another amount of one entry of the last quarter."""
    path = sorted(source.rglob("transactions/**/*2024Q4*.parquet"))[0]
    rows = pd.read_parquet(path)
    row = rows.index[rows["kind"] == "card_payment"][0]
    rows.loc[row, "amount"] = rows.loc[row, "amount"] - 1
    rows.to_parquet(path, index=False)


def with_changed(file: str) -> object:
    """As if a file of the package had another content."""

    def mark(path: Path) -> str:
        return "changed" if path == PACKAGE / file else bytes_fingerprint(path)

    code.function_code.cache_clear()
    return patch.object(code, "_mark", mark)


def said(steps: Counter[str], every: int) -> str:
    """The steps in words."""
    names = ", ".join(f"{name} {count}" for name, count in sorted(steps.items()))
    return f"{sum(steps.values())} of {every}: {names or 'nothing'}"


def main() -> None:
    """Print the figures as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout with its own .venv")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bank = read_params(params(folder))
        every = sum(done_again(bank).values())  # makes the demo bank's files too
        states = {"this state": ROOT}
        if arguments.against:
            states = {"the other": arguments.against.resolve(), **states}
        taken: dict[str, list[float]] = {name: [] for name in states}
        for _round in range(arguments.rounds):
            for name, checkout in states.items():
                taken[name].append(seconds_from_nothing(checkout, folder))
        print("| prepare from nothing | median s | all |\n|---|---|---|")
        for name, seconds in taken.items():
            rounds = ", ".join(f"{s:.1f}" for s in seconds)
            print(f"| {name} | {np.median(seconds):.1f} | {rounds} |")
        if arguments.against:
            pairs = zip(taken["this state"], taken["the other"], strict=True)
            print(f"\nRatio, round by round: {', '.join(f'{a / b:.2f}' for a, b in pairs)}")

        print("\n| changed | steps done again |\n|---|---|")
        print(f"| nothing | {said(done_again(bank), every)} |")
        change_a_complaint(folder / "source")
        print(f"| the text of one complaint | {said(done_again(bank), every)} |")
        change_a_row(folder / "source")
        print(f"| the amount of one entry of the last quarter | {said(done_again(bank), every)} |")
        events = yaml.safe_load(bank.path.read_text(encoding="utf-8"))["events"]
        events[0]["title"] = "Another title"
        bank = read_params(params(folder, events=events))
        print(f"| the title of an event | {said(done_again(bank), every)} |")
        for file in ("voice/comments.py", "statistics/intervals.py", "segmentation/charts.py"):
            with with_changed(file):
                print(f"| `{file}` | {said(done_again(bank), every)} |")
            code.function_code.cache_clear()
            done_again(bank)


if __name__ == "__main__":
    main()
