"""How heavy the pages of a quarter are, and how soon each is painted in Chromium.

`python benchmarks/pages.py outputs/demo/2024Q4 outputs/demo/2024Q4.zh`, after `make demo`; needs
Chromium and chromedriver. A row for each kind of page: the heaviest of its branches and the slowest
first paint of five loads of each.
"""

import argparse
from collections import defaultdict
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from analysis.runs.printed import find_chromium

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
LOADS = 5
#: Waits for the paint and hands it on, in milliseconds since the page was asked for.
PAINTED = """
const done = arguments[arguments.length - 1], name = "first-contentful-paint";
const look = () => {
  const entry = performance.getEntriesByName(name)[0];
  entry ? done(entry.startTime) : setTimeout(look, 10);
};
look();
"""


def browser() -> webdriver.Chrome:
    """A browser that is allowed to ask nobody anything."""
    options = webdriver.ChromeOptions()
    options.binary_location = find_chromium()
    for flag in FLAGS.split():
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of a quarter")
    driver = browser()
    print("| page | of | KB | first paint, ms |\n|---|---|---|---|")
    for folder in parser.parse_args().folders:
        weights, paints = defaultdict(list), defaultdict(list)
        for page in sorted(folder.rglob("*.html")):
            place = page.relative_to(folder)
            if "cases" in place.parts:
                kind = ("a case", "")
            else:
                kind = (place.name, "ALL" if place.parts[0] == "ALL" else "a branch")
                kind = kind if len(place.parts) > 1 else (place.name, "the quarter")
            weights[kind].append(page.stat().st_size / 1000)
            if kind == ("a case", "") and len(paints[kind]) >= 4 * LOADS:
                continue
            for _load in range(LOADS):
                driver.get(page.resolve().as_uri())
                paints[kind].append(driver.execute_async_script(PAINTED))
        for (name, of), kilobytes in weights.items():
            slowest = max(paints[name, of])
            print(f"| {folder.name} {name} | {of} | {max(kilobytes):.0f} | {slowest:.0f} |")
    driver.quit()


if __name__ == "__main__":
    main()
