"""The records of customers as they can be compared: names, numbers and addresses written alike."""

import re
from collections.abc import Callable

import pandas as pd

from analysis.identification.addresses import place_and_street
from analysis.identification.firms import firm_core
from analysis.identification.names import name_parts, written_alike

#: What records are compared by; all text, None where nothing is known. latin: the parts of a
#: person's name in Latin letters and in alphabetical order, what is particular in the name of a
#: firm. born: year, month and day as eight digits.
COLUMNS = (
    "customer_id",
    "latin",
    "family",
    "given",
    "born",
    "sex",
    "phone",
    "email",
    "document",
    "place",
    "street",
    "house",
)
#: Columns of the contract's table that they are made of.
DELIVERED = (
    "customer_id",
    "customer_type",
    "name",
    "born_on",
    "sex",
    "phone",
    "email",
    "document_hash",
    "registration_number",
    "region",
    "address",
)
_NO_DIGIT = re.compile(r"\D+")
#: What stands for "not known" in the systems of banks.
NOT_KNOWN = frozenset(
    (
        "客户 测试 测试客户 未知 不详 无 先生 女士 "
        "test tester unknown customer none null nan na n/a xxx"
    ).split()
)


def comparable(customers: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The records of a kind of customers as they can be compared: the columns `COLUMNS`.

    customers: rows of the contract's table, a row a record; columns that are not there are taken
    for not known.
    """
    rows = customers[customers["customer_type"] == kind]
    told = pd.DataFrame({"customer_id": rows["customer_id"].astype(str)}).reset_index(drop=True)

    def alike(column: str, written: Callable[[str], str]) -> pd.Series:
        if column not in rows:
            return pd.Series("", index=told.index, dtype=object)
        texts = rows[column].fillna("").astype(str).reset_index(drop=True)
        known = {text: written(text) for text in texts.unique()}
        return texts.map(known)

    if kind == "personal":
        parts = alike("name", lambda name: "\t".join(_person(name))).str.split("\t")
        for place, column in enumerate(("latin", "family", "given")):
            told[column] = parts.str[place]
        told["document"] = alike("document_hash", written_alike)
        told["sex"] = alike("sex", str)
    else:
        told["latin"] = alike("name", firm_core)
        told[["family", "given", "sex"]] = ""
        told["document"] = alike("registration_number", written_alike)
    dates = pd.to_datetime(rows["born_on"], errors="coerce").reset_index(drop=True)
    told["born"] = dates.dt.strftime("%Y%m%d").fillna("")
    told["phone"] = alike("phone", phone_number)
    told["email"] = alike("email", written_alike)
    told["place"] = alike("region", written_alike)
    homes = alike("address", lambda text: "\t".join(place_and_street(text)))
    told["street"] = homes.str.split("\t").str[0]
    told["house"] = homes.str.replace("\t", " ").str.strip()
    told = told[list(COLUMNS)].astype(object)
    return told.where(told.notna() & (told != ""), None)


def _person(name: str) -> tuple[str, str, str]:
    written, family, given = name_parts(name)
    if written in NOT_KNOWN or not family:
        return "", "", ""
    return " ".join(sorted(p for p in (family, given) if p)), family, given


def phone_number(text: str) -> str:
    """The last eleven digits of a telephone number; empty where there are fewer than seven."""
    digits = _NO_DIGIT.sub("", written_alike(text))
    return digits[-11:] if len(digits) >= 7 and len(set(digits)) > 1 else ""
