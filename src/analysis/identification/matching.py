"""How likely two records are the same customer: the model of Fellegi and Sunter, by Splink.

I. P. Fellegi and A. B. Sunter, A theory for record linkage, JASA 64 (1969) 1183-1210; its chances
learnt without answers by expectation maximisation (W. E. Winkler 1988), as Splink 5 does it
(https://moj-analytical-services.github.io/splink/).
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from analysis.identification.comparable import COLUMNS, DELIVERED, comparable
from analysis.identification.compared import Comparison, Kind, splink_comparisons
from analysis.identification.fitted import KindModel

#: A value that more records share than this leads to no comparison: it tells nobody apart.
MOST_ALIKE = 200
#: Pairs that are compared at most: so many for each record, the narrowest blocks first.
PAIRS_PER_RECORD = 25
#: Up to so many records every pair is compared.
ALL_PAIRS = 1_200
FEWEST = 100  # records, below which nothing can be learnt
#: Of these one has to be known: date of birth, sex and region alone identify nobody.
IDENTIFYING = ("latin", "document", "phone", "email")
SAMPLED_PAIRS = 1_000_000  # of which it is learnt how often values agree by chance
SEED = 1
LEAST_TWICE = 0.01  # share of the customers taken to be recorded twice where fewer seem to be
MOST_SESSIONS = 3  # columns within which the chances of the others are learnt
FEWEST_PAIRS = 20  # that agree in a column, for the others to be learnt within them
BATCH = 100_000  # records that are written alike at once
LEAST_KNOWN = 0.01  # share of the records that have to hold a value, for it to be compared
FREQUENT = 1_000  # values of a column of which it is kept how frequent they are
#: Chances where nothing could be learnt: of agreement by grade, best first, in records of one
#: customer; the rest disagrees.
SHARE_SAME = 0.8


@contextmanager
def quiet() -> Iterator[None]:
    """Splink without its remarks on the course of its work."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def put(engine: Backend, customers: ir.Table, kind: Kind) -> str:
    """The records of a kind of customers in the engine as they can be compared, with a mark of what
    they hold (`mark`); the name of the table. customers: rows of the contract's table.
    """
    schema = ", ".join(f"{column} VARCHAR" for column in COLUMNS)
    engine.raw_sql(f"CREATE OR REPLACE TEMP TABLE identification_plain ({schema})")
    wanted = [c for c in DELIVERED if c in customers.columns]
    of_kind = customers.filter(customers.customer_type == kind.name).select(*wanted)
    count = int(of_kind.count().to_pyarrow().as_py())
    parts = -(-count // BATCH)
    for part in range(parts):
        batch = of_kind.filter(of_kind.customer_id.hash().abs() % parts == part)
        rows = comparable(batch.to_pandas(), kind.name).astype("string")
        name = engine.create_table("identification_batch", rows, temp=True, overwrite=True)
        engine.raw_sql(f"INSERT INTO identification_plain BY NAME FROM {name.get_name()}")
    held = ", ".join(f"coalesce({column}, '')" for column in COLUMNS)
    engine.raw_sql(
        "CREATE OR REPLACE TEMP TABLE identification_records AS SELECT *, "
        f"md5(concat_ws('|', {held})) AS mark FROM identification_plain ORDER BY customer_id"
    )
    return "identification_records"


def with_model(engine: Backend, records: str, kind: Kind, model: KindModel | None) -> str:
    """A table of records with what they are blocked by (`block_<name>`) and, with a model, how
    frequent their values are (`tf_<column>`); its name.
    """
    blocks = ", ".join(f"{rule} AS block_{name}" for name, rule in kind.blocks.items())
    engine.raw_sql(
        f"CREATE OR REPLACE TEMP TABLE identification_compared AS SELECT *, {blocks} "
        f"FROM {records} ORDER BY customer_id"
    )
    if model:
        for column, shares in model.frequent.items():
            known = pd.DataFrame({"value": list(shares), "share": list(shares.values())})
            engine.create_table("identification_frequent", known, temp=True, overwrite=True)
            engine.raw_sql(
                "CREATE OR REPLACE TEMP TABLE identification_compared AS "
                f"SELECT r.*, coalesce(f.share, {model.rare[column]!r}) AS tf_{column} "
                f"FROM identification_compared r LEFT JOIN identification_frequent f "
                f"ON r.{column} = f.value ORDER BY r.customer_id"
            )
    return "identification_compared"


def trained(engine: Backend, records: str, kind: Kind) -> KindModel | None:
    """What can be learnt of a kind of customers from its records, a table as from `put`; None where
    they are too few, hold less than two things to compare, or nothing that identifies anybody.
    """
    shares = ", ".join(f"count({c.column}) / count(*) AS {c.column}" for c in kind.comparisons)
    told = _one_row(engine, f"SELECT count(*) AS n, {shares} FROM {records}")
    count = int(told.pop("n"))
    known = [column for column, share in told.items() if share > LEAST_KNOWN]
    if count < FEWEST or len(known) < 2 or not set(known) & set(IDENTIFYING):
        return None
    table = with_model(engine, records, kind, None)
    rules, common = _blocks(engine, table, kind, count)
    frequent, rare = _frequent(engine, records, kind, known)
    settings, stated = _trained_settings(engine, table, kind, known, count)
    return KindModel(
        records=count,
        known=known,
        rules=rules,
        common=common,
        frequent=frequent,
        rare=rare,
        settings=settings,
        stated=stated,
    )


def _trained_settings(
    engine: Backend, table: str, kind: Kind, known: list[str], count: int
) -> tuple[dict[str, Any], dict[str, list[int]]]:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="customer_id",
        comparisons=splink_comparisons(kind, known),
        blocking_rules_to_generate_predictions=[block_on("block_name")],
        retain_intermediate_calculation_columns=True,
        max_iterations=50,
    )
    sure = [
        block_on(*columns)
        for columns in (("document",), ("email",), ("latin", "born"), ("latin", "phone"))
        if all(c in known for c in columns)
    ]
    enough = [c for c in kind.trained_within if c in known]
    enough = [c for c in enough if _pairs_within(engine, table, c) >= FEWEST_PAIRS]
    with quiet():
        database = DuckDBAPI(connection=engine.con)
        linker = Linker(database.register(table), settings)
        if sure:
            linker.training.estimate_probability_two_random_records_match(sure, recall=0.7)
        linker.training.estimate_u_using_random_sampling(
            max_pairs=SAMPLED_PAIRS, seed=SEED, min_count_per_level=None, num_chunks=1
        )
        learnt = linker.misc.save_model_to_json()
        for column in enough[:MOST_SESSIONS]:
            try:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    block_on(column), fix_u_probabilities=True
                )
                learnt = linker.misc.save_model_to_json()
            except ValueError:  # a chance of nought: too few pairs; the session left half a model
                linker = Linker(database.register(table), learnt)
    return learnt, _complete(learnt, count)


