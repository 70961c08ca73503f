"""Names of firms as they can be compared: without legal form, place and brackets."""

import re
from collections.abc import Sequence

import numpy as np

from analysis.identification.names import written_alike

_FORM = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团公司|总公司|分公司|股份|集团|控股|公司"
    r"|\b(?:co|company|ltd|limited|inc|llc|plc|corp|corporation|gmbh|ag|sa)\b\.?)"
)
_LISTED = re.compile(r"^(?:\*?st|n|s|xd|dr|xr|pt)(?=[\u3400-\u9fff])|(?<=[\u3400-\u9fff])[ab]$")
_BRACKETED = re.compile(r"[(（].*?[)）]")
_PLACE = re.compile(r"^[\u3400-\u9fff]{2,7}?(?:省|市|自治区)(?=[\u3400-\u9fff]{2})")
CANDIDATES = 40  # registered names that are looked at closely for a short one


def firm_core(name: str) -> str:
    """What is particular in the name of a firm: without brackets, legal form and, where it is
    written as such, the place; the name itself where nothing would be left.
    """
    written = _BRACKETED.sub("", written_alike(name))
    core = _FORM.sub(
        "",
        _PLACE.sub("", _LISTED.sub("", written.replace(" ", "")) if _chinese(written) else written),
    )
    core = " ".join(re.sub(r"[^\w]+", " ", core).split())
    return core or written


def _chinese(text: str) -> bool:
    return bool(re.search(r"[\u3400-\u9fff]", text))


def likeness(short: Sequence[str], registered: Sequence[str]) -> np.ndarray:
    """How well each short name (rows) may stand for each registered one (columns), 0 to about 1.7.

    The part of the short name's characters and pairs of characters found in the registered name,
    each weighted by how rare it is among the registered names; for the best `CANDIDATES` besides
    how much of it stands there in the same order, and whether it begins alike.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    cores = [firm_core(n) for n in short], [firm_core(n) for n in registered]
    grams = CountVectorizer(analyzer="char", ngram_range=(1, 2), binary=True, lowercase=False)
    there = grams.fit_transform(cores[1]).astype(float)
    asked = grams.transform(cores[0]).astype(float)
    rarity = np.log((1 + len(registered)) / (1 + np.asarray(there.sum(axis=0)).ravel()))
    shared = (asked @ there.multiply(rarity).tocsr().T).toarray()
    covered = shared / ((asked @ rarity)[:, None] + 0.05 * (there @ rarity)[None, :] + 1e-9)
    alone = {g: rarity[i] for g, i in grams.vocabulary_.items() if len(g) == 1}
    for row, name in enumerate(cores[0]):
        for column in np.argsort(-covered[row], kind="stable")[:CANDIDATES]:
            covered[row, column] += _in_order(name, cores[1][column], alone)
    return covered


def _in_order(short: str, registered: str, rarity: dict[str, float]) -> float:
    """The share of the short name, by rarity, that stands in the registered one in the same order
    (longest common subsequence), and 0.2 to 0.5 for a beginning that is found or begins it.
    """
    most = max(rarity.values(), default=1.0)
    weights = [rarity.get(c, most) for c in short]
    before = [0.0] * (len(registered) + 1)
    for character, weight in zip(short, weights, strict=True):
        now = [0.0]
        for at, other in enumerate(registered):
            taken = before[at] + weight if character == other else 0.0
            now.append(max(before[at + 1], now[at], taken))
        before = now
    begins = short[:2]
    bonus = 0.3 * (begins in registered) + 0.2 * registered.startswith(begins)
    return before[-1] / (sum(weights) or 1.0) + bonus


def assigned(alike: np.ndarray) -> list[int]:
    """To each short name (a row as from `likeness`) the number of its registered name, each given
    once at most, -1 where none is left: the assignment of the greatest likeness in sum (SciPy's
    `linear_sum_assignment`).
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(alike, maximize=True)
    chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return [chosen.get(row, -1) for row in range(len(alike))]
