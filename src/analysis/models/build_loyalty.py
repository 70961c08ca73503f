"""Bring up to date what is known of the customers' loyalty: index, regressions, drivers, comments,
and who may leave.

Every quarter gets its index and its departures; what takes longer is done for the quarter asked
for, and for an earlier one when it is asked for.
"""

import json
import shutil
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend
from threadpoolctl import threadpool_limits

from analysis.changes.events import BEFORE
from analysis.loyalty.index import index_expression, index_scores, scheme_of
from analysis.marts.build import mart_folder, write_mart
from analysis.models.build import input_key, mart_files, mart_key
from analysis.quarters import Quarter
from analysis.report.language import impossible
from analysis.sources.land import accepted_path
from analysis.sources.params import Bank
from analysis.storage import write_json

Progress = Callable[[str], None]
YEAR = 4
SAMPLE = 20_000  # customers with an answer a quarter in the regressions


def build_loyalty(
    bank: Bank, con: Backend, quarters: list[Quarter], progress: Progress = lambda text: None
) -> None:
    """Everything on loyalty up to the last of the quarters; with one library thread, so that sums
    do not depend on the machine.
    """
    with threadpool_limits(1):
        _build(bank, con, quarters, progress)


def _build(bank: Bank, con: Backend, quarters: list[Quarter], progress: Progress) -> None:
    scheme = _scheme(bank, con)
    for quarter in quarters:
        _index(bank, con, quarter, scheme, progress)
        _departures(bank, con, quarter)
    asked = quarters[-1]
    for quarter in quarters[-2:]:
        _churn(bank, con, quarter, progress)
    known = [q for q in bank.all_quarters if q <= asked]
    settings = [
        bank.loyalty.model_dump_json(),
        bank.retention.model_dump_json(),
        str(bank.min_cell),
    ]
    key = input_key(
        *[mart_key(bank, q) for q in known], *settings, json.dumps(scheme, sort_keys=True)
    )
    path = bank.data_folder / "models" / f"loyalty-{asked}.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["key"] == key:
        return
    progress("loyalty")
    found = {
        "key": key,
        "quarter": str(asked),
        **_regressions(bank, con, known),
        **_hangs_together(bank, con, known),
    }
    progress("comments")
    write_json(path, found | _comments(bank, con, known))


def stored(bank: Bank, con: Backend, mart: str, quarters: list[Quarter]) -> ir.Table | None:
    """The rows of a mart in the quarters, or None where there are none."""
    files = [f for q in quarters for f in mart_files(bank, mart, q)]
    return con.read_parquet(files, hive_partitioning=False) if files else None


def year_to(bank: Bank, quarter: Quarter) -> list[Quarter]:
    """The quarters of the year that ends with the quarter."""
    return [q for q in bank.all_quarters if quarter.shifted(1 - YEAR) <= q <= quarter]


def _scheme(bank: Bank, con: Backend) -> dict[str, Any]:
    """What counts for how much in the index, estimated once."""
    if not bank.loyalty.items or not mart_files(bank, "survey_items"):
        return {}
    first_full = bank.quarters.first.shifted(YEAR - 1)
    fitted_on = bank.loyalty.fit_quarter or min(first_full, bank.quarters.last)
    year = year_to(bank, fitted_on)
    key = input_key(*[mart_key(bank, q) for q in year], bank.loyalty.model_dump_json())
    path = bank.data_folder / "models" / "index.json"
    if not path.exists() or json.loads(path.read_text(encoding="utf-8"))["key"] != key:
        from analysis.loyalty.pathmodel import (
            as_data,
            structure_of,
        )  # imported when there is something to fit

        model = as_data(
            _answers(bank, con, year), structure_of(bank.loyalty), cluster="customer_id"
        )
        write_json(
            path,
            {
                "key": key,
                "fit_quarter": str(fitted_on),
                "quarters": [str(q) for q in year],
                "scheme": scheme_of(model, bank.loyalty),
                "model": model,
            },
        )
    return dict(json.loads(path.read_text(encoding="utf-8"))["scheme"])


