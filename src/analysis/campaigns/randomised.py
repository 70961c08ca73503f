"""The effect of a campaign whose control group was drawn by lot, by tea-tasting, where the rows
are.

What was known before the campaign takes noise out of the outcomes (CUPED; Deng, Xu, Kohavi and
Walker 2013); money per entry is a ratio of means (delta method); whether the arms are of the sizes
that were planned is checked first (sample-ratio check; Fabijan and others 2019).
"""

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from analysis.campaigns.fitted import Effect, NextControl, OfGroup
from analysis.statistics.intervals import NORMAL, corrected_for_any, difference_of_shares

ALPHA = 0.05
PLAIN = "plain_"


def effects_of(
    customers: ir.Table,
    outcomes: Mapping[str, str | None],
    ratios: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Effect]:
    """Outcome to the effect on it; of one that does not vary nothing.

    customers: a row each with treated (0 or 1) and the columns named, nothing empty. outcomes:
    column to the one known before that takes noise out of it, or None. ratios: name to numerator
    and denominator, of which the same before end with `_before`.
    """
    import tea_tasting as tt

    metrics: dict[str, Any] = {name: tt.Mean(name, known) for name, known in outcomes.items()}
    for name, (above, below) in (ratios or {}).items():
        metrics[name] = tt.RatioOfMeans(above, below, f"{above}_before", f"{below}_before")
    plain = {f"{PLAIN}{name}": tt.Mean(name) for name, known in outcomes.items() if known}
    result = tt.Experiment({**metrics, **plain}, variant="treated").analyze(customers, control=0)
    effects = {}
    for name in metrics:
        told = result[name]
        if not np.isfinite(told.effect_size) or not np.isfinite(told.pvalue):
            continue
        without = result[f"{PLAIN}{name}"] if f"{PLAIN}{name}" in plain else told
        effects[name] = Effect(
            outcome=name,
            control=float(told.control),
            treated=float(told.treatment),
            effect=float(told.effect_size),
            low=float(told.effect_size_ci_lower),
            high=float(told.effect_size_ci_upper),
            p=float(told.pvalue),
            plain=float(without.effect_size),
            plain_low=float(without.effect_size_ci_lower),
            plain_high=float(without.effect_size_ci_upper),
        )
    return effects


def ratio_p(treated: int, control: int, planned_control: float) -> float:
    """p-value of the arms being of the sizes planned.

    planned_control: share of the control group, between 0 and 1.
    """
    import tea_tasting as tt

    arms = pd.DataFrame({"variant": np.repeat([1, 0], [treated, control])})
    check = tt.SampleRatio({0: planned_control, 1: 1 - planned_control})
    result = tt.Experiment({"ratio": check}, variant="variant").analyze(arms, control=0)
    return float(result["ratio"].pvalue)


def by_group(customers: pd.DataFrame, least: int) -> tuple[list[OfGroup], float | None]:
    """The effect on the response of every group with `least` customers in each arm (Newcombe 1998),
    corrected over the groups (Holm 1979), and the p-value of one effect for all (Cochran 1954).

    customers: a row each with customer_type, segment, treated and response (true or false).
    """
    rows = []
    for (kind, segment), part in customers.groupby(["customer_type", "segment"]):
        arm = part["treated"].astype(bool)
        n, m = int(arm.sum()), int((~arm).sum())
        if min(n, m) < least:
            continue
        yes, no = int(part.loc[arm, "response"].sum()), int(part.loc[~arm, "response"].sum())
        effect, low, high = difference_of_shares(yes, n, no, m)
        error = (high - low) / (2 * NORMAL)
        rows.append(
            {
                "customer_type": kind,
                "segment": segment,
                "treated": n,
                "control": m,
                "rate_treated": yes / n,
                "rate_control": no / m,
                "effect": effect,
                "low": low,
                "high": high,
                "p": float(2 * stats.norm.sf(abs(effect) / error)) if error > 0 else 1.0,
            }
        )
    if not rows:
        return [], None
    table = pd.DataFrame(rows)
    table["p_corrected"] = corrected_for_any(table["p"])
    weight = (2 * NORMAL / (table["high"] - table["low"])) ** 2
    mean = (weight * table["effect"]).sum() / weight.sum()
    spread = float((weight * (table["effect"] - mean) ** 2).sum())
    same = float(stats.chi2.sf(spread, len(table) - 1)) if len(table) > 1 else None
    return [OfGroup(**row) for row in table.to_dict("records")], same


def next_control(customers: int, base: float, effect: float, power: float) -> NextControl:
    """How large the control group of the next campaign should be, of so many customers in all.

    base: response without contact. effect: smallest difference worth finding, of shares. Two-sided
    at 5 % (Cohen 1988).
    """
    base = float(np.clip(base, 1e-4, 1 - 1e-4))
    effect = min(effect, 1 - base - 1e-6)
    size = proportion_effectsize(base + effect, base)
    solve = NormalIndPower()

    def found(control: int) -> float:
        ratio = (customers - control) / control
        return float(solve.power(size, control, ALPHA, ratio=ratio))

    half = max(customers // 2, 1)
    smallest_control = None
    if customers >= 4 and found(half) >= power:
        low, high = 1, half
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if found(middle) >= power else (middle + 1, high)
        smallest_control = low
    by_halves = solve.solve_power(size, None, ALPHA, power, ratio=1.0)
    least = solve.solve_power(None, half, ALPHA, power, ratio=1.0)
    shift = np.sin(np.arcsin(np.sqrt(base)) + abs(float(least)) / 2) ** 2 - base
    return NextControl(
        customers=customers,
        effect=effect,
        power=power,
        base=base,
        size=smallest_control,
        smallest=float(shift),
        needed=int(np.ceil(2 * float(by_halves))),
    )
