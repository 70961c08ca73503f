"""What customers have bought or been through, and how they feel: association rules, each tested."""

import warnings
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from scipy import stats

from analysis.language import Impossible, impossible
from analysis.shape import rows_as
from analysis.statistics.intervals import NORMAL, corrected, share_interval
from analysis.voice.fitted import Associations, Rule, Rules

# mlxtend would have every warning of every library shown from here on
with warnings.catch_warnings():
    from mlxtend.frequent_patterns import apriori

MOST_TOGETHER = 3
LEAST_SUPPORT = 0.01
LEAST = 100


def associations(
    facts_and_feelings: tuple[pd.DataFrame, pd.DataFrame] | None, least: int
) -> Associations:
    """What goes with feelings; facts_and_feelings: as from `analysis.voice.experience`."""
    if facts_and_feelings is None:
        return Associations(result=impossible("The bank delivers no answers of customers."))
    return Associations(result=rules(*facts_and_feelings, least))


def rules(facts: pd.DataFrame, feelings: pd.DataFrame, least: int) -> Rules | Impossible:
    """Rules from up to three facts (Agrawal and Srikant 1994, by mlxtend) to a feeling.

    facts, feelings: true or false, a row per customer with an answer. A combination must hold for
    `least` customers and for a hundredth of them, and each fact of a larger one must add something:
    among the customers with the other facts, having it or not must make a difference (Fisher's
    exact test below 0.05; Webb 2007). p is corrected (Benjamini and Hochberg) over all rules
    tested.
    """
    if len(facts) < LEAST:
        return impossible(
            "{n} customers with an answer; {least} are needed.", n=len(facts), least=LEAST
        )
    used = facts.loc[:, (facts.sum() >= least) & (facts.mean() < 0.98)].astype(bool)
    if used.empty or not used.shape[1]:
        return impossible(
            "No product, event or complaint is shared by enough customers with an answer."
        )
    frequent = apriori(
        used,
        min_support=max(LEAST_SUPPORT, least / len(used)),
        use_colnames=True,
        max_len=MOST_TOGETHER,
    )
    tested = pd.DataFrame(_all_tested(used, feelings, frequent["itemsets"]))
    tested["p_corrected"] = corrected(tested["p"])
    productive = [_productive(used, feelings[r.feeling], r.facts) for r in tested.itertuples()]
    significant = tested[productive].copy()
    significant["facts"] = [" + ".join(sorted(f)) for f in significant["facts"]]
    significant = significant.sort_values(["p", "facts", "feeling"], ignore_index=True)
    return Rules(n=len(used), tested=len(tested), rules=rows_as(Rule, significant, 5))


def _all_tested(
    facts: pd.DataFrame, feelings: pd.DataFrame, combinations: Iterable[frozenset[str]]
) -> Iterator[dict[str, object]]:
    """Every combination of facts that somebody lacks, with every feeling, and the figures of
    `Rule`.
    """
    for together in combinations:
        has = facts[list(together)].all(axis=1).to_numpy()
        for feeling in feelings if not has.all() else ():
            figures = _tested(has, feelings[feeling].to_numpy(dtype=bool))
            yield {"facts": frozenset(together), "feeling": feeling, **figures}


def _tested(has: np.ndarray, felt: np.ndarray) -> dict[str, float]:
    """The figures of `Rule`; has, felt: who has the facts and the feeling."""
    a, n = int((has & felt).sum()), int(has.sum())
    c, others = int((~has & felt).sum()), int((~has).sum())
    low, high = share_interval(a, n)
    ratio = (a + 0.5) / (n + 0.5) / ((c + 0.5) / (others + 0.5))
    error = np.sqrt(max(1 / (a + 0.5) - 1 / (n + 0.5) + 1 / (c + 0.5) - 1 / (others + 0.5), 0))
    return {
        "n": n,
        "support": a / len(has),
        "confidence": a / n,
        "low": low,
        "high": high,
        "base": c / others,
        "lift": a / n / max(felt.mean(), 1e-12),
        "ratio_low": ratio * np.exp(-NORMAL * error),
        "ratio_high": ratio * np.exp(NORMAL * error),
        "p": float(stats.fisher_exact([[a, n - a], [c, others - c]])[1]),
    }


def _productive(facts: pd.DataFrame, feeling: pd.Series, together: frozenset[str]) -> bool:
    """Whether each fact adds something among the customers with the others."""
    felt = feeling.to_numpy(dtype=bool)
    for fact in together if len(together) > 1 else ():
        others = facts[list(together - {fact})].all(axis=1).to_numpy()
        has = facts[fact].to_numpy()
        table = [
            [int((others & has & felt).sum()), int((others & has & ~felt).sum())],
            [int((others & ~has & felt).sum()), int((others & ~has & ~felt).sum())],
        ]
        if stats.fisher_exact(table)[1] >= 0.05:
            return False
    return True
