"""A reader's way through the pages in a real browser that is not allowed to ask anybody
anything.
"""

import json
import re
from pathlib import Path

import pytest

from analysis.cli import app
from tests.conftest import left_out, program
from tests.runs.command import call, told

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
INSTALL = "Install it with: apt-get install chromium chromium-driver fonts-noto-cjk."


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        left_out("selenium", "make test installs it.")
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", INSTALL)
    for flag in [
        *FLAGS,
        "--window-size=1280,900",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(program("chromedriver", INSTALL)))
    yield driver
    driver.quit()


def requests(browser):
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    return [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]


@pytest.fixture(scope="module")
def folder(demo):
    branches = ("--branch", "B001", "--branch", "ALL")
    both = ("--language", "en", "--language", "zh")
    result = call(app, "run", str(demo.path), *branches, *both)
    assert result.exit_code == 0, told(result)
    return demo.output_folder / "2024Q4"


def test_from_the_index_to_a_section_without_a_request_or_an_error(browser, folder):
    browser.get((folder / "index.html").as_uri())
    browser.find_element("css selector", "td a").click()
    assert browser.current_url.endswith("/ALL/segmentation.html")
    links = browser.find_elements("css selector", "nav.contents li a")
    assert [link.text for link in links] == [
        "The groups",
        "What they are like",
        "What to do for each group",
        "Value, cost and risk",
    ]
    links[2].click()
    assert browser.current_url.endswith("#section-3")
    assert browser.find_element("id", "section-3").text.startswith("What to do for each group")
    browser.find_element("link text", "The evidence: methods, tests and tables").click()
    assert browser.current_url.endswith("/ALL/segmentation.evidence.html")
    assert len(browser.find_elements("css selector", "figure svg[aria-label]")) >= 2
    seen = requests(browser)
    asked = [url for url in seen if url.startswith(("http", "ws", "ftp", "//"))]
    assert any(url.endswith("/ALL/segmentation.html") for url in seen)
    assert asked == []
    assert browser.get_log("browser") == []


def in_each_language(folder):
    return [folder, folder.with_name("2024Q4.zh")]


def pages(folder):
    """One page of every kind in each language: of the bank and of a branch, two cases, and those
    over all.
    """
    kinds = []
    for place in in_each_language(folder):
        kinds += [p for p in sorted(place.rglob("*.html")) if "cases" not in p.parts]
        kinds += sorted(place.rglob("cases/*.html"))[:2]
    return kinds


def at_width(browser, width, height=900, mobile=False):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


#: Of all that is drawn what reaches beyond the page, but for what scrolls by itself.
BEYOND = """
const width = document.documentElement.clientWidth, beyond = [];
if (document.documentElement.scrollWidth > width) beyond.push("page");
for (const part of document.querySelectorAll("table, svg, p, h1, h2, pre, li")) {
  const scrolls = part.closest(".table, figure");
  if (scrolls && getComputedStyle(scrolls).overflowX === "auto" && arguments[0]) continue;
  if (part.getBoundingClientRect().right <= width + 1) continue;
  beyond.push(part.tagName + " " + part.textContent.slice(0, 40));
}
return beyond;
"""


@pytest.mark.parametrize(
    ("width", "mobile", "scrolling"), [(1280, False, False), (768, False, True), (390, True, True)]
)
def test_nothing_is_wider_than_its_page(browser, folder, width, mobile, scrolling):
    """On a wide screen no table has to be scrolled either."""
    at_width(browser, width, mobile=mobile)
    beyond = {}
    try:
        for page in pages(folder):
            if (
                page.name == "index.html"
                and page.parent in in_each_language(folder)
                and not scrolling
            ):
                continue  # as many columns as there are reports
            browser.get(page.as_uri())
            if found := browser.execute_script(BEYOND, scrolling):
                beyond[str(page.relative_to(folder.parent))] = found
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert beyond == {}


