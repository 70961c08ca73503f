"""One step in a process of its own or in this one: open its inputs, compute, write whole."""

import gc
import re
import stat
import tempfile
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend
from pydantic import BaseModel, ValidationError
from threadpoolctl import threadpool_limits

from analysis.errors import MissingDataError, WorkbookError, engine_says
from analysis.language import say
from analysis.quarters import Quarter
from analysis.sources.params import Bank
from analysis.steps.customers import by_customer
from analysis.steps.declaration import At, Mart, Model, Occasion, Read, Rows, Sample, Step, Written
from analysis.steps.graph import Node
from analysis.steps.keeping import MAKING, Keeper, Record, place_of
from analysis.storage import quoted, rows_of, write_json, write_text
from analysis.workers import begin

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class Job:
    """A step to do, as plain values that can be sent to another process."""

    bank: Bank
    module: str
    step: str
    quarter: Quarter | None
    asked: Quarter
    quarters_with_entries: tuple[Quarter, ...]
    files: Mapping[str, list[str]]  # input to its files
    shapes: Mapping[str, type[BaseModel]]  # of the inputs that are models
    key: str
    made_of: Mapping[str, str]
    share: int  # one in so many of the engine's memory

    @property
    def node(self) -> Node:
        """Which one it is."""
        return Node(self.step, self.quarter)


@dataclass(frozen=True)
class Failure:
    """Why a step could not be done."""

    reason: str


def begin_worker() -> None:
    """In a process that does steps: what was imported lives to its end, and the small objects that
    expressions are made of come and go too fast for the collector to look so often.
    """
    begin()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def steps_in(module: str) -> dict[str, Step]:
    """The steps of a module by name, in reading order."""
    return {s.name: s for s in vars(import_module(module)).values() if isinstance(s, Step)}


def do(job: Job) -> Record | Failure:
    """Do a step; never raises, so that the steps that do not need it go on."""
    try:
        return _done(job)
    except WorkbookError as error:
        return Failure(str(error))
    except Exception as error:
        log = Keeper(job.bank.data_folder).record_path(job.node).with_suffix(".log")
        reason = f"{type(error).__name__}: {engine_says(error)}"
        try:
            write_text(log, traceback.format_exc())
        except OSError:  # a full disk: the sentence has to do
            return Failure(reason)
        return Failure(
            say("{reason} (the whole traceback is in {log})").format(reason=reason, log=log)
        )


def _done(job: Job) -> Record:
    started = time.monotonic()
    step = steps_in(job.module)[job.step]
    data_folder = job.bank.data_folder
    (data_folder / MAKING).mkdir(parents=True, exist_ok=True, mode=0o700)
    occasion = Occasion(job.bank, job.quarter, job.asked, job.quarters_with_entries)
    with ExitStack() as stack:
        place = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix=f"{job.step}-", dir=data_folder / MAKING)
            )
        )
        stack.enter_context(threadpool_limits(1))  # the same sums on every machine
        engine = step_engine(job.bank, place, job.share)
        stack.callback(engine.disconnect)
        opened = {
            name: _opened(engine, read, job.files.get(name, []), job.shapes.get(name))
            for name, read in step.all_reads.items()
        }
        inputs = by_customer({name: opened[name] for name in step.reads}, step, opened)
        given = step.function(At(occasion, step, engine), **inputs)
        outputs = given if isinstance(given, tuple) else (given,)
        if len(outputs) != len(step.writes):
            raise TypeError(
                f"{step.name} writes {len(step.writes)} things and gave {len(outputs)}."
            )
        for output, result in zip(step.writes, outputs, strict=True):
            if result is not None:
                _write(engine, place / "made" / place_of(output, job.node), output, result)
        seconds = round(time.monotonic() - started, 3)
        record = Record(key=job.key, made_of=dict(job.made_of), files={}, seconds=seconds)
        return Keeper(data_folder).replace(job.node, step, place / "made", record)


