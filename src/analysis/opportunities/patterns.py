"""Which products follow which, and which are held together."""

from itertools import combinations, permutations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.opportunities.fitted import Bundle, Path, Patterns
from analysis.statistics.intervals import corrected_for_any, median_interval, share_interval

LEAST = 20  # customers who took the second product, or hold both
DAYS_A_MONTH = 365.25 / 12
MOST_BUNDLES = 40


def patterns(held: pd.DataFrame) -> Patterns:
    """Paths and bundles.

    held: customer_id, customer_type, product_id and held_from of every product held, of a sample of
    customers.
    """
    if held.empty:
        return Patterns(paths=[], bundles=[])
    since = held.assign(held_from=pd.to_datetime(held["held_from"])).pivot_table(
        index=["customer_type", "customer_id"], columns="product_id", values="held_from"
    )
    return Patterns(paths=_paths(since), bundles=_bundles(since.notna()))


def _paths(since: pd.DataFrame) -> list[Path]:
    """Every product that follows another for enough customers, the most frequent first."""
    found = []
    for first, then in permutations(since.columns, 2):
        start, end = since[first], since[then]
        before = end.notna() & (end <= start)
        of = start.notna() & ~before
        later = of & end.notna()
        n = int(later.sum())
        if n < LEAST:
            continue
        low, high = share_interval(n, int(of.sum()))
        months = (end - start)[later].dt.days / DAYS_A_MONTH
        ends = median_interval(months)
        found.append(
            Path(
                first=str(first),
                then=str(then),
                n=n,
                of=int(of.sum()),
                share=n / int(of.sum()),
                low=low,
                high=high,
                months=float(months.median()),
                months_low=None if np.isnan(ends[0]) else ends[0],
                months_high=None if np.isnan(ends[1]) else ends[1],
            )
        )
    return sorted(found, key=lambda p: (-p.share, p.first, p.then))


def _bundles(held: pd.DataFrame) -> list[Bundle]:
    """Pairs that are held together more often than by chance (Agrawal and Srikant 1994), tested
    within types of customers (Fisher 1935), p-values corrected over all pairs (Holm 1979).
    """
    rows: list[dict[str, object]] = []
    for kind, part in held.groupby(level="customer_type"):
        for one, other in combinations(part.columns, 2):
            a, b = part[one].to_numpy(), part[other].to_numpy()
            both, n = int((a & b).sum()), len(part)
            if both < LEAST or a.all() or b.all():
                continue
            rest = [[both, int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
            low, high = share_interval(both, int(a.sum()))
            rows.append(
                {
                    "customer_type": str(kind),
                    "one": str(one),
                    "other": str(other),
                    "both": both,
                    "confidence": both / a.sum(),
                    "low": low,
                    "high": high,
                    "base": b.mean(),
                    "lift": both * n / (a.sum() * b.sum()),
                    "p": float(stats.fisher_exact(rest, alternative="greater")[1]),
                }
            )
    if not rows:
        return []
    table = pd.DataFrame(rows)
    table["p_corrected"] = corrected_for_any(table["p"])
    certain = table[table["p_corrected"] < 0.05].sort_values(
        ["lift", "one", "other"], ascending=[False, True, True]
    )
    return [
        Bundle(**row) for row in certain.drop(columns="p").head(MOST_BUNDLES).to_dict("records")
    ]
