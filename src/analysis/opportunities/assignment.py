"""Which customer is offered what by whom: one offer a customer, as many as each member of staff can
make, so that what is expected of all is most.

An integer programme solved by HiGHS (Huangfu and Hall 2018). Who serves a customer is known; where
a member of staff has no room left, a colleague of the branch with room takes over. Of products
without a limit of their own only the best for each customer can be in the best assignment, and only
these are put into the programme.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

GAP = 1e-4  # of what is expected, that the solution may lie below the best
NEAR = 0.02  # of the mean value, that a row may lie below the best of its customer to be tried
ROUNDS, HALVED = 6, 18  # of finding prices


def assign(
    candidates: pd.DataFrame, capacity: Mapping[str, int], limits: Mapping[str, int]
) -> tuple[pd.DataFrame, float, float]:
    """The offers to make in one branch; what a greedy choice would bring; and what none can pass.

    candidates: a row for each customer and product that passed, with customer_id, product_id,
    expected (money, above 0) and staff_id (who serves the customer, or empty). capacity: staff to
    the offers each can make. limits: product to the offers that can be made of it; those not named
    have none. Returns the rows chosen, with staff_id of who is to make the offer.
    """
    ranked = candidates.sort_values(
        ["expected", "customer_id", "product_id"], ascending=[False, True, True], ignore_index=True
    )
    room = sum(capacity.values())
    if ranked.empty or room <= 0:
        return ranked.head(0), 0.0, 0.0
    best_first = _greedily(ranked, room, limits)
    greedy = float(best_first["expected"].sum())
    if not limits:  # then nothing is better, and who is as good as another is settled by name
        return _with_staff(best_first, capacity), greedy, greedy
    limited = ranked["product_id"].isin(list(limits))
    best_free = ~limited & ~ranked.where(~limited).duplicated("customer_id")
    kept = ranked[limited | best_free].reset_index(drop=True)
    chosen, bound = _solved(kept, room, limits)
    return _with_staff(chosen, capacity), greedy, bound


def _greedily(ranked: pd.DataFrame, room: int, limits: Mapping[str, int]) -> pd.DataFrame:
    """The best first, as long as there is room."""
    left, taken = dict(limits), set()
    rows: list[int] = []
    for place, (customer, product) in enumerate(
        zip(ranked["customer_id"], ranked["product_id"], strict=True)
    ):
        if len(rows) == room:
            break
        if customer in taken or left.get(product, 1) <= 0:
            continue
        taken.add(customer)
        if product in left:
            left[product] -= 1
        rows.append(place)
    return ranked.iloc[rows]


def _solved(kept: pd.DataFrame, room: int, limits: Mapping[str, int]) -> tuple[pd.DataFrame, float]:
    """The best rows, and the value of the relaxation, in which offers may be split.

    Prices of an offer and of each limited product, at which no more is wanted than there is, tell
    which rows can be in the best assignment. Only these are solved; whether a row that was left out
    would do better is looked at afterwards (column generation; Gilmore and Gomory 1961).
    """
    value = kept["expected"].to_numpy(dtype=float)
    customer = kept["customer_id"].astype("category").cat.codes.to_numpy()
    names = list(limits)
    product = np.array([names.index(p) + 1 if p in limits else 0 for p in kept["product_id"]])
    most = np.array([room, *limits.values()], dtype=float)
    prices = _prices(value, customer, product, most)
    chosen = _worth_it(value, customer, product, prices, NEAR * value.mean())
    while True:
        x, prices, bound = _relaxed(value, customer, product, most, chosen)
        better = _worth_it(value, customer, product, prices, -1e-7, chosen) & ~chosen
        if not better.any():
            break
        chosen |= better
    if np.abs(x - x.round()).max(initial=0.0) > 1e-6:
        x = _whole(value[chosen], customer[chosen], product[chosen], most)
    rows = kept[chosen][x.round().astype(bool)]
    # the sums are added up in different orders
    return rows, max(bound, float(rows["expected"].sum()))


def _prices(
    value: np.ndarray, customer: np.ndarray, product: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """What an offer costs, and what each limited product costs beside it, at which customers want
    about as many as there are: each price in turn is set where that is so, the others as they are.
    """
    worth = np.full((customer.max() + 1, len(most)), -np.inf)
    worth[customer, product] = value  # of products without limit each customer has one at most
    prices, highest = np.zeros(len(most)), float(value.max())
    for _round in range(ROUNDS):
        before = prices.copy()
        for which in range(len(most)):
            low, high = 0.0, highest
            for _halved in range(HALVED):
                prices[which] = (low + high) / 2
                wanted = _wanted(worth, prices)[which]
                low, high = (prices[which], high) if wanted > most[which] else (low, prices[which])
            prices[which] = high if high > 1e-5 * highest else 0.0
        if np.abs(prices - before).max() < 1e-5 * highest:
            break
    return prices


def _wanted(worth: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """How many offers are wanted at these prices in all, and of each limited product."""
    margin = worth - np.concatenate([prices[:1], prices[0] + prices[1:]])
    best = margin.argmax(axis=1)
    wants = margin[np.arange(len(best)), best] > 0
    counts = np.bincount(best[wants], minlength=len(prices))
    counts[0] = wants.sum()
    return np.asarray(counts)


def _of(prices: np.ndarray, product: np.ndarray) -> np.ndarray:
    """The price of each row's product; none where it has no limit."""
    return np.where(product > 0, prices[product], 0.0)


