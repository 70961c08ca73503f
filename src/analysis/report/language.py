"""Every text a reader sees passes through here, so that it can be read in another language.

`say` marks and translates a message at the moment it is shown; `marked` marks one that is kept
until then. Catalogues live in `locale/<language>/LC_MESSAGES/workbook.mo`; English is the language
of the source and needs none.
The language `pseudo` brackets every message: a text without brackets on a pseudo page is a text
that nobody can translate (see `tests/report/test_language.py`).
"""

import gettext
from contextvars import ContextVar
from pathlib import Path

from analysis.shape import Shape

LOCALE = Path(__file__).parents[1] / "locale"


class PseudoTranslations(gettext.NullTranslations):
    """Brackets every message, so that a text that bypasses translation stands out."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message.strip() else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


_ENGLISH = gettext.NullTranslations()
_translations: ContextVar[gettext.NullTranslations] = ContextVar("translations", default=_ENGLISH)
_currency: ContextVar[str] = ContextVar("currency", default="")


def languages() -> list[str]:
    """The languages a report can be written in."""
    return [
        "en",
        *sorted(p.parent.parent.name for p in LOCALE.glob("*/LC_MESSAGES/workbook.mo")),
        "pseudo",
    ]


def use(language: str) -> None:
    """Write everything that follows in `language` (one of `languages()`)."""
    if language == "en":
        _translations.set(gettext.NullTranslations())
    elif language == "pseudo":
        _translations.set(PseudoTranslations())
    else:
        _translations.set(gettext.translation("workbook", LOCALE, languages=[language]))


def use_currency(currency: str) -> None:
    """Write the currency of amounts as `currency`, such as CNY, in everything that follows."""
    _currency.set(currency)


def with_currency(head: str) -> str:
    """The head of a column or axis of amounts, with the currency; as it is where none is known."""
    currency = _currency.get()
    return say("{head}, {currency}").format(head=head, currency=currency) if currency else head


def money(amount: float) -> str:
    """An amount with its currency, where that is known."""
    text, currency = f"{amount:,.0f}", _currency.get()
    return say("{amount} {currency}").format(amount=text, currency=currency) if currency else text


def say(message: str) -> str:
    """The message in the reader's language."""
    return _translations.get().gettext(message)


def marked(message: str) -> str:
    """The message as it is, marked for translation where it is defined; `say` translates it when it
    is shown.
    """
    return message


def ngettext(singular: str, plural: str, n: int) -> str:
    """The message for `n` things in the reader's language."""
    return _translations.get().ngettext(singular, plural, n)


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
