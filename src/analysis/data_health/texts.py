"""What people wrote, as data: how much of it, in which language, how often the same, and what of it
could say who somebody is. Only counts leave this module, no text.

Two texts are nearly the same where the sequences of up to three letters of one, without digits,
blanks and punctuation, lie at a cosine of `NEARLY` or more to those of the other.
"""

import re
import unicodedata

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.data_health.fitted import WRITTEN, TextsOf
from analysis.quarters import Quarter
from analysis.voice.comments import CHINESE, language_of
from analysis.voice.identity import KINDS, identity_in

#: Texts of a table that are read, and compared with each other, by the hash of their key.
MOST_READ, MOST_COMPARED = 20_000, 10_000
NEARLY = 0.9


def texts_of(tables: dict[str, ir.Table], quarter: Quarter) -> list[TextsOf]:
    """What was written in a quarter, a row a table that has texts in it.

    tables: of the contract, those of `WRITTEN` that are there.
    """
    told = []
    for name, (column, key, dated) in WRITTEN.items():
        if name not in tables:
            continue
        day = tables[name][dated].cast("date")
        first, end = (ibis.date(d.isoformat()) for d in (quarter.start, quarter.end))
        written = tables[name].filter(tables[name][column].notnull() & day.between(first, end))
        written = written.select(key=written[key], text=written[column])
        counted = written.aggregate(n=_.count(), letters=_.text.length().sum()).to_pandas()
        n = int(counted["n"].iloc[0])
        if n:
            sample = written.order_by([_.key.hash(), _.key]).limit(MOST_READ).to_pandas()
            told.append(_counted(name, n, int(counted["letters"].iloc[0]), sample["text"]))
    return told


def _counted(table: str, n: int, letters: int, texts: pd.Series) -> TextsOf:
    kinds = [identity_in(text) for text in texts]
    return TextsOf(
        table=table,
        texts=n,
        letters=letters,
        read=len(texts),
        chinese=sum(language_of(text) == CHINESE for text in texts),
        repeated=_repeated(texts.head(MOST_COMPARED)),
        compared=min(len(texts), MOST_COMPARED),
        identifying={kind: sum(kind in found for found in kinds) for kind in KINDS},
    )


def plain(text: str) -> str:
    """A text without digits, blanks and punctuation, in small letters of one width."""
    return re.sub(r"[\W\d_]+", "", unicodedata.normalize("NFKC", text).lower())


def _repeated(texts: pd.Series) -> int:
    """How many texts are nearly the same as an earlier one."""
    from sklearn.feature_extraction.text import HashingVectorizer

    letters = texts.map(plain)
    letters = letters[letters.str.len() > 0]
    first = letters.drop_duplicates()
    again = len(letters) - len(first)
    if len(first) < 2:
        return again
    vectorizer = HashingVectorizer(analyzer="char", ngram_range=(1, 3), alternate_sign=False)
    vectors = vectorizer.transform(first)
    near = np.zeros(len(first), dtype=bool)
    for start in range(0, len(first), 1000):
        like = (vectors[start : start + 1000] @ vectors.T).tocoo()
        earlier = (like.data >= NEARLY) & (like.col < like.row + start)
        near[np.unique(like.row[earlier]) + start] = True
    return again + int(near.sum())