def _answers(bank: Bank, con: Backend, quarters: list[Quarter]) -> pd.DataFrame:
    """The answers to every item with the behaviour of the quarter; at most 20,000, chosen by the
    hash of their identifier.
    """
    from analysis.loyalty.pathmodel import MOST_ANSWERS

    answers, customers = (
        stored(bank, con, "survey_items", quarters),
        stored(bank, con, "customer_quarter", quarters),
    )
    if answers is None or customers is None:
        return pd.DataFrame()
    if bank.loyalty.behaviour:
        behaviour = customers.select("customer_id", "quarter", *bank.loyalty.behaviour)
        answers = answers.left_join(behaviour, ["customer_id", "quarter"]).drop(
            "customer_id_right", "quarter_right"
        )
    rows = answers.order_by([_.survey_id.hash(), _.survey_id]).limit(MOST_ANSWERS).to_pandas()
    return rows.astype(dict.fromkeys(bank.loyalty.behaviour, float))


def _index(
    bank: Bank, con: Backend, quarter: Quarter, scheme: dict[str, Any], progress: Progress
) -> None:
    """survey_index and index_scores of a quarter, and who answered in it."""
    record = bank.data_folder / "models" / "index" / f"{quarter}.json"
    key = input_key(
        mart_key(bank, quarter), json.dumps(scheme, sort_keys=True), _scored_key(bank, quarter)
    )
    if record.exists() and json.loads(record.read_text(encoding="utf-8"))["key"] == key:
        return
    answers, customers = (
        stored(bank, con, "survey_items", [quarter]),
        stored(bank, con, "customer_quarter", [quarter]),
    )
    segments = stored(bank, con, "customer_segment", [quarter])
    if not scheme or answers is None or customers is None or segments is None:
        for mart in ("survey_index", "index_scores"):
            shutil.rmtree(mart_folder(bank, mart) / f"quarter={quarter}", ignore_errors=True)
        write_json(record, {"key": key})
        return
    from analysis.loyalty.nonresponse import MARGINS, cells, raked, who_answered

    progress(f"index of {quarter}")
    customers = customers.join(segments.select("customer_id", "segment"), "customer_id")
    counts = cells(customers, answers).to_pandas()
    weights = counts[[*MARGINS]].rename(columns=lambda c: f"cell_{c}").assign(weight=raked(counts))
    cell_weights = con.create_table("cell_weights__now", weights, temp=True, overwrite=True)
    write_mart(
        bank,
        con,
        "survey_index",
        quarter,
        index_expression(answers, customers, cell_weights, scheme),
    )
    rows = stored(bank, con, "survey_index", [quarter])
    assert rows is not None  # noqa: S101 - just written
    scores = index_scores(rows.order_by("survey_id").to_pandas(), ["index", *bank.loyalty.blocks])
    scores = con.create_table(
        "scores__now", scores.assign(quarter=str(quarter)), temp=True, overwrite=True
    )
    write_mart(bank, con, "index_scores", quarter, scores)
    write_json(record, {"key": key, "quarter": str(quarter), **who_answered(counts)})


def _scored_key(bank: Bank, quarter: Quarter) -> str:
    record = bank.data_folder / "models" / "scored" / f"{quarter}.json"
    return str(json.loads(record.read_text(encoding="utf-8"))["key"]) if record.exists() else ""


def _departures(bank: Bank, con: Backend, quarter: Quarter) -> None:
    """customer_left: of every customer active a quarter before, whether it left by this one, as the
    params file says.
    """
    record = bank.data_folder / "models" / "left" / f"{quarter}.json"
    key = input_key(mart_key(bank, quarter), mart_key(bank, quarter.previous), bank.retention.left)
    if record.exists() and json.loads(record.read_text(encoding="utf-8"))["key"] == key:
        return
    now, before = (stored(bank, con, "customer_quarter", [q]) for q in (quarter, quarter.previous))
    if quarter > bank.quarters.first and now is not None and before is not None:
        earlier = before.filter(_.active).rename({f"{BEFORE}{c}": c for c in before.columns})
        joined = earlier.left_join(now, [(f"{BEFORE}customer_id", "customer_id")])
        rows = con.create_table("departures__now", joined, temp=True, overwrite=True)
        shape = ibis.schema(
            {
                **dict.fromkeys(("customer_id", "branch_id", "customer_type", "quarter"), "string"),
                "left": "boolean",
            }
        )
        left = con.sql(
            f"SELECT {BEFORE}customer_id AS customer_id, {BEFORE}branch_id AS branch_id, "
            f"{BEFORE}customer_type AS customer_type, '{quarter}' AS quarter, customer_id "
            f'IS NULL OR coalesce({bank.retention.left}, FALSE) AS "left" FROM '
            f"{rows.get_name()}",
            schema=shape,
            dialect="duckdb",
        )
        write_mart(bank, con, "customer_left", quarter, left)
    write_json(record, {"key": key})


