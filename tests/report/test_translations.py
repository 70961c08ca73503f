"""What the workbook says in other languages: all of it, with the same numbers, and nothing lost."""

import ast
import gettext
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from string import Formatter

import nbformat
import pytest
import yaml
from babel.messages.mofile import write_mo
from bs4 import BeautifulSoup

from analysis import language
from analysis.cli import app
from analysis.errors import ParametersError
from analysis.prepare import check_settings
from analysis.quarters import Quarter
from analysis.report.prose import OTHER, in_language, paragraphs
from analysis.runs import translations
from analysis.runs.grid import plan_run, why_run
from analysis.runs.manifest import Manifest
from analysis.runs.request import Request
from analysis.runs.status import stale_reports
from analysis.sources.params import read_params
from analysis.steps.readings import Fingerprints
from tests.conftest import ROOT, demo_params
from tests.runs.command import call, told

COMMAND = [sys.executable, "-c", "from analysis.cli import main; main()"]
CATALOGUES = translations.catalogues()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def english():
    yield
    language.use("en")
    language.use_currency("")


def test_there_is_chinese():
    assert "zh_CN" in [path.parents[1].name for path in CATALOGUES]
    assert {"en", "zh", "pseudo"} <= set(language.languages())
    assert language.tag("zh") == "zh-CN" and language.own_name("zh") == "中文"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: p.parents[1].name)
def test_everything_is_translated_and_nothing_is_fuzzy(path):
    assert translations.lacking(path) == [], "`make words` adds them to the catalogue; translate."


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: p.parents[1].name)
def test_the_catalogue_in_use_is_the_one_that_is_read(path):
    read = BytesIO()
    write_mo(read, translations.read_catalogue(path))
    installed = path.with_suffix(".mo").read_bytes()
    said = [gettext.GNUTranslations(BytesIO(mo))._catalog for mo in (read.getvalue(), installed)]
    for catalogue in said:
        del catalogue[""]  # the header names the version of Babel that compiled it
    assert said[0] == said[1], "`make words` compiles it."


def unfilled(source):
    """Messages that are formatted where they stand, with a place that nothing fills or a value
    that has none.
    """
    found = []
    for node in (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)):
        inner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if not (isinstance(inner, ast.Call) and node.func.attr == "format"):
            continue
        of = getattr(inner.func, "id", "")
        given = inner.args[: 2 if of == "ngettext" else 1]
        texts = [a.value for a in given if isinstance(a, ast.Constant)]
        filled = {k.arg for k in node.keywords}
        if of not in ("say", "ngettext") or not texts or None in filled:
            continue
        if {
            name for text in texts for _t, name, *_how in Formatter().parse(text) if name
        } != filled:
            found.append(texts)
    return found


def test_every_place_of_a_message_is_filled():
    for path in sorted((ROOT / "src" / "analysis").rglob("*.py")):
        assert unfilled(path.read_text(encoding="utf-8")) == [], path
    assert unfilled('say("{a} {b}").format(a=1)') and unfilled('say("{a}").format(a=1, b=2)')


