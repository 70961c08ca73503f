"""A reader's way through the pages in a real browser that is not allowed to ask anybody
anything.
"""

import json
import re

import pytest

from analysis.cli import app
from analysis.runs.catalogue import REPORTS
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
    result = call(app, "run", str(demo.path), "--branch", "B001", "--branch", "ALL")
    assert result.exit_code == 0, told(result)
    return demo.output_folder / "2024Q4"


def test_from_the_index_to_a_section_without_a_request_or_an_error(browser, folder):
    browser.get((folder / "index.html").as_uri())
    browser.find_element("link text", "open").click()
    assert browser.current_url.endswith("/ALL/segmentation.html")
    links = browser.find_elements("css selector", "nav li a")
    assert [link.text for link in links] == [
        "The groups",
        "What they are like",
        "What to do for each group",
        "Value, cost and risk",
        "Do the groups still fit?",
        "How sure the groups are",
        "Other methods, and what tells the groups apart",
    ]
    links[2].click()
    assert browser.current_url.endswith("#section-3")
    assert browser.find_element("id", "section-3").text == "What to do for each group"
    assert len(browser.find_elements("css selector", "figure svg[aria-label]")) >= 3
    seen = requests(browser)
    asked = [url for url in seen if url.startswith(("http", "ws", "ftp", "//"))]
    assert any(url.endswith("/ALL/segmentation.html") for url in seen)
    assert asked == []
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("report", REPORTS)
def test_pages_fit_a_phone(browser, folder, report):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        branch = "ALL" if REPORTS[report].whole_bank_only else "B001"
        browser.get((folder / branch / f"{report}.html").as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_pages_are_small_and_figures_have_text_alternatives(folder):
    for page in folder.rglob("*.html"):
        assert page.stat().st_size < 400_000
        text = page.read_text(encoding="utf-8")
        assert all(
            'role="img"' in svg and re.search(r'aria-label="[^"]+"', svg)
            for svg in re.findall(r"<svg [^>]*>", text)
        )
