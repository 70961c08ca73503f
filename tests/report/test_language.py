"""Every word on a page passes through gettext: with the language `pseudo` each of them stands in
brackets.
"""

import html
import json
import re

import pytest

from analysis.partition import Partition
from analysis.quarters import Quarter
from analysis.runs.catalogue import REPORTS
from analysis.runs.grid import plan_run, run_plan


@pytest.fixture(scope="module")
def pages(demo):
    quarter = Quarter.parse("2024Q4")
    plan = plan_run(demo, quarter, ["ALL"], [], [], "pseudo")
    outcome = run_plan(demo, quarter, plan, 2, "pseudo", lambda *_: None)
    assert not outcome.failed, outcome.failed
    return {f.stem: f.read_text(encoding="utf-8") for f in (plan.folder / "ALL").glob("*.html")}


def words(page):
    """The texts a reader sees, without code, style, provenance and what is bracketed."""
    page = page[page.index("<body>") : page.index("<footer>")]
    page = re.sub(r"<(details|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    page = re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    texts = [html.unescape(t) for t in re.findall(r">([^<]+)<", page)]
    joined = re.sub(r"⟦[^⟦⟧]*⟧", "", re.sub(r"⟦[^⟦⟧]*⟧", "", " ".join(texts)))
    return set(re.findall(r"\b[A-Za-z]{4,}\b", joined))


@pytest.mark.parametrize("report", REPORTS)
def test_no_word_bypasses_translation(pages, report, demo):
    from analysis.models.build import read_model

    model, whole = (
        read_model(demo, "segmentation")["types"],
        Partition(demo, "ALL", Quarter.parse("2024Q4")),
    )
    from_data = " ".join(
        [
            *[" ".join(map(str, g.values())) for p in model.values() for g in p["groups"]],
            *[f"{e.title} {e.rule} {e.action}" for e in demo.events],
            *demo.loyalty.all_items,
            *[f"{m.action} {m.owner}" for m in demo.loyalty.actions.values()],
            demo.retention.left_title,
            " ".join(whole.comments[["theme", "quotation"]].stack()),
            " ".join(
                [
                    *whole.alert_history["why"],
                    *whole.branches["region"],
                    *whole.customers["region"].dropna().unique(),
                ]
            ),  # as staff and the bank write them
            json.dumps(
                [
                    f["low"]
                    for f in read_model(demo, "loyalty-2024Q4")["comments"]["languages"].values()
                ]
            ),
            "Xuhui River Park Maple Court Harbour View Developer compound developer "
            "Everyday Digital",
        ]
    )
    assert words(pages[report]) - set(re.findall(r"[A-Za-z]{4,}", from_data)) == set()
