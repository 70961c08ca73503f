"""Every word on a page passes through gettext: with the language `pseudo` each of them stands in
brackets.
"""

import html
import re

import pytest

from analysis import language
from analysis.contract import CONTRACT
from analysis.quarters import Quarter
from analysis.runs.catalogue import REPORTS
from analysis.runs.grid import plan_run, run_plan
from analysis.runs.request import Request
from analysis.tables import Tables


@pytest.fixture(scope="module")
def pages(demo, tmp_path_factory):
    quarter = Quarter.parse("2024Q4")
    # where no other test leaves pages: the overview and the index tell of all there are
    bank = demo.model_copy(update={"outputs": str(tmp_path_factory.mktemp("pseudo"))})
    request = Request(bank, quarter, ("ALL",), language="pseudo")
    plan = plan_run(request)
    outcome = run_plan(request, plan, 2, lambda *_: None)
    assert not outcome.failed, outcome.failed
    files = (plan.folder / "ALL").glob("*.html")
    cases = list((plan.folder / "ALL").glob("tables/*/cases/*.html"))[:1]
    yield {
        **{f.stem: f.read_text(encoding="utf-8") for f in files if f.name != "index.html"},
        **{
            name: f.read_text(encoding="utf-8")
            for name, f in (
                ("overview", plan.folder / "ALL" / "index.html"),
                ("index", plan.folder / "index.html"),
                ("case", cases[0]),
            )
        },
    }
    language.use("en")


def words(page):
    """The texts a reader sees, without code, style, provenance and what is bracketed."""
    page = page[page.index("<body") : page.rindex("<script>")]
    page = page.split("<footer>")[0]
    page = re.sub(r"<(details|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    page = re.sub(r"<!--.*?-->", "", page, flags=re.DOTALL)
    texts = [html.unescape(t) for t in re.findall(r">([^<]+)<", page)]
    joined = " ".join(texts)
    while "⟦" in joined and (inner := re.sub(r"⟦[^⟦⟧]*⟧", " ", joined)) != joined:
        joined = inner
    return set(re.findall(r"\b[A-Za-z]{4,}\b", joined))


@pytest.mark.parametrize("report", [*REPORTS, "overview", "index", "case"])
def test_no_word_bypasses_translation(pages, report, demo):
    whole = Tables(demo, "ALL", Quarter.parse("2024Q4"))
    from_data = " ".join(
        [
            *[
                " ".join(map(str, g.model_dump().values()))
                for p in whole.segmentation.types.values()
                for g in p.groups
            ],
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
            " ".join(f.low.model_dump_json() for f in whole.texts.languages.values()),
            *whole.products.values(),
            *[c.name for c in whole.campaigns.campaigns],
            *[n.bank for n in whole.unmet_needs.needs],
            *[tier.name for tier in demo.data_health.tiers],
            # tables, columns and rules are called as in the contract and the bank's files
            *CONTRACT,
            *[c.name for table in CONTRACT.values() for c in table.columns],
            "allowed reference future required minimum maximum pattern type",
            *[rule for p in demo.offers.products for rule in (*p.eligible, *p.suits)],
            "Xuhui River Park Maple Court Harbour View Developer compound developer "
            "Everyday Digital",
        ]
    )
    behind = pages.get(f"{report}.evidence", "<body><script>")
    texts = words(pages[report]) | words(behind)
    assert texts - set(re.findall(r"[A-Za-z]{4,}", from_data)) == set()
