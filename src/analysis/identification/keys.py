"""Keys of customers that last: who bore a key goes on bearing it, and nobody else ever does."""

from collections.abc import Collection

import pandas as pd

#: What happened to a key: column to its type.
LOG = {
    "happened_on": "date",  # the day the data was taken
    "customer_key": "string",
    "what": "string",  # merged_into, split_off
    "other_key": "string",  # the key that goes on, or that it was split from
}


def with_heirs(
    groups: pd.DataFrame, before: pd.DataFrame, present: Collection[str]
) -> pd.DataFrame:
    """Groups, with a group of one for each record that is left alone with the key of one that is
    gone: it goes on bearing it. groups, before, present: as for `keyed`.
    """
    gone = ~before["customer_key"].isin(present) & before["customer_id"].isin(present)
    alone = before.loc[gone & ~before["customer_id"].isin(groups["customer_id"]), "customer_id"]
    heirs = pd.DataFrame({"customer_id": alone, "group": alone}, dtype="object")
    return pd.concat([groups, heirs], ignore_index=True)


def keyed(
    groups: pd.DataFrame, before: pd.DataFrame, since: pd.DataFrame, present: Collection[str]
) -> pd.DataFrame:
    """The key of every record that is not a customer by itself: `customer_id`, `customer_key`.

    groups: `customer_id`, `group`. before: the same columns as are returned, as they were last
    time. since: `customer_id`, `since` of the records in groups. present: of the records and keys
    before, those that are there still.

    A key is the id of a record. It stays with that record; where the record is gone, with most of
    those that shared it. A group in which several keys meet keeps the one of the customer who is
    with the bank longest, and so does a group without one.
    """
    old = dict(zip(before["customer_id"], before["customer_key"], strict=True))
    age = dict(zip(since["customer_id"], since["since"].fillna("9999-12-31"), strict=True))
    members = groups.groupby("group")["customer_id"].apply(list)
    shared: dict[str, dict[str, int]] = {}  # key whose record is gone: group to how many bore it
    for group, records in members.items():
        for record in records:
            key = old.get(record)
            if key is not None and key not in present:
                shared.setdefault(key, {})[group] = shared.get(key, {}).get(group, 0) + 1
    heirs = {key: min(by, key=lambda g: (-by[g], g)) for key, by in shared.items()}
    rows = []
    for group, records in members.items():
        own = [r for r in records if old.get(r, r) == r]  # records whose key is their own
        inherited = [key for key, heir in heirs.items() if heir == group]
        if inherited:
            key = min(inherited)
        else:
            borne = [r for r in own if r in old] or own or records
            key = min(borne, key=lambda r: (age.get(r, "9999-12-31"), r))
        rows += [(record, key) for record in records]
    return pd.DataFrame(rows, columns=["customer_id", "customer_key"], dtype="object")


def changes(before: pd.DataFrame, now: pd.DataFrame, day: str) -> pd.DataFrame:
    """What happened to keys between two times, as rows of `LOG`. Both: `customer_id`,
    `customer_key`, of the records that were there both times and are not a customer by themselves
    in one of them.
    """
    both = before.merge(now, on="customer_id", how="outer", suffixes=("_before", "_now"))
    for time in ("before", "now"):
        column = f"customer_key_{time}"
        both[column] = both[column].fillna(both["customer_id"])
    moved = both[both["customer_key_before"] != both["customer_key_now"]]
    rows = []
    for old, of_old in both.groupby("customer_key_before"):
        keys = set(of_old["customer_key_now"])
        if keys == {old} or old not in set(moved["customer_key_before"]):
            continue
        for new in sorted(keys - {old}):
            what = "split_off" if old in keys or len(keys) > 1 else "merged_into"
            rows.append((day, new, what, old) if what == "split_off" else (day, old, what, new))
    return pd.DataFrame(rows, columns=list(LOG), dtype="object")