def _at_risk(bank: Bank, con: Backend, quarter: Quarter) -> ir.Table | None:
    from analysis.retention.hazard import at_risk

    customers = stored(bank, con, "customer_quarter", [quarter])
    if customers is None:
        return None
    complaints = None
    if accepted_path(bank, "complaints").exists():
        received = con.read_parquet(str(accepted_path(bank, "complaints")), hive_partitioning=False)
        complaints = received.filter(
            received.received_on.between(ibis.literal(quarter.start), ibis.literal(quarter.end))
        )
    answers = stored(bank, con, "survey_index", year_to(bank, quarter))
    return at_risk(
        customers,
        stored(bank, con, "customer_event", [quarter]),
        [e.name for e in bank.events],
        complaints,
        answers,
    )


def _churn(bank: Bank, con: Backend, quarter: Quarter, progress: Progress) -> None:
    """The hazard model as it can be known at the end of the quarter, and the chance of every
    customer.
    """
    path = bank.data_folder / "models" / f"churn-{quarter}.json"
    known = [q for q in bank.all_quarters if q <= quarter]
    settings = [bank.retention.model_dump_json(), *[e.model_dump_json() for e in bank.events]]
    key = input_key(
        *[mart_key(bank, q) for q in known],
        *[_scored_key(bank, q) for q in known],
        *settings,
        bank.loyalty.model_dump_json(),
    )
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["key"] == key:
        return
    from analysis.retention.hazard import QUARTERS, churn_expression, fit_churn
    from analysis.retention.hazard import SAMPLE as AT_MOST

    progress(f"chance of leaving after {quarter}")
    parts = []
    for q in known[:-1][-QUARTERS - 1 :]:
        rows, left = _at_risk(bank, con, q), stored(bank, con, "customer_left", [q.shifted(1)])
        if rows is not None and left is not None:
            both = rows.join(left.select("customer_id", "left"), "customer_id")
            parts.append(
                both.order_by([_.customer_id.hash(), _.customer_id]).limit(AT_MOST).to_pandas()
            )
    model = fit_churn(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame())
    shutil.rmtree(mart_folder(bank, "customer_churn") / f"quarter={quarter}", ignore_errors=True)
    rows = _at_risk(bank, con, quarter)
    if rows is not None and any("features" in m for m in model["types"].values()):
        write_mart(
            bank,
            con,
            "customer_churn",
            quarter,
            churn_expression(rows, model["types"], str(quarter)),
        )
    write_json(path, {"key": key, "quarter": str(quarter), **model})


def _regressions(bank: Bank, con: Backend, known: list[Quarter]) -> dict[str, Any]:
    """The regressions as they can be known at the end of the last quarter."""
    from analysis.loyalty.regressions import (
        fit_products,
        fit_recommend,
        fit_retention,
        fit_stated,
        fit_survival,
    )

    by_quarter = [answers_with_outcome(bank, con, q, known) for q in known]
    # an empty table has no types of its own and would take those of the others away
    rows = pd.concat([r for r in by_quarter if len(r)] or by_quarter[:1], ignore_index=True)
    dimensions = list(bank.loyalty.items) if mart_files(bank, "survey_index") else []
    return {
        "retention": fit_retention(rows, dimensions),
        "stated": fit_stated(rows, dimensions),
        "recommend": fit_recommend(rows, dimensions),
        "survival": fit_survival(_followed(rows, bank, con, known), dimensions),
        "products": fit_products(rows, dimensions),
    }


BEHAVIOUR_COLUMNS = ("tenure_years", "products_held", "has_mortgage", "transactions", "balance_end")


