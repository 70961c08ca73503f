"""From the bank's tables to what customers wrote, with its themes, and to what they have been
through and how they felt.
"""

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from analysis.quarters import Quarter
from analysis.sources.land import accepted_path
from analysis.sources.params import Bank
from analysis.steps.readings import files_of, mart_reading
from analysis.voice.comments import (
    CHINESE,
    ENGLISH,
    MOST_TEXTS,
    NAMED_BY,
    cleaned,
    fit_themes,
    language_of,
    theme_weights,
    without_identity,
    words,
    words_of_low_scores,
)

SURVEY, COMPLAINT = "survey", "complaint"
TEXT_COLUMNS = ["text_id", "customer_id", "branch_id", "said_in", "source", "score", "name", "text"]
THEMED = [
    "text_id",
    "branch_id",
    "customer_id",
    "said_in",
    "source",
    "score",
    "language",
    "theme",
    "theme_weight",
    "quotation",
]
HAPPY_SCORE = 75
SHOWN_QUARTERS = 5
MOST_READ = 100_000


def read_texts(bank: Bank, con: Backend, known: list[Quarter]) -> pd.DataFrame:
    """Comments of questionnaires, with the index of the questionnaire as `score`, and complaints,
    of the last quarters that a page
    shows: the columns TEXT_COLUMNS, of each kind at most 100,000, chosen by the hash of their
    identifier. Personal text and
    names: nothing of it leaves before `without_identity`."""
    known = known[-SHOWN_QUARTERS:]
    start, end = ibis.literal(known[0].start), ibis.literal(known[-1].end)
    tables = {
        n: con.read_parquet(str(accepted_path(bank, n)), hive_partitioning=False)
        for n in ("customers", "surveys", "complaints")
        if accepted_path(bank, n).exists()
    }
    customers = tables["customers"].select("customer_id", "branch_id", "name")
    found = []
    if "surveys" in tables:
        said = tables["surveys"].filter(_.comment.notnull() & _.answered_on.between(start, end))
        said = said.select(
            text_id="survey_id", customer_id="customer_id", on="answered_on", text="comment"
        )
        files = [
            str(f)
            for q in known
            for f in files_of(bank.data_folder, mart_reading("survey_index", q))
        ]
        if files:
            index = con.read_parquet(files, hive_partitioning=False).select(
                "survey_id", score="index"
            )
            said = said.left_join(index, said.text_id == index.survey_id).drop("survey_id")
        else:
            said = said.mutate(score=ibis.null("float64"))
        found.append(said.mutate(source=ibis.literal(SURVEY)))
    if "complaints" in tables:
        said = tables["complaints"].filter(_.text.notnull() & _.received_on.between(start, end))
        said = said.select(
            text_id="complaint_id", customer_id="customer_id", on="received_on", text="text"
        )
        found.append(said.mutate(score=ibis.null("float64"), source=ibis.literal(COMPLAINT)))
    rows = [
        t.join(customers, "customer_id")
        .order_by([_.text_id.hash(), _.text_id])
        .limit(MOST_READ)
        .to_pandas()
        for t in found
    ]
    if not sum(map(len, rows)):
        return pd.DataFrame(columns=TEXT_COLUMNS)
    texts = pd.concat([r for r in rows if len(r)], ignore_index=True)
    texts["said_in"] = [str(Quarter.of(d)) for d in pd.to_datetime(texts["on"]).dt.date]
    return texts[TEXT_COLUMNS]


