"""Why these groups and not others: features, methods, number of groups, stability, rules, and
whether they still fit.

All of it was worked out bank-wide when the model was fitted (see `analysis.segmentation.model`);
here it is put into tables.
"""

import pandas as pd

from analysis.language import clauses, listed, quarter_in_words, say, sentences, within
from analysis.report.table import NUMBERS, number
from analysis.segmentation.fitted import (
    DOUBTFUL,
    ComparedMethod,
    Condition,
    Drift,
    FittedSegmentation,
    FittedType,
)
from analysis.segmentation.methods import ONLY_COMPARED
from analysis.segmentation.words import label
from analysis.statistics.intervals import stability_index

#: Population stability index from which a shift is watched, and from which a fit again is advised
#: (Siddiqi 2006).
WATCH, REFIT = 0.10, 0.25
#: Adjusted Rand index with a fit on today's customers below which a fit again is advised, and
#: watched.
REFIT_RAND, WATCH_RAND = 0.60, 0.80


def main_type(segmentation: FittedSegmentation) -> str:
    """The type of customers whose groups are explained: personal ones where there are any."""
    types = segmentation.types
    return "personal" if "personal" in types else next(iter(types), "")


def no_groups(segmentation: FittedSegmentation) -> str:
    """Why there are no groups, where there are none, or why customers of a type are not divided."""
    if not segmentation.types:
        return say(
            "There are no groups: no customer was active in {quarter}, the quarter they "
            "were to be found in. Choose another segmentation.fit_quarter in the params "
            "file."
        ).format(quarter=quarter_in_words(segmentation.fit_quarter))
    alone = [
        within(label(kind)) for kind, part in segmentation.types.items() if len(part.groups) == 1
    ]
    if not alone:
        return ""
    return say(
        "Not divided into groups: {types} customers. There were too few of them in "
        "{quarter}, or they were all alike."
    ).format(types=listed(alone), quarter=quarter_in_words(segmentation.fit_quarter))


def cautions(segmentation: FittedSegmentation) -> list[str]:
    """What a reader has to know before the groups are relied on: a sentence for each type of
    customers whose groups are not found again in other samples, or which the method in force fails,
    and the method that does better.
    """
    told = (_caution(kind, part, segmentation.method) for kind, part in segmentation.types.items())
    return list(filter(None, told))


def _caution(kind: str, part: FittedType, method: str) -> str:
    unstable = [f"{g.name} {g.jaccard:.2f}" for g in part.groups if g.stability == "unstable"]
    against = [
        reason for m in part.comparison if m.in_force for reason in _against(m, bool(unstable))
    ]
    if unstable:
        found = say("does not find these again in other samples: {groups} (Jaccard below {least})")
        against.insert(0, found.format(groups=listed(unstable), least=f"{DOUBTFUL:.2f}"))
    if not against:
        return ""
    told = say(
        "The groups of {types} customers should not be relied on. The method in force, {method}, "
        "{reasons}."
    ).format(types=within(label(kind)), method=label(method), reasons=clauses(against))
    better = max(
        (m for m in part.comparison if not (m.in_force or m.fails or m.method in ONLY_COMPARED)),
        key=lambda m: m.lowest_jaccard,
        default=None,
    )
    if better is None:
        return told
    advice = say(
        "On the same customers {method} passes (Jaccard of its least stable group {jaccard}): "
        "choose it by segmentation.method in the params file."
    ).format(method=label(better.method), jaccard=f"{better.lowest_jaccard:.2f}")
    return sentences(told, advice)


#: What customers are compared on: column to its type.
#: feature, block, reason: in words or codes.
#: weight: share of the squared distance.
#: missing: share given the median.
#: eta_squared: share of its variance, of ranks, between the groups (Fisher 1925).
#: n: customers of the fit; empty of a feature left out.
FEATURES_USED = {
    "feature": "str",
    "block": "str",
    "reason": "str",
    "weight": "float",
    "missing": "float",
    "eta_squared": "float",
    "n": "float",
}


