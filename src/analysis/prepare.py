"""From the bank's tables to marts and models in one go: the first half of the road."""

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from analysis.contract import CONTRACT
from analysis.errors import ParametersError, WorkbookError, not_one_of
from analysis.language import say
from analysis.lock import held
from analysis.marts.rules import check_rules
from analysis.partition import ALL
from analysis.quarters import Quarter
from analysis.sources.accepted import Verdict
from analysis.sources.land import branch_ids, embedded_engine, land, remove_left_overs
from analysis.sources.params import Bank
from analysis.steps.declaration import Occasion, Step
from analysis.steps.graph import Graph, graph_of
from analysis.steps.keeping import Keeper
from analysis.steps.running import Done, Hear, bring_up_to_date, failures_told
from analysis.steps.working import steps_in
from analysis.workers import default_jobs

#: The rooms that have steps, in reading order. Found by name, so that a report's code does not
#: depend on every step there is.
ROOMS = (
    "identification",
    "marts",
    "segmentation",
    "changes",
    "loyalty",
    "voice",
    "retention",
    "disclosure",
    "risk",
    "campaigns",
    "opportunities",
    "execution",
    "data_health",
)

Progress = Callable[[str], None]


@dataclass
class Prepared:
    """What preparing did."""

    verdicts: dict[str, Verdict]
    done: Done = field(default_factory=Done)

    @property
    def mended(self) -> dict[str, str]:
        """What was made again because its files were damaged, with how."""
        tables = {
            say("the rows of {table}").format(table=v.table): v.damage
            for v in self.verdicts.values()
            if v.damage
        }
        return tables | {str(node): damage for node, damage in self.done.mended.items()}


def all_steps() -> dict[str, Step]:
    """Every step by name, in reading order."""
    return {
        name: step for room in ROOMS for name, step in steps_in(f"analysis.{room}.steps").items()
    }


def steps_of(bank: Bank, asked: Quarter, verdicts: Mapping[str, Verdict]) -> Graph:
    """The steps of a bank for the quarters up to the one asked for."""
    parts = verdicts["transactions"].parts
    with_entries = tuple(sorted(Quarter.parse(part) for part in parts if part != "none"))
    return graph_of(all_steps(), Occasion(bank, None, asked, with_entries))


def prepare(
    bank: Bank,
    last: Quarter | None = None,
    progress: Progress = lambda text: None,
    hear: Hear = lambda event: None,
    jobs: int = 1,
    fewer: Collection[str] = (),
) -> Prepared:
    """Accept the bank's rows and bring every step up to quarter `last` up to date, `jobs` at once.

    fewer: tables that may have far fewer rows than the last time.

    Raises ParametersError for a quarter or rule that cannot be used, what `land` raises, and
    WorkbookError naming every step that failed, after those that do not need it were done.
    """
    last = last or bank.quarters.last
    if last not in bank.all_quarters:
        valid = [str(q) for q in bank.all_quarters]
        raise ParametersError(not_one_of(say("The quarter"), str(last), valid))
    check_settings(bank)
    for name in fewer:
        if name not in CONTRACT:
            raise ParametersError(not_one_of(say("The table"), name, CONTRACT))
    with held(bank.data_folder, "prepare", wait=progress):
        remove_left_overs(bank)
        make_demo_if_asked(bank, progress)
        with embedded_engine(bank) as con:
            checking = say("checking {table}")
            verdicts = land(
                bank, con, lambda name: progress(checking.format(table=name)), fewer=fewer
            )
        done = bring_up_to_date(bank, steps_of(bank, last, verdicts), verdicts, jobs, hear)
    if done.failed:
        raise WorkbookError(failures_told(done))
    return Prepared(verdicts, done)


def check_settings(bank: Bank) -> None:
    """Refuse what no step could use of the params file, before anything takes time; raises
    ParametersError naming the place and the valid ones.
    """
    check_rules(bank)
    for step in all_steps().values():
        step.check(bank)


def check_branches(bank: Bank, branches: list[str]) -> None:
    """Refuse a branch that the bank does not have, asked for or in the params file, before anything
    takes time; raises ParametersError naming the valid ones.
    """
    if not branches and not bank.retention.capacities:
        return
    make_demo_if_asked(bank)
    with embedded_engine(bank) as con:
        valid = [ALL, *branch_ids(bank, con)]
    for branch in branches:
        if branch not in valid:
            raise ParametersError(not_one_of(say("The branch"), branch, valid))
    for branch in bank.retention.capacities:
        if branch not in valid[1:]:
            refusal = not_one_of(say("The branch"), branch, valid[1:])
            raise ParametersError(
                say("{path}: retention.capacities: {refusal}").format(
                    path=bank.path, refusal=refusal
                )
            )


def make_demo_if_asked(bank: Bank, progress: Progress = lambda text: None) -> None:
    """Make the demo bank where the params file asks for one and it is not there as asked."""
    if not (demo := bank.source.demo):
        return
    making = import_module("analysis.demo.bank")  # not needed for a bank's own data
    folder = bank.place(bank.source.folder)
    if making.is_made(folder, demo.customers, demo.seed):
        return
    if folder.exists() and not (folder / "made_with.json").exists() and any(folder.iterdir()):
        raise ParametersError(
            say(
                "The demo bank would be written to {folder}, which holds something else. Move it "
                "away, or change source.folder in {path}."
            ).format(folder=folder, path=bank.path.name)
        )
    progress(say("making the demo bank"))
    shutil.rmtree(bank.data_folder / "contract", ignore_errors=True)
    making.make_bank(folder, demo.customers, demo.seed, jobs=min(default_jobs(), 4))


def prepare_if_needed(bank: Bank, quarter: Quarter) -> None:
    """Prepare a demo bank that was not prepared up to the quarter yet; a real bank is prepared by
    its analysts only.
    """
    if not bank.source.demo or quarter not in bank.all_quarters:
        return
    if not Keeper(bank.data_folder).has_all(all_steps(), bank.quarters.first, quarter):
        prepare(
            bank,
            quarter,
            progress=lambda text: print(text, flush=True),
            hear=lambda e: print(f"{e.ended}/{e.of} {e.node}", flush=True),
            jobs=default_jobs(),
        )
