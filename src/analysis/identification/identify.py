"""From records to customers: compare what is new, tie, divide, and give keys that last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from analysis.identification.compared import KINDS, Kind
from analysis.identification.fitted import (
    Counted,
    CurvePoint,
    Identified,
    IdentifiedKind,
    IdentityModel,
    KindModel,
)
from analysis.identification.groups import (
    Groups,
    connected,
    grouped,
    pairs_not_compared,
    threshold,
)
from analysis.identification.keys import LOG, changes, keyed, with_heirs
from analysis.identification.matching import pairs_to_compare, put, scored, with_model
from analysis.identification.reviews import Said, said_by_reviewers
from analysis.identification.single import single_view
from analysis.quarters import Quarter
from analysis.sources.params import Identification
from analysis.storage import text_fingerprint

#: Pairs with a lower chance are not kept: nothing ties or is reviewed below it.
LEAST_KEPT = 0.05
FEWEST_TIES = 10  # pairs, for precision and recall to be told
#: Thresholds of the chance at which precision and recall are told.
CURVE = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
NO_KEYS = pd.DataFrame({"customer_id": [], "customer_key": []}, dtype="object")


@dataclass(frozen=True)
class Found:
    """What identification found. keys: `customer_id`, `customer_key` of records that are not a
    customer by themselves. merged: what is known of the customers these make up. marks: every
    record with a mark of what it holds. frames: `pairs`, `keys`, `held_back`, `log`, `sources`,
    `not_followed`, `model`.
    """

    keys: pd.DataFrame
    merged: pd.DataFrame
    marks: ir.Table
    frames: dict[str, pd.DataFrame]
    summary: Identified


def identify(
    engine: Backend,
    customers: ir.Table,
    reviews: ir.Table | None,
    learnt: IdentityModel,
    settings: Identification,
    day: date,
    quarters: Sequence[Quarter] = (),
    marks_before: ir.Table | None = None,
    before: Mapping[str, pd.DataFrame] | None = None,
) -> Found:
    """Which records are the same customer.

    customers, reviews: rows of the contract's tables. quarters: those over which second records
    are counted. marks_before, before: the marks and frames found last time; what did not change
    since is not compared again, unless the model changed.
    """
    marks_known, total = marks_before, int(customers.count().to_pyarrow().as_py())
    version = text_fingerprint(learnt.model_dump_json())
    if before is not None and before["model"]["version"].tolist() != [version]:
        marks_before = None  # another model: every pair is told anew
    kept = before["pairs"] if before is not None and marks_before is not None else None
    parts, marks, told = [], [], []
    said = _said(customers, reviews)
    for name, model in learnt.kinds.items():
        kind = KINDS[name]
        records = put(engine, customers, kind)
        count = int(engine.raw_sql(f"SELECT count(*) FROM {records}").fetchall()[0][0])
        marks.append(_marks(engine, records, name))
        pairs, compared = _pairs(engine, records, kind, model, marks_before, kept)
        least = threshold(pairs["chance"], settings.precision)
        groups = _groups(engine, records, kind, model, pairs, least, settings, said)
        parts.append((pairs.assign(kind=name), groups))
        told.append(_summary(name, count, model, pairs, least, groups, compared))
    groups = pd.concat([g.members for _pairs_of, g in parts], ignore_index=True)
    held_back = pd.concat([g.held_back for _pairs_of, g in parts], ignore_index=True)
    pairs = pd.concat([p for p, _groups_of in parts], ignore_index=True)

    # keys that last, and what is known of each customer
    keys_before = _keys_before(engine, marks_known, before, groups["customer_id"])
    present = _present(engine, customers, keys_before.stack())
    groups = with_heirs(groups, keys_before, present)
    concerned = _records(engine, customers, groups["customer_id"])
    since = concerned[["customer_id", "since"]].assign(
        since=pd.to_datetime(concerned["since"]).dt.strftime("%Y-%m-%d")
    )
    keys = keyed(groups, keys_before, since, present)
    merged, sources = single_view(concerned, keys, settings.trusted)
    known_before = keys[keys["customer_id"].isin(keys_before["customer_id"])]
    still = keys_before["customer_id"].isin(present)
    log = changes(keys_before[still], known_before, day.isoformat())
    if before is not None:
        log = pd.concat([before["log"], log], ignore_index=True)
    return Found(
        keys,
        merged,
        _all_marks(engine, marks),
        {
            "pairs": pairs,
            "keys": keys,
            "held_back": held_back,
            "log": log,
            "sources": sources,
            "not_followed": said.not_followed,
            "model": pd.DataFrame({"version": [version]}),
        },
        Identified(
            records=total,
            customers=total - len(keys) + keys["customer_key"].nunique(),
            kinds=told,
            curve=[
                point
                for name, part in zip(learnt.kinds, parts, strict=True)
                for point in curve(name, part[0]["chance"])
            ],
            over_time=_over_time(engine, customers, keys, quarters),
            not_followed=said.not_followed["why"].value_counts().sort_index().to_dict(),
        ),
    )


def nothing_found() -> dict[str, pd.DataFrame]:
    """The frames of `Found` where records are not compared."""
    pairs = pd.DataFrame({"left": [], "right": [], "chance": [], "weight": [], "kind": []})
    held_back = pd.DataFrame({"customer_id": [], "group": [], "why": []}, dtype="object")
    return {
        "pairs": pairs.astype({"left": "object", "right": "object", "kind": "object"}),
        "keys": NO_KEYS,
        "held_back": held_back,
        "log": pd.DataFrame(columns=list(LOG), dtype="object"),
        "sources": pd.DataFrame(
            columns=["customer_key", "column", "record", "rule"], dtype="object"
        ),
        "not_followed": pd.DataFrame(columns=["review_id", "why"], dtype="object"),
        "model": pd.DataFrame({"version": [""]}),
    }


def as_delivered(customers: ir.Table, why_not: str) -> Identified:
    """Every record a customer by itself."""
    count = int(customers.count().to_pyarrow().as_py())
    return Identified(records=count, customers=count, why_not=why_not)


def curve(kind: str, chances: pd.Series) -> list[CurvePoint]:
    """What is to be expected at thresholds: of the pairs that tie the share that is right, and of
    the pairs that are the same the share that ties; both as the model tells them.
    """
    points = []
    for least in CURVE:
        tied = chances[chances >= least]
        if len(tied):
            points.append(
                CurvePoint(
                    kind=kind,
                    threshold=least,
                    pairs=len(tied),
                    precision=float(tied.mean()),
                    recall=float(tied.sum() / chances.sum()),
                )
            )
    return points


def _over_time(
    engine: Backend, customers: ir.Table, keys: pd.DataFrame, quarters: Sequence[Quarter]
) -> list[Counted]:
    second = keys.loc[keys["customer_id"] != keys["customer_key"], ["customer_id"]]
    table = engine.create_table(
        "identity__second", second.astype("string").assign(second=1), temp=True, overwrite=True
    )
    counted = []
    known = customers.select("customer_id", "branch_id", "since").left_join(table, "customer_id")
    for quarter in quarters:
        there = known.filter(known.since.isnull() | (known.since <= ibis.literal(quarter.end)))
        counts = there.group_by("branch_id").aggregate(
            records=there.count(), second=there.second.count()
        )
        counted += [
            Counted(quarter=str(quarter), **row)
            for row in counts.order_by("branch_id").to_pandas().to_dict("records")
        ]
    return counted


def _said(customers: ir.Table, reviews: ir.Table | None) -> Said:
    if reviews is None:
        return Said({}, pd.DataFrame(columns=["review_id", "why"], dtype="object"))
    answers = reviews.to_pandas()
    asked = pd.concat([answers["record"], answers["other_record"]]).unique().tolist()
    there = customers.filter(_.customer_id.isin(asked or [""])).customer_id.to_pandas()
    return said_by_reviewers(answers, set(there))


def _marks(engine: Backend, records: str, kind: str) -> str:
    name = f"identity__marks_{kind}"
    engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT customer_id, mark FROM {records}"
    )
    return name


def _all_marks(engine: Backend, marks: list[str]) -> ir.Table:
    union = " UNION ALL ".join(f"FROM {name}" for name in marks)
    engine.raw_sql(f"CREATE OR REPLACE TEMP TABLE identity__marks AS {union}")
    return engine.table("identity__marks")


def _pairs(
    engine: Backend,
    records: str,
    kind: Kind,
    model: KindModel,
    marks_before: ir.Table | None,
    kept: pd.DataFrame | None,
) -> tuple[pd.DataFrame, int]:
    """Every pair with a chance of `LEAST_KEPT` or more, and how many were compared now."""
    table = with_model(engine, records, kind, model)
    changed = None
    if marks_before is not None:
        engine.create_table("identity__before", marks_before, temp=True, overwrite=True)
        changed = "identity__changed"
        engine.raw_sql(
            f"CREATE OR REPLACE TEMP TABLE {changed} AS SELECT customer_id FROM {records} "
            "ANTI JOIN identity__before USING (customer_id, mark)"
        )
    to_compare = pairs_to_compare(engine, table, model, changed)
    count = engine.raw_sql(f"SELECT count(*) FROM {to_compare}").fetchall()[0][0]
    pairs = scored(engine, table, to_compare, kind, model, LEAST_KEPT)
    if kept is not None and changed is not None:
        there = engine.raw_sql(
            f"SELECT customer_id FROM {records} ANTI JOIN {changed} USING (customer_id)"
        ).fetchdf()["customer_id"]
        of_kind = kept[kept["kind"] == kind.name].drop(columns="kind")
        still = of_kind["left"].isin(there) & of_kind["right"].isin(there)
        known = of_kind.loc[still, pairs.columns]
        pairs = pd.concat([known, pairs], ignore_index=True) if len(known) else pairs
    pairs = pairs.drop_duplicates(["left", "right"])
    return pairs.sort_values(["left", "right"], ignore_index=True), int(count)


def _groups(
    engine: Backend,
    records: str,
    kind: Kind,
    model: KindModel,
    pairs: pd.DataFrame,
    least: float,
    settings: Identification,
    said: Said,
) -> Groups:
    asked = {record for pair in said.pairs for record in pair}
    ids = asked | set(pairs["left"]) | set(pairs["right"])
    engine.create_table(
        "identity__tied",
        pd.DataFrame({"customer_id": sorted(ids)}, dtype="string"),
        temp=True,
        overwrite=True,
    )
    facts = engine.raw_sql(
        f"SELECT r.* FROM {records} r SEMI JOIN identity__tied USING (customer_id)"
    ).fetchdf()
    of_kind = set(facts["customer_id"])
    answers = {pair: same for pair, same in said.pairs.items() if of_kind.issuperset(pair)}
    ties = pairs[pairs["chance"] >= least]
    same = pd.DataFrame([p for p, yes in answers.items() if yes], columns=["left", "right"])
    tied = pd.concat([ties[["left", "right"]], same], ignore_index=True)
    if tied.empty:
        nothing = pd.DataFrame(columns=["customer_id", "group"], dtype="object")
        return Groups(nothing, nothing.assign(why=pd.Series(dtype="object")))
    missing = pairs_not_compared(connected(tied), pairs)
    weighed = pairs
    if len(missing):
        engine.create_table(
            "identification_pairs", missing.assign(match_key="0"), temp=True, overwrite=True
        )
        table = with_model(engine, records, kind, model)
        more = scored(engine, table, "identification_pairs", kind, model)
        weighed = pd.concat([pairs, more], ignore_index=True)
    return grouped(weighed, least, facts.set_index("customer_id"), settings.contradictions, answers)


def _summary(
    name: str,
    count: int,
    model: KindModel,
    pairs: pd.DataFrame,
    least: float,
    groups: Groups,
    compared: int,
) -> IdentifiedKind:
    tied = pairs[pairs["chance"] >= least]
    expected = float(pairs["chance"].sum())
    return IdentifiedKind(
        kind=name,
        records=count,
        compared_by=model.known,
        compared=compared,
        threshold=least,
        tied=len(tied),
        precision=float(tied["chance"].mean()) if len(tied) >= FEWEST_TIES else None,
        recall=float(tied["chance"].sum()) / expected if len(tied) >= FEWEST_TIES else None,
        in_groups=len(groups.members),
        groups=groups.members["group"].nunique(),
        held_back=groups.held_back["group"].nunique(),
    )


def _records(engine: Backend, customers: ir.Table, ids: pd.Series) -> pd.DataFrame:
    wanted = engine.create_table(
        "identity__wanted",
        pd.DataFrame({"customer_id": ids.astype("string")}),
        temp=True,
        overwrite=True,
    )
    return customers.semi_join(wanted, "customer_id").order_by("customer_id").to_pandas()


def _present(engine: Backend, customers: ir.Table, ids: pd.Series) -> set[str]:
    if ids.empty:
        return set()
    return set(_records(engine, customers.select("customer_id"), ids)["customer_id"])


def _keys_before(
    engine: Backend,
    marks: ir.Table | None,
    before: Mapping[str, pd.DataFrame] | None,
    grouped_now: pd.Series,
) -> pd.DataFrame:
    """The key that records bore last time: of those that were not a customer by themselves, and of
    those that are none now (each bore its own id).
    """
    if marks is None or before is None:
        return NO_KEYS
    keys: pd.DataFrame = before["keys"]
    there = _present(engine, marks, grouped_now) - set(keys["customer_id"])
    alone = pd.DataFrame({"customer_id": sorted(there), "customer_key": sorted(there)})
    return pd.concat([keys, alone.astype("object")], ignore_index=True)
