"""The pages over all reports: of a branch, of the bank, of the quarter, and the e-mail."""

import re

import pytest
from bs4 import BeautifulSoup

from analysis.runs.index import bars, index_page
from analysis.runs.overview import leagues, overview_page
from analysis.runs.summary import MOST_BYTES, summary_html
from tests.runs.made_up import brief, quarter, to_do


def overview(manifest, branch):
    entries = [e for e in manifest.entries() if e.branch == branch]
    return BeautifulSoup(overview_page(manifest, branch, entries), "html.parser")


def test_what_to_do_first_is_what_most_is_at_stake_of_two_of_a_subject_at_most(tmp_path):
    many = [to_do(f"C{i}", 1000.0 - i, action="Call", file="cases/C.html") for i in range(9)]
    manifest = quarter(
        tmp_path,
        {
            ("B1", "retention"): brief(1, 2, 3, rows=many),
            ("B1", "loyalty"): brief(1, 2, 3, rows=[to_do("Service", who="Counter")]),
            ("B1", "cards"): brief(1, 2, 3, rows=[to_do("RC-1", 5.0)]),
            ("B1", "sums"): brief(1, 2, 3, rows=[to_do("RC-2", 9999.0)], sums_up=True),
        },
    )
    page = overview(manifest, "B1")
    rows = [tr.get_text(" ", strip=True) for tr in page.select("table")[0].select("tbody tr")]
    assert [re.search(r"C\d|RC-\d|Service", row)[0] for row in rows] == [
        "C0",
        "C1",
        "RC-1",
        "Service",
    ]
    link = page.select("table")[0].select("tbody a")[0]["href"]
    assert link == "tables/retention/cases/C.html"


def test_every_subject_has_its_sentences_figures_and_page_on_the_overview(tmp_path):
    """A subject that nobody knew when the overview was written appears on it like any other."""
    manifest = quarter(
        tmp_path,
        {("B1", "loyalty"): brief(1, 2, 3), ("B1", "horoscopes"): brief(5, 6, 7, changed="Stars.")},
        failed=[("B1", "retention", "It broke.")],
        empty=[("B1", "cards", "Not examined: no cards.")],
    )
    page = overview(manifest, "B1")
    text = page.get_text(" ", strip=True)
    assert "Stars. Thus. Do it." in text and "Failed: It broke." in text
    assert "Not examined: no cards." in text
    assert {"loyalty.html", "horoscopes.html", "retention.html", "cards.html"} <= {
        a["href"] for a in page.select("h3 a")
    }
    assert len(page.select("svg.spark")) == 2
    assert "Horoscopes" in index_page(manifest) and "Stars." in summary_html(manifest)


def test_what_waits_is_told_by_how_long(tmp_path):
    told = brief(1, 2, waiting={"Alerts": {"up to 30 days": 2, "more than 180 days": 1}})
    manifest = quarter(tmp_path, {("B1", "cards"): told})
    (table,) = overview(manifest, "B1").select("table")
    assert [c.get_text() for c in table.select("th")] == [
        "Subject",
        "up to 30 days",
        "more than 180 days",
        "Cards: Alerts",
    ]
    assert [c.get_text() for c in table.select("td")] == ["2", "1"]


def test_the_league_puts_branches_apart_only_where_they_differ_beyond_chance(tmp_path):
    counts = {"B1": 20, "B2": 22, "B3": 80}
    told = {(b, "retention"): brief(n, n, n) for b, n in counts.items()}
    manifest = quarter(tmp_path, {("ALL", "retention"): brief(40, 40, 40), **told})
    (league,) = leagues(manifest)
    assert [(place, link.text) for place, link, *_ in league.rows] == [
        (1, "Branch B1"),
        (1, "Branch B2"),
        (3, "Branch B3"),
    ]
    page = overview(manifest, "ALL")
    assert page.select(".leagues a")[0]["href"] == "../B1/retention.html"
    assert not overview(manifest, "B1").select(".leagues")


def test_a_league_of_many_branches_shows_the_first_and_the_last(tmp_path):
    told = {(f"B{i:03}", "retention"): brief(i + 1, i + 1) for i in range(60)}
    (league,) = leagues(quarter(tmp_path, told))
    assert len(league.rows) == 40 and league.left_out == 20
    assert league.rows[0][1].text == "Branch B000" and league.rows[-1][1].text == "Branch B059"


