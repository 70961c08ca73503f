"""What customers write: words, themes, and the words that go with low scores, in Chinese and
English, each by itself.

A text is cut to its first 2,000 characters and freed of markup before anything else. Chinese is cut
into words by jieba.
"""

import html
import re
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from analysis.report.language import Impossible, impossible
from analysis.statistics.intervals import share_interval
from analysis.statistics.regression import auc_interval
from analysis.voice.fitted import FittedThemes, LowScoreWords, Word

LONGEST = 2_000
LEAST_TEXTS = 60
LEAST_SCORED = 20  # texts with a low score, and others
MOST_TEXTS = 20_000
MOST_WORDS = 3_000
THEMES = range(4, 13)
NAMED_BY = 3  # words
MOST_IN_THEME = 10  # words that are kept of it
NEARLY = 0.05
LEAST_WEIGHT = 0.02  # below it a text belongs to no theme
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


def fit_themes(tokens: list[list[str]], seed: int = 0) -> FittedThemes | Impossible:
    """Themes of texts in one language by non-negative matrix factorisation of TF-IDF (Lee and Seung
    1999; Kullback–Leibler loss).

    Their number, from 4 to 12, is the largest at which the three words that name a theme belong
    together nearly as well as at the best: mean normalised pointwise mutual information of their
    pairs over the texts (Bouma 2009), within 0.05.
    """
    texts = [t for t in tokens if t]
    if len(texts) < LEAST_TEXTS:
        return impossible("{n} texts; {least} are needed.", n=len(texts), least=LEAST_TEXTS)
    vectorizer = _vectorizer(len(texts))
    try:
        x = vectorizer.fit_transform(texts)
    except ValueError:
        return impossible("The texts share too few words.")
    fits = {k: _factorised(x, k, seed) for k in THEMES if k * 2 <= min(x.shape)}
    if not fits:
        return impossible("The texts share too few words.")
    present = (x > 0).astype(float).tocsc()
    coherence = {k: round(_mean_coherence(present, loads), 4) for k, loads in fits.items()}
    chosen = max(k for k, c in coherence.items() if c >= max(coherence.values()) - NEARLY)
    loads, names = fits[chosen], vectorizer.get_feature_names_out()
    return FittedThemes(
        texts=len(texts),
        coherence=coherence[chosen],
        tried={str(k): c for k, c in coherence.items()},
        vocabulary={
            str(w): round(float(i), 6) for w, i in zip(names, vectorizer.idf_, strict=True)
        },
        themes=[
            [str(names[i]) for i in _heaviest(row, MOST_IN_THEME) if row[i] > 0] for row in loads
        ],
        loads=loads.round(6).tolist(),
    )


def _mean_coherence(present: sparse.csc_matrix, loads: np.ndarray) -> float:
    """The mean coherence of the words that name each theme."""
    return float(np.mean([_coherence(present, _heaviest(row, NAMED_BY)) for row in loads]))


def _heaviest(loads: np.ndarray, most: int) -> np.ndarray:
    return np.argsort(-loads, kind="stable")[:most]


def theme_weights(tokens: list[list[str]], model: FittedThemes) -> np.ndarray:
    """Texts × themes: how much of each theme a text holds, adding up to one; all zero where no word
    is known.
    """
    vectorizer = TfidfVectorizer(
        analyzer=_already_split, vocabulary=list(model.vocabulary), sublinear_tf=True, norm="l2"
    )
    vectorizer.idf_ = np.array(list(model.vocabulary.values()))
    x = vectorizer.transform(tokens)
    loads = np.array(model.loads)
    with_words = np.asarray(x.sum(axis=1)).ravel() > 0
    weights = np.zeros((len(tokens), len(loads)))
    if with_words.any():
        weights[with_words] = _fitted_weights(x[with_words], loads)
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > LEAST_WEIGHT)


def _fitted_weights(x: sparse.csr_matrix, loads: np.ndarray, rounds: int = 100) -> np.ndarray:
    """Weights of given themes in each text, by the multiplicative updates of the same loss."""
    w = np.ones((x.shape[0], len(loads)))
    total = np.maximum(loads.sum(axis=1), 1e-12)
    rows, columns = x.nonzero()
    values = np.asarray(x[rows, columns]).ravel()
    for _round in range(rounds):
        expected = np.maximum(np.einsum("ij,ij->i", w[rows], loads[:, columns].T), 1e-12)
        ratio = sparse.csr_matrix((values / expected, (rows, columns)), shape=x.shape)
        w *= (ratio @ loads.T) / total
    return w


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


def _factorised(x: sparse.csr_matrix, k: int, seed: int) -> np.ndarray:
    model = NMF(
        k,
        init="nndsvda",
        solver="mu",
        beta_loss="kullback-leibler",
        max_iter=200,
        tol=1e-4,
        random_state=seed,
    )
    model.fit(x)
    return np.asarray(model.components_)


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
