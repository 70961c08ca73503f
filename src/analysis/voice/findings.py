"""What customers write, and how those who write it feel. Tables in, tables out."""

from typing import Any

import pandas as pd

from analysis.quarters import Quarter
from analysis.report.language import because
from analysis.statistics.intervals import mean_interval
from analysis.voice.texts import COMPLAINT

LEAST_WRITERS = 5  # no quotation from a group of fewer
LONGEST_QUOTATION = 160


def theme_table(comments: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Themes of the branch by quarter, the last five: language, theme, said_in, n (comments of
    questionnaires), complaints, score (mean index of the questionnaires) with low and high
    (Student). Fewer than `min_cell` texts are left out, and fewer than `min_cell` comments have no
    score.
    """
    columns = ["language", "theme", "said_in", "n", "complaints", "score", "low", "high"]
    if comments.empty:
        return pd.DataFrame(columns=columns)
    rows = _with_theme(comments, quarter, 4)
    found = []
    for (language, theme, said_in), part in rows.groupby(["language", "theme", "said_in"]):
        if len(part) < min_cell:
            continue
        scores = part["score"].dropna()
        told: list[float | None] = [None, None, None]
        if len(scores) >= min_cell:
            told = [scores.mean(), *mean_interval(scores.mean(), scores.std(), len(scores))]
        complaints = int((part["source"] == COMPLAINT).sum())
        found.append([language, theme, said_in, len(part) - complaints, complaints, *told])
    return pd.DataFrame(found, columns=columns)


def _with_theme(comments: pd.DataFrame, quarter: str, before: int) -> pd.DataFrame:
    """The texts of a theme written in the quarter or in so many before it."""
    since = str(Quarter.parse(quarter).shifted(-before))
    return comments[
        (comments["theme"] != "")
        & (comments["said_in"] >= since)
        & (comments["said_in"] <= quarter)
    ]


def themes_now(comments: pd.DataFrame, quarter: str, min_cell: int) -> pd.DataFrame:
    """Themes over the year up to the quarter: language, theme, n (comments of questionnaires),
    score with low and high, complaints, the lowest score first; themes of fewer than `min_cell`
    comments are left out, fewer complaints are not told.
    """
    columns = ["language", "theme", "n", "score", "low", "high", "complaints"]
    if comments.empty:
        return pd.DataFrame(columns=columns)
    rows = _with_theme(comments, quarter, 3)
    found = []
    for (language, theme), part in rows.groupby(["language", "theme"]):
        scores, complaints = part["score"].dropna(), int((part["source"] == COMPLAINT).sum())
        if len(scores) >= min_cell:
            found.append(
                [
                    language,
                    theme,
                    len(scores),
                    scores.mean(),
                    *mean_interval(scores.mean(), scores.std(), len(scores)),
                    complaints if complaints >= min_cell or not complaints else None,
                ]
            )
    return pd.DataFrame(found, columns=columns).sort_values(["score", "theme"], ignore_index=True)


def telling_words(found: dict[str, Any], min_cell: int) -> pd.DataFrame:
    """The words that go with low scores in the whole bank: language, word, n, share (of its texts
    with a low score) with share_low and share_high, base (share of all texts), coefficient; words
    of fewer than `min_cell` texts are left out.
    """
    columns = ["language", "word", "n", "share", "share_low", "share_high", "base", "coefficient"]
    rows = [
        {"language": language, "base": f["low"]["low"] / f["low"]["texts"], **w}
        for language, f in found.get("languages", {}).items()
        for w in f["low"].get("words", [])
        if w["n"] >= min_cell
    ]
    return pd.DataFrame(rows, columns=columns)


def text_quality(found: dict[str, Any]) -> pd.DataFrame:
    """How many texts there were and how well words tell a low score: language, texts, themes (their
    number), coherence, auc with auc_low and auc_high (cross-validated), why (what could not be
    done).
    """
    rows = []
    for language, f in found.get("languages", {}).items():
        themes, low = f["themes"], f["low"]
        why = " ".join(filter(None, [because(themes), because(low)]))
        rows.append(
            [
                language,
                f["texts"],
                len(themes.get("themes", [])),
                themes.get("coherence"),
                low.get("auc"),
                low.get("auc_low"),
                low.get("auc_high"),
                why,
            ]
        )
    return pd.DataFrame(
        rows,
        columns=["language", "texts", "themes", "coherence", "auc", "auc_low", "auc_high", "why"],
    )


def quotations(comments: pd.DataFrame, quarter: str, each: int = 2) -> pd.DataFrame:
    """What was written, word for word: language, theme, said_in, quotation; of each theme in the
    year the texts most of that theme, those of low scores first. None of a theme that fewer than
    five of the branch's customers wrote about in that year.
    """
    columns = ["language", "theme", "said_in", "quotation"]
    if comments.empty:
        return pd.DataFrame(columns=columns)
    rows = _with_theme(comments, quarter, 3)
    found = []
    for (language, theme), part in rows.groupby(["language", "theme"]):
        if part["customer_id"].nunique() < LEAST_WRITERS:
            continue
        readable = part[part["quotation"].str.len().between(6, LONGEST_QUOTATION)].drop_duplicates(
            "quotation"
        )
        best = readable.assign(weight=readable["theme_weight"].round(2)).sort_values(
            ["weight", "score", "text_id"], ascending=[False, True, True]
        )
        found += [[language, theme, r.said_in, r.quotation] for r in best.head(each).itertuples()]
    return pd.DataFrame(found, columns=columns)