def test_a_message_without_translation_and_one_with_another_place_are_found(tmp_path, monkeypatch):
    path = tmp_path / "zh_CN" / "LC_MESSAGES" / "workbook.po"
    path.parent.mkdir(parents=True)
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8"\n\n'
        'msgid "{n} rows"\nmsgstr "{m} 行"\n\n#, fuzzy\nmsgid "Old"\nmsgstr "旧"\n\n'
        'msgid "Gone"\nmsgstr "无"\n',
        encoding="utf-8",
    )
    said = translations.Catalog()
    for text in ("{n} rows", "Old", "New"):
        said.add(text)
    monkeypatch.setattr(translations, "messages", lambda: said)
    assert translations.lacking(path) == [
        "other places to fill: '{n} rows'",
        "fuzzy: 'Old'",
        "not translated: 'New'",
        "said nowhere: 'Gone'",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_prose_of_notebooks_stands_in_every_language(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "markdown":
            continue
        assert OTHER.findall(cell.source) == ["zh"], cell.source[:60]
        english, chinese = (in_language(cell.source, name) for name in ("en", "zh"))
        heads = [[re.match("#*", p)[0] for p in paragraphs(t)] for t in (english, chinese)]
        assert heads[0] == heads[1]
        assert not re.search("[一-鿿]", english) and re.search("[一-鿿]", chinese)


def test_prose_without_another_language_is_shown_as_it_is():
    assert in_language("## One\n\nTwo.", "zh") == "## One\n\nTwo."
    assert in_language("One.\n\n<!-- zh -->\n\n一。", "en") == "One."
    assert in_language("One.\n\n<!-- zh -->\n\n一。", "zh") == "一。"


def test_amounts_days_and_quarters_are_written_as_the_reader_does():
    language.use("zh")
    assert [language.amount(v) for v in (9999, 10_000, -1_235_000, 250_000_000)] == [
        "9,999",
        "1.0\N{NO-BREAK SPACE}万",
        "−123.5\N{NO-BREAK SPACE}万",
        "2.5\N{NO-BREAK SPACE}亿",
    ]
    assert language.money(1_235_000, "CNY") == "123.5\N{NO-BREAK SPACE}万元"
    assert language.money(1_235_000, "CNY", in_full=True) == "1,235,000 元"
    assert language.money(5, "CNY") == "5 元" and language.money(5, "CZK") == "5 捷克克朗"
    assert language.with_currency("金额", "CNY") == "金额（元）"
    assert language.quarter_in_words("2024Q4") == "2024年第四季度"
    assert language.day_in_words("2024-12-31") == "2024年12月31日"
    assert language.listed(["甲", "乙"]) == "甲、乙"
    assert language.sentences("一。", "", "二。") == "一。二。"
    language.use("en")
    assert language.amount(1_235_000) == "1,235,000"
    assert language.money(5, "CNY") == "5 CNY"
    assert language.quarter_in_words("2024Q4") == "2024Q4"
    assert language.sentences("One.", "", "Two.") == "One. Two."


def test_no_catalogue_answers_nothing_with_its_header():
    language.use("zh")
    assert language.say("") == "" and language.say("  ") == "  "


def test_one_english_word_with_two_meanings_has_two_translations():
    language.use("zh")
    assert language.say("open", "what a link does") != language.say("Open")
    assert language.say("Bills", "kind of case") != language.say("Bills")


def test_abbreviations_stay_as_they_are_within_a_sentence():
    words = ("AUC", "Card share", "BIC", "POS 刷卡")
    assert [language.within(w) for w in words] == ["AUC", "card share", "BIC", "POS 刷卡"]


def test_the_language_of_the_terminal_is_that_of_its_environment(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for asked, spoken in (
        ("zh_CN.UTF-8", "zh"),
        ("zh", "zh"),
        ("fr:zh_CN", "zh"),
        ("en_GB.UTF-8", "en"),
        ("C.UTF-8", "en"),
        ("", "en"),
    ):
        monkeypatch.setenv("LANGUAGE", asked)
        assert language.of_terminal() == spoken, asked


def command(*words, **environment):
    return subprocess.run(
        [*COMMAND, *words], env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_help_and_errors_are_told_in_the_language_of_the_terminal(tmp_path):
    chinese = {"LANGUAGE": "zh_CN", "COLUMNS": "80"}
    shown = command("--help", **chinese).stdout
    assert "按支行和季度生成银行客户分析报告" in shown and "重放已交付的报告" in shown
    options = command("run", "--help", **chinese).stdout
    assert "…" not in options and "最后一个季度" in re.sub(r"[\s│]", "", options)
    refused = command("run", str(tmp_path / "none.yml"), **chinese)
    assert refused.returncode == 1 and "不存在" in refused.stderr


@pytest.mark.parametrize("asked", ["fr", ["en", "fr"], ["../zh"], ["en", 5]])
def test_an_unknown_language_is_refused_and_the_valid_ones_are_named(tmp_path, asked):
    with pytest.raises(ParametersError) as refused:
        read_params(demo_params(tmp_path, 500, 1, language=asked))
    assert "language" in str(refused.value)
    if asked != ["en", 5]:
        assert "Valid: " in str(refused.value) and "zh" in str(refused.value)


def test_an_unknown_language_on_the_command_line_is_refused_before_anything_runs(demo):
    result = call(app, "run", str(demo.path), "--language", "en", "--language", "fr")
    assert result.exit_code == 1 and "'fr' does not exist" in told(result)


def test_the_chinese_demo_params_describe_the_same_bank_in_words_of_their_own():
    english, chinese = (read_params(ROOT / "params" / f"{n}.yml") for n in ("demo", "demo_zh"))
    check_settings(chinese)
    assert chinese.languages == ("zh",)
    assert chinese.source == english.source
    for bank, other in ((english, chinese), (chinese, english)):
        assert [e.name for e in bank.events] == [e.name for e in other.events]
        assert [(e.rule, e.expect) for e in bank.events] == [
            (e.rule, e.expect) for e in other.events
        ]
        assert bank.loyalty.items == other.loyalty.items
        assert bank.risk == other.risk
    content = yaml.safe_load((ROOT / "params" / "demo_zh.yml").read_text(encoding="utf-8"))
    shown = [
        *[text for e in content["events"] for text in (e["title"], e["action"], e["owner"])],
        *[a[k] for a in content["loyalty"]["actions"].values() for k in ("action", "owner")],
        *[p["name"] for plans in content["segmentation"]["plans"].values() for p in plans],
    ]
    assert all(re.search("[一-鿿]", text) for text in shown)


@pytest.fixture(scope="module")
def both(demo):
    """A branch and the bank in both languages, the Chinese beside the English."""
    for left in demo.output_folder.glob("2024Q4*"):  # of other tests, with other branches
        shutil.rmtree(left)
    languages = ("--language", "en", "--language", "zh")
    result = call(app, "run", str(demo.path), "--branch", "B001", "--branch", "ALL", *languages)
    assert result.exit_code == 0, told(result)
    return demo.output_folder / "2024Q4", demo.output_folder / "2024Q4.zh"


def test_both_languages_have_the_same_pages_and_each_links_to_the_other(both):
    pages = [
        sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.html")) for folder in both
    ]
    assert pages[0] == pages[1]
    for page in pages[0]:
        for here, there, code in ((*both, "zh-CN"), (*reversed(both), "en")):
            text = (here / page).read_text(encoding="utf-8")
            own = "en" if code == "zh-CN" else "zh-CN"
            assert f'<html lang="{own}">' in text, page
            if page == "summary.html":  # an e-mail stands for itself
                continue
            links = re.findall(r'<a class="beside" href="([^"]+)" lang="([^"]+)"', text)
            (href,) = [h for h, lang in links if lang == code]
            assert ((here / page).parent / href).resolve() == (there / page).resolve(), page


#: Latin words of Chinese pages: names of methods, files, commands, and what the demo bank writes.
LATIN = re.compile(
    r"\b(?:bootstrap|eng|segmentation|fit_quarter|earlier_fit_quarters|method|thresholds|evidence|"
    r"manifest|json|html|csv|params|file|alpha|test|means|medoids|zero)\b"
)


def test_no_english_is_left_on_a_chinese_page(both, demo):
    content = yaml.safe_load(demo.path.read_text(encoding="utf-8"))
    of_bank = json.dumps(content, ensure_ascii=False, default=str)
    left = {}
    for page in sorted(both[1].rglob("*.html")):
        if "cases" in page.parts and page.parent.parent.name != "risk_mortgage":
            continue
        text = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for part in text.select("style, script, details, pre, footer, td.left, svg, [lang=en]"):
            part.decompose()
        seen = {
            word
            for line in text.stripped_strings
            for word in re.findall(r"\b[a-z]{4,}(?: [a-z]{2,})+\b", line)
        }
        if found := [w for w in seen if w not in of_bank and not LATIN.search(w)]:
            left[page.relative_to(both[1]).as_posix()] = found
    assert left == {}


def numbers(page):
    """The numbers in the cells of tables, as they are written, row by row."""
    cells = re.findall(r'<td class="right[^"]*">(.*?)</td>', page, re.DOTALL)
    return [re.findall(r"[−-]?\d[\d,.]*%?", cell.replace("\N{WORD JOINER}", "")) for cell in cells]


def test_both_languages_show_the_same_numbers(both):
    compared = 0
    for page in sorted(both[0].rglob("*.html")):
        if page.name in ("summary.html", "index.html"):
            continue  # the sentences of the others, where Chinese counts in ten thousands
        texts = [
            (folder / page.relative_to(both[0])).read_text(encoding="utf-8") for folder in both
        ]
        english, chinese = (numbers(text) for text in texts)
        assert english == chinese, page
        compared += len(english)
    assert compared > 1000


def test_both_languages_tell_the_same_in_short(both):
    def figures(told):
        brief = json.loads(told)
        return [
            [(f["points"], f["changes"], f["kind"]) for f in brief["figures"]],
            [(r["at_stake"], r["days"], r["file"]) for r in brief["rows"]],
            [p["value"] for p in (brief["explained"] or {"parts": []})["parts"]],
            [list(ages.values()) for ages in brief["waiting"].values()],
        ]

    briefs = sorted(both[0].rglob("*.brief.json"))
    assert len(briefs) > 10
    for brief in briefs:
        texts = [
            (folder / brief.relative_to(both[0])).read_text(encoding="utf-8") for folder in both
        ]
        assert figures(texts[0]) == figures(texts[1]), brief


def test_each_language_is_published_beside_the_other_and_links_hold(both, tmp_path):
    chosen = ("--audience", "branch", "--branch", "B001")
    result = call(app, "publish", str(both[0]), "--to", str(tmp_path / "out"), *chosen)
    assert result.exit_code == 0, told(result)
    places = [tmp_path / "out" / folder.name for folder in both]
    assert all((place / "B001" / "loyalty.html").exists() for place in places)
    assert not any((place / "ALL").exists() for place in places)
    for place in places:
        for page in place.rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            for href in re.findall(r'<a [^>]*href="([^"#]+)', text[: text.rindex("<script>")]):
                assert (page.parent / href).exists(), (page, href)


def planned(bank, *beside):
    reports = {"branches": ("B001",), "reports": ("segmentation",), "language": "en"}
    return plan_run(Request(bank, Quarter.parse("2024Q4"), beside=beside, **reports)).tasks


def test_a_page_is_made_again_when_there_is_another_language_to_lead_to(demo, both):
    assert planned(demo, "en", "zh") == []
    (task,) = planned(demo)  # Chinese is no longer asked for
    assert why_run(Manifest(both[0]), task, Fingerprints(demo.data_folder)) == "changed: languages"


def test_one_of_several_languages_keeps_its_folder(demo):
    quarter = Quarter.parse("2024Q4")
    several = demo.model_copy(update={"language": ["zh", "en"]})
    folders = {n: Request(several, quarter, language=n).folder.name for n in ("zh", "en")}
    assert folders == {"zh": "2024Q4", "en": "2024Q4.en"}
    assert Request(several, quarter).written_in == "zh"
    assert Request(demo, quarter, language="zh").folder.name == "2024Q4"


def test_status_finds_the_pages_of_either_language_up_to_date(demo, both):
    for folder in both:
        assert set(stale_reports(demo, Manifest(folder)).values()) == {"", "was not run yet"}


def test_a_folder_that_is_of_another_language_now_is_not_published(both, tmp_path):
    copies = [shutil.copytree(folder, tmp_path / "outputs" / folder.name) for folder in both]
    manifest = copies[1] / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"language": "zh"', '"language": "en"'))
    chosen = ("--audience", "branch", "--branch", "B001", "--to", str(tmp_path / "out"))
    result = call(app, "publish", str(copies[0]), *chosen)
    assert result.exit_code == 0, told(result)
    assert (tmp_path / "out" / "B001" / "loyalty.html").exists()
    assert not (tmp_path / "out" / "2024Q4.zh").exists()


def test_two_languages_are_not_compared_and_an_unknown_one_is_a_sentence(both, tmp_path):
    result = call(app, "diff", *map(str, both))
    assert result.exit_code == 1 and "in another language" in told(result)
    copy = shutil.copytree(both[1], tmp_path / "outputs" / "2024Q4")
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"language": "zh"', '"language": "fr"'))
    result = call(app, "status", str(copy))
    assert result.exit_code == 1 and "'fr' does not exist" in told(result)


def test_every_thread_of_a_process_speaks_its_language():
    def heard():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: language.say("Group")).result()

    language.use("zh")
    assert heard() == "客群"
    with language.used("en"):
        assert language.say("Group") == "Group" and heard() == "客群"
    assert language.in_use() == "zh"
