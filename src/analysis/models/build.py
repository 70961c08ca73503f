"""Fit what is not fitted yet, score every quarter in the engine, keep everything as readable JSON
and Parquet.
"""

import json
from collections.abc import Callable
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from analysis.changes.events import event_rows, moves, outcomes
from analysis.errors import MissingDataError
from analysis.marts.build import write_mart
from analysis.quarters import Quarter
from analysis.segmentation.scoring import segment_expression
from analysis.sources.params import Bank
from analysis.steps.readings import files_of, mart_reading
from analysis.storage import code_fingerprint, text_fingerprint, write_json, write_text

Progress = Callable[[str], None]


def build_models(
    bank: Bank, con: Backend, quarters: list[Quarter], progress: Progress = lambda text: None
) -> None:
    """Bring the models and what they say of each quarter up to date."""
    if not mart_files(bank, "customer_quarter"):
        return
    progress("segmentation")
    model = _segmentation(bank, con)
    for quarter in quarters:
        _score(bank, con, model, quarter, progress)


def mart_files(
    bank: Bank, mart: str, quarter: Quarter | None = None, branch: str | None = None
) -> list[str]:
    """The files of a mart, of one quarter and branch when given."""
    return [str(f) for f in files_of(bank.data_folder, mart_reading(mart, quarter or "*", branch))]


def read_model(bank: Bank, name: str) -> dict[str, Any]:
    """A stored model; raises MissingDataError when it was not fitted."""
    path = bank.data_folder / "models" / f"{name}.json"
    if not path.exists():
        raise MissingDataError(
            f"The model {name} is not there: {path} is missing. Run `workbook prepare` on "
            f"the params file first."
        )
    return dict(json.loads(path.read_text(encoding="utf-8")))


def input_key(*texts: str) -> str:
    """A key that changes when the marts change (through their records), the settings, or the code
    of the models.
    """
    return text_fingerprint(*texts, code_fingerprint("models"))


def mart_key(bank: Bank, quarter: Quarter) -> str:
    """The key of a quarter's marts; empty where they are not built."""
    record = bank.data_folder / "marts" / "records" / f"{quarter}.json"
    return str(json.loads(record.read_text(encoding="utf-8"))["key"]) if record.exists() else ""


def _segmentation(bank: Bank, con: Backend) -> dict[str, Any]:
    """The version in force: the last of those the params file asks for, each fitted once and kept
    with its quality card.
    """
    fits = [
        *bank.segmentation.earlier_fit_quarters,
        bank.segmentation.fit_quarter or _first_active(bank, con),
    ]
    before: dict[str, Any] | None = None
    key = bank.segmentation.model_dump_json(exclude={"fit_quarter", "earlier_fit_quarters"})
    for version, fit_quarter in enumerate(fits, 1):
        files = mart_files(bank, "customer_quarter", fit_quarter)
        if not files:
            raise MissingDataError(
                f"segmentation is to be fitted on {fit_quarter}, and there is no "
                f"customer_quarter of that quarter. Choose one from {bank.quarters.first} "
                f"to {bank.quarters.last}."
            )
        key = input_key(mart_key(bank, fit_quarter), key)
        path = bank.data_folder / "models" / "segmentation" / f"{version}-{fit_quarter}.json"
        if path.exists() and (stored := json.loads(path.read_text(encoding="utf-8")))["key"] == key:
            before = stored["types"]
            continue
        from analysis.segmentation.model import (
            SAMPLE,
            fit_segmentation,
        )  # imported when there is something to fit

        customers = _sample(con, files, SAMPLE)
        before = fit_segmentation(customers, bank.segmentation, before)
        write_json(
            path,
            {
                "key": key,
                "version": version,
                "fit_quarter": str(fit_quarter),
                "earlier": [str(q) for q in fits[: version - 1]],
                "method": bank.segmentation.method,
                "types": before,
            },
        )
    in_force, stored_text = (
        bank.data_folder / "models" / "segmentation.json",
        path.read_text(encoding="utf-8"),
    )
    if not in_force.exists() or in_force.read_text(encoding="utf-8") != stored_text:
        write_text(in_force, stored_text)
    return dict(before or {})


def _first_active(bank: Bank, con: Backend) -> Quarter:
    """The first quarter with an active customer; the first of all where there is none."""
    for quarter in bank.all_quarters:
        files = mart_files(bank, "customer_quarter", quarter)
        if (
            files
            and con.read_parquet(files, hive_partitioning=False)
            .filter(_.active)
            .head(1)
            .count()
            .execute()
        ):
            return quarter
    return bank.quarters.first


def _sample(con: Backend, files: list[str], most: int) -> pd.DataFrame:
    """Active customers, of each type at most so many, chosen by the hash of their identifier."""
    customers = con.read_parquet(files, hive_partitioning=False).filter(_.active)
    rank = ibis.row_number().over(
        group_by="customer_type", order_by=[_.customer_id.hash(), _.customer_id]
    )
    return customers.mutate(place=rank).filter(_.place < most).drop("place").to_pandas()


