"""Which parties belong together: by telephone, address, employer and who may dispose of their
accounts; and the groups that links make.
"""

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.risk.transfers import Tables, listed

# a telephone or an address that more customers share says nothing: a call centre, a hall of
# residence
MOST_SHARING = 5
LINKS = ("phone", "address", "employer", "authorised")


def links(
    tables: Tables, parties: Iterable[str], by: Iterable[str] = ("phone", "address", "authorised")
) -> pd.DataFrame:
    """Pairs among `parties` (or of one of them with another customer) that share something few
    share: party, other, shared.

    The values themselves are not returned. A value that more than five customers share makes no
    link.
    """
    found = []
    for what in by:
        shared = _sharing(tables, what)
        wanted = listed(parties, "wanted")
        mine = shared.join(wanted, [("party", "wanted")]).select("party", mark="mark")
        others = shared.select(other="party", same="mark")
        pairs = mine.join(others, [mine.mark == others.same]).filter(_.party != _.other)
        found.append(
            pairs.select("party", "other", shared=ibis.literal(what)).distinct().to_pandas()
        )
    rows = [f for f in found if len(f)]
    everything = pd.concat(rows) if rows else pd.DataFrame(columns=["party", "other", "shared"])
    return everything.sort_values(["party", "other", "shared"], ignore_index=True)


def _sharing(tables: Tables, what: str) -> ir.Table:
    if what == "authorised":
        holders = tables["account_holders"]
        owner = holders.filter(_.role == "owner").select("account_id", party="customer_id")
        may = holders.filter(_.role == "authorised").select(
            account="account_id", mark="customer_id"
        )
        rows = owner.join(may, [owner.account_id == may.account]).select("party", "mark").distinct()
    else:
        customers = tables["customers"]
        mark = customers[what].strip().nullif("")
        rows = customers.select(party="customer_id", mark=mark).filter(_.mark.notnull())
    few = (
        rows.group_by("mark")
        .aggregate(n=_.count())
        .filter((_.n > 1) & (_.n <= MOST_SHARING))
        .select(few="mark")
    )
    return rows.semi_join(few, [("mark", "few")])


def groups(pairs: Iterable[tuple[str, str]], alone: Iterable[str] = ()) -> dict[str, int]:
    """The connected groups of parties: party to the number of its group
    (`scipy.sparse.csgraph.connected_components`).
    """
    edges = sorted(set(pairs))
    names = sorted({p for pair in edges for p in pair} | set(alone))
    at = {name: i for i, name in enumerate(names)}
    if not names:
        return {}
    ones = [1] * len(edges)
    graph = coo_array(
        (ones, ([at[a] for a, b in edges], [at[b] for a, b in edges])),
        shape=(len(names), len(names)),
    )
    labels = connected_components(graph, directed=False)[1]
    return dict(zip(names, (int(x) for x in labels), strict=True))