def features_used(segmentation: FittedSegmentation, kind: str) -> pd.DataFrame:
    """What the customers of a type are compared on: the columns `FEATURES_USED`. Features left out
    follow with the reason why; regions are one row.
    """
    if kind not in segmentation.types:
        return pd.DataFrame(columns=list(FEATURES_USED))
    part = segmentation.types[kind]
    used = pd.DataFrame(_used(part), columns=list(FEATURES_USED)).sort_values(
        "eta_squared", ascending=False, na_position="last", kind="stable"
    )
    why = {
        "missing": say("left out: empty for more than half"),
        "constant": say("left out: the same for nearly all"),
    }
    left_out = [{"feature": f.name, "block": "", "reason": why[f.why]} for f in part.left_out]
    if not left_out:
        return used.reset_index(drop=True)
    return pd.concat([used, pd.DataFrame(left_out)], ignore_index=True)


def _used(part: FittedType) -> list[dict[str, object]]:
    total = sum(f.weight**2 for f in part.features) or 1.0
    rows: list[dict[str, object]] = [
        {
            "feature": f.name,
            "block": f.block,
            "reason": say(f.reason),
            "weight": f.weight**2 / total,
            "missing": f.missing_share,
            "eta_squared": part.eta_squared.get(f.name),
            "n": part.customers,
        }
        for f in part.features
        if f.transform != "is"
    ]
    regions = [f for f in part.features if f.transform == "is"]
    if regions:
        rows.append(
            {
                "feature": "region",
                "block": "region",
                "reason": say(regions[0].reason),
                "weight": sum(f.weight**2 for f in regions) / total,
                "missing": regions[0].missing_share,
                "n": part.customers,
            }
        )
    return rows


#: The numbers of groups that were tried: column to its type.
#: as in `analysis.segmentation.fitted.Trial`.
#: chosen: whether it is in force.
NUMBERS_TRIED = {
    "customer_type": "str",
    "groups": "int",
    "silhouette": "float",
    "gap": "float",
    "gap_error": "float",
    "bic": "float",
    "lowest_jaccard": "float",
    "stability": "str",
    "rand": "float",
    "smallest": "int",
    "chosen": "bool",
}


def number_of_groups(segmentation: FittedSegmentation) -> pd.DataFrame:
    """What was tried: the columns `NUMBERS_TRIED`."""
    rows = [
        {"customer_type": kind, **trial.model_dump(), "chosen": trial.groups == part.chosen}
        for kind, part in segmentation.types.items()
        for trial in part.trials
    ]
    return pd.DataFrame(rows, columns=list(NUMBERS_TRIED)).sort_values(
        ["customer_type", "groups"], ascending=[False, True], ignore_index=True
    )


#: Every method on the same customers: column to its type.
#: as in `analysis.segmentation.fitted.ComparedMethod`.
#: verdict: in force, usable, or what is against it; n: customers.
METHODS_COMPARED = {
    "method": "str",
    "groups": "int",
    "silhouette": "float",
    "eta_squared": "float",
    "lowest_jaccard": "float",
    "rand": "float",
    "without_group": "float",
    "agreement": "float",
    "verdict": "str",
    "n": "int",
}


def methods_compared(segmentation: FittedSegmentation, kind: str) -> pd.DataFrame:
    """Every method on the same customers: the columns `METHODS_COMPARED`."""
    rows = []
    for m in _compared(segmentation, kind):
        against = clauses(_against(m))
        verdict = against or say("usable")
        if m.in_force:
            verdict = (
                say("in force: {against}").format(against=against) if against else say("in force")
            )
        rows.append(
            {**m.model_dump(), "method": label(m.method), "n": m.customers, "verdict": verdict}
        )
    return pd.DataFrame(rows, columns=list(METHODS_COMPARED))


def compared_on(segmentation: FittedSegmentation, kind: str) -> str:
    """How many customers the methods were compared on, and what the figures are."""
    compared = _compared(segmentation, kind)
    if not compared:
        return ""
    return say(
        "{n} customers. Between groups: mean share of the features' variance; Rand, "
        "resampled: mean adjusted Rand index with the divisions of five bootstrap samples; "
        "Rand with ours: adjusted Rand index with the groups in force."
    ).format(n=f"{compared[0].customers:,}")


def _compared(segmentation: FittedSegmentation, kind: str) -> list[ComparedMethod]:
    return segmentation.types[kind].comparison if kind in segmentation.types else []


