"""Every text a reader sees passes through here, so that it can be read in another language.

`say` translates a message at the moment it is shown; `marked` marks one that is kept until then.
Catalogues are `locale/<locale>/LC_MESSAGES/workbook.po`, compiled when the package is installed;
English is the language of the source and needs none. `make words` brings them up to date.
The language `pseudo` brackets every message: a text without brackets on a pseudo page is a text
that nobody can translate (see `tests/report/test_language.py`).
"""

import datetime as dt
import gettext
import inspect
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, reduce
from pathlib import Path

from analysis.shape import Shape

LOCALE = Path(__file__).parent / "locale"
DOMAIN = "workbook"
MINUS = "\N{MINUS SIGN}"
#: Between a context and its message, in catalogues and in what `marked` returns.
OF = "\x04"


# what libraries say through gettext, such as the usage of a command, is in the catalogue too
gettext.bindtextdomain(DOMAIN, str(LOCALE))
gettext.textdomain(DOMAIN)


@cache
def _places() -> dict[str, str]:
    """Languages with a catalogue, by the name they are asked for, and their locale: zh, zh_CN."""
    found = sorted(p.parents[1].name for p in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return {locale.partition("_")[0]: locale for locale in found}


class PseudoTranslations(gettext.NullTranslations):
    """Brackets every message, so that a text that bypasses translation stands out."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message.strip() else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


_process = ["en"]  # the language of this process, in every thread of it
_language: ContextVar[str] = ContextVar("language", default="")  # where it is another one
_currency: ContextVar[str] = ContextVar("currency", default="")


@cache
def _translations(language: str) -> gettext.NullTranslations:
    if language == "pseudo":
        return PseudoTranslations()
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE, languages=[_places()[language]])


def languages() -> list[str]:
    """The languages a report can be written in."""
    return ["en", *_places(), "pseudo"]


def use(language: str) -> None:
    """Write everything that follows in this process in `language` (one of `languages()`)."""
    _translations(language)
    _process[0] = language
    _language.set("")


@contextmanager
def used(language: str) -> Iterator[None]:
    """Write in `language` here, and as before afterwards."""
    _translations(language)
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def in_use() -> str:
    """The language that is written in."""
    return _language.get() or _process[0]


def of_terminal() -> str:
    """The language of whoever types, by the environment as gettext reads it; English where there is
    no catalogue for it.
    """
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    asked = next((os.environ[n] for n in names if os.environ.get(n)), "")
    for each in asked.split(":"):
        language = re.split(r"[_.@-]", each)[0].lower()
        if language in ("en", *_places()) and _is_whole(language):
            return language
    return "en"


def _is_whole(language: str) -> bool:
    try:
        _translations(language)
    except (OSError, ValueError):  # a damaged catalogue
        return False
    return True


def tag(language: str) -> str:
    """The language as HTML names it."""
    return _places().get(language, "en").replace("_", "-")


def own_name(language: str) -> str:
    """What a language is called in itself, for who cannot read the others."""
    from babel import Locale

    locale = Locale(tag(language)[:2])
    return str(locale.get_display_name(locale)).capitalize()


def catalogue(language: str) -> bytes:
    """The compiled catalogue of a language; empty for those that need none."""
    place = _places().get(language)
    return (LOCALE / place / "LC_MESSAGES" / f"{DOMAIN}.mo").read_bytes() if place else b""


def say(message: str, context: str = "") -> str:
    """The message in the reader's language. context: where the English has two meanings."""
    before, _of, text = message.rpartition(OF)
    of = context or before
    if not text.strip() and not of:
        return text  # a catalogue answers with its header
    translations = _translations(in_use())
    return translations.pgettext(of, text) if of else translations.gettext(text)


def marked(message: str, context: str = "") -> str:
    """The message marked for translation where it is defined; `say` translates it when it is shown.
    context: where the English has two meanings; it goes with the message.
    """
    return f"{context}{OF}{message}" if context else message


def ngettext(singular: str, plural: str, n: int) -> str:
    """The message for `n` things in the reader's language."""
    return _translations(in_use()).ngettext(singular, plural, n)


def listed(texts: Iterable[str]) -> str:
    """Texts as a list within a sentence."""
    return say(", ", "between the words of a list").join(texts)


def clauses(texts: Iterable[str]) -> str:
    """Parts of a sentence one after the other; empty ones are left out."""
    return say("; ", "between the parts of a sentence").join(filter(None, texts))


def sentences(*texts: str) -> str:
    """Sentences one after the other; empty ones are left out."""
    both = say("{first} {second}", "sentences one after the other")
    told = [text for text in texts if text]
    return reduce(lambda a, b: both.format(first=a, second=b), told) if told else ""


def headline(sentence: str) -> str:
    """A sentence as a title, without its full stop."""
    return sentence.rstrip(".。")


def unwrapped(docstring: str) -> str:
    """A docstring with each of its paragraphs on one line, as it is told to a reader."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(docstring))


def within(word: str) -> str:
    """A word that begins a cell, as it stands within a sentence; abbreviations stay as they are."""
    return word if word[1:2].isupper() else word[:1].lower() + word[1:]


def use_currency(currency: str) -> None:
    """Write the currency of amounts as `currency`, such as CNY, in everything that follows."""
    _currency.set(currency)


def currency_in_words(currency: str = "") -> str:
    """The currency as it stands behind an amount: CNY, 元; that in use unless given."""
    currency = currency or _currency.get()
    if in_use() != "zh" or not currency:
        return currency
    from babel.numbers import get_currency_name

    return "元" if currency == "CNY" else str(get_currency_name(currency, locale="zh_CN"))


def with_currency(head: str, currency: str = "") -> str:
    """The head of a column or axis of amounts, with the currency (that in use unless given); as it
    is where none is known.
    """
    currency = currency_in_words(currency)
    return say("{head}, {currency}").format(head=head, currency=currency) if currency else head


def amount(value: float, digits: int = 1) -> str:
    """An amount in prose or on an axis, as the reader's language groups digits: 1,234,567 or
    123.5 万. Tables write it in full. digits: behind the point of 万 and 亿.
    """
    if in_use() == "zh":
        for size, unit in ((1e8, "亿"), (1e4, "万")):
            if abs(value) >= size * (1 - 0.5e-5):
                text = f"{value / size:,.{digits}f}\N{NO-BREAK SPACE}{unit}"
                return text.replace("-", MINUS)
    return f"{round(value):,}".replace("-", MINUS)


def money(value: float, currency: str = "", in_full: bool = False) -> str:
    """An amount with its currency, where that is known. in_full: to the last digit."""
    text = f"{value:,.0f}".replace("-", MINUS) if in_full else amount(value)
    currency = currency_in_words(currency)
    if not currency:
        return text
    if text.endswith(("万", "亿")) and not currency.isascii():  # 123.5 万元
        return f"{text}{currency}"
    return say("{amount} {currency}").format(amount=text, currency=currency)


def quarter_in_words(quarter: object) -> str:
    """A quarter in prose: 2024Q4, 2024年第四季度. Heads, axes and lists write it as it is."""
    found = re.fullmatch(r"(\d{4})Q([1-4])", str(quarter))
    if in_use() != "zh" or found is None:
        return str(quarter)
    return f"{found[1]}年第{'一二三四'[int(found[2]) - 1]}季度"


def day_in_words(day: object) -> str:
    """A day in prose: 2024-12-31, 2024年12月31日. Tables and lists write it as it is."""
    text = str(day)[:10]
    if in_use() != "zh" or not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    from babel.dates import format_date

    return str(format_date(dt.date.fromisoformat(text), "long", locale="zh_CN"))


class Impossible(Shape):
    """Why a result could not be computed: the text, and its numbers apart, so that it can be told
    in any language.
    """

    text: str
    values: dict[str, str]


def impossible(text: str, **values: object) -> Impossible:
    """That a result could not be computed, to stand in its place: the text, and what it names."""
    return Impossible(
        text=text,
        values={k: f"{v:,}" if isinstance(v, int) else str(v) for k, v in values.items()},
    )


def because(result: object) -> str:
    """Why a result could not be computed, in the reader's language; empty where it could."""
    return say(result.text).format(**result.values) if isinstance(result, Impossible) else ""
