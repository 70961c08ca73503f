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
#: A pair of parties that share something.
LINKED = {
    "party": "string",
    "other": "string",
    "shared": "string",  # one of LINKS
}


def links(
    tables: Tables, parties: Iterable[str], by: Iterable[str] = ("phone", "address", "authorised")
) -> pd.DataFrame:
    """Pairs of one of `parties` with another customer that share something few share: columns
    LINKED.

    The values themselves are not returned. A value that more than five customers share makes no
    link.
    """
    if not (wanted := list(parties)):
        return pd.DataFrame(columns=list(LINKED))
    pairs = [frame for link in by if len(frame := _pairs(tables, wanted, link))]
    links_ = pd.concat(pairs) if pairs else pd.DataFrame(columns=list(LINKED))
    return links_.sort_values(list(LINKED), ignore_index=True)


def _pairs(tables: Tables, parties: list[str], link: str) -> pd.DataFrame:
    sharing = _sharing(tables, link)
    of_parties = sharing.join(listed(parties, "wanted"), [("party", "wanted")]).select(
        "party", mark="mark"
    )
    sharing_others = sharing.select(other="party", same="mark")
    pairs = of_parties.join(sharing_others, [of_parties.mark == sharing_others.same]).filter(
        _.party != _.other
    )
    return pairs.select("party", "other", shared=ibis.literal(link)).distinct().to_pandas()


def _sharing(tables: Tables, link: str) -> ir.Table:
    if link == "authorised":
        holders = tables["account_holders"]
        owner = holders.filter(_.role == "owner").select("account_id", party="customer_id")
        may = holders.filter(_.role == "authorised").select(
            account="account_id", mark="customer_id"
        )
        sharing = (
            owner.join(may, [owner.account_id == may.account]).select("party", "mark").distinct()
        )
    else:
        customers = tables["customers"]
        mark = customers[link].strip().nullif("")
        sharing = customers.select(party="customer_id", mark=mark).filter(_.mark.notnull())
    few = (
        sharing.group_by("mark")
        .aggregate(n=_.count())
        .filter((_.n > 1) & (_.n <= MOST_SHARING))
        .select(few="mark")
    )
    return sharing.semi_join(few, [("mark", "few")])


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
