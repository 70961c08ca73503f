"""What customers write, and how those who write it feel. Tables in, tables out."""

import pandas as pd

from analysis.language import Impossible, because, say, sentences
from analysis.quarters import Quarter
from analysis.statistics.intervals import mean_interval
from analysis.voice.fitted import (
    BETWEEN_WORDS,
    COMPLAINT,
    Associations,
    Comments,
    LanguageTexts,
    LowScoreWords,
    Themes,
)
from analysis.voice.words import label

LEAST_WRITERS = 5  # no quotation from a group of fewer
LONGEST_QUOTATION = 160
LEAST_QUOTED = 0.6  # nearness to the theme's centre


#: A theme in a quarter: column to its type.
#: said_in: quarter.
#: n: comments of questionnaires; complaints: their number; empty where too few to be told.
#: score: mean index of the questionnaires, 0–100, with its interval low to high (Student).
THEMES_BY_QUARTER = {
    "language": "str",
    "theme": "str",
    "said_in": "str",
    "n": "float",
    "complaints": "float",
    "score": "float",
    "low": "float",
    "high": "float",
}


def theme_table(comments: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Themes of the branch by quarter, the last five: the columns `THEMES_BY_QUARTER`. Fewer than
    `min_cell` texts are left out; fewer than `min_cell` comments have no score, and they and as few
    complaints are not told.
    """
    if comments.empty:
        return pd.DataFrame(columns=list(THEMES_BY_QUARTER))
    themed = _with_theme(comments, quarter, 4)
    themes = []
    for (language, theme, said_in), part in themed.groupby(["language", "theme", "said_in"]):
        if len(part) < min_cell:
            continue
        scores = part["score"].dropna()
        score: list[float | None] = [None, None, None]
        withheld = part[["comments_withheld", "complaints_withheld"]].any()
        comments_told, complaints_told = (
            None if hidden or 0 < n < min_cell else n
            for n, hidden in zip(_counts(part), withheld, strict=True)
        )
        if len(scores) >= min_cell and comments_told is not None:
            score = [scores.mean(), *mean_interval(scores.mean(), scores.std(), len(scores))]
        themes.append([language, theme, said_in, comments_told, complaints_told, *score])
    table = pd.DataFrame(themes, columns=list(THEMES_BY_QUARTER))
    return table.astype({"n": float, "complaints": float})


def _counts(texts: pd.DataFrame) -> tuple[int, int]:
    """How many comments and complaints there are."""
    complaints = int((texts["source"] == COMPLAINT).sum())
    return len(texts) - complaints, complaints


def _rounded(n: int, to: int) -> int:
    """To the nearest multiple of `to`."""
    return to * round(n / to)


def _with_theme(comments: pd.DataFrame, quarter: str, before: int) -> pd.DataFrame:
    """The texts of a theme written in the quarter or in so many before it."""
    since = str(Quarter.parse(quarter).shifted(-before))
    return comments[
        (comments["theme"] != "")
        & (comments["said_in"] >= since)
        & (comments["said_in"] <= quarter)
    ]


#: A theme over a year: column to its type.
#: n: comments of questionnaires; complaints: their number, empty where too few to be told; both
#: rounded to multiples of the smallest cell, for two years that overlap tell of single quarters.
#: score: mean index of the questionnaires, 0–100, with its interval low to high (Student).
THEMES_NOW = {
    "language": "str",
    "theme": "str",
    "n": "int",
    "score": "float",
    "low": "float",
    "high": "float",
    "complaints": "float",
}


def themes_now(comments: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Themes over the year up to the quarter, the lowest score first: the columns `THEMES_NOW`;
    themes of fewer than `min_cell` comments are left out, fewer complaints are not told.
    """
    if comments.empty:
        return pd.DataFrame(columns=list(THEMES_NOW))
    themed = _with_theme(comments, quarter, 3)
    themes = []
    for (language, theme), part in themed.groupby(["language", "theme"]):
        scores = part["score"].dropna()
        n, complaints = _counts(part)
        if n < min_cell or len(scores) < min_cell:
            continue
        complaints_told = None if 0 < complaints < min_cell else _rounded(complaints, min_cell)
        score = [scores.mean(), *mean_interval(scores.mean(), scores.std(), len(scores))]
        themes.append([language, theme, _rounded(n, min_cell), *score, complaints_told])
    return pd.DataFrame(themes, columns=list(THEMES_NOW)).sort_values(
        ["score", "theme"], ignore_index=True
    )


#: A word that goes with low scores: column to its type.
#: n: texts with it; share: of them with a low score, with its interval; base: share of all texts.
TELLING_WORDS = {
    "language": "str",
    "word": "str",
    "n": "int",
    "share": "float",
    "share_low": "float",
    "share_high": "float",
    "base": "float",
    "coefficient": "float",
}


def telling_words(comments: Comments, min_cell: int) -> pd.DataFrame:
    """The words that go with low scores in the whole bank: the columns `TELLING_WORDS`; words of
    fewer than `min_cell` texts are left out.
    """
    rows = [
        {"language": language, "base": texts.low.low / texts.low.texts, **word.model_dump()}
        for language, texts in comments.languages.items()
        if isinstance(texts.low, LowScoreWords)
        for word in texts.low.words
        if word.n >= min_cell
    ]
    return pd.DataFrame(rows, columns=list(TELLING_WORDS))


#: How much can be told of the texts in a language: column to its type.
#: texts, themes: their numbers.
#: auc: how well words tell a low score (cross-validated), with its interval.
#: why: what could not be done.
TEXT_QUALITY = {
    "language": "str",
    "texts": "int",
    "themes": "int",
    "coherence": "float",
    "auc": "float",
    "auc_low": "float",
    "auc_high": "float",
    "why": "str",
}


def text_quality(comments: Comments) -> pd.DataFrame:
    """How many texts there were and how well words tell a low score: the columns `TEXT_QUALITY`."""
    rows = [_quality(language, texts) for language, texts in comments.languages.items()]
    return pd.DataFrame(rows, columns=list(TEXT_QUALITY))


def _quality(language: str, texts: LanguageTexts) -> list[object]:
    themes = texts.themes if isinstance(texts.themes, Themes) else None
    low = texts.low if isinstance(texts.low, LowScoreWords) else None
    return [
        language,
        texts.texts,
        len(themes.themes) if themes else 0,
        themes.coherence if themes else None,
        *([low.auc, low.auc_low, low.auc_high] if low else [None] * 3),
        sentences(because(texts.themes), because(texts.low)),
    ]


#: What was written, word for word: column to its type.
#: said_in: quarter.
QUOTATIONS = {
    "language": "str",
    "theme": "str",
    "said_in": "str",
    "quotation": "str",
}


def quotations(
    comments: pd.DataFrame, quarter: str, each: int = 2, of: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What was written, word for word: the columns `QUOTATIONS`; of each theme in the year the
    texts nearest its centre that hold one of the words it is named by, those of low scores first;
    none that is not near (cosine 0.6). None of a theme that fewer than five of the branch's
    customers wrote about in that year.

    of: as from `themes_now`; of these themes one text each, in their order.
    """
    if comments.empty:
        return pd.DataFrame(columns=list(QUOTATIONS))
    if of is not None:
        every = quotations(comments, quarter, 1).set_index(["language", "theme"])
        of_theme = pd.MultiIndex.from_frame(of[["language", "theme"]])
        return every.loc[of_theme.intersection(every.index, sort=False)].reset_index()
    themed = _with_theme(comments, quarter, 3)
    chosen = []
    for (language, theme), part in themed.groupby(["language", "theme"]):
        if part["customer_id"].nunique() < LEAST_WRITERS:
            continue
        readable = part[part["quotation"].str.len().between(6, LONGEST_QUOTATION)]
        fitting = readable[_fits(readable, theme)].drop_duplicates("quotation")
        best = fitting.assign(near=fitting["nearness"].round(1)).sort_values(
            ["near", "score", "text_id"], ascending=[False, True, True]
        )
        chosen += [[language, theme, r.said_in, r.quotation] for r in best.head(each).itertuples()]
    return pd.DataFrame(chosen, columns=list(QUOTATIONS))


def _fits(texts: pd.DataFrame, theme: str) -> pd.Series:
    """Whether each text may stand for the theme."""
    names = theme.split(BETWEEN_WORDS)
    named = texts["quotation"].map(lambda text: any(name in text.lower() for name in names))
    return named.astype(bool) & (texts["nearness"] >= LEAST_QUOTED)


#: The rules that hold: column to its type.
#: facts, feeling: in words; the others as in `analysis.voice.fitted.Rule`.
RULES = {
    "facts": "str",
    "feeling": "str",
    "n": "int",
    "support": "float",
    "confidence": "float",
    "low": "float",
    "high": "float",
    "base": "float",
    "lift": "float",
    "p_corrected": "float",
}


def rule_table(associations: Associations, least_p: float = 0.05) -> pd.DataFrame:
    """The rules that hold after correction: the columns `RULES`, the strongest evidence first."""
    result = associations.result
    rules = [] if isinstance(result, Impossible) else result.rules
    table = pd.DataFrame([r.model_dump() for r in rules], columns=list(RULES))
    table = table[table["p_corrected"].astype(float) < least_p].reset_index(drop=True)
    both = say(" + ", "between facts that hold together")
    table["facts"] = [both.join(map(fact, facts.split(" + "))) for facts in table["facts"]]
    table["feeling"] = [label(f) for f in table["feeling"]]
    return table


def fact(code: str) -> str:
    """A fact in words: a product held, an event, a complaint and its theme."""
    if code.startswith("complained: "):
        return say("complained of {theme}").format(theme=code.removeprefix("complained: "))
    return label(code)
