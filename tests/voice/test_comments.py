"""What customers write: cut into words, themes found, nobody recognised."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score, homogeneity_score

from analysis.language import because
from analysis.voice.comments import (
    cleaned,
    fit_themes,
    language_of,
    nearest_theme,
    words,
    words_of_low_scores,
)
from analysis.voice.identity import without_identity
from analysis.voice.texts import with_themes
from tests.conftest import SHARED, left_out


def test_words_are_cut_and_those_that_say_nothing_go():
    assert words("我的手机银行打不开了！！！") == ["手机", "打不开"]
    assert words("The app crashes after the update") == ["app", "crashes", "update"]
    assert (
        language_of("手机 app 打不开") == "zh"
        and language_of("ok, thanks") == "en"
        and language_of("👍 !!! 5") == ""
    )


def test_markup_and_addresses_do_not_reach_the_page_as_such():
    assert (
        cleaned("<script>alert(1)</script>慢 &lt;b&gt; https://x.y/z?q=1 \u202e end")
        == "alert(1) 慢 end"
    )
    assert cleaned(None) == cleaned("") == cleaned(float("nan")) == ""


def test_a_hundred_thousand_characters_of_markup_are_cut_and_do_not_take_long():
    for text in ("<" * 100_000, "<p>" * 40_000 + "慢", "a" * 100_000, "1 " * 50_000, "@" * 100_000):
        assert len(cleaned(text)) <= 2_000
        assert len(without_identity(cleaned(text), ["Anna Jones"])) <= 2_000
        words(cleaned(text))


def texts(n=400, seed=0):
    rng = np.random.default_rng(seed)
    said = {
        "fees": ["fee charged hidden", "monthly fee high charged", "hidden charged fee"],
        "queue": ["queue counter waiting", "waiting queue morning", "counter queue slow waiting"],
        "app": ["app crashes login", "login fails app update", "update crashes app"],
        "calls": [
            "advertising calls stop",
            "calls daily advertising",
            "stop calls advertising evening",
        ],
        "loan": ["loan paperwork approval", "approval delayed loan", "paperwork loan months"],
    }
    theme = rng.choice(list(said), n)
    return [said[t][rng.integers(3)] for t in theme], theme


def test_planted_themes_are_found_again_and_new_texts_are_given_theirs():
    said, theme = texts()
    tokens = [words(t) for t in said]
    model = fit_themes(tokens)
    found, nearness = nearest_theme(tokens, model)
    assert nearness.min() >= 0.3 and nearness.max() <= 1
    assert adjusted_mutual_info_score(theme, found) > 0.7
    (fee, nothing), (near, none) = nearest_theme([["fee", "charged"], ["unheard"]], model)
    assert "fee" in model.themes[fee][:3] and near > 0.6
    assert (nothing, none) == (-1, 0)
    assert fit_themes(tokens).centres == model.centres


def test_the_number_of_themes_follows_the_texts():
    # twenty matters, each in the words that only it has
    rng = np.random.default_rng(0)
    tokens = [[f"m{m}w{w}" for w in rng.permutation(5)[:3]] for m in range(20) for _ in range(40)]
    model = fit_themes(tokens)
    assert len(model.themes) == 20
    assert (
        adjusted_mutual_info_score(np.repeat(range(20), 40), nearest_theme(tokens, model)[0]) > 0.95
    )
    # fewer texts: a twentieth of them all is enough
    assert len(fit_themes(tokens[::2]).themes) == 20
    few = fit_themes(tokens[: 8 * 40])
    assert 8 <= len(few.themes) <= 10
    number, _nearness = nearest_theme(tokens[: 8 * 40], few)
    assert homogeneity_score(np.repeat(range(8), 40), number) == 1  # split, never mixed


def test_words_of_low_scores_are_found_and_judged_on_texts_not_seen():
    said, theme = texts()
    low = (theme == "fees") | (np.random.default_rng(1).random(len(said)) < 0.1)
    found = words_of_low_scores([words(t) for t in said], low)
    assert {"fee", "charged"} & {w.word for w in found.words[:3]} and 0.7 < found.auc < 1
    by_chance = words_of_low_scores(
        [words(t) for t in said], np.random.default_rng(2).random(len(said)) < 0.4
    )
    assert by_chance.auc_low < 0.5 < by_chance.auc_high + 0.05
    assert "20 of each" in because(words_of_low_scores([["fee"]] * 30, np.arange(30) < 5))
    assert "60 are needed" in because(fit_themes([["fee"]] * 30))
    # words that stand with no other
    assert "too few words" in because(fit_themes([["fee"], ["queue"], ["app"]] * 30))


def told(rows):
    return pd.DataFrame(
        [
            {
                "text_id": f"Q{i}",
                "customer_id": f"C{i}",
                "branch_id": "B1",
                "said_in": "2024Q4",
                "source": "survey",
                "score": 50.0,
                "name": "Anna Jones",
                "text": t,
            }
            for i, t in enumerate(rows)
        ]
    )


def test_no_name_becomes_a_word_of_a_theme_or_stays_in_a_quotation():
    said, _ = texts(200)
    themed, found = with_themes(told([f"{t}. Anna Jones, 13812345678" for t in said]), 50)
    everything = " ".join(themed["quotation"]).lower() + found.model_dump_json().lower()
    assert "jones" not in everything and not re.search(r"\d{5}", " ".join(themed["quotation"]))
    assert "text" not in themed and "name" not in themed


def test_empty_comments_are_counted_and_few_have_no_themes():
    themed, found = with_themes(told(["", "👍", None, "slow queue"]), 50)
    assert found.empty == 3 and len(themed) == 1 and themed["theme"].tolist() == [""]
    nothing, found = with_themes(told([""]), 50)
    assert nothing.empty and found.texts == 1
    assert with_themes(
        told([]).reindex(
            columns=[
                "text_id",
                "customer_id",
                "branch_id",
                "said_in",
                "source",
                "score",
                "name",
                "text",
            ]
        ),
        50,
    )[0].empty


@pytest.mark.slow
def test_real_comments_in_both_languages():
    folder = SHARED / "comments"
    if not (folder / "app_zh.txt").exists():
        left_out(
            str(folder / "app_zh.txt"), "Set WORKBOOK_SHARED to the folder of the third-party data."
        )
    english = pd.read_csv(folder / "app_en.csv")
    tokens = [words(cleaned(t)) for t in english["review_text"]]
    found = words_of_low_scores(tokens, (english["rating"] <= 2).to_numpy())
    assert found.auc_low > 0.8
    number, _nearness = nearest_theme(tokens, fit_themes(tokens))
    given = number >= 0
    assert adjusted_mutual_info_score(english["theme"][given], number[given]) > 0.15
    chinese = (folder / "app_zh.txt").read_text(encoding="utf-8").splitlines()[:3000]
    model = fit_themes([words(cleaned(t)) for t in chinese])
    assert model.coherence > 0.1 and any(
        {"闪退", "打不开", "更新", "登录", "登陆"} & set(t[:3]) for t in model.themes
    )


@pytest.mark.slow
def test_themes_agree_with_the_subjects_that_somebody_gave_to_questions_of_card_users():
    file = SHARED / "questions-zh" / "questions.csv"
    if not file.exists():
        left_out(str(file), "Set WORKBOOK_SHARED to the folder of the third-party data.")
    questions = pd.read_csv(file)
    tokens = [words(cleaned(q)) for q in questions["question"]]
    model = fit_themes(tokens)
    number, _nearness = nearest_theme(tokens, model)
    assert 12 < len(model.themes) <= 60
    # those of no theme count as one
    assert adjusted_mutual_info_score(questions["subject"], number) >= 0.45