def _pairs_within(engine: Backend, table: str, column: str) -> int:
    """How many pairs of records agree in a column; nothing is learnt where they are none."""
    sizes = f"SELECT count(*) AS n FROM {table} WHERE {column} IS NOT NULL GROUP BY {column}"
    told = _one_row(engine, f"SELECT coalesce(sum(n * (n - 1) // 2), 0) AS pairs FROM ({sizes})")
    return int(told["pairs"])


def _one_row(engine: Backend, sql: str) -> dict[str, Any]:
    return dict(engine.raw_sql(sql).fetchdf().iloc[0])


def _complete(settings: dict[str, Any], count: int) -> dict[str, list[int]]:
    """Give chances to the grades of which nothing could be learnt, and see to it that agreement
    never speaks against two records being one, nor disagreement for it. Returns those grades, by
    column, as their place.
    """
    stated: dict[str, list[int]] = {}
    prior = "probability_two_random_records_match"
    settings[prior] = max(settings[prior], 2 * LEAST_TWICE / count)
    for comparison in settings["comparisons"]:
        levels = [g for g in comparison["comparison_levels"] if not g.get("is_null_level")]
        for place, level in enumerate(levels):
            last = place == len(levels) - 1
            usual = (1 - SHARE_SAME) / 2 if last else SHARE_SAME if place == 0 else 0.05
            if not level.get("m_probability"):
                stated.setdefault(comparison["output_column_name"], []).append(place)
            level["m_probability"] = max(level.get("m_probability") or usual, 1e-4)
            level["u_probability"] = max(level.get("u_probability") or 1e-4, 1e-9)
        best, worst = levels[0], levels[-1]
        if best["m_probability"] < best["u_probability"]:
            best["m_probability"] = best["u_probability"]
        if worst["m_probability"] > worst["u_probability"]:
            worst["m_probability"] = worst["u_probability"]
    return stated