def with_themes(texts: pd.DataFrame, low_score: float) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Every text with its language and theme, and what is known of the themes and of the words that
    go with low scores.

    Returns the texts as THEMED, with what says who wrote them taken out, and per language `themes`
    (see `comments.fit_themes`, without what only scoring needs) and `low` (see
    `comments.words_of_low_scores`); empty: texts without a word.
    """
    found: dict[str, Any] = {"texts": len(texts), "empty": 0, "languages": {}}
    if texts.empty:
        return pd.DataFrame(columns=THEMED), found
    # what says who wrote it goes first, so that no name can become a word of a theme
    shown = [
        without_identity(cleaned(t), _parts_of(n))
        for t, n in zip(texts["text"], texts["name"], strict=True)
    ]
    texts = texts.drop(columns=["name", "text"]).assign(quotation=shown)
    texts["language"] = [language_of(t) for t in texts["quotation"]]
    found["empty"] = int((texts["language"] == "").sum())
    parts = []
    for language in (CHINESE, ENGLISH):
        mine = texts[texts["language"] == language].reset_index(drop=True)
        if mine.empty:
            continue
        tokens = [words(t) for t in mine["quotation"]]
        model = fit_themes(tokens[:MOST_TEXTS])
        mine["theme"], mine["theme_weight"] = "", 0.0
        if "themes" in model:
            weights = theme_weights(tokens, model)
            titles = np.array(
                [" · ".join(theme[:NAMED_BY]) for theme in model["themes"]], dtype=object
            )
            best = weights.argmax(axis=1)
            mine["theme_weight"] = weights.max(axis=1)
            mine["theme"] = np.where(mine["theme_weight"] > 0, titles[best], "")
        scored = mine["score"].notna().to_numpy()
        low = words_of_low_scores(
            [t for t, s in zip(tokens, scored, strict=True) if s][:MOST_TEXTS],
            (mine.loc[scored, "score"] < low_score).to_numpy()[:MOST_TEXTS],
        )
        found["languages"][language] = {
            "texts": len(mine),
            "themes": {k: v for k, v in model.items() if k not in ("loads", "vocabulary")},
            "low": low,
        }
        parts.append(mine)
    if not parts:
        return pd.DataFrame(columns=THEMED), found
    themed = pd.concat(parts, ignore_index=True)
    return themed[THEMED].sort_values("text_id", ignore_index=True), found


def _parts_of(name: object) -> list[str]:
    """The name as the bank has it and, of a name in several words, each word that is more than an
    initial.
    """
    if not isinstance(name, str):
        return []
    return [name, *[p for p in name.split() if len(p) > 2]]


def facts_and_feelings(
    bank: Bank, con: Backend, year: list[Quarter], themed: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """What each customer with an answer in the year has or went through, and how it felt, as true
    or false.

    Facts: products held in the last quarter, events of the year, complaints of the year and their
    themes, being contacted in a campaign. Feelings: unhappy and happy (mean index below the params
    file's `low_score`, or 75 and more), and each dimension below `low_score`. At most 20,000
    customers, with an open account. None without answers.
    """

    def stored(mart: str, quarters: list[Quarter]) -> Any:
        files = [
            str(f) for q in quarters for f in files_of(bank.data_folder, mart_reading(mart, q))
        ]
        return con.read_parquet(files, hive_partitioning=False) if files else None

    index = stored("survey_index", year)
    if index is None:
        return None
    means = index.group_by("customer_id").aggregate(
        **{c: _[c].mean() for c in ("index", *bank.loyalty.items)}
    )
    felt = (
        means.order_by([_.customer_id.hash(), _.customer_id])
        .limit(MOST_TEXTS)
        .to_pandas()
        .set_index("customer_id")
    )
    # the order of a sum must not carry a mean over a threshold
    felt = felt[felt["index"].notna()].sort_index().round(6)
    asked = con.create_table(
        "asked__now", felt.reset_index()[["customer_id"]], temp=True, overwrite=True
    )

    def of_those(rows: ir.Table) -> pd.DataFrame:
        return rows.semi_join(asked, "customer_id").to_pandas()

    facts: dict[str, Any] = {}
    customers = stored("customer_quarter", [year[-1]])
    if customers is not None:
        held = [c for c in customers.columns if c.startswith("has_")]
        has = of_those(customers.select("customer_id", *held)).set_index("customer_id")
        felt = felt[felt.index.isin(has.index)]  # whoever has left holds nothing for that reason
        facts |= {
            c: has.loc[felt.index, c].astype("boolean").fillna(False).astype(bool) for c in held
        }
    events = stored("customer_event", year)
    if events is not None:
        happened = of_those(events.select("customer_id", "event").distinct())
        facts |= {
            f"event_{e}": felt.index.isin(part["customer_id"])
            for e, part in happened.groupby("event")
        }
    mine = themed[(themed["source"] == COMPLAINT) & themed["said_in"].isin([str(q) for q in year])]
    if len(mine):
        facts["complained"] = felt.index.isin(mine["customer_id"])
        for theme, part in mine[mine["theme"] != ""].groupby("theme"):
            facts[f"complained: {theme}"] = felt.index.isin(part["customer_id"])
    if accepted_path(bank, "contacts").exists():
        contacts = con.read_parquet(str(accepted_path(bank, "contacts")), hive_partitioning=False)
        reached = contacts.filter(
            _.treated
            & _.contacted_on.between(ibis.literal(year[0].start), ibis.literal(year[-1].end))
        )
        facts["contacted"] = felt.index.isin(
            of_those(reached.select("customer_id").distinct())["customer_id"]
        )
    feelings = {
        "unhappy": felt["index"] < bank.loyalty.low_score,
        "happy": felt["index"] >= HAPPY_SCORE,
    }
    feelings |= {f"low_{d}": felt[d] < bank.loyalty.low_score for d in bank.loyalty.items}
    return pd.DataFrame(facts, index=felt.index), pd.DataFrame(feelings, index=felt.index)