def step_engine(bank: Bank, place: Path, share: int) -> Backend:
    """An engine in memory that spills to `place`. It has one thread unless the params file says
    otherwise, so that the same rows give the same bytes; steps run side by side instead.
    """
    engine = ibis.duckdb.connect(threads=bank.engine.threads or 1)
    engine.raw_sql("SET enable_progress_bar = false")
    engine.raw_sql(f"SET memory_limit = '{part_of_memory(bank.engine.memory, share)}'")
    engine.raw_sql(f"SET temp_directory = '{quoted(place / 'spill')}'")
    ibis.options.sql.fuse_selects = False  # DuckDB does it better and in no time
    return engine


def part_of_memory(memory: str, share: int) -> str:
    """One in `share` of an amount such as 8GB; as it is where it is written in another way."""
    amount = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)\s*", memory)
    return f"{float(amount[1]) / share:.3f}{amount[2]}" if amount else memory


def read_model_file(path: Path, shape: type[Shape]) -> Shape:
    """A stored model; raises MissingDataError where it is not there, or of an earlier version."""
    try:
        return shape.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingDataError(
            say(
                "The model {name} is not there: {path} is missing. Run `workbook prepare` on the "
                "params file first."
            ).format(name=path.stem, path=path)
        ) from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise MissingDataError(
            say(
                "{path} is not a model as this version writes it ({place}: {fault}). Run `workbook "
                "prepare` on the params file; it makes it anew."
            ).format(path=path, place=place, fault=fault["msg"])
        ) from error


def _opened(
    engine: Backend, read: Read, files: list[str], shape: type[BaseModel] | None
) -> ir.Table | pd.DataFrame | BaseModel | dict[str, pd.DataFrame] | None:
    if not files:
        return None
    if read.kind == "model":
        assert shape is not None  # noqa: S101 - of the step that writes it
        return read_model_file(Path(files[0]), shape)
    if read.kind == "frames":
        return {Path(f).stem: pd.read_parquet(f) for f in files}
    rows = rows_of(engine, files)
    return rows if read.sample is None else sampled(rows, read.sample)


def sampled(rows: ir.Table, sample: Sample) -> pd.DataFrame:
    """The sample as a frame, in the order of the hash it is chosen by."""
    if sample.where:
        rows = rows.filter(rows[sample.where])
    order = [rows[sample.by].hash(), rows[sample.by]]
    if not sample.each:
        return rows.order_by(order).limit(sample.most).to_pandas()
    place = ibis.row_number().over(group_by=list(sample.each), order_by=order)
    return rows.mutate(place=place).filter(_.place < sample.most).drop("place").to_pandas()


def _write(engine: Backend, place: Path, output: Written, result: Any) -> None:
    if isinstance(output, Mart):
        _write_mart(engine, place, output, result)
    elif isinstance(output, Rows):
        place.parent.mkdir(parents=True)
        sql = engine.compile(result.order_by(list(output.key)))
        engine.raw_sql(f"COPY ({sql}) TO '{quoted(place)}' (FORMAT parquet, COMPRESSION zstd)")
    elif isinstance(output, Model):
        if not isinstance(result, output.shape):
            raise TypeError(f"{output.name} is a {output.shape.__name__}, not {type(result)}.")
        write_json(place, result.model_dump(mode="json"))
    else:
        place.mkdir(parents=True)
        for name, frame in result.items():
            frame.to_parquet(place / f"{name}.parquet", compression="zstd", index=False)


def _write_mart(
    engine: Backend, place: Path, output: Mart, result: ir.Table | pd.DataFrame
) -> None:
    """The rows by branch; every column stays in the files, `branch_id` too."""
    rows = result
    if isinstance(result, pd.DataFrame):
        schema = ibis.schema(dict(output.schema)) if output.schema else None
        columns = list(output.schema or result.columns)
        rows = engine.create_table(
            f"{output.name}__made", result[columns], schema=schema, temp=True
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    sql = engine.compile(rows.order_by(list(output.key)))
    engine.raw_sql(
        f"COPY (SELECT *, branch_id AS branch FROM ({sql})) TO '{quoted(place)}' "
        "(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (branch))"
    )
    rights = stat.S_IMODE(place.parent.stat().st_mode)  # the engine has its own idea of them
    for folder in [place, *(p for p in place.rglob("*") if p.is_dir())]:
        folder.chmod(rights)