def test_nothing_is_cut_on_paper(browser, folder):
    """A4 less its margins is 182 mm wide, 688 pixels; the index lies across, 273 mm."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    beyond = {}
    try:
        for page in pages(folder):
            at_width(browser, 1032 if page.parent in in_each_language(folder) else 688, 1000)
            browser.get(page.as_uri())
            if found := browser.execute_script(BEYOND, False):
                beyond[str(page.relative_to(folder.parent))] = found
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert beyond == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(browser, folder, scheme):
    """axe-core finds nothing on any page; in the dark only colours are others."""
    try:
        import selenium_axe_python
    except ImportError:
        left_out("selenium-axe-python", "make test installs it.")
    axe = next(Path(selenium_axe_python.__file__).parent.rglob("axe.min.js"))
    script = axe.read_text(encoding="utf-8")
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.set_script_timeout(120)
    violations = {}
    try:
        for page in pages(folder):
            browser.get(page.as_uri())
            browser.execute_script(script)
            found = browser.execute_async_script(
                "const done = arguments[arguments.length - 1];"
                "axe.run(document, {...arguments[0], resultTypes: ['violations']}).then((told) => "
                "done(told.violations.map((v) => [v.id, v.nodes.length, v.nodes[0].html])))",
                {"runOnly": ["color-contrast"]} if scheme == "dark" else {},
            )
            if found:
                violations[str(page.relative_to(folder.parent))] = found
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert violations == {}


def test_a_table_is_sorted_and_searched(browser, folder):
    browser.get((folder / "index.html").as_uri())
    names = "return [...document.querySelectorAll('table.grid tbody th a')].map(a => a.text)"
    assert browser.execute_script(names)[0] == "The whole bank"
    heads = browser.find_elements("css selector", "table.grid thead button")
    heads[3].click()
    rows = "return [...document.querySelectorAll('table.grid tbody tr')]"
    values = f"{rows}.map(r => parseFloat(r.cells[3].textContent.replace(',', '')))"
    assert browser.execute_script(values) == sorted(browser.execute_script(values))
    heads[3].click()
    assert browser.execute_script(values) == sorted(browser.execute_script(values), reverse=True)


def test_tables_are_searched_row_by_row(browser, folder):
    browser.get((folder / "ALL" / "customer_changes.html").as_uri())
    box = browser.find_element("css selector", ".tools input")
    box.send_keys("counterparties")
    shown = "return [...arguments[0].closest('p').nextElementSibling.querySelectorAll('tbody tr')]"
    texts = browser.execute_script(f"{shown}.filter(r => !r.hidden).map(r => r.textContent)", box)
    assert texts and all("Counterparties" in text for text in texts)
    told = browser.find_element("css selector", ".tools output").text
    assert told.startswith(f"{len(texts)} of ")


def test_the_page_of_a_branch_is_short(browser, folder):
    """Loyalty has at most eight tables and 6,000 pixels at 1280."""
    at_width(browser, 1280)
    browser.get((folder / "B001" / "loyalty.html").as_uri())
    height = browser.execute_script("return document.documentElement.scrollHeight")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert height <= 6000
    assert len(browser.find_elements("css selector", "table")) <= 8


def test_pages_are_small_and_figures_have_text_alternatives(folder):
    for page in (p for place in in_each_language(folder) for p in place.rglob("*.html")):
        of_branch = page.parent.name == "B001" and "evidence" not in page.name
        assert page.stat().st_size < (250_000 if of_branch else 400_000), page
        text = page.read_text(encoding="utf-8")
        assert all(
            'role="img"' in svg and re.search(r'aria-label="[^"]+"', svg)
            for svg in re.findall(r"<svg [^>]*>", text)
        )


def test_every_link_of_every_page_leads_somewhere(folder):
    for page in (p for place in in_each_language(folder) for p in place.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        text = text[: text.rindex("<script>")] if "<script>" in text else text
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        for href in re.findall(r'<a [^>]*href="([^"]+)"', text):
            path, _hash, anchor = href.partition("#")
            assert not path or (page.parent / path).exists(), (page, href)
            assert path or anchor in ids, (page, href)
