"""Whole pages of names that are markup, are written from right to left or have 200 letters, in
every language: nothing runs, nothing turns around, nothing is wider than its page.
"""

import pytest

from analysis.cli import app
from tests.browser.test_browser import BEYOND, at_width, browser, requests
from tests.runs.command import call, told

__all__ = ["browser"]

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>{name}{{7*7}}%s"
TURNED = "\u202eאבגד مرحبا\u202b שלום3"
LONG = "W" * 200


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    from tests.conftest import SmallBank

    small = SmallBank(tmp_path_factory.mktemp("hostile") / "small")
    small.tables["branches"][1] = f'B1,"{MARKUP}",{LONG}'
    small.tables["branches"][2] = f"EMPTY,{LONG},{TURNED}"
    small.tables["branches"][3] = f"SMALL,{TURNED},West"
    small.tables["products"] = [
        "product_id,name,kind",
        f"P1,{TURNED},card",
        f"P2,{LONG},savings",
        f'P3,"{MARKUP}",wealth',
    ]
    small.tables["holdings"] = ["holding_id,customer_id,product_id,held_from"] + [
        f"H{i}-{p},C{i},P{p},2021-01-01" for i in range(80) for p in (1, 2, 3) if (i + p) % 3
    ]
    small.tables["campaigns"] = [
        "campaign_id,name,product_id,starts_on,randomised",
        f'G1,"{MARKUP}",P1,2024-05-01,true',
        f"G2,{LONG},P2,2024-05-01,true",
        f"G3,{TURNED},P3,2024-05-01,false",
    ]
    small.tables["contacts"] = ["contact_id,customer_id,campaign_id,treated,response"] + [
        f"N{g}-{i},C{i},G{g},{str(i % 2 == 0).lower()},{str(i % (g + 3) == 0).lower()}"
        for g in (1, 2, 3)
        for i in range(80)
    ]
    small.params["title"] = MARKUP
    small.params["segmentation"]["plans"] = {
        "personal": [
            {"name": TURNED, "when": {"money_in": "high"}, "product": MARKUP, "service": LONG},
            {"name": LONG, "product": TURNED, "owner": MARKUP},
        ]
    }
    small.params["events"] = [
        {
            "name": "busy",
            "title": TURNED,
            "rule": "transactions > 5",
            "expect": "purchase",
            "action": MARKUP,
        },
        {
            "name": "quiet",
            "title": LONG,
            "rule": "transactions < 5",
            "expect": "churn",
            "action": TURNED,
            "owner": LONG,
        },
    ]
    bank = small.bank()
    done = call(app, "run", str(bank.path), "--language", "en", "--language", "zh")
    assert done.exit_code == 0, told(done)
    places = [bank.output_folder / name for name in ("2024Q2", "2024Q2.zh")]
    return [page for place in places for page in sorted(place.rglob("*.html"))]


def test_no_page_turns_what_stands_beside_a_name_around(hostile):
    kinds = set()
    for page in hostile:
        text = page.read_text(encoding="utf-8")
        assert not any(mark in text for mark in "\u202a\u202b\u202d\u202e"), page
        if "אבגד" in text:
            kinds.add((page.parents[1].name, page.name))
            assert text.count("אבגד") == text.count("\u2068אבגד"), page
    for folder in ("2024Q2", "2024Q2.zh"):
        assert (folder, "segmentation.html") in kinds


@pytest.mark.parametrize(("width", "mobile"), [(1280, False), (390, True)])
def test_nothing_runs_and_nothing_is_wider_than_its_page(browser, hostile, width, mobile):
    beyond, said = {}, []
    requests(browser)  # those of other tests
    browser.get_log("browser")
    at_width(browser, width, mobile=mobile)
    try:
        for page in hostile:
            browser.get(page.as_uri())  # an alert would raise
            if found := browser.execute_script(BEYOND, True):
                beyond[str(page.relative_to(page.parents[2]))] = found
            assert browser.find_elements("css selector", "img") == []
    finally:
        at_width(browser, 1280)
    said = [e for e in browser.get_log("browser") if "Content Security Policy" not in e["message"]]
    asked = [u for u in requests(browser) if u.startswith(("http", "ws", "ftp", "//"))]
    assert beyond == {} and asked == [] and said == []
