"""What a fitted regression says, in tables for the reader. Tables out."""

import pandas as pd

from analysis.language import MINUS, Impossible, clauses, listed, say
from analysis.loyalty.fitted import Measure, RecommendFit, Regression
from analysis.loyalty.words import label
from analysis.report.table import with_interval
from analysis.statistics.fitted import Interval, Term

#: The predictors of a regression: column to its type.
#: estimate: with its 95 % interval low to high.
#: inflation: variance inflation factor.
TERMS = {
    "term": "str",
    "estimate": "float",
    "low": "float",
    "high": "float",
    "p": "float",
    "inflation": "float",
}
#: Nested models of the same answers: column to its type.
#: p: of what each adds to the one before.
NESTED = {
    "model": "str",
    "predictors": "int",
    "aic": "float",
    "bic": "float",
    "pseudo_r2": "float",
    "p": "float",
}
#: Brant's test: column to its type.
#: p_corrected: Benjamini and Hochberg over the terms.
#: lowest_cut, highest_cut: the effect on exceeding the lowest and the highest answers, alike where
#: the odds are proportional.
PROPORTIONAL_ODDS = {
    "term": "str",
    "p_corrected": "float",
    "lowest_cut": "float",
    "highest_cut": "float",
}


def term_table(fit: Regression | Impossible, effect: str = "points") -> pd.DataFrame:
    """The terms of a regression: the columns `TERMS`, and where they are there

    effect, such as points: float, what a manager understands, with …_low and …_high
    ratio: float, hazard ratio, with ratio_low and ratio_high
    schoenfeld_p: float, whether that ratio changes with time
    """
    if isinstance(fit, Impossible):
        return pd.DataFrame(columns=list(TERMS))
    rows = [_row(t, effect) for t in fit.terms]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(TERMS))


def _row(term: Term, effect: str) -> dict[str, str | float]:
    row = term.model_dump(include=set(TERMS))
    row |= _with_ends(effect, term.points) | _with_ends("ratio", term.ratio)
    if term.schoenfeld_p is not None:
        row["schoenfeld_p"] = term.schoenfeld_p
    return row


def _with_ends(name: str, value: Interval | None) -> dict[str, float]:
    if value is None:
        return {}
    return {name: value.at, f"{name}_low": value.low, f"{name}_high": value.high}


#: How far a regression can be trusted: column to its type. measure: a code; result: a number, or
#: words.
DIAGNOSTICS = {"measure": "str", "result": "any"}


def diagnostics(fit: Regression | Impossible) -> pd.DataFrame:
    """How far a regression can be trusted: the columns `DIAGNOSTICS`; empty when it was not
    fitted.
    """
    if isinstance(fit, Impossible):
        return pd.DataFrame(columns=list(DIAGNOSTICS))
    measures: list[tuple[str, Measure]] = [("rows", f"{fit.rows:,}")]
    if fit.left is not None:
        measures.append(("left", fit.left))
    if fit.clustered_by is not None:
        measures.append(("clustered_by", label(fit.clustered_by)))
    most = max((t.inflation for t in fit.terms), default=float("nan"))
    measures += [("largest_inflation", most), *_in_words(fit.quality.measures())]
    if fit.left_out:
        of_term = say("{term}: {why}")
        why = clauses(of_term.format(term=label(t.term), why=label(t.why)) for t in fit.left_out)
        measures.append(("left_out", why))
    return pd.DataFrame(measures, columns=list(DIAGNOSTICS))


def _in_words(measures: dict[str, Measure]) -> list[tuple[str, Measure]]:
    """The measures in order, those of the quarter held out last, each with its interval where it
    has one.
    """
    results: list[tuple[str, Measure]] = []
    for name in sorted(measures, key=lambda n: (n.startswith("held_out"), n)):
        value = measures[name]
        if isinstance(value, list):
            results.append((name, listed(label(v) for v in value) or say("none")))
        elif f"{name}_low" in measures:
            ends = [measures[f"{name}{end}"] for end in ("", "_low", "_high")]
            written = (f"{v:.3g}".replace("-", MINUS) for v in ends)
            results.append((name, with_interval(*written)))
        elif name.endswith("_p") and isinstance(value, float):
            results.append((name, "< 0.001" if value < 0.001 else f"{value:.3f}"))
        elif not name.endswith(("_low", "_high")):
            results.append((name, value))
    return results


def nested_table(fit: Regression | Impossible) -> pd.DataFrame:
    """Nested models of the same answers: the columns `NESTED`."""
    models = [] if isinstance(fit, Impossible) else fit.nested
    return pd.DataFrame([m.model_dump() for m in models], columns=list(NESTED))


def proportional_odds(fit: RecommendFit | Impossible) -> pd.DataFrame:
    """Brant's test of an ordered logit: the columns `PROPORTIONAL_ODDS`."""
    terms = [] if isinstance(fit, Impossible) else fit.proportional_odds.terms
    rows = [[t.term, t.p_corrected, t.by_cut[0], t.by_cut[-1]] for t in terms]
    return pd.DataFrame(rows, columns=list(PROPORTIONAL_ODDS))
