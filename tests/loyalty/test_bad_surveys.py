"""Surveys as banks really send them: both reports come out, and say what they could not do."""

import re

import numpy as np
import pytest

from analysis.prepare import prepare
from analysis.quarters import Quarter
from analysis.report.stylesheet import script
from analysis.runs.grid import plan_run, run_plan
from analysis.runs.request import Request
from analysis.tables import Tables

Q2 = Quarter.parse("2024Q2")
ITEMS = {"service": ["s1", "s2"], "process": ["p1", "p2"]}


#: Marts and models of the reports loyalty and retention.
READ = (
    "comment_theme customer_quarter customer_segment index_scores survey_items withheld "
    "withheld_texts associations comments drivers index path_model regressions response "
    "customer_call customer_churn customer_left risk_alert risk_party hazard value"
).split()


def surveyed(small, answer, quarters=("2024-02-0", "2024-05-0"), comment="", settings=None):
    """The small bank with a questionnaire a quarter of every customer; answer: customer, item and
    quarter to a score or nothing.
    """
    small.params["loyalty"] = {
        "items": ITEMS,
        "satisfaction": ["c1", "c2"],
        "stated_loyalty": ["r1"],
        "nps": "r1",
        **(settings or {}),
    }
    small.tables["surveys"] = ["survey_id,customer_id,answered_on,comment"]
    small.tables["survey_scores"] = ["survey_id,item,score"]
    small.tables["complaints"] = [
        "complaint_id,customer_id,received_on,text",
        f'Z1,C0,2024-05-03,"{comment}"',
    ]
    for q, month in enumerate(quarters):
        for i in range(83):
            number = f"Q{q}-{i}"
            small.tables["surveys"].append(
                f'{number},C{i},{month}{1 + i % 9},"{comment if i % 2 else ""}"'
            )
            for item in ("s1", "s2", "p1", "p2", "c1", "c2", "r1"):
                score = answer(i, item, q)
                if score is not None:
                    small.tables["survey_scores"].append(f"{number},{item},{score}")
    return small.bank()


def usual(i, item, q):
    rng = np.random.default_rng([i, q, *map(ord, item)])
    felt = np.random.default_rng([i, q, ord(item[0])]).normal(0, 1.5)
    return int(np.clip(round(6 + felt + rng.normal(0, 1)), 1, 10))


@pytest.fixture(autouse=True)
def few_steps(only):
    """What the pages opened here read."""
    only(*READ)


def pages(bank, branches=("B1", "ALL", "SMALL", "EMPTY")):
    prepare(bank)
    request = Request(bank, Q2, branches, ("loyalty", "retention"))
    plan = plan_run(request)
    outcome = run_plan(request, plan, 2, lambda *_: None)
    assert not outcome.failed, outcome.failed
    texts: dict[str, str] = {}
    for file in sorted(plan.folder.glob("*/*.html"), key=lambda f: len(f.name)):
        # each page, and its evidence after it
        name = f"{file.parent.name}/{file.name.split('.')[0]}"
        text = file.read_text(encoding="utf-8").replace(f"<script>{script()}</script>", "")
        texts[name] = texts.get(name, "") + text
    return texts


def test_answers_outside_the_scale_are_set_aside_and_the_others_count(small):
    bank = surveyed(
        small,
        lambda i, item, q: (
            11 if i == 5 and item == "s1" else 0 if i == 6 and item == "s1" else usual(i, item, q)
        ),
    )
    shown = pages(bank, ("ALL",))
    aside = {p.stem for p in (bank.data_folder / "quarantine").glob("*")}
    assert "survey_scores" in aside
    scores = Tables(bank, "B1", Q2).index_scores
    whole = scores[
        (scores["branch_id"] == "ALL") & (scores["segment"] == "") & (scores["quarter"] == "2024Q2")
    ]
    assert whole["mean"].between(0, 100).all()
    assert "Loyalty index" in shown["ALL/loyalty"]


def test_all_equal_answers_say_so_and_have_an_index(small):
    bank = surveyed(small, lambda i, item, q: 7)
    shown = pages(bank, ("ALL", "B1"))
    assert "All answers to" in shown["ALL/loyalty"]
    scores = Tables(bank, "ALL", Q2).index_scores
    assert scores["mean"].round(6).unique().tolist() == [pytest.approx(100 * 6 / 9, abs=1e-4)]
    assert (scores["se"].dropna() < 1e-6).all()
    assert "66.67" in shown["B1/loyalty"] and not re.search(r"\bnan\b", shown["B1/loyalty"])


def test_an_item_that_nobody_answered_is_named_and_does_not_take_its_dimension_along(small):
    bank = surveyed(small, lambda i, item, q: None if item == "p2" else usual(i, item, q))
    pages(bank, ("ALL",))
    assert Tables(bank, "ALL", Q2).path_model.model.unanswered == ["p2"]
    scores = Tables(bank, "ALL", Q2).index_scores
    assert set(scores["dimension"]) >= {
        "index",
        "service",
        "process",
        "satisfaction",
        "stated_loyalty",
    }


def test_three_answers_in_a_branch_show_nothing(small):
    shown = pages(surveyed(small, usual), ("SMALL",))
    body = shown["SMALL/loyalty"].split("<main>")[1].split('id="section-4"')[0]
    assert "There are too few answers for an index" in body and "Weakness" in body
    index = body[
        body.index("Index and dimensions this quarter") : body.index(
            "Index of every customer group"
        )
    ]
    assert index.count("–") >= 5 and ".00 (" not in index


def test_one_quarter_of_surveys_compares_nothing_and_runs(small):
    shown = pages(surveyed(small, usual, quarters=("2024-05-0",)))
    assert "Too few answers in one of the two quarters." in shown["B1/loyalty"]
    assert "Too few quarters with enough answers." in shown["B1/loyalty"]


def test_comments_of_markup_and_of_a_hundred_thousand_characters_do_no_harm(small):
    comment = "<script>alert(1)</script>" + "慢" * 50_000 + "<img src=x onerror=y>" * 2_500
    shown = pages(surveyed(small, usual, comment=comment), ("B1", "ALL"))
    for page in shown.values():
        assert "<script" not in page and "onerror=" not in page and len(page) < 400_000


def test_a_bank_without_surveys_gets_the_behavioural_part(small):
    shown = pages(small.bank(), ("B1",))
    assert "Not examined: the bank does not deliver survey_scores, surveys." in shown["B1/loyalty"]
    assert "Leaving means" in shown["B1/retention"] and "are needed" in shown["B1/retention"]
