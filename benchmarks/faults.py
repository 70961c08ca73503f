"""What survives: processes killed at random moments, full disks, damaged files, hostile texts, and
subtraction of pages.

Usage: python benchmarks/faults.py [--kills 300] [--disks 20] [--damages 60] [--seed 0], and
[--no-hostile] [--no-privacy]. Everything happens in a temporary folder, on a demo bank of 500
customers over two quarters; prints Markdown. After each fault the same command is given again, and
lists, texts of pages and marts are compared with those that were made without any. Disks need the
right to mount a temporary file system. Hostile texts stand in every text of the contract and of the
params file, and are looked for in pages, lists and what the commands say. Privacy is attacked as in
`tests/disclosure`, in tables as printed.
"""

import argparse
import contextlib
import csv
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml
from bs4 import BeautifulSoup

from analysis.contract import CONTRACT
from analysis.errors import WorkbookError
from analysis.prepare import check_settings
from analysis.sources.params import read_params

ROOT = Path(__file__).parents[1]
WORKBOOK = Path(sys.executable).parent / "workbook"
REPORTS = ("segmentation", "retention")
BRANCHES = ("ALL", "B001")
#: Of these words the second and following are tried; the group is the whole family.
VICTIMS = ("group", "main", "worker", "forkserver", "parent", "kernel")
HANGS = 30  # seconds in which nothing is written and no processor used
LONGEST = 300
#: What says when and by which state a page was made.
PASSED_OVER = re.compile(r"(?s)<footer>.*</footer>")


def bank_in(place: Path, **changes: object) -> Path:
    """A params file of a small demo bank whose data and outputs lie in `place`."""
    content = yaml.safe_load((ROOT / "params" / "demo.yml").read_text(encoding="utf-8"))
    content.update(changes, data=str(place / "data"), outputs=str(place / "outputs"))
    content["source"].update(folder=str(place / "source"), demo={"customers": 500, "seed": 7})
    content["quarters"]["first"] = content["segmentation"]["fit_quarter"] = "2024Q3"
    content["loyalty"]["fit_quarter"] = "2024Q4"
    path = place / "demo.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def words(command: str, params: Path) -> list[str]:
    """The command line."""
    if command == "prepare":
        return [str(WORKBOOK), command, str(params)]
    chosen = [w for name in REPORTS for w in ("--report", name)]
    chosen += [w for branch in BRANCHES for w in ("--branch", branch)]
    return [str(WORKBOOK), command, str(params), *chosen]


def started(command: str, params: Path) -> subprocess.Popen[bytes]:
    """The command, with a parent of kernels and a place for sockets of its own."""
    place = params.parent / "r"
    place.mkdir(exist_ok=True)
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(place), "TMPDIR": str(place)}
    return subprocess.Popen(
        words(command, params),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(params.parent / "said").open("wb"),
        start_new_session=True,
        cwd=ROOT,
    )


def made(place: Path) -> dict[str, str]:
    """A fingerprint of every list, page text and mart, by name."""
    files = [
        *(place / "outputs").rglob("*.csv"),
        *(place / "outputs").rglob("*.html"),
        *(place / "data" / "marts").rglob("*.parquet"),
        *(place / "data" / "models").rglob("*.json"),
    ]
    content = {}
    for path in files:
        text = path.read_bytes()
        if path.suffix == ".html":
            text = PASSED_OVER.sub("", text.decode()).encode()
        content[path.relative_to(place).as_posix()] = hashlib.sha256(text).hexdigest()[:16]
    return content


def victim(main: int, which: str, place: Path) -> int | None:
    """The process to be killed; None while it is not there."""
    with contextlib.suppress(psutil.Error):
        if which in ("group", "main"):
            return main
        children = psutil.Process(main).children()
        servers = [c for c in children if "forkserver" in " ".join(c.cmdline())]
        parents = [
            p
            for p in psutil.process_iter(["cmdline"])
            if "analysis.runs.warm.parent" in (words := p.info["cmdline"] or [])
            and any(str(place) in word for word in words)
        ]
        found = {
            "forkserver": servers,
            "worker": servers[0].children() if servers else [],
            "parent": parents,
            "kernel": parents[0].children() if parents else [],
        }[which]
        return random.choice(found).pid if found else None
    return None


def last_written(place: Path) -> float:
    """When the newest page or record was written, in seconds of the epoch."""
    times = []
    for top, ends in ((place / "outputs", ".html"), (place / "data" / "steps", ".json")):
        for folder, _folders, files in os.walk(top):  # what goes meanwhile is passed over
            for name in (f for f in files if f.endswith(ends)):
                with contextlib.suppress(OSError):
                    times.append((Path(folder) / name).stat().st_mtime)
    return max(times, default=0.0)


