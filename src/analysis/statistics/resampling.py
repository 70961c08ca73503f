"""Bootstrap samples of persons (Davison and Hinkley 1997, section 3.8)."""

from collections.abc import Iterator

import numpy as np

LEVEL = 0.95  # of every interval


def draws(person: np.ndarray, times: int, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each row is in each of `times` bootstrap samples of persons.

    person: number of the person of each row; all rows of a person are drawn together.
    """
    rng = np.random.default_rng(seed)
    persons = int(person.max()) + 1 if len(person) else 0
    for _time in range(times):
        drawn = np.bincount(rng.integers(0, persons, persons), minlength=persons)
        yield drawn[person].astype(float)
