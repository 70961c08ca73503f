"""What the investigations are to find in the demo bank beside the mortgages, and the innocent
look-alikes of each kind.
"""

import numpy as np

from analysis.demo.people import GROUPS, QUARTERS, People
from analysis.demo.schemes import acceptance, card_cashout, fundraising
from analysis.demo.schemes.planting import Schemes
from analysis.demo.schemes.tables import added_tables, decisions, overridden

__all__ = ["Schemes", "added_tables", "decisions", "overridden", "plant"]


def plant(rng: np.random.Generator, people: People, used: set[int], chunk: int) -> Schemes:
    """Everything planted in a chunk; nothing where it has too few customers. used: customers of the
    mortgage arrangements.
    """
    stays = (
        (people.joined == 0)
        & (people.left == len(QUARTERS))
        & (people.happens["slept_and_woke"] == len(QUARTERS))
    )
    free = stays & ~np.isin(np.arange(len(people)), list(used))
    groups = {
        "persons": ["salaried", "young_digital", "affluent"],
        "traders": ["traders"],
        "firms": ["small_firms"],
        "large": ["large_firms"],
    }
    pools = {}
    for name, wanted in groups.items():
        numbers = [i for i, g in enumerate(GROUPS) if g.name in wanted]
        pools[name] = rng.permutation(
            np.flatnonzero(free & np.isin(people.group, numbers))
        ).tolist()
    schemes = Schemes(rng, people, chunk, pools)
    if len(pools["persons"]) < 200 or len(pools["traders"]) < 30 or len(pools["firms"]) < 45:
        return schemes
    for kind in (card_cashout, fundraising, acceptance):
        for variant in (*kind.CASES, *kind.LOOK_ALIKES):
            variant(schemes)
    return schemes
