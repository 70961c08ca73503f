"""Fit what is not fitted yet, score every quarter in the engine, keep everything as readable JSON and Parquet."""

import json
from collections.abc import Callable
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from analysis.errors import MissingDataError
from analysis.marts.build import write_mart
from analysis.models.scoring import segment_expression
from analysis.quarters import Quarter
from analysis.readings import files_of, mart_reading
from analysis.sources.params import Bank
from analysis.storage import code_fingerprint, text_fingerprint, write_json

Progress = Callable[[str], None]
BEHAVIOUR_COLUMNS = ("tenure_years", "products_held", "transactions", "balance_end")


def build_models(bank: Bank, con: Backend, quarters: list[Quarter], progress: Progress = lambda text: None) -> None:
    """Bring the models and what they say of each quarter up to date."""
    if not mart_files(bank, "customer_quarter"):
        return
    progress("segmentation")
    model = _segmentation(bank, con)
    for quarter in quarters:
        _score(bank, con, model, quarter)
    progress("loyalty")
    for quarter in quarters:
        _loyalty(bank, con, quarter)


def mart_files(bank: Bank, mart: str, quarter: Quarter | None = None, branch: str | None = None) -> list[str]:
    """The files of a mart, of one quarter and branch when given."""
    return [str(f) for f in files_of(bank.data_folder, mart_reading(mart, quarter or "*", branch))]


def read_model(bank: Bank, name: str) -> dict[str, Any]:
    """A stored model; raises MissingDataError when it was not fitted."""
    path = bank.data_folder / "models" / f"{name}.json"
    if not path.exists():
        raise MissingDataError(
            f"The model {name} is not there: {path} is missing. Run `workbook prepare` on the params file first."
        )
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _input_key(*texts: str) -> str:
    """Changes when the marts change (through their records), the settings, or the code of the models."""
    return text_fingerprint(*texts, code_fingerprint("models"))


def _mart_key(bank: Bank, quarter: Quarter) -> str:
    record = bank.data_folder / "marts" / "records" / f"{quarter}.json"
    return str(json.loads(record.read_text(encoding="utf-8"))["key"]) if record.exists() else ""


def _segmentation(bank: Bank, con: Backend) -> dict[str, Any]:
    path = bank.data_folder / "models" / "segmentation.json"
    fit_quarter = bank.segmentation.fit_quarter or bank.quarters.first
    files = mart_files(bank, "customer_quarter", fit_quarter)
    if not files:
        raise MissingDataError(
            f"segmentation.fit_quarter is {fit_quarter}, and there is no customer_quarter of that quarter. Choose one from {bank.quarters.first} to {bank.quarters.last}."
        )
    key = _input_key(_mart_key(bank, fit_quarter), bank.segmentation.model_dump_json())
    if path.exists() and (stored := json.loads(path.read_text(encoding="utf-8")))["key"] == key:
        return dict(stored["types"])
    from analysis.models.segmentation import SAMPLE, fit_segmentation  # imported when there is something to fit

    customers = con.read_parquet(files, hive_partitioning=False).filter(_.active)
    rank = ibis.row_number().over(group_by="customer_type", order_by=[_.customer_id.hash(), _.customer_id])
    sample = customers.mutate(place=rank).filter(_.place < SAMPLE).drop("place").to_pandas()
    types = fit_segmentation(sample, bank.segmentation)
    write_json(path, {"key": key, "fit_quarter": str(fit_quarter), "method": "k-means", "types": types})
    return types


def _score(bank: Bank, con: Backend, model: dict[str, Any], quarter: Quarter) -> None:
    files = mart_files(bank, "customer_quarter", quarter)
    record = bank.data_folder / "models" / "scored" / f"{quarter}.json"
    key = _input_key(_mart_key(bank, quarter), json.dumps(model, sort_keys=True))
    if files and not (record.exists() and json.loads(record.read_text(encoding="utf-8"))["key"] == key):
        write_mart(
            bank,
            con,
            "customer_segment",
            quarter,
            segment_expression(con.read_parquet(files, hive_partitioning=False), model),
        )
        write_json(record, {"key": key})


def _loyalty(bank: Bank, con: Backend, quarter: Quarter) -> None:
    """The regressions as they can be known at the end of `quarter`."""
    path = bank.data_folder / "models" / f"loyalty-{quarter}.json"
    known = [q for q in bank.all_quarters if q <= quarter]
    key = _input_key(*[_mart_key(bank, q) for q in known], bank.loyalty.model_dump_json())
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["key"] == key:
        return
    from analysis.models.loyalty import fit_retention, fit_stated  # imported when there is something to fit

    by_quarter = [answers_with_outcome(bank, con, q, known) for q in known]
    # an empty table has no types of its own and would take those of the others away
    rows = pd.concat([r for r in by_quarter if len(r)] or by_quarter[:1], ignore_index=True)
    dimensions = list(bank.loyalty.items) if mart_files(bank, "survey_answers") else []
    retention = fit_retention(rows[rows.stayed.notna()].assign(stayed=lambda f: f.stayed.astype(bool)), dimensions)
    write_json(
        path, {"key": key, "quarter": str(quarter), "retention": retention, "stated": fit_stated(rows, dimensions)}
    )


def answers_with_outcome(bank: Bank, con: Backend, quarter: Quarter, known: list[Quarter]) -> pd.DataFrame:
    """Each answering customer's mean answer of the quarter with behaviour in it, and whether it stayed active in the next.

    One row per active customer with an answer (per active customer where the bank delivers no surveys); `stayed` is
    empty where the next quarter is not known yet. A bank-wide sample of at most 20,000 customers a quarter, chosen by
    the hash of their identifier.
    """
    answers, customers = mart_files(bank, "survey_answers", quarter), mart_files(bank, "customer_quarter", quarter)
    dimensions = [*bank.loyalty.items, *(["stated_loyalty"] if bank.loyalty.stated_loyalty else [])]
    if not customers or (not answers and mart_files(bank, "survey_answers")):
        return pd.DataFrame(columns=["customer_id", "branch_id", "quarter", *BEHAVIOUR_COLUMNS, *dimensions, "stayed"])
    behaviour = (
        con.read_parquet(customers, hive_partitioning=False)
        .filter(_.active)
        .select("customer_id", "branch_id", "quarter", *BEHAVIOUR_COLUMNS)
    )
    rows = behaviour
    if answers:
        rows = (
            con.read_parquet(answers, hive_partitioning=False)
            .group_by("customer_id")
            .aggregate(**{d: _[d].mean() for d in dimensions})
            .join(behaviour, "customer_id")
        )
    following = mart_files(bank, "customer_quarter", quarter.shifted(1)) if quarter.shifted(1) in known else []
    if following:
        later = con.read_parquet(following, hive_partitioning=False).select("customer_id", active_later="active")
        rows = rows.left_join(later, "customer_id")
        rows = rows.mutate(stayed=rows.active_later.fill_null(False)).drop("active_later", "customer_id_right")
    else:
        rows = rows.mutate(stayed=ibis.null("boolean"))
    return rows.order_by([_.customer_id.hash(), _.customer_id]).limit(20_000).to_pandas()
