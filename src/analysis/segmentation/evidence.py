"""Why these groups and not others: features, methods, number of groups, stability, rules, and
whether they still fit.

All of it was worked out bank-wide when the model was fitted (see `analysis.segmentation.model`);
here it is put into tables.
"""

from typing import Any

import pandas as pd

from analysis.report.language import say
from analysis.report.table import NUMBERS
from analysis.report.words import label
from analysis.statistics.intervals import stability_index

#: Population stability index from which a shift is watched, and from which a fit again is advised
#: (Siddiqi 2006).
WATCH, REFIT = 0.10, 0.25
#: Adjusted Rand index with a fit on today's customers below which a fit again is advised, and
#: watched.
REFIT_RAND, WATCH_RAND = 0.60, 0.80


def no_groups(model: dict[str, Any]) -> str:
    """Why there are no groups, where there are none, or why customers of a type are not divided."""
    if not model["types"]:
        return say(
            "There are no groups: no customer was active in {quarter}, the quarter they "
            "were to be found in. Choose another segmentation.fit_quarter in the params "
            "file."
        ).format(quarter=model["fit_quarter"])
    alone = [
        label(kind).lower() for kind, part in model["types"].items() if len(part["groups"]) == 1
    ]
    if not alone:
        return ""
    return say(
        "Not divided into groups: {types} customers. There were too few of them in "
        "{quarter}, or they were all alike."
    ).format(types=", ".join(alone), quarter=model["fit_quarter"])


def features_used(model: dict[str, Any], kind: str) -> pd.DataFrame:
    """What the customers of a type are compared on: feature, block, reason, weight (share of the
    squared distance), missing (share given the median), eta_squared (share of its variance, of
    ranks, between the groups; Fisher 1925), n. Features left out follow with the reason why;
    regions are one row.
    """
    part = model["types"].get(kind) or {"features": [], "left_out": []}
    total = sum(f["weight"] ** 2 for f in part["features"]) or 1.0
    rows = [
        {
            "feature": f["name"],
            "block": f["block"],
            "reason": say(f["reason"]),
            "weight": f["weight"] ** 2 / total,
            "missing": f["missing_share"],
            "eta_squared": part["eta_squared"].get(f["name"]),
            "n": part["customers"],
        }
        for f in part["features"]
        if f["transform"] != "is"
    ]
    regions = [f for f in part["features"] if f["transform"] == "is"]
    if regions:
        weight = sum(f["weight"] ** 2 for f in regions) / total
        rows.append(
            {
                "feature": "region",
                "block": "region",
                "reason": say(regions[0]["reason"]),
                "weight": weight,
                "missing": regions[0]["missing_share"],
                "n": part["customers"],
            }
        )
    table = pd.DataFrame(
        rows, columns=["feature", "block", "reason", "weight", "missing", "eta_squared", "n"]
    )
    table = table.sort_values("eta_squared", ascending=False, na_position="last", kind="stable")
    why = {
        "missing": say("left out: empty for more than half"),
        "constant": say("left out: the same for nearly all"),
    }
    out = [{"feature": f["name"], "block": "", "reason": why[f["why"]]} for f in part["left_out"]]
    return (
        pd.concat([table, pd.DataFrame(out)], ignore_index=True)
        if out
        else table.reset_index(drop=True)
    )


def number_of_groups(model: dict[str, Any]) -> pd.DataFrame:
    """What was tried: customer_type, groups, silhouette, gap, gap_error, bic, lowest_jaccard,
    stability, rand (mean adjusted Rand index with the divisions of bootstrap samples), smallest,
    chosen.
    """
    columns = [
        "customer_type",
        "groups",
        "silhouette",
        "gap",
        "gap_error",
        "bic",
        "lowest_jaccard",
        "stability",
        "rand",
        "smallest",
        "chosen",
    ]
    rows = [
        {"customer_type": kind, **trial, "chosen": trial["groups"] == part["chosen"]}
        for kind, part in model["types"].items()
        for trial in part["trials"]
    ]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["customer_type", "groups"], ascending=[False, True], ignore_index=True
    )