def _blocks(
    engine: Backend, table: str, kind: Kind, count: int
) -> tuple[list[str], dict[str, list[str]]]:
    """The blocks that are used, and by block the values (as `md5`) that too many records share."""
    pairs, common = {}, {}
    for name in kind.blocks:
        sizes = engine.raw_sql(
            f"SELECT md5(block_{name}) AS value, count(*) AS n FROM {table} "
            f"WHERE block_{name} IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"
        ).fetchdf()
        too_many = sizes["n"] > MOST_ALIKE
        common[name] = sizes.loc[too_many, "value"].tolist()
        n = sizes.loc[~too_many, "n"].astype("int64")
        pairs[name] = int((n * (n - 1) // 2).sum())
    rules, left = [], max(PAIRS_PER_RECORD * count, 1_000_000)
    for name in sorted(pairs, key=lambda b: (pairs[b], b)):
        if pairs[name] <= left:
            rules.append(name)
            left -= pairs[name]
    return rules, common


def _frequent(
    engine: Backend, records: str, kind: Kind, known: list[str]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """How frequent the most frequent values are, and what holds of every other value."""
    frequent: dict[str, dict[str, float]] = {}
    rare: dict[str, float] = {}
    for comparison in kind.comparisons:
        if comparison.column not in known or not any(g.rarity for g in comparison.grades):
            continue
        column = comparison.column
        values = (
            f"SELECT {column} AS value, count(*) AS n FROM {records} WHERE {column} IS NOT NULL "
            "GROUP BY 1"
        )
        often = engine.raw_sql(
            f"SELECT * FROM ({values}) WHERE n >= 3 ORDER BY n DESC, value LIMIT {FREQUENT}"
        ).fetchdf()
        all_of = _one_row(engine, f"SELECT count(*) AS kinds, sum(n) AS total FROM ({values})")
        total = float(all_of["total"])
        others = int(all_of["kinds"]) - len(often)
        left = total - float(often["n"].sum())
        frequent[column] = dict(
            zip(often["value"], (often["n"] / total).astype(float).tolist(), strict=True)
        )
        rare[column] = max(left / others if others else 1.0, 1.0) / total
    return frequent, rare


def pairs_to_compare(engine: Backend, table: str, model: KindModel, of: str | None = None) -> str:
    """A table of the pairs that share a block (`join_key_l` < `join_key_r`); its name.

    of: a table of records (`customer_id`) of which one has to be part of every pair; all otherwise.
    """
    wanted = f" AND (l.customer_id IN (FROM {of}) OR r.customer_id IN (FROM {of}))" if of else ""
    if model.records <= ALL_PAIRS:
        parts = [
            f"SELECT l.customer_id AS join_key_l, r.customer_id AS join_key_r FROM {table} l "
            f"JOIN {table} r ON l.customer_id < r.customer_id{wanted}"
        ]
    else:
        parts = []
        for name in model.rules:
            column = f"block_{name}"
            known = f"{column} IS NOT NULL"
            if model.common[name]:
                values = ", ".join(f"'{v}'" for v in model.common[name])
                known += f" AND md5({column}) NOT IN ({values})"
            of_block = f"(SELECT customer_id, {column} FROM {table} WHERE {known})"
            parts.append(
                f"SELECT l.customer_id AS join_key_l, r.customer_id AS join_key_r FROM {of_block} "
                f"l JOIN {of_block} r ON l.{column} = r.{column} "
                f"AND l.customer_id < r.customer_id{wanted}"
            )
    union = " UNION ".join(parts)
    engine.raw_sql(
        "CREATE OR REPLACE TEMP TABLE identification_pairs AS "
        f"SELECT *, '0' AS match_key FROM ({union}) ORDER BY join_key_l, join_key_r"
    )
    return "identification_pairs"


def scored(
    engine: Backend, table: str, pairs: str, kind: Kind, model: KindModel, least: float = 0.0
) -> pd.DataFrame:
    """The pairs with a chance of at least `least` to be one customer: `left`, `right`, `chance`,
    `weight` (log2 of the odds), and by column that is compared the grade reached (`of_<column>`,
    None where one of them has no value) and what it adds to the weight (`adds_<column>`).

    table, pairs: as from `put` with the model, and from `pairs_to_compare`.
    """
    from splink import DuckDBAPI, Linker

    with quiet():
        database = DuckDBAPI(connection=engine.con)
        linker = Linker(database.register(table), model.settings)
        linker.table_management.register_blocked_pairs_for_predict(database.register(pairs))
        found = linker.inference.predict(threshold_match_probability=least or None)
        rows = found.as_duckdbpyrelation().df()
        found.drop_table_from_database_and_remove_from_cache()
    told = pd.DataFrame(
        {
            "left": rows["customer_id_l"].astype(str),
            "right": rows["customer_id_r"].astype(str),
            "chance": rows["match_probability"].astype(float),
            "weight": rows["match_weight"].astype(float),
        }
    )
    for comparison in kind.comparisons:
        if comparison.column in model.known:
            told[f"of_{comparison.column}"] = _grades(comparison, rows)
            told[f"adds_{comparison.column}"] = _added(comparison, rows)
    return told.sort_values(["left", "right"], ignore_index=True)


def _grades(comparison: Comparison, rows: pd.DataFrame) -> pd.Series:
    words: Mapping[int, str | None] = {
        -1: None,
        0: "different",
        **{len(comparison.grades) - at: g.word for at, g in enumerate(comparison.grades)},
    }
    return rows[f"gamma_{comparison.column}"].astype(int).map(words)


def _added(comparison: Comparison, rows: pd.DataFrame) -> pd.Series:
    added = rows[f"mw_{comparison.column}"].astype(float)
    rarity = f"mw_tf_adj_{comparison.column}"
    return added + rows[rarity].astype(float) if rarity in rows else added
