"""Identification on records with known answers: precision and recall of pairs, time and memory.

python benchmarks/identification.py [--public ../shared/data] [--records 1000000] [--seeds 5]
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.contract.tables import CUSTOMERS
from analysis.demo.bank import make_bank
from analysis.identification.compared import KINDS, PERSONS
from analysis.identification.fitted import IdentityModel
from analysis.identification.identify import Found, identify
from analysis.identification.matching import (
    pairs_to_compare,
    put,
    trained,
    with_model,
)
from analysis.sources.params import Identification

DAY = pd.Timestamp("2025-01-05").date()


@dataclass(frozen=True)
class Pairs:
    """How pairs of records that are taken for one customer compare with the truth."""

    right: int
    taken: int
    true: int

    @property
    def precision(self) -> float:
        """Share of those taken that are right."""
        return self.right / self.taken if self.taken else 0.0

    @property
    def recall(self) -> float:
        """Share of the true ones that are taken."""
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.right / (self.taken + self.true) if self.taken + self.true else 0.0

    def __str__(self) -> str:
        return f"F1 {self.f1:.4f}, precision {self.precision:.4f}, recall {self.recall:.4f}"


def as_contract(rows: pd.DataFrame) -> pd.DataFrame:
    """Records with all columns of the contract."""
    return rows.reindex(columns=[c.name for c in CUSTOMERS.columns])


def found_in(rows: pd.DataFrame, settings: Identification | None = None) -> Found:
    """What identification finds of records, learnt from them."""
    engine = ibis.duckdb.connect(threads=1)
    table = engine.create_table("customers", as_contract(rows), schema=CUSTOMERS.schema)
    learnt = {name: trained(engine, put(engine, table, kind), kind) for name, kind in KINDS.items()}
    model = IdentityModel(trained_until=None, kinds={n: made for n, made in learnt.items() if made})
    return identify(engine, table, None, model, settings or Identification(contradictions=[]), DAY)


def judged(found: Found, person: Mapping[str, Any]) -> Pairs:
    """person: record to who it is."""
    taken = {
        pair
        for _key, ids in found.keys.groupby("customer_key")["customer_id"]
        for pair in combinations(sorted(ids), 2)
    }
    sizes = pd.Series(person).value_counts()
    right = sum(person[a] == person[b] for a, b in taken)
    return Pairs(right, len(taken), int((sizes * (sizes - 1) // 2).sum()))


def persons(rows: pd.DataFrame) -> Pairs:
    """Splink's made-up persons with typos: `fake_1000.csv`."""
    records = pd.DataFrame(
        {
            "customer_id": rows["unique_id"].str.zfill(5),
            "customer_type": "personal",
            "branch_id": "B1",
            "name": (rows["first_name"].fillna("") + " " + rows["surname"].fillna("")).str.strip(),
            "born_on": pd.to_datetime(rows["dob"], errors="coerce").dt.date,
            "email": rows["email"],
            "region": rows["city"],
        }
    )
    truth = dict(zip(records["customer_id"], rows["cluster"], strict=True))
    return judged(found_in(records), truth)


def febrl(path: Path) -> pd.DataFrame:
    """Records of FEBRL as customers."""
    rows = pd.read_csv(path, dtype=str, skipinitialspace=True)
    rows.columns = rows.columns.str.strip()
    rows = rows.apply(lambda column: column.str.strip())
    known = rows.fillna("")
    born = pd.to_datetime(rows["date_of_birth"], format="%Y%m%d", errors="coerce")
    return pd.DataFrame(
        {
            "customer_id": rows["rec_id"],
            "customer_type": "personal",
            "branch_id": "B1",
            "name": (known["given_name"] + " " + known["surname"]).str.strip(),
            "born_on": born.dt.date,
            "document_hash": rows["soc_sec_id"],
            "region": known["postcode"] + " " + known["suburb"],
            "address": known["street_number"] + " " + known["address_1"] + " " + known["address_2"],
        }
    )


def linked_systems(*systems: pd.DataFrame) -> Pairs:
    """Records of several systems, put together."""
    records = pd.concat(systems, ignore_index=True)
    person = records["customer_id"].str.split("-").str[1]
    return judged(found_in(records), dict(zip(records["customer_id"], person, strict=True)))


def short_names(firms: list[dict[str, str]]) -> dict[str, float]:
    """Share of firms whose registered name is the first hit of the short one: each by itself, and
    given once at most.
    """
    from analysis.identification.firms import assigned, likeness

    short, registered = [f["name"] for f in firms], [f["fullname"] for f in firms]
    alike = likeness(short, registered)
    hits = {"by itself": alike.argmax(axis=1).tolist(), "one to one": assigned(alike)}
    return {
        way: float(np.mean([registered[h] == r for h, r in zip(hit, registered, strict=True)]))
        for way, hit in hits.items()
    }


def demo_banks(seeds: int) -> None:
    """Second records planted in the demo bank, by the script of the name and what was changed."""
    told = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as place:
            make_bank(Path(place) / "bank", 5000, seed)
            customers = pd.read_parquet(Path(place) / "bank" / "customers")
            truth = pd.read_parquet(Path(place) / "bank" / "truth" / "duplicates")
        rows = customers.drop_duplicates("customer_id")
        rows = rows[~rows["customer_id"].str.startswith("bad_")]
        found = found_in(rows, Identification())
        key = found.keys.set_index("customer_id")["customer_key"]
        names = rows.set_index("customer_id")["name"]
        for record, person, changed in truth.itertuples(index=False):
            right = record in key.index and key[record] == key.get(person)
            told.append((script(names[person]), changed, right))
        pairs = judged(
            found,
            {c: c for c in rows["customer_id"]}
            | dict(zip(truth["customer_id"], truth["person"], strict=True)),
        )
        print(f"| demo bank, seed {seed} | {pairs} |")
    all_told = pd.DataFrame(told, columns=["script", "changed", "found"])
    print(all_told.groupby("script")["found"].agg(["mean", "size"]).to_string())
    for change in ("document_hash", "phone", "address", "born_on", "name"):
        of_change = all_told[all_told["changed"].str.contains(change)]
        print(f"changed {change}: recall {of_change['found'].mean():.4f} of {len(of_change)}")