def answers_with_outcome(
    bank: Bank, con: Backend, quarter: Quarter, known: list[Quarter]
) -> pd.DataFrame:
    """Each answering customer's indices of the quarter with behaviour in it, and whether it stayed
    through the next.

    One row per active customer with an answer (per active customer where the bank delivers no
    surveys); `recommend` is the answer that the net promoter score is made of, `stayed` is empty
    where the next quarter is not known yet. A bank-wide sample of at most 20,000 customers a
    quarter, chosen by the hash of their identifier.
    """
    asked = mart_files(bank, "survey_index")
    answers, customers = (
        stored(bank, con, "survey_index", [quarter]),
        stored(bank, con, "customer_quarter", [quarter]),
    )
    blocks = bank.loyalty.blocks if asked else []
    columns = [
        "customer_id",
        "branch_id",
        "quarter",
        *BEHAVIOUR_COLUMNS,
        *blocks,
        "recommend",
        "stayed",
    ]
    if customers is None or (answers is None and asked):
        return pd.DataFrame(columns=columns)
    rows = customers.filter(_.active).select(
        "customer_id", "branch_id", "quarter", *BEHAVIOUR_COLUMNS
    )
    if answers is not None:
        felt = answers.group_by("customer_id").aggregate(**{b: _[b].mean() for b in blocks})
        rows = felt.join(rows, "customer_id")
    items = stored(bank, con, "survey_items", [quarter])
    if items is not None and bank.loyalty.nps:
        said = items.group_by("customer_id").aggregate(
            recommend=_[f"item_{bank.loyalty.nps}"].mean().round(0)
        )
        rows = rows.left_join(said, "customer_id").drop("customer_id_right")
    else:
        rows = rows.mutate(recommend=ibis.null("float64"))
    left = (
        stored(bank, con, "customer_left", [quarter.shifted(1)])
        if quarter.shifted(1) in known
        else None
    )
    if left is not None:
        rows = rows.left_join(left.select("customer_id", "left"), "customer_id").drop(
            "customer_id_right"
        )
        rows = rows.mutate(stayed=~rows.left).drop("left")
    else:
        rows = rows.mutate(stayed=ibis.null("boolean"))
    return rows.order_by([_.customer_id.hash(), _.customer_id]).limit(SAMPLE).to_pandas()


def _followed(rows: pd.DataFrame, bank: Bank, con: Backend, known: list[Quarter]) -> pd.DataFrame:
    """Each customer at its first answer, with how many quarters it is known for after it and
    whether it left in the last.
    """
    first = rows.sort_values(["quarter", "customer_id"]).drop_duplicates("customer_id").copy()
    left = stored(bank, con, "customer_left", known)
    departures: dict[str, str] = {}
    if left is not None:
        gone = (
            left.filter(_.left)
            .group_by("customer_id")
            .aggregate(quarter=_.quarter.min())
            .to_pandas()
        )
        departures = dict(zip(gone["customer_id"], gone["quarter"], strict=True))
    number = {str(q): i for i, q in enumerate(known)}
    start = first["quarter"].map(number).to_numpy(dtype=float)
    end = first["customer_id"].map(departures).map(number).to_numpy(dtype=float)
    gone_after = ~np.isnan(end) & (end > start)
    first["event"] = gone_after
    first["followed"] = np.where(gone_after, end, len(known) - 1) - start
    return first


def _hangs_together(bank: Bank, con: Backend, known: list[Quarter]) -> dict[str, Any]:
    """The path model, and what drives satisfaction and loyalty, from the answers of the last
    year.
    """
    from analysis.loyalty.pathmodel import as_data, structure_of
    from analysis.loyalty.shapley import explained_shares

    year = year_to(bank, known[-1])
    model = as_data(_answers(bank, con, year), structure_of(bank.loyalty), cluster="customer_id")
    index = stored(bank, con, "survey_index", year)
    drivers = []
    if index is not None:
        rows = index.order_by([_.survey_id.hash(), _.survey_id]).limit(SAMPLE).to_pandas()
        targets = [t for t in ("satisfaction", "stated_loyalty") if t in rows]
        drivers = [explained_shares(rows, list(bank.loyalty.items), t) for t in targets]
    return {"path_model": {"quarters": [str(q) for q in year], **model}, "drivers": drivers}


def _comments(bank: Bank, con: Backend, known: list[Quarter]) -> dict[str, Any]:
    """Themes and telling words of what was written up to the last quarter, comment_theme, and the
    rules that lead to feelings.
    """
    from analysis.voice.associations import rules
    from analysis.voice.texts import facts_and_feelings, read_texts, with_themes

    quarter = known[-1]
    shutil.rmtree(mart_folder(bank, "comment_theme") / f"quarter={quarter}", ignore_errors=True)
    texts = read_texts(bank, con, known)
    themed, found = with_themes(texts, bank.loyalty.low_score)
    if len(themed):
        rows = con.create_table(
            "comment_theme__now", themed.assign(quarter=str(quarter)), temp=True, overwrite=True
        )
        write_mart(bank, con, "comment_theme", quarter, rows)
    year = year_to(bank, quarter)
    happened = facts_and_feelings(bank, con, year, themed)
    return {
        "comments": found,
        "associations": rules(*happened, bank.min_cell)
        if happened
        else impossible("The bank delivers no answers of customers."),
    }