def _score(
    bank: Bank, con: Backend, model: dict[str, Any], quarter: Quarter, progress: Progress
) -> None:
    """The groups of a quarter, who moved, what happened to whom, and what the bank as a whole can
    be told by.
    """
    files = mart_files(bank, "customer_quarter", quarter)
    record = bank.data_folder / "models" / "scored" / f"{quarter}.json"
    settings = [e.model_dump_json() for e in bank.events] + [bank.value.model_dump_json()]
    key = input_key(mart_key(bank, quarter), json.dumps(model, sort_keys=True), *settings)
    if not files or (
        record.exists() and json.loads(record.read_text(encoding="utf-8"))["key"] == key
    ):
        return
    progress(f"groups of {quarter}")
    customers = con.read_parquet(files, hive_partitioning=False)
    write_mart(bank, con, "customer_segment", quarter, segment_expression(customers, model))
    segments = con.read_parquet(
        mart_files(bank, "customer_segment", quarter), hive_partitioning=False
    )
    old_files = (
        mart_files(bank, "customer_quarter", quarter.previous)
        if quarter > bank.quarters.first
        else []
    )
    old, old_segments, old_events = None, None, None
    if old_files:
        old = con.read_parquet(old_files, hive_partitioning=False)
        old_segments = con.read_parquet(
            mart_files(bank, "customer_segment", quarter.previous), hive_partitioning=False
        )
        if events := mart_files(bank, "customer_event", quarter.previous):
            old_events = con.read_parquet(events, hive_partitioning=False)
    write_mart(bank, con, "customer_move", quarter, moves(segments, old_segments, str(quarter)))
    write_mart(bank, con, "customer_event", quarter, event_rows(con, customers, old, bank.events))
    known = [q for q in bank.all_quarters if q <= quarter]
    write_json(
        bank.data_folder / "models" / f"changes-{quarter}.json",
        {
            "quarter": str(quarter),
            "segments": _counts(
                con, mart_files(bank, "customer_segment", quarter), ["customer_type", "segment"]
            ),
            "outcomes": []
            if old is None
            else records(outcomes(old_events, old, customers).to_pandas()),
            "drift": _drift(bank, con, model, files),
            "value": _value(bank, con, known),
        },
    )
    write_json(record, {"key": key})


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain data, empty values as None."""
    return [
        {k: None if pd.isna(v) else v.item() if hasattr(v, "item") else v for k, v in r.items()}
        for r in table.to_dict("records")
    ]


def _counts(con: Backend, files: list[str], by: list[str]) -> list[dict[str, Any]]:
    if not files:
        return []
    return records(
        con.read_parquet(files, hive_partitioning=False)
        .group_by(by)
        .aggregate(customers=_.count())
        .order_by(by)
        .to_pandas()
    )


def _drift(bank: Bank, con: Backend, model: dict[str, Any], files: list[str]) -> dict[str, Any]:
    from analysis.segmentation.model import SAMPLE, drift

    customers = _sample(con, files, SAMPLE).sort_values("customer_id", ignore_index=True)
    return {
        kind: drift(
            part,
            customers[customers["customer_type"] == kind].reset_index(drop=True),
            bank.segmentation.weights,
        )
        for kind, part in model.items()
    }


def _value(bank: Bank, con: Backend, known: list[Quarter]) -> dict[str, Any]:
    """Per customer type the model of activity, and how one fitted on the quarters before the last
    ones did in those.
    """
    from analysis.changes.value import calibration, cells, fit_activity, histories

    files = [f for q in known for f in mart_files(bank, "customer_quarter", q)]
    customers = con.read_parquet(files, hive_partitioning=False)
    assumed = bank.value
    history = histories(customers, known[-1], assumed)
    counts = cells(history).to_pandas()
    models = {
        str(kind): fit_activity(part, assumed.horizon, assumed.discount_rate)
        for kind, part in counts.groupby("customer_type")
    }
    held_out = min(2, len(known) - 3)
    if held_out < 1:
        return {"types": models, "held_out": 0, "calibration": []}
    since = known[-1 - held_out]
    past = histories(customers, since, assumed)
    looked_up = []
    for kind, part in cells(past).to_pandas().groupby("customer_type"):
        if fitted := fit_activity(part, held_out, 0.0):
            looked_up.append(pd.DataFrame(fitted["expected"]).assign(customer_type=kind))
    if not looked_up:
        return {"types": models, "held_out": held_out, "calibration": []}
    expected = ibis.memtable(
        pd.concat(looked_up, ignore_index=True)[
            ["customer_type", "known", "repeats", "last", "active"]
        ]
    )
    groups = con.read_parquet(mart_files(bank, "customer_segment", since), hive_partitioning=False)
    found = con.to_pandas(calibration(past, customers, groups, expected, since, assumed))
    return {"types": models, "held_out": held_out, "calibration": records(found.round(6))}