def script(name: str) -> str:
    """chinese, latin, or mixed."""
    chinese = any("\u3400" <= c <= "\u9fff" for c in name)
    latin = any(c.isascii() and c.isalpha() for c in name)
    return "mixed" if chinese and latin else "chinese" if chinese else "latin"


def many(records: int) -> None:
    """Time and memory of a bank of so many records, a tenth of them second ones."""
    rows, person = made(records)
    engine = ibis.duckdb.connect()
    table = engine.create_table("customers", rows, schema=CUSTOMERS.schema)
    started = time.monotonic()
    put_in = put(engine, table, PERSONS)
    model = trained(engine, put_in, PERSONS)
    assert model is not None
    learnt = time.monotonic()
    compared = with_model(engine, put_in, PERSONS, model)
    pairs = pairs_to_compare(engine, compared, model)
    second = pd.DataFrame(person, columns=["a", "b"])
    engine.create_table("truth", second, overwrite=True)
    blocked = engine.raw_sql(
        f"SELECT count(*) FROM truth t JOIN {pairs} p "
        "ON p.join_key_l = least(t.a, t.b) AND p.join_key_r = greatest(t.a, t.b)"
    ).fetchall()[0][0]
    identity = IdentityModel(trained_until=None, kinds={"personal": model})
    began = time.monotonic()
    found = identify(engine, table, None, identity, Identification(), DAY)
    done = time.monotonic()
    truth = {a: a for a in rows["customer_id"]} | {b: a for a, b in person}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {records:,} records | learnt in {learnt - started:.0f} s, identified in "
        f"{done - began:.0f} s, {memory:.1f} GiB | blocking finds {blocked / len(person):.4f} | "
        f"{judged(found, truth)} |"
    )


def made(records: int) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Persons with names as frequent as in life, every tenth record a second one with one to three
    changes; and which are the same.
    """
    rng = np.random.default_rng(1)
    second = records // 11
    count = records - second
    characters = np.array(
        list(
            "伟芳娜敏静强磊洋艳勇军杰娟涛明超霞平刚华玉兰英建国文志红海林春梅桂晓雪峰波宇浩欣怡子轩梓涵"
        )
    )
    families = np.array(
        list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕")
    )
    weights = 1 / np.arange(1, len(families) + 1)
    family = rng.choice(families, count, p=weights / weights.sum())
    given = np.char.add(rng.choice(characters, count), rng.choice(characters, count))
    rows = pd.DataFrame(
        {
            "customer_id": [f"C{i:08d}" for i in range(count)],
            "customer_type": "personal",
            "branch_id": "B1",
            "name": np.char.add(family, given),
            "born_on": (np.datetime64("1945-01-01") + rng.integers(0, 22_000, count)).astype(
                object
            ),
            "sex": rng.choice(["female", "male"], count),
            "phone": np.char.add("1", rng.integers(10**9, 10**10, count).astype(str)),
            "address": [
                f"{d}路{n}号"
                for d, n in zip(
                    rng.choice(characters, count), rng.integers(1, 9999, count), strict=True
                )
            ],
            "document_hash": np.char.add("h", rng.integers(10**11, 10**12, count).astype(str)),
            "since": (np.datetime64("2000-01-01") + rng.integers(0, 9000, count)).astype(object),
        }
    )
    chosen = np.sort(rng.choice(count, second, replace=False))
    twice = rows.iloc[chosen].copy()
    person = [(f"C{i:08d}", f"D{i:08d}") for i in chosen]
    twice["customer_id"] = [b for _a, b in person]
    new_phone, no_document, moved, slip = (
        rng.random(second) < share for share in (0.5, 0.5, 0.3, 0.1)
    )
    twice.loc[new_phone, "phone"] = [f"1{n}" for n in rng.integers(10**9, 10**10, new_phone.sum())]
    twice.loc[no_document, "document_hash"] = None
    twice.loc[moved, "address"] = [f"新{n}路1号" for n in range(moved.sum())]
    twice.loc[slip, "name"] = twice.loc[slip, "name"].str[:2]
    return as_contract(pd.concat([rows, twice], ignore_index=True)), person


def main() -> None:
    """Print every figure."""
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--public", type=Path, default=Path("../shared/data"))
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--seeds", type=int, default=5)
    given = options.parse_args()
    public = given.public
    if (public / "entity").exists():
        rows = pd.read_csv(public / "entity" / "fake_1000.csv", dtype=str)
        print(f"| fake_1000 | {persons(rows)} |")
        systems = [febrl(public / "entity" / f"febrl4{part}.csv") for part in "ab"]
        print(f"| febrl4a and b | {linked_systems(*systems)} |")
    if (names := public / "company-names-zh" / "company.json").exists():
        firms = [json.loads(line) for line in names.read_text(encoding="utf-8").splitlines()]
        for way, share in short_names(firms).items():
            print(f"| short name to registered name, {way} | {share:.4f} of {len(firms):,} |")
    demo_banks(given.seeds)
    many(given.records)


if __name__ == "__main__":
    main()
