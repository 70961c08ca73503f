"""What a step left on disk, and the record that says of what it was made.

A record is void before what it stands for is touched, and written when all of it is in place; a
step's files are compared with it before they are used.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.quarters import Quarter
from analysis.steps.declaration import Frames, Mart, Rows, Step, Written
from analysis.steps.graph import Node
from analysis.storage import KeptFile, damage_of, kept_files, remove, text_fingerprint, write_text

RECORDS = "steps"
MAKING = ".making"  # what is being written; left over when a process was killed
KEPT = ("marts", "models", "frames", "rows")  # folders that hold nothing but what steps write


class Record(BaseModel):
    """What a step was made of and what it left."""

    model_config = ConfigDict(frozen=True)

    key: str
    made_of: dict[str, str]  # input, `settings` and `code` to their fingerprints
    files: dict[str, KeptFile] = {}  # by path within the bank's data folder
    seconds: float = 0.0
    missing: list[str] = []  # inputs that the bank does not deliver; the step was left out


class Keeper:
    """The records and outputs of a bank's steps."""

    def __init__(self, data_folder: Path) -> None:
        self.folder = data_folder
        self._records: dict[Node, Record | None] = {}
        self._damage: dict[Node, str] = {}

    def record_path(self, node: Node) -> Path:
        """Where the record of a node lies."""
        return self.folder / RECORDS / node.step / f"{node.quarter or 'bank'}.json"

    def record(self, node: Node) -> Record | None:
        """The record of a node; None where there is none that can be read."""
        if node not in self._records:
            try:
                text = self.record_path(node).read_text(encoding="utf-8")
                self._records[node] = Record.model_validate_json(text)
            except (OSError, ValueError, ValidationError):
                self._records[node] = None
        return self._records[node]

    def keep(self, node: Node, record: Record) -> None:
        """Remember a record that was written by another process, too."""
        self._records[node] = record
        self._damage.pop(node, None)

    def forget(self, node: Node) -> None:
        """Drop what is remembered of a node whose record may have gone."""
        self._records.pop(node, None)
        self._damage.pop(node, None)

    def has_all(self, steps: Mapping[str, Step], first: Quarter, quarter: Quarter) -> bool:
        """Whether every step has a record for a quarter, and those of the bank have one."""
        nodes = [
            Node(each.name, wanted)
            for each in steps.values()
            for wanted in each.quarters(first, quarter)
            if wanted in (None, quarter)
        ]
        return all(self.record_path(node).exists() for node in nodes)

    def damage(self, node: Node, step: Step) -> str:
        """What is wrong with what a recorded node left, in a few words; empty where it is whole."""
        if node not in self._damage:
            record = self.record(node)
            self._damage[node] = self._compared(step, node, record) if record else ""
        return self._damage[node]

    def _compared(self, step: Step, node: Node, record: Record) -> str:
        there = [f for o in step.writes for f in files_in(self.folder / place_of(o, node))]
        return damage_of(self.folder, record.files, there)

    def content(self, node: Node, output: Written) -> str:
        """A fingerprint of one output of a node as its record has it; empty without files."""
        record = self.record(node)
        if record is None:
            return ""
        place = place_of(output, node)
        files = {
            name: kept.fingerprint
            for name, kept in record.files.items()
            if name == place or name.startswith(f"{place}/")
        }
        return text_fingerprint(*[f"{n} {f}" for n, f in sorted(files.items())]) if files else ""

    def files(self, node: Node, output: Written) -> list[str]:
        """The files of one output of a node, in order."""
        return [str(f) for f in files_in(self.folder / place_of(output, node))]

    def replace(self, node: Node, step: Step, made: Path | None, record: Record) -> Record:
        """Put what lies in the folder `made` in the place of what the node left before, and write
        the record; without a folder what was left before goes.
        """
        remove(self.record_path(node))
        files: dict[str, KeptFile] = {}
        for output in step.writes:
            place = place_of(output, node)
            target, new = self.folder / place, made / place if made else None
            for parent in target.relative_to(self.folder).parents:
                if (self.folder / parent).is_file():  # something else took the place
                    (self.folder / parent).unlink()
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir() and new is not None:
                old = self.folder / MAKING / f"old-{text_fingerprint(place)}"
                shutil.rmtree(old, ignore_errors=True)
                old.parent.mkdir(exist_ok=True, mode=0o700)
                target.rename(old)
                shutil.rmtree(old)
            else:
                remove(target)
            if new is not None and new.exists():
                new.rename(target)
            files |= kept_files(self.folder, files_in(target))
        whole = record.model_copy(update={"files": files})
        write_text(self.record_path(node), whole.model_dump_json(indent=1) + "\n")
        self.keep(node, whole)
        return whole

    def end_making(self) -> None:
        """Remove what is being written; nothing is any more."""
        shutil.rmtree(self.folder / MAKING, ignore_errors=True)

    def tidy(self, steps: Mapping[str, Step]) -> None:
        """Remove what processes that were killed left over, and what no step writes any more."""
        self.end_making()
        wanted = {
            Path(place_of(output, Node(each.name, None))).parts[:2]
            for each in steps.values()
            for output in each.writes
        }
        places = [p for top in KEPT for p in (self.folder / top).glob("*")]
        records = [p for p in (self.folder / RECORDS).glob("*") if p.name not in steps]
        old = [p for p in places if p.relative_to(self.folder).parts[:2] not in _with_file(wanted)]
        for path in [*old, *records]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _with_file(wanted: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Models of the bank are files, those of a quarter lie in a folder of the same name."""
    return {w for top, name in wanted for w in ((top, name), (top, name.removesuffix(".json")))}


def place_of(output: Written, node: Node) -> str:
    """Where an output lies within the bank's data folder: a folder, or a file of a model."""
    if isinstance(output, Mart):
        return f"marts/{output.name}/quarter={node.quarter}"
    if isinstance(output, Rows):
        return f"rows/{output.name}/{node.quarter or 'bank'}.parquet"
    if isinstance(output, Frames):
        return f"frames/{output.name}/{node.quarter or 'bank'}"
    return (
        f"models/{output.name}/{node.quarter}.json"
        if node.quarter
        else (f"models/{output.name}.json")
    )


def files_in(place: Path) -> list[Path]:
    """The file, or every file in the folder, in order; none where there is neither."""
    if place.is_file():
        return [place]
    return sorted(f for f in place.rglob("*") if f.is_file()) if place.is_dir() else []