def _worth_it(
    value: np.ndarray,
    customer: np.ndarray,
    product: np.ndarray,
    prices: np.ndarray,
    near: float,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """Which rows come as near to the best of their customer (of those `among`, where given), or to
    no offer at all, at these prices.
    """
    margin = value - prices[0] - _of(prices, product)
    best = np.zeros(customer.max() + 1)
    own = np.ones(len(value), dtype=bool) if among is None else among
    np.maximum.at(best, customer[own], margin[own])
    return margin >= best[customer] - near


def _constraints(
    customer: np.ndarray, product: np.ndarray, most: np.ndarray
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Room, limits, and one offer for each customer who could have several."""
    n = len(customer)
    counts = np.bincount(customer)
    several = np.flatnonzero(counts > 1)
    rows = np.flatnonzero(counts[customer] > 1)
    one_each = sparse.csr_matrix(
        (np.ones(len(rows)), (np.searchsorted(several, customer[rows]), rows)),
        shape=(len(several), n),
    )
    limited = sparse.csr_matrix(
        np.vstack([np.ones(n), *((product == k).astype(float) for k in range(1, len(most)))])
    )
    return sparse.vstack([limited, one_each]).tocsr(), np.concatenate([most, np.ones(len(several))])


def _relaxed(
    value: np.ndarray,
    customer: np.ndarray,
    product: np.ndarray,
    most: np.ndarray,
    chosen: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """The relaxation over the rows chosen: their shares, the prices, and the value."""
    rows, right = _constraints(customer[chosen], product[chosen], most)
    solved = linprog(-value[chosen], A_ub=rows, b_ub=right, bounds=(0, 1), method="highs")
    prices = np.maximum(-solved.ineqlin.marginals[: len(most)], 0.0)
    return solved.x, prices, float(-solved.fun)


def _whole(
    value: np.ndarray, customer: np.ndarray, product: np.ndarray, most: np.ndarray
) -> np.ndarray:
    """Whole offers where the relaxation splits some."""
    rows, right = _constraints(customer, product, most)
    solved = milp(
        -value,
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, ub=right),
        integrality=1,
        options={"mip_rel_gap": GAP},
    )
    whole: np.ndarray = solved.x
    return whole


def _with_staff(chosen: pd.DataFrame, capacity: Mapping[str, int]) -> pd.DataFrame:
    """Who makes each offer: whoever serves the customer, and where there is no room left the
    colleague with most of it.
    """
    left = dict(capacity)
    staff = [""] * len(chosen)
    order = chosen.reset_index(drop=True)
    over = []
    for place, member in enumerate(order["staff_id"]):
        if left.get(member, 0) > 0:
            left[member] -= 1
            staff[place] = member
        else:
            over.append(place)
    for place in over:
        member = max(sorted(left), key=lambda name: left[name])
        left[member] -= 1
        staff[place] = member
    return order.assign(staff_id=staff)
