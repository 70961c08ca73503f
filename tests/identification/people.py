"""Made-up records of persons with known answers."""

import datetime as dt
import itertools

import ibis
import numpy as np
import pandas as pd

from analysis.contract.tables import CUSTOMERS
from analysis.identification.compared import KINDS
from analysis.identification.fitted import IdentityModel
from analysis.identification.identify import Found, identify
from analysis.identification.matching import put, trained
from analysis.sources.params import Identification

FAMILY = "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗".split()
GIVEN = "伟 芳 娜 敏 静 强 磊 洋 艳 勇 军 杰 娟 涛 明 超 霞 平 刚 华".split()
DAY = dt.date(2024, 7, 1)


def people(count: int, seed: int = 1) -> pd.DataFrame:
    """Persons, one record each, with the contract's columns."""
    rng = np.random.default_rng(seed)
    born = np.datetime64("1950-01-01") + rng.integers(0, 20_000, count)
    rows = pd.DataFrame(
        {
            "customer_id": [f"C{i:05d}" for i in range(count)],
            "customer_type": "personal",
            "branch_id": "B1",
            "name": [rng.choice(FAMILY) + "".join(rng.choice(GIVEN, 2)) for _ in range(count)],
            "born_on": pd.to_datetime(born).date,
            "sex": rng.choice(["female", "male"], count),
            "phone": [f"138{n:08d}" for n in rng.integers(0, 10**8, count)],
            "address": [
                f"杭州市西湖区文{rng.choice(list('一二三四五六'))}路{rng.integers(1, 999)}号"
                for _ in range(count)
            ],
            "document_hash": [f"h{n}" for n in rng.integers(10**9, 10**10, count)],
            "since": [dt.date(2010, 1, 1) + dt.timedelta(days=int(d)) for d in range(count)],
        }
    )
    return rows.reindex(columns=[c.name for c in CUSTOMERS.columns])


def with_second(rows: pd.DataFrame, every: int = 10) -> pd.DataFrame:
    """The same with a later second record of every tenth, without document, with another phone."""
    second = rows.iloc[::every].copy()
    second["customer_id"] = second["customer_id"].str.replace("C", "D")
    second["document_hash"] = None
    second["phone"] = [f"139{n:08d}" for n in range(len(second))]
    second["since"] = dt.date(2023, 1, 1)
    return pd.concat([rows, second], ignore_index=True)


class Bank:
    """Records in an engine, with what was learnt from them."""

    def __init__(self, rows: pd.DataFrame, **settings: object) -> None:
        self.engine = ibis.duckdb.connect(threads=1)
        self.settings = Identification(**settings)
        self.rows, self.numbers = rows, itertools.count()
        table = self._table(rows)
        learnt = {n: trained(self.engine, put(self.engine, table, k), k) for n, k in KINDS.items()}
        self.model = IdentityModel(
            trained_until=None, kinds={n: made for n, made in learnt.items() if made}
        )

    def _table(self, rows: pd.DataFrame) -> ibis.Table:
        return self.engine.create_table(
            f"customers_{next(self.numbers)}", rows, schema=CUSTOMERS.schema
        )

    def identified(
        self,
        rows: pd.DataFrame | None = None,
        reviews: list[tuple[str, str, bool]] = (),
        before: Found | None = None,
    ) -> Found:
        """What identification finds of the records, or of others by the same model."""
        answers = pd.DataFrame(
            [
                (f"R{i}", a, b, same, DAY + dt.timedelta(days=i), None)
                for i, (a, b, same) in enumerate(reviews)
            ],
            columns=["review_id", "record", "other_record", "same", "decided_on", "staff_id"],
        )
        marks = None
        if before is not None:
            name = f"before_{next(self.numbers)}"
            marks = self.engine.create_table(name, before.marks.to_pandas())
        table = self._table(self.rows if rows is None else rows)
        said = ibis.memtable(answers) if len(answers) else None
        return identify(
            self.engine,
            table,
            said,
            self.model,
            self.settings,
            DAY,
            (),
            marks,
            before.frames if before is not None else None,
        )


def customers_of(found: Found) -> set[frozenset[str]]:
    """The groups of records that are one customer."""
    return {frozenset(g) for _key, g in found.keys.groupby("customer_key")["customer_id"]}