def methods_compared(model: dict[str, Any], kind: str) -> pd.DataFrame:
    """Every method on the same customers: method, groups, silhouette, eta_squared (mean over the
    features), lowest_jaccard, rand, without_group, agreement (adjusted Rand index with the groups
    in force), verdict (in force, usable, or what is against it), n.
    """
    columns = [
        "method",
        "groups",
        "silhouette",
        "eta_squared",
        "lowest_jaccard",
        "rand",
        "without_group",
        "agreement",
        "verdict",
        "n",
    ]
    rows = []
    for m in model["types"][kind]["comparison"] if kind in model["types"] else []:
        against = "; ".join(_against(m))
        verdict = say("in force") if m["in_force"] else say("usable")
        rows.append(
            {
                **m,
                "method": label(m["method"]),
                "n": m["customers"],
                "verdict": f"{verdict}: {against}"
                if against and m["in_force"]
                else against or verdict,
            }
        )
    return pd.DataFrame(rows, columns=columns)


def compared_on(model: dict[str, Any], kind: str) -> str:
    """How many customers the methods were compared on, and what the figures are."""
    compared = model["types"][kind]["comparison"] if kind in model["types"] else []
    if not compared:
        return ""
    return say(
        "{n} customers. Between groups: mean share of the features' variance; Rand, "
        "resampled: mean adjusted Rand index with the divisions of five bootstrap samples; "
        "Rand with ours: adjusted Rand index with the groups in force."
    ).format(n=f"{compared[0]['customers']:,}")


def _against(m: dict[str, Any]) -> list[str]:
    """What is against a method, in sentences."""
    words = {
        "without_group": say("leaves {share} of the customers in no group").format(
            share=f"{m['without_group']:.0%}"
        ),
        "one_group": say("puts nearly all into one group"),
        "small_group": say("has a group too small to be managed"),
        "unstable": say("a group is not found again in other samples (Jaccard {jaccard})").format(
            jaccard=f"{m['lowest_jaccard']:.2f}"
        ),
        "overlap": say("its groups overlap (silhouette {silhouette})").format(
            silhouette="–" if m["silhouette"] is None else f"{m['silhouette']:.2f}"
        ),
    }
    return [words[reason] for reason in m["fails"]]


def group_quality(model: dict[str, Any]) -> pd.DataFrame:
    """Each group's customers where it was fitted, share, large_enough, silhouette, jaccard and what
    that is called (unstable below 0.60, doubtful to 0.75, stable to 0.85, highly stable above;
    Hennig 2007).
    """
    rows = [
        {
            "customer_type": kind,
            "segment": g["name"],
            "customers": g["customers"],
            "share": g["customers"] / max(part["customers"], 1),
            **{k: g[k] for k in ("large_enough", "silhouette", "jaccard", "stability")},
        }
        for kind, part in model["types"].items()
        for g in part["groups"]
    ]
    columns = [
        "customer_type",
        "segment",
        "customers",
        "share",
        "large_enough",
        "silhouette",
        "jaccard",
        "stability",
    ]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "customer_type", ascending=False, kind="stable", ignore_index=True
    )


def rules(model: dict[str, Any], kind: str) -> pd.DataFrame:
    """The decision tree in words: segment, rule, customers it covers, right (share of them that are
    of the group).
    """
    part = model["types"].get(kind) or {"rules": None}
    leaves = part["rules"]["leaves"] if part["rules"] else []
    rows = [
        {
            "segment": part["groups"][leaf["group"]]["name"],
            "rule": _in_words(leaf["conditions"]),
            "customers": leaf["customers"],
            "right": leaf["right"],
        }
        for leaf in leaves
    ]
    return pd.DataFrame(rows, columns=["segment", "rule", "customers", "right"])


def rules_accuracy(model: dict[str, Any], kind: str) -> str:
    """How often the rules are right, against guessing."""
    tree = model["types"][kind]["rules"] if kind in model["types"] else None
    if not tree:
        return ""
    return say(
        "The rules put {accuracy} of {n} customers into the right group (five-fold "
        "cross-validation); always guessing the largest group would be right for {largest}."
    ).format(
        accuracy="–" if tree["accuracy"] is None else f"{tree['accuracy']:.0%}",
        n=f"{tree['n']:,}",
        largest=f"{tree['largest']:.0%}",
    )


