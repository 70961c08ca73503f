"""Customers of the demo bank who are recorded twice: written otherwise, with other details."""

from datetime import date

import numpy as np
import pyarrow as pa

from analysis.demo.people import END

SHARE = 0.03  # of the customers
FIRST_NUMBER = 90_000_000  # of the second records
#: How the names of the demo bank are written in Latin letters.
IN_LATIN = {
    "王": "Wang", "李": "Li", "张": "Zhang", "刘": "Liu", "陈": "Chen", "杨": "Yang", "赵": "Zhao",
    "黄": "Huang", "伟": "Wei", "芳": "Fang", "娜": "Na", "秀英": "Xiuying", "敏": "Min",
    "静": "Jing", "强": "Qiang", "磊": "Lei", "洋": "Yang",
}  # fmt: skip
#: Column to how often it differs in the second record, and how.
DIFFERENT = {
    "document_hash": 0.65,  # empty
    "phone": 0.6,  # another number, or one digit
    "address": 0.55,  # moved, or written otherwise
    "born_on": 0.2,  # day and month swapped, or a digit
    "name": 0.5,  # in Latin letters, in the other order, in full width, or with a slip
}


def with_duplicates(
    rng: np.random.Generator, customers: pa.Table, holders: pa.Table, first: int
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The customers with second records of some persons, the holders of accounts (some second
    accounts are held under the second number), and the truth: `customer_id`, `person`, `changed`.
    """
    rows = customers.to_pandas()
    persons = np.flatnonzero((rows["customer_type"] == "personal").to_numpy())
    chosen = np.sort(rng.choice(persons, int(SHARE * len(rows)), replace=False))
    twice = rows.iloc[chosen].copy()
    originals = twice["customer_id"].tolist()
    twice["customer_id"] = [f"C{FIRST_NUMBER + first + i:08d}" for i in chosen]
    changed = {column: rng.random(len(twice)) < share for column, share in DIFFERENT.items()}
    ways = rng.random((len(twice), len(DIFFERENT)))
    for place, (column, differs) in enumerate(changed.items()):
        twice[column] = [
            _otherwise(rng, column, value, way) if yes else value
            for value, yes, way in zip(twice[column], differs, ways[:, place], strict=True)
        ]
    since = np.array(twice["since"], dtype="datetime64[D]")
    left = np.maximum((END - since).astype(int), 1)
    twice["since"] = since + (rng.random(len(twice)) * left).astype(int)
    elsewhere = rng.random(len(twice)) < 0.2
    others = rng.permutation(twice["branch_id"].to_numpy())
    twice["branch_id"] = np.where(elsewhere, others, twice["branch_id"])
    twice["consent"] = twice["consent"].astype(bool) & (rng.random(len(twice)) < 0.9)
    added = pa.Table.from_pandas(twice, schema=customers.schema, preserve_index=False)
    truth = pa.table(
        {
            "customer_id": pa.array(twice["customer_id"], pa.string()),
            "person": pa.array(originals, pa.string()),
            "changed": pa.array(
                [" ".join(c for c in DIFFERENT if changed[c][i]) for i in range(len(twice))],
                pa.string(),
            ),
        }
    )
    second = dict(zip(originals, twice["customer_id"], strict=True))
    return pa.concat_tables([customers, added]), _second_accounts(holders, second), truth


def reviews(rng: np.random.Generator, twice: pa.Table, first: int) -> pa.Table:
    """What reviewers said of a few pairs of a chunk: that two are one, and one is not.

    twice: second records and their persons, as `with_duplicates` gives them.
    """
    chosen = np.sort(rng.choice(len(twice), min(3, len(twice)), replace=False))
    records, persons = twice["customer_id"].to_pylist(), twice["person"].to_pylist()
    text = pa.string()
    return pa.table(
        {
            "review_id": pa.array([f"I{first + i:08d}" for i in chosen], text),
            "record": pa.array([records[i] for i in chosen], text),
            # the last is compared with somebody else
            "other_record": pa.array(
                [persons[i] for i in [*chosen[:2], *chosen[:1]]][: len(chosen)], text
            ),
            "same": pa.array([True, True, False][: len(chosen)]),
            "decided_on": pa.array([END.astype("datetime64[D]").item()] * len(chosen), pa.date32()),
            "staff_id": pa.array([None] * len(chosen), text),
        }
    )


def _second_accounts(holders: pa.Table, second: dict[str, str]) -> pa.Table:
    """Savings accounts of those recorded twice are held under the second number."""
    owners = holders["customer_id"].to_pylist()
    odd = [int(a[1:]) % 2 == 1 for a in holders["account_id"].to_pylist()]
    held_by = [second.get(o, o) if savings else o for o, savings in zip(owners, odd, strict=True)]
    at = holders.column_names.index("customer_id")
    return holders.set_column(at, "customer_id", pa.array(held_by, pa.string()))


def _otherwise(rng: np.random.Generator, column: str, value: object, way: float) -> object:
    if column == "document_hash" or value is None:
        return None
    if column == "phone":
        text = str(value)
        if way < 0.3:
            at = 4 + int(way * 20)
            return f"{text[:at]}{(int(text[at]) + 3) % 10}{text[at + 1 :]}"
        return f"1{rng.integers(10**9, 10**10)}"
    if column == "address":
        house, home = str(value).removeprefix("No. ").split(", ", 1)
        return f"{home} {house}" if way < 0.4 else f"No. {rng.integers(1, 999)}, {home}"
    if column == "born_on":
        assert isinstance(value, date)  # noqa: S101 - as the contract has it
        day = value
        if way < 0.5 and day.day <= 12:
            return day.replace(month=day.day, day=day.month)
        return day.replace(year=day.year - 1 if way < 0.75 else day.year + 1, day=min(day.day, 28))
    return _name_otherwise(str(value), way)


def _name_otherwise(name: str, way: float) -> str:
    parts = name.split(" ") if " " in name else [name[:1], name[1:]]
    latin = [IN_LATIN.get(p, p) for p in parts]
    if way < 0.4:
        return f"{latin[1]} {latin[0]}"
    if way < 0.6:
        return f"{latin[0]} {latin[1]}".upper()
    if way < 0.8:
        wide = {c: c + 0xFEE0 for c in range(0x21, 0x7F)} | {0x20: 0x3000}
        return name.translate(wide) + "（先生）"
    return f"{latin[0]} {latin[1][:-1]}" if len(latin[1]) > 2 else f"{latin[0]} {latin[1]}"
