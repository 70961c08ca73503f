"""Ways of dividing customers into groups, each a function from the same inputs to labels, so that
they can be compared.

A method takes the customers × features matrix, the rows it came from, the number of groups (which
some find themselves) and the seed, and returns a label per row: 0 and on, −1 for a customer that it
leaves in no group. To try another method, write such a function here and give it a name.
"""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

Method = Callable[[np.ndarray, pd.DataFrame, int, int], np.ndarray]
#: Every method by its name, in reading order.
METHODS: dict[str, Method] = {}
#: Baselines, which cannot be put in force: their groups are ranks, not kinds of customers.
ONLY_COMPARED = ("rfm",)

NO_GROUP = -1
MOST_FOR_DISTANCES = 2_500  # customers of whom every pair is measured
GOWER_COLUMNS = (
    "balance_end",
    "money_in",
    "credit_grade",
    "transactions",
    "recency_days",
    "cash_share",
    "mobile_share",
    "products_held",
)


def method(name: str) -> Callable[[Method], Method]:
    """The function below is a method of this name."""

    def named(function: Method) -> Method:
        METHODS[name] = function
        return function

    return named


@method("k-means")
def k_means(x: np.ndarray, customers: pd.DataFrame, groups: int, seed: int) -> np.ndarray:
    """Lloyd (1982) with k-means++ starts (Arthur and Vassilvitskii 2007), the best of ten."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # fewer distinct points than groups: shows in the sizes
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(KMeans(groups, n_init=10, random_state=seed).fit(x).labels_)


@method("gaussian mixture")
def gaussian_mixture(x: np.ndarray, customers: pd.DataFrame, groups: int, seed: int) -> np.ndarray:
    """A mixture of normal distributions with full covariances, by EM (Dempster, Laird and Rubin
    1977).
    """
    return np.asarray(mixture(x, groups, seed).predict(rotated(x)))


@method("k-medoids")
def k_medoids(x: np.ndarray, customers: pd.DataFrame, groups: int, seed: int) -> np.ndarray:
    """FasterPAM (Schubert and Rousseeuw 2021) on Gower's distance (1971), for numbers and
    categories together.

    Every pair of customers is measured, so at most `MOST_FOR_DISTANCES` choose the medoids; the
    others follow the nearest.
    """
    from kmedoids import fasterpam  # needed for the comparison only

    numbers, categories = _gower_parts(customers)
    chosen = np.random.default_rng(seed).permutation(len(customers))[:MOST_FOR_DISTANCES]
    among = _gower(numbers[chosen], categories[chosen], numbers[chosen], categories[chosen])
    medoids = chosen[np.asarray(fasterpam(among, groups, random_state=seed, n_cpu=1).medoids)]
    return _gower(numbers, categories, numbers[medoids], categories[medoids]).argmin(axis=1)


@method("hdbscan")
def hdbscan(x: np.ndarray, customers: pd.DataFrame, groups: int, seed: int) -> np.ndarray:
    """Density clusters (Campello, Moulavi and Sander 2013); finds the number of groups itself."""
    from sklearn.cluster import HDBSCAN

    return np.asarray(HDBSCAN(min_cluster_size=max(len(x) // 50, 15), copy=True).fit(x).labels_)


@method("rfm")
def rfm(x: np.ndarray, customers: pd.DataFrame, groups: int, seed: int) -> np.ndarray:
    """The baseline management knows: quintiles of recency, frequency and monetary value added up,
    in five steps (Hughes 1994).
    """
    score = sum(
        _quintile(customers[column].astype(float) * sign)
        for column, sign in (("recency_days", -1), ("transactions", 1), ("money_in", 1))
    )
    return _quintile(pd.Series(score)).to_numpy().astype(int)


def mixture(x: np.ndarray, groups: int, seed: int) -> "GaussianMixture":
    """The fitted mixture, on the principal axes along which the customers differ."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(groups, random_state=seed, reg_covar=1e-4).fit(rotated(x))


def rotated(x: np.ndarray) -> np.ndarray:
    """x on its principal axes, those without spread left out."""
    centred = x - x.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred / max(len(x), 1))
    keep = values > 1e-9
    return np.asarray(centred @ axes[:, keep]) if keep.any() else np.zeros((len(x), 1))


def _quintile(values: pd.Series) -> pd.Series:
    """0 to 4, ties together."""
    return np.minimum((values.rank(pct=True, method="average") * 5 - 1e-9).fillna(0) // 1, 4)


def _gower_parts(customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    ranks = customers[list(GOWER_COLUMNS)].astype(float).rank(pct=True).fillna(0.5)
    categories = (
        customers[["region", "in_arrears"]]
        .astype("string")
        .fillna("")
        .apply(lambda c: c.astype("category").cat.codes)
    )
    return ranks.to_numpy(), categories.to_numpy()


def _gower(a: np.ndarray, a_codes: np.ndarray, b: np.ndarray, b_codes: np.ndarray) -> np.ndarray:
    total = np.zeros((len(a), len(b)))
    for i in range(a.shape[1]):
        total += np.abs(a[:, i, None] - b[None, :, i])
    for i in range(a_codes.shape[1]):
        total += a_codes[:, i, None] != b_codes[None, :, i]
    return total / (a.shape[1] + a_codes.shape[1])
