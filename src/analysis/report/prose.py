"""The prose of a notebook, which stands in its cells in every language, one below the other.

    ## Who left

    Customers who …

    <!-- zh -->

    ## 流失情况

    …

What stands before the first such line is English. JupyterLab shows all of it; a page shows one.
"""

import re

from analysis.language import say

#: A line after which a cell goes on in another language.
OTHER = re.compile(r"^<!--[ \t]*([a-z]{2})[ \t]*-->[ \t\r]*$", re.MULTILINE)


def in_language(source: str, language: str) -> str:
    """The part of a cell's prose in a language; the English one where there is no other."""
    english, *others = OTHER.split(source)
    parts = dict(zip(others[::2], others[1::2], strict=True))
    if language == "pseudo":
        return "\n\n".join(map(_marked, paragraphs(english)))
    return parts.get(language, english).strip()


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, headings among them."""
    return [p.strip() for p in text.split("\n\n") if p.strip()]


def _marked(paragraph: str) -> str:
    head, text = re.fullmatch(r"(#* ?)(.*)", paragraph, re.DOTALL).groups()  # type: ignore[union-attr]
    return head + say(text)
