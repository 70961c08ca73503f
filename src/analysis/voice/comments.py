"""What customers write: words, themes, and the words that go with low scores, in Chinese and
English, each by itself.

A text is cut to its first 2,000 characters and freed of markup before anything else. Chinese is cut
into words by jieba.
"""

import html
import re
import warnings
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from analysis.language import Impossible, impossible
from analysis.statistics.intervals import share_interval
from analysis.statistics.regression import auc_interval
from analysis.voice.fitted import FittedThemes, LowScoreWords, Word

LONGEST = 2_000
LEAST_TEXTS = 60
LEAST_SCORED = 20  # texts with a low score, and others
MOST_TEXTS = 20_000
MOST_WORDS = 3_000
THEMES = (4, 6, 8, 10, 12, 16, 20, 25, 30, 40, 50, 60)  # numbers that are tried
LEAST_IN_THEME = 30  # texts
NAMED_BY = 3  # words
MOST_IN_THEME = 10  # words that are kept of it
LEAST_NEAR = 0.3  # to a theme's centre; below it a text belongs to none
DIMENSIONS, SMOOTHED = 100, 0.75
CHINESE, ENGLISH = "zh", "en"
_CHINESE_CHARACTER = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[a-z][a-z']+")
#: Words that say nothing of a theme, beside scikit-learn's English list.
CHINESE_STOP_WORDS = frozenset(
    "银行 的 了 是 我 你 他 她 它 们 我们 你们 他们 这 那 这个 那个 就 都 "
    "也 还 又 和 与 或 在 有 没 没有 不 不是 很 太 非常 一个 一 个 "
    "什么 怎么 为什么 吗 吧 呢 啊 呀 哦 嗯 被 把 给 对 到 从 去 来 上 下 "
    "里 说 要 会 能 可以 可 着 过 得 地 最 更 再 才 只 但 但是 而 "
    "而且 因为 所以 如果 自己 真的 真 好 用 人 多 少 大 小 让 已经 还是 就是 "
    "现在 时候 一直 一下 几 次 每次 之 以 等 请 想 知道 觉得 感觉 东西 "
    "不能 不会 不了 一点 有点 点 做 搞 弄 啥 咋 这么 那么 各种 天 年 月 第一次 上周 朋友".split()
)
_ENGLISH_STOP_WORDS = frozenset(ENGLISH_STOP_WORDS) | {
    "don",
    "doesn",
    "didn",
    "isn",
    "wasn",
    "won",
    "ve",
    "ll",
    "re",
    "im",
    "ok",
    "just",
    "really",
    "bank",
    "banks",
    "time",
    "week",
    "say",
}


def cleaned(text: object) -> str:
    """The text without markup, addresses of pages and repeated blanks, at most 2,000 characters;
    empty for what is no text.
    """
    if not isinstance(text, str):
        return ""
    shown = re.sub(r"<[^<>]{0,500}>", " ", html.unescape(text[: 5 * LONGEST]))
    shown = re.sub(r"(?:https?://|www\.)\S+", " ", shown)
    shown = re.sub(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", " ", shown)
    return re.sub(r"\s+", " ", shown).strip()[:LONGEST]


def language_of(text: str) -> str:
    """zh where at least a fifth of the letters are Chinese characters, en otherwise; empty without
    letters.
    """
    chinese, letters = len(_CHINESE_CHARACTER.findall(text)), len(re.findall(r"[^\W\d_]", text))
    return "" if not letters else CHINESE if chinese * 5 >= letters else ENGLISH


def words(text: str) -> list[str]:
    """The words of a cleaned text that can say something, in order; of Chinese those of two
    characters and more.
    """
    if language_of(text) == CHINESE:
        cut = [w.strip() for w in _chinese().cut(text)]
        return [
            w.lower()
            for w in cut
            if len(w) > 1
            and w not in CHINESE_STOP_WORDS
            and re.fullmatch(r"[\u3400-\u9fff]+|[A-Za-z]{2,}", w)
        ]
    return [
        w
        for w in _WORD.findall(text.lower())
        if w.strip("'") not in _ENGLISH_STOP_WORDS and len(w) > 2
    ]


@cache
def _chinese() -> Any:
    """jieba's tokenizer with its dictionary read from the package: its own cache lies where
    everybody may write, and is not read.
    """
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


@threadpool_limits.wrap(limits=1)
def fit_themes(tokens: list[list[str]], seed: int = 0) -> FittedThemes | Impossible:
    """Themes of texts in one language: k-means of the texts' directions.

    Words are seen by the company they keep: positive pointwise mutual information of standing in
    one text, smoothed by a power of 0.75 and brought to 100 dimensions by singular vectors (Levy,
    Goldberg and Dagan 2015), so that two texts on one matter in other words are near each other. A
    text is the mean of its words by TF-IDF, at length one (Dhillon and Modha 2001).

    The number of themes follows the texts, up to 60: of those at which no theme has fewer than 30
    texts (or a twentieth, where there are fewer than 600), the largest at which the three words
    that name a theme belong together at least half as well as at the best (mean normalised
    pointwise mutual information of their pairs over the texts, Bouma 2009). A matter may so be
    split into two themes rather than two matters share one.
    """
    texts = [t for t in tokens if t]
    if len(texts) < LEAST_TEXTS:
        return impossible("{n} texts; {least} are needed.", n=len(texts), least=LEAST_TEXTS)
    vectorizer = _vectorizer(len(texts))
    try:
        x = vectorizer.fit_transform(texts)
    except ValueError:
        return impossible("The texts share too few words.")
    words_seen = _word_vectors(x)
    seen = _directions(x, words_seen)
    known = np.linalg.norm(seen, axis=1) > 0
    x, seen = x[known], seen[known]
    if len(seen) < LEAST_TEXTS:
        return impossible("The texts share too few words.")
    present = (x > 0).astype(float).tocsc()
    least = min(LEAST_IN_THEME, len(seen) // 20)
    trials: dict[int, _Division] = {}
    for k in THEMES:
        division = _divided(x, present, seen, k, seed) if k * least <= len(seen) else None
        if division and division.smallest >= least:
            trials[k] = division
    if not trials:
        return impossible("The texts do not fall into themes.")
    best = max(d.coherence for d in trials.values())
    chosen = max(k for k, d in trials.items() if d.coherence >= min(best, best / 2))
    names = vectorizer.get_feature_names_out()
    return FittedThemes(
        texts=len(texts),
        coherence=trials[chosen].coherence,
        tried={str(k): d.coherence for k, d in trials.items()},
        themes=[
            [str(names[i]) for i in _heaviest(row, MOST_IN_THEME) if row[i] > 0]
            for row in trials[chosen].telling
        ],
        vocabulary=dict(zip(map(str, names), map(float, vectorizer.idf_), strict=True)),
        word_vectors=words_seen.tolist(),
        centres=trials[chosen].centres.tolist(),
    )


class _Division(NamedTuple):
    """Texts divided into themes. centres: theme × dimension; telling: theme × word, how much it
    tells of the theme; coherence: mean of the words that name each; smallest: texts of the theme
    with fewest.
    """

    centres: np.ndarray
    telling: np.ndarray
    coherence: float
    smallest: int


def _divided(
    x: sparse.csr_matrix, present: sparse.csc_matrix, seen: np.ndarray, k: int, seed: int
) -> _Division | None:
    """The texts in k themes; None where they have fewer directions."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # too few directions: shows in the sizes
        label = KMeans(k, n_init=3, random_state=seed).fit(seen).labels_
    sizes = np.bincount(label, minlength=k)
    if not sizes.min():
        return None
    belongs = sparse.csr_matrix((np.ones(len(label)), (label, np.arange(len(label)))))
    inside = (belongs @ x).toarray() / sizes[:, None]
    everywhere = np.maximum(np.asarray(x.mean(axis=0)).ravel(), 1e-12)
    # what a theme's texts have more of than all texts do (Kullback and Leibler 1951)
    telling = inside * np.log(np.maximum(inside / everywhere, 1.0))
    coherence = float(np.mean([_coherence(present, _heaviest(row, NAMED_BY)) for row in telling]))
    return _Division(normalize(belongs @ seen), telling, round(coherence, 4), int(sizes.min()))


def _word_vectors(x: sparse.csr_matrix) -> np.ndarray:
    """Words × dimensions, at length one; zero for a word that stands with no other."""
    present = (x > 0).astype(float)
    together = (present.T @ present).tocoo()
    others = together.row != together.col
    row, column, count = together.row[others], together.col[others], together.data[others]
    alone = np.bincount(row, count, minlength=x.shape[1])
    if not alone.sum():
        return np.zeros((x.shape[1], 1))
    smoothed = alone**SMOOTHED / (alone**SMOOTHED).sum()
    information = np.log(count / (alone[row] * smoothed[column]))
    positive = sparse.csr_matrix(
        (np.maximum(information, 0.0), (row, column)), shape=(x.shape[1], x.shape[1])
    )
    dimensions = min(DIMENSIONS, x.shape[1])
    left, values, _right = randomized_svd(positive, dimensions, random_state=0)
    return np.asarray(normalize(left * np.sqrt(values)).round(6))


def _directions(x: sparse.csr_matrix, word_vectors: np.ndarray) -> np.ndarray:
    """Texts × dimensions, at length one; zero for a text without a known word."""
    return np.asarray(normalize(x @ word_vectors).round(9))


def _heaviest(loads: np.ndarray, most: int) -> np.ndarray:
    return np.argsort(-loads, kind="stable")[:most]


@threadpool_limits.wrap(limits=1)
def nearest_theme(tokens: list[list[str]], model: FittedThemes) -> tuple[np.ndarray, np.ndarray]:
    """The number of each text's theme and how near it is to that theme's centre (cosine, 0 to 1);
    −1 for a text that is nearer than `LEAST_NEAR` to none.
    """
    vectorizer = TfidfVectorizer(
        analyzer=_already_split, vocabulary=list(model.vocabulary), sublinear_tf=True, norm="l2"
    )
    vectorizer.idf_ = np.array(list(model.vocabulary.values()))
    seen = _directions(vectorizer.transform(tokens), np.array(model.word_vectors))
    near = (seen @ np.array(model.centres).T).round(6)
    nearness = near.max(axis=1)
    belongs = nearness >= LEAST_NEAR
    return np.where(belongs, near.argmax(axis=1), -1), np.where(belongs, nearness, 0.0)


def words_of_low_scores(
    tokens: list[list[str]], low: np.ndarray, most: int = 15, seed: int = 0
) -> LowScoreWords | Impossible:
    """Which words go with low scores: logistic regression with a ridge penalty on TF-IDF, judged by
    cross-validation (DeLong's interval).

    low: whether the writer's score is low. most: words, those that raise the chance most.
    """
    low = np.asarray(low, dtype=bool)
    if min(low.sum(), (~low).sum()) < LEAST_SCORED:
        return impossible(
            "{low} texts with a low score and {others} others; 20 of each are needed.",
            low=int(low.sum()),
            others=int((~low).sum()),
        )
    model = make_pipeline(_vectorizer(len(tokens)), LogisticRegression(C=1.0, max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    try:
        chances = cross_val_predict(model, tokens, low, cv=folds, method="predict_proba")[:, 1]
    except ValueError:
        return impossible("The texts share too few words.")
    auc, auc_low, auc_high = auc_interval(low, chances)
    model.fit(tokens, low)
    names, coefficient = model[0].get_feature_names_out(), model[1].coef_[0]
    return LowScoreWords(
        texts=len(tokens),
        low=int(low.sum()),
        auc=auc,
        auc_low=auc_low,
        auc_high=auc_high,
        words=[
            _word(str(names[i]), float(coefficient[i]), tokens, low)
            for i in _heaviest(coefficient, most)
            if coefficient[i] > 0
        ],
    )


def _word(word: str, coefficient: float, tokens: list[list[str]], low: np.ndarray) -> Word:
    has = np.array([word in t for t in tokens])
    share_low, share_high = share_interval(low[has].sum(), has.sum())
    return Word(
        word=word,
        coefficient=coefficient,
        n=int(has.sum()),
        share=float(low[has].mean()),
        share_low=share_low,
        share_high=share_high,
    )


def _already_split(tokens: list[str]) -> list[str]:
    return tokens


def _vectorizer(texts: int) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=_already_split,
        min_df=max(3, texts // 1000),
        max_df=0.5,
        max_features=MOST_WORDS,
        sublinear_tf=True,
    )


def _coherence(present: sparse.csc_matrix, top: np.ndarray) -> float:
    """Mean normalised pointwise mutual information of the pairs of a theme's words, over the
    texts.
    """
    some = present[:, top].toarray()
    n = len(some)
    together = some.T @ some / n
    alone = np.diag(together)
    at = np.triu_indices(len(top), 1)
    joint, product = together[at], np.outer(alone, alone)[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(
            joint > 0, np.log(joint / product) / -np.log(np.clip(joint, 1e-12, 1 - 1e-12)), -1.0
        )
    return float(value.mean()) if len(value) else 0.0
