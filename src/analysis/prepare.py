"""From the bank's tables to marts and models in one go: the first half of the road."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from analysis.changes.events import check_rules
from analysis.errors import ParametersError, not_one_of
from analysis.lock import held
from analysis.marts.build import build_marts
from analysis.models.build import build_models
from analysis.models.build_loyalty import build_loyalty
from analysis.partition import ALL
from analysis.quarters import Quarter
from analysis.risk.build import build_risk
from analysis.sources.land import Verdict, branch_ids, embedded_engine, land
from analysis.sources.params import Bank

Progress = Callable[[str], None]


@dataclass
class Prepared:
    """What preparing did."""

    verdicts: dict[str, Verdict]
    quarters_built: list[str] = field(default_factory=list)


def prepare(
    bank: Bank, last: Quarter | None = None, progress: Progress = lambda text: None
) -> Prepared:
    """Accept the bank's rows, build the marts up to quarter `last`, fit and score the models; only
    what changed is done again.
    """
    last = last or bank.quarters.last
    if last not in bank.all_quarters:
        raise ParametersError(
            not_one_of("The quarter", str(last), [str(q) for q in bank.all_quarters])
        )
    check_rules(bank)
    with held(bank.data_folder, "prepare", wait=progress):
        return _prepare(bank, last, progress)


def _prepare(bank: Bank, last: Quarter, progress: Progress) -> Prepared:
    make_demo_if_asked(bank, progress)
    with embedded_engine(bank) as con:
        verdicts = land(bank, con, lambda table: progress(f"checking {table}"))
        quarters = list(bank.quarters.first.through(last))
        built = build_marts(
            bank, con, verdicts, quarters, lambda quarter: progress(f"marts of {quarter}")
        )
        build_models(bank, con, quarters, lambda model: progress(f"model {model}"))
        build_loyalty(bank, con, quarters, lambda model: progress(f"model {model}"))
        build_risk(bank, con, verdicts, quarters, lambda what: progress(f"investigating {what}"))
    return Prepared(verdicts, built)


def check_branches(bank: Bank, branches: list[str]) -> None:
    """Refuse a branch that the bank does not have, asked for or in the params file, before anything
    takes time; raises ParametersError naming the valid ones.
    """
    if branches or bank.retention.capacities:
        make_demo_if_asked(bank)
        with embedded_engine(bank) as con:
            valid = [ALL, *branch_ids(bank, con)]
        for branch in branches:
            if branch not in valid:
                raise ParametersError(not_one_of("The branch", branch, valid))
        for branch in bank.retention.capacities:
            if branch not in valid[1:]:
                raise ParametersError(
                    f"{bank.path}: retention.capacities: "
                    f"{not_one_of('The branch', branch, valid[1:])}"
                )


def make_demo_if_asked(bank: Bank, progress: Progress = lambda text: None) -> None:
    """Make the demo bank where the params file asks for one and it is not there as asked."""
    if not (demo := bank.source.demo):
        return
    from analysis.demo.bank import (
        default_jobs,
        is_made,
        make_bank,
    )  # not needed for a bank's own data

    folder = bank.place(bank.source.folder)
    if not is_made(folder, demo.customers, demo.seed):
        if folder.exists() and not (folder / "made_with.json").exists() and any(folder.iterdir()):
            raise ParametersError(
                f"The demo bank would be written to {folder}, which holds something else. "
                f"Move it away, or change source.folder in {bank.path.name}."
            )
        progress("making the demo bank")
        shutil.rmtree(bank.data_folder / "contract", ignore_errors=True)
        make_bank(folder, demo.customers, demo.seed, jobs=default_jobs())


def prepare_if_needed(bank: Bank, quarter: Quarter) -> None:
    """Prepare a demo bank whose models do not reach the quarter yet; a real bank is prepared by its
    analysts only.
    """
    if (
        bank.source.demo
        and quarter in bank.all_quarters
        and not (bank.data_folder / "models" / "risk" / f"{quarter}.json").exists()
    ):
        prepare(bank, quarter, progress=lambda text: print(text, flush=True))