def _against(m: ComparedMethod, stability_told: bool = False) -> list[str]:
    """What is against a method, in words; not that it is unstable where that is told already."""
    words = {
        "without_group": say("leaves {share} of the customers in no group").format(
            share=f"{m.without_group:.0%}"
        ),
        "one_group": say("puts nearly all into one group"),
        "small_group": say("has a group too small to be managed"),
        "unstable": say(
            "does not find one of its groups again in other samples (Jaccard {jaccard})"
        ).format(jaccard=f"{m.lowest_jaccard:.2f}"),
        "overlap": say("has groups that overlap (silhouette {silhouette})").format(
            silhouette="–" if m.silhouette is None else number(m.silhouette, "number")
        ),
    }
    return [words[r] for r in m.fails if not (stability_told and r == "unstable")]


#: How good the groups are where they were found: column to its type.
#: customers, share: of the type's; large_enough: to be managed.
#: stability: what jaccard is called: unstable below 0.60, doubtful to 0.75, stable to 0.85, highly
#: stable above (Hennig 2007).
GROUP_QUALITY = {
    "customer_type": "str",
    "segment": "str",
    "customers": "int",
    "share": "float",
    "large_enough": "bool",
    "silhouette": "float",
    "jaccard": "float",
    "stability": "str",
}


def group_quality(segmentation: FittedSegmentation) -> pd.DataFrame:
    """Each group where it was fitted: the columns `GROUP_QUALITY`."""
    rows = [
        {
            "customer_type": kind,
            "segment": g.name,
            "share": g.customers / max(part.customers, 1),
            **g.model_dump(),
        }
        for kind, part in segmentation.types.items()
        for g in part.groups
    ]
    return pd.DataFrame(rows, columns=list(GROUP_QUALITY)).sort_values(
        "customer_type", ascending=False, kind="stable", ignore_index=True
    )


#: The decision tree in words: column to its type.
#: rule: in the reader's words; customers: whom it covers; right: share of them that belong to it.
RULES = {"segment": "str", "rule": "str", "customers": "int", "right": "float"}


def rules(segmentation: FittedSegmentation, kind: str) -> pd.DataFrame:
    """The decision tree in words: the columns `RULES`."""
    part = segmentation.types.get(kind)
    rows = [
        {
            "segment": part.groups[leaf.group].name,
            "rule": _in_words(leaf.conditions),
            "customers": leaf.customers,
            "right": leaf.right,
        }
        for leaf in (part.rules.leaves if part and part.rules else [])
        if part
    ]
    return pd.DataFrame(rows, columns=list(RULES))


def rules_accuracy(segmentation: FittedSegmentation, kind: str) -> str:
    """How often the rules are right, against guessing."""
    tree = segmentation.types[kind].rules if kind in segmentation.types else None
    if not tree:
        return ""
    return say(
        "The rules put {accuracy} of {n} customers into the right group (five-fold "
        "cross-validation); always guessing the largest group would be right for {largest}."
    ).format(
        accuracy="–" if tree.accuracy is None else f"{tree.accuracy:.0%}",
        n=f"{tree.n:,}",
        largest=f"{tree.largest:.0%}",
    )


def _number_format(feature: str, size: float) -> str:
    if feature.endswith("_share"):
        return NUMBERS["share"]
    return "{:,.0f}" if size >= 10 else "{:,.2f}"


def _in_words(conditions: list[Condition]) -> str:
    """Conditions of a tree's leaf as a sentence, each feature named once with its bounds."""
    bounds: dict[str, dict[bool, float]] = {}
    for c in conditions:
        sides = bounds.setdefault(c.feature, {})
        tighter = max if c.above else min
        sides[c.above] = tighter(sides.get(c.above, c.value), c.value)
    words = []
    for feature, sides in bounds.items():
        text = _number_format(feature, max(map(abs, sides.values())))
        low, high = (text.format(sides[side]) if side in sides else "" for side in (True, False))
        if low and high:
            words.append(
                say("{feature} between {low} and {high}").format(
                    feature=label(feature), low=low, high=high
                )
            )
        elif low:
            words.append(say("{feature} above {low}").format(feature=label(feature), low=low))
        else:
            words.append(say("{feature} at most {high}").format(feature=label(feature), high=high))
    return clauses(words) or say("everybody")