def processor_seconds(main: int, place: Path) -> float:
    """What the command and the processes it started have used so far, in tenths of a second."""
    processes = [
        p
        for p in psutil.process_iter(["cmdline"])
        if any(str(place) in word for word in p.info["cmdline"] or [])
    ]
    with contextlib.suppress(psutil.Error):
        processes += psutil.Process(main).children(recursive=True)
    spent = 0.0
    for process in set(processes):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            spent += times.user + times.system
    return round(spent, 1)


def left_over(place: Path) -> list[str]:
    """Hidden files that stand for work going on, and processes of a run that is over."""
    kept = re.compile(r"^\.[^/]*\.lock$")
    files = [
        p.relative_to(place).as_posix()
        for top in ("data", "outputs")
        for p in (place / top).rglob(".*")
        if not kept.match(p.name)
    ]
    return files


def one_kill(place: Path, command: str, which: str, moment: float) -> str:
    """Kill, give the command again; what went wrong, in a few words."""
    params = place / "demo.yml"
    shutil.rmtree(place / ("data" if command == "prepare" else "outputs"), ignore_errors=True)
    run = started(command, params)
    until = time.monotonic() + moment
    target = None
    while run.poll() is None and (time.monotonic() < until or target is None):
        target = victim(run.pid, which, place)
        time.sleep(0.02)
    if target is not None and run.poll() is None:
        with contextlib.suppress(OSError):
            (os.killpg if which == "group" else os.kill)(target, signal.SIGKILL)
    begun, used = time.time(), 0.0
    while run.poll() is None:
        time.sleep(0.1)
        if (now := processor_seconds(run.pid, place)) != used:  # slow, but alive
            used, begun = now, time.time()
        if time.time() - max(begun, last_written(place)) > HANGS:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return "hangs"
    try:
        again = started(command, params).wait(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return "the same command hangs"
    if again:
        return f"the same command ends with {again}: {(place / 'said').read_text()[-200:]}"
    return ""


def kills(place: Path, count: int, whole: dict[str, str], seconds: dict[str, float]) -> None:
    """A table of what was killed and what came of it."""
    tried, faults = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for number in range(count):
        command = "run" if number % 5 else "prepare"
        of_command = VICTIMS[:4] if command == "prepare" else VICTIMS
        which = of_command[(number // 5 if command == "prepare" else number) % len(of_command)]
        moment = random.uniform(0, seconds[command])
        fault = one_kill(place, command, which, moment)
        if not fault and (now := made(place)) != whole:
            differ = [n for n in sorted(now.keys() | whole.keys()) if now.get(n) != whole.get(n)]
            fault = f"{len(differ)} files differ, first {differ[0]}"
        if not fault and (left := left_over(place)):
            fault = f"left over: {left[0]}"
        tried[command, which] += 1
        faults[command, which] += bool(fault)
        if fault:
            print(
                f"{number} {command} {which} {moment:.1f} s: {fault}", file=sys.stderr, flush=True
            )
        if (number + 1) % 25 == 0 or number + 1 == count:
            print(f"\nAfter {number + 1} kills:\n\n| command | killed | tried | survived |")
            print("|---|---|---|---|")
            for (command, which), n in sorted(tried.items()):
                print(f"| {command} | {which} | {n} | {n - faults[command, which]} |", flush=True)


def disks(place: Path, count: int, whole: dict[str, str]) -> None:
    """Full disks of so many sizes, and the same command with room enough."""
    params, survived, said = place / "demo.yml", 0, Counter[str]()
    used = sum(p.stat().st_size for p in (place / "data").rglob("*") if p.is_file())
    for number in range(count):
        shutil.rmtree(place / "data")
        (place / "data").mkdir()
        size = int(used * 1.5 * (number + 1) / count) + 100_000
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place / "data")]
        if subprocess.run(mount, capture_output=True).returncode:
            print("\nDisks were not tried: no right to mount.")
            return
        try:
            status = started("prepare", params).wait(timeout=LONGEST)
            said[f"exit {status}"] += 1
            if b"Traceback" in (place / "said").read_bytes():
                said["traceback"] += 1
            kept = place / "kept"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(place / "data", kept, symlinks=True)
        finally:
            subprocess.run(["umount", str(place / "data")], check=True)
        shutil.copytree(place / "kept", place / "data", dirs_exist_ok=True)
        shutil.rmtree(place / "kept")
        again = started("prepare", params).wait(timeout=LONGEST)
        survived += again == 0 and made(place) == whole
    counts = ", ".join(f"{what} {n}" for what, n in sorted(said.items()))
    print(f"\n{count} full disks: {counts}; {survived} of them mended by the same command.")


def damages(place: Path, count: int, whole: dict[str, str]) -> None:
    """Files of every kind in data and outputs cut, emptied, overwritten and removed."""
    params, survived = place / "demo.yml", 0
    files = [p for top in ("data", "outputs") for p in (place / top).rglob("*") if p.is_file()]
    kinds: dict[tuple[str, ...], list[Path]] = {}
    for path in sorted(files):
        kinds.setdefault((*path.relative_to(place).parts[:3], path.suffix), []).append(path)
    ways = ("cut", "emptied", "noise", "removed")
    for number in range(count):
        path = random.choice(list(kinds.values())[number % len(kinds)])
        how = ways[number // len(kinds) % len(ways)]
        if not path.exists():
            continue
        content = path.read_bytes()
        if how == "removed":
            path.unlink()
        else:
            new = {"cut": content[: len(content) // 2], "emptied": b"", "noise": b"\0\xff" * 200}
            path.write_bytes(new[how])
        status = started("run", params).wait(timeout=LONGEST)
        said = (place / "said").read_text(errors="replace")
        whole_again = status == 0 and made(place) == whole
        told = status == 1 and "Traceback" not in said and len(said.strip().splitlines()) <= 3
        if told and path.name == "manifest.json":  # told what to do: move it away
            path.unlink()
            whole_again = not started("run", params).wait(timeout=LONGEST) and made(place) == whole
        if whole_again:
            survived += 1
        else:
            where = path.relative_to(place)
            print(f"{where} {how}: exit {status}, {said[-200:]}", file=sys.stderr, flush=True)
            path.write_bytes(content)
            started("run", params).wait(timeout=LONGEST)
    print(
        f"\n{count} damaged files of {len(kinds)} kinds: {survived} mended or told in a sentence."
    )


#: Texts that are something else to a browser, a spreadsheet, a terminal, SQL, a shell or Markdown.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=http://example.com/x onerror=alert(1)>',
    "</title></svg><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "![x](http://example.com/x.png) [y](javascript:alert(1))",
    "=cmd|' /C calc'!A0",
    "\uff1d1+1",
    "\u200b@SUM(1)",
    "a\r\n=1+1",
    "\x1b[31mred\x1b]0;title\x07\x9b2J",
    "\u202egnp.exe",
    "'; DROP TABLE customers; --",
    "$(touch pwned) `touch pwned`",
)


#: Attributes by which a page fetches, and what it must not fetch.
FETCHES = ("src", "href", "xlink:href", "action", "srcset", "poster")
ELSEWHERE = re.compile(r"(?i)\s*(https?:|//|javascript:|data:text)")


def hostile(place: Path) -> None:
    """Hostile texts everywhere, and what became of them in pages, lists and on the terminal."""
    params = bank_in(place, quarantine_limit=0.5)
    assert started("prepare", params).wait(timeout=LONGEST) == 0
    fields = _hostile_rows(place / "source")
    settings, refused = _hostile_settings(params)
    shutil.rmtree(place / "data")
    said, faults = "", []
    for command in ("prepare", "run", "check"):
        line = [str(WORKBOOK), command, str(params)]
        done = subprocess.run(line, capture_output=True, text=True, cwd=place, errors="replace")
        said += done.stdout + done.stderr
        faults += [f"{command} ends with {done.returncode}"] if done.returncode else []
    pages, lists = (sorted((place / "outputs").rglob(end)) for end in ("*.html", "*.csv"))
    shown = sum(page.read_text(encoding="utf-8").count("alert(1)") for page in pages)
    faults += [] if pages and lists and shown else ["nothing hostile came as far as a page"]
    faults += [f"{page.relative_to(place)}: {what}" for page in pages for what in _in_page(page)]
    faults += [f"{path.relative_to(place)}: {what}" for path in lists for what in _in_list(path)]
    unseen = [c for c in said if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
    faults += [f"the terminal: {unseen[0]!r}"] if unseen else []
    faults += ["a file was touched"] if list(place.rglob("pwned")) else []
    for fault in faults:
        print(fault, file=sys.stderr, flush=True)
    print(
        f"\n{len(HOSTILE)} hostile texts in {fields} columns of the contract and {settings} "
        f"settings ({refused} more refuse them): {len(pages)} pages, on which one stands {shown} "
        f"times as text, {len(lists)} lists, and the terminal: {len(faults)} faults."
    )


def _hostile_rows(source: Path) -> int:
    """Write hostile texts into every free text of the bank's tables; how many columns there are."""
    columns = 0
    for table in CONTRACT.values():
        texts_of = [c for c in table.columns if c.type == "text" and c.name not in table.key]
        names = [c.name for c in texts_of if not (c.allowed or c.pattern)]
        for path in [
            *source.glob(f"{table.name}.parquet"),
            *source.glob(f"{table.name}/*.parquet"),
        ]:
            rows = pd.read_parquet(path)
            for number, name in enumerate(n for n in names if n in rows):
                texts = [HOSTILE[(i + number) % len(HOSTILE)] for i in range(len(rows))]
                every_third = pd.Series(range(len(rows)), index=rows.index) % 3 == 0
                rows[name] = rows[name].astype(object).where(~every_third, texts)
            rows.to_parquet(path, index=False)
        columns += len(names)
    return columns


def _hostile_settings(params: Path) -> tuple[int, int]:
    """Hostile texts in every text of the params file that takes one: how many do, and do not."""
    content, taken, refused = yaml.safe_load(params.read_text(encoding="utf-8")), 0, 0
    for number, (holder, key) in enumerate(list(_texts(content))):
        was, holder[key] = holder[key], HOSTILE[number % len(HOSTILE)]
        params.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        try:
            check_settings(read_params(params))
            taken += 1
        except WorkbookError:
            holder[key] = was
            refused += 1
    params.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return taken, refused


def _texts(content: Any) -> Iterator[tuple[Any, Any]]:
    """Where a text stands in a params file, but for what is SQL or says where things lie."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _texts(value)
        elif isinstance(value, str) and key not in ("rule", "left", "folder", "data", "outputs"):
            yield content, key


def _in_page(page: Path) -> list[str]:
    """What a page would execute or fetch that is not the template's."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    found = [f"script {s.get_text()[:40]!r}" for s in soup("script") if "alert" in s.get_text()]
    for element in soup.find_all(True):
        for name, value in element.attrs.items():
            if name.startswith("on") or (name in FETCHES and ELSEWHERE.match(str(value))):
                found.append(f"{element.name} {name}={value!r}")
    return found


def _in_list(path: Path) -> list[str]:
    """Values of a list that a spreadsheet would execute, and rows broken in two."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    found = ["a row of another length"] if len({len(row) for row in rows}) > 1 else []
    for value in (v for row in rows for v in row):
        begins = "".join(c for c in value if unicodedata.category(c) not in ("Cf", "Zs", "Cc"))[:1]
        number = re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?", value)
        if not number and unicodedata.normalize("NFKC", begins) in tuple("=+-@"):
            found.append(f"the value {value[:40]!r}")
        if re.search(r"[\x00-\x1f\x7f-\x9f]", value):
            found.append(f"control characters in {value[:40]!r}")
    return found


def privacy(place: Path) -> None:
    """The pages of the bank less those of its branches."""
    sys.path.insert(0, str(ROOT))
    from tests.disclosure.attack import printed, subtracted

    command = [str(WORKBOOK), "run", str(place / "demo.yml")]
    subprocess.run(command, capture_output=True, check=True, cwd=place)
    told, tables = [], 0
    reports = ("segmentation", "customer_changes", "loyalty", "retention")
    for report in reports:
        files = list((place / "outputs").rglob(f"{report}.html"))
        pages = {p.parent.name: printed(p.read_text(encoding="utf-8")) for p in files}
        tables += sum(map(len, pages.values()))
        told += subtracted(pages)
    for sentence in told:
        print(sentence, file=sys.stderr, flush=True)
    print(
        f"\n{tables} tables of {len(reports)} reports subtracted: {len(told)} small counts follow."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--disks", type=int, default=20)
    parser.add_argument("--damages", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hostile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--privacy", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    random.seed(given.seed)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        params = bank_in(place)
        seconds = {}
        for command in ("prepare", "run"):
            start = time.monotonic()
            status = started(command, params).wait(timeout=LONGEST)
            assert status == 0, (place / "said").read_text()
            seconds[command] = time.monotonic() - start
        whole = made(place)
        print(
            f"{len(whole)} files compared; prepare takes {seconds['prepare']:.0f} s, run ", end=""
        )
        print(f"{seconds['run']:.0f} s.\n", flush=True)
        kills(place, given.kills, whole, seconds)
        disks(place, given.disks, whole)
        damages(place, given.damages, whole)
        if given.privacy:
            privacy(place)
    if given.hostile:
        with tempfile.TemporaryDirectory() as temporary:
            hostile(Path(temporary))