def test_the_index_has_an_arrow_only_where_the_change_is_beyond_chance(tmp_path):
    manifest = quarter(
        tmp_path,
        {("B1", "retention"): brief(20, 20, 80), ("B2", "retention"): brief(20, 20, 21)},
        regions={"B1": "North", "B2": "South"},
        empty=[("B3", "retention", "Not examined.")],
    )
    page = BeautifulSoup(index_page(manifest), "html.parser")
    cells = {tr.th.a.get_text(): tr.find_all("td")[-1] for tr in page.select("table.grid tbody tr")}
    assert "▲" in cells["Branch B1"].get_text() and "▲" not in cells["Branch B2"].get_text()
    assert cells["Branch B3"]["class"] == ["empty"]
    assert page.select_one(cells["Branch B3"].sup.parent["href"]).get_text() == "Not examined."
    assert "North" in page.get_text()


def test_the_bars_are_the_quarters_and_a_gap_is_a_gap():
    told = brief(10, 20, 30).figures[0]
    assert bars(told) == "▁▅█" and bars(brief(1, 2).figures[0]) == ""
    gap = told.model_copy(update={"points": [*told.points, *brief(20).figures[0].points]})
    assert len(bars(gap)) == 4


def test_the_index_of_a_thousand_branches_and_fifteen_reports_is_small(tmp_path):
    """15,000 reports: each its first figure over eight quarters, one branch in ten without data."""
    told = brief(*[20 + 7 * i for i in range(8)])
    briefs = {
        (f"B{b:04}", f"report_{r:02}"): told for b in range(1000) for r in range(15) if b % 10
    }
    empty = [
        (f"B{b:04}", f"report_{r:02}", f"Not examined: the bank does not deliver table_{r}.")
        for b in range(0, 1000, 10)
        for r in range(15)
    ]
    regions = {f"B{b:04}": f"Region {b % 9}" for b in range(1000)}
    manifest = quarter(tmp_path, briefs, regions, empty=empty)
    page = index_page(manifest)
    assert len(page.encode()) < 1_000_000
    assert (
        page.count('<th scope="row">') == 1000
        and page.count('<li id="why-') == 15
        and "▁▂▃" in page
    )


def test_the_email_is_small_with_all_failures_told_of_and_nothing_to_load(tmp_path):
    told = {(f"B{i:04}", "retention"): brief(20, 20, 80, of=900) for i in range(900)}
    failed = [(f"B{i:04}", "loyalty", "x" * 500) for i in range(400)]
    manifest = quarter(tmp_path, {("ALL", "retention"): brief(1, 2), **told}, failed=failed)
    page = summary_html(manifest)
    assert len(page.encode()) < MOST_BYTES
    assert "400 failed" in page and "and 350 more" in page
    assert not re.search(r"<(script|img|link|style)", page) and "href" not in page
    assert "beyond chance" in page and "and 700 more" in page


@pytest.mark.parametrize("branch", ["B1", "ALL"])
def test_texts_of_the_data_are_escaped_on_every_page(tmp_path, branch):
    evil = '<script>alert(1)</script>"'
    told = brief(1, 2, 3, label=evil, changed=evil, rows=[to_do(evil, 1.0, who=evil, action=evil)])
    manifest = quarter(
        tmp_path,
        {(b, "r"): told for b in ("ALL", "B1", "B2")},
        regions={"B1": evil},
        failed=[("B1", "s", evil)],
    )
    for page in (str(overview(manifest, branch)), index_page(manifest), summary_html(manifest)):
        assert "<script>alert" not in page


def test_the_overview_of_a_branch_leads_to_the_branches_and_quarters_beside_it(tmp_path):
    for name in ("2024Q3", "2024Q4"):
        told = {(b, "r"): brief(1, 2) for b in ("ALL", "B1", "B2", "B3")}
        manifest = quarter(tmp_path / name, told, quarter=name)
        for branch in ("ALL", "B1", "B2", "B3"):
            (tmp_path / name / branch / "index.html").write_text("")
    links = {a.get_text(): a["href"] for a in overview(manifest, "B2").select("nav.places a")}
    assert links["‹ Branch B1"] == "../B1/index.html" and "Branch B3 ›" in links
    assert links["‹ 2024Q3"] == "../../2024Q3/B2/index.html" and "2025Q1 ›" not in links
