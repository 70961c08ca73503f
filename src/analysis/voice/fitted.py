"""What is known of texts and of what goes with feelings, as it is stored."""

from analysis.language import Impossible
from analysis.shape import Shape

SURVEY, COMPLAINT = "survey", "complaint"  # where a text was written
BETWEEN_WORDS = " · "  # that name a theme


class Themes(Shape):
    """The themes of texts in one language.

    themes: the words that tell most of each.
    coherence: of the number chosen; tried: number to its coherence.
    """

    texts: int
    coherence: float
    tried: dict[str, float]
    themes: list[list[str]]


class FittedThemes(Themes):
    """The themes with what gives a new text its own.

    vocabulary: word to its inverse document frequency.
    word_vectors: word × dimension, in the order of the vocabulary; centres: theme × dimension.
    """

    vocabulary: dict[str, float]
    word_vectors: list[list[float]]
    centres: list[list[float]]

    def in_words(self) -> Themes:
        """What is kept of them once the texts have theirs."""
        return Themes(**{name: getattr(self, name) for name in Themes.model_fields})


class Word(Shape):
    """A word that goes with low scores.

    n: texts with it; share: low ones among them, with Wilson's interval.
    """

    word: str
    coefficient: float
    n: int
    share: float
    share_low: float
    share_high: float


class LowScoreWords(Shape):
    """The words that go with low scores, and how well they tell them.

    low: texts with a low score.
    auc: of predictions made without the text's own fifth, with its interval.
    """

    texts: int
    low: int
    auc: float
    auc_low: float
    auc_high: float
    words: list[Word]


class LanguageTexts(Shape):
    """What is known of the texts in one language."""

    texts: int
    themes: Themes | Impossible
    low: LowScoreWords | Impossible


class Comments(Shape):
    """What is known of all texts; empty: texts without a word."""

    texts: int
    empty: int
    languages: dict[str, LanguageTexts]


class Rule(Shape):
    """What goes with a feeling.

    facts: joined by " + "; n: customers with them.
    support: share of all with the facts and the feeling.
    confidence: share of those with the facts who have the feeling, with its interval low to high
    (Wilson).
    base: share with the feeling among all others.
    lift: confidence / share among all.
    ratio_low, ratio_high: interval of confidence / base (delta method on the log; Katz and others
    1978).
    p: Fisher's exact test (1935); p_corrected: over all rules tested.
    """

    facts: str
    feeling: str
    n: int
    support: float
    confidence: float
    low: float
    high: float
    base: float
    lift: float
    ratio_low: float
    ratio_high: float
    p: float
    p_corrected: float


class Rules(Shape):
    """The rules that say something, the strongest evidence first.

    n: customers with an answer; tested: rules.
    """

    n: int
    tested: int
    rules: list[Rule]


class Associations(Shape):
    """What goes with feelings, or why that cannot be told."""

    result: Rules | Impossible
