"""What customers have bought or been through, and how they feel: association rules, each tested."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.loyalty.pathmodel import plain
from analysis.report.language import impossible
from analysis.statistics.intervals import NORMAL, corrected, share_interval

with (
    warnings.catch_warnings()
):  # mlxtend would have every warning of every library shown from here on
    from mlxtend.frequent_patterns import apriori

MOST_TOGETHER = 3
LEAST_SUPPORT = 0.01
LEAST = 100


def rules(facts: pd.DataFrame, feelings: pd.DataFrame, least: int) -> dict[str, Any]:
    """Rules from up to three facts (Agrawal and Srikant 1994, by mlxtend) to a feeling.

    facts, feelings: true or false, a row per customer with an answer. A combination must hold for
    `least` customers and for a hundredth of them, and each fact of a larger one must add something:
    among the customers with the other facts, having it or not must make a difference (Fisher's
    exact test below 0.05; Webb 2007). Returns n, tested (rules), and `rules`: facts (joined by " +
    "), feeling, n (customers with the facts), support (of facts and feeling), confidence with low
    and high (Wilson), base (share with the feeling among all others), lift (confidence / share
    among all) with lift_low and lift_high (delta method on the log; Katz and others 1978, of the
    ratio to all others), p (Fisher's exact test, two-sided; 1935) and p_corrected (Benjamini and
    Hochberg over all rules tested), the strongest evidence first.
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
    found = []
    for together in frequent["itemsets"]:
        has = used[list(together)].all(axis=1).to_numpy()
        for feeling in feelings:
            felt = feelings[feeling].to_numpy(dtype=bool)
            a, n = int((has & felt).sum()), int(has.sum())
            c, others = int((~has & felt).sum()), int((~has).sum())
            if not others:
                continue
            low, high = share_interval(a, n)
            ratio = (a + 0.5) / (n + 0.5) / ((c + 0.5) / (others + 0.5))
            error = np.sqrt(
                max(1 / (a + 0.5) - 1 / (n + 0.5) + 1 / (c + 0.5) - 1 / (others + 0.5), 0)
            )
            found.append(
                {
                    "facts": frozenset(together),
                    "feeling": feeling,
                    "n": n,
                    "support": a / len(used),
                    "confidence": a / n,
                    "low": low,
                    "high": high,
                    "base": c / others,
                    "lift": a / n / max(felt.mean(), 1e-12),
                    "ratio_low": ratio * np.exp(-NORMAL * error),
                    "ratio_high": ratio * np.exp(NORMAL * error),
                    "p": float(stats.fisher_exact([[a, n - a], [c, others - c]])[1]),
                }
            )
    table = pd.DataFrame(found)
    table["p_corrected"] = corrected(table["p"])
    kept = table[
        [_productive(used, feelings[r.feeling], r.facts) for r in table.itertuples()]
    ].copy()
    kept["facts"] = [" + ".join(sorted(f)) for f in kept["facts"]]
    kept = kept.sort_values(["p", "facts", "feeling"], ignore_index=True)
    return {"n": len(used), "tested": len(table), "rules": plain(kept)}


def _productive(facts: pd.DataFrame, feeling: pd.Series, together: frozenset[str]) -> bool:
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
