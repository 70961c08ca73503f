"""Which records are one customer, how sure that is, and what people have to look at. Results in,
tables out.
"""

import math

import pandas as pd

from analysis.identification.compared import KINDS
from analysis.identification.fitted import Identified, IdentityModel
from analysis.identification.records import (
    HELD_BACK,
    MERGED,
    MERGED_INTO,
    SPLIT_OFF,
    TO_REVIEW,
)
from analysis.identification.words import label
from analysis.language import listed, say, sentences
from analysis.partition import ALL

#: Records that are one customer: column to its type. customer_key: the id that the customer bears.
MERGED_RECORDS = {
    "customer_key": "str",
    "record": "str",
    "other_record": "str",
    "chance": "float",
    "reasons": "str",
}
#: Pairs that people have to look at; `same`, `decided_on` and `staff_id` are filled in and come
#: back as rows of `identity_reviews`.
REVIEWS = {
    "review_id": "str",
    "record": "str",
    "other_record": "str",
    "chance": "float",
    "reasons": "str",
    "same": "str",
    "decided_on": "str",
    "staff_id": "str",
}
#: The same of groups that are held back, with why.
HELD = {**REVIEWS, "why": "str"}
#: What happened to keys: column to its type.
KEY_CHANGES = {"happened_on": "str", "customer_key": "str", "what": "str", "other_key": "str"}
#: What agreement tells. of_same, of_others: share of the pairs of one customer, and of two, that
#: agree so. origin: whether the first is learnt, or stated because too few such pairs were seen.
#: adds: to the log2 of the odds.
EVIDENCE = {
    "kind": "str",
    "compared": "str",
    "grade": "str",
    "of_same": "float",
    "origin": "str",
    "of_others": "float",
    "adds": "float",
}
#: How records were compared, a row a kind of customers.
COMPARED = {
    "kind": "str",
    "records": "int",
    "pairs": "int",
    "threshold": "float",
    "tied": "int",
    "precision": "float",
    "recall": "float",
    "held_back": "int",
}


def in_words(reasons: str) -> str:
    """What the comparison of two records found, such as `Name: the same (+7.6)`."""
    parts = [part.split(":") for part in reasons.split()]
    return listed(
        [
            say("{column}: {grade} ({weight})").format(
                column=label(column),
                grade=label(grade),
                weight=weight.replace("-", "\N{MINUS SIGN}"),
            )
            for column, grade, weight in parts
        ]
    )


def merged(records: pd.DataFrame) -> pd.DataFrame:
    """The records that bear the id of another: the columns `MERGED_RECORDS`."""
    told = _of_state(records, MERGED)
    told = told.assign(reasons=told["reasons"].fillna("").map(in_words))
    return told[list(MERGED_RECORDS)]


def to_review(records: pd.DataFrame) -> pd.DataFrame:
    """The pairs to look at, the likeliest first: the columns `REVIEWS`."""
    return _asked(_of_state(records, TO_REVIEW))[list(REVIEWS)]


def held_back(records: pd.DataFrame) -> pd.DataFrame:
    """The pairs of groups that are not taken for one customer: the columns `HELD`."""
    told = _of_state(records, HELD_BACK)
    return _asked(told).assign(why=told["why"].map(label))[list(HELD)]


def _of_state(records: pd.DataFrame, state: str) -> pd.DataFrame:
    own = records[records["state"] == state].rename(columns={"customer_id": "record"})
    return own.reset_index(drop=True)


def _asked(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.assign(
        review_id=pairs["record"] + "-" + pairs["other_record"],
        reasons=pairs["reasons"].map(in_words),
        same="",
        decided_on="",
        staff_id="",
    )


def key_changes(records: pd.DataFrame) -> pd.DataFrame:
    """What happened to keys of customers so far, the latest first: the columns `KEY_CHANGES`."""
    told = records[records["state"].isin([MERGED_INTO, SPLIT_OFF])]
    told = told.rename(columns={"why": "happened_on", "other_record": "other_key"})
    told = told.assign(what=told["state"].map(label))
    order = ["happened_on", "customer_key", "other_key"]
    return told.sort_values(order, ascending=[False, True, True])[list(KEY_CHANGES)]


def steps_of(reasons: str) -> pd.DataFrame:
    """The comparison of two records step by step: `compared`, `grade`, `adds`."""
    parts = [part.split(":") for part in reasons.split()]
    return pd.DataFrame(
        [(column, grade, float(weight)) for column, grade, weight in parts],
        columns=["compared", "grade", "adds"],
    )


def first_to_look_at(records: pd.DataFrame, branch: str) -> tuple[pd.DataFrame, str, str]:
    """The comparison of the pair to look at first, and its records; nothing for the whole bank,
    whose page names no customer.
    """
    asked = records[records["state"].isin([TO_REVIEW, HELD_BACK])]
    if branch == ALL or asked.empty:
        return steps_of(""), "", ""
    first = asked.sort_values(["chance", "customer_id"], ascending=[False, True]).iloc[0]
    return steps_of(first["reasons"]), first["customer_id"], first["other_record"]


def evidence(model: IdentityModel) -> pd.DataFrame:
    """What agreement in each column tells, as it was learnt: the columns `EVIDENCE`."""
    rows = []
    for kind, learnt in model.kinds.items():
        comparisons = {c.column: c for c in KINDS[kind].comparisons}
        for told in learnt.settings["comparisons"]:
            comparison = comparisons[told["output_column_name"]]
            levels = [g for g in told["comparison_levels"] if not g.get("is_null_level")]
            words = [*[g.word for g in comparison.grades], "different"]
            stated = learnt.stated.get(comparison.column, [])
            for place, (level, word) in enumerate(zip(levels, words, strict=True)):
                same, others = level["m_probability"], level["u_probability"]
                origin = "stated" if place in stated else "learnt"
                adds = math.log2(same / others)
                rows.append((kind, comparison.column, word, same, origin, others, adds))
    return pd.DataFrame(rows, columns=list(EVIDENCE))


def compared(told: Identified) -> pd.DataFrame:
    """How records were compared: the columns `COMPARED`."""
    rows = [
        (
            k.kind,
            k.records,
            k.compared,
            k.threshold,
            k.tied,
            k.precision,
            k.recall,
            k.held_back,
        )
        for k in told.kinds
    ]
    return pd.DataFrame(rows, columns=list(COMPARED))


def not_compared(told: Identified) -> str:
    """Why records were not compared; empty where they were."""
    if told.why_not == "off":
        return say("`identification.used` is off in the params file: every record is a customer")
    if told.why_not:
        return say("too few records, or too little in them, to learn how far agreement tells")
    return ""


def assumptions(told: Identified) -> str:
    """What the figures rest on, and what breaks them."""
    return sentences(
        say(
            "Precision and recall are those that the model expects, not measured ones: it takes "
            "what is compared to agree by chance independently. Relatives at one address break "
            "that, so that groups with two documents, sexes or dates of birth are held back."
        ),
        say("What reviewers said of a pair is obeyed from the next preparation on."),
        _not_followed(told),
    )


def _not_followed(told: Identified) -> str:
    if not told.not_followed:
        return ""
    text = say("Answers of reviewers that are not followed: {answers}.")
    return text.format(
        answers=listed([f"{label(why)} ({n:,})" for why, n in told.not_followed.items()])
    )