#: How far features have moved: column to its type.
#: psi: population stability index; by_chance: what chance alone exceeds once in twenty (Yurdakul
#: 2018).
#: drift: none, watch from 0.10, refit from 0.25, only where beyond chance.
#: n: customers it was tried on.
DRIFT = {
    "customer_type": "str",
    "feature": "str",
    "psi": "float",
    "by_chance": "float",
    "drift": "str",
    "n": "int",
}


def drift_by_feature(drift: Drift, most: int | None = None) -> pd.DataFrame:
    """How far today's customers have moved from those the groups were found in, the most moved
    first: the columns `DRIFT`.
    """
    rows = [
        {
            "customer_type": kind,
            "feature": f.feature,
            "psi": f.psi,
            "by_chance": f.by_chance,
            "drift": _drift(f.psi, f.by_chance),
            "n": part.n,
        }
        for kind, part in drift.types.items()
        for f in part.features
    ]
    table = pd.DataFrame(rows, columns=list(DRIFT)).sort_values(
        ["psi", "feature"], ascending=[False, True], ignore_index=True
    )
    return table if most is None else table.head(most)


def _drift(psi: float, by_chance: float) -> str:
    if psi <= by_chance or psi < WATCH:
        return "none"
    return "refit" if psi >= REFIT else "watch"


#: What a fit on today's customers would make of each group: column to its type.
#: segment: the group in force; jaccard: similarity with the group it is matched to, 0 to 1.
#: n: customers it was tried on.
GROUPS_TODAY = {"customer_type": "str", "segment": "str", "jaccard": "float", "n": "int"}


def groups_today(drift: Drift) -> pd.DataFrame:
    """What a fit on today's customers would make of each group, matched by the Hungarian method
    (Kuhn 1955): the columns `GROUPS_TODAY`.
    """
    rows = [
        {"customer_type": kind, "segment": m.group, "jaccard": m.jaccard, "n": part.n}
        for kind, part in drift.types.items()
        for m in part.matched
    ]
    return pd.DataFrame(rows, columns=list(GROUPS_TODAY))


def group_drift(counts: pd.DataFrame, fit_quarter: str, quarter: str) -> dict[str, float]:
    """Per customer type the population stability index of the groups' sizes, dormant customers
    included, between the fit quarter and this one. counts: bank-wide quarter, customer_type,
    segment, customers.
    """
    result = {}
    for kind, part in counts.groupby("customer_type"):
        wide = part.pivot_table(
            index="segment", columns="quarter", values="customers", fill_value=0
        )
        if fit_quarter in wide and quarter in wide:
            shares = wide / wide.sum()
            result[str(kind)] = stability_index(
                shares[fit_quarter].to_numpy(), shares[quarter].to_numpy()
            )
    return result


def advice(drift: Drift, psi_of_groups: dict[str, float]) -> str:
    """Whether the groups should be found anew: refit, watch or keep, by the stated thresholds."""
    shifts = drift_by_feature(drift)
    rand = min((p.rand for p in drift.types.values() if p.rand is not None), default=1.0)
    groups = max(psi_of_groups.values(), default=0.0)
    if groups >= REFIT or rand < REFIT_RAND:
        return "refit"
    if (shifts["drift"] != "none").any() or groups >= WATCH or rand < WATCH_RAND:
        return "watch"
    return "keep"


def advice_in_words(drift: Drift, psi_of_groups: dict[str, float]) -> str:
    """The advice as a sentence with its figures."""
    shifts = drift_by_feature(drift)
    moved = [label(f) for f in shifts.loc[shifts["drift"] != "none", "feature"].drop_duplicates()]
    rand = min((p.rand for p in drift.types.values() if p.rand is not None), default=None)
    figures = say(
        "Population stability index of the groups {groups}; a fit on today's customers "
        "agrees with the groups in force at an adjusted Rand index of {rand}; features "
        "that moved: {moved}."
    ).format(
        groups=f"{max(psi_of_groups.values(), default=0.0):.2f}",
        rand="–" if rand is None else f"{rand:.2f}",
        moved=listed(moved[:6]) or say("none"),
    )
    lead = {
        "refit": say(
            "The groups should be found anew: name a later fit_quarter in the params file, "
            "and the old one under earlier_fit_quarters so that the names are kept."
        ),
        "watch": say("The groups can stay for now; watch the shift."),
        "keep": say("The groups still fit."),
    }[advice(drift, psi_of_groups)]
    return sentences(lead, figures)