def _in_words(conditions: list[dict[str, Any]]) -> str:
    """Conditions of a tree's leaf as a sentence, each feature named once with its bounds."""
    bounds: dict[str, dict[bool, float]] = {}
    for c in conditions:
        held = bounds.setdefault(c["feature"], {})
        tighter = max if c["above"] else min
        held[c["above"]] = tighter(held.get(c["above"], c["value"]), c["value"])
    words = []
    for feature, held in bounds.items():
        text = (
            NUMBERS["share"]
            if feature.endswith("_share")
            else "{:,.0f}"
            if max(map(abs, held.values())) >= 10
            else "{:,.2f}"
        )
        low, high = (text.format(held[side]) if side in held else "" for side in (True, False))
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
    return "; ".join(words) or say("everybody")


def drift_by_feature(drift: dict[str, Any]) -> pd.DataFrame:
    """How far today's customers have moved from those the groups were found in, the most moved
    first.

    drift: of one quarter, by customer type. Returns customer_type, feature, psi, by_chance (what
    chance alone exceeds once in twenty; Yurdakul 2018), drift (none, watch from 0.10, refit from
    0.25, only where beyond chance), n.
    """
    rows = [
        {
            "customer_type": kind,
            "feature": f["feature"],
            "psi": f["psi"],
            "by_chance": f["by_chance"],
            "drift": _drift(f["psi"], f["by_chance"]),
            "n": part["n"],
        }
        for kind, part in drift.items()
        for f in part["features"]
    ]
    columns = ["customer_type", "feature", "psi", "by_chance", "drift", "n"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["psi", "feature"], ascending=[False, True], ignore_index=True
    )


def _drift(psi: float, by_chance: float) -> str:
    if psi <= by_chance or psi < WATCH:
        return "none"
    return "refit" if psi >= REFIT else "watch"


def groups_today(drift: dict[str, Any]) -> pd.DataFrame:
    """What a fit on today's customers would make of each group: customer_type, segment, jaccard
    with the group it is matched to (Hungarian method, Kuhn 1955), n (customers it was tried on).
    """
    rows = [
        {"customer_type": kind, "segment": m["group"], "jaccard": m["jaccard"], "n": part["n"]}
        for kind, part in drift.items()
        for m in part["matched"]
    ]
    return pd.DataFrame(rows, columns=["customer_type", "segment", "jaccard", "n"])


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


def advice(drift: dict[str, Any], psi_of_groups: dict[str, float]) -> str:
    """Whether the groups should be found anew: refit, watch or keep, by the stated thresholds."""
    shifts = drift_by_feature(drift)
    rand = min((p["rand"] for p in drift.values() if p["rand"] is not None), default=1.0)
    groups = max(psi_of_groups.values(), default=0.0)
    if groups >= REFIT or rand < REFIT_RAND:
        return "refit"
    if (shifts["drift"] != "none").any() or groups >= WATCH or rand < WATCH_RAND:
        return "watch"
    return "keep"


def advice_in_words(drift: dict[str, Any], psi_of_groups: dict[str, float]) -> str:
    """The advice as a sentence with its figures."""
    shifts = drift_by_feature(drift)
    moved = [label(f) for f in shifts.loc[shifts["drift"] != "none", "feature"].drop_duplicates()]
    rand = min((p["rand"] for p in drift.values() if p["rand"] is not None), default=None)
    figures = say(
        "Population stability index of the groups {groups}; a fit on today's customers "
        "agrees with the groups in force at an adjusted Rand index of {rand}; features "
        "that moved: {moved}."
    ).format(
        groups=f"{max(psi_of_groups.values(), default=0.0):.2f}",
        rand="–" if rand is None else f"{rand:.2f}",
        moved=", ".join(moved[:6]) or say("none"),
    )
    lead = {
        "refit": say(
            "The groups should be found anew: name a later fit_quarter in the params file, "
            "and the old one under earlier_fit_quarters so that the names are kept."
        ),
        "watch": say("The groups can stay for now; watch the shift."),
        "keep": say("The groups still fit."),
    }[advice(drift, psi_of_groups)]
    return f"{lead} {figures}"
