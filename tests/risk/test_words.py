"""Every code, column and threshold of the investigations has words, in the reader's language."""

import pytest

from analysis import language
from analysis.risk import words
from analysis.risk.detectors import SIGNALS
from analysis.risk.kinds import KINDS
from analysis.risk.thresholds import thresholds
from analysis.sources.params import Risk


@pytest.mark.parametrize("kind", KINDS)
def test_every_signal_is_said_in_its_words(kind):
    assert {s.code: words.label(s.code) for s in SIGNALS[kind]} == {
        s.code: s.words for s in SIGNALS[kind]
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_threshold_has_words(kind):
    names = thresholds(getattr(Risk(), KINDS[kind].settings))
    assert [n for n in names if n not in words.THRESHOLDS] == []


def test_a_column_may_have_the_name_of_a_code():
    assert (words.WORDS.column("age"), words.label("age")) == ("Open for", "Age")


def test_words_follow_the_language_of_the_reader():
    language.use("pseudo")
    try:
        assert words.words("same_site several_late") == "⟦Same site⟧⟦; ⟧⟦Several late⟧"
        assert words.severity("high") == "⟦high⟧"
    finally:
        language.use("en")
    assert words.words("same_site") == "Same site"


def test_what_has_no_words_is_shown_as_it_is():
    assert words.label("East_Bank") == "East Bank"
