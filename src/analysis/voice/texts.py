"""From the bank's tables to what customers wrote, with its themes."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from analysis.language import Impossible
from analysis.marts.rows import rows_of
from analysis.quarters import Quarter
from analysis.voice.comments import (
    CHINESE,
    ENGLISH,
    MOST_TEXTS,
    NAMED_BY,
    cleaned,
    fit_themes,
    language_of,
    nearest_theme,
    words,
    words_of_low_scores,
)
from analysis.voice.fitted import BETWEEN_WORDS, COMPLAINT, SURVEY, Comments, LanguageTexts
from analysis.voice.identity import without_identity

#: What was written, word for word: column to its type.
#: said_in: quarter; source: survey or complaint; score: index of the questionnaire, 0–100.
#: name: of the customer, to be taken out of the text.
TEXTS = {
    "text_id": "str",
    "customer_id": "str",
    "branch_id": "str",
    "said_in": "str",
    "source": "str",
    "score": "float",
    "name": "str",
    "text": "str",
}
#: What was written, without what says who wrote it: column to its type.
#: theme: its words; empty: of none; nearness: to the theme's centre (cosine), 0–1.
#: quotation: the text.
THEMED = {
    "text_id": "str",
    "branch_id": "str",
    "customer_id": "str",
    "said_in": "str",
    "source": "str",
    "score": "float",
    "language": "str",
    "theme": "str",
    "nearness": "float",
    "quotation": "str",
}
SHOWN_QUARTERS = 5
MOST_READ = 100_000


def read_texts(
    customers: ir.Table,
    surveys: ir.Table | None,
    complaints: ir.Table | None,
    index: ir.Table | None,
    quarters: Sequence[Quarter],
) -> pd.DataFrame:
    """Comments of questionnaires, with the index of the questionnaire as `score`, and complaints,
    of the last of the quarters, as many as a page shows: the columns `TEXTS`.

    customers, surveys, complaints: of the contract; index: survey_index; None where the bank
    delivers none. Of each kind at most 100,000, chosen by the hash of their identifier. Personal
    text and names: nothing of it leaves before `without_identity`.
    """
    shown = quarters[-SHOWN_QUARTERS:]
    start, end = ibis.literal(shown[0].start), ibis.literal(shown[-1].end)
    written = []
    if surveys is not None:
        said = surveys.filter(_.comment.notnull() & _.answered_on.between(start, end)).select(
            text_id="survey_id", customer_id="customer_id", on="answered_on", text="comment"
        )
        said = _with_score(said, rows_of(index, *shown))
        written.append(said.mutate(source=ibis.literal(SURVEY)))
    if complaints is not None:
        said = complaints.filter(_.text.notnull() & _.received_on.between(start, end)).select(
            text_id="complaint_id", customer_id="customer_id", on="received_on", text="text"
        )
        written.append(said.mutate(score=ibis.null("float64"), source=ibis.literal(COMPLAINT)))
    customer_names = customers.select("customer_id", "branch_id", "name")
    samples = [
        t.join(customer_names, "customer_id")
        .order_by([_.text_id.hash(), _.text_id])
        .limit(MOST_READ)
        .to_pandas()
        for t in written
    ]
    if not sum(map(len, samples)):
        return pd.DataFrame(columns=list(TEXTS))
    texts = pd.concat([r for r in samples if len(r)], ignore_index=True)
    texts["said_in"] = [str(Quarter.of(d)) for d in pd.to_datetime(texts["on"]).dt.date]
    return texts[list(TEXTS)]


def _with_score(said: ir.Table, index: ir.Table | None) -> ir.Table:
    if index is None:
        return said.mutate(score=ibis.null("float64"))
    scores = index.select("survey_id", score="index")
    return said.left_join(scores, said.text_id == scores.survey_id).drop("survey_id")


def with_themes(texts: pd.DataFrame, low_score: float) -> tuple[pd.DataFrame, Comments]:
    """Every text with its language and theme, and what is known of the themes and of the words that
    go with low scores.

    texts: the columns `TEXTS`. Returns the columns `THEMED`, with what says who wrote them taken
    out.
    """
    if texts.empty:
        return pd.DataFrame(columns=list(THEMED)), Comments(texts=0, empty=0, languages={})
    # what says who wrote it goes first, so that no name can become a word of a theme
    quotations = [
        without_identity(cleaned(t), _parts_of(n))
        for t, n in zip(texts["text"], texts["name"], strict=True)
    ]
    texts = texts.drop(columns=["name", "text"]).assign(
        quotation=quotations, language=[language_of(t) for t in quotations]
    )
    themed, languages = [], {}
    for language in (CHINESE, ENGLISH):
        part = texts[texts["language"] == language].reset_index(drop=True)
        if len(part):
            part, languages[language] = _of_language(part, low_score)
            themed.append(part)
    comments = Comments(
        texts=len(texts), empty=int((texts["language"] == "").sum()), languages=languages
    )
    if not themed:
        return pd.DataFrame(columns=list(THEMED)), comments
    in_order = pd.concat(themed, ignore_index=True)[list(THEMED)]
    return in_order.sort_values("text_id", ignore_index=True), comments


def _of_language(texts: pd.DataFrame, low_score: float) -> tuple[pd.DataFrame, LanguageTexts]:
    """The texts of one language with their themes, and what is known of them."""
    tokens = [words(t) for t in texts["quotation"]]
    model = fit_themes(tokens[:MOST_TEXTS])
    texts = texts.assign(theme="", nearness=0.0)
    if not isinstance(model, Impossible):
        number, texts["nearness"] = nearest_theme(tokens, model)
        named = [BETWEEN_WORDS.join(theme[:NAMED_BY]) for theme in model.themes]
        titles = np.array(named, dtype=object)
        texts["theme"] = np.where(number >= 0, titles[number], "")
    scored = texts["score"].notna().to_numpy()
    low = words_of_low_scores(
        [t for t, s in zip(tokens, scored, strict=True) if s][:MOST_TEXTS],
        (texts.loc[scored, "score"] < low_score).to_numpy()[:MOST_TEXTS],
    )
    themes = model if isinstance(model, Impossible) else model.in_words()
    return texts, LanguageTexts(texts=len(texts), themes=themes, low=low)


def _parts_of(name: object) -> list[str]:
    """The name as the bank has it and, of a name in several words, each word that is more than an
    initial.
    """
    if not isinstance(name, str):
        return []
    return [name, *[p for p in name.split() if len(p) > 2]]
